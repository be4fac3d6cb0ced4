"""Where this site is in the stream of each peer, and what it has of it: the state that a batch is verified against (PROTOCOL 4.2–4.6)."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from sync import batch as batches
from sync import tables as t
from sync.context import Context

__all__ = ["open_inlet", "read_state"]

_CHUNK = 400


def open_inlet(conn: Connection, peer: str) -> Row[Any]:
    """The row of `sync_inlet`; a new one stands before a full read."""
    row = conn.execute(select(t.inlet).where(t.inlet.c.peer == peer)).one_or_none()
    if row is None:
        conn.execute(insert(t.inlet).values(peer=peer, gen=None, cursor=0, round=0, full=0, total=b"\0" * 32, held=0))
        row = conn.execute(select(t.inlet).where(t.inlet.c.peer == peer)).one()
    return row


def read_state(conn: Connection, context: Context, source: str, parsed: batches.Batch) -> batches.State:
    """What this site has of one source, as far as a batch needs it."""
    now = context.clock()
    inlet = conn.execute(select(t.inlet).where(t.inlet.c.peer == source)).one_or_none()
    round_ = 0 if inlet is None else inlet.round
    live = _live(conn, source, round_, sorted(parsed.ids))
    origins = [part.origin for part in parsed.logs]
    return batches.State(
        me=context.me,
        source=source,
        zone=context.zone,
        now=now,
        trust=context.trust.in_(conn, now),
        gen=None if inlet is None else inlet.gen,
        cursor=0 if inlet is None else inlet.cursor,
        full=inlet is not None and bool(inlet.full),
        views=_views(conn, source, origins),
        fingerprints=live.prints,
        total=0 if inlet is None else int.from_bytes(inlet.total, "big"),
        rows=live.rows,
        authorities=live.authorities,
        known=_known(conn, origins),
    )


@dataclass
class _Live:
    """Live entries of one source in one round: what an earlier full read brought and the present one has not yet is not among them."""

    prints: dict[tuple[str, str], bytes] = field(default_factory=dict)
    authorities: dict[str, str] = field(default_factory=dict)
    rows: dict[tuple[str, str], batches.RowsCursor] = field(default_factory=dict)


def _live(conn: Connection, source: str, round_: int, ids: list[str]) -> _Live:
    live = _Live()
    h, r = t.holding.c, t.row_inlet.c
    for start in range(0, len(ids), _CHUNK):
        some = ids[start : start + _CHUNK]
        query = (
            select(h.id, h.fingerprint, t.run.c.node)
            .join(t.run, t.run.c.run == h.run)
            .where(h.source == source, h.id.in_(some), h.tomb == 0, h.round == round_)
        )
        for id, value, node in conn.execute(query):
            live.prints[id, ""] = bytes(value)
            live.authorities[id] = node
        for row in conn.execute(select(t.row_inlet).where(r.source == source, r.id.in_(some), r.round == round_)):
            live.rows[row.id, row.variant] = batches.RowsCursor(row.seq, row.digest)
    return live


def _views(conn: Connection, source: str, origins: Collection[str]) -> dict[str, batches.View]:
    """The newest view of each log from this source."""
    query = select(t.run).where(t.run.c.source == source, t.run.c.origin.in_(list(origins)), t.run.c.size > 0).order_by(t.run.c.run)
    return {row.origin: batches.View(row.view, row.size, bytes(row.root), row.note or "") for row in conn.execute(query)}


def _known(conn: Connection, origins: Collection[str]) -> dict[str, batches.View]:
    """The newest checkpoint of each log from any source, this site's own log included."""
    query = select(t.run).where(t.run.c.origin.in_(list(origins)), t.run.c.size > 0).order_by(t.run.c.size, t.run.c.run)
    return {row.origin: batches.View(row.view, row.size, bytes(row.root), row.note or "") for row in conn.execute(query)}
