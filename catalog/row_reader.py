"""Rows and files of one record, under the decision about its data: columns, masks, row filter, variant, smallest cell, opaque files.

Rules (policy-language.md):

* A hidden column is absent everywhere and named nowhere; a masked one shows its mask and can be neither filtered nor sorted by (project, then filter).
* A variant takes the place of the record's rows (LANGUAGE 13); what cannot be narrowed enough is withheld.
* Rows are named by their key. Where a key column is hidden or masked, naming a row would tell it: the rows are withheld.
* Counts below the smallest cell are not told, nor extents of so few rows (LANGUAGE 14).
* Original files go out only when nothing of them had to be left out (LANGUAGE 17).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row

from catalog import rows
from catalog.errors import DeniedError, NotFoundError, ObjectError, ProfileError, QueryError, UnknownColumnError
from catalog.filters import And, Expr, Like, Or
from catalog.objects import Objects
from catalog.profiles import profile
from catalog.queries import MOST_ROWS, ObjectStream, RowPage, RowQuery
from catalog.rows import Ask, Column, RowTable, View
from catalog.rows.encode import feature, properties
from catalog.views import Judged, field_hidden, reasons_of
from policies import masks
from policies.cells import may_describe
from policies.columns import ColumnMap
from policies.compile import row_where
from policies.obligations import Obligations

if TYPE_CHECKING:
    from catalog.reader import Session

__all__ = ["OpenRows", "RowReader"]


@dataclass(frozen=True)
class OpenRows:
    """A table that may be read, and how.

    Attributes:
        view: columns, geometry, row filter and masks.
        duties: obligations of the decision about data.
        during: the column that `RowQuery.datetime` means, or None.
    """

    table: RowTable
    view: View
    duties: Obligations
    during: str | None


class RowReader:
    """See the module; part of `catalog.reader`, which decides about the record before."""

    # --- what may be seen ------------------------------------------------------------------------------------------------------------------

    def _permit(self, judged: Judged) -> Obligations:
        duties = judged.data.obligations
        if not judged.data.permitted or duties.data_withheld:
            raise DeniedError(action="data", reasons=reasons_of(judged))
        return duties

    def open(self, session: "Session", row: Row[Any], fields: dict[str, Any], judged: Judged, wished: str = "") -> OpenRows:
        """The rows that a decision opens.

        Args:
            wished: a published variant by name.

        Raises:
            DeniedError: the data are denied or withheld.
            NotFoundError: there are no rows.
        """
        duties = self._permit(judged)
        variant = duties.variant or ""
        if wished and wished != variant:
            if variant or field_hidden(duties, f"variants.{wished}") or f"variants.{wished}" not in fields:
                raise NotFoundError
            variant = wished
        table = rows.find_table(session.conn, row.id, variant)
        if table is None:
            raise NotFoundError
        hidden = {column.name for column in table.columns if duties.field_hidden(column.name)}
        masked = {column.name: mask for column in table.columns if (mask := duties.mask_for(column.name)) is not None}
        if any(name in hidden or name in masked for name in table.key):
            raise DeniedError(action="data", reasons=reasons_of(judged))
        shape = table.geometry_column
        geometry = shape is not None and shape not in hidden and shape not in masked and not _veils(duties, "geometry")
        columns = tuple(column.name for column in table.data_columns if column.name not in hidden)
        roles = _roles(row.profile, table)
        policy = None
        if duties.row_filter is not None:
            policy = row_where(duties.row_filter, ColumnMap(rows.row_columns(table, roles)), session.actor, session.plan.env)
        view = View(
            columns=columns,
            geometry=geometry,
            filterable=frozenset(columns) - masked.keys(),
            policy=policy,
            change=_masker(masked) if masked.keys() & set(columns) else None,
        )
        during = roles.get("observed")
        return OpenRows(table, view, duties, during if during in columns and during not in masked else None)

    # --- verbs -----------------------------------------------------------------------------------------------------------------------------

    def columns(self, session: "Session", row: Row[Any], fields: dict[str, Any], judged: Judged) -> list[Column]:
        """The visible columns, the geometry last; [] when there are no rows."""
        try:
            opened = self.open(session, row, fields, judged)
        except NotFoundError:
            return []
        shown = [column for column in opened.table.data_columns if column.name in opened.view.columns]
        return shown + [column for column in opened.table.columns if column.type == "geometry" and opened.view.geometry]

    def page(self, session: "Session", row: Row[Any], fields: dict[str, Any], judged: Judged, query: RowQuery) -> RowPage:
        """A page of rows or features."""
        return self.page_of(session, self.open(session, row, fields, judged, query.variant), query)

    def page_of(self, session: "Session", opened: OpenRows, query: RowQuery) -> RowPage:
        """The same of rows that are open already (`catalog.layers`)."""
        view, ask = self._ask(opened, query)
        total = self._count(session, opened, view, ask) if query.count else None
        if query.raw == "geojson":
            features = rows.select_features(session.conn, opened.table, view, ask, with_geometry=query.with_geometry)
            return RowPage([], features.rows, total, features.next)
        found = rows.select_rows(session.conn, opened.table, view, ask, with_geometry=query.with_geometry)
        return RowPage([self._plain(opened, view, each) for each in found.rows], [], total, found.next)

    def one(
        self, session: "Session", row: Row[Any], fields: dict[str, Any], judged: Judged, key: str, *, raw: bool = False, with_geometry: bool = True
    ) -> dict[str, Any] | bytes:
        """One row by feature id or canonical key."""
        return self.one_of(session, self.open(session, row, fields, judged), key, raw=raw, with_geometry=with_geometry)

    def one_of(self, session: "Session", opened: OpenRows, key: str, *, raw: bool = False, with_geometry: bool = True) -> dict[str, Any] | bytes:
        """The same of rows that are open already."""
        canonical = key if key.startswith("[") else rows.key_of_feature(opened.table, key)
        found = rows.get_row(session.conn, opened.table, opened.view, canonical, with_geometry=with_geometry)
        if raw:
            shown = [column for column in opened.table.data_columns if column.name in opened.view.columns]
            return feature(found.key, found.geometry, properties(shown, found.values))[0]
        return self._plain(opened, opened.view, found)

    def count(self, session: "Session", row: Row[Any], fields: dict[str, Any], judged: Judged, query: RowQuery) -> int | None:
        """The number of matching rows, or None below the smallest cell."""
        opened = self.open(session, row, fields, judged, query.variant)
        view, ask = self._ask(opened, query)
        return self._count(session, opened, view, ask)

    def extent(self, session: "Session", row: Row[Any], fields: dict[str, Any], judged: Judged) -> tuple[float, float, float, float] | None:
        """The extent of the visible rows."""
        opened = self.open(session, row, fields, judged)
        if opened.duties.smallest_cell is not None and self._count(session, opened, opened.view, Ask()) is None:
            return None
        return rows.extent(session.conn, opened.table, opened.view)

    def file(self, session: "Session", row: Row[Any], fields: dict[str, Any], judged: Judged, resource_id: str, objects: Objects | None) -> ObjectStream:
        """A file, when nothing of it is to be left out."""
        resource = fields.get(f"resources.{resource_id}")
        if not isinstance(resource, dict) or not isinstance(resource.get("sha256"), str) or field_hidden(judged.read.obligations, f"resources.{resource_id}"):
            raise NotFoundError
        if not judged.files:
            raise DeniedError(action="files", reasons=reasons_of(judged))
        digest = resource["sha256"]
        elsewhere = ObjectError(zh="此文件不在本站点；请向提供者索取", en="this file is not at this site; ask its provider")
        if objects is None:
            raise elsewhere
        try:
            size = objects.size(digest)  # of a file that is on its way: ObjectComingError
        except NotFoundError:
            raise elsewhere from None
        name = f"{row.slug}-{resource_id}"
        media = resource.get("media_type")
        return ObjectStream(
            sha256=digest,
            size=size,
            media_type=media if isinstance(media, str) else "application/octet-stream",
            name=name,
            open=lambda start=0, end=None: objects.open(digest, start, end),
        )

    # --- steps -----------------------------------------------------------------------------------------------------------------------------

    def _ask(self, opened: OpenRows, query: RowQuery) -> tuple[View, Ask]:
        """The view narrowed to the selected columns, and the question over all that may be filtered."""
        if not 0 <= query.limit <= MOST_ROWS or query.offset < 0:
            raise QueryError(zh=f"limit 须在 0 与 {MOST_ROWS} 之间，offset 不可为负", en=f"limit is between 0 and {MOST_ROWS}, offset not negative")
        if query.datetime is not None and opened.during is None:
            raise QueryError(zh="此数据没有时间信息项", en="these rows have no column of time")
        where = query.where if query.text is None else _and(query.where, self._any_text(opened, query.text))
        ask = Ask(
            bbox=query.bbox,
            during=None if query.datetime is None or opened.during is None else (opened.during, *query.datetime),
            where=where,
            sort=tuple((name.removeprefix("-"), name.startswith("-")) for name in query.sort),
            after=query.after,
            limit=query.limit,
            offset=query.offset,
        )
        return self._selected(opened, query.select), ask

    def _selected(self, opened: OpenRows, select: Sequence[str] | None) -> View:
        """The view with only some of its columns put out; an unknown one and a hidden one are refused alike."""
        if select is None:
            return opened.view
        for name in select:
            if name not in opened.view.columns and not (opened.view.geometry and name in (opened.table.geometry_column, "geometry")):
                raise UnknownColumnError(name)
        return replace(opened.view, select=frozenset(select))

    def _any_text(self, opened: OpenRows, text: str) -> Expr:
        """Rows one of whose text columns holds each of the words."""
        names = [column.name for column in opened.table.data_columns if column.type == "text" and opened.view.may_filter(column.name)]
        words = text.split()[:16]
        if not names or not words:
            raise QueryError(zh="没有可检索的文字信息项", en="there is no text column to search")
        parts = tuple(Or(tuple(Like(name, f"%{_escaped(word)}%", True) for name in names)) for word in words)
        return And(parts) if len(parts) > 1 else parts[0]

    def _count(self, session: "Session", opened: OpenRows, view: View, ask: Ask) -> int | None:
        found = rows.count_rows(session.conn, opened.table, view, ask)
        return found if found == 0 or may_describe(found, opened.duties.smallest_cell) else None

    def _plain(self, opened: OpenRows, view: View, found: rows.Row) -> dict[str, Any]:
        out: dict[str, Any] = {"_key": found.key, "_id": rows.feature_id(found.key)}
        for column in opened.table.data_columns:
            if column.name in view.out:
                out[column.name] = found.values.get(column.name)
        if found.geometry is not None and opened.table.geometry_column is not None:
            out[opened.table.geometry_column] = found.geometry
        return out


def _and(where: Expr | None, also: Expr) -> Expr:
    return also if where is None else And((where, also))


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _veils(duties: Obligations, name: str) -> bool:
    return duties.field_hidden(name) or duties.mask_for(name) is not None


def _masker(masked: dict[str, str]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def change(values: dict[str, Any]) -> dict[str, Any]:
        return {name: masks.apply(masked[name], value) if name in masked else value for name, value in values.items()}

    return change


def _roles(profile_name: str | None, table: RowTable) -> dict[str, str]:
    """Columns that serve as `row.owner`, `row.status`, `row.division`, `row.observed`."""
    try:
        found = profile(f"{profile_name}/1")
    except ProfileError:
        found = profile("core/1")
    present = tuple(column.name for column in table.data_columns)
    return {role: name for role in found.rows if (name := found.row_column(role, present)) is not None}
