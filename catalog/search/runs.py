"""Runs: the postings of documents that are not in a segment yet, as one sorted array of 64-bit numbers.

A number is key << 30 | docno − start, where `start` is fixed for all runs of a tail (or of one flush). Sorted and without repetitions, a run is an index:
the documents of a key are the numbers between key << 30 and (key + 1) << 30.
"""

from collections.abc import Iterable

import numpy as np

from catalog.search.documents import Batch
from catalog.search.tokens import KEYWORDS, PREFIX, SUMMARY, TITLE, U32, U64, Cut, cut, join, prefixes

_SHIFT = np.uint64(30)
_OFFSET = np.uint64((1 << 30) - 1)


def run_of(batch: Batch, start: int) -> U64:
    """The run of documents, all of which have docno > start."""
    offsets = np.array(batch.docnos, dtype=np.uint64) - np.uint64(start)
    parts = [
        _packed(TITLE, cut(join(batch.titles)), offsets),
        _packed(KEYWORDS, cut(join(batch.keywords)), offsets),
        _packed(SUMMARY, cut(join(batch.summaries)), offsets),
        _packed(PREFIX, prefixes(join(batch.names)), offsets),
    ]
    # Not `np.unique`, which builds a hash table: sorting is eight times as fast here.
    run = np.sort(np.concatenate(parts))
    return run[np.concatenate([[True], run[1:] != run[:-1]])] if len(run) else run


def _packed(field: int, found: Cut, offsets: U64) -> U64:
    keys = np.uint64(field << 32) | found.tokens.astype(np.uint64)
    return (keys << _SHIFT) | offsets[found.texts]


def postings_of(run: U64, start: int) -> tuple[U64, U32]:
    """Keys and docnos of a run."""
    return run >> _SHIFT, ((run & _OFFSET) + np.uint64(start)).astype(np.uint32)


def documents(runs: Iterable[U64], key: int, start: int) -> list[U32]:
    """Docnos that hold a key, for each run that has some."""
    low, high = np.uint64(key) << _SHIFT, (np.uint64(key) << _SHIFT) | _OFFSET
    found = []
    for run in runs:
        first, last = int(np.searchsorted(run, low)), int(np.searchsorted(run, high, side="right"))
        if first < last:
            found.append(((run[first:last] & _OFFSET) + np.uint64(start)).astype(np.uint32))
    return found


def added(runs: tuple[U64, ...], run: U64) -> tuple[U64, ...]:
    """Runs with one more; neighbours of like size become one, so that there are only logarithmically many."""
    stack = [*runs, run]
    while len(stack) > 1 and len(stack[-1]) * 2 >= len(stack[-2]):
        last = stack.pop()
        stack[-1] = np.sort(np.concatenate([stack[-1], last]), kind="stable")
    return tuple(stack)
