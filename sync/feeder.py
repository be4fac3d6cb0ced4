"""Keeps the streams in step with the catalog: changes, policies, statements and the clock (PROTOCOL 4.1, 4.3, 8).

What may change what a peer may have, and what follows:

* a record or rows changed: that id is judged again for each peer, once its change is in the log;
* the policy changed, or the statements say something else of the peer: a *sweep* judges everything in pages, withdrawals first;
* a moment has come at which a decision may change by the clock alone (an embargo ends, a term runs out): that id is judged again.

Late work here is never a leak: each item is judged again when it is sent.
"""

import json
import logging
from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from catalog import tables as c
from catalog.transaction import WriteTransaction
from sync import tables as t
from sync.context import Context
from sync.errors import TrustError
from sync.judgement import Judge
from sync.logbook import LOGGED
from sync.objects import note_uses
from sync.states import get_number, set_number
from sync.streams import PAGE, Outlet, open_outlet

__all__ = ["STREAMED", "Feeder"]

#: Name of the position up to which changes are in the streams.
STREAMED = "streamed"
_CHANGES = 1000
_WITHDRAW, _OFFER = "withdraw", "offer"

log = logging.getLogger(__name__)


class Feeder:
    """Feeds the streams of all peers. Used by one thread."""

    def __init__(self, context: Context) -> None:
        self._x = context

    def step(self) -> bool:
        """Does one piece of each kind of work.

        Returns:
            Whether there is more to do at once.
        """
        moved: set[str] = set()
        more = self._changes(moved)
        more |= self._actors(moved)
        more |= self._sweeps(moved)
        more |= self._due(moved)
        self._x.wake.ring(*(f"stream:{peer}" for peer in moved))
        return more

    def idle(self) -> bool:
        """Whether all that was logged is in the streams and no sweep is pending (for `status` and tests)."""
        with self._x.store.read() as conn:
            behind = get_number(conn, STREAMED) < (conn.scalar(select(func.max(c.change.c.position))) or 0)
            return not behind and not conn.scalar(select(func.count()).select_from(t.outlet).where(t.outlet.c.sweep.is_not(None)))

    # --- changes ---------------------------------------------------------------------------------------------------------------------

    def _changes(self, moved: set[str]) -> bool:
        with self._x.store.read() as conn:
            if get_number(conn, STREAMED) >= get_number(conn, LOGGED):
                return False
        with self._x.store.write() as tx:
            done, logged = get_number(tx.conn, STREAMED), get_number(tx.conn, LOGGED)
            position = c.change.c.position
            rows = tx.conn.execute(select(c.change).where(position > done, position <= logged).order_by(position).limit(_CHANGES)).all()
            ids = list(dict.fromkeys(row.id for row in rows if row.id is not None))
            policy = any(row.what == "policy" for row in rows)
            note_uses(tx.conn, ids)
            for outlet, judge in self._outlets(tx.conn):
                if policy:
                    outlet.sweep = json.dumps([_WITHDRAW, ""])
                self._settle(outlet, judge, ids, moved)
                outlet.save()
            set_number(tx.conn, STREAMED, rows[-1].position if rows else logged)
        return True

    def _settle(self, outlet: Outlet, judge: Judge, ids: list[str], moved: set[str]) -> None:
        table = outlet.rows_of(ids)
        for id, judged in judge.judge(ids).items():
            if outlet.settle(id, table.get(id, {}), judged.verdict):
                moved.add(outlet.peer)

    def _outlets(self, conn: Connection) -> Iterable[tuple[Outlet, Judge]]:
        """The streams of the peers that are certified now."""
        now = self._x.clock()
        for peer in list(conn.scalars(select(t.peer.c.node).where(t.peer.c.state == "active").order_by(t.peer.c.node))):
            outlet = open_outlet(conn, peer)
            try:
                judge = Judge(self._x, conn, peer, now)
            except TrustError:
                if outlet.actor is not None:  # certified again, it is judged anew
                    outlet.actor = None
                    outlet.save()
                continue
            yield outlet, judge

    # --- sweeps ----------------------------------------------------------------------------------------------------------------------

    def _actors(self, moved: set[str]) -> bool:
        """Begins a sweep for each peer of which the statements say something new, and for new peers."""
        del moved
        with self._x.store.read() as conn:
            now, stale = self._x.clock(), False
            for peer in conn.scalars(select(t.peer.c.node).where(t.peer.c.state == "active")):
                actor = conn.scalar(select(t.outlet.c.actor).where(t.outlet.c.peer == peer))
                try:
                    stale |= Judge(self._x, conn, peer, now).key != actor
                except TrustError:
                    stale |= actor is not None
        if not stale:
            return False
        with self._x.store.write() as tx:
            for outlet, judge in self._outlets(tx.conn):
                if outlet.actor != judge.key:
                    outlet.actor, outlet.sweep = judge.key, json.dumps([_WITHDRAW, ""])
                    outlet.save()
        return True

    def _sweeps(self, moved: set[str]) -> bool:
        with self._x.store.read() as conn:
            if conn.scalar(select(t.outlet.c.peer).where(t.outlet.c.sweep.is_not(None)).limit(1)) is None:
                return False
        with self._x.store.write() as tx:
            sweeping = [(outlet, judge) for outlet, judge in self._outlets(tx.conn) if outlet.sweep is not None]
            first = [pair for pair in sweeping if json.loads(pair[0].sweep or "")[0] == _WITHDRAW]
            for outlet, judge in (first or sweeping)[:8]:
                self._sweep_page(tx, outlet, judge, moved)
                outlet.save()
        return bool(sweeping)

    def _sweep_page(self, tx: WriteTransaction, outlet: Outlet, judge: Judge, moved: set[str]) -> None:
        phase, after = json.loads(outlet.sweep or "")
        if phase == _WITHDRAW:
            ids = outlet.put_ids(after, PAGE)
        else:
            ids = list(tx.conn.scalars(select(c.record.c.id).where(c.record.c.id > after).order_by(c.record.c.id).limit(PAGE)))
        self._settle(outlet, judge, ids, moved)
        if len(ids) == PAGE:
            outlet.sweep = json.dumps([phase, ids[-1]])
        else:
            outlet.sweep = json.dumps([_OFFER, ""]) if phase == _WITHDRAW else None
            moved.add(outlet.peer)  # the head may be signed now

    # --- the clock -------------------------------------------------------------------------------------------------------------------

    def _due(self, moved: set[str]) -> bool:
        now = self._x.clock()
        with self._x.store.read() as conn:
            if conn.scalar(select(t.due.c.peer).where(t.due.c.at <= now).limit(1)) is None:
                return False
        more = False
        with self._x.store.write() as tx:
            for outlet, judge in self._outlets(tx.conn):
                ids = outlet.due(now, PAGE)
                self._settle(outlet, judge, ids, moved)
                outlet.save()
                more |= len(ids) == PAGE
        return more
