"""Copies under lease are served only while their authority says that they are current (PROTOCOL 3.6)."""

import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select

from catalog import tables as c
from catalog.canonical import b64, dumps
from catalog.errors import NotFoundError
from sync import tables as t
from sync.clock import SiteClock
from sync.errors import BatchError, PeerError
from sync.leases import lease_of, parse_live
from tests.sync.sites import TestSite

type MakeSite = Callable[..., TestSite]

LEASE = 3600
TERMS = {"onward": True, "lease": LEASE}


class Clock:
    """One clock for all sites."""

    def __init__(self) -> None:
        self.now = 1_795_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """See `Clock`."""
    return Clock()


def chain(make_site: MakeSite, clock: Clock) -> tuple[TestSite, TestSite, TestSite]:
    """Province, city, county."""
    province, city, county = (make_site(code, name, clock=clock) for code, name in (("510000", "四川"), ("510100", "成都"), ("510107", "武侯")))
    city.join(province)
    county.join(city)
    return province, city, county


def flow(*sites: TestSite, times: int = 3) -> None:
    """From the last site to the first, each of which reads from the next."""
    for _ in range(times):
        for upper, lower in reversed(list(pairwise(sites))):
            lower.exchange.worker._witness_again = 0.0
            lower.exchange.worker.publish_once()
            upper.exchange.worker.publish_once()
            upper.exchange.worker.pull_once(lower.node)


def lists(site: TestSite) -> int:
    """How many live lists its log holds."""
    with site.store.read() as conn:
        return len(conn.execute(select(t.leaf.c.at).where(t.leaf.c.kind == "live")).all())


def test_a_copy_under_lease_goes_dark_when_its_lease_is_not_renewed_and_comes_back(make_site: MakeSite, clock: Clock) -> None:
    # PROTOCOL 3.6
    province, city, county = chain(make_site, clock)
    leased, free = county.publish("有租期", terms=TERMS), county.publish("无租期")
    flow(province, city, county)
    assert province.record(leased) and city.record(leased) and province.record(free)
    assert lists(county) == 1

    clock.now += LEASE - 1
    assert province.record(leased) and city.record(leased)
    clock.now += 1  # nobody does anything: no worker runs, the county is away
    assert province.record(leased) is None and city.record(leased) is None
    assert county.record(leased) and province.record(free)  # its authority needs no lease
    province.exchange.worker.publish_once()
    city.exchange.worker.publish_once()
    province.exchange.worker.pull_once(city.node)
    with province.store.read() as conn:  # nor does a relay pass it on any more
        assert conn.scalar(select(c.record.c.docno).where(c.record.c.id == leased)) is None

    flow(province, city, county)
    assert lists(county) == 2
    assert province.record(leased) and city.record(leased)


def test_lists_are_renewed_each_half_of_the_shortest_lease_and_only_while_there_is_one(make_site: MakeSite, clock: Clock) -> None:
    province, city, county = chain(make_site, clock)
    county.publish("无租期")
    flow(province, city, county)
    assert lists(county) == 0
    leased = county.publish("有租期", terms=TERMS)
    county.publish("长租期", terms={"onward": True, "lease": 10 * LEASE})
    flow(province, city, county)
    assert lists(county) == 1
    for n in range(2, 5):
        clock.now += LEASE // 2 - 1
        flow(province, city, county, times=1)
        assert lists(county) == n - 1
        clock.now += 1
        flow(province, city, county, times=2)
        assert lists(county) == n and province.record(leased)
    county.withdraw(leased)
    flow(province, city, county)
    clock.now += 2 * LEASE
    flow(province, city, county)
    before = lists(county)
    clock.now += 2 * LEASE
    flow(province, city, county)
    assert lists(county) == before and province.record(leased) is None


def test_what_a_relay_hides_an_update_of_goes_within_one_lease(make_site: MakeSite, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    # PROTOCOL 3.6, 10
    province, city, county = chain(make_site, clock)
    leased = county.publish("旧版", terms=TERMS)
    flow(province, city, county)
    county.edit(leased, title={"zh": "新版"})
    flow(city, county)
    hidden = city.exchange.server._one

    def hide(*args: Any) -> bool:
        return True if args[4].id == leased else hidden(*args)

    monkeypatch.setattr(city.exchange.server, "_one", hide)
    flow(province, city)
    assert province.record(leased) is None  # the list that came with the update says that the old leaf is not current


def test_a_clock_that_was_set_back_renews_nothing(make_site: MakeSite, clock: Clock) -> None:
    # PROTOCOL 3.6, 6.5
    province, city, county = chain(make_site, clock)
    leased = county.publish("有租期", terms=TERMS)
    flow(province, city, county)
    behind = Clock()
    behind.now = clock.now - 10_000
    county.exchange.context.clock = behind
    clock.now += LEASE
    county.exchange.worker.publish_once()
    assert lists(county) == 1 and province.record(leased) is None


def test_a_bitmap_must_have_the_hash_that_the_log_proves(make_site: MakeSite, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    province, city, county = chain(make_site, clock)
    leased = county.publish("有租期", terms=TERMS)
    monkeypatch.setattr(city.exchange, "live", lambda origin, peer: b"\xff")
    flow(province, city, county)
    assert city.record(leased) and province.record(leased) is None
    monkeypatch.undo()
    province.exchange.worker.pull_once(city.node)
    assert province.record(leased)


def test_bitmaps_go_to_whoever_follows_the_log_here(make_site: MakeSite, clock: Clock) -> None:
    # PROTOCOL 3.6, 7
    province, city, county = chain(make_site, clock)
    county.publish("有租期", terms=TERMS)
    flow(province, city, county)
    origin = str(county.exchange.status().origin)
    assert province.exchange.peers.live(city.node, origin, 1) == county.exchange.live(origin, city.node)
    with pytest.raises(PeerError):
        county.exchange.peers.live(city.node, origin + "0", 1)
    with pytest.raises(NotFoundError):
        province.exchange.live(origin, county.node)


def test_what_is_no_live_list_is_refused() -> None:
    good = {"bits": b64(b"\0" * 32), "size": 3, "time": "2026-11-24T06:26:41Z"}
    assert parse_live(dumps(good).decode(), 3).size == 3
    for bent in ({**good, "size": 4}, {**good, "size": -1}, {**good, "bits": "AA"}, {**good, "time": "gestern"}, {**good, "size": "3"}, [good], {}):
        with pytest.raises(BatchError) as caught:
            parse_live(dumps(bent).decode(), 3)  # type: ignore[arg-type]
        assert caught.value.kind == "live"
    assert lease_of('{"terms":{"lease":null}}') is None and lease_of('{"terms":{"lease":60}}') == 60
    assert lease_of('{"attested":{"lease":null},"terms":{"lease":60}}') == 60


def test_what_ended_stays_ended_for_the_faces_when_the_clock_is_set_back(make_site: MakeSite, clock: Clock) -> None:
    """Terms and leases, in pages and lists: the newest cosignature that another node made says what time has certainly come."""
    # PROTOCOL 6.5
    province, city, county = chain(make_site, clock)
    leased = county.publish("有租期", terms=TERMS)
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock.now + LEASE))
    ending = county.publish("有期限", terms={"onward": True, "until": until})
    flow(province, city, county)
    assert province.record(leased) and province.record(ending)
    clock.now += 2 * LEASE
    county.publish("新")
    flow(province, city, county)
    with province.store.write() as tx:  # nothing renews the lease: its list is as old as the copy
        tx.conn.execute(t.live.delete())
        tx.conn.execute(c.record.update().where(c.record.c.id == leased).values(terms=dumps({"onward": True, "until": until}).decode()))
    clock.now -= 2 * LEASE - 60
    province.reader._clock = SiteClock(province.store)  # as a process that starts now
    assert province.record(leased) is None and province.record(ending) is None
    clock.now += 2 * LEASE
    assert province.record(ending) is None
