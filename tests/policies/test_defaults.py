"""The policies that ship: each case of each file in each zone, the words that they use, and what the clauses promise of any set."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from policies.actor import Actor
from policies.cases import run_cases
from policies.load import load_policies
from policies.model import PolicySet
from policies.plan import Env, Plan
from policies.sources import DEFAULTS, defaults_for
from policies.vocabulary import ACTIONS
from tests.policies.random_policies import Generator

SECRECY = ("public", "internal", "confidential", "secret", "top_secret")
ZONES = ("internet", "government", "business", "classified")


@pytest.fixture(scope="module")
def sets() -> dict[str, PolicySet]:
    return {zone: load_policies(defaults_for(zone)) for zone in ZONES}


@pytest.mark.parametrize("zone", ZONES)
def test_every_case_of_every_shipped_file_comes_out(zone: str, sets: dict[str, PolicySet]) -> None:
    results = run_cases(sets[zone], shipped=True)
    assert [result.text() for result in results if not result.passed] == []
    assert len(results) >= 60 and sets[zone].warnings == ()


def test_a_zone_that_is_not_known_gets_what_all_share() -> None:
    assert {path.stem for path in defaults_for("harbour")} == {"common", "sharing", "onward"}
    assert all(set(defaults_for("harbour")) < set(defaults_for(zone)) for zone in ZONES)


def test_every_shipped_file_belongs_to_a_zone_and_all_but_two_rules_of_thumb_have_cases() -> None:
    used = {path.name for zone in ZONES for path in defaults_for(zone)} | {"terms.yaml", "cases.yaml"}
    assert {path.name for path in DEFAULTS.glob("*.yaml")} == used
    without = {path.stem for path in DEFAULTS.glob("*.yaml") if "\ncases:" not in path.read_text() and path.stem != "cases"}
    assert without == {"terms", "onward"}  # one is told by the cases of others, one obliges and permits nothing


def test_shipped_sentences_are_one_line_each_and_reasons_are_in_both_languages(sets: dict[str, PolicySet]) -> None:
    for path in DEFAULTS.glob("*.yaml"):
        assert all(len(line) <= 170 for line in path.read_text().splitlines()), path.name
    for rule in (rule for policies in sets.values() for rule in policies.rules):
        assert re.search("[\u4e00-\u9fff]", rule.because.zh) and not re.search("[\u4e00-\u9fff]", rule.because.en), rule.id
    for path in DEFAULTS.glob("*.yaml"):
        if path.stem != "cases":
            assert set(yaml.safe_load(path.read_text())["title"]) == {"zh", "en"}


def test_shipped_policies_name_profiles_and_columns_that_exist() -> None:
    folder = DEFAULTS.parents[1] / "catalog" / "profiles"
    known = {path.stem for path in folder.glob("*.yaml")}
    named = {name for path in DEFAULTS.glob("*.yaml") for name in re.findall(r"record\.profile is (\w+)", path.read_text())}
    assert named and named <= known
    columns = yaml.safe_load((folder / "mining.yaml").read_text())["columns"]
    [shown] = [r for r in yaml.safe_load((DEFAULTS / "mining.yaml").read_text())["rules"] if r["rule"] == "open-fields"]
    assert set(shown["then"]["show"]) - {"geometry"} <= set(columns)
    registered = yaml.safe_load((folder / "realestate.yaml").read_text())["columns"]
    [personal] = [r for r in yaml.safe_load((DEFAULTS / "register.yaml").read_text())["rules"] if r["rule"] == "personal-fields"]
    assert {*personal["then"]["hide"], *personal["then"]["mask"]} <= set(registered)
    sensitive = {name for name, column in registered.items() if str(column.get("sensitivity", "")).endswith("personal")}
    assert sensitive - {"owner_id"} <= {*personal["then"]["hide"], *personal["then"]["mask"]}


def met(policies: PolicySet, zone: str) -> Iterator[tuple[Actor, dict[str, Any], set[str]]]:
    """Random actors and records that meet under a set: (actor, record, what is permitted), only where something is."""
    g = Generator(7)
    records = [g.record() for _ in range(60)]
    for _ in range(40):
        actor = g.actor()
        plan = Plan(policies, actor, Env(zone, "n-site", 1_800_000_000))
        for record in records:
            granted = g.random.choice([True, False, None])
            if may := {action for action in ACTIONS if plan.decide(action, record, granted).permitted}:
                yield actor, record, may


@pytest.mark.parametrize("zone", ZONES)
def test_data_needs_read_needs_discover_and_clearance_whatever_is_asked(zone: str, sets: dict[str, PolicySet]) -> None:
    permitted = 0
    for actor, record, may in met(sets[zone], zone):
        permitted += 1
        assert "hold" not in may or "data" in may
        assert "data" not in may or "read" in may
        assert not may & {"read", "verify", "count"} or "discover" in may
        assert SECRECY.index(actor.clearance) >= SECRECY.index(record["secrecy"])  # not even existence without the clearance
    assert permitted > 30


def test_on_the_internet_only_what_is_opened_is_seen_but_by_ones_own_people(sets: dict[str, PolicySet]) -> None:
    seen = [(actor, record) for actor, record, _ in met(sets["internet"], "internet") if not (actor.kind == "person" and actor.roles)]
    assert seen
    assert all(record["opening"] == "open" and record["secrecy"] == "public" for _, record in seen)


def test_a_site_tightens_a_default_with_a_file_of_its_own() -> None:
    mine = """policy: site
include: [defaults/common.yaml, defaults/sharing.yaml]
leave out: sharing/directory
rules:
- rule: no-maps-for-the-public
  deny: data
  what: record.kind is map
  unless: government
  because: {zh: 地图须申请, en: maps need an application}
"""
    policies = load_policies({"site.yaml": mine})
    assert policies.left_out == ("sharing/directory",)
    world = policies.worlds["defaults/cases.yaml"]
    plan = Plan(policies, world.actors["env-county"], Env("business", world.node, world.at))
    assert not plan.decide("discover", world.records["conditional"]).permitted
    public = Plan(policies, world.actors["public"], Env("business", world.node, world.at))
    assert public.decide("data", world.records["opened"]).permitted
    refused = public.decide("data", {**world.records["opened"], "kind": "map"})
    assert not refused.permitted and refused.deciding is not None and refused.deciding.rule == "site/no-maps-for-the-public"
