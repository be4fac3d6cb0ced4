"""Counters of a running site in Prometheus' text form, shared by its processes.

The supervisor makes one anonymous shared memory before it forks; each process adds in a slot of its own, and `/metrics` sums the slots. What can be counted is
declared here: no label comes from a request, so that nobody can blow the list up or read ids from it.
"""

import mmap
import struct
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any

FACES = ("portal", "ckan", "csw", "ogc", "peer", "other")
CLASSES = ("2xx", "3xx", "4xx", "5xx")
#: Upper bounds of the latency histogram, in seconds.
BOUNDS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0)
SLOTS = 80

_REQUESTS = [f'terrace_requests_total{{face="{face}",status="{each}"}}' for face in FACES for each in CLASSES]
_SECONDS = [f'terrace_request_seconds_bucket{{face="{face}",le="{bound}"}}' for face in FACES for bound in (*BOUNDS, "+Inf")]
_SUMS = [f'terrace_request_seconds_sum{{face="{face}"}}' for face in FACES]
_PLAIN = ["terrace_sign_in_failures_total", "terrace_policy_alarms_total", "terrace_child_restarts_total"]
NAMES = [*_REQUESTS, *_SECONDS, *_SUMS, *_PLAIN]
_INDEX = {name: index for index, name in enumerate(NAMES)}
#: For each face the place of its first bucket, which the others follow, and of its sum.
_PLACES = {face: (_INDEX[_SECONDS[n * (len(BOUNDS) + 1)]], _INDEX[_SUMS[n]]) for n, face in enumerate(FACES)}
_DOUBLE = struct.Struct("d")
_HELP = {
    "terrace_requests_total": ("counter", "Requests answered."),
    "terrace_request_seconds": ("histogram", "Time to answer."),
    "terrace_sign_in_failures_total": ("counter", "Credentials that did not count."),
    "terrace_policy_alarms_total": ("counter", "Records that the second lock dropped."),
    "terrace_child_restarts_total": ("counter", "Processes that were started again."),
}


class Metrics:
    """The counters; made before the fork, `join` is called in each process after it."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, SLOTS * len(NAMES) * 8)
        self._lock = threading.Lock()
        self._base = 0

    def join(self, slot: int) -> None:
        """Gives this process its own slot (0 is the supervisor's)."""
        self._lock = threading.Lock()
        self._base = slot * len(NAMES) * 8

    def add(self, name: str, amount: float = 1.0) -> None:
        """Adds to a counter of `NAMES`."""
        with self._lock:
            self._move(self._base + _INDEX[name] * 8, amount)

    def request(self, face: str, status: int, seconds: float) -> None:
        """Counts one answered request."""
        counted = _INDEX[f'terrace_requests_total{{face="{face}",status="{max(2, min(status // 100, 5))}xx"}}']
        buckets, total = _PLACES[face]
        with self._lock:
            self._move(self._base + counted * 8, 1.0)
            for bucket in range(buckets + bisect_left(BOUNDS, seconds), buckets + len(BOUNDS) + 1):
                self._move(self._base + bucket * 8, 1.0)
            self._move(self._base + total * 8, seconds)

    def _move(self, place: int, amount: float) -> None:
        _DOUBLE.pack_into(self._memory, place, _DOUBLE.unpack_from(self._memory, place)[0] + amount)

    def value(self, name: str) -> float:
        """A counter's sum over all processes."""
        step = len(NAMES) * 8
        total: float = sum(struct.unpack_from("d", self._memory, slot * step + _INDEX[name] * 8)[0] for slot in range(SLOTS))
        return total

    def text(self, gauges: dict[str, float]) -> str:
        """The page; `gauges` are added as they are, by full name."""
        return "\n".join([*self._lines(), *(f"{name} {value:g}" for name, value in gauges.items())]) + "\n"

    def _lines(self) -> Iterator[str]:
        said = ""
        for name in NAMES:
            family = name.split("{")[0].removesuffix("_bucket").removesuffix("_sum")
            if family != said:
                kind, about = _HELP[family]
                yield f"# HELP {family} {about}"
                yield f"# TYPE {family} {kind}"
                said = family
            yield f"{name} {self.value(name):g}"
            if name in _SUMS:
                face = name.split('"')[1]
                count = self.value(f'terrace_request_seconds_bucket{{face="{face}",le="+Inf"}}')
                yield f'terrace_request_seconds_count{{face="{face}"}} {count:g}'


def serve_metrics(listener: socket, metrics: Metrics, gauges: Callable[[], dict[str, float]]) -> ThreadingHTTPServer:
    """Answers `GET /metrics` on a socket that already listens, in a thread of its own; `shutdown()` of the result ends it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path.split("?")[0] == "/metrics"
            body = metrics.text(gauges()).encode() if found else b"not found\n"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(listener.getsockname()[:2], Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def seconds(self) -> float:
        """Elapsed seconds."""
        return time.monotonic() - self._start
