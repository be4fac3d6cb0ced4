"""Fingerprints and the stream head: what two peers compare to see that they agree (PROTOCOL 4.1, 4.6).

A stream is the table of the latest state of each record (and of each table of rows) for one peer. The sender signs the sum of the fingerprints of its
live entries; the receiver keeps the same sum over what it holds from this source. Sums differ: something was lost on the way, and a full read mends it.
Adding modulo 2^256 is order-free and lets one entry change in constant time; it is a check between honest peers, not a commitment against a liar: what
binds content is the log. Pure.
"""

from collections.abc import Iterable

from catalog.canonical import b64, dumps
from sync.errors import NoteError
from sync.ids import stream_origin
from sync.merkle import Hash, sha256
from sync.notes import Checkpoint, parse_note, sign_checkpoint, verify_note
from sync.suite import PublicKey, SecretKey

__all__ = ["MODULUS", "add", "fingerprint", "make_head", "row_fingerprint", "row_part", "subtract", "verify_head"]

MODULUS = 1 << 256


def fingerprint(manifest_hash: bytes, origin: str, index: int, names: Iterable[str], hash_: Hash = sha256) -> bytes:
    """Fingerprint of a record's entry.

    Args:
        manifest_hash: H(manifest).
        origin: log with its epoch: the same manifest taken into a new epoch is another state and travels again.
        index: leaf.
        names: disclosed field names, in any order.

    Returns:
        32 bytes.
    """
    # PROTOCOL 4.1
    return hash_(b"terrace/1 fingerprint\n" + dumps([b64(manifest_hash), origin, index, sorted(names)]))


def row_part(variant: str) -> str:
    """Key of a rows entry beside the record's own entry, whose part is ''."""
    return f"rows:{variant}"


def row_fingerprint(record_id: str, variant: str, seq: int, hash_: Hash = sha256) -> bytes:
    """Fingerprint of a rows entry: its state is the number of the newest batch sent (PROTOCOL 5.4)."""
    return hash_(b"terrace/1 fingerprint rows\n" + dumps([record_id, variant, seq]))


def add(total: int, fingerprint: bytes) -> int:
    """The sum with one live entry more."""
    return (total + int.from_bytes(fingerprint, "big")) % MODULUS


def subtract(total: int, fingerprint: bytes) -> int:
    """The sum with one live entry less."""
    return (total - int.from_bytes(fingerprint, "big")) % MODULUS


def make_head(sender: str, receiver: str, gen: str, position: int, total: int, key: SecretKey) -> str:
    """Signs the head of a stream.

    Args:
        sender, receiver: node ids.
        gen: the stream's generation.
        position: highest position given out.
        total: sum of the fingerprints of all live entries.
        key: site key of the sender.
    """
    # PROTOCOL 4.6
    return sign_checkpoint(Checkpoint(stream_origin(sender, receiver, gen), position, total.to_bytes(32, "big")), key)


def verify_head(note: str, *, sender: str, receiver: str, gen: str, keys: Iterable[PublicKey]) -> tuple[int, int]:
    """Verifies the head of a stream.

    Args:
        note: as received.
        keys: site keys of the sender now.

    Returns:
        (position, sum).

    Raises:
        NoteError: not the head of this stream, or not signed by its sender.
    """
    # PROTOCOL 4.6
    try:
        checkpoint = verify_note(parse_note(note), keys)
    except NoteError as error:
        raise NoteError(zh=f"流首：{error.zh}", en=f"stream head: {error.en}", clause="4.6", kind=error.kind) from error
    if checkpoint.origin != stream_origin(sender, receiver, gen):
        raise NoteError(zh=f"流首属于别的流：{checkpoint.origin}", en=f"the head of another stream: {checkpoint.origin}", clause="4.6")
    return checkpoint.size, int.from_bytes(checkpoint.root, "big")
