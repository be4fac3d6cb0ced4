"""What every node of a federation must show, said apart from the program (PROTOCOL 9, I9): nothing here imports anything of Terrace.

A record goes from its owner along the certifications and side links. Each hop is decided by who passes it on, for whoever reads there:

1. the record's terms let the reader have it: they name the reader or nobody, have not ended, and let others than the owner pass it on, if another does;
2. the policy of who passes it on does not deny its theme;
3. upwards and sideways go own records and those from below, downwards anything; nothing goes to its owner, nor back to where it came from;
4. the phone comes along unless a hop hides it; with several ways it is there when one of them brings it. Rows come along unless a hop holds them back.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Rules:
    """The policy of a node towards its peers."""

    denied: frozenset[str] = frozenset()
    hides_phone: bool = False
    keeps_rows: bool = False


@dataclass
class Record:
    """A published record. `n` names its version; `audience` None: everybody; `until`: seconds, None: for ever; `rows`: keys of its rows, None: no table;
    `lease`: seconds; at rest every lease is renewed, so it takes nothing away."""

    owner: str
    theme: str
    n: int = 0
    onward: bool = True
    audience: frozenset[str] | None = None
    until: int | None = None
    rows: frozenset[str] | None = None
    lease: int | None = None


@dataclass
class Federation:
    """Who stands above whom, who is beside whom, what there is and who lets what through."""

    parents: dict[str, set[str]]
    sides: set[frozenset[str]] = field(default_factory=set)
    rules: dict[str, Rules] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    now: int = 0

    def above(self, node: str) -> set[str]:
        """Everyone above a node."""
        return {each for parent in self.parents[node] for each in (parent, *self.above(parent))}

    def neighbours(self, node: str) -> Iterator[str]:
        """Those with whom a node exchanges."""
        yield from sorted(self.parents[node])
        yield from sorted(other for other, parents in self.parents.items() if node in parents)
        yield from sorted(other for side in self.sides if node in side for other in side - {node})

    def permits(self, sender: str, reader: str, record: Record) -> bool:
        """Whether a hop is permitted by terms and policy (1, 2)."""
        if record.audience is not None and reader not in record.audience:
            return False
        if not record.onward and sender != record.owner:
            return False
        return (record.until is None or self.now < record.until) and record.theme not in self.rules[sender].denied

    def gives(self, sender: str, reader: str, record: Record) -> frozenset[str] | None:
        """What a reader gets of a record from one neighbour: None for nothing, else the extras (`phone`, `rows`) that come along."""
        if reader == record.owner or not self.permits(sender, reader, record):
            return None
        down = sender in self.above(reader)
        extras = {"phone", "rows"} if sender == record.owner else None
        if extras is None:
            for source in self.neighbours(sender):
                if source != reader and (down or sender in self.above(source)):  # 3
                    found = self.gives(source, sender, record)
                    if found is not None:
                        extras = (extras or set()) | found
        if extras is None:
            return None
        hidden = {name for name, hides in (("phone", self.rules[sender].hides_phone), ("rows", self.rules[sender].keeps_rows)) if hides}
        return frozenset(extras - hidden)

    def shows(self, node: str, record: Record) -> frozenset[str] | None:
        """What a node shows of a record at rest."""
        if node == record.owner:
            return frozenset({"phone", "rows"})
        found = [given for other in self.neighbours(node) if (given := self.gives(other, node, record)) is not None]
        return frozenset().union(*found) if found else None
