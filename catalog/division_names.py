"""Names of administrative divisions (GB/T 2260, six digits), read from `codes/divisions.csv` when first asked for.

The file holds facts: code, Chinese name as published, English name for provinces and for some cities and counties. Townships (9 digits) and villages
(12 digits) are not listed; they take the name of the county above them with their own code. Comparing codes is `policies.divisions`' work.
"""

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["division_name", "is_known"]

_FILE = Path(__file__).parent / "codes" / "divisions.csv"


class _Division(NamedTuple):
    """One division: six-digit code, Chinese name, English name (empty when unknown)."""

    code: str
    zh: str
    en: str

    def name(self, lang: str) -> str:
        """The name in a language; Chinese where there is no English one."""
        return self.zh if lang.startswith("zh") or not self.en else self.en


@cache
def _all() -> Mapping[str, _Division]:
    with _FILE.open(encoding="utf-8", newline="") as lines:
        return MappingProxyType({row["code"]: _Division(row["code"], row["zh"], row["en"]) for row in csv.DictReader(lines)})


def is_known(code: str) -> bool:
    """True for a listed division, and for a township or village of a listed county."""
    return len(code) in (6, 9, 12) and code.isdecimal() and code[:6] in _all()


def division_name(code: str, lang: str = "zh") -> str:
    """The name of a division; a township or village: its county's name and its own code; an unknown one: the code."""
    found = _all().get(code[:6])
    if found is None:
        return code
    return found.name(lang) if len(code) == 6 else f"{found.name(lang)} {code}"
