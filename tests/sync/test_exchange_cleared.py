"""Rows of a withdrawn record are cleared away in time: those who held it lost it long before, and those who come later read the log all the same."""

import time
from collections.abc import Callable

from catalog.jobs import Worker, enqueue
from catalog.withdrawn import DAY, Clearing
from sync.streams import given_out
from tests.sync.sites import TestSite, eventually
from tests.sync.test_exchange_rows import _count, publish, put, row


def _clear(site: TestSite, days: int = 40) -> None:
    job = Clearing(site.store, lambda: site.objects, keep=30 * DAY, in_streams=given_out, clock=lambda: int(time.time()) + days * DAY)
    with site.store.write() as tx:
        enqueue(tx, "clear", key="clear")
    assert Worker(site.store, job.handlers()).run_one()


def test_site_that_joins_after_rows_were_cleared_gets_everything_that_is_there(make_site: Callable[..., TestSite]) -> None:
    city, county, late = make_site("510100", "成都"), make_site("510107", "武侯"), make_site("510107001", "浆洗街")
    county.join(city)
    for site in (city, county):
        site.start()
    gone, kept = publish(county, [row(n) for n in range(30)]), publish(county, [row(n) for n in range(5)])
    eventually(lambda: len(_count(city, gone)) == 30 and len(_count(city, kept)) == 5)
    put(county, gone, removes=[["P00001"]])
    _clear(county)
    assert len(_count(county, gone)) == 29  # published: nothing of it goes
    county.withdraw(gone)
    eventually(lambda: city.record(gone) is None and _count(city, gone) == [])
    eventually(lambda: not _stream_holds(county, gone))
    _clear(county)
    assert _count(county, gone) == []
    put(county, kept, puts=[row(99)])
    eventually(lambda: len(_count(city, kept)) == 6)
    late.join(county)
    late.start()
    eventually(lambda: len(_count(late, kept)) == 6, what="the rows at a site that joined afterwards")
    assert late.record(gone) is None
    assert not [peer.error for site in (city, county, late) for peer in site.exchange.status().peers if peer.error]


def _stream_holds(site: TestSite, id: str) -> bool:
    with site.store.read() as conn:
        return bool(given_out(conn, [id]))
