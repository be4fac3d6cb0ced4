"""The CKAN Action API: shapes, search, lists, errors, policy; and ckanapi against a real server. On both engines."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from ckanapi import RemoteCKAN
from ckanapi.errors import CKANAPIError, NotAuthorized, NotFound, ValidationError
from sqlalchemy import select, update

from catalog.store import Store
from catalog.tables import audit, record
from catalog.writer import Published
from tests.catalog.ckan_site import BASE, Api, fill, make_app, served
from tests.catalog.worlds import OPEN, World

GOLDEN = Path(__file__).parents[1] / "golden" / "ckan"
ALL = {"Groundwater levels", "Cadastral parcels", "Regional geological map", "Listed only"}


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    made = World(store, tmp_path / "policies")
    made.rule(OPEN)
    return made


@pytest.fixture
def made(world: World) -> dict[str, Published]:
    return fill(world)


@pytest.fixture
def api(world: World, made: dict[str, Published]) -> Api:
    return Api(world)


def test_a_value_that_an_older_version_let_in_in_a_wrong_shape_is_left_out_and_said(api: Api, made: dict[str, Published], world: World) -> None:
    broken = made["wells"].id
    with world.store.write() as tx:
        fields = json.loads(tx.conn.scalar(select(record.c.fields).where(record.c.id == broken)) or "")
        tx.conn.execute(update(record).where(record.c.id == broken).values(fields=json.dumps({**fields, "theme": 5, "bbox": ["a", "b", "c", "d"]})))
    assert api.names() == ALL
    dataset = api.get("package_show", id=broken)
    assert dataset["groups"] == [] and not any(each["key"] == "spatial" for each in dataset["extras"])
    world.reader.audit.flush()
    with world.store.read() as conn:
        assert conn.execute(select(audit.c.record).where(audit.c.event == "read.broken", audit.c.outcome == "alarm")).all() == [(broken,)]


# --- package_search ----------------------------------------------------------------------------------------------------------------------


def test_search_finds_what_the_actor_may_discover(api: Api, world: World) -> None:
    assert api.names() == ALL
    assert Api(world, "staff").names() == ALL | {"Hidden wells"}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"q": "groundwater"}, {"Groundwater levels"}),
        ({"q": "*:*"}, ALL),
        ({"q": "地下水"}, {"Groundwater levels"}),
        ({"q": "地籍 宗地"}, {"Cadastral parcels"}),
        ({"q": "title:geological"}, {"Regional geological map"}),
        ({"q": "title:wells"}, set()),
        ({"q": "notes:wells"}, {"Groundwater levels"}),
        ({"q": "groundwater OR parcels"}, {"Groundwater levels", "Cadastral parcels"}),
        ({"q": "(groundwater OR parcels) AND -levels"}, {"Cadastral parcels"}),
        ({"q": '"monitoring wells"'}, {"Groundwater levels"}),
        ({"q": "ground*"}, {"Groundwater levels"}),
        ({"q": "NOT tags:parcels AND title:[* TO *]"}, ALL - {"Cadastral parcels"}),
        ({"q": "codeword"}, set()),
        ({"fq": "tags:groundwater"}, {"Groundwater levels"}),
        ({"fq": 'tags:"map sheet"'}, {"Regional geological map"}),
        ({"fq": "-tags:groundwater"}, ALL - {"Groundwater levels"}),
        ({"fq": "groups:land"}, {"Cadastral parcels", "Listed only"}),
        ({"fq": "organization:12510100mb0000001u"}, {"Groundwater levels"}),
        ({"fq": "organization:nobody"}, set()),
        ({"fq": "+organization:(12510100mb0000001u OR 11510107mb1234567q) +license_id:(cc-by-4.0 OR nothing)"}, {"Groundwater levels"}),
        ({"fq": "license_id:cc-by"}, {"Groundwater levels"}),
        ({"fq": "license_id:notspecified"}, {"Regional geological map"}),
        ({"fq": "res_format:PDF"}, {"Groundwater levels"}),
        ({"fq": "kind:map"}, {"Regional geological map"}),
        ({"fq": "extras_sharing_type:unconditional kind:map"}, {"Regional geological map"}),
        ({"fq": "metadata_created:[2023-01-01T00:00:00Z TO 2023-12-31T00:00:00Z]"}, {"Cadastral parcels"}),
        ({"fq": "metadata_modified:[NOW-1DAY TO *]"}, ALL),
        ({"fq": "metadata_modified:[* TO 2001-01-01]"}, set()),
        ({"fq": "year:2022"}, {"Regional geological map"}),
        ({"fq": "state:active capacity:public dataset_type:dataset site_id:default"}, ALL),
        ({"fq": "capacity:private"}, set()),
        ({"fq": "no_such_field:x"}, set()),
        ({"fq": "-no_such_field:x"}, ALL),
        ({"ext_bbox": "104.5,30.5,104.6,30.6"}, {"Cadastral parcels"}),
        ({"ext_bbox": "175,-5,176,5"}, {"Regional geological map"}),
        ({"ext_bbox": "-176,-5,-175,5"}, {"Regional geological map"}),
        ({"q": "", "fq": "  "}, ALL),
        ({"q": "groundwater", "include_private": "true", "include_drafts": "true"}, {"Groundwater levels"}),
    ],
)
def test_questions(api: Api, parameters: dict[str, str], expected: set[str]) -> None:
    assert api.names(**parameters) == expected


def test_filters_in_a_list_are_joined_by_and(api: Api) -> None:
    assert api.post("package_search", {"fq_list": ["groups:water", "res_format:CSV"], "fq": "kind:dataset"})["count"] == 1
    assert api.post("package_search", {"fq_list": ["groups:water", "groups:land"]})["count"] == 0


@pytest.mark.parametrize("many", [["a"] * 601, ["a"] * 50_000, ["name:a OR name:b"] * 400])
def test_attack_filters_in_a_list_are_bounded_together(api: Api, many: list[str]) -> None:
    answer = api.client.post("/api/3/action/package_search", json={"fq_list": many})
    assert answer.status_code == 409 and answer.get_json()["error"]["__type"] == "Search Error"


@pytest.mark.parametrize("q", ["{} {}", "title:{} OR notes:{}", "{}* OR {}*"])
def test_attack_many_full_text_filters_are_refused_in_words(api: Api, q: str) -> None:
    """Each of them asks for postings, so that 500 would take half a second."""
    filters = [f"(x{n} OR y{n})" if q == "{} {}" else q.format(f"x{n}", f"y{n}") for n in range(51)]
    answer = api.client.post("/api/3/action/package_search", json={"fq_list": filters})
    error = answer.get_json()["error"]
    assert (answer.status_code, error["__type"]) == (409, "Search Error")
    assert "at most 100 full-text filters, not 102" in error["message"]
    assert api.post("package_search", {"fq_list": filters[:50]})["count"] == 0
    named = " OR ".join(f"x{n}" for n in range(500))
    assert api.post("package_search", {"fq": f"name:({named})"})["count"] == 0  # names cost little


def test_facets_count_what_is_visible(api: Api, world: World) -> None:
    fields = json.dumps(["organization", "groups", "tags", "res_format", "license_id", "nofield"])
    found = api.get("package_search", **{"rows": 0, "facet.field": fields, "facet.limit": 2})
    assert found["results"] == [] and found["count"] == 4
    assert found["facets"]["organization"] == {"11510107mb1234567q": 3, "12510100mb0000001u": 1}
    assert found["facets"]["groups"] == {"land": 2, "geology": 1}
    assert found["facets"]["nofield"] == {}
    whole = api.get("package_search", **{"rows": 0, "facet.field": fields, "facet.limit": -1})
    assert "sea" not in whole["facets"]["groups"] and "secret word" not in whole["facets"]["tags"]
    assert whole["facets"]["res_format"] == {"CSV": 1, "GeoJSON": 1, "GeoTIFF": 1, "PDF": 1}, "those of what may be read"
    staff = Api(world, "staff").get("package_search", **{"rows": 0, "facet.field": fields, "facet.limit": -1})
    assert staff["facets"]["groups"]["sea"] == 1, "the control"
    items = whole["search_facets"]["organization"]["items"]
    assert {"name": "12510100mb0000001u", "display_name": "Chengdu Water Bureau", "count": 1} in items
    assert api.get("package_search", **{"facet.field": fields, "facet": "false"})["facets"] == {}


def test_sorts_and_pages(api: Api) -> None:
    def titles(**parameters: Any) -> list[str]:
        return [one["name"] if parameters["sort"].startswith("name") else one["title"] for one in api.get("package_search", **parameters)["results"]]

    by_name = titles(sort="name asc")
    assert by_name == sorted(by_name) and titles(sort="name desc") == by_name[::-1]
    assert titles(sort="name asc", rows=2, start=1) == by_name[1:3]
    assert titles(sort="metadata_created desc", fq="year:[2022 TO 2024]") == ["Groundwater levels", "Cadastral parcels", "Regional geological map"]
    assert api.get("package_search", sort="title_string asc, name asc")["sort"] == "title_string asc, name asc"
    assert api.get("package_search", sort="views_recent desc")["count"] == 4
    assert api.get("package_search", fl="name,id", rows=1)["results"][0].keys() == {"name", "id"}


def test_relevance_puts_titles_first(api: Api) -> None:
    assert [one["title"] for one in api.get("package_search", q="levels")["results"]] == ["Groundwater levels"]


@pytest.mark.parametrize(
    ("parameters", "status", "kind"),
    [
        ({"sort": "name sideways"}, 400, "Search Query Error"),
        ({"q": "title:("}, 409, "Search Error"),
        ({"fq": "a:b )"}, 409, "Search Error"),
        ({"fq": "(" * 100 + "a" + ")" * 100}, 409, "Search Error"),
        ({"fq": " OR ".join(f"tags:t{n}" for n in range(2000))}, 409, "Search Error"),
        ({"rows": "abc"}, 409, "Validation Error"),
        ({"start": "-1"}, 409, "Validation Error"),
        ({"facet.field": "organization"}, 409, "Validation Error"),
        ({"ext_bbox": "1,2"}, 409, "Search Error"),
        ({"ext_bbox": "nan,0,1,1"}, 409, "Search Error"),
    ],
)
def test_wrong_questions(api: Api, parameters: dict[str, str], status: int, kind: str) -> None:
    assert api.error("package_search", status, **parameters)["__type"] == kind


# --- one dataset -------------------------------------------------------------------------------------------------------------------------


def test_a_dataset_by_name_uuid_and_urn(api: Api, made: dict[str, Published]) -> None:
    id = made["wells"].id
    shown = api.get("package_show", id=id)
    assert shown["id"] == id.removeprefix("urn:terrace:") and shown["name"] == made["wells"].slug
    assert api.get("package_show", id=shown["id"]) == api.get("package_show", id=shown["name"]) == shown
    assert api.get("package_show", name_or_id=shown["name"]) == shown
    extras = {each["key"]: each["value"] for each in shown["extras"]}
    assert extras["guid"] == id and extras["title_zh"] == "地下水水位监测" and extras["sharing_type"] == "unconditional" and extras["opening"] == "open"
    assert json.loads(extras["territory"]) == ["510107"] and all(isinstance(value, str) for value in extras.values())
    assert json.loads(extras["spatial"])["type"] == "Polygon"
    assert shown["organization"]["title"] == "Chengdu Water Bureau" and shown["owner_org"] == shown["organization"]["id"]
    assert [one["name"] for one in shown["groups"]] == ["groundwater", "water"] or [one["name"] for one in shown["groups"]] == ["water", "groundwater"]
    assert [one["name"] for one in shown["tags"]] == ["groundwater", "wells", "地下水", "监测"]
    data, report = shown["resources"]
    assert data["url"] == f"{BASE}/datastore/dump/{data['id']}" and data["datastore_active"]
    assert report["url"] == f"{BASE}/dataset/{shown['name']}/file/report" and report["hash"] == "a" * 64 and report["size"] == 1234
    assert Api(api.world, language="zh").get("package_show", id=id)["title"] == "地下水水位监测"


def test_only_the_card_of_what_may_only_be_discovered(api: Api, world: World, made: dict[str, Published]) -> None:
    shown = api.get("package_show", id=made["listed"].slug)
    assert shown["title"] == "Listed only" and shown["notes"] == "" and shown["resources"] == []
    extras = {each["key"]: each["value"] for each in shown["extras"]}
    assert json.loads(extras["may"]) == ["discover"] and "summary" in json.loads(extras["withheld"]) and "responsible_person" not in extras
    staff = Api(world, "staff").get("package_show", id=made["listed"].slug)
    assert staff["notes"] == "codeword" and staff["resources"], "the control"


def test_a_hidden_dataset_is_a_missing_one(api: Api, world: World, made: dict[str, Published]) -> None:
    for action in ("package_show", "datastore_search", "datastore_info", "resource_show"):
        key = "resource_id" if action == "datastore_search" else "id"
        for there, missing in ((made["hidden"].slug, "no-such-name"), (made["hidden"].id, made["hidden"].id[:-4] + "0000")):
            answers = [api.raw(action, **{key: name}).get_data(as_text=True).replace(name, "NAME") for name in (there, missing)]
            assert answers[0] == answers[1]
            assert "404" in api.raw(action, **{key: there}).status
    assert Api(world, "staff").get("package_show", id=made["hidden"].slug)["title"] == "Hidden wells", "the control"


def test_resources(api: Api, made: dict[str, Published]) -> None:
    data, report = api.get("package_show", id=made["wells"].slug)["resources"]
    assert api.get("resource_show", id=report["id"]) == report
    found = api.get("resource_search", query="format:pdf")
    assert found == {"count": 1, "results": [report]}
    assert api.get("resource_search", query="name:Levels")["results"] == [data]
    assert api.error("resource_search", 409, query="foo") == {"query": "Must be <field>:<value> pair(s)", "__type": "Validation Error"}
    assert api.error("resource_search", 409) == {"query": "Missing value", "__type": "Validation Error"}
    for id in ("nope", data["package_id"] + "-nope", report["id"] + "x"):
        assert api.error("resource_show", 404, id=id) == {"__type": "Not Found Error", "message": "Not found"}


# --- lists -------------------------------------------------------------------------------------------------------------------------------


def test_package_lists(api: Api, made: dict[str, Published]) -> None:
    names = sorted(made[key].slug for key in ("wells", "parcels", "map", "listed"))
    assert api.get("package_list") == names
    assert api.get("package_list", limit=2, offset=1) == names[1:3]
    assert api.error("package_list", 409, limit="x") == {"limit": ["Invalid integer"], "__type": "Validation Error"}
    assert len(api.get("current_package_list_with_resources", limit=3)) == 3
    assert [one["title"] for one in api.get("package_autocomplete", q="ground")] == ["Groundwater levels"]
    assert api.get("package_autocomplete", q="hidden") == []


def test_organizations(api: Api) -> None:
    assert api.get("organization_list") == ["12510100mb0000001u", "11510107mb1234567q"], "by title"
    assert api.get("organization_list", sort="package_count desc") == ["11510107mb1234567q", "12510100mb0000001u"]
    whole = api.get("organization_list", all_fields="true", q="water")
    assert [(one["title"], one["package_count"]) for one in whole] == [("Chengdu Water Bureau", 1)]
    shown = api.get("organization_show", id="12510100mb0000001u", include_datasets="true")
    assert shown["id"] == whole[0]["id"] and [one["title"] for one in shown["packages"]] == ["Groundwater levels"]
    assert api.get("organization_show", id=shown["id"])["name"] == "12510100mb0000001u"
    assert api.get("organization_autocomplete", q="chengdu")[0]["id"] == shown["id"]
    assert api.get("package_search", fq=f"owner_org:{shown['id']}")["count"] == 1
    assert api.error("organization_show", 404, id="nope")["message"] == "Not found"
    assert api.error("organization_list", 409, sort="foo") == {"message": "Cannot sort by field `foo`", "__type": "Validation Error"}
    assert api.error("organization_list", 409, sort="name sideways") == {"message": "Invalid sort direction `sideways`", "__type": "Validation Error"}


def test_groups_and_tags(api: Api, world: World) -> None:
    assert set(api.get("group_list")) == {"water", "groundwater", "land", "geology"}
    assert "sea" in Api(world, "staff").get("group_list"), "the control"
    shown = api.get("group_show", id="land", include_datasets="true")
    assert shown["package_count"] == 2 and {one["title"] for one in shown["packages"]} == {"Cadastral parcels", "Listed only"}
    assert api.get("group_show", id="sea")["package_count"] == 0
    assert [one["title"] for one in api.get("group_package_show", id="geology")] == ["Regional geological map"]
    tags = api.get("tag_list")
    assert "groundwater" in tags and "secret word" not in tags
    assert api.get("tag_list", query="sheet") == ["map sheet"]
    assert api.get("tag_show", id="map sheet", include_datasets="true")["packages"][0]["title"] == "Regional geological map"
    assert api.error("tag_show", 404, id="secret word")["__type"] == "Not Found Error"
    assert api.get("tag_autocomplete", query="wat") == ["groundwater"]
    assert api.get("format_autocomplete", q="geo") == ["geojson", "geotiff"]
    assert {one["id"] for one in api.get("license_list")} >= {"notspecified", "cc-by", "cc-zero"}


# --- protocol ----------------------------------------------------------------------------------------------------------------------------


def test_status_help_and_version(api: Api) -> None:
    status = api.get("status_show")
    assert status["site_title"] == "Wuhou" and status["site_url"] == BASE
    assert api.get("site_read") is True
    assert "dataset" in api.get("help_show", name="package_show")
    assert api.error("help_show", 404, name="nope") == {"__type": "Not Found Error", "message": "Not found: Action function not found"}
    assert api.raw("package_show").get_json()["help"] == f"{BASE}/api/3/action/help_show?name=package_show"
    assert api.client.get("/api/3").get_json() == {"version": 3}
    assert api.client.get("/api/action/status_show").get_json()["success"] is True
    assert api.raw("status_show").content_type == "application/json;charset=utf-8"


def test_broken_requests_get_ckans_answers(api: Api) -> None:
    post = api.client.post
    assert api.raw("no_such_action").get_json() == "Bad request: Action name not known: no_such_action"
    assert api.raw("package_create").get_json().startswith("Bad request: JSON Error: Invalid request. Please use POST")
    assert post("/api/3/action/package_show", data="{bad", content_type="application/json").status_code == 400
    no_mapping = "Bad request: JSON Error: Request data JSON decoded to [1] but it needs to be a dictionary."
    assert post("/api/3/action/package_show", json=[1]).get_json() == no_mapping
    assert post("/api/3/action/package_create", json={"name": "x"}).status_code == 403
    assert post("/api/3/action/datastore_search_sql", json={"sql": "select 1"}).get_json()["error"]["__type"] == "Authorization Error"
    assert api.error("package_show", 409) == {"name_or_id": ["Missing value"], "__type": "Validation Error"}
    old_client = post("/api/action/package_show", data={'{"id": "nope"}': "1"})
    assert old_client.status_code == 404
    assert post("/api/action/package_search", data={"q": "groundwater", "rows": "1"}).get_json()["result"]["count"] == 1


def test_jsonp_gets_what_everyone_gets(world: World, made: dict[str, Published]) -> None:
    staff = Api(world, "staff")
    answer = staff.raw("package_search", callback="cb", rows=0)
    assert answer.content_type.startswith("application/javascript") and b'"count":4' in answer.get_data()
    assert staff.raw("package_search", callback="alert(1)//", rows=0).content_type.startswith("application/json")


def test_shapes_are_those_of_a_real_ckan(api: Api, made: dict[str, Published]) -> None:
    """Keys and JSON types of CKAN 2.12's own answers, kept in tests/golden/ckan/shapes.json: all of them must be here, of the same type or null."""
    shapes = json.loads((GOLDEN / "shapes.json").read_text(encoding="utf-8"))
    wells = made["wells"].slug
    resource = api.get("package_show", id=wells)["resources"][0]["id"]
    facets = {"facet.field": '["organization","groups","res_format","license_id"]'}
    asked: dict[str, Any] = {
        "status_show": {}, "package_show": {"id": wells}, "package_search": {"fq": f"name:{wells}", **facets}, "organization_list": {"all_fields": "true"},
        "organization_show": {"id": "12510100mb0000001u"}, "group_list": {"all_fields": "true"}, "group_show": {"id": "water"},
        "tag_list": {"all_fields": "true"}, "tag_show": {"id": "wells"}, "license_list": {}, "package_autocomplete": {"q": "ground"},
        "resource_show": {"id": resource}, "resource_search": {"query": "format:CSV"}, "datastore_search": {"resource_id": resource},
        "datastore_info": {"id": resource},
    }  # fmt: skip
    assert set(asked) == set(shapes)
    for action, parameters in asked.items():
        problems = list(_unlike(shapes[action], api.get(action, **parameters), action))
        assert not problems, problems


def _unlike(shape: Any, value: Any, path: str) -> Any:
    """Where a value lacks a key of a shape or has another type. A shape is a type's name, a mapping, or a list of one shape; "a|b" is either."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            yield f"{path}: {type(value).__name__} instead of an object"
            return
        for key, below in shape.items():
            if key not in value:
                yield f"{path}.{key} is missing"
            else:
                yield from _unlike(below, value[key], f"{path}.{key}")
    elif isinstance(shape, list):
        if not isinstance(value, list) or not value:
            yield f"{path}: not a list with members"
            return
        for n, each in enumerate(value):
            yield from _unlike(shape[0], each, f"{path}[{n}]")
    else:
        names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
        found = "null" if value is None else names[type(value)]
        if found not in shape.split("|"):
            yield f"{path}: {found} instead of {shape}"


# --- real clients ------------------------------------------------------------------------------------------------------------------------


def test_ckanapi_against_a_real_server(world: World, made: dict[str, Published]) -> None:
    with served(make_app(world, base_url=None)) as url:
        remote = RemoteCKAN(url, get_only=False)
        assert remote.action.package_search(q="groundwater", facet="true", **{"facet.field": ["tags"]})["count"] == 1
        assert remote.call_action("package_search", {"fq": "groups:land"})["count"] == 2
        shown = remote.action.package_show(id=made["wells"].slug)
        assert shown["resources"][0]["url"].startswith(url)
        with pytest.raises(NotFound):
            remote.action.package_show(id=made["hidden"].slug)
        with pytest.raises(NotAuthorized):
            remote.action.package_create(name="x")
        with pytest.raises(ValidationError):
            remote.action.package_show()
        with pytest.raises(CKANAPIError):
            remote.action.no_such_action()
        assert RemoteCKAN(url, apikey="staff").action.package_show(id=made["hidden"].slug)["title"] == "Hidden wells"
        assert RemoteCKAN(url, get_only=True).action.datastore_search(resource_id=shown["resources"][0]["id"])["total"] == 3


def test_the_real_ckan_harvesters_questions(api: Api) -> None:
    """What ckanext-harvest's CKAN harvester asks: status, then pages of 100 by `id asc`, with filters of time and organization, until nothing comes."""
    assert api.get("site_read") is True
    seen: list[str] = []
    for start in (0, 100):
        page = api.get("package_search", rows=100, start=start, sort="id asc", fq="metadata_modified:[2000-01-01T00:00:00Z TO *]")
        seen += [one["id"] for one in page["results"]]
    assert len(seen) == len(set(seen)) == 4
    assert api.get("package_search", rows=100, start=0, sort="id asc", fq="-organization:11510107mb1234567q")["count"] == 1


@pytest.mark.parametrize("name", ["q", "fq"])
@pytest.mark.parametrize("text", ['"' * 5_000, "a:" * 1_500 + "a", "(" * 3_000 + "a"])
def test_queries_that_are_too_long_or_too_deep_are_refused_in_words(api: Api, name: str, text: str) -> None:
    forgiven = name == "q" and ":" not in text and len(text) < 4_000  # words without a field are searched as they stand
    assert api.raw("package_search", **{name: text}).status_code == (200 if forgiven else 409)
    assert api.client.post("/api/3/action/package_search", json={"fq_list": [text]}).status_code in (400, 409)


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_that_is_too_large_is_not_read(api: Api, kind: str) -> None:
    body = b'{"q": "' + b"a" * 300_000 + b'"}'
    assert api.client.post("/api/3/action/package_search", data=body, content_type=kind).status_code == 413
    stream = {"input_stream": io.BytesIO(body), "environ_overrides": {"wsgi.input_terminated": True}, "headers": {"Transfer-Encoding": "chunked"}}
    assert api.client.post("/api/3/action/package_search", content_type=kind, **stream).status_code == 413


def test_a_search_of_resources_looks_through_so_many_datasets(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.ckan.lists.MOST_LOOKED_THROUGH", 1)
    assert "add format:" in api.error("resource_search", 409, query="name:Levels")["query"]
    assert api.get("resource_search", query="format:pdf")["count"]
