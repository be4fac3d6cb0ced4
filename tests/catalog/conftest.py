"""A site with its writer, and a record that is complete."""

from typing import Any

import pytest

from catalog.site import SiteIdentity
from catalog.store import Store
from catalog.writer import Draft, Published, Writer
from policies.actor import Actor

NODE = "n-" + "c" * 32
PEER = "n-" + "p" * 32

SITE = SiteIdentity(node=NODE, zone="business", division="510107", level="county", name={"zh": "武侯区", "en": "Wuhou"}, sector="land")
OFFICER = Actor(
    kind="person", node=NODE, person="zhang", sector="land", division="510107", level="county", clearance="internal", roles=frozenset({"clerk", "officer"})
)


def complete_fields(**changes: Any) -> dict[str, Any]:
    """Fields of a record that may be published; `changes` replace or, when None, remove some."""
    fields: dict[str, Any] = {
        "title": {"zh": "武侯区国土调查地块", "en": "Land survey parcels of Wuhou"},
        "summary": {"zh": "第三次国土调查的地块", "en": "Parcels of the third land survey"},
        "keywords": {"zh": ["土地", "调查"], "en": ["land", "survey"]},
        "category": "3070115",
        "provider": {"name": {"zh": "武侯区规划和自然资源局", "en": "Wuhou Bureau of Planning and Natural Resources"}, "code": "11510107MB1234567Q"},
        "items": [{"name": "dlbm", "title": {"zh": "地类编码", "en": "land class"}, "type": "text", "length": 5, "nullable": False, "sensitivity": "none"}],
        "sharing": {"type": "unconditional", "method": "platform"},
        "opening": {"open": True},
        "update_cycle": "yearly",
        "kind": "dataset",
        "theme": ["land"],
        "territory": ["510107"],
        "bbox": ["103.9", "30.5", "104.1", "30.7"],
        "grade": "general",
        "impact_assessment": {"zh": "无风险", "en": "no risk"},
        "approval": {"zh": "局长批准", "en": "approved by the head"},
        "responsible_person": "张三",
        "responsible_office": "调查科",
        "contact_name": "李四",
        "contact_phone": "028-12345678",
        "resources.data": {"title": {"zh": "地块", "en": "Parcels"}, "kind": "database", "format": "GeoJSON", "rows": True},
    }
    fields.update(changes)
    return {name: value for name, value in fields.items() if value is not None}


def publish(
    store: Store, writer: Writer, *, secrecy: str = "public", terms: dict[str, Any] | None = None, profile: str = "core/1", **changes: Any
) -> Published:
    """Adds and publishes a record in one transaction."""
    with store.write() as tx:
        id = writer.add_draft(tx, Draft(complete_fields(**changes), profile=profile, secrecy=secrecy, terms=terms), OFFICER)
        return writer.publish(tx, id, OFFICER)


@pytest.fixture
def site() -> SiteIdentity:
    return SITE
