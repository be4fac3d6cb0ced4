"""What a process holds in memory of a site's search: segments' directories and columns, the tail, what is gone.

A `State` is immutable and belongs to one snapshot of the database, named by (index, position). Threads with snapshots of different age therefore never see
each other's news: each takes the state of its own. States share what they have in common; a new one is derived from a kept one by what was added.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap
from sqlalchemy import Connection, select

from catalog.search.columns import Chunk, Dictionaries, bitmap, chunk_of, joined, rank_column
from catalog.search.documents import SORT_TEXTS, Batch, read_batch
from catalog.search.postings import fetch
from catalog.search.runs import added, documents, run_of
from catalog.search.segments import Segment, list_spans, read_chunk, read_directory
from catalog.search.tokens import U64, Index
from catalog.snapshots import State as Numbers
from catalog.tables import gone

type Version = tuple[int, int]

#: A tail with this many dead documents is read anew instead of extended.
MOST_WASTE = 4096


@dataclass(frozen=True)
class Base:
    """All segments: their columns joined, and where each one's rows begin."""

    segments: tuple[Segment, ...]
    chunk: Chunk
    docs: BitMap
    bounds: Index
    #: Documents by column and code, kept by `catalog.search.evaluate` as filters ask for them.
    by_code: dict[tuple[str, int], BitMap] = field(default_factory=dict)
    #: Where each row's entries of a column of several values begin, made when first counted by.
    starts: dict[str, NDArray[np.uint32]] = field(default_factory=dict)
    #: How many documents have each code of a column, made when first counted by.
    totals: dict[str, Index] = field(default_factory=dict)

    @property
    def watermark(self) -> int:
        """The docno up to which everything is in a segment."""
        return self.segments[-1].span.hi if self.segments else 0


@dataclass(frozen=True)
class Tail:
    """Documents above the watermark, tokenised by this process."""

    start: int
    chunk: Chunk
    docs: BitMap
    runs: tuple[U64, ...]
    #: Texts that are sorted by: docno → text, for each of `SORT_TEXTS`.
    texts: dict[str, dict[int, str | None]]


@dataclass(frozen=True)
class State:
    """Search at one snapshot. `alive` are the documents that count."""

    version: Version
    base: Base
    tail: Tail
    gone: BitMap
    alive: BitMap

    @property
    def tail_waste(self) -> int:
        """Documents of the tail that were replaced or removed since."""
        return self.tail.docs.intersection_cardinality(self.gone)

    @property
    def chunks(self) -> tuple[Chunk, Chunk]:
        """Columns of the segments and of the tail."""
        return self.base.chunk, self.tail.chunk

    def postings(self, conn: Connection, keys: list[int]) -> dict[int, BitMap]:
        """Documents of each key, dead ones among them."""
        found = fetch(conn, ((s.span.number, s.directory) for s in self.base.segments), keys) if self.base.segments else {key: [] for key in keys}
        sets = {}
        for key in keys:
            parts = found[key] + [bitmap(docnos) for docnos in documents(self.tail.runs, key, self.tail.start)]
            sets[key] = BitMap.union(*parts) if len(parts) > 1 else parts[0] if parts else BitMap()
        return sets


def empty_chunk(dictionaries: Dictionaries) -> Chunk:
    """No documents."""
    return chunk_of(Batch(), dictionaries)


def read_base(conn: Connection, dictionaries: Dictionaries, known: Base | None) -> Base:
    """Reads the segments, taking over from `known` those which it has as its first ones (what a flush leaves)."""
    spans = list_spans(conn)
    had = [segment.span for segment in known.segments] if known else []
    if not (known and had and spans[: len(had)] == had):
        known, had = None, []
    new = [(span, read_directory(conn, span.number), read_chunk(conn, span.number, dictionaries)) for span in spans[len(had) :]]
    chunks = ([known.chunk] if known else []) + [chunk for _, _, chunk in new]
    chunk = joined(chunks) if chunks else empty_chunk(dictionaries)
    if not chunks:
        chunk = replace(chunk, numbers=chunk.numbers | {rank_column(sort): np.zeros(0, dtype=np.uint32) for sort in SORT_TEXTS})
    lengths = [len(each) for _, _, each in new]
    bounds = np.cumsum([known.bounds[-1] if known else 0, *lengths])
    bounds = np.concatenate([known.bounds[:-1], bounds]) if known else bounds
    segments = (*(known.segments if known else ()), *(Segment(span, directory) for span, directory, _ in new))
    return Base(segments, chunk, bitmap(chunk.docnos), bounds)


def extended(conn: Connection, tail: Tail, after: int, upto: int, dictionaries: Dictionaries) -> Tail:
    """A tail with the documents after < docno <= upto."""
    batch = read_batch(conn, after, upto)
    if not len(batch):
        return tail
    new = chunk_of(batch, dictionaries)
    texts = {sort: tail.texts[sort] | dict(zip(batch.docnos, batch.sorted_by[sort], strict=True)) for sort in SORT_TEXTS}
    chunk = joined([tail.chunk, new]) if len(tail.chunk) else new
    return Tail(tail.start, chunk, tail.docs | bitmap(new.docnos), added(tail.runs, run_of(batch, tail.start)), texts)


def derive(conn: Connection, numbers: Numbers, dictionaries: Dictionaries, known: State | None) -> State:
    """The state of the connection's snapshot.

    Args:
        known: a state to start from. One with the same segments and no newer position is extended, unless much of its tail is dead; of any other only the
            segments are used.
    """
    version = numbers.indexed, numbers.position
    if known and known.version[0] == numbers.indexed and known.version[1] <= numbers.position and known.tail_waste < MOST_WASTE:
        base, since = known.base, known.version[1]
        tail, dead = extended(conn, known.tail, since, numbers.position, dictionaries), known.gone
    else:
        same = known is not None and known.version[0] == numbers.indexed
        base = known.base if known and same else read_base(conn, dictionaries, known.base if known else None)
        nothing = Tail(base.watermark, empty_chunk(dictionaries), BitMap(), (), {sort: {} for sort in SORT_TEXTS})
        since = 0
        tail, dead = extended(conn, nothing, base.watermark, numbers.position, dictionaries), BitMap()
    news = conn.execute(select(gone.c.docno).where(gone.c.seq > since)).scalars().all()
    dead = dead | BitMap(news) if news else dead
    return State(version, base, tail, dead, (base.docs | tail.docs) - dead)
