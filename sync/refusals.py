"""What was refused is told to the audit log, within bounds: a stranger's bad requests must neither go unseen nor fill the disc (PROTOCOL 7.3, 10).

Rules:

1. Each refusal is one line `sync.refuse`, as long as there are not too many of them in a minute; those beyond are counted, and the next line says how many.
2. The line names the caller only where a token or our own call proved who it is.
3. Nothing that a stranger can repeat costs more than its own check: what needs the database's writer, or many signatures, is counted before.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from catalog.canonical import JSON
from policies.errors import TerraceError
from sync.context import Context
from sync.errors import SyncError

__all__ = ["LINES", "Bound", "Refusals"]

#: Lines in one minute.
LINES = 120
_MINUTE = 60.0

log = logging.getLogger(__name__)


class Bound:
    """At most so many events in so many seconds. Safe for threads."""

    def __init__(self, limit: int, seconds: float = _MINUTE, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._seconds, self._clock = limit, seconds, clock
        self._times: deque[float] = deque()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Counts one event; False when there were too many."""
        now = self._clock()
        with self._lock:
            while self._times and self._times[0] <= now - self._seconds:
                self._times.popleft()
            if len(self._times) >= self._limit:
                return False
            self._times.append(now)
            return True


class Refusals:
    """Writes the lines. One for each site and process."""

    def __init__(self, context: Context, *, limit: int = LINES) -> None:
        self._x = context
        self._bound = Bound(limit)
        self._left_out = 0

    def note(self, error: TerraceError, *, at: str, caller: str | None) -> None:
        """Notes one refusal.

        Args:
            error: why.
            at: what was asked, for example `POST changes`.
            caller: node id where it is proved, else None.
        """
        # PROTOCOL 7.3
        if not self._bound.take():
            self._left_out += 1
            return
        left_out, self._left_out = self._left_out, 0
        detail: dict[str, JSON] = {"at": at, "clause": error.clause if isinstance(error, SyncError) else "", "en": error.en[:300], "kind": error.kind}
        actor = "peer:?" if caller is None else f"peer:{caller}"
        try:
            with self._x.store.write() as tx:
                tx.audit("sync.refuse", actor=actor, outcome="refused", detail={**detail, **({"left_out": left_out} if left_out else {})})
        except TerraceError as failure:  # the refusal stands, whether it can be written down or not
            self._left_out += left_out + 1
            log.warning("a refusal could not be written down: %s", failure)
