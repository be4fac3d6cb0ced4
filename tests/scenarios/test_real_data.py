"""Real records and layers that nobody on this project made: added at the county, shown at the nation."""

import csv
import json
from pathlib import Path

import pytest

from tests.scenarios.conftest import Demo, eventually

pytestmark = pytest.mark.soak_on("postgresql")

GOLDEN = Path(__file__).parents[1] / "golden" / "real.csv"
#: What people's sidecars would say; the files themselves say nothing of it.
ASSUMED = [
    "category=3/07/011",
    'sharing:={"type":"unconditional","method":"platform"}',
    'opening:={"open":true}',
    "grade=general",
    "update_cycle=irregular",
    "issued=2026-01-05",
    "responsible_person=王",
    "responsible_office=科",
    "approval=ok",
    "impact_assessment=ok",
    'theme:=["geology"]',
    'territory:=["510107"]',
    'summary:={"zh":"真实数据","en":"real data"}',
    'items:=[{"name":"note","type":"text"}]',
    "contact_name=李",
]


#: Real tables whose tens of thousands of rows take minutes through four levels.
LARGE = ("measurements.csv.zip", "stations.csv.zip")
#: For datasets that name no file of theirs.
PAGE = 'resources.page:={"kind":"file","format":"html","url":"https://example.org/"}'


def add_real(demo: Demo, paths: list[Path], *more: str) -> list[dict[str, object]]:
    options = [word for assumed in (*ASSUMED, *more) for word in ("--set", assumed)]
    lines = demo.terrace("wuhou", "add", *paths, "--publish", "--secrecy", "public", *options)
    assert all(line["status"] in ("published", "unchanged") for line in lines), [line for line in lines if line["error"]]
    return lines


def test_real_iso_records_reach_the_nation(demo: Demo, real_data: Path) -> None:
    files = sorted((real_data / "metadata" / "iso19139").glob("*.xml"))
    lines = add_real(demo, files)
    assert len(lines) >= len(files) == 19
    for line in lines:
        seen = eventually(lambda id=line["id"]: demo.shows("nation", str(id)), f"{line['title']} at the nation")
        assert seen["title"]


def test_real_layers_reach_the_nation_with_their_features(demo: Demo, real_data: Path) -> None:
    files = {
        real_data / "boundaries" / "sichuan-prefectures.geojson": 21,
        real_data / "boundaries" / "chengdu-districts.geojson": 19,
        real_data / "geology" / "hamersley-faults.geojson": None,
        real_data / "geology" / "hamersley-structures.geojson": None,
    }
    lines = add_real(demo, list(files))
    for line, count in zip(lines, files.values(), strict=True):
        seen = eventually(lambda id=line["id"]: demo.shows("nation", str(id)), f"{line['title']} at the nation")
        rows = next(resource["id"] for resource in seen["resources"] if resource.get("datastore_active"))

        def total(rows: str = rows, wanted: object = line["rows"]) -> bool:
            found = demo.ckan("nation", "datastore_search", resource_id=rows, limit="0").json()
            return bool(found["success"]) and found["result"]["total"] == wanted

        eventually(total, f"the {line['rows']} rows of {line['title']}")
        assert count is None or line["rows"] == count


def test_a_layer_in_another_coordinate_system_stands_where_it_belongs(demo: Demo, real_data: Path) -> None:
    """EPSG:28350 (metres, zone 50 south) becomes longitude and latitude in Western Australia; the source's own CRS is kept."""
    (line,) = add_real(demo, [real_data / "geology" / "hamersley-faults.geojson"])
    seen = eventually(lambda: demo.shows("nation", str(line["id"])), "the faults at the nation")
    spatial = next(extra["value"] for extra in seen["extras"] if extra["key"] == "spatial")
    corners = json.loads(spatial)["coordinates"][0]
    assert all(115 < lon < 120 and -25 < lat < -20 for lon, lat in corners), corners
    assert "28350" in json.dumps(seen)


def whole_folder(real_data: Path) -> list[Path]:
    """Every real file but the one that is none of the data."""
    return [path for path in sorted(real_data.rglob("*")) if path.is_file() and path.name != "README.md"]


def reaches_the_nation(demo: Demo, paths: list[Path]) -> list[dict[str, object]]:
    """Adds files at the county and waits until the nation shows as many records more, the last of them and all rows among them."""
    lines = add_real(demo, paths, PAGE)
    ids = {str(line["id"]) for line in lines}

    def shown() -> bool:
        found = demo.ckan("nation", "package_search", rows="1000", fl="id").json()["result"]["results"]
        return {f"urn:terrace:{each['id']}" for each in found} >= ids

    eventually(shown, f"{len(ids)} records at the nation", patience=900)
    return lines


def test_the_whole_folder_reaches_the_nation(demo: Demo, real_data: Path) -> None:
    """Each kind of file but the two largest tables: as many records as tests/golden/real.csv states, all at the nation."""
    paths = [path for path in whole_folder(real_data) if path.name not in LARGE]
    stated = {row["file"]: row for row in csv.DictReader(GOLDEN.open(encoding="utf-8", newline=""))}
    records = sum(int(stated[path.relative_to(real_data).as_posix()]["records"]) for path in paths)
    lines = reaches_the_nation(demo, paths)
    assert len({str(line["id"]) for line in lines}) == len(lines) == records


@pytest.mark.soak
def test_the_large_tables_reach_the_nation(demo: Demo, real_data: Path) -> None:
    for line in reaches_the_nation(demo, [path for path in whole_folder(real_data) if path.name in LARGE]):
        seen = demo.shows("nation", str(line["id"]))
        assert seen is not None
        rows = next(resource["id"] for resource in seen["resources"] if resource.get("datastore_active"))
        eventually(
            lambda rows=rows, line=line: demo.ckan("nation", "datastore_search", resource_id=rows, limit="0").json()["result"]["total"] == line["rows"],
            f"the {line['rows']} rows of {line['title']}",
            patience=900,
        )
