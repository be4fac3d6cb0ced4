"""The background work of a site: runs in the peer process, registers every package's loops and kinds of jobs.

A loop that fails is logged and runs again after a pause; it never takes the process with it. All end when `Site.stopping` is set.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from catalog.jobs import Worker
from catalog.upkeep import Upkeep
from node.clearing import clearing

if TYPE_CHECKING:
    from node.site import Site

log = logging.getLogger(__name__)

#: Seconds between two rounds of tidying up.
TIDY = 3600
#: Seconds before a loop that failed runs again.
PAUSE = 5.0


class Background:
    """See the module."""

    def __init__(self, site: "Site") -> None:
        self._site = site
        self._upkeep = Upkeep(site.store, site.stamps)
        self._clearing = clearing(site)
        self._jobs = Worker(site.store, {**self._upkeep.handlers(), **self._clearing.handlers()})
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Starts every loop."""
        self._site.policies.start()
        self._site.exchange.worker.start()
        self._loop("jobs", self._jobs.run)
        self._loop("upkeep", lambda: self._upkeep.run(self._site.stopping))
        self._loop("tidy", self._tidy)
        self._loop("stop", self._end_waits)

    def stop(self) -> None:
        """Ends every loop; waits a little for those in the middle of something."""
        self._site.stopping.set()
        self._jobs.stop()
        self._site.policies.stop()
        deadline = time.monotonic() + 2.0
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _loop(self, name: str, run: Callable[[], None]) -> None:
        def keep() -> None:
            while not self._site.stopping.is_set():
                try:
                    run()
                    return
                except Exception:
                    log.exception("the loop %s failed; it runs again in %g s", name, PAUSE)
                    self._site.stopping.wait(PAUSE)

        thread = threading.Thread(target=keep, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _end_waits(self) -> None:
        """Ends the long polls of peers as soon as the process is to stop, while its requests are being finished."""
        self._site.stopping.wait()
        self._site.exchange.worker.stop()

    def _tidy(self) -> None:
        """Deletes what has ended: sessions, tokens; once a day what withdrawn records left."""
        while not self._site.stopping.wait(TIDY):
            with self._site.store.write() as tx:
                self._site.accounts.sweep(tx)
            self._clearing.look()
