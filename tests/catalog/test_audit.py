"""The audit log: chained, found out when altered, nothing lost of reads at an orderly stop; on both engines."""

import time

import pytest
from sqlalchemy import delete, func, select, update

from catalog.audit import ReadAudit, actor_name, verify_chain
from catalog.audit_chain import START, chain_lines, first_break
from catalog.store import Store
from catalog.tables import audit
from policies.actor import PUBLIC, Actor
from tests.catalog.conftest import OFFICER, PEER


def _lines(store: Store, count: int) -> None:
    for n in range(count):
        with store.write() as tx:
            tx.audit("test.event", actor="someone", record=f"urn:{n}", detail={"n": n, "文字": "土地"})


def test_an_unaltered_chain_holds(store: Store) -> None:
    _lines(store, 12)
    with store.read() as conn:
        report = verify_chain(conn)
    assert (report.lines, report.bad) == (12, None) and len(report.newest) == 64


@pytest.mark.parametrize("column", ["time", "event", "actor", "record", "outcome", "detail"])
def test_an_altered_line_is_found(store: Store, column: str) -> None:
    _lines(store, 6)
    with store.write() as tx:
        tx.conn.execute(update(audit).where(audit.c.seq == 4).values({column: 7 if column == "time" else "x"}))
    with store.read() as conn:
        assert verify_chain(conn).bad == 4


def test_a_removed_line_and_a_cut_end_are_found(store: Store) -> None:
    _lines(store, 6)
    with store.read() as conn:
        newest = verify_chain(conn).newest
    with store.write() as tx:
        tx.conn.execute(delete(audit).where(audit.c.seq == 6))
    with store.read() as conn:
        report = verify_chain(conn)
        assert report.bad is None and report.newest != newest  # the value that was kept elsewhere shows it
    with store.write() as tx:
        tx.conn.execute(delete(audit).where(audit.c.seq == 3))
    with store.read() as conn:
        assert verify_chain(conn).bad == 3


def test_a_line_put_in_between_is_found() -> None:
    line = {"time": 1, "event": "e", "actor": None, "record": None, "outcome": "done", "detail": {}}
    rows = chain_lines([line, line, line], 1, START)
    assert first_break(rows, 1, START)[0] is None
    forged = chain_lines([{**line, "event": "forged"}], 2, rows[0]["chain"])[0]
    assert first_break([rows[0], forged, *rows[2:]], 1, START)[0] == 3


def test_reads_are_committed_together_within_a_second(store: Store) -> None:
    reads = ReadAudit(store)
    for n in range(50):
        reads.add("read.record", PUBLIC, record=f"urn:{n}")
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        with store.read() as conn:
            if conn.execute(select(func.count()).select_from(audit)).scalar() == 50:
                break
        time.sleep(0.05)
    with store.read() as conn:
        assert verify_chain(conn).lines == 50
    reads.close()


def test_an_orderly_stop_loses_nothing_and_a_grant_is_committed_at_once(store: Store) -> None:
    reads = ReadAudit(store, start=False)
    reads.add("read.rows", OFFICER, record="urn:1", now=True)
    with store.read() as conn:
        assert conn.execute(select(func.count()).select_from(audit)).scalar() == 1
    reads.add("read.record", PUBLIC)
    reads.close()
    with store.read() as conn:
        assert list(conn.execute(select(audit.c.event).order_by(audit.c.seq)).scalars()) == ["read.rows", "read.record"]


def test_lines_stay_collected_when_the_commit_fails(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = ReadAudit(store, start=False)
    reads.add("read.record", PUBLIC)
    with store.write(), pytest.raises(Exception, match="write transaction"):
        reads.flush()
    reads.flush()
    with store.read() as conn:
        assert conn.execute(select(func.count()).select_from(audit)).scalar() == 1


def test_how_actors_are_named() -> None:
    assert actor_name(PUBLIC) == "public"
    assert actor_name(OFFICER) == f"person:zhang@{OFFICER.node}"
    assert actor_name(Actor(kind="peer", node=PEER)) == f"peer:{PEER}"
    assert actor_name(Actor(kind="agency", node="env", person="sync")) == "agency:sync@env"
