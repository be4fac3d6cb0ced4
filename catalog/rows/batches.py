"""Writing rows: changes of the site's own become numbered batches with a head (PROTOCOL 5.1, 5.4); received batches are applied as they were made.

Rules:

1. A batch holds at most 1,000 rows and 1 MiB. Its leaves stand in byte order of their keys: a put is H(0x00 ‖ salt ‖ row), a removal H(0x00 ‖ salt ‖ key).
2. Each head names the one before it (`prev`), so that the newest head stands for the whole history.
3. What a batch did is kept in `row_change` with before-images until `forget` (5.2): a row that leaves a reader's filter is that reader's removal.
4. Putting a row that is there already with the same content is no change; putting only such rows makes no batch.
5. Received batches also keep the hashes of the leaves that this site may not see, as `row_change` rows whose key is `#<place>`: a relay needs them to prove
   its share to the next.
6. Every batch takes a position in the transaction (`tx.change("rows", …)`), by which `sync` finds it.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyroaring import BitMap
from sqlalchemy import delete, insert, select

from catalog.canonical import JSON, b64, dumps
from catalog.rows.columns import Column
from catalog.rows.encode import MAX_BYTES, MAX_ROWS, SALT_BYTES, Encoded, encode
from catalog.rows.reshape import reshape
from catalog.rows.store import (
    BatchHead,
    RowsDone,
    TableWriter,
    change_row,
    chunks,
    close_writer,
    delete_rows,
    existing_rows,
    note_batch,
    open_writer,
    store_rows,
)
from catalog.rows.tables import create_table, find_table
from catalog.tables import row_change
from catalog.transaction import WriteTransaction
from catalog.tree import Hash, leaf_hash, sha256, tree_root

__all__ = ["RowChanges", "apply_changes", "ensure_table", "forget", "put"]


@dataclass(slots=True)
class RowChanges:
    """What to do with a record's rows.

    Attributes:
        puts: rows to put, column → loose value.
        removes: keys to remove, each the values of the key columns.
        replace: rows that are not among `puts` are removed.
        seen: numbers of the rows that earlier calls for the same replacement have put; grows. So a large replacement is spread over several transactions,
            the last of which has `replace`.
        columns, key, geometry: make the table with these when there is none yet, or bring it to them.
    """

    puts: Iterable[Mapping[str, Any]] = ()
    removes: Iterable[Sequence[Any]] = ()
    replace: bool = False
    seen: BitMap | None = None
    columns: Sequence[Column] | None = None
    key: Sequence[str] | None = None
    geometry: str | None = None


def put(tx: WriteTransaction, id: str, variant: str, changes: RowChanges, hash_: Hash = sha256) -> RowsDone:
    """Changes the rows of a record of the site's own; makes the table, or brings it to new columns, when `changes` bring them.

    Raises:
        NotFoundError: no table, and no columns to make one of.
        RowsError: a row, a key or columns that are not allowed; nothing of the transaction may be kept then.
    """
    if changes.columns is not None:
        table = find_table(tx.conn, id, variant, lock=True)
        if table is not None and tuple(changes.key or ()) != table.key:
            apply_changes(tx, id, variant, replace=True, hash_=hash_)  # under a new key every row is another row
        ensure_table(tx, id, variant, changes.columns, changes.key or (), changes.geometry)
    return apply_changes(tx, id, variant, changes.puts, changes.removes, replace=changes.replace, seen=changes.seen, hash_=hash_)


def ensure_table(tx: WriteTransaction, id: str, variant: str, columns: Sequence[Column], key: Sequence[str], geometry: str | None = None) -> None:
    """Makes the table of rows, or brings the one that is there to these columns; its rows stay.

    Raises:
        RowsError: columns or key not allowed.
    """
    table = find_table(tx.conn, id, variant, lock=True)
    if table is None:
        create_table(tx.conn, id, variant, columns, key, geometry)
    elif (tuple(columns), tuple(key)) != (table.columns, table.key) or (geometry is not None and geometry != table.geometry):
        reshape(tx.conn, table, columns, key, geometry)


def apply_changes(
    tx: WriteTransaction,
    id: str,
    variant: str,
    puts: Iterable[Mapping[str, Any]] = (),
    removes: Iterable[Sequence[Any]] = (),
    *,
    replace: bool = False,
    seen: BitMap | None = None,
    hash_: Hash = sha256,
) -> RowsDone:
    """Puts and removes rows, in bounded memory: `puts` may be a generator of millions.

    Args:
        puts: rows, column → loose value. Of two with the same key in one batch the later counts.
        removes: keys, each the values of the key columns; unknown ones are no change, one that is also put stays.
        replace: rows that are not among `puts` are removed.
        seen: see `RowChanges`.
        hash_: H of the site's suite.

    Returns:
        Heads of the batches made, and counts.

    Raises:
        NotFoundError: the record has no table of rows.
        RowsError: a row that is not allowed.
    """
    writer = open_writer(tx, id, variant, hash_)
    if seen is None and replace:
        seen = BitMap()
    gone = dict.fromkeys(dumps(list(key)).decode() for key in removes)
    last: dict[str, Encoded] = {}
    for chunk in chunks(encode(writer.table, row) for row in puts):
        _write_chunk(writer, last, [], seen)
        last = chunk
        for key in gone.keys() & chunk.keys():
            del gone[key]
    for keys in _with_room(last, list(gone)):
        _write_chunk(writer, last, keys, seen)
        last = {}
    if replace and seen is not None:
        _remove_unseen(writer, seen)
    close_writer(writer)
    return writer.done


def _with_room(chunk: Mapping[str, Encoded], keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cuts removals into batches; the first goes with the last rows put when both fit into one batch (PROTOCOL 5.4)."""
    size = sum(row.size for row in chunk.values()) + sum(len(key.encode()) for key in keys)
    first = 0 if chunk and (len(chunk) + len(keys) > MAX_ROWS or size > MAX_BYTES) else MAX_ROWS
    yield keys[:first]
    for start in range(first, len(keys), MAX_ROWS):
        yield keys[start : start + MAX_ROWS]


def _write_chunk(writer: TableWriter, chunk: dict[str, Encoded], removes: Sequence[str], seen: BitMap | None) -> None:
    """Makes one batch of puts and removals, if anything changes."""
    before = existing_rows(writer, [*chunk, *removes])
    fresh = {key: row for key, row in chunk.items() if key not in before or (before[key].row, before[key].wkb) != (row.row, row.wkb)}
    gone = [key for key in dict.fromkeys(removes) if key in before and key not in chunk]
    writer.done.same += len(chunk) - len(fresh)
    if seen is not None:
        seen.update(before[key].rid for key in chunk if key in before)
    if not fresh and not gone:
        return
    rids = store_rows(writer, fresh, before)
    if seen is not None:
        seen.update(rids)
    delete_rows(writer, [before[key] for key in gone])
    leaves: dict[str, tuple[bytes, bytes]] = {key: (row.salt, leaf_hash(row.salt + row.full.encode(), writer.hash_)) for key, row in fresh.items()}
    for key in gone:
        salt = secrets.token_bytes(SALT_BYTES)
        leaves[key] = salt, leaf_hash(salt + key.encode(), writer.hash_)
    ordered = sorted(leaves, key=str.encode)
    head = _make_head(writer, [leaves[key][1] for key in ordered])
    writer.tx.conn.execute(
        insert(row_change),
        [change_row(writer.table, head.seq, key, *leaves[key], fresh[key].full if key in fresh else None, before.get(key)) for key in ordered],
    )
    writer.done.heads.append(head)


def _remove_unseen(writer: TableWriter, seen: BitMap) -> None:
    """Removes rows that a replacement did not bring."""
    c = writer.table.sql.c
    gone = [key for rid, key in writer.tx.conn.execute(select(c._rid, c._key)) if rid not in seen]
    for start in range(0, len(gone), MAX_ROWS):
        _write_chunk(writer, {}, gone[start : start + MAX_ROWS], None)


def _make_head(writer: TableWriter, leaves: Sequence[bytes]) -> BatchHead:
    """Numbers a batch, chains it to the one before, and takes its place in the transaction (PROTOCOL 5.1)."""
    table = writer.table
    writer.seq += 1
    root = tree_root(leaves, writer.hash_)
    members: dict[str, JSON] = {
        "base": False, "count": len(leaves), "id": table.id, "prev": writer.prev, "root": b64(root), "seq": writer.seq, "variant": table.variant,
    }  # fmt: skip
    text = dumps(members).decode()
    head = BatchHead(table.id, table.variant, writer.seq, writer.prev, len(leaves), root, text)
    writer.prev = b64(writer.hash_(text.encode()))
    note_batch(writer.tx, head.id, head.variant, head.seq, text, own=True)
    return head


def forget(tx: WriteTransaction, id: str, variant: str, through: int) -> int:
    """Drops before-images and contents of batches up to `through`: every reader has passed them, or their horizon has ended (PROTOCOL 5.2)."""
    where = (row_change.c.id == id, row_change.c.variant == variant, row_change.c.seq <= through)
    return tx.conn.execute(delete(row_change).where(*where)).rowcount
