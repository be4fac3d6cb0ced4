"""Coordinate systems: what a file says, and the way to longitude and latitude (CRS84), in which rows are kept.

The source's own coordinates stay in its file, and its system in the record (`crs`). A way that is only *ballpark* (no published transformation for the
datum: Beijing 1954, Xi'an 1980) is said in `crs_note`. CGCS2000 (EPSG:4490) and WGS 84 differ by centimetres and are taken as the same.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyproj
import shapely
from pyproj.exceptions import CRSError, ProjError

from catalog.errors import IngestError

__all__ = ["Way", "code_of", "likely", "way_to_crs84"]

#: Longitude, latitude already.
_LON_LAT = frozenset(("OGC:CRS84", "EPSG:4326", "EPSG:4490", "EPSG:4979", "OGC:CRS84H"))
_EPSG = re.compile(r"(?:EPSG[:/]+(?:[\d.]*[:/])?|epsg/0/)(\d{4,6})\b", re.IGNORECASE)


#: Datums whose published transformations hold for small regions only (Beijing 1954, New Beijing, Xi'an 1980): elsewhere they are no better than a guess.
_NO_PUBLIC_WAY = frozenset(("EPSG:4214", "EPSG:4555", "EPSG:4610"))


@dataclass(frozen=True)
class Way:
    """How coordinates become longitude and latitude.

    Attributes:
        code: `EPSG:28350`, or None when the system has no code.
        ballpark: accurate to some hundred metres only.
        move: turns an array of geometries (x before y, as in files) into CRS84; None when they are that already.
        note: what to say of it, or None.
        false_easting: of a projected system, in its unit.
    """

    code: str | None
    ballpark: bool
    move: Callable[[Any], Any] | None
    note: dict[str, str] | None
    false_easting: float | None = None


def code_of(text: str) -> str | None:
    """`EPSG:…` or `OGC:CRS84` from any of the ways to write it (URN, URL, plain), or None."""
    if "CRS84" in text.upper():
        return "OGC:CRS84"
    found = _EPSG.search(text)
    return f"EPSG:{found[1]}" if found else None


@lru_cache(maxsize=64)
def way_to_crs84(text: str) -> Way:
    """The way from a system, named by code, URN, URL, WKT or PROJ text.

    Raises:
        IngestError: nobody knows this system.
    """
    code = code_of(text)
    try:
        source = pyproj.CRS.from_user_input(code or text)
    except CRSError as error:
        zh, en = (
            f"坐标系无法辨认：{text[:80]}；请在附属文件中以 crs: EPSG:… 指明",
            f"unknown coordinate system: {text[:80]}; name it in the sidecar: crs: EPSG:…",
        )
        raise IngestError(zh=zh, en=en) from error
    if code is None:
        authority = source.to_authority(min_confidence=70)
        code = None if authority is None else ":".join(authority)
    if code in _LON_LAT:
        return Way(code, False, None, None)
    base = _base(source)
    try:
        group = pyproj.transformer.TransformerGroup(source, "EPSG:4490" if base == "EPSG:4490" else "OGC:CRS84", always_xy=True)
        best = group.transformers[0]
    except (ProjError, IndexError) as error:
        raise IngestError(zh=f"无法由 {code or text[:80]} 转为经纬度", en=f"no way from {code or text[:80]} to longitude and latitude") from error
    ballpark = base in _NO_PUBLIC_WAY or "ballpark" in best.description.lower()
    name = code or source.name
    note = None
    if ballpark:
        note = {
            "zh": f"原坐标系 {name}（{source.name}）；经纬度由近似转换得出，误差可达数百米，不可用于量测",
            "en": f"coordinates in {name} ({source.name}); longitude and latitude come from a ballpark transformation, wrong by some hundred metres",
        }
    return Way(code, ballpark, lambda shapes: _moved(best, shapes), note, _false_easting(source))


def _false_easting(source: pyproj.CRS) -> float | None:
    operation = source.coordinate_operation
    return None if operation is None else next((float(each.value) for each in operation.params if each.name == "False easting"), None)


def _base(source: pyproj.CRS) -> str | None:
    """The geographic system that a projected one stands on."""
    base = source.geodetic_crs
    authority = None if base is None else base.to_authority(min_confidence=70)
    return None if authority is None else ":".join(authority)


def _moved(transformer: pyproj.Transformer, shapes: Any) -> Any:
    """Transforms geometries; nine decimals of a degree are a tenth of a millimetre."""

    def turn(coordinates: Any) -> Any:
        x, y = transformer.transform(coordinates[:, 0], coordinates[:, 1])
        return np.round(np.column_stack([x, y]), 9)

    return shapely.transform(shapes, turn)


def likely(box: Sequence[float], way: Way) -> tuple[str, str]:
    """What may be the matter with coordinates that do not lie on the earth, in words to be added to an error; empty when nothing comes to mind.

    Chinese plane coordinates come with the number of the zone before the easting (EPSG:4491–4501 and 4513–4533 for CGCS2000)
    and without (4502–4512, 4534–4554).
    """
    west, south, _, north = box
    if 60 <= south <= north <= 140 and 0 <= west <= 60:
        return "（像是先纬度后经度）", " (these look like latitude before longitude)"
    zone = int(west // 1_000_000)
    if 13 <= zone <= 45 and 0 < south < 6_000_000 and not _has_zone(way, zone):
        six = zone <= 23
        code = 4491 + zone - 13 if six else 4513 + zone - 25
        width = 6 if six else 3
        return (
            f"（像是高斯-克吕格 {width} 度带第 {zone} 带、带号在前的坐标；CGCS2000 为 EPSG:{code}）",
            f" (these look like Gauss-Kruger coordinates of {width}° zone {zone} with the zone before the easting; for CGCS2000: EPSG:{code})",
        )
    if 100_000 < west < 900_000 and 0 < south < 6_000_000:
        return (
            "（像是不带带号的高斯-克吕格坐标；CGCS2000 三度带为 EPSG:4534–4554）",
            " (these look like Gauss-Kruger coordinates without the zone; for CGCS2000 3° zones: EPSG:4534–4554)",
        )
    return "", ""


def _has_zone(way: Way, zone: int) -> bool:
    """Whether a system writes this zone before its eastings."""
    return way.false_easting is not None and way.false_easting // 1_000_000 == zone
