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

from policies.divisions import is_code, written
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
            word = _word_reader(attribute)

            def read(raw: Raw) -> Values | None:
                found = word(raw)
                return None if found is None else Values((found,))

            return read


def _list_reader(attribute: Attribute) -> Reader:
    word = _word_reader(attribute)

    def read(raw: Raw) -> Values | None:
        if not isinstance(raw, (tuple, list, frozenset, set)):
            return None
        members = [word(member) for member in raw]
        known = tuple(dict.fromkeys(member for member in members if member is not None))
        return Values(known, None not in members) if known or not raw else None

    return read


def _word_reader(attribute: Attribute) -> Callable[[Raw], str | None]:
    """Returns the function that reads one word or one division code; divisions come in their one written form, so that equal ones are equal texts."""
    if (attribute.members or attribute.kind) == "division":
        return lambda raw: written(raw) if isinstance(raw, str) and is_code(raw) else None
    codes = attribute.codes
    if codes is None:
        return lambda raw: raw if isinstance(raw, str) and raw else None  # an empty text is no value
    return lambda raw: raw if isinstance(raw, str) and raw in codes else None


def is_stated(attribute: Attribute, raw: Raw) -> bool | None:
    """Returns whether a value was stated: unknown only when it is withheld (LANGUAGE 4). An empty list is stated."""
    return None if raw is UNKNOWN else reader(attribute)(raw) is not None
