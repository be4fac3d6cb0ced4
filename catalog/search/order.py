"""Order of the hits: relevance, dates, titles, names. Only as much is sorted as the page needs.

Relevance (search.md, 7) knows three groups: all words in the title (shorter title first, then newer), all in title or keywords, the rest (newer first). It uses
no statistics of the corpus, so that nobody's place depends on a record that is hidden. Ties go to the higher docno; the order by
title or name downwards is the other one turned round.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap
from sqlalchemy import Connection, bindparam, select

from catalog.search.columns import NO_RANK, Chunk, docnos_of, rank_column, rows_of
from catalog.search.documents import NO_TIME, SORT_TEXTS
from catalog.search.evaluate import Found, Hits
from catalog.search.state import State
from catalog.search.tokens import U32, Index
from catalog.tables import record

_TEXTS = {sort: select(record.c.docno, record.c[column]).where(record.c.docno.in_(bindparam("docnos", expanding=True))) for sort, column in SORT_TEXTS.items()}
_AT_ONCE = 500
#: Keys that are many, and one in how many of them is looked at first.
_MANY, _SAMPLED = 50_000, 64
_MOST_SECONDS = (1 << 46) - 1

type Keys = NDArray[np.int64]


def page(conn: Connection, state: State, hits: Hits, sort: str, found: Sequence[Found], offset: int, limit: int | None) -> list[int]:
    """The docnos of a page of the hits.

    Args:
        found: where each word of the text stands, for relevance.
        limit: None for all that follow.
    """
    most = None if limit is None else offset + limit
    if limit == 0 or offset >= len(hits.documents):
        return []
    name = sort.lstrip("-")
    if name == "docno":
        docnos = docnos_of(hits.documents)
        return [int(docno) for docno in (docnos[::-1] if sort[0] == "-" else docnos)[offset:most]]
    if name in SORT_TEXTS:
        return _by_text(conn, state, hits, name, most, down=sort[0] == "-")[offset:]
    if name == "relevance" and found:
        return _by_relevance(state, hits, found, most)[offset:]
    column = "modified" if name == "relevance" else name
    keys = [_time_keys(chunk, rows, column, down=sort[0] == "-" or name == "relevance") for chunk, rows in zip(state.chunks, hits.rows, strict=True)]
    return _largest(state, hits.rows, keys, most)[offset:]


def _by_relevance(state: State, hits: Hits, found: Sequence[Found], most: int | None) -> list[int]:
    in_title = BitMap.intersection(hits.documents, *(each.title for each in found))
    in_either = BitMap.intersection(hits.documents, *(each.title | each.keywords for each in found))
    ordered: list[int] = []
    for n, group in enumerate((in_title, in_either - in_title, hits.documents - in_either)):
        left = None if most is None else most - len(ordered)
        if left == 0:
            break
        if not group:
            continue
        rows = [rows_of(chunk, group) for chunk in state.chunks]
        keys = [_time_keys(chunk, of, "modified", down=True) for chunk, of in zip(state.chunks, rows, strict=True)]
        if n == 0:
            keys = [_shorter_first(chunk, of, key) for chunk, of, key in zip(state.chunks, rows, keys, strict=True)]
        ordered += _largest(state, rows, keys, left)
    return ordered


def _shorter_first(chunk: Chunk, rows: Index, newer: Keys) -> Keys:
    length = chunk.numbers["title_length"][rows].astype(np.int64)
    return ((255 - length) << 47) + np.clip(newer, -1, _MOST_SECONDS) + 1


def _time_keys(chunk: Chunk, rows: Index, column: str, *, down: bool) -> Keys:
    """Keys of which the largest comes first; absent values have the smallest."""
    values: Keys = chunk.numbers[column][rows]
    return values if down else np.where(values == NO_TIME, NO_TIME, -values)


def _largest(state: State, rows: Sequence[Index], keys: Sequence[Keys], most: int | None) -> list[int]:
    """Docnos of the largest keys, largest first, ties by higher docno."""
    # The chunks come in order of docno, so that a place in the joined arrays orders as the docno does.
    docnos = np.concatenate([chunk.docnos[of] for chunk, of in zip(state.chunks, rows, strict=True)])
    key = np.concatenate(keys)
    if most is not None and most < len(key):
        chosen = _choose(key, most)
        docnos, key = docnos[chosen], key[chosen]
    order = np.lexsort((docnos, key))[::-1]
    return [int(docno) for docno in docnos[order]]


def _choose(key: Keys, most: int) -> Index:
    """Places of the `most` largest keys, ascending; of equal ones the last."""
    if len(key) > _MANY:
        # A sample tells a key that somewhat more than enough are not below: comparing all with it is ten times as fast as parting all.
        sample = key[::_SAMPLED]
        rank = min(len(sample), 2 * most // _SAMPLED + 16)
        above = np.flatnonzero(key >= np.partition(sample, len(sample) - rank)[len(sample) - rank])
        if most <= len(above) < len(key):
            return above[_choose(key[above], most)]
    least = np.partition(key, len(key) - most)[len(key) - most]
    above, equal = np.flatnonzero(key > least), np.flatnonzero(key == least)
    return np.sort(np.concatenate([above, equal[len(equal) - (most - len(above)) :]]))


def _by_text(conn: Connection, state: State, hits: Hits, sort: str, most: int | None, *, down: bool) -> list[int]:
    """By title or name: each segment knows the order of its own, so that only the first of each need be compared by their text. Without one: last."""
    base_rows, tail_rows = hits.rows
    ranks = state.base.chunk.numbers[rank_column(sort)]
    candidates: list[U32] = []
    for first, last in pairwise(state.base.bounds):
        low, high = np.searchsorted(base_rows, [first, last])
        rows = base_rows[low:high]
        if most is not None and most < len(rows):
            rank = ranks[rows].astype(np.int64)
            stated, absent = np.flatnonzero(rank != NO_RANK), np.flatnonzero(rank == NO_RANK)
            if most < len(stated):
                stated = stated[_choose(rank[stated] if down else -rank[stated], most)]
            rows = rows[np.sort(np.concatenate([stated, absent[-most:]]))]
        candidates.append(state.base.chunk.docnos[rows])
    docnos = np.concatenate(candidates).tolist() if candidates else []
    texts: dict[int, str | None] = {docno: state.tail.texts[sort][docno] for docno in state.tail.chunk.docnos[tail_rows].tolist()}
    for at in range(0, len(docnos), _AT_ONCE):
        texts |= dict(conn.execute(_TEXTS[sort], {"docnos": docnos[at : at + _AT_ONCE]}).all())
    ordered = sorted(((text.encode(), -docno) for docno, text in texts.items() if text is not None), reverse=down)
    last_ones = sorted((docno for docno, text in texts.items() if text is None), reverse=True)
    return ([-docno for _, docno in ordered] + last_ones)[:most]
