"""What a witness cosigns: C2SP tlog-witness `add-checkpoint`, decided purely (PROTOCOL 3.3).

The caller reads `known` and stores the result in one transaction, and answers only after it has committed: two requests at once must not roll a log back.

The request is text:

    old <size that the witness knows>
    <base64 of a consistency proof hash>        (at most 63 lines; none when old is 0)
                                                (empty line)
    <checkpoint with its signature lines>

Decision, numbered here and at the code:

1. Form: 400. 2. A log of nobody who may ask us: 404. 3. Not signed by a key that counts: 403. 4. `old` beyond the checkpoint: 400.
5. A witness that was restored forgets. So that it cannot be made to sign a fork of what it once signed, its own cosignature on the note that the log
   sends is taken for its memory: the higher state is adopted first.
6. `old` is not what we know: 409 with our size. 7. The same size with another root is a fork: evidence, 409. 8. The proof does not hold: 422.
   With 6 to 8 goes the checkpoint that we cosigned last: the log believes its own signature, and nobody's bare number.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sync.errors import ForkError, NoteError, ProofError, SyncError, TrustError, WitnessError
from sync.ids import Origin, parse_origin, witness_name
from sync.merkle import MAX_SIZE, verify_consistency
from sync.notes import Checkpoint, Note, add_signature, cosign, parse_checkpoint, parse_note, verify_cosignatures, verify_note
from sync.suite import SecretKey, suite_of
from sync.trust import Trust

__all__ = ["CHECKPOINT", "MAX_REQUEST", "Cosigned", "Known", "decide", "make_request", "origin_of"]

MAX_REQUEST = 32 << 10
#: Header of an answer that refuses: the checkpoint of the log that this witness cosigned last, base64.
CHECKPOINT = "Terrace-Checkpoint"
_MAX_PROOF = 63
_OLD = re.compile(r"old (0|[1-9][0-9]{0,15})\Z")


@dataclass(frozen=True)
class Known:
    """The newest checkpoint of one log that this witness cosigned.

    Attributes:
        note: with our cosignature.
    """

    size: int
    root: bytes
    note: str


@dataclass(frozen=True)
class Cosigned:
    """The decision to cosign: store it, then answer with `line`.

    Attributes:
        note: the checkpoint with our cosignature.
        time: of the cosignature, UTC seconds.
        line: the signature line, ending in a newline.
    """

    origin: str
    size: int
    root: bytes
    note: str
    time: int
    line: str


@dataclass(frozen=True)
class _Request:
    old: int
    proof: list[bytes]
    note: Note
    checkpoint: Checkpoint


def make_request(old: int, proof: Sequence[bytes], note: str) -> bytes:
    """The body of `POST witness/add-checkpoint`.

    Args:
        old: size that the witness is thought to know.
        proof: RFC 9162 consistency proof from there.
        note: the checkpoint.
    """
    lines = "".join(base64.b64encode(hash_).decode("ascii") + "\n" for hash_ in proof)
    return f"old {old}\n{lines}\n{note}".encode()


def origin_of(request: bytes) -> Origin:
    """The log that a request is about: to look up `Known`.

    Raises:
        WitnessError: 400, the request has not its form; 404, not the name of a log.
    """
    return _origin(_parse(request).checkpoint)


def decide(request: bytes, *, trust: Trust, me: str, known: Known | None, key: SecretKey, now: int) -> Cosigned:
    """Decides whether to cosign.

    Args:
        request: body as received.
        trust: as of now.
        me: node id of the witness.
        known: what it cosigned of this log last; None for the first time.
        key: its witness key.
        now: UTC seconds.

    Returns:
        What to store, and the answer.

    Raises:
        WitnessError: with the status to answer.
        ForkError: two signed checkpoints of one size: keep both, answer 409.
    """
    # PROTOCOL 3.3
    asked = _parse(request)  # 1
    checkpoint = asked.checkpoint
    origin = _origin(checkpoint)
    name = witness_name(me, trust.zone)
    try:  # 2, 3
        if trust.witness_node(origin.node) != me:
            raise WitnessError(404, zh=f"{origin} 不由本站点见证", en=f"{origin} is not witnessed by this site: its node names another witness, or none")
        log = trust.log(origin)
        verify_note(asked.note, log.keys)
    except NoteError as error:
        raise WitnessError(403, zh=error.zh, en=error.en) from error
    except TrustError as error:
        raise WitnessError(404, zh=error.zh, en=error.en) from error
    if asked.old > checkpoint.size:  # 4
        raise WitnessError(400, zh="old 大于检查点", en="old is larger than the checkpoint")
    known = _remembered(asked, known, name, key)  # 5
    size = 0 if known is None else known.size
    if known is not None and known.size == checkpoint.size and known.root != checkpoint.root:  # 7, first: it is evidence whatever `old` says
        raise ForkError(
            zh=f"{origin} 在 {size} 叶处有两个树根", en=f"{origin} has two roots at size {size}", evidence={"known": known.note, "offered": asked.note.signed}
        )
    if asked.old != size:  # 6
        raise WitnessError(
            409, zh=f"本站点上次见证于 {size} 叶", en=f"this witness cosigned size {size} last", size=size, note="" if known is None else known.note
        )
    try:  # 8
        if known is None or size == 0:
            if asked.proof:
                raise ProofError(zh="由零起的证明须为空", en="a proof from size 0 is empty")
        else:
            verify_consistency(size, checkpoint.size, asked.proof, known.root, checkpoint.root, suite_of(log.suite).hash)
    except ProofError as error:
        raise WitnessError(422, zh=error.zh, en=error.en, note="" if known is None else known.note) from error
    time = now if known is None else max(now, _time_of(known, name, key))
    line = cosign(asked.note, name, key, time)
    return Cosigned(str(origin), checkpoint.size, checkpoint.root, add_signature(asked.note.signed, line), time, line)


def _remembered(asked: _Request, known: Known | None, name: str, key: SecretKey) -> Known | None:
    """Step 5: our own valid cosignature on the note that came is a memory that we may have lost."""
    # PROTOCOL 10, a restored witness forgets
    if known is not None and asked.checkpoint.size <= known.size:
        return known
    try:
        own = verify_cosignatures(asked.note, [(name, key.public)], now=None)
    except NoteError as error:
        raise WitnessError(403, zh=error.zh, en=error.en) from error
    return known if own is None else Known(asked.checkpoint.size, asked.checkpoint.root, asked.note.signed)


def _time_of(known: Known, name: str, key: SecretKey) -> int:
    """Time of our last cosignature: a clock that was set back must not make the heartbeat older."""
    # PROTOCOL 6.5
    try:
        last = verify_cosignatures(parse_note(known.note), [(name, key.public)], now=None)
    except NoteError:
        return 0
    return 0 if last is None else last.time


def _origin(checkpoint: Checkpoint) -> Origin:
    try:
        return parse_origin(checkpoint.origin)
    except SyncError as error:
        raise WitnessError(404, zh=error.zh, en=error.en) from error


def _parse(request: bytes) -> _Request:
    """Step 1."""
    if len(request) > MAX_REQUEST:
        raise _malformed(f"more than {MAX_REQUEST} bytes")
    try:
        text = request.decode()
    except UnicodeDecodeError as error:
        raise _malformed("not UTF-8") from error
    head, separator, signed = text.partition("\n\n")
    lines = head.split("\n")
    match = _OLD.match(lines[0])
    if not separator or match is None or int(match[1]) > MAX_SIZE or len(lines) - 1 > _MAX_PROOF:
        raise _malformed("the first line is `old <size>`, then at most 63 hashes, then an empty line")
    try:
        note = parse_note(signed)
        return _Request(int(match[1]), [_hash(line) for line in lines[1:]], note, parse_checkpoint(note))
    except NoteError as error:
        raise _malformed(error.en) from error


def _hash(line: str) -> bytes:
    try:
        raw = base64.b64decode(line.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _malformed("a proof line is not base64") from error
    if len(raw) != 32 or base64.b64encode(raw).decode("ascii") != line:
        raise _malformed("a proof line is one hash of 32 bytes")
    return raw


def _malformed(why: str) -> WitnessError:
    return WitnessError(400, zh=f"add-checkpoint 请求不合规定：{why}", en=f"not an add-checkpoint request: {why}")
