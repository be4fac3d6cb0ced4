"""Geometry literals of filters: WKT, GeoJSON, GML and boxes, checked and bounded, as `Spatial` leaves in CRS84."""

import math
import re
from typing import Any, Literal

import orjson
import shapely
from lxml import etree

from catalog.errors import FilterError
from catalog.filters import Spatial
from ogc import crs
from ogc.errors import FilterSyntaxError

#: More positions than this in one literal are refused: exact tests cost time for each.
MAX_POSITIONS = 5000

type SpatialOp = Literal["intersects", "within", "contains", "disjoint", "equals", "touches", "crosses", "overlaps"]
#: What the leaf becomes when the literal comes first and the column second.
SWAPPED: dict[SpatialOp, SpatialOp] = {"within": "contains", "contains": "within"}
_WKT = re.compile(r"[A-Za-z0-9\s.,()+-]*")


def _fail(zh: str, en: str) -> FilterSyntaxError:
    return FilterSyntaxError(zh=zh, en=en)


def from_wkt(text: str) -> shapely.Geometry:
    if not _WKT.fullmatch(text):
        raise _fail("WKT 几何含非法字符", "the WKT geometry contains characters that do not belong there")
    try:
        return _checked(shapely.from_wkt(text))
    except (shapely.errors.GEOSException, ValueError, TypeError):
        raise _fail("无法读取 WKT 几何", "the WKT geometry cannot be read") from None


def from_geojson(value: Any) -> shapely.Geometry:
    try:
        return _checked(shapely.from_geojson(orjson.dumps(value)))
    except (shapely.errors.GEOSException, orjson.JSONEncodeError, ValueError, TypeError, RecursionError):
        raise _fail("无法读取 GeoJSON 几何", "the GeoJSON geometry cannot be read") from None


def _checked(geometry: Any) -> shapely.Geometry:
    if geometry is None or shapely.is_empty(geometry):
        raise _fail("几何为空", "the geometry is empty")
    if shapely.get_num_coordinates(geometry) > MAX_POSITIONS:
        raise _fail(f"几何多于 {MAX_POSITIONS} 个点", f"the geometry has more than {MAX_POSITIONS} positions")
    flat: shapely.Geometry = shapely.force_2d(geometry)
    if not all(math.isfinite(v) for v in shapely.bounds(flat)):
        raise _fail("坐标不是有限的数", "coordinates must be finite numbers")
    if not shapely.is_valid(flat):
        raise _fail("几何无效（例如自相交）", "the geometry is not valid (for example, it crosses itself)")
    return flat


def read_box(numbers: list[float], reference: crs.Reference) -> crs.Box:
    """Four numbers, or six (heights are dropped), as west, south, east, north in degrees; west may be east of east (antimeridian).

    Raises:
        FilterSyntaxError: not four or six finite numbers, south of north, or off the globe.
    """
    if len(numbers) == 6:
        numbers = [numbers[0], numbers[1], numbers[3], numbers[4]]
    if len(numbers) != 4 or not all(math.isfinite(n) for n in numbers):
        raise _fail("范围应为 4 或 6 个数", "a box is 4 or 6 finite numbers")
    if not reference.is_default and reference.code not in crs.GEOGRAPHIC and (numbers[0] > numbers[2] or numbers[1] > numbers[3]):
        raise _fail("范围的最小值大于最大值", "a minimum of the box is greater than its maximum")
    west, south, east, north = crs.box_to_crs84((numbers[0], numbers[1], numbers[2], numbers[3]), reference)
    if south > north:
        raise _fail("范围的南界在北界以北", "the south of the box lies north of its north")
    if not (south >= -90.0000001 and north <= 90.0000001 and -360 <= west <= 360 and -360 <= east <= 360):
        raise _fail("范围超出地球", "the box lies off the globe (is the axis order right?)")
    return west, south, east, north


def box_leaf(op: SpatialOp, column: str, box: crs.Box) -> Spatial:
    """A leaf for a box in degrees; one that crosses the antimeridian becomes two polygons."""
    west, south, east, north = box
    if west <= east:
        return Spatial(op, column, shapely.to_wkb(shapely.box(west, south, east, north)), box, is_box=True)
    both = shapely.multipolygons([shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)])
    return Spatial(op, column, shapely.to_wkb(both), (-180.0, south, 180.0, north))


def geometry_leaf(op: SpatialOp, column: str, geometry: shapely.Geometry, reference: crs.Reference) -> Spatial:
    """A leaf for a geometry as the client wrote it."""
    return in_crs84(Spatial(op, column, shapely.to_wkb(geometry), _bounds(geometry)), reference)


def in_crs84(leaf: Spatial, reference: crs.Reference) -> Spatial:
    """The same leaf with its geometry turned from `reference` to longitude, latitude."""
    if reference.is_default:
        return leaf
    converted = crs.geometry_to_crs84(shapely.from_wkb(leaf.geometry), reference)
    axis_aligned = leaf.is_box and (reference.code in crs.GEOGRAPHIC)
    return Spatial(leaf.op, leaf.column, shapely.to_wkb(converted), _bounds(converted), is_box=axis_aligned)


def _bounds(geometry: shapely.Geometry) -> crs.Box:
    west, south, east, north = (float(v) for v in shapely.bounds(geometry))
    return west, south, east, north


# --- GML (FES filters of CSW) -----------------------------------------------------------------------------------------------------------


def from_gml(element: "etree._Element", op: SpatialOp, column: str) -> Spatial:
    """A GML 3.1 or 3.2 Envelope, Box, Point, LineString or Polygon as a leaf; `srsName` decides the axis order (none: longitude, latitude).

    Raises:
        FilterSyntaxError, FilterError: it cannot be read.
    """
    reference = _reference(element)
    name = etree.QName(element).localname
    if name in ("Envelope", "Box"):
        corners = [n for child in element if isinstance(child.tag, str) for n in _numbers(child)]
        return box_leaf(op, column, read_box(corners, reference))
    if name not in ("Point", "LineString", "Polygon"):
        raise FilterError(zh=f"不支持的 GML 几何 {name}", en=f"GML {name} is not supported (Envelope, Point, LineString and Polygon are)")
    try:
        geometry = _shape(name, element)
    except (shapely.errors.GEOSException, ValueError):
        raise _fail("几何的点数不足", "the geometry has too few positions") from None
    return geometry_leaf(op, column, _checked(geometry), reference)


def _shape(name: str, element: "etree._Element") -> shapely.Geometry:
    if name == "Point":
        return shapely.Point(_positions(element)[0])
    if name == "LineString":
        return shapely.LineString(_positions(element))
    rings = [_positions(ring) for ring in element.iter() if isinstance(ring.tag, str) and etree.QName(ring).localname == "LinearRing"]
    if not rings:
        raise ValueError("no ring")
    return shapely.Polygon(rings[0], rings[1:])


def _reference(element: "etree._Element") -> crs.Reference:
    name = next((e.get("srsName") for e in element.iter() if isinstance(e.tag, str) and e.get("srsName")), None)
    return crs.Reference() if name is None else crs.read_reference(name)


def _numbers(element: "etree._Element") -> list[float]:
    text = (element.text or "").replace(",", " ").split()
    if len(text) > 2 * MAX_POSITIONS:
        raise _fail(f"几何多于 {MAX_POSITIONS} 个点", f"the geometry has more than {MAX_POSITIONS} positions")
    try:
        return [float(word) for word in text]
    except ValueError:
        raise _fail("坐标不是数", "coordinates must be numbers") from None


def _positions(element: "etree._Element") -> list[tuple[float, float]]:
    numbers: list[float] = []
    for child in element.iter():
        if isinstance(child.tag, str) and etree.QName(child).localname in ("pos", "posList", "coordinates"):
            numbers += _numbers(child)
    if len(numbers) % 2 or not numbers:
        raise _fail("坐标应成对", "positions must be pairs of numbers")
    return list(zip(numbers[::2], numbers[1::2], strict=True))
