"""The statements behind a page of rows.

A page that only asks for a box or for the next rows is the hot path: its statement is built once for each table and kept. Everything else is built as asked.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Float, LargeBinary, Select, Table, and_, bindparam, cast, func, or_, select

from catalog.canonical import b64, dumps, loads, unb64
from catalog.errors import CanonicalError, QueryError, RowsError, UnknownColumnError
from catalog.filter_sql import compile_where
from catalog.rows.columns import Column, day_text, typed_value
from catalog.rows.spatial import Box, box_parts, box_wkb, boxes_overlap, exact_test, meets_and_inside, meets_clause, near_clause, prepare
from catalog.rows.tables import RowTable
from catalog.rows.view import Ask, View, filter_columns

__all__ = ["MAX_LIMIT", "page", "where_clauses"]

MAX_LIMIT = 10_000
#: A box that finds fewer rows than this is served by the box index, a larger one by a scan in key order that ends when the page is full.
SELECTIVE = 2_000


def page(conn: Connection, table: RowTable, view: View, ask: Ask, names: Sequence[str]) -> tuple[Sequence[Any], str | None]:
    """Runs the statement of a page.

    Args:
        names: columns of `table.sql` to return; `_key` among them.

    Returns:
        The hits, at most `ask.limit`, and the cursor of the next page or None.
    """
    if not 0 <= ask.limit <= MAX_LIMIT or ask.offset < 0:
        raise QueryError(zh=f"limit 须在 0 与 {MAX_LIMIT} 之间，offset 不可为负", en=f"limit is between 0 and {MAX_LIMIT}, offset not negative")
    if ask.bbox is not None and (not view.geometry or table.geometry_column is None):
        raise UnknownColumnError("geometry")
    plain = view.policy is None and ask.where is None and ask.during is None and not ask.sort and (ask.after is None or table.text_key)
    if plain and (ask.bbox is None or ask.bbox[0] <= ask.bbox[2]):
        return _cut(ask, _plain(conn, table, ask, tuple(names)))
    order = _order(table, view, ask.sort)
    sorted_by = [element.label(f"_sort{place}") for place, (element, _) in enumerate(order[: len(ask.sort)])]
    query: Select[Any] = select(*(table.sql.c[name] for name in names), *sorted_by)
    if ask.bbox is None or conn.dialect.name != "sqlite":
        query = query.where(*where_clauses(conn, table, view, ask, index=True))
    else:
        few = _few(conn, table, ask.bbox)
        near = [] if few is None else [table.sql.c._rid.in_(select(func.json_each(few).table_valued("value").c.value))]
        query = query.where(*near, *where_clauses(conn, table, view, ask, index=False))
    if ask.after is not None:
        query = query.where(_after(table, order, ask))
    query = query.order_by(*(element.desc().nulls_last() if down else element.asc().nulls_last() for element, down in order))
    return _cut(ask, conn.execute(query.limit(ask.limit + 1).offset(ask.offset or None)).all())


def _cut(ask: Ask, hits: Sequence[Any]) -> tuple[Sequence[Any], str | None]:
    """The page without the one row more that was asked for to know whether there is a next page."""
    if len(hits) <= ask.limit or not ask.limit:
        return hits[: ask.limit], None
    last = hits[ask.limit - 1]
    values = [getattr(last, f"_sort{place}") for place in range(len(ask.sort))]
    written = [repr(value) if isinstance(value, float) else value for value in values]
    return hits[: ask.limit], b64(dumps([*written, last._key]))


# --- the hot path ------------------------------------------------------------------------------------------------------------------------


def _plain(conn: Connection, table: RowTable, ask: Ask, names: tuple[str, ...]) -> Sequence[Any]:
    """A page that asks for a box and a place to go on at most, by a statement that was built before."""
    values: dict[str, Any] = {"limit_": ask.limit + 1, "offset_": ask.offset}
    if ask.after is not None:
        values["after_"] = _cursor(table, (), ask.after)[1]
    few: str | None = None
    exact = ask.bbox is not None and prepare(conn)
    if ask.bbox is not None:
        west, south, east, north = ask.bbox
        values |= {"west_": west, "south_": south, "east_": east, "north_": north}
        if exact:
            values["wanted_"] = box_wkb(ask.bbox)
        few = _few(conn, table, ask.bbox) if conn.dialect.name == "sqlite" else None
        if few is not None:
            values["few_"] = few
    sql = table.sql
    statement = _statement(sql, names, ask.after is not None, ask.bbox is not None, exact, few is not None, conn.dialect.name, table.key)
    return conn.execute(statement, values).all()


@lru_cache(maxsize=1024)
def _statement(
    sql: Table, names: tuple[str, ...], after: bool, boxed: bool, exact: bool, few: bool, dialect: str, key: tuple[str, ...]
) -> Select[Any]:  # the arguments are what tells one statement from another
    c = sql.c
    query: Select[Any] = select(*(c[name] for name in names))
    if few:
        query = query.where(c._rid.in_(select(func.json_each(bindparam("few_")).table_valued("value").c.value)))
    if boxed:
        box = tuple(bindparam(name, type_=Float) for name in ("west_", "south_", "east_", "north_"))
        meets, inside = meets_and_inside(sql, box)
        if dialect != "sqlite":
            query = query.where(boxes_overlap(sql, box))
        query = query.where(meets)
        if exact:
            query = query.where(or_(inside, exact_test(sql, dialect, "intersects", bindparam("wanted_", type_=LargeBinary))))
    if after:
        query = query.where(c._key > bindparam("after_"))
    order = [c[name] for name in key] if f"{sql.name}_order" in {index.name for index in sql.indexes} else [c._key]
    return query.order_by(*order).limit(bindparam("limit_")).offset(bindparam("offset_"))


def _few(conn: Connection, table: RowTable, box: Box) -> str | None:
    """Numbers of the rows near a box, as a JSON list, when they are few; None when a scan in key order will fill the page sooner (SQLite)."""
    assert table.boxes is not None
    values: dict[str, Any] = {}
    parts = box_parts(box)
    for place, (west, south, east, north) in enumerate(parts):
        values |= {f"w{place}": west, f"s{place}": south, f"e{place}": east, f"n{place}": north}
    found = conn.execute(_near_numbers(table.boxes, len(parts)), values).scalars().all()
    return None if len(found) > SELECTIVE else orjson.dumps(found).decode()


@lru_cache(maxsize=1024)
def _near_numbers(boxes: Table, parts: int) -> Select[Any]:
    c = boxes.c
    near = (
        and_(
            c.x1 >= bindparam(f"w{place}", type_=Float),
            c.x0 <= bindparam(f"e{place}", type_=Float),
            c.y1 >= bindparam(f"s{place}", type_=Float),
            c.y0 <= bindparam(f"n{place}", type_=Float),
        )
        for place in range(parts)
    )
    return select(c.id).where(or_(*near)).limit(SELECTIVE + 1)


# --- clauses -----------------------------------------------------------------------------------------------------------------------------


def where_clauses(conn: Connection, table: RowTable, view: View, ask: Ask, *, index: bool) -> list[ColumnElement[bool]]:
    """The policy's clause and the user's, side by side."""
    clauses = [] if view.policy is None else [view.policy]
    if ask.bbox is not None:
        if not view.geometry or table.geometry_column is None:
            raise UnknownColumnError("geometry")
        parts = box_parts(ask.bbox)
        if index:
            clauses.append(or_(*(near_clause(conn, table, part) for part in parts)))
        clauses.append(or_(*(meets_clause(conn, table, part) for part in parts)))
    if ask.during is not None:
        clauses += _during(table, view, *ask.during)
    if ask.where is not None:
        clauses.append(compile_where(ask.where, filter_columns(conn, table, view)))
    return clauses


def _during(table: RowTable, view: View, name: str, first: int | None, last: int | None) -> list[ColumnElement[bool]]:
    column = _visible(table, view, name)
    if column.type not in ("date", "datetime"):
        raise QueryError(zh=f"信息项 {name} 不是时间", en=f"column {name} is not a time")
    element = table.sql.c[name]
    bounds: list[Any] = [None if each is None else day_text(each) if column.type == "date" else each for each in (first, last)]
    lower = [] if bounds[0] is None else [element >= bounds[0]]
    return [*lower, *([] if bounds[1] is None else [element <= bounds[1]]), element.is_not(None)]


def _visible(table: RowTable, view: View, name: str) -> Column:
    column = table.by_name.get(name)
    if column is None or not view.may_filter(name) or name not in table.sql.c:
        raise UnknownColumnError(name)
    return column


def _order(table: RowTable, view: View, sort: Sequence[tuple[str, bool]]) -> list[tuple[ColumnElement[Any], bool]]:
    """The columns asked for, then the key, so that the order is always total."""
    order: list[tuple[ColumnElement[Any], bool]] = []
    for name, down in sort:
        column = _visible(table, view, name)
        element = table.sql.c[name]
        order.append((cast(element, Float) if column.type == "decimal" else element, down))
    key = [table.sql.c._key] if table.text_key else [table.sql.c[name] for name in table.key]
    return [*order, *((element, False) for element in key)]


def _after(table: RowTable, order: Sequence[tuple[ColumnElement[Any], bool]], ask: Ask) -> ColumnElement[bool]:
    """Rows behind the last row of the page before: greater in the first value that differs; nulls come last."""
    assert ask.after is not None
    numbers, key, typed = _cursor(table, ask.sort, ask.after)
    last = [*numbers, *([key] if table.text_key else typed)]
    clause: ColumnElement[bool] | None = None
    for (element, down), value in zip(reversed(order), reversed(last), strict=True):
        further = _further(element, down, value)
        same = element.is_(None) if value is None else element == value
        clause = further if clause is None else (and_(same, clause) if further is None else or_(further, and_(same, clause)))
    assert clause is not None
    return clause


#: What a sort value in a cursor must be, by the type of its column.
_SORTED: Mapping[str, tuple[type, ...]] = {"text": (str,), "integer": (int,), "decimal": (str,), "boolean": (bool, int), "date": (str,), "datetime": (int,)}


def _cursor(table: RowTable, sort: Sequence[tuple[str, bool]], cursor: str) -> tuple[list[Any], str, list[Any]]:
    """Sort values, key and the key's typed parts of a cursor. Raises QueryError: we did not write it, or for another question."""
    try:
        *values, key = loads(unb64(cursor))
        if len(values) != len(sort) or not isinstance(key, str) or "\x00" in key:
            raise ValueError(cursor)
        typed = [typed_value(table.by_name[name], part) for name, part in zip(table.key, loads(key), strict=True)]
        if None in typed:
            raise ValueError(cursor)
        for place, (name, _) in enumerate(sort):
            kind, value = table.by_name[name].type, values[place]
            if value is not None and (not isinstance(value, _SORTED[kind]) or "\x00" in str(value)):
                raise ValueError(cursor)
            values[place] = float(str(value)) if kind == "decimal" and value is not None else bool(value) if kind == "boolean" and value is not None else value
    except (CanonicalError, RowsError, ValueError, TypeError) as error:
        raise _bad_cursor() from error
    return values, key, typed


def _bad_cursor() -> QueryError:
    return QueryError(zh="分页标记无效，请从第一页重新开始", en="the page cursor is not valid: start again from the first page")


def _further(element: ColumnElement[Any], down: bool, value: Any) -> ColumnElement[bool] | None:
    if value is None:
        return None
    beyond = element < value if down else element > value
    return or_(beyond, element.is_(None))
