"""`add`: a second time adds nothing, a changed file changes its record, a bad file is one refusal, and what is published is complete."""

import pytest
import shapely
import yaml
from sqlalchemy import func, select

from catalog.errors import PublishError
from catalog.ingest import sorting, write
from catalog.tables import change, draft, object_, record, row_table, source
from tests.catalog.intake import CLERK, Intake

CSV = "id,name,amount\n1,甲,1.5\n2,乙,2\n"


@pytest.fixture
def intake(store, tmp_path):
    return Intake(store, tmp_path)


def _count(intake, table):
    with intake.store.read() as conn:
        return conn.scalar(select(func.count()).select_from(table))


def test_a_file_becomes_a_draft_with_rows_and_its_original(intake):
    result = intake.one(intake.file("land_use 2024.csv", CSV))
    assert (result.status, result.title, result.kind, result.rows) == ("draft", {"en": "land use 2024"}, "dataset", 2)
    stored = intake.draft(result.id)
    assert (stored.profile, stored.secrecy) == ("core/1", "public")
    assert stored.fields["provider"] == {"name": {"zh": "武侯區局", "en": "Wuhou Bureau"}}
    assert stored.fields["resources.rows"] == {"title": {"zh": "数据表", "en": "Table"}, "kind": "database", "rows": True, "key": ["id"], "format": "csv"}
    assert [item["name"] for item in stored.fields["items"]] == ["id", "name", "amount"]
    original = stored.fields["resources.original"]
    assert (
        b"".join(intake.ctx.objects.open(original["sha256"])).decode() == CSV
        and original["size"] == len(CSV.encode())
        and original["name"] == "land_use 2024.csv"
    )
    assert _count(intake, object_) == 1


def test_the_same_content_a_second_time_adds_nothing(intake):
    path = intake.file("a.csv", CSV)
    first = intake.one(path)
    again = intake.one(path)
    copy = intake.one(intake.file("b.csv", CSV))
    assert (again.status, copy.status) == ("unchanged", "unchanged") and first.id == again.id == copy.id
    assert again.rows == 2 and again.title == first.title
    assert (_count(intake, draft), _count(intake, row_table)) == (1, 1)


def test_a_changed_file_is_a_new_version_of_the_same_record(intake):
    path = intake.file("a.csv", CSV)
    first = intake.one(path, publish=True)
    assert first.status == "published"
    second = intake.one(intake.file("a.csv", "id,name,amount\n2,丙,2\n3,丁,7\n"), publish=True)
    assert (second.status, second.id, second.rows) == ("published", first.id, 2)
    assert [row["name"] for row in intake.rows(first.id)] == ["丙", "丁"]
    with intake.store.read() as conn:
        assert conn.execute(select(record.c.version)).scalar_one() == 2


def test_what_a_person_edited_stays_when_the_file_changes(intake):
    path = intake.file("a.csv", CSV)
    first = intake.one(path)
    with intake.store.write() as tx:
        intake.ctx.writer.edit(tx, first.id, {"title": {"zh": "手寫題名"}, "grade": "important"}, CLERK)
    second = intake.one(intake.file("a.csv", CSV + "3,丁,7\n"))
    assert second.status == "changed" and second.title == {"zh": "手寫題名"} and intake.fields(first.id)["grade"] == "important"


def test_a_file_that_goes_back_to_an_earlier_content_is_a_change(intake):
    path = intake.file("a.csv", CSV)
    first = intake.one(path)
    intake.one(intake.file("a.csv", CSV + "3,丁,7\n"))
    back = intake.one(intake.file("a.csv", CSV))
    assert (back.status, back.id, back.rows) == ("changed", first.id, 2) and len(intake.rows(first.id)) == 2
    assert intake.one(path).status == "unchanged"


def test_new_columns_in_a_changed_file(intake):
    first = intake.one(intake.file("a.csv", CSV))
    intake.one(intake.file("a.csv", "id,name,owner\n1,甲,張\n"))
    assert intake.rows(first.id) == [{"id": "1", "name": "甲", "owner": "張"}]
    assert [item["name"] for item in intake.fields(first.id)["items"]] == ["id", "name", "owner"]


def test_a_withdrawn_record_can_be_added_again(intake):
    path = intake.file("a.csv", CSV)
    first = intake.one(path, publish=True)
    with intake.store.write() as tx:
        intake.ctx.writer.withdraw(tx, first.id, "mistake", CLERK)
    again = intake.one(path, publish=True)
    assert again.status == "published" and again.id != first.id


def test_one_bad_file_is_one_refusal_and_the_others_go_on(intake):
    seen = []
    results = intake.add(
        intake.file("a.csv", CSV),
        intake.file("b.geojson", "{broken"),
        intake.files / "missing.csv",
        intake.file("c.csv", "x,y\n1,2\n"),
        progress=lambda done, total, path: seen.append((done, total, path.name)),
    )
    assert [result.status for result in results] == ["draft", "refused", "refused", "draft"]
    assert all(result.error is None or (result.error.zh and result.error.en) for result in results)
    assert seen == [(1, 4, "a.csv"), (2, 4, "b.geojson"), (3, 4, "missing.csv"), (4, 4, "c.csv")]
    assert _count(intake, draft) == 2


def test_a_refused_publication_leaves_a_draft_and_names_what_is_missing(intake):
    path = intake.file("a.csv", CSV)
    (result,) = intake.add(path, publish=True, defaults={"grade": "general"})
    assert result.status == "refused" and isinstance(result.error, PublishError) and result.id is not None
    assert {"summary", "sharing", "approval"} <= {problem["field"] for problem in result.error.problems}
    assert result.as_dict()["error"]["problems"] == result.error.problems
    with intake.store.write() as tx:
        intake.ctx.writer.edit(
            tx, result.id, dict(intake.fields(result.id), **{name: value for name, value in intake.ctx.defaults.items() if name not in ("opening",)}), CLERK
        )
    again = intake.one(path, publish=False)
    assert (again.status, again.id) == ("unchanged", result.id)


def test_a_person_without_the_role_adds_nothing(intake):
    from dataclasses import replace

    (result,) = intake.add(intake.file("a.csv", CSV), actor=replace(CLERK, roles=frozenset()))
    assert result.status == "refused" and result.error is not None and result.error.kind == "denied"
    assert (_count(intake, draft), _count(intake, row_table), _count(intake, source)) == (0, 0, 0)


def test_a_sidecar_says_what_the_file_does_not(intake):
    said = {
        "profile": "realestate",
        "secrecy": "internal",
        "slug": "register-2024",
        "terms": {"onward": False},
        "key": "unit_number",
        "fields": {"title": {"zh": "不動產登記", "en": "Register"}, "territory": "510107", "issued": "2024-01-01"},
        "columns": {"單元": "unit_number", "姓名": {"name": "owner_name", "sensitivity": "personal"}, "面積": {"name": "area", "type": "text", "unit": "m²"}},
    }
    intake.file("r.csv.terrace.yaml", yaml.safe_dump(said, allow_unicode=True))
    path = intake.file("r.csv", "單元,姓名,面積,狀態\n510107GB1,王某,60.5,現勢\n")
    result = intake.one(path, intake.files / "r.csv.terrace.yaml")
    stored = intake.draft(result.id)
    assert (stored.profile, stored.secrecy, stored.slug, stored.terms) == ("realestate/1", "internal", "register-2024", {"onward": False})
    assert (
        stored.fields["title"] == {"zh": "不動產登記", "en": "Register"}
        and stored.fields["territory"] == ["510107"]
        and stored.fields["issued"] == "2024-01-01"
    )
    assert stored.fields["grade"] == "general"  # the caller's default goes before the profile's
    assert stored.fields["update_cycle"] == "realtime" and stored.fields["theme"] == ["land"]
    assert intake.types(result.id) == {"unit_number": "text", "owner_name": "text", "area": "text", "c4": "text"}
    assert next(item for item in stored.fields["items"] if item["name"] == "owner_name")["sensitivity"] == "personal"
    assert next(item for item in stored.fields["items"] if item["name"] == "area")["unit"] == "m²"


def test_a_changed_sidecar_changes_the_record(intake):
    path = intake.file("a.csv", CSV)
    intake.file("a.terrace.yaml", "fields: {title: 一}")
    first = intake.one(path)
    intake.file("a.terrace.yaml", "fields: {title: 二}")
    second = intake.one(path)
    assert (second.status, second.id, second.title) == ("changed", first.id, {"zh": "二"})


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("fields: {title: ''}\ncolour: red", "colour"),
        ("fields: {kind: spaceship}", "spaceship"),
        ("[1, 2]", "map"),
        (": : :", "YAML"),
        ("fields: [1]", "fields"),
        ("key: nothing", "nothing"),
        ("profile: spaceships", "spaceships"),
        ("fields: {colour: red}", "colour"),
        ("secrecy: whispered", "whispered"),
        ("crs: EPSG:1", "EPSG:1"),
        ("encoding: klingon", "klingon"),
        ("columns: {amount: {name: name}, name: {name: name}}\nkey: name", ""),
    ],
)
def test_a_wrong_sidecar_is_one_refusal_that_names_it(intake, text, word):
    path = intake.file("a.csv", "lon,lat,name,amount\n104,30,甲,1\n104,30,甲,2\n" if "crs" in text else CSV)
    intake.file("a.terrace.yaml", text)
    if word:
        assert word in intake.refused(path)
    else:
        intake.add(path)


def test_any_file_with_a_sidecar_is_a_document(intake):
    intake.file("plan.terrace.yaml", "fields: {title: 規劃, kind: document}")
    result = intake.one(intake.file("plan.pdf", b"%PDF-1.7 ..."))
    assert (result.kind, result.rows) == ("document", None)
    assert (
        intake.fields(result.id)["resources.original"]["format"] == "pdf" and intake.fields(result.id)["resources.original"]["media_type"] == "application/pdf"
    )


def test_a_sidecar_alone_is_a_record_without_data(intake):
    intake.file("map.terrace.yaml", "fields: {title: 地圖, kind: map, resources.wms: {url: 'https://example.org/wms', format: wms, kind: service}}")
    result = intake.one(intake.files / "map.terrace.yaml")
    assert result.kind == "map" and "resources.original" not in intake.fields(result.id)


def test_many_rows_enter_in_several_transactions_and_other_writers_come_between(intake, monkeypatch):
    monkeypatch.setattr(write, "CHUNK", 100)
    result = intake.one(intake.file("big.csv", "id,value\n" + "".join(f"{n},{n * 2}\n" for n in range(1050))))
    assert result.rows == 1050 and intake.table(result.id).count == 1050
    with intake.store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(change).where(change.c.what == "rows")) == 11
    again = intake.one(intake.file("big.csv", "id,value\n" + "".join(f"{n},{n * 2}\n" for n in range(500, 1100))))
    assert (again.status, again.id, again.rows) == ("changed", result.id, 600) and intake.table(result.id).count == 600


def test_chunks_of_large_rows_hold_fewer_of_them():
    rows = [(n, {"id": n, "text": "x" * 1_000, "shape": shapely.Point(n, 1)}) for n in range(10)]
    assert [([n for n, _ in chunk], last) for chunk, last in sorting.chunked(rows, 4)] == [([0, 1, 2, 3], False), ([4, 5, 6, 7], False), ([8, 9], True)]
    assert [(len(chunk), last) for chunk, last in sorting.chunked(rows[:4], 4)] == [(4, True)] and list(sorting.chunked([], 4)) == [([], True)]
    long = "x" * (20 << 20)
    few = [(len(chunk), last) for chunk, last in sorting.chunked([(n, {"text": long}) for n in range(6)], 100)]
    assert few == [(4, False), (2, True)]


def test_a_large_file_with_more_bad_rows_than_good_ones_leaves_nothing(intake, monkeypatch):
    monkeypatch.setattr(write, "CHUNK", 100)
    long = "x" * 1500
    said = intake.refused(intake.file("big.csv", "id,value\n" + "".join(f"k{n}{long if n > 400 else ''},{n}\n" for n in range(1050))))
    assert "1000 bytes" in said and "bad rows" in said
    assert (_count(intake, draft), _count(intake, row_table), _count(intake, source), _count(intake, object_)) == (0, 0, 0, 0)


def test_a_killed_load_goes_on_with_the_same_record(intake, monkeypatch):
    monkeypatch.setattr(write, "CHUNK", 100)
    path = intake.file("big.csv", "id,value\n" + "".join(f"{n},{n * 2}\n" for n in range(1050)))
    writer, put_rows, calls = intake.ctx.writer, intake.ctx.writer.put_rows, []

    def dies(*args):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return put_rows(*args)

    monkeypatch.setattr(writer, "put_rows", dies)
    with pytest.raises(KeyboardInterrupt):
        intake.add(path)
    monkeypatch.undo()
    assert _count(intake, draft) == 1
    result = intake.one(path)
    assert (result.status, result.rows, _count(intake, draft)) == ("changed", 1050, 1) and intake.table(result.id).count == 1050
    assert intake.one(path).status == "unchanged"


def test_the_result_is_one_json_object(intake):
    result = intake.one(intake.file("a.csv", CSV.encode("gb18030")))
    assert result.as_dict() == {
        "file": str(intake.files / "a.csv"),
        "id": result.id,
        "title": {"en": "a"},
        "kind": "dataset",
        "status": "draft",
        "rows": 2,
        "notes": [{"zh": "文字编码：gb18030", "en": "text encoding: gb18030"}],
    }


def test_a_folder_is_opened_up_without_what_is_hidden_or_linked(intake, tmp_path):
    (intake.files / "deep" / "er").mkdir(parents=True)
    (intake.files / ".git").mkdir()
    outside = tmp_path / "outside.csv"
    outside.write_text("id,v\n9,9\n")
    (intake.files / "deep" / "link.csv").symlink_to(outside)
    for name in ("b.csv", "deep/a.csv", "deep/er/c.csv", ".hidden.csv", ".git/x.csv"):
        intake.file(name, f"id,v\n{len(name)},{name}\n")
    intake.file("deep/a.terrace.yaml", "fields: {title: 甲}")
    results = intake.add(intake.files)
    assert [(result.path.relative_to(intake.files).as_posix(), result.status) for result in results] == [
        ("b.csv", "draft"),
        ("deep/a.csv", "draft"),
        ("deep/er/c.csv", "draft"),
    ]
    assert results[1].title == {"zh": "甲"}
