"""What is asked of search, and what it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyroaring import BitMap

from catalog.filters import Expr

#: Sorts; "-" turns an order round. Documents without the value come last either way.
SORTS = ("relevance", "modified", "-modified", "issued", "-issued", "title", "-title", "name", "-name", "docno", "-docno")
#: Words of one query beyond this many are not looked at.
MOST_WORDS = 64


@dataclass(frozen=True)
class SearchQuery:
    """A search.

    Attributes:
        text: words, all of which must be found; "…" keeps several together in one field.
        filters: column (`catalog.search.documents.CODED`) and values: one of the values of each column.
        condition: a further filter; only what `Search.sets` can tell.
        ids: record ids: only these.
        within: docnos: only these (a filter that another evaluated).
        bbox: west, south, east, north in degrees (CRS84); west > east crosses the antimeridian.
        time: UTC seconds, closed interval, None for an open end.
        sort: one of `SORTS`.
        offset, limit: the page; limit None for everything.
        after: only docnos above this one (for reading on, with sort "docno").
        facets: columns to count values of.
        facet_limit: values of each, most frequent first; None for all.
    """

    text: str = ""
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    condition: Expr | None = None
    ids: Sequence[str] | None = None
    within: BitMap | None = None
    bbox: tuple[float, float, float, float] | None = None
    time: tuple[int | None, int | None] | None = None
    sort: str = "relevance"
    offset: int = 0
    limit: int | None = 20
    after: int | None = None
    facets: Sequence[str] = ()
    facet_limit: int | None = None


@dataclass(frozen=True)
class SearchHits:
    """What was found.

    Attributes:
        total: how many documents match.
        docnos: those of the page, in order.
        facets: column → values with the number of matching documents, most frequent first, then by value.
    """

    total: int
    docnos: list[int]
    facets: dict[str, list[tuple[str, int]]]
