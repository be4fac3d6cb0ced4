"""Partial evaluation: settle what is already known of a condition and keep the rest.

Used twice: a plan settles the actor and the surroundings once for all records; a decision settles everything but the row (and the clock) into a residual row
condition. Invariant: for any values of the sides left open, the residual has the same truth as the original, in all three values.
"""

from policies.expressions import UNSURE, All, Condition, Constant, Given, Not, Operand, Sentence, join_all, join_any, negate
from policies.facts import Facts, read, truth
from policies.vocabulary import GRANT, Attribute

#: What stays open when only the actor and the surroundings are known; grants belong to records.
RECORDS = frozenset({"record", "row"})
#: What stays open when one decision about a record has been made.
ROWS = frozenset({"row"})


def settle_known(condition: Condition, facts: Facts, open_sides: frozenset[str]) -> Condition:
    """Returns the residual of a condition.

    Args:
        facts: Values of the sides that are known; the others are not looked at.
        open_sides: Sides (`record`, `row`) that stay open. The clock stays open for sentences about them.
    """
    match condition:
        case Constant():
            return condition
        case Sentence():
            return _settle_sentence(condition, facts, open_sides)
        case Not(part):
            return negate(settle_known(part, facts, open_sides))
        case All(parts):
            return join_all([settle_known(part, facts, open_sides) for part in parts])
    return join_any([settle_known(part, facts, open_sides) for part in condition.parts])


def _settle_sentence(sentence: Sentence, facts: Facts, open_sides: frozenset[str]) -> Condition:
    def is_open(operand: Operand | None) -> bool:
        return isinstance(operand, Attribute) and operand.side in open_sides

    def side(operand: Operand) -> Operand | None:
        if isinstance(operand, Given) or is_open(operand):
            return operand
        values = read(operand, facts)
        return None if values is None else Given(values, str(facts.raw(operand)))

    if sentence.left == GRANT and facts.actor.purpose is None:
        return UNSURE  # LANGUAGE 10: no declared purpose: unknown
    if not is_open(sentence.left) and not is_open(sentence.right):
        return Constant(truth(sentence, facts))
    left, right = side(sentence.left), None if sentence.right is None else side(sentence.right)
    if left is None or (right is None and sentence.right is not None):
        return UNSURE  # LANGUAGE 4: an absent side
    return Sentence(left, sentence.comparison, right)
