"""The log of this site: what it is authority for, or attests, in the order of the writer's positions (PROTOCOL 3.1–3.3).

One step of the loop:

1. `append` takes the changes behind the logged position, writes their leaves, signs the checkpoint, and moves the position: one transaction.
2. `ask_witness` gets the superior's cosignature over the newest checkpoint; without an answer the log stays `signed` (3.5) and is asked again later.

Records that other sites are authority for never enter (3.2). Superseded leaves lose their bit of the `live` list (3.6;
`sync.leases`).
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, tuple_, update

from catalog import tables as c
from catalog.canonical import b64
from catalog.transaction import WriteTransaction
from sync import tables as t
from sync.clock import seconds_behind
from sync.context import Context
from sync.doubt import clear_doubt
from sync.errors import NoteError, RolledBackError, SyncError, TrustError
from sync.ids import log_origin, parse_origin
from sync.leases import Leases
from sync.log_mark import write_mark
from sync.merkle import Peaks, consistency_proof, entry_leaf
from sync.notes import Checkpoint, add_signature, parse_note, sign_checkpoint, verify_cosignatures, verify_note
from sync.runs import Run, getter, grow, keep_nodes, new_run, newest_of, run_of_view
from sync.states import get_number, set_number
from sync.witness import make_request

if TYPE_CHECKING:
    from sync.transport import Peers

__all__ = ["EPOCH_FROM", "LOGGED", "Logbook", "first_unlogged", "own_run"]

#: Name of the position up to which own changes are in the log.
LOGGED = "logged"
#: Name of the position at which the open epoch began: of what came before, the log takes in what is still current (PROTOCOL 6.2; `sync.recovery`).
EPOCH_FROM = "epoch-from"
#: Changes taken in one transaction.
_PAGE = 1000
_CHUNK = 400

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: str
    body: str
    id: str | None = None
    variant: str | None = None
    seq: int | None = None
    digest: bytes | None = None


class Logbook:
    """Writes this site's log. Used by one thread at a time; a second process is kept out by the writer's lock."""

    def __init__(self, context: Context, leases: Leases) -> None:
        self._x = context
        self._leases = leases

    def append(self) -> int:
        """Takes what the writer did since into the log.

        Returns:
            Number of own changes taken; call again while there are any.
        """
        with self._x.store.read() as conn:
            if first_unlogged(conn) is None:
                return 0
        with self._x.store.write() as tx:
            rows = self._waiting(tx.conn, _PAGE)
            entries = self._entries(tx.conn, rows)
            if entries:
                self._write(tx, entries)
            leased = sum(self._leases.note(entry.body) for entry in entries if entry.kind == "record")
            if leased and not seconds_behind(tx.conn, self._x.clock()):
                self._write_live(tx)  # PROTOCOL 3.6: else no copy could be served before the next list
            if rows:
                set_number(tx.conn, LOGGED, rows[-1].position)
        return len(rows)

    def renew_live(self) -> bool:
        """Writes a live list when one is due (PROTOCOL 3.6); whether it did."""
        with self._x.store.read() as conn:
            run = self._run(conn, self._x.clock())
            if run is None or not self._leases.due(conn, run):
                return False
        with self._x.store.write() as tx:
            self._write_live(tx)
        return True

    def _write_live(self, tx: WriteTransaction) -> None:
        run = self._run(tx.conn, self._x.clock())
        assert run is not None
        body, bits = self._leases.body(tx.conn, run)
        self._write(tx, [_Entry("live", body)])
        self._leases.keep_own(tx, run, run.size, body, bits)

    def _waiting(self, conn: Connection, limit: int) -> Sequence[Any]:
        position = c.change.c.position
        return conn.execute(select(c.change).where(*_unlogged(conn)).order_by(position).limit(limit)).all()

    def _entries(self, conn: Connection, changes: Sequence[Any]) -> list[_Entry]:
        """The log entries of own changes, in their order; some have none."""
        hashes = [bytes(row.manifest_hash) for row in changes if row.manifest_hash is not None]
        tables = [(row.id, row.variant or "", row.seq) for row in changes if row.what == "rows"]
        v, r = c.version.c, c.row_batch.c
        manifests: dict[bytes, str] = {}
        for some in batched(hashes, _CHUNK):
            manifests |= {bytes(hash_): text for hash_, text in conn.execute(select(v.manifest_hash, v.manifest).where(v.manifest_hash.in_(some)))}
        heads: dict[tuple[str, str, int], str] = {}
        for each in batched(tables, _CHUNK):
            query = select(r.id, r.variant, r.seq, r.head).where(tuple_(r.id, r.variant, r.seq).in_(each))
            heads |= {(id, variant, seq): head for id, variant, seq, head in conn.execute(query)}
        entries: list[_Entry] = []
        for row in changes:
            if row.what in ("record", "remove") and row.manifest_hash is not None and (text := manifests.get(bytes(row.manifest_hash))) is not None:
                entries.append(_Entry("record", text, row.id, digest=bytes(row.manifest_hash)))
            elif row.what == "rows" and (head := heads.get((row.id, row.variant or "", row.seq))) is not None:
                entries.append(_Entry("rows", head, row.id, row.variant or "", row.seq))
        return entries

    def _write(self, tx: WriteTransaction, entries: list[_Entry]) -> None:
        conn, now = tx.conn, self._x.clock()
        run = self._run(conn, now) or new_run(conn, log_origin(self._x.me, self._x.zone, self._epoch(conn, now)))  # PROTOCOL 6.2: a new epoch, a new log
        entries = [*entries, *(_Entry("pad", b64(secrets.token_bytes(32))) for _ in range(secrets.randbelow(self._x.settings.pads + 1)))]
        nodes: dict[tuple[int, int], bytes] = {}
        tree = Peaks.resume(run.size, getter(conn, run.run), seen=lambda level, at, hash_: nodes.__setitem__((level, at), hash_))
        for entry in entries:
            tree.append(entry_leaf(entry.kind, entry.body))
        keep_nodes(tx, run.run, nodes)
        root = tree.root()
        note = sign_checkpoint(Checkpoint(run.origin, tree.size, root), self._x.keys.site)
        grow(conn, run, size=tree.size, root=root, note=note, cosigned=None, now=now)
        self._leaves(tx, run, entries)
        tx.after_commit(lambda: write_mark(self._x.store.data_dir, run.origin, tree.size))

    def _leaves(self, tx: WriteTransaction, run: Run, entries: Sequence[_Entry]) -> None:
        """Notes where each entry stands; of a record only its newest leaf is live."""
        newest = {entry.id: at for at, entry in enumerate(entries, run.size) if entry.kind == "record" and entry.id is not None}
        ids = list(newest)
        for start in range(0, len(ids), _CHUNK):
            before = and_(t.leaf.c.run == run.run, t.leaf.c.id.in_(ids[start : start + _CHUNK]), t.leaf.c.kind == "record", t.leaf.c.live == 1)
            tx.conn.execute(update(t.leaf).where(before).values(live=0))
        rows = [
            {
                "run": run.run,
                "at": at,
                "kind": entry.kind,
                "id": entry.id,
                "variant": entry.variant,
                "seq": entry.seq,
                "digest": entry.digest,
                "body": entry.body if entry.kind in ("live", "pad") else None,
                "live": int(entry.kind != "pad" and (entry.kind != "record" or newest.get(entry.id or "") == at)),
            }
            for at, entry in enumerate(entries, run.size)
        ]
        tx.insert(t.leaf, rows)
        proved = [(entry.id, entry.digest, at) for at, entry in enumerate(entries, run.size) if entry.id is not None and entry.digest is not None]
        self._x.writer.mark_proved(tx, run.origin, run.epoch, proved)

    def _run(self, conn: Connection, now: int) -> Run | None:
        """The log of the open epoch, or None before its first entry: a log whose epoch was closed is never written, signed or witnessed again."""
        return own_run(conn, self._x.me, self._x.zone, self._epoch(conn, now))

    def _epoch(self, conn: Connection, now: int) -> int:
        """The open epoch: what the certification says; 1 for a site that nobody certifies yet."""
        return self._x.trust.in_(conn, now).epoch(self._x.me)

    # --- witness ---------------------------------------------------------------------------------------------------------------------

    def needs_witness(self) -> bool:
        """Whether the newest checkpoint has no cosignature, or one older than a heartbeat."""
        now = self._x.clock()
        with self._x.store.read() as conn:
            run = self._run(conn, now)
            if run is None or run.note is None or self._x.trust.in_(conn, now).witness_node(self._x.me) is None:
                return False
            return run.witnessed < run.size or run.cosigned is None or now - run.cosigned >= self._x.settings.heartbeat

    def ask_witness(self, peers: "Peers") -> bool:
        """Gets the cosignature of the superior (PROTOCOL 3.3); True when the newest checkpoint has one now.

        Raises:
            SyncError: the witness refuses (not merely away).
        """
        now = self._x.clock()
        with self._x.store.read() as conn:
            run = self._run(conn, now)
            trust = self._x.trust.in_(conn, now)
            witness = trust.witness_node(self._x.me)
            if run is None or run.note is None or witness is None:
                return False
            old = run.witnessed
            proof = consistency_proof(old, run.size, getter(conn, run.run)) if old else []
        line = peers.add_checkpoint(witness, lambda size, shown: self._request(run, size, shown), make_request(old, proof, run.note))
        note = add_signature(run.note, line)
        found = verify_cosignatures(parse_note(note), trust.witnesses(self._x.me), now=now)
        if found is None:
            raise SyncError(zh="见证方的联署无法验证", en="the witness's cosignature does not verify", clause="3.3", kind="witness-answer")
        with self._x.store.write() as tx:
            current = run_of_view(tx.conn, run.origin, "", "")
            if current is None or current.size != run.size:  # the log grew meanwhile: remember how far it is witnessed, keep the newer note
                tx.conn.execute(update(t.run).where(t.run.c.run == run.run).values(cosigned=found.time, witnessed=run.size))
            else:
                assert run.root is not None
                grow(tx.conn, run, size=run.size, root=run.root, note=note, cosigned=found.time, now=now)
            self._x.writer.mark_cosigned(tx, run.origin, run.size)
            clear_doubt(tx.conn)
        return True

    def _request(self, run: Run, size: int | None, shown: str) -> bytes:
        """The request again from the size that the witness says it knows.

        Args:
            run: the own log.
            size: as the witness says; None when it says none, or that the proof does not hold. Nothing but a hint.
            shown: the checkpoint that it cosigned last, as it says; empty when it shows none.

        Raises:
            RolledBackError: that checkpoint is this site's own, and its log does not continue it.
            SyncError: kind `witness-claim`: the witness says so and shows no such thing.
        """
        # PROTOCOL 6.2
        self._compare(run, shown)
        if size is None or not 0 <= size <= run.size or run.note is None:
            raise SyncError(
                zh=f"见证方称本站日志（{run.size} 叶）不接续它所见的（{'未说明' if size is None else size}），但没有出示本站签署的凭据",
                en=f"the witness says that this log of {run.size} entries does not continue what it knows ({'no size' if size is None else size}), "
                "and shows nothing that this site has signed",
                clause="3.3",
                kind="witness-claim",
            )
        with self._x.store.read() as conn:
            return make_request(size, consistency_proof(size, run.size, getter(conn, run.run)) if size else [], run.note)

    def _compare(self, run: Run, shown: str) -> None:
        """Whether a checkpoint is evidence that this log went back: of this log, by a site key of ours that counts, larger than the log or of another tree."""
        # PROTOCOL 6.2
        if not shown:
            return
        try:
            with self._x.store.read() as conn:
                checkpoint = verify_note(parse_note(shown), self._x.trust.in_(conn, self._x.clock()).log(parse_origin(run.origin)).keys)
                if checkpoint.origin != run.origin:
                    return
                now = run_of_view(conn, run.origin, "", "") or run
                if checkpoint.size <= now.size and Peaks.resume(checkpoint.size, getter(conn, now.run)).root() == checkpoint.root:
                    return
        except (NoteError, TrustError):
            return
        raise RolledBackError(
            zh=f"见证方出示了本站签署的 {checkpoint.size} 叶检查点，与现有 {now.size} 叶的日志不接续：本站点的日志曾倒退",
            en=f"the witness shows a checkpoint of size {checkpoint.size} that this site has signed and whose log of {now.size} entries does not continue: "
            "this site's log went back",
        )


def first_unlogged(conn: Connection) -> int | None:
    """Position of the first own change that the log does not hold yet; what lies before it may go into the streams."""
    position = c.change.c.position
    found: int | None = conn.scalar(select(func.min(position)).where(*_unlogged(conn)))
    return found


def _unlogged(conn: Connection) -> tuple[ColumnElement[bool], ...]:
    """Own changes that the log of the open epoch is to take in."""
    position, logged, began = c.change.c.position, get_number(conn, LOGGED), get_number(conn, EPOCH_FROM)
    waiting = (c.change.c.own == 1, position > logged)
    if logged >= began:
        return waiting
    # PROTOCOL 6.2: every current record with its rows; no version that was superseded, no tombstone
    version = select(c.record.c.docno).where(c.record.c.id == c.change.c.id, c.record.c.manifest_hash == c.change.c.manifest_hash).exists()
    table = select(c.record.c.docno).where(c.record.c.id == c.change.c.id).exists()
    return (*waiting, or_(position > began, and_(c.change.c.what == "record", version), and_(c.change.c.what == "rows", table)))


def own_run(conn: Connection, node: str, zone: str, epoch: int | None = None) -> Run | None:
    """This site's log of one epoch, or of the newest that it has; None before the first entry."""
    return newest_of(conn, node, zone, source="") if epoch is None else run_of_view(conn, log_origin(node, zone, epoch), "", "")
