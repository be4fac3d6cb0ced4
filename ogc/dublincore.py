"""csw:Record (brief, summary, full) out of a record, for CSW 2.0.2 and 3.0, from disclosed fields alone. Norm: OGC 07-006r1 10.2.5, 12-176r7 7.2."""

from typing import Any

from lxml import etree

from ogc import words
from ogc.iso19139 import Element, ElementSet, Sheet, clean

DC = "http://purl.org/dc/elements/1.1/"
DCT = "http://purl.org/dc/terms/"
CSW202 = "http://www.opengis.net/cat/csw/2.0.2"
CSW30 = "http://www.opengis.net/cat/csw/3.0"
OWS10 = "http://www.opengis.net/ows"
OWS20 = "http://www.opengis.net/ows/2.0"
#: Local names in the order of the schema, with the sets that hold them.
_BRIEF = ("dc:identifier", "dc:title", "dc:type")
_SUMMARY = (*_BRIEF, "dc:subject", "dc:format", "dc:relation", "dct:modified", "dct:abstract", "dct:spatial")
_NAMES = {"brief": "BriefRecord", "summary": "SummaryRecord", "full": "Record"}


def properties(sheet: Sheet, language: str) -> list[tuple[str, str, str | None]]:
    """(element, value, scheme) for everything that the record says in Dublin Core, in the order of the schema."""
    fields = sheet.fields
    themes = [words.label("themes", code, language) or code for code in words.words_of(fields.get("theme"))]
    provider = words.text_in(words.member(fields, "provider", "name"), language)
    formats = dict.fromkeys(each["format"] for _, each in words.resources(fields) if isinstance(each.get("format"), str))
    urls = [(link.url, link.protocol) for link in sheet.links] + [
        (each["url"], str(each.get("protocol") or "WWW:LINK")) for _, each in words.resources(fields) if isinstance(each.get("url"), str)
    ]
    found: list[tuple[str, Any, str | None]] = [
        ("dc:identifier", sheet.id, None),
        ("dc:title", words.text_in(fields.get("title"), language) or sheet.id, None),
        *(("dct:alternative", other, None) for other in words.others(fields.get("title"), language).values()),
        ("dc:type", fields.get("kind") or "dataset", None),
        *(("dc:subject", word, None) for word in dict.fromkeys([*words.keywords(fields, language), *themes])),
        *(("dc:format", name, None) for name in formats),
        *(("dct:references", url, protocol) for url, protocol in urls),
        *(("dc:relation", code, None) for code in words.words_of(fields.get("related"))),
        ("dct:modified", sheet.modified, None),
        ("dct:abstract", words.text_in(fields.get("summary"), language), None),
        ("dc:date", fields.get("issued"), None),
        ("dc:creator", provider, None),
        ("dc:publisher", provider, None),
        ("dc:source", words.text_in(fields.get("lineage"), language), None),
        ("dc:language", language, None),
        ("dc:rights", words.label("sharing", words.member(fields, "sharing", "type"), language), None),
        ("dc:rights", words.label("licenses", fields.get("license"), language), None),
        ("dct:spatial", fields.get("crs"), "http://www.opengis.net/def/crs"),
    ]
    return [(name, value, scheme) for name, value, scheme in found if isinstance(value, str) and value]


def write(sheet: Sheet, elements: ElementSet = "summary", language: str = "zh", *, version: str = "2.0.2", only: tuple[str, ...] = ()) -> Element:
    """Returns csw:BriefRecord, csw:SummaryRecord or csw:Record.

    Args:
        only: names of single elements (`dc:title`); wins over `elements`.
    """
    csw, ows = (CSW202, OWS10) if version == "2.0.2" else (CSW30, OWS20)
    namespaces = {"csw" if version == "2.0.2" else "csw30": csw, "dc": DC, "dct": DCT, "ows" if version == "2.0.2" else "ows20": ows}
    record = etree.Element(f"{{{csw}}}{'Record' if only else _NAMES[elements]}", nsmap=namespaces)
    wanted = set(only) or {"brief": set(_BRIEF), "summary": {*_SUMMARY, "dct:references"}}.get(elements)
    for name, value, scheme in properties(sheet, language):
        if wanted is None or name in wanted:
            prefix, _, local = name.partition(":")
            child = etree.SubElement(record, f"{{{DC if prefix == 'dc' else DCT}}}{local}", {"scheme": scheme} if scheme else {})
            child.text = clean(value)
    box = words.bbox(sheet.fields)
    if box and (not only or any(name.endswith(("BoundingBox", "Envelope")) for name in only)):
        west, south, east, north = box
        element = etree.SubElement(record, f"{{{ows}}}BoundingBox", {"crs": "urn:ogc:def:crs:EPSG::4326", "dimensions": "2"})
        # The URN form of EPSG:4326 is latitude, longitude.
        etree.SubElement(element, f"{{{ows}}}LowerCorner").text = f"{south} {west}"
        etree.SubElement(element, f"{{{ows}}}UpperCorner").text = f"{north} {east}"
    return record
