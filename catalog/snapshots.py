"""Snapshots for readers: one for each read, or one that all reads of a request share.

While a thread is inside `Snapshots.sharing`, who asks, what the policy says and what is shown are of one state of the database, and the state's numbers are
read once. A commit of the same thread, or an error that may have spoilt the transaction, ends the sharing of what was opened before: the next read sees the
news.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, NamedTuple, Self
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, select

from catalog.tables import counter

__all__ = ["Snapshots", "State"]

#: As text, which costs half as much: each request asks it once.
_COUNTERS = str(select(counter.c.name, counter.c.n))
#: Readers' connections with an open snapshot, each with the numbers read in it. Writers are not among them: their numbers move.
_STATES: "WeakKeyDictionary[Connection, list[State]]" = WeakKeyDictionary()


class State(NamedTuple):
    """The numbers that caches are keyed by; any of them moves when what it counts changes (see `catalog.tables.counter`)."""

    position: int
    policy: int
    stamp: int
    grant: int
    account: int
    indexed: int

    @classmethod
    def read(cls, conn: Connection) -> Self:
        """The numbers in the connection's snapshot; read once in a reader's."""
        kept = _STATES.get(conn)
        if kept:
            return kept[0]  # type: ignore[return-value]
        rows: Sequence[Any] = conn.exec_driver_sql(_COUNTERS).all()
        n: dict[str, int] = dict(rows)
        found = cls(n["position"], n["policy"], n["stamp"], n["grant"], n["account"], n.get("index", 0))
        if kept is not None:
            kept.append(found)
        return found


class _Shared:
    """A snapshot with its users: opened by the first read, closed when the last user has gone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._conn: Connection | None = None
        self._users = 1

    def enter(self) -> Connection:
        if self._conn is None:
            self._conn = self._engine.connect()
            _STATES[self._conn] = []
        self._users += 1
        return self._conn

    def leave(self) -> None:
        self._users -= 1
        if self._users == 0 and self._conn is not None:
            self._conn.close()


class _Use:
    """One read of a shared snapshot. A class, for it is what requests do most: a generator would cost three times as much."""

    def __init__(self, snapshots: "Snapshots", shared: _Shared) -> None:
        self._snapshots = snapshots
        self._shared = shared

    def __enter__(self) -> Connection:
        return self._shared.enter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self._snapshots.renew()
        self._shared.leave()


class _Own(threading.local):
    shared: _Shared | None = None


class Snapshots:
    """See the module.

    Args:
        engine: of readers.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._own = _Own()

    @contextmanager
    def fresh(self) -> Iterator[Connection]:
        """A snapshot of now, shared with nobody."""
        with self._engine.connect() as conn:
            _STATES[conn] = []
            yield conn

    def read(self) -> AbstractContextManager[Connection]:
        """The shared snapshot inside `sharing`, else one of its own."""
        shared = self._own.shared
        return self.fresh() if shared is None else _Use(self, shared)

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """All reads of this thread until the end see one state, but for the thread's own commits. Inside another it does nothing."""
        if self._own.shared is not None:
            yield
            return
        self._own.shared = _Shared(self._engine)
        try:
            yield
        finally:
            shared, self._own.shared = self._own.shared, None
            shared.leave()

    def renew(self) -> None:
        """Lets the reads that follow see what was committed meanwhile; whoever reads already keeps the old snapshot."""
        shared = self._own.shared
        if shared is not None:
            self._own.shared = _Shared(self._engine)
            shared.leave()
