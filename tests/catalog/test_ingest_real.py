"""The real files of ../shared/data, the whole folder in one run: tests/golden/real.csv states what each becomes."""

import csv
from collections import defaultdict
from pathlib import Path

import pytest
from sqlalchemy import func, select

from catalog.quarantine import list_held
from catalog.tables import object_
from tests.catalog.intake import Intake

GOLDEN = Path(__file__).parents[1] / "golden" / "real.csv"
#: file → its key, and its type of geometry.
LAYERS = {
    "boundaries/chengdu-districts.geojson": ("id", "multipolygon"),
    "boundaries/sichuan-prefectures.geojson": ("id", "polygon"),
    "divisions/provinces.csv": ("code", None),
    "divisions/cities.csv": ("code", None),
    "divisions/areas.csv": ("code", None),
    "geology/hamersley-geology.geojson": ("row_no", "multipolygon"),
    "geology/hamersley-faults.geojson": ("objectid", "multilinestring"),
    "geology/hamersley-structures.geojson": ("row_no", "point"),
    "groundwater/county_gw_pts.gpkg": ("stn_id", "point"),
    "groundwater/stations.csv.zip": ("stn_id", "point"),
    "groundwater/measurements.csv.zip": ("wlm_id", None),
}
RASTERS = {
    "geology/hamersley-dtm_rp.tif": (["117.052", "-22.948", "117.714", "-22.312"], "EPSG:28350"),
    "imagery/RGB.byte.tif": (["-78.959", "23.565", "-76.574", "25.551"], "EPSG:32618"),
    "imagery/cogeo.tif": (None, None),
}


@pytest.fixture
def intake(store, tmp_path):
    return Intake(store, tmp_path)


def test_every_file_becomes_what_the_golden_table_states(intake, real_data):
    results = intake.add(real_data)
    found = defaultdict(list)
    for result in results:
        found[result.path.relative_to(real_data).as_posix()].append(result)
    stated = list(csv.DictReader(GOLDEN.open(encoding="utf-8", newline="")))
    assert sorted(found) == sorted(row["file"] for row in stated)
    seen = []
    for row in stated:
        entered = [result for result in found[row["file"]] if result.status == "draft"]
        with intake.store.read() as conn:
            held = len(list_held(conn, file=str((real_data / row["file"]).resolve()), limit=1_000))
        originals = {fields["resources.original"]["sha256"] for result in entered if "resources.original" in (fields := intake.fields(result.id))}
        refused = " ".join(result.error.kind for result in found[row["file"]] if result.status == "refused")
        counts = (len(entered), sum(result.rows or 0 for result in entered), len(originals), held)
        seen.append({"file": row["file"], **dict(zip(("records", "rows", "objects", "quarantine"), map(str, counts), strict=True)), "refused": refused})
    assert seen == stated
    with intake.store.read() as conn:
        assert conn.scalar(select(func.count()).select_from(object_)) == sum(int(row["objects"]) for row in stated)
    _check_layers(intake, found)
    _check_rasters(intake, found)
    assert {result.status for result in intake.add(real_data)} == {"unchanged", "refused"}


def _check_layers(intake, found):
    for name, (key, geometry) in LAYERS.items():
        for result in found[name]:
            table = intake.table(result.id)
            assert (table.count, table.key, table.geometry) == (result.rows, (key,), geometry), name
            assert result.kind == "dataset" and ("bbox" in intake.fields(result.id)) == (geometry is not None), name
    geology = found["geology/hamersley-geology.geojson"][0].id
    west, south, east, north = intake.table(geology).box
    assert 117 < west < east < 118 and -23 < south < north < -22 and intake.fields(geology)["crs"] == "EPSG:28350"
    assert set(intake.types(found["divisions/areas.csv"][0].id).values()) == {"text"}
    types = intake.types(found["groundwater/measurements.csv.zip"][0].id)
    assert (types["msmt_date"], types["wse"], types["stn_id"]) == ("datetime", "decimal", "text")


def _check_rasters(intake, found):
    for name, (box, crs) in RASTERS.items():
        (result,) = found[name]
        fields = intake.fields(result.id)
        assert (result.kind, result.rows, intake.draft(result.id).profile) == ("imagery", None, "imagery/1")
        assert fields["x.width"] > 0 and fields["x.bands"] and fields["resources.original"]["format"] in ("geotiff", "cog")
        if box is None:
            assert "bbox" not in fields or crs is None
        else:
            assert fields["crs"] == crs and all(abs(float(a) - float(b)) < 0.01 for a, b in zip(fields["bbox"], box, strict=True))


def test_all_real_iso_records(intake, real_data):
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


def test_real_metadata_of_other_kinds(intake, real_data):
    def one(name):
        results = intake.add(real_data / "metadata" / name)
        assert all(result.error is None for result in results), [result.error for result in results]
        return [intake.fields(result.id) for result in results]

    (ckan,) = one("ckan/full_dataset_dcat_ap.json")
    assert (ckan["update_cycle"], ckan["time"], ckan["contact_name"]) == ("monthly", ["1905-03-01", "2024-05-29"], "Contact 1")
    assert ckan["bbox"] == ["11.9936", "54.0486", "12.3045", "54.2466"] and ckan["provider"] == {"name": {"en": "Test Publisher"}}
    (many,) = one("ckan/dataset_multilingual.json")
    assert many["title"]["ca"] == "Conjunt de dades de prova DCAT" and many["keywords"]["es"] == ["Robles", "Pinos"]
    first, _ = one("dcat/catalog.rdf")
    assert first["issued"] == "2013-04-26" and first["provider"] == {"name": {"en": "Publishing Organization for dataset 1"}}
    assert [first[f"resources.link{n}"]["format"] for n in (1, 2, 3)] == ["csv", "pdf", "html"]
    _, turtle = one("dcat/dataset.ttl")
    assert turtle["title"] == {"nl": "HealthDCAT-AP test dataset", "en": "HealthDCAT-AP test dataset"}
    fgdc = one("fgdc/USGSHydroCached.xml")[0]
    assert (
        fgdc["kind"] == "service" and fgdc["bbox"] == ["-179.999", "17.625", "-65", "71.5"] and fgdc["theme"] == ["imagery", "boundaries", "elevation", "water"]
    )
    city = one("dcat/opendataphilly-data.json")
    assert len(city) == 402 and all(fields["title"] and fields["provider"] for fields in city)


def test_a_real_stac_item(intake, real_data):
    result = intake.one(real_data / "stac/example-sentinel2.json")
    fields = intake.fields(result.id)
    assert (result.kind, fields["crs"], fields["x.cloud_cover"], fields["x.acquired"]) == ("imagery", "EPSG:32646", "88.2972", "2021-09-08T04:27:01Z")
    assert fields["provider"] == {"name": {"en": "ESA"}} and fields["bbox"][0] == "92.99979654001324"


def test_real_records_and_layers_can_be_published(intake, real_data):
    paths = [real_data / "metadata/iso19139/pacioos-NS06agg.xml", real_data / "boundaries/chengdu-districts.geojson", real_data / "imagery/RGB.byte.tif"]
    assert [(result.status, result.error and result.error.en) for result in intake.add(*paths, publish=True)] == [("published", None)] * 3
