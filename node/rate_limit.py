"""How often one address may try to sign in: a sliding minute in memory, one for each process."""

import threading
import time
from collections import OrderedDict, deque

from node.errors import TooManyAttemptsError

#: Addresses remembered at most; the oldest is forgotten first.
MOST = 10_000
WINDOW = 60.0


class RateLimit:
    """Counts attempts by address.

    Args:
        per_minute: attempts that one address may make in a minute.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def attempt(self, address: str, now: float | None = None) -> None:
        """Notes an attempt.

        Raises:
            TooManyAttemptsError: says how many seconds to wait.
        """
        moment = time.monotonic() if now is None else now
        with self._lock:
            times = self._seen.setdefault(address, deque())
            self._seen.move_to_end(address)
            while times and times[0] <= moment - WINDOW:
                times.popleft()
            if len(times) >= self._per_minute:
                raise TooManyAttemptsError(max(1, round(times[0] + WINDOW - moment)))
            times.append(moment)
            while len(self._seen) > MOST:
                self._seen.popitem(last=False)
