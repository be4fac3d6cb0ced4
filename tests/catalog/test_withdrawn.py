"""Withdrawn records: what is said of them, how they come back, and how their rows and files go in the end; on both engines."""

import io
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from catalog import rows
from catalog.errors import NotFoundError, WithdrawnError
from catalog.jobs import JobContext, Worker, claim, enqueue
from catalog.objects import LocalObjects
from catalog.rows import Column, RowChanges
from catalog.store import Store
from catalog.tables import audit, object_, row_batch, row_change, row_table
from catalog.withdrawn import DAY, Clearing
from catalog.writer import Draft, Writer
from tests.catalog.conftest import OFFICER, SITE, complete_fields, publish

COLUMNS = (Column("no", "text", nullable=False), Column("name", "text"))
KEEP = 30 * DAY


class Bench:
    """A site with files, whose clock is set."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.writer, self.objects = store, Writer(SITE), LocalObjects(folder / "objects")
        self.days = 0.0
        self.busy: set[str] = set()
        self.clearing = Clearing(
            store,
            lambda: self.objects,
            keep=KEEP,
            in_streams=lambda _conn, ids: self.busy.intersection(ids),
            clock=lambda: int(time.time() + self.days * DAY),
        )

    def published(self, content: bytes = b"", **fields: Any) -> str:
        """A record with two rows, and a file when there is content."""
        if content:
            fields["resources.file"] = {"title": {"zh": "文件"}, "kind": "file", "format": "TXT", "sha256": self.file(content)}
        with self.store.write() as tx:
            id = self.writer.add_draft(tx, Draft(complete_fields(**fields), secrecy="public"), OFFICER)
            changes = RowChanges(columns=COLUMNS, key=("no",), puts=[{"no": "1", "name": "甲"}, {"no": "2", "name": "乙"}])
            self.writer.put_rows(tx, id, "", changes, OFFICER)
            self.writer.publish(tx, id, OFFICER)
        return id

    def file(self, content: bytes) -> str:
        """Takes a file in."""
        name = self.objects.put(io.BytesIO(content)).sha256
        with self.store.write() as tx:
            self.objects.note(tx, name)
        return name

    def withdraw(self, id: str) -> None:
        """Takes a record back."""
        with self.store.write() as tx:
            self.writer.withdraw(tx, id, "superseded", OFFICER)

    def run(self, days: float) -> None:
        """Runs the job when so many days have passed since the beginning, and a day later again."""
        for self.days in (days, days + 1):
            with self.store.write() as tx:
                enqueue(tx, "clear", key="clear")
            assert Worker(self.store, self.clearing.handlers()).run_one()

    def has_rows(self, id: str) -> bool:
        """Whether anything of a record's rows is left but the heads of its batches."""
        with self.store.read() as conn:
            assert conn.execute(select(row_batch.c.head).where(row_batch.c.id == id)).first()  # the log's leaves are made of them
            changes = conn.execute(select(row_change.c.key).where(row_change.c.id == id)).first()
            return bool(rows.tables_of(conn, id)) or changes is not None


@pytest.fixture
def bench(store: Store, tmp_path: Path) -> Bench:
    return Bench(store, tmp_path)


def test_rows_and_files_of_a_withdrawn_record_go_after_their_time_and_others_stay(bench: Bench) -> None:
    kept, gone = bench.published(b"kept"), bench.published(b"gone")
    names = {content: bench.objects.put(io.BytesIO(content)).sha256 for content in (b"kept", b"gone")}
    bench.withdraw(gone)
    bench.run(28)
    assert bench.has_rows(gone) and bench.objects.has(names[b"gone"])
    bench.run(31)
    assert not bench.has_rows(gone) and not bench.objects.has(names[b"gone"])
    assert bench.has_rows(kept) and bench.objects.has(names[b"kept"])
    with bench.store.read() as conn:
        said = set(conn.execute(select(audit.c.event, audit.c.record).where(audit.c.event.in_(("record.clear", "object.clear")))).all())
        assert said == {("record.clear", gone), ("object.clear", None)}
        assert conn.execute(select(object_.c.state).where(object_.c.sha256 == names[b"gone"])).scalar() == "cleared"
        assert len(conn.execute(select(row_table)).all()) == 1


def test_drafts_older_versions_shown_records_and_streams_keep_what_they_need(bench: Bench) -> None:
    streamed, drafted = bench.published(), bench.published()
    shared, shared_by = bench.published(b"shared"), bench.published(b"shared")
    older = bench.published(b"older")
    in_draft = bench.file(b"in a draft")
    with bench.store.write() as tx:
        bench.writer.edit(tx, older, {"resources.file": None}, OFFICER)  # version 1 names the file, the shown version 2 does not
        bench.writer.publish(tx, older, OFFICER)
        bench.writer.add_draft(tx, Draft({"resources.file": {"sha256": in_draft}}), OFFICER)
    for id in (streamed, drafted, shared):
        bench.withdraw(id)
    with bench.store.write() as tx:
        bench.writer.edit(tx, drafted, {"quality": {"zh": "复核"}}, OFFICER)
    bench.busy = {streamed}
    bench.run(40)
    assert bench.has_rows(streamed) and bench.has_rows(drafted) and bench.has_rows(shared_by) and not bench.has_rows(shared)
    for content in (b"shared", b"older", b"in a draft"):
        assert bench.objects.has(bench.objects.put(io.BytesIO(content)).sha256)
    with bench.store.read() as conn:
        assert set(conn.execute(select(object_.c.state)).scalars()) == {"held"}
    bench.busy = set()
    bench.run(50)
    assert not bench.has_rows(streamed) and bench.has_rows(drafted)


def test_file_that_is_named_or_taken_in_again_between_the_two_steps_stays(bench: Bench) -> None:
    named, again, neither = (bench.file(content) for content in (b"named", b"again", b"neither"))
    bench.days = 40
    _once(bench)
    with bench.store.write() as tx:
        id = bench.writer.add_draft(tx, Draft({"resources.file": {"sha256": named}}), OFFICER)
        assert id
    bench.file(b"again")
    _once(bench)
    assert bench.objects.has(named) and bench.objects.has(again) and not bench.objects.has(neither)
    with bench.store.read() as conn:
        states = dict(conn.execute(select(object_.c.sha256, object_.c.state)).all())
    assert states == {named: "held", again: "leaving", neither: "cleared"}  # its time begins anew
    with pytest.raises(NotFoundError), bench.store.write() as tx:
        bench.objects.note(tx, neither)  # whoever finds the file gone is told, and no record is left without it
    bench.file(b"neither")
    with bench.store.read() as conn:
        assert conn.execute(select(object_.c.state).where(object_.c.sha256 == neither)).scalar() == "held"


def _once(bench: Bench) -> None:
    with bench.store.write() as tx:
        enqueue(tx, "clear", key="clear")
    assert Worker(bench.store, bench.clearing.handlers()).run_one()


def test_job_runs_once_a_day(bench: Bench) -> None:
    worker = Worker(bench.store, bench.clearing.handlers())
    bench.clearing.look()
    bench.clearing.look()
    assert worker.run_one() and not worker.run_one()
    bench.days = 0.9
    bench.clearing.look()
    assert not worker.run_one()
    bench.days = 1.1
    bench.clearing.look()
    assert worker.run_one()


def test_publishing_or_filling_a_withdrawn_record_says_when_and_why_it_went_and_what_to_do(bench: Bench) -> None:
    id = bench.published()
    bench.withdraw(id)
    for act in (
        lambda tx: bench.writer.publish(tx, id, OFFICER),
        lambda tx: bench.writer.put_rows(tx, id, "", RowChanges(puts=[{"no": "3"}]), OFFICER),
    ):
        with pytest.raises(WithdrawnError) as refused, bench.store.write() as tx:
            act(tx)
        assert "superseded" in refused.value.en and f"terrace edit {id}" in refused.value.en and "6.4" in refused.value.en
        assert "撤回" in refused.value.zh and f"terrace publish {id}" in refused.value.zh
    with pytest.raises(NotFoundError), bench.store.write() as tx:
        bench.writer.publish(tx, id.replace("urn:terrace:", "urn:terrace:0"), OFFICER)


def test_withdrawn_record_comes_back_with_its_rows_while_they_are_there(bench: Bench) -> None:
    id = bench.published()
    bench.withdraw(id)
    with bench.store.write() as tx:
        bench.writer.edit(tx, id, {}, OFFICER)
        assert bench.writer.publish(tx, id, OFFICER).version == 3
    bench.run(40)
    assert bench.has_rows(id)


def test_record_whose_rows_are_gone_does_not_come_back_and_one_without_any_does(bench: Bench) -> None:
    with_rows, plain = bench.published(), publish(bench.store, bench.writer).id
    for id in (with_rows, plain):
        bench.withdraw(id)
    bench.run(40)
    for act in (bench.writer.publish, lambda tx, id, actor: bench.writer.edit(tx, id, {}, actor)):
        with pytest.raises(WithdrawnError) as refused, bench.store.write() as tx:
            act(tx, with_rows, OFFICER)
        assert "terrace add" in refused.value.en and "terrace add" in refused.value.zh
    with bench.store.write() as tx:
        bench.writer.edit(tx, plain, {}, OFFICER)
        assert bench.writer.publish(tx, plain, OFFICER).version == 3


class _Killed(BaseException):
    """What ends a process."""


class _Dying(LocalObjects):
    """A store whose process is killed right before or after a file was deleted."""

    after = False

    def delete(self, sha256: str) -> None:
        if self.after:
            super().delete(sha256)
        raise _Killed


@pytest.mark.parametrize("after", [False, True])
def test_run_killed_around_the_deletion_leaves_no_record_to_be_shown_without_its_file(bench: Bench, after: bool) -> None:
    id = bench.published(b"gone")
    name = bench.objects.put(io.BytesIO(b"gone")).sha256
    bench.withdraw(id)
    bench.days = 31
    _once(bench)
    whole, bench.objects = bench.objects, _Dying(bench.objects.folder)
    bench.objects.after = after
    with bench.store.write() as tx:
        enqueue(tx, "clear", key="clear")
        claimed = claim(tx, ["clear"], "dying")
    assert claimed is not None
    with pytest.raises(_Killed):
        bench.clearing.run(JobContext(bench.store, claimed))
    bench.objects = whole
    with bench.store.read() as conn:
        assert conn.execute(select(object_.c.state).where(object_.c.sha256 == name)).scalar() == "clearing"
    with pytest.raises(WithdrawnError), bench.store.write() as tx:
        bench.writer.edit(tx, id, {"quality": {"zh": "复核"}}, OFFICER)
    again = Clearing(bench.store, lambda: bench.objects, keep=KEEP, clock=lambda: int(time.time() + 32 * DAY))
    with bench.store.write() as tx:
        enqueue(tx, "clear", key="again")
    while Worker(bench.store, again.handlers()).run_one():
        pass
    assert not bench.objects.has(name)
    later = Clearing(bench.store, lambda: pytest.fail("the store was asked for a file that is gone"), keep=KEEP, clock=lambda: int(time.time() + 64 * DAY))
    with bench.store.write() as tx:
        enqueue(tx, "clear", key="later")
    assert Worker(bench.store, later.handlers()).run_one()
