"""From the headings of a file to column names: `[a-z][a-z0-9_]{0,59}`, each once, stable from one load of a file to the next."""

import re
import unicodedata
from collections.abc import Mapping, Sequence

from catalog.field_values import has_chinese
from catalog.profiles import ProfileColumn

__all__ = ["column_names", "fold", "is_code_like"]

_CODE_WORDS = re.compile(
    r"(?:^|_)(?:id|ids|code|codes|no|nr|num|number|phone|tel|fax|zip|postcode|fips|huc|isbn|iban|adcode|division|sn|uid|uuid|guid|serial|account|barcode)(?:$|_|\d+$)|adcode|xzq|[a-z]code$|[a-z]id$",
)
_CODE_WORDS_ZH = re.compile(
    r"編號|编号|代碼|代码|編碼|编码|號碼|号码|電話|电话|手機|手机|郵編|邮编|區劃|区划|證號|证号|身份證|身份证|賬號|账号|單元號|单元号|許可證|许可证|標識|标识"
)
#: Headings that end like codes but count.
_NUMBERS = re.compile(r"(?:^|_)(?:valid|paid|grid|solid|fluid|humid|mid|void|acid)$")


def fold(heading: str) -> str:
    """A heading as it is compared: NFKC, without case, blanks and punctuation, traditional characters as simplified ones."""
    plain = re.sub(r"[\s_\-./()（）]+", "", unicodedata.normalize("NFKC", heading)).casefold()
    if plain.isascii():
        return plain
    from catalog.search.fold import fold_text  # here, because it brings the whole engine with it

    return fold_text(plain)


def column_names(headings: Sequence[str], known: Mapping[str, ProfileColumn] | None = None) -> list[str]:
    """Names for headings.

    Args:
        headings: as in the file.
        known: columns of the profile; a heading that is the name or title of one becomes that column.
    """
    by_title = {fold(title): column.name for column in (known or {}).values() for title in (column.name, column.zh, column.en)}
    names: list[str] = []
    taken: set[str] = set()
    for place, heading in enumerate(headings, 1):
        wanted = by_title.get(fold(heading)) or _ascii_name(heading) or f"c{place}"
        name, n = wanted, 2
        while name in taken:
            name, n = f"{wanted[:56]}_{n}", n + 1
        taken.add(name)
        names.append(name)
    return names


def _ascii_name(heading: str) -> str:
    plain = unicodedata.normalize("NFKD", heading)
    if has_chinese(plain):
        plain = re.sub(r"[^\x00-\x7f]+", "", plain) if re.search(r"[A-Za-z]{2}", plain) else ""
    name = re.sub(r"[^a-z0-9]+", "_", plain.encode("ascii", "ignore").decode().lower()).strip("_")[:60].strip("_")
    if name and not name[0].isalpha():
        name = f"c_{name}"[:60]
    return name


def is_code_like(name: str, heading: str) -> bool:
    """Tells whether a column holds codes by its name: they stay text even where all look like numbers."""
    return _CODE_WORDS_ZH.search(heading) is not None or (_CODE_WORDS.search(name) is not None and _NUMBERS.search(name) is None)
