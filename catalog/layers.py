"""Records with rows as layers: what a map client must know of them before it asks for rows. Part of the read path (`catalog.reader`), on one snapshot each.

A layer is there for an actor only when the *data* may be had: a record that may merely be discovered or read, one whose data are withheld, one without rows
and one that does not exist all give None, so that a face can answer them alike.
"""

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Row, bindparam, select

from catalog.attributes import attributes_of_row
from catalog.errors import DeniedError, NotFoundError
from catalog.reader import Reader, Session
from catalog.rows import Column
from catalog.tables import record, row_table
from catalog.views import RecordView, judge, view_of
from policies.actor import Actor

__all__ = ["LayerView", "layer", "layers"]

_BY_SLUG = select(record).where(record.c.slug == bindparam("slug"))
_WITH_ROWS = select(record.c.docno).where(record.c.docno > bindparam("after"), record.c.id.in_(select(row_table.c.id))).order_by(record.c.docno)
_BY_DOCNO = select(record).where(record.c.docno.in_(bindparam("docnos", expanding=True))).order_by(record.c.docno)
_AT_ONCE = 100


@dataclass(frozen=True)
class LayerView:
    """A record's rows as one actor may use them.

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


def layer(reader: Reader, actor: Actor | None, slug: str) -> LayerView | None:
    """The layer of that name, or None when it does not exist or its data may not be had.

    Raises:
        ActorUnsetError: nobody asks.
    """
    with reader.session(actor) as session:
        row = session.conn.execute(_BY_SLUG, {"slug": slug}).first()
        found = None if row is None else _layer(reader, session, row)
    if found is None:
        reader.audit.add("read.layer", session.actor, record=None if row is None else row.id, outcome="denied")
    return found


def layers(reader: Reader, actor: Actor | None, after: int = 0, limit: int = 200) -> tuple[list[LayerView], int | None]:
    """A page of layers in the order in which their records came.

    Args:
        after: docno to begin behind: the second value of the page before.

    Returns: the layers, and where the next page begins, or None at the end.
    """
    found: list[LayerView] = []
    following: int | None = None
    with reader.session(actor) as session:
        visible = reader.visible(session).full
        docnos = [docno for docno in session.conn.execute(_WITH_ROWS, {"after": after}).scalars() if docno in visible]
        for at in range(0, len(docnos), _AT_ONCE):
            for row in session.conn.execute(_BY_DOCNO, {"docnos": docnos[at : at + _AT_ONCE]}):
                made = _layer(reader, session, row)
                if made is not None and len(found) == limit:
                    following = found[-1].record.docno
                    break
                if made is not None:
                    found.append(made)
            if following is not None:
                break
    reader.audit.add("read.layers", session.actor, detail={"total": len(found)})
    return found, following


def _layer(reader: Reader, session: Session, row: Row[Any]) -> LayerView | None:
    fields = orjson.loads(row.fields)
    judged = judge(session.plan, attributes_of_row(row, fields), session.granted(row.id))
    if judged is None or not judged.data.permitted:
        return None
    try:
        opened = reader.row_reader.open(session, row, fields, judged)
    except (NotFoundError, DeniedError):
        return None
    table, view = opened.table, opened.view
    shown = tuple(column for column in table.columns if column.name in view.columns)
    geometry = tuple(column for column in table.columns if column.type == "geometry") if view.geometry else ()
    everything = view.policy is None and opened.duties.smallest_cell is None and view.geometry
    filterable = frozenset(name for name in view.columns if view.may_filter(name))
    return LayerView(view_of(row, fields, judged), shown + geometry, filterable, opened.during, table.box if everything else None)
