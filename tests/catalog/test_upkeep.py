"""The catalog's background: what is due is put on the list, once; on both engines."""

import time
from pathlib import Path

from sqlalchemy import select, update

from catalog.jobs import Worker
from catalog.queries import RecordQuery
from catalog.store import Store
from catalog.tables import job, record, segment
from catalog.upkeep import Upkeep
from policies.actor import PUBLIC
from tests.catalog.worlds import OPEN, World


def test_an_idle_site_has_nothing_to_do(store: Store, tmp_path: Path) -> None:
    world = World(store, tmp_path / "policies")
    upkeep = Upkeep(store, world.stamps)
    upkeep.look()
    with store.read() as conn:
        assert conn.execute(select(job)).all() == []


def test_a_long_tail_is_flushed_and_the_answers_stay_the_same(store: Store, tmp_path: Path) -> None:
    world = World(store, tmp_path / "policies")
    world.rule(OPEN)
    for _ in range(10):
        world.publish()
    before = world.ids(PUBLIC, text="国土")
    upkeep = Upkeep(store, world.stamps, flush_at=8)
    upkeep.look()
    upkeep.look()
    worker = Worker(store, upkeep.handlers())
    while worker.run_one():
        pass
    with store.read() as conn:
        assert len(conn.execute(select(segment)).all()) == 1
        assert [row.kind for row in conn.execute(select(job.c.kind).where(job.c.kind == "search"))] == ["search"]
    assert world.ids(PUBLIC, text="国土") == before and len(before) == 10


def test_records_whose_time_has_come_are_stamped_again(store: Store, tmp_path: Path) -> None:
    world = World(store, tmp_path / "policies")
    world.rule(OPEN)
    world.publish()
    world.reader.records(PUBLIC, RecordQuery())
    world.work()
    with store.write() as tx:
        tx.conn.execute(update(record).values(valid_until=int(time.time()) - 1))
    assert world.stamps.unstamped() == 1
    upkeep = Upkeep(store, world.stamps)
    upkeep.look()
    worker = Worker(store, upkeep.handlers())
    while worker.run_one():
        pass
    assert world.stamps.unstamped() == 0
