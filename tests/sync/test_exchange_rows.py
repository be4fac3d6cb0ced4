"""Rows travel beside their record: in batches, under the row filter of each hop, with removals for what leaves it."""

from collections.abc import Callable
from typing import Any

import pytest

from catalog.queries import RowQuery
from catalog.rows.batches import RowChanges
from catalog.rows.columns import Column
from tests.sync.sites import OPEN_POLICY, TestSite, eventually
from tests.sync.test_exchange_four_levels import World

type MakeSite = Callable[..., TestSite]

COLUMNS = (Column("code", "text"), Column("division", "text"), Column("area", "decimal"), Column("shape", "geometry"))
ITEMS = [column.as_item() for column in COLUMNS]
RESOURCE = {"title": {"zh": "地块"}, "kind": "database", "format": "GeoJSON", "rows": True, "key": ["code"], "geometry": "point"}

ONLY_510107 = (
    OPEN_POLICY
    + """
- rule: own-rows
  constrain: data
  who: actor.kind is peer
  then: {only rows: row.division lies within 510107}
  because: {zh: 仅本区, en: only this district}
"""
)
NO_HOLD = OPEN_POLICY.replace("allow: hold", "allow: read")


def row(n: int, division: str = "510107") -> dict[str, Any]:
    """One parcel."""
    return {"code": f"P{n:05d}", "division": division, "area": f"{n}.5", "shape": {"type": "Point", "coordinates": [104.0 + n / 1000, 30.6]}}


def publish(site: TestSite, rows: list[dict[str, Any]]) -> str:
    """Publishes a table of parcels."""
    return site.publish("地块", rows=RowChanges(puts=rows, columns=COLUMNS, key=["code"], geometry="point"), items=ITEMS, **{"resources.data": RESOURCE})


def put(site: TestSite, id: str, puts: list[dict[str, Any]] = (), removes: list[list[str]] = ()) -> None:  # type: ignore[assignment]
    """Changes rows."""
    with site.store.write() as tx:
        site.writer.put_rows(tx, id, "", RowChanges(puts=puts, removes=removes), site.staff)


def codes(site: TestSite, id: str) -> list[str]:
    """Keys of the rows that a site's staff sees; [] without a table."""
    from catalog.errors import CatalogError

    try:
        page = site.reader.rows(site.staff, id, RowQuery(limit=1000))
    except CatalogError:
        return []
    return sorted(item["code"] for item in page.rows)


def test_rows_reach_the_nation_and_follow_changes(make_site: MakeSite) -> None:
    world = World(make_site)
    id = publish(world.county, [row(n) for n in range(2500)])
    eventually(lambda: world.nation.record(id) is not None)
    eventually(lambda: len(_count(world.nation, id)) == 2500, what="2,500 rows at the nation")
    put(world.county, id, puts=[{**row(7), "area": "99.25"}, row(9000)], removes=[["P00001"], ["P00002"]])
    eventually(lambda: len(_count(world.nation, id)) == 2499)
    found = {item["code"]: item["area"] for item in world.nation.reader.rows(world.nation.staff, id, RowQuery(limit=1000)).rows}
    assert found["P00007"] == "99.25" and "P00001" not in found
    world.county.withdraw(id)
    eventually(lambda: world.nation.record(id) is None)
    assert _count(world.nation, id) == []
    assert _count(world.city, id) == []


def _count(site: TestSite, id: str) -> list[Any]:
    from sqlalchemy import select

    from catalog.errors import NotFoundError
    from catalog.rows.tables import find_table

    try:
        with site.store.read() as conn:
            table = find_table(conn, id)
            return [] if table is None else list(conn.execute(select(table.sql.c._key)).scalars())
    except NotFoundError:  # PostgreSQL: the table was dropped after our snapshot
        return []


def test_row_filter_of_a_hop_drops_rows_and_removes_those_that_leave_it(make_site: MakeSite) -> None:
    world = World(make_site)
    world.city.set_policy(ONLY_510107)
    id = publish(world.county, [row(1), row(2, "510104"), row(3)])
    eventually(lambda: len(_count(world.nation, id)) == 2)
    assert len(_count(world.city, id)) == 3
    put(world.county, id, puts=[row(3, "510104"), row(4), {**row(2, "510104"), "area": "8"}])
    eventually(lambda: sorted(_count(world.nation, id)) == ['["P00001"]', '["P00004"]'])
    put(world.county, id, puts=[row(3)], removes=[["P00002"]])
    eventually(lambda: sorted(_count(world.nation, id)) == ['["P00001"]', '["P00003"]', '["P00004"]'])
    world.city.set_policy(OPEN_POLICY)
    put(world.county, id, puts=[row(5, "510104")])
    eventually(lambda: len(_count(world.nation, id)) == 4)
    assert len(_count(world.province, id)) == 4


def test_rows_go_where_holding_is_no_longer_allowed(make_site: MakeSite) -> None:
    world = World(make_site)
    id = publish(world.county, [row(1), row(2)])
    eventually(lambda: len(_count(world.nation, id)) == 2)
    world.province.set_policy(NO_HOLD)
    eventually(lambda: _count(world.nation, id) == [])
    assert world.nation.record(id) is not None and len(_count(world.province, id)) == 2
    world.province.set_policy(OPEN_POLICY)
    eventually(lambda: len(_count(world.nation, id)) == 2)


def test_hidden_column_withholds_the_table(make_site: MakeSite) -> None:
    world = World(make_site)
    world.city.set_policy(
        OPEN_POLICY
        + """
- rule: no-area
  constrain: data
  who: actor.kind is peer
  then: {hide: [area]}
  because: {zh: 面积不外传, en: areas stay here}
"""
    )
    id = publish(world.county, [row(1)])
    eventually(lambda: world.nation.record(id) is not None)
    eventually(lambda: len(_count(world.city, id)) == 1)
    assert _count(world.province, id) == [] and world.nation.exchange.status().refused == 0


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_lost_answers_lose_no_rows(make_site: MakeSite, lost: int) -> None:
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    id = publish(county, [row(n) for n in range(3)])
    county.exchange.worker.publish_once()
    city.exchange.worker.pull_once(county.node)  # learns the generation
    for n in range(6):
        with county.store.read() as conn:
            gen = conn.exec_driver_sql("SELECT gen FROM sync_outlet").scalar()
        with city.store.read() as conn:
            cursor = conn.exec_driver_sql("SELECT cursor FROM sync_inlet").scalar() or 0
        if n % 3 < lost:
            county.exchange.serve(city.node, gen, cursor, 1000)  # the answer is lost on the way
        put(county, id, puts=[row(100 + n)], removes=[[f"P{n:05d}"]])
        county.exchange.worker.publish_once()
        city.exchange.worker.pull_once(county.node)
    city.exchange.worker.pull_once(county.node)
    assert _count(city, id) and sorted(_count(city, id)) == sorted(_count(county, id))
    assert city.exchange.status().refused == 0


def test_reader_of_rows_that_are_dropped_meanwhile_finds_nothing_or_what_it_had(make_site: MakeSite) -> None:
    from sqlalchemy import select

    from catalog.errors import NotFoundError
    from catalog.rows.tables import drop_table, find_table

    site = make_site("510107", "武侯")
    id = publish(site, [row(1)])

    def read() -> list[Any]:
        with site.store.read() as conn:
            table = find_table(conn, id)
            assert table is not None
            with site.store.write() as tx:
                drop_table(tx.conn, id, "")
            return list(conn.execute(select(table.sql.c._key)).scalars())

    if site.store.engine_name == "sqlite":
        assert len(read()) == 1  # its snapshot holds the table too
    else:
        with pytest.raises(NotFoundError):
            read()
    assert _count(site, id) == []


def test_contents_that_were_given_up_stop_their_table_and_nothing_else(make_site: MakeSite) -> None:
    # PROTOCOL 5.2
    from catalog.rows.batches import forget

    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    first, second = publish(county, [row(1)]), publish(county, [row(2)])
    put(county, first, puts=[row(3)])
    with county.store.write() as tx:
        assert forget(tx, first, "", 1) == 1
    county.exchange.worker.publish_once()
    for _ in range(4):
        city.exchange.worker.pull_once(county.node)
    later = county.publish("之后")
    county.exchange.worker.publish_once()
    city.exchange.worker.pull_once(county.node)
    assert city.record(first) is not None and city.record(later) is not None
    assert _count(city, first) == [] and len(_count(city, second)) == 1
    assert city.exchange.status().refused == 0


def test_replay_from_the_first_batch_gives_a_late_reader_what_the_others_have(make_site: MakeSite) -> None:
    # PROTOCOL 5.2
    city, late, county = make_site("510100", "成都"), make_site("510000", "四川"), make_site("510107", "武侯")
    county.join(city)
    id = publish(county, [row(n) for n in range(5)])
    for n in range(4):
        put(county, id, puts=[row(100 + n), {**row(0), "area": f"{n}.25"}], removes=[[f"P{n + 1:05d}"]])
        county.exchange.worker.publish_once()
        for _ in range(2):
            city.exchange.worker.pull_once(county.node)
    county.join(late)
    county.exchange.worker.publish_once()
    for _ in range(3):
        late.exchange.worker.pull_once(county.node)
    assert sorted(_count(late, id)) == sorted(_count(city, id)) == sorted(_count(county, id))
    assert city.exchange.status().refused == late.exchange.status().refused == 0
