"""The table behind a record's rows: its description in `row_table`, and the typed table `rows_<n>` itself, made at run time on either engine.

Columns of our own begin with an underscore, which no data column can. The small ones, that filters read, stand first; the large ones follow, so that a scan
does not read them:

    _rid     number, only inside this database            _split   where in _feature the geometry ends
    _key     canonical array of the key columns, unique   _salt    16 bytes of the leaf
    _west … _north   box of the geometry                  _feature the whole GeoJSON feature, bytes
    <data columns, typed>                                 _wkb     geometry as received
                                                          _row     canonical row without its geometry

A row of PostgreSQL must fit a page of 8 kB, so that at most TYPED columns have a typed column (the key first, then the others in their order); values of
further ones stand in `_row` and `_feature` like all others, and cannot be filtered or sorted by. The same on SQLite.

A box is found by an R*Tree on SQLite and by GiST over `box(point, point)` on PostgreSQL (built in; PostGIS only serves exact tests).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    Boolean,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy import Column as SqlColumn
from sqlalchemy import text as statement

from catalog.canonical import text
from catalog.errors import NotFoundError, RowsError
from catalog.rows.columns import KEY_TYPES, Column, check_columns, columns_from_items
from catalog.tables import BIG, CODE, row_batch, row_change, row_table

__all__ = ["RowTable", "create_table", "drop_table", "find_table", "load_table", "tables_of"]

#: Columns that can be filtered and sorted by.
TYPED = 380

_SQL_TYPES: Mapping[str, Any] = {"text": CODE, "integer": BIG, "decimal": CODE, "boolean": Boolean(), "date": CODE, "datetime": BIG}


@dataclass(frozen=True)
class RowTable:
    """A table of rows.

    Attributes:
        n: number in `rows_<n>`.
        id, variant: the record; variant "" is its own rows.
        columns: as the record's `items`, the geometry among them.
        key: names of the key columns.
        geometry: type of geometry (`polygon`, …) or None.
        seq: number of the newest batch.
        count: rows held here.
        box: west, south, east, north of all rows, or None.
    """

    n: int
    id: str
    variant: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    geometry: str | None
    seq: int
    count: int
    box: tuple[float, float, float, float] | None

    @property
    def data_columns(self) -> tuple[Column, ...]:
        """The columns but the geometry."""
        return tuple(column for column in self.columns if column.type != "geometry")

    @property
    def typed_columns(self) -> tuple[Column, ...]:
        """The columns that have a typed column in `sql`."""
        return _typed_columns(self.columns, self.key)

    @property
    def geometry_column(self) -> str | None:
        """The name of the geometry column."""
        return next((column.name for column in self.columns if column.type == "geometry"), None)

    @property
    def by_name(self) -> Mapping[str, Column]:
        """Columns by name."""
        return {column.name: column for column in self.columns}

    @property
    def sql(self) -> Table:
        """The typed table."""
        return _typed(self.n, self.columns, self.key)

    @property
    def boxes(self) -> Table | None:
        """The R*Tree beside it (SQLite), when there is a geometry."""
        return _boxes(self.n) if self.geometry_column else None

    @property
    def text_key(self) -> bool:
        """True when all key columns are text: then the order of `_key` is the order of rows."""
        return all(self.by_name[name].type == "text" for name in self.key)


@lru_cache(maxsize=512)
def _typed_columns(columns: tuple[Column, ...], key: tuple[str, ...]) -> tuple[Column, ...]:
    data = [column for column in columns if column.type != "geometry"]
    return tuple(sorted(data, key=lambda column: column.name not in key)[:TYPED])


@lru_cache(maxsize=512)
def _typed(n: int, columns: tuple[Column, ...], key: tuple[str, ...]) -> Table:
    data = [SqlColumn(column.name, _SQL_TYPES[column.type]) for column in _typed_columns(columns, key)]
    spatial = any(column.type == "geometry" for column in columns)
    box = [SqlColumn(name, Float) for name in ("_west", "_south", "_east", "_north")] if spatial else []
    shape = [SqlColumn("_wkb", LargeBinary)] if spatial else []
    table = Table(
        f"rows_{n}",
        MetaData(),
        SqlColumn("_rid", BIG, primary_key=True, autoincrement=False),
        SqlColumn("_key", CODE, nullable=False),
        *box,
        *data,
        SqlColumn("_split", Integer, nullable=False),
        SqlColumn("_salt", LargeBinary, nullable=False),
        SqlColumn("_feature", LargeBinary, nullable=False),
        *shape,
        SqlColumn("_row", Text, nullable=False),
        UniqueConstraint("_key", name=f"rows_{n}_key"),
    )
    by_name = {column.name: column for column in columns}
    if any(by_name[name].type != "text" for name in key):
        Index(f"rows_{n}_order", *(table.c[name] for name in key))
    return table


@lru_cache(maxsize=512)
def _boxes(n: int) -> Table:
    return Table(f"rows_{n}_box", MetaData(), SqlColumn("id", BIG, primary_key=True), *(SqlColumn(name, Float) for name in ("x0", "x1", "y0", "y1")))


def create_table(
    conn: Connection, id: str, variant: str, columns: Sequence[Column], key: Sequence[str], geometry: str | None = None, *, seq: int = 0
) -> RowTable:
    """Makes the table of a record's rows (in the caller's transaction).

    Args:
        columns: in the order in which people see them; the geometry, if any, among them.
        key: names of the columns whose values name a row; they may never be null.
        geometry: type of geometry for clients (`point`, `polygon`, `geometry`, …).
        seq: number of the newest batch that it stands for.

    Raises:
        RowsError: columns or key not allowed, or the table exists.
    """
    checked = check_columns(columns)
    by_name = {column.name: column for column in checked}
    wrong = [name for name in key if name not in by_name or by_name[name].type not in KEY_TYPES]
    if not key or wrong or len(set(key)) != len(key) or len(key) > 8:
        zh, en = f"主键不合规定：{list(key)}", f"not a key: {list(key)}; a key is one to eight columns of text, integers, dates or times"
        raise RowsError(zh=zh, en=en)
    spatial = any(column.type == "geometry" for column in checked)
    if find_table(conn, id, variant) is not None:
        raise RowsError(zh=f"数据表已存在：{id} {variant}", en=f"the table of rows exists already: {id} {variant}")
    values = {
        "id": id,
        "variant": variant,
        "columns": text([column.as_item() for column in checked]),
        "key": text(list(key)),
        "geometry": (geometry or "geometry") if spatial else None,
        "seq": seq,
        "count": 0,
    }
    n = conn.execute(insert(row_table).values(values).returning(row_table.c.n)).scalar_one()
    made = load_table(conn, id, variant)
    made.sql.create(conn)
    if spatial and conn.dialect.name == "sqlite":
        conn.execute(statement(f"CREATE VIRTUAL TABLE rows_{n}_box USING rtree(id, x0, x1, y0, y1)"))
    elif spatial:
        conn.execute(statement(f"CREATE INDEX rows_{n}_box ON rows_{n} USING gist (box(point(_west, _south), point(_east, _north)))"))
    return made


def drop_table(conn: Connection, id: str, variant: str, *, keep_batches: bool = False) -> None:
    """Drops the rows, and with them the batches unless they are to be kept; nothing happens when there are none."""
    found = find_table(conn, id, variant)
    if found is not None:
        if found.boxes is not None and conn.dialect.name == "sqlite":
            conn.execute(statement(f"DROP TABLE rows_{found.n}_box"))
        found.sql.drop(conn)
        conn.execute(delete(row_table).where(row_table.c.n == found.n))
    if not keep_batches:
        for table in (row_batch, row_change):
            conn.execute(delete(table).where(table.c.id == id, table.c.variant == variant))


def find_table(conn: Connection, id: str, variant: str = "", *, lock: bool = False) -> RowTable | None:
    """The table of a record's rows, or None. `lock` keeps other writers of the same table out until the transaction ends."""
    query = select(row_table).where(row_table.c.id == id, row_table.c.variant == variant)
    found = conn.execute(query.with_for_update() if lock else query).first()
    return None if found is None else _described(found)


def load_table(conn: Connection, id: str, variant: str = "", *, lock: bool = False) -> RowTable:
    """The table of a record's rows.

    Raises:
        NotFoundError: the record has no rows here.
    """
    found = find_table(conn, id, variant, lock=lock)
    if found is None:
        raise NotFoundError
    return found


def tables_of(conn: Connection, id: str) -> list[RowTable]:
    """All tables of a record: its own rows and its variants'."""
    return [_described(row) for row in conn.execute(select(row_table).where(row_table.c.id == id).order_by(row_table.c.variant))]


def note_state(conn: Connection, table: RowTable, *, seq: int, count: int, box: tuple[float, float, float, float] | None, shrunk: bool) -> None:
    """Writes the newest batch number, the number of rows and their common box.

    Args:
        box: of the rows that were put, to grow by.
        shrunk: rows at the edge went or moved, so that the box must be taken anew.
    """
    if shrunk:
        c = table.sql.c
        west, south, east, north = conn.execute(select(func.min(c._west), func.min(c._south), func.max(c._east), func.max(c._north))).one()
    elif table.box and box:
        west, south, east, north = (*map(min, table.box[:2], box[:2]), *map(max, table.box[2:], box[2:]))
    else:
        west, south, east, north = box or table.box or (None, None, None, None)
    values = {"seq": seq, "count": count, "west": west, "south": south, "east": east, "north": north}
    conn.execute(update(row_table).where(row_table.c.n == table.n).values(values))


@lru_cache(maxsize=512)
def _columns(items: str) -> tuple[Column, ...]:
    return columns_from_items(orjson.loads(items))


def _described(row: Row[Any]) -> RowTable:
    return RowTable(
        n=row.n,
        id=row.id,
        variant=row.variant,
        columns=_columns(row.columns),
        key=tuple(orjson.loads(row.key)),
        geometry=row.geometry,
        seq=row.seq,
        count=row._mapping["count"],  # a row has a method of that name
        box=None if row.west is None else (row.west, row.south, row.east, row.north),
    )
