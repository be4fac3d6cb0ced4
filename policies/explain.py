"""Explains decisions: which rules spoke, which one settled it, and which did not apply and why.

An explanation is made from the definition (policies.evaluate's parts), not from a plan, so that it can name the rules that a plan has left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from policies.decision import settle
from policies.evaluate import rules_for
from policies.expressions import Condition
from policies.facts import Attributes, Facts, truth
from policies.model import Rule
from policies.plan import Plan
from policies.vocabulary import ACTIONS

__all__ = ["Explanation", "Spoken", "explain"]

_PARTS = ("zone", "who", "what", "when")
_WORDS = {
    "allow": ("允许", "allow"),
    "deny": ("拒绝", "deny"),
    "constrain": ("约束", "constrain"),
}


@dataclass(frozen=True, slots=True)
class Spoken:
    """One rule in an explanation.

    Attributes:
        rule: The rule.
        applies: Whether it counts: an allow that is True, a deny or constraint that is not False.
        unknown: Whether it counts only because something is unknown (LANGUAGE 2).
        stopped_by: The part (`who`, `what`, `when`, `zone`, `unless`) that keeps it from applying; "" when it applies.
    """

    rule: Rule
    applies: bool
    unknown: bool
    stopped_by: str


@dataclass(frozen=True)
class Explanation:
    """Why one actor may, or may not, do one thing with one record.

    Attributes:
        action: The action.
        permitted: The outcome.
        spoken: Rules that apply.
        ignored: Rules about this action that do not apply, with what stops each.
        deciding: Id of the rule that settled it; None when nothing allows.
        duties: What the permission obliges to, as words.
    """

    action: str
    permitted: bool
    spoken: tuple[Spoken, ...]
    ignored: tuple[Spoken, ...]
    deciding: str | None
    duties: tuple[tuple[str, str], ...]

    def text(self, language: str = "en", *, everything: bool = False) -> str:
        """Several lines for a person: the rules that apply, the one that decided marked; the others with `everything` only."""
        zh = language.lower().startswith("zh")
        outcome = ("允许" if self.permitted else "拒绝") if zh else ("permitted" if self.permitted else "denied")
        colon = "：" if zh else ": "
        lines = [f"{self.action}{colon}{outcome}" + ("" if self.deciding else ("（没有规则允许）" if zh else " (no rule allows it)"))]
        for each in self.spoken:
            mark = "→" if each.rule.id == self.deciding else " "
            doubt = ("（因有未知项）" if zh else " (because something is unknown)") if each.unknown else ""
            law = f" [{each.rule.law}]" if each.rule.law else ""
            lines.append(f" {mark} {_WORDS[each.rule.effect][not zh]} {each.rule.id}{doubt}{colon}{each.rule.because.text(language)}{law}")
        lines += [f"   {name}{colon}{value}" for name, value in self.duties]
        for each in self.ignored if everything else ():
            stopped = f"{each.stopped_by} 不成立" if zh and each.stopped_by != "unless" else f"{each.stopped_by}"
            lines.append(f"   · {each.rule.id} ({'unless 成立' if zh and each.stopped_by == 'unless' else stopped if zh else _does_not(each)})")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""

        def rule(each: Spoken) -> dict[str, Any]:
            because = {"zh": each.rule.because.zh, "en": each.rule.because.en}
            found = {"rule": each.rule.id, "effect": each.rule.effect, "because": because, "law": each.rule.law, "unknown": each.unknown}
            return found | ({"stopped_by": each.stopped_by} if each.stopped_by else {})

        return {
            "action": self.action,
            "permitted": self.permitted,
            "deciding": self.deciding,
            "rules": [rule(each) for each in self.spoken],
            "ignored": [rule(each) for each in self.ignored],
            "duties": dict(self.duties),
        }


def _does_not(each: Spoken) -> str:
    return "its 'unless' holds" if each.stopped_by == "unless" else f"its '{each.stopped_by}' does not hold"


def explain(plan: Plan, attributes: Attributes, granted: bool | None = None, actions: Sequence[str] = ACTIONS) -> list[Explanation]:
    """Explains what one plan decides about one record.

    Args:
        plan: Of the actor.
        attributes: Of the record, as `Plan.decide` takes them.
        granted: As `Plan.decide` takes it.
        actions: Which actions; all by default.
    """
    facts = Facts(plan.actor, plan.env, attributes, granted)
    return [_explain(plan, facts, action) for action in actions]


def _explain(plan: Plan, facts: Facts, action: str) -> Explanation:
    looked = [_look(rule, facts) for effect in ("allow", "deny", "constrain") for rule in rules_for(plan.policy_set.rules, effect, action)]
    counts = [each for each in looked if each.applies]
    by_effect = {effect: [each.rule for each in counts if each.rule.effect == effect] for effect in _WORDS}
    decision = settle(action, facts, by_effect["allow"], by_effect["deny"], by_effect["constrain"])
    deciding = decision.deciding.rule if decision.deciding else None
    if decision.permitted:
        spoken = counts
    else:
        denying = {rule.id for rule in decision.denies}
        spoken = [each for each in counts if each.rule.effect != "constrain" or each.rule.id in denying]
    ignored = tuple(each for each in looked if not each.applies)
    return Explanation(action, decision.permitted, tuple(spoken), ignored, deciding, _duties(decision.obligations) if decision.permitted else ())


def _look(rule: Rule, facts: Facts) -> Spoken:
    found = truth(rule.condition(), facts)
    applies = found is True if rule.effect == "allow" else found is not False
    return Spoken(rule, applies, applies and found is None, "" if applies else _stopper(rule, facts))


def _stopper(rule: Rule, facts: Facts) -> str:
    """The first part of a rule that keeps it from applying."""
    bad = (False, None) if rule.effect == "allow" else (False,)
    for name in _PARTS:
        part: Condition | None = getattr(rule, name)
        if part is not None and truth(part, facts) in bad:
            return name
    return "unless"


def _duties(obligations: Any) -> tuple[tuple[str, str], ...]:
    found = {
        "hide": ", ".join(sorted(obligations.hidden)),
        "show": "" if obligations.show is None else ", ".join(sorted(obligations.show)),
        "mask": ", ".join(f"{name}: {mask}" for name, mask in sorted(obligations.masks.items())),
        "variant": obligations.variant or "",
        "data withheld": "yes" if obligations.data_withheld else "",
        "files": "withheld" if obligations.files_opaque else "",
        "smallest cell": str(obligations.smallest_cell or ""),
        "no onward sharing": "yes" if obligations.no_onward else "",
    }
    return tuple((name, value) for name, value in found.items() if value)
