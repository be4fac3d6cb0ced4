"""Nation, province, city, county: records travel up through relays, proved against the county's own log, and obey the policy of every hop."""

from collections.abc import Callable

import pytest

from sync.exchange import verify_receipt
from tests.sync.sites import OPEN_POLICY, TestSite, eventually

type MakeSite = Callable[..., TestSite]

HIDE_PHONE = (
    OPEN_POLICY
    + """
- rule: no-phone
  constrain: read
  what: record.kind is dataset
  then: {hide: [contact_phone]}
  because: {zh: 电话不外传, en: phones stay here}
"""
)
MASK_NAME = (
    OPEN_POLICY
    + """
- rule: masked-name
  constrain: read
  what: record.kind is dataset
  then: {mask: {contact_name: surname}}
  because: {zh: 姓名遮蔽, en: names are masked}
"""
)
NO_LAND = (
    OPEN_POLICY
    + """
- rule: no-land
  deny: discover
  what: [record.theme has land]
  unless: actor.kind is person
  because: {zh: 土地不外传, en: land stays here}
"""
)


class World:
    """The four sites, running."""

    def __init__(self, make_site: MakeSite, **more: object) -> None:
        self.nation = make_site("000000", "自然资源部", **more)
        self.province = make_site("510000", "四川", **more)
        self.city = make_site("510100", "成都", **more)
        self.county = make_site("510107", "武侯", **more)
        self.sites = [self.nation, self.province, self.city, self.county]
        for below, above in zip(self.sites[1:], self.sites, strict=False):
            below.join(above)
        for site in self.sites:
            site.start()

    def shows(self, site: TestSite, id: str, title: str) -> bool:
        """Whether a site shows a record under this title."""
        found = site.record(id)
        return found is not None and found.fields["title"]["zh"] == title


@pytest.fixture
def world(make_site: MakeSite) -> World:
    """Four sites, joined by the real flow."""
    return World(make_site)


def test_record_reaches_the_nation_proved_changes_and_goes(world: World) -> None:
    id = world.county.publish("国土调查")
    eventually(lambda: world.shows(world.nation, id, "国土调查"))
    found = world.nation.record(id)
    assert found.provenance.log == f"terrace/1/{world.county.node}/business/1"
    assert found.provenance.path == (world.county.node, world.city.node, world.province.node)
    eventually(lambda: world.nation.record(id).provenance.proof == "cosigned")
    proved = verify_receipt(world.nation.exchange.receipt(id, found.fields), world.nation.node)
    assert proved.values["title"] == {"zh": "国土调查", "en": "test"} and proved.path[-1] == world.county.node
    world.county.edit(id, title={"zh": "国土变更调查"})
    eventually(lambda: world.shows(world.nation, id, "国土变更调查"))
    world.county.withdraw(id)
    eventually(lambda: world.nation.record(id) is None)
    assert world.city.record(id) is None and world.province.record(id) is None


@pytest.mark.parametrize("hop", ["county", "city", "province"])
def test_policy_of_any_hop_narrows_and_widens(world: World, hop: str) -> None:
    id = world.county.publish("国土调查")
    eventually(lambda: world.shows(world.nation, id, "国土调查"))
    site: TestSite = getattr(world, hop)
    site.set_policy(NO_LAND)
    eventually(lambda: world.nation.record(id) is None)
    above = world.sites[: world.sites.index(site)]
    eventually(lambda: all(other.record(id) is None for other in above))
    assert site.record(id) is not None
    site.set_policy(OPEN_POLICY)
    eventually(lambda: world.shows(world.nation, id, "国土调查"))


@pytest.mark.parametrize(("policy", "name"), [(HIDE_PHONE, "contact_phone"), (MASK_NAME, "contact_name")])
def test_field_hidden_or_masked_on_a_hop_is_withheld_above(world: World, policy: str, name: str) -> None:
    id = world.county.publish("国土调查")
    eventually(lambda: world.nation.record(id) is not None and name in world.nation.record(id).fields)
    world.city.set_policy(policy)
    eventually(lambda: name not in world.nation.record(id).fields)
    assert name in world.nation.record(id).withheld
    assert world.province.record(id) is not None and name not in world.province.record(id).fields
    world.city.set_policy(OPEN_POLICY)
    eventually(lambda: name in world.nation.record(id).fields)


def test_terms_without_onward_sharing_stop_at_the_first_hop(world: World) -> None:
    kept = world.county.publish("只到市", terms={"onward": False})
    passed = world.county.publish("到部")
    eventually(lambda: world.nation.record(passed) is not None)
    assert world.city.record(kept) is not None
    assert world.province.record(kept) is None and world.nation.record(kept) is None


def test_superior_records_reach_the_county(world: World) -> None:
    id = world.nation.publish("全国标准")
    eventually(lambda: world.shows(world.county, id, "全国标准"))
    eventually(lambda: world.county.record(id).provenance.proof == "cosigned")
