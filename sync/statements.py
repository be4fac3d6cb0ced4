"""Statements: what nodes say, signed, about themselves and others (PROTOCOL 6.1–6.3).

A statement is a compact JWS with the protected header `{"alg","kid","typ":"terrace-statement+jwt"}` over canonical JSON. Several compact JWS with one
payload segment are one statement with several signatures (m of n). This module reads and writes form; who may say what is `sync.trust`'s.

Rules for reading, in this order, so that nothing outside the form reaches a library:

1. Exactly two dots, at most 16 KiB; each segment is canonical base64url.
2. The header is canonical JSON with exactly `alg`, `kid`, `typ`; no `zip`, `crit`, `jwk`, `jku` can occur.
3. The payload is canonical JSON (PROTOCOL 1.1) with `v` 1, a known `kind`, `iat` and `exp`.
4. `alg` must be the algorithm of the suite of the key that verifies; it never chooses one. (`sync.trust` names the key by `kid`.)
5. A statement's name is the digest of its payload, never of its token bytes.

Unknown members of a known kind are kept (they are signed) and ignored.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from jwcrypto.common import JWException
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from catalog.canonical import JSON, b64, dumps, loads, unb64
from catalog.errors import CanonicalError
from sync.claims import Body, Certify, EpochClose, NodeStatement, Succession, read_body
from sync.errors import StatementError
from sync.merkle import sha256
from sync.say import certify_claims, epoch_claims, node_claims, succession_claims
from sync.suite import PublicKey, SecretKey, suite_of

__all__ = [
    "MAX_JWS",
    "TYP",
    "Body",
    "Certify",
    "EpochClose",
    "NodeStatement",
    "Signature",
    "Signatures",
    "Statement",
    "Succession",
    "certify_claims",
    "epoch_claims",
    "merge",
    "node_claims",
    "parse_all",
    "sign",
    "sign_jws",
    "split_jws",
    "succession_claims",
    "verify_jws",
]

TYP = "terrace-statement+jwt"
MAX_JWS = 16 << 10
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")


@dataclass(frozen=True)
class Signature:
    """One compact JWS, read but not yet verified.

    Attributes:
        jws: the token.
        kid: id of the key that it claims.
        alg: algorithm that it claims.
    """

    jws: str
    kid: str
    alg: str


@dataclass(frozen=True)
class Statement:
    """A statement with all its signatures.

    Attributes:
        body: what it says.
        payload: canonical bytes that are signed.
        digest: base64url H(payload): its name.
        signatures: none twice.
    """

    body: Body
    payload: bytes
    digest: str
    signatures: tuple[Signature, ...]

    @property
    def tokens(self) -> tuple[str, ...]:
        """The compact JWS, as they travel in `statements`."""
        return tuple(signature.jws for signature in self.signatures)


def split_jws(token: str, typ: str, *, limit: int = MAX_JWS) -> tuple[Signature, bytes]:
    """Reads a compact JWS strictly, without verifying it.

    Args:
        token: the text.
        typ: the `typ` that its header must have.
        limit: longest text.

    Returns:
        (its signature, payload bytes).

    Raises:
        StatementError: rules 1 and 2 of the module.
    """
    # PROTOCOL 6.1
    if not isinstance(token, str) or len(token) > limit or _COMPACT.match(token) is None:
        raise StatementError(zh="不是紧凑 JWS（三段、至多 16 KiB）", en="not a compact JWS (three segments, at most 16 KiB)")
    head, body, mark = token.split(".")
    try:
        header, payload = loads(unb64(head)), unb64(body)
        unb64(mark, 64)
    except CanonicalError as error:
        raise StatementError(zh=f"JWS：{error.zh}", en=f"JWS: {error.en}") from error
    if not isinstance(header, dict) or set(header) != {"alg", "kid", "typ"} or not all(isinstance(member, str) for member in header.values()):
        raise StatementError(zh="JWS 表头只许 alg、kid、typ", en="a JWS header holds alg, kid and typ, and nothing else")
    if header["typ"] != typ:
        raise StatementError(zh=f"JWS 的 typ 须为 {typ}", en=f"the JWS must be of type {typ}")
    return Signature(token, str(header["kid"]), str(header["alg"])), payload


def verify_jws(signature: Signature, key: PublicKey) -> bool:
    """Tells whether a compact JWS, already split, is signed by this key. The key's suite decides the algorithm."""
    suite = suite_of(key.suite)
    # PROTOCOL 1.5, 6.1
    if signature.kid != key.kid or signature.alg != suite.jws_alg:
        return False
    jws = JWS()
    jws.allowed_algs = [suite.jws_alg]
    try:
        jws.deserialize(signature.jws, JWK(**key.jwk))
    except (JWException, ValueError):
        return False
    return bool(jws.is_valid)


class Signatures:
    """Verifies statements and remembers what it verified, since a nation's trust holds thousands of them."""

    def __init__(self) -> None:
        self._verified: dict[tuple[str, PublicKey], bool] = {}
        self._genuine: set[str] = set()

    def by(self, statement: Statement, keys: Sequence[PublicKey], threshold: int) -> bool:
        """Tells whether at least `threshold` of the keys signed (m of n; each key counts once)."""
        # PROTOCOL 6.1
        count = sum(any(self._verify(jws, key) for jws in statement.signatures if jws.kid == key.kid) for key in dict.fromkeys(keys))
        if count >= threshold:
            self._genuine.add(statement.digest)
        return count >= threshold

    def genuine(self, digest: str) -> bool:
        """Tells whether a statement was ever found signed by the keys that had to."""
        return digest in self._genuine

    def _verify(self, signature: Signature, key: PublicKey) -> bool:
        known = self._verified.get((signature.jws, key))
        if known is None:
            known = self._verified[signature.jws, key] = verify_jws(signature, key)
        return known


def sign_jws(payload: bytes, key: SecretKey, typ: str) -> str:
    """Signs bytes as a compact JWS."""
    alg = suite_of(key.suite).jws_alg
    jws = JWS(payload)
    jws.allowed_algs = [alg]
    jws.add_signature(JWK(**key.jwk()), None, dumps({"alg": alg, "kid": key.public.kid, "typ": typ}).decode())
    return str(jws.serialize(compact=True))


def sign(claims: Mapping[str, JSON], key: SecretKey) -> str:
    """Signs a statement's claims.

    Args:
        claims: of one of the `…_claims` functions.
        key: one of the keys of the statement's issuer.

    Returns:
        One compact JWS.

    Raises:
        StatementError: the claims have not their form.
    """
    payload = dumps(dict(claims))
    _body(payload)
    return sign_jws(payload, key, TYP)


def parse_all(tokens: Iterable[str], *, limit: int | None = None) -> list[Statement]:
    """Reads compact JWS and joins those that sign one payload.

    Args:
        tokens: as they travel, in any order.
        limit: most tokens of one message from outside; None for what this site keeps itself.

    Returns:
        Statements in the order of their first token.

    Raises:
        StatementError: a token is not a statement of this version, or there are too many.
    """
    found: dict[str, Statement] = {}
    for count, token in enumerate(tokens):
        if limit is not None and count >= limit:
            raise StatementError(zh=f"声明签名超过 {limit} 个", en=f"more than {limit} statement signatures in one message")
        signature, payload = split_jws(token, TYP)
        digest = b64(sha256(payload))
        known = found.get(digest)
        statement = Statement(_body(payload), payload, digest, (signature,))
        found[digest] = statement if known is None else merge(known, statement)
    return list(found.values())


def merge(first: Statement, second: Statement) -> Statement:
    """One statement with the signatures of both (same payload).

    Two tokens that claim one key id are both kept until `sync.trust` has verified them: else a false one, sent first, would push out the true one.
    """
    known = {signature.jws for signature in first.signatures}
    new = tuple(signature for signature in second.signatures if signature.jws not in known)
    return replace(first, signatures=first.signatures + new) if new else first


def _body(payload: bytes) -> Body:
    try:
        value = loads(payload)
    except CanonicalError as error:
        raise StatementError(zh=f"声明：{error.zh}", en=f"statement: {error.en}") from error
    return read_body(value, payload)
