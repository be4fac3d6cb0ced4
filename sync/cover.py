"""The cover: the one proof in a batch (PROTOCOL 3.4).

A cover is the hashes of perfect subtrees, left to right, that make up `[0, size)`, cut at `old`, with the opened leaves left out. From them and the
leaves' own hashes a reader computes both roots: that of `[0, old)`, which must be the root that it had, and that of `[0, size)`, which must be the
one that the log signed. So one run of hashes proves that every opened leaf is in the log and that the log only grew.

The shape is a function of `(size, old, opened)` alone: nothing in a cover can be chosen by its maker but the hashes, and their number is checked first.

A relay proves again from what it kept: verification returns every perfect subtree that it saw or computed, the relay stores them by `(level, index)`,
and `build` finds each hash that a new cover needs in that store or computes it from its halves. That always succeeds when the relay (a) opens only
leaves that were opened for it, (b) uses as `old` and `size` only sizes at which its own covers were cut or ended, or begins a new view at `old` = 0.
Invariant I5.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sync.errors import CoverError, ForkError
from sync.merkle import MAX_SIZE, Get, Hash, Peaks, empty_root, peaks, resolver, sha256

__all__ = ["HASH_BYTES", "Verified", "build", "conflicts", "shape", "verify"]

HASH_BYTES = 32


@dataclass(frozen=True)
class Verified:
    """What a cover proved.

    Attributes:
        old_root: root of `[0, old)` as it follows from the cover.
        root: root of `[0, size)`.
        nodes: every perfect subtree seen or computed, leaves included: `(level, index) → hash`. A relay keeps them.
    """

    old_root: bytes
    root: bytes
    nodes: Mapping[tuple[int, int], bytes]


def shape(size: int, old: int, opened: Sequence[int]) -> Iterator[tuple[int, int, bool]]:
    """The pieces of `[0, size)` from left to right.

    Args:
        size: number of leaves.
        old: where the pieces are cut, 0 ≤ old ≤ size.
        opened: indices of opened leaves, ascending, without doubles.

    Yields:
        (level, index, opened): perfect subtrees, and the opened leaves at level 0.
    """
    at = 0
    for leaf in opened:
        if at < old <= leaf:
            yield from ((level, index, False) for level, index in peaks(at, old))
            at = old
        yield from ((level, index, False) for level, index in peaks(at, leaf))
        yield 0, leaf, True
        at = leaf + 1
    if at < old:
        yield from ((level, index, False) for level, index in peaks(at, old))
        at = old
    yield from ((level, index, False) for level, index in peaks(at, size))


def build(get: Get, size: int, old: int, opened: Iterable[int], hash_: Hash = sha256) -> bytes:
    """Makes a cover from kept hashes.

    Args:
        get: hashes of perfect subtrees, None where not kept.
        size: size of the signed tree.
        old: size of the tree that the reader has; 0 when its view is new.
        opened: indices of the leaves that the batch opens, in any order.

    Returns:
        The hashes, 32 bytes each, one after the other.

    Raises:
        CoverError: sizes or indices out of order.
        MissingHashError: something was not kept: begin a new view, or open more.
    """
    leaves = _checked(size, old, opened)
    find = resolver(get, hash_)
    return b"".join(find(level, index) for level, index, is_open in shape(size, old, leaves) if not is_open)


def verify(cover: bytes, size: int, old: int, leaves: Mapping[int, bytes], *, root: bytes, old_root: bytes | None, hash_: Hash = sha256) -> Verified:
    """Verifies a cover.

    Args:
        cover: hashes, one after the other.
        size: size of the signed tree.
        old: size that the reader has of this view; 0 at its beginning.
        leaves: opened leaves, `index → leaf hash`.
        root: root of the signed tree.
        old_root: root that the reader has for `old`; None only when `old` is 0.

    Returns:
        Both roots and all hashes learned.

    Raises:
        CoverError: the cover has not its shape, or does not lead to the signed root.
        ForkError: it leads to the signed root, but through another past than the one signed before.
    """
    # PROTOCOL 3.4
    opened = _checked(size, old, leaves)
    if (old_root is None) != (old == 0):
        raise CoverError(zh="有旧大小而无旧树根", en="an old root belongs to an old size, and only to it")
    nodes: dict[tuple[int, int], bytes] = {}
    tree = Peaks(hash_, lambda level, index, hash_: nodes.__setitem__((level, index), hash_))
    computed_old = empty_root(hash_)
    at = 0
    for level, index, is_open in shape(size, old, opened):
        if tree.size == old:
            computed_old = tree.root()
        if is_open:
            tree.append(leaves[index])
            continue
        piece = cover[at : at + HASH_BYTES]
        if len(piece) != HASH_BYTES:
            raise CoverError(zh="cover 过短", en="the cover is too short")
        tree.append(piece, level)
        at += HASH_BYTES
    if at != len(cover):
        raise CoverError(zh="cover 过长", en="the cover is too long")
    if old == size:
        computed_old = tree.root()
    computed = tree.root()
    if computed != root:
        raise CoverError(zh="cover 不通向所签的树根", en="the cover does not lead to the signed root: a leaf was forged, altered or misplaced")
    if old_root is not None and computed_old != old_root:
        # The root is signed and binds every hash below it: the log itself now says something else about its first `old` leaves.
        raise ForkError(zh=f"日志改写了前 {old} 叶", en=f"the log says something else about its first {old} leaves than it signed before")
    return Verified(computed_old, computed, nodes)


def conflicts(get: Get, nodes: Mapping[tuple[int, int], bytes]) -> tuple[int, int] | None:
    """Compares what a cover taught with what is kept of the same log from other sources.

    Returns:
        The first perfect subtree whose two hashes differ (two signed trees contradict each other: a fork), or None.
    """
    for (level, index), learned in nodes.items():
        kept = get(level, index)
        if kept is not None and kept != learned:
            return level, index
    return None


def _checked(size: int, old: int, opened: Iterable[int]) -> list[int]:
    if not 0 <= old <= size <= MAX_SIZE:
        raise CoverError(zh=f"大小不合：{old} → {size}", en=f"sizes out of order: {old} → {size}")
    leaves = sorted(opened)
    if leaves and not 0 <= leaves[0] <= leaves[-1] < size:
        raise CoverError(zh=f"叶号超出日志（共 {size}）", en=f"a leaf outside the log of {size}")
    if any(left == right for left, right in pairwise(leaves)):
        raise CoverError(zh="同一叶开了两次", en="one leaf is opened twice")
    return leaves
