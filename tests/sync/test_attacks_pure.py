"""Every row of the attack table (PROTOCOL 10) that can be decided without a network, and of python-tuf's list what applies.

Each attack runs against a receiver that holds an honest record already; it is refused with its own clause and kind, and the state stays as it was. Rows
that need leases, bundles or a second path are named at the end, with where they are tested or why they cannot be.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog.canonical import b64, dumps, loads
from sync import batch as batches
from sync.errors import ConflictError, ForkError, SyncError
from sync.notes import Checkpoint, add_signature, parse_note, sign_checkpoint
from sync.suite import ED25519
from tests.sync.world import NOW, Log, Node, Receiver, Record, Sender, World, trust_of, world


class Scene:
    """Wuhou's records reach Sichuan through Chengdu, which is hostile: it holds its own keys, and everything that Wuhou gave it."""

    def __init__(self) -> None:
        self.w: World = world()
        self.county, self.city, self.province = self.w.county, self.w.city, self.w.province
        self.record = self.county.publish("井")
        self.relay = Sender(self.city, self.province, author=self.county)
        self.receiver = Receiver(self.province, self.city, self.w.trust())
        self.receiver.take(self.relay.batch(self.relay.put(self.record), witness=self.city))

    def next(self, record: Record | None = None, **changes: Any) -> batches.Batch:
        """The next honest batch: a second record."""
        second = record or self.county.publish("矿")
        return self.relay.batch(self.relay.put(second), **changes)

    def refused(self, batch: batches.Batch, *, by: type[SyncError] = SyncError) -> tuple[str, str]:
        """(clause, kind) of the refusal."""
        before = self.receiver.state
        with pytest.raises(by) as error:
            self.receiver.take(batch)
        assert self.receiver.state is before
        assert error.value.zh and error.value.en
        return error.value.clause, error.value.kind

    def bend(self, batch: batches.Batch, **members: Any) -> batches.Batch:
        """The batch with one item's members changed."""
        return dataclasses.replace(batch, items=(dataclasses.replace(batch.items[0], **members),))

    def bend_log(self, batch: batches.Batch, **members: Any) -> batches.Batch:
        return dataclasses.replace(batch, logs=(dataclasses.replace(batch.logs[0], **members),))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_honest_batch_is_taken(scene: Scene) -> None:
    """The control: what the attacks bend."""
    assert scene.receiver.take(scene.next()).head == "agrees"


# --- forged, altered ------------------------------------------------------------------------------------------------------------------------


def _altered(text: str, **members: Any) -> str:
    value: Any = loads(text)
    return dumps({**value, **members}).decode()


ALTERATIONS: dict[str, Callable[[Scene, batches.Batch], batches.Batch]] = {
    "secrecy lowered": lambda s, b: s.bend(b, manifest=_altered(b.items[0].manifest, secrecy="public")),  # type: ignore[union-attr]
    "terms widened": lambda s, b: s.bend(b, manifest=_altered(b.items[0].manifest, terms={"onward": True})),  # type: ignore[union-attr]
    "version raised": lambda s, b: s.bend(b, manifest=_altered(b.items[0].manifest, version=99)),  # type: ignore[union-attr]
    "attested mark added": lambda s, b: s.bend(b, manifest=_altered(b.items[0].manifest, attested={"source": "x"})),  # type: ignore[union-attr]
    "unknown member added": lambda s, b: s.bend(b, manifest=_altered(b.items[0].manifest, later=1)),  # type: ignore[union-attr]
    "leaf moved": lambda s, b: s.bend(b, index=0),
    "leaf beyond the log": lambda s, b: s.bend(b, index=10**6),
    "cover cut": lambda s, b: s.bend_log(b, cover=b.logs[0].cover[:-32]),
    "cover lengthened": lambda s, b: s.bend_log(b, cover=b.logs[0].cover + bytes(32)),
    "cover bent": lambda s, b: s.bend_log(b, cover=bytes([b.logs[0].cover[0] ^ 1]) + b.logs[0].cover[1:]),
    "note without its cover": lambda s, b: s.bend_log(b, cover=b""),
}


@pytest.mark.parametrize("attack", ALTERATIONS)
def test_altered_content_is_refused_by_the_cover(scene: Scene, attack: str) -> None:
    # PROTOCOL 2.4, 3.4, 10
    assert scene.refused(ALTERATIONS[attack](scene, scene.next()))[0] == "3.4"


def test_record_never_logged_is_refused(scene: Scene) -> None:
    """A record that Chengdu makes in Wuhou's name, with everything right but the log."""
    private = Log(scene.county.log.origin)
    forged = scene.county.publish("伪造", log=private)
    batch = scene.next()
    assert scene.refused(scene.bend(batch, manifest=forged.text, disclose=tuple(forged.built.disclosures.values())))[0] == "3.4"


def test_log_of_the_relays_own_making_is_refused(scene: Scene) -> None:
    """Chengdu signs a whole log of Wuhou's with its own key."""
    # PROTOCOL 3.3
    private = Log(scene.county.log.origin)
    forged = [scene.county.publish(str(n), log=private) for n in range(3)]
    for key in (scene.city.site, scene.city.root, scene.city.witness, ED25519.generate()):
        relay = Sender(scene.city, scene.province, log=private, author=scene.county)
        note = scene.county.note(log=private, key=key)
        assert scene.refused(relay.batch(relay.put(forged[0]), note=note)) == ("3.3", "unsigned")
        relay = Sender(scene.city, scene.province, log=private, author=scene.county)
        assert scene.refused(relay.batch(relay.put(forged[1]), note=add_signature(note, scene.city.cosign(note)))) == ("3.3", "unsigned")


def test_superior_that_certifies_its_own_keys_in_a_subordinates_name_is_refused(scene: Scene) -> None:
    # PROTOCOL 6.1
    thief = Node("510107")
    scene.city.certify(scene.county, depth=1, site_keys=[thief.site.public])
    private = Log(scene.county.log.origin)
    forged = scene.county.publish("伪造", log=private)
    relay = Sender(scene.city, scene.province, log=private, author=scene.county)
    relay.statements = [scene.city.tokens[-1], *thief.tokens]
    batch = relay.batch(relay.put(forged), note=scene.county.note(log=private, key=thief.site))
    assert scene.refused(batch) == ("6.1", "no-key")


def test_altered_forged_and_doubled_disclosures_are_refused(scene: Scene) -> None:
    # PROTOCOL 2.3
    record = scene.county.publish("矿")
    title = record.built.disclosures["title"]
    other = scene.record.built.disclosures["title"]
    batch = scene.next(record)
    for texts in (
        (title.replace("矿", "井"),),
        (other,),
        (title, title),
        ("[]",),
        ("",),
        ('["AAAAAAAAAAAAAAAAAAAAAA","title",1.5]',),
        (title.replace('"title"', '"summary"'),),
    ):
        assert scene.refused(scene.bend(batch, disclose=texts)) == ("2.3", "manifest")


def test_tombstone_cannot_pass_for_a_record_nor_a_record_for_one(scene: Scene) -> None:
    # PROTOCOL 2.1
    gone = scene.county.withdraw(scene.record)
    item = scene.relay.put(gone, tomb=True)
    batch = scene.relay.batch(dataclasses.replace(item, tomb=False))
    assert scene.refused(batch)[0] == "2.1"
    scene = Scene()
    assert scene.refused(scene.bend(scene.next(), tomb=True, disclose=()))[0] == "2.1"


def test_undelete_by_the_relay_shows_the_lower_order() -> None:
    """PROTOCOL 6.4: Chengdu sends the old version again after the tombstone. It is proved, but its order is lower: what is shown is decided by order (4.7)."""
    scene = Scene()
    gone = scene.county.withdraw(scene.record)
    (tomb,) = scene.receiver.take(scene.relay.batch(scene.relay.put(gone, tomb=True))).changes
    (old,) = scene.receiver.take(scene.relay.batch(scene.relay.put(scene.record))).changes
    assert isinstance(tomb, batches.RecordChange) and isinstance(old, batches.RecordChange)
    assert tomb.order > old.order and tomb.tomb


# --- squatting, speaking for others ---------------------------------------------------------------------------------------------------------


def test_squatting_on_an_id_is_refused(scene: Scene) -> None:
    # PROTOCOL 1.3, 6.3
    sibling = Node("510104")
    scene.city.certify(sibling)
    trust = trust_of(*scene.w.nodes, sibling)
    for birth, clause in ((scene.record.birth, "6.3"), ((sibling.id, scene.record.birth[1]), "1.3")):
        fake = sibling.publish(birth=birth, again=scene.record if clause == "1.3" else None)
        if clause == "1.3":
            text = _altered(fake.text, birth=[sibling.id, b64(scene.record.birth[1])])
            sibling.log = Log(sibling.log.origin)
            index = sibling.log.append("record", text)
            item = batches.PutItem(1, 0, index, text)
        else:
            item = batches.PutItem(1, 0, fake.index, fake.text)
        sender = Sender(sibling, scene.city, log=sibling.log)
        sender.pos = 1
        with pytest.raises(SyncError) as refused:
            Receiver(scene.city, sibling, trust).take(sender.batch(item))
        assert refused.value.clause == clause


def test_record_of_another_authority_or_zone_in_a_log_is_refused(scene: Scene) -> None:
    # PROTOCOL 1.4, 3.2
    for changes in ({"authority": scene.city.id}, {"zone": "internet"}):
        record = scene.county.publish("矿", **changes)  # type: ignore[arg-type]
        assert scene.refused(scene.relay.batch(scene.relay.put(record))) == ("3.2", "authority")
        scene = Scene()


def test_log_of_another_zone_or_name_is_refused(scene: Scene) -> None:
    # PROTOCOL 1.4
    batch = scene.next()
    for origin, clause in (
        (f"terrace/1/{scene.county.id}/internet/1", "1.4"),
        ("other", "1.4"),
        (f"terrace/1/{scene.county.id}/business/2", "6.2"),
        (f"terrace/1/{Node('510104').id}/business/1", "6.1"),
    ):
        assert scene.refused(scene.bend_log(batch, origin=origin))[0] == clause


def test_note_of_another_log_is_refused(scene: Scene) -> None:
    """Mix and match: a true, cosigned checkpoint of another log."""
    # PROTOCOL 3.3
    scene.city.publish()
    assert scene.refused(scene.bend_log(scene.next(), note=scene.city.note()))[0] == "3.3"


def test_uncertified_and_revoked_sources_are_refused(scene: Scene) -> None:
    # PROTOCOL 6.1
    stranger = Node("510100")
    stranger.publish()
    sender = Sender(stranger, scene.province, log=stranger.log)
    with pytest.raises(SyncError) as refused:
        Receiver(scene.province, stranger, scene.w.trust()).take(sender.batch(sender.put(stranger.publish())))
    assert refused.value.kind == "uncertified"
    scene.province.certify(scene.city, revoked=True)
    scene.relay.statements = [scene.province.tokens[-1]]
    assert scene.refused(scene.next())[1] == "uncertified"


# --- forks, rollback, freeze ------------------------------------------------------------------------------------------------------------------


def _fork(scene: Scene, size: int = 2) -> tuple[Log, list[Record]]:
    log = Log(scene.county.log.origin)
    return log, [scene.county.publish(f"另一历史 {n}", log=log) for n in range(size)]


def test_rewritten_past_is_a_fork_with_both_notes_as_evidence(scene: Scene) -> None:
    # PROTOCOL 3.3, 3.4
    log, records = _fork(scene)
    scene.relay.log = log
    before = scene.receiver.state.views[str(log.origin)].note
    batch = scene.relay.batch(scene.relay.put(records[1]))
    with pytest.raises(ForkError) as refused:
        scene.receiver.take(batch)
    assert refused.value.evidence == {"known": before, "offered": batch.logs[0].note}


def test_two_roots_at_one_size_are_a_fork_whoever_tells(scene: Scene) -> None:
    # PROTOCOL 3.3
    log, records = _fork(scene)
    known = scene.next()
    scene.receiver.take(known)
    held = scene.receiver.state.views[str(log.origin)]
    other = Receiver(scene.province, scene.w.nation, scene.w.trust())
    other.state = dataclasses.replace(other.state, known={str(log.origin): held})
    sender = Sender(scene.w.nation, scene.province, log=log, author=scene.county)
    with pytest.raises(ForkError) as refused:
        other.take(sender.batch(sender.put(records[0])))
    assert set(refused.value.evidence.values()) == {held.note, scene.county.note(log=log)}


def test_rolled_back_checkpoint_is_refused(scene: Scene) -> None:
    # PROTOCOL 3.3
    old = scene.county.note(1)
    scene.receiver.take(scene.next())
    scene.relay.pos += 1
    batch = scene.relay.batch()
    assert scene.refused(scene.bend_log(batch, note=old, cover=b""))[1] == "rollback"


def test_cosignature_ahead_of_the_clock_is_refused(scene: Scene) -> None:
    # PROTOCOL 6.5
    note = scene.county.note()
    scene.relay.pos += 1
    batch = scene.relay.batch(note=add_signature(note, scene.city.cosign(note, NOW + 301)))
    assert scene.refused(batch) == ("6.5", "ahead")


def test_false_cosignature_of_the_witness_is_refused(scene: Scene) -> None:
    # PROTOCOL 3.3
    note = scene.county.note()
    other = scene.county.note(1, witness=scene.city)
    line = str(parse_note(other).lines[1])
    scene.county.publish()
    note = scene.county.note()
    scene.relay.pos += 1
    assert scene.refused(scene.relay.batch(note=add_signature(note, line)))[0] == "3.3"


def test_cosignature_by_the_wrong_witness_leaves_the_record_only_signed(scene: Scene) -> None:
    # PROTOCOL 3.5
    scene.relay.log = scene.county.log
    verdict = scene.receiver.take(scene.next(witness=scene.province))
    assert verdict.logs[0].cosigned is None


def test_time_of_the_heartbeat_shows_a_frozen_relay(scene: Scene) -> None:
    """A relay that sends an old checkpoint for ever cannot make its cosignature younger: the caller sees its age and lets the lease end."""
    # PROTOCOL 3.3, 3.6
    verdict = scene.receiver.take(scene.relay.batch(witness=scene.city, to=1))
    assert verdict.logs[0].cosigned == NOW
    note = verdict.logs[0].note
    later = dataclasses.replace(scene.receiver.state, now=NOW + 86_400)
    scene.receiver.state = later
    assert scene.receiver.take(scene.relay.batch(note=note, to=1)).logs[0].cosigned == NOW


# --- stolen key, restore, merger --------------------------------------------------------------------------------------------------------------


def test_what_a_stolen_key_signs_after_the_closing_is_void(scene: Scene) -> None:
    # PROTOCOL 6.2
    stolen = scene.county.site
    scene.county.publish("盗者所发")
    new = ED25519.generate()
    scene.county.state_self(site_keys=[stolen.public, new.public])
    scene.relay.statements = [scene.county.tokens[-1], scene.city.close(scene.county, size=1, site_keys=[new])]
    assert scene.refused(scene.next()) == ("6.2", "void")


def test_honest_restore_raises_no_fork_alarm(scene: Scene) -> None:
    """The log went back to size 1 and wrote something else there; its superior closed the epoch at 1: no fork, and the new epoch carries everything."""
    # PROTOCOL 6.2
    lost = scene.county.publish("备份后所发")
    scene.receiver.take(scene.relay.batch(scene.relay.put(lost)))
    closing = scene.city.close(scene.county, size=1)
    scene.county.log = Log(dataclasses.replace(scene.county.log.origin, epoch=2))
    again = scene.county.log.append("record", scene.record.built.manifest)
    sender = Sender(scene.city, scene.province, log=scene.county.log, author=scene.county)
    sender.statements = [closing]
    verdict = scene.receiver.take(sender.batch(sender.put(dataclasses.replace(scene.record, index=again))))
    (change,) = verdict.changes
    assert isinstance(change, batches.RecordChange) and change.order == (0, 2, 0)
    assert str(change.origin).endswith("/2")


def test_closed_log_is_proved_by_the_superiors_word_without_any_key(scene: Scene) -> None:
    # PROTOCOL 6.2
    note = scene.county.note(1)
    root = scene.county.log.root(1)
    scene.county.state_self(site_keys=[ED25519.generate().public])  # the old key counts no more
    closing = scene.city.close(scene.county, size=1, root=root, site_keys=[ED25519.generate()])
    sender = Sender(scene.city, scene.province, author=scene.county)
    sender.statements = [scene.county.tokens[-1], closing]
    verdict = scene.receiver.take(sender.batch(sender.put(scene.record), size=1, note=note, head=None))
    assert verdict.logs[0].cosigned == 0  # final
    forged = sign_checkpoint(Checkpoint(str(scene.county.log.origin), 1, bytes(32)), scene.county.site)
    sender = Sender(scene.city, scene.province, author=scene.county)
    batch = sender.batch(sender.put(scene.record), size=1, note=forged, head=None)
    assert scene.receiver.take(batch).logs[0].root == root  # the note's own word is not asked


def test_epoch_closed_by_a_thief_of_the_nodes_own_key_does_not_count(scene: Scene) -> None:
    scene.relay.statements = [scene.county.close(scene.county, size=0)]
    verdict = scene.receiver.take(scene.next())
    assert verdict.trust.epoch(scene.county.id) == 1
    assert verdict.statements == ()


def test_merged_nodes_leaves_past_the_size_are_void_and_the_rest_end(scene: Scene) -> None:
    # PROTOCOL 6.3
    heir = Node("510104")
    scene.city.certify(heir)
    succession = scene.city.succeed(scene.county, heir, size=1)
    scene.relay.statements = [*heir.tokens, scene.city.tokens[-2], succession]
    assert scene.refused(scene.next()) == ("6.3", "void")
    scene = Scene()
    scene.city.certify(heir)
    scene.relay.statements = [*heir.tokens, scene.city.tokens[-1], scene.city.succeed(scene.county, heir, size=1, until=NOW - 301)]
    assert scene.refused(scene.relay.batch(scene.relay.put(scene.record))) == ("6.3", "ended")


# --- streams ----------------------------------------------------------------------------------------------------------------------------------


def test_late_answer_and_stale_cursor_change_nothing(scene: Scene) -> None:
    # PROTOCOL 4.2
    batch = scene.next()
    scene.receiver.take(batch)
    assert scene.refused(batch, by=ConflictError) == ("4.2", "from")


def test_answer_of_another_generation_changes_nothing(scene: Scene) -> None:
    # PROTOCOL 4.5
    assert scene.refused(dataclasses.replace(scene.next(), gen=b64(bytes(16))), by=ConflictError) == ("4.5", "gen")


def test_stripped_relay_shows_in_its_own_head(scene: Scene) -> None:
    """A relay that drops an item but keeps the true head is found out; one that signs a head without it says provably less than it holds."""
    # PROTOCOL 4.6
    first, second = scene.county.publish("一"), scene.county.publish("二")
    batch = scene.relay.batch(scene.relay.put(first), scene.relay.put(second))
    cut = Sender(scene.city, scene.province, author=scene.county)
    cut.cursor, cut.old = 1, 1
    only = cut.batch(batches.PutItem(2, 0, first.index, first.text), to=3, head=batch.head, gen=batch.gen)
    assert scene.receiver.take(only).head == "differs"


def test_reordered_items_are_refused(scene: Scene) -> None:
    first, second = scene.county.publish("一"), scene.county.publish("二")
    batch = scene.relay.batch(scene.relay.put(first), scene.relay.put(second))
    assert scene.refused(dataclasses.replace(batch, items=batch.items[::-1])) == ("4.2", "position")


def test_extraneous_leaf_in_the_cover_is_refused(scene: Scene) -> None:
    """A cover that opens more or fewer leaves than the items do."""
    # PROTOCOL 3.4
    second, third = scene.county.publish("二"), scene.county.publish("三")
    for opened in ({second.index, third.index}, set()):
        relay = Sender(scene.city, scene.province, author=scene.county)
        assert scene.refused(relay.batch(relay.put(second), opened=opened))[0] == "3.4"


def test_batch_of_one_bad_item_among_many_changes_nothing(scene: Scene) -> None:
    # PROTOCOL 4.2: all or nothing
    records = [scene.county.publish(str(n)) for n in range(20)]
    batch = scene.relay.batch(*[scene.relay.put(record) for record in records])
    bent = dataclasses.replace(batch.items[13], disclose=('["AAAAAAAAAAAAAAAAAAAAAA","title",{"zh":"x"}]',))
    before = scene.receiver.state
    with pytest.raises(SyncError) as refused:
        scene.receiver.take(dataclasses.replace(batch, items=(*batch.items[:13], bent, *batch.items[14:])))
    assert scene.receiver.state is before
    assert refused.value.item == 13  # type: ignore[attr-defined]


def test_drift_between_honest_peers_is_seen_and_mended_by_a_full_read(scene: Scene) -> None:
    # PROTOCOL 4.5, 4.6
    second = scene.next()
    scene.receiver.take(second)
    scene.receiver.state = dataclasses.replace(scene.receiver.state, total=5)
    assert scene.receiver.take(scene.next()).head == "differs"
    again = Sender(scene.city, scene.province, author=scene.county)
    assert scene.receiver.take(again.batch(again.put(scene.record))).head == "agrees"


# --- what cannot be seen, said ------------------------------------------------------------------------------------------------------------------


def test_relay_that_hides_a_whole_record_equals_legitimate_withholding(scene: Scene) -> None:
    """The row that the table calls undetectable is so: through this relay alone, hiding and withholding give the same bytes but for the relay's own key."""
    # PROTOCOL 10
    scene.county.publish("被隐藏")
    shown = scene.county.publish("可见")
    verdict = scene.receiver.take(scene.relay.batch(scene.relay.put(shown)))
    assert verdict.head == "agrees"
    assert len(verdict.changes) == 1
    assert verdict.logs[0].size == 3  # only that there are three leaves


def test_every_row_of_the_table_is_met() -> None:
    """Which test meets which row; a new row of PROTOCOL 10 without one fails here."""
    rows = {
        "forged, altered": "test_altered_content_is_refused_by_the_cover",
        "stolen key": "test_what_a_stolen_key_signs_after_the_closing_is_void",
        "witness gags a log with a number, or a refusal": "tests/sync/test_gag.py::test_what_a_witness_merely_says_stops_nothing",
        "fork": "test_rewritten_past_is_a_fork_with_both_notes_as_evidence",
        "squatting on an id": "test_squatting_on_an_id_is_refused",
        "superior puts its own keys in a subordinate's place": "test_superior_that_certifies_its_own_keys_in_a_subordinates_name_is_refused",
        "stale cursor, late answer": "test_late_answer_and_stale_cursor_change_nothing",
        "drift, lost REMOVE": "test_drift_between_honest_peers_is_seen_and_mended_by_a_full_read",
        "relay hides an update": None,  # tests/sync/test_leases.py; the live entry's proof: tests/sync/test_batch.py
        "relay hides a whole record": "test_relay_that_hides_a_whole_record_equals_legitimate_withholding",
        "restored witness forgets": "tests/sync/test_witness.py::test_restored_witness_takes_its_own_cosignature_for_its_memory",
        "frozen relay": "test_time_of_the_heartbeat_shows_a_frozen_relay",
        "lost bundle": None,  # bundles come later
    }
    text = (Path(__file__).parents[2] / "sync/PROTOCOL.md").read_text(encoding="utf-8")
    table = text.split("## 10 Attacks and failures")[1].split("Provable:")[0]
    named = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("|")][2:]
    assert named == list(rows)
    for test in rows.values():
        if test is not None:
            assert test in globals() or "::" in test
