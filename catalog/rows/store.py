"""Writing into one typed table and its box index: what batches of one's own, received batches and bases have in common."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from catalog.canonical import b64
from catalog.rows.encode import MAX_BYTES, MAX_ROWS, Encoded, full_row, stored_values
from catalog.rows.geometry import Box
from catalog.rows.tables import RowTable, load_table, note_state
from catalog.tables import row_batch
from catalog.transaction import WriteTransaction
from catalog.tree import Hash, sha256

__all__ = [
    "BatchHead",
    "Existing",
    "RowsDone",
    "TableWriter",
    "change_row",
    "chunks",
    "close_writer",
    "delete_rows",
    "existing_rows",
    "index_boxes",
    "next_prev",
    "note_batch",
    "open_writer",
    "store_rows",
]


@dataclass(frozen=True, slots=True)
class BatchHead:
    """The head of a batch. `text` is the canonical JSON that the log takes in."""

    id: str
    variant: str
    seq: int
    prev: str | None
    count: int
    root: bytes
    text: str


@dataclass(slots=True)
class RowsDone:
    """What became of it: heads of the batches made, and rows added, changed, removed, left as they were."""

    heads: list[BatchHead] = field(default_factory=list)
    added: int = 0
    changed: int = 0
    removed: int = 0
    same: int = 0


@dataclass(slots=True)
class TableWriter:
    """State of one table while it is written to: what is at the end noted in `row_table`."""

    tx: WriteTransaction
    table: RowTable
    hash_: Hash
    done: RowsDone
    next_rid: int
    seq: int
    prev: str | None
    count: int
    box: Box | None = None
    shrunk: bool = False


def open_writer(tx: WriteTransaction, id: str, variant: str, hash_: Hash) -> TableWriter:
    table = load_table(tx.conn, id, variant, lock=True)
    highest = tx.conn.execute(select(func.max(table.sql.c._rid))).scalar()
    head = tx.conn.execute(select(row_batch.c.head).where(row_batch.c.id == id, row_batch.c.variant == variant, row_batch.c.seq == table.seq)).scalar()
    return TableWriter(tx, table, hash_, RowsDone(), (highest or 0) + 1, table.seq, None if head is None else next_prev(head, hash_), table.count)


def next_prev(head: str, hash_: Hash = sha256) -> str:
    """What the batch after this head calls `prev`: of a base, the digest of the batch that it was taken after (5.1)."""
    value = orjson.loads(head)
    return str(value["prev"]) if value["base"] else b64(hash_(head.encode()))


def close_writer(writer: TableWriter) -> None:
    note_state(
        writer.tx.conn, writer.table, seq=writer.seq, count=writer.count, box=writer.box, shrunk=writer.shrunk and writer.table.geometry_column is not None
    )


def chunks(rows: Iterable[Encoded]) -> Iterator[dict[str, Encoded]]:
    """Cuts rows into batches (PROTOCOL 5.4). A second row of the same key in a batch replaces the first."""
    chunk: dict[str, Encoded] = {}
    size = 0
    for row in rows:
        if chunk and (len(chunk) >= MAX_ROWS or size + row.size > MAX_BYTES):
            yield chunk
            chunk, size = {}, 0
        chunk[row.key] = row
        size += row.size
    if chunk:
        yield chunk


@dataclass(frozen=True, slots=True)
class Existing:
    rid: int
    salt: bytes
    row: str
    wkb: bytes | None
    box: Box | None


def existing_rows(writer: TableWriter, keys: Sequence[str]) -> dict[str, Existing]:
    """Rows that are there, by key."""
    c = writer.table.sql.c
    spatial = writer.table.geometry_column is not None
    columns = [c._rid, c._key, c._salt, c._row, *((c._wkb, c._west, c._south, c._east, c._north) if spatial else ())]
    found: dict[str, Existing] = {}
    for start in range(0, len(keys), MAX_ROWS):
        for row in writer.tx.conn.execute(select(*columns).where(c._key.in_(keys[start : start + MAX_ROWS]))):
            box = (row._west, row._south, row._east, row._north) if spatial and row._west is not None else None
            found[row._key] = Existing(row._rid, bytes(row._salt), row._row, bytes(row._wkb) if spatial and row._wkb is not None else None, box)
    return found


def store_rows(writer: TableWriter, fresh: dict[str, Encoded], before: Mapping[str, Existing]) -> list[int]:
    """Writes rows into the typed table and their boxes into the index; rows that were there keep their number."""
    conn, table = writer.tx.conn, writer.table
    inserts: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    rids: list[int] = []
    for (key, row), (stored, box) in zip(fresh.items(), stored_values(table, list(fresh.values())), strict=True):
        old = before.get(key)
        if old is None:
            rid, writer.next_rid = writer.next_rid, writer.next_rid + 1
            inserts.append({**stored, "_rid": rid})
        else:
            rid = old.rid
            updates.append({**stored, "rid_": rid})
            writer.shrunk |= old.box is not None and old.box != box
        rids.append(rid)
        if box is not None:
            writer.box = box if writer.box is None else _union(writer.box, box)
        assert row.key == key
    if updates and table.boxes is not None and conn.dialect.name == "sqlite":
        conn.execute(delete(table.boxes).where(table.boxes.c.id.in_([row["rid_"] for row in updates])))
    if inserts:
        conn.execute(insert(table.sql), inserts)
    if updates:
        conn.execute(update(table.sql).where(table.sql.c._rid == bindparam("rid_")), updates)
    if table.boxes is not None:
        c = table.sql.c
        index_boxes(
            conn, table, c._rid.in_([row["rid_"] for row in updates]) if updates else None, (inserts[0]["_rid"], inserts[-1]["_rid"]) if inserts else None
        )
    writer.count += len(inserts)
    writer.done.added += len(inserts)
    writer.done.changed += len(updates)
    return rids


def index_boxes(conn: Connection, table: RowTable, updated: Any, inserted: tuple[int, int] | None) -> None:
    """Copies boxes of written rows into the R*Tree, inside the engine (SQLite; on PostgreSQL the index keeps itself).

    Args:
        updated: clause that finds updated rows, or None.
        inserted: first and last number of inserted rows, which are consecutive, or None.
    """
    if table.boxes is None or conn.dialect.name != "sqlite":
        return
    c = table.sql.c
    boxes = select(c._rid, c._west, c._east, c._south, c._north).where(c._west.is_not(None))
    for clause in (updated, c._rid.between(*inserted) if inserted else None):
        if clause is not None:
            conn.execute(insert(table.boxes).from_select(["id", "x0", "x1", "y0", "y1"], boxes.where(clause)))


def _union(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def delete_rows(writer: TableWriter, rows: Sequence[Existing]) -> None:
    if not rows:
        return
    conn, table = writer.tx.conn, writer.table
    rids = [row.rid for row in rows]
    conn.execute(delete(table.sql).where(table.sql.c._rid.in_(rids)))
    if table.boxes is not None and conn.dialect.name == "sqlite":
        conn.execute(delete(table.boxes).where(table.boxes.c.id.in_(rids)))
    writer.shrunk |= any(row.box is not None for row in rows)
    writer.count -= len(rows)
    writer.done.removed += len(rows)


def note_batch(tx: WriteTransaction, id: str, variant: str, seq: int, text: str, *, own: bool) -> None:
    tx.conn.execute(insert(row_batch).values(id=id, variant=variant, seq=seq, head=text, position=0))

    def place(conn: Connection, position: int) -> None:
        where = (row_batch.c.id == id, row_batch.c.variant == variant, row_batch.c.seq == seq)
        conn.execute(update(row_batch).where(*where).values(position=position))

    tx.change("rows", id, variant=variant, seq=seq, own=own, then=place)


def change_row(table: RowTable, seq: int, key: str, salt: bytes | None, leaf: bytes, row: str | None, before: Existing | None) -> dict[str, Any]:
    return {
        "id": table.id, "variant": table.variant, "seq": seq, "key": key, "salt": salt, "row": row, "leaf": leaf,
        "before_salt": None if before is None else before.salt, "before_row": None if before is None else full_row(table, before.row, before.wkb),
    }  # fmt: skip
