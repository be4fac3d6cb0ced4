"""Joining (PROTOCOL 6.6): the invite line, the join that proves its node, the answer that is believed only when it certifies."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.canonical import b64, dumps, loads
from policies.errors import TerraceError
from sync.errors import InviteError, StatementError, TrustError
from sync.join import TYP, Invite, make_answer, make_invite, make_join, parse_answer, parse_invite, parse_join, secret_digest
from sync.merkle import sha256
from sync.statements import parse_all, sign_jws, split_jws
from tests.sync.world import NOW, ZONE, Node, world

W = world()
NEW = Node("510104")
INVITE = Invite("https://chengdu.example:8443", W.city.id, W.nation.id, ZONE, b64(bytes(16)), NOW + 3600)
LINE = make_invite(INVITE)


def join(**changes: Any) -> bytes:
    values: dict[str, Any] = {
        "key": NEW.site,
        "node": NEW.id,
        "superior": W.city.id,
        "zone": ZONE,
        "secret": INVITE.secret,
        "url": "https://new.example",
        "statements": NEW.tokens,
        "now": NOW,
    }
    return make_join(**{**values, **changes})


def test_invite_is_one_line_and_comes_back() -> None:
    # PROTOCOL 6.6
    assert len(LINE.split()) == 1
    assert parse_invite(LINE, now=NOW) == INVITE
    assert parse_invite(f"  {LINE[:50]}\n  {LINE[50:]}\n", now=NOW) == INVITE  # wrapped by a mail program


def test_expired_invite_is_refused() -> None:
    with pytest.raises(InviteError) as refused:
        parse_invite(LINE, now=NOW + 3600)
    assert refused.value.kind == "invite-expired"


@given(st.integers(0, len(LINE) - 1), st.sampled_from("ABab01-_.="))
def test_mistyped_invite_is_refused(place: int, char: str) -> None:
    if LINE[place] != char:
        with pytest.raises(InviteError):
            parse_invite(LINE[:place] + char + LINE[place + 1 :], now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "ftp://x"},
        {"url": "https://user@host"},
        {"url": "https://host/?q"},
        {"url": ""},
        {"url": "https://[x"},
        {"node": "n-x"},
        {"root": None},
        {"zone": "A"},
        {"secret": "short"},
        {"exp": "x"},
        {"v": 2},
        {"url": "https://" + "x" * 600},
    ],
)
def test_invite_with_a_wrong_member_is_refused(changes: dict[str, Any]) -> None:
    payload = {"exp": INVITE.exp, "node": INVITE.node, "root": INVITE.root, "secret": INVITE.secret, "url": INVITE.url, "v": 1, "zone": ZONE, **changes}
    raw = dumps(payload)
    with pytest.raises(InviteError):
        parse_invite(f"terrace-invite-1.{b64(raw)}.{b64(sha256(raw)[:6])}", now=NOW)


@given(st.text(max_size=200))
def test_any_text_gives_an_invite_error(text: str) -> None:
    with pytest.raises(InviteError):
        parse_invite(text, now=NOW)


def test_join_proves_its_node() -> None:
    # PROTOCOL 6.6
    request = parse_join(join(), me=W.city.id, zone=ZONE, now=NOW)
    assert (request.node, request.url, request.secret) == (NEW.id, "https://new.example", INVITE.secret)
    assert len(request.statements) == 2
    assert secret_digest(INVITE.secret) == secret_digest(request.secret)
    assert INVITE.secret not in secret_digest(INVITE.secret)


def test_join_in_another_nodes_name_is_refused() -> None:
    """Who overheard the secret cannot put an address of its own beside somebody else's name."""
    thief = Node("510104")
    with pytest.raises(InviteError, match="not signed"):
        parse_join(join(key=thief.site, url="https://thief.example"), me=W.city.id, zone=ZONE, now=NOW)
    with pytest.raises(InviteError, match="not signed"):
        parse_join(join(key=NEW.witness), me=W.city.id, zone=ZONE, now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"superior": W.province.id},
        {"zone": "internet"},
        {"now": NOW - 400},
        {"now": NOW + 301},
        {"statements": []},
        {"statements": NEW.tokens[:1]},
        {"statements": W.city.tokens},
        {"statements": ["x"]},
        {"secret": "AA"},
        {"url": "file:///etc"},
        {"node": W.county.id},
        {"statements": [NEW.tokens[0]] * 1001},
    ],
)
def test_join_that_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((InviteError, StatementError, TrustError)):
        parse_join(join(**changes), me=W.city.id, zone=ZONE, now=NOW)


def test_join_of_a_node_for_another_zone_is_refused() -> None:
    other = Node("510104", zone="internet")
    with pytest.raises(TrustError):
        parse_join(join(node=other.id, key=other.site, statements=other.tokens), me=W.city.id, zone=ZONE, now=NOW)


@given(st.data())
def test_any_join_gives_a_request_or_an_error_of_ours(data: st.DataObject) -> None:
    claims = loads(split_jws(join().decode(), TYP, limit=10**6)[1])
    assert isinstance(claims, dict)
    name = data.draw(st.sampled_from(sorted(claims)))
    texts = st.text(st.characters(min_codepoint=1, codec="utf-8"), max_size=10)
    claims[name] = data.draw(st.none() | st.integers(-5, 5) | texts | st.lists(st.integers() | texts, max_size=3))
    try:
        parse_join(sign_jws(dumps(claims), NEW.site, TYP).encode(), me=W.city.id, zone=ZONE, now=NOW)
    except TerraceError as error:
        assert error.zh and error.en


@given(st.binary(max_size=200))
def test_any_bytes_give_an_invite_error(body: bytes) -> None:
    with pytest.raises(InviteError):
        parse_join(body, me=W.city.id, zone=ZONE, now=NOW)
    with pytest.raises(InviteError):
        parse_answer(body, invite=INVITE, node=NEW.id, now=NOW)


def test_answer_is_believed_only_when_it_certifies_this_node_from_the_invites_root() -> None:
    # PROTOCOL 6.6
    own = parse_all(NEW.tokens)
    assert parse_answer(make_answer("waiting"), invite=INVITE, node=NEW.id, now=NOW) == ("waiting", ())
    token = W.city.certify(NEW)
    chain = [jws for statement in W.trust().chain(W.city.id) for jws in statement.tokens]
    state, kept = parse_answer(make_answer("certified", [*chain, token]), invite=INVITE, node=NEW.id, now=NOW, known=own)
    assert state == "certified" and token in [jws for statement in kept for jws in statement.tokens]
    thief = Node("510100")
    for tokens, words in (
        (chain, "no statement"),
        ([*chain, thief.certify(NEW)], "not certified"),
        ([token], "not certified"),
        ([*chain, W.city.certify(NEW, revoked=True, serial=99)], "revoked"),
        ([*thief.tokens, thief.certify(NEW)], "not certified"),
    ):
        with pytest.raises(InviteError, match=words):
            parse_answer(make_answer("certified", tokens), invite=INVITE, node=NEW.id, now=NOW, known=own)


def test_certification_by_another_than_the_inviter_is_refused() -> None:
    own = parse_all(NEW.tokens)
    token = W.province.certify(NEW)
    chain = [jws for statement in W.trust().chain(W.province.id) for jws in statement.tokens]
    with pytest.raises(InviteError, match="not the inviter"):
        parse_answer(make_answer("certified", [*chain, token]), invite=INVITE, node=NEW.id, now=NOW, known=own)
