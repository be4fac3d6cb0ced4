"""From a peer's bytes to this site's catalog: verify outside, then apply in one transaction with the cursor (PROTOCOL 4.2, invariants I6, I7).

Steps, in order (the numbers stand at the code):

 1. parse the batch, and read what this site has of the source;
 2. verify it whole (`sync.batch.verify`, pure): statements, notes, covers, disclosures, order, head; nothing is stored yet;
 3. compare it with what we knew: the same log from other sources (two signed trees that differ are evidence of a fork), and older versions from this one;
 4. open the transaction; a batch that no longer continues the cursor is left (late, or doubled);
 5. keep statements, runs and hashes;
 6. bring the holdings of this source up to date, rows and wishes for files with them;
 7. show what now has the highest order of each record touched, or nothing;
 8. move the cursor.

Killed anywhere, the site is as before or as after. A refused batch goes to quarantine with its clause; the state does not change.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import orjson
from sqlalchemy import Connection, and_, delete, func, insert, select, update

from catalog.canonical import JSON, dumps
from catalog.received import ReceivedRecord
from catalog.transaction import WriteTransaction
from policies.errors import TerraceError
from sync import batch as batches
from sync import tables as t
from sync.context import Context
from sync.errors import BatchError, ConflictError, ForkError, SyncError, TrustError
from sync.floors import SHOWN, check_source, floors, raise_floors
from sync.holdings import Holding, Shown, holdings_of, replace_holdings, shown, stale_of
from sync.inlets import open_inlet, read_state
from sync.leases import Current, Leases
from sync.objects import want_objects
from sync.refusals import LINES, Bound
from sync.row_inlet import RowApplier
from sync.runs import Run, conflict_with_others, grow, keep_nodes, new_run, run_by_number, run_of_view
from sync.trust import Order, Trust
from sync.trusted import MAX_OF_ISSUER, keep_statements
from sync.voided import Counting

__all__ = ["Applied", "Applier", "Told", "disclosed_values"]

#: A full read that leaves out more than this many records, and more than half of what the source had given, waits for a person (4.5, safety stop).
SAFETY_STOP = 100
#: Refused batches of one source that are kept for a person, and of how many the text is kept: a liar must not fill the disc.
QUARANTINED, WHOLE = 1000, 50


@dataclass(frozen=True)
class Told:
    """What one source said in a batch: the holdings by id, and the changes that they come from."""

    source: str
    holdings: Mapping[str, Holding | None]
    changes: Mapping[str, batches.RecordChange]


@dataclass(frozen=True, slots=True)
class _Proof:
    """Where the records of one run are proved, and who answers for them."""

    node: str
    origin: str
    epoch: int
    witnessed: int
    level: str | None
    division: str | None
    way: tuple[str, ...]


class _Proofs:
    """Looks up runs, each once."""

    def __init__(self, conn: Connection, trust: Trust) -> None:
        self._conn = conn
        self._trust = trust
        self._known: dict[int, _Proof] = {}

    def of(self, number: int) -> _Proof:
        if number not in self._known:
            run = run_by_number(self._conn, number)
            try:
                said = self._trust.certified(run.node)
                level, division, way = said.level, said.division, said.path
            except TrustError:
                level, division, way = None, None, ()
            self._known[number] = _Proof(run.node, run.origin, run.epoch, run.witnessed, level, division, _way(way, run.node, run.source))
        return self._known[number]


@dataclass(frozen=True)
class Applied:
    """What became of a batch.

    Attributes:
        outcome: `applied`; `stale` (late or doubled: nothing to do); `again` (a full read is needed).
        cursor: place in the stream afterwards. items: number of changes.
    """

    outcome: Literal["applied", "stale", "again"]
    cursor: int
    items: int = 0


class Applier:
    """Applies the batches of all sources of one site. `rows`: its part for rows."""

    def __init__(self, context: Context, leases: Leases) -> None:
        self._x = context
        self.rows = RowApplier(context)
        self._leases = leases
        self._lines = Bound(LINES)

    def apply(self, source: str, data: bytes) -> Applied:
        """Applies one batch.

        Args:
            source: the peer that gave it, proved by its token or by our having called it.
            data: bytes as received.

        Raises:
            SyncError: refused; it stands in quarantine, and nothing has changed.
        """
        try:
            parsed = batches.parse(data)  # 1
            with self._x.store.read() as conn:
                state = read_state(conn, self._x, source, parsed)
                verdict = batches.verify(parsed, state)  # 2
                self._compare(conn, source, verdict)  # 3
                check_source(conn, source, _records(verdict))
        except ConflictError as error:
            return self._conflict(source, error)
        except TerraceError as error:
            self._refuse(source, data, error)
            raise
        try:
            return self._store(source, parsed, state, verdict)
        except TerraceError as error:  # rolled back
            self._refuse(source, data, error)
            raise

    # --- 3: forks --------------------------------------------------------------------------------------------------------------------

    def _compare(self, conn: Connection, source: str, verdict: batches.Verdict) -> None:
        for result in verdict.logs:
            run = run_of_view(conn, str(result.origin), source, result.view)
            probe = run or Run(
                0, str(result.origin), result.origin.node, result.origin.zone, result.origin.epoch, source, result.view, 0, None, None, None, 0, 0
            )
            other = conflict_with_others(conn, probe, result.nodes)
            if other is not None:
                raise ForkError(
                    zh=f"日志 {result.origin} 经 {source} 与经 {other.source or '本站点'} 所示互相矛盾",
                    en=f"log {result.origin} says one thing through {source} and another through {other.source or 'this site'}",
                    evidence={"known": other.note or "", "offered": result.note},
                )

    # --- 4–8: the transaction --------------------------------------------------------------------------------------------------------

    def _store(self, source: str, parsed: batches.Batch, state: batches.State, verdict: batches.Verdict) -> Applied:
        with self._x.store.write() as tx:
            inlet = open_inlet(tx.conn, source)
            if (inlet.gen, inlet.cursor) != (state.gen, state.cursor):  # 4
                return Applied("stale", inlet.cursor)
            round_ = inlet.round + 1 if verdict.restart else inlet.round
            keep_statements(tx.conn, verdict.statements, source=source, now=self._x.clock(), limit=MAX_OF_ISSUER)  # 5
            runs = {(str(result.origin)): self._keep_log(tx, source, result) for result in verdict.logs}
            told = self._hold(tx, source, verdict, runs, round_)  # 6
            dropped, stopped = self._end_of_full_read(tx, source, round_) if verdict.complete else (set(), 0)
            changes = {change.id: change for change in _records(verdict)}
            counts = self.show(tx, told.keys() | dropped, verdict.trust, Told(source, told, changes))  # 7
            self.rows.apply(tx, source, verdict, runs, round_)  # after the records whose columns they have
            if verdict.complete and not stopped:
                self.rows.forget_unseen(tx, source, round_)  # last: the batch that ends a full read may bring rows, too
            again = verdict.head == "differs"
            full = (verdict.restart or bool(inlet.full)) and not verdict.complete
            values = {
                "gen": verdict.gen,
                "cursor": 0 if again else verdict.cursor,
                "round": round_,
                "full": int(full or again),
                "total": verdict.total.to_bytes(32, "big"),
                "applied": self._x.clock(),
                "held": stopped,
            }
            tx.conn.execute(update(t.inlet).where(t.inlet.c.peer == source).values(**values, **({"head": parsed.head} if parsed.head else {})))  # 8
            if verdict.changes or dropped or again:
                detail: dict[str, JSON] = {
                    "from": parsed.from_,
                    "to": verdict.cursor,
                    **counts,
                    **({"drift": True} if again else {}),
                    **({"held": stopped} if stopped else {}),
                }
                tx.audit("sync.apply", actor=f"peer:{source}", outcome="alarm" if stopped or again else "done", detail=detail)
        return Applied("again" if again else "applied", 0 if again else verdict.cursor, len(verdict.changes))

    def _keep_log(self, tx: WriteTransaction, source: str, result: batches.LogResult) -> int:
        origin, now = str(result.origin), self._x.clock()
        run = run_of_view(tx.conn, origin, source, result.view) or new_run(tx.conn, origin, source, result.view)
        keep_nodes(tx, run.run, result.nodes)
        grow(tx.conn, run, size=result.size, root=result.root, note=result.note, cosigned=result.cosigned, now=now)
        if result.cosigned is not None:
            self._x.writer.mark_cosigned(tx, origin, result.size)
        if result.live is not None:
            self._leases.keep(tx, run.run, origin, *result.live)
        return run.run

    def _hold(self, tx: WriteTransaction, source: str, verdict: batches.Verdict, runs: dict[str, int], round_: int) -> dict[str, Holding | None]:
        """Takes what the source said of each record that the batch touches; returns it by id, None for what it no longer gives."""
        told: dict[str, Holding | None] = {}
        raise_floors(tx, source, {change.id: change.order for change in _records(verdict)})
        for change in verdict.changes:
            if isinstance(change, batches.RemoveChange):
                told[change.id] = None
            elif isinstance(change, batches.RecordChange):
                told[change.id] = _holding(source, change, runs[str(change.origin)])
                if not change.tomb:
                    continue
            else:
                continue
            self.rows.forget(tx, source, change.id)  # rows go with their record
        for id in stale_of(tx.conn, source, told):
            tx.change("proof", id)  # it may be passed on again
        replace_holdings(tx, source, told, round_)
        return told

    def _end_of_full_read(self, tx: WriteTransaction, source: str, round_: int) -> tuple[set[str], int]:
        """PROTOCOL 4.5: what the source did not send in its full read goes; when that is very much, a person decides first.

        Returns:
            Ids that went, and how many are held back by the safety stop.
        """
        h = t.holding.c
        unseen = and_(h.source == source, h.round < round_, h.tomb == 0)
        gone = int(tx.conn.scalar(select(func.count()).select_from(t.holding).where(unseen)) or 0)
        kept = int(tx.conn.scalar(select(func.count()).select_from(t.holding).where(h.source == source, h.round == round_)) or 0)
        if gone > SAFETY_STOP and gone > kept:
            return set(), gone
        ids = set(tx.conn.scalars(select(h.id).where(unseen)))
        tx.conn.execute(delete(t.holding).where(unseen))
        return ids, 0

    # --- 7: what is shown ------------------------------------------------------------------------------------------------------------

    def show(self, tx: WriteTransaction, ids: Collection[str], trust: Trust, told: Told | None = None) -> dict[str, JSON]:
        """Shows what now has the highest order of each record among the leaves that count, or nothing; returns how many were put and went.

        Args:
            ids: records that something was said about.
            trust: as of now.
            told: what one source said of them just now, and need not be read back.
        """
        counting, proofs = Counting(tx.conn, trust), _Proofs(tx.conn, trust)
        held, lowest = holdings_of(tx.conn, ids, but=None if told is None else told.source), floors(tx.conn, SHOWN, ids)
        orders: dict[str, Order] = {}
        gone: dict[str, bool] = {}
        dark: dict[str, bool] = {}
        best: list[tuple[Shown, int | None]] = []
        current = Current(tx.conn, self._x.clock())
        for id in sorted(ids):
            new = None if told is None else told.holdings.get(id)
            first = shown(counting.of([*held.get(id, ()), *(() if new is None else (new,))]))
            if first is not None:
                orders[id] = first.best.order
            if first is None or first.best.tomb or first.best.order < lowest.get(id, first.best.order):
                gone[id] = first is not None and first.best.tomb
            elif proofs.of(first.best.run).node != self._x.me:  # our own record came back: it is shown from our own log, or was withdrawn here
                ends = current.ends(proofs.of(first.best.run).origin, first.best.at, first.best.manifest)
                if ends == 0:  # PROTOCOL 3.6: no list says that it is current
                    dark[id] = False  # its rows stay, unseen: they are not given again when it comes back
                else:
                    best.append((first, ends))
        withdrawn = self._x.writer.unshow(tx, {**gone, **dark})
        for id in gone:
            self.rows.hide(tx, id)
        values = {} if told is None else told.changes
        known: dict[tuple[str, bytes], bool] = {}
        received = [_received(each, proofs.of(each.best.run), values.get(each.best.id), known, ends) for each, ends in best]
        put = self._x.writer.show_received(tx, received)
        want_objects(tx, [(each.id, each.fitting, by.sources) for each, (by, _) in zip(received, best, strict=True)], self._x.settings)
        raise_floors(tx, SHOWN, orders)
        return {"put": put, "gone": withdrawn}

    # --- refusals --------------------------------------------------------------------------------------------------------------------

    def _conflict(self, source: str, error: ConflictError) -> Applied:
        """An honest batch that does not continue what we have: late ones are left, the others need a full read (PROTOCOL 4.2, 4.5)."""
        with self._x.store.write() as tx:
            inlet = open_inlet(tx.conn, source)
            if error.kind == "from":
                return Applied("stale", inlet.cursor)
            tx.audit("sync.apply", actor=f"peer:{source}", outcome="again", detail={"clause": error.clause, "en": error.en[:300], "kind": error.kind})
            tx.conn.execute(update(t.inlet).where(t.inlet.c.peer == source).values(cursor=0, full=1, gen=None if error.kind == "gen" else inlet.gen))
        return Applied("again", 0)

    def _refuse(self, source: str, data: bytes, error: TerraceError) -> None:
        """Keeps a refused batch for a person to look at, once; audits it."""
        clause = error.clause if isinstance(error, SyncError) else ""
        name = hashlib.sha256(data).hexdigest()
        detail: dict[str, JSON] = {"zh": error.zh, "en": error.en, "sha256": name, "item": error.item if isinstance(error, BatchError) else None}
        if isinstance(error, ForkError):
            detail["evidence"] = dict(error.evidence)
        with self._x.store.write() as tx:
            q = t.quarantine.c
            known = tx.conn.scalar(select(q.n).where(q.peer == source, q.digest == name))
            kept = int(tx.conn.scalar(select(func.count()).select_from(t.quarantine).where(q.peer == source)) or 0)
            if known is None and kept < QUARANTINED:
                tx.conn.execute(
                    insert(t.quarantine).values(
                        peer=source,
                        time=self._x.clock(),
                        kind=error.kind,
                        clause=clause,
                        digest=name,
                        detail=dumps(detail).decode(),
                        batch=data[: 1 << 20].decode("utf-8", "replace").replace("\0", "\ufffd") if kept < WHOLE else None,
                    )
                )
            if known is None and self._lines.take():
                tx.audit("sync.refuse", actor=f"peer:{source}", outcome="refused", detail={"kind": error.kind, "clause": clause, "en": error.en})
            tx.conn.execute(update(t.peer).where(t.peer.c.node == source).values(error=f"{error.kind} {clause}: {error.en}"[:500], error_at=self._x.clock()))


def disclosed_values(texts: Mapping[str, str]) -> dict[str, JSON]:
    """The values of verified disclosures: name → value."""
    return {name: orjson.loads(text)[2] for name, text in texts.items()}


def _records(verdict: batches.Verdict) -> list[batches.RecordChange]:
    return [change for change in verdict.changes if isinstance(change, batches.RecordChange)]


def _holding(source: str, change: batches.RecordChange, run: int) -> Holding:
    place, epoch, at = change.order
    digest = change.manifest.hash
    return Holding(source, change.id, run, at, place, epoch, digest, change.text, change.disclosures, change.fingerprint, change.tomb, stale=False)


def _received(shown: Shown, proof: _Proof, change: batches.RecordChange | None, known: dict[tuple[str, bytes], bool], ends: int | None) -> ReceivedRecord:
    """What the catalog is to show. What the batch brought was read already, in `change`; what another source adds to it, or says in its place, was not."""
    best = shown.best
    mine = change is not None and change.manifest.hash == best.digest
    return ReceivedRecord(
        manifest=best.manifest,
        manifest_hash=best.digest,
        fields=change.values if change is not None and shown.disclosures is change.disclosures else disclosed_values(shown.disclosures),
        source=best.source,
        level=proof.level,
        division=proof.division,
        log=proof.origin,
        epoch=proof.epoch,
        index=best.at,
        proof="cosigned" if proof.witnessed > best.at else "signed",
        path=proof.way,
        read=change.manifest if change is not None and mine else None,
        known=known,
        ends=ends,
    )


def _way(path: tuple[str, ...], authority: str, source: str) -> tuple[str, ...]:
    """Node ids that a record came through, the authority first: along the certifications where the source stands on them."""
    if source in path:
        return tuple(reversed(path[path.index(source) :]))
    return (authority,) if authority == source else (authority, source)
