"""Loading: include, define, leave out, was, locked, zone; and bad files, each with one clear list of everything that is wrong."""

from pathlib import Path
from time import process_time

import pytest

from policies import yamltree
from policies.errors import PolicyErrors
from policies.load import load_policies
from policies.model import PolicySet
from policies.plan import Env, Plan
from tests.policies.saying import ANYONE, NOW, RECORD, SITE

B = "because: {zh: 試, en: test}"


def errors(files: dict[str, str | bytes]) -> list[str]:
    with pytest.raises(PolicyErrors) as caught:
        load_policies(files)
    assert all(problem.zh and problem.en for problem in caught.value.problems)
    return [problem.text() for problem in caught.value.problems]


def only(text: str | bytes) -> list[str]:
    return errors({"bad.yaml": text})


def rule(*lines: str) -> str:
    return "\n".join(["policy: p", "rules:", f"- {{rule: r, {B},", *(f"   {line}" for line in lines), "  }"])


# --- everything at once, where it stands, and how to mend it ----------------------------------------------------------------------------------------


def test_all_errors_of_a_file_are_reported_at_once_with_their_places() -> None:
    text = """policy: bad
rules:
- rule: one
  allow: raed
  who: everyone
  because: {zh: 甲, en: a}
- rule: two
  deny: data
  what: record.theme is land
  unless:
  - actor.kind is person
  - actor.roles has clark
  because: {zh: 乙, en: b}
- rule: three
  constrain: data
  what: record.secrecy is at least secert
  then: {hide: [phone], mask: {owner: surnam}, smallest cell: one}
  becuase: {zh: 丙, en: c}
"""
    assert only(text) == [
        "bad.yaml:4:10: unknown action 'raed' — did you mean 'read'?",
        "bad.yaml:9:9: 'is' does not fit record.theme (a list of code); it takes: has, has any of, has none of, has all of, is empty, is not empty, "
        "is stated, is not stated",
        "bad.yaml:11:3: say 'any:' or 'all:' under 'unless'",
        "bad.yaml:12:5: actor.roles has no value 'clark' — did you mean 'clerk'?",
        "bad.yaml:14:3: 'because' is missing: give the reason in zh and en",
        "bad.yaml:16:9: record.secrecy has no value 'secert' — did you mean 'secret'?",
        "bad.yaml:17:39: unknown mask 'surnam' — did you mean 'surname'?",
        "bad.yaml:17:63: 'smallest cell' takes a number from 2 to 1000, not 'one'",
        "bad.yaml:18:3: unknown key of 'rules': 'becuase' — did you mean 'because'?",
    ]


def test_errors_of_several_files_come_together() -> None:
    found = errors({"a.yaml": "policy: a\nrulez: []", "b.yaml": "policy: b\ninclude: c.yaml"})
    assert found == ["a.yaml:2:1: unknown key of 'policy': 'rulez' — did you mean 'rules'?", "b.yaml:2:10: there is no file 'c.yaml'"]


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("record.kidn is dataset", "unknown attribute 'record.kidn' — did you mean 'record.kind'?"),
        ("record.kind is datset", "record.kind has no value 'datset' — did you mean 'dataset'?"),
        ("record.kind is dataset, map", "'record.kind is' takes one value; use 'is one of'"),
        ("record.kind", "record.kind says nothing; it takes: is, is not"),
        ("record.kind is", "'record.kind is' needs a value"),
        ("record.kind equals dataset", "unknown comparison 'equals dataset'; record.kind (a code) takes: is, is not"),
        ("record.kind is one of dataset,,map", "a value is missing between commas"),
        ("record.embargo has passed today", "'record.embargo has passed' takes no value, but 'today' follows"),
        ("record.issued is older than a month", "'record.issued is older than' takes a number of days from 1 to 36500"),
        ("record.issued is older than 99999 days", "takes a number of days from 1 to 36500"),
        ("record.issued is from 2026-13-01", "'2026-13-01' is no date: write 2026-01-31"),
        ("record.issued is from tomorrow", "'tomorrow' is no date"),
        ("record.division lies within 5101", "'5101' is no division code: write '510100'"),
        ("record.division lies within Sichuan", "'Sichuan' is no division code of 6, 9 or 12 digits"),
        ("record.secrecy is at least actor.level", "'is at least' cannot compare record.secrecy (a scale of secrecy) with actor.level (a scale of level)"),
        ("record.kind is record.division", "'is' cannot compare record.kind (a code) with record.division (a division)"),
        ("actor.node is record.audience_nodes", "'is' cannot compare actor.node (a text) with record.audience_nodes (a list of text)"),
        ("record is granted", "'is' does not fit record (a grant); it takes: is granted to actor, is not granted to actor"),
        ("record is stated", "'is stated' does not fit record (a grant)"),
        ("governmnt", "'governmnt' is no sentence and no defined name — did you mean 'government'?"),
        ("row.owner is actor.person", "'what' may mention only the actor, the record, the site; row.owner does not belong here"),
    ],
)
def test_a_sentence_that_cannot_be_read_says_what_would_do(sentence: str, message: str) -> None:
    text = f"policy: p\ndefine: {{government: actor.kind is agency}}\nrules:\n- {{rule: r, deny: data, what: '{sentence}', {B}}}\n"
    found = only(text)
    assert len(found) == 1 and found[0].startswith("bad.yaml:4:31: ") and message in found[0]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("allow: data",), "an allow says who: for everyone write 'who: everyone'"),
        (("allow: data, deny: data, who: everyone",), "a rule says one of allow, deny, constrain, not allow and deny"),
        (("who: everyone",), "a rule says one of allow, deny, constrain"),
        (("constrain: data",), "a constrain says what it asks: 'then: {…}'"),
        (("constrain: data, then: {}",), "'then' asks nothing"),
        (("constrain: data, then: {hide: [Phone]}",), "'Phone' is no name of a field or column"),
        (("constrain: data, then: {require grant: no}",), "'require grant: no' asks nothing: leave the line out"),
        (("constrain: data, then: {no onward sharing: true}",), "'no onward sharing' takes yes or no, not 'true'"),
        (("deny: data, then: {hide: [a]}",), "'then' of a rule belongs to constrain"),
        (("deny: data, only rows: row.status is open",), "'only rows' of a rule belongs to allow"),
        (("allow: data, who: record.kind is map",), "'who' may mention only the actor; record.kind does not belong here"),
        (("allow: data, who: everyone, what: {either: [everyone]}",), "a condition is a sentence, a list, or one of all:, any:, not: — not 'either'"),
        (("allow: data, who: everyone, what: {any: everyone}",), "'any:' takes a list: [one, two]"),
        (("allow: data, who: everyone, what: []",), "the list under 'what' is empty"),
        (("allow: data, who: ''",), "'who' says nothing"),
        (("deny: data, locked: maybe",), "'locked' takes yes or no, not 'maybe'"),
        (("deny: []",), "'deny' names nothing"),
    ],
)  # fmt: skip
def test_a_rule_that_does_not_hold_together_is_refused(lines: tuple[str, ...], message: str) -> None:
    found = only(rule(*lines))
    assert len(found) == 1 and message in found[0], found


# --- YAML ---------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "bad.yaml: the file is empty: begin with 'policy: NAME'"),
        (b"# nothing\n", "bad.yaml: the file is empty: begin with 'policy: NAME'"),
        ("policy: p\ntitle: {zh: 国土, en: a}\n".encode("gbk"), "bad.yaml:2:13: not UTF-8 (perhaps GBK or UTF-16): save the file as UTF-8"),
        ("policy: p\n".encode("utf-16"), "bad.yaml:1:1: not UTF-8 (perhaps GBK or UTF-16)"),
        (b"policy: p\n\tzone: business\n", "bad.yaml:2:1: a tab: use spaces"),
        (b"policy: p\nzone: \tbusiness\n", "bad.yaml:2:7: a tab: use spaces"),
        (b"policy: &x p\n", "bad.yaml:1:9: an anchor or alias ('&x')"),
        (b"policy: *x\n", "bad.yaml:1:9: an anchor or alias ('*x')"),
        (b"policy: !!python/object:os.system p\n", "bad.yaml:1:9: a tag"),
        (b"policy: p\n---\npolicy: q\n", "bad.yaml:2:1: a second document"),
        (b"policy: p\npolicy: q\n", "bad.yaml:2:1: 'policy' is written twice here: keep one"),
        (b"policy: p\n? [a]\n: b\n", "bad.yaml:2:3: a key must be text"),
        (b"- policy: p\n", "bad.yaml:1:1: a policy file is 'key: value' lines and begins with 'policy: NAME'"),
        (b"policy: p\ntitle: a: b\n", "bad.yaml:2:9: not YAML: mapping values are not allowed here; put text that holds ': '"),
        (b'policy: "a\\0b"\n', "bad.yaml:1:9: a control character"),
        (b"policy: p\nrules: [" + b"[" * 40 + b"]" * 40 + b"]\n", "nested deeper than 16 levels"),
        (b"policy: p\nzone: {\n", "not YAML"),
        (b"zone: business\n", "bad.yaml:1:1: the file lacks 'policy: NAME'"),
        (b"policy: P p\n", "bad.yaml:1:9: 'P p' is no name: small letters, digits and hyphens"),
        (b"policy: p\nlanguage: 2\n", "bad.yaml:2:11: this program reads language 1, not '2'"),
        (b"policy: p\nzone: busines\n", "bad.yaml:2:7: unknown zone 'busines' — did you mean 'business'?"),
        (b"policy: p\nrules: {}\n", "bad.yaml:2:8: 'rules' takes a list"),
        (b"policy: p\ninclude: ../../etc/passwd\n", "bad.yaml:2:10: '../../etc/passwd' is not beside or below this file"),
        (b"policy: p\ninclude: /etc/passwd\n", "bad.yaml:2:10: '/etc/passwd' is not beside or below this file"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_place(content: bytes, message: str) -> None:
    found = only(content)
    assert len(found) == 1 and message in found[0], found


def test_a_file_of_ten_megabytes_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(b"policy: p\nrules:\n" + b"- {rule: r, deny: data, because: {zh: a, en: b}}\n" * 200_000)
    before = process_time()
    with pytest.raises(PolicyErrors, match="larger than 1 MiB: split it with 'include'"):
        load_policies([path])
    assert process_time() - before < 0.5


def test_deep_nesting_and_many_values_end_early() -> None:
    before = process_time()
    for content in (b"a: " + b"[" * 400_000, b"a:\n" + b"- b\n" * 250_000, b"{a: " * 100_000):
        assert len(only(content)) == 1
    assert process_time() - before < 3


def test_names_that_double_by_names_do_not_grow_without_measure() -> None:
    laughs = ["policy: p", "define:", "  a0: record.kind is map"]
    laughs += [f"  a{n}: {{any: [a{n - 1}, {{not: a{n - 1}}}, record.kind is map]}}" for n in range(1, 60)]
    before = process_time()
    found = only("\n".join(laughs) + f"\nrules:\n- {{rule: r, deny: data, what: a59, {B}}}\n")
    assert process_time() - before < 3
    assert any("too long a chain" in line or "comes to more than" in line for line in found)


def test_a_definition_that_leads_back_to_itself_is_refused() -> None:
    found = only("policy: p\ndefine:\n  a: b\n  b: [a, record.kind is map]\nrules: []\n")
    assert len(found) == 1 and "is defined by itself" in found[0]


def test_pure_python_gives_the_same_places_as_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    text = "policy: p\nzone: busines\ntitle: {zh: 試}\nrules:\n- {rule: r, deny: dta, because: {zh: 試, en: t}}\n"
    fast = only(text)
    monkeypatch.setattr(yamltree, "_LOADER", yaml.SafeLoader)
    assert only(text) == fast and len(fast) == 3


def test_scalars_stay_text() -> None:
    text = f"policy: no\nrules:\n- {{rule: 1e3, allow: data, who: everyone, what: [record.id is 510100, record.authority is no], {B}}}\n"
    policies = load_policies({"a.yaml": text})
    assert [r.id for r in policies.rules if not r.id.startswith("terms/")] == ["no/1e3"]
    plan = Plan(policies, ANYONE, Env("business", SITE, NOW))
    assert plan.decide("data", {**RECORD, "id": "510100", "authority": "no"}).permitted


def test_a_byte_order_mark_is_no_error() -> None:
    assert load_policies({"a.yaml": b"\xef\xbb\xbfpolicy: p\n"}).policies


# --- several files --------------------------------------------------------------------------------------------------------------------------------


COMMON = f"""policy: common
define:
  staff: actor.kind is person
rules:
- {{rule: base, allow: read, who: staff, {B}}}
- {{rule: kept, deny: hold, locked: yes, {B}}}
"""


def ids(policies: PolicySet) -> list[str]:
    return [r.id for r in policies.rules if not r.id.startswith("terms/")]


def test_names_come_from_included_files_in_turn_and_from_no_others() -> None:
    middle = "policy: middle\ninclude: common.yaml\n"
    mine = f"policy: mine\ninclude: [middle.yaml]\nrules:\n- {{rule: r, allow: data, who: staff, {B}}}\n"
    files = {"mine.yaml": mine, "middle.yaml": middle, "common.yaml": COMMON}
    assert ids(load_policies(files)) == ["common/base", "common/kept", "mine/r"]
    stranger = mine.replace("include: [middle.yaml]\n", "")
    assert errors({**files, "mine.yaml": stranger}) == ["mine.yaml:3:31: 'staff' is no sentence and no defined name; known: everyone"]


def test_the_order_of_files_and_rules_never_matters() -> None:
    files = {"b.yaml": f"policy: b\nrules:\n- {{rule: y, deny: hold, {B}}}\n- {{rule: x, deny: data, {B}}}\n", "common.yaml": COMMON}
    swapped = {"common.yaml": COMMON, "b.yaml": f"policy: b\nrules:\n- {{rule: x, deny: data, {B}}}\n- {{rule: y, deny: hold, {B}}}\n"}
    assert load_policies(files).digest == load_policies(swapped).digest
    assert ids(load_policies(files)) == ids(load_policies(swapped))


def test_comments_and_cases_leave_the_digest_and_every_word_of_a_rule_changes_it() -> None:
    base = f"policy: b\nrules:\n- {{rule: x, deny: data, what: record.kind is map, law: 甲 1, {B}}}\n"
    digest = load_policies({"b.yaml": base}).digest
    assert load_policies({"b.yaml": "# why\n" + base}).digest == digest
    for old, new in (("deny: data", "deny: read"), ("is map", "is service"), ("甲 1", "甲 2"), ("en: test", "en: other"), ("rule: x", "rule: z")):
        assert load_policies({"b.yaml": base.replace(old, new)}).digest != digest, new


def test_a_site_leaves_out_a_shipped_rule_unless_it_is_locked() -> None:
    mine = "policy: mine\ninclude: common.yaml\nleave out: [{}]\n"
    assert ids(load_policies({"mine.yaml": mine.format("common/base"), "common.yaml": COMMON})) == ["common/kept"]
    assert errors({"mine.yaml": mine.format("common/kept"), "common.yaml": COMMON}) == ["mine.yaml:3:13: rule 'common/kept' is locked: it cannot be left out"]
    assert errors({"mine.yaml": mine.format("common/bsae"), "common.yaml": COMMON}) == [
        "mine.yaml:3:13: there is no rule 'common/bsae' — did you mean 'common/base'?"
    ]


def test_a_former_name_points_to_the_present_one_and_belongs_to_one_rule() -> None:
    renamed = COMMON.replace("rule: base,", "rule: base, was: [ground],")
    mine = "policy: mine\ninclude: common.yaml\nleave out: common/ground\n"
    assert errors({"mine.yaml": mine, "common.yaml": renamed}) == ["mine.yaml:3:12: there is no rule 'common/ground'; it is now 'common/base'"]
    twice = renamed.replace("rule: kept,", "rule: kept, was: common/ground,")
    assert "'was: common/ground' is also claimed by 'common/base'" in errors({"common.yaml": twice})[0]
    alive = renamed.replace("was: [ground]", "was: [kept]")
    assert "'was: common/kept' is the name of a rule that exists" in errors({"common.yaml": alive})[0]


def test_rules_and_policies_have_one_identity() -> None:
    assert "rule 'common/base' is also at line 5" in errors({"common.yaml": COMMON + f"- {{rule: base, deny: data, {B}}}\n"})[0]
    assert errors({"a.yaml": "policy: p\n", "b.yaml": "policy: p\n"}) == ["b.yaml:1:9: policy 'p' is also in a.yaml"]
    clash = {"mine.yaml": "policy: mine\ninclude: common.yaml\ndefine: {staff: actor.kind is agency}\n", "common.yaml": COMMON}
    assert any("'staff' is also defined in" in line for line in errors(clash))


def test_rules_of_a_file_hold_in_its_zones_only() -> None:
    policies = load_policies({"a.yaml": f"policy: a\nzone: [business, classified]\nrules:\n- {{rule: r, allow: data, who: everyone, {B}}}\n"})
    for zone, permitted in (("business", True), ("classified", True), ("internet", False)):
        assert Plan(policies, ANYONE, Env(zone, SITE, NOW)).decide("data", RECORD).permitted is permitted


def test_a_set_can_be_loaded_again_from_its_texts(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(f"policy: mine\ninclude: [defaults/common.yaml]\nrules:\n- {{rule: r, allow: data, who: government, {B}}}\n")
    first = load_policies([tmp_path])
    again = load_policies(first.texts)
    assert again.digest == first.digest and "defaults/common.yaml" in first.texts and again.texts.keys() == first.texts.keys()


def test_stored_texts_cannot_replace_the_built_in_terms() -> None:
    lax = "policy: terms\nrules: []\n"
    assert any(r.id == "terms/onward" and r.locked for r in load_policies({"defaults/terms.yaml": lax, "a.yaml": "policy: a\n"}).rules)


def test_a_cases_file_is_checked_like_any_other() -> None:
    cases = "actors:\n  a: {kind: robot}\n  b: {divison: '510107'}\nrecords:\n  r: {secrecy: tpo, territory: [51]}\nrows:\n  x: {of: nothing}\n"
    mine = "policy: m\ncases:\n- {actor: c, record: r, may: [raed]}\n- {record: r}\n"
    found = errors({"m.yaml": mine, "cases.yaml": cases})
    for part in ("actor.kind cannot be robot", "did you mean 'division'?", "record.secrecy cannot be 'tpo'", "record.territory cannot be",
                 "no record 'nothing'", "unknown action 'raed'", "a case needs 'actor'", "a case needs 'may'", "m.yaml:3:11: unknown actor 'c'"):  # fmt: skip
        assert any(part in line for line in found), (part, found)


def test_five_hundred_rules_load_in_a_moment() -> None:
    lines = ["policy: many", "rules:"]
    for n in range(500):
        what = f"[record.theme has any of land, record.division lies within 51{n % 90 + 10}00]"
        lines.append(f"- rule: r{n}\n  deny: data\n  what: {what}\n  unless: actor.unit is u{n}\n  {B}")
    before = process_time()
    assert len(load_policies({"many.yaml": "\n".join(lines)}).rules) > 500
    assert process_time() - before < 2.5
