"""What the database keeps of joining: invites that were given, joins that wait, peers (PROTOCOL 6.6). Used by `sync.pairing` alone."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select, update

from catalog.canonical import JSON, dumps
from sync import tables as t
from sync.claims import Certify
from sync.errors import InviteError
from sync.ids import fingerprint
from sync.join import JoinRequest, make_answer
from sync.statements import Statement, parse_all
from sync.trust import Trust

__all__ = [
    "Waiting",
    "about_itself",
    "answer_of",
    "invite_of",
    "keep_peer",
    "kept",
    "newest_self",
    "next_serial",
    "no_invite",
    "self_certify",
    "too_many",
    "waiting_of",
]


@dataclass(frozen=True)
class Waiting:
    """A join that waits for the superior's clerk."""

    node: str
    fingerprint: str
    name: Mapping[str, str]
    division: str | None
    level: str
    url: str
    since: int


def about_itself(conn: Connection, node: str) -> list[str]:
    """The statements that a join holds: the node's root keys and what its root says of its site; not what it says of its subordinates (PROTOCOL 6.6)."""
    s = t.statement.c
    query = select(s.jws).where(s.iss == node, s.sub == node, s.kind.in_(["node", "certify"])).order_by(s.seq)
    return list(conn.scalars(query))


def invite_of(conn: Connection, digest: str, now: int) -> Any:
    """The invite with this secret that still holds, or None. All that hold are compared, each in constant time."""
    found = None
    for row in conn.execute(select(t.invite).where(t.invite.c.expires > now)):
        if hmac.compare_digest(row.secret, digest):
            found = row
    return found


def no_invite() -> InviteError:
    """410: what an unknown, used or expired secret is answered with, always in the same words."""
    return InviteError(zh="邀请不存在、已使用或已过期", en="there is no such invite, or it was used, or it is over")


def too_many() -> InviteError:
    """429."""
    return InviteError(zh="加入请求过多，请一分钟后再试", en="too many joins: try again in a minute", kind="invite-attempts")


def answer_of(row: Any) -> tuple[int, bytes]:
    """What an invite that was posted is answered with."""
    if row.state == "confirmed":
        return 200, make_answer("certified", orjson.loads(row.answer))
    return (202, make_answer("waiting")) if row.state == "posted" else (410, make_answer("refused"))


def kept(request: JoinRequest) -> str:
    """What is kept of a join until a person has decided."""
    tokens: list[JSON] = [token for statement in request.statements for token in statement.tokens]
    return dumps({"statements": tokens, "url": request.url}).decode()


def self_certify(statements: list[Statement], node: str) -> Certify:
    """The node's newest word about itself."""
    found = [s.body for s in statements if isinstance(s.body, Certify) and s.body.iss == s.body.sub == node]
    if not found:
        raise InviteError(zh="加入请求中没有该节点自己的 certify", en="the join holds no certify by the node itself")
    return max(found, key=lambda body: body.serial)


def newest_self(trust: Trust, node: str) -> Certify | None:
    """The node's newest word about itself that counts."""
    found = [s.body for s in trust.statements if isinstance(s.body, Certify) and s.body.iss == s.body.sub == node and trust.counts(s.digest)]
    return max(found, key=lambda body: body.serial, default=None)


def waiting_of(row: Any) -> Waiting:
    """A row as the clerk sees it."""
    asked = orjson.loads(row.request)
    own = self_certify(parse_all(asked["statements"]), row.node)
    return Waiting(row.node, fingerprint(row.node), own.name, own.division, own.level, asked["url"], row.created)


def next_serial(conn: Connection, iss: str, sub: str) -> int:
    """The serial of the next certify of (iss, sub)."""
    tokens = conn.scalars(select(t.statement.c.jws).where(t.statement.c.kind == "certify", t.statement.c.iss == iss, t.statement.c.sub == sub)).all()
    return max((body.serial for s in parse_all(tokens) if isinstance(body := s.body, Certify)), default=0) + 1


def keep_peer(conn: Connection, node: str, relation: str, url: str, name: Mapping[str, str], *, witness: bool, now: int) -> None:
    """Writes who the peer is, anew or again."""
    values = {"relation": relation, "url": url, "name": dumps(dict[str, JSON](name)).decode(), "state": "active", "witness": int(witness)}
    if conn.execute(update(t.peer).where(t.peer.c.node == node).values(**values)).rowcount == 0:
        conn.execute(insert(t.peer).values(node=node, added=now, **values))
