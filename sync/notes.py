"""Signed notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature): checkpoints, stream heads and cosignatures (PROTOCOL 3.3, 4.6).

A note is text and signature lines:

    terrace/1/n-…/government/1
    831
    <base64 of the root>

    — terrace/1/n-…/government/1 <base64 of key id ‖ signature>
    — terrace/1/witness/n-…/government <base64 of key id ‖ time ‖ signature>

Rules:

1. A log signs under the name of its origin, a stream's head likewise, a witness under `terrace/1/witness/<node>/<zone>`.
2. Signatures by unknown keys are ignored; a signature by a known key that does not verify rejects the note (C2SP).
3. Parsing is strict: one text for one note. No extension lines, no control characters, canonical base64, sizes without leading zeros.
4. Limits: 16 KiB, 16 signatures.
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass

from sync.errors import NoteError
from sync.merkle import MAX_SIZE
from sync.suite import PublicKey, SecretKey, suite_of

__all__ = [
    "MAX_AHEAD",
    "Checkpoint",
    "Cosignature",
    "Note",
    "SignatureLine",
    "add_signature",
    "cosign",
    "key_id",
    "only_own",
    "parse_checkpoint",
    "parse_note",
    "sign_checkpoint",
    "verify_cosignatures",
    "verify_note",
]

#: Seconds that a cosignature may lie ahead of our clock (PROTOCOL 6.5).
MAX_AHEAD = 300

_MAX_BYTES = 16 << 10
_MAX_SIGNATURES = 16
_DASH = "\u2014 "
_NAME = re.compile(r"[^\s+]+\Z")
_SIZE = re.compile(r"(?:0|[1-9][0-9]{0,15})\Z")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True)
class SignatureLine:
    """One signature line.

    Attributes:
        name: key name.
        key_id: 4 bytes.
        signature: the bytes behind the key id.
    """

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode('ascii')}\n"


@dataclass(frozen=True)
class Note:
    """A parsed note whose signatures are not yet verified.

    Attributes:
        text: what is signed; ends in a newline.
        lines: its signatures.
        signed: the whole note as received.
    """

    text: str
    lines: tuple[SignatureLine, ...]
    signed: str


@dataclass(frozen=True)
class Checkpoint:
    """The body of a note.

    Attributes:
        origin: name of the log or stream.
        size: number of leaves; of a stream's head, its position.
        root: 32 bytes; of a stream's head, the sum of fingerprints, big-endian.
    """

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note's text."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"


@dataclass(frozen=True)
class Cosignature:
    """A verified cosignature.

    Attributes:
        name: key name of the witness.
        time: UTC seconds: the heartbeat of the log.
    """

    name: str
    time: int


def key_id(name: str, key: PublicKey, *, cosigner: bool = False) -> bytes:
    """C2SP key id: first 4 bytes of H(name ‖ newline ‖ signature type ‖ public key)."""
    suite = suite_of(key.suite)
    return suite.hash(name.encode() + b"\n" + (suite.cosignature_type if cosigner else suite.note_type) + key.raw)[:4]


def parse_note(data: str | bytes) -> Note:
    """Parses a note strictly.

    Raises:
        NoteError: not a note, or too large.
    """
    # PROTOCOL 3.3
    if len(data) > _MAX_BYTES:
        raise NoteError(zh=f"签名笔记超过 {_MAX_BYTES} 字节", en=f"a note is at most {_MAX_BYTES} bytes")
    try:
        signed = data.decode() if isinstance(data, bytes) else data
        size = len(signed.encode())
    except UnicodeError as error:
        raise NoteError(zh="签名笔记不是 UTF-8", en="the note is not UTF-8") from error
    if size > _MAX_BYTES:
        raise NoteError(zh=f"签名笔记超过 {_MAX_BYTES} 字节", en=f"a note is at most {_MAX_BYTES} bytes")
    if _CONTROL.search(signed):
        raise NoteError(zh="签名笔记含控制字符", en="the note holds control characters")
    text, separator, tail = signed.rpartition("\n\n")
    if not separator or not text or not tail.endswith("\n"):
        raise NoteError(zh="签名笔记须为：正文、空行、签名行", en="a note is its text, an empty line, and signature lines")
    lines = tail[:-1].split("\n")
    if len(lines) > _MAX_SIGNATURES:
        raise NoteError(zh=f"签名超过 {_MAX_SIGNATURES} 个", en=f"more than {_MAX_SIGNATURES} signatures")
    return Note(text + "\n", tuple(_signature_line(line) for line in lines), signed)


def _signature_line(line: str) -> SignatureLine:
    name, separator, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not separator or _NAME.match(name) is None:
        raise NoteError(zh=f"不是签名行：{line!r:.80}", en=f"not a signature line: {line!r:.80}")
    raw = _unb64(encoded)
    if len(raw) <= 4:
        raise NoteError(zh="签名过短", en="a signature is a key id of 4 bytes and more")
    return SignatureLine(name, raw[:4], raw[4:])


def _unb64(text: str) -> bytes:
    """Standard base64 with padding, one text for one value."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError(zh=f"不是 base64：{text!r:.40}", en=f"not base64: {text!r:.40}") from error
    if base64.b64encode(raw).decode("ascii") != text:
        raise NoteError(zh="base64 的写法不唯一", en="base64 that has another, shorter form")
    return raw


def parse_checkpoint(note: Note) -> Checkpoint:
    """Reads a note's text as a checkpoint: origin, size, root, and nothing else.

    Raises:
        NoteError: it is not one.
    """
    lines = note.text[:-1].split("\n")
    if len(lines) != 3 or _NAME.match(lines[0]) is None or _SIZE.match(lines[1]) is None:
        raise NoteError(zh="检查点须为三行：名、大小、树根", en="a checkpoint is three lines: origin, size, root")
    size, root = int(lines[1]), _unb64(lines[2])
    if size > MAX_SIZE or len(root) != 32:
        raise NoteError(zh="检查点的大小或树根不合规定", en="the checkpoint's size or root is out of bounds")
    return Checkpoint(lines[0], size, root)


def sign_checkpoint(checkpoint: Checkpoint, key: SecretKey) -> str:
    """Signs a checkpoint or a stream's head under the name of its origin.

    Returns:
        The signed note.
    """
    line = SignatureLine(checkpoint.origin, key_id(checkpoint.origin, key.public), key.sign(checkpoint.text.encode()))
    return f"{checkpoint.text}\n{line}"


def only_own(signed: str) -> str:
    """A note with no other signatures than those under the name of its origin."""
    note = parse_note(signed)
    origin = note.text.partition("\n")[0]
    return note.text + "\n" + "".join(str(line) for line in note.lines if line.name == origin)


def verify_note(note: Note, keys: Iterable[PublicKey]) -> Checkpoint:
    """Verifies that one of the keys signed the note under the name of its origin.

    Args:
        note: parsed.
        keys: those that count now.

    Returns:
        What was signed.

    Raises:
        NoteError: none of them signed (kind `unsigned`), or a signature by one of them is wrong.
    """
    # PROTOCOL 3.3
    checkpoint = parse_checkpoint(note)
    known = {key_id(checkpoint.origin, key): key for key in keys}
    signed = False
    for line in note.lines:
        key = known.get(line.key_id) if line.name == checkpoint.origin else None
        if key is None:
            continue
        if not key.verify(note.text.encode(), line.signature):
            raise NoteError(zh=f"{checkpoint.origin} 的签名不成立", en=f"the signature on {checkpoint.origin} does not verify")
        signed = True
    if not signed:
        raise NoteError(zh=f"{checkpoint.origin} 未经可信密钥签名", en=f"{checkpoint.origin} is not signed by a key that counts", kind="unsigned")
    return checkpoint


def cosign(note: Note, name: str, key: SecretKey, now: int) -> str:
    """Makes a `cosignature/v1` line over the note's text.

    Args:
        note: the checkpoint.
        name: the witness's key name.
        key: its witness key.
        now: UTC seconds.

    Returns:
        The signature line, ending in a newline.
    """
    # PROTOCOL 3.3, C2SP tlog-cosignature
    signature = key.sign(_cosigned_message(note.text, now))
    return str(SignatureLine(name, key_id(name, key.public, cosigner=True), now.to_bytes(8, "big") + signature))


def _cosigned_message(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def add_signature(note: str, line: str) -> str:
    """Adds a signature line (a witness's answer) to a note; an older one by the same key goes.

    Raises:
        NoteError: the line or the note is malformed.
    """
    if not line.endswith("\n"):
        raise NoteError(zh="签名行须以换行结束", en="a signature line ends in a newline")
    parsed, added = parse_note(note), _signature_line(line[:-1])
    kept = [old for old in parsed.lines if (old.name, old.key_id) != (added.name, added.key_id)]
    return parse_note(f"{parsed.text}\n{''.join(map(str, [*kept, added]))}").signed


def verify_cosignatures(note: Note, witnesses: Iterable[tuple[str, PublicKey]], *, now: int | None) -> Cosignature | None:
    """Looks for cosignatures that count.

    Args:
        note: the checkpoint with its signature lines.
        witnesses: (key name, key) of those that may witness this log.
        now: UTC seconds of our clock; None does not look at the clock (receipts).

    Returns:
        The newest valid cosignature, or None when there is none.

    Raises:
        NoteError: a line by one of the witnesses does not verify, or lies more than five minutes ahead.
    """
    # PROTOCOL 3.3, 3.5
    known = {(name, key_id(name, key, cosigner=True)): key for name, key in witnesses}
    newest: Cosignature | None = None
    for line in note.lines:
        key = known.get((line.name, line.key_id))
        if key is None:
            continue
        time = int.from_bytes(line.signature[:8], "big")
        if len(line.signature) <= 8 or time >= 1 << 53 or not key.verify(_cosigned_message(note.text, time), line.signature[8:]):
            raise NoteError(zh=f"{line.name} 的见证签名不成立", en=f"the cosignature by {line.name} does not verify")
        # PROTOCOL 6.5
        if now is not None and time > now + MAX_AHEAD:
            raise NoteError(
                zh=f"{line.name} 的见证时间超前五分钟以上", en=f"the cosignature by {line.name} lies more than five minutes ahead", clause="6.5", kind="ahead"
            )
        if newest is None or time > newest.time:
            newest = Cosignature(line.name, time)
    return newest
