"""The DataStore over a record's rows: `datastore_search`, `datastore_info`, and the dump. No SQL text is taken.

Rules: what may be seen, filtered and sorted is `catalog.reader`'s decision; a hidden field and one that does not exist are refused in the same words. `_id` is
the row's feature id: a number or a text, stable over changes. Numerics keep every digit. `total` is left out where the policy does not let so few be counted.
"""

import csv
import datetime
import io
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import orjson

from catalog.ckan import params
from catalog.ckan.errors import CkanDeniedError, CkanNotFoundError, CkanValidationError
from catalog.ckan.face import Call
from catalog.ckan.names import split_resource_id
from catalog.errors import DeniedError, FilterError, NotFoundError, QueryError, UnknownColumnError
from catalog.filters import And, Compare, Constant, Expr, In, Like, Moment
from catalog.queries import MOST_ROWS, RowPage, RowQuery
from catalog.rows import Column

#: CKAN's largest page (ckan.datastore.search.rows_max), and how many rows `distinct` looks at.
MOST_RECORDS, MOST_COMPARED = 32_000, 5_000
_TYPES = {"text": "text", "integer": "int8", "decimal": "numeric", "boolean": "bool", "date": "date", "datetime": "timestamp", "geometry": "json"}
_NATIVE = {"text": "text", "integer": "bigint", "decimal": "numeric", "boolean": "boolean", "date": "date", "datetime": "timestamp without time zone"}
_FORMATS = ("objects", "lists", "csv", "tsv")


def datastore_search(call: Call) -> Any:
    """Rows of a resource.

    resource_id; filters: {"field": value or list of values}; q: words in any text field, or {"field": words}; fields; sort: "field desc, …";
    limit (default 100, at most 32000), offset; distinct; include_total (default true); records_format: objects, lists, csv or tsv.
    """
    data = call.data
    id = params.required(data, "resource_id", "id")
    form = params.text(data, "records_format", "objects")
    if form not in _FORMATS:
        raise CkanValidationError({"records_format": [f"Value must be one of {list(_FORMATS)}"]})
    limit = params.number(data, "limit", 100, most=MOST_RECORDS, twice=True)
    offset = params.number(data, "offset", 0, twice=True)
    record, columns = columns_of(call, id)
    chosen = _chosen(data, columns)
    shapes = {column.name for column in columns if column.type == "geometry"}
    query = RowQuery(
        select=None if chosen is None else tuple(name for name in chosen if name != "_id"), where=_filters(data, columns), text=_words(data),
        sort=_sort(data, columns), count=params.boolean(data, "include_total", True), with_geometry=chosen is None or bool(shapes & set(chosen)),
    )  # fmt: skip
    names = chosen if chosen is not None else ["_id", *(column.name for column in columns)]
    kinds = {column.name: column.type for column in columns}
    if params.boolean(data, "distinct", False):
        rows, total = _distinct(call, record, query, names, kinds, offset, limit)
    else:
        rows, total = _read(call, record, query, offset, limit)
    result: dict[str, Any] = {"include_next_page": False, "include_total": query.count, "limit": limit, "records_format": form, "resource_id": id}
    result |= {name: data[name] for name in ("q", "sort") if data.get(name)} | ({"filters": params.json_object(data, "filters")} if data.get("filters") else {})
    result |= ({"offset": offset} if offset else {}) | ({"distinct": True} if params.boolean(data, "distinct", False) else {})
    result["records"] = _formed(form, rows, names, kinds)
    result["fields"] = [_field(name, kinds, rows) for name in names]
    if query.count and total is not None:
        result["total"] = total
    return result


def datastore_info(call: Call) -> Any:
    """Fields of a resource's rows and their number. id: of the resource."""
    id = params.required(call.data, "resource_id", "id")
    record, columns = columns_of(call, id, "Resource/Alias")
    fields: list[dict[str, Any]] = []
    for column in columns:
        native = _NATIVE.get(column.type, "json")
        schema = {"native_type": native, "notnull": not column.nullable, "index_name": None, "is_index": False, "uniquekey": False}
        field: dict[str, Any] = {"id": column.name, "type": _TYPES.get(column.type, "text"), "schema": schema}
        if column.title:
            labels = {f"label_{lang}": text for lang, text in column.title.items()}
            field["info"] = {"label": call.around.choose(column.title), "notes": column.unit or "", **labels}
        fields.append(field)
    count = _telling(lambda: call.reader.count(call.actor, record))
    return {"fields": fields, "meta": {"id": id, "table_type": "BASE TABLE", "aliases": []} | ({"count": count} if count is not None else {})}


def datastore_search_sql(call: Call) -> Any:
    """Switched off: SQL text is not taken."""
    raise CkanDeniedError("SQL search is switched off at this site; use datastore_search")


# --- which rows --------------------------------------------------------------------------------------------------------------------------


def columns_of(call: Call, id: str, noun: str = "Resource") -> tuple[str, list[Column]]:
    """The record behind a resource id (or its own id or name), and its visible columns.

    Raises:
        CkanNotFoundError: no such resource, or one without rows.
        CkanDeniedError: its rows are denied; says why.
    """
    parts = split_resource_id(id)
    record = parts[0] if parts else id
    missing = CkanNotFoundError(f'{noun} "{id}" was not found.')
    try:
        if parts and not _has_rows(call, *parts):
            raise missing
        columns = _telling(lambda: call.reader.columns(call.actor, record))
    except NotFoundError:
        raise missing from None
    if not columns:
        raise missing
    return record, list(columns)


def _has_rows(call: Call, record: str, own: str) -> bool:
    view = call.reader.record(call.actor, record)
    if "read" not in view.may:
        return True  # its resources are not disclosed: that the data are denied is for the reader to say
    value = view.fields.get(f"resources.{own}")
    return isinstance(value, dict) and bool(value.get("rows"))


def _telling[T](verb: Callable[[], T]) -> T:
    """Calls a verb of the reader; what it refuses is told in CKAN's words."""
    try:
        return verb()
    except DeniedError as error:
        because = [reason.get("because") for reason in error.reasons]
        raise CkanDeniedError("; ".join(each["en"] for each in because if isinstance(each, dict) and each.get("en")) or error.en) from None
    except UnknownColumnError as error:
        raise CkanValidationError({"filters": [f"Unknown field: {error.column}"]}) from None
    except (FilterError, QueryError) as error:
        raise CkanValidationError({"query": [error.en]}) from None


def _read(call: Call, record: str, query: RowQuery, offset: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
    """A page that may be larger than one of the reader's."""
    rows: list[dict[str, Any]] = []
    total: int | None = None
    while True:
        size = min(limit - len(rows), MOST_ROWS)
        page = _page(call, record, query, offset + len(rows), size, count=query.count and not rows)
        total = page.total if total is None else total
        rows += page.rows
        if len(page.rows) < size or len(rows) >= limit:
            return rows, total


def _page(call: Call, record: str, query: RowQuery, offset: int, limit: int, *, count: bool) -> RowPage:
    return _telling(lambda: call.reader.rows(call.actor, record, replace(query, limit=limit, offset=offset, count=count)))


def _distinct(
    call: Call, record: str, query: RowQuery, names: Sequence[str], kinds: dict[str, str], offset: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """Different rows, found among the first `MOST_COMPARED` of what is asked.

    Raises:
        CkanValidationError: there are more rows than that, so that it could not be told.
    """
    rows, total = _read(call, record, query, 0, MOST_COMPARED + 1)
    if len(rows) > MOST_COMPARED:
        raise CkanValidationError({"distinct": [f"more than {MOST_COMPARED} rows to compare: filter them first"]})
    found: dict[bytes, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(orjson.dumps([_value(row.get(name), kinds.get(name)) for name in names]), row)
    different = list(found.values())
    return different[offset : offset + limit], None if query.count and total is None else len(different)


# --- what is asked -----------------------------------------------------------------------------------------------------------------------


def _chosen(data: params.Data, columns: Sequence[Column]) -> list[str] | None:
    names = params.names(data, "fields")
    known = {"_id", *(column.name for column in columns)}
    for name in names:
        if name not in known:
            raise CkanValidationError({"fields": [f'invalid value "{name}"']})
    return names or None


def _sort(data: params.Data, columns: Sequence[Column]) -> tuple[str, ...]:
    known = {column.name for column in columns}
    sort = []
    for part in params.names(data, "sort"):
        name, _, rest = part.partition(" ")
        words = rest.lower().split()
        if words[1:] in ([], ["nulls", "first"], ["nulls", "last"]) and words[:1] in ([], ["asc"], ["desc"]):
            name = name.strip('"')
            if name == "_id":
                continue  # the order of keys, which comes last in any case
            if name in known:
                sort.append(f"-{name}" if words[:1] == ["desc"] else name)
                continue
        raise CkanValidationError({"sort": [f'invalid value "{part}"']})
    return tuple(sort)


def _words(data: params.Data) -> str | None:
    q = data.get("q")
    if not q or isinstance(q, dict) or (isinstance(q, str) and q.lstrip().startswith("{")):
        return None
    return params.text(data, "q")


def _filters(data: params.Data, columns: Sequence[Column]) -> Expr | None:
    parts: list[Expr] = []
    by_name = {column.name: column for column in columns}
    for name, value in params.json_object(data, "filters").items():
        if name not in by_name:
            raise CkanValidationError({"filters": [f"Unknown field: {name}"]})
        values = value if isinstance(value, list) else [value]
        try:
            parts.append(_one_of(by_name[name], values))
        except (ValueError, OverflowError):
            raise CkanValidationError({"filters": [f"invalid value for {name} ({by_name[name].type})"]}) from None
    q = data.get("q")
    if isinstance(q, dict) or (isinstance(q, str) and q.lstrip().startswith("{")):
        for name, text in params.json_object(data, "q").items():
            if name not in by_name or by_name[name].type != "text":
                raise CkanValidationError({"q": [f"Unknown field: {name}"]})
            parts += [Like(name, f"%{_escaped(word)}%", True) for word in str(text).split()[:16]]
    return None if not parts else parts[0] if len(parts) == 1 else And(tuple(parts))


def _one_of(column: Column, values: list[Any]) -> Expr:
    if not values:
        return Constant(False)
    typed = tuple(_typed(column.type, value) for value in values)
    return Compare(column.name, "=", typed[0]) if len(typed) == 1 else In(column.name, typed)


def _typed(kind: str, value: Any) -> str | int | float | bool | Moment:
    """A filter's value as the column compares it.

    Raises:
        ValueError, OverflowError: it does not fit.
    """
    if isinstance(value, dict | list) or value is None:
        raise ValueError
    if kind == "boolean":
        folded = str(value).lower()
        if folded not in ("true", "false", "t", "f", "1", "0"):
            raise ValueError
        return folded in ("true", "t", "1")
    if kind == "integer":
        return int(value)
    if kind == "decimal":
        number = float(value)
        if not math.isfinite(number):
            raise ValueError
        return number
    if kind in ("date", "datetime"):
        moment = datetime.datetime.fromisoformat(str(value))
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).astimezone(datetime.UTC)  # 9999-12-31 west of Greenwich is no time in UTC
        return Moment(int(moment.timestamp()), day=kind == "date")
    return str(value)


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# --- what is answered --------------------------------------------------------------------------------------------------------------------


def _field(name: str, kinds: dict[str, str], rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    if name == "_id":
        return {"id": "_id", "type": "int" if all(isinstance(row["_id"], int) for row in rows) else "text"}
    return {"id": name, "type": _TYPES.get(kinds[name], "text")}


def _value(value: Any, kind: str | None) -> Any:
    """A value as JSON has it: decimals as numbers with every digit, times without the Z, geometries as GeoJSON."""
    if value is None:
        return None
    if kind == "decimal":
        return orjson.Fragment(value.encode())
    if kind == "datetime":
        return value.removesuffix("Z")
    if kind == "geometry":
        return orjson.Fragment(value)
    return value


def _formed(form: str, rows: Sequence[dict[str, Any]], names: Sequence[str], kinds: dict[str, str]) -> Any:
    if form == "objects":
        return [{name: _value(row.get(name), kinds.get(name)) for name in names} for row in rows]
    if form == "lists":
        return [[_value(row.get(name), kinds.get(name)) for name in names] for row in rows]
    return written(form, rows, names, kinds)


def written(form: str, rows: Sequence[dict[str, Any]], names: Sequence[str], kinds: dict[str, str]) -> str:
    """Rows as CSV or TSV without a header."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter="," if form == "csv" else "\t", lineterminator="\n")
    for row in rows:
        writer.writerow([_cell(row.get(name), kinds.get(name)) for name in names])
    return out.getvalue()


def _cell(value: Any, kind: str | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "t" if value else "f"
    if kind == "datetime":
        return str(value).removesuffix("Z")
    return value.decode() if isinstance(value, bytes) else str(value)


def dump(call: Call, id: str, form: str) -> Iterator[bytes]:
    """All rows that may be seen, in the order of their keys, in pieces; the first one comes after the decision.

    Raises:
        CkanError: there is nothing to dump.
    """
    record, columns = columns_of(call, id)
    names = ["_id", *(column.name for column in columns)]
    kinds = {column.name: column.type for column in columns}
    first = _telling(lambda: call.reader.rows(call.actor, record, RowQuery(limit=MOST_ROWS // 10)))

    def pieces() -> Iterator[bytes]:
        header = io.StringIO()
        csv.writer(header, delimiter="," if form == "csv" else "\t", lineterminator="\n").writerow(names)
        yield header.getvalue().encode()
        page = first
        while True:
            yield written(form, page.rows, names, kinds).encode()
            if page.next is None:
                return
            page = call.reader.rows(call.actor, record, RowQuery(limit=MOST_ROWS // 10, after=page.next))

    return pieces()
