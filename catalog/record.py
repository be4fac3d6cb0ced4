"""The fields of a record: names, types, and how they are brought into their one stored form.

A record's content is a flat map `field name → value`; each field is disclosed, hidden or masked by itself, so what must be withheld alone is a field of
its own (`contact_name`, `contact_phone`, …). `CORE` are the national core metadata and what metadata.md adds; a profile adds `x.<name>`; each file, table
or service is `resources.<rid>`; each narrower form of the record's geometry, series or file is `variants.<name>`.

`clean` never stops at the first error: it returns what is good and names everything that is wrong, in Chinese and English. Pure; no I/O but the packaged
code lists.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from catalog.canonical import JSON, dumps, members
from catalog.errors import CanonicalError
from catalog.field_types import ValueProblem, clean_value
from catalog.manifest import is_field_name

__all__ = ["CARD_FIELDS", "CORE", "Cleaned", "Problem", "clean", "formats", "resources", "type_of"]

#: Field → type, in the order in which people read them. Numbers: items of the national core metadata.
CORE: Mapping[str, str] = {
    "title": "title",  # 2
    "summary": "texts",  # 6
    "keywords": "keywords",
    "category": "text",  # 1
    "code": "text",  # 3
    "provider": "provider",  # 4, 5
    "items": "items",  # 8
    "sharing": "sharing",  # 9
    "opening": "opening",  # 10
    "update_cycle": "code:update_cycles",  # 11
    "issued": "date",  # 12
    "modified": "moment",
    "related": "identifiers",  # 13
    "kind": "code:kinds",
    "theme": "codes:themes",
    "territory": "divisions",
    "bbox": "bbox",
    "geometry": "geometry",
    "time": "period",
    "crs": "crs",
    "crs_note": "texts",
    "scale": "scale",
    "lineage": "texts",
    "contact_name": "text",
    "contact_phone": "text",
    "contact_email": "text",
    "contact_address": "text",
    "responsible_person": "text",
    "responsible_office": "text",
    "license": "code:licenses",
    "grade": "code:grades",
    "impact_assessment": "texts",
    "approval": "texts",
    "map_approval": "text",
    "protected_until": "date",
    "quality": "texts",
    "secrecy_term": "text",
    "operation": "boolean",
}

#: What *discover* alone discloses (beside what the manifest says).
CARD_FIELDS = frozenset(
    ("title", "keywords", "provider", "sharing", "opening", "kind", "theme", "territory", "update_cycle", "grade", "protected_until", "issued"),
)

MAX_FIELDS = 3_000
MAX_BYTES = 4_194_304


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong or missing, for one field."""

    field: str
    zh: str
    en: str

    def as_dict(self) -> dict[str, str]:
        """For JSON answers."""
        return {"field": self.field, "zh": self.zh, "en": self.en}


def type_of(name: str, profile_types: Mapping[str, str] | None = None) -> str | None:
    """The type of a field, or None when there is no field of that name."""
    if name in CORE:
        return CORE[name]
    if not is_field_name(name):
        return None
    head, dot, _ = name.partition(".")
    if not dot:
        return None
    if head == "resources":
        return "resource"
    return (profile_types or {}).get(name, "json")


class Cleaned(NamedTuple):
    """What `clean` makes of fields.

    Attributes:
        fields: the good ones in their stored form.
        written: each of them in canonical form, as text.
        problems: everything that is wrong with the others.
    """

    fields: dict[str, JSON]
    written: dict[str, str]
    problems: list[Problem]


def clean(fields: Mapping[str, Any], profile_types: Mapping[str, str] | None = None, known: Mapping[str, str] = MappingProxyType({})) -> Cleaned:
    """Brings fields into their stored form.

    Args:
        fields: field name → loose value; None, empty texts and empty lists mean absent.
        profile_types: types of the profile's `x.<name>` fields.
        known: what `written` said of those that came out of here before, for the same profile, and are unchanged: they are not cleaned again.
    """
    good: dict[str, JSON] = {}
    new: dict[str, JSON] = {}
    problems: list[Problem] = []
    if len(fields) > MAX_FIELDS:
        return Cleaned(good, {}, [Problem("*", f"字段超过 {MAX_FIELDS} 个", f"more than {MAX_FIELDS} fields")])
    for name, value in fields.items():
        if name in known:
            good[name] = value
            continue
        kind = type_of(name, profile_types) if isinstance(name, str) else None
        if kind is None:
            problems.append(Problem(str(name)[:80], "没有这个字段", "there is no such field"))
            continue
        if not value and (value is None or value == "" or value == [] or value == {}):
            continue
        try:
            good[name] = new[name] = clean_value(kind, value)
        except (ValueProblem, CanonicalError) as problem:
            problems.append(Problem(name, problem.zh, problem.en))
    try:
        texts = members(new)
    except CanonicalError:
        problems += _not_canonical(good, new)
        texts = members(new)
    written = {**{name: known[name] for name in good if name in known}, **texts} if known else texts
    if 4 * sum(map(len, written.values())) > MAX_BYTES and (size := len(dumps(good))) > MAX_BYTES:  # no character takes more than four bytes
        problems.append(Problem("*", f"记录过大：{size} 字节，上限 {MAX_BYTES}", f"the record is too large: {size} bytes, at most {MAX_BYTES}"))
    return Cleaned(good, written, problems)


def _not_canonical(good: dict[str, JSON], new: dict[str, JSON]) -> list[Problem]:
    """Takes away the fields that cannot be written, and says which."""
    problems = []
    for name in list(new):
        try:
            dumps({name: new[name]})
        except CanonicalError as problem:
            problems.append(Problem(name, problem.zh, problem.en))
            del good[name], new[name]
    return problems


def resources(fields: Mapping[str, JSON]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The resources of a record as (resource id, resource), in the order of their ids."""
    for name in sorted(fields):
        value = fields[name]
        if name.startswith("resources.") and isinstance(value, Mapping):
            yield name.removeprefix("resources."), value


def formats(fields: Mapping[str, JSON]) -> list[str]:
    """The formats of a record's resources, each once, sorted."""
    return sorted({str(resource["format"]) for _, resource in resources(fields) if resource.get("format")})
