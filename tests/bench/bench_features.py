"""Processor time of OGC API Features: a served site against stock pygeoapi 0.24 on the same 100,000 polygons, over HTTP, in the same run.

    python -m tests.bench.bench_features [--rows 100000] [--requests 300] [--keep FOLDER]

The polygons have 44 positions and ten attributes each, like the simplest of the real layers (districts of Chengdu 43, geological units 103, prefectures 182
on average).
Ours: `terrace init`, `add --publish`, `serve`: default policy, audit on, a person's token. Stock: SQLiteGPKG with `count: false` (its better case), by gunicorn
with the same kind of worker and as many threads. Measured is the time that all processes of each server spent, by /proc, for the same questions.
Targets: items limit 100 and bbox 100 cost at least ten times less; items limit 1000 at most 3 ms, one item 0.8 ms. The stock provider needs SpatiaLite (Debian:
libsqlite3-mod-spatialite).
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyogrio
import requests
import shapely
import yaml

from tests.bench.asking import Asked, in_turn
from tests.bench.figures import Report
from tests.bench.serving import BIN, free_port, new_site, running, served, terrace

FACTOR = 10.0
TARGETS = {"items limit 1000": 3.0, "one item": 0.8}
THREADS = 4
CORNERS = 43
#: Both are compared with one client; this many are then asked of us alone (stock answers some with 500, since each of its reads writes to the file).
CLIENTS = 4
ROUNDS = 5
USES = np.array(["耕地", "林地", "建设用地", "水域", "草地"], dtype=object)
_SETS = (
    'theme:=["land"]', "grade=general", "update_cycle=yearly", 'territory:=["510107"]', "category=3070115", 'opening:={"open": true}', "summary=宗地",
    'sharing:={"type": "unconditional", "method": "platform"}', "responsible_person=张三", "impact_assessment=无", "approval=同意",
)  # fmt: skip


def write_parcels(path: Path, rows: int) -> None:
    """A layer of parcels in a grid round Chengdu, the same in each run, as GeoPackage (for stock) and GeoJSON beside it (for us)."""
    rng = np.random.default_rng(7)
    at = np.arange(rows)
    x, y = 103.5 + (at % 400) * 0.0025, 30.2 + (at // 400) * 0.0025
    angles = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    radius = rng.uniform(0.0008, 0.0012, (rows, CORNERS))
    corners = np.stack([x[:, None] + radius * np.cos(angles), y[:, None] + radius * np.sin(angles)], axis=2).round(7)
    rings = np.concatenate([corners, corners[:, :1]], axis=1)
    polygons = shapely.polygons(rings)
    columns: dict[str, object] = {
        "code": np.array([f"510107{i:08d}" for i in at], dtype=object),
        "use": USES[at % len(USES)],
        "area": (rng.integers(100, 100_000, rows) / 10.0),
        "floors": rng.integers(0, 30, rows),
        "street": np.array([f"第{i % 997}街 {i % 61} 号" for i in at], dtype=object),
        "built": rng.integers(1950, 2024, rows),
        "owner_kind": np.array(["国有", "集体"], dtype=object)[at % 2],
        "division": np.array([f"5101{i % 20:02d}" for i in at], dtype=object),
        "slope": rng.uniform(0, 25, rows).round(2),
        "grade": rng.integers(1, 15, rows),
    }
    for suffix, driver in ((".gpkg", "GPKG"), (".geojson", "GeoJSON")):
        fields, names = list(columns.values()), list(columns)
        where = {"geometry_type": "Polygon", "crs": "EPSG:4326", "layer": "parcels", "driver": driver}
        pyogrio.raw.write(path.with_suffix(suffix), shapely.to_wkb(polygons), fields, names, **where)


# --- ours --------------------------------------------------------------------------------------------------------------------------------


def found_site(folder: Path, layer: Path) -> tuple[str, str]:
    """Makes the site with the layer in it. Returns the token and the collection's name."""
    site = str(folder / "site")
    token = new_site(folder / "site")
    begun = time.perf_counter()
    sets = [word for each in _SETS for word in ("--set", each)]
    added = terrace("-C", site, "add", str(layer.with_suffix(".geojson")), "--publish", "--json", "--secrecy", "public", *sets)
    record = json.loads(added.splitlines()[0])
    if record.get("status") != "published":
        raise SystemExit(f"the layer was not published: {record}")
    print(f"took in {record['rows']:,} rows in {time.perf_counter() - begun:.0f} s")
    return token, json.loads(terrace("-C", site, "show", record["id"], "--json"))["slug"]


# --- stock -------------------------------------------------------------------------------------------------------------------------------

_WSGI = '''
"""Stock pygeoapi. Where this interpreter's sqlite3 was built without `enable_load_extension` (pyenv's are), the one method is given to it."""
import ctypes, sqlite3
if not hasattr(sqlite3.Connection, "enable_load_extension"):
    library = ctypes.CDLL("libsqlite3.so.0")
    library.sqlite3_enable_load_extension.argtypes = [ctypes.c_void_p, ctypes.c_int]
    class Connection(sqlite3.Connection):
        def enable_load_extension(self, on):
            pointer = ctypes.cast(id(self) + object.__basicsize__, ctypes.POINTER(ctypes.c_void_p))
            library.sqlite3_enable_load_extension(pointer[0], int(on))
    connect = sqlite3.connect
    sqlite3.connect = lambda *arguments, **options: connect(*arguments, **{"factory": Connection, **options})
from pygeoapi.flask_app import APP as application
'''


def stock_command(folder: Path, layer: Path, port: int) -> tuple[list[str], dict[str, str]]:
    """Writes pygeoapi's configuration; returns the command and environment that serve it."""
    folder.mkdir(exist_ok=True)
    copy = folder / "parcels.gpkg"
    shutil.copy(layer, copy)
    provider = {
        "type": "feature", "name": "SQLiteGPKG", "data": str(copy), "id_field": "fid", "table": "parcels", "count": False,
    }  # fmt: skip
    config = {
        "server": {
            "bind": {"host": "127.0.0.1", "port": port}, "url": f"http://127.0.0.1:{port}", "mimetype": "application/json; charset=UTF-8", "encoding": "utf-8",
            "language": "en-US", "pretty_print": False, "limits": {"default_items": 100, "max_items": 10_000}, "map": {"url": "x", "attribution": "x"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {"title": "x", "description": "x", "keywords": ["x"], "keywords_type": "theme", "terms_of_service": "x", "url": "http://x"},
            "license": {"name": "x", "url": "http://x"},
            "provider": {"name": "x", "url": "http://x"}, "contact": {"name": "x", "email": "x@example.org"},
        },
        "resources": {
            "parcels": {
                "type": "collection", "title": "parcels", "description": "parcels", "keywords": ["x"], "links": [],
                "extents": {"spatial": {"bbox": [103, 30, 105, 31], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}}, "providers": [provider],
            }
        },
    }  # fmt: skip
    (folder / "config.yml").write_text(yaml.safe_dump(config))
    (folder / "stock_wsgi.py").write_text(_WSGI)
    (folder / "openapi.yml").write_text(yaml.safe_dump({"openapi": "3.0.2", "info": {"title": "x", "version": "1"}, "paths": {}}))
    command = [str(BIN / "gunicorn"), "-w", "1", "-k", "gthread", "--threads", str(THREADS), "-b", f"127.0.0.1:{port}", "--chdir", str(folder), "stock_wsgi"]
    return command, {"PYGEOAPI_CONFIG": str(folder / "config.yml"), "PYGEOAPI_OPENAPI": str(folder / "openapi.yml")}


# --- measuring ---------------------------------------------------------------------------------------------------------------------------


def questions(count: int, rows: int, ids: list[str]) -> dict[str, list[str]]:
    """What follows the address of the items, by name; the same for both servers but for the ids."""
    rng = random.Random(11)
    corners = [(103.5 + rng.random() * 0.9, 30.2 + rng.random() * max(0.0, rows / 400 * 0.0025 - 0.03)) for _ in range(count)]
    return {
        "items limit 100": ["?f=json&limit=100"] * count,
        "items bbox 100": [f"?f=json&limit=100&bbox={x:.5f},{y:.5f},{x + 0.03:.5f},{y + 0.03:.5f}" for x, y in corners],
        "items limit 1000": ["?f=json&limit=1000"] * (count // 3),
        "one item": [f"/{id}?f=json" for id in rng.choices(ids, k=count)],
    }


def ids_of(items: str, headers: dict[str, str]) -> list[str]:
    """Some ids of features."""
    found = requests.get(f"{items}?f=json&limit=500", headers=headers, timeout=60).json()["features"]
    return [str(feature["id"]) for feature in found]


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=300, help="to us in each round; stock gets a tenth")
    parser.add_argument("--keep", type=Path, help="use and keep this folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        layer = folder / "parcels.gpkg"
        write_parcels(layer, asked.rows)
        token, slug = found_site(folder, layer)
        return compare(folder, layer, asked.rows, asked.requests, slug, token)


def compare(folder: Path, layer: Path, rows: int, count: int, slug: str, token: str) -> int:
    """Serves both and asks them in turn."""
    port = free_port()
    stock = f"http://127.0.0.1:{port}/collections/parcels/items"
    other, environment = stock_command(folder / "stock", layer, port)
    report = Report("features")
    with served(folder / "site", token) as (pid, address), running(other, stock, folder / "stock.log", {}, environment) as stock_pid:
        ours, headers = f"{address}/ogc/collections/{slug}/items", {"Authorization": f"Bearer {token}"}
        mine, theirs = (questions(count, rows, ids_of(items, how)) for items, how in ((ours, headers), (stock, {})))
        for name in mine:
            here = Asked(ours, [pid], mine[name], headers, least=500)
            there = Asked(stock, [stock_pid], theirs[name], least=500, share=0.1)
            cost, stock_cost = in_turn(len(mine[name]), here, there, rounds=ROUNDS)
            factor = FACTOR if name.endswith(" 100") else None
            report.add(name, cost, peer="pygeoapi 0.24", against=stock_cost.cpu, target=TARGETS.get(name), factor=factor)
            report.add(f"{name}, {CLIENTS} clients", in_turn(len(mine[name]), here, rounds=ROUNDS, clients=CLIENTS)[0])
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
