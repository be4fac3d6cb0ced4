"""What a witness cosigns (PROTOCOL 3.3, C2SP tlog-witness): growth by proof, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.errors import ForkError, WitnessError
from sync.notes import add_signature, parse_note, verify_cosignatures
from sync.witness import Cosigned, Known, decide, make_request, origin_of
from tests.sync.world import NOW, Log, Node, World, trust_of, world


def _world(leaves: int = 5) -> World:
    made = world()
    for n in range(leaves):
        made.county.publish(str(n))
    return made


def ask(w: World, old: int, proof: list[bytes], note: str, known: Known | None, *, now: int = NOW, me: Node | None = None) -> Cosigned:
    witness = me or w.city
    return decide(make_request(old, proof, note), trust=w.trust(), me=witness.id, known=known, key=witness.witness, now=now)


def known_of(cosigned: Cosigned) -> Known:
    return Known(cosigned.size, cosigned.root, cosigned.note)


def status(*args: object, **kwargs: object) -> WitnessError:
    with pytest.raises(WitnessError) as refused:
        ask(*args, **kwargs)  # type: ignore[arg-type]
    assert refused.value.zh
    return refused.value


def test_first_checkpoint_is_cosigned_without_proof_and_the_next_with_one() -> None:
    # PROTOCOL 3.3
    w = _world()
    first = ask(w, 0, [], w.county.note(3), None)
    assert (first.size, first.root, first.time) == (3, w.county.log.root(3), NOW)
    found = verify_cosignatures(parse_note(first.note), w.trust().witnesses(w.county.id), now=NOW)
    assert found is not None and found.time == NOW
    second = ask(w, 3, w.county.log.consistency(3), w.county.note(), known_of(first), now=NOW + 600)
    assert (second.size, second.time) == (5, NOW + 600)
    again = ask(w, 5, [], w.county.note(), known_of(second), now=NOW + 1200)  # the heartbeat
    assert again.time == NOW + 1200


def test_clock_set_back_never_makes_the_heartbeat_older() -> None:
    # PROTOCOL 6.5
    w = _world()
    first = ask(w, 0, [], w.county.note(), None, now=NOW + 1000)
    assert ask(w, 5, [], w.county.note(), known_of(first), now=NOW).time == NOW + 1000


def test_fork_is_never_cosigned_and_both_notes_are_kept() -> None:
    w = _world()
    known = known_of(ask(w, 0, [], w.county.note(), None))
    fork = Log(w.county.log.origin)
    for n in range(5):
        w.county.publish(f"other {n}", log=fork)
    with pytest.raises(ForkError) as refused:
        ask(w, 5, [], w.county.note(log=fork), known)
    assert refused.value.evidence["known"] == known.note
    assert parse_note(refused.value.evidence["offered"]).text != parse_note(known.note).text
    w.county.publish("one more", log=fork)
    assert status(w, 5, fork.consistency(5), w.county.note(log=fork), known).status == 422


def test_wrong_memory_is_answered_with_ours() -> None:
    w = _world()
    known = known_of(ask(w, 0, [], w.county.note(3), None))
    for old in (0, 2, 4):
        refused = status(w, old, [], w.county.note(), known)
        assert (refused.status, refused.size) == (409, 3)
    refused = status(w, 2, [], w.county.note(2), known)  # a log that went back
    assert (refused.status, refused.size) == (409, 3)


def test_proof_that_does_not_hold_is_422() -> None:
    w = _world()
    known = known_of(ask(w, 0, [], w.county.note(3), None))
    proof = w.county.log.consistency(3)
    for wrong in ([], proof[:-1], [*proof, bytes(32)], [bytes(32), *proof[1:]]):
        assert status(w, 3, wrong, w.county.note(), known).status == 422
    assert status(w, 0, [bytes(32)], w.county.note(), None).status == 422


def test_unsigned_and_wrongly_signed_are_403() -> None:
    w = _world()
    assert status(w, 0, [], w.county.note(key=w.city.site), None).status == 403
    assert status(w, 0, [], w.county.note().replace("\n5\n", "\n6\n"), None).status == 403


def test_log_of_others_is_404() -> None:
    w = _world()
    stranger = Node("510107")
    stranger.publish()
    assert status(w, 0, [], stranger.note(), None).status == 404
    assert status(w, 0, [], w.county.note(), None, me=w.province).status == 404  # not its witness
    w.city.publish()
    assert status(w, 0, [], w.city.note(), None).status == 404  # its own log


def test_old_beyond_the_checkpoint_is_400() -> None:
    w = _world()
    assert status(w, 6, [], w.county.note(), None).status == 400


def test_log_of_a_closed_epoch_is_not_cosigned() -> None:
    # PROTOCOL 6.2
    w = _world()
    w.city.close(w.county, size=2)
    assert status(w, 0, [], w.county.note(), None).status == 403


def test_restored_witness_takes_its_own_cosignature_for_its_memory() -> None:
    # PROTOCOL 10, a restored witness forgets
    w = _world(5)
    old = known_of(ask(w, 0, [], w.county.note(2), None))
    newer = ask(w, 2, w.county.log.consistency(2), w.county.note(), old)
    # restored to `old`: the log sends the note that this witness had cosigned
    again = ask(w, 5, [], newer.note, old, now=NOW + 5)
    assert (again.size, again.root) == (5, newer.root)
    # the log cannot pass off a fork as such a memory
    fork = Log(w.county.log.origin)
    for n in range(6):
        w.county.publish(f"other {n}", log=fork)
    forged = add_signature(w.county.note(log=fork), newer.line)
    assert status(w, 6, [], forged, old).status == 403


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0",
        b"old 0\n",
        b"old 00\n\n{n}",
        b"old -1\n\n{n}",
        b"Old 0\n\n{n}",
        b"old 0\n{n}",
        b"old 0\nAAAA\n\n{n}",
        b"old 0\n" + b"A" * 43 + b"\n\n{n}",
        b"old 0\n" + b"A" * 43 + b"B=\n\n{n}",
        b"old 0\n" + (b"A" * 43 + b"=\n") * 64 + b"\n{n}",
        b"old 0\n\n\xff{n}",
        b"old 0\n\n" + b"x" * 40_000,
        b"old 9007199254740992\n\n{n}",
        b"old 0\n\nno note",
    ],
)
def test_request_without_its_form_is_400(body: bytes) -> None:
    w = _world(1)
    with pytest.raises(WitnessError) as refused:
        decide(body.replace(b"{n}", w.county.note().encode()), trust=w.trust(), me=w.city.id, known=None, key=w.city.witness, now=NOW)
    assert refused.value.status == 400


@given(st.binary(max_size=200))
def test_any_bytes_give_a_witness_error(body: bytes) -> None:
    with pytest.raises(WitnessError):
        origin_of(body)
    with pytest.raises(WitnessError):
        origin_of(b"old 0\n\n" + body)


def test_name_that_is_no_log_is_404() -> None:
    w = _world(1)
    with pytest.raises(WitnessError) as refused:
        origin_of(make_request(0, [], w.county.note().replace("terrace/1/", "other/1/")))
    assert refused.value.status == 404
    assert str(origin_of(make_request(0, [], w.county.note()))) == str(w.county.log.origin)


def test_several_superiors_only_the_first_witnesses() -> None:
    w = _world(1)
    bureau = Node(None, unit="000000/bureau", level="province", divisions=["510000"])
    w.nation.certify(bureau, depth=3)
    bureau.certify(w.county)
    w.county.state_self(witnesses=[bureau.id, w.city.id])
    trust = trust_of(*w.nodes, bureau)
    request = make_request(0, [], w.county.note())
    assert decide(request, trust=trust, me=bureau.id, known=None, key=bureau.witness, now=NOW)
    with pytest.raises(WitnessError) as refused:
        decide(request, trust=trust, me=w.city.id, known=None, key=w.city.witness, now=NOW)
    assert refused.value.status == 404
