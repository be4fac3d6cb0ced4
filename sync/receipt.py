"""Receipts: the offline proof of a record (PROTOCOL 6.8). Made at a site, verified by a stranger with public keys alone. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from catalog.canonical import JSON
from catalog.manifest import Manifest
from sync.ids import Origin

__all__ = ["Proved", "make", "verify"]


@dataclass(frozen=True)
class Proved:
    """What a receipt proves: this record, with these fields, stood in this authority's log when the witness said so."""

    manifest: Manifest
    values: Mapping[str, JSON]
    withheld: int
    origin: Origin
    index: int
    size: int
    cosigned: int | None
    witness: str | None
    path: tuple[str, ...]
    names: tuple[Mapping[str, str], ...]


def make(*, manifest: str, disclose: Iterable[str], index: int, note: str, proof: Sequence[bytes], statements: Iterable[str]) -> bytes:
    """Canonical bytes of a receipt. `statements`: tokens of `Trust.chain(authority)`."""
    raise NotImplementedError


def verify(data: bytes, root_id: str, *, now: int, allow_uncosigned: bool = False) -> Proved:
    """Verifies a receipt against a root id that the verifier names. Raises ReceiptError with the step that failed."""
    raise NotImplementedError
