"""Coordinate reference systems that the OGC faces speak.

Rows are kept in longitude, latitude (CRS84; CGCS2000 and WGS 84 are taken as equal, which holds to a few centimetres). Whoever asks for another CRS gets
its coordinates in the order of the registry: EPSG:4490 and 4326 are latitude, longitude; the Gauss-Krüger zones EPSG:4491–4554 are northing, easting.
Names whose order is by convention x, y whatever the registry says (`EPSG:4326` without the `urn:` or `http:` form) are read so, as clients mean them.

Transformers cost milliseconds to build and are safe to share between threads (pyproj ≥ 3.1): they are cached.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.enums import TransformDirection

from catalog.errors import FilterError

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
GEOGRAPHIC = (4490, 4326)
ZONES = tuple(range(4491, 4555))
CODES = (*GEOGRAPHIC, 3857, *ZONES)
#: Every identifier that a collection announces, in order; the first is the default and the storage CRS.
SUPPORTED = (CRS84, *(f"{_EPSG}{code}" for code in CODES))

_FORMS = re.compile(r"(?:https?://www\.opengis\.net/def/crs/EPSG/(?:0|[0-9.]+)/|urn:(?:x-)?ogc:def:crs:EPSG:[0-9.]*:)(\d{4,5})", re.IGNORECASE)
_PLAIN = re.compile(r"(?:EPSG:|https?://www\.opengis\.net/gml/srs/epsg\.xml#)(\d{4,5})", re.IGNORECASE)
_CRS84 = re.compile(
    r"(?:https?://www\.opengis\.net/def/crs/OGC/(?:0|1\.3)/CRS84|urn:(?:x-)?ogc:def:crs:OGC:(?:1\.3)?:CRS84|(?:OGC|CRS):(?:CRS)?84)", re.IGNORECASE
)

type Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Reference:
    """One CRS as a client named it.

    Attributes:
        code: EPSG code; None: CRS84.
        swapped: coordinates as written are (y, x): latitude, longitude or northing, easting.
    """

    code: int | None = None
    swapped: bool = False

    @property
    def is_default(self) -> bool:
        return self.code is None


@lru_cache(maxsize=256)
def read_reference(name: str) -> Reference:
    """Reads an identifier in any of the forms that clients write.

    Raises:
        FilterError: not one of the supported systems.
    """
    if _CRS84.fullmatch(name):
        return Reference(None, False)
    registry = _FORMS.fullmatch(name)
    plain = None if registry else _PLAIN.fullmatch(name)
    found = registry or plain
    code = int(found.group(1)) if found else 0
    if code not in CODES:
        raise FilterError(zh=f"不支持的坐标系 {name[:80]!r}", en=f"the CRS {name[:80]!r} is not supported (CRS84, EPSG 4490, 4326, 3857, 4491 to 4554 are)")
    return Reference(code, registry is not None and _northing_first(code))


@lru_cache(maxsize=128)
def _northing_first(code: int) -> bool:
    return CRS.from_epsg(code).axis_info[0].direction == "north"


@lru_cache(maxsize=128)
def _transformer(code: int) -> Transformer:
    """Longitude, latitude → the projected system, in x, y order."""
    return Transformer.from_crs("EPSG:4326" if code == 3857 else "EPSG:4490", f"EPSG:{code}", always_xy=True)


def outward(reference: Reference) -> Callable[[Any], Any] | None:
    """Returns the function that takes an (n, 2) array of longitude, latitude to the CRS in the order of the registry; None: nothing to do.

    Metres are rounded to a millimetre, degrees to 1e-9.
    """
    code = reference.code
    if code is None:
        return None

    def convert(points: Any) -> Any:
        if code in GEOGRAPHIC:
            x, y = points[:, 0], points[:, 1]
            digits = 9
        else:
            x, y = _transformer(code).transform(points[:, 0], points[:, 1])
            digits = 3
        return np.round(np.column_stack((y, x) if reference.swapped else (x, y)), digits)

    return convert


def _inward(reference: Reference) -> Callable[[Any], Any]:
    def convert(points: Any) -> Any:
        x, y = (points[:, 1], points[:, 0]) if reference.swapped else (points[:, 0], points[:, 1])
        if reference.code is not None and reference.code not in GEOGRAPHIC:
            x, y = _transformer(reference.code).transform(x, y, direction=TransformDirection.INVERSE)
        return np.column_stack((x, y))

    return convert


def geometry_to_crs84(geometry: shapely.Geometry, reference: Reference) -> shapely.Geometry:
    """A geometry as a client wrote it, in longitude, latitude.

    Raises:
        FilterError: a coordinate lies outside what the CRS can express.
    """
    if reference.is_default:
        return geometry
    converted: shapely.Geometry = shapely.transform(geometry, _inward(reference))
    if not np.isfinite(shapely.get_coordinates(converted)).all():
        raise FilterError(zh="坐标超出坐标系范围", en="coordinates lie outside the CRS")
    return converted


def box_to_crs84(box: Box, reference: Reference) -> Box:
    """A box as a client wrote it (two corners), as west, south, east, north in degrees.

    Raises:
        FilterError: a corner lies outside what the CRS can express.
    """
    a, b, c, d = (box[1], box[0], box[3], box[2]) if reference.swapped else box
    if reference.code is None or reference.code in GEOGRAPHIC:
        return a, b, c, d
    # The edges of a box bend when they are transformed: 21 points on each side keep the result from being too small.
    west, south, east, north = _transformer(reference.code).transform_bounds(a, b, c, d, densify_pts=21, direction=TransformDirection.INVERSE)
    if not np.isfinite([west, south, east, north]).all():
        raise FilterError(zh="范围超出坐标系", en="the box lies outside the CRS")
    return float(west), float(south), float(east), float(north)
