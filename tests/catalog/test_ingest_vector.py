"""GeoPackage, Shapefile, FlatGeobuf, KML, GML: layers, encodings, systems, numbers that lose nothing."""

import io
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely

from catalog.ingest import vector
from catalog.ingest.crs import way_to_crs84
from tests.catalog.intake import Intake

pytestmark = pytest.mark.soak_on("postgresql")

CODES = np.array(["007", "008", "009"], dtype=object)
NAMES = np.array(["武侯区", "锦江区", None], dtype=object)
LONG = np.array([110101199003070011, 110101199003070012, 110101199003070013], dtype=np.int64)


KINDS = [("GPKG", "gpkg", "dm"), ("FlatGeobuf", "fgb", "dm"), ("KML", "kml", "id"), ("GML", "gml", "gml_id")]


@pytest.fixture
def intake(store, tmp_path):
    return Intake(store, tmp_path)


def _write(path: Path, driver: str, crs: str = "EPSG:4490", points=((104.0, 30.5), (104.1, 30.6), (104.2, 30.7)), masks=None, **more) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fields = {"dm": CODES, "name": NAMES, "zjh": LONG}
        masks = masks or [None, np.array([False, False, True]), None]
        values, shapes = list(fields.values()), shapely.to_wkb(shapely.points(points))
        pyogrio.raw.write(path, shapes, values, list(fields), field_mask=masks, driver=driver, geometry_type="Point", crs=crs, **more)
    return path


def _shape_zip(folder: Path, *suffixes: str, **changed: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for suffix in suffixes:
            archive.writestr(f"数据/a{suffix}", changed.get(suffix[1:], (folder / f"a{suffix}").read_bytes()))
    return out.getvalue()


@pytest.mark.parametrize(("driver", "suffix", "key"), KINDS)
def test_a_layer_keeps_codes_long_numbers_and_places(intake, driver, suffix, key):
    path = _write(intake.files / f"a.{suffix}", driver, "EPSG:4326" if suffix == "kml" else "EPSG:4490")
    (intake.files / "a.xsd").unlink(missing_ok=True)  # without it GDAL would make the number 7 of 007
    result = intake.one(path)
    table = intake.table(result.id)
    assert (result.rows, table.geometry, table.key) == (3, "point", (key,))
    rows = intake.rows(result.id)
    assert [row["dm"] for row in rows] == ["007", "008", "009"] and [row.get("zjh") for row in rows] == [str(each) for each in LONG]
    assert [row.get("name") for row in rows][:2] in (["武侯区", "锦江区"], ["007", "008"])
    assert intake.features(result.id)[1]["geometry"]["coordinates"] == [104.1, 30.6], "longitude first, whatever the axis order of the system"
    fields = intake.fields(result.id)
    assert fields["bbox"] == ["104", "30.5", "104.2", "30.7"] and fields["resources.original"]["format"] == suffix
    assert intake.one(path).status == "unchanged"


@pytest.mark.parametrize(("driver", "suffix"), [("GPKG", "gpkg"), ("FlatGeobuf", "fgb"), ("ESRI Shapefile", "shp")])
def test_large_features_are_read_few_at_a_time(intake, monkeypatch, driver, suffix):
    shapes = shapely.to_wkb(shapely.points([[104.0 + n / 1_000, 30.6] for n in range(300)]))
    names = np.array(["x" * (5_000 if n == 200 else 100) for n in range(300)], dtype=object)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyogrio.raw.write(intake.files / f"a.{suffix}", shapes, [names], ["name"], driver=driver, geometry_type="Point", crs="EPSG:4490")
    read, sizes = vector._gdal, []

    def noting(name, function, *args, **how):
        sizes.append(how.get("max_features") or 0)
        return read(name, function, *args, **how)

    monkeypatch.setattr(vector, "_gdal", noting)
    monkeypatch.setattr(vector, "_CHUNK_BYTES", 20_000)
    monkeypatch.setattr(vector, "_WHOLE", 20_000)
    monkeypatch.setattr(vector, "_CHUNK", 90)
    assert intake.one(intake.files / f"a.{suffix}").rows == 300
    assert 0 < max(sizes) < 100


def test_long_numbers_beside_absent_ones_keep_their_digits(intake):
    masks = [None, None, np.array([False, True, False])]
    result = intake.one(_write(intake.files / "a.gpkg", "GPKG", masks=masks))
    assert [row.get("zjh") for row in intake.rows(result.id)] == [str(LONG[0]), None, str(LONG[2])]


def test_layers_of_a_geopackage_are_records_of_their_own_with_a_file_each(intake):
    path = _write(intake.files / "a.gpkg", "GPKG", layer="wells")
    _write(path, "GPKG", layer="springs", append=True)
    results = intake.add(path)
    assert [(result.status, result.part, result.rows, result.title) for result in results] == [
        ("draft", "wells", 3, {"en": "wells"}),
        ("draft", "springs", 3, {"en": "springs"}),
    ]
    for result in results:
        original = intake.fields(result.id)["resources.original"]
        copy = intake.folder / "copy.gpkg"
        copy.write_bytes(b"".join(intake.ctx.objects.open(original["sha256"])))
        assert [name for name, _ in pyogrio.list_layers(copy)] == [result.part], "whoever may see one layer gets no other with its file"
        assert pyogrio.read_info(copy, layer=result.part)["features"] == 3
    assert [(result.status, result.part) for result in intake.add(path)] == [("unchanged", "springs"), ("unchanged", "wells")]


@pytest.mark.parametrize(
    ("encoding", "parts", "cpg"),
    [
        ("GBK", (".shp", ".shx", ".dbf", ".prj", ".cpg"), b"GBK"),
        ("GBK", (".shp", ".shx", ".dbf", ".prj"), None),
        ("GBK", (".shp", ".shx", ".dbf", ".prj", ".cpg"), b"UTF-8"),
        ("UTF-8", (".shp", ".shx", ".dbf", ".prj", ".cpg"), b"UTF-8"),
        ("UTF-8", (".shp", ".shx", ".dbf"), None),
    ],
)
def test_a_zipped_shapefile_in_any_encoding(intake, tmp_path, encoding, parts, cpg):
    _write(tmp_path / "a.shp", "ESRI Shapefile", encoding=encoding)
    result = intake.one(intake.file("a.zip", _shape_zip(tmp_path, *parts, **({"cpg": cpg} if cpg else {}))))
    assert [row.get("name") for row in intake.rows(result.id)] == ["武侯区", "锦江区", None]
    fields = intake.fields(result.id)
    assert (fields["crs"], fields["resources.original"]["format"], fields["resources.original"]["name"]) == (
        "EPSG:4490" if ".prj" in parts else "OGC:CRS84",
        "shp",
        "a.zip",
    )
    assert bool([note for _, note in result.notes if "names no coordinate system" in note]) == (".prj" not in parts)


def test_the_parts_of_a_shapefile_in_a_folder_are_one_file(intake):
    _write(intake.files / "a.shp", "ESRI Shapefile", encoding="UTF-8")
    (intake.files / "a.shp.xml").write_text("<metadata/>")
    results = intake.add(intake.files)
    assert [(result.path.name, result.status, result.rows) for result in results] == [("a.shp", "draft", 3)]
    assert intake.fields(results[0].id)["resources.original"]["name"] == "a.zip"
    first = intake.fields(results[0].id)["resources.original"]["sha256"]
    assert intake.add(intake.files / "a.shp", intake.files / "a.dbf")[0].status == "unchanged"
    (intake.files / "a.cpg").write_text("utf8")
    changed = intake.one(intake.files / "a.shp")
    assert (changed.status, changed.id) == ("changed", results[0].id), "a changed part is a changed file"
    assert intake.fields(changed.id)["resources.original"]["sha256"] != first


@pytest.mark.parametrize(
    ("crs", "x", "lon"),
    [
        ("EPSG:4543", 500_000, 102),  # CGCS2000, 3° by central meridian, without zone
        ("EPSG:4522", 34_500_000, 102),  # CGCS2000, 3° zone 34 before the easting
        ("EPSG:4509", 500_000, 117),  # CGCS2000, 6° by central meridian
        ("EPSG:4496", 18_500_000, 105),  # CGCS2000, 6° zone 18 before the easting
        ("EPSG:28350", 500_000, 117),  # MGA zone 50
        ("EPSG:32648", 500_000, 105),  # UTM
        ("EPSG:2363", 39_500_000, 117),  # Xi'an 1980, 3° zone 39
        ("EPSG:2415", 39_500_000, 117),  # Beijing 1954, 3° zone 39
    ],
)
def test_plane_coordinates_with_and_without_the_zone(intake, crs, x, lon):
    y = 6_600_000 if crs == "EPSG:28350" else 3_400_000
    result = intake.one(_write(intake.files / "a.gpkg", "GPKG", crs, [(x, y), (x, y + 10), (x, y + 20)]))
    place = intake.features(result.id)[0]["geometry"]["coordinates"]
    fields = intake.fields(result.id)
    assert abs(place[0] - lon) < 0.002 and fields["crs"] == crs
    assert ("crs_note" in fields) == (crs in ("EPSG:2363", "EPSG:2415")), "only a ballpark transformation is flagged"
    shape = _write(intake.files / "b.shp", "ESRI Shapefile", crs, [(x, y), (x, y + 10), (x, y + 20)])
    assert intake.fields(intake.one(shape).id)["crs"] == crs, "recognised from the .prj as well"


def test_geographic_systems_are_read_longitude_first_everywhere():
    for code in ("EPSG:4490", "urn:ogc:def:crs:EPSG::4490", "http://www.opengis.net/def/crs/EPSG/0/4490", "EPSG:4326", "OGC:CRS84"):
        assert way_to_crs84(code).move is None


def test_a_geojson_that_names_cgcs2000_as_a_urn_keeps_longitude_first(intake):
    text = '{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::4490"}},"features":[{"type":"Feature","id":"1",'
    result = intake.one(intake.file("a.geojson", text + '"properties":{},"geometry":{"type":"Point","coordinates":[104.06,30.67]}}]}'))
    assert intake.features(result.id)[0]["geometry"]["coordinates"] == [104.06, 30.67] and intake.fields(result.id)["crs"] == "EPSG:4490"


def test_bad_features_of_a_layer_are_set_aside(intake):
    points = [(104.0, 30.5), (999.0, 30.6), (104.2, float("inf"))]
    result = intake.add(_write(intake.files / "a.fgb", "GPKG", points=points))[0]
    assert result.status == "refused", "more bad than good"
    shapes = np.array([*shapely.to_wkb(shapely.points([[104 + n / 100, 30] for n in range(10)])), shapely.to_wkb(shapely.Point(999, 30))], dtype=object)
    path = intake.files / "b.gpkg"
    pyogrio.raw.write(path, shapes, [np.arange(11)], ["n"], driver="GPKG", geometry_type="Point", crs="EPSG:4490")
    result = intake.one(path)
    assert (result.rows, result.quarantined) == (10, 1)


def test_a_kmz(intake, tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(_write(tmp_path / "doc.kml", "KML", "EPSG:4326"), "doc.kml")
    result = intake.one(intake.file("places.kmz", packed.getvalue()))
    assert result.rows == 3 and intake.fields(result.id)["resources.original"]["name"] == "places.kmz"


def test_gml_fetches_nothing(intake, tmp_path):
    import http.server
    import threading

    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        text = _write(tmp_path / "a.gml", "GML").read_text()
        schema = f"http://127.0.0.1:{server.server_port}/wfs?SERVICE=WFS&amp;VERSION=1.1.0&amp;REQUEST=DescribeFeatureType&amp;TYPENAME=a"
        assert intake.one(intake.file("a.gml", text.replace("ogr.maptools.org/ a.xsd", f"ogr.maptools.org/ {schema}"))).rows == 3
    finally:
        server.shutdown()
    assert asked == []
    assert [path.name for path in intake.files.iterdir()] == ["a.gml"], "nothing is written beside the file"
