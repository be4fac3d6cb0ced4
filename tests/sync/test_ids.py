"""Suites, node ids, record ids, names of logs (PROTOCOL 1)."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.canonical import b64
from catalog.errors import ManifestError
from catalog.ids import check_birth, is_record_id, mint_id, new_nonce, uuid_of
from sync.errors import SuiteError, SyncError
from sync.ids import Origin, fingerprint, is_zone, log_origin, node_id, parse_fingerprint, parse_origin, stream_origin, witness_name
from sync.suite import ED25519, suite_of

NODE = node_id(b"root statement")


def test_node_id_is_the_fingerprint_of_the_root_statement() -> None:
    # PROTOCOL 1.2
    assert "n-" + "".join(fingerprint(NODE).split()) == NODE
    assert len(NODE) == 34
    assert node_id(b"another") != NODE
    assert [len(group) for group in fingerprint(NODE).split()] == [4] * 8


@pytest.mark.parametrize("typed", ["{0}", "n-{0}", "N-{1}", " {2} ", "n-{2}", "{3}"])
def test_fingerprint_is_read_as_people_type_it(typed: str) -> None:
    groups = fingerprint(NODE)
    assert parse_fingerprint(typed.format(NODE[2:], NODE[2:].upper(), groups, groups.replace(" ", "-"))) == NODE


@pytest.mark.parametrize("typed", ["", "n-", NODE[:-1], NODE + "a", NODE[:-1] + "1", "n-" + "8" * 32, "𝔫" * 32])
def test_fingerprint_mistyped_is_refused(typed: str) -> None:
    with pytest.raises(SyncError, match="node id"):
        parse_fingerprint(typed)


def test_record_id_is_a_uuid_version_8_and_proves_its_birth() -> None:
    # PROTOCOL 1.3
    nonce = new_nonce()
    minted = mint_id(NODE, nonce)
    found = uuid.UUID(uuid_of(minted))
    assert (found.version, found.variant) == (8, uuid.RFC_4122)
    assert is_record_id(minted)
    assert check_birth(minted, [NODE, b64(nonce)]) == NODE


def test_squatting_on_an_id_is_refused() -> None:
    # PROTOCOL 1.3
    nonce, other = new_nonce(), node_id(b"squatter")
    minted = mint_id(NODE, nonce)
    for birth in ([other, b64(nonce)], [NODE, b64(new_nonce())]):
        with pytest.raises(ManifestError, match="not minted"):
            check_birth(minted, birth)


@pytest.mark.parametrize("birth", [None, [], [NODE], [NODE, 5], [NODE, "AAA"], [NODE, "A" * 22 + "=="], ["n-x", "A" * 22], {"n": 1}])
def test_malformed_birth_is_refused(birth: object) -> None:
    with pytest.raises(ManifestError):
        check_birth(mint_id(NODE, bytes(16)), birth)


def test_known_record_id() -> None:
    """The bytes are fixed: a change here breaks every id ever minted."""
    assert mint_id("n-" + "a" * 32, bytes(16)) == "urn:terrace:0e6b51de-c71c-8bb2-8bcd-31725852c85a"


def test_known_node_id() -> None:
    assert node_id(b"{}") == "n-o6p7uh3ur2lv6ev734sqa3z76cun5pwq"


def test_log_names_are_taken_apart_and_put_together() -> None:
    # PROTOCOL 1.4
    name = log_origin(NODE, "business", 3)
    assert name == f"terrace/1/{NODE}/business/3"
    assert parse_origin(name) == Origin(NODE, "business", 3)
    assert str(parse_origin(name)) == name
    assert stream_origin(NODE, NODE, "g") == f"terrace/1/stream/{NODE}/{NODE}/g"
    assert witness_name(NODE, "business") == f"terrace/1/witness/{NODE}/business"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "terrace/2/{n}/business/1",
        "terrace/1/{n}/business/0",
        "terrace/1/{n}/business/01",
        "terrace/1/{n}/business/1\n",
        "terrace/1/{n}/Business/1",
        "terrace/1/x/business/1",
        "terrace/1/{n}//1",
        None,
        5,
    ],
)
def test_other_names_are_no_logs(name: object) -> None:
    with pytest.raises(SyncError):
        parse_origin(name.replace("{n}", NODE) if isinstance(name, str) else name)


@given(st.text(max_size=60))
def test_no_text_makes_the_name_parsers_fail_otherwise(text: str) -> None:
    for parse in (parse_origin, parse_fingerprint):
        try:
            parse(text)
        except SyncError as error:
            assert error.zh and error.en and error.clause.startswith("1.")
    assert is_zone(text) == (
        bool(text) and text.isascii() and text[0].islower() and all(c.islower() or c.isdigit() or c == "-" for c in text) and len(text) <= 41
    )


def test_suite_signs_and_verifies() -> None:
    # PROTOCOL 1.5
    key = ED25519.generate()
    signature = key.sign(b"text")
    assert key.public.verify(b"text", signature)
    assert not key.public.verify(b"test", signature)
    assert not key.public.verify(b"text", signature[:-1])
    assert ED25519.public(key.public.jwk) == key.public
    assert ED25519.load_pem(key.pem()).public == key.public


def test_secret_key_shows_nothing_of_itself() -> None:
    key = ED25519.generate()
    assert key.jwk()["d"] not in repr(key) + str(key)
    assert "private" not in repr(key)


def test_reserved_suite_is_refused_by_name() -> None:
    # PROTOCOL 1.5
    with pytest.raises(SuiteError, match="reserved") as refused:
        suite_of("sm2-sm3")
    assert refused.value.kind == "suite-reserved"
    assert "sm2-sm3" in refused.value.zh


@pytest.mark.parametrize("suite", ["", "none", "ED25519-SHA256", None, 5, ["ed25519-sha256"]])
def test_unknown_suite_is_refused(suite: object) -> None:
    with pytest.raises(SuiteError, match="unknown"):
        suite_of(suite)


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"crv": "Ed25519", "kty": "OKP"},
        {"crv": "Ed25519", "kty": "OKP", "x": "AA"},
        {"crv": "Ed25519", "kty": "OKP", "x": 5},
        {"crv": "X25519", "kty": "OKP", "x": "A" * 43},
        {"crv": "Ed25519", "kty": "OKP", "x": "A" * 43, "d": "A" * 43},
        {"crv": "Ed25519", "kty": "OKP", "x": "A" * 43, "alg": "none"},
        {"crv": "Ed25519", "kty": "oct", "x": "A" * 43},
        {"crv": "Ed25519", "kty": "OKP", "x": "A" * 42 + "B"},
        None,
        "key",
    ],
)
def test_key_of_another_form_is_refused(jwk: object) -> None:
    # PROTOCOL 1.5: one key has one text
    with pytest.raises(SuiteError):
        ED25519.public(jwk)  # type: ignore[arg-type]


def test_damaged_pem_is_refused() -> None:
    for pem in (b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", ED25519.generate().pem()[:-30]):
        with pytest.raises(SuiteError):
            ED25519.load_pem(pem)
