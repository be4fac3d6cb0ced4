"""RFC 9162 trees: the published vectors of transparency-dev/merkle, an oracle written from the RFC, and every bent proof."""

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.errors import MissingHashError, ProofError
from sync.merkle import Peaks, consistency_proof, empty_root, entry_leaf, inclusion_proof, leaf_hash, peaks, tree_root, verify_consistency, verify_inclusion

# Leaf inputs, roots by size and known proofs as published in transparency-dev/merkle (testonly/constants.go, proof/verify_test.go).
LEAVES = [bytes.fromhex(text) for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")]
ROOTS = [
    bytes.fromhex(text)
    for text in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
INCLUSION = {  # (index, size): proof
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {  # (old, size): proof
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): ["5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"],
    (6, 7): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
SOME = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")


def _kept(leaves: list[bytes]) -> dict[tuple[int, int], bytes]:
    nodes: dict[tuple[int, int], bytes] = {}
    tree = Peaks(seen=lambda level, index, hash_: nodes.__setitem__((level, index), hash_))
    for leaf in leaves:
        tree.append(leaf)
    return nodes


def _get(nodes: dict[tuple[int, int], bytes]):
    return lambda level, index: nodes.get((level, index))


VECTOR_NODES = _kept([leaf_hash(leaf) for leaf in LEAVES])


# --- the oracle: RFC 9162 section 2.1, word by word, recursive, over leaf hashes ------------------------------------------------------------


def oracle_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = _k(len(leaves))
    return hashlib.sha256(b"\x01" + oracle_root(leaves[:k]) + oracle_root(leaves[k:])).digest()


def oracle_path(m: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = _k(len(leaves))
    if m < k:
        return [*oracle_path(m, leaves[:k]), oracle_root(leaves[k:])]
    return [*oracle_path(m - k, leaves[k:]), oracle_root(leaves[:k])]


def oracle_proof(m: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [oracle_root(leaves)]
    k = _k(len(leaves))
    if m <= k:
        return [*oracle_proof(m, leaves[:k], whole), oracle_root(leaves[k:])]
    return [*oracle_proof(m - k, leaves[k:], False), oracle_root(leaves[:k])]


def _k(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


# --- vectors --------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_the_published_vectors(size: int) -> None:
    # PROTOCOL 3.1
    assert tree_root(leaf_hash(leaf) for leaf in LEAVES[:size]) == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_proofs_are_those_of_the_published_vectors(index: int, size: int) -> None:
    proof = [bytes.fromhex(text) for text in INCLUSION[index, size]]
    assert inclusion_proof(index, size, _get(VECTOR_NODES)) == proof
    verify_inclusion(leaf_hash(LEAVES[index]), index, size, proof, ROOTS[size])


@pytest.mark.parametrize(("old", "size"), CONSISTENCY)
def test_consistency_proofs_are_those_of_the_published_vectors(old: int, size: int) -> None:
    proof = [bytes.fromhex(text) for text in CONSISTENCY[old, size]]
    assert consistency_proof(old, size, _get(VECTOR_NODES)) == proof
    verify_consistency(old, size, proof, ROOTS[old], ROOTS[size])


def _bent(proof: list[bytes], *roots: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Every way in which the published test data bend a proof."""
    for name, extra in (("garbage", b""), *((f"root{n}", root) for n, root in enumerate(roots))):
        yield f"trailing {name}", [*proof, extra]
        yield f"preceding {name}", [extra, *proof]
    for place in range(len(proof)):
        yield f"modified {place}", [bytes([hash_[0] ^ 8]) + hash_[1:] if at == place else hash_ for at, hash_ in enumerate(proof)]
    if proof:
        yield "removed", proof[:-1]
        yield "preceding itself", [proof[0], *proof]
        yield "empty", []
    if len(proof) > 1:
        yield "inserted", [proof[0], SOME, *proof[1:]]


def test_every_bent_inclusion_proof_of_the_vectors_is_refused() -> None:
    cases = 0
    for (index, size), texts in INCLUSION.items():
        proof, leaf, root = [bytes.fromhex(text) for text in texts], leaf_hash(LEAVES[index]), ROOTS[size]
        wrong = [(leaf, index, size, bent, root) for _, bent in _bent(proof, root)]
        wrong += [(leaf, other, size, proof, root) for other in {index - 1, index + 1, index ^ 2} - {index}]
        wrong += [(leaf, index, other, proof, root) for other in (size * 2, size // 2)]
        wrong += [
            (b"WrongLeaf", index, size, proof, root),
            (leaf, index, size, proof, ROOTS[0]),
            (leaf, index, size, proof, SOME),
            (b"", index, size, proof, root),
        ]
        for case in wrong:
            cases += 1
            with pytest.raises(ProofError):
                verify_inclusion(*case)
    assert cases >= 90


def test_every_bent_consistency_proof_of_the_vectors_is_refused() -> None:
    cases = 0
    for (old, size), texts in CONSISTENCY.items():
        proof, first, last = [bytes.fromhex(text) for text in texts], ROOTS[old], ROOTS[size]
        wrong = [(old, size, bent, first, last) for _, bent in _bent(proof, first, last)]
        wrong += [(old, size, proof, b"WrongRoot", last), (old, size, proof, first, b"WrongRoot")]
        if old != size:
            wrong += [(other, size, proof, first, last) for other in (old - 1, old + 1, old ^ 2)]
            wrong += [(old, other, proof, first, last) for other in (size * 2, size // 2)]
            wrong.append((old, size, proof, last, first))
        for case in wrong:
            cases += 1
            with pytest.raises(ProofError):
                verify_consistency(*case)
    assert cases >= 90


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 0), (2, 1), (-1, 1), (0, -1)])
def test_a_leaf_that_cannot_be_is_refused(index: int, size: int) -> None:
    with pytest.raises(ProofError):
        verify_inclusion(SOME, index, size, [], ROOTS[0])


def test_proof_from_size_zero_is_refused() -> None:
    # PROTOCOL 3.4
    for size in (0, 1, 8):
        with pytest.raises(ProofError, match="size 0"):
            verify_consistency(0, size, [], ROOTS[0], ROOTS[size])
        with pytest.raises(ProofError):
            consistency_proof(0, size, _get(VECTOR_NODES))


def test_endless_proof_is_refused() -> None:
    with pytest.raises(ProofError, match="at most 63"):
        verify_inclusion(SOME, 0, 2, [SOME] * 64, SOME)


# --- oracle ---------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", range(1, 34))
def test_tree_equals_the_oracle(size: int) -> None:
    leaves = [leaf_hash(bytes([n])) for n in range(size)]
    get = _get(_kept(leaves))
    root = oracle_root(leaves)
    assert tree_root(leaves) == root
    for index in range(size):
        proof = inclusion_proof(index, size, get)
        assert proof == oracle_path(index, leaves)
        verify_inclusion(leaves[index], index, size, proof, root)
    for old in range(1, size + 1):
        proof = consistency_proof(old, size, get)
        assert proof == oracle_proof(old, leaves)
        verify_consistency(old, size, proof, oracle_root(leaves[:old]), root)


@given(st.integers(1, 200), st.integers(0, 199), st.integers(1, 200), st.data())
def test_no_proof_holds_for_another_leaf_or_tree(size: int, index: int, other: int, data: st.DataObject) -> None:
    index %= size
    leaves = [leaf_hash(n.to_bytes(2)) for n in range(size)]
    proof = oracle_path(index, leaves)
    root = oracle_root(leaves)
    wrong = data.draw(st.integers(0, size - 1))
    if wrong != index:
        with pytest.raises(ProofError):
            verify_inclusion(leaves[wrong], index, size, proof, root)
        with pytest.raises(ProofError):
            verify_inclusion(leaves[index], wrong, size, proof, root)


def test_subtree_out_of_line_is_refused() -> None:
    tree = Peaks()
    tree.append(SOME)
    with pytest.raises(ProofError, match="aligned"):
        tree.append(SOME, level=1)


def test_missing_hash_is_named() -> None:
    with pytest.raises(MissingHashError) as refused:
        inclusion_proof(0, 8, lambda level, index: None)
    assert (refused.value.level, refused.value.index) == (2, 1)  # asked for from the top down


def test_peaks_are_the_fewest_perfect_subtrees() -> None:
    assert list(peaks(0, 0)) == []
    assert list(peaks(0, 200_000)) == [(17, 0), (16, 2), (11, 96), (10, 194), (8, 780), (6, 3124)]
    assert list(peaks(3, 9)) == [(0, 3), (2, 1), (0, 8)]


def test_empty_tree_has_the_hash_of_nothing() -> None:
    assert Peaks().root() == empty_root() == ROOTS[0]


def test_entry_is_header_line_and_body() -> None:
    # PROTOCOL 3.1
    assert entry_leaf("record", "{}") == leaf_hash(b"terrace/1 record\n{}") == hashlib.sha256(b"\0terrace/1 record\n{}").digest()
    assert len({entry_leaf(kind, "{}") for kind in ("record", "rows", "live", "pad")}) == 4
