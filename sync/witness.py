"""What a witness cosigns: the decision of C2SP tlog-witness `add-checkpoint` (PROTOCOL 3.3). Pure; the caller stores before it answers."""

from collections.abc import Sequence
from dataclasses import dataclass

from sync.suite import SecretKey
from sync.trust import Trust

__all__ = ["Cosigned", "Known", "decide", "make_request"]


@dataclass(frozen=True)
class Known:
    """The newest checkpoint of one log that this witness cosigned."""

    size: int
    root: bytes
    note: str


@dataclass(frozen=True)
class Cosigned:
    """The state to store (first, in the same transaction in which `known` was read) and the line to answer with."""

    origin: str
    size: int
    root: bytes
    note: str  # with the cosignature
    time: int
    line: str


def make_request(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """The body of `POST witness/add-checkpoint`."""
    raise NotImplementedError


def parse_origin_line(request: bytes) -> str:
    """The log that a request is about, to look up `known`. Raises WitnessError 400."""
    raise NotImplementedError


def decide(request: bytes, *, trust: Trust, me: str, known: Known | None, key: SecretKey, now: int) -> Cosigned:
    """Decides. Raises WitnessError (status 400, 403, 404, 409 with size, 422) or ForkError (two notes of one size: evidence; answer 409)."""
    raise NotImplementedError
