"""From the stream table to the bytes of a batch: judged at the moment of sending, proved from what is kept (PROTOCOL 4.2–4.6).

Steps of one answer, all in one write transaction that is committed before the first byte leaves (4.4):

 1. compare `gen` and cursor: another stream, or a cursor that we never gave, is answered with 409;
 2. take the cursor as acknowledgement: removals read are forgotten, sizes of logs sent with what was read are the reader's now;
 3. walk the rows beyond the cursor in order of position and judge each by policy and clock *now* (4.3): what changed moves behind and comes again;
 4. build for each log one cover from the size that the reader has, add cosignatures that are news, and the statements behind new signers;
 5. when nothing is left and no sweep is pending, sign the head (4.6);
 6. store `served`.
"""

import hashlib
import secrets
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from sqlalchemy import Connection, and_, delete, exists, func, insert, or_, select, update

from sync import batch as batches
from sync import tables as t
from sync.context import Context
from sync.errors import MissingHashError
from sync.judgement import Judge, Judged
from sync.row_outlet import next_row_item
from sync.runs import Run, build_cover
from sync.stream import make_head
from sync.streams import PUT, REMOVE, RESET, ROWS, TOMB, Outlet, StreamRow, open_outlet

__all__ = ["Served", "Server"]

#: Bytes of items after which a batch is closed; covers and statements come on top (PROTOCOL 7: at most 8 MiB).
BUDGET = 5 << 20
_PAGE = 200


@dataclass(frozen=True)
class Served:
    """An answer: `batch` with its bytes, `nothing`, or `gen` (409: read everything, under this name; `beyond`: the cursor lies beyond what was served)."""

    kind: Literal["batch", "nothing", "gen"]
    gen: str
    body: bytes = b""
    beyond: bool = False


@dataclass
class _Building:
    """A batch under way."""

    limit: int
    at: int
    items: list[batches.Item] = field(default_factory=list)
    bytes: int = 0
    more: bool = False
    closed: bool = False
    headless: bool = False
    runs: dict[str, int] = field(default_factory=dict)  # origin → run used in this batch
    opened: dict[int, set[int]] = field(default_factory=dict)  # run → leaves
    order: list[int] = field(default_factory=list)  # runs in the order of `logs`

    def full(self) -> bool:
        return self.closed or len(self.items) >= self.limit or self.bytes >= BUDGET

    def place(self, run: Run, at: int) -> int:
        """Opens a leaf; returns the log's place in `logs`."""
        if run.run not in self.opened:
            self.opened[run.run] = set()
            self.runs[run.origin] = run.run
            self.order.append(run.run)
        self.opened[run.run].add(at)
        return self.order.index(run.run)


class Server:
    """Makes the batches that this site gives. Safe for threads: the database orders them."""

    def __init__(self, context: Context) -> None:
        self._x = context

    def has_news(self, conn: Connection, peer: str, gen: str | None, cursor: int) -> bool:
        """Whether a request would get anything else than 204: cheap, reads only."""
        row = conn.execute(select(t.outlet).where(t.outlet.c.peer == peer)).one_or_none()
        if row is None or row.gen != gen or cursor > row.served or cursor != row.acked or row.served > cursor:
            return True
        if row.sweep is None and (cursor == 0 or (row.full and not row.full_to)):
            return True  # a full read begins or goes on, and ends even when there is nothing to give: else what is there above stays for ever
        if conn.scalar(select(t.stream.c.pos).where(t.stream.c.peer == peer, t.stream.c.pos > cursor).limit(1)) is not None:
            return True
        return bool(self._news(conn, peer))

    def serve(self, peer: str, gen: str | None, cursor: int, limit: int) -> Served:
        """Answers one request.

        Args:
            peer: who asks, certified.
            gen, cursor: as the request says.
            limit: number of items at most.

        Raises:
            TrustError: the peer is not certified (any more).
        """
        now = self._x.clock()
        with self._x.store.write() as tx:
            outlet = open_outlet(tx.conn, peer)
            if gen != outlet.gen or cursor > outlet.served:  # 1
                return Served("gen", outlet.gen, beyond=gen == outlet.gen)
            self._acknowledge(tx.conn, outlet, cursor)  # 2
            judge = Judge(self._x, tx.conn, peer, now)
            building = _Building(min(limit, batches.MAX_ITEMS), cursor)
            self._collect(tx.conn, outlet, judge, building)  # 3
            for run in () if building.more else self._news(tx.conn, peer):
                if run.origin not in building.runs and judge.proves(run):
                    building.runs[run.origin] = run.run
                    building.opened[run.run] = set()
                    building.order.append(run.run)
                    if building.at == cursor:
                        building.at = outlet.tick()  # so that the cursor acknowledges the news
            if not building.order and not building.items and (not outlet.full or outlet.sweep is not None):
                outlet.served = cursor  # nothing lies beyond it any more, whatever an answer that was lost had held
                outlet.save()
                return Served("nothing", outlet.gen)
            body = self._encode(tx.conn, outlet, judge, building, cursor)  # 4, 5
            outlet.served = max(outlet.served, building.at)  # 6
            outlet.save()
        return Served("batch", outlet.gen, body)

    # --- 2 ---------------------------------------------------------------------------------------------------------------------------

    def _acknowledge(self, conn: Connection, outlet: Outlet, cursor: int) -> None:
        if cursor == 0:
            outlet.begin_full_read()
        outlet.acknowledge(cursor)
        v = t.view_out.c
        mine = v.peer == outlet.peer
        read = and_(mine, v.sent_pos > 0, v.sent_pos <= cursor)
        conn.execute(update(t.view_out).where(read).values(size=v.sent, cosigned=v.sent_cosigned, chain=v.sent_chain, live=v.sent_live, sent_pos=0))
        conn.execute(delete(t.view_out).where(mine, v.sent_pos > cursor, v.size == 0))  # never read: the next batch begins the view again
        conn.execute(update(t.view_out).where(mine, v.sent_pos > cursor).values(sent_pos=0))

    # --- 3 ---------------------------------------------------------------------------------------------------------------------------

    def _collect(self, conn: Connection, outlet: Outlet, judge: Judge, building: _Building) -> None:
        states = (PUT, TOMB, ROWS, RESET) if outlet.full else (PUT, REMOVE, TOMB, ROWS, RESET)
        while True:
            rows = outlet.page(building.at, min(_PAGE, building.limit), states)
            if not rows:
                break
            ids = {row.id for row in rows}
            judged, table = judge.judge(ids), outlet.rows_of(ids)
            for row in rows:
                if building.full() or not self._one(conn, outlet, judge, building, row, judged[row.id], table.setdefault(row.id, {})):
                    building.more = True
                    return
                building.at = max(building.at, row.pos)
        if outlet.full and outlet.sweep is not None:
            building.more = True  # what the sweep has not judged yet must not look as if it were gone
        elif outlet.full:  # PROTOCOL 4.5: REMOVEs wait until the full read has ended
            building.at = outlet.tick()
            for waiting in outlet.page(0, 1 << 30, (REMOVE,)):
                outlet.move_behind(waiting)
                building.headless = True  # the reader may have got it in this very read, and still counts it
            outlet.full_to = building.at
        else:
            building.at = max(building.at, outlet.pos)

    def _one(self, conn: Connection, outlet: Outlet, judge: Judge, building: _Building, listed: StreamRow, judged: Judged, parts: dict[str, StreamRow]) -> bool:
        """Puts one row into the batch, if it is still what the peer may have; False when the batch must end before it."""
        before = listed.pos
        outlet.settle(listed.id, parts, judged.verdict)
        row = parts.get(listed.part)
        if row is None or row.pos != before:
            return True  # gone, or moved behind: it comes again in its present form
        listed.pos = before
        if row.state in (PUT, TOMB):
            run = judge.run(judged.run)
            if building.runs.get(run.origin, run.run) != run.run:
                return False  # one log is proved from one run in one batch
            item: batches.Item = batches.PutItem(before, building.place(run, judged.at), judged.at, judged.manifest, judged.disclose, tomb=row.state == TOMB)
            building.items.append(item)
            building.bytes += len(judged.manifest) + sum(map(len, judged.disclose))
        elif row.state == REMOVE:
            building.items.append(batches.RemoveItem(before, row.id))
        elif row.state == ROWS:
            return self._rows(conn, outlet, judge, building, row, judged, parts)
        else:
            building.items.append(batches.ResetItem(before, row.id, row.part.partition(":")[2], 0))
        return True

    def _rows(self, conn: Connection, outlet: Outlet, judge: Judge, building: _Building, row: StreamRow, judged: Judged, parts: dict[str, StreamRow]) -> bool:
        """The next batches of one table of rows, under one position."""
        record = parts.get("")
        part = next((part for part in judged.rows if f"rows:{part.variant}" == row.part), None)
        if record is None or part is None or record.pos > row.pos:
            outlet.move_behind(row)  # PROTOCOL 5.4: rows wait for their record's PUT
            return True
        at, seq, put, gone = row.pos, 0 if row.anew else row.seq, 0, False
        if row.anew:
            building.items.append(batches.ResetItem(at, row.id, part.variant, 0))
        while seq < row.goal and not (put and building.full()):
            made = next_row_item(conn, judge, part, row.id, seq + 1, judged.profile)
            if made is None:
                gone = True
                break
            run = judge.run(made.run)
            if building.runs.get(run.origin, run.run) != run.run:
                break
            building.items.append(replace(made.item, pos=at, log=building.place(run, made.item.index)))
            building.bytes += made.bytes
            seq, put = made.seq, put + 1
        if put or row.anew:
            building.at = at
            outlet.sent_rows(row, seq)
            building.closed = seq < row.goal  # one entry stands in a batch once: the rest goes into the next
            return True
        return gone or seq >= row.goal  # PROTOCOL 5.2: a batch that is no longer kept here stops its own table, not the stream

    # --- 4, 5 ------------------------------------------------------------------------------------------------------------------------

    def _news(self, conn: Connection, peer: str) -> list[Run]:
        """Runs that the peer follows whose cosignature is news to it, the first over what it has, or one that is a heartbeat younger; or whose live list is.

        Where this site reads a log anew, the run that the peer follows grows no more: then the newer one of the same source takes its place.
        """
        v, r, live, followed = t.view_out.c, t.run.c, t.live.c, t.run.alias("followed")
        same = and_(followed.c.origin == r.origin, followed.c.source == r.source)
        query = select(t.run, v.cosigned.label("has")).join(followed, same).join(t.view_out, v.run == followed.c.run).where(v.peer == peer)
        listed = exists().where(live.run == r.run, live.at > func.coalesce(v.live, -1), live.at < r.size, live.bits.is_not(None))
        cosigned = or_(v.cosigned.is_(None), r.cosigned - v.cosigned >= self._x.settings.heartbeat)
        fresh = or_(and_(r.cosigned.is_not(None), r.witnessed == r.size, cosigned), listed)
        return [
            Run(**{name: value for name, value in row._mapping.items() if name != "has"})
            for row in conn.execute(query.where(fresh).order_by(r.run.desc()).limit(500))
        ]

    def _encode(self, conn: Connection, outlet: Outlet, judge: Judge, building: _Building, cursor: int) -> bytes:
        statements: dict[str, None] = {}
        logs = [self._log(conn, outlet.peer, judge, judge.run(number), building, statements) for number in building.order]
        head = None
        if not building.more and not building.headless and outlet.sweep is None:
            head = make_head(self._x.me, outlet.peer, outlet.gen, building.at, outlet.total, self._x.keys.site)
        return batches.encode(batches.Batch(outlet.gen, cursor, building.at, building.more, tuple(logs), tuple(building.items), tuple(statements), head))

    def _log(self, conn: Connection, peer: str, judge: Judge, run: Run, building: _Building, statements: dict[str, None]) -> batches.LogPart:
        v = t.view_out.c
        conn.execute(delete(t.view_out).where(v.peer == peer, v.run != run.run, v.run.in_(select(t.run.c.run).where(t.run.c.origin == run.origin))))
        row = conn.execute(select(t.view_out).where(v.peer == peer, v.run == run.run)).one_or_none()
        view, old = (row.view, row.size) if row is not None else (_new_view(), 0)
        opened = building.opened[run.run]
        live = _live(conn, run, -1 if row is None or row.live is None else row.live)
        if live is not None:
            opened.add(live[0])  # PROTOCOL 3.6
        try:
            cover = build_cover(conn, run, old, opened)
        except MissingHashError:
            view, old = _new_view(), 0  # this run does not reach back so far: a new view
            cover = build_cover(conn, run, old, opened)
        tokens = [token for statement in judge.trust.chain(run.node) for token in statement.tokens]
        chain = hashlib.sha256("\n".join(tokens).encode()).digest()
        if row is None or row.chain is None or bytes(row.chain) != chain:
            statements.update(dict.fromkeys(tokens))
        values: dict[str, Any] = {
            "view": view,
            "size": old,
            "sent": run.size,
            "sent_pos": building.at,
            "sent_chain": chain,
            "sent_live": live[0] if live is not None else None if row is None else row.live,
            "sent_cosigned": run.cosigned if run.witnessed == run.size else None,
        }
        if row is None:
            conn.execute(insert(t.view_out).values(peer=peer, run=run.run, **values))
        else:
            conn.execute(update(t.view_out).where(v.peer == peer, v.run == run.run).values(**values))
        assert run.note is not None
        return batches.LogPart(run.origin, view, old, run.note, cover, live)


def _live(conn: Connection, run: Run, known: int) -> tuple[int, str] | None:
    """The newest live list that a run proves and whose bitmap is here, when the reader has not got it: its place and its body."""
    live = t.live.c
    query = select(live.at, live.body).where(live.run == run.run, live.at > known, live.at < run.size, live.bits.is_not(None))
    row = conn.execute(query.order_by(live.at.desc()).limit(1)).one_or_none()
    return None if row is None else (row.at, row.body)


def _new_view() -> str:
    return secrets.token_hex(6)
