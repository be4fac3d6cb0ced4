"""The policy in force: activation, live reload, the old one kept when the new one is bad; on both engines."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from catalog import policy_store
from catalog.policy_store import PolicyHolder
from catalog.queries import RecordQuery
from catalog.store import Store
from catalog.tables import audit, change, policy_version
from policies.actor import PUBLIC
from policies.errors import PolicyErrors
from tests.catalog.worlds import OPEN, STAFF, World

CLOSED = OPEN.replace("allow: data\n  who: everyone", "allow: data\n  who: actor.kind is peer").replace(
    "allow: discover\n  who: everyone", "allow: discover\n  who: actor.kind is peer"
)
CLOSING = """\
policy: closing
rules:
- rule: none
  deny: discover
  unless: actor.kind is person
  because: {zh: 关闭, en: closed}
"""
BAD = OPEN.replace("record.opening is open", "record.opening is ajar")


@pytest.fixture
def world(store: Store, tmp_path: Path) -> Iterator[World]:
    made = World(store, tmp_path / "policies")
    yield made
    made.policies.stop()


def _until(what: object, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_activation_is_an_epoch_a_change_and_an_audit_line(world: World) -> None:
    world.rule(OPEN)
    with world.store.read() as conn:
        row = conn.execute(select(policy_version)).one()
        assert (row.epoch, row.actor) == (1, "test") and "open" in row.files
        assert list(conn.execute(select(change.c.what)).scalars()) == ["policy"]
        assert list(conn.execute(select(audit.c.event)).scalars()) == ["policy.activate"]


def test_the_same_policy_again_and_a_new_comment_change_nothing(world: World) -> None:
    world.rule(OPEN)
    world.rule(OPEN)
    world.rule("# a comment\n" + OPEN)
    with world.store.read() as conn:
        assert conn.execute(select(policy_version.c.epoch)).scalars().all() == [1]


def test_an_empty_folder_has_the_policies_that_are_shipped_for_the_zone(world: World) -> None:
    world.policies.activate()
    with world.store.read() as conn:
        active = world.policies.current(conn)
    assert active.epoch == 1 and active.policy_set.rules


def test_a_bad_policy_keeps_the_old_one_and_says_so_until_it_is_mended(world: World) -> None:
    world.rule(OPEN)
    done = world.publish()
    for _ in range(2):
        with pytest.raises(PolicyErrors, match="ajar"):
            world.rule(BAD)
    assert world.ids(PUBLIC) == {done.id}
    with world.store.read() as conn:
        problem = world.policies.problem(conn)
        assert problem is not None and "ajar" in problem.lines[0]["en"] and problem.lines[0]["zh"] and problem.lines[0]["place"].startswith("site.yaml:")
        assert list(conn.execute(select(audit.c.outcome).where(audit.c.event == "policy.refused")).scalars()) == ["refused"]  # once
    world.rule(OPEN)
    with world.store.read() as conn:
        assert world.policies.problem(conn) is None


def test_an_edit_is_seen_by_the_watcher_and_by_every_process(world: World) -> None:
    world.folder.mkdir()
    (world.folder / "site.yaml").write_text(OPEN, encoding="utf-8")
    world.policies.start()
    done = world.publish()
    other = World(world.store, world.folder)  # another process: it watches nothing
    assert other.ids(PUBLIC) == world.ids(PUBLIC) == {done.id}
    (world.folder / "site.yaml").write_text(CLOSED, encoding="utf-8")
    _until(lambda: world.ids(PUBLIC) == set())
    assert other.ids(PUBLIC) == set()
    (world.folder / "site.yaml").write_text(BAD, encoding="utf-8")

    def refused() -> bool:
        with world.store.read() as conn:
            return world.policies.problem(conn) is not None

    _until(refused)
    assert world.ids(PUBLIC) == set()
    (world.folder / "site.yaml").write_text(OPEN, encoding="utf-8")
    _until(lambda: other.ids(PUBLIC) == {done.id})


@pytest.mark.engine("sqlite")  # nothing here depends on the engine
def test_a_file_whose_saving_pauses_comes_into_force_only_when_it_is_closed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_store, "POLL", 0.02)
    world.rule(CLOSED)
    done = world.publish()
    world.policies.start()
    with (world.folder / "site.yaml").open("w", encoding="utf-8") as file:
        file.write(OPEN)  # whole as it stands, and not what is meant: the rule that closes is still to come
        file.flush()
        looked = _Counting(world.policies)
        _until(lambda: looked.times > 20)
        assert world.ids(PUBLIC) == set() and _problem(world) is None
        file.write(CLOSING.partition("rules:\n")[2])
    (world.folder / "other.yaml").write_text("policy: other\n", encoding="utf-8")
    _until(lambda: _epoch(world) == 2)
    assert world.ids(PUBLIC) == set() and world.ids(STAFF) == {done.id}


class _Counting:
    """Counts the looks at whether files are being saved."""

    def __init__(self, policies: PolicyHolder) -> None:
        self.times = 0
        self._look = policies._files.being_saved
        policies._files.being_saved = self  # type: ignore[method-assign]

    def __call__(self) -> bool:
        self.times += 1
        return self._look()


def _epoch(world: World) -> int:
    with world.store.read() as conn:
        return world.policies.current(conn).epoch


def _problem(world: World) -> str | None:
    with world.store.read() as conn:
        found = world.policies.problem(conn)
    if found is None:
        return None
    assert found.lines[0]["zh"] != found.lines[0]["en"]
    return found.lines[0]["en"]


@pytest.mark.parametrize("loss", ["moved", "emptied", "a file of that name", "a link to nowhere", "not UTF-8"])
def test_a_policy_that_cannot_be_read_is_not_an_empty_policy(world: World, tmp_path: Path, loss: str) -> None:
    world.rule(CLOSED)
    world.publish()
    away = tmp_path / "away"
    site = world.folder / "site.yaml"
    match loss:
        case "moved":
            world.folder.rename(away)
        case "emptied":
            site.rename(away)
        case "a file of that name":
            world.folder.rename(away)
            world.folder.write_text("")
        case "a link to nowhere":
            site.unlink()
            site.symlink_to(tmp_path / "nothing")
        case _:
            site.write_bytes(b"\xff" + CLOSED.encode())
    world.policies.start()
    _until(lambda: _problem(world) is not None)
    assert world.ids(PUBLIC) == set()
    with pytest.raises(PolicyErrors):
        PolicyHolder(world.store, world.site, [world.folder]).activate("test")
    with world.store.read() as conn:
        assert world.policies.current(conn).epoch == 1
    if world.folder.is_file():
        world.folder.unlink()
    if loss in ("moved", "a file of that name"):
        away.rename(world.folder)
    else:
        site.unlink(missing_ok=True)
        site.write_text(CLOSED, encoding="utf-8")
    _until(lambda: _problem(world) is None)
    with world.store.read() as conn:
        assert world.policies.current(conn).epoch == 1


def test_one_of_several_files_is_removed_on_purpose(world: World) -> None:
    world.rule(OPEN)
    world.rule(CLOSING, "closing.yaml")
    done = world.publish()
    world.policies.start()
    assert world.ids(PUBLIC) == set()
    (world.folder / "closing.yaml").unlink()
    _until(lambda: world.ids(PUBLIC) == {done.id})


def test_a_slow_save_never_puts_the_first_half_of_a_file_in_force(world: World) -> None:
    world.rule(OPEN + "".join(CLOSING.splitlines(keepends=True)[2:]))
    world.publish()
    world.policies.start()
    with (world.folder / "site.yaml").open("w", encoding="utf-8") as stream:
        for line in OPEN.splitlines(keepends=True):
            stream.write(line)
            stream.flush()
            time.sleep(0.02)
        for _ in range(15):  # what is there decides alone and would let everything out
            stream.write("# still writing\n")
            stream.flush()
            time.sleep(0.1)
            assert world.ids(PUBLIC) == set()
        stream.write("".join(CLOSING.splitlines(keepends=True)[2:]))
    with world.store.read() as conn:
        assert world.policies.current(conn).epoch == 1 and world.policies.problem(conn) is None


def test_two_processes_that_see_the_same_edit_make_one_epoch(world: World, tmp_path: Path) -> None:
    world.rule(OPEN)
    other = PolicyHolder(world.store, world.site, [world.folder])
    assert other.activate().epoch == 1
    (world.folder / "site.yaml").write_text(CLOSED, encoding="utf-8")
    assert other.activate().epoch == 2
    assert world.policies.activate().epoch == 2


def test_a_snapshot_keeps_the_policy_that_it_began_with(world: World) -> None:
    world.rule(OPEN)
    done = world.publish()
    with world.reader.session(PUBLIC) as session:
        world.rule(CLOSED)
        assert len(world.reader.visible(session).card) == 1
    assert world.ids(PUBLIC) == set() and done.id
    assert world.reader.records(PUBLIC, RecordQuery()).total == 0
