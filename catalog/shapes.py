"""The second net for stored records: a field whose value has not the shape of its type is left out wherever records are read, as if it were withheld.

Own values are cleaned when they are written, received ones looked at when they come (`ReceivedRecord.fitting`); what an older version of this program let in
went through neither. Every face relies on shapes, and one value of a wrong one would break each list that it stands in. Only the shape is looked at, which
costs some microseconds a record, once: that a code is known is the business of writing.
"""

import logging
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import orjson
from pyroaring import BitMap
from sqlalchemy import Row

from catalog.attributes import seconds_of_date
from catalog.audit import ReadAudit
from catalog.errors import ProfileError
from catalog.field_types import ValueProblem, clean_value
from catalog.profiles import profile
from catalog.record import type_of
from policies.actor import Actor

__all__ = ["Shapes", "has_shape"]

log = logging.getLogger(__name__)


def _text(value: Any) -> bool:
    return type(value) is str


def _texts(value: Any) -> bool:
    return type(value) is dict and all(type(text) is str for text in value.values())


def _text_list(value: Any) -> bool:
    return type(value) is list and all(type(text) is str for text in value)


def _keywords(value: Any) -> bool:
    return type(value) is dict and all(_text_list(words) for words in value.values())


def _date(value: Any) -> bool:
    return seconds_of_date(value) is not None


def _number(value: Any) -> bool:
    try:
        return type(value) is str and float(value) - float(value) == 0  # no NaN, no infinity
    except ValueError:
        return False


def _box(value: Any) -> bool:
    return type(value) is list and len(value) == 4 and all(map(_number, value))


def _period(value: Any) -> bool:
    return type(value) is list and len(value) == 2 and all(end is None or _date(end) for end in value)


def _geometry(value: Any) -> bool:
    try:
        return bool(clean_value("geometry", value) == value)
    except ValueProblem:
        return False


def _whole(value: Any) -> bool:
    return type(value) is int


def _truth(value: Any) -> bool:
    return type(value) is bool


def _members(**shapes: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """A mapping of these members; which of them are there is not looked at, but for the first."""
    first = next(iter(shapes))
    return lambda value: (
        type(value) is dict and (first in value or first == "title") and all(name in shapes and shapes[name](each) for name, each in value.items())
    )


_item = _members(name=_text, title=_texts, type=_text, length=_whole, nullable=_truth, sensitivity=_text, unit=_text, note=_texts)
_SHAPES: Mapping[str, Callable[[Any], bool]] = {
    "text": _text,
    "texts": _texts,
    "title": _texts,
    "keywords": _keywords,
    "date": _date,
    "moment": _date,
    "decimal": _number,
    "integer": _whole,
    "boolean": _truth,
    "division": _text,
    "divisions": _text_list,
    "bbox": _box,
    "geometry": _geometry,
    "period": _period,
    "crs": _text,
    "scale": _text,
    "url": _text,
    "provider": _members(name=_texts, code=_text),
    "sharing": _members(type=_text, conditions=_texts, legal_basis=_texts, method=_text),
    "opening": _members(open=_truth, conditions=_texts),
    "items": lambda value: type(value) is list and all(map(_item, value)),
    "resource": _members(
        title=_texts, kind=_text, format=_text, media_type=_text, url=_text, sha256=_text, size=_whole, rows=_truth, key=_text_list, geometry=_text,
        protocol=_text, name=_text, note=_texts, variant=_text, crs=_text, layout=_text,
    ),
    "identifiers": _text_list,
    "json": lambda value: True,
    "code": _text,
    "codes": _text_list,
}  # fmt: skip


def has_shape(kind: str, value: Any) -> bool:
    """Whether a stored value has the shape of a type of `catalog.field_types`."""
    return _SHAPES[kind.partition(":")[0]](value)


@lru_cache(maxsize=64)
def _types(bare: str | None) -> Mapping[str, str]:
    """The types of a profile by its bare name; of one that this site does not know, those of the core."""
    try:
        return profile(f"{bare}/1").types
    except ProfileError:
        return profile("core/1").types


@lru_cache(maxsize=10_000)
def _test(profile_name: str | None, name: str) -> Callable[[Any], bool] | None:
    kind = type_of(name, _types(profile_name))
    return None if kind is None else _SHAPES[kind.partition(":")[0]]


class Shapes:
    """Reads the fields of stored records. One for each process; safe for threads.

    Args:
        audit: has a line, once, about each record of which something is left out.
    """

    def __init__(self, audit: ReadAudit) -> None:
        self._audit = audit
        self._sound = BitMap()
        self._odd: dict[int, tuple[str, ...]] = {}

    def fields(self, row: Row[Any], actor: Actor) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The fields of a record that have their shape, and the names of those that have not.

        Args:
            row: of `record`; what was found is kept under its docno, which every change renews.
            actor: who asks, for the audit line.
        """
        fields: dict[str, Any] = orjson.loads(row.fields)
        if row.docno in self._sound:
            return fields, ()
        odd = self._odd.get(row.docno)
        if odd is None:
            odd = tuple(sorted(name for name, value in fields.items() if value is not None and not _fits(row.profile, name, value)))
            if not odd:
                self._sound.add(row.docno)
                return fields, ()
            self._odd[row.docno] = odd
            log.error("%s: fields of a wrong shape are left out: %s", row.id, ", ".join(odd))
            self._audit.add("read.broken", actor, record=row.id, outcome="alarm", detail={"fields": list(odd[:20])})
        return {name: value for name, value in fields.items() if name not in odd}, odd


def _fits(profile_name: str | None, name: str, value: Any) -> bool:
    test = _test(profile_name, name)
    return test is not None and test(value)
