"""Who is certified for what: a pure function of (statements, trusted root ids, zone, now) (PROTOCOL 6.1–6.5)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from sync.ids import Origin
from sync.statements import Statement
from sync.suite import PublicKey

__all__ = ["Certification", "LogState", "Order", "Refusal", "Relation", "Trust"]

type Relation = Literal["self", "above", "below", "sideways"]
#: Order of 4.7: (place in succession, epoch, index); the highest is shown.
type Order = tuple[int, int, int]


@dataclass(frozen=True)
class Certification:
    """One way in which a node is certified in the zone, from a trusted root down.

    Attributes:
        node: who.
        issuer: who says so; the node itself for a trusted root.
        path: node ids from the trusted root to this node.
        site_keys, witness_key: keys that both the node's root and the issuer name.
        expires: UTC seconds: the earliest on the way.
        others: as in `certify`.
    """

    node: str
    issuer: str
    path: tuple[str, ...]
    zone: str
    suite: str
    site_keys: tuple[PublicKey, ...]
    witness_key: PublicKey | None
    epoch: int
    name: dict[str, str]
    sector: str
    level: str
    division: str | None
    unit: str | None
    divisions: tuple[str, ...]
    units: tuple[str, ...]
    depth: int
    expires: int
    statement: str  # digest of the certify


@dataclass(frozen=True)
class LogState:
    """What trust says of one epoch of a site's log.

    Attributes:
        keys: keys that sign its notes now (of the open epoch).
        closed_at: (size, root) when the epoch is closed: leaves at or beyond the size are void, and the root is known without any note.
    """

    origin: Origin
    suite: str
    keys: tuple[PublicKey, ...]
    closed_at: tuple[int, bytes] | None


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


class Trust:
    """The state of trust of one site at one moment. Immutable; `extend` and `at` give new ones that share verified signatures.

    Attributes:
        zone, now, anchors: as given.
        refusals: statements that do not count.
        valid_until: UTC seconds at which the answer may change by the clock alone (rebuild with `at`), or None.
    """

    zone: str
    now: int
    anchors: frozenset[str]
    refusals: tuple[Refusal, ...]
    valid_until: int | None

    def __init__(self, statements: Iterable[Statement], *, anchors: Iterable[str], zone: str, now: int) -> None:
        """Args: statements in any order; `anchors`: own node id and the root ids that this site trusts."""
        raise NotImplementedError

    def extend(self, statements: Iterable[Statement], *, now: int | None = None) -> "Trust":
        """The trust with more statements."""
        raise NotImplementedError

    def at(self, now: int) -> "Trust":
        """The same statements at another moment."""
        raise NotImplementedError

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All statements known, each once, signatures joined."""
        raise NotImplementedError

    def certifications(self, node: str) -> tuple[Certification, ...]:
        """All ways in which a node is certified now; empty when it is not."""
        raise NotImplementedError

    def certified(self, node: str) -> Certification:
        """The certification by the superior named first. Raises TrustError (kind `uncertified`) with the reason."""
        raise NotImplementedError

    def nodes(self) -> tuple[str, ...]:
        """All nodes certified now."""
        raise NotImplementedError

    def superiors(self, node: str) -> tuple[str, ...]:
        """Direct superiors, the one named first at the front."""
        raise NotImplementedError

    def subordinates(self, node: str) -> tuple[str, ...]:
        """Direct subordinates."""
        raise NotImplementedError

    def relation(self, a: str, b: str) -> Relation:
        """What b is to a: `above` (b certifies a, directly or not), `below`, `sideways`, `self`."""
        raise NotImplementedError

    def may_relay(self, *, to: str, sender: str, held_from: str) -> bool:
        """PROTOCOL 4.8 at the sender: may `sender` pass to `to` what it holds from `held_from` (itself for own records)?"""
        raise NotImplementedError

    def log(self, origin: Origin) -> LogState:
        """State of a log. Raises TrustError: uncertified, another zone, or an epoch that nobody opened."""
        raise NotImplementedError

    def witnesses(self, node: str) -> tuple[tuple[str, PublicKey], ...]:
        """(key name, key) of those whose cosignature on this node's log counts; the first is the one to ask."""
        raise NotImplementedError

    def witness_node(self, node: str) -> str | None:
        """Node id of the witness to ask for a cosignature."""
        raise NotImplementedError

    def order(self, record_id: str, birth: str, origin: Origin, index: int) -> Order:
        """Order of a leaf among all leaves of one id (4.7). Raises TrustError: a second authority without succession (6.3), or a void leaf (6.2, 6.3)."""
        raise NotImplementedError

    def chain(self, node: str) -> list[Statement]:
        """The statements that a stranger with the root id needs to believe what this node's keys signed, its witnesses' included (for receipts, joining)."""
        raise NotImplementedError

    def require_signed(self, statement: Statement, keys: Sequence[PublicKey], threshold: int) -> None:
        """Raises TrustError unless at least `threshold` of the keys signed."""
        raise NotImplementedError
