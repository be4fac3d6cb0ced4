"""View signatures: which of the plans in use may see a record, stamped on it (policy-language.md, How it is compiled).

A *plan in use* is what the policies can tell apart about an actor (`Plan.stamp_key`), registered in `plan`, once for *discover* (the card) and once for *read*
(full). A record's *signature* names the set of plans that may see it; many records share one. Rules:

1. A stamp counts only if its epoch is the policy's and `valid_until`, the next time at which the clock alone may change it, is ahead (NULL: never).
2. The writer stamps in its own transaction for every registered plan. A plan that was registered later is `stamped` once the job has been over all records.
3. An activation takes the plans in use along to the new epoch, unstamped; until the job is done, readers use the compiled clause.
4. A stamp is a cache: what leaves is decided again (the second lock in `catalog.reader`).
"""

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Row, and_, bindparam, delete, func, insert, or_, select, update

from catalog.attributes import attributes_of_row
from catalog.columns import JUDGED
from catalog.jobs import JobContext, enqueue
from catalog.policy_store import ActivePolicy, PolicyHolder
from catalog.site import SiteIdentity
from catalog.store import State, Store, WriteTransaction
from catalog.tables import plan as plan_table
from catalog.tables import record, signature, signature_plan
from catalog.visibility import bits
from policies.actor import Actor
from policies.plan import Env, Plan

__all__ = ["MOST_PLANS", "Stamps"]

#: Plans in use at one time; further ones are answered by the compiled clause.
MOST_PLANS = 64
_PAGE = 250
_IN_USE = select(plan_table).where(plan_table.c.epoch == bindparam("epoch"))
_SIGNATURE = select(signature.c.signature).where(signature.c.epoch == bindparam("epoch"), signature.c.digest == bindparam("digest"))


@dataclass(frozen=True)
class _InUse:
    """One registered plan."""

    card: int
    full: int
    key: str
    actor: Actor


class Stamps:
    """See the module. One for each process; keeps nothing that is not keyed by what is in the database.

    Args:
        store: the site's database.
        site: its node and zone are what policies call `env`.
        policies: the policy in force.
    """

    def __init__(self, store: Store, site: SiteIdentity, policies: PolicyHolder) -> None:
        self._store = store
        self._site = site
        self._policies = policies
        self._lock = threading.Lock()
        self._in_use: tuple[tuple[int, int], tuple[_InUse, ...]] = ((-1, -1), ())
        self._signatures: dict[tuple[int, str], int] = {}
        self._wanted: dict[tuple[int, str], Actor] = {}
        self._known: set[tuple[int, str]] = set()
        policies.on_activate(self._carry_over)

    def handlers(self) -> dict[str, Callable[[JobContext], object]]:
        """The jobs of this module, for `catalog.jobs.Worker`."""
        return {"stamp": self._stamp_all, "restamp": self._restamp_due}

    # --- the writer's part -----------------------------------------------------------------------------------------------------------------

    def stamp(self, tx: WriteTransaction, rows: Iterable[tuple[dict[str, Any], Mapping[str, object]]]) -> None:
        """Stamps rows that are about to be shown, in the same transaction.

        Args:
            rows: columns of `record`, which get `signature`, `stamp_epoch` and `valid_until`; and what policies compare of each.
        """
        state = State.read(tx.conn)
        active = self._policies.current(tx.conn, state)
        stamped = self._stamping(tx, active, state)
        for row, attributes in rows:
            row.update(stamped(attributes))

    def _stamping(self, tx: WriteTransaction, active: ActivePolicy, state: State) -> Callable[[Mapping[str, object]], dict[str, Any]]:
        """What stamps records in this transaction: those that are alike in all that policies compare are decided once."""
        kept: dict[tuple[object, ...], dict[str, Any]] = tx.memo.setdefault(f"stamps {active.epoch} {state.stamp}", {})
        plans, compared = self._plans(tx, state, active), active.policy_set.record_attributes

        def stamped(attributes: Mapping[str, object]) -> dict[str, Any]:
            terms = attributes.get("terms")
            alike = (None if terms is None else orjson.dumps(terms, option=orjson.OPT_SORT_KEYS), *map(attributes.get, compared))
            found = kept.get(alike)
            if found is None:
                found = kept[alike] = self._stamped(tx, active, plans, attributes)
            return found

        return stamped

    def _stamped(self, tx: WriteTransaction, active: ActivePolicy, plans: list[tuple[_InUse, Plan]], attributes: Mapping[str, object]) -> dict[str, Any]:
        seen: list[int] = []
        until: int | None = None
        for use, plan in plans:
            in_card, in_full = bits(plan, attributes, False)
            seen += [use.card] if in_card else []
            seen += [use.full] if in_full else []
            boundary = plan.next_boundary(attributes)
            if boundary is not None and (until is None or boundary < until):
                until = boundary
        return {"signature": self._signature(tx, active.epoch, sorted(seen)), "stamp_epoch": active.epoch, "valid_until": until}

    def _plans(self, tx: WriteTransaction, state: State, active: ActivePolicy) -> list[tuple[_InUse, Plan]]:
        env = Env(self._site.zone, self._site.node, tx.now)
        return [(use, Plan(active.policy_set, use.actor, env)) for use in self._uses(tx, state, active)]

    def _uses(self, tx: WriteTransaction, state: State, active: ActivePolicy) -> tuple[_InUse, ...]:
        key = (active.epoch, state.stamp)
        kept: tuple[tuple[int, int], tuple[_InUse, ...]] = tx.memo.get("plans in use", self._in_use)
        known, uses = kept
        if known == key:
            return uses
        found: dict[str, dict[str, Any]] = {}
        for row in tx.conn.execute(_IN_USE, {"epoch": active.epoch}):
            found.setdefault(row.key, {"actor": row.actor})[row.action] = row.plan
        uses = tuple(_InUse(each["discover"], each["read"], name, Actor.from_dict(orjson.loads(each["actor"]))) for name, each in sorted(found.items()))
        tx.memo["plans in use"] = key, uses
        tx.after_commit(lambda: setattr(self, "_in_use", (key, uses)))
        return uses

    def _signature(self, tx: WriteTransaction, epoch: int, plans: list[int]) -> int:
        """The number of a set of plans, made when it is new."""
        digest = hashlib.sha256(",".join(map(str, plans)).encode()).hexdigest()
        made: dict[tuple[int, str], int] = tx.memo.setdefault("signatures", {})
        known = self._signatures.get((epoch, digest)) or made.get((epoch, digest))
        if known is not None:
            return known
        number = tx.conn.execute(_SIGNATURE, {"epoch": epoch, "digest": digest}).scalar()
        if number is None:
            number = int(tx.conn.execute(insert(signature).values(epoch=epoch, digest=digest).returning(signature.c.signature)).scalar_one())
            if plans:
                tx.conn.execute(insert(signature_plan), [{"signature": number, "plan": each} for each in plans])
        kept = made[epoch, digest] = int(number)
        tx.after_commit(lambda: self._keep(epoch, digest, kept))  # not before: a number of a rolled back transaction means nothing
        return kept

    def _keep(self, epoch: int, digest: str, number: int) -> None:
        with self._lock:
            if len(self._signatures) > 20_000:
                self._signatures.clear()
            self._signatures[epoch, digest] = number

    # --- plans in use ------------------------------------------------------------------------------------------------------------------------

    def want(self, plan: Plan, active: ActivePolicy) -> None:
        """Notes that a plan is in use. A reader calls it; `register_wanted` writes it down, so that no reader waits for a writer."""
        name = (active.epoch, plan.stamp_key)
        if name not in self._known and active.epoch:
            self._known.add(name)
            self._wanted[name] = plan.actor

    def register_wanted(self) -> None:
        """Registers the plans noted since, and has them stamped (`catalog.audit.ReadAudit` calls it as often as it commits)."""
        if not self._wanted:
            return
        with self._lock:
            wanted, self._wanted = self._wanted, {}
        with self._store.write() as tx:
            epoch = self._policies.current(tx.conn).epoch
            new = [self._register(tx, epoch, key, actor) for (asked, key), actor in wanted.items() if asked == epoch]
            if any(new):
                tx.bump("stamp")
                enqueue(tx, "stamp", {"epoch": epoch}, key="stamp")

    def _register(self, tx: WriteTransaction, epoch: int, key: str, actor: Actor) -> bool:
        mine = select(plan_table.c.plan).where(plan_table.c.epoch == epoch, plan_table.c.key == key)
        if tx.conn.execute(mine.limit(1)).first() is not None:
            return False
        count = tx.conn.execute(select(func.count()).select_from(plan_table).where(plan_table.c.epoch == epoch)).scalar_one()
        if count >= 2 * MOST_PLANS:
            return False
        text = orjson.dumps(actor.as_dict(), option=orjson.OPT_SORT_KEYS).decode()
        tx.conn.execute(insert(plan_table), [{"epoch": epoch, "key": key, "action": action, "actor": text, "stamped": 0} for action in ("discover", "read")])
        return True

    def _carry_over(self, tx: WriteTransaction, active: ActivePolicy) -> None:
        """Inside an activation: the actors whose plans were in use will ask again."""
        env = Env(self._site.zone, self._site.node, tx.now)
        old = select(plan_table.c.actor).where(plan_table.c.epoch == active.epoch - 1, plan_table.c.action == "discover")
        for text in tx.conn.execute(old.order_by(plan_table.c.plan)).scalars().all():
            actor = Actor.from_dict(orjson.loads(text))
            self._register(tx, active.epoch, Plan(active.policy_set, actor, env).stamp_key, actor)
        tx.bump("stamp")
        enqueue(tx, "stamp", {"epoch": active.epoch}, key="stamp", priority=5)

    # --- jobs --------------------------------------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Has records restamped whose time has come. To be called every second or so; reads one number when nothing is due."""
        with self._store.read() as conn:
            state = State.read(conn)
            first = conn.execute(select(func.min(record.c.valid_until)).where(record.c.stamp_epoch == state.policy)).scalar()
        if first is None or first > self._store.clock():
            return
        with self._store.write() as tx:
            enqueue(tx, "restamp", key="restamp", priority=5)

    def _stamp_all(self, context: JobContext) -> None:
        """Goes over all records, a page in each transaction, and then declares the plans stamped that were registered when it began."""
        start: dict[str, Any] = context.claimed.checkpoint or {}
        while True:
            place: dict[str, Any] = dict(start)
            with context.step(place) as tx:
                state = State.read(tx.conn)
                active = self._policies.current(tx.conn, state)
                if place.get("epoch") != active.epoch:  # first page, or a policy that came meanwhile
                    unstamped = select(plan_table.c.plan).where(plan_table.c.epoch == active.epoch, plan_table.c.stamped == 0)
                    place.update(epoch=active.epoch, after=0, plans=list(tx.conn.execute(unstamped).scalars()))
                rows = tx.conn.execute(JUDGED.where(record.c.docno > place["after"]).order_by(record.c.docno).limit(_PAGE)).all()
                self._restamp(tx, active, state, rows)
                if rows:
                    place["after"] = rows[-1].docno
                if len(rows) < _PAGE:
                    self._finish(tx, active.epoch, place["plans"])
            start = place
            if len(rows) < _PAGE:
                return

    def _finish(self, tx: WriteTransaction, epoch: int, plans: list[int]) -> None:
        if plans:
            tx.conn.execute(update(plan_table).where(plan_table.c.plan.in_(plans)).values(stamped=1))
        old = select(signature.c.signature).where(signature.c.epoch < epoch)
        tx.conn.execute(delete(signature_plan).where(signature_plan.c.signature.in_(old)))
        tx.conn.execute(delete(signature).where(signature.c.epoch < epoch))
        tx.conn.execute(delete(plan_table).where(plan_table.c.epoch < epoch))
        tx.bump("stamp")

    def _restamp_due(self, context: JobContext) -> None:
        """Stamps what the clock has moved, a page in each transaction."""
        while True:
            with context.step() as tx:
                state = State.read(tx.conn)
                active = self._policies.current(tx.conn, state)
                due = and_(record.c.stamp_epoch == active.epoch, record.c.valid_until <= tx.now)
                rows = tx.conn.execute(JUDGED.where(due).order_by(record.c.docno).limit(_PAGE)).all()
                if rows:
                    self._restamp(tx, active, state, rows)
                    tx.bump("stamp")
            if len(rows) < _PAGE:
                return

    def _restamp(self, tx: WriteTransaction, active: ActivePolicy, state: State, rows: Iterable[Row[*tuple[Any, ...]]]) -> None:
        stamped = self._stamping(tx, active, state)
        values = [{"b_docno": row.docno, **stamped(attributes_of_row(row, orjson.loads(row.fields)))} for row in rows]
        if values:
            tx.conn.execute(update(record).where(record.c.docno == bindparam("b_docno")), values)

    # --- for doctor ----------------------------------------------------------------------------------------------------------------------------

    def unstamped(self) -> int:
        """How many records have no stamp that counts; they are answered correctly, but slower."""
        with self._store.read() as conn:
            state = State.read(conn)
            stale = or_(record.c.stamp_epoch.is_(None), record.c.stamp_epoch != state.policy, record.c.valid_until <= self._store.clock())
            return int(conn.execute(select(func.count()).select_from(record).where(stale)).scalar_one())
