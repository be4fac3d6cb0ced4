"""Probes of CSW."""

from tests.leaks.probes import Probe, beside, probe

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
    beside(_CSW + "GetRecordById&id={gone_urn}&elementSetName=full"),
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
