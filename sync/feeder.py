"""Keeps the streams in step with the catalog: changes, policies, statements and the clock (PROTOCOL 4.1, 4.3, 8).

What may change what a peer may have, and what follows:

* a record or rows changed: that id is judged again for each peer, once its change is in the log;
* the policy changed, or the statements say something else of the peer: a *sweep* judges everything in pages, withdrawals first;
* a moment has come at which a decision may change by the clock alone (an embargo ends, a term runs out): that id is judged again.

Late work here is never a leak: each item is judged again when it is sent.
"""

import json
import time
from collections.abc import Iterable

from sqlalchemy import Connection, func, select

from catalog import tables as c
from catalog.transaction import WriteTransaction
from sync import tables as t
from sync.clock import seconds_behind
from sync.context import Context
from sync.errors import TrustError
from sync.judgement import Judge
from sync.logbook import EPOCH_FROM, LOGGED, first_unlogged
from sync.objects import note_uses
from sync.states import get_number, set_number
from sync.streams import PAGE, SWEEP, Outlet, open_outlet
from sync.trust import Trust

__all__ = ["STREAMED", "Feeder"]

#: Name of the position up to which changes are in the streams.
STREAMED = "streamed"
_CHANGES = 1000
_WITHDRAW, _OFFER = "withdraw", "offer"


class Feeder:
    """Feeds the streams of all peers. Used by one thread."""

    def __init__(self, context: Context) -> None:
        self._x = context
        self._seen: tuple[Trust | None, bool] = None, False
        self._looked = 0.0

    def step(self) -> bool:
        """Does one piece of each kind of work that there is.

        Returns:
            Whether there may be more to do at once.
        """
        with self._x.store.read() as conn:
            now = self._x.clock()
            if (waiting := first_unlogged(conn)) is not None and waiting <= get_number(conn, EPOCH_FROM):
                return False  # PROTOCOL 6.2: first the new log takes in what is current
            changed = get_number(conn, STREAMED) < _ready(conn)
            stale = self._stale(conn, now)
            sweeping = stale or conn.scalar(select(t.outlet.c.peer).where(t.outlet.c.sweep.is_not(None)).limit(1)) is not None
            due = conn.scalar(select(t.due.c.peer).where(t.due.c.at <= now).limit(1)) is not None
        moved: set[str] = set()
        if changed:
            sweeping |= self._changes(moved)
        if stale:
            self._actors()
        more = self._sweeps(moved) if sweeping else False
        more |= self._due(moved) if due else False
        if moved:
            self._x.wake.ring(*(f"stream:{peer}" for peer in moved))
        return more or changed

    def idle(self) -> bool:
        """Whether all that was logged is in the streams and no sweep is pending (for `status` and tests)."""
        with self._x.store.read() as conn:
            behind = get_number(conn, STREAMED) < (conn.scalar(select(func.max(c.change.c.position))) or 0)
            return not behind and not conn.scalar(select(func.count()).select_from(t.outlet).where(t.outlet.c.sweep.is_not(None)))

    # --- changes ---------------------------------------------------------------------------------------------------------------------

    def _changes(self, moved: set[str]) -> bool:
        """Judges again what changed; True when that began a sweep."""
        with self._x.store.write() as tx:
            done, ready = get_number(tx.conn, STREAMED), _ready(tx.conn)
            position = c.change.c.position
            rows = tx.conn.execute(select(c.change).where(position > done, position <= ready).order_by(position).limit(_CHANGES)).all()
            ids = list(dict.fromkeys(row.id for row in rows if row.id is not None))
            policy = any(row.what == "policy" for row in rows)
            note_uses(tx.conn, ids)
            for outlet, judge in self._outlets(tx.conn):
                if policy:
                    outlet.sweep = SWEEP
                self._settle(outlet, judge, ids, moved)
                outlet.save()
            reached = rows[-1].position if rows else ready
            set_number(tx.conn, STREAMED, reached)
            if reached > get_number(tx.conn, LOGGED):  # nothing own lies between: the next look begins here
                set_number(tx.conn, LOGGED, reached)
        return policy

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

    def _stale(self, conn: Connection, now: int) -> bool:
        """Whether the statements say something new of some peer, a peer is new, or the clock was set back or right again; looked at when statements or clock
        changed, and every second."""
        seen = self._x.trust.in_(conn, now), bool(seconds_behind(conn, now))
        if seen == self._seen and time.monotonic() - self._looked < 1:
            return False
        known = {row.peer: row.actor for row in conn.execute(select(t.outlet.c.peer, t.outlet.c.actor))}
        for peer in conn.scalars(select(t.peer.c.node).where(t.peer.c.state == "active")).all():
            try:
                if Judge(self._x, conn, peer, now).key != known.get(peer):
                    return True
            except TrustError:
                if known.get(peer) is not None:
                    return True
        self._seen, self._looked = seen, time.monotonic()
        return False

    def _actors(self) -> None:
        """Begins a sweep for each peer of which the statements say something new, and for new peers."""
        with self._x.store.write() as tx:
            for outlet, judge in self._outlets(tx.conn):
                if outlet.actor != judge.key:
                    outlet.actor, outlet.sweep = judge.key, SWEEP
                    outlet.save()

    def _sweeps(self, moved: set[str]) -> bool:
        with self._x.store.write() as tx:
            sweeping = [(outlet, judge) for outlet, judge in self._outlets(tx.conn) if outlet.sweep is not None]
            first = [pair for pair in sweeping if json.loads(pair[0].sweep or "")[0] == _WITHDRAW]
            for outlet, judge in (first or sweeping)[:8]:
                if outlet.sweep == SWEEP:
                    outlet.actor = judge.key
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
        more = False
        with self._x.store.write() as tx:
            for outlet, judge in self._outlets(tx.conn):
                ids = outlet.due(self._x.clock(), PAGE)
                self._settle(outlet, judge, ids, moved)
                outlet.save()
                more |= len(ids) == PAGE
        return more


def _ready(conn: Connection) -> int:
    """The newest position that may go into the streams: all before the first own change that no log proves yet."""
    waiting = first_unlogged(conn)
    return waiting - 1 if waiting is not None else int(conn.scalar(select(func.max(c.change.c.position))) or 0)
