"""The definition: what a set of policies decides about one actor, action and record (LANGUAGE 1–3).

It reads like the language's clauses and is the measure for everything faster: disclosure plans (policies.plan) and SQL (policies.compile) must equal it, and
the tests hold them to it.
"""

from collections.abc import Iterable

from policies.actor import Actor
from policies.decision import Decision, Reason, row_passes, settle
from policies.errors import VocabularyError
from policies.facts import NOTHING, Attributes, Env, Facts, truth
from policies.model import PolicySet, Rule
from policies.obligations import Obligations
from policies.vocabulary import ACTIONS, closure_down, closure_up

__all__ = ["Attributes", "Decision", "Env", "Facts", "Obligations", "Reason", "decide", "row_passes", "rules_for", "truth"]


def decide(
    policy_set: PolicySet, actor: Actor, env: Env, action: str, record: Attributes, granted: bool | None = None, row: Attributes | None = None
) -> Decision:
    """Returns what the policies decide: the definition, written for reading (LANGUAGE 1–3).

    Args:
        action: One of `vocabulary.ACTIONS`.
        record: Attributes of the record, keys without prefix.
        granted: Whether an active grant matches; None when it cannot be known.
        row: Attributes of one row, when the question is about that row too.
    """
    facts = Facts(actor, env, record, granted, NOTHING if row is None else row)
    allows = [rule for rule in rules_for(policy_set.rules, "allow", action) if truth(rule.condition(), facts) is True]
    denies = [rule for rule in rules_for(policy_set.rules, "deny", action) if truth(rule.condition(), facts) is not False]
    constraints = [rule for rule in rules_for(policy_set.rules, "constrain", action) if truth(rule.condition(), facts) is not False]  # LANGUAGE 2
    return settle(action, facts, allows, denies, constraints)


def rules_for(rules: Iterable[Rule], effect: str, action: str) -> list[Rule]:
    """Returns the rules of one effect that reach an action: allow closes downward, deny and constrain close upward (LANGUAGE 3)."""
    if action not in ACTIONS:
        known = ", ".join(ACTIONS)
        raise VocabularyError(zh=f"没有“{action}”这个动作；可用：{known}", en=f"there is no action {action!r}; the actions are {known}")
    closure = closure_down if effect == "allow" else closure_up
    return [rule for rule in rules if rule.effect == effect and any(action in closure(written) for written in rule.actions)]
