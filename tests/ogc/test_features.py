"""OGC API Features over a real site: what is served, in which CRS, through which filters and pages; and what each actor cannot see."""

from typing import Any

import orjson
import pytest
from sqlalchemy import text
from werkzeug.test import Client, TestResponse

from ogc.features.conformance import CLASSES
from policies.actor import PUBLIC
from policies.errors import ActorUnsetError
from tests.catalog.worlds import STAFF
from tests.ogc.sites import ROWS, OgcSite

EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


def get(client: Client, path: str, **params: str) -> TestResponse:
    return client.get(path, query_string=params) if params else client.get(path)


def ok(client: Client, path: str, **params: str) -> Any:
    answer = get(client, path, **params)
    assert answer.status_code == 200, answer.text
    return orjson.loads(answer.data)


def codes(client: Client, site: OgcSite, **params: str) -> list[str]:
    return [feature["id"] for feature in ok(client, f"/ogc/collections/{site.parcels.slug}/items", **params)["features"]]


def items(site: OgcSite) -> str:
    return f"/ogc/collections/{site.parcels.slug}/items"


# --- documents ---------------------------------------------------------------------------------------------------------------------------


def test_the_landing_page_leads_everywhere(site: OgcSite) -> None:
    client = site.client()
    landing = ok(client, "/ogc")
    links = {link["rel"]: link["href"] for link in landing["links"]}
    assert {"self", "service-desc", "service-doc", "conformance", "data"} <= links.keys()
    for rel in ("service-desc", "service-doc", "conformance", "data"):
        assert client.get(links[rel].removeprefix("http://localhost")).status_code == 200
    assert not any("jobs" in href or "processes" in href or "TileMatrixSets" in href for href in links.values())
    assert ok(client, "/ogc/conformance")["conformsTo"] == sorted(CLASSES)


def test_the_definition_is_one_for_all_and_names_no_collection_and_no_outside_host(site: OgcSite) -> None:
    public, staff = site.client().get("/ogc/openapi"), site.client(STAFF).get("/ogc/openapi")
    assert public.data == staff.data and site.parcels.slug not in public.text
    definition = orjson.loads(public.data)
    assert public.mimetype == "application/vnd.oai.openapi+json" and "/collections/{collectionId}/items" in definition["paths"]

    def refs(value: Any) -> list[str]:
        if isinstance(value, dict):
            return [value["$ref"]] if "$ref" in value else [ref for each in value.values() for ref in refs(each)]
        return [ref for each in value for ref in refs(each)] if isinstance(value, list) else []

    for ref in refs(definition):
        target: Any = definition
        assert ref.startswith("#/")
        for part in ref[2:].split("/"):
            target = target[part]


def test_collections_are_the_records_whose_data_the_actor_may_have(site: OgcSite) -> None:
    def slugs(client: Client) -> set[str]:
        return {each["id"] for each in ok(client, "/ogc/collections")["collections"]}

    open_ones = {site.parcels.slug, site.wells.slug, site.table.slug}
    assert slugs(site.client()) == open_ones
    assert slugs(site.client(STAFF)) == open_ones | {site.listed.slug, site.secret.slug}


def test_the_list_of_collections_reads_on_by_its_next_links(site: OgcSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ogc.features.layers.PAGE", 2)
    found: list[str] = []
    path = "/ogc/collections"
    while path:
        page = ok(site.client(STAFF), path)
        found += [each["id"] for each in page["collections"]]
        path = next((link["href"].removeprefix("http://localhost") for link in page["links"] if link["rel"] == "next"), "")
    assert len(found) == len(set(found)) == 5


def test_a_collection_describes_itself_in_the_language_of_the_request(site: OgcSite) -> None:
    zh, en = (ok(site.client(), f"/ogc/collections/{site.parcels.slug}", lang=lang) for lang in ("zh-CN", "en"))
    assert (zh["title"], en["title"]) == ("武侯区宗地", "Parcels of Wuhou") and zh["description"] == "宗地界线"
    assert zh["extent"]["spatial"]["bbox"][0] == pytest.approx([104.0, 30.5, 104.099, 30.509])
    assert zh["extent"]["temporal"] == {"interval": [["2020-01-01", None]]}
    assert zh["itemType"] == "feature" and zh["storageCrs"] == CRS84
    assert {CRS84, f"{EPSG}4490", f"{EPSG}4326", f"{EPSG}3857", f"{EPSG}4491", f"{EPSG}4554"} <= set(zh["crs"]) and len(zh["crs"]) == 68
    assert not any("ld+json" in str(link.get("type")) for link in zh["links"])


def test_a_new_collection_is_there_at_once_and_a_withdrawn_one_gone_at_once(site: OgcSite) -> None:
    client = site.client()
    path = f"/ogc/collections/{site.table.slug}"
    assert client.get(path).status_code == 200
    with site.world.store.write() as tx:
        site.world.writer.withdraw(tx, site.table.id, "test", STAFF)
    assert client.get(path).status_code == 404
    assert site.table.slug not in {each["id"] for each in ok(client, "/ogc/collections")["collections"]}


def test_schema_and_queryables_name_types_titles_and_roles(site: OgcSite) -> None:
    schema = ok(site.client(), f"/ogc/collections/{site.parcels.slug}/schema", lang="en")["properties"]
    assert schema["geometry"]["x-ogc-role"] == "primary-geometry" and schema["code"] == {"title": "Parcel", "type": "string"}
    assert schema["area"]["type"] == "number" and schema["built"] == {"title": "built", "type": "string", "format": "date"}
    assert "geometry" not in ok(site.client(), f"/ogc/collections/{site.table.slug}/schema")["properties"]
    assert site.client().get(f"/ogc/collections/{site.parcels.slug}/queryables").mimetype == "application/schema+json"


# --- items -------------------------------------------------------------------------------------------------------------------------------


def test_items_are_geojson_with_data_as_it_is(site: OgcSite) -> None:
    answer = get(site.client(), items(site), limit="3")
    assert answer.mimetype == "application/geo+json" and answer.headers["Content-Crs"] == f"<{CRS84}>"
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and "X-Powered-By" not in answer.headers
    page = orjson.loads(answer.data)
    assert (page["numberReturned"], page["numberMatched"]) == (3, ROWS)
    feature = page["features"][2]
    assert feature["id"] == "P0002" and feature["properties"]["use"] == "<建设用地>"  # stock pygeoapi writes &lt;
    assert feature["properties"]["area"] == 2.5 and feature["properties"]["valid"] is True and feature["properties"]["observed"] == "2024-03-03T08:00:00Z"
    assert feature["geometry"]["coordinates"][0][0] == pytest.approx([104.004, 30.5])
    rels = [link["rel"] for link in page["links"]]
    assert rels.count("self") == 1 and rels.count("alternate") == 1 and rels.count("next") == 1


@pytest.mark.parametrize("params", [{}, {"sortby": "-area"}, {"filter": "floors < 3"}, {"sortby": "use"}, {"skipGeometry": "true"}], ids=str)
def test_next_links_reach_every_row_once(site: OgcSite, params: dict[str, str]) -> None:
    client, path, found = site.client(), items(site), []
    page = ok(client, path, limit="40", **params)
    total = page["numberMatched"]
    while True:
        found += [feature["id"] for feature in page["features"]]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        if not following:
            break
        assert "offset" not in following[0]
        page = ok(client, following[0].removeprefix("http://localhost"))
    assert len(found) == len(set(found)) == total


def test_offset_limit_and_hits(site: OgcSite) -> None:
    client = site.client()
    assert codes(client, site, limit="2", offset="248") == ["P0248", "P0249"]
    assert codes(client, site, limit="2", offset="1000") == []
    hits = ok(client, items(site), resulttype="hits", filter="floors = 1")
    assert hits["features"] == [] and hits["numberReturned"] == 0 and hits["numberMatched"] == sum(i % 7 == 1 for i in range(ROWS))
    assert not any(link["rel"] == "next" for link in hits["links"])
    assert len(ok(client, items(site), limit="999999")["features"]) == ROWS


def test_boxes_in_any_crs_find_the_same_parcels(site: OgcSite) -> None:
    client = site.client()
    found = codes(client, site, bbox="104.0039,30.4999,104.0071,30.5015")
    assert found == ["P0002", "P0003"]
    assert codes(client, site, bbox="30.4999,104.0039,30.5015,104.0071", **{"bbox-crs": f"{EPSG}4490"}) == found
    assert codes(client, site, bbox="30.4999,104.0039,30.5015,104.0071", **{"bbox-crs": f"{EPSG}4326"}) == found
    mercator = "11577661.2,3567970.6,11578017.4,3568177.2"
    assert codes(client, site, bbox=mercator, **{"bbox-crs": f"{EPSG}3857"}) == found
    assert codes(client, site, bbox="104.0039,30.4999,0,104.0071,30.5015,9") == found
    assert codes(client, site, bbox="170,30,-170,31") == []


def test_answers_in_any_crs_have_the_axis_order_of_the_registry(site: OgcSite) -> None:
    def first(crs: str) -> tuple[list[float], str]:
        answer = get(site.client(), items(site), limit="1", crs=crs)
        assert answer.status_code == 200, answer.text
        return orjson.loads(answer.data)["features"][0]["geometry"]["coordinates"][0][0], answer.headers["Content-Crs"]

    assert first(CRS84) == (pytest.approx([104.0, 30.5]), f"<{CRS84}>")
    assert first(f"{EPSG}4490") == (pytest.approx([30.5, 104.0]), f"<{EPSG}4490>")
    assert first(f"{EPSG}4326")[0] == pytest.approx([30.5, 104.0])
    assert first(f"{EPSG}3857")[0] == pytest.approx([11577227.043, 3567983.456], abs=0.01)
    northing, easting = first(f"{EPSG}4544")[0]  # 3-degree zone with central meridian 105° E
    assert (northing, easting) == (pytest.approx(3375966.96, abs=0.1), pytest.approx(403998.69, abs=0.1))
    item = ok(site.client(), f"{items(site)}/P0000", crs=f"{EPSG}4490")
    assert item["geometry"]["coordinates"][0][0] == pytest.approx([30.5, 104.0])
    assert get(site.client(), items(site), crs=f"{EPSG}2154").status_code == 400


@pytest.mark.parametrize(
    ("when", "wanted"),
    [
        ("2024-03-05", lambda day: day == 5), ("2024-03-05T08:00:00Z", lambda day: day == 5), ("2024-03-05T09:00:00Z", lambda day: False),
        ("2024-03-05/2024-03-06", lambda day: day in (5, 6)),
        ("../2024-03-02T07:00:00Z", lambda day: day == 1), ("2024-03-28T16:00:00+08:00/..", lambda day: day == 28),
        ("1990-01-01", lambda day: False),  # outside the extent is no error
    ],
)  # fmt: skip
def test_datetime_takes_instants_days_and_intervals(site: OgcSite, when: str, wanted: Any) -> None:
    assert codes(site.client(), site, limit="1000", datetime=when) == [f"P{i:04d}" for i in range(ROWS) if wanted(i % 28 + 1)]


@pytest.mark.parametrize(
    ("params", "wanted"),
    [
        ({"code": "P0007"}, lambda i: i == 7),
        ({"floors": "3"}, lambda i: i % 7 == 3),
        ({"valid": "false"}, lambda i: i % 2 == 1),
        ({"built": "2003-01-15"}, lambda i: i % 20 == 3),
        ({"area": "2.5"}, lambda i: i == 2),
        ({"filter": "use = '耕地' AND floors >= 3"}, lambda i: i % 4 == 0 and i % 7 >= 3),
        ({"filter": "NOT (use = '耕地' OR use = '林地')"}, lambda i: i % 4 == 2),  # absent use is unknown, hence not shown
        ({"filter": "use IS NULL"}, lambda i: i % 4 == 3),
        ({"filter": "code LIKE 'P00_1'"}, lambda i: i < 100 and i % 10 == 1),
        ({"filter": "CASEI(code) LIKE CASEI('p001%')"}, lambda i: 10 <= i < 20),
        ({"filter": "area BETWEEN 9 AND 12"}, lambda i: 9 <= i + 0.5 <= 12),
        ({"filter": "floors IN (1, 2) AND code < 'P0020'"}, lambda i: i % 7 in (1, 2) and i < 20),
        ({"filter": "T_AFTER(built, DATE('2017-12-31'))"}, lambda i: i % 20 >= 18),
        ({"filter": "observed < TIMESTAMP('2024-03-02T00:00:00Z')"}, lambda i: i % 28 == 0),
        ({"filter": "T_DURING(observed, INTERVAL('2024-03-01T09:00:00Z', '2024-03-02T09:00:00Z'))"}, lambda i: i % 28 == 1),
        ({"filter": "S_INTERSECTS(geometry, BBOX(104.0039,30.4999,104.0071,30.5015))"}, lambda i: i in (2, 3)),
        ({"filter": "S_WITHIN(geom, POLYGON((103.9 30.4, 104.0015 30.4, 104.0015 30.6, 103.9 30.6, 103.9 30.4)))"}, lambda i: i % 50 == 0),
        ({"filter": "S_INTERSECTS(geometry, POINT(30.5005 104.0005))", "filter-crs": f"{EPSG}4490"}, lambda i: i == 0),
        ({"filter": '{"op":"=","args":[{"property":"code"},"P0009"]}', "filter-lang": "cql2-json"}, lambda i: i == 9),
        ({"filter": "code = 'it''s'"}, lambda i: False),
    ],
    ids=lambda value: "" if callable(value) else str(value),
)
def test_filters_find_exactly_what_they_say(site: OgcSite, params: dict[str, str], wanted: Any) -> None:
    if "S_WITHIN" in params.get("filter", "") or "POINT" in params.get("filter", ""):
        _needs_exact_tests(site)
    assert codes(site.client(), site, limit="1000", **params) == [f"P{i:04d}" for i in range(ROWS) if wanted(i)]


def _needs_exact_tests(site: OgcSite) -> None:
    """PostGIS in the database, where it is PostgreSQL: exact tests as on SQLite."""
    store = site.world.store
    with store.write() as tx:
        if tx.conn.dialect.name == "postgresql":
            if tx.conn.execute(text("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'")).first() is None:
                pytest.skip("this PostgreSQL server has no PostGIS")
            tx.conn.execute(text("CREATE EXTENSION postgis"))
            tx.conn.info.pop("terrace_spatial", None)


def test_a_filter_in_the_body_reads_on_by_get(site: OgcSite) -> None:
    client = site.client()
    body = {"op": "<", "args": [{"property": "floors"}, 2]}
    answer = client.post(items(site), query_string={"limit": "30"}, json=body)
    assert answer.status_code == 200, answer.text
    page, found = answer.json, []
    while page:
        found += [feature["id"] for feature in page["features"]]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        page = ok(client, following[0].removeprefix("http://localhost")) if following else None
    assert found == [f"P{i:04d}" for i in range(ROWS) if i % 7 < 2]


def test_chosen_properties_and_no_geometry(site: OgcSite) -> None:
    page = ok(site.client(), items(site), limit="1", properties="code,floors", skipGeometry="true")
    assert page["features"][0]["properties"] == {"code": "P0000", "floors": 0} and page["features"][0]["geometry"] is None
    assert codes(site.client(), site, sortby="-floors,code", limit="2") == ["P0006", "P0013"]


def test_one_item_by_its_key(site: OgcSite) -> None:
    answer = get(site.client(), f"{items(site)}/P0002")
    item = orjson.loads(answer.data)
    assert answer.mimetype == "application/geo+json" and item["id"] == "P0002" and item["properties"]["use"] == "<建设用地>"
    assert {link["rel"] for link in item["links"]} >= {"self", "collection", "root"}
    assert ok(site.client(), f"/ogc/collections/{site.wells.slug}/items/2")["properties"]["no"] == 2


def test_a_table_without_geometry_is_served_too(site: OgcSite) -> None:
    path = f"/ogc/collections/{site.table.slug}/items"
    page = ok(site.client(), path, limit="2")
    assert page["features"][0]["geometry"] is None and page["features"][0]["properties"] == {"year": 2000, "value": 0}
    assert ok(site.client(), path, bbox="0,0,1,1", limit="1")["numberMatched"] in (0, 20)
    assert get(site.client(), path, filter="S_INTERSECTS(geometry, BBOX(0,0,1,1))").status_code == 400


def test_without_counting_numbermatched_is_told_only_where_it_is_known(site: OgcSite) -> None:
    from flask import Flask

    from ogc.features.routes import Features, FeaturesSettings

    site.app = Flask("no-count")
    site.app.register_blueprint(Features(site.world.reader, FeaturesSettings(count=False)).blueprint(), url_prefix="/ogc")
    assert ok(site.client(), items(site), limit="2")["numberMatched"] == ROWS
    page = ok(site.client(), items(site), limit="2", filter="floors < 3")
    assert "numberMatched" not in page and any(link["rel"] == "next" for link in page["links"])
    assert ok(site.client(), items(site), resulttype="hits", floors="1")["numberMatched"] == sum(i % 7 == 1 for i in range(ROWS))


def test_head_and_conditional_requests(site: OgcSite) -> None:
    client = site.client()
    for path in ("/ogc", "/ogc/conformance", f"/ogc/collections/{site.parcels.slug}", f"{items(site)}/P0001"):
        whole, head = client.get(path), client.head(path)
        assert head.status_code == 200 and head.data == b"" and head.headers["ETag"] == whole.headers["ETag"]
        assert client.get(path, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    assert client.head(items(site)).status_code == 200


def test_pages_are_whole_without_script_style_or_outside_host(site: OgcSite) -> None:
    client = site.client()
    one = f"/ogc/collections/{site.parcels.slug}"
    parts = [f"{one}{tail}" for tail in ("", "/schema", "/queryables", "/items", "/items/P0002")]
    for path in ("/ogc", "/ogc/conformance", "/ogc/openapi", "/ogc/collections", "/ogc/x", *parts):
        for lang in ("zh", "en"):
            answer = get(client, path, f="html", lang=lang)
            assert answer.status_code == (404 if path == "/ogc/x" else 200) and answer.mimetype == "text/html"
            assert "<script" not in answer.text and "<style" not in answer.text and "style=" not in answer.text and "<建设用地>" not in answer.text
            assert all(part.startswith("localhost") for part in answer.text.split("http://")[1:] if not part.startswith("www.opengis.net"))
            assert 'lang="zh-Hans"' in answer.text if lang == "zh" else 'lang="en"' in answer.text
    assert client.get("/ogc/static/ogc.css").status_code == 200
    assert client.get("/ogc/collections", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}).mimetype == "text/html"


def test_formats_and_languages_are_negotiated(site: OgcSite) -> None:
    client = site.client()
    for accept, media in (("application/geo+json", "application/geo+json"), ("*/*", "application/geo+json"), ("application/json", "application/geo+json"),
                          ("text/html", "text/html"), ("image/png", "application/geo+json")):  # fmt: skip
        assert client.get(items(site), headers={"Accept": accept}).mimetype == media
    for accept, language in (("zh-CN,zh;q=0.9", "zh"), ("en-US,en;q=0.5", "en"), ("fr", "zh"), ("", "zh"), ("x" * 5000, "zh")):
        assert client.get("/ogc", headers={"Accept-Language": accept}).headers["Content-Language"] == language


def test_nothing_of_pygeoapi_but_features_is_mounted(site: OgcSite) -> None:
    import sys

    client = site.client(STAFF)
    one = f"/ogc/collections/{site.parcels.slug}"
    elsewhere = ("processes", "jobs", "stac", "stac-api", "TileMatrixSets", "admin/config", "asyncapi")
    for path in (*(f"/ogc/{each}" for each in elsewhere), *(f"{one}/{each}" for each in ("map", "coverage", "tiles", "position", "instances"))):
        assert client.get(path).status_code == 404, path
    assert "pygeoapi.flask_app" not in sys.modules  # it reads a configuration when it is imported


# --- errors ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"bbox": "nan,0,1,1"}, {"bbox": "1,2,3"}, {"bbox": "a,b,c,d"}, {"bbox": "104,31,105,30"}, {"bbox": "0,0,1,inf"},
        {"bbox": "30,104,31,105"}, {"bbox": "0,0,1,1", "bbox-crs": "EPSG:9999"}, {"bbox-crs": CRS84},
        {"datetime": "yesterday"}, {"datetime": "2024-13-01"}, {"datetime": "2024-02-01/2024-01-01"}, {"datetime": "../.."},
        {"limit": "0"}, {"limit": "-1"}, {"limit": "x"}, {"limit": "true"}, {"offset": "-1"}, {"offset": "x"},
        {"offset": "9" * 23}, {"after": "zzz"}, {"after": "W10="},
        {"sortby": "nope"}, {"properties": "nope"}, {"nope": "1"}, {"f": "xml"}, {"f": "csv"}, {"f": "jsonld"},
        {"filter": "nope = 1"}, {"filter": "code = 5"}, {"filter": "code ="}, {"filter": "S_INTERSECTS(nope, BBOX(0,0,1,1))"}, {"filter-lang": "sql"},
        {"floors": "many"}, {"valid": "perhaps"}, {"built": "long ago"}, {"crs": "bogus"}, {"filter": "code='a'", "filter-crs": "bogus"},
        {"code": "a\x00b"}, {"filter": "code = '\x00'"},
    ],
    ids=lambda value: "" if callable(value) else str(value),
)  # fmt: skip
def test_a_wrong_parameter_is_a_400_that_says_what_is_wrong(site: OgcSite, params: dict[str, str]) -> None:
    answer = get(site.client(), items(site), **params)
    assert answer.status_code == 400, answer.text
    body = answer.json
    assert body is not None and body["code"] == "InvalidParameterValue" and body["description"]
    assert "Traceback" not in answer.text and "SELECT" not in answer.text


def test_a_parameter_that_comes_twice_is_refused(site: OgcSite) -> None:
    assert site.client().get(f"{items(site)}?code=a&code=b").status_code == 400


def test_errors_speak_the_language_of_the_request(site: OgcSite) -> None:
    zh, en = (get(site.client(), items(site), filter="code =", lang=lang).json for lang in ("zh", "en"))
    assert zh and en and "第 7 个字符" in zh["description"] and "at character 7" in en["description"]


def test_writing_is_not_offered(site: OgcSite) -> None:
    client = site.client(STAFF)
    for method in ("PUT", "PATCH", "DELETE"):
        assert client.open(f"{items(site)}/P0001", method=method).status_code == 405
    assert client.post(items(site), data=b"").status_code in (200, 400)
    assert client.post(items(site), data=b"x" * 300_000).status_code == 400


# --- disclosure --------------------------------------------------------------------------------------------------------------------------


def everything(answer: TestResponse) -> tuple[int, bytes, list[tuple[str, str]]]:
    return answer.status_code, answer.data, sorted(answer.headers.items())


def test_hidden_denied_and_missing_collections_answer_byte_for_byte_alike(site: OgcSite) -> None:
    client = site.client()
    missing = "no-such-layer-123456"
    tails = ("", "/items", "/items/P0001", "/schema", "/queryables", "/items?filter=code='x'", "/items?nope=1", "/items?f=html", "?lang=en", "/items?bbox=nan")
    for tail in tails:
        answers = [everything(client.get(f"/ogc/collections/{slug}{tail}")) for slug in (missing, site.secret.slug, site.listed.slug, "a" * 300, "编号")]
        assert answers[0][0] == 404 and all(answer == answers[0] for answer in answers), tail
    # positive control: with the right to see it, there is something to see
    assert site.client(STAFF).get(f"/ogc/collections/{site.secret.slug}/items").status_code == 200


def test_ids_and_uuids_are_no_second_names(site: OgcSite) -> None:
    for name in (site.parcels.id, site.parcels.id.removeprefix("urn:terrace:")):
        assert site.client().get(f"/ogc/collections/{name}").status_code == 404


def test_a_hidden_column_is_nowhere_and_filtering_by_it_is_like_any_unknown_column(site: OgcSite) -> None:
    client, path = site.client(), f"/ogc/collections/{site.wells.slug}"
    for tail in ("/schema", "/queryables", "/items", "/items/1", "/items?f=html"):
        assert "owner_id" not in client.get(path + tail).text and "id-1" not in client.get(path + tail).text
    for params in ({"filter": "{} = 'id-1'"}, {"{}": "id-1"}, {"sortby": "{}"}, {"properties": "{}"}, {"filter": "{} IS NULL"}, {"filter": "NOT {} LIKE '%'"}):
        hidden, unknown = (get(client, f"{path}/items", **{k.format(n): v.format(n) for k, v in params.items()}) for n in ("owner_id", "nonsense"))
        assert hidden.status_code == unknown.status_code == 400 and hidden.text.replace("owner_id", "nonsense") == unknown.text
    staff = site.client(STAFF)
    assert ok(staff, f"{path}/items", filter="owner_id = 'id-2'")["features"][0]["id"] == 2


def test_a_masked_column_shows_its_mask_and_cannot_be_searched_or_bisected(site: OgcSite) -> None:
    client, path = site.client(), f"/ogc/collections/{site.wells.slug}"
    shown = {feature["properties"]["owner"] for feature in ok(client, f"{path}/items")["features"]}
    assert shown and not shown & {"王1", "王2", "王3"}
    assert "owner" in ok(client, f"{path}/schema")["properties"] and "owner" not in ok(client, f"{path}/queryables")["properties"]
    for params in ({"filter": "owner = '王1'"}, {"owner": "王1"}, {"sortby": "owner"}, {"filter": "owner > '王1'"}):
        assert get(client, f"{path}/items", **params).status_code == 400


def test_nobody_is_answered_without_an_actor(site: OgcSite) -> None:
    client = site.client(None)
    site.app.testing = True
    for path in ("/ogc/collections", f"/ogc/collections/{site.parcels.slug}", items(site), f"{items(site)}/P0001"):
        with pytest.raises(ActorUnsetError):
            client.get(path)


def test_one_actors_view_never_reaches_another_under_load(site: OgcSite) -> None:
    from concurrent.futures import ThreadPoolExecutor

    path = f"/ogc/collections/{site.wells.slug}/items"

    def ask(i: int) -> bool:
        staff = i % 2 == 0
        return ("id-1" in site.client(STAFF if staff else PUBLIC).get(path).text) == staff

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(200)))
