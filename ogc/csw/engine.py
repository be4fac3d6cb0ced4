"""pycsw as a library: what is bound anew in it, and why.

| name | fault of the original |
|---|---|
| `fes1.parse`, `fes2.parse` | build SQL text, take `Or(And, And)` wrongly, check no property; here `ogc.filters.fes` |
| `csw2.cql2fes`, `csw3.cql2fes` | `a AND b OR c` is silently misread; here the text goes on to our CQL2 parser |
| `opensearch.kvp2filterxml` | throws away the constraint when there is a bbox or q |
| `etree.XMLSchema` in csw2 and csw3 | 10 ms for each POST, and refuses every CSW 3.0 POST with a GML envelope |
| `xml2dict`, `outputschemas.__all__` | work for nothing: the second would import eight writers for each request, of which none is served |
| `server.csw2.Csw2`, `server.csw3.Csw3` | write records from stored XML; here from disclosed fields (`dublincore`, `iso19139`) |

Left out: GetRepositoryItem, Transaction, Harvest, distributed search, response handlers (mail and FTP), OpenSearch, SRU, OAI-PMH and JSON modes.
Contract tests: tests/ogc/test_engine_contract.py. The version is pinned to 2.6.2.
"""

import logging
import re
import threading
from collections.abc import Callable
from configparser import ConfigParser
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from catalog.filters import Expr
from catalog.reader import Reader
from catalog.views import RecordView
from ogc import dublincore, iso19139
from ogc.csw import names
from ogc.csw.imports import csw2, csw3, fes1, fes2, opensearch, outputschemas, server
from ogc.csw.repository import Result
from ogc.filters import cql2_text, fes
from ogc.iso19139 import GMD, Link
from policies.errors import TerraceError

_lock = threading.Lock()
#: Why a condition of this request was refused. pycsw answers "Invalid Filter syntax" whatever it was; `getrecords` says it.
refused: ContextVar[TerraceError | None] = ContextVar("refused", default=None)
_WRITES = ("GetRepositoryItem", "Transaction", "Harvest")
_UNSERVED = re.compile("Transaction|Harvest|Async|Distributed|OpenSearch")


def prepare() -> None:
    """Binds pycsw's faulty names anew. Safe to call again and from several threads."""
    with _lock:
        for module in (csw2, csw3):
            module.etree = _Etree()
            module.cql2fes = _cql_element
            module.xml2dict = _nothing
        for module in (fes1, fes2):
            module.parse = _parse
            module.MODEL["Functions"].clear()
            module.MODEL["SpatialOperators"]["values"] = ["BBOX", "Intersects"]
            module.MODEL["GeometryOperands"]["values"] = ["gml:Envelope"]
        opensearch.kvp2filterxml = _kvp_filter
        outputschemas.__all__ = []
        server.csw2 = SimpleNamespace(Csw2=Csw2)
        server.csw3 = SimpleNamespace(Csw3=Csw3)
        # A stack for each request that a client got wrong.
        logging.getLogger("pycsw").setLevel(logging.CRITICAL)


class _Etree:
    """lxml.etree without schema validation."""

    XMLSchema = staticmethod(lambda *arguments, **options: None)

    def __getattr__(self, name: str) -> Any:
        return getattr(etree, name)


def _nothing(*arguments: Any) -> None:
    return None


def _cql_element(text: str, *arguments: Any, **options: Any) -> "etree._Element":
    element = etree.Element("CqlText")
    element.text = iso19139.clean(text)
    return element


def _parse(element: "etree._Element", *arguments: Any, **options: Any) -> tuple[Expr, list[Any]]:
    """In place of both `parse`: (condition, values to bind). The condition is a tree, so there is nothing to bind."""
    try:
        tree = cql2_text.parse(element.text or "") if element.tag == "CqlText" else fes.parse(element, names.resolve, names.IDS)
        return names.condition(tree), []
    except TerraceError as error:
        refused.set(error)
        raise


def _kvp_filter(kvp: dict[str, Any], context: Any, profiles: Any, fes_version: str = "1.0") -> str:
    """`bbox` and `q` of KVP as a Filter."""
    parts = []
    if kvp.get("bbox"):
        words = str(kvp["bbox"]).split(",")
        srs = f' srsName="{escape(words.pop(), {chr(34): "&quot;"})}"' if len(words) in (5, 7) else ""
        half = len(words) // 2
        corners = (" ".join(words[:half]), " ".join(words[half:]))
        envelope = "".join(f"<{name}>{escape(corner)}</{name}>" for name, corner in zip(("lowerCorner", "upperCorner"), corners, strict=True))
        parts.append(f"<BBOX><PropertyName>ows:BoundingBox</PropertyName><Envelope{srs}>{envelope}</Envelope></BBOX>")
    if kvp.get("q"):
        parts.append(
            f"<PropertyIsEqualTo><PropertyName>csw:AnyText</PropertyName><Literal>{escape(iso19139.clean(str(kvp['q'])))}</Literal></PropertyIsEqualTo>"
        )
    return f"<Filter>{''.join(parts)}</Filter>" if parts else ""


class _Iface:
    """What both protocol versions do alike; mixed into pycsw's classes."""

    parent: "Server"
    version: str

    def _write_record(self, recobj: Result, queryables: Any) -> "etree._Element":
        kvp, language = self.parent.kvp, self.parent.language_code
        only = tuple(kvp.get("elementname") or ())
        elements: Any = kvp.get("elementsetname") or "summary"
        if only:
            return dublincore.write(recobj.sheet(), elements, language, version=self.version, only=only)
        return recobj.written(f"dc {self.version} {elements}", lambda sheet: dublincore.write(sheet, elements, language, version=self.version))

    def getrecords(self) -> "etree._Element":
        node: etree._Element = super().getrecords()  # type: ignore[misc]
        failure = refused.get()
        if failure is None:
            return node
        text = failure.zh if self.parent.language_code == "zh" else failure.en
        return self.exceptionreport("InvalidParameterValue", "constraint", text)  # type: ignore[attr-defined, no-any-return]

    def parse_postdata(self, postdata: bytes) -> Any:
        """pycsw's request from a body, narrowed to what is served; a text is an error."""
        found: Any = super().parse_postdata(postdata)  # type: ignore[misc]
        return narrowed(found) if isinstance(found, dict) else found


class Csw2(_Iface, csw2.Csw2):  # type: ignore[misc]
    """CSW 2.0.2."""


class Csw3(_Iface, csw3.Csw3):  # type: ignore[misc]
    """CSW 3.0."""


def narrowed(kvp: dict[str, Any]) -> dict[str, Any] | str:
    """A request without what is not served, with numbers checked; a text says what is wrong."""
    for name in ("responsehandler", "distributedsearch", "hopcount", "mode", "config"):
        kvp.pop(name, None)
    for name, least in (("maxrecords", 0), ("startposition", 1), ("updatesequence", 0)):
        value = str(kvp.get(name) or least)
        if name == "maxrecords" and value == "unlimited":
            continue
        if not value.isdecimal() or len(value) > 9 or int(value) < least:
            return f"Invalid value for {name}: a number of at least {least} is expected"
    types = kvp.get("typenames")
    given = types.split(",") if isinstance(types, str) else types
    if given and all(each in ("csw:Record", "csw30:Record", "Record", "gmd:MD_Metadata") for each in given):
        # One kind of record in two output schemas: the names of both mean it.
        kvp["typenames"] = "csw:Record" if isinstance(types, str) else ["csw:Record"]
    return kvp


class Server(server.Csw):  # type: ignore[misc]
    """pycsw's server for one request.

    Attributes:
        reader: the catalog.
        links: addresses of a record for this actor.
        language_code: `zh` or `en`.
        address: of the site, which links begin with.
    """

    def __init__(
        self,
        config: ConfigParser,
        environ: dict[str, Any],
        version: str,
        reader: Reader,
        links: Callable[[RecordView], tuple[Link, ...]],
        language: str,
        address: str,
    ) -> None:
        self.reader = reader
        self.address = address
        self.links = links
        self.language_code = language
        super().__init__(config, environ, version=version)
        self.outputschemas = {GMD: SimpleNamespace(NAMESPACE=GMD, write_record=self._write_iso)}
        for model in self.context.models.values():
            _prune(model)

    def refuse(self, error: TerraceError) -> None:
        """Keeps why the reader refused a query, for the answer."""
        refused.set(error)

    def _write_iso(self, result: Result, elements: Any, context: Any, url: str | None = None) -> "etree._Element":
        chosen: iso19139.ElementSet = elements or "summary"
        return result.written(f"iso {chosen}", lambda sheet: iso19139.write(sheet, chosen, self.language_code))


def _prune(model: dict[str, Any]) -> None:
    """Takes out of a capabilities model what is not served."""
    model["operations_order"] = [name for name in model["operations_order"] if name not in _WRITES]
    for name in _WRITES:
        model["operations"].pop(name, None)
    for operation in model["operations"].values():
        formats = operation["parameters"].get("outputFormat")
        if formats:
            formats["values"] = ["application/xml"]
        types = operation["parameters"].get("typeNames")
        if types:
            types["values"] = [*types["values"], "gmd:MD_Metadata"]
    for name, constraint in model["constraints"].items():
        if _UNSERVED.search(name):
            constraint["values"] = ["FALSE"]
