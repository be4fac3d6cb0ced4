"""Killed in the middle of apply, a clock that moves, a witness that is away, a site that was restored."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from catalog.rows.batches import RowChanges
from catalog.tables import record
from sync import tables as t
from sync.say import epoch_claims
from sync.statements import parse_all, sign
from sync.trusted import keep_statements
from tests.sync.sites import OPEN_POLICY, TestSite, eventually
from tests.sync.test_exchange_rows import COLUMNS, ITEMS, RESOURCE, _count, row

type MakeSite = Callable[..., TestSite]

EMBARGO = (
    OPEN_POLICY
    + """
- rule: protected
  deny: discover
  who: actor.kind is peer
  what: record.embargo is stated
  unless: record.embargo has passed
  because: {zh: 保护期内, en: until the date}
"""
)


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return int(time.time()) + self.ahead


def _bring(source: TestSite, reader: TestSite, times: int = 3) -> None:
    source.exchange.worker.publish_once()
    for _ in range(times):
        reader.exchange.worker.pull_once(source.node)


def _shown(site: TestSite) -> dict[str, bytes]:
    with site.store.read() as conn:
        return {id: bytes(hash_) for id, hash_ in conn.execute(select(record.c.id, record.c.manifest_hash))}


@pytest.mark.timeout(240)
def test_killed_in_the_middle_of_apply_it_goes_on(make_site: MakeSite) -> None:
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    ids = [county.publish(f"地块{n}") for n in range(60)]
    ids.append(
        county.publish("表", rows=RowChanges(puts=[row(n) for n in range(3000)], columns=COLUMNS, key=["code"]), items=ITEMS, **{"resources.data": RESOURCE})
    )
    county.exchange.worker.publish_once()
    arguments = [str(city.folder), city.database, "510100", "成都", county.node]
    kills = 0
    for seed in range(8):
        process = subprocess.Popen([sys.executable, "-m", "tests.sync.puller", *arguments], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        time.sleep(random.Random(seed).uniform(0.02, 0.25))
        process.kill()
        process.wait()
        kills += 1
        with city.store.read() as conn:
            held = conn.scalar(select(func.count()).select_from(t.holding).where(t.holding.c.tomb == 0))
            assert held == conn.scalar(select(func.count()).select_from(record).where(record.c.origin == "received"))
        if seed % 3 == 2:
            county.edit(ids[seed], title={"zh": f"改{seed}"})
            county.withdraw(ids[seed + 20])
            county.exchange.worker.publish_once()
    eventually(lambda: city.exchange.worker.pull_once(county.node) is False and _shown(city) == _shown(county))
    eventually(lambda: city.exchange.worker.pull_once(county.node) is False and sorted(_count(city, ids[-1])) == sorted(_count(county, ids[-1])))
    assert city.exchange.status().refused == 0 and kills == 8


def test_embargo_ends_by_the_clock_alone(make_site: MakeSite) -> None:
    # PROTOCOL 4.3
    clock = Clock()
    city, county = make_site("510100", "成都", clock=clock), make_site("510107", "武侯", clock=clock, policy=EMBARGO)
    county.join(city)
    date = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 8 * 3600 + 3 * 86_400))
    id = county.publish("地质资料", protected_until=date)
    _bring(county, city)
    assert city.record(id) is None
    clock.ahead = 4 * 86_400
    _bring(county, city)
    assert city.record(id) is not None


def test_terms_that_run_out_take_the_record_away(make_site: MakeSite) -> None:
    clock = Clock()
    city, county = make_site("510100", "成都", clock=clock), make_site("510107", "武侯", clock=clock)
    county.join(city)
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86_400))
    id = county.publish("限期", terms={"onward": True, "until": until})
    _bring(county, city)
    assert city.record(id) is not None
    clock.ahead = 2 * 86_400
    _bring(county, city)
    with city.store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(record)) == 0


def test_without_its_witness_a_log_is_signed_then_cosigned(make_site: MakeSite) -> None:
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    away = county.exchange.logbook.ask_witness
    county.exchange.logbook.ask_witness = lambda peers: False  # type: ignore[method-assign]
    id = county.publish()
    _bring(county, city)
    assert city.record(id).provenance.proof == "signed"
    county.exchange.logbook.ask_witness = away  # type: ignore[method-assign]
    _bring(county, city)
    assert city.record(id).provenance.proof == "cosigned"


def test_heartbeat_renews_the_cosignature_and_tells_the_reader(make_site: MakeSite) -> None:
    clock = Clock()
    city, county = make_site("510100", "成都", clock=clock), make_site("510107", "武侯", clock=clock)
    county.join(city)
    county.publish()
    _bring(county, city)

    def cosigned() -> int:
        with city.store.read() as conn:
            return int(conn.scalar(select(t.run.c.cosigned).where(t.run.c.source == county.node)))

    before = cosigned()
    clock.ahead = 700
    _bring(county, city)
    assert cosigned() >= before + 700


def test_full_read_after_the_reader_lost_its_place_ends_the_same(make_site: MakeSite) -> None:
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    ids = [county.publish(f"地块{n}") for n in range(5)]
    _bring(county, city)
    before = _shown(city)
    with city.store.write() as tx:
        tx.conn.execute(t.inlet.update().values(cursor=9999))  # a thief, or an older copy of our outlet
    county.withdraw(ids[0])
    _bring(county, city, 5)
    assert _shown(city).keys() == before.keys() - {ids[0]}
    _bring(county, city, 3)
    with city.store.read() as conn:
        assert conn.execute(select(t.inlet.c.full, t.inlet.c.held)).one() == (0, 0)


def test_stream_made_anew_is_read_from_the_start(make_site: MakeSite) -> None:
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    ids = [county.publish(f"地块{n}") for n in range(3)]
    _bring(county, city)
    with county.store.write() as tx:
        for table in (t.stream, t.outlet, t.view_out, t.due):
            tx.conn.execute(table.delete())
    county.withdraw(ids[0])
    _bring(county, city, 5)
    assert _shown(city).keys() == set(ids[1:])


def test_full_read_does_not_end_before_the_sweep(make_site: MakeSite) -> None:
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    ids = [county.publish(f"地块{n}") for n in range(3)]
    _bring(county, city)
    with county.store.write() as tx:
        for table in (t.stream, t.outlet, t.view_out, t.due):
            tx.conn.execute(table.delete())
    for _ in range(3):
        city.exchange.worker.pull_once(county.node)  # asks before anything is judged
    assert _shown(city).keys() == set(ids)
    _bring(county, city)
    assert _shown(city).keys() == set(ids)
    with city.store.read() as conn:
        assert conn.scalar(select(t.inlet.c.full)) == 0


def test_record_withdrawn_and_published_again_comes_back(make_site: MakeSite) -> None:
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    id = county.publish()
    _bring(county, city)
    county.set_policy(OPEN_POLICY.replace("allow: hold", "allow: count"))
    _bring(county, city)
    assert city.record(id) is not None  # count needs discover: the card stays
    assert "summary" in city.record(id).withheld
    county.set_policy(OPEN_POLICY)
    _bring(county, city)
    assert "summary" in city.record(id).fields


def test_when_the_epoch_rises_a_new_log_begins_and_the_closed_one_is_left(make_site: MakeSite) -> None:
    # PROTOCOL 6.2
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    first = county.publish("关闭之前")
    _bring(county, city)
    with county.store.read() as conn:
        closed = conn.execute(select(t.run).where(t.run.c.source == "", t.run.c.node == county.node)).one()
    claims = epoch_claims(
        iss=city.node, sub=county.node, zone="business", closes=1, size=closed.size, root=bytes(closed.root), site_keys=[county.keys.site.public],
        reason="restore", now=city.clock(),
    )  # fmt: skip
    for site in (city, county):
        with site.store.write() as tx:
            keep_statements(tx.conn, parse_all([sign(claims, city.keys.site)]), source=city.node, now=city.clock())
    assert county.exchange.status().origin is None and not county.exchange.logbook.needs_witness()
    second = county.publish("关闭之后")
    _bring(county, city)
    status = county.exchange.status()
    assert (status.origin, status.size, status.witnessed) == (f"terrace/1/{county.node}/business/2", 2, 2)  # the new log takes in what is current
    with county.store.read() as conn:
        assert conn.execute(select(t.run.c.size, t.run.c.note).where(t.run.c.run == closed.run)).one() == (closed.size, closed.note)
    assert city.record(first) is not None and city.record(second) is not None
    assert city.exchange.status().refused == 0
