"""Who is certified for what: a pure function of (statements, trusted root ids, zone, now) (PROTOCOL 6.1–6.5, 4.7, 4.8).

`Trust` answers every question of the exchange that begins with "may": whose key signs this log, who cosigns it, who stands above whom, which of two
leaves of one record counts. It is immutable; more statements or another moment make a new one, which shares the signatures already verified.

Invariants:

* The answers depend on the set of statements, not on the order or the number of times in which they came.
* A statement that does not count changes nothing, and is listed in `refusals` with its reason.
* Nothing here orders by a time (6.5): `version`, `serial`, epoch and index do. Times only end things.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sync.certify import MAX_AHEAD, Certification, Certifier, Refusal
from sync.claims import Certify, NodeStatement, Succession
from sync.epochs import Closings, accept_closings, find_successions
from sync.errors import TrustError
from sync.ids import Origin, witness_name
from sync.merkle import empty_root
from sync.statements import Signatures, Statement, merge
from sync.suite import PublicKey, suite_of

__all__ = ["Certification", "LogState", "Order", "Refusal", "Relation", "Trust"]

#: What another node is to one: itself, above, below, or neither.
type Relation = Literal["self", "above", "below", "sideways"]
#: Order of 4.7: (place in succession, epoch, index); the highest is shown.
type Order = tuple[int, int, int]

_MAX_CLOSINGS = 8
_MAX_PLACES = 16


@dataclass(frozen=True)
class LogState:
    """What trust says of one epoch of a site's log.

    Attributes:
        keys: sign its notes now; empty for a closed epoch.
        closed_at: (size, root) when the epoch is closed: leaves at or beyond the size are void, and the root is known without any note.
    """

    origin: Origin
    suite: str
    keys: tuple[PublicKey, ...]
    closed_at: tuple[int, bytes] | None


class Trust:
    """The state of trust of one site at one moment.

    Attributes:
        zone: statements of this zone count.
        now: UTC seconds.
        anchors: node ids trusted without a superior: the site's own and the root ids that it took over at joining.
        refusals: statements that do not count, with reasons.
        valid_until: UTC seconds at which the answers may change by the clock alone (then call `at`), or None.
    """

    def __init__(self, statements: Iterable[Statement], *, anchors: Iterable[str], zone: str, now: int, _signatures: Signatures | None = None) -> None:
        """Works out who is certified.

        Args:
            statements: all that are known, in any order.
            anchors: see above.
            zone: see above.
            now: UTC seconds.
        """
        known: dict[str, Statement] = {}
        for statement in statements:
            before = known.get(statement.digest)
            known[statement.digest] = statement if before is None else merge(before, statement)
        self.zone, self.now, self.anchors = zone, now, frozenset(anchors)
        self._known = known
        self._signatures = Signatures() if _signatures is None else _signatures
        self._c, self._closings = self._certifier()
        self._successions = find_successions(self._c, known.values(), self._signatures.by)
        self._refusals = self._c.refusals
        self._takeovers = [(statement, statement.body) for statement in known.values() if isinstance(statement.body, Succession)]
        self.refusals: tuple[Refusal, ...] = tuple(self._refusals[digest] for digest in sorted(self._refusals))
        self.valid_until: int | None = min((time for statement in known.values() for time in _times(statement) if time > now), default=None)

    def extend(self, statements: Iterable[Statement], *, now: int | None = None) -> "Trust":
        """The trust with more statements, at the same or another moment."""
        new = [s for s in statements if s.digest not in self._known or not set(s.tokens) <= set(self._known[s.digest].tokens)]
        at = self.now if now is None else now
        if not new and at == self.now:
            return self
        return Trust([*self._known.values(), *new], anchors=self.anchors, zone=self.zone, now=at, _signatures=self._signatures)

    def at(self, now: int) -> "Trust":
        """The same statements at another moment; itself while nothing can have changed."""
        if self.now <= now and (self.valid_until is None or now < self.valid_until):
            return self
        return self.extend((), now=now)

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All statements known, each once with all signatures. Which of them count: see `counts`."""
        return tuple(self._known.values())

    def counts(self, digest: str) -> bool:
        """Tells whether a statement is worth keeping and passing on: signed by whom it must be, about a node that is or once was certified.

        A refused one may be among them: a revocation, or a newer statement that claims too much, must be known wherever the older one is.
        """
        statement = self._known.get(digest)
        if statement is None or not self._signatures.genuine(digest):
            return False
        body = statement.body
        refused = self._refusals.get(digest)
        if refused is not None and refused.kind == "threshold":
            return False
        if isinstance(body, NodeStatement) or (isinstance(body, Certify) and body.iss == body.sub):
            node = body.node if isinstance(body, NodeStatement) else body.sub
            return node in self._c.certs or node in self._c.kin or node in self.anchors  # anybody can sign about himself
        return True

    # --- who ------------------------------------------------------------------------------------------------------------------------------

    def certifications(self, node: str) -> tuple[Certification, ...]:
        """All ways in which a node is certified now; empty when it is not."""
        return self._c.certs.get(node, ())

    def certified(self, node: str) -> Certification:
        """The certification by the superior named first (of a trusted root without superior: its own).

        Raises:
            TrustError: not certified (kind `uncertified`); the message gives the reason.
        """
        found = self.certifications(node)
        if not found:
            reasons = [refusal for refusal in self._refusals.values() if refusal.sub == node] or [
                refusal for refusal in self._refusals.values() if refusal.iss == node
            ]
            why = reasons[0] if reasons else None
            raise TrustError(
                zh=f"{node} 在 {self.zone} 区未经认证：{why.zh if why else '没有关于它的声明'}",
                en=f"{node} is not certified in zone {self.zone}: {why.en if why else 'no statement about it'}",
                kind="uncertified",
            )
        for superior in self.superiors(node):
            for cert in found:
                if cert.issuer == superior:
                    return cert
        return found[0]

    def nodes(self) -> tuple[str, ...]:
        """All nodes certified now, sorted."""
        return tuple(sorted(self._c.certs))

    def site_keys(self, node: str) -> tuple[PublicKey, ...]:
        """Keys that a site signs with now.

        Raises:
            TrustError: not certified, or no key of it counts.
        """
        keys = tuple(dict.fromkeys(key for cert in self.certifications(node) for key in cert.site_keys))
        if not keys:
            cert = self.certified(node)
            raise TrustError(
                zh=f"{node}：上级所列的站点密钥与其自身所列不合",
                en=f"{node}: no site key is named both by its superior ({cert.issuer}) and by its own root",
                kind="no-key",
            )
        return keys

    def superiors(self, node: str) -> tuple[str, ...]:
        """Direct superiors, the one that the node names first at the front."""
        named = self._named(node)
        return tuple(sorted(self._c.parents.get(node, ()), key=lambda superior: (named.index(superior) if superior in named else len(named), superior)))

    def subordinates(self, node: str) -> tuple[str, ...]:
        """Direct subordinates, sorted."""
        return tuple(sorted(sub for sub, parents in self._c.parents.items() if node in parents))

    def relation(self, a: str, b: str) -> Relation:
        """What b is to a: `above` (b certifies a, directly or not), `below`, `sideways`, or `self`."""
        if a == b:
            return "self"
        if b in self._c.ancestors(a):
            return "above"
        return "below" if a in self._c.ancestors(b) else "sideways"

    def may_relay(self, *, to: str, sender: str, held_from: str) -> bool:
        """PROTOCOL 4.8 at the sender: may it pass to a peer what it holds from a source?

        Args:
            to: the peer.
            sender: the node that asks itself.
            held_from: source of the holding; the sender itself for own records.
        """
        # PROTOCOL 4.8
        if self.relation(sender, to) == "below":
            return True
        return held_from == sender or self.relation(sender, held_from) == "below"

    def may_arrive(self, *, me: str, source: str, authority: str) -> bool:
        """PROTOCOL 4.8 at the receiver: may records of this authority come from this source? From superiors anything; else only its own and those below it."""
        # PROTOCOL 4.8
        return self.relation(me, source) == "above" or source == authority or self.relation(source, authority) == "below"

    # --- logs -----------------------------------------------------------------------------------------------------------------------------

    def log(self, origin: Origin) -> LogState:
        """State of a log.

        Raises:
            TrustError: its node is not certified, it is of another zone, or of an epoch that nobody opened.
        """
        # PROTOCOL 1.4, 6.2
        if origin.zone != self.zone:
            raise TrustError(zh=f"日志 {origin} 属于别的网络区", en=f"log {origin} belongs to another zone than {self.zone}", clause="1.4", kind="zone")
        cert = self.certified(origin.node)
        current = self.epoch(origin.node)
        if origin.epoch > current:
            raise TrustError(zh=f"日志 {origin}：现行纪元是 {current}", en=f"log {origin}: the open epoch is {current}", clause="6.2", kind="epoch")
        if origin.epoch < current:
            closing = self._closings.by_node.get(origin.node, {}).get(origin.epoch)
            # An epoch whose closing is not known is trusted for nothing: its superior already names a later one.
            closed_at = (0, empty_root(suite_of(cert.suite).hash)) if closing is None else (closing.size, closing.root)
            return LogState(origin, cert.suite, (), closed_at)
        return LogState(origin, cert.suite, self.site_keys(origin.node), None)

    def end_of(self, origin: Origin) -> int | None:
        """Size at which the epoch of a log ended: leaves at or beyond it are void. None while it is open."""
        # PROTOCOL 6.2
        if origin.epoch >= self.epoch(origin.node):
            return None
        closing = self._closings.by_node.get(origin.node, {}).get(origin.epoch)
        return 0 if closing is None else closing.size  # an epoch whose closing is not known is trusted for nothing: its superior already names a later one

    def epoch(self, node: str) -> int:
        """The open epoch of a node's log; 1 when nobody closed one."""
        opened = [closes + 1 for closes in self._closings.by_node.get(node, ())]
        return max([1, *opened, *(cert.epoch for cert in self.certifications(node) if cert.issuer != node)])

    def witness_node(self, node: str) -> str | None:
        """The neighbour whose cosignature on this node's log counts: only one does, lest two of them see two histories.

        The first that the node's own root names and that is certified with a witness key; else, when it names none, its superior (of several the one
        with the smallest id).
        """
        # PROTOCOL 3.3
        neighbours = (*self.superiors(node), *self.subordinates(node))
        candidates = [named for named in self._named(node) if named in neighbours] if self._named(node) else list(self.superiors(node))
        return next((candidate for candidate in candidates if self._witness_key(candidate) is not None), None)

    def witnesses(self, node: str) -> tuple[tuple[str, PublicKey], ...]:
        """(key name, key) of the witness of this node's log; empty when it has none."""
        witness = self.witness_node(node)
        key = None if witness is None else self._witness_key(witness)
        return () if witness is None or key is None else ((witness_name(witness, self.zone), key),)

    def _witness_key(self, node: str) -> PublicKey | None:
        return next((cert.witness_key for cert in self.certifications(node) if cert.witness_key is not None), None)

    def _named(self, node: str) -> tuple[str, ...]:
        own = self._c.selves.get(node)
        return own[1].witnesses if own else ()

    # --- leaves ---------------------------------------------------------------------------------------------------------------------------

    def order(self, record_id: str, birth: str, origin: Origin, index: int) -> Order:
        """Order of a leaf among all leaves of one record.

        Args:
            record_id: the record.
            birth: node that minted the id, already checked (`catalog.ids.check_birth`).
            origin, index: the leaf.

        Returns:
            (place in succession, epoch, index): the highest is shown.

        Raises:
            TrustError: kind `authority` (a second authority without succession, 6.3), `void` (a leaf beyond a closing or a succession, 6.2, 6.3) or `ended`.
        """
        # PROTOCOL 4.7
        place = self._place(record_id, birth, origin)
        self.check_leaf(record_id, origin, index)
        return place, origin.epoch, index

    def check_leaf(self, record_id: str, origin: Origin, index: int) -> None:
        """Checks that a leaf about a record is not void.

        Raises:
            TrustError: kind `void` (a leaf beyond a closing or a succession, 6.2, 6.3) or `ended` (6.3).
        """
        # PROTOCOL 6.2
        end = self.end_of(origin)
        if end is not None and index >= end:
            raise TrustError(
                zh=f"{origin} 第 {index} 叶已作废（纪元已关闭）",
                en=f"leaf {index} of {origin} is void: its epoch was closed before it",
                clause="6.2",
                kind="void",
            )
        successor = self._successor(origin.node, record_id)
        if successor is None:
            return
        # PROTOCOL 6.3
        if (origin.epoch, index) >= (successor.epoch, successor.size):
            raise TrustError(
                zh=f"{origin} 第 {index} 叶已作废（已由 {successor.to} 接任）",
                en=f"leaf {index} of {origin} is void: {successor.to} took over before it",
                clause="6.3",
                kind="void",
            )
        if self.now >= successor.until + MAX_AHEAD:
            raise TrustError(
                zh=f"{origin} 的记录已由 {successor.to} 接管完毕",
                en=f"what {origin} answered for has ended: {successor.to} took over",
                clause="6.3",
                kind="ended",
            )

    def _place(self, record_id: str, birth: str, origin: Origin) -> int:
        node, seen = birth, {birth}
        for place in range(_MAX_PLACES):
            if node == origin.node:
                return place
            successor = self._successor(node, record_id)
            if successor is None or successor.to in seen:
                break
            node = successor.to
            seen.add(node)
        # PROTOCOL 6.3
        raise TrustError(
            zh=f"{record_id} 生于 {birth}，没有接任声明使 {origin.node} 为其负责节点",
            en=f"{record_id} was born at {birth}, and no succession makes {origin.node} its authority",
            clause="6.3",
            kind="authority",
        )

    def _successor(self, node: str, record_id: str) -> Succession | None:
        named = self._successions.get(node, {})
        return named.get(record_id) or named.get(None)

    # --- proofs for others ------------------------------------------------------------------------------------------------------------------

    def chain(self, node: str) -> list[Statement]:
        """The statements that a stranger who has the root id needs in order to believe what this node's keys, and its witness's, signed.

        Raises:
            TrustError: not certified.
        """
        found: dict[str, Statement] = {}
        for member in self._chain_nodes(node):
            own = self._c.selves.get(member)
            statements = [*self._c.root_statements(member), *([own[0]] if own else []), *self._closings.statements.get(member, [])]
            statements += [self._c.edges[superior, member][0] for superior in self.superiors(member) if (superior, member) in self._c.edges]
            for statement in statements:
                found[statement.digest] = statement
        for statement, body in self._takeovers:
            if node in (body.from_, body.to) and self.counts(statement.digest):
                found[statement.digest] = statement
        return list(found.values())

    def _chain_nodes(self, node: str) -> list[str]:
        self.certified(node)
        witness = self.witness_node(node)
        members = sorted(self._c.ancestors(node) | (self._c.ancestors(witness) if witness else frozenset()))
        return sorted(members, key=lambda member: len(self._c.ancestors(member)))

    def _certifier(self) -> tuple[Certifier, Closings]:
        """Closing an epoch changes keys, and keys change who may close: repeats until both agree."""
        closings = Closings({}, {})
        for _ in range(_MAX_CLOSINGS):
            opened = {node: listed[max(listed)] for node, listed in closings.by_node.items()}
            certifier = Certifier(self._known.values(), anchors=self.anchors, zone=self.zone, now=self.now, signed=self._signatures.by, opened=opened)
            accepted = accept_closings(certifier, self._known.values(), self._signatures.by)
            if accepted.by_node == closings.by_node:
                return certifier, accepted
            closings = accepted
        raise TrustError(zh="纪元声明互相矛盾，无法得出定论", en="the epoch statements contradict each other without end", clause="6.2", kind="epoch")


def _times(statement: Statement) -> tuple[int, ...]:
    """The moments at which what a statement does may change."""
    body = statement.body
    if isinstance(body, Succession):
        return body.iat - MAX_AHEAD, body.exp, body.until, body.until + MAX_AHEAD
    return body.iat - MAX_AHEAD, body.exp
