"""What a record was before: on its page and by the command line, each version as the policy permits it."""

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import Result
from flask.testing import FlaskClient

from node.app import create_app
from node.site import Site
from tests.node.test_cli import lines, parcels, published, run  # noqa: F401 (fixtures)


@pytest.fixture
def edited(run: Callable[..., Result], published: dict[str, Any]) -> dict[str, Any]:  # noqa: F811
    """A record of three versions, of which the first was internal and the third has another title."""
    for words in (("secrecy=internal",), ("secrecy=public", "summary.en=Now open"), ("title.en=Parcels again",)):
        assert run("edit", published["id"], *words, "--publish").exit_code == 0
    return lines(run("show", published["id"], "--json"))[0]  # type: ignore[no-any-return]


def test_command_line_lists_versions_and_shows_one(run: Callable[..., Result], edited: dict[str, Any]) -> None:  # noqa: F811
    listed = lines(run("show", edited["slug"], "--versions", "--json"))
    assert [(each["version"], each["current"]) for each in listed] == [(4, True), (3, False), (2, False), (1, False)]
    assert [each["changed"] for each in listed] == [["title"], ["summary"], [], None]
    first = lines(run("show", edited["slug"], "--version", "1", "--json"))[0]
    assert first["version"] == 1 and "Parcels again" not in str(first["fields"])
    assert "Parcels again" in run("show", edited["slug"], "--version", "4").output
    assert run("show", edited["slug"], "--version", "5").exit_code == 4
    assert run("show", "nothing-of-this-name", "--versions").exit_code == 4
    events = lines(run("audit", "list", "--json", "--event", "read.record"))
    assert any(each["detail"].get("version") == 1 for each in events)


@pytest.fixture
def client(site: Site) -> FlaskClient:
    return create_app(site).test_client()


def _page(client: FlaskClient, slug: str, language: str = "en", **query: str) -> tuple[int, str]:
    answer = client.get(f"/dataset/{slug}", query_string=query, headers={"Accept": "text/html", "Accept-Language": language})
    return answer.status_code, answer.text


def test_page_lists_versions_and_shows_one_as_it_was(client: FlaskClient, edited: dict[str, Any]) -> None:
    slug = edited["slug"]
    status, page = _page(client, slug)
    assert status == 200 and "?version=3" in page and "shown now" in page
    assert "?version=2" not in page  # it was internal
    status, past = _page(client, slug, version="3")
    assert status == 200 and "Version 3, of 20" in past and "Without the past version" in past
    assert "第 3 版" in _page(client, slug, "zh", version="3")[1]
    for wrong in ("2", "9", "0", "-1", "x", "٣", "99999999999999999999"):
        status, refused = _page(client, slug, version=wrong)
        assert (status, "Version" in refused) == (404, False), wrong
    assert _page(client, slug, version="2")[1] == _page(client, slug, version="9")[1].replace("version%3D9", "version%3D2")


def test_record_of_one_version_has_no_list(client: FlaskClient, published: dict[str, Any], run: Callable[..., Result]) -> None:  # noqa: F811
    slug = lines(run("show", published["id"], "--json"))[0]["slug"]
    status, page = _page(client, slug)
    assert status == 200 and 'id="versions"' not in page


def test_who_may_count_and_not_see_is_told_the_number(client: FlaskClient, site: Site, published: dict[str, Any], run: Callable[..., Result]) -> None:  # noqa: F811
    counting = (
        "policy: own\nrules:\n- rule: closed\n  deny: data\n  who: actor.kind is public\n  because: {zh: 关闭, en: closed}\n"
        "- rule: counted\n  allow: count\n  who: everyone\n  because: {zh: 可统计, en: may be counted}\n"
    )
    slug = lines(run("show", published["id"], "--json"))[0]["slug"]
    assert lines(run("show", slug, "--json"))[0]["rows"] == 3
    assert "you may count" not in _page(client, slug)[1]
    (site.folder / "policies" / "own.yaml").write_text(counting, encoding="utf-8")
    assert run("policy", "reload").exit_code == 0
    page = _page(client, slug)[1]
    assert "<dt>Rows, which you may count and not see</dt><dd>3</dd>" in page
    assert "您可统计" in _page(client, slug, "zh")[1]
