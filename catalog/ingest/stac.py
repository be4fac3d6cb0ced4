"""STAC items and collections → records of imagery: extent, time, platform, bands, and the assets as links."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import shapely

from catalog.errors import IngestError
from catalog.field_values import bbox, decimal_text, geometry, period
from catalog.ingest.library_words import said
from catalog.ingest.mapping import Notes, as_text, excerpt, json_digest, language_map, link, links
from catalog.ingest.model import Found, Item, Refused
from catalog.quarantine import Bad

__all__ = ["is_collection_of_items", "read_items", "read_line", "read_stac"]


def is_collection_of_items(data: Mapping[str, Any]) -> bool:
    """Whether a FeatureCollection is one of STAC items."""
    features = data.get("features")
    return isinstance(features, list) and bool(features) and all(isinstance(each, dict) and "stac_version" in each for each in features[:10])


def read_stac(data: Mapping[str, Any], path: Path) -> Item:
    """Reads an item or a collection.

    Raises:
        IngestError: neither, or it has no id.
    """
    kind = data.get("type")
    if kind not in ("Feature", "Collection"):
        named = "目录（Catalog）只列出链接" if kind == "Catalog" else f"{kind} 不是条目或集合"
        raise IngestError(
            zh=f"{path.name}：STAC {named}，不能直接收录", en=f"{path.name}: a STAC {kind} lists links only; items and collections can be taken in"
        )
    name = as_text(data.get("id"))
    if name is None:
        raise IngestError(zh=f"{path.name}：STAC 条目没有 id", en=f"{path.name}: the STAC object has no id")
    reader = _Reader(data)
    fields = reader.item() if kind == "Feature" else reader.collection()
    guessed = {"kind": "imagery" if kind == "Feature" else "series", "update_cycle": "irregular", "title": as_text(data.get("title")) or name}
    kept = {key: value for key, value in fields.items() if value}
    return Item(fields=kept, guessed=guessed, format="stac", profile="imagery", notes=tuple(reader.notes))


def read_items(data: Mapping[str, Any], path: Path) -> Iterator[Found]:
    """Reads a collection of items."""
    for number, each in enumerate(data["features"], 1):
        yield read_line(each, path, number, unit="feature")


def read_line(value: Any, path: Path, number: int, *, unit: str = "line") -> Found:
    """Reads an item that is one of many."""
    part = as_text(value.get("id")) if isinstance(value, Mapping) else None
    try:
        if part is None:
            raise IngestError(zh=f"{path.name} 第 {number} 项不是 STAC 条目", en=f"{path.name}: {unit} {number} is no STAC item with an id")
        item = read_stac(value, path)
    except IngestError as error:
        return Refused(part or f"{unit}-{number}", Bad({unit: number}, error.kind, error.zh, error.en, excerpt(value)))
    return Item(item.fields, item.format, item.guessed, profile=item.profile, part=part, digest=json_digest(value), original=False, notes=item.notes)


class _Reader:
    """One object and what is read from it."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.notes = Notes()

    def item(self) -> dict[str, Any]:
        """Fields of an item."""
        found = self.data.get("properties")
        props: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
        start = props.get("start_datetime") or props.get("datetime")
        end = props.get("end_datetime") or props.get("datetime")
        moments = [self.notes.moment(start), self.notes.moment(end)]
        epsg = props.get("proj:epsg")
        code = props.get("proj:code") or (f"EPSG:{epsg}" if isinstance(epsg, int) else None)
        instruments = props.get("instruments")
        collection = as_text(self.data.get("collection"))
        return {
            "title": language_map(props.get("title")),
            "summary": language_map(props.get("description")),
            "keywords": [word for word in props.get("keywords") or [] if isinstance(word, str)],
            "bbox": self._bbox(self.data.get("bbox")),
            "geometry": self._geometry(),
            "time": self.notes.clean(period, "time", moments) if any(moments) else None,
            "issued": self.notes.date(props.get("published") or props.get("created") or props.get("datetime") or start),
            "modified": self.notes.moment(props.get("updated")),
            "crs": code if isinstance(code, str) else None,
            "related": [collection] if collection else None,
            "provider": self._provider(props.get("providers")),
            "license": as_text(props.get("license") or self.data.get("license")),
            "x.platform": as_text(props.get("platform")),
            "x.instrument": ", ".join(map(str, instruments)) if isinstance(instruments, list) else as_text(instruments),
            "x.acquired": moments[0],
            "x.cloud_cover": self._number(props.get("eo:cloud_cover")),
            "x.gsd": self._number(props.get("gsd")),
            "x.processing_level": as_text(props.get("processing:level")),
            "x.stac_id": as_text(self.data.get("id")),
            **self._assets(),
        }

    def collection(self) -> dict[str, Any]:
        """Fields of a collection."""
        found = self.data.get("extent")
        extent: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
        boxes = (extent.get("spatial") or {}).get("bbox") if isinstance(extent.get("spatial"), Mapping) else None
        spans = (extent.get("temporal") or {}).get("interval") if isinstance(extent.get("temporal"), Mapping) else None
        span = spans[0] if isinstance(spans, list) and spans and isinstance(spans[0], list) else [None, None]
        moments = [self.notes.moment(each) for each in span[:2]]
        return {
            "title": language_map(self.data.get("title")),
            "summary": language_map(self.data.get("description")),
            "kind": "series",
            "keywords": [word for word in self.data.get("keywords") or [] if isinstance(word, str)],
            "bbox": self._bbox(boxes[0] if isinstance(boxes, list) and boxes else None),
            "time": self.notes.clean(period, "time", moments) if any(moments) else None,
            "provider": self._provider(self.data.get("providers")),
            "license": as_text(self.data.get("license")),
            "x.stac_id": as_text(self.data.get("id")),
            **self._assets(),
        }

    def _bbox(self, value: Any) -> Any:
        if isinstance(value, list) and len(value) == 6:  # with heights
            value = [*value[:2], *value[3:5]]
        return self.notes.clean(bbox, "bbox", value)

    def _geometry(self) -> Any:
        value = self.data.get("geometry")
        if not isinstance(value, Mapping):
            return None
        try:
            shape = shapely.from_geojson(orjson.dumps(value))
        except (shapely.GEOSException, TypeError, RecursionError) as error:
            zh, en = said(error)
            self.notes.say(f"几何有误：{zh}", f"the geometry is wrong: {en}")
            return None
        return self.notes.clean(geometry, "geometry", shapely.geometry.mapping(shape))

    def _number(self, value: Any) -> Any:
        return self.notes.clean(decimal_text, "number", value)

    def _provider(self, value: Any) -> Any:
        named = [each for each in value if isinstance(each, Mapping) and as_text(each.get("name"))] if isinstance(value, list) else []
        ranked = sorted(named, key=lambda each: next((at for at, role in enumerate(("host", "producer", "licensor")) if role in (each.get("roles") or ())), 9))
        return {"name": language_map(as_text(ranked[0]["name"]))} if ranked else None

    def _assets(self) -> dict[str, Any]:
        found = self.data.get("assets")
        assets: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
        listed = []
        for name, each in assets.items():
            if not isinstance(each, Mapping):
                continue
            media = str(each.get("type") or "").partition(";")[0].strip() or None
            made = link(each.get("href"), title=as_text(each.get("title")) or name, note=each.get("description"), media=media)
            if made is None:
                self.notes.say(f"资产 {name} 没有可用的网址", f"the asset {name} has no web address")
            listed.append(made)
        return links(listed)
