"""Fields of a record: loose forms become one stored form; wrong values are named in both languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import field_types
from catalog.canonical import dumps, loads
from catalog.codes import code_list
from catalog.field_types import TYPES, ValueProblem, clean_value, credit_code_check, is_type
from catalog.field_values import decimal_text
from catalog.record import CARD_FIELDS, CORE, clean, formats, resources, type_of
from policies import vocabulary


def cleaned_anew(kind, value):
    """Not from what is remembered."""
    field_types._known.clear()
    return clean_value(kind, value)


@pytest.mark.parametrize(
    ("kind", "loose", "stored"),
    [
        ("title", " 成都市  地下水 ", {"zh": "成都市 地下水"}),
        ("title", {"zh": "水", "en": "Water\nwells"}, {"zh": "水", "en": "Water wells"}),
        ("texts", "cafe\u0301", {"en": "caf\u00e9"}),
        ("texts", "a\r\nb", {"en": "a\nb"}),
        ("keywords", ["地下水", "wells", "地下水", " "], {"zh": ["地下水"], "en": ["wells"]}),
        ("keywords", "地下水；水位, wells", {"zh": ["地下水", "水位"], "en": ["wells"]}),
        ("code:themes", "地下水", "groundwater"),
        ("code:themes", "地質災害", "hazard"),
        ("code:themes", "地质灾害", "hazard"),
        ("code:themes", "geological HAZARDS", "hazard"),
        ("code:kinds", "DATASET", "dataset"),
        ("codes:themes", ["water", "water", "土地"], ["water", "land"]),
        ("code:formats", "CSV", "csv"),
        ("code:formats", "MapInfo TAB", "mapinfo tab"),
        ("code:licenses", "Our Own", "Our Own"),
        ("date", "2024", "2024-01-01"),
        ("date", "2024-05", "2024-05-01"),
        ("date", "2024/05/06", "2024-05-06"),
        ("date", "2024-12-31T20:00:00Z", "2025-01-01"),
        ("moment", "2024-05-01T08:00:00+08:00", "2024-05-01T00:00:00Z"),
        ("moment", "2024-05-01 08:00", "2024-05-01T08:00:00Z"),
        ("moment", "2024-05-01", "2024-05-01"),
        ("decimal", 103.250, "103.25"),
        ("decimal", "1e3", "1000"),
        ("decimal", "-0.0", "0"),
        ("decimal", "007.50", "7.5"),
        ("decimal", 1e-7, "0.0000001"),
        ("decimal", 0.1 + 0.2, "0.30000000000000004"),
        ("integer", "12", 12),
        ("integer", 3.0, 3),
        ("boolean", "是", True),
        ("boolean", "no", False),
        ("division", "51", "510000"),
        ("division", 510107, "510107"),
        ("division", "5101", "510100"),
        ("divisions", "510107", ["510107"]),
        ("division", "510107001", "510107001"),
        ("bbox", [103.1, "30", 104.250, 31], ["103.1", "30", "104.25", "31"]),
        ("bbox", [170, -10, -170, 10], ["170", "-10", "-170", "10"]),
        ("period", ["2020", None], ["2020-01-01", None]),
        ("crs", "EPSG:4490", "EPSG:4490"),
        ("scale", 50000, "1:50000"),
        ("scale", "1：50,000", "1:50000"),
        ("url", "https://example.org/a?b=c", "https://example.org/a?b=c"),
        ("provider", "武侯区规划和自然资源局", {"name": {"zh": "武侯区规划和自然资源局"}}),
        ("sharing", "unconditional", {"type": "unconditional"}),
        ("opening", True, {"open": True}),
        ("opening", "closed", {"open": False}),
        ("identifiers", ["a", "a", "b"], ["a", "b"]),
        ("json", {"a": [1.5, None]}, {"a": ["1.5", None]}),
    ],
)
def test_loose_forms_become_one_stored_form(kind, loose, stored):
    assert clean_value(kind, loose) == stored
    assert cleaned_anew(kind, stored) == stored, "cleaning twice changes nothing"


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        ("title", ""),
        ("title", 5.5),
        ("title", "x" * 501),
        ("title", {"zh": ""}),
        ("title", {"中文": "x"}),
        ("texts", "a\x00b"),
        ("texts", "\ud800"),
        ("texts", []),
        ("keywords", 5),
        ("keywords", {"zh": "水"}),
        ("code:kinds", "spaceship"),
        ("code:themes", ""),
        ("codes:themes", ["water", "fire"]),
        ("date", "yesterday"),
        ("date", "2024-13-01"),
        ("date", "2024-02-30"),
        ("date", ""),
        ("moment", "2024-01-01T25:00:00Z"),
        ("decimal", "NaN"),
        ("decimal", float("inf")),
        ("decimal", True),
        ("decimal", "1e999"),
        ("decimal", "十"),
        ("integer", 2**53),
        ("integer", "1.5"),
        ("integer", True),
        ("boolean", "perhaps"),
        ("division", "5"),
        ("division", "51010"),
        ("division", "51O107"),
        ("bbox", [1, 2, 3]),
        ("bbox", [0, 10, 1, 5]),
        ("bbox", [0, 0, 181, 5]),
        ("bbox", ["a", 0, 1, 1]),
        ("geometry", "AAAA"),
        ("geometry", {"type": "Point"}),
        ("geometry", {"type": "Point", "coordinates": [500, 0]}),
        ("period", [None, None]),
        ("period", ["2024", "2023"]),
        ("crs", "4490"),
        ("scale", "big"),
        ("url", "javascript:alert(1)"),
        ("url", "https://a b"),
        ("provider", {"code": "91350100M000100Y43"}),
        ("provider", {"name": "x", "code": "91350100M000100Y44"}),
        ("provider", {"name": "x", "phone": "1"}),
        ("sharing", {"conditions": "x"}),
        ("sharing", {"type": "maybe"}),
        ("opening", {}),
        ("items", [{"title": "x"}]),
        ("items", [{"name": "a"}, {"name": "a"}]),
        ("items", [{"name": "A b"}]),
        ("resource", {"sha256": "xyz"}),
        ("resource", {"url": "file:///etc/passwd"}),
        ("resource", {"who": 1}),
        ("json", object()),
    ],
)
def test_wrong_values_are_named_in_both_languages(kind, bad):
    with pytest.raises(ValueProblem) as caught:
        clean_value(kind, bad)
    assert caught.value.zh and caught.value.en


def test_geometries_are_stored_as_wkb_and_read_from_geojson():
    stored = clean_value("geometry", {"type": "Point", "coordinates": [104.06, 30.67]})
    assert isinstance(stored, str) and cleaned_anew("geometry", stored) == stored


def test_the_check_character_of_a_credit_code_is_computed():
    assert credit_code_check("91350100M000100Y43")  # the example of GB 32100-2015
    for place in range(18):
        wrong = list("91350100M000100Y43")
        wrong[place] = "7" if wrong[place] != "7" else "8"
        assert not credit_code_check("".join(wrong)), place
    assert not credit_code_check("91350100M000100Y4") and not credit_code_check("9135010OM000100Y43")


def test_everything_wrong_is_named_at_once_and_what_is_good_is_kept():
    good, _, problems = clean(
        {"title": "水", "kind": "spaceship", "colour": "red", "bbox": [1], "x.well count": 1, "summary": "", "related": [], "resources.a": {"format": "CSV"}}
    )
    assert good == {"title": {"zh": "水"}, "resources.a": {"format": "csv"}}
    assert [problem.field for problem in problems] == ["kind", "colour", "bbox", "x.well count"]
    assert all(problem.zh and problem.en for problem in problems)


def test_too_much_is_refused():
    assert clean({f"x.f{i}": 1 for i in range(3001)}).problems
    assert clean({f"x.f{i}": "x" * 1_000_000 for i in range(5)}).problems


def test_what_comes_again_is_the_same_and_nobody_elses():
    value = {"name": "自然资源局", "code": None}
    first = clean_value("provider", value)
    first["name"]["zh"] = "changed by whoever got it"
    assert clean_value("provider", value) == {"name": {"zh": "自然资源局"}}
    with pytest.raises(ValueProblem):
        clean_value("provider", {"name": "自然资源局", "code": float("nan")})  # JSON writes both as null
    with pytest.raises(ValueProblem):
        clean_value("codes:themes", [b"land"])
    assert clean_value("codes:themes", ["land"]) == clean_value("codes:themes", ("land",)) == ["land"]


def test_types_of_fields():
    assert type_of("title") == "title" and type_of("resources.ab12") == "resource" and type_of("x.aquifer", {"x.aquifer": "texts"}) == "texts"
    assert type_of("x.other") == "json" and type_of("variants.grid-1km") == "json" and type_of("nonsense") is None and type_of("y.z") is None
    assert all(is_type(kind) for kind in CORE.values())


def test_the_fields_are_those_that_policies_know():
    assert frozenset(CORE) == frozenset(vocabulary.RECORD_FIELDS)
    assert frozenset(vocabulary.CARD_FIELDS) == CARD_FIELDS <= frozenset(CORE)


def test_resources_are_listed_by_id():
    fields = {"resources.b": {"format": "csv"}, "resources.a": {"format": "geojson"}, "title": {"zh": "x"}}
    assert [rid for rid, _ in resources(fields)] == ["a", "b"] and formats(fields) == ["csv", "geojson"]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.sampled_from(list(code_list("kinds").codes)),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["zh", "en", "name", "type", "code", "coordinates", "format"]) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.sampled_from([*TYPES, "code:kinds", "codes:themes", "code:formats"]), JUNK)
def test_any_value_is_stored_canonically_or_refused(kind, value):
    try:
        stored = clean_value(kind, value)
    except ValueProblem:
        return
    good, _, problems = clean({"x.any": value}, {"x.any": kind})
    if not problems and good:
        assert loads(dumps(good)) == good
        assert cleaned_anew(kind, stored) == stored


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6) | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e50, max_value=1e50))
def test_decimals_have_one_text_and_keep_their_value(number):
    from decimal import Decimal

    from catalog.canonical import is_decimal_text

    try:
        written = decimal_text(number)
    except ValueProblem:
        assert abs(Decimal(repr(number) if isinstance(number, float) else number).adjusted()) > 60
        return
    assert is_decimal_text(written)
    assert Decimal(written) == Decimal(repr(number) if isinstance(number, float) else number)
