"""The exchange of one site: what `node` composes and its commands, pages and endpoints call.

    exchange = Exchange(store=…, site=…, keys=…, reader=…, writer=…, objects=…, settings=ExchangeSettings(url="https://…"))
    app.register_blueprint(peer_blueprint(exchange))     # sync.endpoints, on the peers' listener
    exchange.worker.start(); exchange.worker.stop()      # the loops, in the same process
    exchange.pairing.invite(actor) …                     # joining (sync.pairing)
    exchange.status(), exchange.receipt(id, names), verify_receipt(bytes, root)

Commands that only read or pair need no worker: what they write wakes the peer process by its position or within a second.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from sqlalchemy import Connection, func, select

from catalog import tables as c
from catalog.canonical import JSON, loads
from catalog.errors import NotFoundError
from catalog.site import SiteIdentity
from catalog.store import Store
from sync import receipt as receipts
from sync import tables as t
from sync.apply import Applied, Applier, disclosed_values
from sync.clock import seconds_behind
from sync.context import Context, ExchangeSettings, wall_clock
from sync.doubt import Doubt, doubt_of
from sync.feeder import STREAMED, Feeder
from sync.holdings import holdings_of, shown
from sync.ids import fingerprint, parse_fingerprint
from sync.keys import Keys
from sync.leases import Leases
from sync.logbook import Logbook, own_run
from sync.merkle import inclusion_proof
from sync.messages import MessageDesk
from sync.object_desk import ObjectDesk
from sync.pairing import Pairing
from sync.recovery import Recovery, refuse_restored
from sync.refusals import Refusals
from sync.runs import Run, getter, run_by_number
from sync.serve_batch import Served, Server
from sync.states import get_number
from sync.transport import Peers
from sync.trusted import TrustStore, statement_tokens
from sync.voided import Voided
from sync.witnessing import WitnessDesk
from sync.worker import Worker

if TYPE_CHECKING:
    from catalog.objects import Objects
    from catalog.reader import Reader
    from catalog.writer import Writer

__all__ = ["Exchange", "PeerStatus", "Status", "verify_receipt"]

_STATEMENTS = 1000


@dataclass(frozen=True)
class PeerStatus:
    """One peer, for pages and the command line. Times are UTC seconds.

    Attributes:
        relation: superior, subordinate or side. state: active or paused.
        contact: when it last answered us. error, error_at: why it does not.
        cursor: our place in its stream. records: what we hold of it. waiting: what it has not fetched of ours. held: see the safety stop (PROTOCOL 4.5).
        heartbeat: the newest cosignature on any log that it gave us; while witnesses are well it is never much older than two of their ten minutes, so an
            older one means that the peer gives old news (PROTOCOL 10, frozen relay).
    """

    node: str
    fingerprint: str
    name: dict[str, str]
    relation: str
    url: str
    state: str
    contact: int | None
    error: str | None
    error_at: int | None
    cursor: int
    records: int
    waiting: int
    held: int
    heartbeat: int | None


@dataclass(frozen=True)
class Status:
    """How the exchange stands.

    Attributes:
        origin, size, witnessed, cosigned: of the own log; size that a cosigned checkpoint covers, and its time.
        behind: positions that are not in the streams yet. refused: batches in quarantine.
        doubt: what the witness says against the own log without proof, or None.
        clock_behind: seconds by which the clock is behind what was verified (PROTOCOL 6.5); 0 when it is right.
    """

    node: str
    fingerprint: str
    origin: str | None
    size: int
    witnessed: int
    cosigned: int | None
    behind: int
    refused: int
    clock_behind: int
    doubt: Doubt | None
    peers: tuple[PeerStatus, ...]


class Exchange:
    """See the module.

    Attributes:
        context, peers, logbook, feeder, server, applier, witness, pairing, objects, messages, refusals, worker: the parts.
    """

    def __init__(
        self,
        *,
        store: Store,
        site: SiteIdentity,
        keys: Keys,
        reader: "Reader",
        writer: "Writer",
        objects: "Objects | None" = None,
        settings: ExchangeSettings | None = None,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        """Composes the parts; starts nothing.

        Args:
            store: its schema current (`store.upgrade(also=["sync"])`).
            site: who this site is; its certification of itself is in the database.
            keys: of the site.
            reader, writer, objects: of the catalog.
            settings: how the site takes part.
            clock: UTC seconds.
        """
        trust = TrustStore(store, site.node, site.zone)
        self.context = Context(store, site, keys, reader, writer, objects, trust, settings or ExchangeSettings(), clock)
        self.peers = Peers(self.context)
        self.leases = Leases(self.context)
        self.logbook = Logbook(self.context, self.leases)
        self.feeder = Feeder(self.context)
        self.server = Server(self.context)
        self.applier = Applier(self.context, self.leases)
        self.witness = WitnessDesk(self.context)
        self.pairing = Pairing(self.context, self.peers)
        self.objects = ObjectDesk(self.context, self.peers)
        self.refusals = Refusals(self.context)
        self.messages = MessageDesk(self.context)
        self.worker = Worker(self)
        self.recovery = Recovery(self)
        self.voided = Voided(self.context, self.applier)
        self._seen: dict[str, float] = {}

    def close(self) -> None:
        """Closes connections to peers."""
        self.peers.close()

    # --- what the endpoints call --------------------------------------------------------------------------------------------------------

    def serve(self, peer: str, gen: str | None, cursor: int, limit: int) -> Served | None:
        """The batch for a peer; None when it would get nothing new."""
        with self.context.store.read() as conn:
            refuse_restored(conn)
            if not self.server.has_news(conn, peer, gen, cursor):
                return None
        return self.server.serve(peer, gen, cursor, limit)

    def apply(self, source: str, data: bytes) -> Applied:
        """Applies a peer's batch and wakes whoever waits for it."""
        applied = self.applier.apply(source, data)
        if applied.items:
            self.context.wake.ring("position", "objects")
        return applied

    def is_peer(self, node: str) -> bool:
        """Whether records are exchanged with this node."""
        with self.context.store.read() as conn:
            return conn.scalar(select(t.peer.c.node).where(t.peer.c.node == node, t.peer.c.state == "active")) is not None

    def peers_seen(self, node: str) -> None:
        """Notes that a peer called (for `status`; in memory only)."""
        self._seen[node] = time.monotonic()

    def statements_since(self, since: int) -> dict[str, JSON]:
        """Answer of `GET statements?since=`: a page of the statements that count."""
        with self.context.store.read() as conn:
            trust = self.context.trust.in_(conn, self.context.clock())
            page = statement_tokens(conn, since, _STATEMENTS)
        counting = {token for statement in trust.statements if trust.counts(statement.digest) for token in statement.tokens}
        return {"next": page[-1][0] if page else since, "statements": [token for _, token in page if token in counting], "v": 1}

    def have(self, peer: str) -> dict[str, JSON]:
        """Where we are in a peer's stream: answer to a push."""
        with self.context.store.read() as conn:
            row = conn.execute(select(t.inlet).where(t.inlet.c.peer == peer)).one_or_none()
            r = t.run.c
            views = conn.execute(select(r.origin, r.view, r.size).where(r.source == peer, r.size > 0).order_by(r.run)).all()
        have: dict[str, JSON] = {view.origin: [view.view, view.size] for view in views}
        return {"from": 0 if row is None else row.cursor, "gen": None if row is None else row.gen, "have": have, "v": 1}

    def live(self, origin: str, peer: str) -> bytes:
        """The bitmap of this site's own log, or of one that a peer follows through it (PROTOCOL 3.6). Raises NotFoundError for any other log."""
        return self.leases.bitmap(origin, peer)

    def _own_log(self, conn: Connection) -> Run | None:
        """The log of the open epoch (PROTOCOL 6.2)."""
        x = self.context
        return own_run(conn, x.me, x.zone, x.trust.in_(conn, x.clock()).epoch(x.me))

    def ring_followers(self) -> None:
        """Wakes the long polls of all peers: a cosignature is news to whoever follows the log."""
        with self.context.store.read() as conn:
            peers = list(conn.scalars(select(t.peer.c.node).where(t.peer.c.state == "active")))
        self.context.wake.ring(*(f"stream:{peer}" for peer in peers))

    # --- what commands and pages call ------------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """How the exchange stands."""
        x = self.context
        with x.store.read() as conn:
            run = self._own_log(conn)
            newest = int(conn.scalar(select(func.max(c.change.c.position))) or 0)
            refused = int(conn.scalar(select(func.count()).select_from(t.quarantine)) or 0)
            peers: list[PeerStatus] = []
            for row in conn.execute(select(t.peer).order_by(t.peer.c.relation.desc(), t.peer.c.node)):
                inlet = conn.execute(select(t.inlet).where(t.inlet.c.peer == row.node)).one_or_none()
                held = int(conn.scalar(select(func.count()).select_from(t.holding).where(t.holding.c.source == row.node, t.holding.c.tomb == 0)) or 0)
                acked = conn.scalar(select(t.outlet.c.acked).where(t.outlet.c.peer == row.node)) or 0
                waiting = int(conn.scalar(select(func.count()).select_from(t.stream).where(t.stream.c.peer == row.node, t.stream.c.pos > acked)) or 0)
                peers.append(
                    PeerStatus(
                        row.node,
                        fingerprint(row.node),
                        cast(dict[str, str], loads(row.name)),
                        row.relation,
                        row.url,
                        row.state,
                        row.contact,
                        row.error,
                        row.error_at,
                        0 if inlet is None else inlet.cursor,
                        held,
                        waiting,
                        0 if inlet is None else inlet.held,
                        conn.scalar(select(func.max(t.run.c.cosigned)).where(t.run.c.source == row.node)),
                    )
                )
            behind = newest - get_number(conn, STREAMED)
            late, doubt = seconds_behind(conn, x.clock()), doubt_of(conn)
        return Status(
            x.me,
            fingerprint(x.me),
            None if run is None else run.origin,
            0 if run is None else run.size,
            0 if run is None else run.witnessed,
            None if run is None else run.cosigned,
            behind,
            refused,
            late,
            doubt,
            tuple(peers),
        )

    def receipt(self, id: str, fields: Mapping[str, JSON]) -> bytes:
        """The offline proof of a shown record (PROTOCOL 6.8).

        Args:
            id: record.
            fields: what whoever gets the receipt may see, as they see it (`RecordView.fields`). A field whose value is shown masked or cut is left out: its
                disclosure would tell the whole.

        Raises:
            NotFoundError: it is not shown here, or no log holds it yet.
        """
        x = self.context
        with x.store.read() as conn:
            row = conn.execute(select(c.record.c.manifest, c.record.c.manifest_hash, c.record.c.origin).where(c.record.c.id == id)).one_or_none()
            if row is None:
                raise NotFoundError
            run, at, texts = _own_leaf(conn, id, bytes(row.manifest_hash)) if row.origin != "received" else _held_leaf(conn, id, bytes(row.manifest_hash))
            assert run.note is not None
            proof = inclusion_proof(at, run.size, getter(conn, run.run))
            chain = x.trust.in_(conn, x.clock()).chain(run.node)
        values = disclosed_values(texts)
        disclose = [texts[name] for name in sorted(texts) if name in fields and fields[name] == values[name]]
        return receipts.make(
            manifest=row.manifest,
            disclose=disclose,
            index=at,
            note=run.note,
            proof=proof,
            statements=[token for statement in chain for token in statement.tokens],
        )


type _Leaf = tuple[Run, int, dict[str, str]]


def _own_leaf(conn: Connection, id: str, digest: bytes) -> _Leaf:
    """Run, index and disclosures of a record of this site's own."""
    leaf = t.leaf.c
    found = conn.execute(
        select(leaf.run, leaf.at).where(leaf.id == id, leaf.digest == digest, leaf.kind == "record").order_by(leaf.run.desc(), leaf.at.desc())
    ).first()
    texts = conn.scalar(select(c.version.c.disclosures).where(c.version.c.manifest_hash == digest))
    if found is None or texts is None:
        raise NotFoundError
    return run_by_number(conn, found.run), found.at, cast(dict[str, str], loads(texts))


def _held_leaf(conn: Connection, id: str, digest: bytes) -> _Leaf:
    """Run, index and disclosures of a record that peers gave."""
    best = shown(holdings_of(conn, [id]).get(id, []), digest=digest)
    if best is None or best.best.tomb:
        raise NotFoundError
    return run_by_number(conn, best.best.run), best.best.at, dict(best.disclosures)


def verify_receipt(data: bytes, root: str, *, now: int | None = None, allow_uncosigned: bool = False) -> receipts.Proved:
    """Verifies a receipt with public keys alone: no site is needed.

    Args:
        data: the file.
        root: root id (or its fingerprint, as people write it) that the verifier trusts.
        now: UTC seconds; None: the clock.
        allow_uncosigned: accept a checkpoint that no witness cosigned.

    Raises:
        ReceiptError: with the step that failed.
    """
    return receipts.verify(data, parse_fingerprint(root), now=wall_clock() if now is None else now, allow_uncosigned=allow_uncosigned)
