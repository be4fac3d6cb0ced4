"""Layers: what is kept between requests counts only while nothing can have changed."""

from pathlib import Path

import pytest

from catalog.errors import NotFoundError
from catalog.layers import LayerReader
from catalog.queries import RowQuery
from catalog.rows import Column, RowChanges
from catalog.store import Store
from catalog.writer import Published
from policies.actor import PUBLIC, Actor
from policies.errors import ActorUnsetError
from tests.catalog.conftest import OFFICER
from tests.catalog.worlds import AGENCY, OPEN, STAFF, World

COLUMNS = (Column("no", "integer", nullable=False), Column("name", "text"))
EMBARGO = """\
policy: embargo
rules:
- rule: until
  deny: data
  unless: record.embargo has passed
  what: record.embargo is stated
  because: {zh: 保护期, en: embargo}
"""


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    made = World(store, tmp_path / "policies")
    made.rule(OPEN)
    return made


def _layer(world: World, rows: int = 3, **changes: object) -> Published:
    done = world.publish(items=[column.as_item() for column in COLUMNS], **changes)
    _put(world, done, range(rows))
    return done


def _put(world: World, done: Published, numbers: range) -> None:
    puts = [{"no": i, "name": f"n{i}"} for i in numbers]
    with world.store.write() as tx:
        world.writer.put_rows(tx, done.id, "", RowChanges(columns=COLUMNS, key=("no",), puts=puts), OFFICER)


def _count(layers: LayerReader, actor: Actor, slug: str) -> int | None:
    """The number of rows twice (the second time from what was kept), or None when there is no such layer."""
    found = []
    for _ in range(2):
        with layers.open(actor, slug) as opened:
            found.append(None if opened is None else opened.rows(RowQuery(count=True)).total)
    assert found[0] == found[1]
    return found[0]


def test_what_is_kept_gives_way_to_every_change(world: World) -> None:
    layers, done = LayerReader(world.reader), _layer(world)
    assert _count(layers, PUBLIC, done.slug) == 3
    _put(world, done, range(3, 5))
    assert _count(layers, PUBLIC, done.slug) == 5
    world.rule(OPEN.replace("record.opening is open", "record.opening is closed"))
    assert _count(layers, PUBLIC, done.slug) is None and _count(layers, STAFF, done.slug) == 5
    world.rule(OPEN)
    assert _count(layers, PUBLIC, done.slug) == 5
    with world.store.write() as tx:
        world.writer.withdraw(tx, done.id, "test", OFFICER)
    assert _count(layers, PUBLIC, done.slug) is None and _count(layers, STAFF, done.slug) is None


def test_the_end_of_an_embargo_opens_a_layer_by_the_clock_alone(world: World) -> None:
    world.rule(EMBARGO, "embargo.yaml")
    layers, done = LayerReader(world.reader), _layer(world, protected_until="2027-03-01")
    end = 1_803_830_400  # 2027-03-01 at UTC+8
    world.now[0] = end - 1
    assert _count(layers, PUBLIC, done.slug) is None
    world.now[0] = end
    assert _count(layers, PUBLIC, done.slug) == 3


def test_one_actor_is_never_given_what_was_kept_for_another(world: World) -> None:
    layers, done = LayerReader(world.reader), _layer(world, secrecy="internal")
    assert _count(layers, STAFF, done.slug) == 3
    assert _count(layers, PUBLIC, done.slug) is None and _count(layers, AGENCY, done.slug) is None
    with pytest.raises(ActorUnsetError), layers.open(None, done.slug):
        pass


def test_pages_list_the_layers_of_an_actor_in_order(world: World) -> None:
    layers = LayerReader(world.reader)
    done = [_layer(world, title={"zh": f"层{i}", "en": f"Layer {i}"}, secrecy="internal" if i % 3 == 0 else "public") for i in range(7)]
    world.publish(title={"zh": "无数据表", "en": "No rows"})
    for actor, wanted in ((PUBLIC, sorted(d.slug for i, d in enumerate(done) if i % 3)), (STAFF, sorted(d.slug for d in done))):
        found: list[str] = []
        after: str | None = ""
        while after is not None:
            page, after = layers.page(actor, after, 2)
            found += [each.record.slug for each in page]
        assert found == wanted


def test_a_feature_is_found_by_its_key_or_not_at_all(world: World) -> None:
    layers, done = LayerReader(world.reader), _layer(world)
    with layers.open(PUBLIC, done.slug) as opened:
        assert opened is not None and b'"n1"' in opened.feature("1")
        for key in ("9", "x", "", "[]", "1'"):
            with pytest.raises(NotFoundError):
                opened.feature(key)
