"""What one peer may have of each record, now (PROTOCOL 4.3, 4.8, 4.9, 5.2).

The decision is the policy's, through the catalog's reader (`Reader.stream`): *discover* gives the manifest with the fields of the card, *read* all fields that
no constraint hides or masks, *hold* the rows, under the row filter of the decision. Here two things are added that only the exchange knows:

1. *Where it came from.* To superiors and sideways go only own records and what subordinates gave; nothing goes back to the peer that gave it, nor to its own
   authority (4.8). Disclosures are drawn from the sources that remain.
2. *Where it is proved.* A record that no log holds yet waits; so do the rows of batches that are not logged yet. What a closing or a succession made void,
   and what stands in a run that goes beyond the end of a closed epoch, proves nothing any more (6.2, 6.3).
"""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from sqlalchemy import Connection, and_, select

from catalog import tables as c
from catalog.canonical import loads
from catalog.rows.tables import find_table
from catalog.streams import Decided, StreamView
from policies.actor import Actor
from sync import tables as t
from sync.clock import seconds_behind
from sync.context import Context
from sync.errors import TrustError
from sync.holdings import Holding, holdings_of, shown
from sync.ids import Origin, parse_origin
from sync.row_clock import moves, row_moments, stamp, stamped
from sync.runs import Run, run_by_number
from sync.stream import fingerprint
from sync.streams import PUT, TOMB, Verdict
from sync.trust import Trust

__all__ = ["Judge", "Judged", "RowPart", "peer_actor"]

_CHUNK = 400
NOTHING = Verdict(None)


@dataclass(frozen=True, slots=True)
class RowPart:
    """Rows of one table that a peer may hold.

    Attributes:
        variant: '' for the record's own rows.
        goal: newest batch that is proved. filter: condition over the rows, or None. source: peer whose run proves the batches; '' for own ones.
        stamp: of the filter, and up to when the clock was looked at. again: the clock has moved rows that were sent. boundary: when it next will, or None.
    """

    variant: str
    goal: int
    filter: Any
    source: str
    stamp: bytes
    again: bool = False
    boundary: int | None = None


@dataclass(frozen=True)
class Judged:
    """One record for one peer: the verdict for the stream table, and what is sent.

    Attributes:
        run, at: the leaf. manifest: as published. disclose: texts of the fields that the peer may see.
        resources: disclosed names of files, for `GET objects`.
    """

    verdict: Verdict
    run: int = 0
    at: int = 0
    manifest: str = ""
    disclose: tuple[str, ...] = ()
    rows: tuple[RowPart, ...] = ()
    profile: str = ""
    files: bool = False
    names: frozenset[str] = field(default_factory=frozenset)


_NO = Judged(NOTHING)


def peer_actor(trust: Trust, node: str, clearance: str) -> Actor:
    """The actor that a peer is, from its statements.

    Args:
        trust: as of now.
        node: the peer.
        clearance: the highest secrecy that a site of this zone takes in.

    Raises:
        TrustError: the peer is not certified now.
    """
    said = trust.certified(node)
    return Actor(
        kind="peer",
        node=node,
        unit=said.unit,
        sector=said.sector,
        division=said.division,
        reads=said.divisions or None,
        level=said.level,
        clearance=clearance,
        name=said.name.get("zh") or said.name.get("en") or node,
    )


class Judge:
    """Judges for one peer at one moment, on one connection."""

    def __init__(self, context: Context, conn: Connection, peer: str, now: int) -> None:
        """Raises TrustError when the peer is not certified now: it may have nothing."""
        self._x = context
        self._conn = conn
        self.behind = seconds_behind(conn, now)
        self.now = now + self.behind  # PROTOCOL 6.5: what has ended stays ended
        self.peer = peer
        self.trust = context.trust.in_(conn, now)
        self.actor = peer_actor(self.trust, peer, context.site.secrecy_cap)
        self._decided = Decided()
        self._may: dict[str, bool] = {}
        self._runs: dict[int, Run] = {}
        self._origins: dict[int, Origin] = {}
        self._good: dict[int, bool] = {}
        self._leaves: dict[tuple[str, bytes], tuple[int, int]] = {}
        self._tables: dict[str, list[Any]] = {}

    @property
    def key(self) -> str:
        """Changes when the statements say something else of the peer, so that its stream is judged anew."""
        said = {**self.actor.as_dict(), **({"clock": "behind"} if self.behind else {})}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def run(self, number: int) -> Run:
        """A run, remembered."""
        if number not in self._runs:
            self._runs[number] = run_by_number(self._conn, number)
        return self._runs[number]

    def judge(self, ids: Collection[str]) -> dict[str, Judged]:
        """Judges records; every id given is a key of the answer."""
        wanted = list(dict.fromkeys(ids))
        found: dict[str, Judged] = {}
        for start in range(0, len(wanted), _CHUNK):
            some = wanted[start : start + _CHUNK]
            views = self._x.reader.stream(self.actor, some, conn=self._conn, now=self.now, decided=self._decided)
            held = {id: [item for item in items if self._usable(item)] for id, items in holdings_of(self._conn, some).items()}
            self._look_ahead(list(views.values()))
            for id in some:
                view = views.get(id)
                found[id] = self._gone(id, held.get(id, [])) if view is None else self._one(view, held.get(id, []))
        return found

    def _look_ahead(self, views: Sequence[StreamView]) -> None:
        """Reads in few questions where own records stand in the log, and which records have rows."""
        own = [view.manifest_hash for view in views if view.own and view.may.discover]
        holding = [view.id for view in views if view.may.hold]
        leaf = t.leaf.c
        self._leaves, self._tables = {}, {}
        if own:
            query = select(leaf.id, leaf.digest, leaf.run, leaf.at).where(leaf.digest.in_(own), leaf.kind == "record").order_by(leaf.run, leaf.at)
            self._leaves = {(id, bytes(digest)): (run, at) for id, digest, run, at in self._conn.execute(query)}
        if holding:
            for row in self._conn.execute(select(c.row_table).where(c.row_table.c.id.in_(holding))):
                self._tables.setdefault(row.id, []).append(row)

    # --- one record ------------------------------------------------------------------------------------------------------------------

    def _one(self, view: StreamView, held: list[Holding]) -> Judged:
        closed = self.behind and view.may.boundary is not None  # PROTOCOL 6.5: timed permissions
        if not view.may.discover or view.authority == self.peer or closed:
            return Judged(Verdict(None, boundary=view.may.boundary))
        if view.own:
            leaf = self._leaves.get((view.id, view.manifest_hash))
            if leaf is None or not self._proves(view.id, *leaf):
                return Judged(Verdict(None, boundary=view.may.boundary))  # not in the log yet: its change comes again behind the logged position
            run, at, texts, source = leaf[0], leaf[1], view.disclosures, ""
        else:
            best = shown(held, digest=view.manifest_hash, sources={item.source for item in held if self._may_pass(item.source)})
            if best is None or best.best.tomb:
                return Judged(Verdict(None, boundary=view.may.boundary))
            run, at, texts, source = best.best.run, best.best.at, best.disclosures, best.best.source
        names = view.may.shown(tuple(texts))
        print_ = fingerprint(view.manifest_hash, self.run(run).origin, at, names)
        rows = self._rows(view, source) if view.may.hold else ()
        boundary = min((moment for moment in (view.may.boundary, *(part.boundary for part in rows)) if moment is not None), default=None)
        verdict = Verdict(PUT, print_, boundary, tuple((part.variant, part.goal, part.stamp, part.again) for part in rows))
        return Judged(verdict, run, at, view.manifest, tuple(texts[name] for name in names), rows, view.profile, view.may.files, frozenset(names))

    def _gone(self, id: str, held: list[Holding]) -> Judged:
        """A record that is not shown: its tombstone, where there is one that this peer may be told of."""
        best = shown(held, sources={item.source for item in held if self._may_pass(item.source)})
        if best is not None and best.best.tomb:
            return Judged(Verdict(TOMB, best.best.digest), best.best.run, best.best.at, best.best.manifest)
        row = self._conn.execute(
            select(c.version.c.manifest, c.version.c.manifest_hash).where(c.version.c.id == id).order_by(c.version.c.n.desc()).limit(1)
        ).one_or_none()
        if row is None or '"kind":"tombstone"' not in row.manifest:
            return _NO
        leaf = self._own_leaf(id, bytes(row.manifest_hash))
        return _NO if leaf is None or not self._proves(id, *leaf) else Judged(Verdict(TOMB, bytes(row.manifest_hash)), leaf[0], leaf[1], row.manifest)

    def _own_leaf(self, id: str, digest: bytes) -> tuple[int, int] | None:
        leaf = t.leaf.c
        row = self._conn.execute(
            select(leaf.run, leaf.at).where(leaf.id == id, leaf.digest == digest, leaf.kind == "record").order_by(leaf.run.desc(), leaf.at.desc()).limit(1)
        ).one_or_none()
        return None if row is None else (row.run, row.at)

    def proves(self, run: Run) -> bool:
        """Whether a run can prove anything to others.

        One that goes beyond the end of a closed epoch cannot, since its note is void (PROTOCOL 6.2); nor can one whose node is not certified any more: a batch
        about it would be refused as a whole (6.1).
        """
        try:
            self.trust.certified(run.node)
            end = self.trust.end_of(self._origin(run))
        except TrustError:
            return False
        return end is None or run.size <= end

    def _usable(self, item: Holding) -> bool:
        return not item.stale and self._proves(item.id, item.run, item.at)

    def _proves(self, id: str, number: int, at: int) -> bool:
        """Whether a leaf counts, and its run can prove it."""
        # PROTOCOL 6.2
        run = self.run(number)
        if number not in self._good:
            self._good[number] = self.proves(run)
        try:
            self.trust.check_leaf(id, self._origin(run), at)
        except TrustError:
            return False
        return self._good[number]

    def _origin(self, run: Run) -> Origin:
        return self._origins.get(run.run) or self._origins.setdefault(run.run, parse_origin(run.origin))

    def _may_pass(self, source: str) -> bool:
        """PROTOCOL 4.8."""
        known = self._may.get(source)
        if known is None:
            try:
                known = source != self.peer and self.trust.may_relay(to=self.peer, sender=self._x.me, held_from=source)
            except TrustError:
                known = False
            self._may[source] = known
        return known

    # --- rows ------------------------------------------------------------------------------------------------------------------------

    def _rows(self, view: StreamView, source: str) -> tuple[RowPart, ...]:
        """The tables of rows that the peer may hold (PROTOCOL 5.2: columns are narrowed only by a variant, so a hidden column withholds the table)."""
        parts: list[RowPart] = []
        for row in self._tables.get(view.id, ()):
            if row.variant != (view.may.variant or ""):
                continue
            columns = [str(column["name"]) for column in cast(list[dict[str, Any]], loads(row.columns))]
            if not all(view.may.shows_column(column) for column in columns) or (self.behind and view.may.row_filter is not None and moves(view.may.row_filter)):
                continue
            goal, epoch = self._proved(view.id, row.variant, row.seq, source)
            if goal:
                parts.append(self._clocked(RowPart(row.variant, goal, view.may.row_filter, source, stamp(view.may.row_filter, 0, epoch)), view, epoch))
        return tuple(parts)

    def _clocked(self, part: RowPart, view: StreamView, epoch: int) -> RowPart:
        """Looks what the clock does to a share of rows (PROTOCOL 5.2)."""
        if part.filter is None or not moves(part.filter) or (table := find_table(self._conn, view.id, part.variant)) is None:
            return part
        s = t.stream.c
        where = and_(s.peer == self.peer, s.id == view.id, s.part == f"rows:{part.variant}")
        kept, sent = self._conn.execute(select(s.filter, s.seq).where(where)).one_or_none() or (None, 0)
        since = stamped(kept, part.filter, epoch)
        found = row_moments(self._conn, table, part.filter, view.profile, since=since or 0, sent=sent, now=self.now)
        if found is None:
            return part
        return replace(part, stamp=stamp(part.filter, found.until, epoch), again=since is not None and found.flipped, boundary=found.next)

    def _proved(self, id: str, variant: str, newest: int, source: str) -> tuple[int, int]:
        """The newest batch of rows that a log proves, and the epoch of that log; (0, 1) when there is none."""
        leaf = t.row_leaf if source else t.leaf
        where = [leaf.c.id == id, leaf.c.variant == variant, leaf.c.seq <= newest, (leaf.c.source == source) if source else (leaf.c.kind == "rows")]
        query = select(leaf.c.seq, leaf.c.run, leaf.c.at, t.run.c.epoch).join(t.run, t.run.c.run == leaf.c.run).where(*where)
        found = self._conn.execute(query.order_by(leaf.c.seq.desc(), leaf.c.run.desc()).limit(1)).one_or_none()
        return (0, 1) if found is None or not self._proves(id, found.run, found.at) else (found.seq, found.epoch)
