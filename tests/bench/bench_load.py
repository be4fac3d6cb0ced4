"""Bulk load: processor time of a record until search finds it, in milliseconds (0.33 is 3,000 records in a second).

    python -m tests.bench.bench_load [--records 10000] [--rounds 3] [--folder FOLDER]

Two ways: `terrace add --publish` of CKAN datasets, a JSON object a line, the whole command with its start; and the same records in their stored form handed to
the writer in this process, 500 in a transaction. Both with the job that indexes, audit on, default policy. The peer is SQLite alone in the same round: the same
rows of the same tables with the same indexes, put into an empty file 500 records in a transaction.
"""

import argparse
import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import batched
from pathlib import Path
from typing import Any

import orjson

from catalog.drafts import Draft
from catalog.search import maintain
from node.actors import local_actor
from node.collector import collect_seldom
from node.site import open_site
from tests.bench.figures import Cost, Report
from tests.bench.serving import BIN, new_site
from tests.catalog.search_corpus import make_records

#: 3,000 records in a second.
TARGET = 0.333
#: What a load of records writes, in the order in which it can be put in.
TABLES = ("record", "record_term", "version", "change", "slug", "source", "audit")
AT_ONCE = 500
#: The corpus's domains as themes.
THEMES = {"cadastre": "realestate", "water": "water", "geology": "geology", "landuse": "land", "mapping": "survey"}
#: What the datasets do not say, so that they may be published.
GIVEN = (
    "category=3070115", "sharing.type=unconditional", "sharing.method=platform", "opening=true", "grade=general", "impact_assessment=无风险",
    "approval=局长批准", "responsible_person=张三", 'items:=[{"name": "code", "type": "text"}]',
)  # fmt: skip


def packages(count: int) -> Iterator[dict[str, Any]]:
    """Datasets as CKAN writes them; the same in each run."""
    rng = random.Random(5)
    for n, (row, terms) in enumerate(make_records(count)):
        fields = orjson.loads(row["fields"])
        box = [row[side] for side in ("west", "south", "east", "north")]
        extras = {"theme": [THEMES[value] for name, value in terms if value in THEMES], "territory": [row["division"]]}
        if box[0] is not None:
            west, south, east, north = box
            extras["spatial"] = {"type": "Polygon", "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]]}
        yield {
            "id": f"{rng.getrandbits(128):032x}",
            "name": f"dataset-{n}",
            "title_translated": fields["title"],
            "notes_translated": fields.get("summary", {"zh": "摘要"}),
            "tags": [{"name": word} for words in fields["keywords"].values() for word in words],
            "license_id": fields.get("license", "cc-by"),
            "organization": {"name": f"org-{n % 40}", "title": row["org"]},
            "maintainer": "李四",
            "maintainer_email": f"office{n % 40}@example.org",
            "metadata_created": f"{row['year']}-05-{n % 28 + 1:02d}T08:00:00",
            "metadata_modified": f"2026-0{n % 9 + 1}-01T08:00:00.123456",
            "extras": [{"key": key, "value": json.dumps(value)} for key, value in extras.items()],
            "resources": [
                {"name": f"file {i}", "url": f"https://data.example.org/{n}/{i}.{end}", "format": end.upper(), "mimetype": "application/octet-stream"}
                for i, end in enumerate(rng.sample(["zip", "pdf", "tif", "gpkg"], 2))
            ],
        }


def load(folder: Path, lines: Path) -> Cost:
    """Founds a site and takes the file in."""
    new_site(folder)
    words = [word for each in GIVEN for word in ("--set", each)]
    command = [str(BIN / "terrace"), "-C", str(folder), "add", "--publish", "--secrecy", "public", "--json", *words, str(lines)]
    began = time.perf_counter()
    with (folder / "add.log").open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        _, status, after = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"terrace add:\n{(folder / 'add.log').read_text()[:3000]}")
    return Cost(after.ru_utime + after.ru_stime, time.perf_counter() - began)


def index(folder: Path) -> Cost:
    """Flushes and merges until search has all."""
    with contextlib.closing(open_site(folder)) as site:
        began, elapsed = time.process_time(), time.perf_counter()
        while maintain(site.store, at_least=1):
            pass
        return Cost(time.process_time() - began, time.perf_counter() - elapsed)


def write(folder: Path, loaded: Path) -> Cost:
    """Founds a site and has its writer publish the records of another one."""
    new_site(folder)
    with sqlite3.connect(loaded / "terrace.db") as source:
        texts = [text for (text,) in source.execute("SELECT fields FROM record ORDER BY docno")]
    with contextlib.closing(open_site(folder)) as site:
        actor = local_actor(site.identity)
        began, elapsed = time.process_time(), time.perf_counter()
        for some in batched(texts, AT_ONCE):
            with site.store.write() as tx:
                new = [Draft({name: value for name, value in orjson.loads(text).items() if name != "code"}, secrecy="public") for text in some]
                if not all(attempt.published for attempt in site.writer.publish_all(tx, new, actor)):
                    raise SystemExit("a record was not published")
        return Cost(time.process_time() - began, time.perf_counter() - elapsed)


def raw(folder: Path, database: Path) -> Cost:
    """The same bytes put into an empty database by SQLite alone; reading them is not counted."""
    source, target = sqlite3.connect(database), sqlite3.connect(folder / "raw.db", isolation_level=None)
    target.execute("PRAGMA journal_mode=WAL")
    target.execute("PRAGMA synchronous=FULL")
    counts, rows = {}, {}
    for table in TABLES:
        for (made,) in source.execute("SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL", (table,)).fetchall():
            target.execute(made)
        counts[table] = source.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        rows[table] = source.execute(f"SELECT * FROM {table} ORDER BY rowid")
    batches = -(-counts["record"] // AT_ONCE)
    spent = elapsed = 0.0
    for n in range(batches):
        parts = {table: rows[table].fetchmany(count * (n + 1) // batches - count * n // batches) for table, count in counts.items()}
        began, start = time.process_time(), time.perf_counter()
        target.execute("BEGIN IMMEDIATE")
        for table, part in parts.items():
            target.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * len(part[0]))})", part)
        target.execute("COMMIT")
        spent, elapsed = spent + time.process_time() - began, elapsed + time.perf_counter() - start
    source.close()
    target.close()
    return Cost(spent, elapsed)


def main() -> int:
    """Load, write, put in raw, by turns; report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the sites are made; a temporary one by default")
    options = parser.parse_args()
    collect_seldom(every=100_000)  # as the command does
    count = options.records
    added, written, alone = [], [], []
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        lines = Path(name) / "datasets.jsonl"
        with lines.open("wb") as file:
            file.writelines(orjson.dumps(package) + b"\n" for package in packages(count))
        for n in range(options.rounds):
            one, other = Path(name) / f"added-{n}", Path(name) / f"written-{n}"
            added.append(_each([load(one, lines), index(one)], count))
            written.append(_each([write(other, one), index(other)], count))
            alone.append(_each([raw(one, one / "terrace.db")], count))
    report, peer = Report("load"), Cost.of(alone).cpu
    for told, costs in ((f"a record of {count:,} by terrace add --publish, searchable", added), ("the same by the writer in process, searchable", written)):
        report.add(told, Cost.of(costs), peer="SQLite alone", against=peer, target=TARGET)
    return report.end()


def _each(costs: list[Cost], count: int) -> Cost:
    """Milliseconds for a record, of seconds for all."""
    return Cost(sum(cost.cpu for cost in costs) / count * 1000, sum(cost.wall for cost in costs) / count * 1000)


if __name__ == "__main__":
    sys.exit(main())
