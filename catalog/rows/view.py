"""What a plan discloses of a table of rows (`View`), and what a user asks of it (`Ask`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Float, cast

from catalog.filter_sql import FilterColumn, FilterColumns
from catalog.filters import Expr
from catalog.rows.spatial import Box, spatial_clause
from catalog.rows.tables import RowTable

__all__ = ["Ask", "View", "filter_columns"]

_KINDS: Mapping[str, Any] = {"text": "text", "integer": "integer", "decimal": "number", "boolean": "boolean", "date": "date", "datetime": "datetime"}


@dataclass(frozen=True)
class View:
    """What a plan discloses of a table.

    Attributes:
        columns: names of the visible columns but the geometry.
        filterable: those of them that a user may filter and sort by (not masked ones); None: all.
        geometry: whether the geometry is visible.
        policy: clause over `table.sql` that a row must pass, or None.
        change: what masks do to the visible values of a row (column → JSON value), or None.
        select: those of the visible columns that are put out; None: all. A user may filter by the others all the same.
    """

    columns: tuple[str, ...]
    geometry: bool = True
    filterable: frozenset[str] | None = None
    policy: ColumnElement[bool] | None = None
    change: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    select: frozenset[str] | None = None

    @classmethod
    def whole(cls, table: RowTable) -> "View":
        """Everything."""
        return cls(tuple(column.name for column in table.data_columns))

    @property
    def out(self) -> frozenset[str]:
        """The columns that are put out."""
        return frozenset(self.columns) if self.select is None else self.select.intersection(self.columns)

    def may_filter(self, name: str) -> bool:
        """Whether the user may filter or sort by a column."""
        return name in self.columns and (self.filterable is None or name in self.filterable)


@dataclass(frozen=True)
class Ask:
    """What a user asks.

    Attributes:
        bbox: west, south, east, north in degrees (CRS84); west beyond east crosses the antimeridian.
        during: (column, first second or None, last second or None): rows of that time.
        where: filter over columns.
        sort: (column, descending) each; the key follows.
        after: cursor of the page before.
        limit, offset: rows to return, rows to skip.
    """

    bbox: Box | None = None
    during: tuple[str, int | None, int | None] | None = None
    where: Expr | None = None
    sort: tuple[tuple[str, bool], ...] = ()
    after: str | None = None
    limit: int = 100
    offset: int = 0


def filter_columns(conn: Connection, table: RowTable, view: View) -> FilterColumns:
    """What a user's filter may name under this view."""
    scalars = {}
    for column in table.typed_columns:
        if view.may_filter(column.name):
            element: ColumnElement[Any] = table.sql.c[column.name]
            scalars[column.name] = FilterColumn(cast(element, Float) if column.type == "decimal" else element, _KINDS[column.type])
    geometry = table.geometry_column
    if geometry is None or not view.geometry:
        return FilterColumns(scalars)
    return FilterColumns(scalars, spatial=lambda leaf, truth: spatial_clause(conn, table, leaf, truth), geometry_names=frozenset((geometry, "geometry")))
