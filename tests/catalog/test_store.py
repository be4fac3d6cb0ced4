"""The store: snapshots, one writer at a time, dense positions, schema versions; on both engines."""

import multiprocessing
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError

from catalog.audit import verify_chain
from catalog.errors import DatabaseAwayError, SchemaError, StoreError
from catalog.migrate import scripts
from catalog.store import State, Store, open_store
from catalog.tables import audit, change, counter, meta, metadata


def test_a_reader_sees_one_snapshot(store: Store) -> None:
    with store.read() as conn:
        before = State.read(conn)
        with store.write() as tx:
            tx.change("policy")
        assert State.read(conn) == before
    with store.read() as conn:
        assert State.read(conn).position == before.position + 1


def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises((DBAPIError, DatabaseAwayError)), store.read() as conn:
        conn.execute(insert(meta).values(key="a", value="b"))


def test_an_interrupted_write_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write() as tx:
        tx.conn.execute(insert(meta).values(key="a", value="b"))
        tx.change("policy")
        tx.audit("test.event")
        raise RuntimeError("interrupted")
    with store.read() as conn:
        assert conn.execute(select(meta)).all() == []
        assert conn.execute(select(change)).all() == []
        assert conn.execute(select(audit)).all() == []
        assert State.read(conn).position == 0


def test_write_inside_write_is_refused_instead_of_waiting_for_ever(store: Store) -> None:
    with store.write(), pytest.raises(StoreError), store.write():
        pass


def _write_many(url: str, folder: str, count: int, start: Any) -> None:
    store = open_store(url, data_dir=Path(folder))
    start.wait()
    for _ in range(count):
        with store.write() as tx:
            value = int(tx.conn.execute(select(meta.c.value).where(meta.c.key == "sum")).scalar_one())
            tx.conn.execute(update(meta).where(meta.c.key == "sum").values(value=str(value + 1)))
            tx.change("policy")
            tx.change("rows", id="x")
            tx.audit("test.event", actor="writer")
    store.close()


def test_concurrent_writers_lose_no_position_and_no_update(store: Store, database_url: str, tmp_path: Path) -> None:
    with store.write() as tx:
        tx.conn.execute(insert(meta).values(key="sum", value="0"))
    context = multiprocessing.get_context("spawn")
    start = context.Event()
    writers = [context.Process(target=_write_many, args=(database_url, str(tmp_path), 40, start)) for _ in range(4)]
    for writer in writers:
        writer.start()
    start.set()
    seen: list[list[int]] = []
    while any(writer.is_alive() for writer in writers):
        with store.read() as conn:
            seen.append(list(conn.execute(select(change.c.position).order_by(change.c.position)).scalars()))
        threading.Event().wait(0.05)
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    for positions in seen:  # what a reader sees is always a prefix: no hole that fills later
        assert positions == list(range(1, len(positions) + 1))
    with store.read() as conn:
        assert list(conn.execute(select(change.c.position).order_by(change.c.position)).scalars()) == list(range(1, 321))
        assert conn.execute(select(meta.c.value)).scalar_one() == "160"
        assert verify_chain(conn).bad is None
        assert verify_chain(conn).lines == 160


def test_wait_sees_commits_of_this_and_of_other_processes(store: Store, database_url: str, tmp_path: Path) -> None:
    assert store.wait(0, timeout=0.05) == 0
    other = open_store(database_url, data_dir=tmp_path)

    def later() -> None:
        with other.write() as tx:
            tx.change("policy")

    timer = threading.Timer(0.1, later)
    timer.start()
    assert store.wait(0, timeout=5) == 1
    timer.join()
    other.close()


def test_upgrade_makes_the_tables_and_is_repeatable(store: Store) -> None:
    store.upgrade()
    store.require_current()
    with store.read() as conn:
        for table in metadata.sorted_tables:
            conn.execute(select(table).limit(1))
        assert conn.execute(select(counter.c.n).where(counter.c.name == "position")).scalar_one() == 0


def test_a_newer_schema_is_refused(store: Store) -> None:
    with store.write() as tx:
        tx.conn.execute(text("UPDATE alembic_version_catalog SET version_num = 'c9999'"))
    with pytest.raises(SchemaError, match="newer"):
        store.require_current()
    with pytest.raises(SchemaError, match="newer"):
        store.upgrade()


def test_an_older_schema_names_the_command(database_url: str, tmp_path: Path) -> None:
    empty = open_store(database_url, data_dir=tmp_path)
    with pytest.raises(SchemaError, match="terrace db upgrade"):
        empty.require_current()
    empty.close()


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="mysql"):
        open_store("mysql://x/y", data_dir=tmp_path)
    with pytest.raises(StoreError):
        open_store("sqlite://", data_dir=tmp_path)


def test_the_newest_revision_is_read_as_alembic_reads_it() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    for package in ("catalog", "sync"):
        config = Config()
        config.set_main_option("script_location", f"{package}:migrations")
        found = ScriptDirectory.from_config(config)
        assert scripts(package) == (frozenset(each.revision for each in found.walk_revisions()), found.get_current_head())
