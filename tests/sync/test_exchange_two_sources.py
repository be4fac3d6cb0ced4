"""Two sources of the same rows: what a random walk against the specification found (tests/model)."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from sync import tables as t
from tests.sync.sites import TestSite
from tests.sync.test_exchange_rows import codes, publish, row


@pytest.mark.timeout(120)
def test_two_sources_of_rows_that_are_read_anew_come_to_rest(make_site: Callable[..., TestSite]) -> None:
    # PROTOCOL 4.5: the batch that ended a full read was taken for one without rows; the other source was then read anew, and so for ever
    province, city, county = make_site("510000", "四川"), make_site("510100", "成都"), make_site("510107", "武侯")
    city.join(province)
    county.join(city)
    county.join(province)
    tables = [publish(county, [row(n) for n in range(5)]), publish(county, [row(n) for n in range(3)])]
    sources = (city, county)
    for _ in range(3):
        for site in (county, city, province):
            site.exchange.worker.publish_once()
        city.exchange.worker.pull_once(county.node)
        for source in sources:
            province.exchange.worker.fetch_statements(source.node)
            province.exchange.worker.pull_once(source.node)
    with province.store.read() as conn:
        assert {(row.source, row.id) for row in conn.execute(select(t.row_inlet))} == {(source.node, id) for source in sources for id in tables}
        assert len(set(conn.scalars(select(t.row_inlet.c.source).where(t.row_inlet.c.feeds == 1)))) >= 1
    with province.store.write() as tx:  # each feeds one of the two
        for id, source in zip(tables, sources, strict=True):
            tx.conn.execute(t.row_inlet.update().where(t.row_inlet.c.id == id).values(feeds=0))
            tx.conn.execute(t.row_inlet.update().where(t.row_inlet.c.id == id, t.row_inlet.c.source == source.node).values(feeds=1))
        tx.conn.execute(t.inlet.update().values(cursor=0))
    for _ in range(6):
        for source in sources:
            province.exchange.worker.pull_once(source.node)
    with province.store.read() as conn:
        rounds = dict(conn.execute(select(t.inlet.c.peer, t.inlet.c.round)).all())
    for source in sources:
        province.exchange.worker.pull_once(source.node)
    with province.store.read() as conn:
        assert dict(conn.execute(select(t.inlet.c.peer, t.inlet.c.round)).all()) == rounds
        assert {(row.cursor > 0, row.full) for row in conn.execute(select(t.inlet))} == {(True, 0)}
    assert len(codes(province, tables[0])) == 5 and len(codes(province, tables[1])) == 3
