"""The real files of ../shared/data: what each becomes."""

import pytest

from tests.catalog.intake import Intake

#: file → (rows, key, geometry); None: no rows.
DATA = {
    "boundaries/chengdu-districts.geojson": (19, "id", "multipolygon"),
    "boundaries/sichuan-prefectures.geojson": (21, "id", "polygon"),
    "divisions/provinces.csv": (31, "code", None),
    "divisions/cities.csv": (342, "code", None),
    "divisions/areas.csv": (2978, "code", None),
    "geology/hamersley-geology.geojson": (61, "row_no", "multipolygon"),
    "geology/hamersley-faults.geojson": (35, "objectid", "multilinestring"),
    "geology/hamersley-structures.geojson": (118, "row_no", "point"),
    "groundwater/stations.csv.zip": (43807, "stn_id", "point"),
    "groundwater/measurements.csv.zip": (45472, "wlm_id", None),
}
RASTERS = {
    "geology/hamersley-dtm_rp.tif": (["117.052", "-22.948", "117.714", "-22.312"], "EPSG:28350"),
    "imagery/RGB.byte.tif": (["-78.959", "23.565", "-76.574", "25.551"], "EPSG:32618"),
    "imagery/cogeo.tif": (None, None),
}
REFUSED = {
    "groundwater/county_gw_pts.gpkg": "GeoPackage",
    "README.md": "README.md",
}


@pytest.fixture
def intake(store, tmp_path):
    return Intake(store, tmp_path)


@pytest.mark.parametrize("name", DATA)
def test_layers_and_tables(intake, real_data, name):
    count, key, geometry = DATA[name]
    result = intake.one(real_data / name)
    table = intake.table(result.id)
    assert (result.rows, table.count, table.key, table.geometry) == (count, count, (key,), geometry)
    assert result.kind == "dataset" and ("bbox" in intake.fields(result.id)) == (geometry is not None)
    assert intake.one(real_data / name).status == "unchanged"


def test_australian_geology_lies_where_it_should(intake, real_data):
    result = intake.one(real_data / "geology/hamersley-geology.geojson")
    west, south, east, north = intake.table(result.id).box
    assert 117 < west < east < 118 and -23 < south < north < -22
    assert intake.fields(result.id)["crs"] == "EPSG:28350"


def test_codes_and_readings_keep_their_meaning(intake, real_data):
    areas = intake.one(real_data / "divisions/areas.csv")
    assert set(intake.types(areas.id).values()) == {"text"}
    readings = intake.one(real_data / "groundwater/measurements.csv.zip")
    types = intake.types(readings.id)
    assert (types["msmt_date"], types["wse"], types["stn_id"]) == ("datetime", "decimal", "text")


@pytest.mark.parametrize("name", RASTERS)
def test_rasters(intake, real_data, name):
    box, crs = RASTERS[name]
    result = intake.one(real_data / name)
    fields = intake.fields(result.id)
    assert (result.kind, result.rows, intake.draft(result.id).profile) == ("imagery", None, "imagery/1")
    assert fields["x.width"] > 0 and fields["x.bands"] and fields["resources.original"]["format"] in ("geotiff", "cog")
    if box is not None:
        assert fields["crs"] == crs and all(abs(float(a) - float(b)) < 0.01 for a, b in zip(fields["bbox"], box, strict=True)), fields["bbox"]


def test_the_nineteen_iso_records(intake, real_data):
    paths = sorted((real_data / "metadata/iso19139").glob("*.xml"))
    results = intake.add(*paths)
    assert len(results) == 19 and all(result.error is None for result in results), [(result.path.name, result.error) for result in results if result.error]
    assert len({result.id for result in results}) == 19
    for result in results:
        fields = intake.fields(result.id)
        assert fields["title"] and fields["issued"] and fields["bbox"] and fields["resources.original"]["format"] == "iso19139", result.path.name
        assert fields["provider"]["name"] and fields["x.iso_identifier"], result.path.name
    by_name = {result.path.name: intake.fields(result.id) for result in results}
    assert by_name["3e9a8c05.xml"]["kind"] == "service"
    assert by_name["iso_19115-2_Sentinel-2-scene.xml"]["theme"] == ["imagery"] and by_name["iso_19115-2_Sentinel-2-scene.xml"]["crs"] == "EPSG:4326"
    assert by_name["T_ortho_RAS_1998_288404.xml"]["bbox"] == ["21.525437", "39.761015", "21.573992", "39.791327"]
    assert by_name["datagov-iso1.xml"]["theme"] == ["statistics"]
    assert [result.status for result in intake.add(*paths)] == ["unchanged"] * 19


def test_real_records_and_layers_can_be_published(intake, real_data):
    paths = [real_data / "metadata/iso19139/pacioos-NS06agg.xml", real_data / "boundaries/chengdu-districts.geojson", real_data / "imagery/RGB.byte.tif"]
    assert [(result.status, result.error and result.error.en) for result in intake.add(*paths, publish=True)] == [("published", None)] * 3


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_taken_in_is_refused_by_name(intake, real_data, name):
    assert REFUSED[name] in intake.refused(real_data / name)
