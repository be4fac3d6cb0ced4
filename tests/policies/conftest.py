"""The small tables of `engines` on each engine that is there."""

from collections.abc import Iterator

import pytest

from tests.policies.engines import Database, database


@pytest.fixture
def db(database_url: str) -> Iterator[Database]:
    with database(database_url) as opened:
        yield opened
