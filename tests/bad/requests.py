"""Bad requests to the public faces: name → what is sent, the status, words that must stand in the English answer.

The site of the tests has one published layer, `wells` (key `no`, columns `depth`, `owner`, `seen`, points), and the account of a clerk. `{uuid}` is the layer's.
Bodies of CSW and CKAN follow those protocols, whose own errors are in English; all others come in the language that is asked for.
"""

import base64
from dataclasses import dataclass, field
from urllib.parse import quote

A = "/api/3/action/"
ITEMS = "/ogc/collections/wells/items"
CSW = "/csw/?service=CSW&version=2.0.2&request="
RECORDS = CSW + "GetRecords&typeNames=csw:Record&resultType=results&elementSetName=brief"
FORM = "application/x-www-form-urlencoded"
MULTI = "multipart/form-data; boundary=x"
JSON = "application/json"
XML = "application/xml"


@dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        status: of the answer.
        words: one of them (between bars) stands in the English answer.
        own: the face's protocol has its own English errors, the same in every language.
        session: sent with the clerk's cookie.
    """

    path: str
    status: int
    words: str = ""
    body: bytes | None = None
    kind: str = ""
    method: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    own: bool = False
    session: bool = False


def _get(path: str, status: int, words: str, **more: object) -> Request:
    return Request(path, status, words, **more)  # type: ignore[arg-type]


def _ckan(action: str, status: int, words: str) -> Request:
    return Request(A + action, status, words, own=True)


def _act(action: str, body: str | bytes, status: int, words: str, kind: str = JSON) -> Request:
    return Request(A + action, status, words, body.encode() if isinstance(body, str) else body, kind, own=True)


def _filter(text: str, words: str, lang: str = "cql2-text") -> Request:
    return Request(f"{ITEMS}?filter-lang={lang}&filter={quote(text)}", 400, words)


def _csw(query: str, words: str, status: int = 200) -> Request:
    """Reports of CSW 2.0.2 come with 200."""
    return Request(query, status, words, own=True)


def _post(body: str | bytes, status: int, words: str) -> Request:
    return Request("/csw/", status, words, body.encode() if isinstance(body, str) else body, XML, own=True)


def _token(header: str, status: int = 401) -> Request:
    return Request("/", status, "credential|sign in|Sign in", headers={"Authorization": header})


def _form(path: str, body: bytes, status: int, words: str, kind: str = FORM, **more: object) -> Request:
    return Request(path, status, words, body, kind, headers={"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, **more)  # type: ignore[arg-type]


def _records(inner: str) -> str:
    return (
        '<csw:GetRecords xmlns:csw="http://www.opengis.net/cat/csw/2.0.2" xmlns:ogc="http://www.opengis.net/ogc" xmlns:gml="http://www.opengis.net/gml" '
        'service="CSW" version="2.0.2" resultType="results"><csw:Query typeNames="csw:Record"><csw:ElementSetName>brief</csw:ElementSetName>'
        f'<csw:Constraint version="1.1.0"><ogc:Filter>{inner}</ogc:Filter></csw:Constraint></csw:Query></csw:GetRecords>'
    )


_DEEP = "(" * 500 + "depth=1" + ")" * 500
_LAUGHS = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'

REQUESTS: dict[str, Request] = {
    # tokens and headers
    "token of nonsense": _token("Bearer nonsense"),
    "token that is empty": _token("Bearer "),
    "token of a megabyte": _token("Bearer " + "a" * 60_000),
    "token of Chinese bytes": _token("Bearer \xe4\xb8\xad"),
    "token as CKAN key": Request("/", 401, "credential|Sign in", headers={"X-CKAN-API-Key": "wrong"}),
    "basic that is no base64": _token("Basic !!!"),
    "basic without a colon": _token("Basic " + base64.b64encode(b"nothing").decode()),
    "basic that is no text": _token("Basic " + base64.b64encode(b"\xff\xfe:\xff").decode()),
    "two schemes": _token("Bearer a, Basic b"),
    "foreign host": Request("/", 400, "host", headers={"Host": "evil.example.org"}),
    "host of nonsense": Request("/", 400, "host|Bad request", headers={"Host": "a b\\c"}),
    # forms and sign-in
    "sign-in with nothing": _form("/sign-in", b"", 401, "Sign-in|sign in|password|credential"),
    "sign-in with a wrong password": _form("/sign-in", b"login=clerk&password=wrong", 401, "password|name"),
    "sign-in of nobody": _form("/sign-in", b"login=nobody&password=wrong", 401, "password|name"),
    "sign-in with an SQL sentence": _form("/sign-in", b"login=' OR 1=1 --&password=' OR 1=1 --", 401, "password|name"),
    "sign-in with NUL": _form("/sign-in", b"login=a%00b&password=%00", 401, "password|name"),
    "sign-in with bytes that are no text": _form("/sign-in", b"login=%ff%fe&password=%ff", 401, "password|name"),
    "sign-in with a long password": _form("/sign-in", b"login=clerk&password=" + b"x" * 100_000, 401, "password|name"),
    "sign-in with a bad token": _form("/sign-in", b"token=tt_nothing", 401, "credential"),
    "sign-in from another site": Request(
        "/sign-in", 403, "page of this site", b"login=clerk&password=x", FORM, headers={"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example.org"}
    ),
    "sign-out without the form's token": _form("/sign-out", b"", 403, "anti-forgery", session=True),
    "sign-out with a forged token": _form("/sign-out", b"csrf_token=forged", 403, "anti-forgery", session=True),
    "sign-out with a Chinese token": _form("/sign-out", "csrf_token=伪造".encode(), 403, "anti-forgery", session=True),
    "form larger than any": _form("/sign-in", b"login=" + b"x" * 3_000_000, 401, "password|credential"),
    "form of ten thousand fields": _form("/sign-in", b"&".join(b"f%d=1" % n for n in range(10_000)), 401, "password|credential"),
    "multipart cut off": _form("/sign-in", b'--x\r\nContent-Disposition: form-data; name="login"\r\n\r\nclerk', 401, "password|credential|name", MULTI),
    "multipart without a boundary": _form("/sign-in", b"--x\r\n\r\n", 401, "password|credential|name", "multipart/form-data"),
    "multipart of noise": _form("/sign-in", bytes(range(256)) * 10, 401, "password|credential|name", MULTI),
    "multipart of many parts": _form(
        "/sign-in", b"".join(b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n' % n for n in range(3_000)) + b"--x--\r\n", 413, "large", MULTI
    ),
    # portal
    "no such page": _get("/nothing", 404, "not found|Not found"),
    "no such dataset": _get("/dataset/nothing", 404, "not found|Not found"),
    "dataset of a long name": _get("/dataset/" + "x" * 3_000, 404, "not found|Not found"),
    "dataset of an SQL name": _get("/dataset/' OR 1=1 --", 404, "not found|Not found"),
    "dataset of NUL": _get("/dataset/a%00b", 404, "not found|Not found"),
    "dataset of bytes that are no text": _get("/dataset/%ff%fe", 404, "not found|Not found"),
    "dataset that leads out": _get("/dataset/..%2f..%2fetc%2fpasswd", 404, "not found|Not found"),
    "no such file": _get("/dataset/wells/file/nothing", 404, "not found|Not found"),
    "no such receipt": _get("/dataset/nothing/receipt", 404, "not found|Not found"),
    "another method": Request("/", 405, "Method|method", b"", FORM, "DELETE", {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}),
    # CKAN: bodies
    "ckan, no such action": _ckan("nothing_show", 400, "Action name not known"),
    "ckan, action of a long name": _ckan("x" * 3_000, 400, "Action name not known"),
    "ckan, body cut off": _act("package_show", '{"id": "wells"', 400, "Error decoding JSON data"),
    "ckan, body of a list": _act("package_show", "[1, 2]", 400, "needs to be a dictionary"),
    "ckan, body of a number": _act("package_show", "5", 400, "needs to be a dictionary"),
    "ckan, body of NaN": _act("package_show", '{"id": NaN}', 400, "Error decoding JSON data"),
    "ckan, body very deep": _act("package_search", '{"q": ' + "[" * 100_000, 400, "Error decoding JSON data"),
    "ckan, body of a lone surrogate": _act("package_show", '{"id": "\\ud800"}', 400, "Error decoding JSON data"),
    "ckan, body that is no text": _act("package_show", b'{"id": "\xff"}', 400, "Error decoding JSON data"),
    "ckan, body in UTF-16": _act("package_show", '{"id": "wells"}'.encode("utf-16"), 400, "Error decoding JSON data"),
    "ckan, body too large": _act("package_show", '{"id": "' + "x" * 400_000 + '"}', 413, "larger than"),
    "ckan, multipart of noise": _act("package_show", bytes(range(256)), 400, "Error decoding JSON data", MULTI),
    "ckan, form that is no JSON": _act("package_show", b"{nonsense", 400, "Error decoding JSON data", FORM),
    "ckan, writes": _act("package_create", '{"name": "x"}', 403, "Access denied|Authorization"),
    "ckan, no parameter": _ckan("package_show", 409, "Missing value"),
    "ckan, id of a list": _act("package_show", '{"id": ["wells"]}', 404, "Not found"),
    "ckan, id of an object": _act("package_show", '{"id": {"a": 1}}', 404, "Not found"),
    "ckan, SQL": _ckan("datastore_search_sql?sql=SELECT 1", 403, "Access denied|Authorization"),
    # CKAN: parameters
    "ckan, rows of words": _ckan("package_search?rows=many", 409, "Invalid integer"),
    "ckan, rows below zero": _ckan("package_search?rows=-1", 409, "natural number"),
    "ckan, start beyond all": _ckan("package_search?start=99999999999999999999", 409, "at most"),
    "ckan, start of a fraction": _act("package_search", '{"start": 1.5}', 409, "Invalid integer"),
    "ckan, sort of nothing": _ckan("package_search?sort=nothing sideways", 400, "Search Query is invalid"),
    "ckan, sort of an SQL sentence": _ckan("package_search?sort=name asc; DROP TABLE record", 400, "Search Query is invalid"),
    "ckan, facets that are no list": _ckan("package_search?facet.field=kind", 409, "JSON"),
    "ckan, query of an open bracket": _ckan("package_search?fq=year:[1 TO", 409, "Search error"),
    "ckan, query of an open quote": _ckan('package_search?q=title:"a', 409, "Search error"),
    "ckan, query very deep": _ckan("package_search?fq=" + "(" * 500 + "a" + ")" * 500, 409, "Search error"),
    "ckan, query very long": _ckan("package_search?q=" + "x" * 5_000, 409, "Longer than|Search error"),
    "ckan, bbox of words": _ckan("package_search?ext_bbox=a,b,c,d", 409, "bbox|Search error"),
    "ckan, bbox of three": _ckan("package_search?ext_bbox=1,2,3", 409, "bbox|Search error"),
    "ckan, bbox of NaN": _ckan("package_search?ext_bbox=NaN,0,1,1", 409, "bbox|Search error"),
    "ckan, datastore of nothing": _ckan("datastore_search?resource_id=nothing", 404, "Not found"),
    "ckan, filters that are no JSON": _ckan("datastore_search?resource_id={uuid}-rows&filters={{a", 409, "JSON"),
    "ckan, filters of a list": _ckan("datastore_search?resource_id={uuid}-rows&filters=[1]", 409, "dictionary"),
    "ckan, filters of a wrong column": _ckan('datastore_search?resource_id={uuid}-rows&filters={{"nothing": 1}}', 409, "nothing"),
    "ckan, filters of an object": _ckan('datastore_search?resource_id={uuid}-rows&filters={{"owner": {{"a": 1}}}}', 409, "owner|filter"),
    "ckan, fields of a wrong column": _ckan("datastore_search?resource_id={uuid}-rows&fields=nothing", 409, "nothing"),
    "ckan, sort of a wrong column": _ckan("datastore_search?resource_id={uuid}-rows&sort=nothing", 409, "nothing"),
    "ckan, sort with a sentence": _ckan("datastore_search?resource_id={uuid}-rows&sort=no;DROP TABLE record", 409, "sort|no"),
    "ckan, form of records unknown": _ckan("datastore_search?resource_id={uuid}-rows&records_format=xml", 409, "records_format"),
    "ckan, limit of words": _ckan("datastore_search?resource_id={uuid}-rows&limit=all", 409, "Invalid integer"),
    "ckan, dump of nothing": Request("/datastore/dump/nothing", 404, "Not found", own=True),
    "ckan, dump as a program": Request("/datastore/dump/{uuid}-rows?format=exe", 400, "csv or tsv", own=True),
    # OGC API Features
    "ogc, no such collection": _get("/ogc/collections/nothing", 404, "not found|Not found"),
    "ogc, collection of an SQL name": _get("/ogc/collections/'; DROP TABLE record", 404, "not found|Not found"),
    "ogc, no such item": _get(ITEMS + "/nothing", 404, "not found|Not found"),
    "ogc, unknown parameter": _get(ITEMS + "?colour=red", 400, "colour"),
    "ogc, a parameter twice": _get(ITEMS + "?limit=1&limit=2", 400, "limit|once"),
    "ogc, limit of words": _get(ITEMS + "?limit=many", 400, "limit"),
    "ogc, limit zero": _get(ITEMS + "?limit=0", 400, "limit"),
    "ogc, limit below zero": _get(ITEMS + "?limit=-5", 400, "limit"),
    "ogc, offset beyond all": _get(ITEMS + "?offset=99999999999999999999", 400, "offset"),
    "ogc, bbox of three": _get(ITEMS + "?bbox=1,2,3", 400, "bbox"),
    "ogc, bbox of words": _get(ITEMS + "?bbox=a,b,c,d", 400, "bbox"),
    "ogc, bbox of NaN": _get(ITEMS + "?bbox=NaN,NaN,1,1", 400, "bbox"),
    "ogc, bbox of infinity": _get(ITEMS + "?bbox=-Infinity,0,1e999,1", 400, "bbox"),
    "ogc, bbox upside down": _get(ITEMS + "?bbox=1,5,2,4", 400, "bbox"),
    "ogc, bbox off the earth": _get(ITEMS + "?bbox=1000,1000,2000,2000", 400, "bbox"),
    "ogc, bbox of another system": _get(ITEMS + "?bbox=1,2,3,4&bbox-crs=http://example.org/moon", 400, "bbox-crs|crs"),
    "ogc, unknown system": _get(ITEMS + "?crs=http://example.org/moon", 400, "crs"),
    "ogc, datetime of words": _get(ITEMS + "?datetime=yesterday", 400, "datetime"),
    "ogc, datetime backwards": _get(ITEMS + "?datetime=2024-01-02/2024-01-01", 400, "datetime"),
    "ogc, datetime of no day": _get(ITEMS + "?datetime=2024-02-31", 400, "datetime"),
    "ogc, sort of a wrong column": _get(ITEMS + "?sortby=nothing", 400, "bad sortby property"),
    "ogc, properties of a wrong column": _get(ITEMS + "?properties=nothing", 400, "unknown properties"),
    "ogc, unknown format": _get(ITEMS + "?f=exe", 400, "format|f"),
    "ogc, cursor of nonsense": _get(ITEMS + "?after=nonsense", 400, "after|cursor"),
    "ogc, cursor that is no base64": _get(ITEMS + "?after=%ff%fe", 400, "after|cursor"),
    "ogc, unknown language of filters": _filter("depth=1", "Invalid filter language", "sql"),
    "cql, an SQL sentence": _filter("depth=1; DROP TABLE record", "cannot read"),
    "cql, cut off": _filter("depth >", "filter|end"),
    "cql, an open quote": _filter("owner = 'a", "filter|quote|text"),
    "cql, an open bracket": _filter("(depth = 1", "filter|)"),
    "cql, a wrong column": _filter("nothing = 1", "nothing"),
    "cql, a wrong function": _filter("sleep(10) = 1", "sleep"),
    "cql, a value of the wrong type": _filter("depth = 'deep'", "depth"),
    "cql, NUL": _filter("owner = 'a\x00b'", "filter|character|NUL|text"),
    "cql, very deep": _filter(_DEEP, "deep|nest"),
    "cql, very many": _filter(" OR ".join(["depth=1"] * 2_000), "many|large|long"),
    "cql, a list of thousands": _filter("depth IN (" + ",".join(map(str, range(5_000))) + ")", "many|large|long"),
    "cql, WKT cut off": _filter("S_INTERSECTS(geom, POLYGON((1 2, 3", "expected"),
    "cql, WKT of one point": _filter("S_INTERSECTS(geom, LINESTRING(1 2))", "geometry|point"),
    "cql, WKT open ring": _filter("S_INTERSECTS(geom, POLYGON((0 0, 1 0, 1 1)))", "geometry|ring"),
    "cql, WKT of NaN": _filter("S_INTERSECTS(geom, POINT(NaN NaN))", "geometry|filter|number"),
    "cql, WKB instead of WKT": _filter("S_INTERSECTS(geom, '0101000000000000000000F03F')", "geometry|filter"),
    "cql, BBOX of three": _filter("S_INTERSECTS(geom, BBOX(1,2,3))", "BBOX|bbox|filter|number"),
    "cql, a wrong spatial function": _filter("S_NEAR(geom, POINT(1 2))", "S_NEAR|filter"),
    "cql json, cut off": _filter('{"op": "=", "args": [', "JSON|filter", "cql2-json"),
    "cql json, a list": _filter("[1]", "a condition is", "cql2-json"),
    "cql json, no operation": _filter('{"args": [1, 2]}', "op", "cql2-json"),
    "cql json, a wrong operation": _filter('{"op": "drop", "args": []}', "drop", "cql2-json"),
    "cql json, too few arguments": _filter('{"op": "=", "args": [{"property": "depth"}]}', "argument|=", "cql2-json"),
    "cql json, very deep": _filter('{"op":"not","args":[' * 300 + "true" + "]}" * 300, "deep|nest|JSON", "cql2-json"),
    "cql json, NaN": _filter('{"op": "=", "args": [{"property": "depth"}, NaN]}', "JSON|filter", "cql2-json"),
    "cql json, a huge number": _filter('{"op": "=", "args": [{"property": "depth"}, 1' + "0" * 400 + "]}", "JSON|number|filter|depth", "cql2-json"),
    "cql json, a geometry without coordinates": _filter('{"op": "s_intersects", "args": [{"property": "geom"}, {"type": "Point"}]}', "geometry|filter", "cql2-json"),
    "cql json, a geometry of text": _filter(
        '{"op": "s_intersects", "args": [{"property": "geom"}, {"type": "Point", "coordinates": ["a", "b"]}]}', "geometry|filter", "cql2-json"
    ),
    "ogc, a body of noise": Request(ITEMS, 400, "UTF-8", bytes(range(256)), JSON),
    "ogc, a body too large": Request(ITEMS, 400, "larger than", b"x" * 400_000, JSON),
    # CSW
    "csw, unknown request": _csw(CSW + "DropRecords", "DropRecords|request"),
    "csw, unknown service": _csw("/csw/?service=WFS&version=2.0.2&request=GetCapabilities", "service"),
    "csw, unknown version": _csw("/csw/?service=CSW&version=9.9.9&request=GetRecords", "version"),
    "csw, a parameter twice": _csw(CSW + "GetRecords&request=GetCapabilities", "once", 400),
    "csw, a control character": _csw(CSW + "GetRecords&elementSetName=%01", "character", 400),
    "csw, no id": _csw(CSW + "GetRecordById", "id"),
    "csw, unknown type": _csw(CSW + "GetRecords&typeNames=gmd:Moon&resultType=results&elementSetName=brief", "typename|typeName|Typename"),
    "csw, unknown result type": _csw(CSW + "GetRecords&typeNames=csw:Record&resultType=all&elementSetName=brief", "resulttype|resultType"),
    "csw, start of words": _csw(RECORDS + "&startPosition=first", "startposition", 400),
    "csw, maximum of words": _csw(RECORDS + "&maxRecords=all", "maxrecords", 400),
    "csw, unknown schema": _csw(RECORDS + "&outputSchema=http://example.org/moon", "outputschema|outputSchema"),
    "csw, unknown language of constraints": _csw(RECORDS + "&constraintLanguage=SQL&constraint=1=1", "constraint"),
    "csw, CQL cut off": _csw(RECORDS + "&constraintLanguage=CQL_TEXT&constraint=dc:title LIKE", "constraint|CQL|filter|Invalid"),
    "csw, CQL of an unknown name": _csw(RECORDS + "&constraintLanguage=CQL_TEXT&constraint=nothing='a'", "nothing|Invalid"),
    "csw, CQL of an SQL sentence": _csw(RECORDS + "&constraintLanguage=CQL_TEXT&constraint=dc:title='a'; DROP TABLE record", "constraint|CQL|filter|Invalid"),
    "csw, sort of an unknown name": _csw(RECORDS + "&sortBy=nothing:A", "sort|nothing"),
    "csw, body cut off": _post("<csw:GetRecords", 200, "not well-formed|service"),
    "csw, body of noise": _post(bytes(range(256)), 200, "not well-formed|service"),
    "csw, body of entities": _post(_LAUGHS + "<a>&b;</a>", 200, "not well-formed|service"),
    "csw, body of an outside entity": _post('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>', 200, "not well-formed|service"),
    "csw, body very deep": _post("<a>" * 5_000 + "</a>" * 5_000, 200, "not well-formed|service"),
    "csw, body of another root": _post("<a/>", 200, "Exception"),
    "csw, body too large": _post("<a>" + "x" * 400_000 + "</a>", 413, "large"),
    "csw, transaction": _post('<csw:Transaction xmlns:csw="http://www.opengis.net/cat/csw/2.0.2" service="CSW" version="2.0.2"/>', 200, "Exception"),
    "fes, unknown operation": _post(_records("<ogc:Drop/>"), 200, "Exception"),
    "fes, no operand": _post(_records("<ogc:PropertyIsEqualTo/>"), 200, "Exception"),
    "fes, an unknown name": _post(
        _records("<ogc:PropertyIsEqualTo><ogc:PropertyName>nothing</ogc:PropertyName><ogc:Literal>a</ogc:Literal></ogc:PropertyIsEqualTo>"), 200, "Exception"
    ),
    "fes, very deep": _post(_records("<ogc:Not>" * 150 + "<ogc:Not/>" + "</ogc:Not>" * 150), 200, "Exception"),
    "fes, a box of words": _post(
        _records(
            "<ogc:BBOX><ogc:PropertyName>ows:BoundingBox</ogc:PropertyName><gml:Envelope><gml:lowerCorner>a b</gml:lowerCorner>"
            "<gml:upperCorner>c d</gml:upperCorner></gml:Envelope></ogc:BBOX>"
        ),
        200,
        "Exception",
    ),
    "fes, a box of one corner": _post(
        _records("<ogc:BBOX><ogc:PropertyName>ows:BoundingBox</ogc:PropertyName><gml:Envelope><gml:lowerCorner>1 2</gml:lowerCorner></gml:Envelope></ogc:BBOX>"),
        200,
        "Exception",
    ),
}  # fmt: skip
