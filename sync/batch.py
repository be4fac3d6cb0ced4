"""Verifying a batch: one pure step from what a receiver has of a source to what it has then, or one refusal (PROTOCOL 4).

`verify` takes a parsed batch and the state, and returns the next state with the list of changes, or raises; it does no I/O. All or nothing: whatever is
wrong with one item refuses the batch (4.2). The procedure, numbered here and at the code:

1. Continuity: the batch continues our cursor in this generation, or begins a full read at 0 (4.2, 4.5).
2. Statements: those in the batch are added to the trust; only signed ones that count change anything (6.1). The source must be certified.
3. Items, one by one: form; birth (1.3); disclosures against digests (2.3); zone and authority (1.4, 3.2); terms (4.9); the way (4.8); order, void leaves
   (4.7, 6.2, 6.3); rows against their head (5).
4. Logs: note signed by a key that counts (3.3), continuing our view; cover over exactly the leaves that the items opened (3.4); cosignature (3.5).
5. Head: the sum of fingerprints after this batch equals what the source signed (4.6). A difference is not refused: it asks for a full read.

Errors: `BatchError` (with `item`), `ConflictError` (answer 409), `HaltError` (stop the stream), and `CoverError`, `ForkError`, `NoteError`,
`StatementError`, `TrustError` about the batch as a whole; each has `clause` and `kind`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from catalog.manifest import Manifest
from sync import cover
from sync.changes import Change, RecordChange, RemoveChange, ResetChange, RowsChange, RowsCursor
from sync.errors import BatchError, ConflictError, ForkError, NoteError, TrustError
from sync.ids import Origin, parse_origin
from sync.items import Run, check_items
from sync.merkle import entry_leaf
from sync.notes import parse_checkpoint, parse_note, verify_cosignatures, verify_note
from sync.statements import Statement, parse_all
from sync.stream import verify_head
from sync.suite import suite_of
from sync.trust import LogState, Trust
from sync.wire import MAX_BYTES, MAX_ITEMS, MAX_STATEMENTS, Batch, Item, LogPart, PutItem, RemoveItem, ResetItem, RowsItem, encode, parse, parse_gen

__all__ = [
    "MAX_BYTES",
    "MAX_ITEMS",
    "Batch",
    "Change",
    "Item",
    "LogPart",
    "LogResult",
    "Manifest",
    "PutItem",
    "RecordChange",
    "RemoveChange",
    "RemoveItem",
    "ResetChange",
    "ResetItem",
    "RowsChange",
    "RowsCursor",
    "RowsItem",
    "State",
    "Verdict",
    "View",
    "encode",
    "parse",
    "parse_gen",
    "verify",
]

#: `LogResult.cosigned` of a closed epoch: final, by its superior's statement.
FINAL = 0


@dataclass(frozen=True)
class View:
    """What this receiver has of one log: of one source its run of covers.

    Attributes:
        view: name of the run.
        size, root: newest size and its root.
        note: the note that signed it (evidence, should it come to a fork).
    """

    view: str
    size: int
    root: bytes
    note: str = ""


@dataclass(frozen=True)
class State:
    """What the receiver has of one source before a batch.

    Attributes:
        me, source: node ids.
        zone: of both.
        now: UTC seconds.
        trust: as of now.
        gen, cursor: the stream and our place in it; cursor 0 asks for a full read.
        full: a full read is under way: begun, not yet complete.
        views: origin → view of this source.
        fingerprints: (id, part) → fingerprint of the entries of this source that are live; in a full read, of those received in it. At least for
            `batch.ids`. The record's own part is ''.
        total: sum of the fingerprints of all live records of this source; in a full read, of those received in it.
        rows: (id, variant) → newest row batch of this source; in a full read, received in it.
        authorities: id → node in whose log the record that this source gave us stands, for the same ids as `fingerprints`.
        known: origin → newest checkpoint of the log from any source.
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
    authorities: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, View] = field(default_factory=dict)


@dataclass(frozen=True)
class LogResult:
    """A log as the batch proved it.

    Attributes:
        size, root, note: the newest checkpoint.
        cosigned: time of the witness's cosignature on it; None: only signed (3.5); 0: the epoch is closed and this part of it final (6.2).
        nodes: hashes to keep, so as to prove again: (level, index) → hash.
        live: (index, body) of a `live` entry, proved; or None.
    """

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
        gen, cursor: where we are now.
        restart: a full read began with this batch; what earlier ones brought is kept until it is complete.
        complete: a full read ended with this batch: what this source did not send in it goes, under the safety stop (4.5).
        trust: with the batch's statements.
        statements: those that were new and count; keep them.
        logs, changes: in the order of the batch.
        total: sum of fingerprints.
        head: `agrees`, `differs` (something was lost: full read), or None when the batch had none.
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


def verify(batch: Batch, state: State) -> Verdict:
    """Verifies a batch whole.

    Args:
        batch: parsed.
        state: what we have of the source.

    Returns:
        The next state.

    Raises:
        SyncError: refused; see the module.
    """
    restart = _continues(batch, state)  # 1
    trust, statements = _statements(batch, state)  # 2
    trust.certified(state.source)
    origins = _origins(batch, trust)
    run = Run.begin(state, trust, restart=restart)
    check_items(run, batch, origins)  # 3
    logs = tuple(  # 4
        _log(part, origins[place], run.opened[place], state, trust, restart=restart) for place, part in enumerate(batch.logs)
    )
    return Verdict(
        gen=batch.gen,
        cursor=batch.to,
        restart=restart,
        complete=(restart or state.full) and not batch.more,
        trust=trust,
        statements=statements,
        logs=logs,
        changes=tuple(run.changes),
        total=run.total,
        head=_head(batch, state, trust, run.total),  # 5
    )


# --- 1 ------------------------------------------------------------------------------------------------------------------------------------


def _continues(batch: Batch, state: State) -> bool:
    """Tells whether a full read begins here; raises when the batch continues nothing that we have."""
    # PROTOCOL 4.2, 4.5
    if batch.gen != state.gen:
        if batch.from_ != 0:
            raise ConflictError(zh="这是另一条流：须从头读起", en="this is another stream than the one we read: read from 0", clause="4.5", kind="gen")
        return True
    if batch.from_ != state.cursor:
        raise ConflictError(
            zh=f"批次从 {batch.from_} 起，本站点在 {state.cursor}",
            en=f"the batch continues {batch.from_}, but we are at {state.cursor}: late, doubled or ahead",
            kind="from",
        )
    return batch.from_ == 0


# --- 2 ------------------------------------------------------------------------------------------------------------------------------------


def _statements(batch: Batch, state: State) -> tuple[Trust, tuple[Statement, ...]]:
    # PROTOCOL 6.1
    offered = parse_all(batch.statements, limit=MAX_STATEMENTS)
    if not offered:
        return state.trust, ()
    known = {statement.digest: set(statement.tokens) for statement in state.trust.statements}
    trust = state.trust.extend(offered, now=state.now)
    new = tuple(s for s in offered if trust.counts(s.digest) and not set(s.tokens) <= known.get(s.digest, set()))
    # What does not count is not carried along: a stranger cannot fill our memory with his statements.
    return (trust, new) if len(new) == len(offered) else (state.trust.extend(new, now=state.now), new)


# --- 4 ------------------------------------------------------------------------------------------------------------------------------------


def _origins(batch: Batch, trust: Trust) -> list[LogState]:
    """The logs of the batch, each certified, each named once."""
    states = [trust.log(parse_origin(part.origin)) for part in batch.logs]
    if len({part.origin for part in batch.logs}) != len(batch.logs):
        raise BatchError(zh="同一日志列了两次", en="one log is listed twice")
    return states


def _log(part: LogPart, log: LogState, opened: Mapping[int, bytes], state: State, trust: Trust, *, restart: bool) -> LogResult:
    hash_ = suite_of(log.suite).hash
    # PROTOCOL 4.2: `view`, `old`
    view = None if restart else state.views.get(part.origin)
    if part.old and (view is None or (view.view, view.size) != (part.view, part.old)):
        have = "nothing" if view is None else f"{view.size} in view {view.view}"
        raise ConflictError(
            zh=f"{part.origin}：批次接 {part.old}（{part.view}），本站点有 {have}",
            en=f"{part.origin}: the batch continues {part.old} in view {part.view}, we have {have}",
            kind="view",
        )
    size, root, cosigned = _checkpoint(part, log, state, trust)
    if size < part.old:
        if log.closed_at is not None:  # we had read beyond the end of an epoch that was closed since: no fork, only another view
            raise ConflictError(
                zh=f"{part.origin} 已关闭于 {size} 叶：须开新的 view",
                en=f"{part.origin} was closed at size {size}: begin a new view",
                clause="6.2",
                kind="view",
            )
        raise BatchError(
            zh=f"{part.origin} 由 {part.old} 退到 {size}", en=f"{part.origin} goes back from {part.old} to {size} in one view", clause="3.3", kind="rollback"
        )
    leaves = dict(opened)
    if part.live is not None:
        # PROTOCOL 3.6
        leaves[part.live[0]] = entry_leaf("live", part.live[1], hash_)
    old_root = view.root if view is not None and part.old else None
    try:
        proved = cover.verify(part.cover, size, part.old, leaves, root=root, old_root=old_root, hash_=hash_)
    except ForkError as error:
        raise ForkError(zh=error.zh, en=error.en, evidence=_evidence(view, part)) from error
    # PROTOCOL 3.3: one size, one root, whoever tells
    known = state.known.get(part.origin)
    if known is not None and cosigned != FINAL and known.size == size and known.root != root:
        raise ForkError(zh=f"{part.origin} 在 {size} 叶处有两个树根", en=f"{part.origin} has two roots at size {size}", evidence=_evidence(known, part))
    return LogResult(log.origin, part.view, size, root, part.note, cosigned, proved.nodes, part.live)


def _checkpoint(part: LogPart, log: LogState, state: State, trust: Trust) -> tuple[int, bytes, int | None]:
    """The tree that counts: (size, root, time of its cosignature)."""
    note = parse_note(part.note)
    checkpoint = parse_checkpoint(note)
    if checkpoint.origin != part.origin:
        raise NoteError(zh=f"笔记属于 {checkpoint.origin}", en=f"the note is of {checkpoint.origin}, not of {part.origin}")
    keys = log.keys
    if log.closed_at is not None:
        # PROTOCOL 6.2: the superior's statement names the end of a closed epoch; no key of it counts beyond, and none is needed at it
        closed_size, closed_root = log.closed_at
        if checkpoint.size > closed_size:
            raise TrustError(
                zh=f"{part.origin} 已在 {closed_size} 叶处关闭",
                en=f"{part.origin} was closed at size {closed_size}; what lies beyond is void",
                clause="6.2",
                kind="void",
            )
        if checkpoint.size == closed_size:
            return closed_size, closed_root, FINAL
        keys = trust.site_keys(log.origin.node)
    verify_note(note, keys)
    # PROTOCOL 3.5, 6.5
    cosignature = verify_cosignatures(note, trust.witnesses(log.origin.node), now=state.now)
    return checkpoint.size, checkpoint.root, None if cosignature is None else cosignature.time


def _evidence(view: View | None, part: LogPart) -> dict[str, str]:
    return {"known": "" if view is None else view.note, "offered": part.note}


# --- 5 ------------------------------------------------------------------------------------------------------------------------------------


def _head(batch: Batch, state: State, trust: Trust, total: int) -> Literal["agrees", "differs"] | None:
    # PROTOCOL 4.6
    if batch.head is None:
        return None
    if batch.more:
        raise BatchError(zh="尚有后续的批次不得有流首", en="a batch with more to come has no head", clause="4.6", kind="head")
    position, signed = verify_head(batch.head, sender=state.source, receiver=state.me, gen=batch.gen, keys=trust.site_keys(state.source))
    if position != batch.to:
        raise BatchError(
            zh=f"流首在 {position}，批次到 {batch.to}", en=f"the head is of position {position}, the batch ends at {batch.to}", clause="4.6", kind="head"
        )
    return "agrees" if signed == total else "differs"
