"""What layers from all kinds of files have in common: their type of geometry, their extent, their key."""

from collections.abc import Iterable, Sequence

import numpy as np

from catalog.errors import IngestError
from catalog.field_values import decimal_text
from catalog.ingest.model import Sidecar
from catalog.profiles import Profile
from catalog.rows.columns import Column

__all__ = ["ROW_NUMBER", "bbox_text", "geometry_type", "key_candidates", "profile_key"]

#: The key of a table that has none of its own: the number of the row in the file.
ROW_NUMBER = Column("row_no", "integer", {"zh": "行号", "en": "Row number"}, nullable=False)

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


def geometry_type(kinds: Iterable[str]) -> str | None:
    """`point`, `multipolygon`, … of the types that geometries have; `geometry` for a mixture; None when there is none."""
    single = {_SINGLE.get(kind, "geometry") for kind in kinds}
    if not single:
        return None
    if len(single) == 1:
        return single.pop()
    for base in ("point", "linestring", "polygon"):
        if single == {base, f"multi{base}"}:
            return f"multi{base}"
    return "geometry"


def bbox_text(box: Sequence[float] | None) -> list[str] | None:
    """West, south, east, north as decimal texts rounded outward to six decimals (a tenth of a metre); None for no or an empty box."""
    if box is None or any(side != side for side in box):
        return None
    west, south, east, north = box
    rounded = (np.floor(west * 1e6) / 1e6, np.floor(south * 1e6) / 1e6, np.ceil(east * 1e6) / 1e6, np.ceil(north * 1e6) / 1e6)
    limits = ((-180, 180), (-90, 90), (-180, 180), (-90, 90))
    return [decimal_text(round(min(max(float(value), low), high), 6)) for value, (low, high) in zip(rounded, limits, strict=True)]


def profile_key(names: Iterable[str], profile: Profile, sidecar: Sidecar) -> tuple[str, ...]:
    """The key that the sidecar or the profile asks for, as far as it is there."""
    present = set(names)
    if sidecar.key:
        missing = [name for name in sidecar.key if name not in present]
        if missing:
            zh, en = (
                f"附属文件所指主键 {', '.join(missing)} 不在文件中",
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
