"""The departments behind the records that an actor may see: what CKAN calls organizations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from catalog.search import Search, SearchQuery, Visible
from catalog.views import RecordView

__all__ = ["Organisation", "list_organisations"]


@dataclass(frozen=True)
class Organisation:
    """A department that provides visible records.

    Attributes:
        key: value of the facet `org`: its unified social credit code, or the authority's node id.
        title: its name, as a visible record discloses it; may be empty.
        count: visible records.
        authority: node id of the authority of one of them.
    """

    key: str
    title: Mapping[str, str]
    count: int
    authority: str


def list_organisations(search: Search, conn: Connection, visible: Visible, views: Callable[[list[int]], list[RecordView]]) -> list[Organisation]:
    """Every department with its count, most records first; its name is read from its newest visible record.

    Args:
        views: makes views of docnos for the actor, each decided again.
    """
    found = []
    for key, count in search.query(conn, visible, SearchQuery(limit=0, facets=("org",))).facets["org"]:
        newest = views(search.query(conn, visible, SearchQuery(filters={"org": [key]}, limit=1, sort="-docno")).docnos)
        provider = newest[0].fields.get("provider") if newest else None
        name = provider.get("name") if isinstance(provider, dict) else None
        found.append(Organisation(key, name if isinstance(name, dict) else {}, count, newest[0].authority if newest else ""))
    return found
