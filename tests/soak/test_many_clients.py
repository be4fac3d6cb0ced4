"""64 clients for ten minutes, while the policy changes and the serving processes are replaced: no answer but the right ones, no process that grows.

make soak TESTS=tests/soak        (TERRACE_SOAK_MINUTES=1 for a short one)
"""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from node.site import open_site
from tests.bench.filling import fill
from tests.bench.serving import new_site, terrace
from tests.node.served import Served

MINUTES = float(os.environ.get("TERRACE_SOAK_MINUTES", "10"))
CLIENTS = 64
RECORDS = 2_000
#: What one process may hold at most, and by how much it may grow over the second half. Megabytes.
MOST_MEMORY, MOST_GROWTH = 250, 25
RULE = """\
- rule: changing
  deny: data
  who: actor.kind is agency
  what: record.theme has {theme}
  because: {{zh: 试验, en: a test}}
"""


def layer(folder: Path) -> str:
    """Adds a layer of points; returns the collection's name."""
    path = folder / "wells.csv"
    path.write_text("well,depth,longitude,latitude\n" + "".join(f"W{n:05d},{n % 90},{104 + n % 100 / 1000},{30.5 + n // 100 / 1000}\n" for n in range(5_000)))
    sets = (
        'theme:=["groundwater"]', "grade=general", "update_cycle=yearly", 'territory:=["510107"]', "category=3070115", "summary=wells",
        'opening:={"open": true}',
        'sharing:={"type": "unconditional", "method": "platform"}', "responsible_person=张三", "impact_assessment=无", "approval=同意",
    )  # fmt: skip
    words = [word for each in sets for word in ("--set", each)]
    added = json.loads(terrace("-C", str(folder), "add", str(path), "--publish", "--json", "--secrecy", "public", *words).splitlines()[0])
    return str(json.loads(terrace("-C", str(folder), "show", added["id"], "--json"))["slug"])


def questions(layer: str) -> list[str]:
    words = ("滑坡", "遥感", "groundwater", "水位", "parcels")
    boxes = [f"104.0{n},30.5,104.0{n + 1},30.6" for n in range(5)]
    return [
        "/", "/about", "/interfaces", *(f"/?q={word}" for word in words), f"/dataset/{layer}", f"/dataset/{layer}?view=table",
        *(f"/api/3/action/package_search?rows=20&q={word}" for word in words), "/api/3/action/status_show", f"/api/3/action/package_show?id={layer}",
        "/ogc/collections?f=json", f"/ogc/collections/{layer}/items?f=json&limit=100", *(f"/ogc/collections/{layer}/items?f=json&bbox={box}" for box in boxes),
        "/csw/?service=CSW&version=2.0.2&request=GetCapabilities",
        "/csw/?service=CSW&version=2.0.2&request=GetRecords&typeNames=csw:Record&resultType=results&elementSetName=brief&maxRecords=10",
    ]  # fmt: skip


class Load:
    """Clients that ask at random until told to stop."""

    def __init__(self, url: str, token: str, asked: list[str]) -> None:
        self._url, self._token, self._asked = url, token, asked
        self._stop = threading.Event()
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(120)

    def _client(self, number: int) -> None:
        rng = random.Random(number)
        with requests.Session() as session:
            # An idle connection that the server has closed is no error: browsers open another one.
            session.mount("http://", HTTPAdapter(max_retries=Retry(total=2, read=0, connect=2, other=2, backoff_factor=0.1)))
            if number % 2:
                session.headers["Authorization"] = self._token
            while not self._stop.is_set():
                path = rng.choice(self._asked)
                try:
                    answer = session.get(self._url + path, timeout=60)
                except requests.RequestException as error:
                    self.answers["error"] += 1
                    self.wrong.append(f"{path}: {error!r:.300}")
                    continue
                self.answers[str(answer.status_code)] += 1
                if answer.status_code not in (200, 429):
                    self.wrong.append(f"{path}: {answer.status_code} {answer.text[:300]}")


def memory(pid: int) -> float:
    """Resident megabytes of a process, without what it shares with its parent."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in rollup.splitlines()[1:]}
    return kilobytes["Rss"] / 1024


def every(seconds: float, call: Callable[[], None], stop: threading.Event) -> threading.Thread:
    """Calls something in turn until stopped."""

    def run() -> None:
        while not stop.wait(seconds):
            call()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.soak
@pytest.mark.timeout(60 * MINUTES + 300)
def test_many_clients_policy_reloads_and_new_workers(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    token = new_site(folder)
    site = open_site(folder)
    fill(site.store, RECORDS)
    site.close()
    asked = questions(layer(folder))
    policy = folder / "policies" / "site.yaml"
    shipped = policy.read_text()
    served = Served(folder)
    stop = threading.Event()
    load = Load(served.url, token, asked)
    edits = 0

    def edit() -> None:
        nonlocal edits
        edits += 1
        policy.write_text(shipped + "rules:\n" + RULE.format(theme=("land", "wetland")[edits % 2]))

    try:
        load.start()
        reloads = [every(5, edit, stop), every(45, lambda: served.process.send_signal(signal.SIGHUP), stop)]
        sizes: list[float] = []
        end = time.monotonic() + 60 * MINUTES
        while time.monotonic() < end:
            time.sleep(2)
            sizes.append(max((memory(pid) for pid in served.children()), default=0.0))
        stop.set()
        for thread in reloads:
            thread.join()
        load.stop()
    finally:
        stop.set()
        load.stop()
        served.stop()
    half = len(sizes) // 2
    print(f"{sum(load.answers.values())} answers: {dict(load.answers)}; {edits} policies; at most {max(sizes):.0f} MB")
    assert not load.wrong, f"{len(load.wrong)} wrong answers:\n" + "\n".join(load.wrong[:10])
    assert load.answers["200"] > 100 * MINUTES
    assert max(sizes) <= MOST_MEMORY
    assert max(sizes[half:]) <= max(sizes[:half]) + MOST_GROWTH
