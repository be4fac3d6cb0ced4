"""Every kind of bad input: one clear error in both languages, an audit line, and nothing half-written."""

import json
import os
from pathlib import Path

import pytest
from sqlalchemy import func, select

from catalog.tables import audit, counter, metadata
from node.error_table import REFUSED, form
from tests.bad import FILES, in_both_languages
from tests.catalog.intake import Intake


@pytest.fixture
def intake(store, tmp_path):
    return Intake(store, tmp_path)


def _state(intake: Intake) -> tuple[dict[str, list[object]], list[str]]:
    """Everything in the database but the audit log, and every object."""
    with intake.store.read() as conn:
        tables = {table.name: sorted(map(str, conn.execute(select(table)))) for table in metadata.sorted_tables if table.name not in ("audit", "counter")}
        tables["counter"] = sorted(map(str, conn.execute(select(counter).where(counter.c.name != "audit"))))
    return tables, sorted(str(path) for path in (intake.folder / "objects").rglob("*") if path.is_file())


def _audited(intake: Intake) -> int:
    with intake.store.read() as conn:
        return int(conn.scalar(select(func.count()).select_from(audit).where(audit.c.event == "intake.refused")) or 0)


def test_each_is_one_clear_error_and_leaves_nothing(intake, tmp_path):
    """All in one run, as they come in a folder: none stops the others."""
    good = intake.one(intake.file("good.csv", "id,v\n1,2\n"))
    before, places = _state(intake), {}
    for n, (name, (file, content, _)) in enumerate(FILES.items()):
        folder = intake.files / f"{n:03d}"
        folder.mkdir()
        path = folder / file
        data = content(tmp_path) if callable(content) else content
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        places[path] = name
    lines = _audited(intake)
    results = {result.path: result for result in intake.add(*places)}
    wrong = {}
    for path, name in places.items():
        result, words = results[path], FILES[name][2]
        error = result.error
        if result.status != "refused" or error is None or result.id is not None:
            wrong[name] = f"{result.status} {result.id}"
        elif not in_both_languages(error.zh, error.en):
            wrong[name] = f"not in both languages: {error.zh} | {error.en}"
        elif form(error).exit != REFUSED or not any(word in error.en for word in words.split("|")):
            wrong[name] = f"{error.kind}: {error.en}"
        elif len(error.en) > 1_000 or ("cannot be read: " in error.en and "Error:" in error.en):
            wrong[name] = f"not clear: {error.en}"
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())
    assert len(results) == len(FILES) and _audited(intake) - lines == len(FILES)
    assert _state(intake) == before
    assert intake.one(intake.files / "good.csv").id == good.id
    assert not [path for path in Path(intake.files).rglob("*") if path.is_file() and path not in places and path.name != "good.csv"], "nothing beside the files"


def test_what_is_no_file_of_its_own_is_refused_at_once(intake):
    """A pipe, a device, a file that is not there, names that are not UTF-8 or hold control characters."""
    pipe, odd, bell = intake.files / "pipe.csv", intake.files / os.fsdecode(b"\xff\xfe.csv"), intake.files / "a\x07.csv"
    os.mkfifo(pipe)
    odd.write_bytes(b"id,v\n1,2\n")
    bell.write_bytes(b"id,v\n1,2\n")
    good = intake.file("井\u3000水.csv", "id,v\n1,3\n")
    before = _state(intake)
    results = intake.add(pipe, Path("/dev/zero"), intake.files / "missing.csv", odd, bell)
    words = ["regular", "regular", "cannot read", "rename", "rename"]
    assert [result.status for result in results] == ["refused"] * 5
    assert all(word in result.error.en and result.error.zh for word, result in zip(words, results, strict=True)), [result.error.en for result in results]
    for result in results:
        json.dumps(result.as_dict(), ensure_ascii=False).encode()
    assert _state(intake) == before and intake.one(good).rows == 1


def test_a_file_that_changes_while_it_is_read_is_one_error(intake, monkeypatch):
    from catalog.ingest import write

    monkeypatch.setattr(write, "CHUNK", 100)
    path = intake.file("a.csv", "id,v\n" + "".join(f"{n},{n}\n" for n in range(1_000)))

    def cut(done, total, where):
        path.write_text("id,v\n1,2,3,4\n")

    (result,) = intake.add(path, steps=cut)
    assert result.error is None or (result.status == "refused" and result.error.zh and result.error.en)
