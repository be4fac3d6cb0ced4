"""What a dataset's page shows of one record, in the language of the request. Everything comes from the reader's view: nothing is fetched around it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import url_for

from catalog.attributes import iso
from catalog.reader import RecordView
from node.i18n import choose, language, translate
from node.portal.cards import Access, access, formats_of, provider_name, source_name, title_of
from node.portal.names import NodeNames
from node.portal.words import FIELDS, code_label, dates, field_label, field_text, place_names, size


def _(message: str) -> str:
    return translate(message, "portal")


@dataclass(frozen=True)
class Reason:
    """Why something is not shown: the rule, its reason and the law that it cites."""

    rule: str
    because: str
    law: str


@dataclass(frozen=True)
class Resource:
    """One row of "Files and services". Without `url`, `why` says why it cannot be opened."""

    id: str
    title: str
    format: str
    size: str
    sha256: str
    url: str
    is_file: bool
    why: str


@dataclass(frozen=True)
class Hop:
    """One node on the way of a record."""

    name: str
    node: str


@dataclass(frozen=True)
class Origin:
    """Where a record came from and how that is proved."""

    proved: bool
    statement: str
    hops: list[Hop]
    facts: list[tuple[str, str]]
    receipt_url: str
    check: str


@dataclass(frozen=True)
class Snippet:
    """How to use the dataset from a program."""

    name: str
    snippet: str


def shown_fields(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Labels and texts of a record's fields, in the order of the profile; resources and geometry have their own places."""
    order = {name: place for place, name in enumerate(FIELDS)}
    for name in sorted(fields, key=lambda one: (order.get(one, len(order)), one)):
        if name.startswith("resources.") or name == "geometry":
            continue
        text = field_text(name, fields[name])
        if text:
            yield field_label(name), text


class DatasetPage:
    """The page of one record.

    Args:
        view: the record as this actor may see it.
        names: node id → name, and the root above each node.
        site_name, node: of this site.
        base_url: absolute address of this site, without a slash at the end.
        columns: the row columns that this actor may see, or an empty list.
        counted: the number of rows, for an actor who may count what they may not see.
    """

    def __init__(self, view: RecordView, names: NodeNames, *, site_name: str, node: str, base_url: str, columns: list[Any], counted: int | None = None) -> None:
        self.view = view
        self.slug = view.slug
        self._names, self._site_name, self._node, self._base = names, site_name, node, base_url
        self._columns = columns
        self._counted = counted
        self.url = url_for("portal.dataset", slug=view.slug)

    @property
    def _fields(self) -> Mapping[str, Any]:
        return self.view.fields

    @property
    def title(self) -> str:
        return title_of(self.view)

    @property
    def other_lang(self) -> str:
        """Language tag of `other_title`."""
        return "en" if language() == "zh" else "zh-Hans"

    @property
    def other_title(self) -> str:
        """The title in the other language, where it has one of its own."""
        titles = self._fields.get("title") or {}
        other = titles.get("en" if language() == "zh" else "zh", "")
        return other if other != self.title else ""

    @property
    def kind(self) -> str:
        return code_label("kinds", self._fields.get("kind"))

    @property
    def summary(self) -> str:
        return choose(self._fields.get("summary"))

    @property
    def dates(self) -> str:
        return dates(self._fields.get("time"))

    @property
    def access(self) -> Access:
        return access(self.view)

    @property
    def themes(self) -> list[str]:
        return [code_label("themes", code) for code in self._fields.get("theme") or []]

    @property
    def bbox(self) -> list[str]:
        """Extent as decimal texts: the record's own."""
        return list(self._fields.get("bbox") or [])

    @property
    def items_url(self) -> str:
        """Where the map finds the features; empty when there are none for this actor."""
        return f"/ogc/collections/{self.slug}/items" if any(column.type == "geometry" for column in self._columns) else ""

    @property
    def key_facts(self) -> list[tuple[str, str]]:
        """The facts beside the head."""
        fields = self._fields
        person = " ".join(part for part in (fields.get("responsible_person"), fields.get("responsible_office")) if part)
        contact = " ".join(part for part in (fields.get("contact_name"), fields.get("contact_phone"), fields.get("contact_email")) if part)
        facts = [
            (_("Provider"), provider_name(fields)),
            (_("Territory"), place_names(fields.get("territory"))),
            (_("Published"), iso(self.view.modified)[:10] if self.view.modified else ""),
            (_("Update cycle"), code_label("update_cycles", fields.get("update_cycle"))),
            (_("Rows, which you may count and not see"), "" if self._counted is None else f"{self._counted:,}"),
            (_("Licence"), code_label("licenses", fields.get("license"))),
            (_("Responsible"), person),
            (_("Contact"), contact),
            (_("Sharing"), field_text("sharing", fields.get("sharing"))),
            (_("Opening"), field_text("opening", fields.get("opening"))),
        ]
        return [(label, value) for label, value in facts if value]

    # --- what is not shown, and why ------------------------------------------------------------------------------------------------------

    @property
    def restricted_heading(self) -> str:
        return _("Only the catalogue entry is shown to you") if "read" not in self.view.may else _("The data are restricted")

    @property
    def restrictions(self) -> list[Reason]:
        """The policy's reasons; empty when the data are open to this actor."""
        if "data" in self.view.may:
            return []
        reasons = [Reason(str(one["rule"]), choose(one["because"]), str(one.get("law") or "")) for one in self.view.reasons]
        return reasons or [Reason("—", _("no rule of this site's policy allows it"), "")]

    @property
    def request_url(self) -> str:
        """A mail to the contact, where one is disclosed."""
        mail = self._fields.get("contact_email")
        return f"mailto:{mail}?subject={self.view.uuid}" if mail else ""

    @property
    def withheld(self) -> list[str]:
        return [field_label(name) for name in self.view.withheld]

    # --- resources and interfaces --------------------------------------------------------------------------------------------------------

    @property
    def resources(self) -> list[Resource]:
        return [
            self._resource(name.partition(".")[2], value) for name, value in self._fields.items() if name.startswith("resources.") and isinstance(value, dict)
        ]

    def _resource(self, key: str, value: Mapping[str, Any]) -> Resource:
        is_file = bool(value.get("sha256"))
        url, why = "", ""
        if is_file and "files" in self.view.may:
            url = url_for("portal.file", slug=self.slug, resource=key)
        elif is_file:
            why = _("not given to you as a file")
        elif value.get("rows") and self._columns:
            url = f"/ogc/collections/{self.slug}/items?f=json"
        elif value.get("rows"):
            why = _("the rows are not shown to you")
        elif str(value.get("url") or "").startswith(("https://", "http://")):
            url = str(value["url"])
        else:
            why = _("described only: no file or address was given")
        return Resource(
            key,
            choose(value.get("title"), default=key),
            str(value.get("format") or "").upper(),
            size(value.get("size")),
            str(value.get("sha256") or ""),
            url,
            is_file,
            why,
        )

    @property
    def apis(self) -> list[Snippet]:
        """Ready-made calls, one for each interface that has this dataset."""
        base, slug = self._base, self.slug
        found = [
            Snippet("CKAN Action API", f"curl '{base}/api/3/action/package_show?id={slug}'"),
            Snippet("CSW 2.0.2", f"curl '{base}/csw?service=CSW&version=2.0.2&request=GetRecordById&id={self.view.id}&elementSetName=full'"),
        ]
        if self._columns:
            features = f"curl '{base}/ogc/collections/{slug}/items?limit=100'\nogr2ogr {slug}.gpkg 'OAPIF:{base}/ogc' {slug}"
            rows = f"from ckanapi import RemoteCKAN\nckan = RemoteCKAN('{base}')\nrows = ckan.action.datastore_search(resource_id='{self._row_resource}')"
            found[:0] = [Snippet("OGC API Features", features), Snippet("Python (ckanapi)", rows)]
        return found

    @property
    def _row_resource(self) -> str:
        for name, value in self._fields.items():
            if name.startswith("resources.") and isinstance(value, dict) and value.get("rows"):
                return f"{self.view.uuid}"
        return self.view.uuid

    @property
    def columns(self) -> list[dict[str, str]]:
        """The field dictionary."""
        return [{"name": column.name, "title": choose(column.title), "type": code_label("column_types", column.type)} for column in self._columns]

    # --- origin --------------------------------------------------------------------------------------------------------------------------

    @property
    def origin(self) -> Origin:
        provenance = self.view.provenance
        facts = [
            (_("Record"), self.view.id),
            (_("Authority"), self.view.authority),
            (_("Version"), str(self.view.version)),
            (_("Manifest (sha256)"), provenance.manifest_hash.hex()),
        ]
        if provenance.log:
            facts += [(_("Log"), provenance.log), (_("Place in the log"), str(provenance.index))]
        hops = [Hop(self._name(node), node) for node in (*provenance.path, self._node)]
        if self.view.origin == "own":
            statement = _("This site's own record: this node answers for it.")
        elif provenance.proof == "cosigned":
            statement = _("Proved: it stands in the log of the node that answers for it, under a checkpoint that its witness co-signed.")
        else:
            statement = _("Signed by the node that answers for it; the witness's co-signature is awaited.")
        proved = self.view.origin == "own" or provenance.proof == "cosigned"
        url = url_for("portal.receipt", slug=self.slug) if provenance.log else ""
        check = f"terrace verify {self.slug}.receipt.json --root {self._names.root_of(self.view.authority) or 'n-…'}"
        return Origin(proved, statement, hops, facts, url, check)

    def _name(self, node: str) -> str:
        return self._site_name if node == self._node else self._names.get(node, node[:12] + "…")

    # --- all of it -----------------------------------------------------------------------------------------------------------------------

    @property
    def all_fields(self) -> Iterator[tuple[str, str]]:
        return shown_fields(self._fields)

    @property
    def citation(self) -> str:
        year = iso(self.view.modified)[:4] if self.view.modified else ""
        return f"{provider_name(self._fields)} ({year}). {self.title}. {source_name(self.view, self._names)}. {self.view.id}"

    @property
    def schema_org(self) -> dict[str, Any]:
        """The page's description for search engines (schema.org Dataset)."""
        fields = self._fields
        found: dict[str, Any] = {
            "@context": "https://schema.org",
            "@type": "Dataset",
            "name": self.title,
            "description": self.summary,
            "identifier": self.view.id,
            "url": f"{self._base}{self.url}",
            "inLanguage": language(),
            "creator": {"@type": "Organization", "name": provider_name(fields)},
            "temporalCoverage": dates(fields.get("time")).replace(" – ", "/").replace("…", ".."),
            "encodingFormat": formats_of(fields),
        }
        if self.bbox:
            west, south, east, north = self.bbox
            found["spatialCoverage"] = {"@type": "Place", "geo": {"@type": "GeoShape", "box": f"{south} {west} {north} {east}"}}
        return {key: value for key, value in found.items() if value}
