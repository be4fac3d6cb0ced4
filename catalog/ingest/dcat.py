"""DCAT in RDF (RDF/XML, Turtle, JSON-LD) → one record for each dataset.

Nothing is fetched: a JSON-LD document that names an outside context is refused, as are RDF/XML with entities of its own. What a dataset says through other
nodes (publisher, distributions, periods, places) is followed inside the document.
"""

import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import shapely
from rdflib import BNode, Graph, Literal, Namespace, URIRef
from rdflib.namespace import DCAT, DCTERMS, FOAF, RDF, SKOS
from rdflib.term import Node

from catalog.codes import code_list
from catalog.errors import IngestError
from catalog.field_values import bbox, geometry, has_chinese, period
from catalog.ingest.library_words import said
from catalog.ingest.mapping import Notes, as_text, json_digest, link, links
from catalog.ingest.model import Found, Item, Refused
from catalog.quarantine import Bad

__all__ = ["read_graph", "read_jsonld"]

MAX_RDF = 64 << 20
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
LOCN = Namespace("http://www.w3.org/ns/locn#")
ADMS = Namespace("http://www.w3.org/ns/adms#")
SCHEMA = Namespace("http://schema.org/")
_SERIES = URIRef(f"{DCAT}DatasetSeries")  # of DCAT 3; the library knows DCAT 2
_CYCLES = {
    "annual": "yearly", "annually": "yearly", "monthly": "monthly", "daily": "daily", "weekly": "weekly", "quarterly": "quarterly",
    "continuous": "realtime", "irregular": "irregular",
}  # fmt: skip

# rdflib writes a traceback for each literal that does not fit its datatype; the value is kept as text all the same.
logging.getLogger("rdflib.term").setLevel(logging.CRITICAL)


def read_graph(path: Path, form: str, encoding: str = "utf-8") -> Iterator[Found]:
    """Reads an RDF document.

    Args:
        form: `xml` or `turtle`; XML must have passed `parse_xml`.

    Raises:
        IngestError: too large, not RDF, or without a dataset.
    """
    if path.stat().st_size > MAX_RDF:
        raise IngestError(zh=f"{path.name} 过大，RDF 上限 {MAX_RDF} 字节；请拆分", en=f"{path.name} is too large for RDF: at most {MAX_RDF} bytes; split it")
    data = path.read_bytes()
    if form != "xml":
        data = data.decode(encoding).removeprefix("\ufeff").encode()
    yield from _datasets(_parsed(data, form, path), path, {"xml": "rdf", "turtle": "ttl"}[form])


def read_jsonld(data: Any, path: Path) -> Iterator[Found]:
    """Reads a JSON-LD document, whose contexts must stand in it.

    Raises:
        IngestError: it names an outside context, is not JSON-LD, or has no dataset.
    """
    for context in _contexts(data, 0):
        if isinstance(context, str) or (isinstance(context, dict) and "@import" in context):
            named = context if isinstance(context, str) else context["@import"]
            zh = f"{path.name} 引用外部 @context（{named!s:.80}），不予下载；请改为内嵌"
            raise IngestError(zh=zh, en=f"{path.name} names an outside @context ({named!s:.80}), which is not fetched: write it out in the file")
    yield from _datasets(_parsed(orjson.dumps(data), "json-ld", path), path, "jsonld")


def _contexts(value: Any, depth: int) -> Iterator[Any]:
    """Every context in a document, at any depth."""
    if depth > 100:
        raise IngestError(zh="JSON-LD 嵌套过深", en="the JSON-LD nests too deep")
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "@context":
                yield from each if isinstance(each, list) else (each,)
            yield from _contexts(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _contexts(each, depth + 1)


def _parsed(data: bytes, form: str, path: Path) -> Graph:
    undeclared: list[str] = []
    while True:
        graph = Graph(bind_namespaces="none")
        heads = "".join(f"@prefix {prefix}: <urn:undeclared:{prefix}:> .\n" for prefix in undeclared).encode()
        try:
            graph.parse(io.BytesIO(heads + data), format=form, publicID="http://document.invalid/")
            return graph
        except Exception as error:  # each of its parsers has errors of its own
            missing = re.search(r'Prefix "([A-Za-z][\w-]*):" not bound', str(error))
            if missing and missing[1] not in undeclared and len(undeclared) < 20:  # what it says is left out, the rest is taken
                undeclared.append(missing[1])
                continue
            zh, en = said(error)
            raise IngestError(zh=f"{path.name} 不是合格的 RDF：{zh}", en=f"{path.name} is not well-formed RDF: {en}") from error


def _datasets(graph: Graph, path: Path, form: str) -> Iterator[Found]:
    """The datasets of a graph, in the order of their names."""
    kinds = (DCAT.Dataset, _SERIES, DCAT.DataService)
    subjects = sorted({subject for kind in kinds for subject in graph.subjects(RDF.type, kind)}, key=lambda node: _order(graph, node))
    subjects = [each for each in subjects if not (isinstance(each, BNode) and _mentioned(graph, each))]
    if not subjects:
        raise IngestError(zh=f"{path.name} 是 RDF（{form}），但没有 dcat:Dataset", en=f"{path.name} is RDF ({form}) without a dcat:Dataset (DCAT)")
    for number, subject in enumerate(subjects, 1):
        found = _dataset(graph, subject, path, form, number)
        if len(subjects) > 1:
            yield found
        elif isinstance(found, Refused):
            yield Refused("", found.bad)
        else:
            yield Item(found.fields, form, found.guessed, notes=found.notes)


def _order(graph: Graph, node: Node) -> tuple[bool, str]:
    """Nameless nodes have another name in each run: they are ordered by what they say."""
    if not isinstance(node, BNode):
        return False, str(node)
    return True, "\n".join(sorted(f"{name} {value}" for name, value in graph.predicate_objects(node) if not isinstance(value, BNode)))


def _mentioned(graph: Graph, node: BNode) -> bool:
    """Whether a nameless dataset without a title only stands in what another one says."""
    return (node, DCTERMS.title, None) not in graph and (None, None, node) in graph


def _dataset(graph: Graph, subject: Node, path: Path, form: str, number: int) -> Found:
    named = str(subject) if isinstance(subject, URIRef) else f"#{number}"
    reader = _Reader(graph, subject)
    fields = {name: value for name, value in reader.fields().items() if value not in (None, "", [], {})}
    part = (named if isinstance(subject, URIRef) else str(fields.get("x.identifier") or named))[:300]
    if "title" not in fields:
        zh, en = f"{path.name} {named}：数据集没有 dct:title", f"{path.name}, {named}: the dataset has no dct:title"
        excerpt = "\n".join(f"{name} {value}" for name, value in list(graph.predicate_objects(subject))[:40])
        return Refused(part, Bad({"path": named}, "ingest", zh, en, excerpt))
    guessed = {"kind": "dataset", "update_cycle": "irregular"}
    return Item(fields, form, guessed, part=part, digest=json_digest(fields), original=False, notes=tuple(reader.notes))


class _Reader:
    """One dataset and what is read from it."""

    def __init__(self, graph: Graph, subject: Node) -> None:
        self.graph, self.subject = graph, subject
        self.notes = Notes()

    # --- finding -------------------------------------------------------------------------------------------------------------------------

    def all(self, *names: Any, of: Node | None = None) -> list[Node]:
        """Values of properties, in an order that is the same each time the document is read."""
        subject = self.subject if of is None else of
        return sorted({value for name in names for value in self.graph.objects(subject, name)}, key=lambda node: _order(self.graph, node))

    def text(self, *names: Any, of: Node | None = None) -> str | None:
        """The first value as text."""
        return next((found for value in self.all(*names, of=of) if (found := as_text(str(value)))), None)

    def texts(self, *names: Any, of: Node | None = None) -> dict[str, str] | None:
        """Values in their languages."""
        found: dict[str, str] = {}
        for value in self.all(*names, of=of):
            text = " ".join(str(value).split()) if isinstance(value, Literal) else None
            if text:
                lang = str(value.language or "").split("-")[0].lower() if isinstance(value, Literal) else ""
                found.setdefault(lang if re.fullmatch(r"[a-z]{2,3}", lang) else "zh" if has_chinese(text) else "en", text)
        return found or None

    # --- reading -------------------------------------------------------------------------------------------------------------------------

    def fields(self) -> dict[str, Any]:
        """Everything that the graph says of the dataset."""
        service = (self.subject, RDF.type, DCAT.DataService) in self.graph
        series = (self.subject, RDF.type, _SERIES) in self.graph
        return {
            "title": self.texts(DCTERMS.title),
            "summary": self.texts(DCTERMS.description),
            "keywords": self._keywords(),
            "theme": self._themes(),
            "kind": "service" if service else "series" if series else None,
            "provider": self._provider(),
            "issued": self.notes.date(self.text(DCTERMS.issued)),
            "modified": self.notes.moment(self.text(DCTERMS.modified)),
            "update_cycle": self._cycle(),
            "license": self.text(DCTERMS.license),
            "lineage": self.texts(DCTERMS.provenance),
            "time": self._time(),
            "related": [str(value)[:200] for value in self.all(DCTERMS.relation, DCTERMS.isPartOf, DCTERMS.source)][:50],
            "x.identifier": self.text(DCTERMS.identifier, ADMS.identifier),
            "x.access_rights": self.text(DCTERMS.accessRights),
            "x.landing_page": self.text(DCAT.landingPage),
            "x.uri": str(self.subject) if isinstance(self.subject, URIRef) else None,
            **self._contact(),
            **self._spatial(),
            **self._distributions(service),
        }

    def _keywords(self) -> dict[str, list[str]] | None:
        found: dict[str, list[str]] = {}
        for value in self.all(DCAT.keyword):
            lang = str(value.language or "").split("-")[0].lower() if isinstance(value, Literal) else ""
            word = " ".join(str(value).split())[:200]
            if word:
                found.setdefault(lang if re.fullmatch(r"[a-z]{2,3}", lang) else "zh" if has_chinese(word) else "en", []).append(word)
        return found or None

    def _themes(self) -> list[str]:
        codes = code_list("themes")
        words = [str(value).rstrip("/").rpartition("/")[2] for value in self.all(DCAT.theme)]
        found = (codes.codes.get(word) or codes.find("eu", word) for word in words)
        return list(dict.fromkeys(code.code for code in found if code is not None))

    def _provider(self) -> Any:
        for party in (*self.all(DCTERMS.publisher), *self.all(DCTERMS.creator)):
            name = {"en": str(party)} if isinstance(party, Literal) else self.texts(FOAF.name, VCARD.fn, SKOS.prefLabel, of=party)
            if name:
                return {"name": {"zh" if has_chinese(text) else lang: text for lang, text in name.items()}}
        return None

    def _contact(self) -> dict[str, Any]:
        for point in self.all(DCAT.contactPoint):
            email = self.text(VCARD.hasEmail, VCARD.email, of=point)
            phone = self.text(VCARD.hasTelephone, VCARD.tel, of=point)
            found = {"contact_name": self.text(VCARD.fn, VCARD["organization-name"], of=point)}
            found |= {"contact_email": email and email.removeprefix("mailto:"), "contact_phone": phone and phone.removeprefix("tel:")}
            if any(found.values()):
                return found
        return {}

    def _cycle(self) -> str | None:
        value = self.text(DCTERMS.accrualPeriodicity)
        word = value.rstrip("/").rpartition("/")[2].rpartition("#")[2] if value else ""
        return _CYCLES.get(word.lower()) or (self.notes.coded("update_cycles", word, "eu") if word else None)

    def _time(self) -> Any:
        for each in self.all(DCTERMS.temporal):
            start = self.text(DCAT.startDate, SCHEMA.startDate, URIRef("https://schema.org/startDate"), of=each)
            end = self.text(DCAT.endDate, SCHEMA.endDate, URIRef("https://schema.org/endDate"), of=each)
            moments = [self.notes.moment(start), self.notes.moment(end)]
            if any(moments):
                return self.notes.clean(period, "time", moments)
        return None

    def _spatial(self) -> dict[str, Any]:
        for place in self.all(DCTERMS.spatial):
            for value in self.all(DCAT.bbox, LOCN.geometry, of=place):
                shape = _shape(value)
                if shape is not None and not shape.is_empty:
                    found = {"bbox": self.notes.clean(bbox, "spatial", [float(side) for side in shape.bounds])}
                    return found | {"geometry": self.notes.clean(geometry, "geometry", shapely.geometry.mapping(shape))}
        names = [self.text(SKOS.prefLabel, of=place) or (str(place) if not isinstance(place, BNode) else None) for place in self.all(DCTERMS.spatial)]
        return {"x.place": next(filter(None, names), None)}

    def _distributions(self, service: bool) -> dict[str, Any]:
        found = []
        for each in self.all(DCAT.distribution):
            url = self.text(DCAT.downloadURL, of=each) or self.text(DCAT.accessURL, of=each)
            format_node = next(iter(self.all(DCTERMS["format"], of=each)), None)
            said = self.text(RDF.value, SKOS.prefLabel, of=format_node) or str(format_node).rpartition("/")[2] if format_node is not None else None
            media = self.text(DCAT.mediaType, of=each)
            media = media.partition("media-types/")[2] or media if media else None
            title, note = self.texts(DCTERMS.title, of=each), self.texts(DCTERMS.description, of=each)
            found.append(link(url, title=title, note=note, formats=[said] if said else [], media=media))
        if service:
            found.extend(link(str(url), formats=["rest"]) for url in self.all(DCAT.endpointURL))
        return links(found)


def _shape(value: Node) -> Any:
    """A geometry from WKT (a system before it is left out when it is longitude and latitude) or GeoJSON, None from anything else."""
    text = re.sub(r"^\s*<[^>]*CRS84[^>]*>\s*", "", str(value)).strip()
    try:
        return shapely.from_geojson(text) if text.startswith("{") else shapely.from_wkt(text)
    except (shapely.GEOSException, TypeError, ValueError):
        return None
