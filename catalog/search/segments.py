"""Segments in the database: writing one, reading its directory and columns, and numbering.

`counter` holds two numbers of search: `segment` gives numbers to segments (never used twice, so that what a killed merge left behind is nobody's), and `index`
moves with each change of the list of segments, so that readers notice.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, insert, select, update

from catalog.search.columns import Chunk, Dictionaries, restored, stored
from catalog.search.postings import Directory, row_number
from catalog.tables import counter, posting, segment, segment_col

SEGMENT, INDEX = "segment", "index"
_ROWS_AT_ONCE = 2000

_LIST = select(segment.c.seg, segment.c.lo, segment.c.hi).order_by(segment.c.lo)


@dataclass(frozen=True)
class Span:
    """A segment's number, and the range lo < docno <= hi that it covers; spans of different segments never overlap."""

    number: int
    lo: int
    hi: int


@dataclass(frozen=True)
class Segment:
    """A segment as readers hold it."""

    span: Span
    directory: Directory


def list_spans(conn: Connection) -> list[Span]:
    """All segments, in order of docno."""
    return [Span(*row) for row in conn.execute(_LIST)]


def read_directory(conn: Connection, number: int) -> Directory:
    """A segment's directory."""
    return Directory.load(bytes(conn.execute(select(segment.c.dir).where(segment.c.seg == number)).scalar_one()))


def read_chunk(conn: Connection, number: int, dictionaries: Dictionaries) -> Chunk:
    """A segment's columns."""
    rows = conn.execute(select(segment_col.c.name, segment_col.c.data).where(segment_col.c.seg == number))
    return restored({name: bytes(data) for name, data in rows}, dictionaries)


def bump(conn: Connection, name: str) -> int:
    """Moves one of search's counters."""
    moved = conn.execute(update(counter).where(counter.c.name == name).values(n=counter.c.n + 1).returning(counter.c.n)).scalar()
    if moved is None:
        conn.execute(insert(counter).values(name=name, n=1))
        return 1
    return int(moved)


def write_postings(conn: Connection, number: int, rows: Iterable[tuple[int, int, bytes]]) -> Iterator[tuple[int, int]]:
    """Writes posting rows.

    Args:
        rows: key, number of documents, data (`catalog.search.postings.build`).

    Yields:
        Key and number of documents of each row, once it is written.
    """
    waiting: list[dict[str, Any]] = []
    for key, count, data in rows:
        waiting.append({"k": row_number(number, key), "data": data})
        if len(waiting) == _ROWS_AT_ONCE:
            conn.execute(insert(posting), waiting)
            waiting = []
        yield key, count
    if waiting:
        conn.execute(insert(posting), waiting)


def directory_of(rows: Iterable[tuple[int, int]]) -> Directory:
    """The directory of rows in any order: key and number of documents, 0 for a block."""
    ordered = sorted(rows)
    own = [(key, count) for key, count in ordered if count]
    return Directory(
        np.array([key for key, _ in own], dtype=np.uint64), np.array([count for _, count in own], dtype=np.uint32),
        np.array([key for key, count in ordered if not count], dtype=np.uint64),
    )  # fmt: skip


def publish(conn: Connection, span: Span, directory: Directory, columns: Chunk, dictionaries: Dictionaries) -> None:
    """Writes a segment's row and columns and tells readers; its postings are there already."""
    conn.execute(insert(segment).values(seg=span.number, lo=span.lo, hi=span.hi, dir=directory.dump()))
    conn.execute(insert(segment_col), [{"seg": span.number, "name": name, "data": data} for name, data in stored(columns, dictionaries).items()])
    bump(conn, INDEX)


def withdraw(conn: Connection, numbers: Iterable[int]) -> None:
    """Removes segments from the list; their postings become orphans for `sweep`."""
    for number in numbers:
        conn.execute(delete(segment).where(segment.c.seg == number))
        conn.execute(delete(segment_col).where(segment_col.c.seg == number))
