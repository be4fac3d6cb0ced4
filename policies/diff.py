"""Compares two sets of policies: the rules that come, go or differ, and the shipped cases whose outcome changes."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from policies.cases import run_cases
from policies.model import PolicySet, Rule

__all__ = ["Difference", "compare"]

#: Members that say nothing of what a rule decides.
_ASIDE = {"place", "shipped"}


@dataclass(frozen=True)
class Difference:
    """What a change of policies changes.

    Attributes:
        added, removed: Ids of rules.
        changed: Id of a rule → names of the parts that differ.
        outcomes: Example → (what was permitted, what is): the shipped cases, as examples of who would notice.
    """

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: dict[str, tuple[str, ...]]
    outcomes: dict[str, tuple[tuple[str, ...], tuple[str, ...]]]

    @property
    def empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.added or self.removed or self.changed)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        outcomes = {example: {"before": list(before), "after": list(after)} for example, (before, after) in self.outcomes.items()}
        changed = {id: list(parts) for id, parts in self.changed.items()}
        return {"added": list(self.added), "removed": list(self.removed), "changed": changed, "outcomes": outcomes}

    def text(self, language: str = "en") -> str:
        """Lines for a person."""
        zh = language.lower().startswith("zh")
        if self.empty:
            return "没有变化。" if zh else "Nothing changes."
        lines = [f"+ {id}" for id in self.added] + [f"- {id}" for id in self.removed]
        lines += [f"~ {id} ({', '.join(parts)})" for id, parts in self.changed.items()]
        for example, (before, after) in self.outcomes.items():
            lines.append(f"  {example}: {', '.join(before) or '–'} → {', '.join(after) or '–'}")
        return "\n".join(lines)


def compare(old: PolicySet, new: PolicySet) -> Difference:
    """Returns what changes from `old` to `new`."""
    before, after = old.by_id, new.by_id
    changed = {id: parts for id in before if id in after and (parts := tuple(_parts(before[id], after[id])))}
    return Difference(tuple(id for id in after if id not in before), tuple(id for id in before if id not in after), changed, _outcomes(old, new))


def _parts(old: Rule, new: Rule) -> Iterator[str]:
    for member in fields(Rule):
        if member.name not in _ASIDE and getattr(old, member.name) != getattr(new, member.name):
            yield member.name


def _outcomes(old: PolicySet, new: PolicySet) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    before = {f"{one.actor} × {one.case.record}": one.may for one in run_cases(old, shipped=True)}
    after = {f"{one.actor} × {one.case.record}": one.may for one in run_cases(new, shipped=True)}
    return {name: (tuple(sorted(before[name])), tuple(sorted(may))) for name, may in after.items() if name in before and before[name] != may}
