"""Definition = plan = plain formula = SQL, for whole policies on random actors, records, rows, clocks and grants (policy-language.md, How it is tested)."""

from dataclasses import replace
from typing import Any

import pytest

from policies.actor import Actor
from policies.compile import row_where
from policies.evaluate import decide
from policies.expressions import UNSURE
from policies.facts import Env
from policies.load import load_policies
from policies.plan import Plan
from policies.values import UNKNOWN
from policies.vocabulary import ACTIONS
from tests.policies import engines, oracle
from tests.policies.random_policies import THEMES, Generator, to_yaml

ACTORS, RECORDS = 6, 34


def _world(actor: Actor, env: Env, record: dict[str, Any], granted: bool | None, row: dict[str, Any] | None = None) -> oracle.World:
    values = {name: getattr(actor, name) for name in actor.__dataclass_fields__}
    surroundings = {"zone": env.zone, "node": env.node, "channel": env.channel}
    return oracle.World(values, record, surroundings, env.now, granted, row or {}, UNKNOWN, THEMES)


def compare_policies(seed: int, db: engines.Database) -> int:
    """Compares one random policy on every pair of some actors and records; returns how many triples (policy, actor, record) were compared."""
    g = Generator(seed)
    rules = g.rules()
    written = to_yaml(rules)
    policies = load_policies({"p.yaml": written}, code_lists={"record.theme": THEMES})
    records, rows = [{**g.record(), "id": f"id-{n}"} for n in range(RECORDS)], [g.row() for _ in range(12)]
    db.fill(records, rows, {"record.theme": frozenset(THEMES)})
    for _ in range(ACTORS):
        actor, env, action = g.actor(), g.env(), g.random.choice(ACTIONS)
        granted_ids = g.random.choice([None, (), tuple(f"id-{n}" for n in range(0, RECORDS, 2))])
        plan = Plan(policies, actor, env)
        by_sql = db.which(plan.where(action, engines.RECORD_MAP, granted_ids))
        for n, record in enumerate(records):
            granted = None if granted_ids is None else record["id"] in granted_ids
            world = _world(actor, env, record, granted)
            formula = oracle.permitted(rules, action, world)
            planned = plan.decide(action, record, granted)
            answers = {"definition": decide(policies, actor, env, action, record, granted).permitted, "plan": planned.permitted, "sql": n in by_sql}
            assert set(answers.values()) == {formula}, f"seed {seed}, {action}: formula {formula}, {answers}\n{actor}\n{env}\n{record}\n{written}"
            if formula and action in ("data", "hold", "verify", "count") and n % 5 == 0:
                _compare_rows(seed, db, plan, action, rules, record, rows, granted)
    return ACTORS * RECORDS


def _compare_rows(
    seed: int, db: engines.Database, plan: Plan, action: str, rules: list[oracle.Rule], record: dict[str, Any], rows: list[dict[str, Any]], granted: bool | None
) -> None:
    residual = plan.decide(action, record, granted).obligations.rows
    by_sql = db.which(row_where(residual, engines.ROW_MAP, plan.actor, plan.env), engines.ROWS)
    for n, row in enumerate(rows):
        formula = oracle.row_permitted(rules, action, _world(plan.actor, plan.env, record, granted, row))
        answers = {
            "plan": plan.decide(action, record, granted, row).permitted,
            "definition": decide(plan.policy_set, plan.actor, plan.env, action, record, granted, row).permitted,
            "sql": n in by_sql,
        }
        assert set(answers.values()) == {formula}, f"seed {seed}, row {row}: formula {formula}, {answers}, {residual}"


def test_twenty_thousand_random_triples_agree(db: engines.Database) -> None:
    compared = permitted = 0
    for seed in range(100):
        compared += compare_policies(seed, db)
    assert compared >= 20_000
    # the generator makes policies that permit and that deny: neither answer is rare
    g, env = Generator(1), Env("business", "n-1", 1_800_000_000)
    for seed in range(60):
        rules = Generator(seed).rules()
        permitted += sum(oracle.permitted(rules, action, _world(g.actor(), env, g.record(), None)) for action in ACTIONS)
    assert 20 < permitted < 300


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_seven_hundred_thousand_random_triples_agree(db: engines.Database) -> None:
    assert sum(compare_policies(seed, db) for seed in range(100_000, 103_500)) >= 700_000


def test_residuals_settle_the_same_in_all_three_values() -> None:
    """What a plan keeps of a condition has the condition's own truth: also when that is unknown."""
    from policies.facts import Facts, truth
    from policies.specialise import RECORDS, settle_known

    unknown = 0
    for seed in range(150):
        g = Generator(seed)
        policies = load_policies({"p.yaml": to_yaml(g.rules())}, code_lists={"record.theme": THEMES})
        for _ in range(5):
            facts = Facts(g.actor(), g.env(), g.record(), g.random.choice([None, True, False]))
            for rule in policies.rules:
                condition = rule.condition()
                residual = settle_known(condition, replace(facts, record={}, granted=None), RECORDS)
                assert truth(condition, facts) is truth(residual, facts), (seed, rule.id)
                unknown += truth(condition, facts) is UNSURE.value
    assert unknown > 150
