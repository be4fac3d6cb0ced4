"""Reads that share a snapshot: one state for a whole request, and never an older one than the thread's own commits."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from catalog.store import State, Store


def _bump(store: Store) -> None:
    with store.write() as tx:
        tx.bump("grant")


def _elsewhere(store: Store) -> None:
    """Commits in another thread."""
    other = threading.Thread(target=_bump, args=(store,))
    other.start()
    other.join()


def _grant(store: Store) -> int:
    with store.read() as conn:
        return State.read(conn).grant


def test_reads_of_a_request_see_one_state_whatever_others_commit(store: Store) -> None:
    with store.sharing():
        before = _grant(store)
        _elsewhere(store)
        assert _grant(store) == before
    assert _grant(store) == before + 1


def test_without_sharing_each_read_sees_the_newest_state(store: Store) -> None:
    before = _grant(store)
    _elsewhere(store)
    assert _grant(store) == before + 1


def test_a_request_sees_its_own_commits(store: Store) -> None:
    with store.sharing():
        before = _grant(store)
        _bump(store)
        assert _grant(store) == before + 1


def test_who_reads_while_the_thread_commits_keeps_the_snapshot(store: Store) -> None:
    with store.sharing():
        with store.read() as conn:
            before = State.read(conn).grant
            _bump(store)
            assert _grant(store) == before + 1
            assert conn.execute(text("SELECT n FROM counter WHERE name = 'grant'")).scalar_one() == before
        assert _grant(store) == before + 1


def test_an_error_in_one_read_spoils_no_other(store: Store) -> None:
    with store.sharing():
        before = _grant(store)
        with pytest.raises(Exception, match="nothing_of_the_kind"), store.read() as conn:
            conn.execute(text("SELECT 1 FROM nothing_of_the_kind"))
        assert _grant(store) == before


def test_a_reader_may_outlive_the_request(store: Store) -> None:
    def rows() -> Iterator[int]:
        with store.read() as conn:
            yield State.read(conn).grant
            yield conn.execute(text("SELECT n FROM counter WHERE name = 'grant'")).scalar_one()

    with store.sharing():
        answer = rows()
        first = next(answer)
    assert next(answer) == first
    assert list(answer) == []


def test_sharing_inside_sharing_is_the_same(store: Store) -> None:
    with store.sharing():
        before = _grant(store)
        with store.sharing():
            _elsewhere(store)
            assert _grant(store) == before
        assert _grant(store) == before


def test_waiting_for_a_change_is_not_blind_inside_a_request(store: Store) -> None:
    with store.sharing():
        before = store.position()
        with store.write() as tx:
            tx.conn.execute(text("UPDATE counter SET n = n + 1 WHERE name = 'position'"))
        assert store.wait(before, timeout=30) == before + 1


def test_numbers_of_a_writer_are_never_remembered(store: Store) -> None:
    with store.write() as tx:
        before = State.read(tx.conn).grant
        tx.conn.execute(text("UPDATE counter SET n = n + 1 WHERE name = 'grant'"))
        assert State.read(tx.conn).grant == before + 1
