"""Row batches as they travel: head, leaves and what a reader may prove of them (PROTOCOL 5.1–5.4). Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sync.merkle import Hash, sha256

__all__ = ["MAX_BYTES", "MAX_ROWS", "RowsHead", "VerifiedRows", "make_head", "parse_head", "row_leaf", "rows_root", "verify_rows"]

MAX_ROWS = 1000
MAX_BYTES = 1 << 20


@dataclass(frozen=True)
class RowsHead:
    """A batch head. `prev` is base64url H(head bytes) of batch seq − 1, None for the first; `digest` is that of this head."""

    id: str
    variant: str
    seq: int
    prev: str | None
    count: int
    root: bytes
    base: bool
    text: str
    digest: str


@dataclass(frozen=True)
class VerifiedRows:
    """Rows of one batch, proved. puts: (key, salt, row) texts; removes: keys; holes: (place, leaf hash)."""

    head: RowsHead
    puts: tuple[tuple[str, bytes, str], ...]
    removes: tuple[str, ...]
    holes: tuple[tuple[int, bytes], ...]


def row_leaf(salt: bytes, text: str, hash_: Hash = sha256) -> bytes:
    """Leaf of a put (`text` is the row) or of a removal (`text` is the key): H(0x00 ‖ salt ‖ text)."""
    raise NotImplementedError


def rows_root(leaves: Iterable[bytes], hash_: Hash = sha256) -> bytes:
    """Root over leaves that are in byte order of their keys."""
    raise NotImplementedError


def make_head(*, id: str, variant: str, seq: int, prev: str | None, count: int, root: bytes, base: bool = False) -> str:
    """Canonical text of a batch head."""
    raise NotImplementedError


def parse_head(text: str, hash_: Hash = sha256) -> RowsHead:
    """Raises BatchError (clause 5.1)."""
    raise NotImplementedError


def verify_rows(head: RowsHead, put: Sequence[Sequence[str]], remove: Sequence[Sequence[str | None]], holes: Sequence[Sequence[int | str]], hash_: Hash = sha256) -> VerifiedRows:
    """Checks the batch's members against its root.

    Args:
        put: [salt, key, row]; remove: [salt, key], salt null when the row only left this reader's filter (its leaf is then a hole); holes: [place, leaf hash].

    Raises:
        BatchError: clause 5.x.
    """
    raise NotImplementedError
