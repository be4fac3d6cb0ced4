"""The reader's fourth verb, `stream`: the judged state of shown records for one peer (PROTOCOL 4.3).

A peer's copy of a record needs *discover* (the manifest with the fields of the card) or *read* (all fields that no constraint hides or masks); its copy of
rows and files needs *hold*. In a stream a mask hides the field (LANGUAGE 12): a peer gets the authority's own disclosure or none. Columns of rows cannot be
narrowed on the way, only rows can (PROTOCOL 5.2).

What came from where, and what may be passed on to whom, is for `sync` to know; everything here is decided by the policy alone.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import batched

import orjson
from sqlalchemy import Connection, bindparam, select

from catalog.attributes import attributes_of_row
from catalog.columns import JUDGED
from catalog.grants import granted_records
from catalog.tables import record, version
from policies.actor import Actor
from policies.decision import Decision
from policies.expressions import Condition
from policies.plan import Plan
from policies.vocabulary import CARD_FIELDS

__all__ = ["Decided", "Permitted", "StreamView", "stream_views"]

_CHUNK = 400
_SHOWN = JUDGED.add_columns(record.c.manifest, record.c.manifest_hash).where(record.c.id.in_(bindparam("ids", expanding=True)))
_DISCLOSURES = select(version.c.manifest_hash, version.c.disclosures).where(version.c.manifest_hash.in_(bindparam("hashes", expanding=True)))


@dataclass(frozen=True)
class Permitted:
    """What one peer may have of all records that are alike to the policies.

    Attributes:
        discover, read, hold: what is permitted.
        boundary: UTC seconds at which this may next change by the clock alone, or None.
        variant: variant whose rows are held in place of the record's own, or None.
        row_filter: condition that a row must meet to be held, or None.
        files: whether the original files may be held (LANGUAGE 17).
    """

    discover: bool
    read: bool
    hold: bool
    boundary: int | None
    variant: str | None
    row_filter: Condition | None
    files: bool
    _fields: Decision
    _rows: Decision
    _names: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict, repr=False, compare=False)

    def shown(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of these fields whose disclosures may be given: permitted, and neither hidden nor masked; sorted."""
        found = self._names.get(names)
        if found is None:
            found = self._names[names] = tuple(sorted(filter(self._shows, names)))
        return found

    def _shows(self, name: str) -> bool:
        if not self.discover or (not self.read and name not in CARD_FIELDS):
            return False
        whole = name.partition(".")[0]
        duties = self._fields.obligations
        return not any(duties.field_hidden(n) or duties.mask_for(n) is not None for n in {name, whole})

    def shows_column(self, name: str) -> bool:
        """Whether a column of the rows is free of hiding and masking."""
        duties = self._rows.obligations
        return not duties.field_hidden(name) and duties.mask_for(name) is None


@dataclass(frozen=True, slots=True)
class StreamView:
    """What one peer may have of one shown record.

    Attributes:
        id, authority, manifest, manifest_hash: of the shown version. profile: `<name>/<version>`.
        own: whether this site's log holds it (own or attested); else a peer gave it.
        may: what is permitted.
        disclosures: own records: field name → disclosure text, of every field; received ones: empty, `sync` keeps them.
    """

    id: str
    authority: str
    profile: str
    manifest: str
    manifest_hash: bytes
    own: bool
    may: Permitted
    disclosures: Mapping[str, str]


class Decided:
    """What is decided for one peer in one transaction: records that are alike in all that policies compare are decided once."""

    def __init__(self) -> None:
        self._kept: dict[tuple[object, ...], Permitted] = {}

    def of(self, plan: Plan, attributes: Mapping[str, object], granted: bool) -> Permitted:
        """The decision of a plan about a record."""
        said = [None if attributes.get(name) is None else orjson.dumps(attributes[name], option=orjson.OPT_SORT_KEYS) for name in ("terms", "variants")]
        alike = (plan.key, plan.env.now, granted, *said, *map(attributes.get, plan.policy_set.all_record_attributes))
        found = self._kept.get(alike)
        if found is None:
            found = self._kept[alike] = _permitted(plan, attributes, granted)
        return found


def stream_views(conn: Connection, plan: Plan, actor: Actor, ids: Collection[str], now: int, decided: Decided) -> dict[str, StreamView]:
    """Judges shown records for a peer.

    Args:
        conn: any connection; in a write transaction it sees what was committed before.
        plan: of this actor, with the clock of the judgement in its environment.
        actor: the peer.
        ids: at most a page of record ids.
        now: UTC seconds.
        decided: what was decided before in the same transaction.

    Returns:
        id → view, for every id that is shown at this site, whatever is permitted of it.
    """
    found: dict[str, StreamView] = {}
    for some in batched(ids, _CHUNK):
        rows = conn.execute(_SHOWN, {"ids": some}).all()
        own = [row.manifest_hash for row in rows if row.origin != "received"]
        texts = dict(conn.execute(_DISCLOSURES, {"hashes": own}).all()) if own else {}
        granted = granted_records(conn, actor, now, some).ids
        for row in rows:
            attributes = attributes_of_row(row, orjson.loads(row.fields))
            given = texts.get(row.manifest_hash)
            found[row.id] = StreamView(
                id=row.id,
                authority=row.authority,
                profile=str(orjson.loads(row.manifest).get("profile") or "core/1"),
                manifest=row.manifest,
                manifest_hash=bytes(row.manifest_hash),
                own=row.origin != "received",
                may=decided.of(plan, attributes, row.id in granted),
                disclosures={} if given is None else orjson.loads(given),
            )
    return found


def _permitted(plan: Plan, attributes: Mapping[str, object], granted: bool) -> Permitted:
    discover = plan.decide("discover", attributes, granted)
    read = plan.decide("read", attributes, granted)
    hold = plan.decide("hold", attributes, granted)
    duties = hold.obligations
    permitted = discover.permitted and not _lost_onward(discover, read, attributes)
    return Permitted(
        discover=permitted,
        read=permitted and read.permitted,
        hold=permitted and hold.permitted and not duties.data_withheld,
        boundary=plan.next_boundary(attributes),
        variant=duties.variant,
        row_filter=duties.row_filter,
        files=permitted and hold.permitted and not duties.files_opaque,
        _fields=read if read.permitted else discover,
        _rows=hold,
    )


def _lost_onward(discover: Decision, read: Decision, attributes: Mapping[str, object]) -> bool:
    """Whether the policy forbids passing on (LANGUAGE 15) what the record's terms allow to pass on: the peer could not know, so it gets nothing."""
    asked = discover.obligations.no_onward or (read.permitted and read.obligations.no_onward)
    return asked and attributes.get("onward") is True
