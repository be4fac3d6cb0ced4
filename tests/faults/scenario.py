"""A small life of a county and its city, in one process that may be killed anywhere and goes on where it was.

Every step looks first at what is there, so that doing it again does nothing twice: a killed life is taken up from its journal. What must be true at every
moment is in `tests.faults.checks`.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select

from catalog import tables as c
from catalog.canonical import b64
from catalog.ingest import add, write
from catalog.ingest.model import IngestContext
from catalog.jobs import JobContext, Worker, enqueue
from catalog.queries import RecordQuery
from catalog.rows import RowChanges
from catalog.search.flush import flush
from catalog.search.merge import merge, sweep
from catalog.upkeep import Upkeep
from catalog.withdrawn import Clearing
from policies.actor import Actor
from sync import tables as t
from sync.errors import SyncError
from sync.log_mark import MARK
from tests.sync.sites import OPEN_POLICY, TestSite, record_fields
from tests.sync.test_exchange_rows import COLUMNS, ITEMS, RESOURCE, row

NO_WATER = (
    OPEN_POLICY
    + """
- rule: no-water
  deny: discover
  who: actor.kind is peer
  what: record.theme has any of water
  because: {zh: 不外传, en: stays here}
"""
)
PARCELS = {
    "type": "FeatureCollection",
    "features": [
        {"type": "Feature", "properties": {"code": f"F{n:03}", "use": "耕地"}, "geometry": {"type": "Point", "coordinates": [104.0 + n / 1000, 30.6]}}
        for n in range(30)
    ],
}
ENDS = 20 * 86_400
DIVISIONS = {"city": "510100", "county": "510107"}


@dataclass(frozen=True)
class Place:
    """Where a life is kept: a folder, and for each site its database and port."""

    folder: str
    databases: dict[str, str]
    ports: dict[str, int]


class Life:
    """See the module."""

    #: The steps, in order.
    STEPS = (
        "join",
        "take_a_file_in",
        "take_many_in",
        "publish_two",
        "flow",
        "index",
        "publish_with_rows",
        "ask",
        "flow",
        "come_late",
        "index",
        "many_segments",
        "change_rows",
        "edit",
        "forbid",
        "flow",
        "tell",
        "say_nonsense",
        "fail_at_a_job",
        "withdraw",
        "publish_for_a_while",
        "index",
        "flow",
        "permit",
        "let_stamps_end",
        "begin_the_stream_anew",
        "end_by_the_clock",
        "flow",
        "remove_rows",
        "clear_away",
        "go_back_and_begin_anew",
        "index",
        "settle",
    )

    def __init__(self, place: Place) -> None:
        self.folder = Path(place.folder)
        self._ahead = self.folder / "ahead"
        sites = {}
        for name, division in DIVISIONS.items():
            policy = self.folder / division / "policies" / "site.yaml"
            sites[name] = TestSite(
                self.folder / division,
                place.databases[name],
                place.ports[name],
                division=division,
                name=name,
                clock=self.clock,
                policy=policy.read_text(encoding="utf-8") if policy.exists() else OPEN_POLICY,
                objects="all",
            )
        self.city, self.county = sites["city"], sites["county"]
        self.city.listen()
        self.county.listen()
        self._upkeep = {site.node: Upkeep(site.store, site.policies and _stamps(site), flush_at=2) for site in (self.city, self.county)}
        self._jobs = {site.node: Worker(site.store, {**self._upkeep[site.node].handlers(), "fragile": _fragile}) for site in (self.city, self.county)}

    def clock(self) -> int:
        """The time, as far ahead as the life has come."""
        return int(time.time()) + (int(self._ahead.read_text()) if self._ahead.exists() else 0)

    def close(self) -> None:
        """Ends both sites in an orderly way."""
        for site in (self.county, self.city):
            site.audit.close()
            site.stop()

    # --- the life ------------------------------------------------------------------------------------------------------------------------

    def live(self, until: int | None = None) -> None:
        """All steps that are not in the journal, up to the `until`-th."""
        journal = self.folder / "journal"
        done = len(journal.read_text().split()) if journal.exists() else 0
        for step in self.STEPS[done:until]:
            getattr(self, step)()
            with journal.open("a") as file:
                file.write(f"{step}\n")

    def join(self) -> None:
        """The county joins the city: a join that broke off begins again with a new invite."""
        with self.county.store.read() as conn:
            if conn.execute(select(t.peer)).first() is not None:
                return
        line = self.city.exchange.pairing.invite("admin")
        seen = self.county.exchange.pairing.look(line)
        assert self.county.exchange.pairing.ask(line, seen.node, "admin") == "waiting"
        self.city.exchange.pairing.confirm(self.county.node, "admin")
        while self.county.exchange.pairing.ask(line, seen.node, "admin") == "waiting":  # of two posted joins either may have been confirmed
            self.city.exchange.pairing.confirm(self.county.node, "admin")

    def take_a_file_in(self) -> None:
        """`terrace add --publish` of a layer: a draft with rows and the file itself, then its publication."""
        file = self.folder / "parcels.geojson"
        file.write_text(json.dumps({**PARCELS, "name": "parcels"}), encoding="utf-8")
        assert set(self._add(file)) <= {"published", "unchanged"}

    def take_many_in(self) -> None:
        """A catalogue with a bad record, which is set aside, and a table that takes several transactions."""
        catalog = self.folder / "data.json"
        files = [{"downloadURL": "https://example.org/a.pdf", "mediaType": "application/pdf"}]
        names = (("a", "水井目录"), ("b", "泉水目录"), ("c", ""))
        datasets = [{"title": title, "identifier": name, "description": "摘要", "distribution": files} for name, title in names]
        catalog.write_text(json.dumps({"dataset": datasets}), encoding="utf-8")
        table = self.folder / "readings.csv"
        table.write_text("code,level\n" + "".join(f"W{n:03},{n / 10}\n" for n in range(25)), encoding="utf-8")
        (self.folder / "readings.terrace.yaml").write_text("fields: {title: {zh: 水位}}", encoding="utf-8")
        chunk, write.CHUNK = write.CHUNK, 10
        try:
            assert set(self._add(catalog, table)) <= {"published", "unchanged", "quarantined"}
        finally:
            write.CHUNK = chunk

    def _add(self, *files: Path) -> list[str]:
        defaults = {key: value for key, value in record_fields("图斑", "510107").items() if key not in ("items", "bbox", "resources.data", "kind")}
        context = IngestContext(
            self.county.store,
            self.county.writer,
            self.county.objects,
            self.county.staff,
            secrecy="public",
            terms={"onward": True},
            defaults=defaults,
            publish=True,
        )
        results = list(add(files, context))
        assert all(result.error is None or result.status == "quarantined" for result in results), [str(result.error) for result in results]
        return [result.status for result in results]

    def publish_two(self) -> None:
        """Two records, one transaction each."""
        self._publish("水系", theme=["water"])
        self._publish("地名")

    def publish_with_rows(self) -> None:
        """A record with a table of rows."""
        rows = RowChanges(puts=[row(n) for n in range(40)], columns=COLUMNS, key=["code"], geometry="point")
        self._publish("地块", rows=rows, items=ITEMS, **{"resources.data": RESOURCE})

    def change_rows(self) -> None:
        """Rows come, change and go, in one batch."""
        self._put_rows("地块", [{**row(1), "area": "9.5"}, *(row(n) for n in range(40, 60))], [["P00000"]], lambda rows: "P00059" in rows)

    def remove_rows(self) -> None:
        """Most rows go."""
        self._put_rows("地块", [], [[f"P{n:05d}"] for n in range(2, 50)], lambda rows: "P00049" not in rows)

    def edit(self) -> None:
        """A second version."""
        found = self.shown(self.county)["地名"]
        if found["summary"]["zh"] != "新摘要":
            self.county.edit(self.id_of("地名"), summary={"zh": "新摘要"})

    def withdraw(self) -> None:
        """A tombstone."""
        if "地名" in self.shown(self.county):
            self.county.withdraw(self.id_of("地名"))

    def publish_for_a_while(self) -> None:
        """A record whose terms end."""
        until = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() + ENDS))
        self._publish("限期", terms={"onward": True, "until": until})

    def end_by_the_clock(self) -> None:
        """Its terms end."""
        self._ahead.write_text(str(ENDS + 86_400))

    def forbid(self) -> None:
        """The county's policy narrows."""
        self.county.set_policy(NO_WATER)
        self._work()

    def permit(self) -> None:
        """It widens again."""
        self.county.set_policy(OPEN_POLICY)
        self._work()

    def ask(self) -> None:
        """A person searches: a plan that is new is registered, and the records are stamped for it."""
        person = Actor(kind="person", person="wang", node=self.county.node, roles=frozenset({"clerk"}))
        assert self.county.reader.records(person, RecordQuery(text="地块")).total == 1
        self.county.audit.flush()
        self._work()

    def many_segments(self) -> None:
        """Segments of one record each, merged by the job."""
        for n in range(5):
            self._publish(f"小{n}")
            flush(self.county.store, at_least=1)
        with self.county.store.write() as tx:
            enqueue(tx, "search", key="search")
        self._work()

    def come_late(self) -> None:
        """The same answer twice, the second time too late."""
        with self.city.store.read() as conn:
            inlet = conn.execute(select(t.inlet).where(t.inlet.c.peer == self.county.node)).one()
        self.county.edit(self.id_of("水系"), summary={"zh": str(time.time_ns())})
        self.county.exchange.worker.publish_once()
        served = self.county.exchange.serve(self.city.node, inlet.gen, inlet.cursor, 1)
        assert served is not None and served.kind == "batch"
        outcomes = [self.city.exchange.apply(self.county.node, served.body).outcome for _ in range(2)]
        assert outcomes == ["applied", "stale"]

    def say_nonsense(self) -> None:
        """Bytes that are no batch."""
        with pytest.raises(SyncError):
            self.city.exchange.apply(self.county.node, b"{}")

    def fail_at_a_job(self) -> None:
        """A job whose first attempt fails."""
        with self.county.store.write() as tx:
            if tx.conn.scalar(select(c.job.c.job).where(c.job.c.kind == "fragile")) is None:
                enqueue(tx, "fragile")
        self._work()
        with self.county.store.write() as tx:
            tx.conn.execute(c.job.update().where(c.job.c.kind == "fragile", c.job.c.state == "ready").values(due=0))
        self._work()

    def let_stamps_end(self) -> None:
        """What the clock moves is stamped again."""
        with self.county.store.write() as tx:
            tx.conn.execute(c.record.update().where(c.record.c.stamp_epoch.is_not(None)).values(valid_until=1))
        self._work()

    def begin_the_stream_anew(self) -> None:
        """The county's stream table is lost: the city reads everything again."""
        with self.county.store.write() as tx:
            for table in (t.stream, t.outlet, t.view_out, t.due):
                tx.conn.execute(table.delete())

    def clear_away(self) -> None:
        """Rows of a withdrawn record and a file that nothing names go, in two runs."""
        store, objects = self.county.store, self.county.objects
        with store.read() as conn:
            made = conn.scalar(select(func.count()).select_from(c.version).where(c.version.c.disclosures.contains("待清")))
        if not made:
            self._publish("待清", rows=RowChanges(puts=[row(1)], columns=COLUMNS, key=["code"], geometry="point"), items=ITEMS, **{"resources.data": RESOURCE})
        if "待清" in self.shown(self.county):
            self.county.withdraw(self.id_of("待清"))
        stored = objects.put(BytesIO(b"named by nothing"))
        with store.write() as tx:
            objects.note(tx, stored.sha256)
            tx.conn.execute(c.object_.update().where(c.object_.c.sha256 == stored.sha256).values(added=0))
        clearing = Clearing(store, lambda: objects, keep=0, clock=lambda: self.clock() + 3 * 86_400)
        worker = Worker(store, clearing.handlers())
        for _ in range(2):
            clearing.look()
            while worker.run_one():
                pass

    def go_back_and_begin_anew(self) -> None:
        """The county's log went back; the city closes its epoch, and the county begins anew."""
        exchange, node = self.county.exchange, self.county.node
        with self.city.store.read() as conn:
            closed = self.city.exchange.context.trust.in_(conn, self.clock()).epoch(node) > 1
        if not closed:
            (self.county.folder / MARK).write_text(json.dumps({"origin": f"terrace/1/{node}/business/1", "size": 1 << 40}))
            exchange.recovery._sure = False
            exchange.worker.publish_once()
            self.city.exchange.recovery.close(node, "admin")
        exchange.recovery._again = 0.0
        for _ in range(2):
            exchange.worker.publish_once()

    def tell(self) -> None:
        """A message to the superior, sent again after every kill."""
        body = {"about": None, "body": {"zh": "你好"}, "id": b64(bytes(16)), "kind": "feedback", "time": "2026-11-24T00:00:00Z", "v": 1}
        self.county.exchange.peers.message(self.city.node, orjson.dumps(body, option=orjson.OPT_SORT_KEYS))

    def index(self) -> None:
        """Segments of the index, merged when there are four; what they replace is swept."""
        for site in (self.county, self.city):
            flush(site.store, at_least=1)
            while merge(site.store, fan=2, smallest=4):
                pass
        self._work()
        for site in (self.county, self.city):
            while sweep(site.store, at_once=50):
                pass

    def flow(self) -> None:
        """Log, witness, streams, and what the city reads of them, in small batches."""
        for _ in range(3):
            self._flow(limit=2)

    def settle(self) -> None:
        """Until nothing moves."""
        for _ in range(6):
            self._flow(limit=1000)
            self._work()

    # --- parts -----------------------------------------------------------------------------------------------------------------------------

    def _flow(self, limit: int) -> None:
        self.county.exchange.worker.publish_once()
        self.city.exchange.worker.publish_once()
        self.city.exchange.worker.fetch_statements(self.county.node)
        for _ in range(4):
            self.city.exchange.worker.pull_once(self.county.node, limit=limit)
        while self.city.exchange.objects.fetch_next():
            pass

    def _work(self) -> None:
        """The background work that is due."""
        for site in (self.county, self.city):
            self._upkeep[site.node].look()
            while self._jobs[site.node].run_one():
                pass

    def _publish(self, title: str, **more: Any) -> None:
        if title not in self.shown(self.county):
            self.county.publish(title, **more)

    def _put_rows(self, title: str, puts: list[dict[str, Any]], removes: list[list[str]], done: Callable[[set[str]], bool]) -> None:
        from tests.sync.test_exchange_rows import codes, put

        if not done(set(codes(self.county, self.id_of(title)))):
            put(self.county, self.id_of(title), puts, removes)

    def id_of(self, title: str) -> str:
        """Id of the county's shown record of a title."""
        return str(self.shown(self.county)[title]["id"])

    def shown(self, site: TestSite) -> dict[str, dict[str, Any]]:
        """What a site shows: title → fields, with `id`."""
        with site.store.read() as conn:
            rows = conn.execute(select(c.record.c.id, c.record.c.fields)).all()
        found = {}
        for id, fields in rows:
            value = orjson.loads(fields)
            assert value["title"]["zh"] not in found, "the same record twice"
            found[value["title"]["zh"]] = {**value, "id": id}
        return found


def _fragile(context: JobContext) -> None:
    if context.claimed.attempts == 1:
        raise ValueError("the first attempt fails")


def _stamps(site: TestSite) -> Any:
    return site.writer._stamper


def expected() -> tuple[set[str], set[str]]:
    """Titles that the county and the city show at the end, written apart from the steps."""
    kept = {"图斑", "水位", "水井目录", "泉水目录", "水系", "地块", *(f"小{n}" for n in range(5))}
    return kept | {"限期"}, kept


def rows_expected() -> set[str]:
    """Keys of the parcels at the end."""
    return {"P00001", *(f"P{n:05d}" for n in range(50, 60))}
