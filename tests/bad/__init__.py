"""Every kind of bad input from outside, in one table (`KINDS`), each run by the tests of what takes it; what peers send is listed in tests/sync (`lies_*`).

| part | taken by | run by |
|---|---|---|
| `files`, `sent` | intake | tests/catalog/test_bad_inputs.py, tests/node/test_quarantine.py |
| `policies` | the policy in force | tests/catalog/test_bad_policies.py |
| `settings` | `terrace.yaml`, variables, `terrace edit` | tests/node/test_bad_settings.py |
| `requests` | CKAN, OGC API, CSW, portal, sign-in | tests/node/test_bad_requests.py |
"""

import re

from tests.bad.files import FILES as _FILES
from tests.bad.policies import POLICIES
from tests.bad.requests import REQUESTS
from tests.bad.sent import SENT
from tests.bad.settings import EDITS, SETTINGS, VARIABLES

FILES = {**_FILES, **SENT}
KINDS: dict[str, object] = {
    f"{part}: {name}": each
    for part, table in (("file", FILES), ("policy", POLICIES), ("settings", SETTINGS), ("variable", VARIABLES), ("edit", EDITS), ("request", REQUESTS))
    for name, each in table.items()
}
#: Three words of Latin letters in a row that are no name, value or quotation.
_ENGLISH = re.compile(r"\b[a-z]{2,} [a-z]{2,} [a-z]{2,}\b", re.IGNORECASE)
_QUOTED = re.compile(r"“[^”]*”|'[^']*'|\"[^\"]*\"|‘[^’]*’")


def in_both_languages(zh: str, en: str) -> bool:
    """Whether an error says the same in Chinese and English, foreign words only in quotation marks, or as what may be written (可用：…)."""
    chinese = any("\u4e00" <= each <= "\u9fff" for each in zh)
    return bool(zh and en) and zh != en and chinese and not _ENGLISH.search(_QUOTED.sub("", zh.partition("可用：")[0]))
