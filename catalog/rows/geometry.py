"""Geometries of rows: WKB in CRS84, the GeoJSON that goes out as it is, and the box of each. In whole batches, because that is fast."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from catalog.errors import RowsError

__all__ = ["Shapes", "as_wkb", "shapes_of"]

type Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Shapes:
    """Of each geometry of a batch: GeoJSON bytes and west, south, east, north; None where there is no geometry."""

    geojson: list[bytes | None]
    boxes: list[Box | None]


def as_wkb(value: Any) -> bytes | None:
    """A geometry as little-endian WKB.

    Args:
        value: WKB bytes, a shapely geometry, a GeoJSON mapping, or None. Coordinates are longitude, latitude (CRS84).

    Raises:
        RowsError: it is none of these.
    """
    if value is None:
        return None
    if isinstance(value, (bytes, memoryview, bytearray)):
        return bytes(value)
    try:
        shape = shapely.geometry.shape(dict(value)) if isinstance(value, Mapping) else value
        if not isinstance(shape, shapely.Geometry):
            raise TypeError(type(value).__name__)
        return None if shapely.is_empty(shape) else bytes(shapely.to_wkb(shape, byte_order=1, include_srid=False))
    except (shapely.GEOSException, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise RowsError(zh=f"不是几何：{error}", en=f"not a geometry: {error}") from error


def shapes_of(wkb: Sequence[bytes | None]) -> Shapes:
    """Reads a batch of WKB.

    Raises:
        RowsError: a geometry that is not WKB, not finite, or outside the degrees of the earth.
    """
    if not any(each is not None for each in wkb):
        return Shapes([None] * len(wkb), [None] * len(wkb))
    try:
        shapes = shapely.from_wkb(np.array(wkb, dtype=object))
        written = shapely.to_geojson(shapes)
    except (shapely.GEOSException, ValueError, TypeError) as error:
        raise RowsError(zh=f"不是 WKB 几何：{error}", en=f"not a WKB geometry: {error}") from error
    bounds = shapely.bounds(shapes)
    geojson: list[bytes | None] = []
    boxes: list[Box | None] = []
    for source, text, box in zip(wkb, written, bounds.tolist(), strict=True):
        if source is None:
            geojson.append(None)
            boxes.append(None)
            continue
        west, south, east, north = box
        if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):  # false for NaN, that is for empty ones, too
            raise RowsError(zh=f"几何超出经纬度界限或为空：{box}", en=f"the geometry is empty or lies outside the degrees of the earth: {box}")
        geojson.append(text.replace(" ", "").encode())
        boxes.append((west, south, east, north))
    return Shapes(geojson, boxes)
