"""Fingerprints and the stream head: what two peers compare to see that they agree (PROTOCOL 4.1, 4.6). Pure."""

from collections.abc import Iterable

from sync.merkle import Hash, sha256
from sync.suite import PublicKey, SecretKey

__all__ = ["MODULUS", "add", "fingerprint", "make_head", "row_fingerprint", "row_part", "subtract", "verify_head"]

MODULUS = 1 << 256


def fingerprint(manifest_hash: bytes, origin: str, index: int, names: Iterable[str], hash_: Hash = sha256) -> bytes:
    """Fingerprint of a PUT: manifest hash, log with its epoch, index, disclosed names."""
    raise NotImplementedError


def row_part(variant: str) -> str:
    """Name of a dataset's rows entry beside the record's own entry '' : `rows:<variant>`."""
    raise NotImplementedError


def row_fingerprint(record_id: str, variant: str, seq: int, hash_: Hash = sha256) -> bytes:
    """Fingerprint of a rows entry: its state is the batch number sent."""
    raise NotImplementedError


def add(total: int, fingerprint: bytes) -> int:
    """total + fingerprint mod 2^256."""
    raise NotImplementedError


def subtract(total: int, fingerprint: bytes) -> int:
    """total − fingerprint mod 2^256."""
    raise NotImplementedError


def make_head(sender: str, receiver: str, gen: str, position: int, total: int, key: SecretKey) -> str:
    """Signs the head of a stream."""
    raise NotImplementedError


def verify_head(note: str, *, sender: str, receiver: str, gen: str, keys: Iterable[PublicKey]) -> tuple[int, int]:
    """Returns (position, total). Raises NoteError (clause 4.6)."""
    raise NotImplementedError
