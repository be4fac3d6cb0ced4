"""Views that are made once: never for another who is told apart, never a stale one."""

import dataclasses
import threading
from pathlib import Path

import orjson
import pytest

import catalog.view_cache
from catalog.ckan.face import Call
from catalog.ckan.settings import Around
from catalog.errors import NotFoundError
from catalog.queries import RecordQuery
from catalog.store import Store
from catalog.views import RecordView
from policies.actor import PUBLIC, Actor
from tests.catalog.worlds import AGENCY, OPEN, STAFF, World

HIDING = (
    OPEN
    + """\
- rule: phones
  constrain: read
  unless: actor.roles has officer
  then: {hide: [contact_phone], mask: {contact_name: surname}}
  because: {zh: 个人信息, en: personal data}
"""
)


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    made = World(store, tmp_path / "policies")
    made.rule(HIDING)
    return made


def shown(world: World, actor: Actor) -> RecordView:
    """The one record in a list."""
    (view,) = world.reader.records(actor, RecordQuery()).items
    return view


def test_a_list_and_the_record_itself_are_one_view_for_all_who_look_alike(world: World) -> None:
    done = world.publish(contact_name="李明", contact_phone="028-12345678")
    view = shown(world, STAFF)
    assert world.reader.record(STAFF, done.slug) is view
    assert shown(world, dataclasses.replace(STAFF, person="zhang", name="Zhang")) is view


def test_whom_the_policy_tells_apart_gets_a_view_of_their_own(world: World) -> None:
    world.publish(contact_name="李明", contact_phone="028-12345678")
    assert shown(world, STAFF).fields["contact_phone"] == "028-12345678"
    clerk = dataclasses.replace(STAFF, roles=frozenset({"clerk"}))
    for _ in range(2):
        assert "contact_phone" not in shown(world, clerk).fields
        assert shown(world, clerk).fields["contact_name"] != "李明"
        assert shown(world, STAFF).fields["contact_name"] == "李明"


def test_a_new_policy_holds_for_the_next_request(world: World) -> None:
    done = world.publish(contact_phone="028-12345678")
    assert "contact_phone" not in shown(world, PUBLIC).fields
    world.rule(OPEN)
    assert shown(world, PUBLIC).fields["contact_phone"] == "028-12345678"
    world.rule(HIDING)
    assert "contact_phone" not in world.reader.record(PUBLIC, done.id).fields


def test_a_new_version_and_a_withdrawal_are_seen_at_once(world: World) -> None:
    done = world.publish(summary={"zh": "旧", "en": "old"})
    assert shown(world, PUBLIC).fields["summary"]["en"] == "old"
    with world.store.write() as tx:
        world.writer.edit(tx, done.id, {"summary": {"zh": "新", "en": "new"}}, STAFF)
        world.writer.publish(tx, done.id, STAFF)
    assert shown(world, PUBLIC).fields["summary"]["en"] == "new"
    with world.store.write() as tx:
        world.writer.withdraw(tx, done.id, "test", STAFF)
    assert world.reader.records(PUBLIC, RecordQuery()).items == []
    with pytest.raises(NotFoundError):
        world.reader.record(PUBLIC, done.id)


def test_a_proof_shows_although_the_record_is_the_same(world: World) -> None:
    done = world.publish()
    before = shown(world, PUBLIC)
    with world.store.write() as tx:
        world.writer.mark_proved(tx, "a-log", 1, [(done.id, before.provenance.manifest_hash, 7)])
    assert (shown(world, PUBLIC).docno, shown(world, PUBLIC).provenance.index) == (before.docno, 7)
    with world.store.write() as tx:
        world.writer.mark_cosigned(tx, "a-log", 8)
    assert world.reader.record(PUBLIC, done.id).provenance.proof == "cosigned"


def test_faces_make_their_text_once_for_each_address_and_language(world: World) -> None:
    world.publish(title={"zh": "地块", "en": "Parcels"})
    view = shown(world, PUBLIC)
    calls = [Call(world.reader, PUBLIC, {}, Around(base, lang), {}) for base, lang in (("http://a", "zh"), ("http://a", "en"), ("http://b", "zh"))]
    texts = [orjson.dumps(call.package(view)) for call in calls]
    assert "地块".encode() in texts[0]
    assert b"Parcels" in texts[1]
    assert b"http://b/" in texts[2]
    assert len(set(texts)) == len(view.made) == 3


def test_who_chooses_ever_new_addresses_fills_no_memory(world: World) -> None:
    world.publish()
    view = shown(world, PUBLIC)
    for n in range(50):
        Call(world.reader, PUBLIC, {}, Around(f"http://{n}", "zh"), {}).package(view)
    assert len(view.made) <= 4


def test_what_is_kept_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog.view_cache, "MOST_KEPT", 3)
    for _ in range(5):
        world.publish()
    for _ in range(2):
        assert len(world.reader.records(PUBLIC, RecordQuery()).items) == 5
        assert len(world.reader._kept_views._kept) == 3


def test_threads_of_different_people_never_get_each_others_view(world: World) -> None:
    for _ in range(20):
        world.publish(contact_phone="028-12345678")
    wrong: list[object] = []

    def read(actor: Actor, expected: bool) -> None:
        for _ in range(20):
            wrong.extend(view for view in world.reader.records(actor, RecordQuery(limit=20)).items if ("contact_phone" in view.fields) is not expected)

    threads = [threading.Thread(target=read, args=pair) for pair in ((STAFF, True), (PUBLIC, False), (AGENCY, False)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
