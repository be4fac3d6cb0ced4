"""CSW 2.0.2 and 3.0 over a real site: operations by KVP and POST, exact paging, and what each actor cannot see."""

import io
import re
from typing import Any

import pytest
from lxml import etree
from werkzeug.test import Client, TestResponse

from policies.actor import PUBLIC
from policies.errors import ActorUnsetError
from tests.catalog.worlds import STAFF
from tests.ogc.sites import OgcSite

NS = {
    "csw": "http://www.opengis.net/cat/csw/2.0.2", "csw30": "http://www.opengis.net/cat/csw/3.0", "ows": "http://www.opengis.net/ows",
    "dc": "http://purl.org/dc/elements/1.1/", "dct": "http://purl.org/dc/terms/", "gmd": "http://www.isotc211.org/2005/gmd",
    "gco": "http://www.isotc211.org/2005/gco", "ows20": "http://www.opengis.net/ows/2.0",
}  # fmt: skip
GMD = NS["gmd"]
BASE = {"service": "CSW", "version": "2.0.2"}
RECORDS = {**BASE, "request": "GetRecords", "typenames": "csw:Record", "resulttype": "results", "elementsetname": "full"}


def xml(answer: TestResponse) -> Any:
    return etree.fromstring(answer.data)


def kvp(client: Client, **params: str) -> Any:
    answer = client.get("/csw", query_string=params)
    assert answer.status_code == 200, answer.text
    return xml(answer)


def titles(root: Any) -> list[str]:
    return [each.text for each in root.iterfind(".//dc:title", NS)]


def cql(client: Client, text: str, **params: str) -> list[str]:
    root = kvp(client, **{**RECORDS, "constraintlanguage": "CQL_TEXT", "constraint": text, "maxrecords": "50", **params})
    assert root.find(".//ows:ExceptionText", NS) is None, etree.tostring(root)
    return sorted(titles(root))


def post(client: Client, constraint: str, schema: str = NS["csw"], elements: str = "full", **attributes: str) -> Any:
    given = " ".join(f'{name}="{value}"' for name, value in {"resultType": "results", "maxRecords": "50", **attributes}.items())
    body = f"""<csw:GetRecords xmlns:csw="{NS["csw"]}" xmlns:ogc="http://www.opengis.net/ogc" xmlns:gml="http://www.opengis.net/gml"
      service="CSW" version="2.0.2" outputSchema="{schema}" {given}><csw:Query typeNames="csw:Record"><csw:ElementSetName>{elements}</csw:ElementSetName>
      {f'<csw:Constraint version="1.1.0">{constraint}</csw:Constraint>' if constraint else ""}</csw:Query></csw:GetRecords>"""
    answer = client.post("/csw", data=body.encode(), content_type="application/xml")
    assert answer.status_code == 200, answer.text
    return xml(answer)


PUBLIC_TITLES = ["有条件", "武侯区宗地", "监测井", "统计"]


def test_capabilities_tell_only_what_is_served(site: OgcSite) -> None:
    for params in ({}, {**BASE, "request": "GetCapabilities"}, {"service": "CSW", "request": "GetCapabilities", "acceptversions": "3.0.0,2.0.2"}):
        root = kvp(site.client(), **params)
        assert root.tag == f"{{{NS['csw']}}}Capabilities" and root.get("version") == "2.0.2"
        operations = [each.get("name") for each in root.iterfind(".//ows:Operation", NS)]
        assert operations == ["GetCapabilities", "DescribeRecord", "GetDomain", "GetRecords", "GetRecordById"]
        text = etree.tostring(root, encoding="unicode")
        assert GMD in text and "Harvest" not in text and "pycsw" not in text and "http://localhost/csw" in text
    assert site.client(STAFF).get("/csw").data == site.client().get("/csw").data  # no count, date or sequence tells of what is hidden


@pytest.mark.parametrize("params", [{"version": "3.0.0"}, {"acceptversions": "3.0.0"}])
def test_version_3_is_given_to_who_asks_for_it(site: OgcSite, params: dict[str, str]) -> None:
    root = kvp(site.client(), service="CSW", request="GetCapabilities", **params)
    assert root.tag == f"{{{NS['csw30']}}}Capabilities" and root.get("version") == "3.0.0"
    assert not root.xpath("//*[contains(@name, 'Transaction') or contains(@name, 'Harvest')]//*[text()='TRUE']")


def test_describe_record_and_domains(site: OgcSite) -> None:
    assert kvp(site.client(), **BASE, request="DescribeRecord").find(".//csw:SchemaComponent", NS) is not None
    values = kvp(site.client(), **BASE, request="GetDomain", propertyname="dc:type").findall(".//csw:Value", NS)
    assert [each.text for each in values] == ["dataset"]
    assert kvp(site.client(), **BASE, request="GetDomain", propertyname="nonsense").findall(".//csw:Value", NS) == []
    assert kvp(site.client(), **BASE, request="GetDomain", parametername="GetRecords.resultType").findall(".//csw:Value", NS)


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"request": "GetRecords", "typenames": "csw:Record", "resulttype": "results", "elementname": ""}, 200),
        ({"request": "GetCapabilities", "updatesequence": ""}, 200),
        ({"request": "GetDomain", "propertyname": "a\x00b"}, 400),
        ({"request": "GetDomain", "parametername": "\x00"}, 400),
        ({"request": "GetRecordById", "id": "\ufffe"}, 400),
    ],
)
def test_parameters_that_are_empty_or_no_text_are_no_fault_of_the_server(site: OgcSite, params: dict[str, str], status: int) -> None:
    assert site.client().get("/csw", query_string=BASE | params).status_code == status


def test_records_show_as_the_actor_may_see_them(site: OgcSite) -> None:
    assert sorted(titles(kvp(site.client(), **RECORDS, maxrecords="50"))) == sorted(PUBLIC_TITLES)
    assert sorted(titles(kvp(site.client(STAFF), **RECORDS, maxrecords="50"))) == sorted([*PUBLIC_TITLES, "内部图层"])
    listed = kvp(site.client(), **BASE, request="GetRecordById", id=site.listed.id, elementsetname="full", outputschema=GMD)
    text = etree.tostring(listed, encoding="unicode")
    assert "有条件" in text and "028-12345678" not in text and "第三次國土調查的地塊" not in text  # the card, not the summary nor the telephone
    staff = kvp(site.client(STAFF), **BASE, request="GetRecordById", id=site.listed.id, elementsetname="full", outputschema=GMD)
    assert "028-12345678" in etree.tostring(staff, encoding="unicode")


@pytest.mark.parametrize("elements", ["brief", "summary", "full"])
def test_a_record_by_id_in_both_schemas(site: OgcSite, elements: str) -> None:
    params = {**BASE, "request": "GetRecordById", "id": site.parcels.id, "elementsetname": elements}
    dc = kvp(site.client(), **params)
    name = {"brief": "BriefRecord", "summary": "SummaryRecord", "full": "Record"}[elements]
    record = dc.find(f"csw:{name}", NS)
    assert record.findtext("dc:identifier", namespaces=NS) == site.parcels.id and record.findtext("dc:title", namespaces=NS) == "武侯区宗地"
    assert record.findtext("ows:BoundingBox/ows:LowerCorner", namespaces=NS) == "30.5 104"
    iso = kvp(site.client(), **params, outputschema=GMD)
    assert iso.findtext(".//gmd:fileIdentifier/gco:CharacterString", namespaces=NS) == site.parcels.id
    if elements == "full":
        links = [each.text for each in record.iterfind("dct:references", NS)]
        assert f"http://localhost/ogc/collections/{site.parcels.slug}" in links and f"http://localhost/dataset/{site.parcels.slug}" in links


def test_paging_is_exact_and_each_record_comes_once(site: OgcSite) -> None:
    found: list[str] = []
    position = "1"
    while position != "0":
        results = kvp(site.client(), **RECORDS, maxrecords="3", startposition=position).find("csw:SearchResults", NS)
        assert results.get("numberOfRecordsMatched") == "4"
        found += [each.text for each in results.iterfind(".//dc:identifier", NS)]
        assert int(results.get("numberOfRecordsReturned")) == len(results)
        position = results.get("nextRecord")
    assert len(found) == len(set(found)) == 4
    hits = kvp(site.client(), **{**RECORDS, "resulttype": "hits"}).find("csw:SearchResults", NS)
    assert hits.get("numberOfRecordsMatched") == "4" and len(hits) == 0
    rising, falling = (titles(kvp(site.client(), **RECORDS, maxrecords="4", sortby=f"dc:title:{order}")) for order in "AD")
    assert rising == falling[::-1]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("csw:AnyText LIKE '%宗地%'", ["武侯区宗地"]),
        ("dc:title LIKE '%监测井%'", ["监测井"]),
        ("dc:type = 'dataset'", PUBLIC_TITLES),
        ("dc:subject = 'groundwater' OR dc:subject = 'statistics'", ["监测井", "统计"]),
        ("NOT (dc:subject = 'groundwater')", ["有条件", "武侯区宗地", "统计"]),
        ("csw:AnyText LIKE '%宗地%' AND dc:type = 'dataset' OR dc:subject = 'statistics'", ["武侯区宗地", "统计"]),
        ("dct:modified > '2001-01-01'", PUBLIC_TITLES),
        ("dct:modified < '2001-01-01'", []),
        ("csw:AnyText LIKE '%内部%'", []),
        # Of the conditional one only the card shows, and a bounding box is not on it.
        ("BBOX(ows:BoundingBox, 104.0, 30.5, 104.1, 30.52)", ["武侯区宗地", "监测井", "统计"]),
        ("BBOX(ows:BoundingBox, 10, 10, 11, 11)", []),
    ],
)
def test_conditions_by_cql_text(site: OgcSite, text: str, wanted: list[str]) -> None:
    assert cql(site.client(), text) == sorted(wanted)


def test_conditions_by_post_and_by_kvp_filter(site: OgcSite) -> None:
    like = (
        '<ogc:PropertyIsLike wildCard="%" singleChar="_" escapeChar="\\"><ogc:PropertyName>csw:AnyText</ogc:PropertyName>'
        "<ogc:Literal>%宗地%</ogc:Literal></ogc:PropertyIsLike>"
    )
    statistics = "<ogc:PropertyIsEqualTo><ogc:PropertyName>dc:subject</ogc:PropertyName><ogc:Literal>statistics</ogc:Literal></ogc:PropertyIsEqualTo>"
    kind = "<ogc:PropertyIsEqualTo><ogc:PropertyName>dc:type</ogc:PropertyName><ogc:Literal>dataset</ogc:Literal></ogc:PropertyIsEqualTo>"
    either = f"<ogc:Filter><ogc:Or><ogc:And>{like}{kind}</ogc:And><ogc:And>{statistics}{kind}</ogc:And></ogc:Or></ogc:Filter>"
    assert sorted(titles(post(site.client(), either))) == ["武侯区宗地", "统计"]
    assert len(titles(post(site.client(), ""))) == 4
    assert sorted(titles(post(site.client(), "<csw:CqlText>dc:subject = 'statistics'</csw:CqlText>"))) == ["统计"]
    iso = post(site.client(), f"<ogc:Filter>{like}</ogc:Filter>", schema=GMD, elements="summary")
    assert [each.text for each in iso.iterfind(".//gmd:fileIdentifier/gco:CharacterString", NS)] == [site.parcels.id]
    given = f'<ogc:Filter xmlns:ogc="http://www.opengis.net/ogc">{like}</ogc:Filter>'
    root = kvp(site.client(), **RECORDS, constraintlanguage="FILTER", constraint=given)
    assert titles(root) == ["武侯区宗地"]


def test_version_3_records_with_bbox_q_and_post(site: OgcSite) -> None:
    client = site.client()
    base = {"service": "CSW", "version": "3.0.0"}
    found = kvp(client, **base, request="GetRecords", typenames="csw:Record", bbox="104,30.5,104.1,30.52", q="宗地")
    assert titles(found) == ["武侯区宗地"]
    one = kvp(client, **base, request="GetRecordById", id=site.parcels.id)
    assert one.findtext("dc:title", namespaces=NS) == "武侯区宗地"
    missing, hidden = (client.get("/csw", query_string={**base, "request": "GetRecordById", "id": id}) for id in ("urn:terrace:no", site.secret.id))
    assert missing.status_code == hidden.status_code == 404
    assert hidden.text.replace(site.secret.id, "urn:terrace:no") == missing.text
    body = f"""<csw30:GetRecords xmlns:csw30="{NS["csw30"]}" xmlns:fes="http://www.opengis.net/fes/2.0"
      xmlns:gml="http://www.opengis.net/gml/3.2" service="CSW" version="3.0.0" maxRecords="10">
      <csw30:Query typeNames="csw30:Record"><csw30:ElementSetName>brief</csw30:ElementSetName>
      <csw30:Constraint version="2.0.0"><fes:Filter>
      <fes:BBOX><fes:ValueReference>ows:BoundingBox</fes:ValueReference><gml:Envelope srsName="http://www.opengis.net/def/crs/EPSG/0/4326">
      <gml:lowerCorner>30.5 104</gml:lowerCorner><gml:upperCorner>30.52 104.1</gml:upperCorner></gml:Envelope></fes:BBOX></fes:Filter></csw30:Constraint>
      </csw30:Query></csw30:GetRecords>"""
    answer = client.post("/csw", data=body.encode(), content_type="application/xml")
    assert "武侯区宗地" in titles(xml(answer)), answer.text


@pytest.mark.parametrize(
    "params",
    [
        {"constraintlanguage": "CQL_TEXT", "constraint": "secret = 'x'"}, {"constraintlanguage": "CQL_TEXT", "constraint": "dc:type ="},
        {"constraintlanguage": "FILTER", "constraint": "<Filter/>"}, {"constraintlanguage": "FILTER", "constraint": "<Filter"},
        {"maxrecords": "x"}, {"maxrecords": "-1"}, {"startposition": "0"}, {"startposition": "x"}, {"outputschema": "http://nope"},
        {"outputformat": "application/json"}, {"typenames": "nope"}, {"elementsetname": "nope"},
        {"sortby": "nope:A"}, {"sortby": "dc:title"}, {"elementname": "nope"},
        {"updatesequence": "x"}, {"resulttype": "nope"}, {"bbox": "1,2,3"}, {"bbox": "a,b,c,d"}, {"constraint": "x", "bbox": "1,2,3,4"},
    ],
    ids=lambda value: "" if callable(value) else str(value),
)  # fmt: skip
def test_a_wrong_request_is_an_exception_report_and_no_fault(site: OgcSite, params: dict[str, str]) -> None:
    answer = site.client().get("/csw", query_string={**RECORDS, **params})
    assert answer.status_code in (200, 400), answer.text
    assert "ExceptionReport" in answer.text and "Traceback" not in answer.text and "/site-packages" not in answer.text


def test_a_wrong_condition_is_told_why(site: OgcSite) -> None:
    asked = {**RECORDS, "constraintlanguage": "CQL_TEXT", "constraint": "secret = 'x'"}
    answer = site.client().get("/csw", query_string=asked, headers={"Accept-Language": "en"})
    assert "no such column: 'secret'" in answer.text.replace("&apos;", "'")


def test_attack_writing_harvesting_and_side_doors_are_closed(site: OgcSite) -> None:
    client = site.client(STAFF)
    for name in ("Transaction", "Harvest", "GetRepositoryItem"):
        assert "ExceptionReport" in client.get("/csw", query_string={**BASE, "request": name, "id": site.parcels.id}).text
    insert = f'<csw:Transaction xmlns:csw="{NS["csw"]}" service="CSW" version="2.0.2"><csw:Insert><x/></csw:Insert></csw:Transaction>'
    harvest = f'<csw:Harvest xmlns:csw="{NS["csw"]}" service="CSW" version="2.0.2"><csw:Source>http://127.0.0.1:1/</csw:Source></csw:Harvest>'
    for body in (insert, harvest):
        assert "ExceptionReport" in client.post("/csw", data=body, content_type="application/xml").text
    for params in ({"mode": "oaipmh", "verb": "Identify"}, {"mode": "sru", "operation": "explain"}, {"mode": "opensearch"}, {"config": "/etc/passwd"}):
        answer = client.get("/csw", query_string=params)
        assert "oai" not in answer.text.lower().replace("loai", "") and "sru" not in answer.text and "root:" not in answer.text
    asked = kvp(client, **RECORDS, responsehandler="ftp://127.0.0.1:1/x")
    assert asked.tag == f"{{{NS['csw']}}}GetRecordsResponse"  # answered at once, nothing sent elsewhere


def test_attack_entities_and_bombs_in_a_body(site: OgcSite) -> None:
    bomb = "".join(f'<!ENTITY x{i} "{f"&x{i - 1};" * 10 if i else "a" * 10}">' for i in range(9)) + '<!ENTITY x "&x8;">'
    for entity in ('<!ENTITY x SYSTEM "file:///etc/hostname">', bomb):
        body = f"""<!DOCTYPE r [{entity}]><csw:GetRecordById xmlns:csw="{NS["csw"]}" service="CSW" version="2.0.2"><csw:Id>&x;</csw:Id></csw:GetRecordById>"""
        answer = site.client().post("/csw", data=body, content_type="application/xml")
        assert len(answer.data) < 5000 and "aaaaaaaaaaaaaaaaaaaa" not in answer.text
    assert site.client().post("/csw", data=b"x" * 300_000, content_type="application/xml").status_code == 413
    for body in ("", "not xml", "<a/>", "<csw:GetRecords xmlns:csw='http://www.opengis.net/cat/csw/2.0.2'/>"):
        assert "Traceback" not in site.client().post("/csw", data=body, content_type="application/xml").text


def test_hidden_and_missing_records_answer_byte_for_byte_alike(site: OgcSite) -> None:
    client = site.client()
    for schema in (NS["csw"], GMD):
        asked = {**BASE, "request": "GetRecordById", "outputschema": schema}
        answers = [client.get("/csw", query_string={**asked, "id": id}) for id in (site.secret.id, "urn:terrace:no")]
        assert answers[0].data == answers[1].data and answers[0].status_code == answers[1].status_code == 200
    assert "内部图层" in site.client(STAFF).get("/csw", query_string={**BASE, "request": "GetRecordById", "id": site.secret.id}).text  # positive control
    for text in (f"dc:identifier = '{site.secret.id}'", "dc:title LIKE '%内部%'", f"NOT (dc:identifier = '{site.secret.id}') AND dc:title LIKE '%内部%'"):
        assert cql(client, text) == [] and (cql(site.client(STAFF), text) == ["内部图层"] or text.startswith("NOT"))
    count = re.search(r'numberOfRecordsMatched="(\d+)"', etree.tostring(kvp(client, **RECORDS), encoding="unicode"))
    assert count and count.group(1) == "4"


def test_a_withheld_field_can_be_neither_read_nor_searched(site: OgcSite) -> None:
    """Of what may only be discovered, the summary is withheld: its words find nothing, and a condition on it tells nothing either way."""
    word = "第三次國土調查"
    assert "有条件" not in cql(site.client(), f"csw:AnyText LIKE '%{word}%'")
    assert "有条件" not in cql(site.client(), f"dct:abstract LIKE '%{word}%'")
    assert "有条件" not in cql(site.client(), f"NOT (dct:abstract LIKE '%{word}%')")
    assert "有条件" in cql(site.client(STAFF), f"csw:AnyText LIKE '%{word}%'")


def test_nobody_is_answered_without_an_actor(site: OgcSite) -> None:
    site.app.testing = True
    for params in ({}, RECORDS):
        with pytest.raises(ActorUnsetError):
            site.client(None).get("/csw", query_string=params)
    assert site.client(PUBLIC).get("/csw").status_code == 200


def test_memory_does_not_grow_with_requests(site: OgcSite) -> None:
    import gc
    import tracemalloc

    client = site.client()

    def ask(times: int) -> None:
        for _ in range(times):
            client.get("/csw", query_string={**RECORDS, "maxrecords": "2"}).close()

    ask(20)
    tracemalloc.start()
    ask(10)
    gc.collect()  # what a load in this process let lie (`node.collector`) is not this face's
    before = tracemalloc.get_traced_memory()[0]
    ask(60)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 60 * 20_000  # stock pycsw keeps about 640 kB of each request


@pytest.mark.parametrize("path", ["/csw", "/ogc/collections/wells/items"])
def test_a_body_of_unknown_length_is_read_up_to_the_limit(site: OgcSite, path: str) -> None:
    stream = io.BytesIO(b" " * 1_000_000)
    chunked = {"input_stream": stream, "environ_overrides": {"wsgi.input_terminated": True}, "headers": {"Transfer-Encoding": "chunked"}}
    answer = site.client().post(path, content_type="application/xml", **chunked)
    assert answer.status_code in (400, 404, 405, 413) and stream.tell() < 400_000
    if path == "/csw":
        assert answer.status_code == 413
