"""Hostile relays over the real wire: Chengdu and Sichuan are replaced by servers that hold their genuine keys and lie. The nation refuses, unchanged."""

import base64
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from catalog.canonical import dumps
from catalog.tables import record
from sync import tables as t
from sync.errors import AwayError, SyncError
from sync.serve_batch import Served
from sync.stream import fingerprint, make_head
from tests.sync.sites import TestSite, eventually

pytestmark = pytest.mark.soak_on("postgresql")

type MakeSite = Callable[..., TestSite]
type Lie = Callable[[dict[str, Any], "Relay"], Any]


class Relay:
    """A relay that gives what its genuine program gives, after a lie has changed it. It has its own key: heads are signed anew."""

    def __init__(self, site: TestSite, reader: str) -> None:
        self.site, self.reader = site, reader
        self.lie: Lie | None = None
        self.kept: list[bytes] = []
        genuine = site.exchange.serve

        def serve(peer: str, gen: str | None, cursor: int, limit: int) -> Served | None:
            served = genuine(peer, gen, cursor, limit)
            if served is None or served.kind != "batch":
                return served
            self.kept.append(served.body)
            if self.lie is None:
                return served
            batch = orjson.loads(served.body)
            changed = self.lie(batch, self)
            return Served("batch", served.gen, changed if isinstance(changed, bytes) else dumps(batch))

        site.exchange.serve = serve  # type: ignore[method-assign]

    def sign_head(self, batch: dict[str, Any]) -> None:
        """Makes the head agree with what the batch holds, as far as the whole stream is in it."""
        total = 0
        for item in batch["items"]:
            if item["op"] == "put":
                names = [orjson.loads(text)[1] for text in item["disclose"]]
                print_ = fingerprint(_hash(item["manifest"]), batch["logs"][item["log"]]["origin"], item["index"], names)
                total = (total + int.from_bytes(print_, "big")) % (1 << 256)
        batch["head"] = make_head(self.site.node, self.reader, batch["gen"], batch["to"], total, self.site.keys.site)


def _hash(manifest: str) -> bytes:
    import hashlib

    return hashlib.sha256(manifest.encode()).digest()


class Chain:
    """Nation ← province ← city ← county, pulled by hand."""

    def __init__(self, make_site: MakeSite) -> None:
        self.nation, self.province = make_site("000000", "自然资源部"), make_site("510000", "四川")
        self.city, self.county = make_site("510100", "成都"), make_site("510107", "武侯")
        for below, above in ((self.province, self.nation), (self.city, self.province), (self.county, self.city)):
            below.join(above)
        self.relay = Relay(self.province, self.nation.node)

    def up(self) -> None:
        """Brings everything from the county to the province."""
        for below, above in ((self.county, self.city), (self.city, self.province)):
            below.exchange.worker.publish_once()
            for _ in range(3):
                above.exchange.worker.pull_once(below.node)
        self.province.exchange.worker.publish_once()

    def pull(self, times: int = 3) -> None:
        """The nation asks the province."""
        for _ in range(times):
            self.nation.exchange.worker.pull_once(self.province.node)

    def state(self) -> list[Any]:
        """All that the nation shows and holds, and where it is in the stream."""
        with self.nation.store.read() as conn:
            shown = conn.execute(select(record.c.id, record.c.manifest_hash, record.c.fields, record.c.docno).order_by(record.c.id)).all()
            held = conn.execute(select(t.holding).order_by(t.holding.c.id)).all()
            nodes = conn.execute(select(t.tree_node).order_by(t.tree_node.c.run, t.tree_node.c.level, t.tree_node.c.at)).all()
            inlet = conn.execute(select(t.inlet.c.gen, t.inlet.c.cursor, t.inlet.c.total, t.inlet.c.round)).all()
        return [shown, held, nodes, inlet]


@pytest.fixture
def chain(make_site: MakeSite) -> Chain:
    """Four sites with two records of the county at the province."""
    made = Chain(make_site)
    made.first, made.second = made.county.publish("地块一"), made.county.publish("地块二")  # type: ignore[attr-defined]
    made.up()
    made.pull(1)  # learns the generation
    return made


def _alter_manifest(batch: dict[str, Any], relay: Relay) -> None:
    item = batch["items"][0]
    item["manifest"] = item["manifest"].replace('"version":1', '"version":9')
    relay.sign_head(batch)


def _alter_disclosure(batch: dict[str, Any], relay: Relay) -> None:
    item = batch["items"][0]
    item["disclose"] = [text.replace("地块", "假块") for text in item["disclose"]]
    relay.sign_head(batch)


def _alter_both(batch: dict[str, Any], relay: Relay) -> None:
    """A new value, with its digest put into the manifest in place of a padding one."""
    from catalog.manifest import field_digest

    item = batch["items"][0]
    manifest = orjson.loads(item["manifest"])
    title = dumps([base64.urlsafe_b64encode(b"s" * 16).rstrip(b"=").decode(), "title", {"zh": "假"}]).decode()
    manifest["digests"] = sorted([*manifest["digests"][1:], field_digest(title)])
    item["disclose"] = [title]
    item["manifest"] = dumps(manifest).decode()
    relay.sign_head(batch)


def _swap_leaves(batch: dict[str, Any], relay: Relay) -> None:
    first, second = batch["items"][:2]
    first["index"], second["index"] = second["index"], first["index"]
    relay.sign_head(batch)


def _reorder_positions(batch: dict[str, Any], relay: Relay) -> None:
    batch["items"].reverse()
    relay.sign_head(batch)


def _double(batch: dict[str, Any], relay: Relay) -> None:
    batch["items"].append(dict(batch["items"][0], pos=batch["to"]))
    batch["to"] += 1
    relay.sign_head(batch)


def _strip_statements(batch: dict[str, Any], relay: Relay) -> None:
    batch["statements"] = []


def _cut_cover(batch: dict[str, Any], relay: Relay) -> None:
    log = batch["logs"][0]
    log["cover"] = log["cover"][:-43] if len(log["cover"]) > 43 else "A" * 43


def _forge_note(batch: dict[str, Any], relay: Relay) -> None:
    """The relay signs the county's checkpoint itself."""
    from sync.notes import Checkpoint, sign_checkpoint

    log = batch["logs"][0]
    log["note"] = sign_checkpoint(Checkpoint(log["origin"], 2, b"\1" * 32), relay.site.keys.site)


def _claim_own_log(batch: dict[str, Any], relay: Relay) -> None:
    """The county's record in the relay's own log."""
    log = batch["logs"][0]
    log["origin"] = f"terrace/1/{relay.site.node}/business/1"
    relay.sign_head(batch)


def _other_authority(batch: dict[str, Any], relay: Relay) -> None:
    item = batch["items"][0]
    manifest = orjson.loads(item["manifest"])
    manifest["authority"] = relay.site.node
    item["manifest"] = dumps(manifest).decode()
    relay.sign_head(batch)


def _not_canonical(batch: dict[str, Any], relay: Relay) -> bytes:
    return orjson.dumps(batch, option=orjson.OPT_INDENT_2)


def _doubled_key(batch: dict[str, Any], relay: Relay) -> bytes:
    return dumps(batch).replace(b'"more":false', b'"more":false,"more":true')


def _unknown_op(batch: dict[str, Any], relay: Relay) -> None:
    batch["items"][0]["op"] = "execute"


def _foreign_head(batch: dict[str, Any], relay: Relay) -> None:
    batch["head"] = make_head(relay.site.node, relay.site.node, batch["gen"], batch["to"], 0, relay.site.keys.site)


def _record_from_elsewhere(batch: dict[str, Any], relay: Relay) -> None:
    """A position beyond the batch."""
    batch["items"][-1]["pos"] = batch["to"] + 5


def _endless(batch: dict[str, Any], relay: Relay) -> bytes:
    return b'{"from":0,' + b" " * (12 << 20)


LIES = [
    _alter_manifest, _alter_disclosure, _alter_both, _swap_leaves, _reorder_positions, _double, _strip_statements, _cut_cover, _forge_note, _claim_own_log,
    _other_authority, _not_canonical, _doubled_key, _unknown_op, _foreign_head, _record_from_elsewhere, _endless,
]  # fmt: skip


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__.strip("_"))
def test_lying_relay_is_refused_and_nothing_changes(chain: Chain, lie: Lie) -> None:
    before = chain.state()
    chain.relay.lie = lie
    with pytest.raises(SyncError) as refused:
        chain.pull()
    assert chain.state() == before
    if not isinstance(refused.value, AwayError):
        assert refused.value.clause and chain.nation.exchange.status().refused == 1
    chain.relay.lie = None
    chain.pull()
    assert chain.nation.record(chain.first) is not None and chain.nation.record(chain.second) is not None  # type: ignore[attr-defined]


def test_stripped_record_is_noticed_by_the_head(chain: Chain) -> None:
    def strip(batch: dict[str, Any], relay: Relay) -> None:
        del batch["items"][0]
        log = batch["logs"][0]
        run = _run(relay.site, log["origin"])
        log["cover"] = _cover(relay.site, run, log["old"], [item["index"] for item in batch["items"]])

    chain.relay.lie = strip
    chain.pull()
    with chain.nation.store.read() as conn:
        assert conn.scalar(select(t.inlet.c.cursor)) == 0  # a full read is asked for
    chain.relay.lie = None
    chain.pull()
    assert chain.nation.record(chain.first) is not None  # type: ignore[attr-defined]


def test_dropped_disclosures_are_withheld_never_false(chain: Chain) -> None:
    def drop(batch: dict[str, Any], relay: Relay) -> None:
        for item in batch["items"]:
            item["disclose"] = [text for text in item["disclose"] if '"contact_phone"' not in text]
        relay.sign_head(batch)

    chain.relay.lie = drop
    chain.pull()
    found = chain.nation.record(chain.first)  # type: ignore[attr-defined]
    assert "contact_phone" in found.withheld and "contact_phone" not in found.fields


def test_replayed_batch_is_left(chain: Chain) -> None:
    chain.pull()
    state = chain.state()
    for body in chain.relay.kept:
        assert chain.nation.exchange.apply(chain.province.node, body).outcome == "stale"
    assert chain.state() == state


def test_older_version_is_refused_after_a_newer_one(chain: Chain) -> None:
    chain.pull()
    old = orjson.loads(chain.relay.kept[-1])
    chain.county.edit(chain.first, title={"zh": "新名"})  # type: ignore[attr-defined]
    chain.up()
    chain.pull()
    assert chain.nation.record(chain.first).fields["title"] == {"zh": "新名"}  # type: ignore[attr-defined]
    chain.county.edit(chain.second, title={"zh": "另一"})  # type: ignore[attr-defined]
    chain.up()
    before = chain.state()

    def replay(batch: dict[str, Any], relay: Relay) -> None:
        """Genuine, provable, and old: the first version again, in a new batch."""
        stale = next(item for item in old["items"] if orjson.loads(item["manifest"])["id"] == chain.first)  # type: ignore[attr-defined]
        log = batch["logs"][0]
        batch["items"] = [dict(stale, pos=batch["to"], log=0)]
        log["cover"] = _cover(relay.site, _run(relay.site, log["origin"]), log["old"], [stale["index"]])
        batch["head"] = None

    chain.relay.lie = replay
    with pytest.raises(SyncError) as refused:
        chain.pull()
    assert refused.value.kind == "rollback" and chain.state() == before
    chain.relay.lie = None
    chain.pull()
    assert chain.nation.record(chain.second).fields["title"] == {"zh": "另一"}  # type: ignore[attr-defined]


def test_forged_subordinate_is_refused(chain: Chain, make_site: MakeSite) -> None:
    """A site that nobody certified speaks through the relay."""
    stranger = make_site("520000", "贵州")
    stranger.publish("冒名")
    stranger.exchange.worker.publish_once()
    with stranger.store.read() as conn:
        run = conn.execute(select(t.run)).one()
        manifest = conn.exec_driver_sql("SELECT manifest FROM version").scalar()

    def speak(batch: dict[str, Any], relay: Relay) -> None:
        batch["logs"].append({"cover": "", "live": None, "note": run.note, "old": 0, "origin": run.origin, "view": "x"})
        batch["items"].append({"disclose": [], "index": 0, "log": len(batch["logs"]) - 1, "manifest": manifest, "op": "put", "pos": batch["to"] + 1})
        batch["to"] += 1
        relay.sign_head(batch)

    before = chain.state()
    chain.relay.lie = speak
    with pytest.raises(SyncError) as refused:
        chain.pull()
    assert refused.value.kind == "uncertified" and chain.state() == before


def test_hostile_city_below_an_honest_province_changes_nothing_at_the_nation(make_site: MakeSite) -> None:
    chain = Chain(make_site)
    id = chain.county.publish("地块")
    chain.up()
    chain.pull()
    chain.county.edit(id, title={"zh": "新"})
    city = Relay(chain.city, chain.province.node)
    city.lie = _alter_disclosure
    before = chain.state()
    with pytest.raises(SyncError):
        chain.up()
    chain.province.exchange.worker.publish_once()
    chain.pull()
    assert chain.state()[0] == before[0]
    city.lie = None
    chain.up()
    chain.pull()
    assert eventually(lambda: chain.nation.record(id).fields["title"] == {"zh": "新"})


def _run(site: TestSite, origin: str) -> Any:
    from sync.runs import _run as row_to_run

    with site.store.read() as conn:
        return row_to_run(conn.execute(select(t.run).where(t.run.c.origin == origin, t.run.c.source != "").order_by(t.run.c.run.desc())).first())


def _cover(site: TestSite, run: Any, old: int, opened: list[int]) -> str:
    from catalog.canonical import b64
    from sync.runs import build_cover

    with site.store.read() as conn:
        return b64(build_cover(conn, run, old, opened))
