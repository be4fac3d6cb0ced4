"""Receipts: made at a superior, verified by a stranger who knows the nation's root id and nothing else."""

from collections.abc import Callable

import orjson
import pytest

from catalog.canonical import dumps
from policies.actor import Actor
from sync.errors import ReceiptError
from sync.exchange import verify_receipt
from tests.sync.sites import OPEN_POLICY, TestSite, eventually
from tests.sync.test_exchange_four_levels import World

type MakeSite = Callable[..., TestSite]

MASKED_FOR_GUESTS = (
    OPEN_POLICY
    + """
- rule: masked
  constrain: read
  what: record.kind is dataset
  unless: actor.roles has officer
  then: {mask: {contact_name: surname}, hide: [contact_phone]}
  because: {zh: 姓名遮蔽, en: names are masked}
"""
)


def test_receipt_at_the_nation_verifies_offline_with_its_root_alone(make_site: MakeSite) -> None:
    world = World(make_site)
    id = world.county.publish("国土调查")
    eventually(lambda: (found := world.nation.record(id)) is not None and found.provenance.proof == "cosigned")
    data = world.nation.exchange.receipt(id, world.nation.record(id).fields)
    proved = verify_receipt(data, world.nation.node)
    assert proved.manifest.id == id and proved.values["title"]["zh"] == "国土调查" and proved.witness == world.city.node
    assert proved.path == (world.nation.node, world.province.node, world.city.node, world.county.node)
    with pytest.raises(ReceiptError):
        verify_receipt(data, world.county.node)
    value = orjson.loads(data)
    value["disclose"] = [text.replace("国土调查", "别的东西") for text in value["disclose"]]
    with pytest.raises(ReceiptError):
        verify_receipt(dumps(value), world.nation.node)


def test_receipt_tells_nothing_that_its_reader_sees_masked(make_site: MakeSite) -> None:
    city, county = make_site("510100", "成都"), make_site("510107", "武侯", policy=MASKED_FOR_GUESTS)
    county.join(city)
    id = county.publish()
    county.exchange.worker.publish_once()
    guest = Actor(kind="person", person="guest", node=county.node, clearance="internal")
    view = county.reader.record(guest, id)
    assert view.fields["contact_name"] != "李四"
    data = county.exchange.receipt(id, view.fields)
    assert "李四".encode() not in data and b"028-12345678" not in data
    proved = verify_receipt(data, city.node)
    assert "contact_name" not in proved.values and proved.values["title"]["en"] == "test"
