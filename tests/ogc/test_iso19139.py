"""ISO 19139 and Dublin Core out of a record: valid by the schema, complete, and never more than the disclosed fields."""

from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from lxml import etree
from owslib.csw import CswRecord
from owslib.iso import MD_Metadata

from ogc import dublincore, iso19139
from ogc.iso19139 import Link, Sheet

FIELDS: dict[str, Any] = {
    "title": {"zh": "武侯区宗地", "en": "Parcels of Wuhou"},
    "summary": {"zh": "宗地界线与用途", "en": "Boundaries and uses of parcels"},
    "keywords": {"zh": ["宗地", "土地"], "en": ["parcels"]},
    "category": "3A1", "code": "3A1/00000017", "kind": "dataset", "theme": ["land", "realestate"], "territory": ["510107"],
    "provider": {"name": {"zh": "武侯区规划和自然资源局", "en": "Bureau of Wuhou"}},
    "sharing": {"type": "conditional", "conditions": {"zh": "凭授权", "en": "by grant"}},
    "update_cycle": "monthly", "issued": "2024-05-01", "modified": "2024-06-01", "crs": "EPSG:4490", "scale": "1:10000",
    "bbox": ["103.987654321", "30.60", "104.09", "30.68"], "time": ["2020-01-01", None],
    "lineage": {"zh": "实测"}, "contact_name": {"zh": "王某"}, "contact_phone": "028-1234", "contact_email": "a@example.cn", "license": "cc-by-4.0",
    "resources.r1": {"title": {"zh": "图层", "en": "layer"}, "format": "gpkg", "url": "https://example.cn/a.gpkg", "protocol": "WWW:DOWNLOAD"},
}  # fmt: skip
LINK = Link("http://127.0.0.1/ogc", "OGC:API-Features", "x")
SHEET = Sheet("urn:terrace:00000000-0000-4000-8000-000000000001", FIELDS, "2024-06-01T00:00:00Z", "n-abc", (LINK,))


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    root = Path(str(distribution("pycsw").locate_file("pycsw"))) / "plugins" / "profiles" / "apiso" / "schemas" / "ogc" / "iso" / "19139" / "20060504"
    parts = "".join(f'<xs:import namespace="http://www.isotc211.org/2005/{n}" schemaLocation="{(root / n / f"{n}.xsd").as_uri()}"/>' for n in ("gmd", "srv"))
    return etree.XMLSchema(etree.fromstring(f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{parts}</xs:schema>'))


@pytest.mark.parametrize("kind", ["dataset", "series", "service", "map", "imagery", "standard", "product", "document", "strange", None])
@pytest.mark.parametrize("elements", ["brief", "summary", "full"])
def test_every_kind_and_element_set_is_valid_by_the_schema(schema: etree.XMLSchema, kind: str | None, elements: Any) -> None:
    written = iso19139.write(Sheet(SHEET.id, {**FIELDS, "kind": kind}, SHEET.modified, SHEET.authority, SHEET.links), elements)
    schema.assertValid(etree.fromstring(etree.tostring(written)))


def test_a_record_with_nothing_but_an_id_is_still_valid(schema: etree.XMLSchema) -> None:
    schema.assertValid(etree.fromstring(etree.tostring(iso19139.write(Sheet(SHEET.id, {}, SHEET.modified, "n-abc")))))


@pytest.mark.parametrize("wrong", [5, None, [], {}, "x\x00y", {"zh": 5}, [{"a": 1}], {"name": {"zh": ["x"]}}])
def test_a_received_record_of_any_shape_breaks_no_answer(schema: etree.XMLSchema, wrong: Any) -> None:
    sheet = Sheet(SHEET.id, dict.fromkeys(FIELDS, wrong), SHEET.modified, "n-abc")
    schema.assertValid(etree.fromstring(etree.tostring(iso19139.write(sheet))))
    for element in (iso19139.write(sheet), dublincore.write(sheet, "full"), dublincore.write(sheet, "full", version="3.0.0")):
        etree.fromstring(etree.tostring(element))


def test_owslib_reads_back_what_was_written() -> None:
    read = MD_Metadata(etree.fromstring(etree.tostring(iso19139.write(SHEET))))
    assert read.identifier == SHEET.id and read.hierarchy == "dataset" and read.datestamp == SHEET.modified
    info = read.identification
    assert info.title == "武侯区宗地" and info.abstract == "宗地界线与用途" and info.denominators == ["10000"]
    assert (info.bbox.minx, info.bbox.miny, info.bbox.maxx, info.bbox.maxy) == ("103.987654321", "30.60", "104.09", "30.68")
    assert "planningCadastre" in info.topiccategory and "宗地" in info.keywords[0]["keywords"]
    assert [o.url for o in read.distribution.online] == ["http://127.0.0.1/ogc", "https://example.cn/a.gpkg"]
    assert read.contact[0].organization == "武侯区规划和自然资源局" and read.contact[0].phone == "028-1234"


def test_dublin_core_has_its_three_sets_and_a_box_in_the_order_of_its_crs() -> None:
    full = CswRecord(etree.fromstring(etree.tostring(dublincore.write(SHEET, "full"))))
    assert full.identifier == SHEET.id and full.title == "武侯区宗地" and full.alternative == "Parcels of Wuhou" and full.type == "dataset"
    assert full.subjects[:2] == ["宗地", "土地"] and full.modified == SHEET.modified and full.publisher == "武侯区规划和自然资源局"
    assert (full.bbox.minx, full.bbox.maxy) == ("103.987654321", "30.68")
    brief = dublincore.write(SHEET, "brief")
    assert brief.tag.endswith("BriefRecord") and {etree.QName(child).localname for child in brief} == {"identifier", "title", "type", "BoundingBox"}


def test_a_withheld_field_leaves_no_trace() -> None:
    hidden = {name: value for name, value in FIELDS.items() if name not in ("contact_phone", "summary", "bbox", "lineage")}
    sheet = Sheet(SHEET.id, hidden, SHEET.modified, SHEET.authority)
    for element in (iso19139.write(sheet), dublincore.write(sheet, "full")):
        text = etree.tostring(element, encoding="unicode")
        assert not any(word in text for word in ("028-1234", "宗地界线与用途", "103.987654321", "实测"))
