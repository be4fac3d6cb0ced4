"""The DataStore face: fields, filters, formats, policy on columns and rows, the dump. On both engines."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from catalog.store import Store
from catalog.writer import Published
from tests.catalog.ckan_site import ROWS, Api, fill
from tests.catalog.worlds import OPEN, World

HIDE_OWNERS = """\
- rule: owners
  constrain: data
  unless: actor.roles has any of clerk, officer
  then: {hide: [owner]}
  because: {zh: 个人信息, en: personal}
"""


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    made = World(store, tmp_path / "policies")
    made.rule(OPEN)
    return made


@pytest.fixture
def made(world: World) -> dict[str, Published]:
    return fill(world)


@pytest.fixture
def id(world: World, made: dict[str, Published]) -> str:
    return str(Api(world).get("package_show", id=made["wells"].slug)["resources"][0]["id"])


def names(found: dict[str, Any]) -> list[str]:
    return [row["well"] for row in found["records"]]


def test_all_rows_with_their_fields(world: World, id: str) -> None:
    response = Api(world).raw("datastore_search", resource_id=id)
    found = response.get_json()["result"]
    assert (found["total"], found["limit"], found["records_format"], found["resource_id"]) == (3, 100, "objects", id)
    assert [(field["id"], field["type"]) for field in found["fields"]] == [
        ("_id", "text"), ("well", "text"), ("level", "numeric"), ("depth", "int8"), ("active", "bool"), ("read_on", "date"),
        ("read_at", "timestamp"), ("owner", "text"),
    ]  # fmt: skip
    assert found["records"][0] == {
        "_id": "W1", "well": "W1", "level": 12.5, "depth": 30, "active": True, "read_on": "2024-01-02", "read_at": "2024-01-02T03:04:05", "owner": "张三",
    }  # fmt: skip
    assert found["records"][2]["level"] is None
    assert "12.5" in response.get_data(as_text=True), "a number, not a text"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"filters": {"depth": 30}}, ["W1", "W2"]),
        ({"filters": {"depth": [30, 45], "well": "W3"}}, ["W3"]),
        ({"filters": {"active": "true"}}, ["W1"]),
        ({"filters": {"level": "7.125"}}, ["W2"]),
        ({"filters": {"read_on": "2024-01-03"}}, ["W2"]),
        ({"filters": {"read_at": "2024-01-02T03:04:05"}}, ["W1"]),
        ({"filters": {"depth": []}}, []),
        ({"q": "王五"}, ["W2", "W3"]),
        ({"q": {"owner": "李四"}}, ["W2"]),
        ({"sort": "depth desc, well desc"}, ["W3", "W2", "W1"]),
        ({"sort": "_id"}, ["W1", "W2", "W3"]),
        ({"limit": 1, "offset": 1}, ["W2"]),
        ({"limit": 0}, []),
    ],
)
def test_questions(world: World, id: str, parameters: dict[str, Any], expected: list[str]) -> None:
    api = Api(world)
    assert names(api.post("datastore_search", {"resource_id": id, **parameters})) == expected
    flat = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in parameters.items()}
    assert names(api.get("datastore_search", resource_id=id, **flat)) == expected


def test_formats_fields_and_distinct(world: World, id: str) -> None:
    api = Api(world)
    chosen = api.get("datastore_search", resource_id=id, fields="depth,well", records_format="lists", include_total="false")
    assert chosen["records"] == [[30, "W1"], [30, "W2"], [45, "W3"]] and "total" not in chosen
    text = api.get("datastore_search", resource_id=id, records_format="csv", fields="_id,level,active,owner")["records"]
    assert text == 'W1,12.5,t,张三\nW2,7.125,f,"李四, 王五"\nW3,,,王五\n'
    assert api.get("datastore_search", resource_id=id, records_format="tsv", fields="well,depth", limit=1)["records"] == "W1\t30\n"
    different = api.get("datastore_search", resource_id=id, fields="depth", distinct="true")
    assert (different["records"], different["total"]) == ([{"depth": 30}, {"depth": 45}], 2)


def test_distinct_compares_so_many_rows_and_no_more(world: World, id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.ckan.datastore.MOST_COMPARED", 2)
    assert Api(world).error("datastore_search", 409, resource_id=id, distinct="true")["distinct"] == ["more than 2 rows to compare: filter them first"]


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({"filters": '{"nope": 1}'}, {"filters": ["Unknown field: nope"]}),
        ({"filters": "abc"}, {"filters": ["Cannot parse JSON"]}),
        ({"filters": '{"depth": "x"}'}, {"filters": ["invalid value for depth (integer)"]}),
        ({"filters": '{"level": "nan"}'}, {"filters": ["invalid value for level (decimal)"]}),
        ({"filters": '{"read_at": "9999-12-31T23:59:59-23:59"}'}, {"filters": ["invalid value for read_at (datetime)"]}),
        ({"filters": '{"read_at": "0001-01-01T00:00:00+23:59"}'}, {"filters": ["invalid value for read_at (datetime)"]}),
        ({"offset": "9" * 30}, {"offset": [f"Must be at most {2**53}"]}),
        ({"q": "a" * 4_001}, {"q": ["Longer than 4000 characters"]}),
        ({"sort": "nope"}, {"sort": ['invalid value "nope"']}),
        ({"sort": "well; drop table"}, {"sort": ['invalid value "well; drop table"']}),
        ({"fields": "nope"}, {"fields": ['invalid value "nope"']}),
        ({"limit": "x"}, {"limit": ["Invalid integer", "Please enter an integer value"]}),
        ({"records_format": "xx"}, {"records_format": ["Value must be one of ['objects', 'lists', 'csv', 'tsv']"]}),
    ],
)
def test_wrong_questions(world: World, id: str, parameters: dict[str, str], error: dict[str, Any]) -> None:
    assert Api(world).error("datastore_search", 409, resource_id=id, **parameters) == {**error, "__type": "Validation Error"}


def test_missing_resources(world: World, id: str, made: dict[str, Published]) -> None:
    api = Api(world)
    assert api.error("datastore_search", 409)["resource_id"] == ["Missing value"]
    for name in ("nope", id + "x", id.removesuffix("data") + "report", made["parcels"].slug):
        assert api.error("datastore_search", 404, resource_id=name)["message"] == f'Not found: Resource "{name}" was not found.'
    assert api.error("datastore_info", 404, id="nope")["message"] == 'Not found: Resource/Alias "nope" was not found.'


def test_info(world: World, id: str) -> None:
    info = Api(world).get("datastore_info", id=id)
    assert info["meta"] == {"id": id, "count": 3, "table_type": "BASE TABLE", "aliases": []}
    level = next(field for field in info["fields"] if field["id"] == "level")
    assert level["type"] == "numeric" and level["info"]["label"] == "level" and level["schema"]["native_type"] == "numeric"


def test_hidden_columns_are_as_if_they_did_not_exist(world: World, id: str) -> None:
    staff, public = Api(world, "staff"), Api(world)
    assert "owner" in public.get("datastore_search", resource_id=id)["records"][0], "the control"
    world.rule(OPEN + HIDE_OWNERS)
    found = public.get("datastore_search", resource_id=id)
    assert "owner" not in found["records"][0] and "owner" not in {field["id"] for field in found["fields"]}
    for parameters in ({"filters": '{"%s": "张三"}'}, {"sort": "%s"}, {"fields": "%s"}, {"q": '{"%s": "张"}'}):
        answers = []
        for name in ("owner", "nowhere"):
            filled = {key: value.replace("%s", name) for key, value in parameters.items()}
            answers.append(json.dumps(public.error("datastore_search", 409, resource_id=id, **filled)).replace(name, "NAME"))
        assert answers[0] == answers[1]
    assert public.get("datastore_search", resource_id=id, q="张三")["records"] == []
    assert names(staff.get("datastore_search", resource_id=id, q="张三")) == ["W1"]
    assert b"\xe5\xbc\xb5" not in public.client.get(f"/datastore/dump/{id}").get_data()


def test_rows_that_are_denied_say_why(world: World, id: str) -> None:
    deny = "- rule: shut\n  deny: data\n  what: record.kind is dataset\n  unless: actor.roles has officer\n  because: {zh: 尚未开放, en: not yet opened}\n"
    world.rule(OPEN + deny)
    assert Api(world).error("datastore_search", 403, resource_id=id) == {"__type": "Authorization Error", "message": "Access denied: not yet opened"}
    assert Api(world).client.get(f"/datastore/dump/{id}").status_code == 403
    assert Api(world, "staff").get("datastore_search", resource_id=id)["total"] == 3, "the control"


def test_the_dump_is_a_whole_table(world: World, id: str) -> None:
    response = Api(world).client.get(f"/datastore/dump/{id}")
    assert response.content_type == "text/csv; charset=utf-8" and "attachment" in response.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(response.get_data(as_text=True))))
    assert [row["well"] for row in rows] == [row["well"] for row in ROWS]
    assert rows[1]["owner"] == "李四, 王五" and rows[2]["level"] == ""
    assert Api(world).client.get("/datastore/dump/nope").status_code == 404
    assert Api(world).client.get(f"/datastore/dump/{id}?format=exe").status_code == 400
