"""The database of a site: SQLite or PostgreSQL, one snapshot for each reader, one writer at a time.

Rules, the same on both engines:

1. A reader sees one snapshot (SQLite: deferred transaction in WAL; PostgreSQL: REPEATABLE READ, read only) and cannot write; a request's reads may share
   one (`sharing`, `catalog.snapshots`).
2. Writers come one after another: SQLite by a file lock and BEGIN IMMEDIATE (the lock queues fairly, SQLite's own retry starves), PostgreSQL by the row
   `writer` of `counter`. What a writer reads is therefore the newest state, and nothing it decides on can change under it.
3. Positions are taken at the very end from `counter`: dense, in commit order (`catalog.transaction`).
4. `synchronous=FULL`: a position that was published is on the disc.
"""

import fcntl
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, select
from sqlalchemy.exc import ArgumentError, OperationalError

from catalog import faults
from catalog.database_errors import speaking, translate_errors
from catalog.errors import BusyError, NotFoundError, StoreError
from catalog.snapshots import Snapshots, State
from catalog.tables import counter
from catalog.transaction import WriteTransaction

__all__ = ["State", "Store", "WriteTransaction", "open_store"]

#: Seconds that a writer waits for the writers before it.
WRITER_PATIENCE = 60.0
#: PostgreSQL's state for a table that is not there, and how its message names a table of rows.
_NO_TABLE, _ROWS = "42P01", re.compile(r'"rows_\d+"')
#: Seconds between two looks for what other processes committed.
POLL = 0.2


def wall_clock() -> int:
    """UTC seconds of now."""
    return int(time.time())


class Store:
    """One site's database. Made by `open_store`; safe for threads; not to be carried over a fork.

    Attributes:
        clock: UTC seconds of now, for what is written and for what the clock alone makes due.
    """

    def __init__(self, url: str, data_dir: Path, readers: Engine, writers: Engine, lock_path: Path | None) -> None:
        self.url = url
        self.data_dir = data_dir
        self.clock: Callable[[], int] = wall_clock
        self.engine_name = readers.dialect.name
        translate_errors(readers, writers)
        self._readers = readers
        self._snapshots = Snapshots(readers)
        self._writers = writers
        self._lock_path = lock_path
        self._own = threading.local()
        self._changed = threading.Condition()
        self._position = -1
        self._listeners: list[Callable[[int], None]] = []

    def read(self) -> AbstractContextManager[Connection]:
        """One snapshot of the database; cannot write."""
        return self._snapshots.read()

    def sharing(self) -> AbstractContextManager[None]:
        """Until the end all reads of this thread see one snapshot, but for the thread's own commits."""
        return self._snapshots.sharing()

    @contextmanager
    def write(self) -> Iterator[WriteTransaction]:
        """The one write transaction: all or nothing, positions and audit lines assigned at its end.

        Raises:
            BusyError: another writer did not end in `WRITER_PATIENCE` seconds.
            StoreError: opened inside another write transaction of the same thread (which would wait for itself for ever).
        """
        if getattr(self._own, "writing", False):
            raise StoreError(
                zh="同一线程不可在写事务中再开写事务；请传入已开启的事务", en="a write transaction inside another of the same thread; pass the open one on"
            )
        self._own.writing = True
        try:
            with self._writer_lock(), self._begin() as conn:
                tx = WriteTransaction(conn, now=self.clock())
                yield tx
                position = tx.finish()
                faults.before("commit")
            faults.after("commit")
            self._snapshots.renew()
            for callback in tx.callbacks:
                callback()
        finally:
            self._own.writing = False
        if position is not None:
            self._announce(position)

    @property
    def writing(self) -> bool:
        """Whether this thread is inside a write transaction."""
        return bool(getattr(self._own, "writing", False))

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        try:
            with self._writers.begin() as conn:
                if self.engine_name == "postgresql":
                    conn.execute(select(counter.c.n).where(counter.c.name == "writer").with_for_update())
                yield conn
        except OperationalError as error:
            if "locked" in str(error.orig) or "lock timeout" in str(error.orig):
                raise BusyError(zh="数据库正被另一个写入者占用，请稍后再试", en="the database is held by another writer; try again later") from error
            raise

    @contextmanager
    def _writer_lock(self) -> Iterator[None]:
        """Queues writers of all processes on a file lock (SQLite only); the lock dies with its process."""
        if self._lock_path is None:
            yield
            return
        handle = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait_for_lock(handle)
            yield
        finally:
            os.close(handle)

    def _wait_for_lock(self, handle: int) -> None:
        deadline = time.monotonic() + WRITER_PATIENCE
        pause = 0.0005
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise BusyError(
                        zh=f"等候其他写入者已超过 {WRITER_PATIENCE:.0f} 秒（锁：{self._lock_path}）",
                        en=f"waited more than {WRITER_PATIENCE:.0f} seconds for other writers (lock: {self._lock_path})",
                    ) from None
                time.sleep(pause)
                pause = min(pause * 1.5, 0.02)

    # --- news ------------------------------------------------------------------------------------------------------------------------

    def on_change(self, callback: Callable[[int], None]) -> None:
        """Calls `callback(position)` after each commit of this process that took a position. It must be quick and must not raise."""
        self._listeners.append(callback)

    def _announce(self, position: int) -> None:
        with self._changed:
            self._position = max(self._position, position)
            self._changed.notify_all()
        for callback in self._listeners:
            callback(position)

    def position(self) -> int:
        """The newest position, from the database."""
        with self._snapshots.fresh() as conn:
            return State.read(conn).position

    def wait(self, after: int, timeout: float) -> int:
        """Waits until there is a position above `after`, committed by any process.

        Args:
            after: the position already seen.
            timeout: seconds to wait at most.

        Returns:
            The newest position, which is `after` or below when the time ran out.
        """
        deadline = time.monotonic() + timeout
        while True:
            newest = self.position()
            left = deadline - time.monotonic()
            if newest > after or left <= 0:
                return newest
            with self._changed:
                self._changed.wait_for(lambda: self._position > after, timeout=min(left, POLL))

    # --- schema ----------------------------------------------------------------------------------------------------------------------

    def upgrade(self, *, also: Sequence[str] = ()) -> None:
        """Brings the schema to this program's version.

        Args:
            also: further packages with migrations of their own (`<package>:migrations`), for example `["sync"]`.

        Raises:
            SchemaError: the database's schema is newer than this program.
        """
        from catalog.migrate import upgrade

        with self._writer_lock(), self._writers.begin() as conn:
            upgrade(conn, ["catalog", *also])
            faults.before("commit")
        faults.after("commit")

    def require_current(self, *, also: Sequence[str] = ()) -> None:
        """Refuses a schema that is newer or older than this program.

        Raises:
            SchemaError: which it is, and what to run.
        """
        from catalog.migrate import require_current

        with self.read() as conn:
            require_current(conn, ["catalog", *also])

    def close(self) -> None:
        """Closes all connections."""
        self._readers.dispose()
        self._writers.dispose()


def open_store(url_or_path: str | Path, *, data_dir: Path) -> Store:
    """Opens a site's database; creates the file of an SQLite one, never its tables (`Store.upgrade`).

    Args:
        url_or_path: path of an SQLite file, or a SQLAlchemy URL (`sqlite:///…`, `postgresql://…`).
        data_dir: the site's folder.

    Raises:
        StoreError: the address names neither engine.
    """
    text = str(url_or_path)
    try:
        url = make_url(text if "://" in text else f"sqlite:///{Path(text).absolute()}")
    except ArgumentError as error:
        raise StoreError(zh=f"看不懂的数据库地址：{text}", en=f"not a database address: {text}") from error
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise StoreError(zh="SQLite 数据库必须是文件", en="an SQLite database must be a file: writers of several processes share it")
        path = Path(url.database).absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        readers = _sqlite_engine(path, read_only=True)
        writers = _sqlite_engine(path, read_only=False)
        with speaking():
            _set_journal(writers)
        return Store(text, data_dir, readers, writers, path.with_name(path.name + ".lock"))
    if url.get_backend_name() == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
        readers = create_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=False, isolation_level="REPEATABLE READ")
        event.listen(readers, "connect", _postgresql_read_only)
        event.listen(readers, "handle_error", _rows_are_gone)
        writers = create_engine(url, pool_size=4, max_overflow=8, isolation_level="READ COMMITTED")
        event.listen(writers, "connect", _postgresql_writer)
        return Store(text, data_dir, readers, writers, None)
    raise StoreError(
        zh=f"不支持的数据库：{url.get_backend_name()}；可用 sqlite 或 postgresql", en=f"unsupported database {url.get_backend_name()}; use sqlite or postgresql"
    )


def _sqlite_engine(path: Path, *, read_only: bool) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        pool_size=10,
        max_overflow=20,
        connect_args={"isolation_level": None, "check_same_thread": False, "timeout": 10, "cached_statements": 512},
    )

    def connect(raw: Any, _record: Any) -> None:
        for pragma in ("synchronous=FULL", "busy_timeout=10000", "foreign_keys=ON", "temp_store=MEMORY", "cache_size=-32768", f"query_only={int(read_only)}"):
            raw.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", connect)
    # The driver's own transaction control loses updates silently: it is off (isolation_level None) and each transaction begins here. A reader's BEGIN touches
    # nothing and cannot fail, so it goes to the driver as it is: requests begin with one.
    event.listen(engine, "begin", _begin_read if read_only else _begin_write)
    return engine


def _begin_read(conn: Connection) -> None:
    raw: Any = conn.connection.driver_connection
    raw.execute("BEGIN")


def _begin_write(conn: Connection) -> None:
    conn.exec_driver_sql("BEGIN IMMEDIATE")


def _set_journal(engine: Engine) -> None:
    """Sets WAL once; it stays in the file. Outside a transaction, hence on the driver's connection."""
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.close()
    finally:
        raw.close()


def _postgresql_read_only(raw: Any, _record: Any) -> None:
    with raw.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    raw.commit()


def _rows_are_gone(context: Any) -> None:
    """A table of rows was dropped after the snapshot was taken, which on PostgreSQL does not hold tables: as if the rows had been gone before."""
    error = context.original_exception
    if getattr(error, "sqlstate", None) == _NO_TABLE and _ROWS.search(str(error)):
        raise NotFoundError from error


def _postgresql_writer(raw: Any, _record: Any) -> None:
    with raw.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{int(WRITER_PATIENCE)}s'")
    raw.commit()
