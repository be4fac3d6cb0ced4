"""The statements that this site knows, in its database, and the trust that follows from them (PROTOCOL 6.1, 6.5).

`sync.trust` is the pure function; here is what it is a function of: every statement ever accepted (nothing is forgotten: a receipt of today must verify in
ten years), the anchors (this node itself and the root ids that it came to trust by joining), and the clock.
"""

import hashlib
import threading
from collections.abc import Iterable
from typing import cast

from sqlalchemy import Connection, func, insert, select

from catalog.canonical import dumps, loads
from catalog.store import Store
from sync import tables as t
from sync.clock import seconds_behind
from sync.statements import Certify, EpochClose, NodeStatement, Statement, Succession, parse_all
from sync.trust import Trust

__all__ = ["MAX_OF_ISSUER", "TrustStore", "add_anchor", "anchors", "keep_statements", "statement_tokens"]

_ANCHORS = "anchors"
#: Statements of one issuer that are taken over from peers.
MAX_OF_ISSUER = 20_000


class TrustStore:
    """The trust of this site as of a moment; kept in memory and renewed when statements, anchors or the clock ask for it. Safe for threads."""

    def __init__(self, store: Store, node: str, zone: str) -> None:
        self._store = store
        self._node = node
        self._zone = zone
        self._lock = threading.Lock()
        self._trust: Trust | None = None
        self._mark: tuple[int, str, tuple[str, ...]] = (0, "", ())

    def at(self, now: int) -> Trust:
        """The trust at a moment, from the newest committed statements."""
        with self._store.read() as conn:
            return self.in_(conn, now)

    def in_(self, conn: Connection, now: int) -> Trust:
        """The trust at a moment, from the statements that a connection sees. While the clock stands behind what was verified, that is the moment (6.5)."""
        s = t.statement.c
        now += seconds_behind(conn, now)
        newest = conn.execute(select(s.seq, s.digest).order_by(s.seq.desc()).limit(1)).one_or_none() or (0, "")
        mark = (*newest, anchors(conn))
        with self._lock:
            known, before = self._trust, self._mark
            if known is None or before[2] != mark[2] or mark[0] < before[0] or not self._continues(conn, before):
                tokens = [token for _, token in statement_tokens(conn)]
                known = Trust(parse_all(tokens), anchors={self._node, *mark[2]}, zone=self._zone, now=now)
            elif mark != before:  # only what is new is read and verified: a nation's statements take seconds
                known = known.extend(parse_all(token for _, token in statement_tokens(conn, before[0])), now=now)
            elif now < known.now or (known.valid_until is not None and now >= known.valid_until):
                known = known.at(now)
            self._trust, self._mark = known, mark
            return known

    @staticmethod
    def _continues(conn: Connection, mark: tuple[int, str, tuple[str, ...]]) -> bool:
        """Whether the newest statement that was read is still there: a transaction that was seen from inside may have been rolled back since."""
        seq, digest, _ = mark
        return seq == 0 or conn.scalar(select(t.statement.c.digest).where(t.statement.c.seq == seq)) == digest


def anchors(conn: Connection) -> tuple[str, ...]:
    """Root ids that this site trusts beside its own."""
    value = conn.scalar(select(t.state.c.value).where(t.state.c.name == _ANCHORS))
    return () if value is None else tuple(cast(list[str], loads(value)))


def add_anchor(conn: Connection, root: str) -> None:
    """Trusts one more root (the one that an invite named and a person confirmed)."""
    known = set(anchors(conn))
    if root in known:
        return
    text = dumps(sorted(known | {root})).decode()
    if known:
        conn.execute(t.state.update().where(t.state.c.name == _ANCHORS).values(value=text))
    else:
        conn.execute(insert(t.state).values(name=_ANCHORS, value=text))


def statement_tokens(conn: Connection, since: int = 0, limit: int | None = None) -> list[tuple[int, str]]:
    """Compact JWS in the order in which this site came to know them: (seq, token)."""
    query = select(t.statement.c.seq, t.statement.c.jws).where(t.statement.c.seq > since).order_by(t.statement.c.seq)
    return [(seq, jws) for seq, jws in conn.execute(query if limit is None else query.limit(limit))]


def keep_statements(conn: Connection, statements: Iterable[Statement], *, source: str, now: int, limit: int | None = None) -> int:
    """Keeps statements that are not known yet, one row for each signature; returns how many tokens were new.

    Args:
        conn: inside a write transaction.
        statements: verified or not: what counts is decided by `Trust`.
        source: node id that gave them; this node's own for its own.
        now: UTC seconds.
        limit: most that are kept of one issuer; None for what this site says or a person has confirmed.
    """
    seq = int(conn.scalar(select(func.max(t.statement.c.seq))) or 0)
    added = 0
    room: dict[str, int] = {}
    for statement in statements:
        for token in statement.tokens:
            digest = hashlib.sha256(token.encode()).hexdigest()
            if conn.scalar(select(t.statement.c.seq).where(t.statement.c.digest == digest)) is not None:
                continue
            kind, iss, sub, zone = _about(statement)
            if limit is not None:  # what a certified node signs without end must not fill the disc of all others
                if iss not in room:
                    room[iss] = limit - int(conn.scalar(select(func.count()).select_from(t.statement).where(t.statement.c.iss == iss)) or 0)
                if room[iss] <= 0:
                    continue
                room[iss] -= 1
            seq += 1
            added += 1
            conn.execute(insert(t.statement).values(seq=seq, digest=digest, kind=kind, iss=iss, sub=sub, zone=zone, jws=token, source=source, received=now))
    return added


def _about(statement: Statement) -> tuple[str, str, str | None, str | None]:
    body = statement.body
    if isinstance(body, NodeStatement):
        return "node", body.node, body.node, None
    if isinstance(body, Certify):
        return "certify", body.iss, body.sub, body.zone
    if isinstance(body, EpochClose):
        return "epoch", body.iss, body.sub, body.zone
    assert isinstance(body, Succession)
    return "succession", body.iss, body.to, body.zone
