"""From a manifest and disclosed fields to what policies compare and what lists sort by: in this one place, for own and received records alike.

Rules:

* A field that is absent, disclosed as null, or withheld gives None: unknown to a policy (LANGUAGE 4). A list that is there and empty gives ().
* `level` and `division` are those of the authority, never of the data: own records take them from the site, received ones from the statements.
* A value of the wrong shape is treated as absent. A received record may hold anything; it must not become readable or break a page because of it.
* Dates are read at UTC+8, times are UTC (LANGUAGE 9).
"""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from typing import Any

import orjson

from catalog.canonical import dumps
from catalog.codes import code_list
from policies.divisions import is_code, normalise
from policies.terms import attributes_of_terms
from policies.values import UNKNOWN
from policies.vocabulary import SCALES

__all__ = [
    "LISTS",
    "attributes_of_row",
    "iso",
    "moment",
    "organisation",
    "policy_attributes",
    "policy_codes",
    "record_columns",
    "record_terms",
    "seconds_of_date",
]

#: List attributes: policy name → name in `record_term`. `n_<name>` is the column of the list's length.
LISTS = ("theme", "territory", "audience", "audience_nodes", "purposes")

#: Policy attribute → the field that it is read from.
FIELD_OF = {
    "kind": "kind",
    "sharing": "sharing",
    "opening": "opening",
    "grade": "grade",
    "territory": "territory",
    "theme": "theme",
    "embargo": "protected_until",
    "issued": "issued",
}

_UTC8 = 8 * 3600
_DAY = 86_400
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?\Z")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\Z")


@lru_cache(maxsize=64)
def iso(seconds: int) -> str:
    """UTC seconds as ISO 8601 with Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of_date(value: object, *, end: bool = False) -> int | None:
    """UTC seconds of a date (`YYYY`, `YYYY-MM`, `YYYY-MM-DD`, at UTC+8) or of a time with Z; None when it is neither.

    Args:
        value: the text.
        end: the first second after the year, month or day instead of its first one.
    """
    if not isinstance(value, str):
        return None
    return _seconds(value, end) if len(value) <= 40 else _seconds.__wrapped__(value, end)  # what strangers write is not kept at any length


@lru_cache(maxsize=4_096)
def _seconds(value: str, end: bool) -> int | None:
    if _TIME.match(value):
        try:
            return int(datetime.fromisoformat(value).timestamp())
        except ValueError:
            return None
    found = _DATE.match(value)
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2] or 1), int(found[3] or 1)
    try:
        start = date(year, month, day)
        if end and found[3]:
            return _midnight(start) + _DAY
        if end and found[2]:
            return _midnight(date(year + month // 12, month % 12 + 1, 1))
        return _midnight(date(year + 1, 1, 1) if end else start)
    except ValueError:
        return None


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) - _UTC8


def moment(value: object) -> int | None:
    """UTC seconds of `YYYY-MM-DDTHH:MM:SSZ`, or None."""
    return seconds_of_date(value) if isinstance(value, str) and _TIME.match(value) else None


def policy_attributes(
    manifest: Mapping[str, Any], fields: Mapping[str, Any], *, level: str | None, division: str | None, own: bool, withheld: Collection[str] = ()
) -> dict[str, object]:
    """What a policy may compare of one version: names of policy-language.md without the prefix `record.`.

    Args:
        manifest: parsed.
        fields: the disclosed fields.
        level: of the authority.
        division: of the authority.
        own: whether this site's node is the authority (decides what absent terms mean, LANGUAGE 18).
        withheld: fields of the profile that were not disclosed to this site.
    """
    opened = _mapping(fields.get("opening")).get("open")
    found = {
        "id": manifest["id"],
        "kind": _text(fields.get("kind")),
        "profile": str(manifest.get("profile") or "").partition("/")[0] or None,
        "sharing": _text(_mapping(fields.get("sharing")).get("type")),
        "opening": ("open" if opened else "closed") if isinstance(opened, bool) else None,
        "secrecy": _scale("secrecy", manifest.get("secrecy")),
        "grade": _scale("grade", fields.get("grade")),
        "level": _scale("level", level),
        "authority": manifest["authority"],
        "division": division,
        "embargo": seconds_of_date(fields.get("protected_until")),
        "issued": seconds_of_date(fields.get("issued")),
        "own": own,
        "territory": _divisions(fields.get("territory")),
        "theme": _texts(fields.get("theme")),
        "variants": _variants(fields),
        **_of_terms(manifest.get("terms")),
    }
    return _veiled(found, withheld)


def attributes_of_row(row: Any, fields: Mapping[str, Any]) -> dict[str, object]:
    """The same as `policy_attributes` gave when the record was written, from its row: for every read, hence without parsing the manifest.

    Args:
        row: of `record`.
        fields: its `fields`, parsed.
    """
    found = {
        "id": row.id,
        "kind": row.kind,
        "profile": row.profile,
        "sharing": row.sharing,
        "opening": row.opening,
        "secrecy": _word("secrecy", row.secrecy),
        "grade": _word("grade", row.grade),
        "level": _word("level", row.level),
        "authority": row.authority,
        "division": row.division,
        "embargo": row.embargo,
        "issued": row.issued,
        "own": row.origin != "received",
        "territory": _divisions(fields.get("territory")),
        "theme": _texts(fields.get("theme")),
        "variants": _variants(fields) if '"variants.' in row.fields else None,
        **(_NO_TERMS if row.terms is None else _of_terms(orjson.loads(row.terms))),
    }
    return found if len(row.withheld) <= 2 else _veiled(found, orjson.loads(row.withheld))


def _veiled(found: dict[str, object], withheld: Collection[str]) -> dict[str, object]:
    """Marks what was not disclosed to this site: unknown, which is not the same as absent (PROTOCOL 2.3)."""
    for name, field in FIELD_OF.items():
        if field in withheld:
            found[name] = UNKNOWN
    return found


def _variants(fields: Mapping[str, Any]) -> dict[str, tuple[str, ...]] | None:
    """The record's variants: name → names that it is coarser than."""
    found = {name[9:]: value for name, value in fields.items() if name.startswith("variants.") and isinstance(value, Mapping)}
    return {name: _texts(value.get("coarser_than")) or () for name, value in found.items()} if found else None


def _of_terms(terms: object) -> dict[str, object]:
    return {**attributes_of_terms(terms if isinstance(terms, Mapping) else None), "terms": terms}


def _word(scale: str, rank: int | None) -> str | None:
    return None if rank is None else SCALES[scale][rank]


def record_columns(attributes: Mapping[str, Any], fields: Mapping[str, Any], time: int) -> dict[str, Any]:
    """The columns of `record` that policies, lists and maps use.

    Args:
        attributes: of `policy_attributes`.
        fields: the disclosed fields.
        time: of the manifest, UTC seconds.
    """
    stated = {name: None if value is UNKNOWN else value for name, value in attributes.items()}  # NULL is absent *or* withheld
    west, south, east, north = _bbox(fields.get("bbox"))
    span = fields.get("time")
    start, end = (span[0], span[1]) if isinstance(span, list) and len(span) == 2 else (None, None)
    until = seconds_of_date(end, end=True)
    issued = stated["issued"]
    onward = stated["onward"]
    return {
        **{name: stated[name] for name in ("kind", "profile", "sharing", "opening", "division", "embargo", "issued")},
        **{scale: _rank(scale, stated[scale]) for scale in ("secrecy", "grade", "level")},
        "terms": None if stated["terms"] is None else dumps(stated["terms"]).decode(),
        "terms_until": stated["terms_expire"],
        "onward": None if onward is None else int(onward),
        **{f"n_{name}": _length(name, stated[name]) for name in LISTS},
        "modified": time,
        "sort_title": _sort_title(fields.get("title")),
        "org": organisation(attributes, fields),
        "year": _year(time if issued is None else issued + _UTC8),
        "formats": _formats(fields),
        "west": west,
        "south": south,
        "east": east,
        "north": north,
        "time_from": seconds_of_date(start),
        "time_to": None if until is None else until - 1,
    }


def record_terms(attributes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The members of a record's lists: `(attribute, value)`."""
    lists = [(name, attributes[name]) for name in LISTS]
    return [(name, value) for name, values in lists if isinstance(values, tuple) for value in dict.fromkeys(values) if _storable(name, value)]


def _storable(name: str, value: str) -> bool:
    """Members of division lists that are no codes are not stored: no comparison may take them for one."""
    return name not in ("territory", "audience") or is_code(value)


def organisation(attributes: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
    """Key of the providing department: its unified social credit code, else the authority's node id."""
    code = _mapping(fields.get("provider")).get("code")
    return code if isinstance(code, str) and code else str(attributes["authority"])


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        return None
    return tuple(value)


def _divisions(value: object) -> tuple[str, ...] | None:
    """Codes in their one written form, retired ones mapped; what is no code stays, and makes the list incomplete (LANGUAGE 5)."""
    codes = _texts(value)
    return None if codes is None else tuple(dict.fromkeys(normalise(code).code if is_code(code) else code for code in codes))


def _scale(name: str, value: object) -> str | None:
    return value if isinstance(value, str) and value in SCALES[name] else None


def _rank(scale: str, value: str | None) -> int | None:
    return None if value is None else SCALES[scale].index(value)


def _length(name: str, members: Iterable[str] | None) -> int | None:
    """NULL also when a foreign code is inside, so that "has none of" cannot be proved (LANGUAGE 5)."""
    if members is None or not _all_known(name, members):
        return None
    return len(set(members))


def _all_known(name: str, members: Iterable[str]) -> bool:
    if name in ("territory", "audience"):
        return all(is_code(member) for member in members)
    known = policy_codes().get(f"record.{name}")
    return known is None or all(member in known for member in members)


@cache
def policy_codes() -> Mapping[str, frozenset[str]]:
    """The closed code lists of record attributes that are lists: what `policies.load` needs as `codes`, and what `n_…` is counted by."""
    themes = code_list("themes")
    return {"record.theme": frozenset(themes.codes)} if themes.closed else {}


def _sort_title(title: object) -> str | None:
    texts = _mapping(title)
    for language in ("zh", "en", *sorted(texts)):
        value = texts.get(language)
        if isinstance(value, str) and value:
            return value.casefold()[:200]
    return None


def _year(seconds: int) -> int | None:
    year = datetime.fromtimestamp(seconds, UTC).year if 0 <= seconds < 253_402_300_800 else None
    return year if year is None or 1 <= year <= 9999 else None


def _formats(fields: Mapping[str, Any]) -> str | None:
    found = {
        value["format"].strip().lower().replace(" ", "-")
        for name, value in fields.items()
        if name.startswith("resources.") and isinstance(value, Mapping) and isinstance(value.get("format"), str) and value["format"].strip()
    }
    return " ".join(sorted(found)) or None


def _bbox(value: object) -> tuple[float | None, float | None, float | None, float | None]:
    if value is None:
        return None, None, None, None
    try:
        west, south, east, north = (float(part) for part in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return None, None, None, None
    inside = -180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90
    return (west, south, east, north) if inside else (None, None, None, None)


_NO_TERMS = _of_terms(None)
