"""Rows from peers: proved batches into the catalog's tables, in order, from one source at a time (PROTOCOL 5.2, 5.4).

Rules:

1. The rows of a record come from one source: the first that gives them. Others are counted (their `head` must agree) but not applied; when the first one
   ends, the record's rows go, and those of the next source are read anew from their beginning.
2. Batches are applied in order of `seq`. A reset empties the table; what follows continues at its `seq` + 1.
3. A record whose columns are not disclosed here has no table: its batches are counted, nothing is kept.
4. Rows go with their record: when it is no longer shown, the table is dropped.
"""

from collections.abc import Mapping
from typing import Any, cast

import orjson
from sqlalchemy import Connection, and_, delete, insert, select, update

from catalog import tables as c
from catalog.canonical import JSON
from catalog.rows.columns import columns_from_items
from catalog.rows.received import apply_received
from catalog.rows.tables import create_table, drop_table, find_table
from catalog.transaction import WriteTransaction
from policies.errors import TerraceError
from sync import batch as batches
from sync import tables as t
from sync.context import Context
from sync.errors import BatchError
from sync.holdings import holdings_of, shown

__all__ = ["RowApplier"]


class RowApplier:
    """Applies what a batch says about rows, inside its transaction."""

    def __init__(self, context: Context) -> None:
        self._x = context

    def apply(self, tx: WriteTransaction, source: str, verdict: batches.Verdict, runs: Mapping[str, int], round_: int) -> None:
        """Applies the row changes of a verified batch, in its order. Call after the records of the batch were shown."""
        for change in verdict.changes:
            if isinstance(change, batches.RowsChange):
                self._batch(tx, source, change, runs[str(change.origin)], round_)
            elif isinstance(change, batches.ResetChange):
                self._reset(tx, source, change, round_)

    def forget(self, tx: WriteTransaction, source: str, id: str) -> None:
        """The source no longer gives this record."""
        if self._feeds(tx.conn, source, id):
            self._drop(tx, id)
            others = select(t.row_inlet.c.source).where(t.row_inlet.c.id == id, t.row_inlet.c.source != source)
            tx.conn.execute(update(t.inlet).where(t.inlet.c.peer.in_(others)).values(cursor=0))  # rule 1: read the next source anew
        for table in (t.row_inlet, t.row_leaf):
            tx.conn.execute(delete(table).where(table.c.source == source, table.c.id == id))

    def forget_unseen(self, tx: WriteTransaction, source: str, round_: int) -> None:
        """What a full read did not bring."""
        r = t.row_inlet.c
        for id in set(tx.conn.scalars(select(r.id).where(r.source == source, r.round < round_))):
            self.forget(tx, source, id)

    def hide(self, tx: WriteTransaction, id: str) -> None:
        """The record is no longer shown."""
        self._drop(tx, id)

    def void(self, tx: WriteTransaction, id: str) -> None:
        """Batches of its rows are void (PROTOCOL 6.2): the table goes until the next epoch brings it."""
        for variant in self._drop(tx, id):
            tx.change("rows", id, variant=variant, seq=0, own=False)

    # --- one change --------------------------------------------------------------------------------------------------------------------

    def _batch(self, tx: WriteTransaction, source: str, change: batches.RowsChange, run: int, round_: int) -> None:
        head = change.rows.head
        before = self._inlet(tx.conn, source, head.id, head.variant)
        anew = before is None or before.round != round_  # the first of a full read, or the first ever
        self._keep(tx.conn, source, head.id, head.variant, seq=head.seq, digest=head.digest, round_=round_)
        where = {"source": source, "id": head.id, "variant": head.variant, "seq": head.seq}
        tx.conn.execute(delete(t.row_leaf).where(and_(*(t.row_leaf.c[name] == value for name, value in where.items()))))
        tx.conn.execute(insert(t.row_leaf).values(**where, run=run, at=change.index, head=head.text))
        if not self._x.settings.rows or self._other_feeds(tx.conn, source, head.id):
            return
        if anew and head.seq == 1 and find_table(tx.conn, head.id, head.variant) is not None:
            drop_table(tx.conn, head.id, head.variant)
        if find_table(tx.conn, head.id, head.variant) is None and (head.seq != 1 or not self._create(tx, head.id, head.variant)):
            return
        try:
            apply_received(tx, head.id, head.variant, head.text, change.rows.puts, change.rows.removes, change.rows.holes, self._x.site.digest)
        except TerraceError as error:
            raise BatchError(zh=f"列批次无法套用：{error.zh}", en=f"a batch of rows cannot be applied: {error.en}", clause="5.3", kind="rows") from error

    def _reset(self, tx: WriteTransaction, source: str, change: batches.ResetChange, round_: int) -> None:
        if not self._other_feeds(tx.conn, source, change.id):
            drop_table(tx.conn, change.id, change.variant)
            tx.change("rows", change.id, variant=change.variant, seq=change.seq, own=False)
        self._keep(tx.conn, source, change.id, change.variant, seq=change.seq, digest=None, round_=round_)

    def _create(self, tx: WriteTransaction, id: str, variant: str) -> bool:
        """Makes the table from the record's fields; False when they do not say what its columns are."""
        pending = tx.pending(id)
        text = (
            pending.row["fields"] if pending is not None and pending.row is not None else tx.conn.scalar(select(c.record.c.fields).where(c.record.c.id == id))
        )
        fields = self._held(tx.conn, id) if text is None else cast(dict[str, JSON], orjson.loads(text))
        shape = _shape(fields, variant)
        if shape is None:
            return False
        try:
            create_table(tx.conn, id, variant, columns_from_items(shape[0]), shape[1], shape[2])
        except TerraceError:
            return False
        return True

    def _held(self, conn: Connection, id: str) -> dict[str, JSON]:
        """The fields of a record that is held and not shown: its lease waits for a list (PROTOCOL 3.6)."""
        best = shown(holdings_of(conn, [id]).get(id, []))
        return {} if best is None else {name: orjson.loads(text)[2] for name, text in best.disclosures.items()}

    # --- who feeds ---------------------------------------------------------------------------------------------------------------------

    def _inlet(self, conn: Connection, source: str, id: str, variant: str) -> Any:
        r = t.row_inlet.c
        return conn.execute(select(t.row_inlet).where(r.source == source, r.id == id, r.variant == variant)).one_or_none()

    def _keep(self, conn: Connection, source: str, id: str, variant: str, *, seq: int, digest: str | None, round_: int) -> None:
        key = {"source": source, "id": id, "variant": variant}
        values = {"seq": seq, "digest": digest, "round": round_, "feeds": int(not self._other_feeds(conn, source, id))}
        where = and_(*(t.row_inlet.c[name] == value for name, value in key.items()))
        if conn.execute(update(t.row_inlet).where(where).values(**values)).rowcount == 0:
            conn.execute(insert(t.row_inlet).values(**key, **values))

    def _feeds(self, conn: Connection, source: str, id: str) -> bool:
        r = t.row_inlet.c
        return conn.scalar(select(r.seq).where(r.source == source, r.id == id, r.feeds == 1).limit(1)) is not None

    def _other_feeds(self, conn: Connection, source: str, id: str) -> bool:
        r = t.row_inlet.c
        return conn.scalar(select(r.seq).where(r.source != source, r.id == id, r.feeds == 1).limit(1)) is not None

    def _drop(self, tx: WriteTransaction, id: str) -> list[str]:
        variants = list(tx.conn.scalars(select(c.row_table.c.variant).where(c.row_table.c.id == id)))
        for variant in variants:
            drop_table(tx.conn, id, variant)
        return variants


def _shape(fields: Mapping[str, Any], variant: str) -> tuple[list[dict[str, Any]], list[str], str | None] | None:
    """Columns, key and geometry of a table as the record's fields say: of the resource with rows (and that variant)."""
    for name, value in sorted(fields.items()):
        if name.startswith("resources.") and isinstance(value, dict) and value.get("rows") and (value.get("variant") or "") == variant:
            items = value.get("items") or (fields.get("items") if not variant else None) or fields.get("items")
            key = value.get("key")
            if isinstance(items, list) and isinstance(key, list):
                return items, [str(part) for part in key], value.get("geometry")
    return None
