"""The write transaction: what is buffered until the end, and the end itself.

Records are replaced, positions taken and audit lines chained in `finish`, as the last thing before the commit:

1. each buffered change gets the next position (`counter`, taken once for all of them);
2. a replaced or removed record's docno goes to `gone`, its row is deleted (its terms with it), the new row is inserted with docno = position;
3. versions and `change` rows are written with their positions;
4. audit lines are chained to the newest line.

Nothing is visible to anybody before the commit, everything after it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import batched
from typing import Any

from sqlalchemy import Connection, Dialect, Insert, Row, Table, Update, bindparam, delete, insert, select, update

from catalog.audit_chain import chain_lines
from catalog.errors import StoreError
from catalog.tables import audit, change, counter, gone, record, record_term, version

#: Values in one statement.
AT_ONCE = 500
_SHOWN = select(record).where(record.c.id.in_(bindparam("ids", expanding=True)))
_BUMP = update(counter).where(counter.c.name == bindparam("counted")).values(n=counter.c.n + bindparam("step")).returning(counter.c.n)
_DOCNOS = select(record.c.id, record.c.docno).where(record.c.id.in_(bindparam("ids", expanding=True)))
_EMPTY_ROW: dict[str, Any] = {column.name: None for column in record.columns} | {"path": "[]"}


@dataclass
class Change:
    """One buffered change; becomes one position.

    Attributes:
        what: `record`, `remove`, `rows`, `policy`, or `proof`: where a record is proved, not what it says.
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
        memo: what parts of the program looked up once for the whole transaction, by keys of their own.
    """

    def __init__(self, conn: Connection, now: int) -> None:
        self.conn = conn
        self.now = now
        self.callbacks: list[Callable[[], None]] = []
        self.memo: dict[str, Any] = {}
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
        """Takes a position for something that is no record: a batch of rows, a policy, a new place in a log.

        Args:
            what: `rows`, `policy` or `proof`.
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

    def shown(self, ids: Iterable[str]) -> dict[str, Row[Any]]:
        """The rows of `record` as committed before this transaction, by id; those that are not shown are not among them."""
        return {row.id: row for some in batched(ids, AT_ONCE) for row in self.conn.execute(_SHOWN, {"ids": some})}

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Writes many rows at once, by a statement that is made once and handed to the driver as it is.

        Args:
            rows: all with the same columns, and of these all that have no default in the database.
        """
        self.many(_insert(table), rows)

    def many(self, statement: Insert | Update, rows: Sequence[Mapping[str, Any]]) -> None:
        """Runs a statement for many rows, as `insert` does.

        Args:
            statement: one that is made once; `rows` give its parameters, and of an INSERT its columns.
        """
        if rows:
            text, order = _driver_text(statement, tuple(rows[0]), self.conn.dialect)
            values: Any = [tuple(map(row.__getitem__, order)) for row in rows] if order else list(rows)
            self.conn.exec_driver_sql(text, values)

    def bump(self, name: str, by: int = 1) -> int:
        """Moves one of the numbers of `counter` and returns it."""
        return int(self.conn.execute(_BUMP, {"counted": name, "step": by}).scalar_one())

    # --- the end -----------------------------------------------------------------------------------------------------------------------

    def finish(self) -> int | None:
        """Writes what is buffered. Called once, by `Store.write`.

        Returns:
            The newest position taken, or None when none was.
        """
        if self._finished:
            raise StoreError(zh="事务已结束", en="the transaction has ended already")
        self._finished = True
        position: int | None = None
        if self._changes:
            position = self.bump("position", len(self._changes))
            self._write(list(enumerate(self._changes, position - len(self._changes) + 1)))
        if self._audit:
            self._write_audit()
        return position

    def _write(self, items: list[tuple[int, Change]]) -> None:
        """Writes all changes, table by table. Of two changes of one record in this transaction only the newer is shown."""
        newest = [(n, item) for n, item in items if item.id is not None and self._newest.get(item.id) is item]
        self._retire({str(item.id): n for n, item in newest})
        shown = [(n, item) for n, item in newest if item.row is not None]
        self.insert(record, [{**_EMPTY_ROW, **(item.row or {}), "docno": n} for n, item in shown])
        self.insert(record_term, [{"docno": n, "attribute": attribute, "value": value} for n, item in shown for attribute, value in item.terms])
        self.insert(version, [{**item.version, "position": n} for n, item in items if item.version is not None])
        self.insert(change, [_change_row(n, item) for n, item in items])
        for n, item in items:
            if item.then is not None:
                item.then(self.conn, n)

    def _retire(self, positions: Mapping[str, int]) -> None:
        """Takes away what is shown of these records; `positions`: id → position of the change that does it."""
        ids = list(positions)
        for start in range(0, len(ids), AT_ONCE):
            old = self.conn.execute(_DOCNOS, {"ids": ids[start : start + AT_ONCE]}).all()
            if old:
                self.insert(gone, [{"seq": positions[row.id], "docno": row.docno} for row in old])
                self.conn.execute(delete(record).where(record.c.docno.in_([row.docno for row in old])))

    def _write_audit(self) -> None:
        last = self.bump("audit", len(self._audit))
        first = last - len(self._audit) + 1
        previous = self.conn.execute(select(audit.c.chain).where(audit.c.seq == first - 1)).scalar() or b"\0" * 32
        self.insert(audit, chain_lines(self._audit, first, bytes(previous)))


@lru_cache(maxsize=64)
def _insert(table: Table) -> Insert:
    return insert(table)


@lru_cache(maxsize=64)
def _driver_text(statement: Insert | Update, names: tuple[str, ...], dialect: Dialect) -> tuple[str, tuple[str, ...]]:
    """The statement in the driver's own writing, and the order of its values; none where the driver takes them by name."""
    compiled = statement.compile(dialect=dialect, column_keys=list(names))
    return str(compiled), tuple(compiled.positiontup or ())


def _change_row(position: int, item: Change) -> dict[str, Any]:
    return {
        "position": position,
        "what": item.what,
        "id": item.id,
        "variant": item.variant,
        "seq": item.seq,
        "manifest_hash": item.manifest_hash,
        "own": int(item.own),
    }
