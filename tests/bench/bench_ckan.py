"""CKAN Action API: a served site against a real CKAN 2.12, over HTTP, in the same run.

    python -m tests.bench.bench_ckan [--records 1000 100000] [--requests 300] [--folder FOLDER] [--rig FOLDER]

Ours: default policy, audit on, an officer's token; 1,000,000 records take a quarter of an hour to make (`--folder` keeps them). CKAN's: a folder with the
programs `up --data N`, which starts it and prints JSON with `url` and `pids.ckan`, and `down` (`--rig`, or TERRACE_CKAN_RIG); 200 datasets, an anonymous client
(its cheaper case). Without one only our figures are printed. Measured is the processor time of all processes of each server; CKAN's search engine and database
are left out of its figure, ours are in.
Targets: package_show 0.8 ms; package_search with 20 rows and five facets 1.5 ms at 1,000 records, 5 ms at 100,000, 20 ms at 1,000,000.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests

from catalog.search import maintain
from node.site import open_site
from tests.bench.asking import Asked, in_turn, when_stamped
from tests.bench.figures import Report
from tests.bench.filling import fill
from tests.bench.serving import new_site, served, terrace

FACETS = quote('["organization","groups","tags","res_format","license_id"]')
WORDS = ("滑坡", "遥感", "水位", "宗地", "影像", "耕地", "groundwater", "遥感 成都")
THEIR_WORDS = ("地下水", "水位", "cadastral", "parcels", "imagery")
TARGETS = {1000: 1.5, 100_000: 5.0, 1_000_000: 20.0}
SHOW = 0.8
PEER = "CKAN 2.12 with 200"


def search(words: tuple[str, ...]) -> list[str]:
    """Paths of searches."""
    return [f"/api/3/action/package_search?rows=20&facet.field={FACETS}&q={quote(word)}" for word in words]


def show(name: str) -> list[str]:
    """The path of one dataset."""
    return [f"/api/3/action/package_show?id={name}"]


@contextlib.contextmanager
def site_of(folder: Path, records: int) -> Iterator[tuple[int, str, dict[str, str], str]]:
    """A served site with so many records, indexed and stamped (one that is there already is used): pid, address, headers, name of a dataset."""
    made = not folder.exists()
    token = new_site(folder) if made else str(json.loads(terrace("-C", str(folder), "token", "create", "li", "--json"))["token"])
    site = open_site(folder)
    if made:
        fill(site.store, records)
        maintain(site.store)
    headers = {"Authorization": token}
    with served(folder, token) as (pid, address), contextlib.closing(site):
        answer = when_stamped(site.store, lambda: requests.get(f"{address}{search(WORDS)[0]}", headers=headers, timeout=600))
        yield pid, address, headers, answer.json()["result"]["results"][0]["name"]


@contextlib.contextmanager
def ckan(rig: str | None) -> Iterator[dict[str, Any] | None]:
    """A running CKAN of the rig, or None where there is none."""
    if rig is None:
        print("no CKAN to compare with: --rig or TERRACE_CKAN_RIG names none")
        yield None
        return
    started = subprocess.run([str(Path(rig) / "up"), "--data", "200"], capture_output=True, text=True, check=False)
    if started.returncode:
        raise SystemExit(f"CKAN did not start:\n{started.stderr[-2000:]}")
    try:
        yield json.loads(started.stdout)
    finally:
        subprocess.run([str(Path(rig) / "down")], capture_output=True, check=False)


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--requests", type=int, default=300, help="in each round; CKAN gets a tenth")
    parser.add_argument("--folder", type=Path, help="sites are made in this folder, kept, and used again")
    parser.add_argument("--rig", default=os.environ.get("TERRACE_CKAN_RIG"))
    asked = parser.parse_args()
    report = Report("ckan")
    with ckan(asked.rig) as rig, tempfile.TemporaryDirectory() as temporary:
        for records in asked.records:
            with site_of((asked.folder or Path(temporary)) / f"site-{records}", records) as (pid, address, headers, name):
                compared = [("package_show", show(name), show("rig-000001"), SHOW)] if records == asked.records[0] else []
                compared += [(f"package_search, 20 rows and facets, {records:,} records", search(WORDS), search(THEIR_WORDS), TARGETS.get(records))]
                for what, mine, theirs, target in compared:
                    peers = [Asked(rig["url"], [rig["pids"]["ckan"]], theirs, share=0.1)] if rig else []
                    ours, *others = in_turn(asked.requests, Asked(address, [pid], mine, headers), *peers)
                    report.add(what, ours, target=target, peer=PEER, against=others[0].cpu if others else None)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
