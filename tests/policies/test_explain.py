"""Explanations, comparisons of sets, cases: what an administrator and a refused reader are told."""

import pytest

from policies import acts
from policies.actor import PUBLIC, Actor, acting, require_actor
from policies.cases import run_cases
from policies.diff import compare
from policies.errors import ActorError, ActorUnsetError
from policies.explain import explain
from policies.load import load_policies
from policies.plan import Env, Plan
from policies.sources import defaults_for
from policies.vocabulary import ACTIONS, ROLES
from tests.policies.random_policies import THEMES, Generator, to_yaml
from tests.policies.saying import AGENCY, ANYONE, NOW, RECORD, SITE, decide, rules

ENV = Env("business", SITE, NOW)


def test_every_explanation_agrees_with_the_decision_it_explains() -> None:
    for seed in range(120):
        g = Generator(seed)
        policies = load_policies({"p.yaml": to_yaml(g.rules())}, code_lists={"record.theme": THEMES})
        plan, record, granted = Plan(policies, g.actor(), g.env()), g.record(), g.random.choice([None, True, False])
        for found in explain(plan, record, granted):
            decision = plan.decide(found.action, record, granted)
            assert found.permitted is decision.permitted
            assert all(each.applies for each in found.spoken) and not any(each.applies for each in found.ignored)
            if decision.permitted:
                assert {each.rule.id for each in found.spoken} == {reason.rule for reason in decision.reasons}
            assert found.text("zh") and found.text("en") and found.as_dict()["action"] == found.action


def test_an_explanation_names_the_deciding_rule_its_reason_and_what_stopped_the_others() -> None:
    policies = load_policies(defaults_for("business"))
    world = policies.worlds["defaults/cases.yaml"]
    plan = Plan(policies, world.actors["env-county"], Env("business", world.node, world.at))
    [read] = explain(plan, world.records["register"], actions=["read"])
    assert not read.permitted and read.deciding == "register/verify-only"
    assert "其他部门只能核验" in read.text("zh") and "other departments may only verify" in read.text("en")
    [data] = explain(plan, world.records["conditional"], False, ["data"])
    assert data.deciding is None and "no rule allows it" in data.text("en")
    stopped = {each.rule.id: each.stopped_by for each in data.ignored}
    assert stopped["sharing/conditional-needs-a-grant"] == "what" and stopped["common/own-staff"] == "who"
    [wells] = explain(Plan(policies, world.actors["public"], plan.env), world.records["wells"], actions=["data"])
    assert ("variant", "grid-1km") in wells.duties and ("files", "withheld") in wells.duties


def test_what_applies_only_because_something_is_unknown_says_so() -> None:
    policies = rules("allow: data, who: everyone", "deny: data, what: record.grade is at least core")
    [found] = explain(Plan(policies, ANYONE, ENV), RECORD, actions=["data"])
    assert [each.unknown for each in found.spoken if each.rule.id == "p/r1"] == [True]
    assert "because something is unknown" in found.text("en") and "因有未知项" in found.text("zh")


def test_reasons_of_a_denial_are_the_denies_and_of_a_permission_what_allowed_it() -> None:
    policies = rules("allow: data, who: everyone, law: 条例 14", "deny: data, what: record.kind is map", "constrain: data, then: {hide: [a]}")
    refused = decide(policies, "data", kind="map")
    assert [reason.rule for reason in refused.reasons] == ["p/r1"] and refused.deciding == refused.reasons[0]
    allowed = decide(policies, "data")
    assert [(reason.rule, reason.law) for reason in allowed.reasons] == [("p/r0", "条例 14"), ("p/r2", "")]
    assert decide(rules("deny: hold"), "data").deciding is None


def test_a_difference_names_what_comes_goes_and_changes_and_who_would_notice() -> None:
    old = load_policies({"a.yaml": "policy: a\ninclude: [defaults/common.yaml, defaults/sharing.yaml]\n"})
    new = load_policies({"a.yaml": "policy: a\ninclude: [defaults/common.yaml, defaults/sharing.yaml]\nleave out: sharing/opened-to-all\n"})
    found = compare(old, new)
    assert found.removed == ("sharing/opened-to-all",) and not found.added and not found.changed
    assert any(example.startswith("public × opened") for example in found.outcomes)
    assert "- sharing/opened-to-all" in found.text("en") and compare(old, old).empty and compare(old, old).text("zh") == "没有变化。"
    wider = compare(rules("allow: read, who: everyone"), rules("allow: data, who: everyone", "deny: hold"))
    assert wider.changed == {"p/r0": ("actions",)} and wider.added == ("p/r1",) and wider.as_dict()["changed"] == {"p/r0": ["actions"]}


def test_a_case_that_does_not_come_out_says_how() -> None:
    mine = """policy: m
rules:
- {rule: r, allow: data, who: actor.kind is agency, only rows: row.status is open, because: {zh: 试, en: test}}
cases:
- {actor: env, record: parcels, may: [discover, read, data], rows: [open], files: no}
- {actor: env, record: parcels, may: [discover, hold], rows: [open, closed], files: yes}
- {actor: anyone, record: parcels, may: []}
"""
    cases = """actors: {env: {kind: agency}, public: {kind: public}}
records:
  parcels: {secrecy: public, sharing: unconditional, authority: n-1, division: "510107"}
rows: {open: {of: parcels, status: open}, closed: {of: parcels, status: closed}}
"""
    results = run_cases(load_policies({"m.yaml": mine, "cases.yaml": cases}))
    assert [result.passed for result in results] == [True, False, False, True]
    assert results[1].text() == "m.yaml:6:3: env × parcels: also data, read; not hold; rows are open; no files are served"
    assert "多出 data, read" in results[1].text("zh") and results[0].text().endswith("as written")


# --- who asks, and what roles may do --------------------------------------------------------------------------------------------------------------


def test_an_unset_actor_denies_and_one_that_is_set_ends_with_its_block() -> None:
    with pytest.raises(ActorUnsetError):
        require_actor()
    with acting(AGENCY), acting(PUBLIC):
        assert require_actor() is PUBLIC
    with pytest.raises(ActorUnsetError) as caught:
        require_actor()
    assert caught.value.kind == "actor-unset" and "拒绝" in caught.value.zh


@pytest.mark.parametrize(
    "wrong",
    [{"kind": "robot"}, {"clearance": "cosmic"}, {"level": "planet"}, {"roles": frozenset({"root"})}, {"division": "51"}, {"reads": ("x",)}, {"node": ""},
     {"person": "a\0b"}],
)  # fmt: skip
def test_an_actor_that_cannot_be_is_refused_with_what_would_do(wrong: dict[str, object]) -> None:
    with pytest.raises(ActorError):
        Actor(**{"kind": "person", **wrong})  # type: ignore[arg-type]


def test_actors_are_equal_whatever_their_display_name_and_order_of_scope() -> None:
    assert Actor("peer", reads=("510000", "110000"), name="甲") == Actor("peer", reads=("110000", "510000", "110000"), name="乙")
    assert Actor("person", person="Ame\u0301lie").person == "Am\u00e9lie"


def test_acts_go_by_role_and_duties_are_apart() -> None:
    assert set(acts.ROLES) == ROLES
    for role in ROLES:
        holder = Actor("person", node=SITE, roles=frozenset({role}))
        assert acts.acts_of(holder) == acts.ROLES[role]
        for kind in ("public", "agency", "peer"):
            assert acts.acts_of(Actor(kind, roles=frozenset({role}))) == frozenset()
    for act, only in (("administer", "administrator"), ("secure", "security_officer"), ("audit", "auditor")):
        assert [role for role in acts.ROLES if act in acts.ROLES[role]] == [only]
    assert not acts.may(Actor("person", roles=frozenset({"administrator"})), "publish") and acts.may(Actor("person", roles=frozenset({"officer"})), "publish")
    with pytest.raises(ValueError, match="no such act"):
        acts.may(PUBLIC, "fly")
    assert set(ACTIONS).isdisjoint(acts.ACTS - {"release"})
