"""Request tokens: who calls, for exactly this request (PROTOCOL 7.2). Pure but for the replay cache.

`Authorization: Terrace <compact JWS>` with the header `{"alg","kid","typ":"terrace-request+jwt"}` and the claims

    iss, aud   node ids of caller and callee      htm, htu   method; path and query as sent, from /peer/v1/ on
    zone       zone of both sites                 digest     base64url H(body as sent); of an empty body too
    iat, exp   whole seconds, exp − iat ≤ 60      jti        base64url of 16 random bytes

DPoP (RFC 9449) is the model; `htu` is path and query instead of a URL, because proxies rewrite scheme and host, and because the query carries the cursor,
which acknowledges. `aud` names the callee in their place.

The checks, numbered here and at the code: 1 form, 2 names and zone, 3 this request, 4 time, 5 signature by a site key that counts now, 6 not seen before.
The replay cache is asked last, so that nobody without a key can fill it.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from catalog.canonical import JSON, b64, dumps, loads, unb64
from catalog.errors import CanonicalError
from catalog.ids import is_node_id
from sync.errors import StatementError, TokenError
from sync.merkle import sha256
from sync.statements import Signature, sign_jws, split_jws, verify_jws
from sync.suite import PublicKey, SecretKey

__all__ = ["MAX_AGE", "MAX_SKEW", "TYP", "Caller", "MemoryReplayCache", "ReplayCache", "make", "peek_issuer", "verify"]

TYP = "terrace-request+jwt"
#: Longest life of a token in seconds.
MAX_AGE = 60
#: Seconds by which two clocks may differ.
MAX_SKEW = 300

_LIMIT = 4096


class ReplayCache(Protocol):
    """Remembers tokens until they can no longer be valid."""

    def add(self, key: str, expires: int, now: int) -> bool:
        """Notes a token, atomically across all workers of the site.

        Args:
            key: issuer and `jti`.
            expires: UTC seconds until which it must be remembered.
            now: UTC seconds.

        Returns:
            False when it was noted before: a replay.
        """
        ...


class MemoryReplayCache:
    """A replay cache for one process. Bounded: when it is full, new tokens are refused rather than old ones forgotten.

    It remembers nothing of the process before: whoever uses it refuses tokens issued before it was made.
    """

    def __init__(self, limit: int = 200_000) -> None:
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._limit = limit

    def add(self, key: str, expires: int, now: int) -> bool:
        """See ReplayCache."""
        while self._seen and next(iter(self._seen.values())) <= now:
            self._seen.popitem(last=False)
        if key in self._seen:
            return False
        if len(self._seen) >= self._limit:
            raise TokenError(zh="请求过多，暂不受理", en="too many requests: the replay cache is full", kind="token-cache-full")
        self._seen[key] = expires
        return True


@dataclass(frozen=True)
class Caller:
    """Who made a request, proved.

    Attributes:
        node: node id.
        jti: name of the token.
        issued, expires: UTC seconds.
    """

    node: str
    zone: str
    jti: str
    issued: int
    expires: int


def make(key: SecretKey, *, iss: str, aud: str, zone: str, method: str, target: str, body: bytes, now: int, life: int = MAX_AGE) -> str:
    """Makes a token for one request.

    Args:
        key: site key of the caller.
        iss, aud: node ids of caller and callee.
        zone: of both.
        method: `GET`, `POST`, ….
        target: path and query as sent, from `/peer/v1/` on.
        body: as sent (after any content encoding).
        now: UTC seconds.
        life: seconds, at most 60.

    Returns:
        The token: `Authorization: Terrace <token>`.
    """
    claims: dict[str, JSON] = {
        "aud": aud,
        "digest": b64(sha256(body)),
        "exp": now + min(life, MAX_AGE),
        "htm": method,
        "htu": target,
        "iat": now,
        "iss": iss,
        "jti": b64(secrets.token_bytes(16)),
        "zone": zone,
    }
    return sign_jws(dumps(claims), key, TYP)


def peek_issuer(token: str) -> str:
    """The node that a token says it is from. Nothing is proved: only to look up keys, or to name the caller in a log.

    Raises:
        TokenError: the token has not its form.
    """
    return str(_read(token)[1]["iss"])


def verify(
    token: str, *, keys: Callable[[str], Sequence[PublicKey]], me: str, zone: str, method: str, target: str, body: bytes, now: int, replay: ReplayCache
) -> Caller:
    """Verifies the token of one request.

    Args:
        token: from the Authorization header.
        keys: node id → its site keys now (`Trust.site_keys`; its TrustError passes through).
        me, zone: the callee.
        method, target, body: the request as it came in.
        now: UTC seconds.
        replay: the site's replay cache.

    Returns:
        The caller.

    Raises:
        TokenError: kind `token`, `token-audience`, `token-request`, `token-time`, `token-signature` or `token-replay`.
        TrustError: the issuer is not certified.
    """
    # PROTOCOL 7.2
    # 1
    signature, claims = _read(token)
    # 2
    if claims["aud"] != me or claims["zone"] != zone:
        raise TokenError(zh="令牌是给别的站点的", en="the token is for another site", kind="token-audience")
    # 3
    if claims["htm"] != method or claims["htu"] != target or claims["digest"] != b64(sha256(body)):
        raise TokenError(
            zh="令牌是给别的请求的（方法、地址或内容不同）", en="the token is for another request: method, target or body differ", kind="token-request"
        )
    # 4
    iat, exp = claims["iat"], claims["exp"]
    assert isinstance(iat, int) and isinstance(exp, int)
    if not iat - MAX_SKEW <= now < exp + MAX_SKEW:
        raise TokenError(
            zh=f"令牌过期或时钟相差五分钟以上（对方 {iat}，本机 {now}）",
            en=f"the token is too old, or the clocks differ by more than five minutes (theirs {iat}, ours {now})",
            kind="token-time",
        )
    # 5
    node = str(claims["iss"])
    if not any(verify_jws(signature, key) for key in keys(node)):
        raise TokenError(zh=f"令牌不是 {node} 的站点密钥所签", en=f"the token is not signed by a site key of {node}", kind="token-signature")
    # 6
    if not replay.add(f"{node} {claims['jti']}", exp + MAX_SKEW, now):
        raise TokenError(zh="令牌已用过", en="the token was used before", kind="token-replay")
    return Caller(node, zone, str(claims["jti"]), iat, exp)


def _read(token: str) -> tuple[Signature, dict[str, JSON]]:
    """Checks the form of a token and of each claim."""
    try:
        signature, payload = split_jws(token, TYP, limit=_LIMIT)
        claims = loads(payload)
        if not isinstance(claims, dict):
            raise _malformed()
        unb64(_text(claims, "jti"), 16)
        unb64(_text(claims, "digest"), 32)
    except (StatementError, CanonicalError) as error:
        raise TokenError(zh=f"令牌：{error.zh}", en=f"token: {error.en}") from error
    iat, exp = claims.get("iat"), claims.get("exp")
    if type(iat) is not int or type(exp) is not int or not 0 < exp - iat <= MAX_AGE:
        raise TokenError(zh=f"令牌的有效期至多 {MAX_AGE} 秒", en=f"a token lives at most {MAX_AGE} seconds")
    if not is_node_id(claims.get("iss")) or not all(_text(claims, name) for name in ("aud", "htm", "htu", "zone")):
        raise _malformed()
    return signature, claims


def _text(claims: dict[str, JSON], name: str) -> str:
    value = claims.get(name)
    if not isinstance(value, str):
        raise _malformed()
    return value


def _malformed() -> TokenError:
    return TokenError(zh="令牌缺少声明或声明不合规定", en="the token lacks a claim, or a claim has not its form")
