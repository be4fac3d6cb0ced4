"""Who may see which records, as bitmaps: one for each plan, kept and extended (policy-language.md, How it is compiled).

The definition is `bits`: two decisions about one record. Everything else here only finds the same answer faster for many records:

* *fast path*: a plan that is stamped: all records whose view signature holds the plan (`catalog.stamps`); those whose stamp does not count are decided;
* *slow path*: a plan that is not stamped yet: the compiled clause; records of which SQL cannot tell everything are decided;
* *extending*: a kept bitmap takes in what has a higher docno (every change of a record makes a new docno), and decides again what the clock has moved.

A kept bitmap never loses a docno that is gone: search counts only what is alive in its own snapshot, so a bitmap of a newer snapshot serves an older one.
Grants stay outside signatures: granted records are decided one by one.
"""

import heapq
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pyroaring import BitMap
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, false, func, literal, not_, or_, select, true

from catalog.attributes import attributes_of_row
from catalog.columns import JUDGED, column_map
from catalog.grants import Granted
from catalog.policy_store import ActivePolicy
from catalog.search import Visible
from catalog.store import State
from catalog.tables import plan as plan_table
from catalog.tables import record, signature_plan
from catalog.views import duties_of
from policies.columns import ColumnMap
from policies.compile import surely_clause
from policies.evaluate import Decision
from policies.obligations import NONE
from policies.plan import Plan
from policies.vocabulary import CARD_FIELDS

__all__ = ["FULL_FIELDS", "Visibility", "bits"]

#: Beside the card, what search matches, filters and counts for those who may read a record.
FULL_FIELDS = ("summary", "license", "bbox", "geometry", "time")
#: Plans kept in memory.
KEPT = 256
#: More new records than this are not decided one by one.
FEW = 3_000
_PAGE = 500
_AT_ONCE = 20_000


def bits(plan: Plan, attributes: Mapping[str, object], granted: bool | None) -> tuple[bool, bool]:
    """Whether a record is in a plan's *card* and *full* bitmap: the definition.

    Args:
        attributes: of the record (`catalog.attributes`).
        granted: whether an active grant matches.
    """
    discover = plan.decide("discover", attributes, granted)
    if not discover.permitted or _veils(discover, CARD_FIELDS):
        return False, False
    read = plan.decide("read", attributes, granted)
    return True, read.permitted and not _veils(read, FULL_FIELDS)


def _veils(decision: Decision, names: Iterable[str]) -> bool:
    duties = duties_of(decision)
    return duties is not NONE and any(duties.field_hidden(name) or duties.mask_for(name) is not None for name in names)


@dataclass(frozen=True)
class _Entry:
    """One kept answer.

    Attributes:
        position: everything up to here is decided.
        due: heap of (time, docno): the clock may move these.
    """

    position: int
    visible: Visible
    due: list[tuple[int, int]]

    def good(self, position: int, now: int) -> bool:
        return self.position >= position and (not self.due or self.due[0][0] > now)


class Visibility:
    """Keeps the bitmaps. One for each process; keyed by what is in the database, so that processes need not talk to each other."""

    def __init__(self) -> None:
        self._entries: OrderedDict[tuple[Any, ...], _Entry] = OrderedDict()
        self._locks: dict[tuple[Any, ...], threading.Lock] = {}
        self._lock = threading.Lock()

    def visible(self, conn: Connection, state: State, active: ActivePolicy, plan: Plan, granted: Granted) -> Visible:
        """What a plan may see.

        Args:
            conn: the snapshot.
            state: its numbers.
            active: the policy that it is under.
            plan: of the actor, with the clock of the request.
            granted: records that the actor was given.
        """
        key = (active.epoch, plan.stamp_key, granted.ids)
        now = plan.env.now
        entry = self._entries.get(key)
        if entry is not None and entry.good(state.position, now):
            return entry.visible
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            entry = self._entries.get(key)
            if entry is None:
                entry = self._build(conn, state, active, plan, granted)
            elif not entry.good(state.position, now):
                older = state.position < entry.position
                entry = self._advance(conn, state, active, plan, granted, entry)
                if older:  # a snapshot that began before the entry does not see all that is due: what it makes of it is for this request alone
                    return entry.visible
            else:
                return entry.visible
            with self._lock:
                self._entries[key] = entry
                self._entries.move_to_end(key)
                while len(self._entries) > KEPT:
                    old, _ = self._entries.popitem(last=False)
                    self._locks.pop(old, None)
        return entry.visible

    def forget(self) -> None:
        """Drops everything kept (for tests and measurements)."""
        with self._lock:
            self._entries.clear()

    # --- extending -----------------------------------------------------------------------------------------------------------------------

    def _advance(self, conn: Connection, state: State, active: ActivePolicy, plan: Plan, granted: Granted, entry: _Entry) -> _Entry:
        now = plan.env.now
        new = (
            conn.execute(JUDGED.where(record.c.docno > entry.position).order_by(record.c.docno).limit(FEW + 1)).all() if state.position > entry.position else []
        )
        if len(new) > FEW:
            return self._build(conn, state, active, plan, granted)
        due = list(entry.due)
        moved = []
        while due and due[0][0] <= now:
            moved.append(heapq.heappop(due)[1])
        card, full = BitMap(entry.visible.card), BitMap(entry.visible.full)
        _decide(plan, granted, [*new, *_rows_of(conn, moved)], card, full, due)
        return _Entry(max(state.position, entry.position), Visible(card, full), due)

    # --- from nothing --------------------------------------------------------------------------------------------------------------------

    def _build(self, conn: Connection, state: State, active: ActivePolicy, plan: Plan, granted: Granted) -> _Entry:
        stamped = _stamped(conn, active.epoch, plan.stamp_key)
        if stamped is not None:
            card, full, due = _from_signatures(conn, active.epoch, stamped, plan.env.now)
            stale = or_(record.c.stamp_epoch.is_(None), record.c.stamp_epoch != active.epoch, record.c.valid_until <= plan.env.now)
            _decide_all(conn, plan, granted, stale, card, full, due)
        else:
            card, full, due = _from_clause(conn, plan, granted)
        if granted.ids:
            _decide_all(conn, plan, granted, record.c.id.in_(granted.ids), card, full, due)
        heapq.heapify(due)
        return _Entry(state.position, Visible(card, full), due)


def _from_signatures(conn: Connection, epoch: int, stamped: tuple[int, int], now: int) -> tuple[BitMap, BitMap, list[tuple[int, int]]]:
    """The fast path: what carries a signature with the plan in it, by stamps that count. All of it from one snapshot."""
    counts = and_(record.c.stamp_epoch == epoch, or_(record.c.valid_until.is_(None), record.c.valid_until > now))
    found = []
    for number in stamped:
        holding = select(signature_plan.c.signature).where(signature_plan.c.plan == number)
        found.append(_members(conn, select(record.c.docno, literal(1)).where(record.c.signature.in_(holding), counts))[0])
    ahead = select(record.c.valid_until, record.c.docno).where(record.c.stamp_epoch == epoch, record.c.valid_until > now)
    return found[0], found[1], [(until, docno) for until, docno in conn.execute(ahead)]


def _from_clause(conn: Connection, plan: Plan, granted: Granted) -> tuple[BitMap, BitMap, list[tuple[int, int]]]:
    """The slow path: one scan, and single decisions where SQL does not tell everything."""
    columns = column_map()
    readable = case((plan.where("read", columns, granted.ids), 1), else_=0)
    card, full = _members(conn, select(record.c.docno, readable).where(plan.where("discover", columns, granted.ids)))
    # What constraints and a record's own terms hide is decided record by record.
    special = or_(record.c.terms.like('%"obligations":[{%'), *_veiling(plan, columns, granted))
    _decide_all(conn, plan, granted, special, card, full, [])
    return card, full, _moving(conn, plan)


def _members(conn: Connection, query: Select[int, Any]) -> tuple[BitMap, BitMap]:
    """The docnos that a query of docno and flag gives, and those of them with a flag. In parts: a list of a million would be large, one by one is slow."""
    found, flagged = BitMap(), BitMap()
    for rows in conn.execute(query).partitions(_AT_ONCE):
        found |= BitMap(array("I", [docno for docno, _ in rows]))
        flagged |= BitMap(array("I", [docno for docno, flag in rows if flag]))
    return found, flagged


def _moving(conn: Connection, plan: Plan) -> list[tuple[int, int]]:
    """When the clock may next change what is decided about which record."""
    timed = {"embargo": record.c.embargo, "issued": record.c.issued, "terms_expire": record.c.terms_until}
    latest = {name: offset for name, offset in plan.form.moves if name in timed}  # in the order of offsets
    if not latest:
        return []
    ahead = or_(*(timed[name] > plan.env.now - offset for name, offset in latest.items()))
    rows = conn.execute(select(record.c.docno, *(column.label(name) for name, column in timed.items())).where(ahead)).mappings()
    return [(moment, row["docno"]) for row in rows if (moment := plan.next_boundary({name: row[name] for name in latest})) is not None]


def _veiling(plan: Plan, columns: ColumnMap, granted: Granted) -> list[ColumnElement[bool]]:
    """Records on which some constraint of this plan may hide or mask what the bitmaps promise: where it is not surely false (LANGUAGE 2)."""
    promised = CARD_FIELDS.union(FULL_FIELDS)
    ids = granted.ids if plan.actor.purpose is not None else None
    found: list[ColumnElement[bool]] = []
    for spoken in plan.form.action("read").constraints:
        then = spoken.rule.then
        if then is None or not (promised & (then.hide | {name for name, _ in then.masks}) or (then.show is not None and not promised <= then.show)):
            continue
        clear = surely_clause(spoken.condition, False, columns, plan.env.now, ids)
        found.append(true() if clear is False else false() if clear is True else not_(func.coalesce(clear, false())))
    return found


def _stamped(conn: Connection, epoch: int, key: str) -> tuple[int, int] | None:
    """Numbers of the stamped plans of a key for discover and read, or None."""
    rows = conn.execute(
        select(plan_table.c.action, plan_table.c.plan).where(plan_table.c.epoch == epoch, plan_table.c.key == key, plan_table.c.stamped == 1)
    ).all()
    found = {row.action: row.plan for row in rows}
    return (found["discover"], found["read"]) if len(found) == 2 else None


def _decide_all(conn: Connection, plan: Plan, granted: Granted, which: ColumnElement[bool], card: BitMap, full: BitMap, due: list[tuple[int, int]]) -> None:
    after = 0
    while True:
        rows = conn.execute(JUDGED.where(and_(record.c.docno > after, which)).order_by(record.c.docno).limit(_PAGE)).all()
        _decide(plan, granted, rows, card, full, due)
        if len(rows) < _PAGE:
            return
        after = rows[-1].docno


def _rows_of(conn: Connection, docnos: list[int]) -> list[Row[*tuple[Any, ...]]]:
    found: list[Row[*tuple[Any, ...]]] = []
    for start in range(0, len(docnos), _PAGE):
        found += conn.execute(JUDGED.where(record.c.docno.in_(docnos[start : start + _PAGE]))).all()
    return found


def _decide(plan: Plan, granted: Granted, rows: Iterable[Row[*tuple[Any, ...]]], card: BitMap, full: BitMap, due: list[tuple[int, int]]) -> None:
    """Decides rows one by one, correcting the bitmaps; `due` stays a heap."""
    for row in rows:
        attributes = attributes_of_row(row, orjson.loads(row.fields))
        in_card, in_full = bits(plan, attributes, row.id in granted.ids)
        (card.add if in_card else card.discard)(row.docno)
        (full.add if in_full else full.discard)(row.docno)
        boundary = plan.next_boundary(attributes)
        if boundary is not None:
            heapq.heappush(due, (boundary, row.docno))
