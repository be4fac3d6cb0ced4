"""Request tokens: who calls, for exactly this request (PROTOCOL 7.2)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sync.suite import PublicKey, SecretKey

__all__ = ["MAX_AGE", "Caller", "MemoryReplayCache", "ReplayCache", "make", "peek_issuer", "verify"]

#: Longest life of a token in seconds.
MAX_AGE = 60


class ReplayCache(Protocol):
    """Remembers tokens until they expire."""

    def add(self, key: str, expires: int, now: int) -> bool:
        """Notes `key` (issuer and jti) atomically; False when it was there already."""
        ...


class MemoryReplayCache:
    """A replay cache of one process."""

    def add(self, key: str, expires: int, now: int) -> bool:
        """See ReplayCache."""
        raise NotImplementedError


@dataclass(frozen=True)
class Caller:
    """Who made a request, proved."""

    node: str
    zone: str
    jti: str
    expires: int


def make(key: SecretKey, *, iss: str, aud: str, zone: str, method: str, target: str, body: bytes, now: int, life: int = MAX_AGE) -> str:
    """Makes the value of `Authorization: Terrace <token>`.

    Args:
        target: path and query as sent, from `/peer/v1/` on.
    """
    raise NotImplementedError


def peek_issuer(token: str) -> str:
    """The node that a token says it is from, unproved: only to look up keys. Raises TokenError."""
    raise NotImplementedError


def verify(token: str, *, keys: Callable[[str], Sequence[PublicKey]], me: str, zone: str, method: str, target: str, body: bytes, now: int, replay: ReplayCache) -> Caller:
    """Verifies a token.

    Args:
        keys: node id → site keys now (may raise TrustError: uncertified).

    Raises:
        TokenError: kind says which check failed.
    """
    raise NotImplementedError
