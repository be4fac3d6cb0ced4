"""Joining a superior: the invite line, the join and its answers (PROTOCOL 6.6). Pure.

    superior's clerk   makes an invite; hands the line over by any way (it holds a one-time secret)
    new node's clerk   `terrace peer join LINE`: the screen shows both ids; compares the superior's with the superior's clerk, confirms
    new node           POST join, signed by its site key                          → 202 `waiting`
    superior's clerk   sees the same two ids; compares the new node's, confirms
    new node           POST join again                                            → 200 `certified`, with the chain up to the root and its `certify`
    anybody else       with this secret, or after its end                         → 410

The join is a compact JWS (`typ: terrace-join+jwt`) by a site key that the new node's own root names, so that a secret overheard does not let anybody else
put an address of his beside that node's name. The superior keeps a digest of the secret, and binds it to the first node id that posts it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256 as _sha256
from urllib.parse import urlsplit

from catalog.canonical import JSON, b64, dumps, loads, unb64
from catalog.errors import CanonicalError
from catalog.ids import is_node_id
from sync.errors import InviteError, StatementError, TrustError
from sync.ids import is_zone
from sync.merkle import sha256
from sync.statements import Signature, Statement, parse_all, sign_jws, split_jws, verify_jws
from sync.suite import SecretKey
from sync.trust import Trust

__all__ = [
    "MAX_JOIN",
    "Invite",
    "JoinRequest",
    "make_answer",
    "make_invite",
    "make_join",
    "parse_answer",
    "parse_invite",
    "parse_join",
    "peek_secret",
    "secret_digest",
]

TYP = "terrace-join+jwt"
MAX_JOIN = 256 << 10
#: Seconds that a join is good for.
MAX_AGE = 60
_SKEW = 300
_MAX_STATEMENTS = 1000
_MAX_ANSWER_STATEMENTS = 5000
_STATES = ("waiting", "certified", "refused")
_LINE = re.compile(r"terrace-invite-1\.([A-Za-z0-9_-]{1,4000})\.([A-Za-z0-9_-]{8})\Z")


@dataclass(frozen=True)
class Invite:
    """One line that a superior's clerk hands over.

    Attributes:
        url: base address of the superior, without `/peer/v1`.
        node: its id; both clerks compare it.
        root: the root id that the new node comes to trust: the top of the superior's chain.
        zone: zone of both sites.
        secret: base64url of 16 random bytes, good for one node.
        exp: UTC seconds.
    """

    url: str
    node: str
    root: str
    zone: str
    secret: str
    exp: int


@dataclass(frozen=True)
class JoinRequest:
    """A join, verified: it comes from a site of this node, and holds a secret (that is to be looked up by its digest).

    Attributes:
        secret: as in the invite.
        node, zone: who wants to join.
        url: base address where it can be reached; '' when it only calls.
        statements: its `node` versions and its `certify` of itself.
    """

    secret: str
    node: str
    zone: str
    url: str
    statements: tuple[Statement, ...]


def make_invite(invite: Invite) -> str:
    """Writes the line: `terrace-invite-1.<payload>.<first 6 bytes of H(payload)>`."""
    # PROTOCOL 6.6
    payload: dict[str, JSON] = {
        "exp": invite.exp,
        "node": invite.node,
        "root": invite.root,
        "secret": invite.secret,
        "url": invite.url,
        "v": 1,
        "zone": invite.zone,
    }
    raw = dumps(payload)
    return f"terrace-invite-1.{b64(raw)}.{b64(sha256(raw)[:6])}"


def parse_invite(line: str, *, now: int) -> Invite:
    """Reads the line.

    Args:
        line: as pasted; blanks and line breaks in it are dropped.
        now: UTC seconds.

    Raises:
        InviteError: damaged (kind `invite`), or expired (`invite-expired`).
    """
    # PROTOCOL 6.6
    match = _LINE.match("".join(line[:8000].split()))
    if match is None:
        if line.lstrip().startswith("terrace-invite-1."):
            raise InviteError(zh="邀请码不完整或已损坏，请重新复制整行", en="the invite is cut or damaged: copy the whole line again")
        raise InviteError(zh="不是邀请码：应以 terrace-invite-1. 开头", en="not an invite: it begins with terrace-invite-1.")
    try:
        raw = unb64(match[1])
        value = loads(raw)
    except CanonicalError as error:
        raise InviteError(zh="邀请码已损坏，请重新复制整行", en="the invite is damaged: copy the whole line again") from error
    if b64(sha256(raw)[:6]) != match[2] or not isinstance(value, dict):
        raise InviteError(zh="邀请码已损坏，请重新复制整行", en="the invite is damaged: copy the whole line again")
    url, secret, exp = value.get("url"), value.get("secret"), value.get("exp")
    good = value.get("v") == 1 and is_node_id(value.get("node")) and is_node_id(value.get("root")) and is_zone(value.get("zone"))
    if not good or type(exp) is not int or not isinstance(url, str) or not isinstance(secret, str):
        raise InviteError(zh="邀请码缺少内容", en="the invite lacks a member")
    _check_secret(secret)
    _check_url(url)
    if exp <= now:
        raise InviteError(zh="邀请码已过期，请上级另发", en="the invite has expired: ask the superior for a new one", kind="invite-expired")
    return Invite(url=url.rstrip("/"), node=str(value["node"]), root=str(value["root"]), zone=str(value["zone"]), secret=secret, exp=exp)


def secret_digest(secret: str) -> str:
    """What the superior keeps of a secret: hex of its SHA-256."""
    return _sha256(secret.encode()).hexdigest()


def make_join(*, key: SecretKey, node: str, superior: str, zone: str, secret: str, url: str, statements: Iterable[str], now: int) -> bytes:
    """The body of `POST join`.

    Args:
        key: site key of the new node.
        node, superior: node ids.
        zone: of both.
        secret: from the invite.
        url: where the new node can be reached; '' when it only calls.
        statements: tokens of its `node` versions and of its `certify` of itself.
        now: UTC seconds.
    """
    # PROTOCOL 6.6
    claims: dict[str, JSON] = {
        "aud": superior,
        "exp": now + MAX_AGE,
        "iat": now,
        "iss": node,
        "secret": secret,
        "statements": list(statements),
        "url": url,
        "v": 1,
        "zone": zone,
    }
    return sign_jws(dumps(claims), key, TYP).encode("ascii")


def parse_join(data: bytes, *, me: str, zone: str, now: int) -> JoinRequest:
    """Reads and verifies a join. Whether the secret is good is the caller's to look up.

    Args:
        data: body as received.
        me, zone: the superior.
        now: UTC seconds.

    Raises:
        InviteError: not a join for this site, stale, or not signed by a site key that the node's own root names.
        StatementError, TrustError: its statements have not their form, or do not certify it for itself in this zone.
    """
    # PROTOCOL 6.6
    signature, value = _split_join(data)
    if value.get("v") != 1 or not all(isinstance(value.get(name), str) for name in ("aud", "iss", "secret", "url", "zone")):
        raise InviteError(zh="加入请求缺少内容", en="the join lacks a member")
    node, secret, url, tokens = str(value["iss"]), str(value["secret"]), str(value["url"]), value.get("statements")
    iat, exp = value.get("iat"), value.get("exp")
    if value["aud"] != me or value["zone"] != zone:
        raise InviteError(zh="加入请求是给别的站点或别的网络区的", en="the join is for another site or another zone")
    if type(iat) is not int or type(exp) is not int or not (0 < exp - iat <= MAX_AGE and iat - _SKEW <= now < exp + _SKEW):
        raise InviteError(zh="加入请求过期，或时钟相差五分钟以上", en="the join is stale, or the clocks differ by more than five minutes")
    if not isinstance(tokens, list):
        raise InviteError(zh="加入请求缺少声明", en="the join holds no statements")
    _check_secret(secret)
    if url:
        _check_url(url)
    statements = parse_all((str(token) for token in tokens), limit=_MAX_STATEMENTS)
    own = Trust(statements, anchors=[node], zone=zone, now=now)
    if not any(verify_jws(signature, key) for key in own.site_keys(node)):
        raise InviteError(zh="加入请求不是该节点的站点密钥所签", en="the join is not signed by a site key of its node")
    kept = tuple(statement for statement in own.chain(node))
    return JoinRequest(secret=secret, node=node, zone=zone, url=url.rstrip("/"), statements=kept)


def peek_secret(data: bytes) -> str:
    """The secret that a join claims to know. Nothing is proved and no signature verified: only to look the invite up before anything costly is done.

    Args:
        data: body as received.

    Raises:
        InviteError: not a join.
    """
    # PROTOCOL 6.6
    secret = _split_join(data)[1].get("secret")
    if not isinstance(secret, str):
        raise InviteError(zh="加入请求缺少内容", en="the join lacks a member")
    _check_secret(secret)
    return secret


def _split_join(data: bytes) -> tuple[Signature, dict[str, JSON]]:
    try:
        signature, payload = split_jws(data.decode("ascii", "replace"), TYP, limit=MAX_JOIN)
        value = loads(payload)
    except (StatementError, CanonicalError) as error:
        raise InviteError(zh=f"加入请求：{error.zh}", en=f"join: {error.en}") from error
    if not isinstance(value, dict):
        raise InviteError(zh="加入请求缺少内容", en="the join lacks a member")
    return signature, value


def make_answer(state: str, statements: Iterable[str] = ()) -> bytes:
    """The body of an answer: `waiting` (202), `certified` (200, with the chain), `refused` (410)."""
    return dumps({"state": state, "statements": list(statements), "v": 1})


def parse_answer(data: bytes, *, invite: Invite, node: str, now: int, known: Iterable[Statement] = ()) -> tuple[str, tuple[Statement, ...]]:
    """Reads the superior's answer, and believes it only when it certifies this node from the invite's root through the invite's node.

    Args:
        data: body as received.
        invite: what the clerk confirmed.
        node: the new node's id.
        now: UTC seconds.
        known: the new node's own statements.

    Returns:
        (state, the statements that count).

    Raises:
        InviteError: not an answer, or not by this superior.
    """
    # PROTOCOL 6.6
    try:
        value = loads(data)
        if not isinstance(value, dict) or value.get("v") != 1 or value.get("state") not in _STATES or not isinstance(value.get("statements"), list):
            raise InviteError(zh="上级的答复不合规定", en="the superior's answer has not its form")
        tokens = value["statements"]
        assert isinstance(tokens, list)
        statements = parse_all((str(token) for token in tokens), limit=_MAX_ANSWER_STATEMENTS)
    except (CanonicalError, StatementError) as error:
        raise InviteError(zh=f"上级的答复：{error.zh}", en=f"the superior's answer: {error.en}") from error
    if value["state"] != "certified":
        return str(value["state"]), ()
    trust = Trust([*statements, *known], anchors=[invite.root], zone=invite.zone, now=now)
    try:
        certified = any(cert.issuer == invite.node for cert in trust.certifications(node))
        if not certified:
            trust.certified(node)
            raise TrustError(zh="认证不是邀请者所签", en="it is not the inviter who certifies")
    except TrustError as error:
        raise InviteError(zh=f"上级的答复不能证明认证：{error.zh}", en=f"the superior's answer does not prove the certification: {error.en}") from error
    return "certified", tuple(statement for statement in trust.statements if trust.counts(statement.digest))


def _check_secret(secret: str) -> None:
    try:
        unb64(secret, 16)
    except CanonicalError as error:
        raise InviteError(zh="邀请的密语不合规定", en="the invite's secret has not its form") from error


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise InviteError(zh=f"地址不合规定：{url!r:.100}", en=f"not an address: {url!r:.100}") from error
    if len(url) > 500 or parts.scheme not in ("http", "https") or not host or parts.username is not None or parts.query or parts.fragment or port == 0:
        raise InviteError(zh=f"地址不合规定：{url!r:.100}", en=f"not an address: {url!r:.100}")
