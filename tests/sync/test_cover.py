"""The cover (PROTOCOL 3.4): sizes as stated, every bent cover refused, forks proved, and relays of relays that prove again from what they kept."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.cover import HASH_BYTES, build, conflicts, shape, verify
from sync.errors import CoverError, ForkError, MissingHashError
from sync.merkle import Peaks, leaf_hash, tree_root

Nodes = dict[tuple[int, int], bytes]


class Kept:
    """A log, or what a relay kept of one."""

    def __init__(self) -> None:
        self.nodes: Nodes = {}

    def get(self, level: int, index: int) -> bytes | None:
        return self.nodes.get((level, index))


def log(size: int, mark: bytes = b"") -> tuple[Kept, list[bytes]]:
    kept = Kept()
    leaves = [leaf_hash(mark + n.to_bytes(4)) for n in range(size)]
    tree = Peaks(seen=lambda level, index, hash_: kept.nodes.__setitem__((level, index), hash_))
    for leaf in leaves:
        tree.append(leaf)
    return kept, leaves


def opened(leaves: list[bytes], indices: set[int]) -> dict[int, bytes]:
    return {index: leaves[index] for index in indices}


BIG, BIG_LEAVES = log(200_000)


def _size_of(old: int, indices: list[int]) -> int:
    cover = build(BIG.get, 200_000, old, indices)
    verify(cover, 200_000, old, opened(BIG_LEAVES, set(indices)), root=tree_root(BIG_LEAVES), old_root=tree_root(BIG_LEAVES[:old]))
    return len(cover)


def test_covers_cost_what_the_notes_say() -> None:
    assert _size_of(199_999, [199_999]) == 352
    assert _size_of(199_000, list(range(199_000, 200_000))) == 224
    as_many_withheld = random.Random(7).sample(range(198_000, 200_000), 1000)
    assert 20 < _size_of(198_000, as_many_withheld) / 1000 < 27


def test_a_thousand_scattered_records_cost_less_than_paths_of_their_own() -> None:
    indices = random.Random(7).sample(range(200_000), 1000)
    assert len(build(BIG.get, 200_000, 200_000, indices)) / 1000 < 240  # separate paths: 576 bytes each


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 90), st.data())
def test_cover_proves_inclusion_and_growth(size: int, data: st.DataObject) -> None:
    kept, leaves = log(size)
    old = data.draw(st.integers(0, size))
    indices = data.draw(st.sets(st.integers(0, size - 1))) if size else set()
    cover = build(kept.get, size, old, indices)
    old_root = tree_root(leaves[:old]) if old else None
    found = verify(cover, size, old, opened(leaves, indices), root=tree_root(leaves), old_root=old_root)
    assert found.old_root == tree_root(leaves[:old])
    assert all(kept.nodes[name] == hash_ for name, hash_ in found.nodes.items())


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 60), st.data())
def test_bent_cover_is_refused(size: int, data: st.DataObject) -> None:
    kept, leaves = log(size)
    old = data.draw(st.integers(0, size))
    indices = data.draw(st.sets(st.integers(0, size - 1), max_size=6))
    cover = build(kept.get, size, old, indices)
    good = {"root": tree_root(leaves), "old_root": tree_root(leaves[:old]) if old else None}
    bent = [cover + bytes(32), cover + b"\0", cover[:-1] if cover else b"\1", cover[32:] if cover else bytes(32)]
    if cover:
        at = data.draw(st.integers(0, len(cover) - 1))
        bent.append(cover[:at] + bytes([cover[at] ^ 1]) + cover[at + 1 :])
    for wrong in bent:
        with pytest.raises(CoverError):
            verify(wrong, size, old, opened(leaves, indices), **good)
    for index in indices:
        with pytest.raises(CoverError):
            verify(cover, size, old, {**opened(leaves, indices), index: leaf_hash(b"forged")}, **good)


def test_moved_or_doubled_leaf_is_refused() -> None:
    kept, leaves = log(11)
    cover = build(kept.get, 11, 4, [5, 9])
    root, old_root = tree_root(leaves), tree_root(leaves[:4])
    with pytest.raises(CoverError):
        verify(cover, 11, 4, {5: leaves[9], 9: leaves[5]}, root=root, old_root=old_root)
    with pytest.raises(CoverError, match="outside"):
        verify(cover, 11, 4, {5: leaves[5], 11: leaves[9]}, root=root, old_root=old_root)
    with pytest.raises(CoverError, match="twice"):
        build(kept.get, 11, 4, [5, 5])


def test_rewritten_past_is_a_fork_that_the_cover_itself_proves() -> None:
    _, old_leaves = log(6)
    other, leaves = log(9, b"other history ")
    cover = build(other.get, 9, 6, [8])
    with pytest.raises(ForkError):
        verify(cover, 9, 6, {8: leaves[8]}, root=tree_root(leaves), old_root=tree_root(old_leaves))


def test_old_root_without_old_size_is_refused() -> None:
    kept, leaves = log(3)
    for old, old_root in ((0, tree_root(leaves)), (2, None)):
        with pytest.raises(CoverError):
            verify(build(kept.get, 3, old, []), 3, old, {}, root=tree_root(leaves), old_root=old_root)


def test_sizes_out_of_order_are_refused() -> None:
    for size, old in ((3, 4), (-1, 0), (2**53, 0)):
        with pytest.raises(CoverError, match="out of order"):
            verify(b"", size, old, {}, root=bytes(32), old_root=bytes(32))


def test_cover_longer_than_its_shape_is_not_even_hashed() -> None:
    hashed = 0

    def counting(data: bytes) -> bytes:
        nonlocal hashed
        hashed += 1
        return bytes(32)

    with pytest.raises(CoverError):
        verify(bytes(32) * 10_000, 8, 0, {}, root=bytes(32), old_root=None, hash_=counting)
    assert hashed < 10


def test_contradicting_hashes_from_two_sources_are_found() -> None:
    first, leaves = log(8)
    second, others = log(8, b"fork ")
    learned = verify(build(second.get, 8, 0, [3]), 8, 0, {3: others[3]}, root=tree_root(others), old_root=None).nodes
    assert conflicts(first.get, learned) is not None
    learned = verify(build(first.get, 8, 0, [3]), 8, 0, {3: leaves[3]}, root=tree_root(leaves), old_root=None).nodes
    assert conflicts(first.get, learned) is None


def test_relay_without_the_hashes_says_which_is_missing() -> None:
    kept, leaves = log(8)
    relay = Kept()
    relay.nodes |= verify(build(kept.get, 8, 0, [3]), 8, 0, {3: leaves[3]}, root=tree_root(leaves), old_root=None).nodes
    with pytest.raises(MissingHashError):
        build(relay.get, 8, 0, [6])  # leaf 6 was never opened for it
    with pytest.raises(MissingHashError):
        build(relay.get, 8, 5, [])  # 5 is no size at which its own view was cut


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_relays_of_relays_prove_again_what_they_keep(data: st.DataObject) -> None:
    """Invariant I5. Origin → A → B → C; each reads in steps, and opens any subset of its own leaves at any of its own sizes, now or later."""
    size = data.draw(st.integers(1, 70))
    origin, leaves = log(size)
    above: Kept = origin
    sizes = sorted(data.draw(st.sets(st.integers(1, size), min_size=1, max_size=5)))
    available = [set(range(at)) for at in sizes]  # what the reader above could open at each of its sizes
    for _ in range(data.draw(st.integers(1, 3))):
        relay = Kept()
        steps = sorted(data.draw(st.sets(st.integers(0, len(sizes) - 1), min_size=1)))
        own_sizes, own_opened, old, have = [], [], 0, set()
        for step in steps:
            at = sizes[step]
            indices = data.draw(st.sets(st.sampled_from(sorted(available[step])), max_size=8)) if available[step] else set()
            # a withdrawn leaf keeps its hash, so that leaves opened once can be opened again at every later size
            cover = build(above.get, at, old, indices)
            found = verify(cover, at, old, opened(leaves, indices), root=tree_root(leaves[:at]), old_root=tree_root(leaves[:old]) if old else None)
            relay.nodes |= found.nodes
            have |= indices
            own_sizes.append(at)
            own_opened.append(set(have))
            old = at
        above, sizes, available = relay, own_sizes, own_opened


@given(st.integers(0, 300), st.data())
def test_shape_covers_every_leaf_once_and_is_cut_at_old(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, size))
    indices = sorted(data.draw(st.sets(st.integers(0, size - 1), max_size=20))) if size else []
    at = 0
    cut = old == 0 or size == 0
    for level, index, is_open in shape(size, old, indices):
        assert index << level == at
        assert not is_open or level == 0
        assert not at < old < at + (1 << level)
        at += 1 << level
        cut |= at == old
    assert at == size
    assert cut


def test_hashes_are_32_bytes() -> None:
    assert HASH_BYTES == 32
