"""Files travel by Range, are shown only after their hash holds, and go to nobody who may not hold them."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.errors import NotFoundError, ObjectComingError
from sync.errors import PeerError
from sync.on_demand import OnDemand
from tests.sync.sites import OPEN_POLICY, TestSite, eventually
from tests.sync.test_exchange_four_levels import World

type MakeSite = Callable[..., TestSite]

NO_FILES = OPEN_POLICY.replace("allow: hold", "allow: read")


def publish_file(site: TestSite, data: bytes) -> tuple[str, str]:
    """Publishes a record with a file; returns its id and the file's name."""
    stored = site.objects.put(io.BytesIO(data))
    with site.store.write() as tx:
        site.objects.note(tx, stored.sha256, media_type="text/csv")
    resource = {"title": {"zh": "档案"}, "kind": "file", "format": "CSV", "media_type": "text/csv", "sha256": stored.sha256, "size": stored.size}
    return site.publish("档案", **{"resources.data": resource}), stored.sha256


def test_file_reaches_the_nation_verified(make_site: MakeSite) -> None:
    world = World(make_site, objects="all")
    data = bytes(range(256)) * 9000
    id, sha256 = publish_file(world.county, data)
    eventually(lambda: world.nation.record(id) is not None)
    eventually(lambda: world.nation.objects.has(sha256), timeout=30)
    assert b"".join(world.nation.objects.open(sha256)) == data
    assert hashlib.sha256(data).hexdigest() == sha256


def test_cut_file_goes_on_where_it_broke_off(make_site: MakeSite) -> None:
    city, county = make_site("510100", "成都", objects="all"), make_site("510107", "武侯")
    county.join(city)
    data = b"0123456789" * 50_000
    _, sha256 = publish_file(county, data)
    _settle(city, county)
    part = Path(city.folder) / "fetching" / f"{sha256}.part"
    part.parent.mkdir()
    part.write_bytes(data[:123_456])
    assert city.exchange.objects.fetch_next()
    assert b"".join(city.objects.open(sha256)) == data and not part.exists()


def test_altered_file_is_not_kept(make_site: MakeSite) -> None:
    city, county = make_site("510100", "成都", objects="all"), make_site("510107", "武侯")
    county.join(city)
    data = b"genuine" * 1000
    _, sha256 = publish_file(county, data)
    _settle(city, county)
    county.objects.path(sha256).write_bytes(b"altered" * 1000)
    assert city.exchange.objects.fetch_next()
    assert not city.objects.has(sha256)
    with city.store.read() as conn:
        state, error = conn.exec_driver_sql("SELECT state, error FROM sync_object_want").one()
    assert state == "wanted" and sha256 in error


def test_file_is_not_given_to_who_may_not_hold_it(make_site: MakeSite) -> None:
    city, county = make_site("510100", "成都", objects="all"), make_site("510107", "武侯", policy=NO_FILES)
    county.join(city)
    _, sha256 = publish_file(county, b"x" * 100)
    _settle(city, county)
    with pytest.raises(PeerError) as refused:
        city.exchange.peers.object(county.node, sha256, 0)
    with pytest.raises(PeerError) as missing:
        city.exchange.peers.object(county.node, "0" * 64, 0)
    assert (refused.value.status, refused.value.body) == (404, missing.value.body)
    with pytest.raises(NotFoundError):
        county.exchange.objects.open_for(city.node, "../../etc/passwd", 0)


def _settle(city: TestSite, county: TestSite) -> None:
    county.exchange.worker.publish_once()
    for _ in range(3):
        city.exchange.worker.pull_once(county.node)


def test_file_is_fetched_on_demand_through_every_hop(make_site: MakeSite) -> None:
    world = World(make_site)
    id, sha256 = publish_file(world.county, b"on demand" * 1000)
    eventually(lambda: world.nation.record(id) is not None)
    files = OnDemand(world.nation.objects, world.nation.exchange.objects.request)
    with pytest.raises(ObjectComingError) as coming:
        files.size(sha256)
    assert 0 < coming.value.seconds < 10 and coming.value.zh != coming.value.en
    eventually(lambda: files.has(sha256), timeout=30)
    with pytest.raises(NotFoundError):
        files.size("0" * 64)  # nobody has it: nothing is coming
    assert b"".join(files.open(sha256)) == b"on demand" * 1000
    assert world.city.objects.has(sha256) and world.province.objects.has(sha256)
