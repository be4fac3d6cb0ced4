"""What a face asks of the reader, and what it gets: plain values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from catalog.filters import Expr
from catalog.views import RecordView

__all__ = ["MOST_RECORDS", "MOST_ROWS", "ObjectStream", "RecordPage", "RecordQuery", "RowPage", "RowQuery"]

#: Largest page of records and of rows.
MOST_RECORDS, MOST_ROWS = 1_000, 10_000


@dataclass(frozen=True)
class RecordQuery:
    """A search for records. Filters, sorting, facets and counts see only what the actor may see.

    Attributes:
        text: words, all of which must be found; "…" keeps several together.
        ids: record ids, uuids or slugs: only these.
        filters: field → values, one of which must hold: kind, theme, org, authority, division, territory, sharing, opening, format, level, license, keyword,
            year.
        condition: a user filter tree (`catalog.filters`) over the same names and `modified`, `issued`, `title`, `id`, bbox and time.
        bbox: west, south, east, north in degrees (CRS84); west > east crosses the antimeridian.
        time: UTC seconds, closed interval, None for an open end.
        sort: relevance, modified, issued, title, name (the slug), docno; `-` turns it round.
        offset, limit: the page; limit 0 only counts.
        after: with sort `docno`: only docnos above this one; `RecordPage.next_after` of the page before.
        facets: fields to count values of.
        facet_limit: values of each; None for all.
    """

    text: str = ""
    ids: Sequence[str] | None = None
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    condition: Expr | None = None
    bbox: tuple[float, float, float, float] | None = None
    time: tuple[int | None, int | None] | None = None
    sort: str = "relevance"
    offset: int = 0
    limit: int = 20
    after: int | None = None
    facets: Sequence[str] = ()
    facet_limit: int | None = None


@dataclass(frozen=True)
class RecordPage:
    """A page of records.

    Attributes:
        total: how many match and are visible.
        facets: field → (value, count), most frequent first.
        next: offset of the next page, or None.
        next_after: docno of the last record, for `RecordQuery.after`; None at the end.
    """

    total: int
    items: list[RecordView]
    facets: dict[str, list[tuple[str, int]]]
    next: int | None
    next_after: int | None = None


@dataclass(frozen=True)
class RowQuery:
    """A question to the rows of a record. Everything applies to what is disclosed: a masked column cannot be filtered or sorted by.

    Attributes:
        select: columns to return; None for all that are disclosed.
        where: user filter tree over disclosed columns.
        text: words that one of the text columns must hold (DataStore's `q`); None for no such filter.
        bbox: west, south, east, north in degrees (CRS84).
        datetime: UTC seconds, closed interval, on the profile's time column.
        sort: column names, `-` for falling; () is the order of keys, which reads on by `after`.
        limit, offset: the page.
        after: cursor of the page before (`RowPage.next`).
        with_geometry: whether rows carry their geometry.
        raw: `geojson`: features as ready bytes instead of rows.
        count: whether to count all matching rows.
        variant: a published variant by name; "" for what the policy gives.
    """

    select: Sequence[str] | None = None
    where: Expr | None = None
    text: str | None = None
    bbox: tuple[float, float, float, float] | None = None
    datetime: tuple[int | None, int | None] | None = None
    sort: Sequence[str] = ()
    limit: int = 100
    offset: int = 0
    after: str | None = None
    with_geometry: bool = True
    raw: Literal["geojson"] | None = None
    count: bool = False
    variant: str = ""


@dataclass(frozen=True)
class RowPage:
    """A page of rows.

    Attributes:
        rows: column name → value as `catalog.rows` gives it; `_key` is the row's key as text.
        features: with raw = geojson: one GeoJSON feature each, UTF-8 bytes.
        total: how many match, when it was asked; None otherwise, and when so few match that a count would tell (smallest cell).
        next: cursor of the next page, or None.
    """

    rows: list[dict[str, Any]]
    features: list[bytes]
    total: int | None
    next: str | None


@dataclass(frozen=True)
class ObjectStream:
    """A file that may be downloaded.

    Attributes:
        size: bytes.
        name: for the downloaded file, without ending.
        open: `open(start=0, end=None)` gives the bytes in pieces; `end` is exclusive.
    """

    sha256: str
    size: int
    media_type: str
    name: str
    open: Callable[..., Iterator[bytes]]
