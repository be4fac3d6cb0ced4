"""What a closing of an epoch makes void goes at once, wherever it is held (PROTOCOL 6.2).

A superior may close an epoch at a size below what other sites hold: it was restored itself, or it closes where a thief began. Then:

1. A holding whose leaf is void is not shown (`Counting`) and given to nobody (`sync.judgement`). It stays what its source told us, until the source takes it
   back: the sum of the stream (4.6) still counts it.
2. When this site learns of a closing, `Voided.step` shows what is left of the records that it touches; their rows are read anew.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select

from sync import tables as t
from sync.context import Context
from sync.errors import TrustError
from sync.holdings import Holding
from sync.ids import Origin, parse_origin
from sync.runs import run_by_number
from sync.trust import Trust

if TYPE_CHECKING:
    from sync.apply import Applier

__all__ = ["Counting", "Voided"]


class Counting:
    """Tells which holdings count; remembers the logs of their runs."""

    def __init__(self, conn: Connection, trust: Trust) -> None:
        self._conn = conn
        self._trust = trust
        self._logs: dict[int, Origin] = {}

    def of(self, holdings: Sequence[Holding]) -> list[Holding]:
        """Those whose leaf is not void."""
        return [holding for holding in holdings if self._counts(holding)]

    def _counts(self, holding: Holding) -> bool:
        # PROTOCOL 6.2, 6.3
        if holding.run not in self._logs:
            self._logs[holding.run] = parse_origin(run_by_number(self._conn, holding.run).origin)
        try:
            self._trust.check_leaf(holding.id, self._logs[holding.run], holding.at)
        except TrustError:
            return False
        return True


class Voided:
    """Takes void leaves off the show when their epoch is closed. One for each exchange; used by the publish loop."""

    def __init__(self, context: Context, applier: "Applier") -> None:
        self._x = context
        self._applier = applier
        self._trust: Trust | None = None
        self._done: dict[str, int] = {}

    def step(self) -> None:
        """Looks for closings that are new; cheap while the statements say what they said."""
        with self._x.store.read() as conn:
            trust = self._x.trust.in_(conn, self._x.clock())
            if trust is self._trust:
                return
            new = self._new(conn, trust)
            touched = bool(new) and conn.scalar(select(t.run.c.run).where(_beyond(new)).limit(1)) is not None
        if touched:
            self._take_back(new)
        self._trust = trust
        self._done |= new

    def _new(self, conn: Connection, trust: Trust) -> dict[str, int]:
        """Logs held here whose epoch has ended, or ended earlier than was known: name → size."""
        found: dict[str, int] = {}
        for origin in conn.scalars(select(t.run.c.origin).where(t.run.c.source != "").distinct()):
            end = trust.end_of(parse_origin(origin))
            if end is not None and end < self._done.get(origin, end + 1):
                found[origin] = end
        return found

    def _take_back(self, ends: dict[str, int]) -> None:
        with self._x.store.write() as tx:
            trust = self._x.trust.in_(tx.conn, self._x.clock())
            records: set[str] = set()
            tables: set[str] = set()
            for run, origin in tx.conn.execute(select(t.run.c.run, t.run.c.origin).where(_beyond(ends))).all():
                h, r = t.holding.c, t.row_leaf.c
                tx.conn.execute(delete(t.view_out).where(t.view_out.c.run == run))  # its newest checkpoint is no news any more
                records |= set(tx.conn.scalars(select(h.id).where(h.run == run, h.at >= ends[origin])))
                tables |= set(tx.conn.scalars(select(r.id).where(r.run == run, r.at >= ends[origin])))
            counts = self._applier.show(tx, records, trust)
            for id in sorted(tables):
                self._applier.rows.void(tx, id)
            if records or tables:
                tx.audit("sync.void", detail={**counts, "logs": sorted(ends), "tables": len(tables)})


def _beyond(ends: dict[str, int]) -> ColumnElement[bool]:
    """Runs that go beyond the end of their epoch."""
    return or_(*(and_(t.run.c.origin == origin, t.run.c.source != "", t.run.c.size > end) for origin, end in ends.items()))
