"""Plans: who shares one, when a decision may change, what 500 rules cost, and what a plan never depends on."""

from time import process_time
from typing import Any

import pytest

from policies.actor import Actor
from policies.evaluate import decide as definition
from policies.load import load_policies
from policies.model import PolicySet
from policies.plan import Env, Plan
from policies.sources import defaults_for
from policies.vocabulary import ACTIONS
from tests.policies.random_policies import THEMES, Generator, to_yaml
from tests.policies.saying import AGENCY, ANYONE, NOW, RECORD, SITE, rules

DAY = 86_400
ENV = Env("business", SITE, NOW)


def many_rules(count: int) -> PolicySet:
    """A set of many rules, of which one in fifty is about the actor who asks: as a nation with many departments would have."""
    said = []
    for n in range(count):
        what = f"[record.theme has any of land, record.division lies within 51{n % 90 + 10:02}00]"
        said.append(
            f"deny: data, what: {what}, unless: {{any: [actor.unit is u{n}, record.kind is map]}}" if n % 50 == 0
            else f"allow: data, who: [actor.kind is agency, actor.unit is u{n}], what: {what}"
        )  # fmt: skip
    return rules(*said, "allow: data, who: everyone")


def test_actors_that_look_alike_to_the_policies_share_a_plan_and_those_that_differ_do_not() -> None:
    policies = rules("allow: data, who: actor.division covers 510107, only rows: row.owner is actor.person")

    def keys(**attributes: Any) -> tuple[str, str]:
        plan = Plan(policies, Actor("person", **attributes), ENV)
        return plan.key, plan.stamp_key

    base = keys(division="510100")
    assert keys(division="510100", name="another name", unit="u", sector="water", level="city") == base  # not mentioned
    assert keys(division="510104") != base
    wang = keys(division="510100", person="wang")
    assert wang[0] != base[0] and wang[1] == base[1]  # other rows, the same records: one stamp serves both
    assert Plan(policies, Actor("person", division="510100"), Env("business", SITE, NOW + 1)).key == base[0]  # not the clock
    other = rules("allow: data, who: actor.division covers 510104, only rows: row.owner is actor.person")
    assert Plan(other, Actor("person", division="510100"), ENV).key != base[0]


def test_a_purpose_counts_where_grants_do() -> None:
    policies = rules("allow: data, who: everyone, what: record is granted to actor")
    with_purpose, without = Plan(policies, Actor("agency", purpose="survey"), ENV), Plan(policies, Actor("agency"), ENV)
    assert with_purpose.stamp_key != without.stamp_key
    assert with_purpose.decide("data", RECORD, True).permitted and not without.decide("data", RECORD, True).permitted


def test_an_actor_survives_the_journey_through_json() -> None:
    for seed in range(300):
        actor = Generator(seed).actor()
        assert Actor.from_dict(actor.as_dict()) == actor


@pytest.mark.parametrize("seed", range(40))
def test_between_two_boundaries_no_decision_changes_and_at_each_it_may(seed: int) -> None:
    g = Generator(seed)
    policies = load_policies({"p.yaml": to_yaml(g.rules())}, code_lists={"record.theme": THEMES})
    actor = g.actor()
    for _ in range(6):
        record = g.record()
        now = NOW - 400 * DAY
        for _ in range(12):
            plan = Plan(policies, actor, Env("business", "n-1", now))
            until = plan.next_boundary(record)
            last = now + 500 * DAY if until is None else until - 1
            middle = (now + last) // 2
            for action in ACTIONS:
                held = plan.decide(action, record, True).permitted
                for then in (middle, last):
                    assert definition(policies, actor, Env("business", "n-1", then), action, record, True).permitted is held, (seed, action, record)
            if until is None:
                break
            now = until


def test_an_embargo_and_terms_are_boundaries() -> None:
    policies = rules("allow: data, who: everyone", "deny: data, unless: record.embargo has passed", "deny: read, what: record.issued is older than 30 days")
    plan = Plan(policies, ANYONE, ENV)
    assert plan.next_boundary({**RECORD, "embargo": NOW + 50, "issued": NOW - 30 * DAY + 20}) == NOW + 20
    assert plan.next_boundary({**RECORD, "embargo": NOW + 50, "issued": NOW - 31 * DAY}) == NOW + 50
    assert plan.next_boundary({**RECORD, "embargo": NOW, "terms_expire": NOW + 7}) == NOW + 7
    assert plan.next_boundary(RECORD) is None


def test_lists_that_are_not_tuples_are_read_all_the_same() -> None:
    policies = rules("allow: data, who: everyone, what: record.theme has land")
    assert Plan(policies, ANYONE, ENV).decide("data", {**RECORD, "theme": ["land"]}).permitted


def test_what_a_plan_remembers_never_leaks_into_another_value() -> None:
    policies = rules("allow: data, who: everyone, what: record.id is 7")
    plan = Plan(policies, ANYONE, ENV)
    assert plan.decide("data", {**RECORD, "id": "7"}).permitted
    for other in (7, 7.0, True, "07", None):
        assert not plan.decide("data", {**RECORD, "id": other}).permitted
    for n in range(9_000):  # more than a plan remembers
        assert plan.decide("data", {**RECORD, "id": str(n)}).permitted is (n == 7)


def test_rules_that_cannot_speak_for_an_actor_vanish_from_the_plan() -> None:
    policies = many_rules(500)
    plan = Plan(policies, Actor("agency", unit="u7"), ENV)
    assert len(policies.rules) > 500 and len(plan.form.spoken) < 20
    assert all(plan.decide(action, RECORD).permitted == definition(policies, plan.actor, ENV, action, RECORD).permitted for action in ACTIONS)


def test_a_decision_costs_microseconds_and_500_rules_do_not_slow_it_down() -> None:
    """Generous bounds, on processor time: a decision takes about 8 µs with the shipped policies on an idle machine."""
    shipped = load_policies(defaults_for("business"))
    world = shipped.worlds["defaults/cases.yaml"]
    usual = Plan(shipped, world.actors["superior"], Env("business", world.node, world.at))
    many = Plan(many_rules(500), AGENCY, ENV)

    def cost(plan: Plan, records: list[dict[str, Any]]) -> float:
        best = float("inf")
        for _ in range(5):
            start = process_time()
            for n in range(2_000):
                plan.decide("data", records[n % len(records)])
            best = min(best, (process_time() - start) / 2_000)
        return best

    records = [dict(record) for record in world.records.values()]
    assert cost(usual, records) < 60e-6
    assert cost(many, [RECORD]) < 60e-6
    start = process_time()
    for _ in range(500):
        Plan(many.policy_set, AGENCY, ENV)
    assert (process_time() - start) / 500 < 100e-6
