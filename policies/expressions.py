"""Conditions: what a policy's sentences are once read, and how they combine in three values.

A condition is a sentence, `All`, `Any` or `Not` of conditions, or a constant. It is a value: equal conditions are equal objects, safe as keys. Rules:

* `All` is False if one part is False, else unknown if one is unknown, else True; `Any` is its mirror; `Not` swaps True and False and keeps unknown.
* These are monotone in what is known. So "surely true" and "surely false" can each be computed on a rail of its own, in plain two-valued logic, with
  negation pushed into the sentences (`surely`): nothing above a sentence negates. The plans and the SQL are both built on that.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from policies.comparisons import Truth
from policies.values import Values
from policies.vocabulary import Attribute, Comparison


@dataclass(frozen=True, slots=True)
class Given:
    """A side of a sentence whose value is already there: written in the policy, or an actor's once the actor is known.

    Attributes:
        values: What was read.
        text: As a person writes it; not compared.
    """

    values: Values
    text: str = field(default="", compare=False)


type Operand = Attribute | Given


@dataclass(frozen=True, slots=True)
class Sentence:
    """`attribute comparison value`.

    Attributes:
        left: What the sentence is about.
        comparison: What it says.
        right: Value, other attribute, or None where the comparison takes nothing.
    """

    left: Operand
    comparison: Comparison
    right: Operand | None = None


@dataclass(frozen=True, slots=True)
class Constant:
    """A condition that is settled: True, False or unknown."""

    value: Truth


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Any:
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"


type Condition = Sentence | Constant | All | Any | Not

TRUE = Constant(True)
FALSE = Constant(False)
UNSURE = Constant(None)


def all3(truths: Iterator[Truth]) -> Truth:
    """Returns the conjunction in three values."""
    unsure = False
    for truth in truths:
        if truth is False:
            return False
        unsure = unsure or truth is None
    return None if unsure else True


def not3(truth: Truth) -> Truth:
    """Returns the negation in three values."""
    return None if truth is None else not truth


def any3(truths: Iterator[Truth]) -> Truth:
    """Returns the disjunction in three values."""
    return not3(all3(not3(truth) for truth in truths))


def join_all(parts: Sequence[Condition]) -> Condition:
    """Returns `All` of the parts, simplified where parts are settled; its truth is the same in all three values."""
    if FALSE in parts:
        return FALSE
    kept = tuple(dict.fromkeys(part for part in parts if part != TRUE))
    return TRUE if not kept else kept[0] if len(kept) == 1 else All(kept)


def join_any(parts: Sequence[Condition]) -> Condition:
    """Returns `Any` of the parts, simplified where parts are settled; its truth is the same in all three values."""
    if TRUE in parts:
        return TRUE
    kept = tuple(dict.fromkeys(part for part in parts if part != FALSE))
    return FALSE if not kept else kept[0] if len(kept) == 1 else Any(kept)


def negate(part: Condition) -> Condition:
    """Returns `Not` of a condition, simplified where it is settled."""
    if isinstance(part, Constant):
        return Constant(not3(part.value))
    return part.part if isinstance(part, Not) else Not(part)


def sentences(condition: Condition | None) -> Iterator[Sentence]:
    """Yields every sentence of a condition."""
    match condition:
        case Sentence():
            yield condition
        case All(parts) | Any(parts):
            for part in parts:
                yield from sentences(part)
        case Not(part):
            yield from sentences(part)


def attributes(condition: Condition | None) -> Iterator[Attribute]:
    """Yields every attribute that a condition still has to look up."""
    for sentence in sentences(condition):
        for side in (sentence.left, sentence.right):
            if isinstance(side, Attribute):
                yield side


def surely[T](
    condition: Condition, want: bool, *, atom: Callable[[Sentence, bool], T | bool], every: Callable[[list[T]], T], some: Callable[[list[T]], T]
) -> T | bool:
    """Folds a condition into two-valued logic: does it surely have the truth `want`?

    Args:
        condition: Condition in three values.
        want: True for "surely true", False for "surely false".
        atom: Gives the two-valued test of "this sentence is surely `want`", or a constant.
        every: Conjunction of two or more.
        some: Disjunction of two or more.

    Returns:
        The folded test, or True or False when it is settled.
    """

    def fold(part: Condition, want: bool) -> T | bool:
        match part:
            case Constant(value):
                return value is want
            case Sentence():
                return atom(part, want)
            case Not(inner):
                return fold(inner, not want)
        folded = [fold(inner, want) for inner in part.parts]
        conjunction = isinstance(part, All) is want
        if any(one is (not conjunction) for one in folded):
            return not conjunction
        rest = [one for one in folded if not isinstance(one, bool)]
        if not rest:
            return conjunction
        return rest[0] if len(rest) == 1 else every(rest) if conjunction else some(rest)

    return fold(condition, want)
