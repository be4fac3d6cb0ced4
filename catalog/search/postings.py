"""Postings in table `posting`: which documents hold a token in a field, as rows of two forms.

* A token with at least `OWN_ROW` documents in a segment has a row of its own: a roaring bitmap of docnos.
* The others of one field share blocks of about `BLOCK` postings, named by their first token: `n | tokens[n] | ends[n] | docnos`, all u32 little-endian.
  A token between the first tokens of two blocks may be in neither: the block says which tokens it holds, and a reader must look (`block_documents`).

`k` = segment << 34 | key (tokens.py). A segment's directory lists the keys of both forms apart, so that one search of a sorted array names the row.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from pyroaring import BitMap
from sqlalchemy import Connection, bindparam, select

from catalog.search.columns import bitmap, pack, unpack
from catalog.search.tokens import U32, U64, Index
from catalog.tables import posting

OWN_ROW = 96
BLOCK = 1024
#: Rows asked for in one statement.
_AT_ONCE = 500

_ROWS = select(posting.c.k, posting.c.data).where(posting.c.k.in_(bindparam("ks", expanding=True)))


@dataclass(frozen=True)
class Directory:
    """The rows of a segment: keys with a row of their own, how many documents each has, and the first keys of the blocks."""

    own: U64
    counts: U32
    blocks: U64

    def dump(self) -> bytes:
        """As stored in `segment.dir`."""
        return pack([self.own, self.counts, self.blocks])

    @classmethod
    def load(cls, data: bytes) -> "Directory":
        """The inverse of `dump`."""
        own, counts, blocks = unpack(data)[0]
        return cls(own.astype(np.uint64, copy=False), counts.astype(np.uint32, copy=False), blocks.astype(np.uint64, copy=False))

    def find(self, keys: U64) -> tuple[U64, U64]:
        """Which row may hold each key.

        Returns:
            The row's key for each key (meaningless where the second is 0), and 1 for a row of its own, 2 for a block, 0 for none.
        """
        rows = np.zeros(len(keys), dtype=np.uint64)
        form = np.zeros(len(keys), dtype=np.uint64)
        if len(self.blocks):
            place = np.searchsorted(self.blocks, keys, side="right")
            inside = place > 0
            rows[inside] = self.blocks[place[inside] - 1]
            form[inside] = 2
        if len(self.own):
            place = np.minimum(np.searchsorted(self.own, keys), len(self.own) - 1)
            own = self.own[place] == keys
            rows[own] = keys[own]
            form[own] = 1
        return rows, form


def row_number(segment: int, key: int) -> int:
    """`posting.k` of a row."""
    return (segment << 34) + key


def build(keys: U64, docnos: U32) -> Iterator[tuple[int, int, bytes]]:
    """Rows for postings.

    Args:
        keys, docnos: one posting each, sorted by key, then docno, without repetitions.

    Yields:
        Key of the row, number of its documents (0 for a block), and its data.
    """
    if not len(keys):
        return
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    counts = np.diff(np.concatenate([starts, [len(keys)]]))
    for start, count in zip(starts[counts >= OWN_ROW].tolist(), counts[counts >= OWN_ROW].tolist(), strict=True):
        yield own_row(int(keys[start]), bitmap(docnos[start : start + count]))
    rare = counts < OWN_ROW
    in_block = np.repeat(rare, counts)
    yield from _blocks(keys[starts[rare]], counts[rare], docnos[in_block])


def own_row(key: int, documents: BitMap) -> tuple[int, int, bytes]:
    """The row of a token that has one of its own."""
    documents.run_optimize()
    return key, len(documents), documents.serialize()


def _blocks(keys: U64, counts: Index, docnos: U32) -> Iterator[tuple[int, int, bytes]]:
    """Blocks of tokens; a block never runs over two fields, so that a token fits in 32 bits."""
    if not len(keys):
        return
    ends = np.cumsum(counts)
    number = (ends - counts) // BLOCK + ((keys >> np.uint64(32)).astype(np.int64) << 40)
    cuts = np.concatenate([[0], np.flatnonzero(number[1:] != number[:-1]) + 1, [len(keys)]]).tolist()
    for first, last in pairwise(cuts):
        begin = int(ends[first] - counts[first])
        n = np.array([last - first], dtype=np.uint32)
        parts = n, keys[first:last].astype(np.uint32), (ends[first:last] - begin).astype(np.uint32), docnos[begin : int(ends[last - 1])]
        yield int(keys[first]), 0, np.concatenate(parts).astype("<u4", copy=False).tobytes()


def block_documents(data: bytes, token: int) -> U32:
    """Docnos of a token in a block; none if the block does not hold it."""
    block = np.frombuffer(data, dtype="<u4")
    n = int(block[0])
    tokens, ends = block[1 : n + 1], block[n + 1 : 2 * n + 1]
    place = int(np.searchsorted(tokens, np.uint32(token)))
    if place == n or tokens[place] != token:
        return block[:0]
    start = int(ends[place - 1]) if place else 0
    return block[2 * n + 1 + start : 2 * n + 1 + int(ends[place])]


def block_postings(key: int, data: bytes) -> tuple[U64, U32]:
    """All postings of a block: keys and docnos."""
    block = np.frombuffer(data, dtype="<u4")
    n = int(block[0])
    counts = np.diff(block[n + 1 : 2 * n + 1], prepend=np.uint32(0))
    keys = (np.uint64(key >> 32) << np.uint64(32)) | block[1 : n + 1].astype(np.uint64)
    return np.repeat(keys, counts), block[2 * n + 1 :]


def fetch(conn: Connection, directories: Iterable[tuple[int, Directory]], keys: list[int]) -> dict[int, list[BitMap]]:
    """Documents of each key in each segment that holds it.

    Args:
        directories: number and directory of each segment.
        keys: 34-bit keys.
    """
    wanted = np.array(keys, dtype=np.uint64)
    places: dict[int, list[tuple[int, bool]]] = {}
    for segment, directory in directories:
        rows, form = directory.find(wanted)
        for key, row, kind in zip(keys, rows.tolist(), form.tolist(), strict=True):
            if kind:
                places.setdefault(row_number(segment, row), []).append((key, kind == 1))
    found: dict[int, list[BitMap]] = {key: [] for key in keys}
    numbers = list(places)
    for at in range(0, len(numbers), _AT_ONCE):
        for k, data in conn.execute(_ROWS, {"ks": numbers[at : at + _AT_ONCE]}):
            for key, own in places[k]:
                if own:
                    found[key].append(BitMap.deserialize(bytes(data)))
                elif len(docnos := block_documents(data, key & 0xFFFFFFFF)):
                    found[key].append(BitMap(array("I", docnos.tobytes())))
    return found
