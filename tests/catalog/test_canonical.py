"""Canonical bytes against the reference implementation of RFC 8785, and each way of writing something else."""

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from catalog.canonical import MAX_DEPTH, MAX_INTEGER, b64, dumps, is_b64, is_decimal_text, loads, loads_many, unb64
from catalog.errors import CanonicalError

KEYS = st.text(st.characters(min_codepoint=1, max_codepoint=127), max_size=12)
TEXTS = st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"]), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=20)


@given(VALUES)
def test_written_as_the_reference_implementation_writes_it_and_read_back(value):
    data = dumps(value)
    assert data == rfc8785.dumps(value)
    assert loads(data) == value
    assert loads(data.decode()) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_either_refused_or_come_back_as_they_were(data):
    try:
        value = loads(data)
    except CanonicalError:
        return
    assert dumps(value) == data


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b"[1.0]",
        b"[1e3]",
        b"[-0]",
        b"[1.5]",
        b"[9007199254740992]",
        b"[-9007199254740992]",
        b"[1" + b"0" * 400 + b"]",
        '{"é":1}'.encode(),
        b'{"\\u00e9":1}',
        b'["\\u0041"]',
        b'["\\ud800"]',
        b'["\\u0000"]',
        b'["\\\\\\u0000"]',
        b'{"\\u0000":1}',
        b'["\xed\xa0\x80"]',
        b'["\\/"]',
        b"",
        b"nul",
        b"[NaN]",
        b"[Infinity]",
        b"\xef\xbb\xbf[]",
        b"[]\n",
        b"[1,]",
        b"{'a':1}",
        b'["\xff"]',
        b"[" * 65 + b"]" * 65,
        b"[" * 100_000,
        b'{"a":' * 65 + b"1" + b"}" * 65,
    ],
)
def test_other_forms_are_refused(data):
    with pytest.raises(CanonicalError) as caught:
        loads(data)
    assert caught.value.zh and caught.value.en


def test_a_lone_surrogate_in_text_is_refused_both_ways():
    with pytest.raises(CanonicalError):
        loads('["\ud800"]')
    with pytest.raises(CanonicalError):
        dumps(["\ud800"])


def test_zero_is_refused_both_ways_and_its_escape_written_out_is_not():
    for value in ("\0", ["a\0b"], {"a\0": 1}):
        with pytest.raises(CanonicalError, match=r"U\+0000"):
            dumps(value)
    for value in ("\\u0000", "\\\\u0000", {"\\u0000": "\\\\\\u0000"}):
        assert loads(dumps(value)) == value
    assert loads_many(['"\\\\u0000"']) == ([b'"\\\\u0000"'], ["\\u0000"])
    with pytest.raises(CanonicalError):
        loads_many(['"\\u0000"'])


def test_nesting_to_the_limit_passes_and_one_more_does_not():
    deepest = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH
    assert dumps(loads(deepest)) == deepest
    with pytest.raises(CanonicalError):
        loads(b"[" + deepest + b"]")
    wide = b"[" + b",".join([b"[]"] * 200) + b"]"
    assert loads(wide) == [[]] * 200


@pytest.mark.parametrize("value", [1.0, {"é": 1}, {1: 2}, MAX_INTEGER + 1, b"x", {"a": object()}, {"a": {1}}, [[float("nan")]], ["\udfff"]])
def test_values_outside_the_form_are_not_written(value):
    with pytest.raises(CanonicalError):
        dumps(value)


def test_cyclic_value_is_refused_not_followed_for_ever():
    loop: list = []
    loop.append(loop)
    with pytest.raises(CanonicalError):
        dumps(loop)


@given(st.binary(max_size=50))
def test_base64url_is_one_text_for_one_value(data):
    assert unb64(b64(data)) == data


@pytest.mark.parametrize("bad", ["QQ==", "Q", "QR", "Q+", "Q/", "Q Q", "QQ\n", "é", 5])
def test_loose_base64url_is_refused(bad):
    with pytest.raises(CanonicalError):
        unb64(bad)


def test_base64url_of_another_size_is_refused():
    assert unb64("AAAA", 3) == b"\0\0\0"
    with pytest.raises(CanonicalError):
        unb64("AAAA", 4)


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ("0", True),
        ("1", True),
        ("-1", True),
        ("10", True),
        ("0.5", True),
        ("-0.5", True),
        ("103.25", True),
        ("1000000000000000000000", True),
        ("-0", False),
        ("00", False),
        ("01", False),
        ("1.0", False),
        ("1.", False),
        (".5", False),
        ("+1", False),
        ("1e3", False),
        ("0.50", False),
        ("-0.0", False),
        ("", False),
        ("1\n", False),
        (5, False),
    ],
)
def test_decimals_have_one_shortest_text(value, good):
    assert is_decimal_text(value) is good


@given(st.integers(0, 40), st.text(alphabet="ABCDQgwxyz019-_+/=", max_size=60) | st.binary(max_size=40).map(b64))
def test_is_b64_says_what_unb64_finds(size: int, text: str) -> None:
    try:
        found = len(unb64(text)) == size
    except CanonicalError:
        found = False
    assert is_b64(text, size) == found
