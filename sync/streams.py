"""The stream to each peer: a table keyed by record (PROTOCOL 4.1, 4.4).

A row says what the peer should hold of one record, and at which position that was decided; bodies are made at sending. So the table is outbox, memory of
what was sent, and snapshot at once, and nothing in it can go stale into something that leaks. The rules, each with its clause:

1. One row for each record that the peer holds or should hold; a newer state *moves* the row to a new position (4.1).
2. `first` is the position of the first PUT since the peer last held nothing. A row with `first` > `served` was never sent: when it becomes forbidden it
   goes without a trace, so that no REMOVE names an id that the peer was never told (4.4, invariant I3).
3. A REMOVE or TOMB stays until the peer's cursor has passed it. A PUT that follows one not yet acknowledged keeps its old `first` (4.4).
4. The sum of the fingerprints of all PUTs is kept beside the table, for the head (4.6).

Here only the table is kept; what a peer may have is decided in `sync.judgement`.
"""

import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from catalog.canonical import b64
from sync import tables as t
from sync.row_clock import same_filter
from sync.stream import add, subtract

__all__ = ["PAGE", "PUT", "REMOVE", "ROWS", "SWEEP", "TOMB", "Outlet", "StreamRow", "Verdict", "given_out", "open_outlet"]

PUT, REMOVE, TOMB, ROWS, RESET = "PUT", "REMOVE", "TOMB", "ROWS", "RESET"
#: State of a sweep at its beginning (`sync.feeder`): withdrawals first.
SWEEP = '["withdraw", ""]'
#: Ids in one page of a sweep, and in one IN list.
PAGE = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one peer may have of one record at this moment.

    Attributes:
        state: PUT, TOMB, or None when the peer may have nothing.
        fingerprint: of the PUT (PROTOCOL 4.1); of a TOMB its manifest's hash.
        boundary: UTC seconds of the next moment at which the clock alone may change this, or None.
        rows: for each variant whose rows the peer may keep: newest batch number, stamp of the filter, whether the clock has moved rows that were sent
            (`sync.row_clock`).
    """

    state: str | None
    fingerprint: bytes = b""
    boundary: int | None = None
    rows: tuple[tuple[str, int, bytes, bool], ...] = ()


@dataclass(slots=True)
class StreamRow:
    """One row of the stream table.

    Attributes:
        first: position of the first PUT since the peer last held nothing.
        seq, had, goal: of rows: newest batch sent, acknowledged, to be sent.
        at: position under which `seq` was sent and is not yet acknowledged; 0 when it is.
        anew: 1 while the peer must forget its rows before the next batch.
        filter: stamp of the row filter (`sync.row_clock`).
    """

    id: str
    part: str
    pos: int
    state: str
    fingerprint: bytes
    first: int
    seq: int = 0
    had: int = 0
    goal: int = 0
    at: int = 0
    anew: int = 0
    filter: bytes | None = None


class Outlet:
    """The stream to one peer inside one write transaction. Changes are written by `save`.

    Attributes:
        peer: node id of the reader.
        gen: name of this making of the table.
        pos: newest position given out; positions are strictly increasing and may have gaps.
        served: highest position sent. acked: the reader's cursor.
        total: sum of the fingerprints of all PUTs, mod 2^256.
        sweep: state of a sweep under way, or None.
        actor: digest of what the peer was when its stream was judged.
        full, full_to: 1 while the reader reads everything anew; position of the batch that ends it, 0 before that is sent.
    """

    def __init__(self, conn: Connection, row: Any) -> None:
        self._conn = conn
        self.peer: str = row.peer
        self.gen: str = row.gen
        self.pos: int = row.pos
        self.served: int = row.served
        self.acked: int = row.acked
        self.total = int.from_bytes(row.total, "big")
        self.sweep: str | None = row.sweep
        self.actor: str | None = row.actor
        self.full: int = row.full
        self.full_to: int = row.full_to
        self._new: dict[tuple[str, str], StreamRow] = {}
        self._changed: dict[tuple[str, str], StreamRow] = {}
        self._dues: dict[str, int | None] = {}

    def save(self) -> None:
        """Writes what is new or has changed, and the counters."""
        self._flush()
        values = {
            "gen": self.gen,
            "pos": self.pos,
            "served": self.served,
            "acked": self.acked,
            "total": self.total.to_bytes(32, "big"),
            "sweep": self.sweep,
            "actor": self.actor,
            "full": self.full,
            "full_to": self.full_to,
        }
        self._conn.execute(update(t.outlet).where(t.outlet.c.peer == self.peer).values(**values))

    # --- rows ------------------------------------------------------------------------------------------------------------------------

    def rows_of(self, ids: Collection[str]) -> dict[str, dict[str, StreamRow]]:
        """The rows of these records: id → part → row. To be called for what `settle` is to be called for."""
        self._flush()
        found: dict[str, dict[str, StreamRow]] = {}
        for some in _chunks(list(ids)):
            self._dues |= dict.fromkeys(some)
            self._dues.update((id, at) for id, at in self._conn.execute(select(t.due.c.id, t.due.c.at).where(t.due.c.peer == self.peer, t.due.c.id.in_(some))))
            for row in self._conn.execute(select(*_COLUMNS).where(t.stream.c.peer == self.peer, t.stream.c.id.in_(some))):
                found.setdefault(row.id, {})[row.part] = StreamRow(*row)
        return found

    def page(self, after: int, limit: int, states: Iterable[str] = (PUT, REMOVE, TOMB, ROWS, RESET)) -> list[StreamRow]:
        """Rows beyond a position, in order of position."""
        self._flush()
        query = (
            select(*_COLUMNS)
            .where(t.stream.c.peer == self.peer, t.stream.c.pos > after, t.stream.c.state.in_(list(states)))
            .order_by(t.stream.c.pos)
            .limit(limit)
        )
        return [StreamRow(*row) for row in self._conn.execute(query)]

    def put_ids(self, after: str, limit: int) -> list[str]:
        """Ids of records that are PUT, in order of id, beyond one: the pages of a sweep's withdrawals."""
        self._flush()
        query = select(t.stream.c.id).where(t.stream.c.peer == self.peer, t.stream.c.part == "", t.stream.c.state == PUT, t.stream.c.id > after)
        return list(self._conn.scalars(query.order_by(t.stream.c.id).limit(limit)))

    def settle(self, id: str, parts: dict[str, StreamRow], verdict: Verdict) -> bool:
        """Brings one record's rows in the table to what the peer may have now.

        Args:
            id: record.
            parts: its rows as `rows_of` gave them; changed in place.
            verdict: what the peer may have.

        Returns:
            Whether anything moved.
        """
        moved = self._settle_record(id, parts, verdict)
        self._set_due(id, verdict.boundary)
        wanted = {f"rows:{share[0]}": share[1:] for share in verdict.rows} if verdict.state == PUT else {}
        for part, share in wanted.items():
            moved |= self._settle_rows(id, part, parts, *share)
        for part in [part for part in parts if part and part not in wanted]:
            moved |= self._drop_rows(id, part, parts, still_there=verdict.state == PUT)
        return moved

    def _settle_record(self, id: str, parts: dict[str, StreamRow], verdict: Verdict) -> bool:
        row = parts.get("")
        if verdict.state == PUT:
            if row is None:
                self._insert(StreamRow(id, "", self._next(), PUT, verdict.fingerprint, self.pos), parts)
                return True
            if row.state == PUT and row.fingerprint == verdict.fingerprint:
                return False
            # Rule 3: behind a REMOVE that is not acknowledged the peer may still hold what it was sent, so `first` stays. Rule 2: what was never sent is new.
            self._move(row, PUT, verdict.fingerprint)
            return True
        if row is None or row.state == (TOMB if verdict.state == TOMB else REMOVE):
            return False
        if row.state == TOMB and verdict.state is None:
            return False  # a tombstone says more than a removal
        if row.first > self.served:  # rule 2
            self._delete(row, parts)
            return True
        self._move(row, verdict.state or REMOVE, verdict.fingerprint if verdict.state == TOMB else b"\0" * 32)
        return True

    def _settle_rows(self, id: str, part: str, parts: dict[str, StreamRow], seq: int, stamp: bytes, again: bool) -> bool:
        row = parts.get(part)
        if row is None:
            known = int(parts[""].first <= self.served)  # the peer may hold rows of it from before a removal that it never read
            self._insert(StreamRow(id, part, self._next(), ROWS, b"\0" * 32, self.pos, goal=seq, anew=known, filter=stamp), parts)
            return True
        same = row.state == ROWS and same_filter(row.filter, stamp) and not again
        if same and row.goal == seq:
            if row.filter != stamp:
                row.filter = stamp
                self._write(row)
            return False
        if not same:  # PROTOCOL 5.2: a changed filter begins anew, and so does one that the clock has moved
            row.seq, row.had, row.at, row.anew = 0, 0, 0, int(row.first <= self.served)
        row.goal, row.filter = seq, stamp
        self._move(row, ROWS, row.fingerprint)
        return True

    def _drop_rows(self, id: str, part: str, parts: dict[str, StreamRow], *, still_there: bool) -> bool:
        row = parts[part]
        if not still_there or row.first > self.served:  # the record's own REMOVE takes its rows along
            self._delete(row, parts)
            return True
        if row.state == RESET:
            return False
        row.seq, row.had, row.goal, row.at, row.anew, row.filter = 0, 0, 0, 0, 1, None
        self._move(row, RESET, row.fingerprint)
        return True

    def move_behind(self, row: StreamRow) -> None:
        """Moves a row to a new position unchanged: rows wait for their record's PUT (PROTOCOL 5.4), REMOVEs for the end of a full read (4.5)."""
        self._move(row, row.state, row.fingerprint)

    def sent_rows(self, row: StreamRow, seq: int) -> None:
        """Notes up to which batch rows were put into a batch at the row's position; what is left moves on to a new one."""
        row.seq, row.at = seq, row.pos
        if seq < row.goal:
            self._move(row, row.state, row.fingerprint)
        else:
            self._write(row)

    # --- cursor ----------------------------------------------------------------------------------------------------------------------

    def acknowledge(self, cursor: int) -> None:
        """The reader has everything up to `cursor` (PROTOCOL 4.4) and nothing beyond: removals that it has read need not be remembered, rows that it has read
        are acknowledged, and those sent beyond (the answer was lost) count as not sent."""
        self._flush()
        c = t.stream.c
        mine = c.peer == self.peer
        if cursor < self.acked:  # the reader went back: rows that it had acknowledged beyond are lost to it, and no head tells (they are not summed)
            self._conn.execute(update(t.stream).where(mine, c.state == ROWS, c.pos > cursor).values(seq=0, had=0, at=0, anew=1))
        self.acked = cursor
        read = [TOMB, RESET] if self.full and not 0 < self.full_to <= cursor else [REMOVE, TOMB, RESET]  # in a full read no REMOVE was sent yet (4.5)
        self._conn.execute(delete(t.stream).where(mine, c.state.in_(read), c.pos <= cursor))
        self._conn.execute(update(t.stream).where(mine, c.at > 0, c.at <= cursor).values(had=c.seq, at=0, anew=0))
        self._conn.execute(update(t.stream).where(mine, c.at > cursor).values(seq=c.had, at=0))
        if self.full and self.full_to and cursor >= self.full_to:
            self.full = self.full_to = 0

    def begin_full_read(self) -> None:
        """PROTOCOL 4.5: everything is sent again from position 0, without REMOVEs; what the reader does not see again it drops at the end."""
        self._flush()
        c = t.stream.c
        self._conn.execute(delete(t.stream).where(c.peer == self.peer, c.state.in_([REMOVE, TOMB, RESET])))
        self._conn.execute(update(t.stream).where(c.peer == self.peer, c.state == ROWS).values(seq=0, had=0, at=0, anew=0))
        self._conn.execute(delete(t.view_out).where(t.view_out.c.peer == self.peer))
        self.served, self.full, self.full_to = 0, 1, 0

    def renew(self) -> None:
        """Makes the table anew under a new name: the reader must read everything again."""
        for table in (t.stream, t.due, t.view_out):
            self._conn.execute(delete(table).where(table.c.peer == self.peer))
        self._new, self._changed, self._dues = {}, {}, {}
        self.gen, self.pos, self.served, self.acked, self.total, self.sweep, self.full, self.full_to = new_gen(), 0, 0, 0, 0, SWEEP, 0, 0

    def tick(self) -> int:
        """Takes a position for news of the logs alone (a fresh cosignature), so that the cursor acknowledges it too."""
        return self._next()

    def due(self, now: int, limit: int) -> list[str]:
        """Ids whose decision the clock may have changed by `now`."""
        return list(self._conn.scalars(select(t.due.c.id).where(t.due.c.peer == self.peer, t.due.c.at <= now).order_by(t.due.c.at).limit(limit)))

    def pending(self) -> bool:
        """Whether rows lie beyond what was sent."""
        self._flush()
        return bool(self._conn.scalar(select(func.count()).select_from(t.stream).where(t.stream.c.peer == self.peer, t.stream.c.pos > self.served)))

    # --- small -----------------------------------------------------------------------------------------------------------------------

    def _next(self) -> int:
        self.pos += 1
        return self.pos

    def _move(self, row: StreamRow, state: str, fingerprint: bytes) -> None:
        self._count(row, -1)
        never_sent = row.first > self.served
        row.pos, row.state, row.fingerprint = self._next(), state, fingerprint
        if never_sent:
            row.first = row.pos
        self._count(row, 1)
        self._write(row)

    def _write(self, row: StreamRow) -> None:
        if (row.id, row.part) not in self._new:
            self._changed[row.id, row.part] = row

    def _insert(self, row: StreamRow, parts: dict[str, StreamRow]) -> None:
        self._count(row, 1)
        parts[row.part] = row
        self._new[row.id, row.part] = row

    def _delete(self, row: StreamRow, parts: dict[str, StreamRow]) -> None:
        self._count(row, -1)
        parts.pop(row.part, None)
        self._changed.pop((row.id, row.part), None)
        if self._new.pop((row.id, row.part), None) is not None:
            return
        self._conn.execute(delete(t.stream).where(t.stream.c.peer == self.peer, t.stream.c.id == row.id, t.stream.c.part == row.part))

    def _count(self, row: StreamRow, sign: int) -> None:
        if row.state == PUT and row.part == "":
            self.total = (add if sign > 0 else subtract)(self.total, row.fingerprint)

    def _set_due(self, id: str, at: int | None) -> None:
        if self._dues.get(id) == at:
            return
        if self._dues.get(id) is not None:
            self._conn.execute(delete(t.due).where(t.due.c.peer == self.peer, t.due.c.id == id))
        if at is not None:
            self._conn.execute(insert(t.due).values(peer=self.peer, id=id, at=at))
        self._dues[id] = at

    def _flush(self) -> None:
        """Writes rows that are new or have changed, many at once."""
        if self._changed:
            self._conn.execute(_CHANGE, [{"of": self.peer, "about": row.id, "which": row.part, **_values(row)} for row in self._changed.values()])
            self._changed = {}
        if self._new:
            self._conn.execute(insert(t.stream), [{"peer": self.peer, "id": row.id, "part": row.part, **_values(row)} for row in self._new.values()])
            self._new = {}


_NAMES = ("pos", "state", "fingerprint", "first", "seq", "had", "goal", "at", "anew", "filter")
_CHANGE = update(t.stream).where(t.stream.c.peer == bindparam("of"), t.stream.c.id == bindparam("about"), t.stream.c.part == bindparam("which"))
_COLUMNS = (t.stream.c.id, t.stream.c.part, *(t.stream.c[name] for name in _NAMES))


def _values(row: StreamRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in _NAMES}


def new_gen() -> str:
    """A name for a new making of a stream table: 16 random bytes."""
    return b64(secrets.token_bytes(16))


def open_outlet(conn: Connection, peer: str) -> Outlet:
    """The stream to a peer, made empty (with a sweep to fill it) when there is none yet."""
    row = conn.execute(select(t.outlet).where(t.outlet.c.peer == peer)).one_or_none()
    if row is None:
        conn.execute(insert(t.outlet).values(peer=peer, gen=new_gen(), pos=0, served=0, acked=0, total=b"\0" * 32, sweep=SWEEP, actor=None, full=0, full_to=0))
        row = conn.execute(select(t.outlet).where(t.outlet.c.peer == peer)).one()
    return Outlet(conn, row)


def _chunks(items: list[str]) -> Iterable[list[str]]:
    for start in range(0, len(items), PAGE):
        yield items[start : start + PAGE]


def given_out(conn: Connection, ids: Collection[str]) -> set[str]:
    """Of some records those that the stream to a peer still gives out: the sweep that turns them into a removal has not come by yet."""
    stream = t.stream.c
    return set(conn.execute(select(stream.id).where(stream.id.in_(list(ids)), stream.state.in_((PUT, ROWS, RESET)))).scalars())
