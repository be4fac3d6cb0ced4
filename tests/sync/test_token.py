"""Request tokens (PROTOCOL 7.2): replayed, turned to another audience, request, body or time, bent, forged."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.canonical import b64, dumps, loads
from sync.errors import TokenError, TrustError
from sync.statements import sign_jws, split_jws
from sync.suite import ED25519
from sync.token import MAX_AGE, MAX_SKEW, TYP, MemoryReplayCache, make, peek_issuer, verify
from tests.sync.world import NOW, Node, world

W = world()
TRUST = W.trust()
REQUEST: dict[str, Any] = {"method": "GET", "target": "/peer/v1/changes?from=41&gen=x", "body": b""}
TOKEN = make(W.county.site, iss=W.county.id, aud=W.city.id, zone="business", now=NOW, **REQUEST)


def check(token: str, *, now: int = NOW, replay: MemoryReplayCache | None = None, **changes: Any) -> str:
    values = {"me": W.city.id, "zone": "business", "keys": TRUST.site_keys, **REQUEST, **changes}
    return verify(token, now=now, replay=replay or MemoryReplayCache(), **values).node


def kind_of(token: str, **changes: Any) -> str:
    with pytest.raises(TokenError) as refused:
        check(token, **changes)
    assert refused.value.clause == "7.2" and refused.value.zh
    return refused.value.kind


def bent(**changes: Any) -> str:
    claims = loads(split_jws(TOKEN, TYP)[1])
    assert isinstance(claims, dict)
    return sign_jws(dumps({name: value for name, value in {**claims, **changes}.items() if value != "DROP"}), W.county.site, TYP)


def test_token_names_its_caller() -> None:
    # PROTOCOL 7.2
    assert check(TOKEN) == W.county.id == peek_issuer(TOKEN)
    body = make(W.county.site, iss=W.county.id, aud=W.city.id, zone="business", now=NOW, method="POST", target="/peer/v1/changes", body=b"{}")
    assert check(body, method="POST", target="/peer/v1/changes", body=b"{}") == W.county.id


def test_replayed_token_is_refused() -> None:
    replay = MemoryReplayCache()
    check(TOKEN, replay=replay)
    assert kind_of(TOKEN, replay=replay) == "token-replay"
    assert kind_of(TOKEN, replay=replay, now=NOW + MAX_AGE + MAX_SKEW - 1) == "token-replay"


@pytest.mark.parametrize("changes", [{"me": W.province.id}, {"zone": "internet"}])
def test_token_for_another_audience_is_refused(changes: dict[str, Any]) -> None:
    assert kind_of(TOKEN, **changes) == "token-audience"


@pytest.mark.parametrize(
    "changes", [{"method": "POST"}, {"target": "/peer/v1/changes?from=42&gen=x"}, {"target": "/peer/v1/changes"}, {"body": b"x"}, {"target": "/peer/v1/hello"}]
)
def test_token_for_another_request_is_refused(changes: dict[str, Any]) -> None:
    assert kind_of(TOKEN, **changes) == "token-request"


def test_late_and_early_tokens_are_refused() -> None:
    assert check(TOKEN, now=NOW + MAX_AGE + MAX_SKEW - 1)
    assert kind_of(TOKEN, now=NOW + MAX_AGE + MAX_SKEW) == "token-time"
    assert check(TOKEN, now=NOW - MAX_SKEW)
    assert kind_of(TOKEN, now=NOW - MAX_SKEW - 1) == "token-time"


def test_token_by_another_key_is_refused() -> None:
    for key in (W.city.site, W.county.root, W.county.witness, ED25519.generate()):
        token = make(key, iss=W.county.id, aud=W.city.id, zone="business", now=NOW, **REQUEST)
        assert kind_of(token) == "token-signature"


def test_token_of_an_uncertified_node_is_refused() -> None:
    stranger = Node("510107")
    with pytest.raises(TrustError) as refused:
        check(make(stranger.site, iss=stranger.id, aud=W.city.id, zone="business", now=NOW, **REQUEST))
    assert refused.value.kind == "uncertified"


def test_stranger_cannot_fill_the_replay_cache() -> None:
    replay = MemoryReplayCache(limit=1)
    for _ in range(3):
        assert kind_of(make(ED25519.generate(), iss=W.county.id, aud=W.city.id, zone="business", now=NOW, **REQUEST), replay=replay) == "token-signature"
    assert check(TOKEN, replay=replay)
    assert kind_of(bent(jti=b64(bytes(16))), replay=replay) == "token-cache-full"
    assert check(bent(iat=NOW + 400, exp=NOW + 460), replay=replay, now=NOW + 400)  # the old one is forgotten when it can no longer be valid


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW + 61},
        {"exp": NOW},
        {"exp": "DROP"},
        {"iat": None},
        {"iat": True},
        {"jti": "AA"},
        {"jti": 5},
        {"jti": "DROP"},
        {"digest": ""},
        {"iss": "n-x"},
        {"iss": None},
        {"aud": ""},
        {"htm": 5},
        {"htu": "DROP"},
        {"zone": ""},
    ],
)
def test_claim_without_its_form_is_refused(changes: dict[str, Any]) -> None:
    assert kind_of(bent(**changes)) == "token"


def test_statement_is_no_token_and_token_no_statement() -> None:
    assert kind_of(W.city.tokens[-1]) == "token"


@given(st.text(max_size=200) | st.from_regex(r"\A[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,80}\.[A-Za-z0-9_-]{0,90}\Z"))
def test_any_text_gives_a_token_error(text: str) -> None:
    assert kind_of(text) == "token"


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from("ABab01-_.="))
def test_no_bent_character_leaves_a_token_valid(place: int, char: str) -> None:
    if TOKEN[place] != char:
        with pytest.raises((TokenError, TrustError)):
            check(TOKEN[:place] + char + TOKEN[place + 1 :])
