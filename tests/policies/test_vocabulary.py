"""What exists is documented: every word of the language stands in LANGUAGE.md, and every word there exists. And the arithmetic of divisions."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import vocabulary
from policies.caselines import CASE_KEYS, WORLD_KEYS
from policies.divisions import ancestors, covers, is_code, level_of, lies_within, normalise, significant, spellings, touches, written
from policies.errors import DivisionError
from policies.load import POLICY_KEYS
from policies.masks import MASKS
from policies.retired_divisions import RETIRED, Retired
from policies.rules import RULE_KEYS, THEN_KEYS
from policies.vocabulary import ACTIONS, ATTRIBUTES, COMPARISONS, SCALES, STATED, closure_down, closure_up

TEXT = (Path(vocabulary.__file__).parent / "LANGUAGE.md").read_text()
CODE = set(re.findall(r"`([^`\n]+)`", TEXT))


def test_every_attribute_is_documented_and_every_documented_one_exists() -> None:
    public = {name for name, attribute in ATTRIBUTES.items() if not attribute.internal}
    named = {word for word in CODE if re.fullmatch(r"(actor|record|row|env)\.[a-z_]+", word)}
    assert named == public


def test_every_comparison_is_documented() -> None:
    words = {c.words for kind, several in COMPARISONS.items() if kind != "flag" for c in (*several, *STATED)}
    said = {word.removesuffix(" N days") for word in CODE}
    assert words <= said


@pytest.mark.parametrize("keys", [POLICY_KEYS, RULE_KEYS, THEN_KEYS, CASE_KEYS, WORLD_KEYS, ACTIONS, tuple(MASKS)], ids=lambda keys: keys[0])
def test_every_key_action_and_mask_is_documented(keys: tuple[str, ...]) -> None:
    assert set(keys) <= CODE


def test_every_closed_word_is_documented() -> None:
    listed = set(re.findall(r"[a-z_]+", TEXT))
    closed = {word for name, a in ATTRIBUTES.items() if a.codes and name not in ("record.kind", "env.zone") for word in a.codes}
    assert closed | {word for scale in SCALES.values() for word in scale} <= listed


def test_closures_are_mirrors() -> None:
    for a in ACTIONS:
        for b in ACTIONS:
            assert (b in closure_down(a)) == (a in closure_up(b))


# --- divisions ----------------------------------------------------------------------------------------------------------------------------------

CODES = st.tuples(*(st.sampled_from(["00", "01", "10", "51", "90"]) for _ in range(3)), st.sampled_from(["", "000", "001", "100"]), st.booleans()).map(
    lambda t: "".join(t[:4]) + ("" if not t[3] else "000" if t[4] else "")
)


@given(CODES, CODES, CODES)
def test_covering_is_an_order_on_divisions(a: str, b: str, c: str) -> None:
    assert covers(a, a) and covers("000000", a)
    assert not (covers(a, b) and covers(b, c)) or covers(a, c)
    assert (covers(a, b) and covers(b, a)) == (written(a) == written(b))
    assert touches(a, b) == touches(b, a) == (covers(a, b) or covers(b, a)) and lies_within(a, b) == covers(b, a)


@given(CODES, CODES)
def test_ancestors_and_spellings_say_the_same_as_covering(a: str, b: str) -> None:
    assert covers(a, b) == (written(a) in ancestors(b))
    assert all(written(text) == written(a) and is_code(text) for text in spellings(a)) and written(a) in spellings(a)
    assert b.startswith(significant(a)) == covers(a, b)


@pytest.mark.parametrize("code", ["", "51", "5190", "51010", "5101077", "51010A", "５１０１０７", " 510107", None, 510107])
def test_what_is_no_code_is_refused(code: object) -> None:
    assert not is_code(code)
    with pytest.raises(DivisionError, match="write 6, 9 or 12 digits"):
        significant(code)  # type: ignore[arg-type]


def test_levels_and_retired_codes() -> None:
    levels = {"000000": "nation", "510000": "province", "510100": "city", "510107": "county", "510107001": "township", "510107001002": "township"}
    assert {code: level_of(code) for code in levels} == levels
    assert normalise("371202").code == "370116" and normalise("310230201").code == "310151"
    assert all(is_code(old) and is_code(r.to) and r.to not in RETIRED and old != r.to for old, r in RETIRED.items())
    twice = {"110103": Retired("110104", 2000, "甲"), "110104": Retired("110102", 2010, "乙")}
    assert normalise("110103", twice).code == "110102"
    circle = {"110103": Retired("110104", 2000, "甲"), "110104": Retired("110103", 2010, "乙")}
    assert normalise("110103", circle).code in circle


def test_retired_codes_lead_to_divisions_that_exist(real_data: Path) -> None:
    files = [real_data / "divisions" / name for name in ("areas.csv", "cities.csv")]
    known = {line.partition(",")[0].ljust(6, "0") for file in files for line in file.read_text(encoding="utf-8-sig").splitlines()[1:]}
    assert {r.to for r in RETIRED.values()} <= known
    assert not set(RETIRED) & known
