"""Two sites: a county gives its city what the policy lets it give, now."""

from collections.abc import Callable

from tests.sync.sites import TestSite, eventually


def _pair(make_site: Callable[..., TestSite]) -> tuple[TestSite, TestSite]:
    city, county = make_site("510100", "成都"), make_site("510107", "武侯")
    county.join(city)
    return city, county


def test_published_record_shows_at_the_superior(make_site: Callable[..., TestSite]) -> None:
    city, county = _pair(make_site)
    id = county.publish()
    county.exchange.worker.publish_once()
    assert city.exchange.worker.pull_once(county.node) is False
    assert city.exchange.worker.pull_once(county.node) is False
    assert city.record(id).fields["title"]["zh"] == "三条国土调查"
    assert city.record(id).provenance.log == f"terrace/1/{county.node}/business/1"


def test_site_without_an_address_brings_its_stream(make_site: Callable[..., TestSite]) -> None:
    city, county = make_site("510100", "成都"), make_site("510107", "武侯", url="")
    county.join(city)
    assert [peer.url for peer in city.exchange.status().peers] == [""]
    for site in (city, county):
        site.start()
    id = county.publish()
    eventually(lambda: city.record(id) is not None)
    county.edit(id, title={"zh": "改"})
    eventually(lambda: city.record(id).fields["title"] == {"zh": "改"})
    county.withdraw(id)
    eventually(lambda: city.record(id) is None)
    assert city.exchange.status().refused == 0
