"""ISO 19139 as found in the wild, and XML that means harm."""

import pytest

from tests.catalog.intake import Intake

pytestmark = pytest.mark.soak_on("postgresql")

SPACES = {"gmd": "http://www.isotc211.org/2005/gmd", "gco": "http://www.isotc211.org/2005/gco", "gml": "http://www.opengis.net/gml/3.2"}
HEAD = "<gmd:MD_Metadata " + " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in SPACES.items()) + ">"


@pytest.fixture
def intake(store, tmp_path):
    return Intake(store, tmp_path)


def _el(path, *inner):
    """Elements in each other: `a/b` is b in a."""
    text = "".join(inner)
    for name in reversed(path.split("/")):
        tag = name if ":" in name else f"gmd:{name}"
        text = f"<{tag}>{text}</{tag}>"
    return text


def _text(path, value):
    return _el(f"{path}/gco:CharacterString", value)


def _code(name, code, value):
    return f'<gmd:{name}><gmd:{code} codeList="x" codeListValue="{value}"/></gmd:{name}>'


def _record(ident="", rest="", title="地下水監測"):
    citation = _text("citation/CI_Citation/title", title) if title else ""
    return f"{HEAD}{_text('fileIdentifier', 'abc-1')}{rest}{_el('identificationInfo/MD_DataIdentification', citation, ident)}</gmd:MD_Metadata>"


def _add(intake, text):
    result = intake.one(intake.file("r.xml", text))
    return result, intake.fields(result.id)


def test_a_full_record(intake):
    contact = _el(
        "contactInfo/CI_Contact",
        _text("phone/CI_Telephone/voice", "028-1"),
        _el("address/CI_Address", _text("city", "成都"), _text("electronicMailAddress", "a@example.org")),
    )
    party = _el("CI_ResponsibleParty", _text("individualName", "李四"), _text("organisationName", "省地質局"), contact, _code("role", "CI_RoleCode", "owner"))
    sides = (("westBoundLongitude", "103.1"), ("eastBoundLongitude", "104.50"), ("southBoundLatitude", "30"), ("northBoundLatitude", "31"))
    period = "<gml:beginPosition>2020</gml:beginPosition><gml:endPosition indeterminatePosition='now'/>"
    ident = "".join(
        (
            _text("abstract", "摘要"),
            _el("pointOfContact", party),
            _el("resourceMaintenance/MD_MaintenanceInformation", _code("maintenanceAndUpdateFrequency", "MD_MaintenanceFrequencyCode", "monthly")),
            _el("descriptiveKeywords/MD_Keywords", _text("keyword", "地下水"), _text("keyword", "wells")),
            _el("resourceConstraints/MD_SecurityConstraints", _code("classification", "MD_ClassificationCode", "restricted")),
            _el("spatialResolution/MD_Resolution/equivalentScale/MD_RepresentativeFraction/denominator/gco:Integer", "50000"),
            _el("topicCategory/MD_TopicCategoryCode", "inlandWaters"),
            _el("extent/EX_Extent/geographicElement/EX_GeographicBoundingBox", *(_el(f"{side}/gco:Decimal", value) for side, value in sides)),
            _el("extent/EX_Extent/temporalElement/EX_TemporalExtent/extent/gml:TimePeriod", period),
        )
    )
    link = _el("CI_OnlineResource", _el("linkage/URL", "https://example.org/wms?"), _text("protocol", "OGC:WMS"), _text("name", "圖層"))
    rest = "".join(
        (
            _code("hierarchyLevel", "MD_ScopeCode", "series"),
            _el("dateStamp/gco:Date", "2024-05-06"),
            _text("referenceSystemInfo/MD_ReferenceSystem/referenceSystemIdentifier/RS_Identifier/code", "urn:ogc:def:crs:EPSG::4490"),
            _el("distributionInfo/MD_Distribution/transferOptions/MD_DigitalTransferOptions/onLine", link),
            _text("dataQualityInfo/DQ_DataQuality/lineage/LI_Lineage/statement", "來源"),
        )
    )
    result, fields = _add(intake, _record(ident, rest))
    expected = {
        "title": {"zh": "地下水監測"},
        "summary": {"zh": "摘要"},
        "provider": {"name": {"zh": "省地質局"}},
        "contact_name": "李四",
        "contact_phone": "028-1",
        "contact_email": "a@example.org",
        "contact_address": "成都",
        "update_cycle": "monthly",
        "keywords": {"zh": ["地下水"], "en": ["wells"]},
        "scale": "1:50000",
        "theme": ["water"],
        "bbox": ["103.1", "30", "104.5", "31"],
        "time": ["2020-01-01", None],
        "kind": "series",
        "crs": "EPSG:4490",
        "lineage": {"zh": "來源"},
        "issued": "2024-05-06",
        "x.iso_identifier": "abc-1",
        "resources.link1": {"url": "https://example.org/wms?", "protocol": "OGC:WMS", "title": {"zh": "圖層"}, "kind": "service", "format": "wms"},
    }
    assert {name: fields.get(name) for name in expected} == expected
    assert intake.draft(result.id).secrecy == "internal" and fields["resources.original"]["format"] == "iso19139"


def test_other_languages_of_a_title(intake):
    other = '<gmd:LocalisedCharacterString locale="#locale-zho">水井</gmd:LocalisedCharacterString>'
    free = _el("citation/CI_Citation/title", "<gco:CharacterString>Wells</gco:CharacterString>", _el("PT_FreeText/textGroup", other))
    assert _add(intake, _record(free, _text("language", "eng"), title=None))[1]["title"] == {"en": "Wells", "zh": "水井"}


def test_what_is_not_understood_is_noted_and_left_out(intake):
    ident = "<gmd:topicCategory><gmd:MD_TopicCategoryCode>astrology</gmd:MD_TopicCategoryCode></gmd:topicCategory>"
    result, fields = _add(
        intake, _record(ident, _code("hierarchyLevel", "MD_ScopeCode", "spaceship") + "<gmd:dateStamp><gco:Date>yesterday</gco:Date></gmd:dateStamp>")
    )
    assert fields["kind"] == "dataset" and fields["theme"] == ["land"]  # the guess, and the caller's default
    assert {"astrology", "spaceship", "yesterday"} <= {word for _, en in result.notes for word in en.replace(":", " ").split()}


def test_a_record_inside_an_answer_of_a_catalogue(intake):
    result, fields = _add(intake, f'<csw:GetRecordByIdResponse xmlns:csw="http://www.opengis.net/cat/csw/2.0.2">{_record()}</csw:GetRecordByIdResponse>')
    assert fields["title"] == {"zh": "地下水監測"} and result.rows is None


def test_other_namespaces_of_the_same_norm(intake):
    assert _add(intake, _record().replace("http://www.isotc211.org/2005/gmd", "http://www.isotc211.org/2003/gmd"))[1]["title"] == {"zh": "地下水監測"}


BILLION = '<!DOCTYPE x [<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)) + "]>"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("<a><b></a>", "line 1"),
        ("<a", "well-formed"),
        (_record(title=None), "title"),
        ("<metadata><idinfo/></metadata>", "FGDC"),
        ('<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>', "DCAT"),
        ("<unknown/>", "unknown"),
        ("<html><body/></html>", "HTML"),
        (BILLION + _record(title="&a9;"), "entit"),
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + _record(title="&e;"), "entit"),
        ('<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>' + _record(), "entit|well-formed"),
        ("<a>" * 300 + "</a>" * 300, "deep|depth|well-formed"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "well-formed"),
        ("<a>\x01</a>", "well-formed"),
        (_record(title=" "), "title"),
    ],
)
def test_bad_xml_is_refused_in_words(intake, text, word):
    said = intake.refused(intake.file("r.xml", text))
    assert any(each in said for each in word.split("|")), said


def test_an_external_entity_is_never_read(intake, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET-CONTENT")
    said = intake.refused(intake.file("r.xml", f'<!DOCTYPE x [<!ENTITY e SYSTEM "{secret.as_uri()}">]>' + _record(title="&e;")))
    assert "SECRET-CONTENT" not in said


def test_too_large_for_metadata(intake, monkeypatch):
    from catalog.ingest import xml

    monkeypatch.setattr(xml, "MAX_XML", 100)
    assert "too large" in intake.refused(intake.file("r.xml", _record()))


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.gpkg", b"SQLite format 3\x00" + bytes(100), "GeoPackage"),
        ("a.pdf", b"%PDF-1.4", "PDF"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "PNG"),
        ("a.shp", b"\x00\x00\x27\x0a" + bytes(100), "Shapefile"),
        ("a.bin", b"\x00\x01\x02\x03" * 20, "text"),
        ("a.tif", b"II*\x00" + bytes(50), "TIFF"),
        ("a.tif", b"MM\x00*", "TIFF"),
        ("a.gz", b"\x1f\x8b\x08", "gzip"),
        ("a.ttl", b"@prefix dcat: <x> .\n", "RDF (ttl)"),
    ],
)
def test_other_kinds_are_refused_by_name(intake, name, content, word):
    assert word in intake.refused(intake.file(name, content))
