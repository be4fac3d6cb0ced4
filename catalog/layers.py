"""Records with rows as layers: what a map client must know of them, and their rows, on one snapshot. Part of the read path (`catalog.reader`).

A layer is there for an actor only when the *data* may be had: a record that may merely be discovered or read, one whose data are withheld, one without rows
and one that does not exist all give None, so that a face can answer them alike.

What a decision opened is kept for the next request of an equal actor, because pages of one layer come by the hundred. It counts only while nothing of what it
was made from can have changed: the site's counters (records, policy, grants), and the next moment at which the clock alone changes the decision. Nothing is
kept for an actor who declared a purpose (grants end by themselves) nor where the policy filters rows (they grow old one by one).
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, select

from catalog.attributes import attributes_of_row
from catalog.errors import DeniedError, NotFoundError
from catalog.queries import RowPage, RowQuery
from catalog.reader import Reader, Session
from catalog.row_reader import OpenRows
from catalog.rows import Column
from catalog.tables import record, row_table
from catalog.views import RecordView, judge, view_of
from policies.actor import Actor

__all__ = ["LayerReader", "LayerView", "OpenLayer"]

_BY_SLUG = select(record).where(record.c.slug == bindparam("slug"))
_WITH_ROWS = select(record.c.docno).where(record.c.slug > bindparam("after"), record.c.id.in_(select(row_table.c.id))).order_by(record.c.slug)
_BY_DOCNO = select(record).where(record.c.docno.in_(bindparam("docnos", expanding=True))).order_by(record.c.slug)
_AT_ONCE = 100
#: Layers kept; each holds a record's fields and the description of its table.
MOST_KEPT = 500


@dataclass(frozen=True, eq=False)
class LayerView:
    """A record's rows as one actor may use them. Compared by identity, so that a face may keep what it makes of one.

    Attributes:
        record: the record as this actor sees it.
        columns: visible columns, the geometry last.
        filterable: names that a filter or sort may use: neither hidden nor masked.
        time_column: the column that `RowQuery.datetime` means, or None.
        box: west, south, east, north of all rows, or None where there are none or where the policy shows only some of them.
    """

    record: RecordView
    columns: tuple[Column, ...]
    filterable: frozenset[str]
    time_column: str | None
    box: tuple[float, float, float, float] | None


@dataclass(frozen=True)
class _Made:
    """What a decision opened. `by_grant`: only a grant opened it."""

    view: LayerView
    rows: OpenRows
    by_grant: bool
    until: int | None


@dataclass
class OpenLayer:
    """A layer while its snapshot is open."""

    view: LayerView
    _reader: Reader
    _session: Session
    _made: _Made

    def rows(self, query: RowQuery) -> RowPage:
        """A page of rows.

        Raises:
            QueryError, FilterError, UnknownColumnError: the question cannot be answered.
        """
        self._note()
        return self._reader.row_reader.page_of(self._session, self._made.rows, query)

    def feature(self, key: str) -> bytes:
        """One row as a GeoJSON feature.

        Raises:
            NotFoundError: there is none, or the policy hides it.
        """
        self._note()
        found: Any = self._reader.row_reader.one_of(self._session, self._made.rows, key, raw=True)
        return bytes(found)

    def _note(self) -> None:
        """The audit line of the read; the use of a grant is committed before the answer."""
        granted = {"grant": True, "purpose": self._session.actor.purpose} if self._made.by_grant else None
        self._reader.audit.add("read.rows", self._session.actor, record=self.view.record.id, outcome="permitted", detail=granted, now=self._made.by_grant)


class LayerReader:
    """The layers of a site. One for each process; safe for threads."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Actor, str], tuple[tuple[int, ...], _Made]] = OrderedDict()

    @contextmanager
    def open(self, actor: Actor | None, slug: str) -> Iterator[OpenLayer | None]:
        """The layer of that name, or None when it does not exist or its data may not be had.

        Raises:
            ActorUnsetError: nobody asks.
        """
        with self.reader.session(actor) as session:
            made = self._find(session, slug)
            yield None if made is None else OpenLayer(made.view, self.reader, session, made)

    def page(self, actor: Actor | None, after: str = "", limit: int = 200) -> tuple[list[LayerView], str | None]:
        """A page of layers in the order of their slugs: the number of a record would count the changes of hidden ones.

        Args:
            after: slug to begin behind: the second value of the page before.

        Returns: the layers, and where the next page begins, or None at the end.
        """
        found: list[LayerView] = []
        following: str | None = None
        with self.reader.session(actor) as session:
            visible = self.reader.visible(session).full
            docnos = [docno for docno in session.conn.execute(_WITH_ROWS, {"after": after}).scalars() if docno in visible]
            for row in self._rows(session, docnos):
                made = self._make(session, row)
                if made is not None and len(found) == limit:
                    following = found[-1].record.slug
                    break
                if made is not None:
                    found.append(made.view)
        self.reader.audit.add("read.layers", session.actor, detail={"total": len(found)})
        return found, following

    def _rows(self, session: Session, docnos: list[int]) -> Iterator[Row[Any]]:
        for at in range(0, len(docnos), _AT_ONCE):
            yield from session.conn.execute(_BY_DOCNO, {"docnos": docnos[at : at + _AT_ONCE]}).all()

    def _find(self, session: Session, slug: str) -> _Made | None:
        state, name = (session.state.position, session.state.policy, session.state.grant), (session.actor, slug)
        with self._lock:
            kept = self._kept.get(name)
        if kept is not None and kept[0] == state and (kept[1].until is None or session.now < kept[1].until):
            return kept[1]
        row = session.conn.execute(_BY_SLUG, {"slug": slug}).first()
        made = None if row is None else self._make(session, row)
        if made is None:
            self.reader.audit.add("read.layer", session.actor, record=None if row is None else row.id, outcome="denied")
        elif session.actor.purpose is None and made.rows.view.policy is None:
            with self._lock:
                self._kept[name] = state, made
                self._kept.move_to_end(name)
                while len(self._kept) > MOST_KEPT:
                    self._kept.popitem(last=False)
        return made

    def _make(self, session: Session, row: Row[Any]) -> _Made | None:
        fields, odd = self.reader.shapes.fields(row, session.actor)
        attributes = attributes_of_row(row, fields)
        granted = session.granted(row.id)
        judged = judge(session.plan, attributes, granted)
        if judged is None or not judged.data.permitted:
            return None
        try:
            opened = self.reader.row_reader.open(session, row, fields, judged)
        except (NotFoundError, DeniedError):
            return None
        table, view = opened.table, opened.view
        geometry = tuple(column for column in table.columns if column.type == "geometry") if view.geometry else ()
        layer = LayerView(
            record=view_of(row, fields, judged, odd),
            columns=tuple(column for column in table.columns if column.name in view.columns) + geometry,
            filterable=frozenset(name for name in view.columns if view.may_filter(name)),
            time_column=opened.during,
            box=table.box if view.policy is None and opened.duties.smallest_cell is None and view.geometry else None,
        )
        by_grant = granted and session.actor.purpose is not None and not session.plan.decide("data", attributes, False).permitted
        return _Made(layer, opened, by_grant, session.plan.next_boundary(attributes))
