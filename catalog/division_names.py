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

__all__ = ["Division", "children", "division", "division_name", "division_path", "find_divisions", "is_known"]

_FILE = Path(__file__).parent / "codes" / "divisions.csv"
NATION = "000000"


class Division(NamedTuple):
    """One division: six-digit code, Chinese name, English name (empty when unknown)."""

    code: str
    zh: str
    en: str

    def name(self, lang: str) -> str:
        """The name in a language; Chinese where there is no English one."""
        return self.zh if lang.startswith("zh") or not self.en else self.en


@cache
def _all() -> Mapping[str, Division]:
    with _FILE.open(encoding="utf-8", newline="") as lines:
        return MappingProxyType({row["code"]: Division(row["code"], row["zh"], row["en"]) for row in csv.DictReader(lines)})


@cache
def _by_parent() -> Mapping[str, tuple[Division, ...]]:
    found: dict[str, list[Division]] = {}
    for each in _all().values():
        if each.code != NATION:
            found.setdefault(_parent(each.code), []).append(each)
    return MappingProxyType({code: tuple(each) for code, each in found.items()})


def _parent(code: str) -> str:
    """The nearest listed division above: some counties stand directly under their province."""
    for candidate in (code[:4] + "00", code[:2] + "0000"):
        if candidate != code and candidate in _all():
            return candidate
    return NATION


def division(code: str) -> Division | None:
    """A listed division by its six-digit code, or None."""
    return _all().get(code)


def is_known(code: str) -> bool:
    """True for a listed division, and for a township or village of a listed county."""
    return len(code) in (6, 9, 12) and code.isdecimal() and code[:6] in _all()


def division_name(code: str, lang: str = "zh") -> str:
    """The name of a division; a township or village: its county's name and its own code; an unknown one: the code."""
    found = _all().get(code[:6])
    if found is None:
        return code
    return found.name(lang) if len(code) == 6 else f"{found.name(lang)} {code}"


def division_path(code: str, lang: str = "zh") -> list[str]:
    """Names from the province down to the division, without the meaningless 市辖区 of municipalities."""
    codes = dict.fromkeys((code[:2] + "0000", code[:4] + "00", code[:6]))
    names = [_all()[each].name(lang) for each in codes if each in _all()]
    return [name for name in names if name not in ("市辖区", "县")] or [code]


def children(code: str) -> tuple[Division, ...]:
    """The listed divisions directly below."""
    return _by_parent().get(code, ())


def find_divisions(text: str, limit: int = 20) -> list[Division]:
    """Divisions whose code starts with the text or whose name holds it, for choosing in a form."""
    wanted = text.strip().casefold()
    hits = (each for each in _all().values() if wanted and (each.code.startswith(wanted) or wanted in each.zh or wanted in each.en.casefold()))
    return [each for each, _ in zip(hits, range(limit), strict=False)]
