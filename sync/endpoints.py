"""The peers' endpoints, `/peer/v1` (PROTOCOL 7): who calls is proved for each request, then one of the exchange's verbs answers.

`PROTOCOL 7` fixes paths and statuses; the one table from kinds of errors to statuses is `STATUSES`. A body is read up to its limit; a compressed one is not
taken (Content-Encoding other than identity is 415), so that no request can grow. Answers over a kilobyte are compressed where the caller takes gzip.
"""

import base64
import gzip
import logging
import threading
import time
from typing import TYPE_CHECKING, cast

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import HTTPException

from catalog.canonical import JSON, dumps
from catalog.errors import NotFoundError
from policies.errors import TerraceError
from sync import batch as batches
from sync.errors import ConflictError, SyncError, TokenError, WitnessError
from sync.notes import only_own
from sync.token import Caller, MemoryReplayCache, verify
from sync.witness import CHECKPOINT

if TYPE_CHECKING:
    from sync.exchange import Exchange

__all__ = ["STATUSES", "peer_blueprint"]

#: Kind or class of error → status. What is not listed refuses the content: 422.
STATUSES: dict[str, int] = {
    "uncertified": 403,
    "no-key": 403,
    "not-a-peer": 403,
    "trust": 403,
    "not-found": 404,
    "invite": 410,
    "too-large": 413,
    "encoding": 415,
    "version": 426,
    "request": 400,
    "busy": 429,
    "store": 503,
    "clock": 503,
    "restored": 503,
    "object": 404,
    "token-cache-full": 429,
    "invite-attempts": 429,
}
#: Statuses of refusals that get an audit line; the others are routine between honest peers (not here, ask again, read anew).
_AUDITED = (400, 401, 403, 410, 413, 415, 422, 426)

_SMALL = 1 << 20
_COMPRESS = 1 << 10
_CHUNK = 1 << 16
_JSON = "application/json"

log = logging.getLogger(__name__)


class _RequestError(SyncError):
    """A request that has not its form."""

    kind = "request"
    clause = "7.1"


class _Turns:
    """One outstanding request per peer (PROTOCOL 7): a newer one ends the wait of the older."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, int] = {}

    def take(self, peer: str) -> int:
        with self._lock:
            self._newest[peer] = self._newest.get(peer, 0) + 1
            return self._newest[peer]

    def mine(self, peer: str, turn: int) -> bool:
        with self._lock:
            return self._newest.get(peer) == turn


def peer_blueprint(exchange: "Exchange") -> Blueprint:
    """The blueprint that `node` mounts on the peers' listener.

    Args:
        exchange: of this site.
    """
    blueprint = Blueprint("peer", __name__, url_prefix="/peer/v1")
    _Endpoints(exchange).register(blueprint)
    return blueprint


class _Endpoints:
    def __init__(self, exchange: "Exchange") -> None:
        self._e = exchange
        self._x = exchange.context
        self._replay = MemoryReplayCache()
        self._replay_lock = threading.Lock()
        self._started = self._x.clock()
        self._turns = _Turns()

    def register(self, blueprint: Blueprint) -> None:
        """Adds the routes."""
        blueprint.add_url_rule("/hello", view_func=self.hello, methods=["GET"])
        blueprint.add_url_rule("/join", view_func=self.join, methods=["POST"])
        blueprint.add_url_rule("/statements", view_func=self.statements, methods=["GET"])
        blueprint.add_url_rule("/changes", view_func=self.changes, methods=["GET"])
        blueprint.add_url_rule("/changes", view_func=self.push, methods=["POST"], endpoint="push")
        blueprint.add_url_rule("/witness/add-checkpoint", view_func=self.add_checkpoint, methods=["POST"])
        blueprint.add_url_rule("/live/<path:origin>", view_func=self.live, methods=["GET"])
        blueprint.add_url_rule("/objects/<sha256>", view_func=self.object, methods=["GET"])
        blueprint.add_url_rule("/rows/<id>/<variant>", view_func=self.rows, methods=["GET"])
        blueprint.add_url_rule("/messages", view_func=self.messages, methods=["POST"])
        blueprint.register_error_handler(TerraceError, self._refuse)
        blueprint.register_error_handler(HTTPException, self._broken)

    # --- who -------------------------------------------------------------------------------------------------------------------------

    def _caller(self, body: bytes = b"") -> Caller:
        """PROTOCOL 7.2. Raises TokenError, TrustError."""
        scheme, _, made = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Terrace" or not made:
            raise TokenError(zh="缺少 Authorization: Terrace <令牌>", en="there is no Authorization: Terrace <token>")
        now = self._x.clock()
        trust = self._x.trust.at(now)
        target = request.full_path if request.query_string else request.path
        target = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI") or target
        with self._replay_lock:  # the cache is a plain map
            caller = verify(
                made, keys=trust.site_keys, me=self._x.me, zone=self._x.zone, method=request.method, target=target, body=body, now=now, replay=self._replay
            )
        if caller.issued < self._started:  # the replay cache does not remember what was before this process
            raise TokenError(zh="令牌早于本次启动", en="the token is older than this process", kind="token-replay")
        self._e.peers_seen(caller.node)
        g.caller = caller
        return caller

    def _peer(self, body: bytes = b"") -> Caller:
        """A caller that this site exchanges records with."""
        caller = self._caller(body)
        if not self._e.is_peer(caller.node):
            raise SyncError(zh=f"{caller.node} 不是本站点的对等节点", en=f"{caller.node} is not a peer of this site", clause="7", kind="not-a-peer")
        return caller

    def _body(self, limit: int = _SMALL) -> bytes:
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise _RequestError(zh="请求不可压缩", en="a request's body is not compressed", kind="encoding")
        length = request.content_length
        if length is None or length > limit:
            raise _RequestError(zh=f"请求超过 {limit} 字节或未说明长度", en=f"a request of more than {limit} bytes, or of no stated length", kind="too-large")
        return request.get_data(cache=False)

    # --- answers ---------------------------------------------------------------------------------------------------------------------

    def _answer(self, body: bytes, status: int = 200, kind: str = _JSON) -> Response:
        response = Response(body, status, content_type=kind)
        response.headers["Cache-Control"] = "no-store"
        if len(body) > _COMPRESS and "gzip" in request.headers.get("Accept-Encoding", ""):
            response.set_data(gzip.compress(body, 1))
            response.headers["Content-Encoding"] = "gzip"
        return response

    def _json(self, value: dict[str, JSON], status: int = 200) -> Response:
        return self._answer(dumps(value), status)

    def _refuse(self, error: TerraceError) -> Response:
        """PROTOCOL 7.3: clause, kind, and words in both languages."""
        if isinstance(error, WitnessError):
            if error.status == 409:
                return self._shown(error, self._answer(f"{error.size or 0}\n".encode(), 409, "text/x.tlog.size"))
            self._note(error, error.status if error.status != 404 else 422)
            return self._shown(error, self._answer((str(error) + "\n").encode(), error.status, "text/plain; charset=utf-8"))
        status = STATUSES.get(error.kind, 401 if isinstance(error, TokenError) else 422)
        self._note(error, status)
        if isinstance(error, SyncError):
            return self._json(cast(dict[str, JSON], error.as_dict()), status)
        return self._json({"clause": "7", "kind": error.kind, "message": {"zh": error.zh, "en": error.en}, "v": 1}, status)

    def _shown(self, error: WitnessError, response: Response) -> Response:
        """With the newest checkpoint that this witness cosigned, of the log's own signatures: in a header, for C2SP wants the body to be the size alone."""
        # PROTOCOL 3.3
        if error.note:
            response.headers[CHECKPOINT] = base64.b64encode(only_own(error.note).encode()).decode("ascii")
        return response

    def _broken(self, error: HTTPException) -> Response:
        """What the HTTP layer could not read: a body that broke off, a form that is none."""
        return self._refuse(_RequestError(zh="请求不完整或不合规定", en=f"the request is broken: {error.name}"))

    def _note(self, error: TerraceError, status: int) -> None:
        if status in _AUDITED:
            caller: Caller | None = g.get("caller")
            self._e.refusals.note(error, at=f"{request.method} {request.path.removeprefix('/peer/v1/')[:80]}", caller=None if caller is None else caller.node)

    # --- the verbs -------------------------------------------------------------------------------------------------------------------

    def hello(self) -> Response:
        """Versions, node, zone, limits; open to anybody who reaches the listener."""
        return self._json(
            {
                "limits": {"batch": batches.MAX_BYTES, "items": batches.MAX_ITEMS, "wait": 30},
                "name": dict(self._x.site.name),
                "node": self._x.me,
                "v": 1,
                "versions": [1],
                "zone": self._x.zone,
            }
        )

    def join(self) -> Response:
        """A new subordinate posts its join, and asks again until a person has confirmed (PROTOCOL 6.6)."""
        status, body = self._e.pairing.receive(self._body())
        return self._answer(body, status)

    def statements(self) -> Response:
        """The chain: every statement that counts here, in the order in which it came."""
        self._caller()
        return self._json(self._e.statements_since(_number("since", 0, 1 << 53)))

    def changes(self) -> Response:
        """The stream (PROTOCOL 4): waits until there is news."""
        caller = self._peer()
        gen = request.args.get("gen") or None
        cursor, wait, limit = _number("from", 0, 1 << 53), _number("wait", 0, 30), _number("limit", batches.MAX_ITEMS, batches.MAX_ITEMS)
        turn, deadline = self._turns.take(caller.node), time.monotonic() + wait
        bell = f"stream:{caller.node}"
        while True:
            seen = self._x.wake.count(bell)
            served = self._e.serve(caller.node, gen, cursor, limit)
            if served is not None and served.kind == "gen":
                if served.beyond:  # PROTOCOL 4.5: a restored reader, or a thief who would have it believe that it read what it did not
                    said = SyncError(zh="游标超出已发位置", en=f"cursor {cursor} lies beyond what was served", clause="4.5", kind="cursor")
                    self._e.refusals.note(said, at="GET changes", caller=caller.node)
                return self._json({"gen": served.gen, "v": 1}, 409)
            if served is not None and served.kind == "batch":
                return self._answer(served.body)
            left = deadline - time.monotonic()
            if left <= 0 or self._x.wake.stopping or not self._turns.mine(caller.node, turn):
                return Response(status=204)
            self._x.wake.wait(bell, seen, min(left, 5.0))

    def push(self) -> Response:
        """The same batch, brought by the peer instead of fetched."""
        body = self._body(batches.MAX_BYTES)
        caller = self._peer(body)
        try:
            applied = self._e.apply(caller.node, body)
        except ConflictError as error:
            return self._json({**cast(dict[str, JSON], error.as_dict()), **self._e.have(caller.node)}, 409)
        except SyncError as error:  # PROTOCOL 7.3: the caller is certified; what the batch says of others is content. It is audited with the quarantine.
            return self._json(cast(dict[str, JSON], error.as_dict()), 413 if error.kind == "too-large" else 422)
        have = self._e.have(caller.node)
        return self._json(have, 200 if applied.outcome == "applied" else 409)

    def add_checkpoint(self) -> Response:
        """C2SP tlog-witness."""
        body = self._body()
        self._caller(body)
        return self._answer(self._e.witness.add_checkpoint(body), kind="text/x.tlog.checkpoint")

    def live(self, origin: str) -> Response:
        """One bit for each leaf of a log that the caller follows here: 1 = current (PROTOCOL 3.6)."""
        caller = self._peer()
        return self._answer(self._e.live(origin, caller.node), kind="application/octet-stream")

    def object(self, sha256: str) -> Response:
        """A file, from a byte on; only if a record that this peer may hold names it."""
        caller = self._peer()
        start = _range_start(request.headers.get("Range"))
        found = self._e.objects.open_for(caller.node, sha256, start)
        response = Response(found.chunks, 206 if start is not None else 200, content_type="application/octet-stream")
        response.headers["Content-Length"] = str(found.size - (start or 0))
        if start is not None:
            response.headers["Content-Range"] = f"bytes {start}-{found.size - 1}/{found.size}"
        return response

    def rows(self, id: str, variant: str) -> Response:
        """The base of a table of rows, for a reset (PROTOCOL 5.2). Optional: this site keeps every batch and names no base, so that none is asked for: 404."""
        self._peer()
        del id, variant
        raise NotFoundError

    def messages(self) -> Response:
        """Requests and feedback; the same id twice is one message."""
        body = self._body()
        caller = self._caller(body)
        return self._json({"id": self._e.messages.take(caller.node, body), "v": 1})


def _number(name: str, default: int, most: int) -> int:
    text = request.args.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdecimal() or len(text) > 16 or int(text) > most:
        raise _RequestError(zh=f"{name} 须为 0 至 {most} 的整数", en=f"{name} is an integer from 0 to {most}")
    return int(text)


def _range_start(header: str | None) -> int | None:
    """`bytes=N-` only: a fetch goes on where it was cut off."""
    if header is None:
        return None
    unit, _, span = header.partition("=")
    start, dash, end = span.partition("-")
    if unit.strip() != "bytes" or not dash or end or not start.isascii() or not start.isdecimal():
        raise _RequestError(zh="只支持 Range: bytes=N-", en="only Range: bytes=N- is served")
    return int(start)
