"""What a site's background does for the catalog: looks every second for what is due and puts it on the list of jobs.

| job | when | does |
|---|---|---|
| `stamp` | a plan or a policy is new (`catalog.stamps`) | stamps every record |
| `restamp` | the clock has moved a record's stamp | stamps those again |
| `search` | many new records since the last segment | flushes, merges and sweeps the index |
"""

import logging
import threading
from collections.abc import Callable, Mapping

from sqlalchemy import func, select

from catalog.jobs import JobContext, enqueue
from catalog.search import maintain
from catalog.search.flush import FLUSH_AT
from catalog.stamps import Stamps
from catalog.store import State, Store
from catalog.tables import gone, segment

__all__ = ["Upkeep"]

INTERVAL = 1.0

log = logging.getLogger(__name__)


class Upkeep:
    """See the module.

    Args:
        store: the site's database.
        stamps: view signatures.
        flush_at: new records that make a segment of the index worth it.
    """

    def __init__(self, store: Store, stamps: Stamps, *, flush_at: int = FLUSH_AT) -> None:
        self._store = store
        self._stamps = stamps
        self._flush_at = flush_at
        self._flushed_at = -flush_at

    def handlers(self) -> Mapping[str, Callable[[JobContext], object]]:
        """The catalog's kinds of jobs, for `catalog.jobs.Worker`."""
        return {**self._stamps.handlers(), "search": self._search}

    def run(self, stopping: threading.Event) -> None:
        """Looks for what is due until `stopping` is set."""
        while not stopping.wait(INTERVAL):
            self.look()

    def look(self) -> None:
        """Puts on the list what is due now."""
        self._stamps.tick()
        with self._store.read() as conn:
            position = State.read(conn).position
            watermark = conn.execute(select(func.max(segment.c.hi))).scalar() or 0
            dead = conn.execute(select(func.count()).select_from(gone)).scalar_one()
        # Asked for again only after as much again: a tail of positions without records would never be flushed.
        if (position - watermark >= self._flush_at or dead >= 2 * self._flush_at) and position - self._flushed_at >= self._flush_at // 2:
            self._flushed_at = position
            with self._store.write() as tx:
                enqueue(tx, "search", key="search")

    def _search(self, context: JobContext) -> None:
        def progress(done: int, total: int) -> None:
            with context.step(done=done, total=total):
                pass

        maintain(self._store, at_least=self._flush_at, progress=progress)
