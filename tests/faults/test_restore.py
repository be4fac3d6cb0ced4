"""A site restored from yesterday's copy: noticed, held back, closed by its superior, begun anew; everything travels again, and nobody cries fork."""

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, select, text

from catalog import tables as c
from catalog.rows import RowChanges
from sync import tables as t
from sync.errors import PeerError, TrustError
from sync.log_mark import MARK
from sync.recovery import note_restored, restored
from tests.databases import POSTGRESQL
from tests.faults.checks import check
from tests.sync.conftest import make_site  # noqa: F401 (a fixture)
from tests.sync.sites import TestSite
from tests.sync.test_exchange_rows import COLUMNS, ITEMS, RESOURCE, codes, put, row

type MakeSite = Callable[..., TestSite]


class Copies:
    """Copies of a site's database, taken and put back while it is stopped."""

    def __init__(self) -> None:
        self._made: list[str] = []

    def take(self, site: TestSite) -> str:
        """Copies; the site must be stopped."""
        if site.store.engine_name == "sqlite":
            target = site.folder.parent / f"copy-{uuid.uuid4().hex[:6]}.db"
            shutil.copy(site.folder / "terrace.db", target)
            return str(target)
        name = f"terrace_{uuid.uuid4().hex[:16]}"
        self._made.append(name)
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{make_url(site.database).database}"')
        return name

    def put_back(self, site: TestSite, copy: str) -> None:
        """Puts a copy in the place of a stopped site's database."""
        if site.store.engine_name == "sqlite":
            for path in site.folder.glob("terrace.db*"):
                path.unlink()
            shutil.copy(copy, site.folder / "terrace.db")
            return
        name = make_url(site.database).database
        self._run(f'DROP DATABASE "{name}" WITH (FORCE)')
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{copy}"')

    def _run(self, statement: str) -> None:
        assert POSTGRESQL
        engine = create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
        with engine.connect() as conn:
            conn.execute(text(statement))
        engine.dispose()

    def drop(self) -> None:
        """Drops what was made on a server."""
        for name in self._made:
            self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def copies() -> Iterator[Copies]:
    """See `Copies`."""
    made = Copies()
    try:
        yield made
    finally:
        made.drop()


def again(site: TestSite, name: str) -> TestSite:
    """Opens a stopped site again, under its address."""
    return TestSite(site.folder, site.database, site.port, division=site.division, name=name).listen()


def flow(*ways: tuple[TestSite, TestSite], times: int = 4) -> None:
    """Everything flows, along (from, to); errors of peers that rest are left alone."""
    for _ in range(times):
        for source, reader in ways:
            for site in (source, reader):
                site.exchange.worker._witness_again = 0.0
                site.exchange.recovery._again = 0.0
                site.exchange.worker.publish_once()
            try:
                reader.exchange.worker.pull_once(source.node)
            except PeerError as error:
                assert error.status == 503, error.en
            source.exchange.worker.fetch_statements(reader.node)


def shown(site: TestSite) -> dict[str, bytes]:
    """Received and own records: id → hash of the manifest."""
    with site.store.read() as conn:
        return {id: bytes(hash_) for id, hash_ in conn.execute(select(c.record.c.id, c.record.c.manifest_hash))}


def alarms(site: TestSite) -> list[Any]:
    """Forks, drift, quarantine: what honest sites must not see."""
    with site.store.read() as conn:
        events = conn.execute(select(c.audit.c.event, c.audit.c.detail).where(c.audit.c.outcome == "alarm", c.audit.c.event != "sync.restored")).all()
        return [*events, *conn.execute(select(t.quarantine.c.kind, t.quarantine.c.detail)).all()]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("mark", ["kept", "gone"])
def test_yesterdays_copy_is_noticed_and_everything_travels_again(make_site: MakeSite, copies: Copies, mark: str) -> None:  # noqa: F811
    # PROTOCOL 6.2, 4.5
    province, city, county = make_site("510000", "四川"), make_site("510100", "成都"), make_site("510107", "武侯")
    city.join(province)
    county.join(city)
    old = [county.publish(f"旧{n}") for n in range(3)]
    table = county.publish(
        "表", rows=RowChanges(puts=[row(n) for n in range(10)], columns=COLUMNS, key=["code"], geometry="point"), items=ITEMS, **{"resources.data": RESOURCE}
    )
    put(county, table, [row(10)])
    ways = ((county, city), (city, province))
    flow(*ways)
    county.edit(old[0], title={"zh": "改过"})
    flow(*ways)
    county.stop()
    yesterday = copies.take(county)

    county = again(county, "武侯")  # a day of work that the copy does not have
    new = [county.publish(f"新{n}") for n in range(4)]
    county.edit(old[1], title={"zh": "今日"})
    county.withdraw(old[2])
    put(county, table, [row(11)], [["P00000"]])
    ways = ((county, city), (city, province))
    flow(*ways)
    assert shown(province) == shown(county)
    county.stop()
    copies.put_back(county, yesterday)
    if mark == "gone":
        (county.folder / MARK).unlink()

    county = again(county, "武侯")
    ways = ((county, city), (city, province))
    afterwards = county.publish("恢复之后")
    flow(*ways, times=2)
    with county.store.read() as conn:
        assert restored(conn) == ("mark" if mark == "kept" else "witness")
        assert conn.scalar(select(t.leaf.c.at).where(t.leaf.c.id == afterwards)) is None  # nothing was added to the log, let alone signed
    with pytest.raises(PeerError) as caught:
        city.exchange.worker.pull_once(county.node)
    assert caught.value.status == 503 and "restored from an older copy" in caught.value.en
    assert set(new) <= shown(city).keys() and not alarms(city) and not alarms(province)  # what it has stays as it was meanwhile

    closing = city.exchange.recovery.close(county.node, "admin")
    assert (closing.closes, closing.opens, closing.reason) == (1, 2, "restore")
    flow(*ways, times=6)
    own = shown(county)
    assert own.keys() == {*old, table, afterwards}
    assert shown(city) == own and shown(province) == own
    for site in (city, province):
        assert site.record(old[0]).title("zh") == "改过" and site.record(old[1]).title("zh") == "旧1"
        assert site.record(old[0]).provenance.epoch == 2
        assert codes(site, table) == [f"P{n:05d}" for n in range(11)]
        assert not alarms(site), alarms(site)
    status = county.exchange.status()
    assert status.origin is not None and status.origin.endswith("/2") and status.size == status.witnessed
    with county.store.read() as conn:
        assert restored(conn) is None
    for site in (county, city, province):
        check(site)
    county.edit(old[1], title={"zh": "再改"})
    county.withdraw(old[0])
    put(county, table, [row(20)])
    flow(*ways)
    assert shown(province) == shown(county) and province.record(old[1]).title("zh") == "再改" and "P00020" in codes(province, table)
    with province.store.read() as conn:
        assert set(conn.execute(select(t.inlet.c.full, t.inlet.c.held)).all()) == {(0, 0)}
    county.stop()


@pytest.mark.timeout(120)
def test_killed_while_the_new_log_takes_everything_in_it_goes_on(make_site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    ids = [county.publish(f"地块{n}") for n in range(9)]
    county.edit(ids[0], title={"zh": "改"})
    county.withdraw(ids[8])
    flow((county, city))
    with county.store.write() as tx:
        note_restored(tx, "restore")
    city.exchange.recovery.close(county.node, "admin")
    county.exchange.worker.fetch_statements(city.node)
    monkeypatch.setattr("sync.logbook._PAGE", 3)
    assert county.exchange.recovery.step()
    county.exchange.logbook.append()  # one page of three, then the process is killed: nothing of it is in memory
    county.exchange.feeder.step()
    city.exchange.worker.pull_once(county.node)
    assert shown(city).keys() == set(ids[:8])  # a full read that has not ended takes nothing away
    county.stop()
    county = again(county, "武侯")
    flow((county, city))
    assert shown(city) == shown(county) and county.exchange.status().size == 8
    assert {city.record(id).provenance.epoch for id in ids[:8]} == {2}
    assert not alarms(city)
    check(county)
    county.stop()


def test_without_its_witness_nothing_is_signed_on_a_log_without_a_mark(make_site: MakeSite) -> None:  # noqa: F811
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    county.publish()
    flow((county, city))
    size = county.exchange.status().size
    city_server = city._server
    assert city_server is not None
    city_server.shutdown()
    city_server.server_close()
    county.stop()
    (county.folder / MARK).unlink()
    county = again(county, "武侯")
    county.publish("新")
    county.exchange.worker.publish_once()
    assert county.exchange.status().size == size
    city._server = None
    city.listen()
    county.exchange.recovery._again = 0.0
    flow((county, city))
    assert county.exchange.status().size == size + 1 and shown(city) == shown(county)
    county.stop()


def test_only_a_direct_superior_or_the_own_root_closes_an_epoch(make_site: MakeSite) -> None:  # noqa: F811
    province, city, county = make_site("510000", "四川"), make_site("510100", "成都"), make_site("510107", "武侯")
    city.join(province)
    county.join(city)
    county.publish()
    flow((county, city), (city, province))
    for site, node in ((county, county.node), (county, city.node), (province, county.node)):
        with pytest.raises(TrustError):
            site.exchange.recovery.close(node, "admin")
    province.publish()
    flow((city, province))
    closing = province.exchange.recovery.close(province.node, "admin")  # nobody is above it: its own root
    assert closing.iss == closing.sub == province.node
    flow((city, province))
    origin = province.exchange.status().origin
    assert origin is not None and origin.endswith("/2")


def test_a_log_that_nobody_has_heard_of_is_closed_at_nothing(make_site: MakeSite) -> None:  # noqa: F811
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    county.publish()
    county.exchange.logbook.append()
    with county.store.write() as tx:
        note_restored(tx, "restore")
    assert city.exchange.recovery.close(county.node, "admin").size == 0
    flow((county, city))
    assert shown(city) == shown(county) and not alarms(city)


def test_a_new_site_needs_nobody_to_begin_its_log(make_site: MakeSite) -> None:  # noqa: F811
    alone = make_site("510107", "武侯")
    alone.publish()
    alone.exchange.worker.publish_once()
    assert alone.exchange.status().size == 1
    alone.exchange.worker.publish_once()
    assert (alone.folder / MARK).exists() and Path(alone.folder / MARK).read_text().strip().startswith("{")


@pytest.mark.soak_on("postgresql")
@pytest.mark.timeout(120)
def test_leaves_that_an_epoch_closed_too_early_makes_void_go_from_every_relay(make_site: MakeSite, copies: Copies) -> None:  # noqa: F811
    """The city was restored itself: it closes its county's epoch at what it remembers, which is less than the province holds."""
    # PROTOCOL 6.2, 4.5
    nation, province = make_site("000000", "全国"), make_site("510000", "四川")
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    for lower, upper in ((province, nation), (city, province), (county, city)):
        lower.join(upper)
    ways = ((county, city), (city, province), (province, nation))
    old = county.publish("旧")
    flow(*ways)
    city.stop()
    yesterday = copies.take(city)
    city = again(city, "成都")
    ways = ((county, city), (city, province), (province, nation))
    new = county.publish("新", rows=RowChanges(puts=[row(0)], columns=COLUMNS, key=["code"], geometry="point"), items=ITEMS, **{"resources.data": RESOURCE})
    flow(*ways)
    assert shown(nation).keys() == {old, new} and codes(nation, new) == ["P00000"]
    city.stop()
    copies.put_back(city, yesterday)
    city = again(city, "成都")
    ways = ((county, city), (city, province), (province, nation))

    closing = city.exchange.recovery.close(county.node, "admin")
    assert closing.size == 1
    for site, below in ((province, city), (nation, province)):
        site.exchange.worker.fetch_statements(below.node)
    province.exchange.worker.publish_once()
    assert shown(province).keys() == {old}
    nation.exchange.worker.pull_once(province.node)
    assert shown(nation).keys() == {old}  # taken back from it, not refused by it
    county.exchange.worker.fetch_statements(city.node)

    flow(*ways, times=6)
    for site in (city, province, nation):
        assert shown(site) == shown(county) and codes(site, new) == ["P00000"]
        assert {site.record(id).provenance.epoch for id in (old, new)} == {2}
    assert not alarms(nation), alarms(nation)
    county.stop()


@pytest.mark.soak_on("postgresql")
@pytest.mark.timeout(120)
def test_a_copy_of_before_the_epoch_that_followed_an_earlier_restore_is_noticed(make_site: MakeSite, copies: Copies) -> None:  # noqa: F811
    """Put back again and again: the copy, of an empty log, knows nothing of the epochs since, whose logs were written. Beginning one again would be a fork."""
    # PROTOCOL 6.2
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    county.stop()
    before = copies.take(county)
    county = again(county, "武侯")
    county.publish("旧")
    flow((county, city))
    county.stop()
    for epoch, told in ((2, True), (3, False), (4, True)):
        copies.put_back(county, before)
        county = again(county, "武侯")
        county.publish(f"新{epoch}")
        if told:
            with county.store.write() as tx:
                note_restored(tx, "restore")
        flow((county, city), times=2)
        with county.store.read() as conn:
            assert restored(conn) == ("restore" if told else "mark")
        city.exchange.recovery.close(county.node, "admin")
        flow((county, city), times=6)
        assert shown(city) == shown(county) and not alarms(city), alarms(city)
        assert str(county.exchange.status().origin).endswith(f"/{epoch}")
        county.stop()


@pytest.mark.soak_on("postgresql")
def test_a_copy_of_the_moment_before_the_newest_entry_was_told_is_not_taken_for_up_to_date(make_site: MakeSite, copies: Copies) -> None:  # noqa: F811
    """The mark is written as soon as an entry is in the log, before a witness or peer is told of it: a copy from in between must not pass for the newest."""
    # PROTOCOL 6.2
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    county.publish("旧")
    flow((county, city))
    county.stop()
    before = copies.take(county)
    county = again(county, "武侯")
    county.publish("新")
    county.exchange.logbook.append()  # in the log and marked; then the machine is lost, and nobody was told
    county.stop()
    copies.put_back(county, before)
    county = again(county, "武侯")
    county.publish("另")
    county.exchange.worker.publish_once()
    with county.store.read() as conn:
        assert restored(conn) == "mark"
    assert county.exchange.status().size == 1  # the other entry is not put where one had stood that was signed already
    county.stop()
