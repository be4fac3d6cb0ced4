"""CKAN datasets → records: what `package_show`, `package_search`, dumps (JSON, JSON Lines) and ckanext-dcat's package dicts hold.

Extras that carry one of our own fields under its name (as our CKAN face writes them) come back into it; the others are kept together in `x.ckan_extras`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import shapely

from catalog.field_values import ValueProblem, bbox, geometry, period
from catalog.ingest.mapping import Notes, as_text, excerpt, json_digest, language_map, link, links
from catalog.ingest.model import Found, Item, Refused
from catalog.quarantine import Bad
from catalog.record import CORE

__all__ = ["is_package", "packages_in", "read_package", "read_packages"]

_FREQUENCIES = {
    "realtime": "realtime", "continual": "realtime", "daily": "daily", "weekly": "weekly", "monthly": "monthly", "quarterly": "quarterly",
    "annual": "yearly", "annually": "yearly", "yearly": "yearly", "irregular": "irregular", "as needed": "irregular",
}  # fmt: skip
#: Extras that are fields of ours: plain ones by their own name.
_NOT_PLAIN = ("title", "summary", "keywords", "items", "geometry", "bbox", "time", "license", "provider", "sharing", "opening")
_OWN = frozenset(name for name in CORE if name not in _NOT_PLAIN)
#: Extras that are taken in under another name, or that are the sending site's own matter.
_USED = frozenset(
    ("spatial", "issued", "modified", "frequency", "provenance", "temporal_start", "temporal_end", "identifier", "provider_code", "publisher_name",
     "contact_name", "contact_email", "opening", "guid", "authority", "division", "origin", "may", "withheld")
)  # fmt: skip
#: Members that are taken in or say nothing of the data.
_KNOWN = frozenset(
    ("id", "name", "title", "title_translated", "notes", "notes_translated", "url", "tags", "tags_translated", "resources", "extras", "organization",
     "owner_org", "groups", "author", "author_email", "maintainer", "maintainer_email", "license_id", "license_title", "license_url", "isopen", "private",
     "state", "type", "version", "metadata_created", "metadata_modified", "num_tags", "num_resources", "creator_user_id", "revision_id", "issued",
     "modified", "identifier", "frequency", "provenance", "contact", "publisher", "creator", "spatial_coverage", "temporal_coverage", "theme", "language",
     "relationships_as_object", "relationships_as_subject", "tracking_summary", "spatial")
)  # fmt: skip


def is_package(value: Any) -> bool:
    """Whether a JSON value is a dataset as CKAN writes it."""
    if not isinstance(value, Mapping) or "dataset" in value or not isinstance(value.get("name", value.get("title")), str):
        return False
    return any(isinstance(value.get(name), list) for name in ("resources", "tags", "extras")) or "notes" in value or "owner_org" in value


def packages_in(data: Any) -> list[Any] | None:
    """The datasets of a file: one, a list, or an answer of the API; None when it is none of these."""
    if isinstance(data, Mapping) and data.get("success") is True and "result" in data:
        data = data["result"]
    if isinstance(data, Mapping) and isinstance(data.get("results"), list) and "count" in data:
        data = data["results"]
    if is_package(data):
        return [data]
    if isinstance(data, list) and data and is_package(next((each for each in data if isinstance(each, Mapping)), None)):
        return data
    return None


def read_packages(packages: list[Any], path: Path) -> Iterator[Found]:
    """Reads the datasets of a file; the only one keeps the file as its original."""
    for number, package in enumerate(packages):
        found = read_package(package, path, {"path": f"[{number}]"})
        if len(packages) > 1:
            yield found
        elif isinstance(found, Refused):
            yield Refused("", found.bad)
        else:
            yield Item(found.fields, "ckan", found.guessed, notes=found.notes)


def read_package(package: Any, path: Path, place: Mapping[str, int | str]) -> Found:
    """Reads one dataset of several."""
    where = next(iter(place.values()))
    reader = _Reader(package) if isinstance(package, Mapping) else None
    title = None if reader is None else reader.title()
    if reader is None or title is None:
        zh, en = f"{path.name} {where}：不是 CKAN 数据集，或没有题名", f"{path.name}, {where}: no CKAN dataset, or one without a title"
        part = as_text(package.get("id") or package.get("name")) if isinstance(package, Mapping) else None
        return Refused(part or str(where), Bad(place, "ingest", zh, en, excerpt(package)))
    fields = {"title": title, **reader.fields()}
    guessed = {"kind": "dataset", "update_cycle": "irregular"}
    part = as_text(package.get("id")) or as_text(package.get("name")) or str(where)
    kept = {name: value for name, value in fields.items() if value not in (None, "", [], {})}
    return Item(kept, "ckan", guessed, part=part, digest=json_digest(package), original=False, notes=tuple(reader.notes))


class _Reader:
    """One dataset and what is read from it."""

    def __init__(self, package: Mapping[str, Any]) -> None:
        self.package = package
        self.notes = Notes()
        listed = package.get("extras")
        pairs = (
            ((each.get("key"), each.get("value")) for each in listed if isinstance(each, Mapping))
            if isinstance(listed, list)
            else listed.items()
            if isinstance(listed, Mapping)
            else ()
        )
        self.extras: dict[str, Any] = {key: value for key, value in pairs if isinstance(key, str)}

    def title(self) -> dict[str, str] | None:
        """The title in its languages."""
        said = language_map(self.package.get("title_translated")) or language_map({key[6:]: self.extras[key] for key in self.extras if key[:6] == "title_"})
        return said or language_map(self.package.get("title")) or language_map(self.package.get("name"))

    def fields(self) -> dict[str, Any]:
        """Everything else."""
        package, extras = self.package, self.extras
        notes = language_map(package.get("notes_translated")) or language_map({key[6:]: extras[key] for key in extras if key[:6] == "notes_"})
        values: dict[str, Any] = {
            "summary": notes or language_map(package.get("notes")),
            "keywords": self._keywords(),
            "provider": self._provider(),
            "license": self._license(),
            "issued": self.notes.date(package.get("issued") or extras.get("issued") or package.get("metadata_created")),
            "modified": self.notes.moment(package.get("modified") or extras.get("modified") or package.get("metadata_modified")),
            "update_cycle": self._cycle(),
            "lineage": language_map(package.get("provenance") or extras.get("provenance")),
            "time": self._time(),
            "x.ckan_id": as_text(package.get("id")),
            "x.ckan_name": as_text(package.get("name")),
            "x.identifier": as_text(package.get("identifier") or extras.get("identifier")),
            "x.ckan_extras": self._rest(),
        }
        values |= self._contact()
        values |= self._spatial()
        values |= self._own()
        return values | self._resources()

    def _keywords(self) -> Any:
        translated = self.package.get("tags_translated")
        if isinstance(translated, Mapping):
            return {str(lang): [str(word) for word in words] for lang, words in translated.items() if isinstance(words, list)}
        tags = self.package.get("tags")
        words = [each.get("display_name") or each.get("name") if isinstance(each, Mapping) else each for each in tags] if isinstance(tags, list) else []
        return [word for word in words if isinstance(word, str) and word.strip()][:200]

    def _provider(self) -> Any:
        publisher = self.package.get("publisher")
        first = publisher[0] if isinstance(publisher, list) and publisher else publisher
        organization = self.package.get("organization")
        for party in (organization, first):
            if isinstance(party, Mapping):
                name = language_map(party.get("name_translated")) or language_map(party.get("title") or party.get("name"))
                if name:
                    code = self.extras.get("provider_code") if party is organization else None
                    return {"name": name} | ({"code": code} if isinstance(code, str) else {})
        name = language_map(self.extras.get("publisher_name") or self.package.get("author"))
        return {"name": name} if name else None

    def _license(self) -> str | None:
        known = {"notspecified": None, "other-closed": None, "cc-by": "cc-by-4.0", "cc-zero": "cc0-1.0", "cc-by-sa": "cc-by-sa-4.0", "odc-odbl": "odbl-1.0"}
        value = as_text(self.package.get("license_id"))
        return known.get(value.lower(), value) if value else None

    def _cycle(self) -> str | None:
        value = as_text(self.package.get("frequency") or self.extras.get("frequency") or self.extras.get("update_cycle"))
        word = value.rstrip("/").rpartition("/")[2].lower() if value else ""
        if word and word not in _FREQUENCIES:
            return self.notes.coded("update_cycles", word, "eu" if word.isupper() else "iso")
        return _FREQUENCIES.get(word)

    def _time(self) -> Any:
        listed = self.package.get("temporal_coverage")
        spans = [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, list) else []
        pairs = [(each.get("start"), each.get("end")) for each in spans] or [(self.extras.get("temporal_start"), self.extras.get("temporal_end"))]
        starts = sorted(filter(None, (self.notes.moment(start) for start, _ in pairs)))
        ends = sorted(filter(None, (self.notes.moment(end) for _, end in pairs)))
        if not starts and not ends:
            return None
        return self.notes.clean(period, "time", [starts[0] if starts else None, ends[-1] if ends else None])

    def _contact(self) -> dict[str, Any]:
        contact = self.package.get("contact")
        first = contact[0] if isinstance(contact, list) and contact else contact
        if isinstance(first, Mapping):
            return {"contact_name": as_text(first.get("name")), "contact_email": as_text(first.get("email"))}
        return {
            "contact_name": as_text(self.package.get("maintainer") or self.package.get("author") or self.extras.get("contact_name")),
            "contact_email": as_text(self.package.get("maintainer_email") or self.package.get("author_email") or self.extras.get("contact_email")),
        }

    def _spatial(self) -> dict[str, Any]:
        """Geometry and box, from the extra `spatial` or from ckanext-dcat's `spatial_coverage`."""
        listed = self.package.get("spatial_coverage")
        first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], Mapping) else {}
        value = self.package.get("spatial") or self.extras.get("spatial") or first.get("geom") or first.get("bbox")
        if value in (None, ""):
            return {}
        try:
            text = value if isinstance(value, str) else orjson.dumps(value).decode()
            shape = shapely.from_geojson(text)
            return {"geometry": geometry(shape), "bbox": bbox([float(side) for side in shape.bounds])}
        except (shapely.GEOSException, TypeError, ValueError, ValueProblem):
            self.notes.say(f"空间范围未辨认：{str(value)[:60]}", f"extent not understood: {str(value)[:60]}")
            return {}

    def _own(self) -> dict[str, Any]:
        """Extras that our own face wrote come back as the fields that they were."""
        found: dict[str, Any] = {}
        for key, value in self.extras.items():
            if key in _OWN or key.startswith("x."):
                found[key] = _value(value)
        sharing = {name: _value(self.extras[f"sharing_{name}"]) for name in ("type", "method", "conditions", "legal_basis") if f"sharing_{name}" in self.extras}
        if "type" in sharing:
            found["sharing"] = sharing
        if self.extras.get("opening") in ("open", "closed"):
            found["opening"] = {"open": self.extras["opening"] == "open", "conditions": _value(self.extras.get("opening_conditions"))}
        return found

    def _rest(self) -> dict[str, str]:
        heads = ("title_", "notes_", "sharing_", "opening_", "x.")
        rest = {key: value for key, value in self.extras.items() if key not in _USED and key not in _OWN and not key.startswith(heads)}
        rest |= {key: value for key, value in self.package.items() if key not in _KNOWN}
        kept = {key[:100]: value if isinstance(value, str) else excerpt(value) for key, value in rest.items() if value not in (None, "", [], {})}
        return dict(list(kept.items())[:100])

    def _resources(self) -> dict[str, Any]:
        listed = self.package.get("resources")
        found = []
        for each in listed if isinstance(listed, list) else []:
            if not isinstance(each, Mapping):
                continue
            title = language_map(each.get("name_translated")) or each.get("name")
            note = language_map(each.get("description_translated")) or each.get("description")
            said = as_text(each.get("format"))
            made = link(each.get("url"), title=title, note=note, formats=[said] if said else [], media=as_text(each.get("mimetype")))
            if made is None:
                self.notes.say(f"资源没有可用的网址：{str(each.get('url'))[:60]}", f"a resource has no web address: {str(each.get('url'))[:60]}")
            found.append(made)
        return links(found)


def _value(value: Any) -> Any:
    """An extra is text; JSON in it is read."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value
