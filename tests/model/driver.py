"""A federation of real sites in one process, driven at random: real databases, keys, logs and policies; only HTTP between them is left out.

`Wire` calls the other site's exchange as its endpoints would, and is where answers are lost, come late, or where a link is cut. A crash is raised at a random
fault point (`catalog.faults`) and takes the site's memory along. What must hold is watched while it happens: I2 and I3 on every batch that is served, I6 on
every batch that is applied, I5 and I7 by every refusal being a failure; I1, I4 and I8 at rest.

Within `determined(seed)` keys, ids and times follow from the seed, so that a walk can be walked again.
"""

import random
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, select

from catalog import faults
from catalog import tables as c
from catalog.canonical import dumps
from catalog.errors import NotFoundError
from catalog.rows import RowChanges
from sync import tables as t
from sync.errors import AwayError, BatchError, PeerError, SyncError, WitnessError
from sync.recovery import note_restored, restored
from sync.suite import DEFAULT, SecretKey
from sync.transport import Answer
from tests.model.spec import Federation, Record, Rules
from tests.sync.sites import OPEN_POLICY, TestSite
from tests.sync.test_exchange_rows import COLUMNS, ITEMS, RESOURCE, row

DAY = 86_400
THEMES = ("land", "water", "minerals")
#: Name → division; names begin with the level.
DIVISIONS = {
    "nation": "000000",
    "province1": "510000",
    "province2": "520000",
    "city1": "510100",
    "city2": "510300",
    "county1": "510107",
    "county2": "510104",
    "county3": "510302",
}
#: Worlds by name: parents of each node, side links.
WORLDS: dict[str, tuple[dict[str, tuple[str, ...]], tuple[tuple[str, str], ...]]] = {
    "chain": ({"province1": (), "city1": ("province1",), "county1": ("city1",)}, ()),
    "tree": ({"province1": (), "city1": ("province1",), "city2": ("province1",), "county1": ("city1",), "county3": ("city2",)}, ()),
    "two superiors": ({"province1": (), "city1": ("province1",), "county1": ("city1", "province1"), "county2": ("city1",)}, (("county1", "county2"),)),
    "eight": (
        {
            "nation": (),
            "province1": ("nation",),
            "province2": ("nation",),
            "city1": ("province1",),
            "city2": ("province1",),
            "county1": ("city1", "province1"),
            "county2": ("city1",),
            "county3": ("city2",),
        },
        (("city1", "city2"), ("county2", "county3"), ("province1", "province2")),
    ),
}


class CrashError(BaseException):
    """The process is killed here."""


def policy_text(rules: Rules) -> str:
    """The policy that says what `Rules` says."""
    text = OPEN_POLICY.replace("allow: hold", "allow: read") if rules.keeps_rows else OPEN_POLICY
    if rules.denied:
        text += f"""
- rule: denied
  deny: discover
  who: actor.kind is peer
  what: record.theme has any of {", ".join(sorted(rules.denied))}
  because: {{zh: 不外传, en: stays here}}
"""
    if rules.hides_phone:
        text += """
- rule: no-phone
  constrain: read
  who: actor.kind is peer
  what: record.kind is dataset
  then: {hide: [contact_phone]}
  because: {zh: 电话不外传, en: phones stay here}
"""
    return text


#: Most records at a time: a step's cost grows with them.
RECORDS = 30
#: Leases of records; `days_pass` passes the shorter ones.
LEASES = (2 * DAY, 30 * DAY)
#: Where the clock of a determined walk begins.
BEGIN = 1_795_000_000


@contextmanager
def determined(seed: int) -> Iterator[None]:
    """Chance and clock of this process, from a seed."""
    chance = random.Random(seed)

    def generate(suite: Any) -> SecretKey:
        return SecretKey(suite.id, Ed25519PrivateKey.from_private_bytes(chance.randbytes(32)))

    with (
        patch("secrets.token_bytes", lambda n=32: chance.randbytes(n)),
        patch("secrets.token_hex", lambda n=32: chance.randbytes(n).hex()),
        patch.object(type(DEFAULT), "generate", generate),
        patch("time.time", lambda: float(BEGIN)),
    ):
        yield


class Wire:
    """What a site calls its peers by; in place of `sync.transport.Peers`."""

    def __init__(self, world: "World", name: str) -> None:
        self._w, self._name = world, name

    def close(self) -> None:
        """Nothing to close."""

    def _other(self, node: str) -> str:
        other = self._w.names[node]
        if frozenset({self._name, other}) in self._w.cut:
            raise AwayError(zh="断开", en="cut")
        return other

    def _call[T](self, other: str, do: Callable[[TestSite], T]) -> T:
        try:
            return do(self._w.sites[other])
        except CrashError:  # it is the other one that was killed; this one sees its connection break
            self._w.reopen(other)
            raise AwayError(zh="对方中断", en="the other side broke off") from None

    def changes(self, node: str, *, gen: str | None, cursor: int, wait: int, limit: int) -> Answer:
        """`GET changes`."""
        other, me = self._other(node), self._w.sites[self._name].node
        served = self._call(other, lambda site: site.exchange.serve(me, gen, cursor, limit))
        if served is not None and served.kind == "gen":
            return Answer(409, dumps({"gen": served.gen, "v": 1}), {})
        if served is None or served.kind != "batch":
            return Answer(204, b"", {})
        self._w.watch_served(other, self._name, served.body)
        return Answer(200, served.body, {})

    def live(self, node: str, origin: str, size: int) -> bytes:
        """`GET live/{origin}`."""
        me = self._w.sites[self._name].node
        try:
            return self._call(self._other(node), lambda site: site.exchange.live(origin, me))
        except NotFoundError as error:
            raise PeerError(404, {}, url=node) from error

    def statements(self, node: str, since: int) -> dict[str, Any]:
        """`GET statements`."""
        return self._call(self._other(node), lambda site: site.exchange.statements_since(since))

    def add_checkpoint(self, node: str, again: Callable[[int | None, str], bytes], body: bytes) -> str:
        """`POST witness/add-checkpoint`."""
        other = self._other(node)
        for _ in range(2):
            try:
                return self._call(other, lambda site, body=body: site.exchange.witness.add_checkpoint(body)).decode()  # type: ignore[misc]
            except WitnessError as error:
                if error.status not in (409, 422):
                    raise PeerError(error.status, {}, url=node) from error
                body = again((error.size or 0) if error.status == 409 else None, error.note)
        raise PeerError(409, {}, url=node)


class World:
    """A federation and what the specification knows of it."""

    def __init__(self, folder: Path, kind: str, seed: int, port: Callable[[], int], *, disasters: bool = True) -> None:
        parents, sides = WORLDS[kind]
        self.random = random.Random(seed)
        self.folder, self.kind, self.disasters = folder, kind, disasters
        self.ahead = 0
        self.spec = Federation({name: set(above) for name, above in parents.items()}, {frozenset(pair) for pair in sides})
        self.spec.rules = {name: Rules() for name in parents}
        self.cut: set[frozenset[str]] = set()
        self.late: list[tuple[str, str, bytes]] = []
        self.told: dict[tuple[str, str], set[str]] = {}
        self.newest: dict[tuple[str, str], tuple[int, int]] = {}
        self.copies: dict[str, dict[str, Record]] = {}
        self.steps = self.crashes = self.batches = self.restores = self.versions = 0
        self.names: dict[str, str] = {}
        self.unnoticed: set[str] = set()
        self.sites = {name: self._open(name, port()) for name in parents}
        for site in self.sites.values():
            site.listen()
        for name, above in parents.items():
            for superior in above:
                self.sites[name].join(self.sites[superior])
        for _ in range(3):  # what the levels above know of each other reaches those below
            for name, above in parents.items():
                for superior in above:
                    self.sites[name].exchange.worker.fetch_statements(self.sites[superior].node)
                    self.sites[superior].exchange.worker.fetch_statements(self.sites[name].node)
        for one, other in sides:
            self._beside(one, other)
        for name, site in self.sites.items():
            assert site._server is not None
            site._server.shutdown()
            site._server.server_close()
            site._server = None
            self._wire(name)
        for _ in range(3):
            for reader in sorted(self.sites):
                for sender in self.spec.neighbours(reader):
                    self.sites[reader].exchange.worker.fetch_statements(self.sites[sender].node)
        self.settle()

    def _open(self, name: str, port: int) -> TestSite:
        site = TestSite(
            self.folder / name,
            f"sqlite:///{self.folder / name / 'terrace.db'}",
            port,
            division=DIVISIONS[name],
            name=name,
            clock=self.clock,
            policy=policy_text(self.spec.rules[name]),
        )
        self.names[site.node] = name
        return site

    def _wire(self, name: str) -> None:
        self.sites[name].exchange.peers = Wire(self, name)  # type: ignore[assignment]
        self.sites[name].exchange.worker._witness_again = 0.0

    def _beside(self, one: str, other: str) -> None:
        """A side link: each knows the other's certification from above, and takes it as a peer."""
        for a, b in ((one, other), (other, one)):
            mine, theirs = self.sites[a], self.sites[b]
            with mine.store.write() as tx:
                values = {"relation": "side", "url": theirs.url, "name": '{"zh":"旁"}', "state": "active", "added": 0}
                tx.conn.execute(t.peer.insert().values(node=theirs.node, **values))

    def clock(self) -> int:
        """The time of all sites."""
        return int(time.time()) + self.ahead

    def close(self) -> None:
        """Ends all sites."""
        for site in self.sites.values():
            site.store.close()

    def reopen(self, name: str) -> None:
        """A killed site starts again: what was in its memory is gone."""
        old = self.sites[name]
        old.store.close()
        faults.armed = None
        self.crashes += 1
        self.sites[name] = self._open(name, old.port)
        self._wire(name)

    # --- what is watched ---------------------------------------------------------------------------------------------------------------

    def watch_served(self, sender: str, reader: str, body: bytes) -> None:
        """I2, I3: what leaves is permitted at this moment, and a REMOVE names what was given before."""
        self.batches += 1
        self.spec.now = self.clock()
        told = self.told.setdefault((sender, reader), set())
        for item in orjson.loads(body)["items"]:
            if item["op"] == "put":
                id = orjson.loads(item["manifest"])["id"]
                told.add(id)
                names = {orjson.loads(text)[1] for text in item["disclose"]}
                record = self.spec.records.get(id)
                if record is None:
                    continue  # withdrawn since; the relay does not know it yet
                if record.lease is not None and sender != record.owner:
                    self._watch_lease(sender, id)
                rules = self.spec.rules[sender]
                assert not (rules.hides_phone and "contact_phone" in names), f"I2: {sender} gives {reader} a phone that its policy hides"
                if record.n == _n(item) or sender == record.owner:  # an older version is judged by what it says itself
                    assert self.spec.permits(sender, reader, record), f"I2: {sender} gives {reader} {id}, which terms or policy forbid"
            elif item["op"] == "remove":
                assert item["id"] in told, f"I3: {sender} takes {item['id']} away from {reader}, which was never given it"

    def _watch_lease(self, sender: str, id: str) -> None:
        """PROTOCOL 3.6: what is under lease is passed on only while its authority said lately that it is current."""
        with self.sites[sender].store.read() as conn:
            until = conn.scalar(select(c.record.c.terms_until).where(c.record.c.id == id))
        assert until is not None and until > self.clock(), f"{sender} passes on {id}, whose lease ended at {until}"

    def watch_shown(self, name: str, ids: Iterable[str]) -> None:
        """I6: no older version than before."""
        with self.sites[name].store.read() as conn:
            rows = conn.execute(select(c.record.c.id, c.record.c.epoch, c.record.c.fields).where(c.record.c.id.in_(list(ids)))).all()
        for id, epoch, fields in rows:
            before = self.newest.get((name, id), (0, 0))
            order = before[0] if epoch is None else epoch, int(orjson.loads(fields)["title"]["zh"])  # None: own, not in the log yet
            assert order >= before, f"I6: {name} shows (epoch, version) {order} of {id} after {before}"
            self.newest[name, id] = order

    # --- steps -----------------------------------------------------------------------------------------------------------------------------

    ACTS = (
        ("work", 26), ("flow", 40), ("publish", 6), ("edit", 12), ("withdraw", 4), ("terms", 4), ("rows", 4), ("policy", 5), ("lose", 8),
        ("keep_for_later", 6), ("come_late", 5), ("cut_or_mend", 6), ("crash", 2), ("read_anew", 1), ("lose_stream", 1), ("days_pass", 1),
    )  # fmt: skip

    #: Sites that are lost and come back from a copy.
    DISASTERS = (("copy", 2), ("restore", 2))

    def step(self) -> None:
        """One random act."""
        self.steps += 1
        names, weights = zip(*self.ACTS, *(self.DISASTERS if self.disasters else ()), strict=True)
        getattr(self, f"_{self.random.choices(names, weights)[0]}")()

    def _node(self) -> str:
        return self.random.choice(sorted(self.sites))

    def _edge(self) -> tuple[str, str]:
        """(reader, sender)."""
        reader = self._node()
        return reader, self.random.choice(sorted(self.spec.neighbours(reader)))

    def _own(self) -> str | None:
        return self.random.choice(sorted(self.spec.records)) if self.spec.records else None

    def _work(self, name: str | None = None) -> None:
        site = self.sites[name or self._node()]
        site.exchange.worker._witness_again = site.exchange.recovery._again = 0.0
        site.exchange.worker.publish_once()

    def _flow(self, edge: tuple[str, str] | None = None, limit: int | None = None) -> bool:
        """One pull; whether something came."""
        reader, sender = edge or self._edge()
        site, source = self.sites[reader], self.sites[sender].node
        before = self.batches
        try:
            site.exchange.worker.pull_once(source, limit=limit or self.random.choice([1, 2, 5, 1000]))
        except AwayError:
            return False
        except SyncError as error:
            unaware = error.kind == "void" and self._ends(sender) != self._ends(reader)  # of a closing that the reader knows already
            if unaware or error.kind == "restored" or (error.kind == "rollback" and sender in self.unnoticed):
                return False
            raise
        self._look(reader)
        return self.batches > before

    def _ends(self, name: str) -> dict[str, int]:
        site = self.sites[name]
        trust = site.exchange.context.trust.at(self.clock())
        return {node: trust.epoch(node) for node in self.names}

    def _look(self, reader: str) -> None:
        self.watch_shown(reader, self.spec.records)

    def _publish(self) -> None:
        if len(self.spec.records) >= RECORDS:
            return self._withdraw()
        owner, theme = self._node(), self.random.choice(THEMES)
        lease = self.random.choice(LEASES) if self.random.random() < 0.2 else None
        record = Record(owner, theme, lease=lease, rows=frozenset({"P00000"}) if self.random.random() < 0.3 else None)
        more: dict[str, Any] = {}
        if record.rows is not None:
            more = {"rows": RowChanges(puts=[row(0)], columns=COLUMNS, key=["code"], geometry="point"), "items": ITEMS, "resources.data": RESOURCE}
        record.n = self._next()
        id = self.sites[owner].publish(str(record.n), theme=[theme], terms=self._terms_of(record), **more)
        self.spec.records[id] = record

    def _next(self) -> int:
        """A version's number: none is used twice, though a restored site goes back to an older one."""
        self.versions += 1
        return self.versions

    def _terms_of(self, record: Record) -> dict[str, Any]:
        terms: dict[str, Any] = {"onward": record.onward, "lease": record.lease}
        if record.audience is not None:
            terms["audience"] = {"nodes": sorted(self.sites[name].node for name in record.audience), "divisions": []}
        if record.until is not None:
            terms["until"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.until))
        return terms

    def _edit(self) -> None:
        if (id := self._own()) is not None:
            record = self.spec.records[id]
            theme = self.random.choice(THEMES)
            record.n, record.theme = self._next(), theme
            self.sites[record.owner].edit(id, title={"zh": str(record.n)}, theme=[theme])

    def _terms(self) -> None:
        if (id := self._own()) is not None:
            record = self.spec.records[id]
            record.onward = self.random.random() < 0.7
            record.audience = frozenset(name for name in self.sites if self.random.random() < 0.7) if self.random.random() < 0.4 else None
            record.until = self.clock() + self.random.randint(1, 20) * DAY if self.random.random() < 0.3 else None
            record.n = self._next()
            self.sites[record.owner].edit(id, title={"zh": str(record.n)}, terms=self._terms_of(record))

    def _withdraw(self) -> None:
        if (id := self._own()) is not None:
            self.sites[self.spec.records[id].owner].withdraw(id)
            del self.spec.records[id]

    def _rows(self) -> None:
        with_rows = sorted(id for id, record in self.spec.records.items() if record.rows is not None)
        if not with_rows:
            return
        id = self.random.choice(with_rows)
        record = self.spec.records[id]
        assert record.rows is not None
        put = self.random.randrange(40)
        gone = [key for key in sorted(record.rows) if self.random.random() < 0.3 and key != f"P{put:05d}"]
        site = self.sites[record.owner]
        with site.store.write() as tx:
            site.writer.put_rows(tx, id, "", RowChanges(puts=[row(put)], removes=[[key] for key in gone]), site.staff)
        record.rows = (record.rows - set(gone)) | {f"P{put:05d}"}

    def _policy(self) -> None:
        name = self._node()
        denied = frozenset(theme for theme in THEMES if self.random.random() < 0.25)
        self.spec.rules[name] = Rules(denied, self.random.random() < 0.3, self.random.random() < 0.2)
        self.sites[name].set_policy(policy_text(self.spec.rules[name]))

    def _lose(self) -> bytes | None:
        """An answer that never arrives."""
        reader, sender = self._edge()
        return self._served(reader, sender)

    def _served(self, reader: str, sender: str) -> bytes | None:
        site, source = self.sites[reader], self.sites[sender].node
        with site.store.read() as conn:
            inlet = conn.execute(select(t.inlet.c.gen, t.inlet.c.cursor).where(t.inlet.c.peer == source)).one_or_none()
        if inlet is None:
            return None
        try:
            answer = site.exchange.peers.changes(source, gen=inlet.gen, cursor=inlet.cursor, wait=0, limit=self.random.choice([1, 3, 1000]))
        except SyncError as error:
            if isinstance(error, AwayError) or error.kind == "restored":
                return None
            raise
        return answer.body if answer.status == 200 else None

    def _keep_for_later(self) -> None:
        reader, sender = self._edge()
        body = self._served(reader, sender)
        if body is not None:
            self.late = [*self.late[-20:], (reader, sender, body)]

    def _come_late(self) -> None:
        """An answer that comes when it is no longer expected, or twice.

        A page of an earlier full read, just where the present one stands, looks like a peer that goes back: it is refused (`rollback`), and nothing changes.
        """
        if not self.late:
            return
        reader, sender, body = self.random.choice(self.late)
        try:
            self.sites[reader].exchange.apply(self.sites[sender].node, body)
        except BatchError as error:
            if error.kind not in ("rollback", "void"):  # or of an epoch that was closed since
                raise
        self._look(reader)

    def _cut_or_mend(self) -> None:
        if self.cut and self.random.random() < 0.6:
            self.cut.remove(self.random.choice(sorted(self.cut, key=sorted)))
        else:
            self.cut.add(frozenset(self._edge()))

    def _crash(self) -> None:
        """A site is killed at some point of what it is doing."""
        left = self.random.randint(1, 8)

        def die(_point: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise CrashError

        edge = self._edge()
        faults.armed = die
        try:
            self._work(edge[1])
            self._flow(edge)
            self._work(edge[0])
        except CrashError:
            faults.armed = None
            self.reopen(self._victim(edge))
        finally:
            faults.armed = None

    def _victim(self, edge: tuple[str, str]) -> str:
        """Whose thread it was: both of them begin anew, which is harder than one."""
        self.reopen(edge[1])
        return edge[0]

    def _copy(self) -> None:
        """A backup of one site."""
        name = self._node()
        file = self.folder / f"{name}.copy"
        file.unlink(missing_ok=True)
        with closing(sqlite3.connect(self.folder / name / "terrace.db")) as source:
            source.execute("VACUUM INTO ?", (str(file),))
        self.copies[name] = {id: replace(record) for id, record in self.spec.records.items() if record.owner == name}

    def _restore(self) -> None:
        """A site is lost and comes back as it was when it was copied (PROTOCOL 6.2); its superior closes its epoch when it says that its log went back."""
        if not self.copies or self.random.random() < 0.5:
            return
        name = self.random.choice(sorted(self.copies))
        own = self.copies[name]
        self.sites[name].store.close()
        for path in (self.folder / name).glob("terrace.db*"):
            path.unlink()
        shutil.copy(self.folder / f"{name}.copy", self.folder / name / "terrace.db")
        self.reopen(name)
        site = self.sites[name]
        if self.random.random() < 0.5:
            with site.store.write() as tx:
                note_restored(tx, "restore")  # as `terrace restore` does
        self.restores += 1
        others = {id: record for id, record in self.spec.records.items() if record.owner != name}
        self.spec.records = {**others, **{id: replace(record) for id, record in own.items()}}
        self.newest = {(node, id): n for (node, id), n in self.newest.items() if id in others and node != name}  # I6: but by epoch
        self.late = []
        self._work(name)
        with site.store.read() as conn:
            if restored(conn) is None:  # its own log had not grown since: for a while it passes on older versions than it did, which nobody takes
                self.unnoticed.add(name)
        self._close_epoch(name)

    def _close_epoch(self, name: str) -> None:
        """What the superior's clerk does for a site whose log rests."""
        site = self.sites[name]
        with site.store.read() as conn:
            held = restored(conn) is not None
            closed = site.exchange.context.trust.in_(conn, self.clock()).epoch(site.node)
        above = sorted(self.spec.parents[name]) or [name]
        with self.sites[above[0]].store.read() as conn:
            known = self.sites[above[0]].exchange.context.trust.in_(conn, self.clock()).epoch(site.node)
        if held and closed == known:
            self.sites[above[0]].exchange.recovery.close(site.node, "admin")

    def _read_anew(self) -> None:
        reader, sender = self._edge()
        with self.sites[reader].store.write() as tx:
            tx.conn.execute(t.inlet.update().where(t.inlet.c.peer == self.sites[sender].node).values(cursor=0))

    def _lose_stream(self) -> None:
        reader, sender = self._edge()
        with self.sites[sender].store.write() as tx:
            for table in (t.stream, t.outlet, t.view_out, t.due):
                tx.conn.execute(table.delete().where(table.c.peer == self.sites[reader].node))

    def _days_pass(self) -> None:
        if self.ahead < 200 * DAY:
            self.ahead += self.random.randint(1, 5) * DAY

    # --- at rest ---------------------------------------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """All links are mended, and everything flows until nothing moves."""
        self.cut.clear()
        edges = [(reader, sender) for reader in sorted(self.sites) for sender in self.spec.neighbours(reader)]
        quiet = 0
        for _ in range(60):
            for name in sorted(self.sites):
                self._work(name)
                self._close_epoch(name)
            self._tell()
            moved = [edge for edge in edges if self._flow(edge, 1000)]
            quiet = 0 if moved else quiet + 1
            if quiet == 2:
                return
        raise AssertionError(f"it does not come to rest: {moved} still move")

    def _tell(self) -> None:
        """Every site asks its neighbours for their statements, as its loops do each minute."""
        for reader in sorted(self.sites):
            for sender in self.spec.neighbours(reader):
                self.sites[reader].exchange.worker.fetch_statements(self.sites[sender].node)

    def check(self) -> None:
        """I1, I4, I8: what is shown is what the specification says; no head ever disagreed; reading twice changes nothing."""
        self.compare()
        reader, sender = self._edge()
        with self.sites[reader].store.write() as tx:
            tx.conn.execute(t.inlet.update().where(t.inlet.c.peer == self.sites[sender].node).values(cursor=0))
        self.settle()
        self.compare()

    def compare(self) -> None:
        """Every node against the specification."""
        self.spec.now = self.clock()
        for name, site in self.sites.items():
            expected = {}
            for id, record in self.spec.records.items():
                extras = self.spec.shows(name, record)
                if extras is not None:
                    rows = record.rows if "rows" in extras and record.rows else None
                    expected[id] = (str(record.n), "phone" in extras, rows if self._one_way() else None)
            found = self._shown(site)
            assert found == expected, f"I1: {name} shows {_differences(found, expected)}"
            with site.store.read() as conn:
                refused = conn.execute(
                    select(t.quarantine.c.peer, t.quarantine.c.kind, t.quarantine.c.detail).where(t.quarantine.c.kind.not_in(["rollback", "void"]))
                ).all()
                assert not refused, f"I5, I7: {name} refused an honest batch: {[(self.names[peer], kind, detail[-300:]) for peer, kind, detail in refused]}"
                alarms = [line for line in _alarms(conn) if not self._drifted(name, *line)]
                assert alarms == [], f"I4: {name}: {alarms}"
                assert set(conn.execute(select(t.inlet.c.full, t.inlet.c.held)).all()) <= {(0, 0)}, f"{name} has not ended a full read"

    def _drifted(self, name: str, actor: str, event: str, detail: str) -> bool:
        """Whether an alarm is what a site makes that was put back unnoticed: it goes on under positions that it gave before, until the heads tell."""
        there = self.names.get(actor.removeprefix("peer:"), "")
        return event == "sync.apply" and '"drift":true' in detail and bool({name, there} & self.unnoticed)

    def _one_way(self) -> bool:
        """With several ways for one record the rows come by one of them, which the specification does not name."""
        return not self.spec.sides and all(len(above) <= 1 for above in self.spec.parents.values())

    def _shown(self, site: TestSite) -> dict[str, tuple[str, bool, frozenset[str] | None]]:
        found = {}
        with site.store.read() as conn:
            for id, fields in conn.execute(select(c.record.c.id, c.record.c.fields)):
                value = orjson.loads(fields)
                number = conn.scalar(select(c.row_table.c.n).where(c.row_table.c.id == id)) if self._one_way() else None
                rows = None if number is None else frozenset(orjson.loads(key)[0] for (key,) in conn.exec_driver_sql(f"SELECT _key FROM rows_{number}"))
                found[id] = value["title"]["zh"], "contact_phone" in value, rows or None
        return found


def _alarms(conn: Connection) -> list[tuple[str, str, str]]:
    """Actor, event and detail of what honest sites must not see."""
    columns = c.audit.c.actor, c.audit.c.event, c.audit.c.detail
    return [(row[0] or "", row[1], row[2]) for row in conn.execute(select(*columns).where(c.audit.c.outcome == "alarm", c.audit.c.event != "sync.restored"))]


def _n(item: dict[str, Any]) -> int:
    """Number of the version that an item brings."""
    return next(int(value["zh"]) for _, name, value in map(orjson.loads, item["disclose"]) if name == "title")


def _differences(found: dict[str, Any], expected: dict[str, Any]) -> str:
    return str({id: (found.get(id), expected.get(id)) for id in found.keys() | expected.keys() if found.get(id) != expected.get(id)})
