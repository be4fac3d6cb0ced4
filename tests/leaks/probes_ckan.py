"""Probes of the CKAN face: action → probes, and the dump of rows."""

from tests.leaks.probes import Table, beside, probe

_A = "/api/3/action/"
_S = _A + "package_search?rows=50&"
_FACETS = 'facet.field=["organization","owner_org","tags","groups","res_format","license_id","kind","level","year","territory","authority","sharing_type"]'
_R = _A + "datastore_search?resource_id={licences_uuid}-rows"
DUMPS: Table = {
    "ckan_datastore.dump": [
        probe("R", "/datastore/dump/{needle_uuid}-rows"), probe("C", "/datastore/dump/{listed_uuid}-rows"),
        probe("rcm", "/datastore/dump/{licences_uuid}-rows"), probe("rcm", "/datastore/dump/{licences_uuid}-rows?format=tsv"), probe("g", "/datastore/dump/{wells_uuid}-rows"),
        probe("g", "/datastore/dump/{shapes_uuid}-rows"),
    ],
}  # fmt: skip
ACTIONS: Table = {
    "package_search": [
        probe("RCF", _S), probe("RCF", _S + _FACETS), probe("RCF", _S + _FACETS + "&facet.limit=-1"), probe("RCF", _A + "package_search?rows=0&" + _FACETS),
        probe("R", _S + "q={needle_word}"), probe("CF", _S + "q={word}"), probe("R", _S + "q=title:{needle_word}"), probe("CF", _S + "q=notes:{word}"),
        probe("R", _S + "q=name:{needle}"), probe("R", _S + "q=id:{needle_uuid}"), probe("R", _S + "q=title_ngram:zau"),
        probe("R", _S + "fq=name:{needle}"), probe("R", _S + "fq=groups:administration"), probe("R", _S + "fq=tags:{needle_word}"), probe("R", _S + "fq=kind:map"),
        probe("RC", _S + "fq=res_format:GPKG"), probe("F", _S + "fq=res_format:PDF"), probe("RCF", _S + "fq=license_id:odc-odbl"), probe("R", _S + "fq=year:[1970 TO 2000]"),
        probe("R", _S + "fq=territory:510104"), probe("R", _S + "fq=organization:11510107mb1234567q"), probe("CF", _S + "fq=organization:{org}"), probe("RCF", _S + "fq=-groups:land"),
        probe("RCF", _S + "fq=metadata_modified:[2027-01-15T08:00:00Z TO *]"), probe("R", _S + "fq=metadata_created:[* TO 2000-01-01T00:00:00Z]"),
        probe("RCF", _S + "fq=license_id:*"), probe("RCF", _S + "fq=-license_id:notspecified"), probe("RCF", _S + "sort=title asc"), probe("RCF", _S + "sort=metadata_modified desc"),
        probe("RCF", _S + "sort=name desc"), probe("RCF", _S + "sort=metadata_created asc"), probe("RCF", _S + "start=4"), probe("R", _S + "ext_bbox=119,39,122,42"),
        probe("C", _S + "ext_bbox=109,19,112,22"), probe("RCF", _S + "ext_bbox=-180,-90,180,90"), probe("R", _S + "fl=name,title"),
        probe("R", _A + "package_search", '{{"q": "{needle_word}", "rows": 5}}'), probe("R", _S + "q={needle_word}", language="zh"),
    ],
    "package_show": [
        probe("R", _A + "package_show?id={needle}"), probe("R", _A + "package_show?id={needle_uuid}"), probe("R", _A + "package_show?id={needle_urn}"),
        probe("R", _A + "package_show?name_or_id={needle}"), probe("R", _A + "package_show", '{{"id": "{needle}"}}'), probe("C", _A + "package_show?id={listed}"),
        probe("F", _A + "package_show?id={wetland}"), beside(_A + "package_show?id={licences}"), beside(_A + "package_show?id={wells}"),
        beside(_A + "package_show?id={plain-last}"), probe("F", _A + "package_show?id={wetland}", language="zh"),
    ],
    "package_list": [probe("R", _A + "package_list"), probe("R", _A + "package_list?limit=5"), probe("R", _A + "package_list?offset=3")],
    "current_package_list_with_resources": [
        probe("RCF", _A + "current_package_list_with_resources?limit=50"), probe("F", _A + "current_package_list_with_resources?limit=2&offset=3"),
    ],
    "package_autocomplete": [
        probe("R", _A + "package_autocomplete?q=zaub"), probe("R", _A + "package_autocomplete?q=need"), beside(_A + "package_autocomplete?q=plain&limit=3"),
    ],
    "resource_show": [
        probe("R", _A + "resource_show?id={needle_uuid}-rows"), probe("R", _A + "resource_show?id={needle_uuid}-original"),
        probe("C", _A + "resource_show?id={listed_uuid}-rows"), beside(_A + "resource_show?id={listed_uuid}-original"), probe("F", _A + "resource_show?id={wetland_uuid}-inner"),
        beside(_A + "resource_show?id={licences_uuid}-original"),
    ],
    "resource_search": [
        probe("RC", _A + "resource_search?query=name:Table"), probe("RC", _A + "resource_search?query=format:gpkg"), probe("F", _A + "resource_search?query=name:{word}"),
        probe("F", _A + "resource_search?query=format:pdf"), probe("R", _A + "resource_search?query=hash:{needle_file}"), probe("R", _A + "resource_search?query=url:{needle_uuid}"),
        probe("F", _A + "resource_search?query=url:example.org"),
    ],
    "organization_list": [
        probe("R", _A + "organization_list"), probe("R", _A + "organization_list?all_fields=true"), probe("R", _A + "organization_list?organizations=11510107mb1234567q"),
        probe("R", _A + "organization_list?sort=package_count desc"), probe("R", _A + "organization_list?q=zauber"), probe("R", _A + "organization_list?limit=1&offset=1"),
    ],
    "organization_show": [
        probe("CF", _A + "organization_show?id={org}&include_datasets=true"), probe("R", _A + "organization_show?id=11510107mb1234567q"),
        probe("R", _A + "organization_show?id={needle_word}"),
    ],
    "organization_autocomplete": [probe("R", _A + "organization_autocomplete?q=zaub"), probe("R", _A + "organization_autocomplete?q=")],
    "group_list": [
        probe("R", _A + "group_list"), probe("R", _A + "group_list?all_fields=true"), probe("R", _A + "group_list?groups=administration"),
        probe("R", _A + "group_list?sort=package_count desc"),
    ],
    "group_show": [
        probe("R", _A + "group_show?id=administration&include_datasets=true"), probe("R", _A + "group_show?id=administration"), probe("F", _A + "group_show?id=wetland&include_datasets=true"),
    ],
    "group_package_show": [probe("R", _A + "group_package_show?id=administration"), probe("C", _A + "group_package_show?id=imagery")],
    "tag_list": [probe("R", _A + "tag_list"), probe("R", _A + "tag_list?query=zaub"), probe("R", _A + "tag_list?all_fields=true")],
    "tag_show": [probe("R", _A + "tag_show?id={needle_word}"), probe("R", _A + "tag_show?id={needle_word}&include_datasets=true"), probe("CF", _A + "tag_show?id=common&include_datasets=true")],
    "tag_search": [probe("R", _A + "tag_search?query=zaub"), probe("R", _A + "tag_search?query=a")],
    "tag_autocomplete": [probe("R", _A + "tag_autocomplete?query=zaub")],
    "format_autocomplete": [probe("RC", _A + "format_autocomplete?q=gpkg"), probe("F", _A + "format_autocomplete?q=pdf")],
    "datastore_search": [
        probe("R", _A + "datastore_search?resource_id={needle_uuid}-rows"),
        probe("R", _A + "datastore_search?resource_id={needle_uuid}-rows&fields=nothing"),
        probe("C", _A + "datastore_search?resource_id={listed_uuid}-rows"), probe("C", _A + "datastore_search?resource_id={listed_uuid}-rows&limit=0"),
        probe("C", _A + 'datastore_search?resource_id={listed_uuid}-rows&filters={{"b":"{hidden}"}}'), probe("rcm", _R), probe("m", _R + "&q={masked}"),
        probe("r", _R + "&q={needle_word}"), probe("c", _R + '&filters={{"reserves":"{hidden}"}}'), probe("m", _R + '&filters={{"holder":"{masked}"}}'),
        probe("r", _R + '&filters={{"mineral":"{needle_word}"}}'), probe("r", _R + '&filters={{"status":"secret"}}'), probe("m", _R + '&q={{"holder":"{masked}"}}'),
        probe("rcm", _R + "&sort=reserves desc"), probe("rcm", _R + "&sort=holder"), probe("rcm", _R + "&sort=licence_number desc"), probe("rc", _R + "&fields=reserves"),
        probe("rm", _R + "&fields=holder,mineral"), probe("r", _R + "&distinct=true&fields=mineral"), probe("rm", _R + "&distinct=true&fields=holder"), probe("r", _R + "&limit=0"),
        probe("r", _R + "&limit=1&offset=2"), probe("rcm", _R + "&records_format=csv"), probe("rcm", _R + "&records_format=lists"), probe("rcm", _R + "&records_format=tsv"),
        probe("c", _A + "datastore_search", '{{"resource_id": "{licences_uuid}-rows", "filters": {{"reserves": 4242}}}}'), probe("g", _A + "datastore_search?resource_id={wells_uuid}-rows"),
        probe("g", _A + 'datastore_search?resource_id={wells_uuid}-rows&filters={{"depth":"{hidden}"}}'), probe("g", _A + "datastore_search?resource_id={shapes_uuid}-rows"),
    ],
    "datastore_info": [
        probe("R", _A + "datastore_info", '{{"id": "{needle_uuid}-rows"}}'), probe("C", _A + "datastore_info?id={listed_uuid}-rows"), probe("r", _A + "datastore_info?id={licences_uuid}-rows"),
        beside(_A + "datastore_info?id={wells_uuid}-rows"),
    ],
}  # fmt: skip
#: Actions that write are refused, whatever they name; and what is withdrawn is gone for everyone.
REFUSED = [
    *(beside(f"{_A}package_show?id={{gone{form}}}") for form in ("", "_urn", "_uuid")),
    beside(_A + "datastore_search?resource_id={gone_uuid}-rows"),
    beside(_A + "resource_show?id={gone_uuid}-rows"),
    beside(_A + "package_delete", '{{"id": "{needle}"}}'),
    beside(_A + "package_patch", '{{"id": "{needle_uuid}"}}'),
    beside(_A + "nothing_show?id={needle}"),
]
