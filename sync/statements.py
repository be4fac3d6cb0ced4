"""Statements: what nodes say, signed, about themselves and others (PROTOCOL 6.1, 6.2, 6.3)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalog.canonical import JSON
from sync.suite import PublicKey, SecretKey

__all__ = ["Certify", "EpochClose", "NodeStatement", "Signature", "Statement", "Succession", "certify_claims", "epoch_claims", "node_claims", "parse_all", "sign", "succession_claims"]


@dataclass(frozen=True)
class Signature:
    """One compact JWS of a statement, not yet verified."""

    jws: str
    kid: str
    alg: str


@dataclass(frozen=True)
class NodeStatement:
    """`node`: the root keys. `node` is the id (computed for version 1), `prev` the digest of the version before."""

    node: str
    version: int
    suite: str
    keys: tuple[PublicKey, ...]
    threshold: int
    iat: int
    exp: int
    prev: str | None


@dataclass(frozen=True)
class Certify:
    """`certify`: iss says what sub is in one zone. iss == sub: the node's own root names its site's keys and its limits."""

    iss: str
    sub: str
    zone: str
    serial: int
    suite: str
    site_keys: tuple[PublicKey, ...]
    witness_key: PublicKey | None
    epoch: int
    name: Mapping[str, str]
    sector: str
    level: str
    division: str | None
    unit: str | None
    divisions: tuple[str, ...]
    units: tuple[str, ...]
    depth: int
    witnesses: tuple[str, ...]
    revoked: bool
    iat: int
    exp: int


@dataclass(frozen=True)
class EpochClose:
    """`epoch`: iss closes an epoch of sub's log at a trusted size and opens the next with these keys."""

    iss: str
    sub: str
    zone: str
    closes: int
    size: int
    root: bytes
    opens: int
    site_keys: tuple[PublicKey, ...]
    reason: str
    iat: int
    exp: int


@dataclass(frozen=True)
class Succession:
    """`succession`: `to` takes over from `from_` (all ids, or those named)."""

    iss: str
    zone: str
    from_: str
    to: str
    ids: tuple[str, ...] | None
    epoch: int
    size: int
    until: int
    iat: int
    exp: int


type Body = NodeStatement | Certify | EpochClose | Succession


@dataclass(frozen=True)
class Statement:
    """A statement of one payload with all its signatures (m-of-n are several compact JWS with one payload segment).

    Attributes:
        body: what it says.
        payload: the bytes signed over (canonical JSON).
        digest: base64url H(payload); its name.
        signatures: one for each key id.
    """

    body: Body
    payload: bytes
    digest: str
    signatures: tuple[Signature, ...]

    @property
    def tokens(self) -> tuple[str, ...]:
        """The compact JWS, as they travel in `statements`."""
        return tuple(signature.jws for signature in self.signatures)


def parse_all(tokens: Iterable[str]) -> list[Statement]:
    """Parses compact JWS and joins those with one payload segment. Verifies form only. Raises StatementError."""
    raise NotImplementedError


def sign(claims: Mapping[str, JSON], key: SecretKey) -> str:
    """Signs a statement's claims: one compact JWS. Raises StatementError when the claims have not their form."""
    raise NotImplementedError


def node_claims(keys: Iterable[PublicKey], *, threshold: int = 1, now: int, exp: int | None = None, previous: "Statement | None" = None) -> dict[str, JSON]:
    """Claims of a `node` statement; the first version when `previous` is None."""
    raise NotImplementedError


def certify_claims(
    *, iss: str, sub: str, zone: str, serial: int, site_keys: Iterable[PublicKey], witness_key: PublicKey | None, name: Mapping[str, str], sector: str, level: str, division: str | None, unit: str | None,
    divisions: Iterable[str], units: Iterable[str] = (), depth: int, now: int, exp: int | None = None, epoch: int = 1, witnesses: Iterable[str] = (), revoked: bool = False,
) -> dict[str, JSON]:  # fmt: skip
    """Claims of a `certify` statement (400 days unless `exp` says otherwise)."""
    raise NotImplementedError


def epoch_claims(*, iss: str, sub: str, zone: str, closes: int, size: int, root: bytes, site_keys: Iterable[PublicKey], reason: str, now: int, exp: int | None = None) -> dict[str, JSON]:
    """Claims of an `epoch` statement; `opens` is `closes` + 1."""
    raise NotImplementedError


def succession_claims(*, iss: str, zone: str, from_: str, to: str, ids: Iterable[str] | None, epoch: int, size: int, until: int, now: int, exp: int | None = None) -> dict[str, JSON]:
    """Claims of a `succession` statement."""
    raise NotImplementedError
