"""Active grants: which records somebody was given, for what purpose, until when (LANGUAGE 10).

A grant counts if record and purpose match and begin ≤ now < end. Whoever declares no purpose has none that match.
"""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, false, func, or_, select

from catalog.tables import grant
from catalog.transaction import WriteTransaction
from policies.actor import Actor

__all__ = ["Granted", "granted_records", "is_granted"]


class Granted(NamedTuple):
    """The records that are granted now, and the next time at which that may change by the clock alone."""

    ids: frozenset[str]
    until: int | None


def granted_records(conn: Connection, actor: Actor, now: int, ids: Collection[str] | None = None) -> Granted:
    """What is granted to an actor.

    Args:
        now: UTC seconds.
        ids: only look at these records.
    """
    if actor.purpose is None or actor.kind == "public":
        return Granted(frozenset(), None)
    mine = _of(actor)
    if ids is not None:
        mine = and_(mine, grant.c.record.in_(list(ids)))
    active = select(grant.c.record).where(mine, grant.c.begins <= now, grant.c.ends > now)
    ahead = select(func.min(grant.c.begins)).where(mine, grant.c.begins > now), select(func.min(grant.c.ends)).where(mine, grant.c.ends > now)
    moments = [found for found in (conn.execute(statement).scalar() for statement in ahead) if found is not None]
    return Granted(frozenset(conn.execute(active).scalars()), min(moments, default=None))


def is_granted(conn: Connection, actor: Actor, id: str, now: int) -> bool:
    """Whether one record is granted."""
    if actor.purpose is None or actor.kind == "public":
        return False
    return conn.execute(select(grant.c.grant).where(_of(actor), grant.c.record == id, grant.c.begins <= now, grant.c.ends > now).limit(1)).first() is not None


def _of(actor: Actor) -> ColumnElement[bool]:
    """Grants to this person, or to the whole node; the purpose must match."""
    to: ColumnElement[bool] = false()
    if actor.node is not None:
        to = and_(grant.c.node == actor.node, grant.c.person.is_(None))
        if actor.person is not None:
            to = or_(to, and_(grant.c.person == actor.person, or_(grant.c.node == actor.node, grant.c.node.is_(None))))
    elif actor.person is not None:
        to = and_(grant.c.person == actor.person, grant.c.node.is_(None))
    return and_(to, grant.c.state == "active", grant.c.purpose == actor.purpose)


def changed(tx: WriteTransaction) -> None:
    """To be called by whoever writes a grant: caches are keyed by this number."""
    tx.bump("grant")
