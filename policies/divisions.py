"""Administrative division codes (行政区划代码, GB/T 2260 and its extension to townships and villages), compared by whole segments.

A code is 6 digits (province 2, prefecture 2, county 2), 9 (township 3 more) or 12 (village 3 more). Segments of zeros at the end mean the whole division:
`000000` is the nation and covers everything; `510000` covers `510100`, `510100` covers `510107`, and `519000` does not cover `519100`. Rules:

* Never compare by raw prefix, and never strip zeros digit by digit: `511000` is a prefecture of its own, not the beginning of `511100`.
* `covers` includes the division itself; `touches` holds in either direction (LANGUAGE 8).
* One written form everywhere: `normalise` cuts zero segments beyond the sixth digit (`510107000000` → `510107`) and maps codes that were retired by a merger
  to the division that took them in. Writing and loading normalise; comparing maps no retired code, but reads every length alike.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from policies.errors import DivisionError
from policies.retired_divisions import RETIRED, Retired

NATION = "000000"

#: Where each segment ends: province, prefecture, county, township, village.
_ENDS = (2, 4, 6, 9, 12)
_LENGTHS = frozenset({6, 9, 12})
_LEVELS = ("nation", "province", "city", "county", "township", "township")
_DIGITS = frozenset("0123456789")


class Normalised(NamedTuple):
    """A code in its one written form.

    Attributes:
        code: The form to keep.
        retired: What is known of the retired code that was written, when it was one: a warning is due.
    """

    code: str
    retired: Retired | None


def is_code(code: object) -> bool:
    """Returns whether this is text of 6, 9 or 12 ASCII digits."""
    return isinstance(code, str) and len(code) in _LENGTHS and _DIGITS.issuperset(code)


@lru_cache(maxsize=16_384)
def significant(code: str) -> str:
    """Returns the digits up to the last segment that is not all zeros: `510100` → `5101`, `511000` → `5110`, `000000` → ``.

    A division lies within another exactly when its digits begin with the other's significant digits, since these end where a segment ends.

    Raises:
        DivisionError: `code` is no division code.
    """
    if not is_code(code):
        raise DivisionError(code)
    start, end = 0, 0
    for stop in _ENDS:
        if stop > len(code):
            break
        if code[start:stop].strip("0"):
            end = stop
        start = stop
    return code[:end]


def covers(a: str, b: str) -> bool:
    """Returns whether division `a` is `b` or contains it.

    Raises:
        DivisionError: One of the two is no division code.
    """
    significant(b)
    return b.startswith(significant(a))


def lies_within(a: str, b: str) -> bool:
    """Returns whether division `a` is `b` or is contained in it."""
    return covers(b, a)


def touches(a: str, b: str) -> bool:
    """Returns whether one of the two divisions covers the other."""
    return covers(a, b) or covers(b, a)


def level_of(code: str) -> str:
    """Returns the word of the scale `level` for a division: nation, province, city, county or township (villages count as township)."""
    return _LEVELS[_ENDS.index(len(digits)) + 1] if (digits := significant(code)) else _LEVELS[0]


@lru_cache(maxsize=4_096)
def ancestors(code: str) -> tuple[str, ...]:
    """Returns the divisions that cover `code`, the nation first and `code` itself last, each in its one written form."""
    digits = significant(code)
    return tuple(dict.fromkeys(digits[:end].ljust(6, "0") for end in (0, *_ENDS) if end <= len(digits)))


def spellings(code: str) -> tuple[str, ...]:
    """Returns every text of 6, 9 or 12 digits that means the same division: `510107`, `510107000`, `510107000000`."""
    digits = significant(code)
    return tuple(digits.ljust(length, "0") for length in sorted(_LENGTHS) if length >= len(digits))


def normalise(code: str, retired: Mapping[str, Retired] = RETIRED) -> Normalised:
    """Returns a code in its one written form, retired codes mapped to their successor (LANGUAGE 8).

    A township or village of a retired county maps to the county that took it in: its own new code is not known, and the coarser place is true.

    Args:
        code: 6, 9 or 12 digits; surrounding blanks are dropped.
        retired: Retired codes of 6 digits.

    Raises:
        DivisionError: `code` is no division code.
    """
    code, found = written(code.strip()), None
    for _ in retired:  # a division may have been retired twice; a table that leads in a circle ends here too
        successor = retired.get(code[:6])
        if successor is None:
            break
        code, found = successor.to, successor
    return Normalised(code, found)


def written(code: str) -> str:
    """Returns a code in its one written form: `510107000000` → `510107`.

    Raises:
        DivisionError: `code` is no division code.
    """
    return significant(code).ljust(6, "0")
