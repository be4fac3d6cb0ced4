"""Active grants: which records somebody was given, for what purpose, until when (LANGUAGE 10).

A grant counts if record and purpose match and begin ≤ now < end. Whoever declares no purpose has none that match.
"""

from collections.abc import Collection
from functools import cache
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, false, or_, select

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
    statement = _not_ended(actor.node is not None, actor.person is not None, ids is not None)
    given = {"node": actor.node, "person": actor.person, "purpose": actor.purpose, "now": now, "ids": list(ids or ())}
    rows = conn.execute(statement, given).all()
    active = frozenset(row.record for row in rows if row.begins <= now)
    return Granted(active, min((moment for row in rows for moment in (row.begins, row.ends) if moment > now), default=None))


def is_granted(conn: Connection, actor: Actor, id: str, now: int) -> bool:
    """Whether one record is granted."""
    if actor.purpose is None or actor.kind == "public":
        return False
    return id in granted_records(conn, actor, now, (id,)).ids


@cache
def _not_ended(node: bool, person: bool, some: bool) -> Select[str, int, int]:
    """Grants that have not ended, of actors with or without a node and a person; built once, for they are asked for in each request."""
    wanted = [_to(node, person), grant.c.ends > bindparam("now")]
    if some:
        wanted.append(grant.c.record.in_(bindparam("ids", expanding=True)))
    return select(grant.c.record, grant.c.begins, grant.c.ends).where(*wanted)


def _to(node: bool, person: bool) -> ColumnElement[bool]:
    """Grants to this person, or to the whole node; the purpose must match."""
    to: ColumnElement[bool] = false()
    if node:
        to = and_(grant.c.node == bindparam("node"), grant.c.person.is_(None))
        if person:
            to = or_(to, and_(grant.c.person == bindparam("person"), or_(grant.c.node == bindparam("node"), grant.c.node.is_(None))))
    elif person:
        to = and_(grant.c.person == bindparam("person"), grant.c.node.is_(None))
    return and_(to, grant.c.state == "active", grant.c.purpose == bindparam("purpose"))


def changed(tx: WriteTransaction) -> None:
    """To be called by whoever writes a grant: caches are keyed by this number."""
    tx.bump("grant")
