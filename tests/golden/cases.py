"""What the golden site is asked: face → name → question. `{slug}` in a path stands for the uuid of a record."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Ask:
    """One request. `actor`: `public` or `officer`; `body`: what is posted."""

    path: str
    actor: str = "public"
    body: str | None = None
    language: str = "en"


_FACETS = '["organization","groups","tags","res_format","license_id","kind","level","year","territory","authority","sharing_type"]'
_A = "/api/3/action/"
CKAN = {
    "status_show": Ask(_A + "status_show"),
    "site_read": Ask(_A + "site_read"),
    "package_search": Ask(f"{_A}package_search?rows=50&sort=name asc&facet.field={_FACETS}"),
    "package_search-officer": Ask(f"{_A}package_search?rows=0&facet.field={_FACETS}", "officer"),
    "package_search-zh": Ask(_A + "package_search?q=宗地&rows=1", language="zh"),
    "package_search-words": Ask(_A + "package_search?q=groundwater levels&fl=name,title"),
    "package_search-lucene": Ask(_A + "package_search?q=title:(Parcels OR wells)&fq=groups:land +res_format:CSV&fl=name"),
    "package_search-bbox": Ask(_A + "package_search?ext_bbox=175,-5,179,5&fl=name"),
    "package_search-post": Ask(_A + "package_search", body='{"q": "wells", "rows": 1, "fl": ["name", "notes"]}'),
    "package_search-wrong-sort": Ask(_A + "package_search?sort=name sideways"),
    "package_search-wrong-query": Ask(_A + "package_search?q=title:(("),
    "package_show": Ask(_A + "package_show?id=parcels"),
    "package_show-service": Ask(_A + "package_show?id=service"),
    "package_show-conditional": Ask(_A + "package_show?id=conditional"),
    "package_show-officer": Ask(_A + "package_show?id=internal", "officer"),
    "package_show-hidden": Ask(_A + "package_show?id=internal"),
    "package_show-unknown": Ask(_A + "package_show?id=none"),
    "package_show-no-id": Ask(_A + "package_show"),
    "package_list": Ask(_A + "package_list"),
    "package_autocomplete": Ask(_A + "package_autocomplete?q=par"),
    "current_package_list_with_resources": Ask(_A + "current_package_list_with_resources?limit=1"),
    "resource_show": Ask(_A + "resource_show?id={parcels}-rows"),
    "resource_show-file": Ask(_A + "resource_show?id={parcels}-original"),
    "resource_search": Ask(_A + "resource_search?query=format:csv"),
    "organization_list": Ask(_A + "organization_list?all_fields=true"),
    "organization_show": Ask(_A + "organization_show?id=11510107mb1234567q"),
    "group_list": Ask(_A + "group_list"),
    "group_show": Ask(_A + "group_show?id=land"),
    "tag_list": Ask(_A + "tag_list"),
    "license_list": Ask(_A + "license_list"),
    "datastore_search": Ask(_A + "datastore_search?resource_id={parcels}-rows&limit=3&sort=code desc"),
    "datastore_search-filters": Ask(_A + 'datastore_search?resource_id={parcels}-rows&filters={{"use": "forest"}}&fields=code,use,area'),
    "datastore_search-readings": Ask(_A + "datastore_search?resource_id={readings}-rows"),
    "datastore_search-unknown-column": Ask(_A + "datastore_search?resource_id={readings}-rows&sort=nothing"),
    "datastore_info": Ask(_A + "datastore_info?id={parcels}-rows"),
    "datastore-dump": Ask("/datastore/dump/{parcels}-rows"),
    "unknown-action": Ask(_A + "no_such_action"),
    "help_show": Ask(_A + "help_show?name=package_show"),
}

_C = "/ogc/collections"
FEATURES = {
    "landing": Ask("/ogc/?f=json"),
    "landing-zh": Ask("/ogc/?f=json", language="zh"),
    "conformance": Ask("/ogc/conformance?f=json"),
    "openapi": Ask("/ogc/openapi?f=json"),
    "collections": Ask(_C + "?f=json"),
    "collection": Ask(_C + "/parcels?f=json"),
    "collection-unknown": Ask(_C + "/internal?f=json"),
    "queryables": Ask(_C + "/parcels/queryables?f=json"),
    "schema": Ask(_C + "/parcels/schema?f=json"),
    "items": Ask(_C + "/parcels/items?f=json&limit=3"),
    "items-bbox": Ask(_C + "/parcels/items?f=json&bbox=104.025,30.6,104.035,30.605"),
    "items-property": Ask(_C + "/parcels/items?f=json&use=forest&properties=code,use"),
    "items-cql2": Ask(_C + "/parcels/items?f=json&filter=area>105 AND use IS NOT NULL&properties=code,area"),
    "items-sorted": Ask(_C + "/parcels/items?f=json&sortby=-floors&limit=2"),
    "items-crs": Ask(_C + "/parcels/items?f=json&limit=1&crs=http://www.opengis.net/def/crs/EPSG/0/4490"),
    "items-without-geometry": Ask(_C + "/parcels/items?f=json&limit=1&skipGeometry=true"),
    "items-table": Ask(_C + "/readings/items?f=json&datetime=2026-01-02T00:00:00Z/2026-01-03T00:00:00Z"),
    "items-csv": Ask(_C + "/parcels/items?f=csv&limit=3"),
    "items-wrong-bbox": Ask(_C + "/parcels/items?f=json&bbox=1,2,3"),
    "items-wrong-filter": Ask(_C + "/parcels/items?f=json&filter=area>>1"),
    "items-unknown-parameter": Ask(_C + "/parcels/items?f=json&nothing=1"),
    "item": Ask(_C + "/parcels/items/510107000001?f=json"),
    "item-unknown": Ask(_C + "/parcels/items/none?f=json"),
}

_CSW = "/csw/?service=CSW&version=2.0.2&request="
_ISO = "&outputSchema=http://www.isotc211.org/2005/gmd"
_POST = (
    '<csw:GetRecords xmlns:csw="http://www.opengis.net/cat/csw/2.0.2" xmlns:ogc="http://www.opengis.net/ogc" service="CSW" version="2.0.2" '
    'resultType="results" maxRecords="5"><csw:Query typeNames="csw:Record"><csw:ElementSetName>brief</csw:ElementSetName><csw:Constraint version="1.1.0">'
    '<ogc:Filter><ogc:PropertyIsLike wildCard="%" singleChar="_" escapeChar="\\"><ogc:PropertyName>csw:AnyText</ogc:PropertyName>'
    "<ogc:Literal>%groundwater%</ogc:Literal></ogc:PropertyIsLike></ogc:Filter></csw:Constraint></csw:Query></csw:GetRecords>"
)
_RESULTS = "&typeNames=csw:Record&resultType=results"
CSW = {
    "capabilities": Ask(_CSW + "GetCapabilities"),
    "describe": Ask(_CSW + "DescribeRecord"),
    "records": Ask(_CSW + "GetRecords&elementSetName=full&maxRecords=10&sortBy=dc:title:A" + _RESULTS),
    "records-hits": Ask(_CSW + "GetRecords&typeNames=csw:Record&resultType=hits"),
    "records-cql": Ask(_CSW + "GetRecords&constraintLanguage=CQL_TEXT&constraint=dc:title LIKE '%25Parcels%25'&elementSetName=summary" + _RESULTS),
    "records-post": Ask("/csw/", body=_POST),
    "records-iso": Ask(_CSW + "GetRecords&elementSetName=full&maxRecords=1&sortBy=dc:title:D" + _RESULTS + _ISO),
    "record": Ask(_CSW + "GetRecordById&elementSetName=full&id=urn:terrace:{parcels}"),
    "record-iso": Ask(_CSW + "GetRecordById&elementSetName=full&id=urn:terrace:{parcels}" + _ISO),
    "record-service-iso": Ask(_CSW + "GetRecordById&elementSetName=full&id=urn:terrace:{service}" + _ISO),
    "record-hidden": Ask(_CSW + "GetRecordById&elementSetName=full&id=urn:terrace:{internal}"),
    "domain": Ask(_CSW + "GetDomain&PropertyName=dc:type"),
    "wrong-request": Ask(_CSW + "GetNothing"),
    "wrong-constraint": Ask(_CSW + "GetRecords&constraintLanguage=CQL_TEXT&constraint=dc:title LIKE&elementSetName=brief" + _RESULTS),
    "capabilities-3": Ask("/csw/?service=CSW&version=3.0.0&request=GetCapabilities"),
    "record-3": Ask("/csw/?service=CSW&version=3.0.0&request=GetRecordById&elementSetName=full&id=urn:terrace:{parcels}"),
}

FACES = {"ckan": CKAN, "features": FEATURES, "csw": CSW}
