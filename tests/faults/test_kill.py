"""Kill −9 at every fault point that the catalog and the exchange have, on both engines: nothing lost, doubled or half-written, and the peer ends right.

A life (tests/faults/scenario.py) is lived once, a few steps at a time, with a copy of everything kept between and the points noted that they pass.
Then for each point the life is taken up at the copy before it, killed at the point, looked at (what is there is exactly what was committed, and whole),
and lived to its end, where search, tables, streams, heads and the peer must be as if nothing had happened. By default a few points of each part; all of them
in `make soak`.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from catalog.fault_list import points
from tests.databases import POSTGRESQL
from tests.faults.scenario import DIVISIONS, Life

ROOT = Path(__file__).parents[2]

#: Memory rather than a disc: a killed process leaves what it wrote, and hundreds of sites are synced to it.
SHM = Path("/dev/shm")
#: Steps between two copies.
AT_ONCE = 4
#: Functions of catalog and sync whose boundaries the life does not pass, and why that is enough.
NOT_LIVED = {
    "catalog.accounts": "one row each; no other state depends on it",
    "catalog.cloud_objects": "needs a store elsewhere; the file is whole there or not at all by its protocol",
    "catalog.ingest.run._audit_refusal": "one line of the audit log",
    "catalog.ingest.write._forget": "removes a file that no record names",
    "catalog.ingest.write.publish_drafted": "publishes a draft, as others do",
    "catalog.jobs.Worker._beat": "prolongs a lease: one row, after 20 seconds",
    "catalog.postgis": "before there is a database",
    "catalog.policy_store.PolicyHolder._keep_old": "notes that files are bad: one row",
    "sync.keys": "before there is a site: tests/node/test_interrupted.py",
    "sync.leases.Leases.fetch": "one transaction; a bitmap that is not here is asked for again: tests/model",
    "sync.logbook.Logbook.renew_live": "one entry of the log; what was not written is due: tests/model",
    "sync.object_desk.ObjectDesk._postpone": "moves the time of the next try: one row",
    "sync.object_desk.ObjectDesk.forget": "drops wishes: one statement",
    "sync.object_desk.ObjectDesk.request": "wakes a wish: one statement",
    "sync.pairing.Pairing.move": "one row, by a person",
    "sync.pairing.Pairing.refuse": "one row, by a person",
    "sync.recovery.Recovery.notice": "one row, told by a witness: tests/sync/test_gag.py; the life is told by its own mark",
    "sync.pairing.Pairing.remove": "one transaction, by a person",
    "sync.refusals": "one line of the audit log",
    "sync.voided": "one transaction, due until it is done: tests/model, whose sites are killed and lose epochs",
    "sync.witnessing.WitnessDesk._keep_evidence": "one row of evidence; the fork is seen again",
    "sync.worker.Worker._failed": "what the clerk sees; one row",
    "sync.worker.Worker._look_at_clock": "one line of the audit log",
    "sync.worker.Worker._reached": "what the clerk sees; one row",
}
#: Killed at by default: one of each part, where its two sides differ most: the first point passed that begins and ends so.
CHOSEN = [
    ("catalog.ingest.write._write_chunks", "/commit/after"),
    ("catalog.search.merge.merge", "/commit/after"),
    ("sync.witnessing.WitnessDesk", "/commit/after"),
    ("sync.apply.Applier._store", "/commit/after"),
    ("sync.object_desk.ObjectDesk", "/commit/before"),
]


@dataclass
class Lived:
    """A life that was lived once: what it needs to be taken up anywhere.

    Attributes:
        passed: point → the copies after which it is passed, ascending.
    """

    engine: str
    folder: Path
    ports: dict[str, int]
    zygote: "subprocess.Popen[str]"
    passed: dict[str, list[int]] = field(default_factory=dict)
    databases: list[str] = field(default_factory=list)

    def place(self, name: str) -> dict[str, Any]:
        """Where the copy of this name is kept."""
        urls = {site: self._url(name, site) for site in DIVISIONS}
        return {"folder": str(self.folder / name), "databases": urls, "ports": self.ports}

    def _url(self, name: str, site: str) -> str:
        if self.engine == "sqlite":
            return f"sqlite:///{self.folder / name / DIVISIONS[site] / 'terrace.db'}"
        assert POSTGRESQL
        return make_url(POSTGRESQL).set(database=self._database(name, site)).render_as_string(hide_password=False)

    def _database(self, name: str, site: str) -> str:
        return f"{self.folder.name}_{name}_{site}".replace("-", "_").lower()

    def order(self, do: str, name: str, **more: Any) -> dict[str, Any]:
        """Has a child do something with a copy."""
        assert self.zygote.stdin and self.zygote.stdout
        self.zygote.stdin.write(json.dumps({"do": do, "place": self.place(name), **more}) + "\n")
        self.zygote.stdin.flush()
        return dict(json.loads(self.zygote.stdout.readline()))

    def well(self, do: str, name: str, **more: Any) -> None:
        """Does something that must go well."""
        answer = self.order(do, name, **more)
        assert answer == {"signal": 0, "error": None}, f"{do}: {answer['error']}"

    def copy(self, source: str | None, target: str) -> None:
        """Copies everything; from nothing: makes empty databases."""
        if source is not None:
            shutil.copytree(self.folder / source, self.folder / target)
        if self.engine == "postgresql":
            with _Server() as run:
                for site in DIVISIONS:
                    template = f' TEMPLATE "{self._database(source, site)}"' if source is not None else ""
                    run(f'CREATE DATABASE "{self._database(target, site)}"{template}')
                    self.databases.append(self._database(target, site))

    def drop(self, name: str) -> None:
        """Forgets a copy."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        if self.engine == "postgresql":
            with _Server() as run:
                for site in DIVISIONS:
                    run(f'DROP DATABASE IF EXISTS "{self._database(name, site)}" WITH (FORCE)')
                    self.databases.remove(self._database(name, site))

    def live_once(self, steps: int) -> None:
        """Lives a few steps at a time, keeps a copy before each, and notes what is passed."""
        passed: dict[str, list[int]] = {}
        self.copy(None, "s0")
        (self.folder / "s0").mkdir(exist_ok=True)
        self.well("found", "s0")
        for number in range(0, steps, AT_ONCE):
            after = min(number + AT_ONCE, steps)
            self.copy(f"s{number}", f"s{after}")
            record = self.folder / "points"
            record.unlink(missing_ok=True)
            self.well("live", f"s{after}", until=after, record=str(record))
            for point in dict.fromkeys(record.read_text().split()):
                passed.setdefault(point, []).append(number)
        self.copy(f"s{steps}", "end")
        self.well("finish", "end")
        self.passed = passed

    def kill_at(self, point: str, step: int) -> None:
        """Takes the life up before a step, kills it at a point, looks at it, and lives it to its end."""
        name = f"k{uuid.uuid4().hex[:8]}"
        self.copy(f"s{step}", name)
        try:
            answer = self.order("live", name, fault=point)
            assert answer["signal"] == 9, f"not killed: {answer}"
            self.well("check", name)
            self.well("finish", name)
        finally:
            self.drop(name)


class _Server:
    """Statements on the test server."""

    def __enter__(self) -> Callable[[str], object]:
        assert POSTGRESQL
        self._engine = create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
        self._conn = self._engine.connect()
        return lambda statement: self._conn.execute(text(statement))

    def __exit__(self, *_: object) -> None:
        self._conn.close()
        self._engine.dispose()


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Lived]]:
    """The life on an engine, lived once for all tests of this file."""
    import socket

    made: dict[str, Lived] = {}

    def port() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    def of(engine: str) -> Lived:
        if engine not in made:
            zygote = subprocess.Popen([sys.executable, "-m", "tests.faults.zygote"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            folder = Path(tempfile.mkdtemp(prefix="terrace-l", dir=SHM if SHM.is_dir() else tmp_path_factory.getbasetemp()))
            lived = Lived(engine, folder, {name: port() for name in DIVISIONS}, zygote)
            made[engine] = lived
            lived.live_once(len(Life.STEPS))
        assert made[engine].passed, "the life itself went wrong: see the first test"
        return made[engine]

    try:
        yield of
    finally:
        for lived in made.values():
            assert lived.zygote.stdin
            lived.zygote.stdin.close()
            lived.zygote.wait(timeout=30)
            shutil.rmtree(lived.folder, ignore_errors=True)
            if lived.engine == "postgresql":
                with _Server() as run:
                    for database in lived.databases:
                        run(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


@pytest.mark.timeout(600)
def test_the_life_passes_every_boundary_of_catalog_and_sync(lives: Callable[[str], Lived], engine_name: str) -> None:
    lived = lives(engine_name)
    wanted = {point for point in points() if point.startswith(("catalog.", "sync.")) and not point.startswith(tuple(NOT_LIVED))}
    missing = sorted(wanted - lived.passed.keys())
    assert not missing, "the life passes no such boundary: give it a step, or say in NOT_LIVED why none is needed"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("begins", "ends"), CHOSEN)
def test_killed_at_a_point_it_goes_on_as_if_nothing_had_happened(lives: Callable[[str], Lived], engine_name: str, begins: str, ends: str) -> None:
    lived = lives(engine_name)
    point = next(point for point in sorted(lived.passed) if point.startswith(begins) and point.endswith(ends))
    lived.kill_at(point, lived.passed[point][-1])


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_killed_at_every_point_of_the_first_and_last_step_that_pass_it(lives: Callable[[str], Lived], engine_name: str) -> None:
    lived = lives(engine_name)
    failed: list[str] = []
    kills = 0
    for point, steps in sorted(lived.passed.items()):
        for step in dict.fromkeys((steps[0], steps[-1])):
            kills += 1
            try:
                lived.kill_at(point, step)
            except AssertionError as error:
                failed.append(f"{point} in step {step}: {error}")
    print(f"{engine_name}: {kills} kills at {len(lived.passed)} points, {len(failed)} failed")
    assert not failed, "\n\n".join(failed)
