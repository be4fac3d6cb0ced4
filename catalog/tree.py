"""The root of an RFC 9162 Merkle tree over leaf hashes: all that the catalog needs of it (batches of rows, PROTOCOL 5.1).

Proofs, covers and logs are `sync`'s, whose `sync.merkle.tree_root` gives the same root.
"""

import hashlib
from collections.abc import Callable, Iterable

__all__ = ["leaf_hash", "sha256", "tree_root"]

type Hash = Callable[[bytes], bytes]


def sha256(data: bytes) -> bytes:
    """H of the suite `ed25519-sha256`."""
    return hashlib.sha256(data).digest()


def leaf_hash(entry: bytes, hash_: Hash = sha256) -> bytes:
    """Hash of a leaf: H(0x00 ‖ entry)."""
    return hash_(b"\x00" + entry)


def tree_root(leaves: Iterable[bytes], hash_: Hash = sha256) -> bytes:
    """Root over leaf hashes, in order; H of nothing when there are none."""
    stack: list[tuple[int, bytes]] = []
    for leaf in leaves:
        level, node = 0, leaf
        while stack and stack[-1][0] == level:
            node = hash_(b"\x01" + stack.pop()[1] + node)
            level += 1
        stack.append((level, node))
    if not stack:
        return hash_(b"")
    root = stack.pop()[1]
    while stack:
        root = hash_(b"\x01" + stack.pop()[1] + root)
    return root
