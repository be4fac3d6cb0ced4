"""A hostile peer over the real wire: loopback HTTP written by hand, so that nothing in between mends what it says.

It holds keys of its own and has really joined its victim (`join`); its streams are made by `tests.sync.world`, honest to begin with. As a server it answers
what a test scripts, byte for byte: wrong lengths, endless or dripping bodies, bombs. As a client it calls with tokens that a test may bend.
"""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import requests

from catalog.canonical import dumps
from sync import token
from sync.join import make_join, parse_invite
from tests.sync.sites import TestSite
from tests.sync.world import Node

__all__ = ["Answer", "Asked", "HostilePeer", "answer"]

#: Bytes of an answer as they leave, piece by piece.
type Answer = Iterator[bytes]
type Script = Callable[["Asked"], Answer]


@dataclass(frozen=True)
class Asked:
    """A request as it came in. `target` is path and query behind /peer/v1."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """Without the query."""
        return self.target.partition("?")[0]


def answer(body: bytes = b"", status: int = 200, *, length: int | str | None = "true", **headers: str) -> Answer:
    """An answer, honest in its length unless told otherwise (None: no length at all, the body ends with the connection)."""
    lines = [f"HTTP/1.1 {status} Whatever", "Connection: close", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length == 'true' else length}")
    yield ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class _Handler(StreamRequestHandler):
    server: "_Server"

    def handle(self) -> None:
        """One request for each connection."""
        first = self.rfile.readline(65_536).decode("latin-1").split()
        headers: dict[str, str] = {}
        while line := self.rfile.readline(65_536).decode("latin-1").strip():
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        body = self.rfile.read(int(headers.get("content-length", "0")))
        if len(first) < 2:
            return
        with contextlib.suppress(OSError):  # the victim has hung up: that is what it should do
            for piece in self.server.peer.respond(Asked(first[0], first[1].removeprefix("/peer/v1"), headers, body)):
                self.wfile.write(piece)
                self.wfile.flush()


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    peer: "HostilePeer"


class HostilePeer:
    """See the module.

    Attributes:
        node: its keys, statements and log.
        scripts: (method, path) → what to answer in place of the honest answer.
        batch: what the next `GET changes` brings; None: nothing new.
        asked: requests that came in.
        secret: of the newest invite, used.
    """

    def __init__(self, node: Node, port: int) -> None:
        self.node, self.url = node, f"http://127.0.0.1:{port}"
        self.scripts: dict[tuple[str, str], Script] = {}
        self.batch: bytes | None = None
        self.asked: list[Asked] = []
        self.secret = ""
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.peer = self
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Closes the listener."""
        self._server.shutdown()
        self._server.server_close()

    # --- as a server -------------------------------------------------------------------------------------------------------------------

    def respond(self, asked: Asked) -> Answer:
        """The scripted answer, or the honest one."""
        self.asked.append(asked)
        script = self.scripts.get((asked.method, asked.path))
        if script is not None:
            return script(asked)
        if asked.path == "/hello":
            return answer(dumps({"limits": {}, "name": {"zh": "敌"}, "node": self.node.id, "v": 1, "versions": [1], "zone": self.node.zone}))
        if asked.path == "/statements":
            since = int(asked.target.rpartition("=")[2])
            return answer(dumps({"next": since, "statements": [], "v": 1}))
        if asked.path == "/changes" and asked.method == "GET":
            batch, self.batch = self.batch, None
            return answer(status=204) if batch is None else answer(batch)
        return answer(dumps({"clause": "7", "kind": "not-found", "message": {"en": "no", "zh": "无"}, "v": 1}), 404)

    # --- as a client -------------------------------------------------------------------------------------------------------------------

    def token(self, victim: TestSite, target: str, *, method: str = "GET", body: bytes = b"", **bent: Any) -> str:
        """A request token; `bent` replaces arguments of `sync.token.make`."""
        values: dict[str, Any] = {
            "key": self.node.site, "iss": self.node.id, "aud": victim.node, "zone": self.node.zone, "now": victim.clock(),
            "method": method, "target": "/peer/v1" + target, "body": body,
        }  # fmt: skip
        return token.make(**{**values, **bent})

    def call(
        self,
        victim: TestSite,
        target: str,
        *,
        method: str = "GET",
        body: bytes = b"",
        made: str | None = None,
        headers: dict[str, str] | None = None,
        **bent: Any,
    ) -> requests.Response:
        """Calls the victim, with a fresh token unless one is given ('' sends none)."""
        used = self.token(victim, target, method=method, body=body, **bent) if made is None else made
        sent = {**({"Authorization": f"Terrace {used}"} if used else {}), **(headers or {})}
        return requests.request(method, victim.url + "/peer/v1" + target, data=body or None, headers=sent, timeout=20)

    def raw(self, victim: TestSite, data: bytes) -> bytes:
        """Sends bytes as they are and closes its half; what comes back."""
        with socket.create_connection(("127.0.0.1", victim.port), timeout=10) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            parts = []
            with contextlib.suppress(OSError):
                while part := connection.recv(65_536):
                    parts.append(part)
        return b"".join(parts)

    # --- joining -----------------------------------------------------------------------------------------------------------------------

    def join_body(self, victim: TestSite, secret: str, who: Node | None = None, **bent: Any) -> bytes:
        """The body of `POST join`; `bent` replaces arguments of `sync.join.make_join`."""
        who = who or self.node
        values: dict[str, Any] = {
            "key": who.site, "node": who.id, "superior": victim.node, "zone": who.zone, "secret": secret, "url": self.url,
            "statements": who.tokens[:2], "now": victim.clock(),
        }  # fmt: skip
        return make_join(**{**values, **bent})

    def invited(self, victim: TestSite) -> str:
        """The secret of a new invite."""
        return parse_invite(victim.exchange.pairing.invite("admin"), now=victim.clock()).secret

    def join(self, victim: TestSite, node: Node | None = None, **bent: Any) -> list[str]:
        """Becomes a subordinate of the victim, by the book (or lets another node become one); returns the chain that the victim answered with."""
        who, self.secret = node or self.node, self.invited(victim)
        assert self.call(victim, "/join", method="POST", body=self.join_body(victim, self.secret, who, **bent), made="").status_code == 202
        victim.exchange.pairing.confirm(who.id, "admin")
        said = self.call(victim, "/join", method="POST", body=self.join_body(victim, self.secret, who, **bent), made="")
        assert said.status_code == 200
        found: list[str] = json.loads(said.content)["statements"]
        return found
