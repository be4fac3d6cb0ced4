"""Connections of slow and greedy clients: gunicorn's threaded worker, so that a thread is held by requests that are there, not by clients that dawdle.

Rules:

1. A connection waits in the poller, without a thread, until the whole head of a request and the first 64 kB of its body are there; so does a TLS handshake. A
   head has 30 s, with at most 10 s between two pieces.
2. A thread that reads the rest of a body or writes an answer waits at most 10 s for each piece, and for all of it at most 30 s and as long as 4 kB/s take. Time
   that the application takes (long polls) does not count.
3. One address holds at most `limits.connections_per_address` connections of a process; the proxies of `listen.proxies` are exempt, since many stand behind
   them.
4. When all places are taken, the connection that has been idle longest makes way.
"""

import contextlib
import errno
import ipaddress
import re
import selectors
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from types import FrameType
from typing import Any

from gunicorn import http
from gunicorn.config import Config
from gunicorn.sock import ssl_wrap_socket
from gunicorn.workers.gthread import TConn, ThreadWorker

from node.settings_model import Settings

#: Seconds for a head, or for a body and an answer before their length counts; seconds between two pieces; bytes in a second below which a client is too slow.
WHOLE, PIECE, RATE = 30.0, 10.0, 4_000
#: Largest head and what of a body is waited for without a thread, in bytes.
HEAD, BODY = 65_536, 65_536
#: Seconds that a closed connection may take to read its answer's end; that idle ones stay when the site stops.
_LINGER = 2.0
_STOPPING = 1.0
_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)
_AT_ONCE = re.compile(rb"\r\n(?:transfer-encoding|expect|upgrade):", re.IGNORECASE)
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_MANY = b"HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"


class SlowClientError(ConnectionResetError):
    """The other side took too long; for gunicorn a connection that was reset, which it does not log as an error."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the client is too slow")


class BoundedSocket:
    """A client's socket whose blocking mode is one of bounded patience.

    Args:
        sock: accepted; with TLS already wrapped.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self.renew()

    def renew(self) -> None:
        """Begins the count anew, for the next request."""
        self._waited = 0.0
        self._moved = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def setblocking(self, flag: bool) -> None:
        self._sock.settimeout(PIECE if flag else 0.0)

    def recv(self, size: int, flags: int = 0) -> bytes:
        return self._timed(lambda: self._sock.recv(size, flags), len)

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            piece = view[:65_536]
            view = view[self._timed(lambda piece=piece: self._sock.send(piece), int) :]  # type: ignore[misc]

    def sendfile(self, file: Any, offset: int = 0, count: int | None = None) -> int:
        file.seek(offset)
        left = count
        while left is None or left > 0:
            data = file.read(65_536 if left is None else min(65_536, left))
            if not data:
                break
            self.sendall(data)
            left = None if left is None else left - len(data)
        return int(file.tell()) - offset

    def _timed[T](self, act: Callable[[], T], size: Callable[[T], int]) -> T:
        if self._sock.gettimeout() == 0:
            return act()
        began = time.monotonic()
        try:
            done = act()
        except TimeoutError as error:
            raise SlowClientError from error
        self._waited += time.monotonic() - began
        self._moved += size(done)
        if self._waited > WHOLE + self._moved / RATE:
            raise SlowClientError
        return done


class _Connection(TConn):  # type: ignore[misc]
    """A connection and what it is waiting for."""

    def __init__(self, config: Config, sock: socket.socket, client: Any, server: Any, key: str | None) -> None:
        super().__init__(config, BoundedSocket(sock), client, server)
        self.key = key
        self.shaken = not config.is_ssl
        self.buffer = bytearray()
        self.wanted: int | None = None
        self.deadline = 0.0
        self.idle_until = 0.0
        self.closing = False
        self.initialized = True  # what gunicorn would do with a thread
        self.parser = http.get_parser(config, self.sock, client)

    def ready(self) -> bool:
        """Whether the head, and what is waited for of the body, are there."""
        if self.wanted is None:
            end = self.buffer.find(_END)
            if end < 0:
                return False
            head = bytes(self.buffer[: end + 2])
            length = _LENGTH.search(head)
            self.wanted = end + len(_END) + (0 if length is None or _AT_ONCE.search(head) else min(int(length[1]), BODY))
        return len(self.buffer) >= self.wanted


class BoundedWorker(ThreadWorker):  # type: ignore[misc]
    """See the module. `stopping` is set when the process is told to stop; `settings` are the site's."""

    stopping: threading.Event
    settings: Settings

    def __init__(self, *args: Any, **values: Any) -> None:
        super().__init__(*args, **values)
        self._waiting: dict[_Connection, None] = {}
        self._held: Counter[str] = Counter()
        self._swept = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.stopping.set()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        self.handle_exit(sig, frame)

    def notify(self) -> None:
        """The supervisor watches the process, not a file's time."""

    # --- coming ----------------------------------------------------------------------------------------------------------------------------

    def accept(self, listener: socket.socket) -> None:
        """Takes a connection and lets it wait without a thread."""
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK, errno.EMFILE, errno.ENFILE):
                raise
            self._make_way()
            return
        key = self._key(client[0])
        if key is not None and self._held[key] >= self.settings.limits.connections_per_address:
            with contextlib.suppress(OSError):
                sock.setblocking(False)
                if not self.cfg.is_ssl:
                    sock.send(_TOO_MANY)
            sock.close()
            return
        try:
            sock.setblocking(False)
            if self.cfg.is_ssl:
                self.cfg.set("do_handshake_on_connect", False)
                sock = ssl_wrap_socket(sock, self.cfg)
            conn = _Connection(self.cfg, sock, client, listener.getsockname(), key)
        except OSError:  # gone already
            sock.close()
            return
        self.nr_conns += 1
        if key is not None:
            self._held[key] += 1
        if self.nr_conns >= self.worker_connections:
            self._make_way()
        self._await(conn)

    def _key(self, address: str) -> str | None:
        """By what connections of one client are counted: its address, of IPv6 the network; None for proxies."""
        try:
            found = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return None
        if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        if any(found in ipaddress.ip_network(each, strict=False) for each in self.settings.listen.proxies):
            return None
        return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))

    def _make_way(self) -> None:
        if self._waiting:
            self._drop(next(iter(self._waiting)))

    # --- waiting ---------------------------------------------------------------------------------------------------------------------------

    def _await(self, conn: _Connection, rest: bytes = b"") -> None:
        """Lets a connection wait for a request, of which `rest` is already read."""
        now = time.monotonic()
        conn.buffer, conn.wanted = bytearray(rest), None
        conn.sock.renew()
        conn.sock.setblocking(False)
        conn.deadline = conn.idle_until = now + (self.cfg.keepalive if self.alive else _STOPPING)
        if rest:
            conn.deadline = now + WHOLE
        self._waiting[conn] = None
        self.poller.register(conn.sock, selectors.EVENT_READ, lambda _sock: self._more(conn))
        self._more(conn)

    def _more(self, conn: _Connection) -> None:
        if conn not in self._waiting:
            return
        began = bool(conn.buffer)
        try:
            if conn.closing:
                if not conn.sock.recv(65_536):
                    self._drop(conn)
                return
            if not conn.shaken:
                conn.sock.do_handshake()
                conn.shaken = True
            while not conn.ready():
                data = conn.sock.recv(65_536)
                if not data:
                    self._drop(conn)
                    return
                conn.buffer += data
                if len(conn.buffer) > HEAD and not conn.ready() and conn.wanted is None:
                    conn.sock.send(_TOO_LARGE)
                    self._drop(conn)
                    return
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            now = time.monotonic()
            if conn.buffer and not began:
                conn.deadline = now + WHOLE
            conn.idle_until = now + (PIECE if conn.buffer else self.cfg.keepalive)
        except (OSError, ValueError):
            self._drop(conn)
        else:
            self.poller.unregister(conn.sock)
            del self._waiting[conn]
            conn.parser.unreader.unread(bytes(conn.buffer))
            conn.buffer = bytearray()
            self.enqueue_req(conn)

    def murder_pending(self) -> None:
        """Closes what has waited too long."""
        now = time.monotonic()
        if now - self._swept < 0.25:
            return
        self._swept = now
        for conn in [conn for conn in self._waiting if now > min(conn.deadline, conn.idle_until)]:
            self._drop(conn)

    def murder_keepalived(self, force: bool = False) -> None:
        for conn in list(self._waiting) if force else ():
            self._drop(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        soon = min(deadline, time.monotonic() + _STOPPING)
        for conn in self._waiting:
            conn.deadline = min(conn.deadline, soon)

    # --- leaving ---------------------------------------------------------------------------------------------------------------------------

    def finish_request(self, conn: _Connection, fs: "Future[Any]") -> None:
        """After a request: the next one of the same connection is waited for, or the connection closes once its client has read the end."""
        try:
            goes_on = not fs.cancelled() and bool(fs.result())
            if goes_on:
                self._await(conn, conn.parser.unreader.take_buffered())
                return
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            conn.closing = True
            conn.deadline = conn.idle_until = time.monotonic() + _LINGER
            self._waiting[conn] = None
            self.poller.register(conn.sock, selectors.EVENT_READ, lambda _sock: self._more(conn))
        except Exception:  # the client is gone
            self._drop(conn)

    def _drop(self, conn: _Connection) -> None:
        if self._waiting.pop(conn, conn) is None:
            with contextlib.suppress(OSError, KeyError, ValueError):
                self.poller.unregister(conn.sock)
        self.nr_conns -= 1
        if conn.key is not None:
            self._held[conn.key] -= 1
            if self._held[conn.key] <= 0:
                del self._held[conn.key]
        conn.close()
