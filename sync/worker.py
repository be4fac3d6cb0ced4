"""The loops of the exchange, in the peer process (PROTOCOL 4, 3.3).

    publish   catalog's changes → own log → witness → streams; woken by the writer of this process at once, of others by a look every 50 ms
    pull      one for each peer with an address: long poll, apply, again; backs off while the peer is away or refuses
    push      one for each superior of a site that has no address of its own: brings it the batches that it cannot fetch
    objects   fetches wanted files

A loop that fails waits and goes on; it never takes the process along. `stop` ends the waits.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from policies.errors import TerraceError
from sync import batch as batches
from sync import tables as t
from sync.clock import seconds_behind
from sync.errors import AwayError, HaltError, PeerError, SyncError, TrustError
from sync.inlets import open_inlet
from sync.recovery import LONGEST_PAUSE
from sync.statements import parse_all
from sync.states import get_number, set_number
from sync.trust import Trust
from sync.trusted import MAX_OF_ISSUER, keep_statements
from sync.wire import MAX_STATEMENTS

if TYPE_CHECKING:
    from sync.exchange import Exchange

__all__ = ["Worker"]

#: Seconds: between rounds of what only the clock moves; longest pause after a failure; between two fetches of a peer's statements.
TICK, LONGEST, STATEMENTS = 1.0, 30.0, 60.0
#: Seconds to leave a witness alone that did not answer.
WITNESS_PAUSE = 5.0
_SHORTEST = 0.2
#: Pages of statements in one fetch.
_PAGES = 50
#: Reasons for which a statement that is truly signed counts for nothing; the others (expired, revoked) come about by themselves.
_SUSPECT = frozenset({"cycle", "scope", "equivocation", "succession", "epoch"})

log = logging.getLogger(__name__)


@dataclass
class _Pull:
    """The pull or push loop of one peer."""

    peer: str
    thread: threading.Thread
    stop: threading.Event = field(default_factory=threading.Event)


class Worker:
    """Starts, keeps and ends the loops."""

    def __init__(self, exchange: "Exchange") -> None:
        self._e = exchange
        self._x = exchange.context
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._pulls: dict[tuple[str, Callable[[str, threading.Event], None]], _Pull] = {}
        self._pushed: dict[str, int] = {}
        self._witness_again, self._witness_pause = 0.0, WITNESS_PAUSE
        self._clock_behind = False

    def start(self) -> None:
        """Starts every loop."""
        self._x.store.on_change(lambda _position: self._x.wake.ring("position"))
        for name, run in (("sync-publish", self._publish), ("sync-peers", self._peers), ("sync-objects", self._objects)):
            thread = threading.Thread(target=self._keep, args=(name, run), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def end(self) -> None:
        """Tells every loop and every wait of the endpoints to end; returns at once."""
        self._stop.set()
        self._x.wake.stop()
        for pull in list(self._pulls.values()):
            pull.stop.set()

    def stop(self, timeout: float = 5.0) -> None:
        """Ends every loop and every wait of the endpoints, and waits for them; a long poll at a peer may outlive it as a daemon thread."""
        self.end()
        deadline = time.monotonic() + timeout
        for thread in [*self._threads, *(pull.thread for pull in self._pulls.values())]:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _keep(self, name: str, run: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                run()
            except Exception:
                if self._stop.is_set():
                    return
                log.exception("the loop %s failed; it goes on in %g s", name, TICK)
                self._stop.wait(TICK)

    # --- publish -----------------------------------------------------------------------------------------------------------------------

    def _publish(self) -> None:
        seen, position, ticked = 0, -1, 0.0
        while not self._stop.is_set():
            newest = self._x.store.position()
            if newest != position or time.monotonic() - ticked >= TICK:
                position, ticked = newest, time.monotonic()
                self.publish_once()
            seen = self._x.wake.wait("position", seen, self._x.settings.poll)

    def publish_once(self) -> None:
        """Brings log, cosignature and streams up to date."""
        self._look_at_clock()
        self._e.voided.step()
        if not self._e.recovery.step():  # PROTOCOL 6.2: the log went back
            return
        while self._e.logbook.append() and not self._stop.is_set():
            pass
        if self._e.logbook.renew_live():
            self._e.ring_followers()
        self._ask_witness()
        while self._e.feeder.step() and not self._stop.is_set():
            pass

    def _look_at_clock(self) -> None:
        """Says loudly, once, that the clock was set back, and that it is right again (PROTOCOL 6.5)."""
        with self._x.store.read() as conn:
            behind = seconds_behind(conn, self._x.clock())
        if bool(behind) == self._clock_behind:
            return
        self._clock_behind = bool(behind)
        if behind:
            log.error("the clock is %d s behind a time that a witness has signed: timed permissions are closed, nothing with a time is signed", behind)
        with self._x.store.write() as tx:
            tx.audit("clock.behind" if behind else "clock.right", outcome="alarm" if behind else "done", detail={"seconds": behind})

    def _ask_witness(self) -> None:
        if time.monotonic() < self._witness_again or not self._e.logbook.needs_witness():
            return
        try:
            if self._e.logbook.ask_witness(self._e.peers):
                self._witness_pause = WITNESS_PAUSE
                self._e.ring_followers()
        except TerraceError as error:
            # The log stays `signed`, which is valid and may be relayed (PROTOCOL 3.5); the witness is asked again.
            self._witness_pause = min(self._witness_pause * 2, LONGEST_PAUSE) if self._e.recovery.notice(error) else WITNESS_PAUSE
            self._witness_again = time.monotonic() + self._witness_pause
            log.warning("no cosignature: %s", error)

    # --- pull --------------------------------------------------------------------------------------------------------------------------

    def _peers(self) -> None:
        seen = 0
        while not self._stop.is_set():
            with self._x.store.read() as conn:
                wanted = set(conn.scalars(select(t.peer.c.node).where(t.peer.c.state == "active", t.peer.c.url != "")))
            loops = {(peer, run) for peer in wanted for run in ([self._pull] if self._x.settings.url else [self._pull, self._push])}
            for key in self._pulls.keys() - loops:
                self._pulls.pop(key).stop.set()
            for peer, run in loops - self._pulls.keys():
                stop = threading.Event()
                thread = threading.Thread(target=run, args=(peer, stop), name=f"sync{run.__name__}-{peer[:10]}", daemon=True)
                self._pulls[peer, run] = _Pull(peer, thread, stop)
                thread.start()
            seen = self._x.wake.wait("peers", seen, TICK)

    def _pull(self, peer: str, stop: threading.Event) -> None:
        pause, statements_at = _SHORTEST, 0.0
        while not stop.is_set() and not self._stop.is_set():
            try:
                if time.monotonic() >= statements_at:
                    self.fetch_statements(peer)
                    statements_at = time.monotonic() + STATEMENTS
                again = self.pull_once(peer, wait=self._x.settings.wait)
                self._reached(peer)
                if again:
                    stop.wait(pause)
                    pause = min(pause * 2, LONGEST)
                else:
                    pause = _SHORTEST
            except HaltError as error:
                self._failed(peer, error)
                stop.wait(LONGEST)
            except TerraceError as error:
                if stop.is_set() or self._stop.is_set():
                    return
                self._failed(peer, error)
                statements_at = 0.0 if isinstance(error, PeerError) or error.kind in ("uncertified", "no-key", "note") else statements_at
                stop.wait(pause)
                pause = min(pause * 2, LONGEST if isinstance(error, AwayError) else 2 * LONGEST)
            except Exception as error:
                if stop.is_set() or self._stop.is_set():
                    return
                log.exception("pulling from %s failed", peer)
                self._failed(peer, SyncError(zh=f"内部错误：{error}", en=f"internal error: {error}"))
                stop.wait(pause)
                pause = min(pause * 2, LONGEST)

    def pull_once(self, peer: str, *, wait: int = 0, limit: int = batches.MAX_ITEMS) -> bool:
        """Asks a peer once for its changes and applies what it gives.

        Returns:
            Whether a full read begins with the next request although none was expected (then do not hurry).

        Raises:
            SyncError: away, refused by it, or refused by us.
        """
        with self._x.store.read() as conn:
            row = conn.execute(select(t.inlet).where(t.inlet.c.peer == peer)).one_or_none()
        gen, cursor = (None, 0) if row is None else (row.gen, row.cursor)
        with self._noting(peer, "GET changes"):
            answer = self._e.peers.changes(peer, gen=gen, cursor=cursor, wait=wait, limit=limit)
            offered = batches.parse_gen(answer.json().get("gen")) if answer.status == 409 else None
        if offered is not None:
            with self._x.store.write() as tx:
                open_inlet(tx.conn, peer)
                tx.conn.execute(update(t.inlet).where(t.inlet.c.peer == peer).values(gen=offered, cursor=0))
                set_number(tx.conn, f"statements {peer}", 0)  # it may have been restored, and count its statements anew
            return gen is not None and cursor == 0
        again = answer.status != 204 and self._e.apply(peer, answer.body).outcome == "again"
        if self._e.leases.fetch(self._e.peers, peer, self._e.applier):
            self._x.wake.ring("position")
        return again

    def _push(self, peer: str, stop: threading.Event) -> None:
        """Brings a peer our stream, for want of an address at which it could fetch it."""
        pause, bell = _SHORTEST, f"stream:{peer}"
        while not stop.is_set() and not self._stop.is_set():
            seen = self._x.wake.count(bell)
            try:
                if self.push_once(peer):
                    pause = _SHORTEST
                    continue
                self._x.wake.wait(bell, seen, TICK)
            except TerraceError as error:
                if stop.is_set() or self._stop.is_set():
                    return
                self._failed(peer, error)
                stop.wait(pause)
                pause = min(pause * 2, LONGEST)

    def push_once(self, peer: str) -> bool:
        """Brings a peer the next batch of its stream; False when there is none.

        Raises:
            SyncError: away, or refused by it.
        """
        with self._x.store.read() as conn:
            row = conn.execute(select(t.outlet.c.gen, t.outlet.c.acked).where(t.outlet.c.peer == peer)).one_or_none()
        if row is None:
            return False
        served = self._e.serve(peer, row.gen, self._pushed.get(peer, row.acked), batches.MAX_ITEMS)
        if served is None or served.kind != "batch":
            return False
        answer = self._e.peers.push(peer, served.body).json()
        cursor = answer.get("from")
        same = answer.get("gen") in (None, served.gen) or answer.get("gen") == row.gen
        self._pushed[peer] = cursor if same and type(cursor) is int else 0
        return True

    def fetch_statements(self, peer: str) -> int:
        """Takes over the statements that a peer came to know since we asked last; returns how many were new and count."""
        name, added = f"statements {peer}", 0
        for _ in range(_PAGES):  # what is left comes with the next fetch: a peer must not keep us at it
            with self._x.store.read() as conn:
                since = get_number(conn, name)
            with self._noting(peer, "GET statements"):
                answer = self._e.peers.statements(peer, since)
                tokens, seq = answer.get("statements"), answer.get("next")
                if not isinstance(tokens, list) or type(seq) is not int or seq <= since:
                    return added
                offered = parse_all([str(token) for token in tokens], limit=MAX_STATEMENTS)
            now = self._x.clock()
            with self._x.store.write() as tx:
                before = self._x.trust.in_(tx.conn, now)
                trust, fresh = before.extend(offered), {statement.digest for statement in offered} - {statement.digest for statement in before.statements}
                counting = [statement for statement in offered if trust.counts(statement.digest)]
                added += keep_statements(tx.conn, counting, source=peer, now=now, limit=MAX_OF_ISSUER)
                set_number(tx.conn, name, seq)
            self._left_out(peer, trust, fresh)
        return added

    def _left_out(self, peer: str, trust: Trust, offered: Collection[str]) -> None:
        """Says in the audit log which statements were not taken over, or are kept and mean nothing because they claim what they may not (PROTOCOL 6.1): an
        honest peer offers none of these."""
        for refusal in trust.refusals:
            if refusal.digest in offered and (not trust.counts(refusal.digest) or refusal.kind in _SUSPECT):
                error = TrustError(zh=refusal.zh, en=f"{refusal.iss} about {refusal.sub}: {refusal.en}", clause=refusal.clause, kind=refusal.kind)
                self._e.refusals.note(error, at="GET statements", caller=peer)

    @contextmanager
    def _noting(self, peer: str, at: str) -> Iterator[None]:
        """Notes an answer that was refused as a whole. Being away or refusing us is no such thing; what a batch holds is noted with its quarantine."""
        try:
            yield
        except TerraceError as error:
            if not isinstance(error, PeerError) and error.kind != "away":
                self._e.refusals.note(error, at=at, caller=peer)
            raise

    # --- what the clerk sees -------------------------------------------------------------------------------------------------------------

    def _reached(self, peer: str) -> None:
        """Notes that a peer answered: at once after an error, else every half minute."""
        now = self._x.clock()
        with self._x.store.read() as conn:
            row = conn.execute(select(t.peer.c.contact, t.peer.c.error).where(t.peer.c.node == peer)).one_or_none()
        if row is None or (row.error is None and row.contact is not None and now - row.contact < 30):
            return
        with self._x.store.write() as tx:
            tx.conn.execute(update(t.peer).where(t.peer.c.node == peer).values(contact=now, error=None, error_at=None))

    def _failed(self, peer: str, error: TerraceError) -> None:
        text = f"{error.kind}: {error.en}"[:500]
        with self._x.store.read() as conn:
            before = conn.scalar(select(t.peer.c.error).where(t.peer.c.node == peer))
        if before == text:
            return
        log.warning("peer %s: %s", peer, text)
        with self._x.store.write() as tx:
            tx.conn.execute(update(t.peer).where(t.peer.c.node == peer).values(error=text, error_at=self._x.clock()))

    # --- objects -----------------------------------------------------------------------------------------------------------------------

    def _objects(self) -> None:
        seen = 0
        while not self._stop.is_set():
            if not self._e.objects.fetch_next():
                seen = self._x.wake.wait("objects", seen, TICK)
