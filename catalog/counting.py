"""How many rows a record has, for those who may count them (LANGUAGE 19): also where the rows themselves are hidden from them."""

from catalog.errors import DeniedError, NotFoundError
from catalog.queries import RowQuery
from catalog.reader import Reader
from catalog.views import Judged, RecordView
from policies.actor import Actor, require_actor

__all__ = ["row_count"]


def row_count(reader: Reader, actor: Actor | None, view: RecordView) -> int | None:
    """The number of a record's rows under the decision about `count`: with its own row filter, variant and smallest cell, not those of `data`.

    Only the whole is counted, never what a question selects: the difference of two such numbers would tell of single rows.

    Args:
        view: the record as the actor sees it.

    Returns:
        None where there are no rows, or their number may not be said.
    """
    with reader.session(actor) as session:
        stored = reader.stored(session, view.id)
        if stored is None:
            return None
        row, fields, attributes = stored
        decision = session.plan.decide("count", attributes, session.granted(row.id))
        if not decision.permitted:
            return None
        try:
            found = reader.row_reader.count(session, row, fields, Judged(attributes, decision, decision, decision), RowQuery())
        except (DeniedError, NotFoundError):
            return None
    reader.audit.add("read.rows", require_actor() if actor is None else actor, record=view.id, outcome="permitted", detail={"count": found})
    return found
