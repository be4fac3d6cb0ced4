"""Probes of the OGC faces: endpoint → probes."""

from tests.leaks.probes import Probe, Table, beside, probe

_C = "/ogc/collections"
_L = f"{_C}/{{licences}}/items"
ROUTES: Table = {
    "ogc.landing": [beside("/ogc/"), beside("/ogc/?f=html")],
    "ogc.unknown": [beside("/ogc/nothing")],
    "ogc.conformance": [beside("/ogc/conformance")],
    "ogc.openapi": [beside("/ogc/openapi"), beside("/ogc/openapi?f=html")],
    "ogc.collections": [probe("RCrg", _C), probe("RC", f"{_C}?f=html"), probe("RCrg", f"{_C}?after=0")],
    "ogc.collection": [
        probe("R", f"{_C}/{{needle}}"), probe("R", f"{_C}/{{needle}}?f=html"), probe("R", f"{_C}/{{needle}}?bad=1"),
        probe("R", f"{_C}/{{needle}}?f=nothing"), probe("C", f"{_C}/{{listed}}"), beside(f"{_C}/{{wetland}}"),
        probe("r", f"{_C}/{{licences}}"), probe("r", f"{_C}/{{licences}}?f=html"), probe("g", f"{_C}/{{wells}}"), probe("g", f"{_C}/{{shapes}}"),
    ],
    "ogc.queryables": [
        probe("R", f"{_C}/{{needle}}/queryables"), probe("R", f"{_C}/{{needle}}/queryables?f=html"),
        beside(f"{_C}/{{licences}}/queryables"), beside(f"{_C}/{{shapes}}/queryables"),
    ],
    "ogc.schema": [
        probe("R", f"{_C}/{{needle}}/schema"), probe("R", f"{_C}/{{needle}}/schema?f=html"),
        beside(f"{_C}/{{licences}}/schema"), beside(f"{_C}/{{shapes}}/schema"),
    ],
    "ogc.items": [
        probe("R", f"{_C}/{{needle}}/items"), probe("R", f"{_C}/{{needle}}/items?f=html"), probe("R", f"{_C}/{{needle}}/items?limit=bad"),
        probe("R", f"{_C}/{{needle}}/items?filter=a='x'"), probe("R", f"{_C}/{{needle}}/items?nothing=1"), probe("R", f"{_C}/{{needle}}/items?bbox=1,2"),
        probe("R", f"{_C}/{{needle}}/items?f=bad"), probe("R", f"{_C}/{{needle}}/items?resulttype=hits"), probe("C", f"{_C}/{{listed}}/items"),
        probe("C", f"{_C}/{{listed}}/items?filter=b='{{hidden}}'"), probe("rcm", _L), probe("rcm", f"{_L}?f=html"),
        probe("c", f"{_L}?reserves={{hidden}}"), probe("m", f"{_L}?holder={{masked}}"), probe("r", f"{_L}?mineral={{needle_word}}"), probe("r", f"{_L}?status=secret"),
        probe("rcm", f"{_L}?sortby=-reserves"), probe("rcm", f"{_L}?sortby=holder"), probe("rcm", f"{_L}?sortby=-licence_number"), probe("rc", f"{_L}?properties=reserves"),
        probe("rm", f"{_L}?properties=holder,mineral"), probe("c", f"{_L}?filter=reserves>3000"),
        probe("m", f"{_L}?filter=holder LIKE '{{masked}}%25'"), probe("cm", f"{_L}?filter=holder='王甲'"), probe("r", f"{_L}?filter=mineral='{{needle_word}}'"),
        probe("rcm", f"{_L}?filter=mineral IS NOT NULL OR status='secret'"), probe("r", f"{_L}?filter=NOT (status='active')"),
        probe("r", f"{_L}?filter=S_INTERSECTS(shape,POLYGON((109 19,112 19,112 22,109 22,109 19)))"), probe("r", f"{_L}?bbox=109,19,112,22"),
        probe("cm", f"{_L}?bbox=103,30,104,31"), probe("rcm", f"{_L}?limit=1"), probe("rcm", f"{_L}?limit=2"), probe("r", f"{_L}?offset=2"), probe("r", f"{_L}?resulttype=hits"),
        probe("r", f"{_L}?resulttype=hits&bbox=109,19,112,22"), probe("rcm", f"{_L}?skipGeometry=true"), probe("rcm", f"{_L}?datetime=2020-01-01"),
        probe("rcm", f"{_L}?crs=http://www.opengis.net/def/crs/EPSG/0/3857"), probe("r", f"{_L}?after=WyJbXCJDLTFcIl0iXQ&limit=1"),
        probe("c", f"{_L}?filter-lang=cql2-json", '{{"op": ">", "args": [{{"property": "reserves"}}, 3000]}}'),
        probe("r", _L, '{{"op": "=", "args": [{{"property": "mineral"}}, "{needle_word}"]}}'), probe("rcm", _L, accept="text/html"),
        probe("g", f"{_C}/{{wells}}/items"), probe("g", f"{_C}/{{wells}}/items?bbox=109,19,112,22"), probe("g", f"{_C}/{{wells}}/items?bbox=103.1,30.5,103.2,30.6"),
        probe("g", f"{_C}/{{wells}}/items?depth={{hidden}}"), probe("g", f"{_C}/{{wells}}/items?filter=depth>100"), probe("g", f"{_C}/{{wells}}/items?f=html"),
        probe("g", f"{_C}/{{shapes}}/items"), probe("g", f"{_C}/{{shapes}}/items?bbox=109,19,112,22"),
        probe("g", f"{_C}/{{shapes}}/items?filter=S_INTERSECTS(shape,POLYGON((109 19,112 19,112 22,109 22,109 19)))"),
        beside(f"{_C}/{{plain-last}}/items"),
    ],
    "ogc.item": [
        probe("R", f"{_C}/{{needle}}/items/{{needle_word}}"), probe("R", f"{_C}/{{needle}}/items/none"), probe("C", f"{_C}/{{listed}}/items/1"),
        probe("r", f"{_C}/{{licences}}/items/C-15"), probe("r", f"{_C}/{{licences}}/items/C-15?f=html"), probe("cm", f"{_C}/{{licences}}/items/C-1"),
        probe("cm", f"{_C}/{{licences}}/items/C-1?f=html"), probe("g", f"{_C}/{{wells}}/items/1"),
        probe("g", f"{_C}/{{shapes}}/items/1"),
    ],
}  # fmt: skip

_CSW = "/csw/?service=CSW&version=2.0.2&request="
_CSW3 = "/csw/?service=CSW&version=3.0.0&request="
_GMD = "outputSchema=http://www.isotc211.org/2005/gmd"
_ALL = "typeNames=csw:Record&resultType=results&elementSetName=full&maxRecords=50"
_GET_RECORDS = (
    '<csw:GetRecords xmlns:csw="http://www.opengis.net/cat/csw/2.0.2" xmlns:ogc="http://www.opengis.net/ogc" xmlns:gml="http://www.opengis.net/gml" service="CSW" '
    'version="2.0.2" resultType="results" maxRecords="50"{schema}><csw:Query typeNames="csw:Record"><csw:ElementSetName>full</csw:ElementSetName>'
    '<csw:Constraint version="1.1.0"><ogc:Filter>{filter}</ogc:Filter></csw:Constraint>{sort}</csw:Query></csw:GetRecords>'
)


def _post(filter: str, schema: str = "", sort: str = "") -> str:
    return _GET_RECORDS.replace("{filter}", filter).replace("{schema}", schema).replace("{sort}", sort)


def _like(name: str, value: str) -> str:
    head = '<ogc:PropertyIsLike wildCard="%" singleChar="_" escapeChar="\\">'
    return f"{head}<ogc:PropertyName>{name}</ogc:PropertyName><ogc:Literal>{value}</ogc:Literal></ogc:PropertyIsLike>"


def _equals(name: str, value: str) -> str:
    return f"<ogc:PropertyIsEqualTo><ogc:PropertyName>{name}</ogc:PropertyName><ogc:Literal>{value}</ogc:Literal></ogc:PropertyIsEqualTo>"


def _box(west: int, south: int, east: int, north: int) -> str:
    envelope = f"<gml:Envelope><gml:lowerCorner>{west} {south}</gml:lowerCorner><gml:upperCorner>{east} {north}</gml:upperCorner></gml:Envelope>"
    return f"<ogc:BBOX><ogc:PropertyName>ows:BoundingBox</ogc:PropertyName>{envelope}</ogc:BBOX>"


_ISO = ' outputSchema="http://www.isotc211.org/2005/gmd"'
_TITLE_DOWN = "<ogc:SortBy><ogc:SortProperty><ogc:PropertyName>dc:title</ogc:PropertyName><ogc:SortOrder>DESC</ogc:SortOrder></ogc:SortProperty></ogc:SortBy>"


def _everywhere() -> str:
    return _like("csw:AnyText", "%common%")


CSW: list[Probe] = [
    beside(_CSW + "GetCapabilities"), beside(_CSW3 + "GetCapabilities"), beside(_CSW + "DescribeRecord"),
    probe("RCF", _CSW + "GetRecords&" + _ALL), probe("RCF", _CSW + f"GetRecords&{_ALL}&{_GMD}"), probe("R", _CSW + "GetRecords&typeNames=csw:Record&resultType=hits&elementSetName=brief"),
    probe("RCF", _CSW + f"GetRecords&{_ALL}&startPosition=3"), probe("RCF", _CSW + f"GetRecords&{_ALL}&sortBy=dc:title:D"), probe("RCF", _CSW + f"GetRecords&{_ALL}&sortBy=dct:modified:D"),
    probe("RC", _CSW + "GetRecords&typeNames=csw:Record&resultType=results&elementSetName=brief&maxRecords=50"),
    probe("R", _CSW + f"GetRecords&{_ALL}&constraintLanguage=CQL_TEXT&constraint=csw:AnyText LIKE '%25{{needle_word}}%25'"),
    probe("CF", _CSW + f"GetRecords&{_ALL}&constraintLanguage=CQL_TEXT&constraint=csw:AnyText LIKE '%25{{word}}%25'"),
    probe("CF", _CSW + f"GetRecords&{_ALL}&constraintLanguage=CQL_TEXT&constraint=dct:abstract LIKE '%25{{word}}%25'"),
    probe("R", _CSW + f"GetRecords&{_ALL}&constraintLanguage=CQL_TEXT&constraint=dc:title LIKE '%25{{needle_word}}%25' OR dc:title LIKE '%25plain%25'"),
    probe("R", _CSW + f"GetRecords&{_ALL}&constraintLanguage=CQL_TEXT&constraint=dc:identifier='{{needle_urn}}'"),
    probe("R", _CSW + "GetRecordById&id={needle_urn}&elementSetName=full"), probe("R", _CSW + "GetRecordById&id={needle_uuid}"), probe("R", _CSW + "GetRecordById&id={needle}"),
    probe("R", _CSW + f"GetRecordById&id={{needle_urn}}&{_GMD}"), probe("R", _CSW + "GetRecordById&id={plain-0_urn},{needle_urn}"),
    probe("C", _CSW + "GetRecordById&id={listed_urn}&elementSetName=full"), probe("C", _CSW + f"GetRecordById&id={{listed_urn}}&elementSetName=full&{_GMD}"),
    probe("F", _CSW + "GetRecordById&id={wetland_urn}&elementSetName=full"), probe("F", _CSW + f"GetRecordById&id={{wetland_urn}}&elementSetName=full&{_GMD}"),
    beside(_CSW + f"GetRecordById&id={{licences_urn}}&elementSetName=full&{_GMD}"),
    probe("R", _CSW + "GetDomain&PropertyName=dc:subject"), probe("RCF", _CSW + "GetDomain&PropertyName=dc:format"), probe("R", _CSW + "GetDomain&PropertyName=dc:type"),
    probe("R", _CSW + "GetDomain&PropertyName=dc:creator"),
    probe("R", _CSW3 + "GetRecordById&id={needle_urn}"), probe("F", _CSW3 + "GetRecordById&id={wetland_urn}&elementSetName=full"),
    probe("RCF", _CSW3 + "GetRecords&typeNames=csw:Record&elementSetName=full&maxRecords=50"), probe("R", _CSW3 + "GetRecords&typeNames=csw:Record&elementSetName=full&q={needle_word}"),
    probe("R", _CSW3 + "GetRecords&typeNames=csw:Record&elementSetName=full&bbox=119,39,122,42"), probe("C", _CSW3 + "GetRecords&typeNames=csw:Record&elementSetName=full&bbox=109,19,112,22"),
    probe("R", "/csw/", _post(_like("csw:AnyText", "%{needle_word}%"))), probe("CF", "/csw/", _post(_like("csw:AnyText", "%{word}%"))),
    probe("R", "/csw/", _post(_like("csw:AnyText", "%{needle_word}%"), _ISO)), probe("CF", "/csw/", _post(_like("csw:AnyText", "%{word}%"), _ISO)),
    probe("CF", "/csw/", _post(_like("dct:abstract", "%{word}%"))),
    probe("R", "/csw/", _post(_equals("dc:subject", "{needle_word}"))), probe("R", "/csw/", _post(_equals("dc:identifier", "{needle_urn}"))),
    probe("RC", "/csw/", _post(_equals("dc:format", "gpkg"))), probe("F", "/csw/", _post(_equals("dc:format", "pdf"))), probe("R", "/csw/", _post(_equals("dc:type", "map"))),
    probe("R", "/csw/", _post(_box(119, 39, 122, 42))), probe("C", "/csw/", _post(_box(109, 19, 112, 22))), probe("RC", "/csw/", _post(f"<ogc:Not>{_box(102, 29, 105, 32)}</ogc:Not>")),
    probe("RCF", "/csw/", _post(f"<ogc:Not>{_like('csw:AnyText', '%nowhere%')}</ogc:Not>")), probe("CF", "/csw/", _post(_everywhere(), sort=_TITLE_DOWN)),
    probe("R", "/csw/", _post(f"<ogc:Or>{_equals('dc:title', 'plain-0')}{_like('csw:AnyText', '%{needle_word}%')}</ogc:Or>")),
]  # fmt: skip
