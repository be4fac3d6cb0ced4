"""Facts, and the truth of a condition about them (LANGUAGE 4, 10).

Nothing here reads a clock, a database or the context: the same facts give the same truth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from policies.actor import Actor
from policies.comparisons import BASES, Truth
from policies.expressions import All, Condition, Constant, Given, Not, Operand, Sentence, all3, any3, not3
from policies.values import Values, is_stated, reader
from policies.vocabulary import Attribute

type Attributes = Mapping[str, object]

#: No attributes at all.
NOTHING: Attributes = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Env:
    """Where and when a decision is made.

    Attributes:
        zone: Zone of the site.
        node: Node id of the site.
        now: UTC seconds.
        channel: Channel of a release, such as `business → internet`; None otherwise.
    """

    zone: str
    node: str
    now: int
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a condition can be about.

    Attributes:
        record: Attributes of the record, keys without prefix; a key that is missing is absent.
        granted: Whether an active grant matches ; None when it cannot be known.
        row: Attributes of one row, keys without prefix.
    """

    actor: Actor
    env: Env
    record: Attributes
    granted: bool | None = None
    row: Attributes = NOTHING

    def raw(self, attribute: Attribute) -> object:
        """Returns the raw value of an attribute; None when absent."""
        match attribute.side:
            case "record":
                return self.record.get(attribute.key)
            case "row":
                return self.row.get(attribute.key)
            case "actor":
                return getattr(self.actor, attribute.key)
            case _:
                return getattr(self.env, attribute.key)


def truth(condition: Condition, facts: Facts) -> Truth:
    """Returns what a condition is for these facts: True, False, or None for unknown."""
    match condition:
        case Constant(value):
            return value
        case Sentence():
            return _sentence(condition, facts)
        case Not(part):
            return not3(truth(part, facts))
        case All(parts):
            return all3(truth(part, facts) for part in parts)
    return any3(truth(part, facts) for part in condition.parts)


def _sentence(sentence: Sentence, facts: Facts) -> Truth:
    base = sentence.comparison.base
    found: Truth
    if base == "is_granted":
        found = facts.granted if facts.actor.purpose is not None else None  # LANGUAGE 10: no declared purpose: unknown
    elif base == "is_stated":
        found = is_stated(sentence.left, facts.raw(sentence.left)) if isinstance(sentence.left, Attribute) else True
    else:
        left, right = read(sentence.left, facts), read(sentence.right, facts)
        found = None if left is None or right is None else BASES[base](right)(left, facts.env.now)  # LANGUAGE 4
    return not3(found) if sentence.comparison.negated else found


def read(operand: Operand | None, facts: Facts) -> Values | None:
    """Returns the values of one side of a sentence; None when it is absent, withheld or cannot be read."""
    if operand is None:
        return Values(())
    return operand.values if isinstance(operand, Given) else reader(operand)(facts.raw(operand))
