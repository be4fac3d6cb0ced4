"""Past versions of a record that this site answers for: which an actor may see, and what changed from one to the next.

A version is judged by the attributes that it had and by the present ones, the stricter of both (LANGUAGE 20): what was open once and is closed now is closed,
and what was closed then does not open because its successor is. What came from a peer has no past here: its authority has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Select, select

from catalog.attributes import attributes_of_row, moment
from catalog.errors import NotFoundError
from catalog.manifest import parse
from catalog.reader import Reader
from catalog.tables import record, version
from catalog.views import Judged, RecordView, disclosed
from policies.actor import Actor, require_actor
from policies.plan import Plan

__all__ = ["PastVersion", "could_discover", "past_version", "past_versions"]

#: Versions that one look gives at most, the newest.
MOST = 200


@dataclass(frozen=True)
class PastVersion:
    """One version as one actor may see it.

    Attributes:
        n: its number; the newest is the one that is shown.
        time: UTC seconds of its manifest.
        fields: what this actor may see of it.
        withheld: profile fields that are hidden from this actor in it.
        changed: names of fields that are new, other or gone against the version before, of those hidden in neither; None when that one may not be seen,
            or there is none.
        current: whether it is the one that is shown.
    """

    n: int
    time: int
    fields: dict[str, Any]
    withheld: tuple[str, ...]
    changed: tuple[str, ...] | None
    current: bool


def past_versions(reader: Reader, actor: Actor | None, view: RecordView, *, most: int = MOST) -> list[PastVersion]:
    """The versions of a record that an actor may see, the newest first; [] for a record that another node answers for.

    Args:
        view: the record as the actor sees it now.
        most: so many at most.
    """
    # one more, to say what changed after it
    return _judged(reader, actor, view, select(version).where(version.c.id == view.id).order_by(version.c.n.desc()).limit(most + 1))[:most]


def _judged(reader: Reader, actor: Actor | None, view: RecordView, query: Select[Any]) -> list[PastVersion]:
    """What an actor may see of the versions that a query gives, the newest first."""
    if view.origin == "received":
        return []
    with reader.session(actor) as session:
        row = session.conn.execute(select(record).where(record.c.id == view.id)).first()
        if row is None:
            return []
        current = attributes_of_row(row, orjson.loads(row.fields))
        granted = session.granted(row.id)
        seen: list[PastVersion] = []
        for each in reversed(session.conn.execute(query).mappings().all()):
            shown = _seen(session.plan, dict(each), current, granted)
            if shown is None:
                continue
            fields, withheld = shown
            before = seen[-1] if seen and seen[-1].n == each["n"] - 1 else None
            changed = None if before is None else _changed(before.fields, fields, {*before.withheld, *withheld})
            seen.append(PastVersion(each["n"], moment(parse(each["manifest"]).time) or 0, fields, withheld, changed, each["n"] == row.version))
    return seen[::-1]


def past_version(reader: Reader, actor: Actor | None, view: RecordView, n: int) -> PastVersion:
    """One version, noted in the audit log.

    Raises:
        NotFoundError: there is none of this number that the actor may see.
    """
    near = select(version).where(version.c.id == view.id, version.c.n.in_((n, n - 1))).order_by(version.c.n.desc())  # it, and what it changed
    found = next((each for each in _judged(reader, actor, view, near) if each.n == n), None) if 0 < n <= view.version else None
    asking = require_actor() if actor is None else actor
    reader.audit.add("read.record", asking, record=view.id, outcome="denied" if found is None else "permitted", detail={"version": n})
    if found is None:
        raise NotFoundError
    return found


def _seen(plan: Plan, row: Mapping[str, Any], current: Mapping[str, object], granted: bool) -> tuple[dict[str, Any], tuple[str, ...]] | None:
    """What may be seen of a version, and the fields that may not; None for nothing, and for a withdrawal."""
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
    return disclosed(profile, {field: value for field, value in values.items() if value is not None}, judged)


def _attributes(text: str) -> dict[str, object]:
    """Attributes as they were kept: lists are tuples to policies."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in orjson.loads(text).items()}


def _changed(before: Mapping[str, Any], after: Mapping[str, Any], hidden: set[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in (before.keys() | after.keys()) - hidden if before.get(name) != after.get(name)))


def could_discover(reader: Reader, actor: Actor, id: str) -> bool:
    """Whether an actor could know of a withdrawn record: by the attributes of the last version that was shown."""
    with reader.session(actor) as session:
        query = select(version).where(version.c.id == id).order_by(version.c.n.desc())
        for row in session.conn.execute(query).mappings():
            if not parse(row["manifest"]).is_tombstone:
                return session.plan.decide("discover", _attributes(row["attributes"]), session.granted(id)).permitted
    return False
