"""How rows lie to a geometry: first by boxes, then exactly.

The exact test is a function that we give to SQLite (shapely), and PostGIS' on PostgreSQL. Without PostGIS a box is compared with boxes only (stated in
rows/README.md), and other geometries are refused in words. A row whose box lies inside the wanted box needs no exact test: most rows of a map.
"""

from collections.abc import Sequence
from functools import lru_cache
from threading import get_ident
from typing import Any

import shapely
from sqlalchemy import ColumnElement, Connection, Table, and_, func, literal, not_, or_, select, text, true

from catalog.errors import FilterError
from catalog.filters import Spatial
from catalog.rows.tables import RowTable

__all__ = [
    "Box",
    "box_parts",
    "box_wkb",
    "boxes_overlap",
    "exact_clause",
    "exact_test",
    "meets_and_inside",
    "meets_clause",
    "near_clause",
    "prepare",
    "spatial_clause",
]

type Box = tuple[float, float, float, float]

_TESTS = {
    "intersects": shapely.intersects,
    "within": shapely.within,
    "contains": shapely.contains,
    "disjoint": shapely.disjoint,
    "equals": shapely.equals,
    "touches": shapely.touches,
    "crosses": shapely.crosses,
    "overlaps": shapely.overlaps,
}


@lru_cache(maxsize=256)
def _wanted(_thread: int, wkb: bytes) -> shapely.Geometry:
    """The wanted geometry, prepared; each thread has its own, since a prepared geometry builds its index while it is used."""
    shape = shapely.from_wkb(wkb)
    shapely.prepare(shape)
    return shape


def _test(name: str, row: bytes | None, wanted: bytes) -> int | None:
    """SQLite's `terrace_spatial(name, row's wkb, wanted wkb)`: does the row lie so to what is wanted? Prepared on the wanted side where that is the same."""
    if row is None:
        return None
    shape, other = shapely.from_wkb(row), _wanted(get_ident(), wanted)
    if name in ("intersects", "disjoint", "touches", "crosses", "overlaps"):
        return int(_TESTS[name](other, shape))
    return int(_TESTS[name](shape, other))


def prepare(conn: Connection) -> bool:
    """Makes the exact test available on this connection; once for each.

    Returns:
        False when there is none (PostgreSQL without PostGIS).
    """
    known = conn.info.get("terrace_spatial")
    if known is None:
        if conn.dialect.name == "sqlite":
            raw: Any = conn.connection.dbapi_connection
            raw.create_function("terrace_spatial", 3, _test, deterministic=True)
            known = True
        else:
            known = conn.execute(text("SELECT 1 FROM pg_extension WHERE extname = 'postgis'")).scalar() == 1
        conn.info["terrace_spatial"] = known
    return bool(known)


def exact_clause(conn: Connection, table: RowTable, name: str, wkb: bytes) -> ColumnElement[bool]:
    """The exact test of a row's geometry against one geometry; unknown for rows without one.

    Raises:
        FilterError: this site's database cannot test it.
    """
    if not prepare(conn):
        zh, en = "此站点的数据库没有 PostGIS，只能按范围查询", "this site's database has no PostGIS: only boxes can be searched"
        raise FilterError(zh=zh, en=en)
    return exact_test(table.sql, conn.dialect.name, name, literal(wkb))


def exact_test(sql: Table, dialect: str, name: str, wanted: ColumnElement[Any]) -> ColumnElement[bool]:
    """The same with the wanted WKB as an expression, where `prepare` has found a test."""
    if dialect == "sqlite":
        found: ColumnElement[bool] = func.terrace_spatial(name, sql.c._wkb, wanted) == 1
        return found
    test: ColumnElement[bool] = getattr(func, f"ST_{name.capitalize()}")(func.ST_GeomFromWKB(sql.c._wkb, 4326), func.ST_GeomFromWKB(wanted, 4326))
    return test.is_(True)


def box_parts(box: Box) -> list[Box]:
    """A box as one or, across the antimeridian (west beyond east), two boxes."""
    west, south, east, north = box
    return [box] if west <= east else [(west, south, 180.0, north), (-180.0, south, east, north)]


def box_wkb(box: Box) -> bytes:
    """A box as WKB; without width or height it is a line or a point, since PostGIS takes a polygon without area for nothing."""
    west, south, east, north = box
    if west == east and south == north:
        shape: shapely.Geometry = shapely.Point(west, south)
    elif west == east or south == north:
        shape = shapely.LineString([(west, south), (east, north)])
    else:
        shape = shapely.box(west, south, east, north)
    return bytes(shapely.to_wkb(shape, byte_order=1))


def meets_and_inside(sql: Table, box: Sequence[Any]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """(the row's box meets this box, the row's box lies inside it); the box in numbers or parameters."""
    c = sql.c
    west, south, east, north = box
    meets = and_(c._west <= east, c._east >= west, c._south <= north, c._north >= south)
    inside = and_(c._west >= west, c._east <= east, c._south >= south, c._north <= north)
    return meets, inside


def boxes_overlap(sql: Table, box: Sequence[Any]) -> ColumnElement[bool]:
    """The same as `meets`, for PostgreSQL's index."""
    c = sql.c
    own = func.box(func.point(c._west, c._south), func.point(c._east, c._north))
    wanted = func.box(func.point(box[0], box[1]), func.point(box[2], box[3]))
    return own.op("&&", is_comparison=True)(wanted)


def near_clause(conn: Connection, table: RowTable, box: Box) -> ColumnElement[bool]:
    """Rows near a box, found by the index; `meets_clause` decides."""
    if conn.dialect.name != "sqlite" or table.boxes is None:
        return boxes_overlap(table.sql, box)
    c = table.boxes.c
    west, south, east, north = box
    return table.sql.c._rid.in_(select(c.id).where(c.x1 >= west, c.x0 <= east, c.y1 >= south, c.y0 <= north))


def spatial_clause(conn: Connection, table: RowTable, leaf: Spatial, truth: bool) -> ColumnElement[bool]:
    """True exactly where a row surely lies so (`truth`) or surely does not to the geometry of a filter; never for rows without geometry.

    Args:
        leaf: the filter's spatial comparison.
        truth: which of the two.
    """
    known = table.sql.c._wkb.is_not(None)
    if leaf.op == "intersects" and leaf.is_box:
        found = or_(*(meets_clause(conn, table, part) for part in box_parts(leaf.box)))
        return and_(known, found if truth else not_(found))
    exact = exact_clause(conn, table, leaf.op, leaf.geometry)
    near = true() if leaf.op == "disjoint" else or_(*(meets_and_inside(table.sql, part)[0] for part in box_parts(leaf.box)))
    return and_(known, near, exact) if truth else and_(known, not_(and_(near, exact)))


def meets_clause(conn: Connection, table: RowTable, box: Box) -> ColumnElement[bool]:
    """Rows whose geometry meets a box: by boxes, and exactly where the row's box reaches beyond it."""
    meets, inside = meets_and_inside(table.sql, box)
    if not prepare(conn):
        return meets
    return and_(meets, or_(inside, exact_clause(conn, table, "intersects", box_wkb(box))))
