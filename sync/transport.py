"""HTTP to peers: one configured session, a fresh token for each request, bounded answers (PROTOCOL 7).

Rules:

1. HTTPS anywhere but on loopback; no redirect is followed (a token names the target that it was made for).
2. Every request carries a token for exactly its method, target and body (7.2), made anew for each attempt.
3. An answer is read up to a stated size, after decompression, and keeps a pace (`sync.paced`): endless data and slow answers end (python-tuf's list).
4. What is not the expected status becomes a `PeerError` with the clause that the peer named.
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException, RemoteDisconnected
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import quote, urlencode, urlsplit

import requests
from sqlalchemy import select
from urllib3.exceptions import HTTPError, IncompleteRead, ReadTimeoutError

from catalog import faults
from catalog.canonical import JSON, loads
from policies.errors import TerraceError
from sync import batch as batches
from sync import tables as t
from sync import token
from sync.context import Context
from sync.errors import AwayError, PeerError, SyncError
from sync.loopback import is_loopback
from sync.paced import PacedAdapter
from sync.witness import CHECKPOINT

__all__ = ["PATH", "Answer", "Peers", "check_url"]

PATH = "/peer/v1"
_CONNECT = 5.0
_SMALL = 1 << 20
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Answer:
    """An answer: status, body (bounded), headers with lower-case names."""

    status: int
    body: bytes
    headers: dict[str, str]

    def json(self) -> dict[str, JSON]:
        """The body as a JSON object; empty when it is none."""
        try:
            value = loads(self.body)
        except TerraceError:
            return {}
        return value if isinstance(value, dict) else {}


def _shown(answer: Answer) -> str:
    """The checkpoint that a witness shows; empty when it shows none that can be read."""
    try:
        return base64.b64decode(answer.headers.get(CHECKPOINT.lower(), ""), validate=True).decode()
    except ValueError:  # also what is not ASCII, not base64, not UTF-8
        return ""


def check_url(url: str) -> str:
    """Refuses an address that is not HTTPS, unless it is on loopback; returns it without a trailing slash.

    Raises:
        SyncError: it is not, or is no address.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname
        good = host and parts.port != 0 and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
    except ValueError:  # brackets or a port that are none
        good = False
    if good:
        return url.rstrip("/")
    raise SyncError(zh=f"对等节点的地址须为 https（本机除外）：{url}", en=f"a peer's address must be https (http only on loopback): {url}", kind="address")


class Peers:
    """Calls to peers by node id (or by address while joining). Safe for threads."""

    def __init__(self, context: Context) -> None:
        self._x = context
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.max_redirects = 0
        if context.settings.ca:
            self._session.verify = context.settings.ca
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))  # a peer has nothing to leave here
        adapter = PacedAdapter(pool_connections=32, pool_maxsize=128)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    def url_of(self, node: str) -> str:
        """The address of a peer. Raises AwayError when it only calls us, or is no peer."""
        with self._x.store.read() as conn:
            url = conn.scalar(select(t.peer.c.url).where(t.peer.c.node == node))
        if not url:
            raise AwayError(zh=f"没有对等节点 {node} 的地址", en=f"there is no address for peer {node}")
        return str(url)

    # --- the endpoints ---------------------------------------------------------------------------------------------------------------

    def hello(self, url: str) -> dict[str, JSON]:
        """`GET hello`, without a token: versions, node, zone, limits."""
        return self._ask("GET", check_url(url), "/hello", auth=None).json()

    def join(self, url: str, body: bytes) -> Answer:
        """`POST join`, without a token: the invite's secret speaks. Gives any of 200, 202, 410."""
        return self._ask("POST", check_url(url), "/join", body=body, auth=None, allow=(200, 202, 410))

    def statements(self, node: str, since: int) -> dict[str, JSON]:
        """`GET statements?since=`."""
        return self._ask("GET", self.url_of(node), f"/statements?since={since}", auth=node, limit=batches.MAX_BYTES).json()

    def changes(self, node: str, *, gen: str | None, cursor: int, wait: int, limit: int) -> Answer:
        """`GET changes`: 200 with a batch, 204, or 409 with `{gen}`; the cursor acknowledges."""
        query = urlencode({**({"gen": gen} if gen else {}), "from": cursor, "wait": wait, "limit": limit})
        return self._ask(
            "GET",
            self.url_of(node),
            f"/changes?{query}",
            auth=node,
            limit=batches.MAX_BYTES + _SMALL,
            read=wait + self._x.settings.patience,
            allow=(200, 204, 409),
        )

    def push(self, node: str, body: bytes) -> Answer:
        """`POST changes`: 200 `{from}`, 409 `{gen,from,have}`; a batch that is refused (422) raises."""
        return self._ask("POST", self.url_of(node), "/changes", body=body, auth=node, allow=(200, 409))

    def add_checkpoint(self, node: str, again: Callable[[int | None, str], bytes], body: bytes) -> str:
        """C2SP `add-checkpoint`; on 409 asks once more from the size that the witness knows.

        Args:
            node: the witness.
            again: makes the request from another size, or raises: gets the size that the witness names, None when it names none, and the checkpoint that
                it shows, empty when it shows none.
            body: the request.

        Returns:
            The cosignature line(s).
        """
        target, allow = "/witness/add-checkpoint", (200, 409, 422)
        for _ in range(2):
            answer = self._ask("POST", self.url_of(node), target, body=body, auth=node, allow=allow, kind="text/x.tlog.checkpoint")
            if answer.status == 200:
                return answer.body.decode("utf-8", "replace")
            text = answer.body.decode("ascii", "replace").strip() if answer.status == 409 else ""
            body = again(int(text) if text.isdecimal() and len(text) <= 16 else None, _shown(answer))
        raise PeerError(409, {}, url=node)

    def live(self, node: str, origin: str, size: int) -> bytes:
        """`GET live/{origin}`: a bitmap of at most so many bytes; what is longer is refused."""
        return self._ask("GET", self.url_of(node), f"/live/{quote(origin, safe='')}", auth=node, limit=size + _SMALL).body

    def rows(self, node: str, id: str, variant: str, *, after: str, limit: int) -> Answer:
        """`GET rows/{id}/{variant}`: a page of the base of a table of rows."""
        query = urlencode({"after": after, "limit": limit})
        return self._ask(
            "GET",
            self.url_of(node),
            f"/rows/{quote(id, safe='')}/{quote(variant or '-', safe='')}?{query}",
            auth=node,
            limit=batches.MAX_BYTES + _SMALL,
            allow=(200, 206, 404, 409),
        )

    def message(self, node: str, body: bytes) -> dict[str, JSON]:
        """`POST messages`."""
        return self._ask("POST", self.url_of(node), "/messages", body=body, auth=node).json()

    def object(self, node: str, sha256: str, start: int) -> tuple[int | None, Iterator[bytes]]:
        """`GET objects/{sha256}` from a byte on.

        Returns:
            Total size where the peer said it, and the bytes from `start`.
        """
        target = f"/objects/{sha256}"
        response = self._send("GET", self.url_of(node), target, b"", auth=node, read=None, headers={"Range": f"bytes={start}-", "Accept-Encoding": "identity"})
        if response.status_code not in (200, 206):
            body = self._read(response, _SMALL)
            raise PeerError(response.status_code, Answer(response.status_code, body, {}).json(), url=target)
        span = response.headers.get("Content-Range", "")
        total = span.rpartition("/")[2]
        if response.status_code == 200 and start:
            response.close()
            raise PeerError(200, {}, url=target)
        return (int(total) if total.isdecimal() else None), self._chunks(response)

    # --- one request -----------------------------------------------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        url: str,
        target: str,
        *,
        body: bytes = b"",
        auth: str | None,
        limit: int = _SMALL,
        read: float | None = None,
        allow: tuple[int, ...] = (200,),
        kind: str = "application/json",
    ) -> Answer:
        headers = {"Content-Type": kind} if method == "POST" else {}
        response = self._send(method, url, target, body, auth=auth, read=read, headers=headers)
        answer = Answer(response.status_code, self._read(response, limit), {name.lower(): value for name, value in response.headers.items()})
        if answer.status not in allow:
            raise PeerError(answer.status, answer.json(), url=url + PATH + target.partition("?")[0])
        return answer

    def _send(self, method: str, url: str, target: str, body: bytes, *, auth: str | None, read: float | None, headers: dict[str, str]) -> requests.Response:
        full = PATH + target
        if auth is not None:
            made = token.make(self._x.keys.site, iss=self._x.me, aud=auth, zone=self._x.zone, method=method, target=full, body=body, now=self._x.clock())
            headers = {**headers, "Authorization": made if made.startswith("Terrace ") else f"Terrace {made}"}
        try:
            faults.before("send")
            response = self._session.request(
                method,
                check_url(url) + full,
                data=body or None,
                headers=headers,
                timeout=(_CONNECT, self._x.settings.patience if read is None else read),
                stream=True,
                allow_redirects=False,
            )
        except requests.ReadTimeout as error:
            raise _too_slow() from error
        except requests.TooManyRedirects as error:
            raise AwayError(zh="回答是转向，本站点不跟随", en="the answer is a redirect, which is not followed", kind="redirect") from error
        except requests.RequestException as error:
            if _is_not_http(error):
                raise AwayError(zh="该地址的回答不是 HTTP", en="what answers there does not speak HTTP", kind="not-http") from error
            raise AwayError(zh=f"无法连到 {url}：{type(error).__name__}", en=f"cannot reach {url}: {type(error).__name__}") from error
        faults.after("send")
        return response

    def _read(self, response: requests.Response, limit: int) -> bytes:
        parts: list[bytes] = []
        size = 0
        with response:
            for chunk in self._chunks(response):
                size += len(chunk)
                if size > limit:
                    # PROTOCOL 7.1
                    raise AwayError(zh=f"回答超过 {limit} 字节", en=f"an answer of more than {limit} bytes", clause="7.1", kind="too-large")
                parts.append(chunk)
        faults.after("read")
        return b"".join(parts)

    def _chunks(self, response: requests.Response) -> Iterator[bytes]:
        """What has come, decompressed piece by piece: never more than a chunk at once, however it was compressed."""
        try:
            while chunk := response.raw.read1(_CHUNK, decode_content=True):
                yield chunk
        except (ReadTimeoutError, TimeoutError) as error:
            raise _too_slow() from error
        except (HTTPError, OSError) as error:
            if any(isinstance(cause, IncompleteRead) for cause in (error, *error.args)):
                raise AwayError(zh="回答比其声明的长度短", en="the answer is shorter than it says", kind="incomplete") from error
            raise AwayError(zh=f"连接中断：{type(error).__name__}", en=f"the connection broke: {type(error).__name__}") from error


def _is_not_http(error: requests.RequestException) -> bool:
    """Whether something answered, but not by the rules of HTTP; a connection that ended without an answer is none of that."""
    causes = [error, *(part for part in error.args if isinstance(part, Exception))]
    causes += [part for cause in causes for part in cause.args if isinstance(part, Exception)]
    return any(isinstance(cause, HTTPException) and not isinstance(cause, RemoteDisconnected) for cause in causes)


def _too_slow() -> AwayError:
    # PROTOCOL 7.1
    return AwayError(zh="回答过慢", en="the answer is too slow", clause="7.1", kind="too-slow")
