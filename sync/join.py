"""Joining a superior: the invite line, the join and its answers (PROTOCOL 6.6). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from sync.statements import Statement

__all__ = ["Invite", "JoinRequest", "make_answer", "make_invite", "make_join", "parse_answer", "parse_invite", "parse_join", "secret_digest"]


@dataclass(frozen=True)
class Invite:
    """One line that a superior's clerk hands over. `root` is the root id that the new node comes to trust; `secret` is base64url of 16 bytes."""

    url: str
    node: str
    root: str
    zone: str
    secret: str
    exp: int


@dataclass(frozen=True)
class JoinRequest:
    """What the new node posts: proof of the invite, where it can be reached ('' when it only calls), its own statements."""

    secret: str
    node: str
    zone: str
    url: str
    statements: tuple[Statement, ...]


def make_invite(invite: Invite) -> str:
    """The line: `terrace-invite-1.<payload>.<check>`."""
    raise NotImplementedError


def parse_invite(line: str, *, now: int) -> Invite:
    """Raises InviteError: damaged, expired, or of another version."""
    raise NotImplementedError


def secret_digest(secret: str) -> str:
    """What the superior keeps of the secret: hex sha256."""
    raise NotImplementedError


def make_join(*, secret: str, url: str, statements: Iterable[str]) -> bytes:
    """Body of `POST join`."""
    raise NotImplementedError


def parse_join(data: bytes, *, zone: str, now: int) -> JoinRequest:
    """Checks form, that the node's own `node` and `certify` statements are there, signed by its root, and for this zone. Raises InviteError, StatementError, TrustError."""
    raise NotImplementedError


def make_answer(state: str, statements: Iterable[str] = ()) -> bytes:
    """Body of the answers: state `waiting` (202), `certified` (200, with the chain), `refused` (410)."""
    raise NotImplementedError


def parse_answer(data: bytes) -> tuple[str, tuple[Statement, ...]]:
    """Raises InviteError."""
    raise NotImplementedError
