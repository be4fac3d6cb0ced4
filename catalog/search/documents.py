"""Reading records as documents of search: their texts, and the values that are filtered, counted and sorted by.

This is the one place that knows which column or field feeds which part of search; a segment, the tail and a test's oracle all start here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection, select

from catalog.tables import record, record_term

#: Scale names by rank, as filters and facets show `level`.
LEVELS = ("township", "county", "city", "province", "nation")
#: One value for each record: column of `record`, or see `_single`.
SINGLE = ("kind", "sharing", "opening", "level", "org", "authority", "year", "license")
#: Several values for each record. `division` and `territory` hold each division *and all that contain it*, so that a filter on a city finds its counties and
#: the count beside a value is what the filter will find.
MULTI = ("theme", "division", "territory", "format", "keyword")
CODED = SINGLE + MULTI
#: Numbers: what is absent is `NO_TIME`, or NaN for a coordinate.
TIMES = ("modified", "issued", "time_from", "time_to")
BOX = ("west", "south", "east", "north")
NO_TIME = -(1 << 63)
#: Sorts by text, and the column of `record` that each compares by bytes.
SORT_TEXTS = {"title": "sort_title", "name": "slug"}
#: What only an actor who may read a record can filter and count by. The rest shows with the card (catalog's CARD_FIELDS).
FULL_TIER = frozenset({"format", "license"})

_NAN = float("nan")
_RECORDS = select(
    record.c.docno, record.c.slug, record.c.fields, record.c.kind, record.c.sharing, record.c.opening, record.c.level, record.c.division, record.c.org,
    record.c.authority, record.c.year, record.c.formats, record.c.modified, record.c.issued, record.c.sort_title, record.c.west, record.c.south,
    record.c.east, record.c.north, record.c.time_from, record.c.time_to,
)  # fmt: skip
_TERMS = select(record_term.c.docno, record_term.c.attribute, record_term.c.value)


@dataclass
class Batch:
    """Documents in order of docno, column by column."""

    docnos: list[int] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)
    #: Title and slug, whose words are found by their beginnings.
    names: list[str] = field(default_factory=list)
    #: What is sorted by as text: column of `record` by name of the sort.
    sorted_by: dict[str, list[str | None]] = field(default_factory=lambda: {name: [] for name in SORT_TEXTS})
    title_lengths: list[int] = field(default_factory=list)
    numbers: dict[str, list[int | float]] = field(default_factory=lambda: {name: [] for name in (*TIMES, *BOX)})
    single: dict[str, list[str | None]] = field(default_factory=lambda: {name: [] for name in SINGLE})
    multi: dict[str, list[tuple[str, ...]]] = field(default_factory=lambda: {name: [] for name in MULTI})

    def __len__(self) -> int:
        return len(self.docnos)


def read_batch(conn: Connection, after: int, upto: int, limit: int | None = None) -> Batch:
    """Reads the records with after < docno <= upto, the oldest `limit` of them."""
    window = _RECORDS.where(record.c.docno > after, record.c.docno <= upto).order_by(record.c.docno)
    rows = conn.execute(window.limit(limit) if limit is not None else window).all()
    batch = Batch()
    if not rows:
        return batch
    columns: dict[str, tuple[Any, ...]] = dict(zip(_RECORDS.selected_columns.keys(), zip(*rows, strict=True), strict=True))
    terms: dict[str, dict[int, list[str]]] = {"theme": {}, "territory": {}}
    for docno, attribute, value in conn.execute(_TERMS.where(record_term.c.docno > after, record_term.c.docno <= rows[-1].docno)).all():
        if attribute in terms:
            terms[attribute].setdefault(docno, []).append(value)
    batch.docnos = list(columns["docno"])
    batch.sorted_by = {name: list(columns[column]) for name, column in SORT_TEXTS.items()}
    batch.numbers = {name: [NO_TIME if value is None else value for value in columns[name]] for name in TIMES}
    batch.numbers |= {name: [_NAN if value is None else value for value in columns[name]] for name in BOX}
    batch.single = {name: list(columns[name]) for name in SINGLE if name in columns}
    batch.single["level"] = [LEVELS[rank] if rank is not None and 0 <= rank < len(LEVELS) else None for rank in columns["level"]]
    batch.single["year"] = [None if year is None else str(year) for year in columns["year"]]
    batch.multi["theme"] = [tuple(terms["theme"].get(docno, ())) for docno in batch.docnos]
    batch.multi["territory"] = [with_containing(tuple(terms["territory"].get(docno, ()))) for docno in batch.docnos]
    batch.multi["division"] = [with_containing((code,) if code else ()) for code in columns["division"]]
    batch.multi["format"] = [tuple(dict.fromkeys((formats or "").split())) for formats in columns["formats"]]
    for text, slug in zip(columns["fields"], columns["slug"], strict=True):
        _add_texts(batch, orjson.loads(text), slug)
    return batch


def _add_texts(batch: Batch, fields: Mapping[str, Any], slug: str) -> None:
    title = _texts(fields.get("title"))
    keywords = tuple(word for words in _members(fields.get("keywords")) for word in words)
    batch.titles.append("\n".join(title))
    batch.summaries.append("\n".join(_texts(fields.get("summary"))))
    batch.keywords.append("\n".join(keywords))
    batch.names.append("\n".join([*title, slug]))
    batch.title_lengths.append(min((len(text) for text in title if text), default=255))
    batch.multi["keyword"].append(tuple(dict.fromkeys(keywords)))
    license_ = fields.get("license")
    batch.single.setdefault("license", []).append(license_ if isinstance(license_, str) and license_ else None)


def _texts(value: object) -> list[str]:
    """The texts of a language map."""
    if isinstance(value, str):
        return [value]
    return [text for text in value.values() if isinstance(text, str)] if isinstance(value, dict) else []


def _members(value: object) -> Iterable[list[str]]:
    """The lists of a map of language to list."""
    if isinstance(value, dict):
        for words in value.values():
            if isinstance(words, list):
                yield [word for word in words if isinstance(word, str) and word]


@lru_cache(maxsize=10_000)
def with_containing(codes: tuple[str, ...]) -> tuple[str, ...]:
    """Division codes and every division that contains one of them, by whole segments.

    510107001 gives 510107001, 510107, 510100, 510000, 000000.
    """
    found: dict[str, None] = {}
    for code in codes:
        found[code] = None
        if len(code) > 9:
            found[code[:9]] = None
        for kept in (6, 4, 2, 0):
            if len(code) > 6 or kept < 6:
                found[code[:kept].ljust(6, "0")] = None
    return tuple(found)
