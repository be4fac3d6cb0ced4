"""Jobs: lease, fence, checkpoint, dedupe, retry, dead letter, cancel; killed workers lose nothing. On both engines."""

import multiprocessing
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from catalog import jobs
from catalog.errors import JobError
from catalog.jobs import JobContext, Worker, claim, enqueue
from catalog.store import Store, open_store
from catalog.tables import job, meta


def _state(store: Store) -> list[tuple[str, int]]:
    with store.read() as conn:
        return [(row.state, row.attempts) for row in conn.execute(select(job).order_by(job.c.job))]


def test_a_job_exists_only_if_its_transaction_does(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write() as tx:
        enqueue(tx, "work")
        raise RuntimeError
    assert _state(store) == []


def test_done_work_is_done_once_and_keys_are_not_doubled(store: Store) -> None:
    seen: list[Any] = []
    with store.write() as tx:
        assert enqueue(tx, "work", {"n": 1}, key="a")
        assert enqueue(tx, "work", {"n": 2}, key="a") is None
        assert enqueue(tx, "work", {"n": 3}, key="b", priority=5)
    worker = Worker(store, {"work": lambda context: seen.append(context.payload["n"])})
    while worker.run_one():
        pass
    assert seen == [3, 1]
    assert _state(store) == [("done", 1), ("done", 1)]


def test_a_key_never_runs_twice_at_once(store: Store) -> None:
    with store.write() as tx:
        enqueue(tx, "work", key="a")
        first = claim(tx, ["work"], "one")
        assert first
        assert enqueue(tx, "work", key="a")  # asked for again while it runs: waits its turn
        assert claim(tx, ["work"], "two") is None


def test_whoever_lost_the_lease_changes_nothing(store: Store) -> None:
    with store.write() as tx:
        enqueue(tx, "work")
        first = claim(tx, ["work"], "one")
        tx.conn.execute(update(job).values(lease_until=tx.now - 1))
        second = claim(tx, ["work"], "two")
    assert first and second and second.fence == first.fence + 1
    with pytest.raises(JobError), JobContext(store, first).step({"at": 1}) as tx:
        tx.conn.execute(insert(meta).values(key="x", value="written by a ghost"))
    with store.read() as conn:
        assert conn.execute(select(meta)).all() == []
    with JobContext(store, second).step({"at": 2}):
        pass


def test_failing_jobs_wait_longer_each_time_and_end_as_dead(store: Store) -> None:
    def fail(context: JobContext) -> None:
        raise ValueError("no luck")

    worker = Worker(store, {"work": fail})
    with store.write() as tx:
        number = enqueue(tx, "work", key="k")
    for n in range(1, jobs.MAX_ATTEMPTS + 1):
        assert worker.run_one()
        with store.write() as tx:
            row = tx.conn.execute(select(job)).one()
            assert row.attempts == n and "no luck" in row.error
            if n < jobs.MAX_ATTEMPTS:
                assert row.state == "ready" and row.due >= tx.now + 2**n - 1
                tx.conn.execute(update(job).values(due=tx.now))
    assert _state(store) == [("dead", jobs.MAX_ATTEMPTS)]
    assert number
    with store.write() as tx:
        jobs.retry(tx, number)
    assert _state(store) == [("ready", 0)]


def test_cancelling_a_waiting_and_a_running_job(store: Store) -> None:
    with store.write() as tx:
        waiting = enqueue(tx, "work", key="w", delay=100)
        assert waiting
        jobs.cancel(tx, waiting)
        running = enqueue(tx, "slow")
        assert running

    def slow(context: JobContext) -> None:
        with context.step({"at": 1}, done=1, total=2):
            pass
        with store.write() as tx:
            jobs.cancel(tx, running)
        with context.step({"at": 2}):
            pass

    Worker(store, {"slow": slow}).run_one()
    assert [state for state, _ in _state(store)] == ["cancelled", "cancelled"]


def _count_up(url: str, folder: str) -> None:
    store = open_store(url, data_dir=Path(folder))

    def work(context: JobContext) -> None:
        start = context.claimed.checkpoint or 0
        for n in range(start, 20):
            with context.step(n + 1, done=n + 1, total=20) as tx:
                value = int(tx.conn.execute(select(meta.c.value).where(meta.c.key == context.payload["name"])).scalar_one())
                tx.conn.execute(update(meta).where(meta.c.key == context.payload["name"]).values(value=str(value + 1)))
            time.sleep(0.005)

    Worker(store, {"work": work}).run()


def test_workers_killed_in_the_middle_lose_and_double_nothing(store: Store, database_url: str, tmp_path: Path) -> None:
    with store.write() as tx:
        for n in range(6):
            tx.conn.execute(insert(meta).values(key=f"c{n}", value="0"))
            enqueue(tx, "work", {"name": f"c{n}"}, key=f"c{n}")
    context = multiprocessing.get_context("spawn")

    def start() -> Any:
        process = context.Process(target=_count_up, args=(database_url, str(tmp_path)))
        process.start()
        return process

    workers = [start(), start()]
    deadline = time.monotonic() + 60
    kills = 0
    while any(state != "done" for state, _ in _state(store)) and time.monotonic() < deadline:
        time.sleep(0.15)
        if kills < 4 and any(state == "running" for state, _ in _state(store)):
            victim = workers.pop(0)
            os.kill(victim.pid, signal.SIGKILL)
            victim.join()
            kills += 1
            with store.write() as tx:  # instead of waiting a minute for the lease
                tx.conn.execute(update(job).where(job.c.state == "running").values(lease_until=tx.now - 1))
            workers.append(start())
    for worker in workers:
        worker.kill()
        worker.join()
    assert kills >= 1
    assert {state for state, _ in _state(store)} == {"done"}
    with store.read() as conn:
        assert set(conn.execute(select(meta.c.value).where(meta.c.key.like("c_"))).scalars()) == {"20"}
