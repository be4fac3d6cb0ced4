"""A small world for the tests of the exchange's pure half: nodes with real keys that make real statements, records, logs and batches.

Nothing is faked: what a `Node` makes is what a site makes, so that a test changes just the one thing that it is about.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog.canonical import JSON, b64
from catalog.ids import mint_id
from catalog.manifest_making import Built, build, tombstone
from sync import batch as batches
from sync import cover
from sync.ids import Origin, witness_name
from sync.merkle import Peaks, consistency_proof, entry_leaf, inclusion_proof
from sync.notes import Checkpoint, add_signature, cosign, parse_note, sign_checkpoint
from sync.say import certify_claims, epoch_claims, node_claims, succession_claims
from sync.statements import NodeStatement, Statement, parse_all, sign
from sync.stream import add, fingerprint, make_head
from sync.suite import ED25519, SecretKey
from sync.trust import Trust

NOW = 1_795_500_000
ZONE = "business"
NAMES = ("title", "summary", "provider", "sharing")
ONWARD: dict[str, JSON] = {"audience": None, "lease": None, "obligations": [], "onward": True, "purposes": None, "until": None}
LEVEL = {"000000": "nation", "510000": "province", "510100": "city", "510107": "county", "510104": "county", "500000": "province"}


@dataclass
class Record:
    """A version of a record in a log."""

    id: str
    built: Built
    birth: tuple[str, bytes]
    index: int

    @property
    def text(self) -> str:
        return self.built.manifest.decode()


class Log:
    """A Merkle log with everything kept."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.tree = Peaks(seen=lambda level, index, hash_: self.nodes.__setitem__((level, index), hash_))

    @property
    def size(self) -> int:
        return self.tree.size

    def get(self, level: int, index: int) -> bytes | None:
        return self.nodes.get((level, index))

    def append(self, kind: str, body: str | bytes) -> int:
        self.tree.append(entry_leaf(kind, body))
        return self.size - 1

    def root(self, size: int | None = None) -> bytes:
        if size is None or size == self.size:
            return self.tree.root()
        tree = Peaks.resume(size, self.get)
        return tree.root()

    def inclusion(self, index: int, size: int | None = None) -> list[bytes]:
        return inclusion_proof(index, self.size if size is None else size, self.get)

    def consistency(self, old: int, size: int | None = None) -> list[bytes]:
        return consistency_proof(old, self.size if size is None else size, self.get)


class Node:
    """A node with one site: keys, statements, a log."""

    def __init__(
        self,
        division: str | None = "510107",
        *,
        zone: str = ZONE,
        unit: str | None = None,
        level: str | None = None,
        now: int = NOW,
        depth: int = 8,
        divisions: Sequence[str] | None = None,
        witnesses: Sequence[str] = (),
    ) -> None:
        self.root, self.site, self.witness = (ED25519.generate() for _ in range(3))
        self.zone, self.division, self.unit, self.now = zone, division, unit, now
        self.level = level or LEVEL.get(division or "", "county")
        self.divisions = list(divisions if divisions is not None else ([division] if division else []))
        self.root_token = sign(node_claims([self.root.public], now=now), self.root)
        body = parse_all([self.root_token])[0].body
        assert isinstance(body, NodeStatement)
        self.id = body.node
        self.tokens = [self.root_token]
        self.serials: dict[str, int] = {}
        self.state_self(depth=depth, witnesses=witnesses)
        self.log = Log(Origin(self.id, zone, 1))

    def state_self(self, *, key: SecretKey | None = None, **changes: Any) -> str:
        """The node's root names its own site's keys."""
        claims = self.claims(self, depth=changes.pop("depth", 8), **changes)
        token = sign(claims, key or self.root)
        self.tokens.append(token)
        return token

    def claims(self, sub: Node, **changes: Any) -> dict[str, JSON]:
        self.serials[sub.id] = self.serials.get(sub.id, 0) + 1
        values: dict[str, Any] = {
            "iss": self.id,
            "sub": sub.id,
            "zone": sub.zone,
            "serial": self.serials[sub.id],
            "site_keys": [sub.site.public],
            "witness_key": sub.witness.public,
            "name": {"zh": f"节点 {sub.division}", "en": f"node {sub.division}"},
            "sector": "land",
            "level": sub.level,
            "division": sub.division,
            "unit": sub.unit,
            "divisions": sub.divisions,
            "units": [],
            "depth": 0,
            "now": self.now,
        }
        return certify_claims(**{**values, **changes})

    def certify(self, sub: Node, *, key: SecretKey | None = None, **changes: Any) -> str:
        """This node's site certifies a subordinate."""
        token = sign(self.claims(sub, **changes), key or self.site)
        self.tokens.append(token)
        return token

    def close(
        self, sub: Node, *, closes: int = 1, size: int, root: bytes | None = None, site_keys: Iterable[SecretKey] | None = None, key: SecretKey | None = None
    ) -> str:
        """This node closes an epoch of a subordinate's log."""
        keys = [other.public for other in site_keys] if site_keys is not None else [sub.site.public]
        claims = epoch_claims(
            iss=self.id,
            sub=sub.id,
            zone=sub.zone,
            closes=closes,
            size=size,
            root=root if root is not None else sub.log.root(size),
            site_keys=keys,
            reason="restore",
            now=self.now,
        )
        token = sign(claims, key or self.site)
        self.tokens.append(token)
        return token

    def succeed(
        self, from_: Node, to: Node, *, size: int, epoch: int = 1, ids: Iterable[str] | None = None, until: int = NOW + 86_400, key: SecretKey | None = None
    ) -> str:
        """This node lets one authority take over from another."""
        token = sign(
            succession_claims(iss=self.id, zone=self.zone, from_=from_.id, to=to.id, ids=ids, epoch=epoch, size=size, until=until, now=self.now),
            key or self.site,
        )
        self.tokens.append(token)
        return token

    # --- records and log ------------------------------------------------------------------------------------------------------------------

    def publish(
        self,
        title: str = "井",
        *,
        again: Record | None = None,
        terms: Mapping[str, JSON] | None = ONWARD,
        birth: tuple[str, bytes] | None = None,
        zone: str | None = None,
        authority: str | None = None,
        log: Log | None = None,
        version: int = 1,
        **fields: Any,
    ) -> Record:
        """A new record, or a new version of one, in this node's log."""
        born = birth or (again.birth if again else (self.id, secrets.token_bytes(16)))
        id_ = again.id if again else mint_id(*born)
        built = build(
            {"title": {"zh": title}, "summary": {"zh": "摘要"}, "sharing": {"type": "unconditional"}, **fields},
            id=id_,
            birth=born,
            profile="core/1",
            secrecy="internal",
            terms=terms,
            time="2026-11-24T06:26:41Z",
            version=version,
            zone=zone or self.zone,
            authority=authority or self.id,
            names=NAMES,
        )
        return Record(id_, built, born, (log or self.log).append("record", built.manifest))

    def withdraw(self, record: Record) -> Record:
        """A tombstone."""
        built = tombstone(id=record.id, birth=record.birth, time="2026-11-24T07:00:00Z", version=9, zone=self.zone, authority=self.id)
        return Record(record.id, built, record.birth, self.log.append("record", built.manifest))

    def note(self, size: int | None = None, *, key: SecretKey | None = None, log: Log | None = None, witness: Node | None = None, at: int | None = None) -> str:
        """A checkpoint of the log, cosigned when a witness is given."""
        used = log or self.log
        note = sign_checkpoint(Checkpoint(str(used.origin), used.size if size is None else size, used.root(size)), key or self.site)
        return note if witness is None else add_signature(note, witness.cosign(note, witness.now if at is None else at))

    def cosign(self, note: str, at: int = NOW) -> str:
        return cosign(parse_note(note), witness_name(self.id, self.zone), self.witness, at)


def trust_of(*nodes: Node, anchors: Iterable[Node] | None = None, now: int = NOW, zone: str = ZONE, extra: Iterable[str] = ()) -> Trust:
    """The trust in everything that these nodes said; the first is the root."""
    tokens = [token for node in nodes for token in node.tokens]
    return Trust(parse_all([*tokens, *extra]), anchors=[node.id for node in (anchors or nodes[:1])], zone=zone, now=now)


def statements(*nodes: Node) -> list[Statement]:
    """Everything that these nodes said."""
    return parse_all([token for node in nodes for token in node.tokens])


@dataclass
class World:
    """Nation – Sichuan – Chengdu – Wuhou, each certified by the one before."""

    nation: Node
    province: Node
    city: Node
    county: Node
    nodes: tuple[Node, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.nodes = (self.nation, self.province, self.city, self.county)

    def trust(self, *, now: int = NOW, extra: Iterable[str] = ()) -> Trust:
        return trust_of(*self.nodes, now=now, extra=extra)


def world() -> World:
    """The four levels of the demonstration."""
    made = World(Node("000000"), Node("510000"), Node("510100"), Node("510107"))
    made.nation.certify(made.province, depth=3)
    made.province.certify(made.city, depth=2)
    made.city.certify(made.county, depth=1)
    return made


class Sender:
    """A peer that gives batches of one log, as a site does: stream positions, views, covers, heads. Fields may be bent by a test."""

    def __init__(self, sender: Node, receiver: Node, *, log: Log | None = None, author: Node | None = None) -> None:
        self.sender, self.receiver, self.author = sender, receiver, author or sender
        self.log = log or self.author.log
        self.gen = b64(secrets.token_bytes(16))
        self.pos = self.cursor = self.total = self.old = 0
        self.live: dict[str, bytes] = {}
        self.statements: list[str] = []

    def put(self, record: Record, disclose: Iterable[str] = NAMES, *, tomb: bool = False, **changes: Any) -> batches.PutItem:
        """An item for a record."""
        self.pos += 1
        texts = () if tomb else tuple(record.built.disclosures[name] for name in disclose)
        before = self.live.pop(record.id, None)
        if before is not None:
            self.total = add(self.total, (2**256 - int.from_bytes(before, "big")).to_bytes(33, "big")[-32:])
        if not tomb:
            print_ = fingerprint(record.built.hash, str(self.log.origin), record.index, list(disclose))
            self.live[record.id] = print_
            self.total = add(self.total, print_)
        values = {"pos": self.pos, "log": 0, "index": record.index, "manifest": record.text, "disclose": texts, "tomb": tomb}
        return batches.PutItem(**{**values, **changes})

    def remove(self, id: str) -> batches.RemoveItem:
        self.pos += 1
        before = self.live.pop(id, None)
        if before is not None:
            self.total = (self.total - int.from_bytes(before, "big")) % 2**256
        return batches.RemoveItem(self.pos, id)

    def batch(
        self,
        *items: batches.Item,
        size: int | None = None,
        note: str | None = None,
        old: int | None = None,
        opened: Iterable[int] | None = None,
        head: str | None = "sign",
        more: bool = False,
        witness: Node | None = None,
        **changes: Any,
    ) -> batches.Batch:
        """A batch of these items over the log's present checkpoint."""
        at, before = self.log.size if size is None else size, self.old if old is None else old
        indices = {item.index for item in items if isinstance(item, batches.PutItem | batches.RowsItem)} if opened is None else set(opened)
        part = batches.LogPart(
            str(self.log.origin),
            "v1",
            before,
            note if note is not None else self.author.note(at, log=self.log, witness=witness),
            cover.build(self.log.get, at, before, indices),
        )
        if head == "sign":
            head = None if more else make_head(self.sender.id, self.receiver.id, self.gen, self.pos, self.total, self.sender.site)
        values: dict[str, Any] = {
            "gen": self.gen,
            "from_": self.cursor,
            "to": self.pos,
            "more": more,
            "logs": (part,),
            "items": tuple(items),
            "statements": tuple(self.statements),
            "head": head,
        }
        made = batches.Batch(**{**values, **changes})
        self.cursor, self.old = self.pos, at
        return batches.parse(batches.encode(made))


class Receiver:
    """What a receiver keeps of one source between batches: the pure state, moved on by verdicts."""

    def __init__(self, me: Node, source: Node, trust: Trust, *, now: int = NOW) -> None:
        self.state = batches.State(
            me=me.id,
            source=source.id,
            zone=trust.zone,
            now=now,
            trust=trust,
            gen=None,
            cursor=0,
            full=False,
            views={},
            fingerprints={},
            total=0,
            rows={},
            authorities={},
        )

    def take(self, batch: batches.Batch) -> batches.Verdict:
        """Verifies a batch and moves the state on."""
        verdict = batches.verify(batch, self.state)
        held = {} if verdict.restart else dict(self.state.fingerprints)
        rows = {} if verdict.restart else dict(self.state.rows)
        authorities = {} if verdict.restart else dict(self.state.authorities)
        for change in verdict.changes:
            if isinstance(change, batches.RecordChange):
                held.pop((change.id, ""), None)
                authorities[change.id] = change.origin.node
                if not change.tomb:
                    held[change.id, ""] = change.fingerprint
            elif isinstance(change, batches.RemoveChange):
                held.pop((change.id, ""), None)
                authorities.pop(change.id, None)
            elif isinstance(change, batches.RowsChange):
                rows[change.rows.head.id, change.rows.head.variant] = batches.RowsCursor(change.rows.head.seq, change.rows.head.digest)
            else:
                rows[change.id, change.variant] = batches.RowsCursor(change.seq, None)
        views = {
            **({} if verdict.restart else self.state.views),
            **{str(log.origin): batches.View(log.view, log.size, log.root, log.note) for log in verdict.logs},
        }
        self.state = batches.State(
            me=self.state.me,
            source=self.state.source,
            zone=self.state.zone,
            now=self.state.now,
            trust=verdict.trust,
            gen=verdict.gen,
            cursor=verdict.cursor,
            full=(verdict.restart or self.state.full) and not verdict.complete,
            views=views,
            fingerprints=held,
            total=verdict.total,
            rows=rows,
            authorities=authorities,
        )
        return verdict
