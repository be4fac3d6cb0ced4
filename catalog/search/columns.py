"""Columns of documents in memory and on disc: dictionary codes for values, numbers, and a document's place.

A `Chunk` holds documents in order of docno. A *row* is a place in a chunk, a *code* stands for a value of one column (`Values`); code 0 is "none".
Stored columns carry their own list of values, since codes are this process's own. Boxes are kept in float32, rounded outward.
"""

import threading
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from pyroaring import BitMap

from catalog.search.documents import BOX, MULTI, SINGLE, TIMES, Batch
from catalog.search.tokens import U32, Index

type Array = NDArray[Any]

#: Rank of a document without the text.
NO_RANK = 0xFFFFFFFF


def rank_column(sort: str) -> str:
    """Name of the column that holds the ranks of a sort by text."""
    return f"{sort}_rank"


class Values:
    """The values of one coded column that this process has met, numbered from 1. Only ever grows; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._codes: dict[str, int] = {}
        self._values: list[str] = [""]

    def code(self, value: str) -> int:
        """The code of a value, or 0 if no document ever had it."""
        return self._codes.get(value, 0)

    def value(self, code: int) -> str:
        """The value of a code."""
        return self._values[code]

    def values(self, codes: Sequence[int]) -> list[str]:
        """The values of codes."""
        return [self._values[code] for code in codes]

    def __len__(self) -> int:
        return len(self._values)

    def codes(self, values: Sequence[str]) -> Array:
        """Codes of values, giving new ones to those not met before."""
        with self._lock:
            for value in values:
                if value not in self._codes:
                    self._values.append(value)
                    self._codes[value] = len(self._values) - 1
        return np.fromiter((self._codes[value] for value in values), dtype=np.uint32, count=len(values))


type Dictionaries = dict[str, Values]


def new_dictionaries() -> Dictionaries:
    """An empty dictionary for each coded column."""
    return {name: Values() for name in SINGLE + MULTI}


@dataclass(frozen=True)
class Chunk:
    """Documents, column by column.

    Attributes:
        docnos: ascending.
        numbers: int64 times, float32 box, `title_length` (uint8) and, in segments, the ranks of `SORT_TEXTS` (uint32: order among the documents of one
            segment; see `rank_column`).
        single: one code for each row.
        multi: pairs of row (ascending) and code.
    """

    docnos: U32
    numbers: dict[str, Array]
    single: dict[str, Array]
    multi: dict[str, tuple[U32, U32]]

    def __len__(self) -> int:
        return len(self.docnos)


def bitmap(docnos: U32) -> BitMap:
    """A bitmap of docnos (through `array`, the constructor's fast path)."""
    numbers = array("I")
    numbers.frombytes(np.ascontiguousarray(docnos, dtype=np.uint32).tobytes())
    return BitMap(numbers)


def docnos_of(documents: BitMap) -> U32:
    """The members of a bitmap, ascending."""
    return np.frombuffer(documents.to_array(), dtype=np.uint32)


def chunk_of(batch: Batch, dictionaries: Dictionaries) -> Chunk:
    """The columns of documents just read."""
    numbers: dict[str, Array] = {name: np.array(batch.numbers[name], dtype=np.int64) for name in TIMES}
    numbers |= {name: _outward(name, batch.numbers[name]) for name in BOX}
    numbers["title_length"] = np.minimum(np.array(batch.title_lengths, dtype=np.int64), 255).astype(np.uint8)
    single: dict[str, Array] = {}
    for name in SINGLE:
        values = batch.single[name]
        codes = np.zeros(len(values), dtype=np.uint32)
        stated = [row for row, value in enumerate(values) if value is not None]
        codes[stated] = dictionaries[name].codes([value for value in values if value is not None])
        single[name] = _narrow(codes)
    multi = {}
    for name in MULTI:
        lists = batch.multi[name]
        lengths = np.fromiter((len(each) for each in lists), dtype=np.int64, count=len(lists))
        rows = np.repeat(np.arange(len(lists), dtype=np.uint32), lengths)
        multi[name] = rows, dictionaries[name].codes([value for each in lists for value in each])
    return Chunk(np.array(batch.docnos, dtype=np.uint32), numbers, single, multi)


def _outward(name: str, values: Sequence[float]) -> Array:
    exact = np.array(values, dtype=np.float64)
    near = exact.astype(np.float32)
    if name in ("west", "south"):
        return np.where(near > exact, np.nextafter(near, np.float32(-np.inf)), near)
    return np.where(near < exact, np.nextafter(near, np.float32(np.inf)), near)


def _narrow(codes: Array) -> Array:
    most = int(codes.max(initial=0))
    return codes.astype(np.uint8 if most < 1 << 8 else np.uint16 if most < 1 << 16 else np.uint32)


def joined(chunks: Sequence[Chunk]) -> Chunk:
    """One chunk of several with ascending docnos. Numbers that one of them lacks are left out."""
    if len(chunks) == 1:
        return chunks[0]
    offsets = np.cumsum([0] + [len(chunk) for chunk in chunks[:-1]]).astype(np.uint32)
    names = set.intersection(*(set(chunk.numbers) for chunk in chunks))
    return Chunk(
        np.concatenate([chunk.docnos for chunk in chunks]),
        {name: np.concatenate([chunk.numbers[name] for chunk in chunks]) for name in names},
        {name: np.concatenate([chunk.single[name] for chunk in chunks]) for name in SINGLE},
        {
            name: (
                np.concatenate([chunk.multi[name][0] + offset for chunk, offset in zip(chunks, offsets, strict=True)]),
                np.concatenate([chunk.multi[name][1] for chunk in chunks]),
            )
            for name in MULTI
        },
    )


def kept(chunk: Chunk, keep: NDArray[np.bool_]) -> Chunk:
    """The rows of a chunk where `keep` is true."""
    place = np.cumsum(keep, dtype=np.uint32) - np.uint32(1)
    multi = {}
    for name, (rows, codes) in chunk.multi.items():
        stays = keep[rows]
        multi[name] = place[rows[stays]], codes[stays]
    return Chunk(
        chunk.docnos[keep], {name: column[keep] for name, column in chunk.numbers.items()}, {name: codes[keep] for name, codes in chunk.single.items()}, multi
    )


def rows_of(chunk: Chunk, documents: BitMap) -> Index:
    """Rows of the documents, ascending; documents that are not in the chunk are passed over."""
    if not len(chunk):
        return np.zeros(0, dtype=np.int64)
    low, high = int(chunk.docnos[0]), int(chunk.docnos[-1])
    wanted = docnos_of(documents)
    wanted = wanted[np.searchsorted(wanted, np.uint32(low)) : np.searchsorted(wanted, np.uint32(high), side="right")]
    if high - low + 1 == len(chunk):
        return wanted.astype(np.int64) - low
    if len(wanted) * 8 < len(chunk):
        rows: Index = np.searchsorted(chunk.docnos, wanted)
        found: Index = rows[chunk.docnos[rows] == wanted]
        return found
    # Many hits: marking them in a map of the docnos' range beats looking each one up.
    marks = np.zeros(high - low + 1, dtype=np.bool_)
    marks[wanted - np.uint32(low)] = True
    return np.flatnonzero(marks[chunk.docnos - np.uint32(low)])


# --- on disc ---------------------------------------------------------------------------------------------------------------------------


def pack(arrays: Sequence[Array], values: Sequence[str] = ()) -> bytes:
    """Arrays and texts as bytes: a line of JSON that says what follows, then the arrays (little-endian)."""
    head = orjson.dumps({"arrays": [[a.dtype.newbyteorder("<").str, len(a)] for a in arrays], "values": list(values)})
    return b"".join([head, b"\n", *(a.astype(a.dtype.newbyteorder("<"), copy=False).tobytes() for a in arrays)])


def unpack(data: bytes) -> tuple[list[Array], list[str]]:
    """The inverse of `pack`."""
    head, _, body = data.partition(b"\n")
    form = orjson.loads(head)
    arrays, at = [], 0
    for dtype, length in form["arrays"]:
        kind = np.dtype(dtype)
        arrays.append(np.frombuffer(body, dtype=kind, count=length, offset=at))
        at += kind.itemsize * length
    return arrays, form["values"]


def stored(chunk: Chunk, dictionaries: Dictionaries) -> dict[str, bytes]:
    """A chunk as rows of `segment_col`: name and data."""
    columns = {"docno": pack([chunk.docnos])} | {name: pack([column]) for name, column in chunk.numbers.items()}
    for name in SINGLE:
        used, local = np.unique(chunk.single[name], return_inverse=True)
        columns[name] = pack([_narrow(local)], [dictionaries[name].value(int(code)) for code in used])
    for name in MULTI:
        rows, codes = chunk.multi[name]
        used, local = np.unique(codes, return_inverse=True)
        columns[name] = pack([rows, _narrow(local)], [dictionaries[name].value(int(code)) for code in used])
    return columns


def restored(columns: dict[str, bytes], dictionaries: Dictionaries) -> Chunk:
    """The inverse of `stored`."""
    numbers, single, multi = {}, {}, {}
    for name, data in columns.items():
        arrays, values = unpack(data)
        if name in SINGLE:
            single[name] = _narrow(_global(dictionaries[name], values)[arrays[0]])
        elif name in MULTI:
            multi[name] = arrays[0], _global(dictionaries[name], values)[arrays[1]].astype(np.uint32)
        else:
            numbers[name] = arrays[0]
    return Chunk(numbers.pop("docno").astype(np.uint32, copy=False), numbers, single, multi)


def _global(dictionary: Values, values: list[str]) -> Array:
    """Code in this process of each stored value. The empty text stands for "none" (a stated value is never empty)."""
    codes = np.zeros(max(len(values), 1), dtype=np.uint32)
    stated = [n for n, value in enumerate(values) if value]
    codes[stated] = dictionary.codes([values[n] for n in stated])
    return codes
