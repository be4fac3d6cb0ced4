"""Joining: two clerks compare two fingerprints; everything else is refused."""

from collections.abc import Callable

import pytest

from sync.errors import InviteError, PeerError, SyncError, TrustError
from sync.join import parse_invite
from tests.sync.sites import TestSite

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
