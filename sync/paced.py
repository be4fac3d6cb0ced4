"""Answers that keep a pace: a peer that drips its answer byte by byte must not hold a loop of ours for ever (python-tuf's slow retrieval; PROTOCOL 7.1).

The timeouts of HTTP libraries begin anew with each byte. Here the whole answer, headers included, has `patience` seconds and one second more for each `RATE`
bytes that have come. Nothing else of the library is changed.
"""

import contextlib
import http.client
import io
import socket
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

__all__ = ["RATE", "PacedAdapter"]

#: Bytes a second, on average, after the first patience has run out.
RATE = 16 << 10


class _Paced(io.RawIOBase):
    """A socket's bytes. `patience` is the timeout that the request was made with."""

    def __init__(self, inner: io.RawIOBase, sock: socket.socket) -> None:
        self._inner, self._sock = inner, sock
        self._patience = sock.gettimeout()
        self._began, self._got = time.monotonic(), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._patience is not None:
            left = self._began + self._patience + self._got / RATE - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer is too slow")
            self._sock.settimeout(left)
        count = self._inner.readinto(buffer)
        self._got += count or 0
        return count

    def close(self) -> None:
        if not self.closed:
            with contextlib.suppress(OSError):
                self._sock.settimeout(self._patience)  # the connection may be used again
            self._inner.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        self.fp = io.BufferedReader(_Paced(self.fp.detach(), sock))


class _Plain(HTTPConnection):
    response_class = _Response


class _Secure(HTTPSConnection):
    response_class = _Response


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _Secure


class PacedAdapter(HTTPAdapter):
    """The transport of a `requests` session whose answers keep the pace."""

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """As the base, with connections of our own."""
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
