"""Words that the pages show for codes, dates and sizes, in the language of the request."""

from collections.abc import Iterable, Mapping
from typing import Any

from catalog.codes import label
from catalog.division_names import division_name
from node.i18n import N_, choose, language, translate

#: Field of a record → (message id of its label, code list of its values or None). In the order of the "All metadata" list.
FIELDS: Mapping[str, tuple[str, str | None]] = {
    "title": (N_("Title"), None),
    "summary": (N_("Summary"), None),
    "keywords": (N_("Keywords"), None),
    "code": (N_("Resource code"), None),
    "category": (N_("Category"), None),
    "kind": (N_("Kind"), "kinds"),
    "theme": (N_("Theme"), "themes"),
    "provider": (N_("Provider"), None),
    "territory": (N_("Territory"), None),
    "sharing": (N_("Sharing"), "sharing"),
    "opening": (N_("Opening"), None),
    "grade": (N_("Data grade"), "grades"),
    "update_cycle": (N_("Update cycle"), "update_cycles"),
    "issued": (N_("Issued"), None),
    "modified": (N_("Modified"), None),
    "time": (N_("Period covered"), None),
    "bbox": (N_("Extent"), None),
    "crs": (N_("Coordinate system"), None),
    "scale": (N_("Scale"), None),
    "lineage": (N_("Lineage"), None),
    "quality": (N_("Quality"), None),
    "license": (N_("Licence"), "licenses"),
    "map_approval": (N_("Map approval number"), None),
    "protected_until": (N_("Protected until"), None),
    "responsible_person": (N_("Responsible person"), None),
    "responsible_office": (N_("Responsible office"), None),
    "contact_name": (N_("Contact"), None),
    "contact_phone": (N_("Telephone"), None),
    "contact_email": (N_("E-mail"), None),
    "contact_address": (N_("Address"), None),
    "impact_assessment": (N_("Impact assessment"), None),
    "approval": (N_("Approval"), None),
    "related": (N_("Related resources"), None),
    "items": (N_("Fields"), None),
}


def _(message: str) -> str:
    return translate(message, "portal")


def field_label(name: str) -> str:
    """The label of a record's field; the name itself for fields of a profile."""
    known = FIELDS.get(name)
    return _(known[0]) if known else name


def code_label(list_name: str, code: object) -> str:
    """The name of a code; empty for none."""
    return label(list_name, code, language()) if isinstance(code, str) and code else ""


def place_names(codes: object) -> str:
    """Names of division codes, joined."""
    if not isinstance(codes, Iterable) or isinstance(codes, str):
        return ""
    return _(", ").join(division_name(code, language()) for code in codes if isinstance(code, str))


def dates(time: object) -> str:
    """A period `[start, end]` as text; open ends are named."""
    if not isinstance(time, list) or len(time) != 2 or not any(time):
        return ""
    start, end = (str(part) if part else "…" for part in time)
    return start if start == end else f"{start} – {end}"


def size(count: object) -> str:
    """A number of bytes in the unit that reads best."""
    if not isinstance(count, int):
        return ""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def field_text(name: str, value: Any) -> str:
    """One field's value as text; empty when there is nothing to say."""
    list_name = FIELDS.get(name, ("", None))[1]
    if value is None or value in ("", [], {}):
        return ""
    match name:
        case "keywords":
            return _(", ").join(_words(value))
        case "theme":
            return _(", ").join(code_label("themes", code) for code in value)
        case "territory":
            return place_names(value)
        case "provider":
            return choose(value.get("name")) + (f" ({value['code']})" if value.get("code") else "")
        case "sharing":
            parts = [code_label("sharing", value.get("type")), choose(value.get("conditions")), choose(value.get("legal_basis"))]
            return _("; ").join(part for part in parts if part)
        case "opening":
            opened = _("open to the public") if value.get("open") else _("not open to the public")
            return _("; ").join(part for part in (opened, choose(value.get("conditions"))) if part)
        case "time":
            return dates(value)
        case "items":
            return _(", ").join(str(item.get("name")) for item in value if isinstance(item, dict))
    if list_name:
        return code_label(list_name, value)
    return _plain(value)


def _words(keywords: Mapping[str, list[str]] | list[str]) -> list[str]:
    if isinstance(keywords, list):
        return keywords
    return keywords.get(language()) or next(iter(keywords.values()), [])


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return choose(value) if set(value) & {"zh", "en"} else _("; ").join(f"{key}: {_plain(part)}" for key, part in value.items() if part is not None)
    if isinstance(value, list):
        return _(", ").join(_plain(part) for part in value if part is not None)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return str(value)
