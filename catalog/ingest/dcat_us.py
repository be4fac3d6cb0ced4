"""DCAT-US (`data.json`, Project Open Data 1.1) → one record for each dataset.

Nulls, missing members and wrong types are common: they cost a note, not the record.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import shapely

from catalog.field_values import bbox, period
from catalog.ingest.mapping import Notes, as_text, excerpt, json_digest, language_map, link, links
from catalog.ingest.model import Found, Item, Refused
from catalog.quarantine import Bad

__all__ = ["is_catalog", "is_dataset", "read_catalog", "read_dataset"]

#: ISO 8601 repeating intervals, as the schema asks for them.
_CYCLES = {
    "R/P1Y": "yearly", "R/P3M": "quarterly", "R/P1M": "monthly", "R/P1W": "weekly", "R/P7D": "weekly", "R/P1D": "daily", "R/PT1S": "realtime",
    "R/PT1H": "realtime", "IRREGULAR": "irregular",
}  # fmt: skip


def is_catalog(data: Any) -> bool:
    """Whether a JSON value is a catalog of DCAT-US."""
    return isinstance(data, Mapping) and isinstance(data.get("dataset"), list)


def is_dataset(value: Any) -> bool:
    """Whether a JSON value is one of its datasets."""
    return isinstance(value, Mapping) and "title" in value and any(name in value for name in ("accessLevel", "distribution", "bureauCode", "contactPoint"))


def read_catalog(data: Mapping[str, Any], path: Path) -> Iterator[Found]:
    """Reads the datasets of a catalog."""
    for number, dataset in enumerate(data["dataset"]):
        yield read_dataset(dataset, path, {"path": f"dataset[{number}]"})


def read_dataset(dataset: Any, path: Path, place: Mapping[str, int | str]) -> Found:
    """Reads one dataset."""
    where = next(iter(place.values()))
    title = as_text(dataset.get("title")) if isinstance(dataset, Mapping) else None
    if title is None:
        part = as_text(dataset.get("identifier")) if isinstance(dataset, Mapping) else None
        zh, en = f"{path.name} {where}：数据集没有题名", f"{path.name}, {where}: the dataset has no title"
        return Refused(part or str(where), Bad(place, "ingest", zh, en, excerpt(dataset)))
    reader = _Reader(dataset)
    fields = {"title": language_map(title), **reader.fields()}
    kept = {name: value for name, value in fields.items() if value not in (None, "", [], {})}
    part = as_text(dataset.get("identifier")) or as_text(dataset.get("@id")) or str(where)
    guessed = {"kind": "dataset", "update_cycle": "irregular"}
    return Item(kept, "dcat-us", guessed, part=part[:300], digest=json_digest(dataset), original=False, notes=tuple(reader.notes))


class _Reader:
    """One dataset and what is read from it."""

    def __init__(self, dataset: Mapping[str, Any]) -> None:
        self.dataset = dataset
        self.notes = Notes()

    def fields(self) -> dict[str, Any]:
        """Everything but the title."""
        dataset = self.dataset
        modified = None if self._repeating() else dataset.get("modified")
        level = as_text(dataset.get("accessLevel"))
        values: dict[str, Any] = {
            "summary": language_map(dataset.get("description")),
            "keywords": self._words("keyword"),
            "provider": self._provider(),
            "issued": self.notes.date(dataset.get("issued")) or self.notes.date(modified),
            "modified": self.notes.moment(modified),
            "update_cycle": self._cycle(),
            "license": as_text(dataset.get("license")),
            "time": self._time(),
            "related": [each for each in (as_text(dataset.get("isPartOf")),) if each],
            "x.identifier": as_text(dataset.get("identifier")),
            "x.access_level": level,
            "x.rights": as_text(dataset.get("rights")),
            "x.landing_page": as_text(dataset.get("landingPage")),
            "x.themes": self._words("theme"),
        }
        return {**values, **self._contact(), **self._spatial(), **self._distributions()}

    def _words(self, name: str) -> list[str]:
        value = self.dataset.get(name)
        words = re.split(r"[,;]", value) if isinstance(value, str) else value if isinstance(value, list) else []
        return [word for each in words if (word := as_text(each))][:200]

    def _provider(self) -> Any:
        party = self.dataset.get("publisher")
        name = as_text(party.get("name")) if isinstance(party, Mapping) else as_text(party)
        return {"name": language_map(name)} if name else None

    def _contact(self) -> dict[str, Any]:
        point = self.dataset.get("contactPoint")
        if not isinstance(point, Mapping):
            return {}
        email = as_text(point.get("hasEmail"))
        return {"contact_name": as_text(point.get("fn")), "contact_email": email.removeprefix("mailto:") if email else None}

    def _cycle(self) -> str | None:
        """How often it changes; `modified` may say it, too."""
        value = as_text(self.dataset.get("accrualPeriodicity")) or self._repeating()
        if value is None:
            return None
        return _CYCLES.get(value.upper()) or self.notes.coded("update_cycles", value)

    def _repeating(self) -> str | None:
        value = as_text(self.dataset.get("modified"))
        return value.replace("R-", "R/") if value and value.startswith("R") else None

    def _time(self) -> Any:
        value = self.dataset.get("temporal")
        if isinstance(value, Mapping):
            pair: list[Any] = [value.get("startDate"), value.get("endDate")]
        else:
            text = as_text(value)
            pair = text.split("/")[:2] if text and "/" in text else [text, None]
        moments = [self.notes.moment(None if each == ".." else each) for each in pair]
        return self.notes.clean(period, "time", moments) if any(moments) and len(moments) == 2 else None

    def _spatial(self) -> dict[str, Any]:
        """A box, a geometry as GeoJSON, or the name of a place."""
        value = self.dataset.get("spatial")
        if isinstance(value, Mapping):
            try:
                shape = shapely.from_geojson(excerpt(value))
                return {"bbox": self.notes.clean(bbox, "spatial", [float(side) for side in shape.bounds])}
            except (shapely.GEOSException, ValueError, TypeError):
                return {"x.place": as_text(value.get("name") or value.get("prefLabel"))}
        text = as_text(value)
        sides = re.findall(r"-?\d+(?:\.\d+)?", text) if text and re.fullmatch(r"[-\d., ]+", text) else []
        if len(sides) == 4:
            return {"bbox": self.notes.clean(bbox, "spatial", sides)}
        return {"x.place": text}

    def _distributions(self) -> dict[str, Any]:
        listed = self.dataset.get("distribution")
        found = []
        for each in listed if isinstance(listed, list) else []:
            if not isinstance(each, Mapping):
                continue
            url = as_text(each.get("downloadURL")) or as_text(each.get("accessURL"))
            said = as_text(each.get("format"))
            title, note, media = (as_text(each.get(name)) for name in ("title", "description", "mediaType"))
            found.append(link(url, title=title, note=note, formats=[said] if said else [], media=media))
            if found[-1] is None and url:
                self.notes.say(f"资源没有可用的网址：{url[:60]}", f"a distribution has no web address: {url[:60]}")
        return links(found)
