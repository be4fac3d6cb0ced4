"""Errors of the exchange. Each names the clause of PROTOCOL.md that was broken.

    TerraceError
    └── SyncError                     clause, kind; `evidence` where two signed things contradict each other
        ├── SuiteError                a cryptographic suite that is unknown, reserved or not on this machine (1.5)
        ├── KeyFileError              a key file that is missing, damaged or readable by others (6.7)
        ├── NoteError                 a signed note that is malformed or not signed by the key expected (3.3)
        ├── ProofError                an inclusion or consistency proof that does not hold (3.4)
        ├── CoverError                a cover that does not prove what its batch opens (3.4)
        ├── ForkError                 two signed trees of one log that contradict each other: evidence (3.3)
        ├── MissingHashError          this relay does not keep what a proof needs (3.4)
        ├── StatementError            a statement that is malformed (6.1)
        ├── TrustError                nobody who is certified for it says so (6.1)
        ├── InviteError               an invite or a join that is damaged, expired or not meant for this site (6.6)
        ├── TokenError                a request token that does not authenticate this request (7.2)
        ├── WitnessError              a checkpoint that this witness does not cosign; has `status` (3.3)
        ├── RolledBackError           a checkpoint that this site once signed and no longer has: its log went back (6.2)
        ├── BatchError                a batch that is refused whole (4.2); has `item`, the place in the batch
        │   ├── ConflictError         the batch is honest but does not continue what we have: answer 409 (4.2, 4.5)
        │   └── HaltError             something that only a newer version knows: this stream stops, visibly (7.4)
        ├── AwayError                 a peer that cannot be reached or does not answer in time (7)
        ├── PeerError                 a peer answered with a refusal; has `status` (7)
        └── ReceiptError              a receipt that does not prove its record (6.8)

The status of an answer is chosen from `kind` in one table at the edge (PROTOCOL 7).
"""

from collections.abc import Mapping

from catalog.canonical import JSON
from catalog.visible import visible
from policies.errors import TerraceError

__all__ = [
    "AwayError",
    "BatchError",
    "ConflictError",
    "CoverError",
    "ForkError",
    "HaltError",
    "InviteError",
    "KeyFileError",
    "MissingHashError",
    "NoteError",
    "PeerError",
    "ProofError",
    "ReceiptError",
    "RolledBackError",
    "StatementError",
    "SuiteError",
    "SyncError",
    "TokenError",
    "TrustError",
    "WitnessError",
]


#: Characters kept of what a peer says.
_MOST_SAID = 500


class SyncError(TerraceError):
    """Base of the errors of the exchange.

    Attributes:
        clause: number of the clause of PROTOCOL.md that was broken.
        kind: stable identifier of the class, or of a finer reason given at the raise.
    """

    kind = "sync"
    clause = "7"

    def __init__(self, *, zh: str, en: str, clause: str | None = None, kind: str | None = None) -> None:
        super().__init__(zh=zh, en=en)
        if clause is not None:
            self.clause = clause
        if kind is not None:
            self.kind = kind

    def as_dict(self) -> dict[str, object]:
        """The body of an answer that refuses (PROTOCOL 7.3)."""
        return {"clause": self.clause, "kind": self.kind, "message": {"en": self.en, "zh": self.zh}, "v": 1}


class SuiteError(SyncError):
    """A cryptographic suite that is unknown, reserved, or that this machine cannot run."""

    kind = "suite"
    clause = "1.5"


class KeyFileError(SyncError):
    """A key file that is missing, damaged or readable by others."""

    kind = "key-file"
    clause = "6.7"


class NoteError(SyncError):
    """A signed note that is malformed, or not signed by the key expected."""

    kind = "note"
    clause = "3.3"


class ProofError(SyncError):
    """An RFC 9162 inclusion or consistency proof that does not hold."""

    kind = "proof"
    clause = "3.4"


class CoverError(SyncError):
    """A cover that does not prove what its batch opens."""

    kind = "cover"
    clause = "3.4"


class ForkError(SyncError):
    """Two signed trees of one log contradict each other. Keep both notes: together they are the evidence.

    Attributes:
        evidence: the notes, by name (`known`, `offered`).
    """

    kind = "fork"
    clause = "3.3"

    def __init__(self, *, zh: str, en: str, clause: str | None = None, evidence: Mapping[str, str] | None = None) -> None:
        super().__init__(zh=zh, en=en, clause=clause)
        self.evidence: dict[str, str] = dict(evidence or {})


class MissingHashError(SyncError):
    """This site does not keep a hash that the proof asked for needs.

    Attributes:
        level, index: the perfect subtree whose hash is wanting.
    """

    kind = "missing-hash"
    clause = "3.4"

    def __init__(self, level: int, index: int) -> None:
        super().__init__(
            zh=f"证明所需的哈希值不在此处（层 {level}，第 {index}）；须开新的 view",
            en=f"a hash that the proof needs is not kept here (level {level}, index {index}); begin a new view",
        )
        self.level = level
        self.index = index


class StatementError(SyncError):
    """A statement that is malformed."""

    kind = "statement"
    clause = "6.1"


class TrustError(SyncError):
    """Nobody who is certified for it says so."""

    kind = "trust"
    clause = "6.1"


class InviteError(SyncError):
    """An invite or a join that is damaged, expired, used, or not meant for this site."""

    kind = "invite"
    clause = "6.6"


class TokenError(SyncError):
    """A request token that does not authenticate this request."""

    kind = "token"
    clause = "7.2"


class WitnessError(SyncError):
    """A checkpoint that this witness does not cosign.

    Attributes:
        status: the answer that C2SP tlog-witness asks for: 400, 403, 404, 409 or 422.
        size: with 409, the size that this witness cosigned last.
        note: the checkpoint of that log that it cosigned last, as its log signed it; empty when there is none.
    """

    kind = "witness"
    clause = "3.3"

    def __init__(self, status: int, *, zh: str, en: str, size: int | None = None, note: str = "") -> None:
        super().__init__(zh=zh, en=en)
        self.status = status
        self.size = size
        self.note = note


class RolledBackError(SyncError):
    """A checkpoint shows, by this site's own signature, that its log went back."""

    kind = "rolled-back"
    clause = "6.2"


class BatchError(SyncError):
    """A batch that is refused whole.

    Attributes:
        item: place of the offending item in `items`, or None.
    """

    kind = "batch"
    clause = "4.2"

    def __init__(self, *, zh: str, en: str, clause: str | None = None, kind: str | None = None, item: int | None = None) -> None:
        at = "" if item is None else f"items[{item}]: "
        super().__init__(zh=at + zh, en=at + en, clause=clause, kind=kind)
        self.item = item


class ConflictError(BatchError):
    """The batch may be honest but does not continue what this site has: the answer is 409 with what it has.

    Attributes:
        kind: `gen` (another stream: full read), `from` (late, doubled or ahead), `view` (another size of a log: see `have`).
    """

    kind = "conflict"


class HaltError(BatchError):
    """Something that only a newer version of the protocol knows: this stream stops, visibly, until the program is updated."""

    kind = "halt"
    clause = "7.4"


class ReceiptError(SyncError):
    """A receipt that does not prove its record."""

    kind = "receipt"
    clause = "6.8"


class AwayError(SyncError):
    """The peer cannot be reached, or did not answer in time or in measure: to be tried again."""

    kind = "away"
    clause = "7"


class PeerError(SyncError):
    """The peer answered with a refusal.

    Attributes:
        status: HTTP status.
        body: the answer's members where it was JSON.
    """

    kind = "peer-refused"
    clause = "7"

    def __init__(self, status: int, body: Mapping[str, JSON], *, url: str) -> None:
        message = body.get("message")
        said = message if isinstance(message, dict) else {}
        zh, en = (visible(str(said.get(language) or known)[:_MOST_SAID]) for language, known in (("zh", f"状态 {status}"), ("en", f"status {status}")))
        clause = body.get("clause")
        super().__init__(zh=f"{url} 拒绝：{zh}", en=f"{url} refused: {en}", clause=clause if isinstance(clause, str) else None)
        self.status = status
        self.body = body
