"""What a receiver checks of each item of a batch (PROTOCOL 4.2–4.9, 5), and what it becomes. Part of `sync.batch.verify`, step 3. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from catalog.canonical import JSON
from catalog.errors import CanonicalError, CatalogError, ManifestError
from catalog.ids import check_birth
from catalog.manifest import Manifest, check_disclosures, shaped
from policies.divisions import covers, is_code, normalise
from sync.changes import Change, RecordChange, RemoveChange, ResetChange, RowsChange, RowsCursor
from sync.claims import read_time
from sync.errors import BatchError, ConflictError, HaltError, SyncError
from sync.ids import Origin
from sync.merkle import Hash, entry_leaf
from sync.notes import MAX_AHEAD
from sync.rows import parse_head, verify_rows
from sync.stream import add, fingerprint, row_fingerprint, row_part, subtract
from sync.suite import suite_of
from sync.trust import Certification, LogState, Trust
from sync.wire import Batch, Item, PutItem, RemoveItem, ResetItem, RowsItem

__all__ = ["Run", "check_items", "in_audience"]


class _State(Protocol):
    """What is read of `sync.batch.State`."""

    @property
    def me(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def now(self) -> int: ...
    @property
    def fingerprints(self) -> Mapping[tuple[str, str], bytes]: ...
    @property
    def total(self) -> int: ...
    @property
    def rows(self) -> Mapping[tuple[str, str], RowsCursor]: ...
    @property
    def authorities(self) -> Mapping[str, str]: ...
    @property
    def full(self) -> bool: ...


@dataclass
class Run:
    """The state while the items are gone through.

    Attributes:
        full: a full read is under way: no REMOVE may occur.
        held: id → fingerprint of this source's live record.
        authorities: id → node in whose log it stands.
        rows: (id, variant) → cursor.
        total: sum of fingerprints.
        changes: results so far.
        opened: for each log of the batch, index → leaf hash.
        arrived: nodes in whose logs something stands that may come from this source.
    """

    state: _State
    trust: Trust
    full: bool
    held: dict[str, bytes]
    authorities: dict[str, str]
    rows: dict[tuple[str, str], RowsCursor]
    total: int
    me: tuple[Certification, ...]
    changes: list[Change] = field(default_factory=list)
    opened: dict[int, dict[int, bytes]] = field(default_factory=dict)
    seen: set[tuple[str, str]] = field(default_factory=set)
    arrived: set[str] = field(default_factory=set)
    pos: int = -1
    last: tuple[str, str] | None = None

    @classmethod
    def begin(cls, state: _State, trust: Trust, *, restart: bool) -> "Run":
        """Takes up the state; a full read begins with nothing."""
        me = trust.certifications(state.me)
        if restart:
            return cls(state, trust, True, {}, {}, {}, 0, me, opened=_Opened())
        held = {record_id: value for (record_id, part), value in state.fingerprints.items() if part == ""}
        return cls(state, trust, state.full, held, dict(state.authorities), dict(state.rows), state.total, me, opened=_Opened())


class _Opened(dict[int, dict[int, bytes]]):
    def __missing__(self, place: int) -> dict[int, bytes]:
        made = self[place] = {}
        return made


def check_items(run: Run, batch: Batch, logs: Sequence[LogState]) -> None:
    """Checks all items in order and notes what follows from each.

    Raises:
        BatchError: refused, with the item's place and the clause.
    """
    for number, item in enumerate(batch.items):
        try:
            _position(run, batch, item, _check(run, logs, item))
        except BatchError as error:
            if error.item is not None:
                raise
            raise type(error)(zh=error.zh, en=error.en, clause=error.clause, kind=error.kind, item=number) from error
        except SyncError as error:
            raise BatchError(zh=error.zh, en=error.en, clause=error.clause, kind=error.kind, item=number) from error
        except CatalogError as error:
            raise BatchError(zh=error.zh, en=error.en, clause="2", kind=error.kind, item=number) from error


def _check(run: Run, logs: Sequence[LogState], item: Item) -> tuple[str, str]:
    """Checks one item; returns its record and part."""
    if isinstance(item, PutItem):
        return _put(run, logs, item), ""
    if isinstance(item, RowsItem):
        record_id, variant = _rows(run, logs, item)
        return record_id, row_part(variant)
    if isinstance(item, RemoveItem):
        _remove(run, item)
        return item.id, ""
    _reset(run, item)
    return item.id, row_part(item.variant)


def _position(run: Run, batch: Batch, item: Item, entry: tuple[str, str]) -> None:
    # PROTOCOL 4.1, 4.2: positions ascend inside (from, to]; each entry has one state; only the next batches of one table share a position
    follows = isinstance(item, RowsItem) and run.last == entry
    if not (batch.from_ < item.pos <= batch.to and (item.pos > run.pos or (follows and item.pos == run.pos))):
        raise BatchError(zh=f"位置 {item.pos} 不在次序之中", en=f"position {item.pos} is out of order", kind="position")
    if entry in run.seen and not follows:
        raise BatchError(zh=f"{entry[0]} 在一批中出现两次", en=f"{entry[0]} stands twice in one batch", clause="4.1", kind="position")
    run.pos, run.last = item.pos, entry
    run.seen.add(entry)


# --- records ------------------------------------------------------------------------------------------------------------------------------


def _put(run: Run, logs: Sequence[LogState], item: PutItem) -> str:
    log = _log_of(logs, item.log)
    origin, hash_ = log.origin, suite_of(log.suite).hash
    clause = "2.1"
    try:
        manifest = _manifest(item, hash_)
        if manifest.is_tombstone != item.tomb:
            raise BatchError(zh="操作与清单种类不合", en="put carries a record, tomb a tombstone", clause="2.1")
        # PROTOCOL 1.3
        clause = "1.3"
        birth = check_birth(manifest.id, manifest.birth)
        # PROTOCOL 1.4, 3.2
        if manifest.zone != origin.zone or manifest.authority != origin.node:
            raise BatchError(
                zh=f"{manifest.authority}（{manifest.zone} 区）的记录不属于日志 {origin}",
                en=f"a record of {manifest.authority} in zone {manifest.zone} has no place in log {origin}",
                clause="3.2",
                kind="authority",
            )
        # PROTOCOL 2.3
        clause = "2.3"
        values = check_disclosures(manifest, item.disclose, hash_)
    except CatalogError as error:
        raise BatchError(zh=error.zh, en=error.en, clause=clause, kind=error.kind) from error
    _check_way(run, origin)
    _check_terms(run, manifest)
    # PROTOCOL 4.7, 6.2, 6.3
    order = run.trust.order(manifest.id, birth, origin, item.index)
    print_ = fingerprint(manifest.hash, str(origin), item.index, values, hash_)
    _drop(run, manifest.id, rows=item.tomb)
    if not item.tomb:
        run.held[manifest.id] = print_
        run.authorities[manifest.id] = origin.node
        run.total = add(run.total, print_)
    _open(run, item.log, item.index, entry_leaf("record", item.manifest, hash_))
    texts = dict(zip(values, item.disclose, strict=True))  # each names a field of its own, in the same order
    run.changes.append(RecordChange(item.pos, manifest.id, manifest, item.manifest, values, texts, origin, item.index, order, print_, item.tomb))
    return manifest.id


def _manifest(item: PutItem, hash_: Hash) -> Manifest:
    """Reads a manifest; a version or kind that only a newer program knows halts the stream (PROTOCOL 7.4)."""
    # PROTOCOL 2.1
    try:
        return shaped(item.value, item.manifest, hash_)
    except ManifestError as error:
        _halt_if_newer(item.value, error)
        raise
    except CanonicalError as error:
        raise ManifestError(zh=f"清单：{error.zh}", en=f"manifest: {error.en}") from error


def _halt_if_newer(value: JSON, error: CatalogError) -> None:
    version, kind = (value.get("v"), value.get("kind")) if isinstance(value, dict) else (None, None)
    if (type(version) is int and version > 1) or (isinstance(kind, str) and kind not in ("record", "tombstone")):
        raise HaltError(
            zh=f"清单 v {version}、种类 {kind!r:.40}：本程序不识，请更新程序", en=f"a manifest of version {version} and kind {kind!r:.40}: update the program"
        ) from error


def _check_way(run: Run, origin: Origin) -> None:
    if origin.node in run.arrived:
        return
    # PROTOCOL 4.8
    if not run.trust.may_arrive(me=run.state.me, source=run.state.source, authority=origin.node):
        raise BatchError(
            zh=f"{run.state.source} 不是本站点的上级，只可给自身及其下级的记录，而 {origin.node} 不在其下",
            en=f"{run.state.source} is not above us and may give only its own records and those from below it; {origin.node} is not below it",
            clause="4.8",
            kind="valley",
        )
    run.arrived.add(origin.node)


def _check_terms(run: Run, manifest: Manifest) -> None:
    """The receiver's half of PROTOCOL 4.9: what the authority forbade, no relay may bring, nor may we keep."""
    # PROTOCOL 4.9
    if manifest.is_tombstone:
        return
    terms, source = manifest.terms or {}, run.state.source
    if source != manifest.authority and terms.get("onward") is not True:
        raise BatchError(
            zh=f"{manifest.id} 不许转供，而 {source} 不是其负责节点",
            en=f"{manifest.id} may not be passed on, and {source} is not its authority",
            clause="4.9",
            kind="terms",
        )
    if not in_audience(terms.get("audience"), run.state.me, run.me):
        raise BatchError(
            zh=f"{manifest.id} 不是给本站点的", en=f"{manifest.id} is not meant for this site: its audience does not name us", clause="4.9", kind="terms"
        )
    until = terms.get("until")
    if isinstance(until, str) and read_time(until) + MAX_AHEAD <= max(run.state.now, run.trust.now):  # PROTOCOL 6.5: trust does not go back with the clock
        raise BatchError(zh=f"{manifest.id} 的期限已过（{until}）", en=f"the term of {manifest.id} ended at {until}", clause="4.9", kind="terms")


def in_audience(audience: JSON, node: str, certifications: Sequence[Certification]) -> bool:
    """Tells whether terms let a node hold a record: no audience is everybody; else its id is named, or its division lies within one that is named.

    A unit without a division is in the audience by its id alone.
    """
    # PROTOCOL 4.9
    if audience is None:
        return True
    if not isinstance(audience, dict):
        return False
    nodes, divisions = audience.get("nodes"), audience.get("divisions")
    if isinstance(nodes, list) and node in nodes:
        return True
    own = {normalise(cert.division).code for cert in certifications if cert.division is not None}
    named = [normalise(code).code for code in divisions if isinstance(code, str) and is_code(code)] if isinstance(divisions, list) else []
    return any(covers(code, division) for code in named for division in own)


def _remove(run: Run, item: RemoveItem) -> None:
    # PROTOCOL 4.5
    if run.full:
        raise BatchError(zh="从头读取时不得有移除", en="a full read holds no remove", clause="4.5", kind="position")
    _drop(run, item.id, rows=True)
    run.changes.append(RemoveChange(item.pos, item.id))


def _drop(run: Run, record_id: str, *, rows: bool) -> None:
    """Takes a record that we held out of the sum; with its rows, when it goes for good."""
    before = run.held.pop(record_id, None)
    if before is not None:
        run.total = subtract(run.total, before)
    if rows:
        run.authorities.pop(record_id, None)
        for key in [key for key in run.rows if key[0] == record_id]:
            del run.rows[key]


# --- rows ---------------------------------------------------------------------------------------------------------------------------------


def _rows(run: Run, logs: Sequence[LogState], item: RowsItem) -> tuple[str, str]:
    log = _log_of(logs, item.log)
    hash_ = suite_of(log.suite).hash
    head = parse_head(item.head, hash_)
    if head.base:
        raise BatchError(zh="流中不传基准批次", en="a base travels by GET rows, not in the stream", clause="5.2", kind="rows")
    # PROTOCOL 5.4
    if head.id not in run.held:
        raise BatchError(zh=f"{head.id} 的列先于记录而来", en=f"rows of {head.id} before its record", clause="5.4", kind="rows")
    # PROTOCOL 3.2: rows are proved by the log that proves their record
    if run.authorities.get(head.id) != log.origin.node:
        raise BatchError(
            zh=f"{log.origin.node} 不是 {head.id} 的负责节点", en=f"{log.origin.node} is not the authority of {head.id}", clause="3.2", kind="authority"
        )
    _check_way(run, log.origin)
    run.trust.check_leaf(head.id, log.origin, item.index)
    cursor = run.rows.get((head.id, head.variant), RowsCursor(0, None))
    if head.seq != cursor.seq + 1 or (cursor.digest is not None and head.prev != cursor.digest):
        raise ConflictError(
            zh=f"{head.id} 的列批次 {head.seq} 不接 {cursor.seq}",
            en=f"row batch {head.seq} of {head.id} does not continue {cursor.seq}",
            clause="5.4",
            kind="rows",
        )
    rows = verify_rows(head, item.put, item.remove, item.holes, hash_)
    run.rows[head.id, head.variant] = RowsCursor(head.seq, head.digest)
    _open(run, item.log, item.index, entry_leaf("rows", item.head, hash_))
    run.changes.append(RowsChange(item.pos, rows, log.origin, item.index, row_fingerprint(head.id, head.variant, head.seq, hash_)))
    return head.id, head.variant


def _reset(run: Run, item: ResetItem) -> None:
    # PROTOCOL 5.2
    run.rows[item.id, item.variant] = RowsCursor(item.seq, None)
    run.changes.append(ResetChange(item.pos, item.id, item.variant, item.seq, row_fingerprint(item.id, item.variant, item.seq)))


# --- small --------------------------------------------------------------------------------------------------------------------------------


def _log_of(logs: Sequence[LogState], place: int) -> LogState:
    if place >= len(logs):
        raise BatchError(zh=f"logs 中没有第 {place} 个", en=f"there is no log {place} in the batch")
    return logs[place]


def _open(run: Run, place: int, index: int, leaf: bytes) -> None:
    # PROTOCOL 2.4, 3.4: nothing else vouches for a record than that this leaf is in the signed log
    opened = run.opened[place]
    if index in opened:
        raise BatchError(zh=f"第 {index} 叶开了两次", en=f"leaf {index} is opened twice", clause="3.4", kind="cover")
    opened[index] = leaf
