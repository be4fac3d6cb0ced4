"""No way back: an older version is neither taken from who gave a newer one nor shown after it (PROTOCOL 4.7, invariant I6).

A relay can prove an old leaf as well as a new one. What it cannot do is make us forget what we saw: for each record the highest order is kept, for each
source (below it, the source lies or was restored: its batch is refused) and for what was shown (below it, a slower path is not shown).
"""

from collections.abc import Collection, Iterable, Mapping
from types import ModuleType

from sqlalchemy import Connection, Insert, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from catalog.transaction import WriteTransaction
from sync import tables as t
from sync.changes import RecordChange
from sync.errors import BatchError
from sync.trust import Order

__all__ = ["SHOWN", "check_source", "floors", "raise_floors"]

#: Stands in place of a source for what was shown.
SHOWN = ""
_CHUNK = 400


def floors(conn: Connection, source: str, ids: Collection[str]) -> dict[str, Order]:
    """The highest order known of each record, where there is one."""
    f = t.floor.c
    wanted, found = list(ids), dict[str, Order]()
    for start in range(0, len(wanted), _CHUNK):
        query = select(f.id, f.place, f.epoch, f.at).where(f.source == source, f.id.in_(wanted[start : start + _CHUNK]))
        found.update((id, (place, epoch, at)) for id, place, epoch, at in conn.execute(query))
    return found


def check_source(conn: Connection, source: str, changes: Iterable[RecordChange]) -> None:
    """Refuses a record that is older than what this source gave before.

    Raises:
        BatchError: kind `rollback`.
    """
    listed = list(changes)
    known = floors(conn, source, [change.id for change in listed])
    for change in listed:
        before = known.get(change.id)
        if before is not None and change.order < before:
            raise BatchError(
                zh=f"{change.id}：{source} 曾给出更新的版本（{before}），现在给出 {change.order}",
                en=f"{change.id}: {source} gave a newer version before ({before}) than now ({change.order})",
                clause="4.7",
                kind="rollback",
            )


def raise_floors(tx: WriteTransaction, source: str, orders: Mapping[str, Order]) -> None:
    """Remembers the orders that are higher than those known."""
    raised = _POSTGRESQL if tx.conn.dialect.name == "postgresql" else _SQLITE
    tx.many(raised, [{"source": source, "id": id, "place": place, "epoch": epoch, "at": at} for id, (place, epoch, at) in orders.items()])


def _raising(dialect: ModuleType) -> Insert:
    statement = dialect.insert(t.floor)
    new, known = statement.excluded, t.floor.c
    raised: Insert = statement.on_conflict_do_update(
        index_elements=[known.source, known.id],
        set_={"place": new.place, "epoch": new.epoch, "at": new.at},
        where=tuple_(new.place, new.epoch, new.at) > tuple_(known.place, known.epoch, known.at),
    )
    return raised


_POSTGRESQL, _SQLITE = _raising(postgresql), _raising(sqlite)
