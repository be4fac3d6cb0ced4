"""Signed notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature): checkpoints, stream heads and cosignatures (PROTOCOL 3.3, 4.6)."""

from collections.abc import Iterable
from dataclasses import dataclass

from sync.suite import PublicKey, SecretKey

__all__ = ["Checkpoint", "Cosignature", "Note", "SignatureLine", "add_signature", "cosign", "key_id", "parse_checkpoint", "parse_note", "sign_checkpoint", "verify_cosignatures", "verify_note"]


@dataclass(frozen=True)
class SignatureLine:
    """One signature line: key name, 4-byte key id, signature bytes."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True)
class Note:
    """A parsed note whose signatures are not yet verified. `text` ends in a newline; `signed` is the whole note as received."""

    text: str
    lines: tuple[SignatureLine, ...]
    signed: str


@dataclass(frozen=True)
class Checkpoint:
    """The body of a note: origin, size, root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note's text."""
        raise NotImplementedError


@dataclass(frozen=True)
class Cosignature:
    """A verified cosignature: name of the witness's key and time in UTC seconds."""

    name: str
    time: int


def key_id(name: str, key: PublicKey, *, cosigner: bool = False) -> bytes:
    """C2SP key id, 4 bytes."""
    raise NotImplementedError


def parse_note(data: str | bytes) -> Note:
    """Parses strictly, at most 16 kB and 16 signatures. Raises NoteError."""
    raise NotImplementedError


def parse_checkpoint(note: Note) -> Checkpoint:
    """Reads the note's text as a checkpoint without extension lines. Raises NoteError."""
    raise NotImplementedError


def sign_checkpoint(checkpoint: Checkpoint, key: SecretKey) -> str:
    """Signs a checkpoint or a stream head; the key's name is the origin. Returns the note."""
    raise NotImplementedError


def verify_note(note: Note, keys: Iterable[PublicKey]) -> Checkpoint:
    """Verifies that one of the keys signed the note under the name of its origin. Raises NoteError (also when a known key's signature is wrong)."""
    raise NotImplementedError


def cosign(note: Note, name: str, key: SecretKey, now: int) -> str:
    """Makes a `cosignature/v1` line (ending in a newline) over the note's text."""
    raise NotImplementedError


def add_signature(note: str, line: str) -> str:
    """Appends a signature line (a witness's answer) to a note, replacing one by the same key. Raises NoteError."""
    raise NotImplementedError


def verify_cosignatures(note: Note, witnesses: Iterable[tuple[str, PublicKey]], *, now: int | None) -> Cosignature | None:
    """Returns the newest valid cosignature by one of the witnesses (name, key); None when there is none.

    Raises:
        NoteError: a line by a known witness does not verify, or lies more than 5 minutes ahead of `now` (PROTOCOL 6.5).
    """
    raise NotImplementedError
