"""From signed statements to certifications: roots, self-statements, and what superiors hand down (PROTOCOL 6.1).

The verifier's procedure, numbered here and at the code:

1. Roots: the id of a node is the digest of its first `node` statement; each later version is signed by the threshold of the version before and by its own.
2. Self: the newest `certify` that a node's root signed about the node itself names its site's keys and the widest scope that it may claim.
3. Anchors: each trusted root id with a self-statement is certified by that alone.
4. Superiors: the newest `certify` of (iss, sub) counts when iss is certified and one of its site keys (or its root) signed, within iss's own certification:
   same zone, less depth, divisions and units inside, level not higher, not expired, not revoked, and iss not below sub.
5. Keys: of the keys that the superior names only those count that the sub's own root names too. So neither a superior nor a thief of a site key can put
   keys of his own in a node's place, and a stolen root alone certifies nothing.

Rounds of 4 repeat until nothing changes; in each round statements are taken in the order (iss, sub), so that the result depends on the set alone.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from policies.divisions import covers, normalise
from policies.errors import TerraceError
from sync.claims import LEVELS, Certify, EpochClose, NodeStatement
from sync.statements import Statement
from sync.suite import PublicKey

__all__ = ["Certification", "Certifier", "Refusal", "Signed"]

#: Longest chain from a trusted root down; also the most rounds.
MAX_CHAIN = 16
#: Seconds that a statement's `iat` may lie ahead (PROTOCOL 6.5).
MAX_AHEAD = 300

#: Tells whether at least n of the keys signed a statement.
type Signed = Callable[[Statement, Sequence[PublicKey], int], bool]


@dataclass(frozen=True)
class Certification:
    """One way in which a node is certified in the zone.

    Attributes:
        node: who.
        issuer: the superior; the node itself for a trusted root.
        path: node ids from the trusted root to this node.
        site_keys, witness_key: keys that both the node's root and the issuer name, for the open epoch.
        epoch: epoch for which the issuer named the keys.
        divisions, units, depth, level: scope, never wider than the issuer's.
        expires: UTC seconds: the earliest end on the way.
        statement: digest of the `certify`.
    """

    node: str
    issuer: str
    path: tuple[str, ...]
    zone: str
    suite: str
    site_keys: tuple[PublicKey, ...]
    witness_key: PublicKey | None
    epoch: int
    name: Mapping[str, str] = field(hash=False)
    sector: str
    level: str
    division: str | None
    unit: str | None
    divisions: tuple[str, ...]
    units: tuple[str, ...]
    depth: int
    expires: int
    statement: str


@dataclass(frozen=True)
class Refusal:
    """A statement that does not count, and why."""

    digest: str
    iss: str
    sub: str
    clause: str
    kind: str
    zh: str
    en: str


@dataclass(frozen=True)
class _Root:
    keys: tuple[PublicKey, ...]
    threshold: int
    exp: int
    statements: tuple[Statement, ...]


class Certifier:
    """Works the procedure out for one set of statements. The results are the attributes.

    Attributes:
        certs: node → its certifications.
        parents: node → direct superiors whose statements count.
        kin: node → every node that ever certified it by a genuine statement within its own scope, expired and revoked ones included (for 6.3); never one
            that stands below it.
        selves: node → (its statement about itself, the body).
        edges: (iss, sub) → the newest genuine statement.
        roots: node → statements of its root, oldest first.
        refusals: digest → refusal.
    """

    def __init__(
        self, statements: Iterable[Statement], *, anchors: Iterable[str], zone: str, now: int, signed: Signed, opened: Mapping[str, EpochClose]
    ) -> None:
        """Works it out.

        Args:
            statements: all that are known, in any order.
            anchors: node ids that are trusted without a superior.
            zone: statements of other zones are left out.
            now: UTC seconds.
            signed: verifies signatures.
            opened: node → the statement that opened its newest epoch, where one did (PROTOCOL 6.2).
        """
        self.zone, self.now, self._signed, self._opened = zone, now, signed, opened
        self.certs: dict[str, tuple[Certification, ...]] = {}
        self.parents: dict[str, set[str]] = defaultdict(set)
        self.kin: dict[str, set[str]] = defaultdict(set)
        self.selves: dict[str, tuple[Statement, Certify]] = {}
        self.edges: dict[tuple[str, str], tuple[Statement, Certify]] = {}
        self.refusals: dict[str, Refusal] = {}
        self._roots: dict[str, _Root] = {}
        nodes: list[tuple[Statement, NodeStatement]] = []
        self._certify: dict[tuple[str, str], list[tuple[Statement, Certify]]] = defaultdict(list)
        for statement in statements:
            body = statement.body
            if isinstance(body, NodeStatement):
                nodes.append((statement, body))
            elif isinstance(body, Certify) and body.zone == zone:
                self._certify[body.iss, body.sub].append((statement, body))
        self._find_roots(nodes)
        self._find_selves()
        self._certify_all(anchors)

    # --- 1 ----------------------------------------------------------------------------------------------------------------------------

    def _find_roots(self, nodes: list[tuple[Statement, NodeStatement]]) -> None:
        later: dict[tuple[str, int, str | None], list[tuple[Statement, NodeStatement]]] = defaultdict(list)
        first: list[tuple[Statement, NodeStatement]] = []
        for statement, body in nodes:
            if body.version == 1:
                first.append((statement, body))
            else:
                later[body.node, body.version, body.prev].append((statement, body))
        for statement, body in first:
            if not self._signed(statement, body.keys, body.threshold):
                self._refuse(statement, body.node, body.node, "unsigned", "根声明未经其密钥签名", "the root statement is not signed by its own keys")
                continue
            chain = [statement]
            while True:
                follow = [
                    (next_statement, next_body)
                    for next_statement, next_body in later.get((body.node, body.version + 1, chain[-1].digest), [])
                    if self._signed(next_statement, body.keys, body.threshold) and self._signed(next_statement, next_body.keys, next_body.threshold)
                ]
                for statement, _ in later.get((body.node, body.version + 1, chain[-1].digest), []):
                    if all(statement is not other for other, _ in follow):
                        self._refuse(statement, body.node, body.node, "threshold", "签名不足门限", "signed by fewer keys than the threshold asks for")
                if len(follow) > 1:
                    for next_statement, next_body in follow:
                        self._refuse(
                            next_statement,
                            body.node,
                            body.node,
                            "equivocation",
                            f"第 {next_body.version} 版根声明有两份",
                            f"two root statements of version {next_body.version}",
                        )
                if len(follow) != 1:
                    break
                chain.append(follow[0][0])
                body = follow[0][1]
            self._roots[body.node] = _Root(body.keys, body.threshold, body.exp, tuple(chain))

    def root_statements(self, node: str) -> tuple[Statement, ...]:
        """The node's root statements that count, oldest first."""
        root = self._roots.get(node)
        return root.statements if root else ()

    def signed_by_root(self, node: str, statement: Statement) -> bool:
        """Tells whether a node's root, unexpired, signed."""
        root = self._roots.get(node)
        return root is not None and self.now < root.exp and self._signed(statement, root.keys, root.threshold)

    # --- 2 ----------------------------------------------------------------------------------------------------------------------------

    def _find_selves(self) -> None:
        for (iss, sub), listed in sorted(self._certify.items()):
            if iss != sub:
                continue
            root = self._roots.get(iss)
            if root is None:
                for statement, _ in listed:
                    self._refuse(statement, iss, sub, "no-root", "缺少其根声明", "its root statement is not known")
                continue
            genuine = [(statement, body) for statement, body in listed if self._signed(statement, root.keys, root.threshold)]
            for statement, _ in listed:
                if all(statement is not other for other, _ in genuine):
                    self._refuse(statement, iss, iss, "unsigned", "未经其根签名", "not signed by its root")
            newest = self._newest(genuine)
            if newest is not None and self._in_time(*newest) and self._root_in_time(newest[0], root, iss):
                self.selves[iss] = newest

    def _root_in_time(self, statement: Statement, root: _Root, node: str) -> bool:
        if self.now < root.exp:
            return True
        self._refuse(statement, node, node, "expired", "其根声明已过期", "its root statement has expired")
        return False

    def _newest(self, genuine: list[tuple[Statement, Certify]]) -> tuple[Statement, Certify] | None:
        """The one with the highest serial; two different ones with it contradict each other, and neither counts."""
        if not genuine:
            return None
        top = max(body.serial for _, body in genuine)
        newest = [(statement, body) for statement, body in genuine if body.serial == top]
        if len(newest) == 1:
            return newest[0]
        for statement, body in newest:
            self._refuse(statement, body.iss, body.sub, "equivocation", f"序号 {top} 有两份不同的声明", f"two different statements with serial {top}")
        return None

    def _in_time(self, statement: Statement, body: Certify) -> bool:
        if body.revoked:
            self._refuse(statement, body.iss, body.sub, "revoked", "已撤销", "revoked")
        elif body.iat > self.now + MAX_AHEAD:
            self._refuse(statement, body.iss, body.sub, "ahead", "尚未生效", "issued in the future", "6.5")
        elif body.exp <= self.now:
            self._refuse(statement, body.iss, body.sub, "expired", "已过期", "expired")
        else:
            return True
        return False

    # --- 3, 4 -------------------------------------------------------------------------------------------------------------------------

    def _certify_all(self, anchors: Iterable[str]) -> None:
        for node in sorted(set(anchors)):
            found = self.selves.get(node)
            if found is not None:
                self.certs[node] = (self._certification(found, found, None),)
        rest = sorted((pair for pair in self._certify if pair[0] != pair[1]), key=lambda pair: pair)
        for _ in range(MAX_CHAIN):
            before = dict(self.certs)
            for pair in rest:
                if pair[0] in before:
                    self._certify_one(pair, before[pair[0]])
            if self.certs == before:
                break
        for sub, above in self.kin.items():  # PROTOCOL 6.3: who certifies its own superior has never stood above it, nor above what that one certified
            above.difference_update({iss for iss in above if sub in self.ancestors(iss)})
        for iss, sub in rest:
            if iss not in self.certs:
                for statement, _body in self._certify[iss, sub]:
                    self._refuse(statement, iss, sub, "issuer", "签发者未经认证", "its issuer is not certified")

    def _certify_one(self, pair: tuple[str, str], issuers: Sequence[Certification]) -> None:
        iss, sub = pair
        genuine = self._genuine(pair, issuers)
        if any(self._outside(body, cert) is None for _, body in genuine for cert in issuers):
            self.kin[sub].add(iss)
        newest = self._newest(genuine)
        if newest is None or not self._in_time(*newest):
            return
        statement, body = newest
        # PROTOCOL 4.8: certification is acyclic
        if sub in self.ancestors(iss):
            self._refuse(statement, iss, sub, "cycle", f"{sub} 是 {iss} 的上级", f"{sub} stands above {iss}", "4.8")
            return
        own = self.selves.get(sub)
        if own is None:
            self._refuse(statement, iss, sub, "no-self", "缺少该节点根所签的本站声明", "the node's own root names no keys for this zone")
            return
        problems = [self._outside(body, cert) for cert in issuers]
        inside = [cert for cert, problem in zip(issuers, problems, strict=True) if problem is None]
        if not inside:
            zh, en = next(problem for problem in problems if problem is not None)
            self._refuse(statement, iss, sub, "scope", zh, en)
            return
        # PROTOCOL 6.1: what the node's own root says bounds it as its issuer does
        wider = self._outside(body, self._certification(own, own, None), below=False)
        if wider is not None:
            self._refuse(statement, iss, sub, "scope", f"超出该节点自己的根所说：{wider[0]}", f"wider than what the node's own root says: {wider[1]}")
            return
        best = min(inside, key=lambda cert: (-cert.expires, len(cert.path), cert.path))
        self.edges[pair] = newest
        self.parents[sub].add(iss)
        others = [cert for cert in self.certs.get(sub, ()) if (cert.issuer, len(cert.path) == 1) != (iss, False)]
        self.certs[sub] = tuple(sorted([*others, self._certification(newest, own, best)], key=lambda cert: (cert.issuer, cert.path)))

    def _genuine(self, pair: tuple[str, str], issuers: Sequence[Certification]) -> list[tuple[Statement, Certify]]:
        """The statements of a pair that a key of the issuer signed; the others are refused until a later round finds the key."""
        keys = tuple(dict.fromkeys(key for cert in issuers for key in cert.site_keys))
        found = []
        for statement, body in self._certify[pair]:
            if self._signed(statement, keys, 1) or self.signed_by_root(pair[0], statement):
                self.refusals.pop(statement.digest, None)
                found.append((statement, body))
            else:
                self._refuse(statement, pair[0], pair[1], "unsigned", f"未经 {pair[0]} 的有效密钥签名", f"not signed by a key of {pair[0]} that counts")
        return found

    def _outside(self, body: Certify, issuer: Certification, *, below: bool = True) -> tuple[str, str] | None:
        """What of a statement lies outside its issuer's own certification; None when nothing does."""
        # PROTOCOL 6.1: narrowing
        if body.depth > issuer.depth - (1 if below else 0):
            return f"层数 {body.depth} 过深", f"depth {body.depth} is more than the issuer may hand on ({issuer.depth - (1 if below else 0)})"
        if LEVELS.index(body.level) > LEVELS.index(issuer.level):
            return f"层级 {body.level} 高于签发者", f"level {body.level} is above the issuer's"
        wanted = [*body.divisions, *([body.division] if body.division else [])]
        for division in wanted:
            if not any(_covers(own, division) for own in issuer.divisions):
                return f"区划 {division} 不在签发者范围内", f"division {division} lies outside the issuer's scope"
        for unit in [*body.units, *([body.unit] if body.unit else [])]:
            if not _hands_on(issuer, unit):
                return f"单位 {unit} 不在签发者范围内", f"unit {unit} lies outside the issuer's scope"
        return None

    def _certification(self, found: tuple[Statement, Certify], own: tuple[Statement, Certify], issuer: Certification | None) -> Certification:
        # PROTOCOL 6.1, step 5: the keys that both name
        statement, body = found
        self_body = own[1]
        root = self._roots[self_body.iss]
        # PROTOCOL 6.2: keys named for a closed epoch no longer count; those that the closing names do
        opening = self._opened.get(body.sub)
        newer = opening if opening is not None and opening.opens > body.epoch else None
        named, epoch = (body.site_keys, body.epoch) if newer is None else (newer.site_keys, newer.opens)
        return Certification(
            node=body.sub,
            issuer=body.iss,
            path=(body.sub,) if issuer is None else (*issuer.path, body.sub),
            zone=body.zone,
            suite=self_body.suite,
            site_keys=tuple(key for key in named if key in self_body.site_keys),
            witness_key=body.witness_key if body.witness_key == self_body.witness_key else None,
            epoch=epoch,
            name=body.name,
            sector=body.sector,
            level=body.level,
            division=body.division,
            unit=body.unit,
            divisions=body.divisions,
            units=body.units,
            depth=body.depth,
            expires=min(body.exp, self_body.exp, root.exp, *([] if issuer is None else [issuer.expires])),
            statement=statement.digest,
        )

    def ancestors(self, node: str) -> frozenset[str]:
        """Every node above this one, itself included."""
        return _closure(node, self.parents)

    def kindred(self, node: str) -> frozenset[str]:
        """Every node that is or once was above this one, itself included."""
        return _closure(node, self.kin)

    def _refuse(self, statement: Statement, iss: str, sub: str, kind: str, zh: str, en: str, clause: str = "6.1") -> None:
        self.refusals[statement.digest] = Refusal(statement.digest, iss, sub, clause, kind, zh, en)


def _closure(node: str, parents: Mapping[str, set[str]]) -> frozenset[str]:
    found, queue = {node}, [node]
    while queue:
        for parent in parents.get(queue.pop(), ()):
            if parent not in found:
                found.add(parent)
                queue.append(parent)
    return frozenset(found)


def _covers(a: str, b: str) -> bool:
    try:
        return covers(normalise(a).code, normalise(b).code)
    except TerraceError:
        return False


def _hands_on(issuer: Certification, unit: str) -> bool:
    """A unit code is the issuer's own, one that it may hand on, or lies under one of these or under a division in its scope."""
    if any(unit == own or unit.startswith(own + "/") for own in [*issuer.units, *([issuer.unit] if issuer.unit else [])]):
        return True
    return any(_covers(own, unit.split("/", 1)[0]) for own in issuer.divisions)
