"""Full read by a new peer: a county's log of many records, read over HTTP, proved, and shown at the city; in records for each second.

    python -m tests.bench.bench_apply [--records 20000] [--rounds 3] [--folder FOLDER]

The county serves from a process of its own, as `node` composes it; the city reads until nothing is left. *Apply* is the processor time of the city's thread
from the bytes of a batch to its commit: every proof, signature and digest, policy attributes and stamps, what is shown, and what proves it again to others.
*Full read* is the whole, with HTTP, of both sites. All records must be found by search when it ends, before any upkeep of the index. The peer
is SQLite alone: the same rows of the same tables with the same indexes, put into an empty file a batch in a transaction, in the same round.
Targets: 4,000 records applied in a second; a full read within three times the time of SQLite alone.
"""

import argparse
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, update

from catalog.drafts import Draft
from catalog.queries import RecordQuery
from catalog.tables import record
from node.serve import collect_seldom
from sync import tables as t
from sync.inlets import open_inlet
from tests.bench.figures import Report
from tests.bench.serving import free_port
from tests.sync.sites import TestSite, record_fields

#: What a full read of records writes, in the order in which it can be put in.
TABLES = ("record", "record_term", "change", "slug", "sync_holding", "sync_floor", "sync_node")
AT_ONCE = 1000
#: Targets: records applied in a second, and how many times the time of SQLite alone a full read may take.
RECORDS, TIMES = 4000, 3
WORDS = ("耕地", "林地", "水库", "测绘", "地质", "宗地", "规划", "湿地", "矿产", "不动产")


@dataclass(frozen=True)
class Round:
    """Seconds of one round: processor time of applying and of all at the city, of the county; elapsed; of SQLite alone, processor and elapsed."""

    apply: float
    city: float
    county: float
    wall: float
    raw: float
    raw_wall: float
    bytes: int


def publish(county: TestSite, count: int) -> None:
    """Publishes made-up records, and brings them into log and streams."""
    for start in range(0, count, AT_ONCE):
        drafts = [
            Draft(
                fields=record_fields(f"{WORDS[n % 10]}{WORDS[n // 10 % 10]}数据 {n}", county.division, summary={"zh": f"第 {n} 号数据的摘要：{WORDS[n % 7]}"}),
                secrecy="public",
                terms={"onward": True},
            )
            for n in range(start, min(start + AT_ONCE, count))
        ]
        with county.store.write() as tx:
            assert all(done.published for done in county.writer.publish_all(tx, drafts, county.staff))
    county.exchange.worker.publish_once()


def serve(folder: Path, port: int) -> None:
    """The county's process: serves until its input ends, then says its processor time since it was ready."""
    site = TestSite(folder, _database(folder), port, division="510107", name="county").listen()
    began = time.process_time()
    print("ready", flush=True)
    sys.stdin.read()
    print(json.dumps(time.process_time() - began), flush=True)
    site.stop()


def read(city: TestSite, county: str) -> tuple[float, float, float, int]:
    """A full read: seconds of processor time of applying, of all; elapsed seconds; bytes of batches."""
    apply, size, cursor = 0.0, 0, 0
    began, spent = time.perf_counter(), time.thread_time()
    gen = city.exchange.peers.changes(county, gen=None, cursor=0, wait=0, limit=AT_ONCE).json()["gen"]
    with city.store.write() as tx:
        open_inlet(tx.conn, county)
        tx.conn.execute(update(t.inlet).where(t.inlet.c.peer == county).values(gen=gen, cursor=0))
    while (answer := city.exchange.peers.changes(county, gen=str(gen), cursor=cursor, wait=0, limit=AT_ONCE)).status == 200:
        before = time.thread_time()
        applied = city.exchange.apply(county, answer.body)
        apply += time.thread_time() - before
        assert applied.outcome == "applied"
        cursor, size = applied.cursor, size + len(answer.body)
    return apply, time.thread_time() - spent, time.perf_counter() - began, size


def raw(target: Path, database: Path) -> tuple[float, float]:
    """The same bytes put into an empty database by SQLite alone: seconds of processor time, and elapsed."""
    source, sink = sqlite3.connect(database), sqlite3.connect(target, isolation_level=None)
    sink.execute("PRAGMA journal_mode=WAL")
    sink.execute("PRAGMA synchronous=FULL")
    for table in TABLES:
        for (made,) in source.execute("SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL", (table,)).fetchall():
            sink.execute(made)
    count = source.execute("SELECT count(*) FROM record").fetchone()[0]
    cursors = {table: (source.execute(f"SELECT * FROM {table}"), source.execute(f"SELECT count(*) FROM {table}").fetchone()[0]) for table in TABLES}
    batches = -(-count // AT_ONCE)
    spent = elapsed = 0.0
    for n in range(batches):
        parts = {table: rows.fetchmany(size * (n + 1) // batches - size * n // batches) for table, (rows, size) in cursors.items()}
        began, cpu = time.perf_counter(), time.thread_time()
        sink.execute("BEGIN IMMEDIATE")
        for table, part in parts.items():
            if part:
                sink.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(part[0]))})", part)
        sink.execute("COMMIT")
        elapsed, spent = elapsed + time.perf_counter() - began, spent + time.thread_time() - cpu
    source.close()
    sink.close()
    return spent, elapsed


def one_round(folder: Path, count: int) -> Round:
    """Founds two sites, publishes at one, and has the other read it."""
    ports = free_port(), free_port()
    city = TestSite(folder / "city", _database(folder / "city"), ports[0], division="510100", name="city").listen()
    county = TestSite(folder / "county", _database(folder / "county"), ports[1], division="510107", name="county").listen()
    county.join(city)
    publish(county, count)
    node = county.node
    county.stop()
    command = [sys.executable, "-m", "tests.bench.bench_apply", "--serve", str(folder / "county"), "--port", str(ports[1])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        city.reader.records(city.staff, RecordQuery(text=WORDS[0]))  # somebody uses the city: its plan is stamped on what comes
        apply, spent, wall, size = read(city, node)
        process.stdin.close()
        served = float(process.stdout.read())
    with city.store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(record)) == count
    assert city.reader.records(city.staff, RecordQuery(text="摘要", limit=1)).total == count
    city.stop()
    return Round(apply, spent, served, wall, *raw(folder / "raw.db", folder / "city" / "terrace.db"), size)


def _database(folder: Path) -> str:
    return f"sqlite:///{folder / 'terrace.db'}"


def main() -> int:
    """Publish, read, put in raw, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the sites are made; a temporary one by default")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    collect_seldom()  # as a served site does
    if options.serve is not None:
        serve(options.serve, options.port)
        return 0
    count, rounds = options.records, []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            rounds.append(one_round(Path(name), count))
    apply, city, county, wall, alone, alone_wall = (
        statistics.median(getattr(each, name) for each in rounds) for name in ("apply", "city", "county", "wall", "raw", "raw_wall")
    )
    print(f"{count:,} records of {rounds[0].bytes / count:,.0f} bytes, {options.rounds} rounds; in a second of processor time: {count / apply:,.0f} applied,")
    print(f"{count / city:,.0f} read in all, {count / county:,.0f} given; elapsed: {count / wall:,.0f} read, {count / alone_wall:,.0f} by SQLite alone")
    report = Report("apply")
    report.add("verified apply, one record", apply / count * 1000, peer="SQLite alone", against=alone / count * 1000, target=1000 / RECORDS)
    report.add(f"full read of {count:,} records, both sites, against SQLite alone", (city + county) / alone, unit="times", target=TIMES)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
