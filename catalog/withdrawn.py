"""Withdrawn records: what is said of them, and when their rows and files go.

Rules:

1. A withdrawal takes a record away from everyone at once. Its versions stay for ever, since the log proves them; its rows and files stay for a time (`keep`),
   in which an edit of its author can show it again (PROTOCOL 6.4: a later leaf of the authority, nobody else's).
2. Then the job `clear` removes the rows, and the files that nothing names any more. It leaves alone what a draft, a shown record, any version of a record that
   is not withdrawn, or the stream to a peer still needs. A record whose rows or files went is not shown again; its file is added anew, as a new record.
3. A file goes in two steps a run apart: marked `leaving`, then deleted if still nothing names it. Whoever takes the same file in meanwhile unmarks it
   (`Objects.note`), or finds no file and is told so; nobody is left with a record whose file is gone. It is noted as `clearing`
   first, deleted then, and noted as `cleared`, which it stays; what a killed run left as `clearing` is deleted by the next.
4. Heads of batches stay (the log's leaves are made of them); their contents and before-images go with the rows.
"""

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Select, delete, func, select, update

from catalog import rows
from catalog.attributes import iso, moment
from catalog.errors import WithdrawnError
from catalog.ids import PREFIX
from catalog.jobs import JobContext, enqueue
from catalog.manifest import parse
from catalog.objects import Objects
from catalog.store import State, Store, WriteTransaction
from catalog.tables import draft, job, object_, record, row_batch, row_change, row_table, slug, version

__all__ = ["Clearing", "id_of_withdrawn", "refuse_if_cleared", "withdrawal", "withdrawn_error"]

DAY = 86_400
#: A file that came in less than this ago may be of a record that is just being written.
YOUNG = DAY
_PAGE = 500
_NAME = re.compile(r"[0-9a-f]{64}")


def withdrawal(conn: Connection, id: str) -> Mapping[str, Any] | None:
    """The tombstone of a record of this site's own as a row of `version`, or None when its newest version is none."""
    row = conn.execute(select(version).where(version.c.id == id).order_by(version.c.n.desc()).limit(1)).mappings().first()
    return dict(row) if row is not None and parse(row["manifest"]).is_tombstone else None


def id_of_withdrawn(conn: Connection, name: str) -> str | None:
    """Id of a withdrawn record of this site's own, by its id, uuid or slug; None when it is none. Not for any face: nobody else may know."""
    id = name if name.startswith(PREFIX) else conn.execute(select(slug.c.id).where(slug.c.slug == name)).scalar() or PREFIX + name
    shown = conn.execute(select(record.c.id).where(record.c.id == id)).first()
    return str(id) if shown is None and withdrawal(conn, str(id)) is not None else None


def is_cleared(conn: Connection, id: str) -> bool:
    """Whether rows or files of a withdrawn record are gone, so that it cannot be shown again as it was."""
    had = set(conn.execute(select(row_batch.c.variant).where(row_batch.c.id == id).distinct()).scalars())
    if had - set(conn.execute(select(row_table.c.variant).where(row_table.c.id == id)).scalars()):
        return True
    names = {name for text in conn.execute(select(version.c.disclosures).where(version.c.id == id)).scalars() for name in _named(text)}
    return bool(_cleared(conn, names))


def _cleared(conn: Connection, names: Collection[str]) -> bool:
    listed = list(names)
    return any(
        conn.execute(
            select(object_.c.sha256).where(object_.c.sha256.in_(listed[start : start + _PAGE]), object_.c.state.in_(("clearing", "cleared"))).limit(1)
        ).first()
        for start in range(0, len(listed), _PAGE)
    )


def withdrawn_error(conn: Connection, tombstone: Mapping[str, Any]) -> WithdrawnError:
    """What to tell who would edit or publish a withdrawn record."""
    return WithdrawnError(str(tombstone["id"]), _day(tombstone), str(tombstone["note"] or ""), cleared=is_cleared(conn, tombstone["id"]))


def refuse_if_cleared(conn: Connection, id: str) -> None:
    """Refuses to begin a draft of a withdrawn record whose rows or files are gone.

    Raises:
        WithdrawnError: says what to do instead.
    """
    tombstone = withdrawal(conn, id)
    if tombstone is not None and is_cleared(conn, id):
        raise withdrawn_error(conn, tombstone)


def _day(tombstone: Mapping[str, Any]) -> str:
    return iso((moment(parse(tombstone["manifest"]).time) or 0) + 8 * 3600)[:10]  # the date at UTC+8


def _named(text: str | None) -> Iterator[str]:
    """Hashes of files that a text (fields, disclosures) names, and maybe others: whatever looks like one counts as named."""
    return iter(_NAME.findall(text)) if text and "sha256" in text else iter(())


class Clearing:
    """The job `clear`; see the module.

    Args:
        store: the site's database.
        objects: gives the file store when there is something to delete.
        keep: seconds for which rows and files of a withdrawn record stay.
        in_streams: of some ids, those whose rows the stream to a peer still gives out (`sync` knows).
        elsewhere: queries of texts that may name files, besides the catalog's own tables.
        on_delete: called in the transaction that deletes a file, with its hash, so that whoever fetched it may fetch it again.
        clock: UTC seconds; tests turn it.
    """

    def __init__(
        self,
        store: Store,
        objects: Callable[[], Objects],
        *,
        keep: int,
        in_streams: Callable[[Connection, Collection[str]], Collection[str]] = lambda _conn, _ids: (),
        elsewhere: Collection[Select[Any]] = (),
        on_delete: Callable[[Connection, str], None] = lambda _conn, _name: None,
        clock: Callable[[], int] = lambda: int(time.time()),
    ) -> None:
        self._store = store
        self._objects = objects
        self._keep = keep
        self._in_streams = in_streams
        self._elsewhere = elsewhere
        self._on_delete = on_delete
        self._clock = clock

    def handlers(self) -> Mapping[str, Callable[[JobContext], object]]:
        """For `catalog.jobs.Worker`."""
        return {"clear": self.run}

    def look(self) -> None:
        """Puts the job on the list when a day has passed since it last ran."""
        with self._store.read() as conn:
            ran = conn.execute(select(func.max(job.c.ended)).where(job.c.kind == "clear")).scalar()
        if self._clock() - (ran or 0) >= DAY:
            with self._store.write() as tx:
                enqueue(tx, "clear", key="clear")

    def run(self, context: JobContext) -> None:
        """Removes what is due."""
        for id in self._withdrawn():
            with context.step() as tx:
                self._clear_rows(tx, id)
        position, leaving, back, gone = self._files()
        with context.step() as tx:
            self._mark(tx, leaving, "leaving")
            self._mark(tx, back, "held")
        for name in gone:
            with context.step() as tx:
                self._let_go(tx, name, position)
            self._delete(name)
        for name in self._left_over():
            self._delete(name)

    # --- rows ----------------------------------------------------------------------------------------------------------------------------

    def _withdrawn(self) -> list[str]:
        """Records with rows or before-images that are due."""
        with self._store.read() as conn:
            kept = select(row_table.c.id).union(select(row_change.c.id)).subquery()
            query = select(kept.c.id).where(kept.c.id.not_in(select(record.c.id)), kept.c.id.not_in(select(draft.c.id)))
            return [id for id in conn.execute(query).scalars() if self._due(conn, id)]

    def _due(self, conn: Connection, id: str) -> bool:
        """Withdrawn by this site itself, for long enough, nobody is writing on it again, and no peer is still given its rows."""
        tombstone = withdrawal(conn, id)
        if tombstone is None or (moment(parse(tombstone["manifest"]).time) or 0) + self._keep > self._clock():
            return False
        shown, written = (conn.execute(select(table.c.id).where(table.c.id == id)).first() for table in (record, draft))
        return shown is None and written is None and not self._in_streams(conn, [id])

    def _clear_rows(self, tx: WriteTransaction, id: str) -> None:
        if not self._due(tx.conn, id):
            return  # shown or written on again since we looked
        count = 0
        for table in rows.tables_of(tx.conn, id):
            count += table.count
            rows.drop_table(tx.conn, id, table.variant, keep_batches=True)
        tx.conn.execute(delete(row_change).where(row_change.c.id == id))
        tx.audit("record.clear", record=id, detail={"rows": count})

    # --- files ---------------------------------------------------------------------------------------------------------------------------

    def _files(self) -> tuple[int, list[str], list[str], list[str]]:
        """Position of the look; files that nothing names any more; marked ones that something names again; marked ones that still nothing names."""
        with self._store.read() as conn:
            old = object_.c.added <= self._clock() - max(YOUNG, self._keep)
            states = dict(conn.execute(select(object_.c.sha256, object_.c.state).where(object_.c.state.in_(("held", "leaving")), old)).all())
            unnamed = self._unnamed(conn, set(states)) if states else set()
            position = State.read(conn).position
        leaving = [name for name in sorted(unnamed) if states[name] == "held"]
        back = [name for name, state in states.items() if state == "leaving" and name not in unnamed]
        return position, leaving, back, [name for name in sorted(unnamed) if states[name] == "leaving"]

    def _unnamed(self, conn: Connection, names: set[str], since: int | None = None) -> set[str]:
        """Those of some files that nothing needs. `since`: only what was written after this position is looked at."""
        rest = set(names)
        shown, past = select(record.c.fields), select(version.c.id, version.c.disclosures).where(version.c.disclosures.contains("sha256"))
        if since is not None:
            shown, past = shown.where(record.c.docno > since), past.where(version.c.position > since)
        for query in (shown, select(draft.c.fields), *(self._elsewhere if since is None else ())):
            for text in conn.execute(query.where(query.selected_columns[0].contains("sha256"))).scalars():
                rest.difference_update(_named(text))
        needed: dict[str, set[str]] = {}
        for id, text in conn.execute(past):
            if found := rest.intersection(_named(text)):
                needed.setdefault(id, set()).update(found)
        for id, found in needed.items():
            if not self._due(conn, id):
                rest -= found
        return rest

    def _mark(self, tx: WriteTransaction, names: list[str], state: str) -> None:
        for start in range(0, len(names), _PAGE):
            tx.conn.execute(update(object_).where(object_.c.sha256.in_(names[start : start + _PAGE])).values(state=state))

    def _let_go(self, tx: WriteTransaction, name: str, position: int) -> None:
        """Notes as clearing a file that nothing named at `position`, unless somebody has taken it in (`Objects.note`) or named it since."""
        state = tx.conn.execute(select(object_.c.state).where(object_.c.sha256 == name)).scalar()
        if state == "leaving" and self._unnamed(tx.conn, {name}, position):
            self._mark(tx, [name], "clearing")
            self._on_delete(tx.conn, name)
            tx.audit("object.clear", detail={"sha256": name})

    def _left_over(self) -> list[str]:
        """Files that a killed run had noted as clearing, and did not come to."""
        with self._store.read() as conn:
            return list(conn.execute(select(object_.c.sha256).where(object_.c.state == "clearing")).scalars())

    def _delete(self, name: str) -> None:
        """Deletes a file noted as clearing: never before that is committed, so that no record is shown whose file is gone; nobody notes it meanwhile."""
        with self._store.write() as tx:
            if tx.conn.execute(select(object_.c.state).where(object_.c.sha256 == name)).scalar() == "clearing":
                self._objects().delete(name)
                self._mark(tx, [name], "cleared")
