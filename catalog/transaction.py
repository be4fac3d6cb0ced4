"""The write transaction: what is buffered until the end, and the end itself.

Records are replaced, positions taken and audit lines chained in `finish`, as the last thing before the commit:

1. each buffered change gets the next position (`counter`, taken once for all of them);
2. a replaced or removed record's docno goes to `gone`, its row is deleted (its terms with it), the new row is inserted with docno = position;
3. versions and `change` rows are written with their positions;
4. audit lines are chained to the newest line.

Nothing is visible to anybody before the commit, everything after it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from catalog.audit_chain import chain_lines
from catalog.errors import StoreError
from catalog.tables import audit, change, counter, gone, record, record_term, version

_DOCNO = select(record.c.docno)


@dataclass
class Change:
    """One buffered change; becomes one position.

    Attributes:
        what: `record`, `remove`, `rows` or `policy`.
        row: columns of `record` without `docno` (what = record).
        terms: members of the record's lists: `(attribute, value)`.
        version: columns of `version` without `position`, for what this site is authority for.
        then: called with the connection and the position, to write what refers to it.
    """

    what: str
    id: str | None
    variant: str | None = None
    seq: int | None = None
    manifest_hash: bytes | None = None
    own: bool = False
    row: dict[str, Any] | None = None
    terms: list[tuple[str, str]] = field(default_factory=list)
    version: dict[str, Any] | None = None
    then: Callable[[Connection, int], None] | None = None


class WriteTransaction:
    """What `Store.write()` yields.

    Attributes:
        conn: for statements of one's own in the same transaction.
        now: the transaction's time, UTC seconds.
        callbacks: called after the commit.
    """

    def __init__(self, conn: Connection, now: int) -> None:
        self.conn = conn
        self.now = now
        self.callbacks: list[Callable[[], None]] = []
        self._changes: list[Change] = []
        self._newest: dict[str, Change] = {}
        self._audit: list[dict[str, Any]] = []
        self._finished = False

    # --- what callers buffer -----------------------------------------------------------------------------------------------------------

    def show(
        self,
        row: dict[str, Any],
        terms: Iterable[tuple[str, str]] = (),
        *,
        own: bool,
        version: dict[str, Any] | None = None,
        then: Callable[[Connection, int], None] | None = None,
    ) -> None:
        """Shows a record in place of what was shown under its id.

        Args:
            row: columns of `catalog.tables.record` except `docno`.
            terms: members of its lists, `(attribute, value)`.
            own: whether this site's log takes it in.
            version: columns of `catalog.tables.version` except `position`.
            then: see `Change`.
        """
        item = Change("record", row["id"], manifest_hash=row["manifest_hash"], own=own, row=row, terms=list(dict.fromkeys(terms)), version=version, then=then)
        self._changes.append(item)
        self._newest[row["id"]] = item

    def remove(self, id: str, *, own: bool, manifest_hash: bytes | None = None, version: dict[str, Any] | None = None) -> None:
        """No longer shows a record.

        Args:
            id: the record's id.
            own: whether this site's log takes in the tombstone.
            manifest_hash: of the tombstone's manifest, if there is one.
            version: the tombstone as a row of `version`, without `position`.
        """
        item = Change("remove", id, manifest_hash=manifest_hash, own=own, version=version)
        self._changes.append(item)
        self._newest[id] = item

    def change(
        self,
        what: str,
        id: str | None = None,
        *,
        variant: str | None = None,
        seq: int | None = None,
        own: bool = False,
        then: Callable[[Connection, int], None] | None = None,
    ) -> None:
        """Takes a position for something that is no record: a batch of rows, a policy.

        Args:
            what: `rows` or `policy`.
            id, variant, seq: of the batch of rows.
            own: whether this site's log takes it in.
            then: called at the end with the connection and the position, to write what refers to it.
        """
        self._changes.append(Change(what, id, variant=variant, seq=seq, own=own, then=then))

    def audit(self, event: str, *, actor: str | None = None, record: str | None = None, outcome: str = "done", detail: Mapping[str, Any] | None = None) -> None:
        """Adds an audit line; chained and written at the end.

        Args:
            event: name of the event (catalog/README.md lists them).
            actor: who, as `catalog.audit.actor_name` writes it.
            record: id of the record concerned.
            outcome: `done`, `permitted`, `denied`, `refused` or `alarm`.
            detail: anything else, JSON.
        """
        self._audit.append({"time": self.now, "event": event, "actor": actor, "record": record, "outcome": outcome, "detail": dict(detail or {})})

    def audit_line(self, line: Mapping[str, Any]) -> None:
        """Adds a line that was collected earlier (`catalog.audit.ReadAudit`), with its own time."""
        self._audit.append(dict(line))

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Calls `callback` once this transaction is committed."""
        self.callbacks.append(callback)

    def pending(self, id: str) -> Change | None:
        """The newest change of a record in this transaction, which its tables do not show yet."""
        return self._newest.get(id)

    def shown(self, id: str) -> Row[Any] | None:
        """The row of `record` as committed before this transaction."""
        return self.conn.execute(select(record).where(record.c.id == id)).first()

    def bump(self, name: str, by: int = 1) -> int:
        """Moves one of the numbers of `counter` and returns it."""
        statement = update(counter).where(counter.c.name == name).values(n=counter.c.n + by).returning(counter.c.n)
        return int(self.conn.execute(statement).scalar_one())

    # --- the end -----------------------------------------------------------------------------------------------------------------------

    def finish(self) -> int | None:
        """Writes what is buffered. Called once, by `Store.write`.

        Returns:
            The newest position taken, or None when none was.
        """
        if self._finished:
            raise StoreError(zh="事務已結束", en="the transaction has ended already")
        self._finished = True
        position: int | None = None
        if self._changes:
            position = self.bump("position", len(self._changes))
            first = position - len(self._changes) + 1
            for n, item in enumerate(self._changes, first):
                self._write(item, n)
        if self._audit:
            self._write_audit()
        return position

    def _write(self, item: Change, position: int) -> None:
        newest = item.id is None or self._newest.get(item.id) is item
        if item.what in ("record", "remove") and newest and item.id is not None:
            old = self.conn.execute(_DOCNO.where(record.c.id == item.id)).scalar()
            if old is not None:
                self.conn.execute(insert(gone).values(seq=position, docno=old))
                self.conn.execute(delete(record).where(record.c.docno == old))
        if item.row is not None and newest:
            self.conn.execute(insert(record).values(docno=position, **item.row))
            if item.terms:
                self.conn.execute(insert(record_term), [{"docno": position, "attribute": attribute, "value": value} for attribute, value in item.terms])
        if item.version is not None:
            self.conn.execute(insert(version).values(position=position, **item.version))
        self.conn.execute(
            insert(change).values(
                position=position, what=item.what, id=item.id, variant=item.variant, seq=item.seq, manifest_hash=item.manifest_hash, own=int(item.own)
            )
        )
        if item.then is not None:
            item.then(self.conn, position)

    def _write_audit(self) -> None:
        last = self.bump("audit", len(self._audit))
        first = last - len(self._audit) + 1
        previous = self.conn.execute(select(audit.c.chain).where(audit.c.seq == first - 1)).scalar() or b"\0" * 32
        self.conn.execute(insert(audit), chain_lines(self._audit, first, bytes(previous)))
