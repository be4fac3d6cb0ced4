"""Random policies, actors, records and rows, with the values that trip implementations up; and the YAML of a policy that a test holds as data."""

import random
from collections.abc import Sequence
from typing import Any

import yaml

from policies.actor import Actor
from policies.facts import Env
from policies.vocabulary import ACTIONS, ATTRIBUTES, comparable, comparisons_for
from tests.policies.every_comparison import NOW, THEMES, VOCABULARY, pool
from tests.policies.oracle import Rule

BECAUSE = {"zh": "试", "en": "test"}
_RECORD_NAMES = [a.name for a in ATTRIBUTES.values() if a.side == "record" and not a.internal]


def text(condition: Any) -> Any:
    """A condition as YAML data."""
    kind, *parts = condition
    if kind == "s":
        left, words, right = parts
        value = "" if right is None else right if isinstance(right, str) else ", ".join(right)
        return f"{left} {words} {value}".strip()
    if kind == "not":
        return {"not": text(parts[0])}
    return {kind: [text(part) for part in parts]}


def to_yaml(rules: Sequence[Rule], policy: str = "p") -> str:
    """The policy file that says these rules."""
    out = []
    for rule in rules:
        said: dict[str, Any] = {"rule": rule.name, rule.effect: list(rule.actions)}
        for key, condition in (("who", rule.who), ("what", rule.what), ("unless", rule.unless), ("only rows", rule.rows)):
            if condition is not None:
                said[key] = text(condition)
        if rule.effect == "allow":
            said.setdefault("who", "everyone")
        if rule.then is not None:
            said["then"] = {key: text(value) if key == "only rows" else value for key, value in rule.then.items()}
        out.append({**said, "because": BECAUSE})
    return yaml.dump({"policy": policy, "rules": out}, Dumper=_Plain, allow_unicode=True, sort_keys=False, width=1000)


class _Plain(yaml.SafeDumper):
    """Writes everything out: policies have no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class Generator:
    """Makes everything from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    # --- conditions ------------------------------------------------------------------------------------------------------------------------

    def sentence(self, sides: tuple[str, ...], need: str | None = None) -> Any:
        """A sentence about the sides; `need` names the side of its left."""
        r = self.random
        left = r.choice([a for a in VOCABULARY.values() if not a.internal and a.side in ((need,) if need else sides)])
        if "record" in sides and need is None and r.random() < 0.05:
            return ("s", "record", r.choice(["is granted to actor", "is not granted to actor"]), None)
        comparison = r.choice(comparisons_for(left))
        if comparison.right == "none":
            return ("s", left.name, comparison.words, None)
        if comparison.right == "days":
            return ("s", left.name, comparison.words, f"{r.choice([1, 30, 365])} days")
        others = [a.name for a in VOCABULARY.values() if a.side in sides and not a.internal and a is not left and comparable(left, a, comparison)]
        if others and r.random() < 0.5:
            return ("s", left.name, comparison.words, r.choice(others))
        return ("s", left.name, comparison.words, self.values(left.name, comparison.right))

    def values(self, name: str, right: str) -> list[str]:
        """Written values that suit an attribute."""
        r = self.random
        if right == "date":
            return [r.choice(["2027-01-15", "2026-12-16", "2030-06-01"])]
        attribute = VOCABULARY[name]
        if attribute.kind == "scale":
            choices: Sequence[str] = [v for v in pool(name) if isinstance(v, str) and v != "ultra"]
        elif (attribute.members or attribute.kind) == "division":
            choices = ["000000", "510000", "510100", "510107", "510107001", "511000", "519000", "520000"]
        else:
            choices = sorted(attribute.codes) if attribute.codes else ["n-1", "n-2", "land", "dataset"]
        return r.sample(list(choices), min(len(choices), 1 if right == "one" else r.choice([1, 1, 2, 3])))

    def condition(self, sides: tuple[str, ...], depth: int = 2, need: str | None = None) -> Any:
        """A condition: mostly one or two sentences, sometimes nested and negated."""
        r = self.random
        if depth == 0 or r.random() < 0.5:
            return self.sentence(sides, need)
        kind = r.choice(["all", "any", "any", "not"])
        if kind == "not":
            return ("not", self.condition(sides, depth - 1, need))
        return (kind, *(self.condition(sides, depth - 1, need) for _ in range(r.choice([2, 2, 3]))))

    # --- rules -----------------------------------------------------------------------------------------------------------------------------

    def rules(self) -> list[Rule]:
        """A policy of a few rules; allows are wide enough that something is permitted now and then."""
        r = self.random
        out = [Rule("base", "allow", tuple(r.sample(ACTIONS, 3)), what=self.condition(("record", "actor")) if r.random() < 0.4 else None)]
        for n in range(r.randint(1, 6)):
            effect = r.choice(["allow", "deny", "deny", "constrain"])
            out.append(self.rule(f"r{n}", effect))
        return out

    def rule(self, name: str, effect: str) -> Rule:
        r = self.random
        who = self.condition(("actor",), 1) if r.random() < 0.6 else None
        what = self.condition(("record", "actor", "env")) if r.random() < 0.8 else None
        unless = self.condition(("record", "actor", "env")) if r.random() < (0.8 if effect == "deny" else 0.3) else None
        rows = self.condition(("row", "actor", "record"), 1, "row")
        then: dict[str, Any] | None = None
        if effect == "constrain":
            then = r.choice([{"only rows": rows}, {"require grant": "yes"}, {"only rows": rows, "require grant": "yes"}, {"smallest cell": "5"}])
        actions = tuple(r.sample(ACTIONS, r.choice([1, 1, 2])))
        return Rule(name, effect, actions, who, what, unless, rows if effect == "allow" and r.random() < 0.3 else None, then)

    # --- facts -----------------------------------------------------------------------------------------------------------------------------

    def actor(self) -> Actor:
        """An actor with some of its attributes."""
        r = self.random
        names = [a.key for a in ATTRIBUTES.values() if a.side == "actor" and (a.key in ("kind", "clearance") or r.random() < 0.65)]
        return Actor(**{key: r.choice([v for v in pool(f"actor.{key}") if v is not None]) for key in names})

    def env(self) -> Env:
        r = self.random
        return Env(r.choice(["business", "internet"]), r.choice(["n-1", "n-2"]), NOW + r.choice([0, 0, -1, 1, 30 * 86_400]), r.choice([None, "land"]))

    def record(self) -> dict[str, Any]:
        """A record; most have what publication needs and no restrictive terms, some have neither."""
        r = self.random
        record = {name.partition(".")[2]: r.choice(pool(name)) for name in _RECORD_NAMES}
        if r.random() < 0.8:
            for key in ("secrecy", "sharing", "authority", "division"):
                legal = [v for v in pool(f"record.{key}") if isinstance(v, str) and v not in ("", "alien", "ultra", "5190", "51010A")]
                record[key] = r.choice(legal)
        if r.random() < 0.7:
            record |= {"audience": None, "audience_nodes": None, "terms_expire": None}
        record["own"] = r.choice([True, True, True, False, None])
        record["onward"] = r.choice([True, True, False, None])
        record["purposes"] = r.choice([None, None, None, (), ("land",), ("n-1", "dataset")])
        return record

    def row(self) -> dict[str, Any]:
        return {a.key: self.random.choice(pool(a.name)) for a in ATTRIBUTES.values() if a.side == "row"}


__all__ = ["THEMES", "Generator", "to_yaml"]
