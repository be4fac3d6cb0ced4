"""A set of policies, partially evaluated once for all actors who look alike to it."""

from dataclasses import dataclass
from typing import NamedTuple

from policies.actor import Actor
from policies.evaluate import rules_for
from policies.expressions import Condition, sentences
from policies.facts import NOTHING, Env, Facts
from policies.model import PolicySet, Rule
from policies.predicates import Predicate, moves_at, predicate
from policies.specialise import RECORDS, settle_known


class Spoken(NamedTuple):
    """A rule that may speak about some record, and how to tell.

    Attributes:
        condition: What is left of its condition for this actor.
        test: For an allow "surely true", for the others "surely false".
    """

    rule: Rule
    condition: Condition
    test: Predicate


@dataclass(frozen=True)
class ActionPlan:
    """What is left of the rules for one action. Rules that cannot speak are not there."""

    allows: tuple[Spoken, ...]
    denies: tuple[Spoken, ...]
    constraints: tuple[Spoken, ...]


class Specialised:
    """A set of policies, partially evaluated for what it mentions of an actor and a site."""

    def __init__(self, policy_set: PolicySet, actor: Actor, env: Env) -> None:
        facts = Facts(actor, env, NOTHING)
        spoken = []
        for rule in policy_set.rules:
            condition = settle_known(rule.condition(), facts, RECORDS)
            allow = rule.effect == "allow"
            test = predicate(condition, allow)
            if test is allow or not isinstance(test, bool):  # LANGUAGE 1, 2: else an allow is never true, or a deny or constraint always false
                spoken.append(Spoken(rule, condition, _settled(test) if isinstance(test, bool) else test))
        self.spoken = tuple(spoken)
        self.by_rule = {s.rule.id: s for s in self.spoken}
        self._actions: dict[str, ActionPlan] = {}
        moves = {moves_at(sentence) for s in self.spoken for sentence in sentences(s.condition)}
        self.moves: tuple[tuple[str, int], ...] = tuple(sorted(move for move in moves if move is not None))

    def action(self, action: str) -> ActionPlan:
        """Returns what is left of the rules for one action."""
        found = self._actions.get(action)
        if found is None:
            rules = [s.rule for s in self.spoken]
            parts = [tuple(self.by_rule[rule.id] for rule in rules_for(rules, effect, action)) for effect in ("allow", "deny", "constrain")]
            found = self._actions[action] = ActionPlan(*parts)
        return found


def _settled(truth: bool) -> Predicate:
    return lambda _values, _now, _granted: truth
