"""The scene of the lies: a nation (the victim), a hostile province below it that relays for a county, and an honest province that must not suffer.

    nation (victim, real site) ─── Guizhou 520000 (honest, real site)
        └──────────────────────── Sichuan 510000 (hostile: tests.peer) ─── Wuhou 510107 (its keys and log are in the test's hands too)

One scene serves all attacks of an engine, since none of them may change anything: after each the victim's database is compared with itself, the honest peer
brings a new record, and the hostile one, honest for once, goes on from where it was.
"""

import copy
import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import orjson
import requests
from sqlalchemy import func, select

from catalog import tables as c
from catalog.canonical import dumps
from sync import batch as batches
from sync import tables as t
from sync.errors import SyncError
from sync.refusals import Bound, Refusals
from sync.witness import make_request
from tests.peer import Answer, HostilePeer, answer
from tests.sync.sites import TestSite
from tests.sync.world import Node, Record, Sender

__all__ = ["Scene", "Seen"]

#: What a refusal may write: the audit log, the quarantine, and who was seen when.
_MAY_CHANGE = {"audit", "sync_quarantine"}
_PEER_NOTES = {"contact", "error", "error_at"}


@dataclass(frozen=True)
class Seen:
    """How the victim answered.

    Attributes:
        clause, kind: of the refusal; kind '' when there was none.
        outcome: `refused`, or what became of a batch: `applied`, `again`, `stale`, `nothing`.
    """

    clause: str
    kind: str
    outcome: str = "refused"


class Scene:
    """See the module."""

    def __init__(self, make_site: Callable[..., TestSite], port: Callable[[], int]) -> None:
        now = int(time.time())
        self.now = now
        self.victim = make_site("000000", "自然资源部", patience=0.8, objects="all")
        self.victim.exchange.refusals = Refusals(self.victim.exchange.context, limit=100_000)  # every line is looked at here, however fast they come
        self.victim.exchange.applier._lines = Bound(100_000)
        self.honest = make_site("520000", "贵州")
        self.honest.join(self.victim)
        self.honest.exchange.worker.publish_once()
        self.victim.exchange.worker.pull_once(self.honest.node)  # learns the generation
        self.province = Node("510000", now=now)
        self.county = Node("510107", now=now)
        self.province.certify(self.county, depth=1)
        self.peer = HostilePeer(self.province, port())
        self.peer.join(self.victim)
        self.sibling = Node("520100", now=now)
        self.peer.join(self.victim, self.sibling, url="")
        self.stream = self.sender()
        self.records = [self.county.publish(f"记录{n}") for n in range(3)]
        self.begin()
        self.witnessed = 2
        for n in range(self.witnessed):
            self.province.publish(f"省{n}")
        said = self.peer.call(self.victim, "/witness/add-checkpoint", method="POST", body=make_request(0, [], self.province.note()))
        assert said.status_code == 200
        self.before: dict[str, str] = {}
        self.settle()

    def settle(self) -> None:
        """From here on nothing may change: called before each attack, and by an attack that needs something honest first."""
        self.mark = self.audit_mark()
        self.before = {outcome: self.digest(outcome) for outcome in ("refused", "again", "noted")}

    def close(self) -> None:
        """Closes the hostile listener."""
        self.peer.close()

    # --- honest streams to be bent --------------------------------------------------------------------------------------------------------

    def sender(self, **more: Any) -> Sender:
        """A new stream of the county's records through the province, which carries all statements that are needed."""
        receiver = cast(Node, SimpleNamespace(id=self.victim.node))
        made = Sender(self.province, receiver, **{"author": self.county, **more})
        made.statements = [*self.county.tokens, self.province.tokens[-1]]
        return made

    def begin(self) -> None:
        """A full read, honest: the victim holds all records of the county."""
        self.stream = self.sender()
        seen = self.give(self.stream.batch(*[self.stream.put(record) for record in self.records], witness=self.province, head="sign"))
        assert seen.outcome == "applied", seen

    def show(self, record: Record, *names: str, witness: Node | None = None) -> None:
        """An honest batch with one record, which the victim shows from now on.

        Args:
            names: fields that are disclosed; all by default.
            witness: of the checkpoint; the province by default.
        """
        item = self.stream.put(record, names) if names else self.stream.put(record)
        assert self.give(self.stream.batch(item, witness=witness or self.province)).outcome == "applied"
        self.records.append(record)

    def bend(self, **changes: Any) -> Sender:
        """The stream where the victim is, to be lied in: what is done to it is forgotten."""
        made = copy.copy(self.stream)
        made.live, made.statements = dict(made.live), []
        for name, value in changes.items():
            setattr(made, name, value)
        return made

    def next(self, title: str = "又一") -> tuple[Sender, Record]:
        """A bent stream and a record of the county that the victim has not seen."""
        return self.bend(), self.county.publish(title)

    def mapping(self, batch: batches.Batch) -> dict[str, Any]:
        """A batch as members to be changed."""
        found: dict[str, Any] = orjson.loads(batches.encode(batch))
        return found

    # --- asking ------------------------------------------------------------------------------------------------------------------------------

    def give(self, batch: batches.Batch | dict[str, Any] | bytes) -> Seen:
        """The victim fetches this."""
        self.peer.batch = batch if isinstance(batch, bytes) else dumps(batch) if isinstance(batch, dict) else batches.encode(batch)
        return self.fetch()

    def fetch(self) -> Seen:
        """The victim asks for changes, and is answered as the peer's scripts say."""
        before = self._cursor()
        try:
            again = self.victim.exchange.worker.pull_once(self.province.id)
        except SyncError as error:
            return Seen(error.clause, error.kind)
        finally:
            self.peer.batch = None
        if again:
            line = self._lines("sync.apply")[-1]
            return Seen(line.get("clause", "4.6"), line.get("kind", "sync.apply"), "again")
        return Seen("", "", "nothing" if self._cursor() == before else "applied")

    def fetch_statements(self, tokens: Iterable[str]) -> Seen:
        """The victim fetches these statements; what it says of them in its audit log."""
        pages = [list(tokens)]
        self.peer.scripts["GET", "/statements"] = lambda asked: _statements(pages.pop() if pages else None, asked.target)
        count = len(self._lines("sync.refuse"))
        try:
            self.victim.exchange.worker.fetch_statements(self.province.id)
        except SyncError as error:
            return Seen(error.clause, error.kind)
        finally:
            del self.peer.scripts["GET", "/statements"]
        lines = self._lines("sync.refuse")[count:]
        if not lines:
            return Seen("", "", "applied")
        return Seen(lines[-1]["clause"], lines[-1]["kind"], "refused" if self.digest() == self.before["refused"] else "noted")

    @staticmethod
    def told(answer: requests.Response) -> Seen:
        """What the victim answered to a call."""
        if answer.status_code < 300:
            return Seen("", "", "applied")
        if answer.headers.get("Content-Type", "").startswith("application/json"):
            said = answer.json()
            if "kind" not in said:
                return Seen("4.5", "cursor", "again")
            return Seen(said["clause"], said["kind"])
        kind = "witness" if answer.headers.get("Content-Type", "").startswith("text/") and not answer.content.startswith(b"<!") else "http"
        return Seen("3.3" if kind == "witness" else "7", f"{kind}-{answer.status_code}")

    # --- looking -----------------------------------------------------------------------------------------------------------------------------

    def digest(self, outcome: str = "refused") -> str:
        """All that the victim's database holds, but for what a refusal may write."""
        hasher = hashlib.sha256()
        left_out = _MAY_CHANGE | {"again": {"sync_inlet"}, "noted": {"sync_statement"}}.get(outcome, set())
        with self.victim.store.read() as conn:
            for table in (*c.metadata.sorted_tables, *t.metadata.sorted_tables):
                if table.name in left_out:
                    continue
                columns = [column for column in table.columns if not (table.name == "sync_peer" and column.name in _PEER_NOTES)]
                rows = sorted(repr(tuple(row)) for row in conn.execute(select(*columns)) if not _is_note(table.name, tuple(row)))
                hasher.update(f"{table.name}\n{rows}\n".encode())
        return hasher.hexdigest()

    def audit_mark(self) -> int:
        """Number of the newest audit line."""
        with self.victim.store.read() as conn:
            return int(conn.scalar(select(func.max(c.audit.c.seq))) or 0)

    def audited(self, after: int) -> set[str]:
        """Kinds that audit lines behind a mark tell of."""
        with self.victim.store.read() as conn:
            lines = conn.execute(select(c.audit.c.event, c.audit.c.detail).where(c.audit.c.seq > after, c.audit.c.outcome.in_(["refused", "alarm", "again"])))
            return {str(orjson.loads(detail).get("kind", event)) for event, detail in lines}

    def _lines(self, event: str) -> list[dict[str, Any]]:
        with self.victim.store.read() as conn:
            return [orjson.loads(text) for text in conn.scalars(select(c.audit.c.detail).where(c.audit.c.event == event).order_by(c.audit.c.seq))]

    def _cursor(self) -> int:
        with self.victim.store.read() as conn:
            return int(conn.scalar(select(t.inlet.c.cursor).where(t.inlet.c.peer == self.province.id)) or 0)

    # --- going on ----------------------------------------------------------------------------------------------------------------------------

    def others_go_on(self) -> None:
        """The honest peer publishes, and the victim gets it."""
        id = self.honest.publish("无辜")
        self.honest.exchange.logbook.append()  # its witness is asked at the beginning and at the end
        while self.honest.exchange.feeder.step():
            pass
        self.victim.exchange.worker.pull_once(self.honest.node)
        assert self.victim.record(id) is not None, "an honest peer was hurt"

    def go_on(self) -> None:
        """The hostile peer, honest for once, goes on from where it was."""
        if self._cursor() == 0:
            self.begin()
            return
        record = self.county.publish("续")
        seen = self.give(self.stream.batch(self.stream.put(record), witness=self.province))
        assert seen.outcome == "applied" and self.victim.record(record.id) is not None, seen
        self.records.append(record)


def _is_note(table: str, row: tuple[Any, ...]) -> bool:
    """Counters of lines written and of pages read."""
    return (table == "counter" and row[0] == "audit") or (table == "sync_state" and str(row[0]).startswith("statements "))


def _statements(tokens: list[str] | None, target: str) -> Answer:
    since = int(target.rpartition("=")[2])
    return answer(dumps({"next": since if tokens is None else since + 1, "statements": tokens or [], "v": 1}))
