"""The compiled clause: its golden text, thousands of rules, and that it never needs to tell NULL from false."""

from pathlib import Path

import pytest
from sqlalchemy import not_, select
from sqlalchemy.dialects import postgresql, sqlite

from policies.actor import Actor
from policies.columns import ColumnMap
from policies.compile import row_where
from policies.load import load_policies
from policies.plan import Env, Plan
from policies.sources import defaults_for
from tests.policies import engines
from tests.policies.saying import ANYONE, NOW, RECORD, SITE, rules

ENV = Env("business", SITE, NOW)
GOLDEN = Path(__file__).with_name("golden")


def _sql(plan: Plan, action: str, dialect: str) -> str:
    kind = sqlite.dialect() if dialect == "sqlite" else postgresql.dialect()
    compiled = select(engines.RECORDS.c.docno).where(plan.where(action, engines.RECORD_MAP)).compile(dialect=kind, compile_kwargs={"literal_binds": True})
    text = str(compiled).replace("\n", " ")
    for word in ("AND", "OR"):
        text = text.replace(f" {word} ", f"\n  {word} ")
    return text + "\n"


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize(("actor", "action"), [("public", "discover"), ("superior", "hold"), ("clerk", "data")])
def test_the_sql_of_the_shipped_policies_is_golden(actor: str, action: str, dialect: str) -> None:
    """A change in the SQL of a typical plan is seen in review: write the new text into the file when it is meant."""
    policies = load_policies(defaults_for("business"))
    world = policies.worlds["defaults/cases.yaml"]
    plan = Plan(policies, world.actors[actor], Env("business", world.node, world.at))
    golden = GOLDEN / f"{actor}-{action}.{dialect}.sql"
    assert _sql(plan, action, dialect) == golden.read_text()


def test_no_value_of_a_policy_is_written_into_the_sql_text() -> None:
    policies = rules("allow: data, who: everyone, what: record.id is x'; DROP TABLE r --")
    compiled = Plan(policies, ANYONE, ENV).where("data", engines.RECORD_MAP).compile(dialect=sqlite.dialect())
    assert "DROP" not in str(compiled) and "x'; DROP TABLE r --" in str(compiled.params)


def test_three_thousand_rules_run_on_both_engines(db: engines.Database) -> None:
    """SQLite refuses expressions deeper than 1,000: long chains are nested."""
    said = [f"deny: data, what: [record.id is n{n}, record.division lies within 51{n % 90 + 10:02}00]" for n in range(2_990)]
    policies = rules(*said, *(f"allow: data, who: everyone, what: record.authority is a{n}" for n in range(10)))
    db.fill([{**RECORD, "id": "n95", "division": "511500", "authority": "a3"}, {**RECORD, "id": "n95", "division": "520000", "authority": "a3"}])
    assert db.which(Plan(policies, ANYONE, ENV).where("data", engines.RECORD_MAP)) == {1}


def test_the_clause_of_a_plan_is_false_and_not_null_where_it_matters(db: engines.Database) -> None:
    """An empty record: everything is NULL. Nothing is permitted, and on both engines for the same reason."""
    policies = rules("allow: data, who: everyone, what: {any: [record.kind is map, record.territory touches 510000, record.embargo has passed]}")
    db.fill([{}, {**RECORD, "kind": "map"}])
    where = Plan(policies, ANYONE, ENV).where("data", engines.RECORD_MAP)
    assert db.which(where) == {1}
    assert db.which(not_(where)) <= {0}


def test_an_attribute_that_the_table_lacks_is_absent_from_every_record() -> None:
    bare = ColumnMap({"id": engines.RECORDS.c.id})
    deny = rules("allow: data, who: everyone", "deny: data, what: record.grade is at least core")
    for policies in (deny, rules("allow: data, who: everyone, what: record.theme has land")):
        assert str(Plan(policies, ANYONE, ENV).where("data", bare).compile(compile_kwargs={"literal_binds": True})) == "false"


def test_grants_are_a_list_of_ids_or_a_select_and_nothing_without_a_purpose(db: engines.Database) -> None:
    policies = rules("allow: data, who: everyone, what: record is granted to actor")
    db.fill([{**RECORD, "id": f"id-{n}"} for n in range(4)])
    surveying = Plan(policies, Actor("agency", purpose="survey"), ENV)
    chosen = select(engines.RECORDS.c.id).where(engines.RECORDS.c.docno >= 2)
    assert db.which(surveying.where("data", engines.RECORD_MAP, ["id-1"])) == {1}
    assert db.which(surveying.where("data", engines.RECORD_MAP, chosen)) == {2, 3}
    assert db.which(surveying.where("data", engines.RECORD_MAP, [])) == db.which(surveying.where("data", engines.RECORD_MAP)) == set()
    assert db.which(Plan(policies, ANYONE, ENV).where("data", engines.RECORD_MAP, ["id-1"])) == set()


def test_rows_with_codes_of_any_shape_compare_by_segments_only(db: engines.Database) -> None:
    """Rows hold what was delivered: text that is no division code must not slip in by its first digits."""
    policies = rules("allow: data, who: everyone, only rows: row.division lies within 510100")
    plan = Plan(policies, ANYONE, ENV)
    codes = ["510107", "510107001", "510100000000", "51010", "51010A", "5101", "510107 ", "５１０１０７", None, "520100"]
    db.fill([], [{"division": code} for code in codes])
    residual = plan.decide("data", RECORD).obligations.rows
    by_sql = db.which(row_where(residual, engines.ROW_MAP, ANYONE, ENV), engines.ROWS)
    assert by_sql == {n for n, code in enumerate(codes) if plan.decide("data", RECORD, row={"division": code}).permitted} == {0, 1, 2}
