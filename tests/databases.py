"""Databases for tests on the PostgreSQL server that `TERRACE_TEST_POSTGRESQL` names.

Making the tables of a site takes longer than most tests. It is done once in each process and for each set of packages; every database after that is a copy.
"""

import atexit
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import create_engine, make_url, text

POSTGRESQL = os.environ.get("TERRACE_TEST_POSTGRESQL")


def on_server(*statements: str) -> None:
    """Runs statements on the test server, each committed by itself."""
    assert POSTGRESQL
    server = create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    server.dispose()


def new_database(packages: Sequence[str] = ()) -> str:
    """Makes a database with the tables of these packages (none: empty); whoever asks drops it (`drop_database`).

    Args:
        packages: names of packages with migrations, `catalog` first.

    Returns:
        Its URL.
    """
    name = f"terrace_{uuid.uuid4().hex[:16]}"
    on_server(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{_template(tuple(packages))}"' if packages else ""))
    return _url(name)


def drop_database(url: str) -> None:
    """Drops a database, whoever is connected to it."""
    on_server(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')


@contextmanager
def postgresql_database(packages: Sequence[str] = ()) -> Iterator[str]:
    """URL of a new database with the tables of these packages, dropped at the end."""
    url = new_database(packages)
    try:
        yield url
    finally:
        drop_database(url)


@cache
def _template(packages: tuple[str, ...]) -> str:
    """Name of the database that those with the tables of these packages are copied from, dropped when the process ends."""
    from catalog.store import open_store

    url = new_database()
    atexit.register(drop_database, url)
    with TemporaryDirectory() as folder:
        store = open_store(url, data_dir=Path(folder))
        store.upgrade(also=packages[1:])
        store.close()
    return str(make_url(url).database)


def _url(name: str) -> str:
    assert POSTGRESQL
    return make_url(POSTGRESQL).set(database=name).render_as_string(hide_password=False)
