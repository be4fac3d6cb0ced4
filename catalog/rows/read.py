"""Reading rows: projection first, then the user's filter (design.md, policy-language.md 'How it is compiled').

`catalog.reader` gives a `View`: which columns, whether the geometry, and the clause of the policy that a row must pass. What the user asks (`Ask`) is
compiled over the columns of the view alone, so that a hidden column can be neither filtered, sorted nor bisected by; the two clauses then stand side by
side in one WHERE, which is the same as filtering an inner query and lets the engine use its indexes.

Rows come in the order of their key unless another is asked. A cursor holds the last row's sort values and key, never a row number: it tells nothing of
rows that were not shown, and goes on after a row that has been removed meanwhile.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Integer, Select, Table, Text, bindparam, cast, func, null, select

from catalog.canonical import dumps
from catalog.errors import CanonicalError, NotFoundError, RowsError
from catalog.rows.columns import DateSeconds, canonical_value, seconds_of
from catalog.rows.encode import FEATURE, feature, feature_id_json, properties
from catalog.rows.pages import page, where_clauses
from catalog.rows.spatial import Box
from catalog.rows.tables import RowTable
from catalog.rows.view import Ask, View

__all__ = [
    "Page",
    "Row",
    "count_rows",
    "extent",
    "feature_id",
    "get_row",
    "key_of_feature",
    "role_values",
    "row_columns",
    "select_features",
    "select_rows",
]


@dataclass(frozen=True, slots=True)
class Row:
    """One row as disclosed: canonical values by visible column (absent: null), and GeoJSON of the geometry."""

    key: str
    values: dict[str, Any]
    geometry: bytes | None = None


@dataclass(frozen=True, slots=True)
class Page[T]:
    """Rows or features of a page, and the cursor of the next one or None."""

    rows: list[T]
    next: str | None = field(default=None)


def row_columns(table: RowTable, roles: Mapping[str, str]) -> dict[str, ColumnElement[Any]]:
    """What a policy's row filter compares.

    Args:
        roles: `owner`, `status`, `division`, `observed` → name of the column that serves as it (`Profile.row_column`).

    Returns:
        Role → SQL expression; `observed` in UTC seconds (a date begins at UTC+8).
    """
    found: dict[str, ColumnElement[Any]] = {}
    for role, name in roles.items():
        if name not in table.sql.c:  # without a typed column: unknown, so that no row passes
            found[role] = cast(null(), Integer) if role == "observed" else cast(null(), Text)
        else:
            found[role] = _seconds(table, name) if role == "observed" else table.sql.c[name]
    return found


def _seconds(table: RowTable, name: str) -> ColumnElement[Any]:
    column = table.by_name[name]
    element = table.sql.c[name]
    if column.type != "date":
        return element
    return DateSeconds(element)


def role_values(table: RowTable, roles: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    """The same for one row in memory: role → value, for `Plan.decide(row=…)`; absent ones are None."""
    found: dict[str, Any] = {}
    for role, name in roles.items():
        value, kind = values.get(name), table.by_name[name].type
        found[role] = seconds_of(kind, value) if role == "observed" and value is not None and kind in ("date", "datetime") else value
    return found


# --- pages -----------------------------------------------------------------------------------------------------------------------------


def select_rows(conn: Connection, table: RowTable, view: View, ask: Ask, *, with_geometry: bool = False) -> Page[Row]:
    """A page of rows as values: decimals as text, times as ISO 8601.

    Raises:
        UnknownColumnError, FilterError, QueryError: the question names what is not there or not shown, or cannot be answered.
    """
    shape = with_geometry and view.geometry and table.geometry_column is not None
    hits, cursor = page(conn, table, view, ask, ["_key", "_row", *(("_feature", "_split") if shape else ())])
    return Page([_row(view, hit, shape) for hit in hits], cursor)


def _row(view: View, hit: Any, shape: bool) -> Row:
    visible = view.out
    values = {name: value for name, value in orjson.loads(hit._row).items() if name in visible}
    geometry = bytes(hit._feature[len(FEATURE) : hit._split]) if shape else None
    return Row(hit._key, view.change(values) if view.change else values, None if geometry == b"null" else geometry)


def select_features(conn: Connection, table: RowTable, view: View, ask: Ask, *, with_geometry: bool = True) -> Page[bytes]:
    """A page of GeoJSON features as bytes, as they were serialised when the rows were written, or cut to what is visible.

    Raises:
        UnknownColumnError, FilterError, QueryError: as `select_rows`.
    """
    shape = with_geometry and view.geometry and table.geometry_column is not None
    narrow = _narrower(table, view)
    if narrow is None and (shape or table.geometry_column is None):
        hits, cursor = page(conn, table, view, ask, ["_feature", "_key"])
        return Page([hit[0] for hit in hits], cursor)
    hits, cursor = page(conn, table, view, ask, ["_feature", "_split", "_row", "_key"])
    features = []
    for hit in hits:
        whole, split, row, key = hit[:4]
        geometry = bytes(whole[len(FEATURE) : split]) if shape else None
        if narrow is None:
            features.append(FEATURE + b"null" + whole[split:])
        else:
            features.append(feature(key, geometry, narrow(row))[0])
    return Page(features, cursor)


def _narrower(table: RowTable, view: View) -> Callable[[str], bytes] | None:
    """What writes properties anew without hidden columns and with masks; None when all are shown as they were serialised."""
    shown = [column for column in table.data_columns if column.name in view.out]
    if view.change is None and len(shown) == len(table.data_columns):
        return None
    visible = view.out

    def narrow(row: str) -> bytes:
        values = {name: value for name, value in orjson.loads(row).items() if name in visible}
        return properties(shown, view.change(values) if view.change else values)

    return narrow


def feature_id(key: str) -> str | int:
    """The id of a feature or item for a canonical key, as features have it."""
    name: str | int = orjson.loads(feature_id_json(key))
    return name


def key_of_feature(table: RowTable, name: str) -> str:
    """The canonical key for the id of a feature, as `feature_id` wrote it.

    Raises:
        NotFoundError: no row can have this id.
    """
    parts = [name] if len(table.key) == 1 else [part.replace("%7E", "~").replace("%25", "%") for part in name.split("~")]
    if len(parts) != len(table.key):
        raise NotFoundError
    try:
        values = [canonical_value(table.by_name[column], part) for column, part in zip(table.key, parts, strict=True)]
        return dumps(values).decode()
    except (RowsError, CanonicalError):
        raise NotFoundError from None


def get_row(conn: Connection, table: RowTable, view: View, key: str, *, with_geometry: bool = True) -> Row:
    """One row by its canonical key.

    Raises:
        NotFoundError: there is none, or the policy hides it: the same to the caller.
    """
    shape = with_geometry and view.geometry and table.geometry_column is not None
    query = _one(table.sql, shape)
    hit = conn.execute(query if view.policy is None else query.where(view.policy), {"key_": key}).first()
    if hit is None:
        raise NotFoundError
    return _row(view, hit, shape)


@lru_cache(maxsize=1024)
def _one(sql: Table, shape: bool) -> Select[Any]:
    """The statement for one row: built once, which costs more than running it."""
    c = sql.c
    return select(c._key, c._row, *((c._feature, c._split) if shape else ())).where(c._key == bindparam("key_"))


def count_rows(conn: Connection, table: RowTable, view: View, ask: Ask) -> int:
    """The number of rows that match, whatever page is asked; without a filter it is known."""
    if view.policy is None and ask.where is None and ask.bbox is None and ask.during is None:
        return table.count
    query = select(func.count()).select_from(table.sql)
    return int(conn.execute(query.where(*where_clauses(conn, table, view, ask, index=True))).scalar_one())


def extent(conn: Connection, table: RowTable, view: View) -> Box | None:
    """West, south, east, north of the rows that the view shows; None when there are none, or no geometry is shown."""
    if table.geometry_column is None or not view.geometry:
        return None
    if view.policy is None:
        return table.box
    c = table.sql.c
    found = conn.execute(select(func.min(c._west), func.min(c._south), func.max(c._east), func.max(c._north)).where(view.policy)).one()
    return None if found[0] is None else (found[0], found[1], found[2], found[3])
