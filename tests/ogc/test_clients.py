"""Real clients on a real server: GDAL (OGC API Features and CSW), QGIS (OGC API Features) and OWSLib (both)."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from owslib import fes2
from owslib.csw import CatalogueServiceWeb
from owslib.fes import BBox, PropertyIsEqualTo, PropertyIsLike
from owslib.ogcapi.features import Features

from policies.actor import PUBLIC, Actor
from tests.catalog.worlds import STAFF
from tests.ogc.sites import ROWS, OgcSite

type Serve = Callable[[Actor], str]
type Tool = Callable[[str], str]
EPSG4490 = "http://www.opengis.net/def/crs/EPSG/0/4490"


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **environment})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# --- GDAL --------------------------------------------------------------------------------------------------------------------------------


def test_ogrinfo_lists_the_layers_that_the_actor_may_have(site: OgcSite, serve: Serve, tool: Tool) -> None:
    ogrinfo = tool("ogrinfo")
    public, staff = (run(ogrinfo, "-ro", f"OAPIF:{serve(actor)}/ogc") for actor in (PUBLIC, STAFF))
    for slug in (site.parcels.slug, site.wells.slug, site.table.slug):
        assert slug in public and slug in staff
    for slug in (site.listed.slug, site.secret.slug):
        assert slug not in public and slug in staff


def test_ogrinfo_reads_every_feature_through_next_links_and_filters_on_the_server(site: OgcSite, serve: Serve, tool: Tool) -> None:
    ogrinfo, address = tool("ogrinfo"), serve(PUBLIC)
    source = f"OAPIF:{address}/ogc/collections/{site.parcels.slug}"
    summary = run(ogrinfo, "-ro", "-so", "-al", "-oo", "PAGE_SIZE=40", source)
    assert f"Feature Count: {ROWS}" in summary and "area: Real" in summary and "floors: Integer" in summary and "built: Date" in summary
    assert "Extent: (104.0" in summary
    some = run(ogrinfo, "-ro", "-al", "-q", "-where", "floors = 3 AND code < 'P0020'", source)
    assert some.count("code (String) =") == 3 and "code (String) = P0003" in some
    box = run(ogrinfo, "-ro", "-al", "-q", "-spat", "104.0039", "30.4999", "104.0071", "30.5015", source)
    assert box.count("code (String) =") == 2 and "<建设用地>" in box


def test_ogr2ogr_copies_a_layer_whole(site: OgcSite, serve: Serve, tool: Tool, tmp_path: Path) -> None:
    target = tmp_path / "copy.geojson"
    run(tool("ogr2ogr"), "-f", "GeoJSON", str(target), f"OAPIF:{serve(PUBLIC)}/ogc/collections/{site.parcels.slug}", "-oo", "PAGE_SIZE=60")
    features = json.loads(target.read_text())["features"]
    assert sorted(each["properties"]["code"] for each in features) == [f"P{i:04d}" for i in range(ROWS)]
    first = next(each for each in features if each["properties"]["code"] == "P0000")
    assert first["geometry"]["coordinates"][0][0] == pytest.approx([104.0, 30.5])


def test_gdals_csw_driver_reads_and_filters_records(site: OgcSite, serve: Serve, tool: Tool) -> None:
    ogrinfo, address = tool("ogrinfo"), serve(PUBLIC)
    everything = run(ogrinfo, "-ro", "-al", f"CSW:{address}/csw", "-oo", "ELEMENTSETNAME=full", "-oo", "MAX_RECORDS=2")
    assert "Feature Count: 4" in everything and site.parcels.id in everything and "宗地界线" in everything and site.secret.id not in everything
    assert "POLYGON ((104.0 30.5" in everything  # longitude first: the driver turns what the URN orders the other way
    one = run(ogrinfo, "-ro", "-al", "-q", f"CSW:{address}/csw", "-where", "anytext ILIKE '%宗地%'")
    assert site.parcels.id in one and site.wells.id not in one
    box = run(ogrinfo, "-ro", "-al", "-q", "-spat", "10", "10", "11", "11", f"CSW:{address}/csw")
    assert "identifier (String)" not in box


# --- QGIS --------------------------------------------------------------------------------------------------------------------------------

_QGIS = """
import json, os, sys
from qgis.core import QgsApplication, QgsVectorLayer, QgsFeatureRequest, QgsRectangle
QgsApplication.setPrefixPath("/usr", True)
app = QgsApplication([], False)
app.initQgis()
address, slug = sys.argv[1:3]
layer = QgsVectorLayer(f"pageSize='50' restrictToRequestBBOX='0' typename='{slug}' url='{address}/ogc' version='OGC_API_FEATURES'", "x", "OAPIF")
out = {"valid": layer.isValid(), "crs": layer.crs().authid(), "fields": [f.name() for f in layer.fields()]}
features = list(layer.getFeatures())
out["codes"] = sorted(f["code"] for f in features)
first = next(f for f in features if f["code"] == "P0000").geometry().boundingBox()
out["box"] = [first.xMinimum(), first.yMinimum()]
request = QgsFeatureRequest().setFilterRect(QgsRectangle(104.0039, 30.4999, 104.0071, 30.5015))
out["near"] = sorted(f["code"] for f in layer.getFeatures(request))
print(json.dumps(out), flush=True)
os._exit(0)  # QGIS 3.22 may fall over its own ending
"""


def test_qgis_opens_pages_and_pans_a_layer(site: OgcSite, serve: Serve, tmp_path: Path) -> None:
    python = Path("/usr/bin/python3")
    if not python.exists() or subprocess.run([str(python), "-c", "import qgis.core"], capture_output=True, timeout=60, check=False).returncode:
        pytest.skip("QGIS is not installed")
    script = tmp_path / "look.py"
    script.write_text(_QGIS)
    home = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path), "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": ""}
    seen = json.loads(run(str(python), str(script), serve(PUBLIC), site.parcels.slug, **home).splitlines()[-1])
    assert seen["valid"]
    assert seen["codes"] == [f"P{i:04d}" for i in range(ROWS)] and seen["near"] == ["P0002", "P0003"]
    assert seen["box"] == pytest.approx([104.0, 30.5]) and {"code", "use", "area", "floors"} <= set(seen["fields"])
    assert seen["crs"] in ("OGC:CRS84", "EPSG:4326")


# --- OWSLib ------------------------------------------------------------------------------------------------------------------------------


def test_owslib_reads_features(site: OgcSite, serve: Serve) -> None:
    client = Features(f"{serve(PUBLIC)}/ogc")
    assert site.parcels.slug in [each["id"] for each in client.collections()["collections"]] and "features-1" in str(client.conformance())
    assert client.api()["openapi"].startswith("3.0")
    page = client.collection_items(site.parcels.slug, limit=5, bbox=[104.0039, 30.4999, 104.0071, 30.5015])
    assert [each["id"] for each in page["features"]] == ["P0002", "P0003"]
    assert client.collection_item(site.parcels.slug, "P0002")["properties"]["use"] == "<建设用地>"
    assert "code" in client.collection_queryables(site.parcels.slug)["properties"]


@pytest.mark.parametrize("version", ["2.0.2", "3.0.0"])
def test_owslib_searches_the_catalogue(site: OgcSite, serve: Serve, version: str) -> None:
    csw = CatalogueServiceWeb(f"{serve(PUBLIC)}/csw", version=version, lang="zh")
    assert {"GetRecords", "GetRecordById"} <= {each.name for each in csw.operations} and csw.identification.title == "梯田节点目录"
    if version == "3.0.0":
        csw.getrecords(constraints=[fes2.PropertyIsLike("csw:AnyText", "%宗地%")], esn="full")
        assert [each.title for each in csw.records.values()] == ["武侯区宗地"]
        return
    csw.getrecords2(constraints=[PropertyIsLike("csw:AnyText", "%宗地%")], esn="full")
    assert csw.results["matches"] == 1 and csw.records[site.parcels.id].title == "武侯区宗地"
    csw.getrecords2(constraints=[[BBox([104.0, 30.5, 104.1, 30.52]), PropertyIsEqualTo("dc:type", "dataset")]], maxrecords=2)
    assert csw.results["matches"] == 3 and csw.results["returned"] == 2 and csw.results["nextrecord"] == 3
    csw.getrecords2(cql="dc:subject = 'statistics'")
    assert [each.title for each in csw.records.values()] == ["统计"]
    csw.getrecordbyid([site.parcels.id], outputschema="http://www.isotc211.org/2005/gmd")
    record = csw.records[site.parcels.id]
    assert record.identification.title == "武侯区宗地" and record.identification.bbox.minx == "104"
    csw.getdomain("dc:type", "property")
    assert csw.results["values"] == ["dataset"]
