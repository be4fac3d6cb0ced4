"""GeoJSON → a layer: a collection (read feature by feature, however large), a bare feature or geometry, or one feature a line (RFC 8142).

Tolerates a byte-order mark, GBK text, and the `crs` member that RFC 7946 took away: there it is obeyed, and the rows become CRS84.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely

from catalog.errors import IngestError
from catalog.ingest.crs import way_to_crs84
from catalog.ingest.features import Chunk, Features, read_features
from catalog.ingest.json_stream import JsonStream, Piece
from catalog.ingest.library_words import said
from catalog.ingest.model import Item, Sidecar
from catalog.profiles import Profile
from catalog.quarantine import Bad

__all__ = ["is_geojson", "read_collection", "read_feature_lines", "read_geojson"]

GEOMETRIES = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection")
_AT_ONCE = 1_000
#: What stands behind the features is no longer than this.
_TAIL = 64 << 10
_FEATURES = frozenset(("features",))


def is_geojson(data: Any) -> bool:
    """Whether a JSON value is GeoJSON."""
    return isinstance(data, dict) and data.get("type") in ("FeatureCollection", "Feature", *GEOMETRIES)


def read_collection(path: Path, encoding: str, profile: Profile, sidecar: Sidecar) -> Item:
    """Reads a FeatureCollection in bounded memory.

    Raises:
        IngestError: not JSON, not a collection, no features, none of them good.
    """
    facts = _Facts()

    def pieces() -> Iterator[Piece]:
        with path.open(encoding=encoding, newline="") as text:
            stream = JsonStream(text, path.name)
            for name, piece in stream.members(_FEATURES):
                if piece is None:
                    facts.listed = True
                    yield from stream.items()
                else:
                    facts.note(name, piece.value)
            stream.end()

    # The system may be named behind the features: so it is looked for first, through all of them only where it may be.
    for _ in pieces():
        if facts.type == "FeatureCollection" and (facts.crs is not None or not _named_behind(path, encoding)):
            break
    if facts.type != "FeatureCollection":
        raise IngestError(zh=f"{path.name} 是 JSON，但不是 GeoJSON", en=f"{path.name} is JSON that is not GeoJSON")
    if not facts.listed:
        raise IngestError(zh=f"{path.name} 的 features 不是列表", en=f"{path.name}: features is not a list")
    return _item(path, pieces, facts.crs, facts.title, profile, sidecar)


def _named_behind(path: Path, encoding: str) -> bool:
    """Whether the end of a file may name a coordinate system."""
    if encoding not in ("utf-8", "utf-8-sig", "gb18030"):
        return True
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _TAIL, 0))
        return b'"crs"' in file.read()


def read_geojson(data: Mapping[str, Any], path: Path, profile: Profile, sidecar: Sidecar) -> Item:
    """Reads a bare feature or geometry."""
    feature = data if data["type"] == "Feature" else {"type": "Feature", "geometry": data, "properties": {}}
    return _item(path, lambda: iter((Piece(feature),)), _crs_of(data), None, profile, sidecar)


def read_feature_lines(path: Path, pieces: Callable[[], Iterable[Piece]], profile: Profile, sidecar: Sidecar) -> Item:
    """Reads features that stand one on each line."""
    return _item(path, pieces, None, None, profile, sidecar)


class _Facts:
    """What a collection says beside its features."""

    def __init__(self) -> None:
        self.type: Any = None
        self.crs: str | None = None
        self.title: str | None = None
        self.listed = False

    def note(self, name: str, value: Any) -> None:
        """Takes note of a member."""
        if name == "type":
            self.type = value
        elif name == "crs":
            self.crs = _crs_of({"crs": value})
        elif name == "name" and isinstance(value, str):
            self.title = value


def _item(path: Path, pieces: Callable[[], Iterable[Piece]], crs: str | None, title: str | None, profile: Profile, sidecar: Sidecar) -> Item:
    source = Features(path.name, lambda: _chunks(pieces(), path.name), way_to_crs84(sidecar.crs or crs or "OGC:CRS84"))
    layer, fields = read_features(source, profile, sidecar)
    named = {"title": title} if title and not sidecar.fields.get("title") and len(title) > 12 else {}
    return Item(fields=fields, guessed={"kind": "dataset", "update_cycle": "irregular", **named}, layer=layer, format="geojson")


def _crs_of(data: Mapping[str, Any]) -> str | None:
    crs = data.get("crs")
    if not isinstance(crs, Mapping):
        return None
    properties = crs.get("properties")
    name = properties.get("name") or properties.get("code") or properties.get("href") if isinstance(properties, Mapping) else None
    return None if name is None else f"EPSG:{name}" if str(name).isdecimal() else str(name)


# --- features ----------------------------------------------------------------------------------------------------------------------------


def _chunks(pieces: Iterable[Piece], name: str) -> Iterator[Chunk]:
    """Features in chunks; what is none is bad by itself."""
    chunk, geometries = Chunk(), list[bytes | None]()
    for number, piece in enumerate(pieces, 1):
        read = _read(number, piece, name)
        if isinstance(read, Bad):
            chunk.bads.append(read)
        else:
            feature, geometry = read
            chunk.numbers.append(number)
            chunk.properties.append(feature.get("properties") or {})
            chunk.ids.append(feature.get("id"))
            geometries.append(geometry)
        if len(chunk.numbers) + len(chunk.bads) >= _AT_ONCE:
            yield _with_shapes(chunk, geometries, name)
            chunk, geometries = Chunk(), []
    if chunk.numbers or chunk.bads:
        yield _with_shapes(chunk, geometries, name)


def _read(number: int, piece: Piece, name: str) -> tuple[Mapping[str, Any], bytes | None] | Bad:
    """A feature and its geometry as JSON, or what is wrong with it."""
    feature = piece.value
    if piece.odd is not None:
        return _bad(number, name, f"含有 {piece.odd}，JSON 没有这样的数", f"holds {piece.odd}, which is no number in JSON", feature)
    if not isinstance(feature, dict) or not isinstance(feature.get("properties") or {}, dict) or feature.get("type", "Feature") != "Feature":
        return _bad(number, name, "不是 JSON 要素", "is not a feature in JSON", feature)
    geometry = feature.get("geometry")
    if geometry is None:
        return feature, None
    try:
        return feature, orjson.dumps(geometry)
    except (TypeError, RecursionError) as error:
        zh, en = said(error)
        return _bad(number, name, f"的几何有误：{zh}", f"has a geometry that is wrong: {en}", feature)


def _with_shapes(chunk: Chunk, geometries: Sequence[bytes | None], name: str) -> Chunk:
    """Reads the geometries of a chunk, all at once where all are good."""
    shapes = shapely.from_geojson(np.array(geometries, dtype=object), on_invalid="ignore") if geometries else np.array([], dtype=object)
    empty = shapely.is_empty(shapes)
    kept = []
    for at, (text, shape) in enumerate(zip(geometries, shapes, strict=True)):
        if text is not None and shape is None:
            chunk.bads.append(_bad(chunk.numbers[at], name, *_reason(text), chunk.properties[at]))
        else:
            kept.append(at)
            chunk.shapes.append(None if empty[at] else shape)
    if len(kept) < len(geometries):
        chunk.numbers, chunk.properties = [chunk.numbers[at] for at in kept], [chunk.properties[at] for at in kept]
        chunk.ids = [chunk.ids[at] for at in kept]
    return chunk


def _reason(geometry: bytes) -> tuple[str, str]:
    """Why a geometry cannot be read."""
    try:
        shapely.from_geojson(geometry)
    except (shapely.GEOSException, TypeError, ValueError) as error:
        zh, en = said(error)
        return f"的几何有误：{zh}", f"has a geometry that is wrong: {en}"
    return "的几何有误", "has a geometry that is wrong"


def _bad(number: int, name: str, zh: str, en: str, content: Any) -> Bad:
    try:
        excerpt = orjson.dumps(content).decode()[:2_000]
    except (TypeError, RecursionError):
        excerpt = str(content)[:2_000]
    return Bad({"feature": number}, "ingest", f"{name} 第 {number} 个要素{zh}", f"{name}: feature {number} {en}", excerpt)
