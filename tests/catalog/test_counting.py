"""Counting rows that may not be seen (LANGUAGE 19); on both engines."""

from pathlib import Path

import pytest

from catalog.counting import row_count
from catalog.errors import DeniedError
from catalog.queries import RowQuery
from catalog.rows import Column, RowChanges
from catalog.store import Store
from policies.actor import PUBLIC, Actor
from tests.catalog.conftest import OFFICER
from tests.catalog.worlds import AGENCY, OPEN, STAFF, World

COUNTING = """\
- rule: agencies-count
  allow: count
  who: actor.kind is agency
  {rows}
  because: {{zh: 统计, en: statistics}}
{more}
"""
SMALL = """\
- rule: no-few
  constrain: count
  then: {smallest cell: 10}
  because: {zh: 少数, en: few}
"""
ONLY = "only rows: row.division lies within 510104"
COLUMNS = (Column("no", "text", nullable=False), Column("division", "text"))


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    return World(store, tmp_path / "policies")


def _rows(world: World, rows: str = "", more: str = "") -> str:
    world.rule(OPEN + COUNTING.format(rows=rows, more=more))
    done = world.publish(opening={"open": False})
    puts = [{"no": str(n), "division": "510104" if n < 3 else "510107"} for n in range(12)]
    with world.store.write() as tx:
        world.writer.put_rows(tx, done.id, "", RowChanges(columns=COLUMNS, key=("no",), puts=puts), OFFICER)
    return done.id


def _count(world: World, id: str, actor: Actor) -> int | None:
    return row_count(world.reader, actor, world.reader.record(actor, id))


def test_who_may_count_learns_the_number_and_nothing_else(world: World) -> None:
    id = _rows(world)
    assert _count(world, id, AGENCY) == 12
    assert _count(world, id, PUBLIC) is None
    with pytest.raises(DeniedError):
        world.reader.rows(AGENCY, id, RowQuery())
    with pytest.raises(DeniedError):
        world.reader.count(AGENCY, id)


def test_counting_has_its_own_constraints(world: World) -> None:
    id = _rows(world, more=SMALL.replace("10", "20"))
    assert _count(world, id, AGENCY) is None
    assert len(world.reader.rows(STAFF, id, RowQuery()).rows) == 12  # data is not bound by what binds count


def test_rows_that_may_not_be_counted_are_not(world: World) -> None:
    id = _rows(world, rows=ONLY)
    assert _count(world, id, AGENCY) == 3


def test_a_record_without_rows_has_no_number(world: World) -> None:
    world.rule(OPEN + COUNTING.format(rows="", more=""))
    assert _count(world, world.publish().id, AGENCY) is None
