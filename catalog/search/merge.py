"""Merge: several neighbouring segments become one, without their dead documents.

Rules:

1. Segments of one size class (each four times the one before) merge when four stand side by side; one of which half is dead is rewritten alone.
2. The postings are written in slices, each a short write transaction, under a number that no segment has; then one transaction puts the new segment in the
   place of the old ones. Until then nobody sees it; killed before, its rows are orphans.
3. A document that goes while a merge runs may still be in the new segment: its `gone` row stays (only those older than the merge's snapshot are forgotten).
4. Orphans — of killed merges and of replaced segments — are swept in slices. A reader with an older snapshot still sees its own rows.

Only one merge runs at a time (a leased job). Two at once do no harm: the last transaction looks again whether the old segments are still there, and whether the
new one has every row that was written (another's sweep may have taken them for orphans).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from pyroaring import BitMap
from sqlalchemy import ColumnElement, Connection, Select, delete, func, select

from catalog.search.columns import Chunk, Dictionaries, bitmap, docnos_of, joined, kept, new_dictionaries
from catalog.search.documents import SORT_TEXTS
from catalog.search.flush import forget_gone, with_ranks
from catalog.search.ports import Database
from catalog.search.postings import OWN_ROW, Directory, block_postings, build, own_row, row_number
from catalog.search.segments import SEGMENT, Span, bump, directory_of, list_spans, publish, read_chunk, read_directory, withdraw, write_postings
from catalog.search.tokens import U32, U64
from catalog.tables import counter, gone, posting, record, segment

FAN = 4
#: Documents of the smallest size class.
SMALLEST = 8192
#: Postings and rows read for one slice.
_SLICE_POSTINGS, _SLICE_ROWS = 2_000_000, 4000
_LAST_KEY = 1 << 34

type Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Source:
    """A segment that is being merged."""

    span: Span
    directory: Directory
    own: frozenset[int]
    chunk: Chunk


def _source(conn: Connection, span: Span, dictionaries: Dictionaries) -> Source:
    directory = read_directory(conn, span.number)
    return Source(span, directory, frozenset(directory.own.tolist()), read_chunk(conn, span.number, dictionaries))


def merge(store: Database, *, fan: int = FAN, smallest: int = SMALLEST, progress: Progress | None = None) -> bool:
    """Merges the first group that should be.

    Args:
        fan: how many neighbours of one size make a group.
        smallest: documents of the smallest size class.
        progress: called after each slice with slices done and slices in all; what it raises ends the merge (a lost lease, a cancelled job).

    Returns:
        Whether a merge was completed; call again while it is true.
    """
    dictionaries = new_dictionaries()
    with store.read() as conn:
        group = _choose(conn, fan, smallest)
        if not group:
            return False
        position = conn.execute(select(counter.c.n).where(counter.c.name == "position")).scalar_one()
        sources = [_source(conn, span, dictionaries) for span in group]
        span = Span(0, group[0].lo, group[-1].hi)
        dead = BitMap(conn.execute(select(gone.c.docno).where(gone.c.docno > span.lo, gone.c.docno <= span.hi)).scalars().all())
        orders = {sort: conn.execute(_text_order(span, column)).scalars().all() for sort, column in SORT_TEXTS.items()}
    chunk = joined([source.chunk for source in sources])
    chunk = with_ranks(kept(chunk, ~np.isin(chunk.docnos, docnos_of(dead))), orders)
    with store.write() as tx:
        span = Span(bump(tx.conn, SEGMENT), span.lo, span.hi)
    rows: list[tuple[int, int]] = []
    bounds = _slices([source.directory for source in sources])
    for n, (low, high) in enumerate(pairwise(bounds), 1):
        with store.read() as conn:
            built = list(_merged(conn, sources, low, high, dead))
        with store.write() as tx:
            rows += write_postings(tx.conn, span.number, built)
        if progress:
            progress(n, len(bounds) - 1)
    with store.write() as tx:
        if not set(group) <= set(list_spans(tx.conn)) or _count(tx.conn, span.number) != len(rows):
            return False
        withdraw(tx.conn, [source.span.number for source in sources])
        publish(tx.conn, span, directory_of(rows), chunk, dictionaries)
        forget_gone(tx.conn, span, chunk.docnos, position)
    return True


def _text_order(span: Span, column: str) -> Select[int]:
    text = record.c[column]
    return select(record.c.docno).where(record.c.docno > span.lo, record.c.docno <= span.hi, text.is_not(None)).order_by(text, record.c.docno.desc())


def _choose(conn: Connection, fan: int, smallest: int) -> list[Span]:
    """Neighbours to merge, or one segment to rewrite, or nothing."""
    spans = list_spans(conn)
    sizes = []
    for span in spans:
        dead = conn.execute(select(func.count()).where(gone.c.docno > span.lo, gone.c.docno <= span.hi)).scalar_one()
        living = conn.execute(select(func.count()).where(record.c.docno > span.lo, record.c.docno <= span.hi)).scalar_one()
        if dead > living and dead > smallest // 8:
            return [span]
        sizes.append(living)
    classes = [_size_class(size, fan, smallest) for size in sizes]
    for wanted in sorted(set(classes)):
        run: list[Span] = []
        for span, found in zip(spans, classes, strict=True):
            # A smaller one between its elders goes with them, else it would part them for ever.
            run = [*run, span] if found <= wanted else []
            if len(run) >= fan:
                return run
    return []


def _size_class(size: int, fan: int, smallest: int) -> int:
    rank = 0
    while size > smallest:
        size //= fan
        rank += 1
    return rank


def _slices(directories: Sequence[Directory]) -> list[int]:
    """Keys that part the key space so that each slice reads a bounded number of rows and postings."""
    keys = np.concatenate([part for d in directories for part in (d.own, d.blocks)])
    weights = np.concatenate([part for d in directories for part in (d.counts.astype(np.int64), np.full(len(d.blocks), 1024, dtype=np.int64))])
    order = np.argsort(keys, kind="stable")
    keys, weights = keys[order], weights[order]
    number = np.maximum(np.cumsum(weights) // _SLICE_POSTINGS, np.arange(len(keys)) // _SLICE_ROWS)
    cuts = np.flatnonzero(number[1:] > number[:-1]) + 1
    return [0, *sorted({int(key) for key in keys[cuts] if key}), _LAST_KEY]


def _merged(conn: Connection, sources: Sequence[Source], low: int, high: int, dead: BitMap) -> Iterator[tuple[int, int, bytes]]:
    """Rows of the new segment for low <= key < high."""
    dense: dict[int, BitMap] = {}
    keys: list[U64] = []
    docnos: list[U32] = []
    for source in sources:
        for key, data, own in _rows(conn, source, low, high):
            if own:
                found = BitMap.deserialize(data)
                dense[key] = dense[key] | found if key in dense else found
            else:
                block_keys, block_docnos = block_postings(key, data)
                inside = (block_keys >= np.uint64(low)) & (block_keys < np.uint64(high))
                keys.append(block_keys[inside])
                docnos.append(block_docnos[inside])
    rare_keys = np.concatenate(keys) if keys else np.zeros(0, np.uint64)
    rare_docnos = np.concatenate(docnos) if docnos else np.zeros(0, np.uint32)
    if len(dead):
        alive = ~np.isin(rare_docnos, docnos_of(dead))
        rare_keys, rare_docnos = rare_keys[alive], rare_docnos[alive]
    # Sources come in order of docno, so that a stable sort by key leaves docnos ascending.
    order = np.argsort(rare_keys, kind="stable")
    rare_keys, rare_docnos = rare_keys[order], rare_docnos[order]
    keys, docnos = [], []
    rare = np.ones(len(rare_keys), dtype=np.bool_)
    for key, documents in dense.items():
        first, last = np.searchsorted(rare_keys, [np.uint64(key), np.uint64(key + 1)])
        whole = (documents | bitmap(rare_docnos[first:last])) - dead
        rare[first:last] = False
        if len(whole) >= OWN_ROW:
            yield own_row(key, whole)
        elif whole:
            keys.append(np.full(len(whole), key, dtype=np.uint64))
            docnos.append(docnos_of(whole))
    # What is left of tokens that had a row of their own before so many documents died goes into blocks.
    rare_keys = np.concatenate([rare_keys[rare], *keys])
    rare_docnos = np.concatenate([rare_docnos[rare], *docnos])
    order = np.argsort(rare_keys, kind="stable")
    yield from build(rare_keys[order], rare_docnos[order])


def _rows(conn: Connection, source: Source, low: int, high: int) -> Iterator[tuple[int, bytes, bool]]:
    """A segment's rows that may hold keys of a slice: key, data, and whether the row is of one token."""
    directory, number = source.directory, source.span.number
    # The block before the first one of the slice may reach into it.
    place = int(np.searchsorted(directory.blocks, np.uint64(low), side="right"))
    first = int(directory.blocks[place - 1]) if place else low
    window = posting.c.k.between(row_number(number, min(first, low)), row_number(number, high) - 1)
    for k, data in conn.execute(select(posting.c.k, posting.c.data).where(window).order_by(posting.c.k)):
        key = k - row_number(number, 0)
        if key >= low or key not in source.own:
            yield key, bytes(data), key in source.own


def sweep(store: Database, *, at_once: int = 5000) -> bool:
    """Deletes one slice of orphaned rows.

    Returns:
        Whether there may be more.
    """
    with store.read() as conn:
        known = set(conn.execute(select(segment.c.seg)).scalars())
        orphan, number = None, 0
        while orphan is None and (k := conn.execute(select(func.min(posting.c.k)).where(posting.c.k >= row_number(number, 0))).scalar()) is not None:
            number = k >> 34
            orphan = None if number in known else number
            number += 1
    if orphan is None:
        return False
    window = _window(orphan)
    with store.write() as tx:
        if tx.conn.execute(select(segment.c.seg).where(segment.c.seg == orphan)).first() is None:
            slice_ = select(posting.c.k).where(window).order_by(posting.c.k).limit(at_once)
            tx.conn.execute(delete(posting).where(posting.c.k.in_(slice_.scalar_subquery())))
    return True


def _window(number: int) -> ColumnElement[bool]:
    return posting.c.k.between(row_number(number, 0), row_number(number + 1, 0) - 1)


def _count(conn: Connection, number: int) -> int:
    return int(conn.execute(select(func.count()).select_from(posting).where(_window(number))).scalar_one())
