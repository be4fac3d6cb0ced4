"""Two sites: a county gives its city what the policy lets it give, now."""

from collections.abc import Callable

from tests.sync.sites import TestSite


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
    assert city.record(id).fields["title"]["zh"] == "三條國土調查"
    assert city.record(id).provenance.log == f"terrace/1/{county.node}/business/1"
