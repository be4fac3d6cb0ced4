"""The table of lies, and its run: each attack over the real wire, against a nation that must refuse it by name, write it down, stay as it was, and go on.

`ATTACKS` names for each attack the clause of PROTOCOL.md that it breaks, and the clause and kind of the victim's answer. What is no attack of a peer, or needs
a test of its own shape, stands in `ELSEWHERE` with where and why: a clause that is in neither fails.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from sqlalchemy import select, update

from sync import tables as t
from tests.peer import Answer, Asked, answer
from tests.sync import lies_content as content
from tests.sync import lies_streams as streams
from tests.sync import lies_trust as trust
from tests.sync import lies_wire as wire
from tests.sync.conftest import sites
from tests.sync.lies_world import Scene, Seen
from tests.sync.test_protocol import CLAUSES, RESERVED

pytestmark = pytest.mark.soak_on("postgresql")


@dataclass(frozen=True)
class Attack:
    """One row.

    Attributes:
        clause: of PROTOCOL.md, which the attack breaks.
        run: plays it; returns what the victim answered.
        kind: of the answer.
        said: clause that the answer names, where it is another.
        outcome: `refused`: nothing changes. `again`: the stream is read anew, what is held stays. `nothing`: left. `noted`: kept as said, and means nothing.
            `drift`: what came is genuine and is taken, what did not come is asked for.
        audited: kind in the audit log; the kind of the answer by default, '' where honest peers do the same every day.
    """

    clause: str
    run: Callable[[Scene], Seen]
    kind: str
    said: str | None = None
    outcome: str = "refused"
    audited: str | None = None

    @property
    def name(self) -> str:
        """For the report."""
        return self.run.__name__


def _bytes(name: str) -> Callable[[Scene], Seen]:
    def bent(scene: Scene) -> Seen:
        return content.bent_json(scene, name)

    bent.__name__ = name.replace(" ", "_")
    return bent


def _named(name: str, run: Callable[[Scene], Seen]) -> Callable[[Scene], Seen]:
    run.__name__ = name
    return run


def _statement(name: str, text: bytes) -> Callable[[Scene], Seen]:
    return _named(name, lambda scene: trust.bent_statement(scene, b'"unit":null', text))


ATTACKS = [
    # 1 encoding and ids
    *(Attack("1.1", _bytes(name), "canonical") for name in content.BENT_JSON),
    Attack("1.1", _named("empty_body", lambda scene: content.whole_body(scene, b"")), "canonical"),
    Attack("1.1", _named("list_in_place_of_a_batch", lambda scene: content.whole_body(scene, b"[]")), "batch", said="4.2"),
    Attack("1.1", _statement("doubled_key_in_a_statement", b'"unit":null,"unit":null'), "statement", said="6.1"),
    Attack("1.1", _statement("surrogate_in_a_statement", b'"unit":"\\ud800"'), "statement", said="6.1"),
    Attack("1.1", _statement("huge_integer_in_a_statement", b'"unit":null,"n":9007199254740992'), "statement", said="6.1"),
    Attack("1.1", wire.message_of_deep_nesting, "message", said="7"),
    Attack("1.2", trust.join_under_a_false_id, "uncertified", said="6.1"),
    Attack("1.3", content.squatting, "authority", said="6.3"),
    Attack("1.3", content.false_birth, "manifest"),
    Attack("1.4", content.log_of_another_zone, "zone"),
    Attack("1.5", trust.reserved_suite, "suite-reserved"),
    Attack("1.5", trust.statement_with_alg_none, "unsigned", said="6.1"),
    # 2 records
    Attack("2.1", content.noncanonical_manifest, "manifest"),
    Attack("2.1", content.tombstone_as_record, "batch"),
    Attack("2.2", content.altered_value, "manifest", said="2.3"),
    Attack("2.2", content.zero_in_a_title, "manifest", said="2.3"),
    Attack("2.3", content.mixed_versions, "manifest"),
    Attack("2.3", content.doubled_disclosure, "manifest"),
    Attack("2.4", content.never_logged, "cover", said="3.4"),
    Attack("2.4", content.altered_manifest, "cover", said="3.4"),
    Attack("2.4", content.value_with_its_digest, "cover", said="3.4"),
    # 3 logs and witnesses
    Attack("3.1", content.entry_under_another_header, "cover", said="3.4"),
    Attack("3.2", content.mixed_logs, "authority"),
    Attack("3.2", streams.rows_of_another_authority, "authority"),
    Attack("3.3", content.note_by_the_wrong_key, "unsigned"),
    Attack("3.3", content.note_of_another_log, "note"),
    Attack("3.3", content.false_cosignature, "note"),
    Attack("3.3", content.rolled_back_log, "rollback"),
    Attack("3.3", content.two_roots_at_one_size, "fork"),
    Attack("3.3", content.rewritten_past_in_a_new_view, "fork"),
    Attack("3.3", trust.fork_at_the_witness, "fork"),
    Attack("3.3", trust.proof_that_does_not_hold, "witness-422", audited="witness"),
    Attack("3.3", trust.checkpoint_by_the_wrong_key, "witness-403", audited="witness"),
    Attack("3.3", trust.log_that_is_not_ours_to_witness, "witness-404", audited="witness"),
    Attack("3.3", trust.checkpoint_that_is_none, "witness-400", audited="witness"),
    Attack("3.3", trust.huge_checkpoint, "witness-400", audited="witness"),
    Attack("3.4", content.root_that_is_not_the_trees, "cover"),
    Attack("3.4", content.cut_cover, "cover"),
    Attack("3.4", content.swelled_cover, "cover"),
    Attack("3.4", content.leaf_beyond_the_log, "cover"),
    Attack("3.4", content.swapped_leaves, "cover"),
    Attack("3.4", content.rewritten_past, "fork", said="3.3"),
    Attack("3.6", content.lying_live_list, "cover", said="3.4"),
    Attack("3.6", wire.live_list_of_another, "not-found", said="7", audited=""),
    # 4 streams
    Attack("4.1", streams.twice_in_one_batch, "position"),
    Attack("4.2", streams.reordered, "position"),
    Attack("4.2", streams.position_beyond_the_batch, "position"),
    Attack("4.2", streams.late_answer, "", said="", outcome="nothing", audited=""),
    Attack("4.2", streams.another_view, "view", outcome="again"),
    Attack("4.2", wire.generation_that_is_none, "batch"),
    Attack("4.4", wire.cursor_beyond_the_head, "cursor", said="4.5", outcome="again"),
    Attack("4.5", streams.another_generation, "gen", outcome="again"),
    Attack("4.5", streams.removal_in_a_full_read, "position"),
    Attack("4.6", streams.stripped, "sync.apply", outcome="drift"),
    Attack("4.6", streams.head_with_more_to_come, "head"),
    Attack("4.6", streams.head_of_another_stream, "note"),
    Attack("4.6", streams.head_by_the_wrong_key, "unsigned"),
    Attack("4.6", streams.head_of_another_place, "head"),
    Attack("4.7", content.rollback_of_a_record, "rollback"),
    Attack("4.8", streams.sideways, "valley"),
    Attack("4.8", trust.cycle, "cycle", outcome="noted"),
    Attack("4.9", streams.not_onward, "terms"),
    Attack("4.9", streams.not_the_audience, "terms"),
    Attack("4.9", streams.term_over, "terms"),
    # 5 rows
    Attack("5.1", streams.altered_row, "rows"),
    Attack("5.1", streams.hole_too_many, "rows"),
    Attack("5.1", streams.removal_that_was_never_due, "rows"),
    Attack("5.2", streams.base_in_the_stream, "rows"),
    Attack("5.3", streams.noncanonical_row, "rows"),
    Attack("5.4", streams.rows_before_their_record, "rows"),
    Attack("5.4", streams.gap_in_rows, "rows", outcome="again"),
    # 6 trust
    Attack("6.1", trust.keys_in_a_subordinates_place, "no-key"),
    Attack("6.1", trust.anothers_territory, "uncertified"),
    Attack("6.1", trust.wider_than_itself, "uncertified"),
    Attack("6.1", trust.expired_certification, "uncertified"),
    Attack("6.1", trust.stranger, "uncertified"),
    Attack("6.1", trust.stripped_statements, "uncertified"),
    Attack("6.1", trust.equivocation, "uncertified"),
    Attack("6.1", trust.below_threshold, "threshold"),
    Attack("6.1", trust.unsigned_statement, "unsigned"),
    Attack("6.1", trust.too_many_statements, "statement"),
    Attack("6.1", trust.unknown_kind_of_statement, "unknown"),
    Attack("6.2", trust.beyond_a_closed_epoch, "void"),
    Attack("6.2", trust.epoch_closed_by_nobody, "epoch"),
    Attack("6.2", trust.epoch_nobody_opened, "epoch"),
    Attack("6.3", trust.second_authority, "authority"),
    Attack("6.3", trust.succession_by_nobody, "succession"),
    Attack("6.4", content.undelete, "rollback", said="4.7"),
    Attack("6.5", content.cosignature_ahead, "ahead"),
    Attack("6.5", trust.certification_from_the_future, "uncertified", said="6.1"),
    Attack("6.6", trust.unknown_secret, "invite"),
    Attack("6.6", trust.invite_of_another, "invite"),
    Attack("6.6", trust.join_for_another_site, "invite"),
    Attack("6.6", trust.stale_join, "invite"),
    Attack("6.6", trust.join_in_anothers_name, "invite"),
    Attack("6.6", trust.join_that_is_none, "invite"),
    # 7 the wire
    Attack("7.1", wire.endless_data, "too-large"),
    Attack("7.1", wire.endless_chunks, "too-large"),
    Attack("7.1", wire.endless_headers, "not-http", said="7"),
    Attack("7.1", wire.compressed_bomb, "too-large"),
    Attack("7.1", wire.damaged_compression, "canonical", said="1.1"),
    Attack("7.1", wire.slow_body, "too-slow"),
    Attack("7.1", wire.slow_head, "too-slow"),
    Attack("7.1", wire.length_too_long, "incomplete", said="7"),
    Attack("7.1", wire.length_too_short, "canonical", said="1.1"),
    Attack("7.1", wire.length_that_is_none, "canonical", said="1.1"),
    Attack("7.1", wire.redirect, "redirect", said="7"),
    Attack("7.1", wire.not_http, "not-http", said="7"),
    Attack("7.1", wire.too_many_items, "too-large"),
    Attack("7.1", wire.too_many_logs, "too-large"),
    Attack("7.1", wire.compressed_request, "encoding"),
    Attack("7.1", wire.request_too_large, "too-large"),
    Attack("7.1", wire.request_without_length, "too-large"),
    Attack("7.1", wire.request_shorter_than_it_says, "request"),
    Attack("7.1", wire.malformed_query, "request"),
    Attack("7.2", wire.no_token, "token"),
    Attack("7.2", wire.token_for_another_audience, "token-audience"),
    Attack("7.2", wire.token_for_another_zone, "token-audience"),
    Attack("7.2", wire.token_for_another_target, "token-request"),
    Attack("7.2", wire.token_for_another_body, "token-request"),
    Attack("7.2", wire.stale_token, "token-time"),
    Attack("7.2", wire.token_that_lives_too_long, "token"),
    Attack("7.2", wire.token_by_the_wrong_key, "token-signature"),
    Attack("7.2", wire.token_of_another_type, "token"),
    Attack("7.2", wire.replayed_token, "token-replay"),
    Attack("7.3", wire.refusal_full_of_junk, "peer-refused", said="7", audited=""),
    Attack("7.3", wire.caller_nobody_certified, "uncertified", said="6.1"),
    Attack("7.3", wire.caller_who_is_no_peer, "not-a-peer", said="7"),
    Attack("7.3", wire.pushed_lie, "cover", said="3.4"),
    Attack("7.3", wire.file_of_nobodys, "not-found", said="7", audited=""),
    Attack("7.3", wire.path_in_place_of_a_file, "http-404", said="7", audited=""),
    Attack("7.3", wire.message_that_is_none, "message", said="7"),
    Attack("7.4", wire.unknown_op, "halt"),
    Attack("7.4", wire.newer_version, "halt"),
]  # fmt: skip

#: Clauses that no row of the table breaks, and where they are tested or why they cannot be broken by a peer.
ELSEWHERE = {
    "3.5": "test_cosignature_by_the_wrong_witness_leaves_the_record_only_signed (below)",
    "4.3": "the sender's own duty: no request can ask for more than is judged (tests/sync/test_exchange_four_levels.py, test_row_clock.py)",
    "6.7": "files of this machine: tests/sync/test_keys.py",
    "6.8": "a file that a stranger verifies offline: tests/sync/test_receipt.py",
}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, Callable[[], int]], Scene]]:
    """One scene for each engine, made when it is first asked for."""
    made: dict[str, Scene] = {}
    with ExitStack() as stack:

        def scene(engine: str, free_port: Callable[[], int]) -> Scene:
            if engine not in made:
                make = stack.enter_context(sites(engine, tmp_path_factory.mktemp(engine), free_port))
                made[engine] = Scene(make, free_port)
                stack.callback(made[engine].close)
            return made[engine]

        yield scene


@pytest.fixture
def scene(engine_name: str, scenes: Callable[[str, Callable[[], int]], Scene], free_port: Callable[[], int]) -> Scene:
    """The scene of this engine, settled."""
    found = scenes(engine_name, free_port)
    found.settle()
    return found


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.clause}-{attack.name}")
def test_attack_is_refused_by_name_written_down_and_changes_nothing(scene: Scene, attack: Attack) -> None:
    seen = attack.run(scene)
    outcome = "again" if attack.outcome == "drift" else attack.outcome
    assert seen == Seen(attack.clause if attack.said is None else attack.said, attack.kind, outcome)
    kind = attack.kind if attack.audited is None else attack.audited
    assert scene.audited(scene.mark) == ({kind} if kind else set())
    if attack.outcome != "drift":
        assert scene.digest(outcome) == scene.before.get(outcome, scene.before["refused"])
    scene.others_go_on()
    scene.go_on()


def test_every_clause_is_attacked_or_says_why_not() -> None:
    attacked = {attack.clause for attack in ATTACKS}
    assert attacked <= set(CLAUSES)
    assert set(CLAUSES) - attacked - RESERVED == set(ELSEWHERE)
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


# --- what needs a test of its own shape --------------------------------------------------------------------------------------------------------


def test_cosignature_by_the_wrong_witness_leaves_the_record_only_signed(scene: Scene) -> None:
    # PROTOCOL 3.5
    record = scene.county.publish("别人见证")
    scene.show(record, witness=scene.sibling)
    assert scene.victim.record(record.id).provenance.proof == "signed"
    scene.go_on()


def test_hiding_a_whole_record_is_undetectable_and_equals_withholding_it(scene: Scene) -> None:
    """The row that the table calls undetectable is so: one relay hides, another withholds by its policy; what they send differs in nothing that can be told."""
    # PROTOCOL 10
    hidden, shown = scene.county.publish("被隐藏"), scene.county.publish("可见")
    stream = scene.stream
    batch = stream.batch(stream.put(shown), witness=scene.province)
    members = scene.mapping(batch)
    assert hidden.id not in orjson.dumps(members).decode() and len(members["items"]) == 1
    assert scene.give(batch).outcome == "applied"
    scene.records.append(shown)
    assert scene.audited(scene.mark) == set() and scene.victim.record(hidden.id) is None and scene.victim.record(shown.id) is not None
    with scene.victim.store.read() as conn:
        (size,) = conn.scalars(select(t.run.c.size).where(t.run.c.source == scene.province.id).order_by(t.run.c.run.desc()).limit(1))
    assert size == scene.county.log.size  # only that there are leaves beside those shown
    scene.go_on()


def test_hidden_update_stays_unseen_until_the_authoritys_live_list_is_asked(scene: Scene) -> None:
    """Through the relay alone the old version stays current; the authority's own list of current leaves tells. Who is under lease asks: test_leases.py."""
    # PROTOCOL 3.6, 10
    first = scene.county.publish("旧版")
    scene.show(first)
    second = scene.county.publish("新版", again=first, version=2)
    other = scene.county.publish("别的")
    scene.show(other)
    assert scene.audited(scene.mark) == set()
    assert scene.victim.record(first.id).fields["title"] == {"zh": "旧版"}
    bits = bytearray(b"\xff" * (scene.county.log.size // 8 + 1))
    bits[first.index >> 3] &= ~(1 << (first.index & 7))
    with scene.victim.store.read() as conn:
        held = conn.scalar(select(t.holding.c.at).where(t.holding.c.id == first.id))
    assert held == first.index and not bits[held >> 3] >> (held & 7) & 1 and bits[second.index >> 3] >> (second.index & 7) & 1
    scene.go_on()


def test_frozen_relay_shows_by_its_heartbeat(scene: Scene) -> None:
    """Freeze: a relay that answers and brings nothing new. Nothing is refused; the age of the newest cosignature that it gave says so."""
    # PROTOCOL 3.3, 10
    scene.go_on()

    def heartbeat(node: str) -> int:
        (found,) = [peer.heartbeat for peer in scene.victim.exchange.status().peers if peer.node == node]
        return found or 0

    assert abs(heartbeat(scene.province.id) - scene.now) < 5
    with scene.victim.store.write() as tx:
        tx.conn.execute(update(t.run).where(t.run.c.source == scene.province.id).values(cosigned=scene.now - 5000))
    for _ in range(3):
        assert scene.fetch().outcome == "nothing"
    assert scene.now - heartbeat(scene.province.id) == 5000
    scene.go_on()


def _slowly(_asked: Asked) -> Answer:
    yield from answer(length=1000)
    for _ in range(100):
        yield b"x"
        time.sleep(0.1)


FILE = b"genuine" * 1000
FILE_LIES: dict[str, tuple[Callable[[Asked], Answer], str]] = {
    "altered": (lambda _asked: answer(FILE.replace(b"g", b"G")), "object"),
    "longer than the record says": (lambda _asked: answer(FILE + b"extraneous"), "object"),
    "endless": (lambda _asked: iter([*answer(length=None), *(b"x" * (1 << 20) for _ in range(50))]), "object"),
    "of a size that is none": (lambda _asked: answer(FILE, 206, Content_Range=f"bytes 0-6999/{10**40}"), "object"),
    "slow": (_slowly, "too-slow"),
    "shorter than it says": (lambda _asked: answer(FILE[:100], length=7000), "incomplete"),
    "a redirect": (lambda _asked: answer(status=307, Location="file:///etc/passwd"), "redirect"),
}


@pytest.mark.parametrize("name", FILE_LIES)
def test_lying_file_is_not_kept_and_the_true_one_is_taken_afterwards(scene: Scene, name: str) -> None:
    # PROTOCOL 7.1
    lie, kind = FILE_LIES[name]
    data = FILE + name.encode()
    sha256 = hashlib.sha256(data).hexdigest()
    resource = {"title": {"zh": "文件"}, "kind": "file", "format": "CSV", "media_type": "text/csv", "sha256": sha256, "size": len(data)}
    record = scene.county.publish("有文件", **{"resources.data": resource})
    scene.show(record, "title", "summary", "provider", "sharing", "resources.data")
    scene.settle()
    scene.peer.scripts["GET", f"/objects/{sha256}"] = lie
    assert scene.victim.exchange.objects.fetch_next()
    assert not scene.victim.objects.has(sha256) and scene.audited(scene.mark) == {kind}
    scene.others_go_on()
    scene.peer.scripts["GET", f"/objects/{sha256}"] = lambda asked: answer(data[int(asked.headers["range"][6:-1]) :], 206)
    for _ in range(2):  # false bytes that came before a break are found out by the whole, and begun anew
        with scene.victim.store.write() as tx:
            tx.conn.execute(update(t.object_want).values(due=0))
        scene.victim.exchange.objects.fetch_next()
    assert b"".join(scene.victim.objects.open(sha256)) == data
    scene.go_on()


def test_flood_of_lies_fills_neither_quarantine_nor_audit_log(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from sync import apply

    monkeypatch.setattr(apply, "QUARANTINED", 5)
    monkeypatch.setattr(apply, "WHOLE", 2)
    with scene.victim.store.write() as tx:
        tx.conn.execute(t.quarantine.delete())
    for n in range(8):
        assert scene.give(b'{"v":%d}' % (n + 2)).kind == "halt"
    with scene.victim.store.read() as conn:
        kept: list[Any] = list(conn.scalars(select(t.quarantine.c.batch).order_by(t.quarantine.c.n)))
    assert len(kept) == 5 and [text is None for text in kept] == [False, False, True, True, True]
    scene.others_go_on()
    scene.go_on()
