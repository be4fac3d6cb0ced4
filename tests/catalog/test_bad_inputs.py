"""Every kind of bad input: one clear error in both languages, an audit line, and nothing half-written."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from catalog.tables import audit, counter, metadata
from node.error_table import REFUSED, form
from tests.catalog.bad_inputs import BAD
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


def test_there_are_more_than_a_hundred_kinds():
    assert len(BAD) >= 150


def test_each_is_one_clear_error_and_leaves_nothing(intake, tmp_path):
    """All in one run, as they come in a folder: none stops the others."""
    good = intake.one(intake.file("good.csv", "id,v\n1,2\n"))
    before, places = _state(intake), {}
    for n, (name, (file, content, _)) in enumerate(BAD.items()):
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
        result, words = results[path], BAD[name][2]
        error = result.error
        if result.status != "refused" or error is None or result.id is not None:
            wrong[name] = f"{result.status} {result.id}"
        elif not (error.zh and error.en and any("\u4e00" <= each <= "\u9fff" for each in error.zh) and error.zh != error.en):
            wrong[name] = f"not in both languages: {error.zh} | {error.en}"
        elif form(error).exit != REFUSED or not any(word in error.en for word in words.split("|")):
            wrong[name] = f"{error.kind}: {error.en}"
        elif len(error.en) > 1_000 or ("cannot be read: " in error.en and "Error:" in error.en):
            wrong[name] = f"not clear: {error.en}"
    assert not wrong, "\n".join(f"{name}: {what}" for name, what in wrong.items())
    assert len(results) == len(BAD) and _audited(intake) - lines == len(BAD)
    assert _state(intake) == before
    assert intake.one(intake.files / "good.csv").id == good.id
    assert not [path for path in Path(intake.files).rglob("*") if path.is_file() and path not in places and path.name != "good.csv"], "nothing beside the files"
