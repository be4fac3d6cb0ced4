"""Real clients on a running federation: each level is readable by ckanapi, ogrinfo, QGIS and OWSLib, and each sees what that site's policy lets it see."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ckanapi import NotFound, RemoteCKAN
from owslib.csw import CatalogueServiceWeb
from owslib.fes import PropertyIsEqualTo, PropertyIsLike

from tests.scenarios.conftest import Demo

LEVELS = ("nation", "sichuan", "chengdu", "wuhou")


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not on PATH")
    return found


def parcels(demo: Demo, level: str) -> str | None:
    """Name of the county's parcels at a level, or None where they are not shown."""
    found = demo.ckan(level, "package_search", q="Parcels and land-use classes of Wuhou", rows="1").json()["result"]["results"]
    return str(found[0]["name"]) if found else None


@pytest.mark.parametrize("level", LEVELS)
def test_ckanapi_reads_every_level(demo: Demo, level: str) -> None:
    site = demo.ready()[level]
    with RemoteCKAN(site["url"], apikey=site["tokens"]["officer"]) as staff, RemoteCKAN(site["url"]) as public:
        found = staff.action.package_search(q="地下水", rows=5, facet="true", **{"facet.field": ["organization"]})
        assert found["count"] > 0 and found["search_facets"]["organization"]["items"]
        name = found["results"][0]["name"]
        assert staff.action.package_show(id=name)["id"] == found["results"][0]["id"]
        assert name in staff.action.package_list(limit=1000)
        assert staff.action.organization_list()
        own = staff.action.package_search(rows=1)["count"]
        assert public.action.package_search(rows=1)["count"] < own
        with pytest.raises(NotFound):
            public.action.package_show(id="no-such-dataset")


@pytest.mark.parametrize("level", LEVELS)
def test_gdal_reads_features_of_every_level(demo: Demo, level: str, tmp_path: Path) -> None:
    ogrinfo = tool("ogrinfo")
    site, name = demo.ready()[level], parcels(demo, level)
    assert name
    command = [ogrinfo, "-ro", "-al", "-so", f"OAPIF:{site['url']}/ogc", name, "-spat", "104.0", "30.6", "104.05", "30.65"]
    known = {**os.environ, "GDAL_HTTP_HEADERS": f"Authorization: Bearer {site['tokens']['officer']}"}
    told = subprocess.run(command, capture_output=True, text=True, check=True, env=known).stdout
    assert "Polygon" in told and "class_code" in told
    copied = tmp_path / "parcels.gpkg"
    subprocess.run([tool("ogr2ogr"), copied, f"OAPIF:{site['url']}/ogc", name], check=True, capture_output=True)
    counted = subprocess.run([ogrinfo, "-so", copied, name], capture_output=True, text=True, check=True).stdout
    assert "Feature Count: 3000" in counted


@pytest.mark.engine("sqlite")
@pytest.mark.parametrize("level", LEVELS)
def test_qgis_loads_a_layer_of_every_level(demo: Demo, level: str, tmp_path: Path) -> None:
    if not Path("/usr/lib/python3/dist-packages/qgis").is_dir():
        pytest.skip("no QGIS (Debian: python3-qgis)")
    site, name = demo.ready()[level], parcels(demo, level)
    script = tmp_path / "layer.py"
    script.write_text(
        "import sys\nfrom qgis.core import QgsApplication, QgsVectorLayer\n"
        "QgsApplication.setPrefixPath('/usr', True)\napp = QgsApplication([], False)\napp.initQgis()\n"
        f"layer = QgsVectorLayer(\"url='{site['url']}/ogc' typename='{name}' pageSize='500'\", 'parcels', 'OAPIF')\n"
        "assert layer.isValid(), layer.error().message()\n"
        "print('count', sum(1 for _ in layer.getFeatures()), layer.crs().authid(), sorted(f.name() for f in layer.fields()))\n"
    )
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    env.pop("PYTHONPATH", None)
    done = subprocess.run(["/usr/bin/python3", str(script)], capture_output=True, text=True, check=False, env=env, timeout=240)
    line = next((line for line in done.stdout.splitlines() if line.startswith("count")), "")
    assert line.startswith("count 3000"), done.stdout + done.stderr
    assert "class_code" in line


@pytest.mark.parametrize("level", LEVELS)
def test_owslib_searches_the_catalogue_of_every_level(demo: Demo, level: str) -> None:
    url = demo.ready()[level]["url"]
    csw = CatalogueServiceWeb(f"{url}/csw", version="2.0.2", timeout=60)
    assert csw.identification.type == "CSW"
    csw.getrecords2(constraints=[PropertyIsLike("csw:AnyText", "%groundwater%")], maxrecords=10, esn="full")
    assert csw.results["matches"] > 0
    id, seen = next(iter(csw.records.items()))
    assert id.startswith("urn:terrace:") and seen.title
    csw.getrecordbyid(id=[id], outputschema="http://www.isotc211.org/2005/gmd")
    assert csw.records[id].identificationinfo[0].title
    csw.getrecords2(constraints=[PropertyIsEqualTo("dc:identifier", "urn:terrace:00000000-0000-8000-8000-000000000000")])
    assert csw.results["matches"] == 0


def test_the_public_finds_the_same_by_every_door(demo: Demo) -> None:
    """CKAN, CSW and the portal count the same open records of the nation."""
    url = demo.ready()["nation"]["url"]
    with RemoteCKAN(url) as ckan:
        count = ckan.action.package_search(rows=0)["count"]
    csw = CatalogueServiceWeb(f"{url}/csw", version="2.0.2", timeout=60)
    csw.getrecords2(maxrecords=1)
    assert csw.results["matches"] == count
    features = json.loads(subprocess.run(["curl", "-sf", f"{url}/ogc/collections?f=json"], capture_output=True, check=True).stdout)
    assert {one["id"] for one in features["collections"]} >= {parcels(demo, "nation")}
