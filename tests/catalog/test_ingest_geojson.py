"""GeoJSON: what the standard says and what files in the wild do."""

import json

import pytest
import shapely

from catalog.ingest.crs import code_of, way_to_crs84
from tests.catalog.intake import Intake

pytestmark = pytest.mark.soak_on("postgresql")


@pytest.fixture
def intake(store, tmp_path):
    return Intake(store, tmp_path)


def _collection(*features, **more):
    return json.dumps({"type": "FeatureCollection", "features": list(features), **more}, ensure_ascii=False)


def _feature(geometry=None, id=None, **properties):
    feature = {"type": "Feature", "geometry": geometry, "properties": properties}
    return feature if id is None else {**feature, "id": id}


POINT = {"type": "Point", "coordinates": [104.06, 30.67]}
SQUARE = {"type": "Polygon", "coordinates": [[[104, 30], [105, 30], [105, 31], [104, 31], [104, 30]]]}


def test_features_become_rows(intake):
    result = intake.one(
        intake.file("a.geojson", _collection(_feature(SQUARE, adcode=510107, name="武侯區", area=1.25, open=True, n=3), _feature(None, adcode=510104)))
    )
    assert result.rows == 2 and intake.table(result.id).key == ("adcode",) and intake.table(result.id).geometry == "polygon"
    assert intake.types(result.id) == {"adcode": "text", "name": "text", "area": "decimal", "open": "boolean", "n": "integer", "geometry": "geometry"}
    by_id = {feature["id"]: feature for feature in intake.features(result.id)}
    assert by_id["510107"]["properties"] == {"adcode": "510107", "name": "武侯區", "area": 1.25, "open": True, "n": 3}
    assert shapely.from_geojson(json.dumps(by_id["510107"]["geometry"])).equals(shapely.box(104, 30, 105, 31)) and by_id["510104"]["geometry"] is None
    assert intake.fields(result.id)["bbox"] == ["104", "30", "105", "31"] and intake.fields(result.id)["crs"] == "OGC:CRS84"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_encodings_and_marks(intake, encoding):
    result = intake.one(intake.file("a.json", _collection(_feature(POINT, name="武侯区")).encode(encoding)))
    assert intake.features(result.id)[0]["properties"]["name"] == "武侯区"


def test_a_bare_feature_and_a_bare_geometry(intake):
    assert intake.one(intake.file("a.geojson", json.dumps(_feature(POINT, name="x")))).rows == 1
    assert intake.one(intake.file("b.geojson", json.dumps(SQUARE))).rows == 1


def test_ids_of_features_are_the_key(intake):
    result = intake.one(intake.file("a.geojson", _collection(_feature(POINT, id="b", v=1), _feature(POINT, id="a", v=1))))
    assert intake.table(result.id).key == ("id",) and [feature["id"] for feature in intake.features(result.id)] == ["a", "b"]


def test_a_named_system_is_obeyed_and_the_source_kept(intake):
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::28350"}}
    text = _collection(_feature({"type": "Point", "coordinates": [500000, 7500000]}, id="1"), crs=crs)
    result = intake.one(intake.file("a.geojson", text))
    assert intake.fields(result.id)["crs"] == "EPSG:28350" and "crs_note" not in intake.fields(result.id)
    x, y = intake.features(result.id)[0]["geometry"]["coordinates"]
    assert abs(x - 117) < 1e-4 and abs(y + 22.6) < 0.1
    original = intake.fields(result.id)["resources.original"]
    assert original["crs"] == "EPSG:28350" and b"".join(intake.ctx.objects.open(original["sha256"])).decode() == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_system_that_is_named_behind_the_features_is_obeyed(intake, encoding):
    crs = {"type": "name", "properties": {"name": "EPSG:28350"}}
    text = _collection(_feature({"type": "Point", "coordinates": [500000, 7500000]}, id="1"))
    result = intake.one(intake.file("a.geojson", f'{text[:-1]}, "crs": {json.dumps(crs)}, "name": "a rather long name"}}'.encode(encoding)))
    assert intake.fields(result.id)["crs"] == "EPSG:28350" and abs(intake.features(result.id)[0]["geometry"]["coordinates"][0] - 117) < 1e-4


def test_a_ballpark_transformation_is_said(intake):
    crs = {"type": "name", "properties": {"name": "EPSG:4214"}}
    result = intake.one(intake.file("a.geojson", _collection(_feature(POINT, id="1"), crs=crs)))
    note = intake.fields(result.id)["crs_note"]
    assert "近似" in note["zh"] and "ballpark" in note["en"]


def test_systems():
    assert code_of("urn:ogc:def:crs:EPSG::4490") == code_of("http://www.opengis.net/def/crs/EPSG/0/4490") == code_of("EPSG:4490") == "EPSG:4490"
    assert code_of("urn:ogc:def:crs:OGC:1.3:CRS84") == "OGC:CRS84" and code_of("nonsense") is None
    for code in ("EPSG:4326", "EPSG:4490", "OGC:CRS84"):
        assert way_to_crs84(code).move is None and not way_to_crs84(code).ballpark
    for code in ("EPSG:4214", "EPSG:4610", "EPSG:2433"):
        assert way_to_crs84(code).ballpark, code
    for code in ("EPSG:4547", "EPSG:4491", "EPSG:28350", "EPSG:32648", "EPSG:3857"):
        assert not way_to_crs84(code).ballpark, code
    gauss = way_to_crs84("EPSG:4543").move(shapely.Point(500000, 3396000))
    assert abs(gauss.x - 102) < 1e-6 and 30.6 < gauss.y < 30.8


def test_mixed_values_are_text(intake):
    result = intake.one(
        intake.file(
            "a.geojson",
            _collection(_feature(POINT, v=1, w=[1, 2], big=2**60, when="2024-05-01", at="2024-05-01T00:00:00Z"), _feature(POINT, v="x", w=None, when=None)),
        )
    )
    types = intake.types(result.id)
    assert (types["v"], types["w"], types["big"], types["when"], types["at"]) == ("text", "text", "text", "date", "datetime")
    assert intake.rows(result.id)[0]["w"] == "[1,2]" and intake.rows(result.id)[0]["big"] == str(2**60)


def test_mixed_geometries(intake):
    result = intake.one(intake.file("a.geojson", _collection(_feature(POINT), _feature(SQUARE))))
    assert intake.table(result.id).geometry == "geometry"
    multi = {"type": "MultiPolygon", "coordinates": [SQUARE["coordinates"]]}
    assert intake.table(intake.one(intake.file("b.geojson", _collection(_feature(multi), _feature(SQUARE)))).id).geometry == "multipolygon"


def test_a_property_called_geometry(intake):
    result = intake.one(intake.file("a.geojson", _collection({"type": "Feature", "id": "7", "geometry": POINT, "properties": {"geometry": "words"}})))
    assert intake.types(result.id)["geometry"] == "text" and intake.table(result.id).geometry_column == "geom"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "line 1"),
        ('{"type": "FeatureCollection"}', "features"),
        (_collection(), "no features"),
        (_collection(5), "feature 1"),
        (_collection({"type": "Feature", "properties": [1]}), "feature 1"),
        (_collection(_feature({"type": "Point", "coordinates": ["a", 1]})), "feature 1"),
        (_collection(_feature({"type": "Point", "coordinates": [500000, 3400000]})), "sidecar"),
        (_collection(_feature({"type": "Blob", "coordinates": []})), "feature 1"),
        (_collection(_feature(POINT), crs={"type": "name", "properties": {"name": "EPSG:999999"}}), "999999"),
        (_collection(_feature({"type": "Point", "coordinates": [1e400, 0]})).replace("Infinity", "1e400"), "earth|feature|JSON"),
        ('{"type": "Topology", "objects": {}}', "not GeoJSON"),
        ("[1, 2]", "not GeoJSON"),
        ('{"type":"Feature","stac_version":"1.0.0","properties":{},"geometry":null}', "STAC"),
        ('{"a":' * 3000, "JSON"),
        ("[NaN]", "JSON"),
        (_collection(_feature({"type": "LineString", "coordinates": [[0, 0]]})), "feature 1"),
    ],
)
def test_bad_files_are_refused_in_words(intake, text, word):
    said = intake.refused(intake.file("a.geojson", text))
    assert any(each in said for each in word.split("|")), said
