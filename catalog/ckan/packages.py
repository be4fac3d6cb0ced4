"""A record as a CKAN dataset: the same keys and types as CKAN 2.12's `package_show`.

`id` is the record's uuid, `name` its slug; organization = providing department, groups = themes, tags = keywords. What CKAN has no place for rides in `extras`
under English names (README.md lists them), as text: JSON where it is more than one value. Only what the reader disclosed is here.
"""

import base64
import binascii
import datetime
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson
import shapely

from catalog.ckan.names import minted, organization_name, resource_id
from catalog.ckan.settings import Around
from catalog.codes import code_list
from catalog.views import RecordView

#: Fields that go to `extras` as they are: field → key.
_PLAIN = {
    "category": "category", "code": "code", "items": "items", "update_cycle": "update_cycle", "issued": "issued", "related": "related", "kind": "kind",
    "territory": "territory", "crs": "crs", "crs_note": "crs_note", "scale": "scale", "lineage": "lineage", "grade": "grade", "quality": "quality",
    "impact_assessment": "impact_assessment", "approval": "approval", "map_approval": "map_approval", "protected_until": "protected_until",
    "responsible_person": "responsible_person", "responsible_office": "responsible_office", "contact_phone": "contact_phone",
    "contact_address": "contact_address", "secrecy_term": "secrecy_term", "operation": "operation",
}  # fmt: skip
_OPEN = frozenset(("open-government", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "odbl-1.0"))
#: Licenses that CKAN knows by another id; with its own it sees that they are open.
_CKAN_LICENSES = {"cc0-1.0": "cc-zero", "cc-by-4.0": "cc-by", "cc-by-sa-4.0": "cc-by-sa", "odbl-1.0": "odc-odbl"}
NO_LICENSE = "notspecified"
#: How CKAN writes the formats that are not all capitals.
_FORMATS = {
    "geojson": "GeoJSON", "geotiff": "GeoTIFF", "netcdf": "NetCDF", "opendap": "OPeNDAP", "iso19139": "ISO 19139", "ogcapi": "OGC API", "fgb": "FlatGeobuf",
}  # fmt: skip


def package(view: RecordView, around: Around) -> dict[str, Any]:
    """The dataset dict of a record."""
    fields = view.fields
    organization = organization_of(view, around)
    themes = [group_reference(code, around) for code in fields.get("theme") or ()]
    tags = [tag(name) for name in keywords(view)]
    resources = list(resources_of(view, around))
    created = _created(view)
    provider = fields.get("provider")
    return {
        "author": around.choose(provider.get("name")) if isinstance(provider, dict) else None,
        "author_email": None,
        "creator_user_id": None,
        "id": view.uuid,
        **license_of(fields.get("license"), around),
        "maintainer": fields.get("contact_name"),
        "maintainer_email": fields.get("contact_email"),
        "metadata_created": created,
        "metadata_modified": stamp(view.modified),
        "name": view.slug,
        "notes": around.choose(fields.get("summary")),
        "num_resources": len(resources),
        "num_tags": len(tags),
        "organization": organization,
        "owner_org": organization["id"],
        "private": False,
        "state": "active",
        "title": view.title(around.language),
        "type": "dataset",
        "url": f"{around.base}/dataset/{view.slug}",
        "version": str(view.version),
        "extras": [{"key": key, "value": value} for key, value in sorted(extras(view).items())],
        "groups": themes,
        "resources": resources,
        "tags": tags,
        "relationships_as_subject": [],
        "relationships_as_object": [],
    }


@lru_cache(maxsize=10_000)
def stamp(seconds: int) -> str:
    """UTC seconds as CKAN writes times."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def _created(view: RecordView) -> str:
    issued = view.fields.get("issued")
    return f"{issued}T00:00:00.000000" if isinstance(issued, str) else stamp(view.modified)


def license_of(code: object, around: Around) -> dict[str, Any]:
    """The license keys. Without a license CKAN's own word for it."""
    if not isinstance(code, str):
        return {"isopen": False, "license_id": NO_LICENSE, "license_title": "License not specified"}
    known = code_list("licenses").codes.get(code)
    found: dict[str, Any] = {"isopen": code in _OPEN, "license_id": license_id(code), "license_title": known.name(around.language) if known else code}
    url = known.other.get("url") if known else None
    return found | ({"license_url": url} if url else {})


def license_id(code: str) -> str:
    """How CKAN calls a license."""
    return _CKAN_LICENSES.get(code, code)


def license_codes(id: str) -> list[str]:
    """How we call a license that is asked for by CKAN's id or by ours."""
    return [id, *(code for code, known in _CKAN_LICENSES.items() if known == id)]


def is_open(code: str) -> bool:
    """Whether a license is an open one."""
    return code in _OPEN


def organization_of(view: RecordView, around: Around) -> dict[str, Any]:
    """The short form of the providing department that a dataset carries."""
    provider = view.fields.get("provider")
    title = around.choose(provider.get("name")) if isinstance(provider, dict) else ""
    return {
        "id": minted("organization", view.org), "name": organization_name(view.org), "title": title or organization_name(view.org), "type": "organization",
        "description": "", "image_url": "", "created": _EPOCH, "is_organization": True, "approval_status": "approved", "state": "active",
    }  # fmt: skip


#: Departments and themes were not made at a time that we know.
_EPOCH = "1970-01-01T00:00:00.000000"


def group_title(code: str, around: Around) -> str:
    """A theme's name."""
    known = code_list("themes").codes.get(code)
    return known.name(around.language) if known else code


def group_reference(code: str, around: Around) -> dict[str, Any]:
    """The short form of a theme that a dataset carries."""
    title = group_title(code, around)
    return {"description": "", "display_name": title, "id": minted("group", code), "image_display_url": "", "name": code, "title": title}


def keywords(view: RecordView) -> list[str]:
    """The keywords of all languages, each once, sorted."""
    words = view.fields.get("keywords")
    return sorted({word for each in words.values() if isinstance(each, list) for word in each}) if isinstance(words, dict) else []


def tag(name: str) -> dict[str, Any]:
    """A keyword as a dataset carries it."""
    return {"display_name": name, "id": minted("tag", name), "name": name, "state": "active", "vocabulary_id": None}


def format_name(code: str) -> str:
    """A format as CKAN writes it."""
    folded = code.strip().lower()
    return _FORMATS.get(folded, folded.upper() if len(folded) <= 5 else code)


def resources_of(view: RecordView, around: Around) -> Iterator[dict[str, Any]]:
    """The resources that are disclosed, in the order of their ids."""
    named = sorted(name for name in view.fields if name.startswith("resources."))
    for position, name in enumerate(named):
        value = view.fields[name]
        if isinstance(value, dict):
            yield _resource(view, around, position, name.removeprefix("resources."), value)


def _resource(view: RecordView, around: Around, position: int, own: str, value: dict[str, Any]) -> dict[str, Any]:
    id = resource_id(view.uuid, own)
    stored = isinstance(value.get("sha256"), str)
    rows = bool(value.get("rows"))
    url, kind = value.get("url"), None
    if stored and "files" in view.may:
        url, kind = f"{around.base}/dataset/{view.slug}/file/{own}", "upload"
    elif not url:
        url, kind = f"{around.base}/datastore/dump/{id}" if rows else f"{around.base}/dataset/{view.slug}", "datastore" if rows else None
    return {
        "cache_last_updated": None, "cache_url": None, "created": _created(view), "datastore_active": rows, "description": "",
        "format": format_name(str(value.get("format") or "")), "hash": value.get("sha256") or "", "id": id, "last_modified": stamp(view.modified),
        "metadata_modified": stamp(view.modified), "mimetype": value.get("media_type"), "mimetype_inner": None,
        "name": around.choose(value.get("title")) or own, "package_id": view.uuid, "position": position, "resource_type": value.get("kind"),
        "size": value.get("size"), "state": "active", "url": url, "url_type": kind,
    }  # fmt: skip


def extras(view: RecordView) -> dict[str, str]:
    """What CKAN has no place for, by English name."""
    fields = view.fields
    found: dict[str, Any] = {key: fields[name] for name, key in _PLAIN.items() if name in fields}
    found |= {name: value for name, value in fields.items() if name.startswith("x.")}
    for name, key in (("title", "title"), ("summary", "notes")):
        texts = fields.get(name)
        if isinstance(texts, dict):
            found |= {f"{key}_{language}": text for language, text in texts.items()}
    provider, sharing, opening = (_members(fields, name) for name in ("provider", "sharing", "opening"))
    found |= {"provider_code": provider.get("code")}
    found |= {"sharing_type": sharing.get("type"), "sharing_method": sharing.get("method"), "sharing_conditions": sharing.get("conditions"),
              "sharing_legal_basis": sharing.get("legal_basis")}  # fmt: skip
    found |= {"opening": ("open" if opening["open"] else "closed") if "open" in opening else None, "opening_conditions": opening.get("conditions")}
    found |= {"guid": view.id, "authority": view.authority, "division": view.division, "origin": view.origin, "may": sorted(view.may)}
    found |= {"withheld": list(view.withheld) or None, "spatial": spatial(fields)}
    period = fields.get("time")
    if isinstance(period, list) and len(period) == 2:
        found |= {"temporal_start": period[0], "temporal_end": period[1]}
    return {key: value if isinstance(value, str) else _json(value) for key, value in found.items() if value is not None}


def _json(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _members(fields: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


def spatial(fields: Mapping[str, Any]) -> str | None:
    """The geometry as GeoJSON text, as ckanext-spatial keeps it; else the box."""
    wkb = fields.get("geometry")
    if isinstance(wkb, str):
        try:
            return str(shapely.to_geojson(shapely.from_wkb(base64.urlsafe_b64decode(wkb + "=" * (-len(wkb) % 4)))))
        except (shapely.errors.ShapelyError, binascii.Error):
            return None
    box = fields.get("bbox")
    if not (isinstance(box, list) and len(box) == 4):
        return None
    west, south, east, north = (float(edge) for edge in box)
    if west > east:  # over the antimeridian: two boxes (RFC 7946 3.1.9)
        return orjson.dumps({"type": "MultiPolygon", "coordinates": [_ring(west, south, 180, north), _ring(-180, south, east, north)]}).decode()
    return orjson.dumps({"type": "Polygon", "coordinates": _ring(west, south, east, north)}).decode()


def _ring(west: float, south: float, east: float, north: float) -> list[list[list[float]]]:
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]
