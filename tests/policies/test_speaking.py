"""What a plan remembers of which rules speak never shows: whatever was asked before, of whom, and however the clock moves, the definition decides alike."""

import random
from typing import Any

import pytest

from policies import speaking
from policies.actor import Actor
from policies.evaluate import Decision, decide
from policies.facts import Env
from policies.load import load_policies
from policies.model import PolicySet
from policies.plan import Plan
from policies.vocabulary import ACTIONS
from tests.policies.random_policies import THEMES, Generator, to_yaml
from tests.policies.saying import ANYONE, NOW, RECORD, SITE, rules

DAY = 86_400


def spoke(decision: Decision) -> tuple[Any, ...]:
    """What two decisions must have in common: when denied by denies, plans look no further."""
    if not decision.permitted:
        return False, {rule.id for rule in decision.denies if rule.effect == "deny"}
    return True, [rule.id for rule in decision.allows], [rule.id for rule in decision.constraints], decision.obligations


def merged(seeds: range) -> PolicySet:
    """Several random policies as one set: dozens of rules."""
    texts = {f"p{seed}.yaml": to_yaml(Generator(seed).rules(), f"p{seed}") for seed in seeds}
    return load_policies(texts, code_lists={"record.theme": THEMES})


def compare(seed: int, policies: PolicySet, questions: int) -> int:
    """Asks plans of a few actors in any order, at moments that go to and fro about those at which something changes; returns how many were permitted."""
    r = random.Random(seed)
    g = Generator(seed)
    actors, records = [g.actor() for _ in range(3)], [g.record() for _ in range(8)]
    permitted = 0
    for _ in range(questions):
        actor, record, action, granted = r.choice(actors), r.choice(records), r.choice(ACTIONS), r.choice([None, True, False])
        times = [value for value in record.values() if isinstance(value, int) and not isinstance(value, bool)]
        now = r.choice([NOW, *times]) + r.choice([0, -1, 1, *(days * DAY + off for days in (1, 30, 365) for off in (0, -1, 1))])
        env = Env("business", "n-1", now)
        expected = decide(policies, actor, env, action, record, granted)
        assert spoke(Plan(policies, actor, env).decide(action, record, granted)) == spoke(expected), (seed, action, now, actor, record)
        permitted += expected.permitted
    return permitted


def test_plans_that_have_answered_before_answer_as_the_definition_at_any_moment() -> None:
    permitted = sum(compare(seed, merged(range(seed, seed + 1 + seed % 12)), 150) for seed in range(60))
    assert permitted > 100


def test_forgetting_when_too_much_is_remembered_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speaking, "_REMEMBERED", 2)
    assert sum(compare(seed, merged(range(seed, seed + 6)), 100) for seed in range(20)) > 10


def test_a_clock_that_goes_back_takes_back_what_had_passed() -> None:
    policies = rules("allow: data, who: everyone, what: record.embargo has passed", "deny: data, what: record.embargo is older than 1 days")
    record = {**RECORD, "embargo": NOW}

    def at(now: int) -> bool:
        return Plan(policies, ANYONE, Env("business", SITE, now)).decide("data", record).permitted

    moments = [NOW - 1, NOW, NOW + DAY - 1, NOW + DAY]
    expected = [False, True, True, False]
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 2, 3], [3, 0, 2, 1]):
        assert [at(moments[n]) for n in order] == [expected[n] for n in order]


def test_a_grant_is_never_remembered() -> None:
    policies = rules("allow: data, who: everyone, what: [record is granted to actor, record.theme has land]")
    plan = Plan(policies, Actor("agency", purpose="survey"), Env("business", SITE, NOW))
    assert [plan.decide("data", {**RECORD, "theme": ("land",)}, granted).permitted for granted in (True, False, None, True)] == [True, False, False, True]


def test_a_rule_about_two_attributes_looks_at_both_each_time() -> None:
    policies = rules("allow: data, who: everyone, what: {any: [record.kind is map, record.division covers record.territory]}")
    plan = Plan(policies, ANYONE, Env("business", SITE, NOW))
    inside, outside = ("510107",), ("520000",)
    answers = [plan.decide("data", {**RECORD, "kind": "dataset", "division": "510100", "territory": where}).permitted for where in (inside, outside, inside)]
    assert answers == [True, False, True]


def test_a_list_that_is_no_tuple_is_looked_at_and_not_remembered() -> None:
    policies = rules("allow: data, who: everyone, what: record.theme has land")
    plan = Plan(policies, ANYONE, Env("business", SITE, NOW))
    theme = ["land"]
    record = {**RECORD, "theme": theme}
    assert plan.decide("data", record).permitted
    theme[0] = "water"
    assert not plan.decide("data", record).permitted
