"""The stream table (PROTOCOL 4.1, 4.4): what a peer was never sent leaves no trace, and no trace is lost of what it was."""

import random

import pytest

from catalog.store import Store
from sync.streams import PUT, REMOVE, TOMB, Outlet, Verdict, open_outlet

ID = "urn:terrace:00000000-0000-8000-8000-00000000000{0}"
NOTHING = Verdict(None)


def put(mark: int) -> Verdict:
    return Verdict(PUT, bytes([mark]) * 32)


@pytest.fixture
def streams(store: Store) -> Store:
    store.upgrade(also=["sync"])
    return store


def settle(outlet: Outlet, n: int, verdict: Verdict) -> None:
    id_ = ID.format(n)
    outlet.settle(id_, outlet.rows_of([id_]).get(id_, {}), verdict)


def states(outlet: Outlet) -> list[tuple[str, str]]:
    return [(row.id[-1], row.state) for row in outlet.page(0, 100)]


def test_put_never_sent_that_becomes_forbidden_leaves_no_row(streams: Store) -> None:
    # PROTOCOL 4.4, invariant I3
    with streams.write() as tx:
        outlet = open_outlet(tx.conn, "n-peer")
        settle(outlet, 1, put(1))
        settle(outlet, 1, NOTHING)
        assert states(outlet) == []
        assert outlet.total == 0


def test_put_sent_but_not_acknowledged_becomes_a_removal(streams: Store) -> None:
    # PROTOCOL 4.4
    with streams.write() as tx:
        outlet = open_outlet(tx.conn, "n-peer")
        settle(outlet, 1, put(1))
        outlet.served = outlet.pos  # stored before sending
        settle(outlet, 1, NOTHING)
        assert states(outlet) == [("1", REMOVE)]
        outlet.acknowledge(outlet.pos)
        assert states(outlet) == []


def test_put_read_remove_unread_put_queued_forbidden_still_removes(streams: Store) -> None:
    """What broke without `acked`: the row vanished, the copy stayed."""
    # PROTOCOL 4.4
    with streams.write() as tx:
        outlet = open_outlet(tx.conn, "n-peer")
        settle(outlet, 1, put(1))
        outlet.served = outlet.pos
        outlet.acknowledge(outlet.pos)  # PUT read
        settle(outlet, 1, NOTHING)  # REMOVE queued, unread
        settle(outlet, 1, put(2))  # PUT queued
        settle(outlet, 1, NOTHING)  # forbidden
        assert states(outlet) == [("1", REMOVE)]


def test_same_manifest_in_a_new_epoch_travels_again(streams: Store) -> None:
    # PROTOCOL 4.1
    with streams.write() as tx:
        outlet = open_outlet(tx.conn, "n-peer")
        settle(outlet, 1, put(1))
        before = outlet.pos
        settle(outlet, 1, put(1))
        assert outlet.pos == before
        settle(outlet, 1, put(2))
        assert outlet.pos > before


@pytest.mark.parametrize("seed", range(8))
def test_reader_that_loses_answers_ends_with_what_it_may_have_and_was_told_nothing_else(streams: Store, seed: int) -> None:
    """A random walk of publishing, forbidding, reading and losing answers, against a reader that keeps only what it read. Invariants I1, I3, I7."""
    # PROTOCOL 4.1, 4.4, 4.6
    dice = random.Random(seed)
    may: dict[str, bytes] = {}
    held: dict[str, bytes] = {}
    told: set[str] = set()
    with streams.write() as tx:
        outlet = open_outlet(tx.conn, f"n-{seed}")
        cursor = 0
        for step in range(300):
            n = dice.randrange(6)
            match dice.choice(["put", "put", "forbid", "read", "lose"]) if step < 290 else "read":
                case "put":
                    may[str(n)] = bytes([step % 256]) * 32
                    settle(outlet, n, put(step % 256))
                case "forbid":
                    may.pop(str(n), None)
                    settle(outlet, n, NOTHING if dice.random() < 0.7 else Verdict(TOMB, b"t" * 32))
                case answer:
                    outlet.acknowledge(cursor)
                    rows = outlet.page(cursor, dice.randrange(1, 9) if step < 290 else 100)
                    if not rows:
                        continue
                    outlet.served = max(outlet.served, rows[-1].pos)
                    for row in rows:
                        assert row.state != REMOVE or row.id[-1] in told  # I3
                    if answer == "lose" and dice.random() < 0.5:
                        continue  # never left the machine, as far as the reader knows
                    told |= {row.id[-1] for row in rows if row.state == PUT}
                    if answer == "lose":
                        continue
                    for row in rows:
                        held.pop(row.id[-1], None)
                        if row.state == PUT:
                            held[row.id[-1]] = row.fingerprint
                    cursor = rows[-1].pos
        assert held == may
        assert outlet.total == sum(int.from_bytes(value, "big") for value in held.values()) % 2**256
