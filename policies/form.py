"""A set of policies, partially evaluated once for all actors who look alike to it."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from policies.actor import Actor
from policies.evaluate import rules_for
from policies.expressions import Condition, sentences
from policies.facts import NOTHING, Env, Facts
from policies.model import PolicySet, Rule
from policies.predicates import moves_at, predicate
from policies.speaking import Speaking
from policies.specialise import RECORDS, settle_known


class Spoken(NamedTuple):
    """A rule that may speak about some record, and what is left of its condition for this actor."""

    rule: Rule
    condition: Condition


@dataclass(frozen=True)
class ActionPlan:
    """What is left of the rules for one action. Rules that cannot speak are not there.

    Attributes:
        bits: The same rules, in the order of effects here, as `Specialised.speaking` counts them.
    """

    allows: tuple[Spoken, ...]
    denies: tuple[Spoken, ...]
    constraints: tuple[Spoken, ...]
    bits: tuple[int, int, int]


class Specialised:
    """A set of policies, partially evaluated for what it mentions of an actor and a site."""

    def __init__(self, policy_set: PolicySet, actor: Actor, env: Env) -> None:
        facts = Facts(actor, env, NOTHING)
        spoken = []
        for rule in policy_set.rules:
            condition = settle_known(rule.condition(), facts, RECORDS)
            if _may_speak(rule, condition):
                spoken.append(Spoken(rule, condition))
        self.spoken = tuple(spoken)
        self.speaking = Speaking(self.spoken)
        self.by_rule = {s.rule.id: s for s in self.spoken}
        self._actions: dict[str, ActionPlan] = {}
        moves = {moves_at(sentence) for s in self.spoken for sentence in sentences(s.condition)}
        self.moves: tuple[tuple[str, int], ...] = tuple(sorted(move for move in moves if move is not None))
        self._offsets = {key: [offset for _, offset in pairs] for key, pairs in groupby(self.moves, itemgetter(0))}

    def next_move(self, attributes: Mapping[str, object], now: int) -> int | None:
        """Returns the first moment after now at which the clock may change what a rule says of a record, in UTC seconds; None when none is ahead."""
        first: int | None = None
        for key, offsets in self._offsets.items():
            value = attributes.get(key)
            if isinstance(value, int) and (n := bisect_right(offsets, now - value)) < len(offsets):
                moment = value + offsets[n]
                first = moment if first is None or moment < first else first
        return first

    def action(self, action: str) -> ActionPlan:
        """Returns what is left of the rules for one action."""
        found = self._actions.get(action)
        if found is None:
            rules = [s.rule for s in self.spoken]
            allows, denies, constraints = (
                tuple(self.by_rule[rule.id] for rule in rules_for(rules, effect, action)) for effect in ("allow", "deny", "constrain")
            )
            bits = [self.speaking.bits({spoken.rule.id for spoken in part}) for part in (allows, denies, constraints)]
            found = self._actions[action] = ActionPlan(allows, denies, constraints, (bits[0], bits[1], bits[2]))
        return found


def _may_speak(rule: Rule, condition: Condition) -> bool:
    """Returns whether a rule can speak about any record: not an allow that is never true, nor a deny or constraint that is always false (LANGUAGE 1, 2)."""
    allow = rule.effect == "allow"
    test = predicate(condition, allow, remember=False)
    return test is allow or not isinstance(test, bool)
