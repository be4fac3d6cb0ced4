"""A certification that ended ends nothing else: what others answer for goes on."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from sync.claims import Certify
from sync.say import certify_claims
from sync.statements import parse_all, sign
from sync.trusted import keep_statements, statement_tokens
from tests.sync.sites import TestSite

pytestmark = pytest.mark.soak_on("postgresql")

type MakeSite = Callable[..., TestSite]


def _bring(*sites: TestSite) -> None:
    """What the loops would do, from below upward."""
    for _ in range(3):
        for site in sites:
            site.exchange.worker.publish_once()
        for below, above in pairwise(sites):
            above.exchange.worker.fetch_statements(below.node)
            above.exchange.worker.pull_once(below.node)


def _revoke(superior: TestSite, node: str) -> None:
    """The superior says that a subordinate's certification has ended."""
    with superior.store.write() as tx:
        known = [statement.body for statement in parse_all([token for _, token in statement_tokens(tx.conn)])]
        said = max((body for body in known if isinstance(body, Certify) and (body.iss, body.sub) == (superior.node, node)), key=lambda body: body.serial)
        claims = certify_claims(
            iss=superior.node, sub=node, zone=said.zone, serial=said.serial + 1, site_keys=said.site_keys, witness_key=said.witness_key, name=said.name,
            sector=said.sector, level=said.level, division=said.division, unit=said.unit, divisions=said.divisions, depth=said.depth,
            now=superior.clock(), revoked=True,
        )  # fmt: skip
        keep_statements(tx.conn, parse_all([sign(claims, superior.keys.site)]), source=superior.node, now=superior.clock())


def test_a_county_whose_certification_ended_does_not_stop_the_citys_stream(make_site: MakeSite) -> None:
    # PROTOCOL 6.1
    county, city, province = make_site("510107", "武侯"), make_site("510100", "成都"), make_site("510000", "四川")
    city.join(province)
    county.join(city)
    lost, first = county.publish("县"), city.publish("市")
    _bring(county, city, province)
    assert province.record(lost) is not None and province.record(first) is not None
    _revoke(city, county.node)
    second = city.publish("再市")
    _bring(county, city, province)
    assert province.record(second) is not None


def test_a_full_read_after_a_county_has_ended_brings_what_others_answer_for(make_site: MakeSite) -> None:
    # PROTOCOL 6.1
    county, city, province = make_site("510107", "武侯"), make_site("510100", "成都"), make_site("510000", "四川")
    city.join(province)
    county.join(city)
    lost, kept = county.publish("县"), city.publish("市")
    _bring(county, city)
    assert city.record(lost) is not None
    _revoke(city, county.node)
    _bring(city, province)
    assert province.record(kept) is not None and province.exchange.status().refused == 0
    assert province.record(lost) is None, "nobody could prove it there"


def test_a_relay_further_up_leaves_out_whom_nobody_certifies_any_more(make_site: MakeSite) -> None:
    # PROTOCOL 6.1: the province has the county's records from the city, which is certified
    county, city, province, nation = (make_site(*each) for each in (("510107", "武侯"), ("510100", "成都"), ("510000", "四川"), ("000000", "部")))
    province.join(nation)
    city.join(province)
    county.join(city)
    lost, kept = county.publish("县"), city.publish("市")
    _bring(county, city, province)
    assert province.record(lost) is not None
    _revoke(city, county.node)
    province.exchange.worker.fetch_statements(city.node)
    _bring(province, nation)
    assert nation.record(kept) is not None and nation.exchange.status().refused == 0
    assert nation.record(lost) is None, "nobody could prove it there"
