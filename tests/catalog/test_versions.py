"""Past versions: each judged by what it was and by what the record is now, the stricter of both (LANGUAGE 20); on both engines."""

from pathlib import Path
from typing import Any

import pytest

from catalog.errors import NotFoundError
from catalog.store import Store
from catalog.versions import PastVersion, could_discover, past_version, past_versions
from policies.actor import PUBLIC, Actor
from tests.catalog.conftest import OFFICER
from tests.catalog.worlds import OPEN, STAFF, World

HIDING = """\
- rule: phones
  constrain: read
  what: record.grade is at least important
  unless: actor.kind is person
  then: {hide: [contact_phone, quality]}
  because: {zh: 电话, en: telephones}
"""


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    made = World(store, tmp_path / "policies")
    made.rule(OPEN + HIDING)
    return made


def _edit(world: World, id: str, **changes: Any) -> None:
    with world.store.write() as tx:
        world.writer.edit(tx, id, changes, OFFICER)
        world.writer.publish(tx, id, OFFICER)


def _versions(world: World, id: str, actor: Actor = PUBLIC) -> list[PastVersion]:
    return past_versions(world.reader, actor, world.reader.record(actor, id))


def _numbers(world: World, id: str, actor: Actor = PUBLIC) -> list[int]:
    return [each.n for each in _versions(world, id, actor)]


def test_versions_are_listed_with_times_and_what_changed(world: World) -> None:
    id = world.publish().id
    _edit(world, id, title={"en": "Renamed"}, contact_phone=None)
    _edit(world, id, quality={"zh": "复核"})
    found = _versions(world, id)
    assert [(each.n, each.current, each.changed) for each in found] == [
        (3, True, ("quality",)),
        (2, False, ("contact_phone", "title")),
        (1, False, None),
    ]
    assert found[2].fields["contact_phone"] == "028-12345678" and "contact_phone" not in found[1].fields
    assert all(each.time > 1_700_000_000 for each in found)
    assert past_versions(world.reader, PUBLIC, world.reader.record(PUBLIC, id), most=2) == found[:2]
    view = world.reader.record(PUBLIC, id)
    assert past_version(world.reader, PUBLIC, view, 1) == found[2]
    for n in (0, 4, 99):
        with pytest.raises(NotFoundError):
            past_version(world.reader, PUBLIC, view, n)


def test_what_was_closed_then_stays_closed_and_what_is_closed_now_is_closed_then(world: World) -> None:
    id = world.publish(secrecy="internal").id
    _edit(world, id, secrecy="public")
    assert _numbers(world, id, STAFF) == [2, 1]
    assert _numbers(world, id) == [2]  # version 1 was internal
    assert _versions(world, id)[0].changed is None  # and nothing is told of it by what changed after it
    _edit(world, id, opening={"open": False})
    (newest, second) = _versions(world, id)
    assert "summary" not in newest.fields and "summary" not in second.fields  # of version 2, opened to all in its day, only the card is left
    assert "summary" in _versions(world, id, STAFF)[1].fields
    _edit(world, id, secrecy="internal")
    with pytest.raises(NotFoundError):
        _versions(world, id)


def test_obligations_of_both_versions_hold(world: World) -> None:
    id = world.publish(grade="important", contact_phone="1").id
    _edit(world, id, grade="general", quality={"zh": "甲"})
    newest, first = _versions(world, id)
    assert newest.fields["contact_phone"] == "1"
    assert "contact_phone" not in first.fields
    assert newest.changed == ("grade",)  # of what was hidden then, nothing is told, not even whether it changed
    _edit(world, id, grade="important", contact_phone="2")
    for each in _versions(world, id):
        assert {"contact_phone", "quality"}.isdisjoint(each.fields)
        assert {"contact_phone", "quality"}.isdisjoint(each.changed or ())


def test_a_withdrawal_is_no_version_to_look_at(world: World) -> None:
    id = world.publish().id
    with world.store.write() as tx:
        world.writer.withdraw(tx, id, "test", OFFICER)
    assert could_discover(world.reader, PUBLIC, id)
    _edit(world, id, quality={"zh": "复核"})
    assert _numbers(world, id) == [3, 1]
    hidden = world.publish(secrecy="internal").id
    with world.store.write() as tx:
        world.writer.withdraw(tx, hidden, "test", OFFICER)
    assert not could_discover(world.reader, PUBLIC, hidden) and could_discover(world.reader, STAFF, hidden)
