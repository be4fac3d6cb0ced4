"""What is set aside: its reason and place, another try after mending, giving it up, its bound, and its lines in the audit log."""

import json

import orjson
import pytest
import yaml
from sqlalchemy import func, select

from catalog import quarantine
from catalog.errors import NotFoundError, QuarantineError
from catalog.ingest import sorting, write
from catalog.tables import audit, record
from catalog.tables import quarantine as table
from tests.catalog.intake import CLERK, Intake

BAD_CSV = "id,n,m\n1,2,3\n2,3,4,5,6\n3,4,5\n4,5,6\n"


@pytest.fixture
def intake(store, tmp_path):
    return Intake(store, tmp_path)


def _catalog(*titles):
    files = [{"downloadURL": "https://example.org/a.pdf", "mediaType": "application/pdf"}]
    return json.dumps({"dataset": [{"title": title, "identifier": str(n), "description": "d", "distribution": files} for n, title in enumerate(titles)]})


def _events(intake):
    with intake.store.read() as conn:
        rows = conn.execute(select(audit.c.event, audit.c.outcome).where(audit.c.event.like("quarantine.%")).order_by(audit.c.seq))
        return [tuple(row) for row in rows]


def test_a_bad_record_is_set_aside_with_reason_and_place_and_the_rest_enters(intake):
    results = intake.add(intake.file("data.json", _catalog("甲", "", "丙")))
    assert [(result.status, result.part) for result in results] == [("draft", "0"), ("draft", "2"), ("quarantined", "1")]
    assert results[2].error.zh.endswith("没有题名") and results[2].as_dict()["error"]["kind"] == "ingest"
    with intake.store.read() as conn:
        (held,) = quarantine.list_held(conn)
    assert (held.place, held.record, held.tries, held.member) == ({"path": "dataset[1]"}, None, 1, "")
    assert json.loads(held.excerpt)["identifier"] == "1" and held.as_dict()["error"]["zh"] == results[2].error.zh
    assert _events(intake) == [("quarantine.hold", "refused")]


def test_a_bad_row_is_set_aside_and_the_others_enter(intake):
    result = intake.one(intake.file("t.csv", BAD_CSV))
    assert (result.rows, result.quarantined, result.as_dict()["quarantined"]) == (3, 1, 1)
    with intake.store.read() as conn:
        (held,) = quarantine.list_held(conn, file=str((intake.files / "t.csv").resolve()))
        assert quarantine.place_text(held) == "line 3" and held.record == result.id and held.excerpt == "2,3,4,5,6"
        assert quarantine.files_of(conn) == [held.file]


def test_another_try_after_the_file_was_mended(intake):
    intake.add(intake.file("data.json", _catalog("甲", "", "丙")), intake.file("t.csv", BAD_CSV))
    again = intake.add(intake.file("data.json", _catalog("甲", "乙", "丙")), intake.file("t.csv", BAD_CSV.replace(",5,6\n", "\n", 1)), again=True)
    assert [(result.status, result.rows) for result in again] == [("unchanged", None), ("draft", None), ("unchanged", None), ("changed", 4)]
    assert intake.held() == [] and _events(intake)[-2:] == [("quarantine.release", "done")] * 2


def test_another_try_after_the_profile_was_mended(intake):
    """The file stays as it is; what was wrong is what a person said of it."""
    path = intake.file("t.csv", "id,depth\na,5\nb,deep\nc,7\n")
    intake.file("t.terrace.yaml", yaml.safe_dump({"columns": {"depth": {"name": "depth", "type": "decimal"}}}))
    assert intake.one(path).quarantined == 1 and intake.held()[0][1] == "line 3"
    intake.file("t.terrace.yaml", yaml.safe_dump({"columns": {"depth": {"name": "depth", "type": "text"}}}))
    again = intake.one(path, again=True)
    assert (again.status, again.rows, again.quarantined) == ("changed", 3, 0) and intake.held() == []


def test_another_try_that_fails_counts_and_keeps_the_new_reason(intake):
    path = intake.file("t.csv", BAD_CSV)
    first = intake.one(path)
    again = intake.one(path, again=True)
    assert (again.id, again.rows, again.quarantined) == (first.id, 3, 1)
    with intake.store.read() as conn:
        (held,) = quarantine.list_held(conn)
    assert held.tries == 2 and len(intake.held()) == 1


def test_a_second_run_adds_nothing_and_forgets_nothing(intake):
    paths = intake.file("data.json", _catalog("甲", "", "丙")), intake.file("t.csv", BAD_CSV)
    intake.add(*paths)
    before = intake.held()
    assert [result.status for result in intake.add(*paths)] == ["unchanged"] * 3 and intake.held() == before


def test_a_changed_part_changes_its_record_alone(intake):
    first = intake.add(intake.file("data.json", _catalog("甲", "", "丙")), publish=True)
    second = intake.add(intake.file("data.json", _catalog("甲", "", "丁")), publish=True)
    assert [(result.status, result.id) for result in second[:2]] == [("unchanged", first[0].id), ("published", first[1].id)]
    assert second[1].title == {"zh": "丁"} and len(intake.held()) == 1
    with intake.store.read() as conn:
        assert dict(conn.execute(select(record.c.id, record.c.version)).all()) == {first[0].id: 1, first[1].id: 2}


def test_what_is_given_up_is_gone_and_audited(intake):
    intake.add(intake.file("data.json", _catalog("甲", "", "")))
    with intake.store.read() as conn:
        numbers = [held.n for held in quarantine.list_held(conn)]
    with pytest.raises(NotFoundError), intake.store.write() as tx:
        quarantine.drop(tx, [numbers[0], 10_000], "li")
    assert len(intake.held()) == 2, "all or nothing"
    with intake.store.write() as tx:
        assert quarantine.drop(tx, numbers, "li") == 2
    assert intake.held() == [] and _events(intake)[-2:] == [("quarantine.drop", "done")] * 2


def test_it_is_bounded(intake, monkeypatch):
    monkeypatch.setattr(quarantine, "MAX_HELD", 3)
    intake.add(intake.file("data.json", _catalog("甲", "", "", "")))
    (result,) = intake.add(intake.file("t.csv", BAD_CSV))
    assert result.status == "refused" and isinstance(result.error, QuarantineError) and "terrace quarantine list" in result.error.en
    assert len(intake.held()) == 3


def test_a_table_with_too_many_bad_rows_is_refused(intake, monkeypatch):
    monkeypatch.setattr(sorting, "MAX_BAD", 5)
    assert "6 bad rows" in intake.refused(intake.file("t.csv", "id,n\n" + "1,2\n" * 100 + "1,2,3\n" * 9))


def test_excerpts_are_short_and_harmless(intake):
    path = intake.file("t.csv", "id,n\n1,2\n3,4\n5,6," + "\x1b[31m" + "x" * 10_000 + "\n")
    assert intake.one(path).quarantined == 1
    with intake.store.read() as conn:
        (held,) = quarantine.list_held(conn)
    assert len(held.excerpt) <= quarantine.MAX_EXCERPT and "\x1b" not in held.excerpt


def test_lone_surrogates_do_not_stop_the_rest(intake):
    good = {"type": "Feature", "properties": {"id": "a"}, "geometry": None}
    text = orjson.dumps({"type": "FeatureCollection", "features": [good, {**good, "properties": {"id": "b"}}]}).decode()
    result = intake.one(intake.file("a.geojson", text.replace('"b"', '"\\ud800"')))
    assert (result.rows, result.quarantined) == (1, 1) and intake.held()[0][1] == "feature 2"


def test_bad_rows_of_a_large_table(intake, monkeypatch):
    """They are found before anything is written, whichever transaction they would be in."""
    monkeypatch.setattr(write, "CHUNK", 100)
    long = "x" * 1_200
    lines = [f"k{n}{long if n in (150, 950) else ''},{n}" + (",9,9" if n == 500 else "") for n in range(1_050)]
    path = intake.file("big.csv", "id,value\n" + "\n".join(lines) + "\n")
    result = intake.one(path)
    assert (result.rows, result.quarantined, intake.table(result.id).count) == (1_047, 3, 1_047)
    assert sorted(place for _, place, _ in intake.held()) == ["line 152", "line 502", "line 952"]
    assert intake.one(path).status == "unchanged" and len(intake.held()) == 3


def test_a_killed_load_goes_on_where_it_was(intake, monkeypatch):
    """Rows that are there are not written again, and what is set aside is complete."""
    monkeypatch.setattr(write, "CHUNK", 100)
    lines = [f"{n},{n * 2}" + (",9" if n == 50 else "") for n in range(1_050)]
    path = intake.file("big.csv", "id,value\n" + "\n".join(lines) + "\n")
    put_rows, calls = intake.ctx.writer.put_rows, []

    def dies(*args):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return put_rows(*args)

    monkeypatch.setattr(intake.ctx.writer, "put_rows", dies)
    with pytest.raises(KeyboardInterrupt):
        intake.add(path)
    monkeypatch.undo()
    monkeypatch.setattr(write, "CHUNK", 100)
    with intake.store.read() as conn:
        there = conn.scalar(select(func.count()).select_from(audit).where(audit.c.event == "rows.put"))
    steps = []
    result = intake.one(path, steps=lambda done, total, path: steps.append((done, total)))
    assert (result.status, result.rows, result.quarantined, intake.table(result.id).count) == ("changed", 1_049, 1, 1_049)
    assert [place for _, place, _ in intake.held()] == ["line 52"] and steps[-1] == (1_049, 1_050)
    with intake.store.read() as conn:
        puts = conn.scalar(select(func.count()).select_from(audit).where(audit.c.event == "rows.put")) - there
    assert puts <= 8, "the first four hundred rows were there"


def test_a_killed_catalogue_goes_on_where_it_was(intake, monkeypatch):
    from catalog.ingest import run

    monkeypatch.setattr(run, "BATCH", 10)
    path = intake.file("data.json", _catalog(*(f"题{n}" for n in range(35)), ""))
    add_all, calls = intake.ctx.writer.add_all, []

    def dies(*args):
        calls.append(1)
        done = add_all(*args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(intake.ctx.writer, "add_all", dies)
    with pytest.raises(KeyboardInterrupt):
        intake.add(path)
    monkeypatch.setattr(intake.ctx.writer, "add_all", add_all)
    results = intake.add(path)
    assert [result.status for result in results] == ["unchanged"] * 20 + ["draft"] * 15 + ["quarantined"]
    assert len({result.id for result in results if result.id}) == 35 and len(intake.held()) == 1


def test_a_person_without_the_role_sets_nothing_aside(intake):
    from dataclasses import replace

    (result,) = intake.add(intake.file("t.csv", BAD_CSV), actor=replace(CLERK, roles=frozenset()))
    assert result.status == "refused" and result.error.kind == "denied"
    with intake.store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(table)) == 0


def test_an_older_database_gets_the_table_and_the_index(intake):
    """A site of the first schema, which had neither."""
    from sqlalchemy import inspect, text

    with intake.store.write() as tx:
        tx.conn.execute(text("DROP TABLE quarantine"))
        tx.conn.execute(text("DROP INDEX source_source"))
        tx.conn.execute(text("UPDATE alembic_version_catalog SET version_num = 'c0001'"))
    intake.store.upgrade()
    assert intake.one(intake.file("t.csv", BAD_CSV)).quarantined == 1 and len(intake.held()) == 1
    with intake.store.read() as conn:
        assert "source_source" in {index["name"] for index in inspect(conn).get_indexes("source")}


def test_a_second_run_over_a_large_catalogue_asks_little(intake):
    """What is known is looked up together, not record by record."""
    from sqlalchemy import event

    path = intake.file("data.json", _catalog(*(f"题{n}" for n in range(600))))
    intake.add(path)
    statements = []
    with intake.store.read() as conn:
        engine = conn.engine
    listener = lambda *args: statements.append(args[2])  # noqa: E731 - removed by identity
    event.listen(engine, "before_cursor_execute", listener)
    try:
        assert [result.status for result in intake.add(path)] == ["unchanged"] * 600
    finally:
        event.remove(engine, "before_cursor_execute", listener)
    assert len(statements) < 40
