"""The claims of statements, as their issuers write them (PROTOCOL 6.1–6.3; read by `sync.claims`, signed by `sync.statements.sign`). Pure."""

from collections.abc import Iterable, Mapping

from catalog.canonical import JSON, b64
from sync.claims import DAY, NodeStatement, write_time
from sync.merkle import sha256
from sync.suite import DEFAULT, PublicKey

__all__ = ["certify_claims", "epoch_claims", "node_claims", "succession_claims"]


def node_claims(
    keys: Iterable[PublicKey], *, threshold: int = 1, now: int, exp: int | None = None, previous: tuple[NodeStatement, bytes] | None = None
) -> dict[str, JSON]:
    """Claims of a `node` statement.

    Args:
        keys: root keys, of one suite.
        threshold: how many of them must sign.
        now: UTC seconds.
        exp: end; 20 years when None.
        previous: the newest version and its payload; None makes the first version (and so a new node).
    """
    listed = list(keys)
    return {
        "exp": now + 20 * 366 * DAY if exp is None else exp,
        "iat": now,
        "iss": None if previous is None else previous[0].node,
        "keys": [dict(key.jwk) for key in listed],
        "kind": "node",
        "prev": None if previous is None else b64(sha256(previous[1])),
        "suite": listed[0].suite if listed else DEFAULT.id,
        "threshold": threshold,
        "v": 1,
        "version": 1 if previous is None else previous[0].version + 1,
    }


def certify_claims(
    *,
    iss: str,
    sub: str,
    zone: str,
    serial: int,
    site_keys: Iterable[PublicKey],
    witness_key: PublicKey | None,
    name: Mapping[str, str],
    sector: str,
    level: str,
    division: str | None,
    unit: str | None,
    divisions: Iterable[str],
    units: Iterable[str] = (),
    depth: int,
    now: int,
    exp: int | None = None,
    epoch: int = 1,
    witnesses: Iterable[str] = (),
    revoked: bool = False,
) -> dict[str, JSON]:
    """Claims of a `certify` statement. Arguments as in Certify; `exp` is in 400 days when None."""
    listed = list(site_keys)
    return {
        "depth": depth,
        "division": division,
        "divisions": list(divisions),
        "epoch": epoch,
        "exp": now + 400 * DAY if exp is None else exp,
        "iat": now,
        "iss": iss,
        "keys": {"site": [dict(key.jwk) for key in listed], "witness": None if witness_key is None else dict(witness_key.jwk)},
        "kind": "certify",
        "level": level,
        "name": dict(name),
        "revoked": revoked,
        "sector": sector,
        "serial": serial,
        "sub": sub,
        "suite": listed[0].suite if listed else DEFAULT.id,
        "unit": unit,
        "units": list(units),
        "v": 1,
        "witnesses": list(witnesses),
        "zone": zone,
    }


def epoch_claims(
    *, iss: str, sub: str, zone: str, closes: int, size: int, root: bytes, site_keys: Iterable[PublicKey], reason: str, now: int, exp: int | None = None
) -> dict[str, JSON]:
    """Claims of an `epoch` statement. Arguments as in EpochClose; `exp` is in 30 years when None, since what it voids stays void."""
    listed = list(site_keys)
    return {
        "closes": closes,
        "exp": now + 30 * 366 * DAY if exp is None else exp,
        "iat": now,
        "iss": iss,
        "keys": {"site": [dict(key.jwk) for key in listed], "witness": None},
        "kind": "epoch",
        "opens": closes + 1,
        "reason": reason,
        "root": b64(root),
        "size": size,
        "sub": sub,
        "suite": listed[0].suite if listed else DEFAULT.id,
        "v": 1,
        "zone": zone,
    }


def succession_claims(
    *, iss: str, zone: str, from_: str, to: str, ids: Iterable[str] | None, epoch: int, size: int, until: int, now: int, exp: int | None = None
) -> dict[str, JSON]:
    """Claims of a `succession` statement. Arguments as in Succession; `exp` is in 30 years when None."""
    return {
        "epoch": epoch,
        "exp": now + 30 * 366 * DAY if exp is None else exp,
        "from": from_,
        "iat": now,
        "ids": "all" if ids is None else sorted(ids),
        "iss": iss,
        "kind": "succession",
        "size": size,
        "to": to,
        "until": write_time(until),
        "v": 1,
        "zone": zone,
    }
