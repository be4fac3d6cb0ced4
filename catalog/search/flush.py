"""Flush: the oldest documents of the tail become a segment.

1. Read the documents above the watermark in a snapshot and build everything outside the writers' lock.
2. In a write transaction look again: if the list of segments moved meanwhile, give up; nothing was written.
3. Write postings, columns and the segment's row, and forget the `gone` rows that no segment and no tail can need: those of documents below the new watermark
   that the segment does not hold. One transaction: killed at any point, there is either no segment or all of it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from sqlalchemy import Connection, delete, func, select

from catalog.search.columns import NO_RANK, Chunk, chunk_of, new_dictionaries, rank_column
from catalog.search.documents import SORT_TEXTS, Batch, read_batch
from catalog.search.ports import Database
from catalog.search.postings import build
from catalog.search.runs import postings_of, run_of
from catalog.search.segments import INDEX, SEGMENT, Span, bump, directory_of, list_spans, publish, write_postings
from catalog.search.tokens import U32
from catalog.tables import counter, gone, record

FLUSH_AT, FLUSH_MOST = 4096, 8192


def flush(store: Database, *, at_least: int = FLUSH_AT, at_most: int = FLUSH_MOST) -> bool:
    """Makes one segment if there is enough for one.

    Args:
        at_least: documents above the watermark that make a flush worth it; twice as many dead ones do too, so that readers' tails stay small.
        at_most: documents in the segment.

    Returns:
        Whether a segment was written; call again while it is true.
    """
    with store.read() as conn:
        generation = _generation(conn)
        watermark = _watermark(conn)
        if not _worth_it(conn, watermark, at_least):
            return False
        position = conn.execute(select(counter.c.n).where(counter.c.name == "position")).scalar_one()
        batch = read_batch(conn, watermark, position, at_most)
    hi = batch.docnos[-1] if len(batch) == at_most else position
    dictionaries = new_dictionaries()
    columns = with_ranks(chunk_of(batch, dictionaries), {sort: text_order(batch, sort) for sort in SORT_TEXTS})
    rows = list(build(*postings_of(run_of(batch, watermark), watermark))) if len(batch) else []
    with store.write() as tx:
        if _generation(tx.conn) != generation:
            return False
        number = bump(tx.conn, SEGMENT)
        directory = directory_of(write_postings(tx.conn, number, rows))
        publish(tx.conn, Span(number, watermark, hi), directory, columns, dictionaries)
        forget_gone(tx.conn, Span(number, watermark, hi), columns.docnos, position)
    return True


def _generation(conn: Connection) -> int:
    return conn.execute(select(counter.c.n).where(counter.c.name == INDEX)).scalar() or 0


def _watermark(conn: Connection) -> int:
    spans = list_spans(conn)
    return spans[-1].hi if spans else 0


def _worth_it(conn: Connection, watermark: int, at_least: int) -> bool:
    living = conn.execute(select(func.count()).where(record.c.docno > watermark)).scalar_one()
    dead = conn.execute(select(func.count()).where(gone.c.docno > watermark)).scalar_one()
    return (living > 0 and living >= at_least) or dead >= 2 * at_least


def forget_gone(conn: Connection, span: Span, held: U32, position: int) -> None:
    """Deletes the `gone` rows of documents within the span that its segment was built without.

    Args:
        held: docnos in the segment, ascending.
        position: of the snapshot that it was built from; what went later is still to be remembered.
    """
    dead = conn.execute(select(gone.c.seq, gone.c.docno).where(gone.c.docno > span.lo, gone.c.docno <= span.hi, gone.c.seq <= position)).all()
    docnos = np.array([docno for _, docno in dead], dtype=np.uint32)
    stay = np.isin(docnos, held)
    useless = [seq for (seq, _), keep in zip(dead, stay, strict=True) if not keep]
    for at in range(0, len(useless), 500):
        conn.execute(delete(gone).where(gone.c.seq.in_(useless[at : at + 500])))


def text_order(batch: Batch, sort: str) -> list[int]:
    """Docnos in order of a text (by bytes, as both engines sort; equal ones by falling docno), those without it left out."""
    keys = sorted((text.encode(), -docno) for text, docno in zip(batch.sorted_by[sort], batch.docnos, strict=True) if text is not None)
    return [-docno for _, docno in keys]


def with_ranks(chunk: Chunk, orders: Mapping[str, Sequence[int]]) -> Chunk:
    """Adds the ranks of sorts by text: the place in the order, or `NO_RANK`. Docnos that the chunk does not hold are passed over."""
    columns = {}
    for sort, order in orders.items():
        ranks = np.full(len(chunk), NO_RANK, dtype=np.uint32)
        ordered = np.array(order, dtype=np.uint32)
        if len(chunk):
            rows = np.minimum(np.searchsorted(chunk.docnos, ordered), len(chunk) - 1)
            found = chunk.docnos[rows] == ordered
            ranks[rows[found]] = np.flatnonzero(found)
        columns[rank_column(sort)] = ranks
    return Chunk(chunk.docnos, chunk.numbers | columns, chunk.single, chunk.multi)
