"""pycsw's repository over `catalog.reader`: the only door from CSW to the catalog. It sees what the actor of this request may see, and nothing else.

pycsw makes it by name for each request, as `Repository(context, filter)`; the request's own objects hang on `context.server`. Paging and counts are the
reader's, so they are exact for each actor. Writing is refused: transactions and harvests go through the writer, not through CSW.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lxml import etree

from catalog.errors import NotFoundError
from catalog.filters import AnyText, Expr, leaves
from catalog.queries import MOST_RECORDS, RecordQuery
from catalog.views import RecordView
from ogc.csw import names
from ogc.iso19139 import Element, Sheet
from policies.actor import require_actor
from policies.errors import TerraceError

if TYPE_CHECKING:
    from ogc.csw.engine import Server

#: For what we wrote ourselves: as long as it is, and without looking anywhere else.
_PARSER = etree.XMLParser(huge_tree=True, resolve_entities=False, no_network=True)


@dataclass(frozen=True)
class Result:
    """One record on its way through pycsw, which looks at `typename` alone; writing it is ours."""

    view: RecordView
    server: "Server"
    typename: str = "csw:Record"

    def sheet(self) -> Sheet:
        """What the writers take."""
        view, language = self.view, self.server.language_code
        denials = tuple(reason["because"][language] for reason in view.reasons if reason["action"] == "data" and "data" not in view.may)
        modified = datetime.fromtimestamp(view.modified, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Sheet(view.id, view.fields, modified, view.authority, self.server.links(view), denials)

    def written(self, form: str, write: Callable[[Sheet], Element]) -> Element:
        """The record in a form, written once for each view, form, language and address; kept as text, which is ten times smaller than the tree."""
        key = ("csw", form, self.server.language_code, self.server.address)
        text: bytes = self.view.once(key, lambda: etree.tostring(write(self.sheet())))
        return etree.fromstring(text, _PARSER)


class Repository:
    """The methods and attributes that pycsw asks a repository for."""

    dbtype = "terrace"
    fts = False
    dataset = None

    def __init__(self, context: Any, repo_filter: Any = None) -> None:
        self.server: Server = context.server
        everything = {name: {"dbcol": names.QUERYABLES.get(name, "")} for name in names.ELEMENTS}
        self.queryables: dict[str, dict[str, Any]] = {"SupportedDublinCoreQueryables": {name: {} for name in names.QUERYABLES}, "_all": everything}

    def query_ids(self, ids: list[str]) -> list[Result]:
        """Records by URN, uuid or slug; hidden and missing ones are left out alike."""
        reader, actor = self.server.reader, require_actor()
        found = []
        for id in ids[:100]:
            try:
                found.append(Result(reader.record(actor, id.strip()), self.server))
            except NotFoundError:
                continue
        return found

    def query(
        self, constraint: dict[str, Any], sortby: dict[str, Any] | None = None, typenames: Any = None, maxrecords: Any = 10, startposition: int = 0
    ) -> tuple[str, list[Result]]:
        """A page of the records that meet a condition, and how many there are in all."""
        where: Expr | None = constraint.get("where") if constraint else None
        try:
            limit = min(int(maxrecords), MOST_RECORDS)
            query = RecordQuery(condition=where, sort=_order(where, sortby), offset=startposition, limit=limit)
            page = self.server.reader.records(require_actor(), query)
        except TerraceError as error:
            # pycsw would answer "Invalid query syntax" whatever it was.
            self.server.refuse(error)
            raise
        return str(page.total), [Result(view, self.server) for view in page.items]

    def query_domain(self, domain: str, typenames: Any, domainquerytype: str = "list", count: bool = False) -> list[tuple[str, int]]:
        """The values of a property among the records that this actor may see."""
        facet = names.DOMAINS.get(domain)
        if facet is None:
            return []
        page = self.server.reader.records(require_actor(), RecordQuery(limit=0, facets=[facet], facet_limit=500))
        return page.facets.get(facet, [])

    def query_insert(self, direction: str = "max") -> str:
        """For `updateSequence`: constant, since the time of the newest change would tell of records that this actor may not see."""
        return "1970-01-01T00:00:00Z"

    def query_source(self, source: str) -> list[Result]:
        return []

    def insert(self, *arguments: Any) -> None:
        raise PermissionError("CSW does not write here")

    update = delete = insert


def _order(where: Expr | None, sortby: dict[str, Any] | None) -> str:
    """The reader's order: as asked, else by relevance when words are searched, else the order in which records came (stable for paging)."""
    name = names.SORTABLE.get((sortby or {}).get("propertyname", ""))
    if name:
        return f"-{name}" if str((sortby or {}).get("order", "")).upper().startswith("D") else name
    return "relevance" if where is not None and any(isinstance(leaf, AnyText) for leaf in leaves(where)) else "docno"
