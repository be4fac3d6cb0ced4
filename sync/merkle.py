"""RFC 9162 Merkle trees: roots, inclusion and consistency proofs (PROTOCOL 3.1, 3.4).

Receipts and witness calls use the standard proofs of this module; batches use the cover (`sync.cover`). A node of the tree is named `(level, index)`:
the perfect subtree over leaves `[index·2^level, (index+1)·2^level)`. The hash is a parameter, so that every suite has its tree.

Proofs are made from a lookup `get(level, index) -> hash` of perfect subtrees and verified from bytes alone. Verification follows the algorithms of
RFC 9162 sections 2.1.3.2 and 2.1.4.2 step by step; a proof from size 0 is refused, because it would prove nothing (every tree extends the empty one).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from sync.errors import MissingHashError, ProofError

__all__ = [
    "MAX_SIZE",
    "Get",
    "Hash",
    "Peaks",
    "consistency_proof",
    "empty_root",
    "entry_leaf",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "peaks",
    "range_hash",
    "resolver",
    "root_of",
    "tree_root",
    "verify_consistency",
    "verify_inclusion",
]

type Hash = Callable[[bytes], bytes]
#: Looks up the hash of a perfect subtree; None when it is not kept.
type Get = Callable[[int, int], bytes | None]

#: Sizes are JSON integers (PROTOCOL 1.1).
MAX_SIZE = 2**53 - 1
_MAX_PROOF = 63


def sha256(data: bytes) -> bytes:
    """H of the suite `ed25519-sha256`."""
    return hashlib.sha256(data).digest()


def leaf_hash(entry: bytes, hash_: Hash = sha256) -> bytes:
    """Hash of a leaf: H(0x00 ‖ entry)."""
    # PROTOCOL 3.1
    return hash_(b"\x00" + entry)


def entry_leaf(header: str, body: str | bytes, hash_: Hash = sha256) -> bytes:
    """Hash of a log entry's leaf.

    Args:
        header: `record`, `rows`, `live` or `pad`.
        body: bytes behind the header line.
    """
    # PROTOCOL 3.1
    raw = body.encode() if isinstance(body, str) else body
    return hash_(b"\x00terrace/1 " + header.encode("ascii") + b"\n" + raw)


def node_hash(left: bytes, right: bytes, hash_: Hash = sha256) -> bytes:
    """Hash of an inner node: H(0x01 ‖ left ‖ right)."""
    return hash_(b"\x01" + left + right)


def empty_root(hash_: Hash = sha256) -> bytes:
    """Root of the tree without leaves: H of nothing."""
    return hash_(b"")


def peaks(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The perfect subtrees that make up `[start, end)`, left to right: as few as possible."""
    while start < end:
        fit = (end - start).bit_length() - 1
        level = min(fit, (start & -start).bit_length() - 1) if start else fit
        yield level, start >> level
        start += 1 << level


class Peaks:
    """A tree that grows to the right, kept as the hashes of its perfect subtrees (a compact range).

    Attributes:
        size: number of leaves.
    """

    def __init__(self, hash_: Hash = sha256, seen: Callable[[int, int, bytes], None] | None = None) -> None:
        """Begins with no leaf. `seen(level, index, hash)` is told every perfect subtree that forms."""
        self.size = 0
        self._hash = hash_
        self._stack: list[tuple[int, bytes]] = []
        self._seen = seen

    @classmethod
    def resume(cls, size: int, get: Get, hash_: Hash = sha256, seen: Callable[[int, int, bytes], None] | None = None) -> "Peaks":
        """Takes up a tree of `size` leaves whose subtrees are kept. Raises MissingHashError."""
        tree = cls(hash_, seen)
        find = resolver(get, hash_)
        tree._stack = [(level, find(level, index)) for level, index in peaks(0, size)]
        tree.size = size
        return tree

    def append(self, hash_: bytes, level: int = 0) -> None:
        """Adds a perfect subtree (a leaf at level 0), which must begin where the tree ends and be aligned.

        Raises:
            ProofError: not aligned.
        """
        if self.size & ((1 << level) - 1):
            raise ProofError(zh="子树未对齐", en="a subtree that is not aligned")
        index = self.size >> level
        self.size += 1 << level
        if self._seen:
            self._seen(level, index, hash_)
        while self._stack and self._stack[-1][0] == level and index & 1:
            hash_ = node_hash(self._stack.pop()[1], hash_, self._hash)
            level, index = level + 1, index >> 1
            if self._seen:
                self._seen(level, index, hash_)
        self._stack.append((level, hash_))

    def root(self) -> bytes:
        """Root of the tree as it is now."""
        return root_of([hash_ for _, hash_ in self._stack], self._hash)


def root_of(peak_hashes: Sequence[bytes], hash_: Hash = sha256) -> bytes:
    """Root from the hashes of `peaks(0, size)`, left to right."""
    if not peak_hashes:
        return empty_root(hash_)
    root = peak_hashes[-1]
    for left in reversed(peak_hashes[:-1]):
        root = node_hash(left, root, hash_)
    return root


def tree_root(leaves: Iterable[bytes], hash_: Hash = sha256) -> bytes:
    """Root over leaf hashes."""
    tree = Peaks(hash_)
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()


def resolver(get: Get, hash_: Hash = sha256) -> Callable[[int, int], bytes]:
    """Makes a lookup that computes a subtree from its halves where it is not kept itself.

    Returns:
        find(level, index) -> hash; raises MissingHashError. Remembers what it found.
    """
    memo: dict[tuple[int, int], bytes] = {}

    def find(level: int, index: int) -> bytes:
        found = memo.get((level, index)) or get(level, index)
        if found is None:
            if level == 0:
                raise MissingHashError(level, index)
            try:
                left = find(level - 1, 2 * index)
            except MissingHashError:
                raise MissingHashError(level, index) from None  # name what was asked for, not the leaf at the end of the search
            found = node_hash(left, find(level - 1, 2 * index + 1), hash_)
        memo[level, index] = found
        return found

    return find


def range_hash(start: int, end: int, get: Get, hash_: Hash = sha256) -> bytes:
    """MTH(D[start:end]) of RFC 9162, where `start` is aligned as the recursion of its section 2.1 makes it.

    Raises:
        MissingHashError: a subtree is not kept.
    """
    find = resolver(get, hash_)
    return root_of([find(level, index) for level, index in peaks(start, end)], hash_)


def _split(n: int) -> int:
    """The largest power of two smaller than n."""
    return 1 << ((n - 1).bit_length() - 1)


def inclusion_proof(index: int, size: int, get: Get, hash_: Hash = sha256) -> list[bytes]:
    """PATH(index, D[size]) of RFC 9162 section 2.1.3.1.

    Args:
        index: leaf, 0 ≤ index < size.
        size: number of leaves of the tree proved against.
        get: hashes of perfect subtrees.

    Raises:
        ProofError: no such leaf.
        MissingHashError: a subtree is not kept.
    """
    if not 0 <= index < size:
        raise ProofError(zh=f"无此叶：{index}（共 {size}）", en=f"no such leaf: {index} of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(range_hash(middle, end, get, hash_))
            end = middle
        else:
            path.append(range_hash(start, middle, get, hash_))
            start = middle
    return path[::-1]


def consistency_proof(old: int, size: int, get: Get, hash_: Hash = sha256) -> list[bytes]:
    """PROOF(old, D[size]) of RFC 9162 section 2.1.4.1.

    Args:
        old: number of leaves of the earlier tree, 1 ≤ old ≤ size.
        size: number of leaves of the later tree.

    Raises:
        ProofError: sizes out of order.
        MissingHashError: a subtree is not kept.
    """
    if not 1 <= old <= size:
        raise ProofError(zh=f"大小不合：{old} → {size}", en=f"sizes out of order: {old} → {size}")
    path: list[bytes] = []
    start, end, whole = 0, size, True
    while old - start != end - start:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(range_hash(middle, end, get, hash_))
            end = middle
        else:
            path.append(range_hash(start, middle, get, hash_))
            start, whole = middle, False
    if not whole:
        path.append(range_hash(start, end, get, hash_))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes, hash_: Hash = sha256) -> None:
    """Checks that a leaf stands at `index` of the tree with `root` (RFC 9162 section 2.1.3.2).

    Args:
        leaf: leaf hash.

    Raises:
        ProofError: it does not.
    """
    _check_proof(proof)
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofError(zh=f"无此叶：{index}（共 {size}）", en=f"no such leaf: {index} of {size}")
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            raise ProofError(zh="包含证明过长", en="the inclusion proof is too long")
        if fn & 1 or fn == sn:
            r = node_hash(p, r, hash_)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p, hash_)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise ProofError(zh="包含证明过短", en="the inclusion proof is too short")
    if r != root:
        raise ProofError(zh="包含证明与树根不符", en="the inclusion proof does not lead to the root")


def verify_consistency(old: int, size: int, proof: Sequence[bytes], old_root: bytes, root: bytes, hash_: Hash = sha256) -> None:
    """Checks that the tree with `root` begins with the tree with `old_root` (RFC 9162 section 2.1.4.2).

    Raises:
        ProofError: it does not, or `old` is 0 (a proof from nothing proves nothing).
    """
    _check_proof(proof)
    if not 1 <= old <= size <= MAX_SIZE:
        raise ProofError(zh=f"大小不合：{old} → {size}", en=f"sizes out of order: {old} → {size} (a proof from size 0 proves nothing)")
    if old == size:
        if proof:
            raise ProofError(zh="大小相同时证明须为空", en="between equal sizes the proof is empty")
        if old_root != root:
            raise ProofError(zh="大小相同而树根不同", en="equal sizes, different roots")
        return
    if not proof:
        raise ProofError(zh="一致性证明为空", en="the consistency proof is empty")
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            raise ProofError(zh="一致性证明过长", en="the consistency proof is too long")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr, hash_), node_hash(c, sr, hash_)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c, hash_)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise ProofError(zh="一致性证明过短", en="the consistency proof is too short")
    if fr != old_root or sr != root:
        raise ProofError(zh="一致性证明与树根不符", en="the consistency proof does not lead to the roots")


def _check_proof(proof: Sequence[bytes]) -> None:
    if len(proof) > _MAX_PROOF or any(len(p) != 32 for p in proof):
        raise ProofError(zh="证明的形状不对", en=f"a proof is at most {_MAX_PROOF} hashes of 32 bytes")
