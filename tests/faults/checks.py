"""What is true of a site at every moment, also right after it was killed; and a digest of all that it has committed."""

import hashlib
from pathlib import Path
from typing import Any

import orjson
from pyroaring import BitMap
from sqlalchemy import Connection, func, inspect, select

from catalog import tables as c
from catalog.audit import verify_chain
from catalog.objects import LocalObjects
from catalog.queries import RecordQuery
from catalog.search import Search, SearchQuery, Visible
from catalog.store import Store, open_store
from sync import tables as t
from sync.logbook import own_run
from sync.merkle import Peaks
from sync.runs import getter
from sync.stream import MODULUS
from tests.sync.sites import TestSite


def committed(url: str, folder: Path) -> dict[str, str]:
    """A digest of each table as others see it now, and of each file behind records."""
    store = open_store(url, data_dir=folder)
    try:
        with store.read() as conn:
            tables = {name: _digest(conn, name) for name in sorted(inspect(conn).get_table_names())}
    finally:
        store.close()
    return {
        **tables,
        **{str(path.relative_to(folder)): "" for path in sorted((folder / "objects").rglob("*")) if path.is_file() and "incoming" not in path.parts},
    }


def _digest(conn: Connection, name: str) -> str:
    quoted = conn.dialect.identifier_preparer.quote(name)
    rows = sorted(repr(tuple(row)) for row in conn.exec_driver_sql(f"SELECT * FROM {quoted}"))
    return f"{len(rows)}:{hashlib.sha256(chr(10).join(rows).encode()).hexdigest()[:16]}"


def check(site: TestSite) -> None:
    """Raises AssertionError for anything lost, doubled or half-written."""
    with site.store.read() as conn:
        _positions(conn)
        _versions(conn)
        _rows(conn)
        _log(conn, site)
        _streams(conn)
        _holdings(conn)
        assert verify_chain(conn).bad is None, "the audit chain is broken"
        if site.store.engine_name == "sqlite":
            assert conn.exec_driver_sql("PRAGMA quick_check").scalar() == "ok"
    _files(site)
    _search(site)


def _count(conn: Connection, table: Any, *where: Any) -> int:
    return int(conn.scalar(select(func.count()).select_from(table).where(*where)) or 0)


def _positions(conn: Connection) -> None:
    newest = conn.scalar(select(c.counter.c.n).where(c.counter.c.name == "position")) or 0
    assert list(conn.scalars(select(c.change.c.position).order_by(c.change.c.position))) == list(range(1, newest + 1)), "positions are not dense"
    assert set(conn.scalars(select(c.record.c.docno))) <= set(range(1, newest + 1))
    assert not set(conn.scalars(select(c.gone.c.docno))) & set(conn.scalars(select(c.record.c.docno))), "a shown record is among the gone"


def _versions(conn: Connection) -> None:
    """Own records: the newest version is what is shown; each change of a record has its version."""
    newest: dict[str, Any] = {row.id: row for row in conn.execute(select(c.version).order_by(c.version.c.n))}
    for id, row in newest.items():
        shown = conn.scalar(select(c.record.c.manifest_hash).where(c.record.c.id == id))
        tomb = orjson.loads(row.manifest)["kind"] == "tombstone"
        assert (shown is None) if tomb else bytes(shown or b"") == bytes(row.manifest_hash), f"{id}: shown is not the newest version"
    own = conn.execute(select(c.change.c.position).where(c.change.c.own == 1, c.change.c.what.in_(["record", "remove"]))).scalars().all()
    assert sorted(own) == sorted(conn.scalars(select(c.version.c.position))), "changes and versions differ"
    assert set(conn.scalars(select(c.record.c.id).where(c.record.c.origin == "own"))) <= set(newest)


def _rows(conn: Connection) -> None:
    for table in conn.execute(select(c.row_table)).all():
        of = (c.row_batch.c.id == table.id, c.row_batch.c.variant == table.variant)
        seqs = list(conn.scalars(select(c.row_batch.c.seq).where(*of).order_by(c.row_batch.c.seq)))
        if seqs:
            assert seqs == list(range(seqs[0], table.seq + 1)), "batches of rows are missing"
        assert conn.exec_driver_sql(f"SELECT count(*) FROM rows_{table.n}").scalar() == table.count, "the number of rows is not what the table says"


def _log(conn: Connection, site: TestSite) -> None:
    run = own_run(conn, site.node, site.site.zone)
    if run is None:
        return
    assert list(conn.scalars(select(t.leaf.c.at).where(t.leaf.c.run == run.run).order_by(t.leaf.c.at))) == list(range(run.size)), "leaves are missing"
    assert run.root == Peaks.resume(run.size, getter(conn, run.run)).root(), "the kept hashes do not give the signed root"
    digests = [bytes(d) for d in conn.scalars(select(t.leaf.c.digest).where(t.leaf.c.run == run.run, t.leaf.c.kind == "record"))]
    assert len(digests) == len(set(digests)), "a version stands in the log twice"


def _streams(conn: Connection) -> None:
    for outlet in conn.execute(select(t.outlet)).all():
        puts = conn.scalars(select(t.stream.c.fingerprint).where(t.stream.c.peer == outlet.peer, t.stream.c.part == "", t.stream.c.state == "PUT"))
        assert int.from_bytes(outlet.total, "big") == sum(int.from_bytes(f, "big") for f in puts) % MODULUS, "a stream's sum is not that of its entries"
        assert outlet.acked <= outlet.served <= outlet.pos


def _holdings(conn: Connection) -> None:
    held = set(conn.scalars(select(t.holding.c.id).where(t.holding.c.tomb == 0)))
    received = set(conn.scalars(select(c.record.c.id).where(c.record.c.origin == "received")))
    assert held == received, "holdings and shown records differ"


def _files(site: TestSite) -> None:
    objects = site.objects
    assert isinstance(objects, LocalObjects)
    for name in objects.names():
        assert hashlib.sha256(objects.path(name).read_bytes()).hexdigest() == name, "a file is not what its name says"
    with site.store.read() as conn:
        noted = set(conn.scalars(select(c.object_.c.sha256).where(c.object_.c.state.not_in(("clearing", "cleared")))))
    assert noted <= set(objects.names()), "a file is noted that is not there"


def _search(site: TestSite) -> None:
    """Every count that search gives is that of the table."""
    store: Store = site.store
    everything = BitMap(range(1_000_000))
    with store.read() as conn:
        search = Search(store)
        titles = [orjson.loads(fields)["title"]["zh"] for fields in conn.scalars(select(c.record.c.fields))]
        for text in ("", "土地"):  # a keyword of every record of these tests
            assert search.query(conn, Visible(everything, everything), SearchQuery(text=text)).total == len(titles), f"search for {text!r}"
        for title in set(titles):
            found = search.query(conn, Visible(everything, everything), SearchQuery(text=title, limit=None))
            assert found.total >= titles.count(title), f"search for {title}: {found.total} of {titles.count(title)}"
    assert site.reader.records(site.staff, RecordQuery()).total == len(titles)


def check_agreement(life: Any) -> None:
    """At rest: the city has what the county gives, row for row and byte for byte, and neither side ever found the other wrong."""
    from tests.faults.scenario import rows_expected
    from tests.sync.test_exchange_rows import codes

    county, city = life.county, life.city
    with county.store.read() as conn:
        own = {id: bytes(hash_) for id, hash_ in conn.execute(select(c.record.c.id, c.record.c.manifest_hash))}
        assert _count(conn, t.message) == 0
        assert conn.scalar(select(func.count()).select_from(c.job).where(c.job.c.state.not_in(["done"]))) == 0, "jobs are left over"
    with city.store.read() as conn:
        held = {id: bytes(hash_) for id, hash_ in conn.execute(select(c.record.c.id, c.record.c.manifest_hash))}
        assert held.items() <= own.items(), "the city shows another version"
        inlet = conn.execute(select(t.inlet).where(t.inlet.c.peer == county.node)).one()
        assert (inlet.full, inlet.held) == (0, 0) and inlet.head is not None
        prints = conn.scalars(select(t.holding.c.fingerprint).where(t.holding.c.source == county.node, t.holding.c.tomb == 0))
        assert int.from_bytes(inlet.total, "big") == sum(int.from_bytes(f, "big") for f in prints) % MODULUS
        assert _count(conn, t.quarantine) == 1, "the nonsense is kept once"
        alarms = conn.execute(select(c.audit.c.event, c.audit.c.detail).where(c.audit.c.outcome == "alarm")).all()
        assert not alarms, f"the head disagreed: {alarms}"
        assert _count(conn, t.message) == 1, "a message came twice, or not at all"
        assert set(conn.scalars(select(t.object_want.c.state))) == {"held"}
    with county.store.read() as conn:
        sent = conn.scalar(select(t.outlet.c.total).where(t.outlet.c.peer == city.node))
    assert bytes(sent or b"") == bytes(inlet.total), "head and holdings disagree"
    assert set(codes(county, life.id_of("地块"))) == set(codes(city, life.id_of("地块"))) == rows_expected()
    assert len(codes(city, life.id_of("图斑"))) == 30
    assert list(county.objects.names()) == list(city.objects.names()) and len(list(city.objects.names())) == 2
