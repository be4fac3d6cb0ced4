"""A log that went back: noticed before anything is signed on it, closed by the superior, begun anew (PROTOCOL 6.2).

A site that is restored from an older copy has a log that is shorter than what its witness cosigned and its peers hold. Going on with it would be a second
history: a fork, with evidence. So:

1. *Noticed.* `DIR/log.mark` (`sync.log_mark`) says how far the log has come; it lies beside the database and in no backup. A mark beyond the log: it went back.
   No mark: the witness is asked first, and nothing is signed before it has answered. `terrace restore` says it itself, and a witness that knows more shows it
   at any time: the checkpoint that it cosigned last, by this site's own signature. Its bare word holds nothing back (`sync.doubt`).
2. *Held back.* Nothing is added to the log, and peers are answered 503 `restored`: no batch, no head, no checkpoint. What others give is read on.
3. *Closed.* The superior closes the epoch at the size that was cosigned (`Recovery.close`: `terrace peer close`); of a node without superior its own root does.
4. *Begun anew.* The statement comes back with the superior's; then the log of the next epoch takes in every current record and the batches of its rows, page by
   page through `Logbook.append`, the streams to all peers are made anew, and everything is read again from them. Killed anywhere, it goes on from there.

What was published between the copy and the restore is lost to this site; its peers drop it at the end of their full read.
"""

import logging
import time
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, func, insert, select, update

from catalog import tables as c
from catalog.transaction import WriteTransaction
from policies.errors import TerraceError
from sync import tables as t
from sync.claims import EpochClose
from sync.context import Context
from sync.doubt import is_doubt, note_doubt
from sync.errors import AwayError, RolledBackError, SyncError, TrustError
from sync.feeder import STREAMED
from sync.holdings import STALE
from sync.ids import log_origin, parse_origin
from sync.log_mark import read_mark, write_mark
from sync.logbook import EPOCH_FROM, LOGGED, own_run
from sync.merkle import empty_root
from sync.runs import Run, run_of_view
from sync.say import epoch_claims
from sync.statements import parse_all, sign
from sync.states import get_number, set_number
from sync.trusted import keep_statements

if TYPE_CHECKING:
    from sync.exchange import Exchange

__all__ = ["LONGEST_PAUSE", "Recovery", "note_restored", "refuse_restored", "restored"]

#: Name of the state that says since when, and why, the log is held back.
_BACK = "went-back"
#: Newest epoch that this site has begun anew.
_EPOCH = "epoch"
#: Seconds between two questions to the witness or the superior.
_PAUSE = 2.0
#: Longest pause before a witness that says something against this log is asked again.
LONGEST_PAUSE = 300.0

log = logging.getLogger(__name__)


def restored(conn: Connection) -> str | None:
    """Why the log is held back (`restore`, `mark`, `witness`), or None."""
    value = conn.scalar(select(t.state.c.value).where(t.state.c.name == _BACK))
    return None if not value else str(value)


def note_restored(tx: WriteTransaction, why: str) -> None:
    """Holds the log back until its epoch is closed."""
    if restored(tx.conn) is None:
        tx.conn.execute(delete(t.state).where(t.state.c.name == _BACK))
        tx.conn.execute(insert(t.state).values(name=_BACK, value=why))
        tx.audit("sync.restored", outcome="alarm", detail={"why": why})


def refuse_restored(conn: Connection) -> None:
    """Lets nothing out while the log is held back.

    Raises:
        SyncError: kind `restored`.
    """
    # PROTOCOL 6.2
    if restored(conn) is not None:
        raise SyncError(
            zh="本站由较旧的副本恢复，日志暂停，等待上级关闭其纪元（terrace peer close）",
            en="this site was restored from an older copy; its log rests until its superior closes the epoch (terrace peer close)",
            clause="6.2",
            kind="restored",
        )


class Recovery:
    """See the module. One for each exchange; used by the publish loop, `close` by commands."""

    def __init__(self, exchange: "Exchange") -> None:
        self._e = exchange
        self._x: Context = exchange.context
        self._sure = False
        self._again = 0.0
        self._pause = _PAUSE

    # --- 1, 2, 4: at the site itself ---------------------------------------------------------------------------------------------------

    def step(self) -> bool:
        """Looks whether the log may be written, and begins it anew when its epoch was closed. First thing in each round of the publish loop.

        Returns:
            False while the log is held back.
        """
        x = self._x
        with x.store.read() as conn:
            run, epoch, why = own_run(conn, x.me, x.zone), x.trust.in_(conn, x.clock()).epoch(x.me), restored(conn)
            begun = get_number(conn, _EPOCH)
            back = why is None and not self._sure and self._behind_mark(conn)
        if back:
            self._hold("mark")
            return False
        if run is None and why is None:
            return True
        if epoch > max(begun, 1 if run is None else run.epoch) and not self._marked(epoch):
            self._begin(epoch)
            return True
        if why is not None:
            self._ask_superiors()
            return False
        return run is None or self._sure or self._look(run)

    def notice(self, error: TerraceError) -> bool:
        """The witness refuses: the log rests if it has shown this site's own signature; what it merely says is an alarm.

        Returns:
            Whether it said anything against the log.
        """
        if isinstance(error, RolledBackError):
            self._hold("witness")
            return True
        if not is_doubt(error):
            return False
        now = self._x.clock()
        with self._x.store.write() as tx:
            witness = self._x.trust.in_(tx.conn, now).witness_node(self._x.me) or ""
            if note_doubt(tx, witness, error, now):
                log.error("the witness %s does not cosign: %s", witness, error)
        return True

    def _behind_mark(self, conn: Connection) -> bool:
        """Whether the log that the mark names was once larger than it is; it may be of an epoch that the database knows nothing of."""
        mark = read_mark(self._x.store.data_dir)
        if mark is None:
            return False
        run = run_of_view(conn, mark[0], "", "")
        return mark[1] > (0 if run is None else run.size)

    def _marked(self, epoch: int) -> bool:
        """Whether the log of this epoch, or of a later one, was written already: a log is never begun twice."""
        mark = read_mark(self._x.store.data_dir)
        return mark is not None and parse_origin(mark[0]).epoch >= epoch

    def _look(self, run: Run) -> bool:
        """The log is not behind its mark; without one it is compared with what the witness knows."""
        mark = read_mark(self._x.store.data_dir)
        if mark is not None and mark[0] == run.origin:
            self._sure = True
            return True
        return self._ask_witness(run)

    def _ask_witness(self, run: Run) -> bool:
        with self._x.store.read() as conn:
            witness = self._x.trust.in_(conn, self._x.clock()).witness_node(self._x.me)
        if witness is None or not run.witnessed:  # nobody has promised anybody anything of this log
            self._sure = True
            return True
        if time.monotonic() < self._again:
            return False
        self._again = time.monotonic() + _PAUSE
        try:
            self._sure = self._e.logbook.ask_witness(self._e.peers)
            if self._sure:
                write_mark(self._x.store.data_dir, run.origin, run.size)
        except AwayError as error:
            log.warning("nothing is signed before the witness has said how far it knows this log: %s", error)
        except TerraceError as error:
            if self.notice(error):
                self._pause = min(self._pause * 2, LONGEST_PAUSE)
                self._again = time.monotonic() + self._pause
            log.warning("the witness does not continue this log: %s", error)
        return self._sure

    def _hold(self, why: str) -> None:
        log.error("this site's log went back (%s): it rests until the superior closes its epoch", why)
        with self._x.store.write() as tx:
            note_restored(tx, why)

    def _ask_superiors(self) -> None:
        """Looks whether the superiors have closed the epoch."""
        if time.monotonic() < self._again:
            return
        self._again = time.monotonic() + _PAUSE
        with self._x.store.read() as conn:
            superiors = list(conn.scalars(select(t.peer.c.node).where(t.peer.c.relation == "superior", t.peer.c.state == "active", t.peer.c.url != "")))
        for superior in superiors:
            try:
                self._e.worker.fetch_statements(superior)
            except TerraceError as error:
                log.warning("no statements from %s: %s", superior, error)

    def _begin(self, epoch: int) -> None:
        """PROTOCOL 6.2: the next log is empty and takes in what is current; streams are made anew, and everything is read again."""
        # PROTOCOL 4.5
        with self._x.store.write() as tx:
            if get_number(tx.conn, _EPOCH) >= epoch:
                return
            newest = int(tx.conn.scalar(select(func.max(c.change.c.position))) or 0)
            for name, value in ((_EPOCH, epoch), (EPOCH_FROM, newest), (LOGGED, 0), (STREAMED, newest)):
                set_number(tx.conn, name, value)
            for table in (t.stream, t.due, t.view_out, t.outlet, t.row_leaf):
                tx.conn.execute(delete(table))
            tx.conn.execute(update(t.inlet).values(cursor=0, full=1))
            tx.conn.execute(update(t.holding).values(round=STALE))
            tx.conn.execute(delete(t.state).where((t.state.c.name == _BACK) | t.state.c.name.startswith("statements ")))
            tx.audit("sync.epoch", detail={"epoch": epoch})
        self._sure = True
        log.warning("epoch %d: a new log begins, and takes in every current record", epoch)

    # --- 3: at the superior ------------------------------------------------------------------------------------------------------------------

    def close(self, node: str, actor: str, *, reason: str = "restore") -> EpochClose:
        """Closes the open epoch of a direct subordinate's log (or of this node's own, when nobody is above it) at the size that is known to be good.

        Args:
            node: whose log.
            actor: who decided.
            reason: `restore`, or another word of lower-case letters and hyphens.

        Raises:
            TrustError: the node is no direct subordinate.
            SyncError: closing this node's own epoch takes its root key, which is not here.
        """
        x, now = self._x, self._x.clock()
        with x.store.write() as tx:
            trust = x.trust.in_(tx.conn, now)
            superiors = trust.superiors(node)
            if x.me not in superiors and not (node == x.me and not superiors):
                raise TrustError(
                    zh=f"{node} 不是本节点的直接下级：其纪元只能由其直接上级关闭",
                    en=f"{node} is no direct subordinate of this node: a direct superior closes its epoch",
                    clause="6.2",
                    kind="scope",
                )
            epoch = trust.epoch(node)
            size, root = _known(tx.conn, node, log_origin(node, x.zone, epoch))
            key = x.keys.root if node == x.me else x.keys.site
            if key is None:
                raise SyncError(
                    zh="关闭本节点自己的纪元需要根密钥：请把 keys/root.pem 放回后再试",
                    en="closing this node's own epoch takes its root key: put keys/root.pem back and do it again",
                    clause="6.2",
                    kind="key-file",
                )
            claims = epoch_claims(
                iss=x.me,
                sub=node,
                zone=x.zone,
                closes=epoch,
                size=size,
                root=root,
                site_keys=trust.certified(node).site_keys,
                reason=reason,
                now=now,
            )
            statements = parse_all([sign(claims, key)])
            keep_statements(tx.conn, statements, source=x.me, now=now)
            tx.audit("peer.epoch", actor=actor, detail={"node": node, "closes": epoch, "size": size, "reason": reason})
        x.wake.ring("position", "peers")
        body = statements[0].body
        assert isinstance(body, EpochClose)
        return body


def _known(conn: Connection, node: str, origin: str) -> tuple[int, bytes]:
    """The largest size of a log that this site cosigned, or holds proved; with its root. 0 when it has heard nothing of it."""
    cosigned = conn.execute(select(t.witnessed.c.size, t.witnessed.c.root).where(t.witnessed.c.origin == origin)).one_or_none()
    r = t.run.c
    held = conn.execute(select(r.size, r.root).where(r.origin == origin, r.node == node, r.size > 0).order_by(r.size.desc()).limit(1)).first()
    # What it holds may be more than what it cosigned; a smaller size would void what it has passed on.
    best = max((each for each in (cosigned, held) if each is not None and each.root is not None), key=lambda each: each.size, default=None)
    if best is None:  # it has heard nothing of this log: then there is nothing to keep
        return 0, empty_root()
    return int(best.size), bytes(best.root)
