"""Search: bitmap postings in ordinary tables, one design for SQLite and PostgreSQL. README.md tells how."""

from catalog.search.engine import Search
from catalog.search.maintain import maintain
from catalog.search.query import SearchHits, SearchQuery
from catalog.search.visible import Visible

__all__ = ["Search", "SearchHits", "SearchQuery", "Visible", "maintain"]
