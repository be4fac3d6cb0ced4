"""Makes bad files: damaged archives and workbooks, layers of odd content, rasters that lie."""

import io
import json
import struct
import warnings
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely

type Content = bytes | str | Callable[[Path], bytes]

POINT = {"type": "Point", "coordinates": [104.06, 30.67]}


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name, data in members:
            archive.writestr(name, data)
    return packed.getvalue()


def link(name: str, target: str) -> bytes:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return zipped((info, target.encode()), ("a.bin", b"\0"))


def nested(depth: int) -> bytes:
    data = zipped(("a.csv", b"id,v\n1,2\n"), ("b.bin", b"\0\1"))
    for n in range(depth):
        data = zipped((f"{n}.zip", data), (f"{n}.bin", b"\0\1"))
    return data


def patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def lying_size(data: bytes) -> bytes:
    """A zip whose directory declares ten bytes for a member that has more."""
    at = data.rindex(b"PK\x01\x02")
    return patched(patched(data, at + 24, struct.pack("<I", 10)), 22, struct.pack("<I", 10))


def encrypted(data: bytes) -> bytes:
    at = data.rindex(b"PK\x01\x02")
    return patched(patched(data, 6, b"\x01\x00"), at + 8, b"\x01\x00")


def collection(*features: Any, **more: Any) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features), **more})


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def point(x: float, y: float) -> str:
    return collection(feature({"type": "Point", "coordinates": [x, y]}))


def in_system(code: str, x: float, y: float) -> str:
    return collection(feature({"type": "Point", "coordinates": [x, y]}), crs={"type": "name", "properties": {"name": code}})


@cache
def vector(driver: str, suffix: str, crs: str = "EPSG:4490", x: float = 104.0) -> dict[str, bytes]:
    """A small sound file of a vector format, by suffix of its parts."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / f"a.{suffix}"
        points = shapely.to_wkb(shapely.points([[x + n / 1000, 30.5] for n in range(50)]))
        names = np.array([f"井{n:04d}" * 10 for n in range(50)], dtype=object)
        pyogrio.raw.write(path, points, [names], ["name"], driver=driver, geometry_type="Point", crs=crs)
        return {part.suffix: part.read_bytes() for part in Path(folder).iterdir()}


def shp(*suffixes: str, **changed: bytes) -> bytes:
    parts = vector("ESRI Shapefile", "shp")
    return zipped(*((f"a{suffix}", changed.get(suffix[1:], parts[suffix])) for suffix in suffixes))


def gpkg(*statements: str) -> Callable[[Path], bytes]:
    def made(folder: Path) -> bytes:
        import sqlite3

        path = folder / "made.gpkg"
        path.write_bytes(vector("GPKG", "gpkg")[".gpkg"])
        with sqlite3.connect(path) as conn:
            for statement in statements:
                conn.execute(statement)
        conn.close()
        data = path.read_bytes()
        path.unlink()
        return data

    return made


def sqlite(folder: Path) -> bytes:
    import sqlite3

    path = folder / "made.db"
    with sqlite3.connect(path) as conn:
        conn.execute("CREATE TABLE t (a)")
    conn.close()
    data = path.read_bytes()
    path.unlink()
    return data


@cache
def workbook(*rows: tuple[Any, ...]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def sheet(xml: str | None = None, **members: bytes) -> bytes:
    """A workbook with another sheet, or other members."""
    source = zipfile.ZipFile(io.BytesIO(workbook(("id", "v"), (1, 2))))
    out = []
    for name in source.namelist():
        data = source.read(name)
        if xml is not None and name.endswith("sheet1.xml"):
            data = xml.encode()
        out.append((name, members.get(Path(name).stem, data)))
    return zipped(*out)


def bands(folder: Path) -> bytes:
    """An eight by eight raster that declares 34,735 bands."""
    import rasterio

    path = folder / "made.tif"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", driver="GTiff", width=8, height=8, count=1, dtype="uint8") as out:
            out.write(np.zeros((1, 8, 8), dtype="uint8"))
    data = path.read_bytes()
    path.unlink()
    return data.replace(struct.pack("<HHIH", 277, 3, 1, 1), struct.pack("<HHIH", 277, 3, 1, 34_735))


def tiff() -> bytes:
    """A sound header whose only directory lies far behind the end."""
    return b"II*\x00" + struct.pack("<I", 0x7FFFFFF0) + bytes(64)
