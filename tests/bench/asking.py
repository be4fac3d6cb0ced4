"""Asking servers over HTTP and counting what an answer costs them: the processor time of all their processes, by /proc."""

import http.client
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import requests
from sqlalchemy import select

from catalog.audit import INTERVAL
from catalog.store import Store
from catalog.tables import plan
from tests.bench.figures import Cost
from tests.bench.serving import processor_seconds

ROUNDS = 7


@dataclass(frozen=True)
class Asked:
    """One server's share of a measurement.

    Attributes:
        address: what each path is put behind, without a slash at the end.
        pids: its processes; what they started is counted with them.
        paths: asked in turn.
        headers: of each request.
        least: bytes that an answer has at least.
        share: of the requests in a round (a slow server gets fewer).
    """

    address: str
    pids: Sequence[int]
    paths: Sequence[str]
    headers: Mapping[str, str] = field(default_factory=dict)
    least: int = 100
    share: float = 1.0

    def round(self, count: int, clients: int = 1) -> Cost:
        """Asks so many times, by some clients at once."""
        numbers = range(max(10, int(count * self.share)))
        self._ask(numbers[:5])
        cpu, wall = sum(map(processor_seconds, self.pids)), time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(self._ask, [numbers[first::clients] for first in range(clients)]))
        spent = sum(map(processor_seconds, self.pids)) - cpu
        return Cost(1000 * spent / len(numbers), 1000 * (time.perf_counter() - wall) / len(numbers))

    def _ask(self, numbers: Sequence[int]) -> None:
        host, slash, begin = self.address.removeprefix("http://").partition("/")
        connection = http.client.HTTPConnection(host, timeout=120)
        for n in numbers:
            path = slash + begin + self.paths[n % len(self.paths)]
            connection.request("GET", path, headers=dict(self.headers))
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200 or len(body) < self.least:
                raise SystemExit(f"{host}{path}: {answer.status} {body[:300]!r}")
        connection.close()


def in_turn(count: int, *servers: Asked, rounds: int = ROUNDS, clients: int = 1) -> list[Cost]:
    """Medians of what a request costs each server. They take turns, so that what else the machine does strikes all alike."""
    for each in servers:
        each.round(2 * len(each.paths))
    found = [[each.round(count, clients) for each in servers] for _ in range(rounds)]
    return [Cost.of([each[n] for each in found]) for n in range(len(servers))]


def when_stamped(store: Store, ask: Callable[[], requests.Response]) -> requests.Response:
    """Asks, and waits until the plan of whoever asked is stamped on all records: until then searches are right, but slower."""
    answer = ask()
    answer.raise_for_status()
    time.sleep(3 * INTERVAL)  # with the next audit lines the plan is registered, if it is a new one
    while True:
        with store.read() as conn:
            stamped = conn.execute(select(plan.c.stamped)).scalars().all()
        if stamped and all(stamped):
            return answer
        time.sleep(0.5)
