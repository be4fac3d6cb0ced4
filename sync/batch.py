"""Batches: written, parsed, and verified as one pure step from a state to the next (PROTOCOL 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from catalog.canonical import JSON
from catalog.manifest import Manifest
from sync.ids import Origin
from sync.rows import VerifiedRows
from sync.statements import Statement
from sync.trust import Order, Trust

__all__ = [
    "MAX_BYTES", "MAX_ITEMS", "Batch", "Change", "Item", "LogPart", "LogResult", "PutItem", "RecordChange", "RemoveChange", "RemoveItem", "ResetChange", "ResetItem", "RowsChange", "RowsCursor",
    "RowsItem", "State", "Verdict", "View", "encode", "parse", "verify",
]  # fmt: skip

MAX_BYTES = 8 << 20
MAX_ITEMS = 1000


@dataclass(frozen=True)
class LogPart:
    """One log of a batch. `live`: (index, body of the `live` entry) or None."""

    origin: str
    view: str
    old: int
    note: str
    cover: bytes
    live: tuple[int, str] | None = None


@dataclass(frozen=True)
class PutItem:
    """`put` (a record) or `tomb` (a tombstone, nothing disclosed). `log` is a place in `logs`."""

    pos: int
    log: int
    index: int
    manifest: str
    disclose: tuple[str, ...] = ()
    tomb: bool = False


@dataclass(frozen=True)
class RemoveItem:
    """`remove`: the peer no longer gives us this record."""

    pos: int
    id: str


@dataclass(frozen=True)
class RowsItem:
    """`rows`: one row batch."""

    pos: int
    log: int
    index: int
    head: str
    put: Sequence[Sequence[str]] = ()
    remove: Sequence[Sequence[str | None]] = ()
    holes: Sequence[Sequence[int | str]] = ()


@dataclass(frozen=True)
class ResetItem:
    """`reset`: fetch the base of this table of rows anew (`GET rows`); what follows continues at seq + 1."""

    pos: int
    id: str
    variant: str
    seq: int


type Item = PutItem | RemoveItem | RowsItem | ResetItem


@dataclass(frozen=True)
class Batch:
    """A batch, parsed."""

    gen: str
    from_: int
    to: int
    more: bool
    logs: tuple[LogPart, ...] = ()
    items: tuple[Item, ...] = ()
    statements: tuple[str, ...] = ()
    head: str | None = None
    data: Mapping[str, JSON] = field(default_factory=dict, repr=False)

    @property
    def ids(self) -> frozenset[str]:
        """Record ids that the batch touches (to look up `State.fingerprints` and `State.rows`). Raises BatchError when an item cannot be read."""
        raise NotImplementedError


@dataclass(frozen=True)
class View:
    """What this reader has of one log from one source: its run of covers."""

    view: str
    size: int
    root: bytes
    note: str = ""


@dataclass(frozen=True)
class RowsCursor:
    """Newest row batch applied of one table from one source."""

    seq: int
    digest: str | None  # of its head; None after a reset whose head is not known


@dataclass(frozen=True)
class State:
    """What the receiver has of one source before a batch.

    Attributes:
        me, source, zone, now: node ids, zone, UTC seconds.
        trust: as of now.
        gen, cursor: the stream and our place in it; cursor 0 asks for a full read.
        full: a full read is under way (begun, not yet complete).
        views: origin → view.
        fingerprints: (id, part) → fingerprint of live entries of this source (in a full read: of those received in it), at least for `batch.ids`, all parts.
        total: sum of all live fingerprints of this source (in a full read: of those received in it).
        rows: (id, variant) → cursor.
    """

    me: str
    source: str
    zone: str
    now: int
    trust: Trust
    gen: str | None
    cursor: int
    full: bool
    views: Mapping[str, View]
    fingerprints: Mapping[tuple[str, str], bytes]
    total: int
    rows: Mapping[tuple[str, str], RowsCursor]


@dataclass(frozen=True)
class RecordChange:
    """A record or tombstone to hold from this source."""

    pos: int
    id: str
    manifest: Manifest
    text: str
    values: Mapping[str, JSON]
    disclosures: tuple[str, ...]
    origin: Origin
    index: int
    order: Order
    fingerprint: bytes
    cosigned: int | None
    tomb: bool


@dataclass(frozen=True)
class RemoveChange:
    """A record that this source no longer gives (with its rows)."""

    pos: int
    id: str


@dataclass(frozen=True)
class RowsChange:
    """A row batch to apply."""

    pos: int
    rows: VerifiedRows
    origin: Origin
    index: int
    fingerprint: bytes


@dataclass(frozen=True)
class ResetChange:
    """Rows to fetch anew."""

    pos: int
    id: str
    variant: str
    seq: int
    fingerprint: bytes


type Change = RecordChange | RemoveChange | RowsChange | ResetChange


@dataclass(frozen=True)
class LogResult:
    """A log as the batch proved it. `nodes`: hashes to keep; `cosigned`: time of the witness's cosignature, or None; `live`: (index, entry body)."""

    origin: Origin
    view: str
    size: int
    root: bytes
    note: str
    cosigned: int | None
    nodes: Mapping[tuple[int, int], bytes]
    live: tuple[int, str] | None


@dataclass(frozen=True)
class Verdict:
    """The next state.

    Attributes:
        restart: a full read began with this batch (forget what the earlier run brought, keep holdings until `complete`).
        complete: a full read ended with this batch: what this source did not send in it goes (under the safety stop).
        head: `agrees`, `differs` (drift: full read) or None (the batch had no head).
    """

    gen: str
    cursor: int
    restart: bool
    complete: bool
    trust: Trust
    statements: tuple[Statement, ...]
    logs: tuple[LogResult, ...]
    changes: tuple[Change, ...]
    total: int
    head: Literal["agrees", "differs"] | None


def encode(batch: Batch) -> bytes:
    """Canonical bytes of a batch (the sender)."""
    raise NotImplementedError


def parse(data: bytes) -> Batch:
    """Parses a batch: form and limits only. Raises BatchError; HaltError for an unknown op or version."""
    raise NotImplementedError


def verify(batch: Batch, state: State) -> Verdict:
    """Verifies a batch whole. Raises BatchError (ConflictError, HaltError), CoverError, ForkError, NoteError, StatementError, TrustError."""
    raise NotImplementedError
