"""Sites for the tests of node: founded as `terrace init` does, on both engines."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from node.founding import Founding, found
from node.site import Site, open_site


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages in English unless a test says otherwise."""
    monkeypatch.setenv("TERRACE_LANG", "en")


@pytest.fixture
def founding(database_url: str) -> Founding:
    """What the test's site is."""
    database = None if database_url.startswith("sqlite") else database_url
    return Founding({"zh": "武侯区规划和自然资源局", "en": "Wuhou Bureau"}, "510107", None, None, "business", port=0, peer_port=0, database=database)


@pytest.fixture
def folder(tmp_path: Path, founding: Founding) -> Path:
    """The folder of a new site."""
    return found(tmp_path / "wuhou", founding).folder


@pytest.fixture
def site(folder: Path) -> Iterator[Site]:
    """A new site, open."""
    opened = open_site(folder)
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def make_token(site: Site) -> Callable[..., str]:
    """Makes an account with roles and returns a token of it."""
    from catalog.accounts import Account

    def make(login: str, *roles: str, **facts: Any) -> str:
        with site.store.write() as tx:
            site.accounts.create(tx, Account(login, login, frozenset(roles), **facts), by="test")
            return site.accounts.create_token(tx, login, "test", by="test")

    return make
