"""What the generator makes: one record to be added, and the fields that each record has."""

from dataclasses import dataclass, field
from typing import Any

from deploy.demo.places import Place

NOTE_ZH = "【示例数据,系虚构】"
NOTE_EN = "[Demo data, made up] "


@dataclass(frozen=True, slots=True)
class Item:
    """One record to be added, with the data file behind it if there is one.

    Attributes:
        name: file name without its ending; unique within a site.
        fields: the record's fields (metadata.md).
        profile: name of its profile.
        secrecy: its secrecy.
        data: bytes of the data file, or None for metadata alone.
        suffix: ending of the data file, for example `.geojson`.
        key: key columns of its rows.
    """

    name: str
    fields: dict[str, Any]
    profile: str = "core"
    secrecy: str = "public"
    data: bytes | None = None
    suffix: str = ""
    key: list[str] = field(default_factory=list)


def base_fields(
    place: Place, zh: str, en: str, summary_zh: str, summary_en: str, *, theme: list[str], kind: str, sharing: str = "unconditional", opened: bool = True
) -> dict[str, Any]:
    """The fields that every record has."""
    fields: dict[str, Any] = {
        "title": {"zh": zh, "en": en},
        "summary": {"zh": NOTE_ZH + summary_zh, "en": NOTE_EN + summary_en},
        "provider": {"name": {"zh": place.agency_zh, "en": place.agency_en}, "code": credit_code(place.division)},
        "sharing": {"type": sharing, "method": "platform"},
        "opening": {"open": opened},
        "kind": kind,
        "theme": theme,
        "territory": [place.division],
        "category": "3/07/011",
        "crs": "EPSG:4490",
        "license": "CC-BY-4.0",
        "grade": "general",
        "update_cycle": "yearly",
        "impact_assessment": "共享对主体无不利影响(示例)",
        "approval": "负责人审签(示例)",
        "responsible_person": "王示例",
        "responsible_office": place.agency_zh,
        "contact_name": "李示例",
        "contact_phone": "028-00000000",
        "contact_email": "data@example.org",
        "resources.main": {"title": {"zh": "数据文件", "en": "data file"}, "kind": "file", "format": "ZIP", "media_type": "application/zip"},
    }
    if sharing == "conditional":
        fields["sharing"]["conditions"] = {"zh": "说明用途并经批准", "en": "state the purpose and be approved"}
    if sharing == "withheld":
        fields["sharing"]["legal_basis"] = {"zh": "《土地管理法》等(示例)", "en": "Land Administration Law and others (demo)"}
    return fields


def credit_code(division: str) -> str:
    """A made-up unified social credit code (GB 32100-2015) with a right check character, for a government body of a division."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    body = f"11{division}DEMO00000".replace("O", "0")[:17]
    weighted = sum(alphabet.index(char) * pow(3, index, 31) for index, char in enumerate(body))
    return body + alphabet[(31 - weighted % 31) % 31]


def decimal(value: float, digits: int = 4) -> str:
    """Shortest decimal text: canonical JSON has no floats."""
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")
