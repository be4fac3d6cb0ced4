"""What the parts of the exchange share at one site: made once by `sync.exchange`, handed to loops and endpoints. Holds no state of its own but wake-ups."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from catalog.site import SiteIdentity
from catalog.store import Store
from sync.keys import Keys
from sync.trusted import TrustStore

if TYPE_CHECKING:
    from catalog.objects import Objects
    from catalog.reader import Reader
    from catalog.writer import Writer

__all__ = ["Context", "ExchangeSettings", "Wake", "wall_clock"]


def wall_clock() -> int:
    """UTC seconds."""
    return int(time.time())


@dataclass(frozen=True)
class ExchangeSettings:
    """How this site takes part.

    Attributes:
        url: address at which peers reach this site's `/peer/v1`, without that path; '' when it only calls.
        rows: take rows of datasets that peers let us hold.
        objects: when to fetch the files behind received records. object_bytes: the largest one.
        wait: seconds that a long poll waits (PROTOCOL 7: at most 30).
        poll: seconds between looks at the position counter for what other processes committed.
        heartbeat: seconds between two cosignatures of an unchanged log (PROTOCOL 3.3).
        pads: at most so many random leaves follow each append, to blur size and number of changes (PROTOCOL 3.1).
        patience: seconds that a peer has to begin an answer and to bring its first bytes; then it keeps the pace of `sync.paced`.
        ca: file of the certificate authorities for HTTPS to peers; None takes the system's.
    """

    url: str = ""
    rows: bool = True
    objects: Literal["all", "on_demand", "never"] = "on_demand"
    object_bytes: int = 1 << 30
    wait: int = 30
    poll: float = 0.05
    heartbeat: int = 600
    pads: int = 0
    patience: float = 20.0
    ca: str | None = None


class Wake:
    """Named bells between the threads of one process: each counts, so that a ring before the wait is not lost."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rung: dict[str, int] = {}
        self.stopping = False

    def stop(self) -> None:
        """Ends every wait, now and from now on."""
        with self._condition:
            self.stopping = True
            self._condition.notify_all()

    def count(self, name: str) -> int:
        """How often the bell rang."""
        with self._condition:
            return self._rung.get(name, 0)

    def ring(self, *names: str) -> None:
        """Wakes those who wait for one of these bells."""
        with self._condition:
            for name in names:
                self._rung[name] = self._rung.get(name, 0) + 1
            self._condition.notify_all()

    def wait(self, name: str, seen: int, timeout: float) -> int:
        """Waits until the bell has rung more often than `seen`, or the time is over; returns how often it rang."""
        with self._condition:
            self._condition.wait_for(lambda: self.stopping or self._rung.get(name, 0) > seen, timeout)
            return self._rung.get(name, 0)


@dataclass
class Context:
    """The site as the exchange sees it.

    Attributes:
        clock: UTC seconds; tests turn it.
        reader: the catalog's reader, for its verb `stream`. objects: files behind records; None: this site keeps none.
        keys: site and witness key, and the root key where it is kept here.
        trust: who is certified for what, from the statements in the database.
        wake: bells `position`, `stream`, `pull`, `objects`.
    """

    store: Store
    site: SiteIdentity
    keys: Keys
    reader: "Reader"
    writer: "Writer"
    objects: "Objects | None"
    trust: TrustStore
    settings: ExchangeSettings = field(default_factory=ExchangeSettings)
    clock: Callable[[], int] = wall_clock
    wake: Wake = field(default_factory=Wake)

    @property
    def me(self) -> str:
        """This node's id."""
        return self.site.node

    @property
    def zone(self) -> str:
        """This site's zone."""
        return self.site.zone
