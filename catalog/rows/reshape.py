"""Bringing a table of rows to other columns. Rows stay as they were hashed; only their typed columns and GeoJSON are made anew."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select, update

from catalog.errors import RowsError
from catalog.rows.columns import Column, typed_value
from catalog.rows.encode import MAX_ROWS, Encoded, key_text, stored_values
from catalog.rows.store import index_boxes
from catalog.rows.tables import RowTable, create_table, drop_table, load_table
from catalog.tables import row_table

__all__ = ["reshape"]

#: What the old table is called meanwhile; no variant can be.
_ASIDE = "#old"


def reshape(conn: Connection, table: RowTable, columns: Sequence[Column], key: Sequence[str], geometry: str | None) -> None:
    """Makes the table anew with other columns and copies its rows.

    A value that does not fit its new type is absent in filters and in GeoJSON until the row is put again; its canonical row keeps it. Rows that have no
    value for a new key do not come along: the owner removes all rows before changing the key, a receiver gets them anew.

    Raises:
        RowsError: columns or key not allowed.
    """
    conn.execute(update(row_table).where(row_table.c.n == table.n).values(variant=table.variant + _ASIDE))
    create_table(conn, table.id, table.variant, columns, key, geometry or table.geometry, seq=table.seq)
    fresh = load_table(conn, table.id, table.variant)
    rid = 0
    for chunk in _batches(conn, table):
        rows = [row for row in (_taken_over(fresh, each) for each in chunk) if row is not None]
        stored = [{**values, "_rid": rid + place} for place, (values, _) in enumerate(stored_values(fresh, rows), 1)]
        if stored:
            conn.execute(insert(fresh.sql), stored)
            index_boxes(conn, fresh, None, (rid + 1, rid + len(stored)))
        rid += len(stored)
    box = dict(zip(("west", "south", "east", "north"), table.box or (None,) * 4, strict=True)) if fresh.geometry_column else {}
    conn.execute(update(row_table).where(row_table.c.n == fresh.n).values(count=rid, **box))
    drop_table(conn, table.id, table.variant + _ASIDE, keep_batches=True)


def _batches(conn: Connection, table: RowTable) -> Iterator[Sequence[Any]]:
    c = table.sql.c
    columns = [c._rid, c._salt, c._row, *((c._wkb,) if table.geometry_column else ())]
    after = 0
    while rows := conn.execute(select(*columns).where(c._rid > after).order_by(c._rid).limit(MAX_ROWS)).all():
        yield rows
        after = rows[-1]._rid


def _taken_over(table: RowTable, row: Any) -> Encoded | None:
    values: Mapping[str, Any] = orjson.loads(row._row)
    kept = {column.name: values[column.name] for column in table.data_columns if column.name in values and _fits(column, values[column.name])}
    wkb = getattr(row, "_wkb", None) if table.geometry_column else None
    try:
        return Encoded(key_text(table, kept), row._row, "", bytes(row._salt), kept, None if wkb is None else bytes(wkb))
    except RowsError:
        return None


def _fits(column: Column, value: Any) -> bool:
    try:
        typed_value(column, value)
    except RowsError:
        return False
    return True
