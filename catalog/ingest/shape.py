"""What layers from all kinds of files have in common: their type of geometry, their extent, their key."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import shapely

from catalog.errors import IngestError
from catalog.field_values import decimal_text
from catalog.ingest.crs import Way
from catalog.ingest.model import Sidecar
from catalog.profiles import Profile
from catalog.rows.columns import KEY_TYPES, Column

__all__ = ["ROW_NUMBER", "bbox_of", "geometry_type", "key_candidates", "layer_facts", "pick_key", "profile_key"]

#: The key of a table that has none of its own: the number of the row in the file.
ROW_NUMBER = Column("row_no", "integer", {"zh": "行號", "en": "Row number"}, nullable=False)

_KEY_WORDS = ("id", "fid", "gid", "objectid", "uid", "uuid", "guid", "key", "code", "adcode", "no", "number")
_SINGLE = {
    "Point": "point",
    "MultiPoint": "multipoint",
    "LineString": "linestring",
    "LinearRing": "linestring",
    "MultiLineString": "multilinestring",
    "Polygon": "polygon",
    "MultiPolygon": "multipolygon",
}


def geometry_type(shapes: Iterable[Any]) -> str | None:
    """`point`, `multipolygon`, …; `geometry` for a mixture; None when there is none."""
    kinds = {shape.geom_type for shape in shapes if shape is not None}
    if not kinds:
        return None
    single = {_SINGLE.get(kind, "geometry") for kind in kinds}
    if len(single) == 1:
        return single.pop()
    for base in ("point", "linestring", "polygon"):
        if single == {base, f"multi{base}"}:
            return f"multi{base}"
    return "geometry"


def bbox_of(shapes: Sequence[Any]) -> list[str] | None:
    """West, south, east, north of all geometries, as decimal texts rounded outward to six decimals (a tenth of a metre)."""
    west, south, east, north = shapely.total_bounds(np.array(shapes, dtype=object)).tolist()
    if west != west:  # NaN: nothing there
        return None
    rounded = (np.floor(west * 1e6) / 1e6, np.floor(south * 1e6) / 1e6, np.ceil(east * 1e6) / 1e6, np.ceil(north * 1e6) / 1e6)
    limits = ((-180, 180), (-90, 90), (-180, 180), (-90, 90))
    return [decimal_text(round(min(max(float(value), low), high), 6)) for value, (low, high) in zip(rounded, limits, strict=True)]


def layer_facts(shapes: Sequence[Any], way: Way) -> dict[str, Any]:
    """Fields that follow from a layer's geometries and their coordinate system."""
    found: dict[str, Any] = {}
    box = bbox_of(shapes)
    if box is not None:
        found["bbox"] = box
        if way.code is not None:
            found["crs"] = way.code
        if way.note is not None:
            found["crs_note"] = way.note
    return found


def profile_key(names: Iterable[str], profile: Profile, sidecar: Sidecar) -> tuple[str, ...]:
    """The key that the sidecar or the profile asks for, as far as it is there."""
    present = set(names)
    if sidecar.key:
        missing = [name for name in sidecar.key if name not in present]
        if missing:
            zh, en = (
                f"附檔所指主鍵 {', '.join(missing)} 不在檔中",
                f"the sidecar's key {', '.join(missing)} is not in the file; there are: {', '.join(sorted(present))}",
            )
            raise IngestError(zh=zh, en=en)
        return sidecar.key
    wanted = tuple(column.name for column in profile.columns.values() if column.key)
    return wanted if wanted and present.issuperset(wanted) else ()


def key_candidates(names: Sequence[str]) -> list[str]:
    """Columns whose values may name a row, the likeliest first: an id, something ending in id or code, the first column."""
    exact = [name for word in _KEY_WORDS for name in names if name == word]
    ending = [name for name in names if name.rpartition("_")[2] in _KEY_WORDS and name not in exact]
    return list(dict.fromkeys([*exact, *ending, *names[:1]]))[:6]


def pick_key(columns: list[Column], values: list[dict[str, Any]], profile: Profile, sidecar: Sidecar) -> tuple[str, ...]:
    """The key of rows in memory: the one asked for, else the first candidate that is there and different in each row, else a row number that is added.

    Raises:
        IngestError: the key asked for is not unique.
    """
    by_name = {column.name: column for column in columns}
    wanted = profile_key(by_name, profile, sidecar)
    if wanted:
        if _unique(wanted, values):
            return wanted
        if sidecar.key:
            raise IngestError(zh=f"主鍵 {', '.join(wanted)} 有空值或重複", en=f"the key {', '.join(wanted)} is empty in some rows, or not different in each")
    for name in key_candidates([column.name for column in columns if column.type in KEY_TYPES]):
        if _unique((name,), values):
            return (name,)
    name = ROW_NUMBER.name
    while name in by_name:
        name = f"{name}_"[:60]
    columns.insert(0, Column(name, ROW_NUMBER.type, ROW_NUMBER.title, nullable=False))
    for place, row in enumerate(values, 1):
        row[name] = place
    return (name,)


def _unique(names: Sequence[str], values: Sequence[Mapping[str, Any]]) -> bool:
    seen = set()
    for row in values:
        key = tuple(row.get(name) for name in names)
        if None in key or "" in key or key in seen:
            return False
        seen.add(key)
    return True
