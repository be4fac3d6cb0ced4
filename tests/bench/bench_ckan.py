"""CKAN Action API: a served site against a real CKAN 2.12, over HTTP, in the same run.

    python -m tests.bench.bench_ckan [--records 1000 100000] [--requests 200] [--rig FOLDER]

Ours: default policy, audit on, an officer's token. CKAN's: the rig in `../shared/rigs/ckan` beside the repository (or `--rig`), 200 datasets of its own, an
anonymous client (its cheaper case), started and stopped here; without the rig only our figures are printed. Measured is the time that all processes of each
server spent, by /proc; CKAN's search engine and database are left out of its figure, ours are in.
Targets: package_show 0.8 ms; package_search with 20 rows and five facets 1.5 ms at 1,000 records, 5 ms at 100,000, 20 ms at 1,000,000.
"""

import argparse
import contextlib
import http.client
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlsplit

import requests
from sqlalchemy import select

from catalog.store import Store
from catalog.tables import plan
from node.site import open_site
from tests.bench.bench_policy import fill
from tests.bench.serving import new_site, processor_seconds, served

RIG = Path(__file__).resolve().parents[3] / "shared" / "rigs" / "ckan"
FACETS = quote('["organization","groups","tags","res_format","license_id"]')
WORDS = ("滑坡", "遥感", "水位", "宗地", "影像", "耕地", "groundwater", "遥感 成都")
THEIR_WORDS = ("地下水", "水位", "cadastral", "parcels", "imagery")
ROUNDS = 5
TARGETS = {"package_show": 0.8, "package_search 1000": 1.5, "package_search 100000": 5.0, "package_search 1000000": 20.0}


def search(words: tuple[str, ...]) -> list[str]:
    """Paths of searches."""
    return [f"/api/3/action/package_search?rows=20&facet.field={FACETS}&q={quote(word)}" for word in words]


def measure(address: str, paths: list[str], pids: list[int], headers: dict[str, str], count: int) -> tuple[float, float]:
    """CPU and wall milliseconds of one request: medians over the rounds."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=120)

    def ask(number: int) -> None:
        for n in range(number):
            connection.request("GET", paths[n % len(paths)], headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                raise SystemExit(f"{paths[n % len(paths)]}: {answer.status} {body[:300]!r}")

    ask(2 * len(paths))
    found = []
    for _ in range(ROUNDS):
        cpu, wall = sum(map(processor_seconds, pids)), time.perf_counter()
        ask(count)
        found.append((1000 * (sum(map(processor_seconds, pids)) - cpu) / count, 1000 * (time.perf_counter() - wall) / count))
    connection.close()
    return statistics.median(cpu for cpu, _ in found), statistics.median(wall for _, wall in found)


def ours(folder: Path, records: int, count: int) -> dict[str, tuple[float, float]]:
    """Our figures at a number of records."""
    token = new_site(folder)
    site = open_site(folder)
    fill(SimpleNamespace(store=site.store), records)  # type: ignore[arg-type]
    with served(folder, token) as (pid, address), contextlib.closing(site):
        headers = {"Authorization": token}
        slug = _stamped(site.store, address, headers)
        return {
            "package_show": measure(address, [f"/api/3/action/package_show?id={slug}"], [pid], headers, count),
            f"package_search {records}": measure(address, search(WORDS), [pid], headers, count),
        }


def _stamped(store: Store, address: str, headers: dict[str, str]) -> str:
    """Asks once and waits until that plan is stamped on all records (until then searches are right but slower); returns a dataset's name."""
    answer = requests.get(f"{address}{search(WORDS)[0]}", headers=headers, timeout=120)
    answer.raise_for_status()
    while True:
        with store.read() as conn:
            stamped = conn.execute(select(plan.c.stamped)).scalars().all()
        if stamped and all(stamped):
            return str(answer.json()["result"]["results"][0]["name"])
        time.sleep(0.5)


@contextlib.contextmanager
def ckan(rig: Path) -> Iterator[dict[str, Any] | None]:
    """A running CKAN of the rig, or None where there is none."""
    if not (rig / "up").is_file():
        yield None
        return
    started = subprocess.run([str(rig / "up"), "--data", "200"], capture_output=True, text=True, check=False)
    if started.returncode:
        raise SystemExit(f"CKAN did not start:\n{started.stderr[-2000:]}")
    try:
        yield json.loads(started.stdout)
    finally:
        subprocess.run([str(rig / "down")], capture_output=True, check=False)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--requests", type=int, default=200, help="in each round")
    parser.add_argument("--rig", type=Path, default=RIG)
    asked = parser.parse_args()
    found: dict[str, tuple[float, float]] = {}
    for records in asked.records:
        with tempfile.TemporaryDirectory() as folder:
            found |= ours(Path(folder) / "site", records, asked.requests)
    theirs: dict[str, tuple[float, float]] = {}
    with ckan(asked.rig) as rig:
        if rig is not None:
            pids, few = [rig["pids"]["ckan"]], max(20, asked.requests // 10)
            theirs["package_show"] = measure(rig["url"], ["/api/3/action/package_show?id=rig-000001"], pids, {}, few)
            theirs["package_search"] = measure(rig["url"], search(THEIR_WORDS), pids, {}, few)
    print(f"{'CPU ms a request (wall)':26}{'Terrace':>18}{'CKAN 2.12':>18}{'ratio':>8}{'target':>10}")
    for name, (cpu, wall) in found.items():
        peer = theirs.get(name.split()[0])
        against = f"{peer[0]:12.2f} ({peer[1]:.1f}){peer[0] / max(cpu, 0.01):8.1f}" if peer else f"{'no CKAN here':>18}{'':8}"
        target = TARGETS.get(name)
        verdict = "" if target is None else f"{target:10.1f} {'met' if cpu <= target else 'MISSED'}"
        print(f"{name:26}{cpu:10.2f} ({wall:.1f}){against}{verdict}")


if __name__ == "__main__":
    main()
