"""Views of records, made once for all who look alike to the policies.

A view is a function of the record as it is shown (its docno: every change makes a new one), of where it is proved (which moves without a new docno), of what
the policies can tell apart about the actor (`Plan.key`), of a grant, and of time only at the moments that `Plan.next_boundary` names. What is kept is keyed by
all of these, and that the record still stands in the request's snapshot is asked each time. The decision in a kept view is `policies.plan`'s own, never a
stamp: the second lock holds.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, Select, bindparam, select

from catalog.attributes import attributes_of_row
from catalog.shapes import Shapes
from catalog.tables import record
from catalog.views import RecordView, judge, view_of

if TYPE_CHECKING:
    from catalog.reader import Session

__all__ = ["PLACE", "Views"]

#: Views kept; one with what faces made of it (`RecordView.made`) takes some 10 kB.
MOST_KEPT = 2_000
#: Records whose policy attributes are kept.
MOST_ATTRIBUTES = 20_000

#: What tells that a record still stands, and whether its view is still true.
_COLUMNS = [record.c[name] for name in ("docno", "id", "slug", "source", "path", "log", "epoch", "log_index", "proof", "shown_at")]
PLACE = select(*_COLUMNS)
_PLACES = PLACE.where(record.c.docno.in_(bindparam("docnos", expanding=True)))
_WHOLE = select(record).where(record.c.docno.in_(bindparam("docnos", expanding=True)))

type _Key = tuple[object, ...]


class Views:
    """See the module. One for each process; safe for threads.

    Args:
        shapes: gives the fields of stored records.
    """

    def __init__(self, shapes: Shapes) -> None:
        self._shapes = shapes
        self._kept: OrderedDict[_Key, tuple[int, int | None, RecordView]] = OrderedDict()
        self._attributes: dict[int, Mapping[str, object]] = {}
        self._lock = threading.Lock()

    def of(self, session: "Session", docnos: Iterable[int], granted: Collection[str]) -> dict[int, RecordView]:
        """The views of records by docno; without those that are gone or must look absent.

        Args:
            granted: ids of those among them that are granted to the actor.
        """
        return self._of(session, session.conn.execute(_PLACES, {"docnos": list(docnos)}).all(), granted)

    def one(self, session: "Session", places: Select[Any], parameters: Mapping[str, object]) -> tuple[Row[Any] | None, RecordView | None]:
        """The place of the one record that `places` (made of `PLACE`) finds, and its view unless it must look absent."""
        place = session.conn.execute(places, parameters).first()
        if place is None:
            return None, None
        granted = {place.id} if session.granted(place.id) else ()
        return place, self._of(session, [place], granted).get(place.docno)

    def attributes_of(self, row: Row[Any], fields: dict[str, Any]) -> Mapping[str, object]:
        """What policies compare of a shown record."""
        found = self._attributes.get(row.docno)
        if found is None:
            if len(self._attributes) >= MOST_ATTRIBUTES:
                self._attributes.clear()
            found = self._attributes[row.docno] = attributes_of_row(row, fields)
        return found

    # --- steps -------------------------------------------------------------------------------------------------------------------------------

    def _of(self, session: "Session", places: Iterable[Row[Any]], granted: Collection[str]) -> dict[int, RecordView]:
        found: dict[int, RecordView] = {}
        missing: dict[int, _Key] = {}
        now = session.now
        with self._lock:
            for place in places:
                key = (session.plan.key, place.id in granted, *place)
                kept = self._kept.get(key)
                if kept is not None and kept[0] <= now and (kept[1] is None or now < kept[1]):
                    self._kept.move_to_end(key)
                    found[place.docno] = kept[2]
                else:
                    missing[place.docno] = key
        if missing:
            found |= self._made(session, session.conn, missing, granted)
        return found

    def _made(self, session: "Session", conn: Connection, missing: Mapping[int, _Key], granted: Collection[str]) -> dict[int, RecordView]:
        found = {}
        for row in conn.execute(_WHOLE, {"docnos": list(missing)}):
            fields, odd = self._shapes.fields(row, session.actor)
            attributes = self.attributes_of(row, fields)
            judged = judge(session.plan, attributes, row.id in granted)
            if judged is None:
                continue
            view = found[row.docno] = view_of(row, fields, judged, odd)
            self._keep(missing[row.docno], (session.now, session.plan.next_boundary(attributes), view))
        return found

    def _keep(self, key: _Key, made: tuple[int, int | None, RecordView]) -> None:
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
