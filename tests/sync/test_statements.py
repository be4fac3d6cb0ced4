"""Statements: form, signatures, and the traps of JWS (PROTOCOL 6.1)."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

from catalog.canonical import JSON, b64, dumps, loads
from sync.claims import Certify, NodeStatement, Succession, read_time, write_time
from sync.errors import StatementError
from sync.say import node_claims
from sync.statements import TYP, Signatures, parse_all, sign, sign_jws, split_jws, verify_jws
from sync.suite import ED25519
from tests.sync.world import NOW, Node

NODE, SUB = Node("510100"), Node("510107")
CERTIFY = NODE.claims(SUB)
SUCCESSION = loads(split_jws(NODE.succeed(NODE, SUB, size=4), TYP)[1])
EPOCH = loads(split_jws(NODE.close(SUB, size=0), TYP)[1])
ROOT = node_claims([NODE.root.public], now=NOW)


def token(claims: dict[str, JSON] | bytes, *, header: dict[str, Any] | None = None, key: Any = NODE.site) -> str:
    """A compact JWS whose header and payload may be anything, with a true signature over them."""
    head = {"alg": "Ed25519", "kid": key.public.kid, "typ": TYP} if header is None else header
    body = claims if isinstance(claims, bytes) else dumps(claims)
    signed = f"{b64(json.dumps(head, separators=(',', ':'), sort_keys=True).encode())}.{b64(body)}"
    return f"{signed}.{b64(key.sign(signed.encode()))}"


def test_statement_is_signed_and_read() -> None:
    found = parse_all([sign(CERTIFY, NODE.site)])[0]
    assert isinstance(found.body, Certify)
    assert (found.body.iss, found.body.sub, found.body.division) == (NODE.id, SUB.id, "510107")
    assert found.body.site_keys == (SUB.site.public,)
    assert Signatures().by(found, [NODE.site.public], 1)
    assert not Signatures().by(found, [SUB.site.public], 1)


def test_own_jws_and_jwcrypto_agree() -> None:
    ours = sign_jws(b"{}", NODE.site, TYP)
    assert ours == token(b"{}")
    theirs = JWS()
    theirs.allowed_algs = ["Ed25519"]
    theirs.deserialize(ours, JWK(**NODE.site.public.jwk))
    assert theirs.payload == b"{}"


def test_several_signatures_on_one_payload_are_one_statement() -> None:
    # PROTOCOL 6.1: m of n
    keys = [ED25519.generate() for _ in range(3)]
    claims = node_claims([key.public for key in keys], threshold=2, now=NOW)
    statement = parse_all([sign(claims, keys[0]), sign(claims, keys[1])])[0]
    known = Signatures()
    assert len(statement.signatures) == 2
    assert known.by(statement, [key.public for key in keys], 2)
    assert not known.by(statement, [key.public for key in keys], 3)
    assert not known.by(statement, [keys[0].public, keys[2].public], 2)


def test_one_key_signing_twice_counts_once() -> None:
    key = ED25519.generate()
    claims = node_claims([key.public], now=NOW)
    statement = parse_all([sign(claims, key), sign(claims, key)])[0]
    assert not Signatures().by(statement, [key.public, key.public], 2)


def test_false_signature_sent_first_does_not_push_out_the_true_one() -> None:
    good = sign(CERTIFY, NODE.site)
    head, body, _ = good.split(".")
    statement = parse_all([f"{head}.{body}.{b64(bytes(64))}", good])[0]
    assert Signatures().by(statement, [NODE.site.public], 1)


HEADERS = [
    {"alg": "none", "kid": NODE.site.public.kid, "typ": TYP},
    {"alg": "EdDSA", "kid": NODE.site.public.kid, "typ": TYP},
    {"alg": "HS256", "kid": NODE.site.public.kid, "typ": TYP},
    {"alg": "Ed25519", "kid": SUB.site.public.kid, "typ": TYP},
]


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: f"{header['alg']}")
def test_other_algorithm_or_key_never_verifies(header: dict[str, Any]) -> None:
    statement = parse_all([token(CERTIFY, header=header)])[0]
    assert not Signatures().by(statement, [NODE.site.public], 1)


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "Ed25519", "kid": "x"},
        {"alg": "Ed25519", "kid": "x", "typ": "JWT"},
        {"alg": "Ed25519", "kid": "x", "typ": TYP, "zip": "DEF"},
        {"alg": "Ed25519", "kid": 5, "typ": TYP},
        {"alg": "Ed25519", "kid": "x", "typ": TYP, "crit": ["exp"]},
        {"alg": "Ed25519", "kid": "x", "typ": TYP, "jwk": NODE.site.public.jwk},
        {"alg": "Ed25519", "typ": TYP},
        {},
        [],
        "x",
        {"alg": "Ed25519", "kid": "x", "typ": "terrace-request+jwt"},
    ],
)
def test_header_with_anything_else_is_refused(header: Any) -> None:
    with pytest.raises(StatementError):
        parse_all([token(CERTIFY, header=header)])


GOOD = sign(CERTIFY, NODE.site)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b",
        GOOD + ".x",
        GOOD.rpartition(".")[0],
        GOOD + "=",
        " " + GOOD,
        GOOD + "\n",
        GOOD.replace(".", "..", 1),
        "{}." + GOOD,
        '{"payload":"","signatures":[]}',
        GOOD[:-1],
        GOOD.split(".")[0] + ".." + GOOD.split(".")[2],
        "A" * 20_000,
        GOOD.split(".")[0] + ".e30." + GOOD.split(".")[2],
    ],
)
def test_text_that_is_no_compact_statement_is_refused(text: str) -> None:
    with pytest.raises(StatementError):
        parse_all([text])


def test_non_canonical_base64_of_a_signature_is_refused() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    stray = alphabet[alphabet.index(GOOD[-1]) + 1]  # 64 bytes leave four unused bits in the last character
    assert base64.urlsafe_b64decode(GOOD.split(".")[2][:-1] + stray + "==") == base64.urlsafe_b64decode(GOOD.split(".")[2] + "==")
    with pytest.raises(StatementError):
        parse_all([GOOD[:-1] + stray])


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b'{"v":1}',
        b'{"v":1,"kind":"certify"}',
        b'{"kind":"certify","kind":"node","v":1}',
        b'{"kind":"node","v":1 }',
        b'{"kind":"oath","v":1}',
        b'{"kind":1.5,"v":1}',
    ],
)
def test_payload_that_is_no_statement_is_refused(payload: bytes) -> None:
    with pytest.raises(StatementError):
        parse_all([token(payload)])


def test_unknown_kind_is_named() -> None:
    with pytest.raises(StatementError) as refused:
        parse_all([token({"kind": "oath", "v": 1})])
    assert refused.value.kind == "unknown"


BAD_MEMBERS: list[tuple[Any, str, list[Any]]] = [
    (CERTIFY, "iss", [None, "", "n-x", 5]),
    (CERTIFY, "serial", [0, -1, "1", True, None]),
    (CERTIFY, "depth", [-1, 9, "1"]),
    (CERTIFY, "level", ["nation ", "world", None]),
    (CERTIFY, "division", ["51", "5101O7", 510107, None]),
    (CERTIFY, "unit", ["510107/x", "x"]),
    (CERTIFY, "divisions", [None, "510107", ["51"], ["510107", "510107"]]),
    (CERTIFY, "units", [["geo"], ["510107/"], ["510107/A"], [5]]),
    (CERTIFY, "zone", ["", "Business", "a/b", None]),
    (CERTIFY, "sector", ["", "Land", None]),
    (CERTIFY, "name", [{}, "x", {"zh": ""}, {"zh": 5}, {"zh": "x" * 201}, {"zh": "成都\x1b[8m"}, {"zh": "成都\nX"}, {"zh\x1b": "成都"}]),
    (CERTIFY, "revoked", [None, 0, "no"]),
    (CERTIFY, "exp", [0, NOW, NOW * 2, None, "x"]),
    (CERTIFY, "iat", [-1, None, 1.0 and "1"]),
    (CERTIFY, "witnesses", [[NODE.id], None, ["x"]]),
    (CERTIFY, "suite", ["sm2-sm3", "none", None]),
    (CERTIFY, "epoch", [0, None]),
    (CERTIFY, "v", [2, "1", None, True]),
    (
        CERTIFY,
        "keys",
        [
            None,
            [],
            {},
            {"site": []},
            {"site": [SUB.site.public.jwk] * 2},
            {"site": [SUB.site.jwk()]},
            {"site": [SUB.site.public.jwk], "witness": SUB.site.public.jwk},
            {"site": [ED25519.generate().public.jwk for _ in range(9)]},
            {"site": ["x"], "witness": None},
        ],
    ),
    (ROOT, "iss", [NODE.id, ""]),
    (ROOT, "prev", ["A" * 43]),
    (ROOT, "threshold", [0, 2, None]),
    (ROOT, "keys", [[], None, {}]),
    (ROOT, "version", [0, 2, None]),
    (ROOT, "suite", ["sm2-sm3"]),
    (EPOCH, "opens", [1, 3, None]),
    (EPOCH, "closes", [0, None]),
    (EPOCH, "root", ["", "AA", None]),
    (EPOCH, "size", [-1, None]),
    (EPOCH, "reason", ["", None, "Because I say so"]),
    (SUCCESSION, "to", [NODE.id, None]),
    (SUCCESSION, "ids", [None, "some", ["x"], [5]]),
    (SUCCESSION, "until", [None, "2026-13-01T00:00:00Z", "2026-11-24", NOW]),
    (SUCCESSION, "epoch", [0]),
]


@pytest.mark.parametrize(("claims", "name", "values"), BAD_MEMBERS, ids=[f"{claims['kind']}-{name}" for claims, name, _ in BAD_MEMBERS])
def test_member_without_its_form_is_refused_by_name(claims: dict[str, JSON], name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(StatementError) as refused:
            parse_all([token({**claims, name: value})])
        assert refused.value.zh
        with pytest.raises(StatementError):
            parse_all([token({member: claims[member] for member in claims if member != name})])


def test_unknown_members_are_signed_along_and_ignored() -> None:
    # PROTOCOL 6.1, 7.4
    statement = parse_all([token({**CERTIFY, "later": {"x": [1]}})])[0]
    assert isinstance(statement.body, Certify)
    assert b'"later"' in statement.payload
    assert statement.digest != parse_all([GOOD])[0].digest


def test_node_id_is_that_of_version_one() -> None:
    first = parse_all([NODE.root_token])[0]
    assert isinstance(first.body, NodeStatement)
    second = parse_all([sign(node_claims([ED25519.generate().public], now=NOW, previous=(first.body, first.payload)), NODE.root)])[0]
    assert isinstance(second.body, NodeStatement)
    assert (second.body.node, second.body.version, second.body.prev) == (NODE.id, 2, first.digest)


def test_too_many_statements_are_refused() -> None:
    with pytest.raises(StatementError, match="more than 2"):
        parse_all([GOOD] * 3, limit=2)


def test_times_go_both_ways() -> None:
    assert read_time(write_time(NOW)) == NOW
    assert isinstance(parse_all([token(SUCCESSION)])[0].body, Succession)


@given(st.text(max_size=200) | st.from_regex(r"\A[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,80}\.[A-Za-z0-9_-]{0,90}\Z"))
def test_any_text_gives_a_statement_error(text: str) -> None:
    with pytest.raises(StatementError):
        parse_all([text])


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**53 - 1) | st.text(st.characters(min_codepoint=1, codec="utf-8"), max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["site", "witness", "zh", "x", "kty", "crv"]), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from([CERTIFY, ROOT, EPOCH, SUCCESSION]), st.data())
def test_any_member_gives_a_statement_or_a_statement_error(claims: dict[str, JSON], data: st.DataObject) -> None:
    bent = dict(claims)
    for name in data.draw(st.lists(st.sampled_from(sorted(claims)), min_size=1, max_size=3)):
        bent[name] = data.draw(JSONS)
    try:
        parse_all([token(bent)])
    except StatementError as error:
        assert error.clause in ("1.5", "3.3", "6.1")


def test_verification_needs_the_whole_key() -> None:
    signature, _ = split_jws(GOOD, TYP)
    assert verify_jws(signature, NODE.site.public)
    assert not verify_jws(signature, NODE.root.public)
