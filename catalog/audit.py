"""The audit log: hash-chained lines, written with the change they tell of; reads are collected and committed together.

Rules:

* A change and its audit line are one transaction (`WriteTransaction.audit`).
* A decision on a read is one line for each request (`ReadAudit.add`), committed by a background thread within `INTERVAL` seconds, and at an orderly stop.
* The use of a grant is committed before the answer leaves (`ReadAudit.add(…, now=True)`).
* Nobody edits a line; `verify_chain` finds the first one that does not hold.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from catalog.audit_chain import START, first_break
from catalog.store import Store
from catalog.tables import audit
from policies.actor import Actor

#: Seconds within which read lines are committed.
INTERVAL = 0.8
#: Lines kept in memory before a request waits for the flusher.
MAX_WAITING = 20_000
#: Characters of each text in the detail of a read.
MOST_TEXT = 200
_PAGE = 5_000

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChainReport:
    """Result of `verify_chain`.

    Attributes:
        lines: lines that hold.
        bad: number of the first line that does not, or None.
        newest: chain value of the last line that holds, hexadecimal; keep it elsewhere to notice a cut end.
    """

    lines: int
    bad: int | None
    newest: str


def actor_name(actor: Actor) -> str:
    """How an actor is named in audit lines: `public`, `person:li@n-…`, `agency:env@n-…`, `peer:n-…`."""
    if actor.kind == "public":
        return "public"
    if actor.kind == "peer":
        return f"peer:{actor.node}"
    return f"{actor.kind}:{actor.person or actor.unit or '-'}@{actor.node or '-'}"


def verify_chain(conn: Connection) -> ChainReport:
    """Checks every line against the chain, in pages."""
    previous, seq = START, 0
    while True:
        page = conn.execute(select(audit).where(audit.c.seq > seq).order_by(audit.c.seq).limit(_PAGE)).mappings().all()
        bad, count, previous = first_break([dict(row) for row in page], seq + 1, previous)
        seq += count
        if bad is not None or len(page) < _PAGE:
            return ChainReport(seq, bad, previous.hex())


class ReadAudit:
    """Collects one line for each read and commits them in groups.

    Args:
        store: where they go.
        start: whether to run the background thread (a command that ends soon only calls `close`).
    """

    def __init__(self, store: Store, *, start: bool = True) -> None:
        self._store = store
        self._lines: list[dict[str, Any]] = []
        self._also: list[Callable[[], None]] = []
        self._lock = threading.Lock()
        self._flushing = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        if start:
            self._thread = threading.Thread(target=self._run, name="read-audit", daemon=True)
            self._thread.start()

    def add(
        self, event: str, actor: Actor, *, record: str | None = None, outcome: str = "permitted", detail: Mapping[str, Any] | None = None, now: bool = False
    ) -> None:
        """Notes a read.

        Args:
            event: for example `read.record`.
            actor: who asked.
            record: id of the record, for a read of one.
            outcome: `permitted`, `denied` or `alarm`.
            detail: JSON; of texts the first `MOST_TEXT` characters are kept, since anybody may ask anything at any length.
            now: commit before returning (use of a grant, an alarm).
        """
        told = {name: value[:MOST_TEXT] if isinstance(value, str) else value for name, value in (detail or {}).items()}
        line = {"time": int(time.time()), "event": event, "actor": actor_name(actor), "record": record, "outcome": outcome, "detail": told}
        with self._lock:
            self._lines.append(line)
            full = len(self._lines) >= MAX_WAITING
        if now or full:
            self.flush()

    def also(self, callback: Callable[[], None]) -> None:
        """Has the background thread call something before each commit: what readers left to be written."""
        self._also.append(callback)

    def flush(self) -> None:
        """Commits what is collected; when the commit fails the lines stay collected."""
        with self._flushing:
            for callback in self._also:
                callback()
            with self._lock:
                lines, self._lines = self._lines, []
            if not lines:
                return
            try:
                with self._store.write() as tx:
                    for line in lines:
                        tx.audit_line(line)
            except BaseException:
                with self._lock:
                    self._lines = lines + self._lines
                raise

    def close(self) -> None:
        """Stops the thread and commits the rest."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10)
        self.flush()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL):
            try:
                self.flush()
            except Exception:  # the next round tries again: lines stay collected
                log.exception("read audit could not be committed")
