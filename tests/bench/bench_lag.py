"""Lag over three hops: from a commit at a county until the nation answers with it over HTTP, in the running demo (four served sites on loopback).

    python -m tests.bench.bench_lag [--changes 60] [--policies 10]

Measured for each of: a record with rows added, changed, withdrawn; withheld by an edit of the policy at the city in the middle, and given back. The county's
commit is made beside its serving processes, so that they have to notice it as they notice the command line. The nation is asked as its officer, every few
milliseconds, from before the change on.
Targets: added, changed and withdrawn p99 below one second; all within two seconds.
"""

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from catalog.drafts import Draft
from catalog.rows import Column, RowChanges
from node.actors import local_actor
from node.site import Site, open_site
from tests.bench.figures import Report

COLUMNS = (Column("code", "text", nullable=False), Column("use", "text"))
ROWS = 20
POLICY = """\
policy: measurement
title: {zh: 测量, en: a measurement}
rules:
- rule: held-back
  deny: discover
  what: record.theme has wetland
  unless: actor.kind is person
  because: {zh: 测量, en: a measurement}
"""
FIELDS: dict[str, Any] = {
    "keywords": {"en": ["lag"]}, "category": "3/07/011", "sharing": {"type": "unconditional", "method": "platform"}, "opening": {"open": True},
    "grade": "general", "theme": ["wetland"], "territory": ["510107"], "issued": "2026-01-05", "update_cycle": "daily", "responsible_person": "王",
    "responsible_office": "科", "approval": "ok", "impact_assessment": "ok", "kind": "dataset", "summary": {"en": "a measurement"},
    "provider": {"name": {"zh": "武侯", "en": "Wuhou"}}, "items": [column.as_item() for column in COLUMNS],
    "resources.rows": {"title": {"en": "Table"}, "kind": "database", "rows": True, "key": ["code"], "format": "csv"},
}  # fmt: skip


class Nation:
    """The nation's answers."""

    def __init__(self, site: dict[str, Any]) -> None:
        self._url = f"{site['url']}/api/3/action/"
        self._session = requests.Session()
        self._session.headers["Authorization"] = site["tokens"]["officer"]

    def ask(self, action: str, **parameters: str) -> dict[str, Any] | None:
        """The result, or None when it is not there."""
        answer = self._session.get(self._url + action, params=parameters, timeout=30)
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()["result"]
        return found

    def title(self, id: str) -> str | None:
        """The title of a record that is shown with all its rows."""
        found = self.ask("package_show", id=id)
        return None if found is None else str(found["title"])

    def rows(self, id: str) -> int:
        """The number of a record's rows that are shown."""
        found = self.ask("datastore_search", resource_id=f"{id}-rows", limit="0")
        return 0 if found is None else int(found["total"])


class County:
    """Commits at the county, as the command line makes them."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._actor = local_actor(site.identity)

    def add(self, title: str) -> str:
        """Publishes a record with rows; returns its uuid."""
        puts = [{"code": f"C{n}", "use": title} for n in range(ROWS)]
        with self._site.store.write() as tx:
            id = self._site.writer.add_draft(tx, Draft({**FIELDS, "title": {"zh": title, "en": title}}, secrecy="public", terms={"onward": True}), self._actor)
            self._site.writer.put_rows(tx, id, "", RowChanges(columns=COLUMNS, key=("code",), puts=puts), self._actor)
            self._site.writer.publish(tx, id, self._actor)
        return id.rpartition(":")[2]

    def change(self, uuid: str, title: str) -> None:
        id = f"urn:terrace:{uuid}"
        with self._site.store.write() as tx:
            self._site.writer.edit(tx, id, {"title": {"zh": title, "en": title}}, self._actor)
            self._site.writer.publish(tx, id, self._actor)

    def withdraw(self, uuid: str) -> None:
        with self._site.store.write() as tx:
            self._site.writer.withdraw(tx, f"urn:terrace:{uuid}", "a measurement", self._actor)


def until(true: Callable[[], bool], what: str) -> float:
    """Milliseconds until something is true."""
    begun = time.perf_counter()
    while not true():
        if time.perf_counter() - begun > 30:
            raise SystemExit(f"waited 30 s for {what}")
        time.sleep(0.005)
    return 1000 * (time.perf_counter() - begun)


def measure(county: County, nation: Nation, policy: Path, changes: int, policies: int) -> dict[str, list[float]]:
    """Lags by kind of change, in milliseconds."""
    found: dict[str, list[float]] = {name: [] for name in ("added with rows", "changed", "withdrawn", "withheld by policy", "given back")}

    def pause() -> None:
        time.sleep(random.uniform(0.02, 0.15))

    for n in range(changes):
        id = county.add(f"lag {n}")
        found["added with rows"].append(until(lambda id=id: nation.title(id) is not None and nation.rows(id) == ROWS, "a new record"))  # type: ignore[misc]
        pause()
        county.change(id, f"changed {n}")
        found["changed"].append(until(lambda id=id, n=n: nation.title(id) == f"changed {n}", "a change"))  # type: ignore[misc]
        pause()
        county.withdraw(id)
        found["withdrawn"].append(until(lambda id=id: nation.title(id) is None, "a withdrawal"))  # type: ignore[misc]
        pause()
    id = county.add("held back and given back")
    until(lambda: nation.title(id) is not None, "a new record")
    for _ in range(policies):
        policy.write_text(POLICY, encoding="utf-8")
        found["withheld by policy"].append(until(lambda: nation.title(id) is None, "a policy at the city"))
        time.sleep(1)
        policy.unlink()
        found["given back"].append(until(lambda: nation.title(id) is not None, "a policy at the city"))
        time.sleep(1)
    return found


def main() -> int:
    """Starts the demo, measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--changes", type=int, default=60)
    parser.add_argument("--policies", type=int, default=10)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with (folder / "log").open("wb") as log:
            command = [sys.executable, "-m", "deploy.demo", "--dir", temporary, "--ports", "0"]
            begun = time.perf_counter()
            demo = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "TERRACE_LANG": "en"})
        try:
            while not (folder / "ready.json").exists():
                if demo.poll() is not None:
                    raise SystemExit((folder / "log").read_text())
                time.sleep(0.1)
            print(f"the demo was ready after {time.perf_counter() - begun:.0f} s (set-up apart)")
            sites = {site["key"]: site for site in json.loads((folder / "ready.json").read_text())["sites"]}
            site = open_site(Path(sites["wuhou"]["dir"]))
            policy = Path(sites["chengdu"]["dir"]) / "policies" / "measurement.yaml"
            found = measure(County(site), Nation(sites["nation"]), policy, asked.changes, asked.policies)
            site.close()
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(60)
    report = Report("lag")
    for name, lags in found.items():
        lags.sort()
        p99 = lags[min(len(lags) - 1, int(len(lags) * 0.99))]
        if name not in ("withheld by policy", "given back"):
            report.add(f"lag over three hops, {name}: p99", p99 / 1000, unit="s", target=1.0)
        report.add(f"lag over three hops, {name}: longest", lags[-1] / 1000, unit="s", target=2.0)
        print(f"  p50 {statistics.median(lags):.0f} ms")
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
