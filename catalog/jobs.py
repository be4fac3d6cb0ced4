"""Background jobs in the database: a lease table.

Rules:

1. A job is enqueued in the caller's transaction: it exists if and only if what asked for it does.
2. One waiting job for each (kind, key), so that enqueuing again is a no-op; never two running ones (partial unique indexes hold both).
3. A worker takes a job by lease and prolongs it by heartbeat. A lease that ran out is taken again; each taking counts `fence` up, and whoever comes back
   with an old fence changes nothing (`JobError`).
4. Progress is a checkpoint, written in the same transaction as the work that it tells of: a killed job goes on from there and does nothing twice.
5. A job that fails is tried again after 2^n seconds (at most an hour), `MAX_ATTEMPTS` times, and then rests as `dead` until a person sees to it.
6. What a job does outside the database must bear being done twice.
7. A clock that is set back holds nothing up: what could only have been written by a clock ahead of this one counts as due, and as a lease that ran out (if its
   worker lives, rule 3 keeps the two apart).
"""

import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, and_, insert, or_, select, update

from catalog.errors import JobError
from catalog.store import Store, WriteTransaction
from catalog.tables import job

__all__ = ["MAX_ATTEMPTS", "Claimed", "JobContext", "Worker", "cancel", "claim", "enqueue", "list_jobs", "retry"]

LEASE = 60
#: Seconds that clocks of workers may differ.
SLACK = 60
MAX_ATTEMPTS = 8
#: Seconds between two looks at the table when nothing wakes the worker.
POLL = 1.0

READY, RUNNING, DONE, DEAD, CANCELLED = "ready", "running", "done", "dead", "cancelled"


@dataclass(frozen=True)
class Claimed:
    """A job under lease. `fence` proves the lease; see rule 3."""

    job: int
    kind: str
    key: str | None
    payload: dict[str, Any]
    checkpoint: Any
    attempts: int
    fence: int


def enqueue(
    tx: WriteTransaction, kind: str, payload: Mapping[str, Any] | None = None, *, key: str | None = None, priority: int = 0, delay: int = 0
) -> int | None:
    """Puts a job on the list, in the caller's transaction.

    Args:
        kind: name that a handler is registered for.
        payload: JSON, given to the handler.
        key: at most one waiting job for each kind and key; None: no such limit.
        priority: higher ones first.
        delay: seconds before it may start.

    Returns:
        Its number, or None when one with this key is waiting already.
    """
    if key is not None:
        waiting = tx.conn.execute(select(job.c.job, job.c.due).where(job.c.kind == kind, job.c.key == key, job.c.state == READY)).first()
        if waiting is not None:
            if waiting.due > tx.now + delay:
                tx.conn.execute(update(job).where(job.c.job == waiting.job).values(due=tx.now + delay))
            return None
    values = {"kind": kind, "key": key, "payload": orjson.dumps(dict(payload or {})).decode(), "state": READY, "priority": priority}
    return int(tx.conn.execute(insert(job).values(**values, due=tx.now + delay, created=tx.now).returning(job.c.job)).scalar_one())


def claim(tx: WriteTransaction, kinds: list[str], owner: str) -> Claimed | None:
    """Takes the most urgent job that is due, or one whose lease ran out.

    Args:
        kinds: kinds that the worker can do.
        owner: names the worker, for people.
    """
    same = job.alias()
    busy = select(same.c.job).where(same.c.kind == job.c.kind, same.c.key == job.c.key, same.c.state == RUNNING, same.c.job != job.c.job).exists()
    expired = and_(job.c.state == RUNNING, _over(tx.now))
    ready = and_(job.c.state == READY, _due(tx.now), ~busy)
    statement = select(job).where(job.c.kind.in_(kinds), or_(ready, expired)).order_by(job.c.priority.desc(), job.c.due, job.c.job).limit(1)
    row = tx.conn.execute(statement).first()
    if row is None:
        return None
    if row.cancel:
        _end(tx, row.job, CANCELLED)
        return None
    if row.state == RUNNING and row.attempts >= MAX_ATTEMPTS:  # its workers died each time
        _end(tx, row.job, DEAD, "its worker died too often")
        return None
    values = {"state": RUNNING, "owner": owner, "fence": row.fence + 1, "attempts": row.attempts + 1, "lease_until": tx.now + LEASE}
    tx.conn.execute(update(job).where(job.c.job == row.job).values(**values))
    checkpoint = None if row.checkpoint is None else orjson.loads(row.checkpoint)
    return Claimed(row.job, row.kind, row.key, orjson.loads(row.payload), checkpoint, row.attempts + 1, row.fence + 1)


def _due(now: int) -> ColumnElement[bool]:
    """Rule 7: due, or put on the list by a clock that has been set back since."""
    return or_(job.c.due <= now, job.c.created > now + SLACK)


def _over(now: int) -> ColumnElement[bool]:
    """Rule 7: the lease ran out, or a clock that has been set back since gave it."""
    return or_(job.c.lease_until <= now, job.c.lease_until > now + LEASE + SLACK)


def cancel(tx: WriteTransaction, number: int) -> None:
    """Asks a job to stop: a waiting one at once, a running one at its next checkpoint."""
    state = tx.conn.execute(select(job.c.state).where(job.c.job == number)).scalar()
    if state in (READY, DEAD):
        _end(tx, number, CANCELLED)
    elif state == RUNNING:
        tx.conn.execute(update(job).where(job.c.job == number).values(cancel=1))
    else:
        raise JobError(zh=f"没有可取消的任务 {number}", en=f"no job {number} that could be cancelled")


def retry(tx: WriteTransaction, number: int) -> None:
    """Lets a dead job try again, from its checkpoint."""
    statement = update(job).where(job.c.job == number, job.c.state == DEAD).values(state=READY, attempts=0, due=tx.now, error=None, ended=None)
    if tx.conn.execute(statement).rowcount == 0:
        raise JobError(zh=f"任务 {number} 不在停滞状态", en=f"job {number} is not dead")


def list_jobs(conn: Connection, *, states: tuple[str, ...] = (READY, RUNNING, DEAD), limit: int = 100) -> list[Row[Any]]:
    """Jobs, newest first."""
    return list(conn.execute(select(job).where(job.c.state.in_(states)).order_by(job.c.job.desc()).limit(limit)))


def _end(tx: WriteTransaction, number: int, state: str, error: str | None = None) -> None:
    tx.conn.execute(update(job).where(job.c.job == number).values(state=state, ended=tx.now, lease_until=None, error=error))


@dataclass
class JobContext:
    """What a handler gets.

    Attributes:
        store: the site's database.
        claimed: the job.
    """

    store: Store
    claimed: Claimed
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def payload(self) -> dict[str, Any]:
        """What was given to `enqueue`."""
        return self.claimed.payload

    @contextmanager
    def step(self, checkpoint: Any = None, *, done: int | None = None, total: int | None = None) -> Iterator[WriteTransaction]:
        """A write transaction that also prolongs the lease and stores where the job is.

        Args:
            checkpoint: JSON; what `claimed.checkpoint` gives after a crash. Read when the block ends, so that it may be filled in the block.
            done, total: progress, for people.

        Raises:
            JobError: the lease is lost, or the job was cancelled; the transaction is rolled back.
        """
        with self.store.write() as tx:
            self._hold(tx)
            yield tx
            values: dict[str, Any] = {"checkpoint": orjson.dumps(checkpoint).decode(), "lease_until": tx.now + LEASE}
            if done is not None:
                values |= {"done": done, "total": total}
            tx.conn.execute(update(job).where(job.c.job == self.claimed.job).values(**values))

    def _hold(self, tx: WriteTransaction) -> None:
        row = tx.conn.execute(select(job.c.fence, job.c.state, job.c.cancel).where(job.c.job == self.claimed.job)).first()
        if row is None or row.state != RUNNING or row.fence != self.claimed.fence:
            raise JobError(zh=f"任务 {self.claimed.job} 已由他人接手", en=f"job {self.claimed.job} was taken over by another worker")
        if row.cancel:
            raise JobError(zh=f"任务 {self.claimed.job} 已取消", en=f"job {self.claimed.job} was cancelled")


type Handler = Callable[[JobContext], object]


class Worker:
    """Runs jobs, one at a time; several workers may run in several processes.

    Args:
        store: the site's database.
        handlers: kind → handler.
    """

    def __init__(self, store: Store, handlers: Mapping[str, Handler]) -> None:
        self._store = store
        self._handlers = dict(handlers)
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._wake = threading.Event()
        self.stopping = threading.Event()
        store.on_change(lambda _position: self._wake.set())

    def run(self) -> None:
        """Works until `stop`."""
        while not self.stopping.is_set():
            if not self.run_one():
                self._wake.wait(POLL)
                self._wake.clear()

    def stop(self) -> None:
        """Ends `run` after the job in hand."""
        self.stopping.set()
        self._wake.set()

    def run_one(self) -> bool:
        """Takes one job and does it; False when none was due."""
        if not self._any_due():
            return False
        with self._store.write() as tx:
            claimed = claim(tx, list(self._handlers), self._owner)
        if claimed is None:
            return False
        context = JobContext(self._store, claimed, self.stopping)
        done = threading.Event()
        heart = threading.Thread(target=self._beat, args=(context, done), daemon=True)
        heart.start()
        try:
            self._handlers[claimed.kind](context)
        except Exception as error:  # any failure of a handler is the job's, not the worker's
            done.set()
            self._failed(context, error)
        else:
            done.set()
            self._finish(context, DONE)
        heart.join(timeout=5)
        return True

    def _any_due(self) -> bool:
        """Looks without the writer's lock, so that an idle worker disturbs nobody."""
        with self._store.read() as conn:
            now = int(time.time())
            due = or_(and_(job.c.state == READY, _due(now)), and_(job.c.state == RUNNING, _over(now)))
            return conn.execute(select(job.c.job).where(job.c.kind.in_(list(self._handlers)), due).limit(1)).first() is not None

    def _beat(self, context: JobContext, done: threading.Event) -> None:
        while not done.wait(LEASE / 3):
            with self._store.write() as tx:
                held = and_(job.c.job == context.claimed.job, job.c.fence == context.claimed.fence, job.c.state == RUNNING)
                tx.conn.execute(update(job).where(held).values(lease_until=tx.now + LEASE))

    def _finish(self, context: JobContext, state: str, error: str | None = None) -> None:
        with self._store.write() as tx:
            held = and_(job.c.job == context.claimed.job, job.c.fence == context.claimed.fence, job.c.state == RUNNING)
            tx.conn.execute(update(job).where(held).values(state=state, ended=tx.now, lease_until=None, error=error))

    def _failed(self, context: JobContext, error: Exception) -> None:
        claimed = context.claimed
        text = f"{type(error).__name__}: {error}"[:2000]
        with self._store.write() as tx:
            row = tx.conn.execute(select(job.c.fence, job.c.state, job.c.cancel).where(job.c.job == claimed.job)).first()
            if row is None or row.fence != claimed.fence or row.state != RUNNING:
                return
            if row.cancel:
                _end(tx, claimed.job, CANCELLED, text)
                return
            waiting = select(job.c.job).where(job.c.kind == claimed.kind, job.c.key == claimed.key, job.c.state == READY)
            if claimed.attempts >= MAX_ATTEMPTS or (claimed.key is not None and tx.conn.execute(waiting).first() is not None):
                _end(tx, claimed.job, DEAD, text)  # a newer one with its key does the work, or nobody can
            else:
                pause = min(3600, 2**claimed.attempts) + random.randint(0, 2)  # noqa: S311 (spreads retries; no secret)
                tx.conn.execute(update(job).where(job.c.job == claimed.job).values(state=READY, due=tx.now + pause, lease_until=None, error=text))
            tx.audit("job.failed", outcome="refused", detail={"job": claimed.job, "kind": claimed.kind, "error": text})
