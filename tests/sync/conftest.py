"""Sites for the tests of the exchange, on both engines."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.conftest import POSTGRESQL


@contextmanager
def sites(engine_name: str, folder: Path, free_port: Callable[[], int]) -> Iterator[Callable[..., Any]]:
    """Makes sites under a folder, and stops them at the end: `make_site("510107", "武侯", …)`; each listens, none runs its loops yet."""
    from tests.sync.sites import TestSite  # whole sites need every package: tests of the pure half do not

    made: list[TestSite] = []
    databases: list[str] = []
    server = create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT") if engine_name == "postgresql" and POSTGRESQL else None

    def make(division: str, name: str, **more: Any) -> Any:
        own = folder / division
        if server is None:
            url = f"sqlite:///{own / 'terrace.db'}"
        else:
            assert POSTGRESQL
            database = f"terrace_{uuid.uuid4().hex[:16]}"
            with server.connect() as connection:
                connection.execute(text(f'CREATE DATABASE "{database}"'))
            databases.append(database)
            url = make_url(POSTGRESQL).set(database=database).render_as_string(hide_password=False)
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
        if server is not None:
            with server.connect() as connection:
                for database in databases:
                    connection.execute(text(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)'))
            server.dispose()


@pytest.fixture
def make_site(engine_name: str, tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Callable[..., Any]]:
    """See `sites`."""
    with sites(engine_name, tmp_path, free_port) as make:
        yield make
