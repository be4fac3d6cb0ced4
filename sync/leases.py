"""Leases and live lists: a copy of a record under lease is served only as long as its authority says that it is current (PROTOCOL 3.6).

A relay can hide an update: it goes on giving the old version, truly signed. Against that a record may be under lease (`terms.lease`, seconds):

1. *The authority* writes a `live` entry into its log with each entry under lease, and at least every half of the shortest lease: the hash of a bitmap, one bit
   for each leaf, 1 = current. With a clock that was set back it writes none (6.5).
2. *The entry travels* in the batches, proved like any other, to everyone who follows the log; the bitmap is fetched from whoever gave the entry and must have
   its hash. Relays pass on both, and can alter neither.
3. *A holder* shows a copy under lease when the newest list that it has covers its leaf and has its bit set. What it shows ends with the lease, counted from the
   time of the list: the end stands in the terms by which policies judge, so that every face, and every relay, lets it go by itself, whatever else stands still.
   A leaf without its bit is superseded: it goes at once.
4. A list more than 5 minutes ahead of the clock counts for nothing. Of two sources of one log the newest list holds.
"""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from catalog import tables as c
from catalog.canonical import JSON, b64, dumps, loads, unb64
from catalog.errors import CatalogError, NotFoundError
from catalog.transaction import WriteTransaction
from sync import tables as t
from sync.claims import read_time, write_time
from sync.clock import seconds_behind
from sync.context import Context
from sync.errors import AwayError, BatchError, PeerError, StatementError
from sync.notes import MAX_AHEAD
from sync.runs import Run, run_of_view

if TYPE_CHECKING:
    from sync.apply import Applier
    from sync.transport import Peers

__all__ = ["Current", "Leases", "LiveList", "lease_of", "live_bits", "parse_live"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LiveList:
    """What a `live` entry says. `bits`: SHA-256 of the bitmap. `size`: leaves that it covers. `time`: UTC seconds."""

    bits: bytes
    size: int
    time: int


def parse_live(body: str, at: int) -> LiveList:
    """Reads the body of a `live` entry at a place of a log.

    Raises:
        BatchError: it is none, or covers more than what stands before it.
    """
    # PROTOCOL 3.6
    try:
        value = loads(body)
        if isinstance(value, dict) and isinstance(value.get("bits"), str) and type(value.get("size")) is int and isinstance(value.get("time"), str):
            found = LiveList(unb64(cast(str, value["bits"])), cast(int, value["size"]), read_time(cast(str, value["time"])))
            if len(found.bits) == 32 and 0 <= found.size <= at:
                return found
    except (CatalogError, StatementError, ValueError):
        pass
    raise BatchError(zh=f"第 {at} 叶不是现行清单", en=f"leaf {at} is no live list", clause="3.6", kind="live")


def lease_of(manifest: str) -> int | None:
    """Seconds of the lease that a manifest's terms state, or None."""
    if '"lease":' not in manifest:
        return None
    terms = cast(Mapping[str, object], loads(manifest)).get("terms")
    lease = terms.get("lease") if isinstance(terms, dict) else None
    return lease if type(lease) is int and lease > 0 else None


def live_bits(conn: Connection, run: Run) -> bytes:
    """One bit for each leaf of an own log, lowest bit first: 1 = current."""
    bits = bytearray((run.size + 7) // 8)
    for at in conn.scalars(select(t.leaf.c.at).where(t.leaf.c.run == run.run, t.leaf.c.live == 1, t.leaf.c.at < run.size)):
        bits[at >> 3] |= 1 << (at & 7)
    return bytes(bits)


class Current:
    """What live lists say of copies under lease; remembers the lists that it looked at."""

    def __init__(self, conn: Connection, now: int) -> None:
        self._conn = conn
        self._now = now
        self._lists: dict[str, tuple[LiveList, bytes] | None] = {}

    def ends(self, origin: str, at: int, manifest: str) -> int | None:
        """When the lease of a copy ends, UTC seconds: 0 when no list says that it is current; None when it is under no lease."""
        # PROTOCOL 3.6
        lease = lease_of(manifest)
        if lease is None:
            return None
        if origin not in self._lists:
            self._lists[origin] = _newest(self._conn, origin, self._now)
        known = self._lists[origin]
        if known is None or at >= known[0].size or not known[1][at >> 3] >> (at & 7) & 1:
            return 0
        return known[0].time + lease


def _newest(conn: Connection, origin: str, now: int) -> tuple[LiveList, bytes] | None:
    live = t.live.c
    query = select(live.at, live.size, live.time, live.bits).where(live.origin == origin, live.bits.is_not(None), live.time <= now + MAX_AHEAD)
    row = conn.execute(query.order_by(live.at.desc()).limit(1)).one_or_none()
    return None if row is None else (LiveList(b"", row.size, row.time), bytes(row.bits))


class Leases:
    """The lists of one site: its own, which it renews, and those of others, which it fetches."""

    def __init__(self, context: Context) -> None:
        self._x = context
        self._shortest: int | None = None
        self._looked = False

    # --- 1: the authority --------------------------------------------------------------------------------------------------------------

    def due(self, conn: Connection, run: Run) -> bool:
        """Whether the own log wants a new list: its newest is older than half of the shortest lease, or does not cover a copy that could be given."""
        if not self._looked:
            self._shortest, self._looked = _shortest(conn), True
        if self._shortest is None:
            return False
        now = self._x.clock()
        if seconds_behind(conn, now):
            return False  # PROTOCOL 6.5: nothing with a time is written
        newest = conn.scalar(select(func.max(t.live.c.time)).where(t.live.c.run == run.run))
        return newest is None or now - newest >= self._shortest // 2 or newest > now + MAX_AHEAD

    def note(self, manifest: str) -> bool:
        """Takes notice of an own record that enters the log; tells whether it is under lease."""
        lease = lease_of(manifest)
        if lease is None:
            return False
        self._shortest = lease if self._shortest is None else min(self._shortest, lease)
        return True

    def body(self, conn: Connection, run: Run) -> tuple[str, bytes]:
        """Body and bitmap of a list of the own log as it is."""
        bits = live_bits(conn, run)
        said: dict[str, JSON] = {"bits": b64(hashlib.sha256(bits).digest()), "size": run.size, "time": write_time(self._x.clock())}
        return dumps(said).decode(), bits

    def keep_own(self, tx: WriteTransaction, run: Run, at: int, body: str, bits: bytes) -> None:
        """Keeps a list that was written into the own log; the ones before it are not needed any more."""
        tx.conn.execute(delete(t.live).where(t.live.c.run == run.run))
        _insert(tx.conn, run.run, run.origin, at, body, bits)
        self._looked = False  # leases may have gone meanwhile

    # --- 2: what is given and taken ------------------------------------------------------------------------------------------------------

    def bitmap(self, origin: str, peer: str) -> bytes:
        """The newest bitmap of the own log, or of one that a peer follows through this site.

        Raises:
            NotFoundError: there is none that this peer may ask for.
        """
        x = self._x
        with x.store.read() as conn:
            followed = select(t.view_out.c.run).where(t.view_out.c.peer == peer)
            live, r = t.live.c, t.run.c
            query = (
                select(live.bits).join(t.run, r.run == live.run).where(live.origin == origin, live.bits.is_not(None), (r.source == "") | live.run.in_(followed))
            )
            bits = conn.scalar(query.order_by(live.at.desc()).limit(1))
            if bits is None and (own := run_of_view(conn, origin, "", "")) is not None:
                return live_bits(conn, own)  # no lease, hence no list: what is current now
        if bits is None:
            raise NotFoundError
        return bytes(bits)

    def keep(self, tx: WriteTransaction, run: int, origin: str, at: int, body: str) -> None:
        """Keeps a proved entry of another's log; its bitmap is fetched afterwards."""
        if tx.conn.scalar(select(t.live.c.at).where(t.live.c.run == run, t.live.c.at >= at).limit(1)) is None:
            _insert(tx.conn, run, origin, at, body, None)

    def fetch(self, peers: "Peers", peer: str, applier: "Applier") -> int:
        """Fetches the bitmaps behind entries that a peer gave, and shows anew what they concern.

        Returns:
            How many came.
        """
        live = t.live.c
        with self._x.store.read() as conn:
            waiting = select(live.run, live.origin, live.at, live.body).join(t.run, t.run.c.run == live.run).where(t.run.c.source == peer, live.bits.is_(None))
            wanted = conn.execute(waiting.order_by(live.run, live.at.desc()).limit(100)).all()
        fetched = 0
        for row in wanted:
            said = parse_live(row.body, row.at)
            try:
                bits = peers.live(peer, row.origin, (said.size + 7) // 8)
            except AwayError:
                raise
            except PeerError as error:
                log.info("no live list of %s from %s yet: %s", row.origin, peer, error)
                continue
            if hashlib.sha256(bits).digest() != said.bits:
                log.info("the live list of %s from %s is another one than it gave notice of; asking again", row.origin, peer)
                continue
            with self._x.store.write() as tx:
                tx.conn.execute(t.live.update().where(live.run == row.run, live.at == row.at).values(bits=bits))
                tx.conn.execute(delete(t.live).where(live.run == row.run, live.at < row.at))
                applier.show(tx, _under_lease(tx.conn, row.origin), self._x.trust.in_(tx.conn, self._x.clock()))
            fetched += 1
        return fetched


def _insert(conn: Connection, run: int, origin: str, at: int, body: str, bits: bytes | None) -> None:
    said = parse_live(body, at)
    conn.execute(insert(t.live).values(run=run, origin=origin, at=at, size=said.size, time=said.time, body=body, bits=bits))


def _leased(column: ColumnElement[str]) -> ColumnElement[bool]:
    return column.contains('"lease":')  # and some whose lease is null, or which speak of one elsewhere: `lease_of` decides


def _under_lease(conn: Connection, origin: str) -> set[str]:
    """Ids of held records under lease that stand in a log."""
    h = t.holding.c
    runs = select(t.run.c.run).where(t.run.c.origin == origin)
    return set(conn.scalars(select(h.id).where(h.run.in_(runs), h.tomb == 0, _leased(h.manifest))))


def _shortest(conn: Connection) -> int | None:
    """The shortest lease of this site's own records."""
    manifests = conn.scalars(select(c.record.c.manifest).where(c.record.c.origin != "received", _leased(c.record.c.manifest)))
    return min((lease for manifest in manifests if (lease := lease_of(manifest)) is not None), default=None)
