"""Joining: two clerks compare two fingerprints; everything else is refused."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
import requests
from sqlalchemy import select

from catalog.tables import audit
from sync import invites, pairing
from sync.errors import AwayError, InviteError, PeerError, SyncError, TrustError
from sync.join import make_join, parse_invite
from sync.statements import parse_all
from tests.sync.sites import TestSite

pytestmark = pytest.mark.soak_on("postgresql")

type MakeSite = Callable[..., TestSite]


def test_join_certifies_and_makes_both_peers(make_site: MakeSite) -> None:
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    above, below = county.exchange.status().peers, city.exchange.status().peers
    assert [(peer.node, peer.relation, peer.url) for peer in above] == [(city.node, "superior", city.url)]
    assert [(peer.node, peer.relation, peer.url) for peer in below] == [(county.node, "subordinate", county.url)]
    trust = county.exchange.context.trust.at(county.clock())
    assert trust.certified(county.node).path == (city.node, county.node) and trust.witness_node(county.node) == city.node
    top = city.exchange.context.trust.at(city.clock())
    assert top.witness_node(city.node) == county.node  # a top node's witness is a subordinate


def test_invite_is_used_once_by_one_node(make_site: MakeSite) -> None:
    city, county, other = make_site("510100", "成都"), make_site("510107", "武侯"), make_site("510104", "锦江")
    line = city.exchange.pairing.invite("admin")
    assert county.exchange.pairing.ask(line, city.node, "admin") == "waiting"
    with pytest.raises(SyncError):
        other.exchange.pairing.ask(line, city.node, "admin")
    city.exchange.pairing.refuse(county.node, "admin")
    with pytest.raises(InviteError):
        city.exchange.pairing.confirm(county.node, "admin")
    assert county.exchange.pairing.ask(line, city.node, "admin") == "refused"
    assert county.exchange.status().peers == () and city.exchange.status().peers == ()


def test_expired_or_damaged_invite_is_refused(make_site: MakeSite) -> None:
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    line = city.exchange.pairing.invite("admin", life=-1)
    with pytest.raises(InviteError):
        county.exchange.pairing.look(line)
    good = city.exchange.pairing.invite("admin")
    with pytest.raises(InviteError):
        county.exchange.pairing.look(good[:-3] + "aaa")


def test_what_was_confirmed_must_be_what_was_invited(make_site: MakeSite) -> None:
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    line = city.exchange.pairing.invite("admin")
    with pytest.raises(InviteError):
        county.exchange.pairing.ask(line, county.node, "admin")
    assert city.exchange.pairing.waiting() == []


def test_another_site_at_the_invites_address_is_noticed(make_site: MakeSite) -> None:
    city, county, thief = make_site("510100", "成都"), make_site("510107", "武侯"), make_site("510104", "锦江")
    from dataclasses import replace

    from sync.join import make_invite

    invite = parse_invite(city.exchange.pairing.invite("admin"), now=city.clock())
    with pytest.raises(InviteError):
        county.exchange.pairing.look(make_invite(replace(invite, url=thief.url)))


def test_invite_of_another_zone_is_refused(make_site: MakeSite) -> None:
    city, county = make_site("510100", "成都"), make_site("510107", "武侯", zone="internet")
    with pytest.raises(InviteError):
        county.exchange.pairing.look(city.exchange.pairing.invite("admin"))


def test_superior_certifies_nothing_outside_of_its_own_scope(make_site: MakeSite) -> None:
    city, foreign = make_site("510100", "成都"), make_site("520100", "贵阳")
    line = city.exchange.pairing.invite("admin")
    assert foreign.exchange.pairing.ask(line, city.node, "admin") == "waiting"
    with pytest.raises(TrustError):
        city.exchange.pairing.confirm(foreign.node, "admin")
    assert foreign.exchange.pairing.ask(line, city.node, "admin") == "waiting"
    assert city.exchange.status().peers == ()


def test_two_superiors_each_give_and_take(make_site: MakeSite) -> None:
    city, bureau, county = make_site("510100", "成都"), make_site("510000", "四川"), make_site("510107", "武侯")
    county.join(city)
    county.join(bureau)
    id = county.publish()
    county.exchange.worker.publish_once()
    for superior in (city, bureau):
        for _ in range(2):
            superior.exchange.worker.pull_once(county.node)
        assert superior.record(id) is not None
    trust = county.exchange.context.trust.at(county.clock())
    assert set(trust.superiors(county.node)) == {city.node, bureau.node}
    assert trust.witness_node(county.node) == min(city.node, bureau.node)


def test_stranger_gets_nothing(make_site: MakeSite) -> None:
    city, county, stranger = make_site("510100", "成都"), make_site("510107", "武侯"), make_site("510104", "锦江")
    county.join(city)
    with stranger.store.write() as tx:
        from sync import tables as t

        values = {"relation": "superior", "url": city.url, "name": "{}", "state": "active", "witness": 0, "added": 0}
        tx.conn.execute(t.peer.insert().values(node=city.node, **values))
    with pytest.raises(PeerError) as refused:
        stranger.exchange.worker.pull_once(city.node)
    assert refused.value.status == 403
    with pytest.raises(PeerError) as refused:
        stranger.exchange.worker.fetch_statements(city.node)
    assert refused.value.status == 403


def test_removed_peer_gets_and_gives_nothing_more(make_site: MakeSite) -> None:
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    county.publish()
    county.exchange.worker.publish_once()
    county.exchange.pairing.remove(city.node, "admin")
    with pytest.raises(PeerError) as refused:
        city.exchange.worker.pull_once(county.node)
    assert refused.value.status == 403


def _post(site: TestSite, body: bytes) -> requests.Response:
    return requests.post(site.url + "/peer/v1/join", data=body, timeout=10)


def _join_body(county: TestSite, city: TestSite, secret: str, statements: list[str] | None = None) -> bytes:
    own = [(county.folder / "node.jws").read_text()] if statements is None else statements
    return make_join(key=county.keys.site, node=county.node, superior=city.node, zone="business", secret=secret, url="", statements=own, now=county.clock())


def test_unknown_secret_is_refused_before_anything_is_verified_or_written(make_site: MakeSite, monkeypatch: pytest.MonkeyPatch) -> None:
    # PROTOCOL 6.6
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    city.exchange.pairing.invite("admin")
    body = _join_body(county, city, "A" * 22)
    before = _audit(city)
    monkeypatch.setattr(pairing, "parse_join", lambda *_args, **_more: pytest.fail("a stranger's signatures were verified"))
    answers = [_post(city, body) for _ in range(pairing.UNKNOWN + 5)]
    assert [answer.status_code for answer in answers] == [410] * pairing.UNKNOWN + [429] * 5
    assert answers[0].json()["kind"] == "invite" and answers[-1].json()["kind"] == "invite-attempts"
    lines = _audit(city)[len(before) :]
    assert len(lines) == pairing.UNKNOWN and {(line.event, line.actor) for line in lines} == {("sync.refuse", "peer:?")}


def test_known_secret_is_not_shut_out_by_guesses_and_is_itself_bounded(make_site: MakeSite) -> None:
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    line = city.exchange.pairing.invite("admin")
    for _ in range(pairing.UNKNOWN + 1):
        _post(city, _join_body(county, city, "A" * 22))
    assert county.exchange.pairing.ask(line, city.node, "admin") == "waiting"
    body = _join_body(county, city, parse_invite(line, now=county.clock()).secret, ["x.y.z"])
    statuses = {_post(city, body).status_code for _ in range(pairing.JOINS)}
    assert statuses == {422, 429}


def test_join_holds_what_the_node_says_of_itself_and_nothing_else(make_site: MakeSite) -> None:
    # PROTOCOL 6.6
    province, city, county = make_site("510000", "四川"), make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)  # the city says much of the county, and keeps it as its own
    line = province.exchange.pairing.invite("admin")
    assert city.exchange.pairing.ask(line, province.node, "admin") == "waiting"
    with province.store.read() as conn:
        kept = orjson.loads(conn.exec_driver_sql("SELECT request FROM sync_invite").scalar())["statements"]
    assert {(type(s.body).__name__, getattr(s.body, "sub", city.node)) for s in parse_all(kept)} == {("NodeStatement", city.node), ("Certify", city.node)}
    with city.store.read() as conn:
        posted = invites.about_itself(conn, city.node)
    assert {type(s.body).__name__ for s in parse_all(posted)} == {"NodeStatement", "Certify"}
    assert all(getattr(s.body, "sub", city.node) == city.node for s in parse_all(posted))


def test_peer_that_moved_is_followed_to_its_new_address(make_site: MakeSite, free_port: Callable[[], int]) -> None:
    # PROTOCOL 6.6
    city, county, other = make_site("510100", "成都"), make_site("510107", "武侯"), make_site("510104", "锦江")
    county.join(city)
    id = county.publish()
    county.exchange.worker.publish_once()
    county.unlisten()
    county.port = free_port()
    county.url = f"http://127.0.0.1:{county.port}"
    with pytest.raises(AwayError):
        city.exchange.worker.pull_once(county.node)
    with pytest.raises(AwayError):
        city.exchange.pairing.move(county.node, county.url, "admin")
    county.listen()
    for url, kind in ((other.url, "another-node"), ("http://example.org", "address"), ("ftp://x", "address")):
        with pytest.raises(SyncError) as refused:
            city.exchange.pairing.move(county.node, url, "admin")
        assert refused.value.kind == kind
    with pytest.raises(SyncError):
        city.exchange.pairing.move(other.node, other.url, "admin")
    before = city.exchange.status().peers[0].url
    assert city.exchange.pairing.move(county.node, county.url + "/", "admin") == before
    for _ in range(2):
        city.exchange.worker.pull_once(county.node)
    assert city.record(id) is not None
    with city.store.read() as conn:
        line = conn.execute(select(audit).where(audit.c.event == "peer.move")).one()
    assert line.actor == "admin" and orjson.loads(line.detail) == {"node": county.node, "from": before, "to": county.url, "checked": True}


def _audit(site: TestSite) -> list[Any]:
    with site.store.read() as conn:
        return list(conn.execute(select(audit).where(audit.c.event == "sync.refuse").order_by(audit.c.seq)))
