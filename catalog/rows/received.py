"""Applying what peers sent: batches and bases, exactly as their authority made them. `sync` has proved them before."""

from collections.abc import Iterable, Sequence

import orjson
from sqlalchemy import delete, insert

from catalog.errors import RowsError
from catalog.rows.encode import encode_received
from catalog.rows.store import RowsDone, change_row, chunks, close_writer, delete_rows, existing_rows, note_batch, open_writer, store_rows
from catalog.tables import row_batch, row_change
from catalog.transaction import WriteTransaction
from catalog.tree import Hash, leaf_hash, sha256

__all__ = ["apply_received", "hole_key", "reset"]


def hole_key(place: int) -> str:
    """The key under which `row_change` keeps the leaf hash of a row that this site may not see. No row's key begins with `#`."""
    return f"#{place:06d}"


def apply_received(
    tx: WriteTransaction,
    id: str,
    variant: str,
    head: str,
    puts: Sequence[tuple[str, bytes, str]],
    removes: Sequence[tuple[str, bytes | None]],
    holes: Sequence[tuple[int, bytes]],
    hash_: Hash = sha256,
) -> RowsDone:
    """Applies one batch of a peer. `sync` has proved it against its head and the head against the log.

    Args:
        head: canonical text of the head.
        puts: key, salt, canonical row.
        removes: key and the salt of its leaf; no salt where the row only left this site's share.
        holes: place and hash of the leaves that this site may not see.

    Raises:
        NotFoundError: the table was not made (`create_table` from the record's fields).
        RowsError: the batch does not follow the newest one here, or a row does not fit the record's columns.
    """
    writer = open_writer(tx, id, variant, hash_)
    value = orjson.loads(head)
    if value["seq"] != writer.seq + 1 or value["base"]:
        zh, en = f"批次 {value['seq']} 不接续本站的 {writer.seq}", f"batch {value['seq']} does not follow this site's {writer.seq}"
        raise RowsError(zh=zh, en=en)
    fresh = {key: encode_received(writer.table, key, salt, row) for key, salt, row in puts}
    before = existing_rows(writer, [*fresh, *(key for key, _ in removes)])
    store_rows(writer, fresh, before)
    delete_rows(writer, [before[key] for key, _ in removes if key in before])
    writer.seq = value["seq"]
    changes = [
        change_row(writer.table, writer.seq, key, row.salt, leaf_hash(row.salt + row.full.encode(), hash_), row.full, before.get(key))
        for key, row in fresh.items()
    ]
    for key, salt in removes:
        leaf = b"" if salt is None else leaf_hash(salt + key.encode(), hash_)
        changes.append(change_row(writer.table, writer.seq, key, salt, leaf, None, before.get(key)))
    changes += [change_row(writer.table, writer.seq, hole_key(place), None, leaf, None, None) for place, leaf in holes]
    if changes:
        tx.conn.execute(insert(row_change), changes)
    note_batch(tx, id, variant, writer.seq, head, own=False)
    close_writer(writer)
    return writer.done


def reset(tx: WriteTransaction, id: str, variant: str, head: str, rows: Iterable[tuple[str, bytes, str]], hash_: Hash = sha256) -> RowsDone:
    """Replaces all rows by a base object that `sync` has proved (PROTOCOL 5.2). Earlier batches and before-images go.

    Args:
        head: canonical text of the base's head.
        rows: key, salt, canonical row.
    """
    writer = open_writer(tx, id, variant, hash_)
    table = writer.table
    if table.boxes is not None and tx.conn.dialect.name == "sqlite":
        tx.conn.execute(delete(table.boxes))
    writer.done.removed = tx.conn.execute(delete(table.sql)).rowcount
    for each in (row_batch, row_change):
        tx.conn.execute(delete(each).where(each.c.id == id, each.c.variant == variant))
    writer.count, writer.shrunk = 0, True
    for chunk in chunks(encode_received(table, key, salt, row) for key, salt, row in rows):
        store_rows(writer, chunk, {})
    writer.seq = orjson.loads(head)["seq"]
    note_batch(tx, id, variant, writer.seq, head, own=False)
    close_writer(writer)
    return writer.done
