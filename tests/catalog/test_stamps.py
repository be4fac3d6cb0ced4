"""View signatures: stamp ≡ evaluate for random policies, records and clocks; races, boundaries, activation; on both engines."""

import dataclasses
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from sqlalchemy import select, update

from catalog.attributes import attributes_of_row, iso
from catalog.columns import JUDGED
from catalog.drafts import Draft
from catalog.grants import Granted
from catalog.queries import RecordQuery
from catalog.store import State, Store
from catalog.tables import audit, plan, record, signature, signature_plan
from catalog.visibility import bits
from policies.actor import PUBLIC, Actor
from policies.plan import Env, Plan
from tests.catalog.conftest import OFFICER, complete_fields
from tests.catalog.worlds import AGENCY, OPEN, STAFF, World

MIXED = (
    OPEN
    + """\
- rule: protection
  deny: read
  what: record.embargo is stated
  unless: record.embargo has passed
  because: {zh: 保护期, en: protection}
- rule: territory
  allow: read
  who: actor.sector is environment
  what: record.territory touches actor.division
  because: {zh: 本地区, en: its territory}
- rule: recent
  deny: discover
  who: actor.kind is public
  what: [record.theme has farmland, record.issued is newer than 30 days]
  because: {zh: 延迟三十日, en: delayed by thirty days}
- rule: summaries
  constrain: read
  who: actor.kind is agency
  what: record.theme has water
  then: {hide: [summary]}
  because: {zh: 摘要不给, en: no summaries}
"""
)
ACTORS = [PUBLIC, STAFF, AGENCY, dataclasses.replace(AGENCY, division="510000"), Actor(kind="person", person="x", node="n-x", clearance="internal")]


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    made = World(store, tmp_path / "policies")
    made.rule(MIXED)
    return made


def _fill(world: World, count: int, seed: int = 7) -> None:
    """Publishes records in one transaction: those that policies cannot tell apart are stamped by one decision."""
    chance = random.Random(seed)
    drafts: list[str | Draft] = []
    for _ in range(count):
        day = iso(world.now[0] + chance.randrange(-60, 60) * 86_400)[:10]
        secrecy = chance.choice(["public", "internal"])
        fields = complete_fields(
            opening={"open": chance.random() < 0.5},
            theme=chance.choice([["land"], ["farmland"], ["water"], ["land", "water"]]),
            territory=chance.choice([["510107"], ["510100"], ["320000"]]),
            protected_until=chance.choice([None, day]),
            issued=day,
        )
        until = {"until": iso(world.now[0] + chance.randrange(-20, 20) * 86_400), "onward": True}
        terms = chance.choice([None, None, until, {"obligations": [{"on": "read", "hide": ["summary"]}]}])
        drafts.append(Draft(fields, secrecy=secrecy, terms=terms))
    with world.store.write() as tx:
        assert all(attempt.published for attempt in world.writer.publish_all(tx, drafts, OFFICER))


def _check(world: World) -> None:
    """Compares the bitmaps of every actor with the definition, record by record."""
    with world.store.read() as conn:
        state = State.read(conn)
        active = world.policies.current(conn, state)
        rows = conn.execute(JUDGED).all()
        for actor in ACTORS:
            made = Plan(active.policy_set, actor, Env(world.site.zone, world.site.node, world.now[0]))
            visible = world.reader._visibility.visible(conn, state, active, made, Granted(frozenset(), None))
            expected = {row.docno: bits(made, attributes_of_row(row, orjson.loads(row.fields)), False) for row in rows}
            alive = set(expected)
            assert set(visible.card) & alive == {docno for docno, (card, _) in expected.items() if card}, actor
            assert set(visible.full) & alive == {docno for docno, (_, full) in expected.items() if full}, actor


def _use(world: World) -> None:
    for actor in ACTORS:
        world.reader.records(actor, RecordQuery())


def test_the_clause_the_stamps_and_the_definition_agree(world: World) -> None:
    _fill(world, 60)
    _check(world)  # the compiled clause
    _use(world)
    world.work()
    with world.store.read() as conn:
        assert set(conn.execute(select(plan.c.stamped)).scalars()) == {1}
        assert conn.execute(select(signature)).all()
    world.reader._visibility.forget()
    _check(world)  # the stamps
    _fill(world, 20, seed=8)
    _check(world)  # extended
    world.reader._visibility.forget()
    _check(world)  # what the writer stamped
    assert world.stamps.unstamped() >= 0


def test_the_clock_moves_kept_bitmaps_and_stamps(world: World) -> None:
    _fill(world, 50)
    _use(world)
    world.work()
    start = world.now[0]
    for days in (1, 3, 10, 31, 70):
        world.now[0] = start + days * 86_400
        _check(world)  # kept, moved by the clock
        world.reader._visibility.forget()
        _check(world)  # from stamps, of which some no longer count
    assert world.reader.alarms == 0


def test_a_new_policy_is_in_force_at_once_and_stamped_later(world: World) -> None:
    _fill(world, 30)
    _use(world)
    world.work()
    world.rule(MIXED.replace("30 days", "5 days").replace("record.theme has water", "record.theme has land"))
    _check(world)  # unstamped: the compiled clause
    _fill(world, 5, seed=9)
    world.work()
    world.reader._visibility.forget()
    _check(world)
    with world.store.read() as conn:
        assert set(conn.execute(select(plan.c.epoch)).scalars()) == {2}
        assert set(conn.execute(select(record.c.stamp_epoch)).scalars()) == {2}
        left = set(conn.execute(select(signature_plan.c.signature)).scalars())
        assert left <= set(conn.execute(select(signature.c.signature)).scalars())


def test_another_process_sees_policy_records_and_clock(world: World) -> None:
    other = World(world.store, world.folder, now=world.now)
    _fill(world, 10)
    for actor in ACTORS:
        assert world.ids(actor) == other.ids(actor)
    world.rule(OPEN)
    _fill(world, 5, seed=3)
    for actor in ACTORS:
        assert world.ids(actor) == other.ids(actor)


def test_restamping_at_a_time_boundary(world: World) -> None:
    world.store.clock = lambda: world.now[0]
    done = world.publish(terms={"until": iso(world.now[0] + 2), "onward": True}, issued="2020-01-01")
    _use(world)
    world.work()
    with world.store.read() as conn:
        before = conn.execute(select(record.c.signature, record.c.valid_until)).one()
    assert before.valid_until == world.now[0] + 2
    world.stamps.tick()
    world.work()
    with world.store.read() as conn:
        assert conn.execute(select(record.c.signature)).scalar_one() == before.signature
    world.now[0] += 2
    world.stamps.tick()
    world.work()
    with world.store.read() as conn:
        after = conn.execute(select(record.c.signature, record.c.valid_until)).one()
    assert after.signature != before.signature and after.valid_until is None
    world.now[0] += 3
    _check(world)
    assert world.ids(PUBLIC) == set() and done.id


def test_a_wrong_stamp_is_caught_by_the_second_lock_and_raises_an_alarm(world: World) -> None:
    secret = world.publish(secrecy="internal", issued="2020-01-01")
    shown = world.publish(issued="2020-01-01")
    _use(world)
    world.work()
    world.reader._visibility.forget()
    with world.store.write() as tx:  # as if stamping had gone wrong
        good = tx.conn.execute(select(record.c.signature).where(record.c.id == shown.id)).scalar_one()
        tx.conn.execute(update(record).where(record.c.id == secret.id).values(signature=good))
        tx.bump("stamp")
    assert world.ids(PUBLIC) == {shown.id}
    assert world.reader.alarms == 1
    world.audit.flush()
    with world.store.read() as conn:
        assert conn.execute(select(audit.c.record).where(audit.c.event == "policy.alarm", audit.c.outcome == "alarm")).scalar_one() == secret.id


def test_a_plan_too_many_is_answered_without_stamps(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.stamps.MOST_PLANS", 1)
    _fill(world, 10)
    _use(world)
    world.work()
    with world.store.read() as conn:
        assert len(conn.execute(select(plan)).all()) == 2
    _check(world)


def test_policies_records_stamps_and_readers_race_and_nothing_leaks(world: World) -> None:
    """Publishing, activating, stamping and reading at once: what the public sees is never what any of the policies hides."""
    closed = MIXED.replace("what: [record.opening is open, record.secrecy is at most public]", "what: [record.opening is open, record.theme has land]")
    stop = threading.Event()
    errors: list[BaseException] = []
    secrets = [world.publish(secrecy="internal").id for _ in range(3)]

    def loop(step: Callable[[], object]) -> threading.Thread:
        def run() -> None:
            try:
                while not stop.is_set():
                    step()
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def read() -> None:
        page = world.reader.records(PUBLIC, RecordQuery(limit=1000))
        assert not {view.id for view in page.items} & set(secrets)
        assert page.total == len(page.items)

    threads = [loop(read), loop(read), loop(lambda: _fill(world, 1, seed=random.randrange(1 << 30))), loop(lambda: (world.work(), time.sleep(0.01)))]
    for n in range(6):
        time.sleep(0.3)
        world.rule(closed if n % 2 else MIXED)
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors, errors
    assert world.reader.alarms == 0
    world.work()
    _check(world)
    world.reader._visibility.forget()
    _check(world)
