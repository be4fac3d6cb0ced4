"""Past versions of a record that this site answers for: which an actor may see, and what changed from one to the next.

A version is judged by the attributes that it had and by the present ones, the stricter of both (LANGUAGE 20): what was open once and is closed now is closed,
and what was closed then does not open because its successor is. What came from a peer has no past here: its authority has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import select

from catalog.attributes import attributes_of_row, moment
from catalog.errors import NotFoundError
from catalog.manifest import parse
from catalog.reader import Reader
from catalog.tables import record, version
from catalog.views import Judged, disclosed
from policies.actor import Actor
from policies.plan import Plan

__all__ = ["PastVersion", "could_discover", "past_version", "past_versions"]

#: Versions that one look gives at most, the newest first.
MOST = 200


@dataclass(frozen=True)
class PastVersion:
    """One version as one actor may see it.

    Attributes:
        n: its number; the newest is the one that is shown.
        time: UTC seconds of its manifest.
        fields: what this actor may see of it.
        changed: names of seen fields that are new, other or gone against the version before; None when that one may not be seen, or there is none.
        current: whether it is the one that is shown.
    """

    n: int
    time: int
    fields: dict[str, Any]
    changed: tuple[str, ...] | None
    current: bool


def past_versions(reader: Reader, actor: Actor | None, name: str) -> list[PastVersion]:
    """The versions of a record that an actor may see, the newest first; [] for a record that another node answers for.

    Args:
        name: id, uuid or slug.

    Raises:
        NotFoundError: it is not there, or must look so.
    """
    shown = reader.record(actor, name)
    with reader.session(actor) as session:
        row = session.conn.execute(select(record).where(record.c.id == shown.id)).first()
        if row is None or row.origin == "received":
            return []
        current = attributes_of_row(row, orjson.loads(row.fields))
        granted = session.granted(row.id)
        query = select(version).where(version.c.id == row.id).order_by(version.c.n.desc()).limit(MOST)
        seen: list[PastVersion] = []
        for each in reversed(session.conn.execute(query).mappings().all()):
            fields = _seen(session.plan, dict(each), current, granted)
            if fields is None:
                continue
            before = seen[-1] if seen and seen[-1].n == each["n"] - 1 else None
            changed = None if before is None else _changed(before.fields, fields)
            seen.append(PastVersion(each["n"], moment(parse(each["manifest"]).time) or 0, fields, changed, each["n"] == row.version))
    return seen[::-1]


def past_version(reader: Reader, actor: Actor | None, name: str, n: int) -> PastVersion:
    """One version.

    Raises:
        NotFoundError: there is none of this number that the actor may see.
    """
    for each in past_versions(reader, actor, name):
        if each.n == n:
            return each
    raise NotFoundError


def _seen(plan: Plan, row: Mapping[str, Any], current: Mapping[str, object], granted: bool) -> dict[str, Any] | None:
    """What may be seen of a version; None for nothing, and for a withdrawal."""
    manifest = parse(row["manifest"])
    if manifest.is_tombstone:
        return None
    past = _attributes(row["attributes"])
    read = plan.decide_versions("read", past, current, granted)
    card = read if read.permitted else plan.decide_versions("discover", past, current, granted)
    if not card.permitted:
        return None
    judged = Judged(past, card, read, plan.decide_versions("data", past, current, granted))
    values = {field: orjson.loads(text)[2] for field, text in orjson.loads(row["disclosures"]).items()}
    profile = str(manifest.profile or "").partition("/")[0] or None
    return disclosed(profile, {field: value for field, value in values.items() if value is not None}, judged)[0]


def _attributes(text: str) -> dict[str, object]:
    """Attributes as they were kept: lists are tuples to policies."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in orjson.loads(text).items()}


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)))


def could_discover(reader: Reader, actor: Actor, id: str) -> bool:
    """Whether an actor could know of a withdrawn record: by the attributes of the last version that was shown."""
    with reader.session(actor) as session:
        query = select(version).where(version.c.id == id).order_by(version.c.n.desc())
        for row in session.conn.execute(query).mappings():
            if not parse(row["manifest"]).is_tombstone:
                return session.plan.decide("discover", _attributes(row["attributes"]), session.granted(id)).permitted
    return False
