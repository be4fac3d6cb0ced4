"""GeoJSON → a layer. Tolerates a byte-order mark, GBK text, and the `crs` member that RFC 7946 took away: there it is obeyed, and the rows become CRS84."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely

from catalog.errors import IngestError
from catalog.ingest.crs import Way, way_to_crs84
from catalog.ingest.decoding import encoding_of_bytes
from catalog.ingest.infer import NO_VALUE, Guess, parse_moment
from catalog.ingest.model import Item, Layer, Sidecar
from catalog.ingest.names import column_names, is_code_like
from catalog.ingest.shape import geometry_type, layer_facts, pick_key
from catalog.profiles import Profile
from catalog.rows.columns import Column

__all__ = ["is_geojson", "load_json", "read_geojson"]

_TYPES = ("FeatureCollection", "Feature", "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection")


def is_geojson(data: Any) -> bool:
    """Whether a JSON value is GeoJSON."""
    return isinstance(data, dict) and data.get("type") in _TYPES


def load_json(path: Path, encoding: str | None = None) -> Any:
    """Reads a JSON file of any encoding.

    Raises:
        IngestError: not JSON; says where.
    """
    raw = path.read_bytes()
    name = encoding or encoding_of_bytes(raw)
    try:
        text = raw.decode(name)
    except (UnicodeDecodeError, LookupError) as error:
        raise IngestError(zh=f"{path.name} 無法以 {name} 解碼", en=f"{path.name} cannot be decoded as {name}") from error
    try:
        return orjson.loads(text.removeprefix("\ufeff"))
    except orjson.JSONDecodeError as error:
        zh, en = (
            f"{path.name} 不是 JSON（第 {error.lineno} 行第 {error.colno} 欄）：{error.msg}",
            f"{path.name} is not JSON (line {error.lineno}, column {error.colno}): {error.msg}",
        )
        raise IngestError(zh=zh, en=en) from error


def read_geojson(data: Mapping[str, Any], path: Path, profile: Profile, sidecar: Sidecar) -> Item:
    """Reads GeoJSON.

    Raises:
        IngestError: names the feature that is wrong.
    """
    features = _features(data, path)
    way = way_to_crs84(sidecar.crs or _crs_of(data) or "OGC:CRS84")
    shapes = _shapes(features, way, path)
    properties = [feature.get("properties") or {} for feature in features]
    headings = list(dict.fromkeys(name for each in properties for name in each))
    wanted = [str(sidecar.columns.get(name, {}).get("name") or name) for name in headings]
    names = column_names(wanted, profile.columns)
    columns = [_column(name, heading, [each.get(heading) for each in properties], profile, sidecar) for name, heading in zip(names, headings, strict=True)]
    values = [{name: _value(column, each.get(heading)) for name, heading, column in zip(names, headings, columns, strict=True)} for each in properties]
    _feature_ids(features, columns, values)
    key = pick_key(columns, values, profile, sidecar)
    geometry = next((name for name in ("geometry", "geom", "shape_") if name not in {column.name for column in columns}), "the_geometry")
    kind = geometry_type(shapes)
    if kind is not None:
        columns.append(Column(geometry, "geometry", {"zh": "幾何", "en": "Geometry"}))
        for row, shape in zip(values, shapes, strict=True):
            row[geometry] = shape
    layer = Layer(tuple(columns), key, kind, lambda: values)
    title = data.get("name") if isinstance(data.get("name"), str) else None
    return Item(
        fields=layer_facts(shapes, way),
        guessed={"kind": "dataset", "update_cycle": "irregular", **({"title": title} if title and not sidecar.fields.get("title") and len(title) > 12 else {})},
        layer=layer,
        format="geojson",
    )


def _features(data: Mapping[str, Any], path: Path) -> list[dict[str, Any]]:
    kind = data["type"]
    if kind == "FeatureCollection":
        features = data.get("features")
        if not isinstance(features, list):
            raise IngestError(zh=f"{path.name} 的 features 不是清單", en=f"{path.name}: features is not a list")
    else:
        features = [data if kind == "Feature" else {"type": "Feature", "geometry": data, "properties": {}}]
    for place, feature in enumerate(features, 1):
        if not isinstance(feature, dict) or not isinstance(feature.get("properties") or {}, dict):
            raise IngestError(zh=f"{path.name} 第 {place} 個要素不是要素", en=f"{path.name}: feature {place} is not a feature")
    if not features:
        raise IngestError(zh=f"{path.name} 沒有要素", en=f"{path.name} holds no features")
    return features


def _crs_of(data: Mapping[str, Any]) -> str | None:
    crs = data.get("crs")
    if not isinstance(crs, Mapping):
        return None
    properties = crs.get("properties")
    name = properties.get("name") or properties.get("code") or properties.get("href") if isinstance(properties, Mapping) else None
    return None if name is None else f"EPSG:{name}" if str(name).isdecimal() else str(name)


def _shapes(features: Sequence[Mapping[str, Any]], way: Way, path: Path) -> list[Any]:
    """Geometries in CRS84, None where a feature has none."""
    shapes: list[Any] = []
    for place, feature in enumerate(features, 1):
        geometry = feature.get("geometry")
        if geometry is None:
            shapes.append(None)
            continue
        try:
            shape = shapely.from_geojson(orjson.dumps(geometry))
        except (shapely.GEOSException, TypeError) as error:
            raise IngestError(
                zh=f"{path.name} 第 {place} 個要素的幾何有誤：{error}", en=f"{path.name}: the geometry of feature {place} is wrong: {error}"
            ) from error
        shapes.append(None if shape is None or shapely.is_empty(shape) else shape)
    array = np.array(shapes, dtype=object)
    present = np.array([shape is not None for shape in shapes])
    if way.move is not None and present.any():
        array[present] = way.move(array[present])
    bounds = shapely.bounds(array)
    low, high = np.array([-180, -90, -180, -90]), np.array([180, 90, 180, 90])
    outside = present & ~((bounds >= low) & (bounds <= high)).all(axis=1)
    if outside.any():
        place = int(np.argmax(outside)) + 1
        box = bounds[place - 1].round(3).tolist()
        said = "未聲明坐標系，而坐標不是經緯度；請在附檔中以 crs: EPSG:… 指明" if way.code == "OGC:CRS84" else f"由 {way.code} 轉換後不在地球上"
        en = (
            "the file names no coordinate system and these are not longitude and latitude: name it in the sidecar, crs: EPSG:…"
            if way.code == "OGC:CRS84"
            else f"transformed from {way.code} it does not lie on the earth"
        )
        raise IngestError(zh=f"{path.name} 第 {place} 個要素的範圍為 {box}：{said}", en=f"{path.name}: the extent of feature {place} is {box}: {en}")
    return list(array)


def _column(name: str, heading: str, values: Sequence[Any], profile: Profile, sidecar: Sidecar) -> Column:
    """A property as a column: numbers and booleans by their JSON type, texts by what all of them are."""
    said = sidecar.columns.get(heading, {})
    known = profile.columns.get(name)
    kind = said.get("type") or (known.type if known else None) or _json_type(name, heading, values)
    titles = said.get("title") or ({"zh": known.zh, "en": known.en} if known else {} if heading == name else {"zh" if not heading.isascii() else "en": heading})
    sensitivity = said.get("sensitivity") or (known.sensitivity if known and known.sensitivity != "none" else None)
    return Column(name, str(kind), dict(titles) if isinstance(titles, Mapping) else {"zh": str(titles)}, sensitivity=sensitivity, unit=said.get("unit"))


def _json_type(name: str, heading: str, values: Sequence[Any]) -> str:
    present = [value for value in values if value is not None]
    kinds = {type(value) for value in present}
    if is_code_like(name, heading) or not present:
        return "text"
    if kinds == {bool}:
        return "boolean"
    if kinds == {int} and all(abs(value) <= 999_999_999_999_999 for value in present):
        return "integer"
    if kinds <= {int, float} and all(abs(value) <= 2**53 for value in present):
        return "decimal"
    if kinds == {str}:
        guess = Guess()
        for value in present:
            guess.watch(value.strip())
        return guess.type if guess.type in ("date", "datetime") else "text"
    return "text"


def _value(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.type == "text":
        return value if isinstance(value, str) else orjson.dumps(value).decode()
    if isinstance(value, str):
        value = value.strip()
        if value in NO_VALUE:
            return None
        if column.type in ("date", "datetime"):
            return parse_moment(value) or value or None
    return value if value != "" else None


def _feature_ids(features: Sequence[Mapping[str, Any]], columns: list[Column], values: list[dict[str, Any]]) -> None:
    """Takes the features' own ids as a column `id`, when all have one, all are different, and there is no such property."""
    ids = [feature.get("id") for feature in features]
    if any(column.name == "id" for column in columns) or not all(isinstance(each, (str, int)) and not isinstance(each, bool) for each in ids):
        return
    if len({str(each) for each in ids}) != len(ids):
        return
    columns.insert(0, Column("id", "text", {"zh": "要素編號", "en": "Feature id"}))
    for row, each in zip(values, ids, strict=True):
        row["id"] = str(each)
