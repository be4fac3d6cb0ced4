"""CKAN, DCAT, DCAT-US, STAC, FGDC, lines of JSON, zips and folders: what becomes a record, and with which fields."""

import io
import json
import zipfile

import pytest
from sqlalchemy import func, select

from catalog.audit import verify_chain
from catalog.tables import draft, record
from tests.catalog.intake import Intake

pytestmark = pytest.mark.soak_on("postgresql")

PACKAGE = {
    "id": "6c8e…1",
    "name": "wells",
    "title": "监测井",
    "notes": "说明",
    "tags": [{"name": "地下水"}, {"name": "wells"}],
    "license_id": "cc-by",
    "organization": {"title": "省地质局"},
    "maintainer": "李四",
    "maintainer_email": "li@example.org",
    "metadata_created": "2024-05-01T08:00:00.123456",
    "extras": [
        {"key": "spatial", "value": '{"type":"Polygon","coordinates":[[[104,30],[105,30],[105,31],[104,30]]]}'},
        {"key": "frequency", "value": "monthly"},
        {"key": "category", "value": "3070115"},
        {"key": "colour", "value": "red"},
        {"key": "territory", "value": '["510107"]'},
        {"key": "sharing_type", "value": "conditional"},
        {"key": "sharing_conditions", "value": '{"zh": "凭协议"}'},
    ],
    "resources": [{"name": "data", "url": "https://example.org/a.csv", "format": "CSV", "mimetype": "text/csv"}, {"name": "none", "url": "ask us"}],
}
ITEM = {
    "type": "Feature",
    "stac_version": "1.0.0",
    "id": "S2A_1",
    "geometry": {"type": "Point", "coordinates": [104, 30]},
    "bbox": [104, 30, 0, 104, 30, 9],
    "properties": {"datetime": "2024-05-01T04:27:01.5Z", "platform": "sentinel-2a", "gsd": 10.0, "proj:code": "EPSG:32648"},
    "links": [],
    "assets": {"b4": {"href": "https://example.org/b4.tif", "type": "image/tiff; application=geotiff"}, "local": {"href": "./b5.tif"}},
}
TURTLE = """@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> . @prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix locn: <http://www.w3.org/ns/locn#> .
<http://x/1> a dcat:Dataset ; dct:title "监测井"@zh, "Wells"@en ; dct:description "d" ; dcat:keyword "水"@zh ; dct:issued "2024-05-01" ;
  dct:publisher [ foaf:name "省地质局" ] ; dcat:theme <http://publications.europa.eu/resource/authority/data-theme/ENER> ;
  dct:accrualPeriodicity <http://publications.europa.eu/resource/authority/frequency/QUARTERLY> ;
  dct:spatial [ locn:geometry "POLYGON((104 30, 105 30, 105 31, 104 30))" ] ; dct:temporal [ dcat:startDate "2020-01-01" ; dcat:endDate "2021-01-01" ] ;
  dcat:distribution [ dcat:accessURL <https://x/b> ; dct:title "B" ], [ dcat:downloadURL <https://x/a.csv> ; dcat:mediaType "text/csv" ] .
<http://x/2> a dcat:Dataset ; dct:title "二" .
<http://x/3> a dcat:Dataset ; dct:description "no title" .
"""


@pytest.fixture
def intake(store, tmp_path):
    return Intake(store, tmp_path)


def _write(intake, name, value):
    return intake.file(name, value if isinstance(value, (str, bytes)) else json.dumps(value, ensure_ascii=False))


def _zip(*members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def test_a_ckan_dataset(intake):
    fields = intake.fields(intake.one(_write(intake, "a.json", PACKAGE)).id)
    expected = {
        "title": {"zh": "监测井"},
        "summary": {"zh": "说明"},
        "keywords": {"zh": ["地下水"], "en": ["wells"]},
        "license": "cc-by-4.0",
        "provider": {"name": {"zh": "省地质局"}},
        "contact_name": "李四",
        "contact_email": "li@example.org",
        "issued": "2024-05-01",
        "update_cycle": "monthly",
        "bbox": ["104", "30", "105", "31"],
        "category": "3070115",
        "territory": ["510107"],
        "x.ckan_extras": {"colour": "red"},
        "x.ckan_name": "wells",
        "sharing": {"type": "conditional", "conditions": {"zh": "凭协议"}},
        "resources.link1": {"url": "https://example.org/a.csv", "title": {"en": "data"}, "format": "csv", "kind": "spreadsheet", "media_type": "text/csv"},
    }
    assert {name: fields.get(name) for name in expected} == expected
    assert fields["geometry"] and fields["resources.original"]["format"] == "ckan"


@pytest.mark.parametrize("wrap", [lambda each: each, lambda each: {"success": True, "result": {"count": 2, "results": each}}], ids=["list", "answer"])
def test_lists_and_answers_of_ckan(intake, wrap):
    path = _write(intake, "a.json", wrap([PACKAGE, {**PACKAGE, "id": "2", "title": "泉"}, {"name": "", "notes": "x", "resources": []}]))
    results = intake.add(path)
    assert [result.status for result in results] == ["draft", "draft", "quarantined"] and "resources.original" not in intake.fields(results[0].id)
    assert intake.held() == [("a.json", "[2]", "a.json, [2]: no CKAN dataset, or one without a title".rpartition(": ")[2])]


def _complete(id, title="监测井"):
    """A dataset that may be published."""
    extras = [each for each in PACKAGE["extras"] if not each["key"].startswith("sharing")]
    return {**PACKAGE, "id": id, "title": title, "extras": extras, "resources": [{"name": "data", "url": "https://example.org/a.zip", "format": "ZIP"}]}


def test_one_load_writes_what_hangs_together_one_after_the_other(intake):
    """In one file: the same dataset twice, and another content of it."""
    lines = [_complete("1"), _complete("2", "泉"), _complete("1"), _complete("1", "新名"), _complete("2", "泉"), _complete("4")]
    path = _write(intake, "a.jsonl", "\n".join(json.dumps(each) for each in lines))
    results = intake.add(path, publish=True)
    assert [result.status for result in results] == ["published", "published", "unchanged", "published", "unchanged", "published"]
    first, second, again, changed, _, last = (result.id for result in results)
    assert first == again == changed and len({first, second, last}) == 3
    with intake.store.read() as conn:
        shown = {row.id: (row.docno, row.version, json.loads(row.fields)["title"]["zh"]) for row in conn.execute(select(record))}
        assert shown == {first: (3, 2, "新名"), second: (2, 1, "泉"), last: (4, 1, "监测井")}
        assert conn.scalar(select(func.count()).select_from(draft)) == 0 and verify_chain(conn).bad is None


def test_what_was_added_as_drafts_is_published_when_that_is_asked(intake):
    path = _write(intake, "a.jsonl", "\n".join(json.dumps(_complete(str(n), f"题{n}")) for n in range(5)))
    added = intake.add(path)
    assert [result.status for result in added] == ["draft"] * 5
    published = intake.add(path, publish=True)
    assert [(result.status, result.id) for result in published] == [("published", each.id) for each in added]
    more = _write(intake, "a.jsonl", path.read_text() + "\n" + json.dumps(_complete("5")))
    assert [result.status for result in intake.add(more, publish=True)] == ["unchanged"] * 5 + ["published"]


def test_json_lines(intake):
    lines = [PACKAGE, {"title": "data.json", "accessLevel": "public", "identifier": "d"}, ITEM]
    text = "\n".join(json.dumps(each) for each in lines) + '\n\n{"broken": \n{"a": 1}\n'
    results = intake.add(_write(intake, "a.jsonl", text))
    assert [(result.status, result.part) for result in results] == [
        ("draft", "6c8e…1"),
        ("draft", "d"),
        ("draft", "S2A_1"),
        ("quarantined", "line-5"),
        ("quarantined", "line-6"),
    ]
    assert [place for _, place, _ in intake.held()] == ["line 5", "line 6"]


def test_features_one_a_line(intake):
    feature = {"type": "Feature", "properties": {"id": "a"}, "geometry": {"type": "Point", "coordinates": [104, 30]}}
    other = {**feature, "properties": {"id": "b"}}
    result = intake.one(_write(intake, "a.geojsonl", f"\x1e{json.dumps(feature)}\n\x1e{json.dumps(other)}\n{json.dumps(feature)[:-9]}\n"))
    assert (result.rows, result.quarantined, intake.table(result.id).key) == (2, 1, ("id",))


def test_a_stac_item_and_collections_of_them(intake):
    result = intake.one(_write(intake, "a.json", ITEM))
    fields = intake.fields(result.id)
    assert (result.kind, fields["x.gsd"], fields["x.platform"], fields["crs"]) == ("imagery", "10", "sentinel-2a", "EPSG:32648")
    assert fields["bbox"] == ["104", "30", "104", "30"] and fields["time"] == ["2024-05-01T04:27:01Z"] * 2 and fields["title"] == {"en": "S2A_1"}
    assert fields["resources.link1"]["format"] == "geotiff" and any("local" in en for _, en in result.notes)
    many = intake.add(_write(intake, "b.json", {"type": "FeatureCollection", "features": [{**ITEM, "id": "1"}, {**ITEM, "id": ""}, {**ITEM, "id": "3"}]}))
    assert [result.status for result in many] == ["draft", "draft", "quarantined"]
    extent = {"spatial": {"bbox": [[100, 20, 110, 30]]}, "temporal": {"interval": [["2020-01-01T00:00:00Z", None]]}}
    series = intake.one(_write(intake, "c.json", {"stac_version": "1.0.0", "type": "Collection", "id": "s2", "description": "d", "extent": extent}))
    assert series.kind == "series" and intake.fields(series.id)["time"] == ["2020-01-01T00:00:00Z", None]


def test_dcat_in_turtle(intake):
    results = intake.add(_write(intake, "a.ttl", TURTLE))
    assert [(result.status, result.part) for result in results] == [("draft", "http://x/1"), ("draft", "http://x/2"), ("quarantined", "http://x/3")]
    fields = intake.fields(results[0].id)
    expected = {
        "title": {"zh": "监测井", "en": "Wells"},
        "keywords": {"zh": ["水"]},
        "issued": "2024-05-01",
        "provider": {"name": {"zh": "省地质局"}},
        "update_cycle": "quarterly",
        "bbox": ["104", "30", "105", "31"],
        "time": ["2020-01-01", "2021-01-01"],
        "x.uri": "http://x/1",
    }
    assert {name: fields.get(name) for name in expected} == expected
    assert sorted(each["url"] for name, each in fields.items() if name.startswith("resources.link")) == ["https://x/a.csv", "https://x/b"]
    assert [result.status for result in intake.add(intake.files / "a.ttl")] == ["unchanged"] * 2
    more = intake.add(_write(intake, "a.ttl", TURTLE.replace('"二"', '"贰"')))
    assert [(result.status, result.id) for result in more[:2]] == [("unchanged", results[0].id), ("changed", results[1].id)]


def test_the_same_dcat_in_json_ld_and_rdf_xml(intake):
    import rdflib

    graph = rdflib.Graph().parse(data=TURTLE, format="turtle")
    for suffix, form in (("jsonld", "json-ld"), ("rdf", "xml")):
        results = intake.add(_write(intake, f"a.{suffix}", graph.serialize(format=form)))
        assert [result.status for result in results] in (["draft", "draft", "quarantined"], ["unchanged", "unchanged", "quarantined"]), suffix
        assert intake.fields(results[0].id)["title"] == {"zh": "监测井", "en": "Wells"}


def test_the_only_dataset_of_a_document_keeps_it_as_its_original(intake):
    text = TURTLE.partition("<http://x/2>")[0]
    fields = intake.fields(intake.one(_write(intake, "a.ttl", text)).id)
    assert fields["resources.original"]["format"] == "ttl" and fields["resources.original"]["media_type"] == "text/turtle"


def test_dcat_us_with_nulls_and_wrong_types(intake):
    good = {
        "title": "Complaints",
        "identifier": "c",
        "description": None,
        "modified": "R/P1M",
        "keyword": "a, b",
        "publisher": "City",
        "spatial": "-75.3,39.8,-74.9,40.1",
        "temporal": "2009-01-01/2012-12-31",
        "contactPoint": {"fn": "O", "hasEmail": "mailto:o@example.org"},
        "license": None,
        "distribution": [None, {"format": "CSV"}],
    }
    results = intake.add(_write(intake, "data.json", {"conformsTo": "x", "dataset": [good, None, {"identifier": "b", "title": 5}]}))
    assert [result.status for result in results] == ["draft", "draft", "quarantined"]
    fields = intake.fields(results[0].id)
    expected = {
        "title": {"en": "Complaints"},
        "keywords": {"en": ["a", "b"]},
        "update_cycle": "monthly",
        "provider": {"name": {"en": "City"}},
        "bbox": ["-75.3", "39.8", "-74.9", "40.1"],
        "time": ["2009-01-01", "2012-12-31"],
        "contact_email": "o@example.org",
    }
    assert {name: fields.get(name) for name in expected} == expected


def test_a_zip_of_many_kinds(intake):
    inner = _zip(("数据.csv", "编号,名称\n001,甲\n".encode("gb18030")))
    feature = {"type": "Feature", "properties": {"id": "a"}, "geometry": {"type": "Point", "coordinates": [104, 30]}}
    path = intake.file(
        "all.zip",
        _zip(
            ("tables/a.csv", b"id,v\n1,2\n"),
            ("tables/a.terrace.yaml", b"fields: {title: Table A}"),
            ("b.geojson", json.dumps(feature).encode()),
            ("c.zip", inner),
            ("broken.xml", b"<a"),
            ("readme.txt", b"words"),
            ("__MACOSX/._b", b"x"),
            ("note.terrace.yaml", b"fields: {title: Note, kind: document}"),
        ),
    )
    results = intake.add(path)
    assert {result.part: (result.status, (result.title or {}).get("en")) for result in results} == {
        "tables/a.csv": ("draft", "Table A"),
        "b.geojson": ("draft", "b"),
        "c.zip": ("draft", "c"),
        "note.terrace.yaml": ("draft", "Note"),
        "broken.xml": ("quarantined", None),
    }
    assert [place for _, place, _ in intake.held()] == ["broken.xml"]
    assert any("readme.txt" in en for result in results for _, en in result.notes)
    table = next(result for result in results if result.part == "tables/a.csv")
    assert intake.fields(table.id)["resources.original"]["name"] == "a.csv", "each member is its own original"
    assert {result.status for result in intake.add(path)} == {"unchanged"}


def test_a_zip_of_one_geojson_keeps_the_zip(intake):
    feature = {"type": "Feature", "properties": {"id": "a"}, "geometry": {"type": "Point", "coordinates": [104, 30]}}
    result = intake.one(intake.file("a.zip", _zip(("sub/b.geojson", json.dumps(feature)))))
    assert intake.fields(result.id)["resources.original"]["name"] == "a.zip" and result.part == ""


def test_chinese_names_in_a_zip_that_does_not_say_its_encoding(intake):
    packed = _zip(("AAAA.csv", b"id,v\n1,2\n"), ("BBBB.csv", b"id,v\n3,4\n"))
    packed = packed.replace(b"AAAA", "水井".encode("gbk")).replace(b"BBBB", "泉水".encode("gbk"))
    assert [result.part for result in intake.add(intake.file("a.zip", packed))] == ["水井.csv", "泉水.csv"]


def test_several_records_inside_an_answer_of_a_catalogue(intake):
    space = 'xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco"'
    record = (
        "<gmd:MD_Metadata {space}><gmd:fileIdentifier><gco:CharacterString>{id}</gco:CharacterString></gmd:fileIdentifier><gmd:identificationInfo>"
        "<gmd:MD_DataIdentification><gmd:citation><gmd:CI_Citation><gmd:title><gco:CharacterString>{title}</gco:CharacterString></gmd:title></gmd:CI_Citation>"
        "</gmd:citation></gmd:MD_DataIdentification></gmd:identificationInfo></gmd:MD_Metadata>"
    )
    inner = "".join(record.format(space=space, id=id, title=title) for id, title in (("a", "甲"), ("b", ""), ("c", "丙")))
    results = intake.add(_write(intake, "a.xml", f'<csw:GetRecordsResponse xmlns:csw="http://www.opengis.net/cat/csw/2.0.2">{inner}</csw:GetRecordsResponse>'))
    assert [(result.status, result.part) for result in results] == [("draft", "a"), ("draft", "c"), ("quarantined", "record-2")]
