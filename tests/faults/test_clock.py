"""A clock that is set forward and back: clocks order nothing here, and hold nothing up (PROTOCOL 6.5)."""

import time
from collections.abc import Callable

import pytest
from sqlalchemy import select

from catalog import tables as c
from catalog.jobs import Worker, enqueue
from catalog.search.flush import flush
from catalog.store import Store
from sync import tables as t
from sync.errors import PeerError
from tests.faults.checks import check
from tests.sync.conftest import make_site  # noqa: F401 (a fixture)
from tests.sync.sites import TestSite
from tests.sync.test_exchange_faults import Clock

DAY = 86_400


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets the machine's clock, in seconds from the true time."""
    true, ahead = time.time, [0]
    monkeypatch.setattr(time, "time", lambda: true() + ahead[0])

    def to(seconds: int) -> None:
        ahead[0] = seconds

    return to


def test_a_site_whose_clock_steps_both_ways_stays_whole(make_site: Callable[..., TestSite], step: Callable[[int], None]) -> None:  # noqa: F811
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    ids = []
    for seconds in (0, 40 * DAY, -40 * DAY, 3600, 0):
        step(seconds)
        ids.append(county.publish(f"时{seconds}"))
        county.edit(ids[0], summary={"zh": f"改于 {seconds}"})
        flush(county.store, at_least=1)
        if seconds >= 0:  # 40 days back no statement is valid yet; then the log grows all the same and is witnessed later
            county.exchange.worker.publish_once()
            for _ in range(3):
                city.exchange.worker.pull_once(county.node)
    county.exchange.worker._witness_again = 0.0
    for _ in range(3):
        county.exchange.worker.publish_once()
        city.exchange.worker.pull_once(county.node)
    for site in (county, city):
        check(site)
    assert {id: city.record(id).version for id in ids} == {id: county.record(id).version for id in ids}
    assert city.record(ids[0]).fields["summary"]["zh"] == "改于 0"
    with city.store.read() as conn:
        assert not conn.execute(select(c.audit).where(c.audit.c.outcome == "alarm")).all()
        assert not conn.execute(select(t.quarantine)).all()


@pytest.mark.parametrize("ahead", [3600, -3600])
def test_a_peer_whose_clock_is_an_hour_off_is_told_and_loses_nothing(make_site: Callable[..., TestSite], ahead: int) -> None:  # noqa: F811
    # PROTOCOL 7.2
    clock = Clock()
    city, county = make_site("510100", "成都"), make_site("510107", "武侯", clock=clock)
    county.join(city)
    county.exchange.worker.publish_once()
    clock.ahead = ahead
    id = county.publish()
    county.exchange.worker.publish_once()
    with pytest.raises(PeerError) as caught:
        city.exchange.worker.pull_once(county.node)
    assert caught.value.status == 401 and "clock" in caught.value.en, caught.value.en
    clock.ahead = 0
    county.exchange.worker._witness_again = 0.0
    for _ in range(3):
        county.exchange.worker.publish_once()
        city.exchange.worker.pull_once(county.node)
    assert city.record(id).provenance.proof == "cosigned"
    for site in (county, city):
        check(site)


def test_jobs_are_not_held_up_by_a_clock_that_is_set_back(store: Store, step: Callable[[int], None]) -> None:
    done: list[int] = []
    step(DAY)
    with store.write() as tx:
        enqueue(tx, "work", key="a")
        enqueue(tx, "work", key="b")
    with store.write() as tx:  # a worker that was killed with its lease
        tx.conn.execute(c.job.update().where(c.job.c.key == "b").values(state="running", fence=1, attempts=1, lease_until=tx.now + 60))
    step(0)
    worker = Worker(store, {"work": lambda context: done.append(context.claimed.fence)})
    assert worker.run_one() and worker.run_one() and not worker.run_one()
    assert sorted(done) == [1, 2]


def test_a_lease_that_is_held_is_not_taken_for_one_of_a_wrong_clock(store: Store) -> None:
    with store.write() as tx:
        enqueue(tx, "work")
        tx.conn.execute(c.job.update().values(state="running", fence=1, attempts=1, lease_until=tx.now + 60))
    assert not Worker(store, {"work": lambda _context: None}).run_one()
