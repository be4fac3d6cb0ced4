"""Reading the raw value of an attribute into what comparisons compare.

An attribute's raw value is text, an integer (times are UTC seconds, LANGUAGE 9), a truth value (flags), or a tuple of texts (lists). Rules:

* None is *absent*. `UNKNOWN` is *withheld*: another node did not disclose it. Both make a sentence unknown; only `is stated` tells them apart (LANGUAGE 4).
* What the vocabulary cannot read — a word outside a closed code list or a scale, text that is no division code, a value of the wrong type — reads as
  absent (LANGUAGE 5). A list that holds such a member is *incomplete*: its known members can prove "has", nothing can prove "has none of". A list of which
  no member can be read reads as absent.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple

from policies.divisions import is_code
from policies.vocabulary import SCALES, Attribute

type Raw = object


class _Withheld(Enum):
    UNKNOWN = "unknown"

    def __repr__(self) -> str:
        return "UNKNOWN"


#: Value of an attribute that exists elsewhere but was not disclosed to this site.
UNKNOWN: Final = _Withheld.UNKNOWN


class Values(NamedTuple):
    """What was read: one value for a plain attribute, any number for a list.

    Attributes:
        known: The values that could be read; ranks for scales, seconds for times, 1 or 0 for flags.
        complete: Whether they are all of them.
    """

    known: tuple[str | int, ...]
    complete: bool = True


type Reader = Callable[[Raw], Values | None]


def reader(attribute: Attribute) -> Reader:
    """Returns the function that reads raw values of an attribute; it gives None for what is absent, withheld or cannot be read."""
    if attribute.many:
        return _list_reader(attribute)
    match attribute.kind:
        case "scale":
            ranks = {word: Values((rank,)) for rank, word in enumerate(SCALES[attribute.scale or ""])}
            return lambda raw: ranks.get(raw) if isinstance(raw, str) else None
        case "time":
            return lambda raw: Values((raw,)) if isinstance(raw, int) and not isinstance(raw, bool) else None
        case "flag":
            return lambda raw: Values((int(raw),)) if isinstance(raw, int) and raw in (0, 1) else None
        case _:
            readable = _member(attribute)
            return lambda raw: Values((raw,)) if isinstance(raw, str) and readable(raw) else None


def _list_reader(attribute: Attribute) -> Reader:
    readable = _member(attribute)

    def read(raw: Raw) -> Values | None:
        if not isinstance(raw, (tuple, list, frozenset, set)):
            return None
        known = tuple(dict.fromkeys(m for m in raw if isinstance(m, str) and readable(m)))
        return Values(known, all(isinstance(m, str) and readable(m) for m in raw)) if known or not raw else None

    return read


def _member(attribute: Attribute) -> Callable[[str], bool]:
    if (attribute.members or attribute.kind) == "division":
        return is_code
    codes = attribute.codes
    return bool if codes is None else codes.__contains__  # an empty text is no value


def is_stated(attribute: Attribute, raw: Raw) -> bool | None:
    """Returns whether a value was stated: unknown only when it is withheld (LANGUAGE 4). An empty list is stated."""
    return None if raw is UNKNOWN else reader(attribute)(raw) is not None
