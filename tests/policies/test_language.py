"""Every clause of policies/LANGUAGE.md, by number."""

import re
from pathlib import Path

import pytest

from policies import masks
from policies.actor import Actor
from policies.cells import may_describe, suppress, suppress_table
from policies.divisions import covers, normalise, touches
from policies.errors import ActorError, PolicyErrors
from policies.load import load_policies
from policies.plan import Env, Plan
from policies.terms import attributes_of_terms
from policies.values import UNKNOWN
from policies.vocabulary import ACTIONS
from tests.policies.saying import AGENCY, ANYONE, NOW, RECORD, SITE, actions, decide, permits, rules

DAY = 86_400
PACKAGE = Path(__file__).resolve().parents[2] / "policies"
CLAUSES = range(1, 23)


def test_every_clause_has_code_that_cites_it_and_a_test_that_names_it() -> None:
    code = "\n".join(path.read_text() for path in [*PACKAGE.glob("*.py"), *PACKAGE.glob("defaults/*.yaml")])
    cited = {int(n) for group in re.findall(r"LANGUAGE ([\d, –]+)", code) for n in re.findall(r"\d+", group)}
    written = [int(n) for n in re.findall(r"^(\d+)\. \*\*", (PACKAGE / "LANGUAGE.md").read_text(), re.MULTILINE)]
    named = {int(n) for name in globals() for n in re.findall(r"^test_clause_(\d+)_", name)}
    assert written == list(CLAUSES)
    assert set(CLAUSES) - cited == set()
    assert set(CLAUSES) - named == set()


def test_clause_1_an_allow_must_be_true_and_every_deny_false() -> None:
    assert actions(rules("allow: data, who: everyone, what: record.kind is map")) == set()
    assert permits(rules("allow: data, who: everyone"), "data")
    assert not permits(rules("allow: data, who: everyone, what: record.grade is at least core"), "data")  # unknown does not allow
    assert not permits(rules("allow: data, who: everyone", "deny: data, what: record.kind is dataset"), "data")
    assert not permits(rules("allow: data, who: everyone", "deny: data, what: record.grade is at least core"), "data")  # unknown denies
    assert permits(rules("allow: data, who: everyone", "deny: data, what: record.grade is at least core"), "data", grade="general")


def test_clause_2_a_constraint_applies_unless_false() -> None:
    hidden = rules("allow: data, who: everyone", "constrain: data, what: record.grade is at least core, then: {hide: [phone]}")
    assert decide(hidden, "data").obligations.field_hidden("phone")  # unknown applies
    assert decide(hidden, "data", grade="core").obligations.field_hidden("phone")
    assert not decide(hidden, "data", grade="general").obligations.field_hidden("phone")


def test_clause_3_allow_closes_downward_and_deny_upward() -> None:
    assert actions(rules("allow: data, who: everyone")) == {"discover", "read", "data"}
    assert actions(rules("allow: hold, who: everyone")) == {"discover", "read", "data", "hold"}
    assert actions(rules("allow: [verify, count], who: everyone")) == {"discover", "verify", "count"}
    assert actions(rules("allow: release, who: everyone")) == {"release"}
    everything = f"allow: [{', '.join(ACTIONS)}], who: everyone"
    assert actions(rules(everything, "deny: read")) == {"discover", "verify", "count", "release"}
    assert actions(rules(everything, "deny: discover")) == {"release"}
    constrained = rules(everything, "constrain: read, then: {hide: [contact_phone]}")
    hiding = {action for action in ACTIONS if decide(constrained, action).obligations.field_hidden("contact_phone")}
    assert hiding == {"read", "data", "hold"}


def test_clause_4_absent_and_withheld_are_unknown_and_only_stated_tells_them_apart() -> None:
    assert not permits(rules("allow: data, who: everyone, what: record.embargo has passed"), "data")
    assert not permits(rules("allow: data, who: everyone, what: record.embargo has not passed"), "data")
    assert permits(rules("allow: data, who: everyone, what: record.embargo is not stated"), "data")
    unless_unstated = rules("allow: data, who: everyone", "deny: data, unless: record.embargo is not stated")
    assert permits(unless_unstated, "data", embargo=None)
    assert not permits(unless_unstated, "data", embargo=UNKNOWN)  # hidden from this site is not the same as absent
    assert not permits(rules("allow: data, who: everyone", "deny: data, what: record.embargo is stated"), "data", embargo=UNKNOWN)
    assert not permits(rules("allow: data, who: everyone, what: actor.division lies within record.division"), "data", ANYONE)


def test_clause_5_a_foreign_code_is_unknown_and_never_proves_has_none_of() -> None:
    kind = rules("allow: data, who: everyone, what: record.kind is not map")
    assert permits(kind, "data") and not permits(kind, "data", kind="hologram")
    lists = {"record.theme": ["land", "water"]}
    none_of = rules("allow: data, who: everyone, what: record.theme has none of water", code_lists=lists)
    any_of = rules("allow: data, who: everyone, what: record.theme has land", code_lists=lists)
    assert permits(none_of, "data", theme=("land",)) and not permits(none_of, "data", theme=("land", "from-a-newer-list"))
    assert permits(any_of, "data", theme=("land", "from-a-newer-list"))
    assert not permits(rules("allow: data, who: everyone", "deny: data, what: record.theme is stated", code_lists=lists), "data", theme=("land", "x"))
    assert permits(rules("allow: data, who: everyone, what: record.theme is not stated", code_lists=lists), "data", theme=("x",))


def test_clause_6_an_empty_list_satisfies_no_positive_sentence() -> None:
    for said in ("record.territory lies within 510000", "record.territory touches 510000", "record.territory covers 510107", "record.theme has land"):
        assert not permits(rules(f"allow: data, who: everyone, what: {said}"), "data", territory=(), theme=()), said
    assert permits(rules("allow: data, who: everyone, what: [record.theme is empty, record.theme is stated]"), "data", theme=())
    unscoped = Actor("peer", node="n-x", reads=())
    assert not permits(rules("allow: data, who: everyone, what: record.territory lies within actor.reads"), "data", unscoped)
    no_roles = Actor("person", roles=frozenset())
    assert not permits(rules("allow: data, who: everyone, what: record.theme has all of actor.roles"), "data", no_roles)


def test_clause_7_has_touches_covers_mean_any_and_lies_within_means_all() -> None:
    both = {"territory": ("510107", "520000"), "theme": ("land", "water")}
    for said in ("record.territory touches 510100", "record.territory covers 510107001", "record.theme has water"):
        assert permits(rules(f"allow: data, who: everyone, what: {said}"), "data", **both), said
    assert not permits(rules("allow: data, who: everyone, what: record.territory lies within 510000"), "data", **both)
    assert permits(rules('allow: data, who: everyone, what: "record.territory lies within 510000, 520000"'), "data", **both)


def test_clause_8_divisions_compare_by_whole_segments() -> None:
    assert covers("510000", "510107") and covers("000000", "650000") and covers("510107", "510107") and covers("510107", "510107001002")
    assert not covers("511000", "511100") and not covers("519000", "519100") and not covers("510107", "510000") and not covers("510000", "520000")
    assert touches("510107", "510000") and touches("510000", "510107") and not touches("510107", "510104")
    assert covers("510107000000", "510107") and covers("510107", "510107000")
    assert normalise("510122").code == "510116" and normalise("510122").retired is not None and normalise("510107000000").code == "510107"
    written = "policy: p\nrules:\n- {rule: r, allow: data, who: everyone, what: record.territory touches 510122, because: {zh: 试, en: test}}"
    policies = load_policies({"p.yaml": written})
    assert permits(policies, "data", territory=("510116",))
    assert [warning.en for warning in policies.warnings] == ["division 510122 (双流县) was retired in 2015: read as 510116"]
    bureau = Actor("peer", node="n-bureau", unit="bureau", sector="land")
    assert not permits(rules("allow: data, who: everyone", "deny: data, unless: actor.division covers record.division"), "data", bureau)


def test_clause_9_times_are_half_open_and_dates_are_read_at_utc8() -> None:
    passed = rules("allow: data, who: everyone, what: record.embargo has passed")
    assert permits(passed, "data", embargo=NOW) and not permits(passed, "data", embargo=NOW + 1)
    older = rules("allow: data, who: everyone, what: record.issued is older than 30 days")
    assert permits(older, "data", issued=NOW - 30 * DAY) and not permits(older, "data", issued=NOW - 30 * DAY + 1)
    newer = rules("allow: data, who: everyone, what: record.issued is newer than 30 days")
    assert not permits(newer, "data", issued=NOW - 30 * DAY) and permits(newer, "data", issued=NOW - 30 * DAY + 1)
    midnight = 1_798_732_800  # 2026-12-31T16:00:00Z: the first moment of 2027 at UTC+8
    since = rules("allow: data, who: everyone, what: record.issued is from 2027-01-01")
    assert permits(since, "data", issued=midnight) and not permits(since, "data", issued=midnight - 1)
    before = rules("allow: data, who: everyone, what: record.issued is before 2027-01-01")
    assert permits(before, "data", issued=midnight - 1) and not permits(before, "data", issued=midnight)


def test_clause_10_without_a_declared_purpose_a_grant_is_unknown() -> None:
    granted = rules("allow: data, who: everyone, what: record is granted to actor")
    not_granted = rules("allow: data, who: everyone, what: record is not granted to actor")
    surveying = Actor("agency", node="n-env", purpose="survey")
    assert permits(granted, "data", surveying, granted=True) and not permits(granted, "data", surveying, granted=False)
    assert permits(not_granted, "data", surveying, granted=False)
    assert not permits(granted, "data", AGENCY, granted=True) and not permits(not_granted, "data", AGENCY, granted=False)
    assert not permits(granted, "data", surveying, granted=None) and not permits(not_granted, "data", surveying, granted=None)


def test_clause_11_scopes_are_ored_filters_are_anded_and_unknown_rows_do_not_pass() -> None:
    own = "allow: data, who: everyone, only rows: row.owner is actor.person"
    here = "allow: data, who: everyone, only rows: row.division lies within 510107"
    recent = "constrain: data, then: {only rows: row.observed is older than 30 days}"
    wang = Actor("person", person="wang")
    scoped = rules(own, here)
    assert permits(scoped, "data", wang, row={"owner": "wang", "division": "520000"})
    assert permits(scoped, "data", wang, row={"owner": "li", "division": "510107001"})
    assert not permits(scoped, "data", wang, row={"owner": "li", "division": "520000"})
    assert not permits(scoped, "data", wang, row={}) and not permits(scoped, "data", ANYONE, row={"owner": "li"})
    filtered = rules(own, recent)
    assert permits(filtered, "data", wang, row={"owner": "wang", "observed": NOW - 30 * DAY})
    assert not permits(filtered, "data", wang, row={"owner": "wang", "observed": NOW})
    assert not permits(filtered, "data", wang, row={"owner": "wang"})
    unscoped = rules(own, "allow: data, who: everyone")
    assert decide(unscoped, "data", wang).obligations.row_filter is None
    assert permits(scoped, "read", wang) and decide(scoped, "read", wang).obligations.row_filter is None


def test_clause_12_hide_beats_mask_beats_show_and_equally_strict_masks_hide() -> None:
    def fields(*thens: str) -> tuple[set[str], dict[str, str]]:
        found = decide(rules("allow: data, who: everyone", *(f"constrain: data, then: {then}" for then in thens)), "data").obligations
        names = ("a", "b", "c")
        return {n for n in names if found.field_hidden(n)}, {n: mask for n in names if (mask := found.mask_for(n))}

    assert fields("{hide: [a]}", "{mask: {a: year}}", "{show: [a, b, c]}") == ({"a"}, {})
    assert fields("{mask: {a: year}}", "{show: [a, b]}") == ({"c"}, {"a": "year"})
    assert fields("{mask: {a: month}}", "{mask: {a: year}}") == (set(), {"a": "year"})
    assert fields("{mask: {a: surname}}", "{mask: {a: year}}") == ({"a"}, {})
    assert fields("{mask: {a: surname}}", "{mask: {a: year}}", "{mask: {a: none}}") == (set(), {"a": "none"})
    assert fields("{show: [a, b]}", "{show: [b, c]}") == ({"a", "c"}, {})
    assert masks.apply("surname", {"zh": "王小明"}) == {"zh": "王**"} and masks.apply("year", "2026-05-01") == "2026" and masks.apply("year", "soon") is None


def test_clause_13_the_variant_coarser_than_all_others_or_none() -> None:
    both = rules("allow: data, who: everyone", "constrain: data, then: {use variant: grid}", "constrain: data, then: {use variant: county}")
    known = {"grid": (), "county": ("grid",)}
    assert decide(both, "data", variants=known).obligations.variant == "county"
    apart = decide(both, "data", variants={"grid": (), "county": ()}).obligations
    assert apart.variant is None and apart.data_withheld
    one = rules("allow: data, who: everyone", "constrain: data, then: {use variant: grid}")
    assert decide(one, "data", variants=known).obligations.variant == "grid"
    assert decide(one, "data", variants=None).obligations.data_withheld and decide(one, "data", variants={"county": ()}).obligations.data_withheld


def test_clause_14_the_largest_smallest_cell_with_complementary_suppression() -> None:
    both = rules("allow: [data, count], who: everyone", "constrain: data, then: {smallest cell: 5}", "constrain: data, then: {smallest cell: 10}")
    assert decide(both, "data").obligations.smallest_cell == 10
    assert suppress({"a": 3, "b": 20, "c": 40}, 10) == {"a": None, "b": None, "c": 40}  # with the total, 3 would be the difference
    assert suppress({"a": 3, "b": 20, "c": 40}, 10, total_shown=False) == {"a": None, "b": 20, "c": 40}
    assert suppress({"a": 1, "b": 2, "c": 12, "d": 50}, 10) == {"a": None, "b": None, "c": None, "d": 50}  # two small ones alone give their sum away
    assert suppress({"a": 0, "b": 12}, 10) == {"a": 0, "b": 12}
    table = {(row, column): 20 for row in "xyz" for column in "pqr"} | {("x", "p"): 2}
    shown = suppress_table(table, 10)
    for axis in (0, 1):
        for line in {key[axis] for key in table}:
            gone = [key for key in table if key[axis] == line and shown[key] is None]
            assert not gone or (len(gone) >= 2 and sum(table[key] for key in gone) >= 10)
    assert not may_describe(9, 10) and may_describe(10, 10) and may_describe(1, None)


def test_clause_15_no_onward_sharing_once_is_enough() -> None:
    once = rules("allow: data, who: everyone", "constrain: data, then: {no onward sharing: yes}", "constrain: data, then: {hide: [a]}")
    assert decide(once, "data").obligations.no_onward


def test_clause_16_a_required_grant_that_is_not_active_denies() -> None:
    asks = rules("allow: data, who: everyone", "constrain: data, what: record.kind is dataset, then: {require grant: yes}")
    surveying = Actor("agency", node="n-env", purpose="survey")
    assert permits(asks, "data", surveying, granted=True)
    assert not permits(asks, "data", surveying, granted=False) and not permits(asks, "data", surveying) and not permits(asks, "data", AGENCY, granted=True)
    assert permits(asks, "data", surveying, granted=False, kind="map") and permits(asks, "read", surveying)
    assert [reason.rule for reason in decide(asks, "data", surveying).reasons] == ["p/r1"]


@pytest.mark.parametrize("then", ["only rows: row.status is open", "hide: [a]", "show: [a]", "mask: {a: year}", "use variant: grid"])
def test_clause_17_whatever_narrows_rows_withholds_the_files(then: str) -> None:
    assert decide(rules("allow: data, who: everyone", f"constrain: data, then: {{{then}}}"), "data", variants={"grid": ()}).obligations.files_opaque


def test_clause_17_a_row_scope_withholds_the_files_and_nothing_else_does() -> None:
    assert decide(rules("allow: data, who: everyone, only rows: row.status is open"), "data").obligations.files_opaque
    free = rules("allow: data, who: everyone", "constrain: data, then: {no onward sharing: yes, smallest cell: 5}")
    assert not decide(free, "data").obligations.files_opaque


class TestTerms:
    """Clause 18: terms are locked denies and constraints."""

    open = rules("allow: [hold, count, verify, release], who: everyone")
    peer = Actor("peer", node="n-chengdu", division="510100")

    def may(self, terms: object, actor: Actor = peer, action: str = "hold", **more: object) -> bool:
        return permits(self.open, action, actor, **{**attributes_of_terms(terms), "terms": terms, **more})  # type: ignore[arg-type]

    def test_absent_terms_are_free_for_own_records_and_stop_received_ones(self) -> None:
        received = {"own": False, "authority": "n-elsewhere"}
        assert self.may(None) and not self.may(None, **received)
        assert not self.may({"onward": False}, **received) and self.may({"onward": True}, **received)
        staff = Actor("person", node=SITE, roles=frozenset({"clerk"}))
        assert self.may(None, staff, "data", **received)  # this node's own people use what it received
        assert self.may(None, Actor("peer", node="n-elsewhere"), **received)  # and the authority knows its own
        assert not self.may({}, own=None, authority="n-elsewhere")  # unknown whose: stopped

    def test_an_audience_admits_its_nodes_its_divisions_and_the_authority(self) -> None:
        assert self.may({"audience": {"nodes": ["n-chengdu"]}}) and not self.may({"audience": {"nodes": ["n-other"]}})
        assert self.may({"audience": {"divisions": ["510000"]}}) and not self.may({"audience": {"divisions": ["510107"]}})
        assert not self.may({"audience": {"nodes": [], "divisions": []}}) and self.may({"audience": None})
        assert self.may({"audience": {"nodes": []}}, Actor("person", node=SITE))
        assert not self.may({"audience": {"divisions": ["no code"]}})
        assert not self.may({"audience": "everyone"}) and not self.may({"audience": {"units": ["x"]}})
        assert not self.may({"audience": {"nodes": ["n-other"]}}, action="discover") and not self.may({"audience": {"nodes": ["n-other"]}}, action="release")

    def test_purposes_bind_readers_and_peers_carry_them_on(self) -> None:
        reader = Actor("agency", node="n-env", purpose="survey")
        assert self.may({"purposes": ["survey"]}, reader) and not self.may({"purposes": ["audit"]}, reader)
        assert not self.may({"purposes": ["survey"]}, AGENCY) and self.may({"purposes": ["survey"]}, AGENCY, "read")
        assert self.may({"purposes": ["survey"]}, self.peer) and self.may({"purposes": []}, AGENCY) and not self.may({"purposes": "any"}, AGENCY)

    def test_the_end_closes_for_all_but_the_authority(self) -> None:
        assert self.may({"until": "2027-01-15T08:00:01Z"}) and not self.may({"until": "2027-01-15T08:00:00Z"})
        assert self.may({"until": "2020-01-01T00:00:00Z"}, Actor("person", node=SITE)) and not self.may({"until": "soon"})

    def test_obligations_of_terms_join_those_of_the_policy_and_unknown_ones_withhold(self) -> None:
        terms = {"obligations": [{"hide": ["phone"], "smallest_cell": 10}, {"on": "read", "mask": {"contact_name": "surname"}}, {"no_onward": True}]}
        found = decide(self.open, "data", self.peer, terms=terms).obligations
        assert found.field_hidden("phone") and found.smallest_cell == 10 and found.mask_for("contact_name") == "surname" and found.no_onward
        assert not decide(self.open, "read", self.peer, terms=terms).obligations.field_hidden("phone")
        for unknown in ({"watermark": True}, {"hide": "phone"}, {"smallest_cell": "ten"}, {"on": "print"}, "hide all"):
            assert decide(self.open, "data", self.peer, terms={"obligations": [unknown]}).obligations.data_withheld, unknown
        assert decide(self.open, "data", self.peer, terms={"obligations": "all"}).obligations.data_withheld

    def test_terms_never_allow_and_cannot_be_left_out(self) -> None:
        assert actions(rules("deny: release"), self.peer, **attributes_of_terms({"onward": True, "audience": {"nodes": ["n-chengdu"]}})) == set()
        with pytest.raises(PolicyErrors, match="'terms/onward' is locked"):
            rules("allow: data, who: everyone", head="leave out: terms/onward")
        with pytest.raises(PolicyErrors, match="unknown attribute 'record"):
            rules("allow: data, who: everyone, what: record.onward is yes")


def test_clause_18_terms_are_tested_in_a_class_of_their_own() -> None:
    assert TestTerms.__doc__ is not None and "Clause 18" in TestTerms.__doc__


def test_clause_19_count_has_its_own_allows_and_constraints() -> None:
    assert actions(rules("allow: data, who: everyone")) == {"discover", "read", "data"}
    opens = "constrain: data, then: {only rows: row.status is open}"
    counted = rules("allow: [data, count], who: everyone", opens, "constrain: count, then: {smallest cell: 5}")
    assert decide(counted, "data").obligations.row_filter is not None and decide(counted, "count").obligations.row_filter is None
    assert decide(counted, "count").obligations.smallest_cell == 5 and decide(counted, "data").obligations.smallest_cell is None


def test_clause_20_a_past_version_is_judged_by_its_own_attributes_and_the_current_ones() -> None:
    policies = rules(
        "allow: data, who: everyone",
        "deny: data, what: record.secrecy is at least secret",
        "constrain: data, what: record.kind is map, then: {hide: [a], mask: {c: month}}",
        "constrain: data, what: record.kind is dataset, then: {hide: [b], mask: {c: year}}",
    )
    plan = Plan(policies, Actor("person", clearance="top_secret"), Env("business", SITE, NOW))
    past, current = {**RECORD, "kind": "map"}, {**RECORD, "kind": "dataset"}
    joined = plan.decide_versions("data", past, current)
    assert joined.permitted and joined.obligations.hide == {"a", "b"} and joined.obligations.mask_for("c") == "year"
    for stricter in ((past, {**current, "secrecy": "secret"}), ({**past, "secrecy": "secret"}, current)):
        refused = plan.decide_versions("data", *stricter)
        assert not refused.permitted and [reason.rule for reason in refused.reasons] == ["p/r1"]


def test_clause_21_a_record_without_secrecy_sharing_authority_or_division_is_given_to_nobody() -> None:
    everything = rules(f"allow: [{', '.join(ACTIONS)}], who: everyone")
    assert actions(everything) == set(ACTIONS)
    for missing in ("secrecy", "sharing", "authority", "division"):
        assert actions(everything, **{missing: None}) == set(), missing
        assert actions(everything, **{missing: UNKNOWN}) == set(), missing
    assert ANYONE.clearance == "public"
    with pytest.raises(ActorError):
        Actor("person", clearance=None)  # type: ignore[arg-type]


def test_clause_22_taking_away_a_searched_field_refuses_to_load() -> None:
    for then in ("hide: [title]", "mask: {title: surname}", "hide: [geometry]"):
        with pytest.raises(PolicyErrors, match="search would still find it"):
            rules("allow: read, who: everyone", f"constrain: read, then: {{{then}}}")
    summary = rules("allow: read, who: everyone", "constrain: read, then: {hide: [summary]}")
    assert decide(summary, "read").obligations.field_hidden("summary")
    with pytest.raises(PolicyErrors, match="search would still find it"):
        rules("allow: read, who: everyone", "constrain: read, then: {hide: [summary]}", searched=frozenset({"summary"}))
    columns = rules("allow: data, who: everyone", "constrain: data, then: {hide: [title]}")  # a column of rows may be called title
    assert decide(columns, "data").obligations.field_hidden("title") and not decide(columns, "read").obligations.field_hidden("title")
    shown = rules("allow: read, who: everyone", "constrain: read, then: {show: [lineage]}")
    assert not decide(shown, "read").obligations.field_hidden("title") and decide(shown, "read").obligations.field_hidden("contact_phone")
