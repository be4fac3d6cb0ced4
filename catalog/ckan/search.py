"""`package_search` and what is made of it."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from catalog.ckan import params
from catalog.ckan.errors import CkanSearchError, CkanSearchQueryError
from catalog.ckan.face import MOST_ROWS, Call
from catalog.ckan.names import minted, organization_name
from catalog.ckan.packages import format_name, group_title, license_of
from catalog.ckan.settings import Around
from catalog.ckan.solr import is_plain, parse
from catalog.ckan.terms import CODED, Meaning
from catalog.filters import MAX_NODES, And, AnyText, Constant, Expr, check_size
from catalog.queries import RecordQuery

DEFAULT_SORT = "score desc, metadata_modified desc"
_SORTS = {
    "score": "relevance", "metadata_modified": "modified", "metadata_created": "issued", "title": "title", "title_string": "title", "name": "name",
    "id": "name",
}  # fmt: skip
_OF_ORGANISATIONS = frozenset({"organization", "owner_org"})
_SORT = re.compile(r"\s*([\w.]+)\s+(asc|desc)\s*", re.IGNORECASE)


def package_search(call: Call) -> Any:
    """Searches datasets.

    q: words, or Lucene syntax with field:value; fq, fq_list: filters of the same syntax; rows (default 10, at most 1000), start; sort: "name asc", …;
    facet.field: JSON list of fields; facet.limit (default 50, negative: all), facet: false for none; fl: fields of each dataset;
    ext_bbox: west,south,east,north.
    """
    data = call.data
    rows, start = params.number(data, "rows", 10, most=MOST_ROWS, twice=True), params.number(data, "start", 0)
    sort = params.text(data, "sort", DEFAULT_SORT)
    names = params.json_list(data, "facet.field") if params.boolean(data, "facet", True) else []
    facets = {name: CODED[name.removeprefix("extras_")] for name in names if name.removeprefix("extras_") in CODED}
    text, condition = question(call)
    query = RecordQuery(
        text=text, condition=condition, bbox=_bbox(data), sort=_sort(sort), offset=start, limit=rows, facets=tuple(set(facets.values())),
        facet_limit=_facet_limit(data),
    )  # fmt: skip
    page = call.reader.records(call.actor, query)
    items = {name: _facet_items(call, name, page.facets.get(facets.get(name, ""), ())) for name in names}
    wanted = params.names(data, "fl")
    return {
        "count": page.total,
        "facets": {name: {item["name"]: item["count"] for item in found} for name, found in items.items()},
        "results": call.packages(page.items, wanted),
        "sort": sort,
        "search_facets": {name: {"title": name, "items": found} for name, found in items.items()},
    }


def question(call: Call) -> tuple[str, Expr | None]:
    """Text for ranking, and the filter of everything else.

    Raises:
        CkanSearchError: a query that cannot be read.
        FilterError: one that is too large.
    """
    meaning = Meaning(call.organisation_keys, call.now())
    q = params.text(call.data, "q").strip()
    parts: list[Expr] = []
    text = ""
    if q and q != "*:*":
        if is_plain(q):
            text = q
        else:
            try:
                parts.append(parse(q, meaning))
            except CkanSearchError:
                if ":" in q:
                    raise
                parts.append(AnyText(q))  # CKAN asks its forgiving parser when no field is named
    filters = call.data.get("fq_list") or []
    if isinstance(filters, list) and len(filters) > MAX_NODES:
        raise CkanSearchError(f"fq_list holds more than {MAX_NODES} filters")
    for each in [params.text(call.data, "fq", most=None), *(filters if isinstance(filters, list) else [filters])]:
        if str(each).strip():
            parts.append(parse(str(each), meaning))
    told = [part for part in parts if part != Constant(True)]
    condition = None if not told else told[0] if len(told) == 1 else And(tuple(told))
    if condition is not None:
        check_size(condition)  # each alone is small enough; all of them need not be
    return text, condition


def _facet_limit(data: params.Data) -> int | None:
    value = params.text(data, "facet.limit", "50")
    try:
        found = int(value)
    except ValueError:
        return 50
    return None if found < 0 else found


def _facet_items(call: Call, field: str, found: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    titles = call.organisation_titles if found and field in _OF_ORGANISATIONS else {}
    named = ((*_named(field, value, call.around.language), value, count) for value, count in found)
    return [{"name": name, "display_name": titles.get(value) or title, "count": count} for name, title, value, count in named]


@lru_cache(maxsize=10_000)
def _named(field: str, value: str, language: str) -> tuple[str, str]:
    """Name and title of a value, as far as they are the same for everybody."""
    around = Around("", language)
    if field in _OF_ORGANISATIONS:
        name = organization_name(value) if field == "organization" else minted("organization", value)
        return name, name
    if field == "groups":
        return value, group_title(value, around)
    if field == "license_id":
        known = license_of(value, around)
        return known["license_id"], known["license_title"]
    name = format_name(value) if field == "res_format" else value
    return name, name


def _sort(text: str) -> str:
    """The first order that we know of a list of them.

    Raises:
        CkanSearchQueryError: the text is no such list.
    """
    chosen = ""
    for part in text.split(","):
        match = _SORT.fullmatch(part)
        if match is None:
            raise CkanSearchQueryError('Invalid "sort" parameter')
        name = _SORTS.get(match[1])
        if name and not chosen:
            chosen = name if name == "relevance" or match[2].lower() == "asc" else f"-{name}"
    return chosen or "relevance"


def _bbox(data: params.Data) -> tuple[float, float, float, float] | None:
    value = params.text(data, "ext_bbox")
    if not value:
        return None
    try:
        west, south, east, north = (float(part) for part in value.split(","))
    except ValueError:
        raise CkanSearchError("Wrong bounding box provided") from None
    if not (-360 <= west <= 360 and -360 <= east <= 360 and -90 <= south <= north <= 90):
        raise CkanSearchError("Wrong bounding box provided")
    return west, south, east, north
