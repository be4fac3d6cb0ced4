"""What a verified batch asks of the receiver: the changes (PROTOCOL 4.2). Pure data."""

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.canonical import JSON
from catalog.manifest import Manifest
from sync.ids import Origin
from sync.rows import VerifiedRows
from sync.trust import Order

__all__ = ["Change", "RecordChange", "RemoveChange", "ResetChange", "RowsChange", "RowsCursor"]


@dataclass(frozen=True)
class RowsCursor:
    """Newest row batch of one table from one source.

    Attributes:
        seq: its number; 0 after a reset to nothing.
        digest: of its head, base64url; None when not known (after a reset).
    """

    seq: int
    digest: str | None


@dataclass(frozen=True, slots=True)
class RecordChange:
    """A record or tombstone to hold from this source.

    Attributes:
        pos: position in the stream.
        id: record.
        manifest, text: parsed; and the bytes as text, as received.
        values: disclosed field → value; None for a field that is disclosed as absent.
        disclosures: field → its text.
        origin, index: leaf.
        order: see PROTOCOL 4.7.
        fingerprint: of the entry (of a tombstone too, though only records are summed).
        tomb: nothing is to be shown.
    """

    pos: int
    id: str
    manifest: Manifest
    text: str
    values: Mapping[str, JSON]
    disclosures: Mapping[str, str]
    origin: Origin
    index: int
    order: Order
    fingerprint: bytes
    tomb: bool


@dataclass(frozen=True)
class RemoveChange:
    """A record that this source no longer gives, with its rows."""

    pos: int
    id: str


@dataclass(frozen=True)
class RowsChange:
    """A row batch to apply. `fingerprint`: of the rows entry afterwards."""

    pos: int
    rows: VerifiedRows
    origin: Origin
    index: int
    fingerprint: bytes


@dataclass(frozen=True)
class ResetChange:
    """Rows to forget; with seq > 0 the base taken after that batch is to be fetched. `fingerprint`: of the rows entry afterwards."""

    pos: int
    id: str
    variant: str
    seq: int
    fingerprint: bytes


type Change = RecordChange | RemoveChange | RowsChange | ResetChange
