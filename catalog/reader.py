"""The one read path: records, rows, objects, and what peers may have (`catalog.streams`). Every verb takes the actor; nothing is read without one.

Rules (policy-language.md):

1. One disclosure plan for each request decides everything; search, counts and facets see only what it lets through.
2. Where discover is denied the answer is absence: `NotFoundError`, the same for hidden and missing. Where only read or data is denied, the record shows its
   card with the reasons, and the verb raises `DeniedError`.
3. *Second lock*: each record is decided once more before it leaves. A record that search let through and the decision does not is dropped, and raises an
   alarm: that is an error of ours, never the user's.
4. Decisions are audited in one line for each request (`catalog.audit.ReadAudit`); the use of a grant is committed before the answer.
5. A request reads one snapshot, under the policy epoch that this snapshot names.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

from sqlalchemy import Connection, Row, bindparam, select

from catalog.audit import ReadAudit
from catalog.conditions import told
from catalog.errors import NotFoundError, QueryError
from catalog.grants import Granted, granted_records
from catalog.ids import PREFIX
from catalog.objects import Objects
from catalog.organisations import Organisation, list_organisations
from catalog.policy_store import ActivePolicy, PolicyHolder
from catalog.queries import MOST_RECORDS, ObjectStream, RecordPage, RecordQuery, RowPage, RowQuery
from catalog.row_reader import RowReader
from catalog.rows import Column
from catalog.search import Search, SearchQuery, Visible
from catalog.sessions import Session
from catalog.shapes import Shapes
from catalog.site import SiteIdentity
from catalog.stamps import Stamps
from catalog.store import State, Store
from catalog.streams import Decided, StreamView, stream_views
from catalog.tables import record
from catalog.view_cache import PLACE, Views
from catalog.views import Judged, RecordView, judge
from catalog.visibility import Visibility
from policies.actor import Actor, require_actor
from policies.plan import Env, Plan

__all__ = ["Organisation", "Reader", "RecordPage", "RecordQuery", "RecordView", "RowPage", "RowQuery", "Session"]

_UUID_LENGTH = 36
_MOST_PLANS = 256
_NAMED = {"id": record.c.id == bindparam("name"), "slug": record.c.slug == bindparam("name")}
_PLACE = {by: PLACE.where(named) for by, named in _NAMED.items()}
_WHOLE = {by: select(record).where(named) for by, named in _NAMED.items()}
_IDS = select(record.c.id).where(record.c.docno.in_(bindparam("docnos", expanding=True)))
_NAMES = select(record.c.docno, record.c.slug)
_SLUGS = select(record.c.slug, record.c.id).where(record.c.slug.in_(bindparam("slugs", expanding=True)))


class Reader:
    """See the module. One for each process; safe for threads.

    Args:
        store: the site's database.
        site: its node and zone are what policies call `env`.
        policies: the policy in force.
        stamps: view signatures.
        audit: where reads are noted.
        objects: the file store (`catalog.objects`), or None where there is none.
        search: the process's search, shared with its upkeep; made when not given.
        clock: UTC seconds; None: the store's.
    """

    def __init__(
        self,
        store: Store,
        site: SiteIdentity,
        policies: PolicyHolder,
        stamps: Stamps,
        audit: ReadAudit,
        *,
        objects: Objects | None = None,
        search: Search | None = None,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self.store = store
        self.site = site
        self.policies = policies
        self.search = search or Search(store)
        self.audit = audit
        self.alarms = 0
        self._stamps = stamps
        self._objects = objects
        self._clock = clock or (lambda: store.clock())
        self._visibility = Visibility()
        self.row_reader = RowReader()
        self._organisations: dict[str, tuple[Visible, list[Organisation]]] = {}
        audit.also(stamps.register_wanted)
        audit.also(self._warm)
        self.shapes = Shapes(audit)
        self._kept_views = Views(self.shapes)
        self._plans: dict[tuple[int, Actor], Plan] = {}
        self._lock = threading.Lock()

    # --- sessions ------------------------------------------------------------------------------------------------------------------------

    @contextmanager
    def session(self, actor: Actor | None = None, *, conn: Connection | None = None, now: int | None = None) -> Iterator[Session]:
        """One snapshot with the actor's plan; for verbs of this package and for `stream`.

        Args:
            actor: who asks; None: whoever `require_actor` says.
            conn: a snapshot that is open already.
            now: UTC seconds; None: the clock.

        Raises:
            ActorUnsetError: nobody asks.
        """
        asking = require_actor() if actor is None else actor
        if conn is not None:
            yield self._session(conn, asking, now)
            return
        with self.store.read() as opened:
            yield self._session(opened, asking, now)

    def _session(self, conn: Connection, actor: Actor, now: int | None) -> Session:
        state = State.read(conn)
        active = self.policies.current(conn, state)
        return Session(conn, state, active, self._plan(active, actor, self._clock() if now is None else now), actor)

    def _plan(self, active: ActivePolicy, actor: Actor, now: int) -> Plan:
        """The actor's plan; that of the same second is kept, for a request asks more than once and an actor more than one thing."""
        key = (active.epoch, actor)
        plan = self._plans.get(key)
        if plan is None or plan.env.now != now or plan.policy_set is not active.policy_set:
            plan = Plan(active.policy_set, actor, Env(self.site.zone, self.site.node, now))
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            self._plans[key] = plan
        return plan

    def _warm(self) -> None:
        """In the background: compiles a policy that another process put in force, before a request has to."""
        with self.store.read() as conn:
            self.policies.current(conn)

    def visible(self, session: Session) -> Visible:
        """What the session's actor may see, as bitmaps of docnos."""
        granted = granted_records(session.conn, session.actor, session.now) if session.actor.purpose is not None else Granted(frozenset(), None)
        return self._visibility.visible(session.conn, session.state, session.active, session.plan, granted)

    # --- records -------------------------------------------------------------------------------------------------------------------------

    def records(self, actor: Actor | None, query: RecordQuery) -> RecordPage:
        """Searches records.

        Raises:
            QueryError, FilterError: the question cannot be answered.
        """
        if not 0 <= query.limit <= MOST_RECORDS or query.offset < 0:
            raise QueryError(zh=f"limit 须在 0 与 {MOST_RECORDS} 之间，offset 不可为负", en=f"limit is between 0 and {MOST_RECORDS}, offset not negative")
        with self.session(actor) as session:
            visible = self.visible(session)
            hits = self.search.query(session.conn, visible, self._question(session, visible, query))
            items = self._views(session, hits.docnos)
        self._stamps.want(session.plan, session.active)
        detail = {"text": query.text, "total": hits.total} if query.text else {"total": hits.total}
        self.audit.add("read.records", session.actor, detail=detail)
        end = query.offset + query.limit
        following = end if query.limit and end < hits.total else None
        after = hits.docnos[-1] if query.limit and len(hits.docnos) == query.limit else None
        return RecordPage(hits.total, items, hits.facets, following, after)

    def _question(self, session: Session, visible: Visible, query: RecordQuery) -> SearchQuery:
        within = None if query.condition is None else told(self.search, session.conn, visible, query.condition)
        return SearchQuery(
            text=query.text,
            filters={name: [str(value) for value in values] for name, values in query.filters.items()},
            ids=None if query.ids is None else self._ids(session.conn, query.ids),
            within=within,
            bbox=query.bbox,
            time=query.time,
            sort=query.sort,
            offset=query.offset,
            limit=query.limit,
            after=query.after,
            facets=query.facets,
            facet_limit=query.facet_limit,
        )

    def _ids(self, conn: Connection, names: Collection[str]) -> list[str]:
        """Record ids of ids, uuids and slugs; unknown slugs fall away."""
        slugs = [name for name in names if _urn(name) is None]
        known = dict(conn.execute(_SLUGS, {"slugs": slugs}).all()) if slugs else {}
        return [found for name in names if (found := known.get(name) if name in slugs else _urn(name)) is not None]

    def _views(self, session: Session, docnos: list[int]) -> list[RecordView]:
        """The views of a page, each decided by the policy itself (the second lock)."""
        granted: Collection[str] = ()
        if not docnos:
            return []
        if session.actor.purpose is not None:
            ids = session.conn.execute(_IDS, {"docnos": docnos}).scalars().all()
            granted = granted_records(session.conn, session.actor, session.now, ids).ids
        found = self._kept_views.of(session, docnos, granted)
        for docno in docnos:
            if docno not in found:
                self._alarm(session, docno)
        return [found[docno] for docno in docnos if docno in found]

    def _alarm(self, session: Session, docno: int) -> None:
        self.alarms += 1
        id = session.conn.execute(_IDS, {"docnos": [docno]}).scalar()
        self.audit.add("policy.alarm", session.actor, record=id, outcome="alarm", detail={"docno": docno, "epoch": session.active.epoch})

    def record(self, actor: Actor | None, name: str) -> RecordView:
        """One record.

        Args:
            name: its id, uuid or slug.

        Raises:
            NotFoundError: it is not there, or must look so.
        """
        with self.session(actor) as session:
            by, known = _named(name)
            place, view = self._kept_views.one(session, _PLACE[by], {"name": known})
        if view is None:
            self._refuse(session, "read.record", place)
        self.audit.add("read.record", session.actor, record=view.id, outcome="permitted" if "read" in view.may else "denied")
        return view

    def stored(self, session: Session, name: str) -> tuple[Row[Any], dict[str, Any], Mapping[str, object]] | None:
        """A record's row, its fields and what policies compare, whatever the actor may see; None when there is none.

        Only for who decides about it in this session: nothing of it goes out undecided.
        """
        by, known = _named(name)
        row = session.conn.execute(_WHOLE[by], {"name": known}).first()
        if row is None:
            return None
        fields, _ = self.shapes.fields(row, session.actor)
        return row, fields, self._kept_views.attributes_of(row, fields)

    def _refuse(self, session: Session, event: str, row: Row[Any] | None) -> NoReturn:
        self.audit.add(event, session.actor, record=None if row is None else row.id, outcome="denied")
        raise NotFoundError

    def _judged(self, session: Session, event: str, name: str) -> tuple[Row[Any], dict[str, Any], Judged]:
        """A record that may be discovered, with its decisions; else absence."""
        found = self.stored(session, name)
        if found is None:
            self._refuse(session, event, None)
        row, fields, attributes = found
        judged = judge(session.plan, attributes, session.granted(row.id))
        if judged is None:
            self._refuse(session, event, row)
        return row, fields, judged

    def names(self, actor: Actor | None) -> list[str]:
        """The slugs of all records that the actor may discover, sorted by bytes.

        One query: a list of bare names shows no field that a second look at each record could hide.
        """
        with self.session(actor) as session:
            card = self.visible(session).card
            found = [slug for docno, slug in session.conn.execute(_NAMES) if docno in card]
        self._stamps.want(session.plan, session.active)
        self.audit.add("read.records", session.actor, detail={"total": len(found)})
        return sorted(found, key=str.encode)

    def suggest(self, actor: Actor | None, text: str, limit: int = 10) -> list[RecordView]:
        """Records whose title begins with these letters or words, for the search box; only visible ones are looked at."""
        with self.session(actor) as session:
            found = self._views(session, self.search.suggest(session.conn, self.visible(session), text, limit))
        self.audit.add("read.records", session.actor, detail={"suggest": text, "total": len(found)})
        return found

    def organisations(self, actor: Actor | None) -> list[Organisation]:
        """The departments that provide what the actor may see, by number of records."""
        with self.session(actor) as session:
            visible = self.visible(session)
            kept = self._organisations.get(session.plan.stamp_key)
            if kept is not None and kept[0] is visible:
                return kept[1]
            found = list_organisations(self.search, session.conn, visible, lambda docnos: self._views(session, docnos))
        with self._lock:
            if len(self._organisations) > 100:
                self._organisations.clear()
            self._organisations[session.plan.stamp_key] = visible, found
        return found

    # --- rows and files --------------------------------------------------------------------------------------------------------------------

    def columns(self, actor: Actor | None, name: str) -> list[Column]:
        """The columns of a record's rows that the actor may see, the geometry among them; [] when it has no rows.

        Raises:
            NotFoundError, DeniedError.
        """
        with self.session(actor) as session:
            row, fields, judged = self._judged(session, "read.rows", name)
            return self.row_reader.columns(session, row, fields, judged)

    def rows(self, actor: Actor | None, name: str, query: RowQuery) -> RowPage:
        """A page of a record's rows.

        Raises:
            NotFoundError: no such record, or it has no rows.
            DeniedError: the card may be seen, the rows not; carries the reasons.
            QueryError, FilterError, UnknownColumnError: the question cannot be answered.
        """
        with self.session(actor) as session:
            row, fields, judged = self._judged(session, "read.rows", name)
            self._note_data(session, "read.rows", row, judged)
            return self.row_reader.page(session, row, fields, judged, query)

    def row(self, actor: Actor | None, name: str, key: str, *, raw: bool = False, with_geometry: bool = True) -> Any:
        """One row by its feature id or canonical key.

        Args:
            raw: a GeoJSON feature as bytes instead of a mapping.

        Raises:
            NotFoundError: there is none, or the policy hides it.
            DeniedError: no rows of this record may be seen.
        """
        with self.session(actor) as session:
            row, fields, judged = self._judged(session, "read.rows", name)
            self._note_data(session, "read.rows", row, judged)
            return self.row_reader.one(session, row, fields, judged, key, raw=raw, with_geometry=with_geometry)

    def extent(self, actor: Actor | None, name: str) -> tuple[float, float, float, float] | None:
        """West, south, east, north of the rows that the actor may see; None when that cannot be said."""
        with self.session(actor) as session:
            row, fields, judged = self._judged(session, "read.rows", name)
            return self.row_reader.extent(session, row, fields, judged)

    def count(self, actor: Actor | None, name: str, query: RowQuery | None = None) -> int | None:
        """The number of rows that match and may be seen; None when it is below the smallest cell (LANGUAGE 14)."""
        with self.session(actor) as session:
            row, fields, judged = self._judged(session, "read.rows", name)
            self._note_data(session, "read.rows", row, judged)
            return self.row_reader.count(session, row, fields, judged, query or RowQuery())

    def object(self, actor: Actor | None, name: str, resource_id: str) -> ObjectStream:
        """A file of a record.

        Raises:
            NotFoundError: no such record or file.
            DeniedError: the files of this record are withheld (LANGUAGE 17).
        """
        with self.session(actor) as session:
            row, fields, judged = self._judged(session, "read.object", name)
            self._note_data(session, "read.object", row, judged)
            return self.row_reader.file(session, row, fields, judged, resource_id, self._objects)

    def _note_data(self, session: Session, event: str, row: Row[Any], judged: Judged) -> None:
        permitted = judged.data.permitted
        by_grant = False
        if permitted and session.actor.purpose is not None and session.granted(row.id):
            by_grant = not session.plan.decide("data", judged.attributes, False).permitted
        detail = {"grant": True, "purpose": session.actor.purpose} if by_grant else None
        self.audit.add(event, session.actor, record=row.id, outcome="permitted" if permitted else "denied", detail=detail, now=by_grant)

    # --- what peers may have ---------------------------------------------------------------------------------------------------------------

    def stream(
        self, peer: Actor, ids: Collection[str], *, conn: Connection | None = None, now: int | None = None, decided: Decided | None = None
    ) -> dict[str, StreamView]:
        """The judged state of shown records for one peer (PROTOCOL 4.3), see `catalog.streams`.

        Args:
            peer: actor of kind `peer`.
            ids: a page of record ids.
            conn: the transaction in which the answer counts, or None for a snapshot.
            now: UTC seconds of the judgement.
            decided: what was decided in the same transaction already.
        """
        with self.session(peer, conn=conn, now=now) as session:
            return stream_views(session.conn, session.plan, peer, ids, session.now, Decided() if decided is None else decided)


def _named(name: str) -> tuple[str, str]:
    """Which column a name is looked up in, and as what: the record of an id, uuid or slug."""
    urn = _urn(name)
    return ("slug", name) if urn is None else ("id", urn)


def _urn(name: str) -> str | None:
    if name.startswith(PREFIX):
        return name
    return PREFIX + name if len(name) == _UUID_LENGTH and name[8] == "-" else None
