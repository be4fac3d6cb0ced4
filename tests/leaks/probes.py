"""What is asked of a site to find what it hides: one table of probes for each route, CKAN action and command. What is listed nowhere fails a test.

`{…}` in an address stands for: `slug`, `uuid`, `urn` of the needle (a record that must look absent); `layer`, `lid` of a layer with a hidden and a masked column
and a hidden row; `field` of a record with a hidden field; words that stand only in what is hidden.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RECORD, ROWS, FIELD = "record", "rows", "field"

#: Words that stand only in hidden content.
NEEDLE = "Zaubernadel"
SEEN_WORD = "minerals"


@dataclass(frozen=True)
class Probe:
    """One question.

    Attributes:
        url: address, or words of a command line.
        finds: what an officer finds by it: the positive control.
        body: JSON or XML to post.
        accept: header.
    """

    url: str
    finds: frozenset[str] = frozenset()
    body: str | None = None
    accept: str | None = None
    method: str = ""


def probe(url: str, *finds: str, **more: Any) -> Probe:
    return Probe(url, frozenset(finds), **more)


#: Endpoints that answer nothing about records, each with the reason.
BLIND: Mapping[str, str] = {
    "ckan.version": "a constant",
    "health": "whether the site works",
    "ogc.static": "files of the program",
    "portal.static": "files of the program",
    "portal.language": "sets a cookie",
    "portal.sign_in": "a form; tests/node/test_app.py",
    "portal.sign_out": "ends a session",
}
#: The peers' endpoints answer certified peers alone, each item judged at sending: tests/sync/test_exchange_*.py.
PEER = {"peer.changes", "peer.push", "peer.hello", "peer.join", "peer.live", "peer.messages", "peer.object", "peer.rows", "peer.statements", "peer.add_checkpoint", "health"}

_GET_RECORDS = (
    '<csw:GetRecords xmlns:csw="http://www.opengis.net/cat/csw/2.0.2" xmlns:ogc="http://www.opengis.net/ogc" service="CSW" version="2.0.2" resultType="results" '
    'maxRecords="50"><csw:Query typeNames="csw:Record"><csw:ElementSetName>full</csw:ElementSetName><csw:Constraint version="1.1.0"><ogc:Filter>'
    "{filter}</ogc:Filter></csw:Constraint></csw:Query></csw:GetRecords>"
)
_ANY_TEXT = (
    '<ogc:PropertyIsLike wildCard="%" singleChar="_" escapeChar="\\"><ogc:PropertyName>csw:AnyText</ogc:PropertyName>'
    f"<ogc:Literal>%{NEEDLE}%</ogc:Literal></ogc:PropertyIsLike>"
)
_CSW = "/csw/?service=CSW&version=2.0.2&request="

#: Endpoint → probes.
ROUTES: Mapping[str, list[Probe]] = {
    "portal.search": [
        probe("/", RECORD), probe(f"/?q={NEEDLE}", RECORD), probe("/?q={field_word}", FIELD), probe("/?theme=administration", RECORD), probe("/?sort=title", RECORD),
        probe("/?west=100&south=20&east=110&north=40", RECORD), probe("/?lang=en&page=2"),
    ],
    "portal.dataset": [
        probe("/dataset/{slug}", RECORD), probe("/dataset/{uuid}", RECORD), probe("/dataset/{urn}", RECORD), probe("/dataset/{field}", FIELD),
        probe("/dataset/{layer}?view=table", ROWS), probe("/dataset/{layer}?view=table&column=reserves&value={hidden}", ROWS),
        probe("/dataset/{layer}?view=table&column=holder&value={masked}", ROWS), probe("/dataset/{layer}?view=chart"),
    ],
    "portal.receipt": [probe("/dataset/{slug}/receipt"), probe("/dataset/{uuid}/receipt")],
    "portal.file": [probe("/dataset/{slug}/file/original"), probe("/dataset/{layer}/file/original")],
    "portal.about": [probe("/about", RECORD)],
    "portal.interfaces": [probe("/interfaces")],
    "ogc.landing": [probe("/ogc/"), probe("/ogc/?f=html")],
    "ogc.unknown": [probe("/ogc/nothing")],
    "ogc.conformance": [probe("/ogc/conformance")],
    "ogc.openapi": [probe("/ogc/openapi")],
    "ogc.collections": [probe("/ogc/collections", RECORD), probe("/ogc/collections?f=html", RECORD)],
    "ogc.collection": [probe("/ogc/collections/{slug}", RECORD), probe("/ogc/collections/{layer}")],
    "ogc.queryables": [probe("/ogc/collections/{slug}/queryables", RECORD), probe("/ogc/collections/{layer}/queryables")],
    "ogc.schema": [probe("/ogc/collections/{slug}/schema", RECORD), probe("/ogc/collections/{layer}/schema")],
    "ogc.items": [
        probe("/ogc/collections/{slug}/items", RECORD), probe("/ogc/collections/{layer}/items", ROWS), probe("/ogc/collections/{layer}/items?f=html", ROWS),
        probe("/ogc/collections/{layer}/items?reserves={hidden}", ROWS), probe("/ogc/collections/{layer}/items?sortby=-reserves", ROWS),
        probe("/ogc/collections/{layer}/items?filter=reserves%3E1000", ROWS), probe("/ogc/collections/{layer}/items?filter=holder%20LIKE%20'{masked}%25'", ROWS),
        probe("/ogc/collections/{layer}/items?properties=reserves", ROWS), probe("/ogc/collections/{layer}/items?limit=1"),
        probe("/ogc/collections/{layer}/items?resulttype=hits"), probe("/ogc/collections/{layer}/items?bbox=100,20,110,40"),
        probe("/ogc/collections/{layer}/items", method="HEAD"),
    ],
    "ogc.item": [probe("/ogc/collections/{layer}/items/C-9", ROWS), probe("/ogc/collections/{layer}/items/C-1", ROWS), probe("/ogc/collections/{slug}/items/1")],
    "csw.csw": [
        probe(_CSW + "GetCapabilities"), probe(_CSW + "GetRecords&typeNames=csw:Record&resultType=results&elementSetName=full&maxRecords=50", RECORD),
        probe(_CSW + "GetRecordById&id={urn}&elementSetName=full", RECORD), probe(_CSW + "GetRecordById&id={field_urn}&elementSetName=full&outputSchema=http://www.isotc211.org/2005/gmd", FIELD),
        probe(_CSW + "GetDomain&PropertyName=dc:subject"), probe("/csw/", RECORD, body=_GET_RECORDS.replace("{filter}", _ANY_TEXT)),
        probe("/csw/?service=CSW&version=3.0.0&request=GetRecordById&id={urn}"),
    ],
    "ckan_datastore.dump": [probe("/datastore/dump/{lid}", ROWS), probe("/datastore/dump/{uuid}-rows", RECORD)],
}  # fmt: skip

_A = "/api/3/action/"
#: CKAN action → probes; what has none is in ACTIONS_BLIND.
ACTIONS: Mapping[str, list[Probe]] = {
    "package_search": [
        probe(_A + "package_search?rows=50&facet.field=[\"organization\",\"tags\",\"groups\",\"res_format\"]", RECORD), probe(_A + f"package_search?q={NEEDLE}", RECORD),
        probe(_A + "package_search?fq=name:{slug}", RECORD), probe(_A + "package_search?fq=groups:administration", RECORD), probe(_A + "package_search?sort=title asc&rows=50", RECORD),
        probe(_A + "package_search?q={field_word}", FIELD), probe(_A + "package_search?ext_bbox=100,20,110,40&rows=50", RECORD), probe(_A + "package_search?q=id:{uuid}", RECORD),
    ],
    "package_show": [probe(_A + "package_show?id={slug}", RECORD), probe(_A + "package_show?id={uuid}", RECORD), probe(_A + "package_show?id={field}", FIELD)],
    "package_list": [probe(_A + "package_list", RECORD)],
    "current_package_list_with_resources": [probe(_A + "current_package_list_with_resources?limit=50", RECORD)],
    "package_autocomplete": [probe(_A + f"package_autocomplete?q={NEEDLE[:5]}", RECORD)],
    "resource_show": [probe(_A + "resource_show?id={uuid}-rows", RECORD), probe(_A + "resource_show?id={lid}")],
    "resource_search": [probe(_A + "resource_search?query=name:Table", RECORD), probe(_A + "resource_search?query=format:csv", RECORD)],
    "organization_list": [probe(_A + "organization_list?all_fields=true", RECORD)],
    "organization_show": [probe(_A + "organization_show?id={org}&include_datasets=true", RECORD)],
    "group_list": [probe(_A + "group_list?all_fields=true", RECORD)],
    "group_show": [probe(_A + "group_show?id=administration&include_datasets=true", RECORD)],
    "organization_autocomplete": [probe(_A + "organization_autocomplete?q={org_start}"), probe(_A + f"organization_autocomplete?q={NEEDLE[:5]}")],
    "tag_search": [probe(_A + f"tag_search?query={NEEDLE[:5]}", RECORD)],
    "tag_show": [probe(_A + f"tag_show?id={NEEDLE}", RECORD)],
    "tag_autocomplete": [probe(_A + f"tag_autocomplete?query={NEEDLE[:5]}", RECORD)],
    "group_package_show": [probe(_A + "group_package_show?id=administration", RECORD)],
    "format_autocomplete": [probe(_A + "format_autocomplete?q=csv")],
    "tag_list": [probe(_A + "tag_list", RECORD), probe(_A + f"tag_list?query={NEEDLE[:5]}", RECORD)],
    "datastore_search": [
        probe(_A + "datastore_search?resource_id={uuid}-rows", RECORD), probe(_A + "datastore_search?resource_id={lid}", ROWS), probe(_A + "datastore_search?resource_id={lid}&q={hidden}"),
        probe(_A + 'datastore_search?resource_id={lid}&filters={{"reserves":"{hidden}"}}', ROWS), probe(_A + 'datastore_search?resource_id={lid}&filters={{"holder":"{masked}"}}', ROWS),
        probe(_A + "datastore_search?resource_id={lid}&sort=reserves desc", ROWS), probe(_A + "datastore_search?resource_id={lid}&fields=reserves", ROWS),
        probe(_A + "datastore_search?resource_id={lid}&distinct=true&fields=mineral"), probe(_A + "datastore_search?resource_id={lid}&limit=0"),
    ],
    "datastore_info": [probe(_A + "datastore_info", body='{"id": "{lid}"}'), probe(_A + "datastore_info", body='{"id": "{uuid}-rows"}')],
}  # fmt: skip
ACTIONS_BLIND: Mapping[str, str] = {
    "status_show": "the program and its extensions",
    "site_read": "a constant",
    "help_show": "texts of the program",
    "license_list": "a code list",
    "datastore_search_sql": "always refused",
}

#: Command → probes (words after `terrace -C DIR --as LOGIN`).
COMMANDS: Mapping[str, list[Probe]] = {
    "search": [probe(f"search {NEEDLE} --json", RECORD), probe("search {field_word} --json", FIELD)],
    "show": [probe("show {urn} --json", RECORD), probe("show {slug} --json", RECORD), probe("show {field_urn} --json", FIELD)],
    "receipt": [probe("receipt {urn}")],
}
COMMANDS_BLIND: Mapping[str, str] = {
    **dict.fromkeys(("add", "publish", "withdraw", "edit"), "write; go by role, not by policy"),
    **dict.fromkeys(("user", "token", "peer", "sync", "policy", "audit", "jobs", "db", "backup", "doctor", "settings", "init", "serve"), "administration; goes by role"),
    "verify": "reads a file, no site",
}


@dataclass
class Names:
    """What stands for `{…}` in a site."""

    values: dict[str, str] = field(default_factory=dict)

    def into(self, text: str) -> str:
        """Puts the names in; doubled braces become single ones."""
        for name, value in self.values.items():
            text = text.replace("{" + name + "}", value)
        return text.replace("{{", "{").replace("}}", "}")
