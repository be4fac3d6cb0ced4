"""Sites for the tests of the exchange, on both engines."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.databases import drop_database, new_database


@contextmanager
def sites(engine_name: str, folder: Path, free_port: Callable[[], int]) -> Iterator[Callable[..., Any]]:
    """Makes sites under a folder, and stops them at the end: `make_site("510107", "武侯", …)`; each listens, none runs its loops yet."""
    from tests.sync.sites import TestSite  # whole sites need every package: tests of the pure half do not

    made: list[TestSite] = []
    databases: list[str] = []

    def make(division: str, name: str, **more: Any) -> Any:
        own = folder / division
        url = f"sqlite:///{own / 'terrace.db'}"
        if engine_name == "postgresql":
            url = new_database(["catalog", "sync"])
            databases.append(url)
        site = TestSite(own, url, free_port(), division=division, name=name, **more).listen()
        made.append(site)
        return site

    try:
        yield make
    finally:
        for site in made:
            site.exchange.worker.end()
        for site in reversed(made):
            site.stop()
        for url in databases:
            drop_database(url)


@pytest.fixture
def make_site(engine_name: str, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Callable[..., Any]]:
    """See `sites`."""
    with sites(engine_name, tmp_path, free_port) as make:
        yield make
