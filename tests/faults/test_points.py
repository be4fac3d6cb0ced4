"""The list of fault points is whole: no transaction, rename or request without its points, and every point that is passed is in the list."""

import subprocess
import sys
from pathlib import Path

import pytest

from catalog import faults
from catalog.fault_list import EXCEPTED, list_boundaries, points
from catalog.store import Store

ROOT = Path(__file__).parents[2]

UNHOOKED = """
from catalog import faults

def save(path, target):
    '''Saves.'''
    path.replace(target)
    "a-b".replace("-", "+")

class Box:
    '''A box.'''
    def _keep(self, store, engine, session):
        with store.write() as tx:
            tx.audit("x")
        with engine.begin() as conn:
            conn.commit()
        faults.before("send")
        session.get("https://example.org")
        faults.after("send")
"""


def test_every_boundary_of_the_program_has_its_points() -> None:
    lacking = [
        f"{item.place}: {item.kind} in {item.function} lacks faults.before and faults.after"
        for item in list_boundaries()
        if item.kind in ("commit", "rename", "send") and item.moments != ("before", "after")
    ]
    assert lacking == []


def test_a_boundary_without_points_is_found(tmp_path: Path) -> None:
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "new.py").write_text(UNHOOKED)
    found = {(item.function, item.kind, item.moments) for item in list_boundaries(tmp_path)}
    assert found == {
        ("catalog.new.save", "rename", ()),
        ("catalog.new.Box._keep", "commit", ("before", "after")),  # by Store.write
        ("catalog.new.Box._keep", "commit", ()),
        ("catalog.new.Box._keep", "send", ("before", "after")),
    }
    assert "keep: A box." in {item.interrupts for item in list_boundaries(tmp_path)}


def test_every_part_of_the_list_is_there() -> None:
    listed = points()
    for part in (
        "catalog.ingest.write._write_once/commit",
        "catalog.stamps.Stamps._stamp_all/commit",
        "catalog.search.flush.flush/commit",
        "catalog.search.merge.merge/commit",
        "catalog.jobs.Worker.run_one/commit",
        "catalog.objects.LocalObjects.put/rename",
        "sync.logbook.Logbook.append/commit",
        "sync.logbook.Logbook.ask_witness/commit",
        "sync.feeder.Feeder._changes/commit",
        "sync.serve_batch.Server.serve/commit",
        "sync.apply.Applier._store/commit",
        "sync.transport.Peers._send/send",
        "sync.object_desk.ObjectDesk._fetch/commit",
        "node.backup.write_backup/rename",
    ):
        assert {f"{part}/before", f"{part}/after"} <= set(listed), part
    assert not {name for name in EXCEPTED if f"{name}/commit/before" in listed}


def test_points_that_are_passed_are_named_as_listed(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from catalog.audit import ReadAudit
    from catalog.jobs import Worker, enqueue

    passed: list[str] = []
    monkeypatch.setattr(faults, "armed", passed.append)

    def work(context: object) -> None:
        with context.step() as tx:  # type: ignore[attr-defined]
            tx.audit("job.done")

    with store.write() as tx:
        enqueue(tx, "work")
    Worker(store, {"work": work}).run_one()
    audit = ReadAudit(store, start=False)
    audit.close()
    assert passed[:4] == [f"{__name__}.test_points_that_are_passed_are_named_as_listed/commit/{moment}" for moment in ("before", "after")] + [
        f"catalog.jobs.Worker.run_one/commit/{moment}" for moment in ("before", "after")
    ]
    assert f"{__name__}.test_points_that_are_passed_are_named_as_listed/commit/before" in passed[4:]  # a step is named by whose step it is
    assert {point for point in passed if not point.startswith(__name__)} <= set(points())


def test_unset_nothing_is_armed_and_a_bad_name_is_refused() -> None:
    assert faults.armed is None
    assert faults.parse(None) is None and faults.parse("") is None
    for bad in ("flush", "a/b", "a/commit/before#x"):
        with pytest.raises(ValueError, match="fault_list"):
            faults.parse(bad)


def test_armed_by_the_environment_the_process_dies_at_the_named_passing(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from catalog.store import open_store\n"
        f"s = open_store({str(tmp_path / 'a.db')!r}, data_dir=Path('.'))\n"
        "s.upgrade()\n"
        "def go(n):\n"
        "    with s.write() as tx:\n"
        "        tx.audit('n', detail={'n': n})\n"
        "for n in range(5):\n"
        "    go(n)\n"
        "    print(n, flush=True)\n"
    )
    for fault, said in (("__main__.go/commit/before#3", "0\n1\n"), ("__main__.go/commit/after", ""), ("catalog.store.Store.upgrade/commit/after", "")):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={"TERRACE_FAULT": fault, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (-9, said), done.stderr
