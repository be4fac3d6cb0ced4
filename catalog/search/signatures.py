"""The view signatures of all records in memory, so that a plan's bitmap is one `isin` (policy-language.md, How it is compiled).

A new stamp changes a record's signature without a new docno: the column is read anew when the policy epoch or the `stamp` counter moved, and otherwise
extended by what has a higher docno. Whether a stamp still counts (its epoch, `valid_until`) is the caller's to judge: a signature id belongs to one epoch.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pyroaring import BitMap
from sqlalchemy import Connection, func, select

from catalog.search.columns import bitmap
from catalog.search.state import read_numbers
from catalog.search.tokens import U32
from catalog.tables import record

_SIGNATURES = select(record.c.docno, func.coalesce(record.c.signature, 0)).order_by(record.c.docno)


@dataclass(frozen=True)
class _Column:
    stamp: tuple[int, int]
    position: int
    docnos: U32
    signatures: NDArray[np.int32]
    #: Length when it was last read whole: what was added since may be twice as long before dead documents are dropped by reading again.
    whole: int


class Signatures:
    """The column, shared by threads; each call sees at least the connection's snapshot."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._column: _Column | None = None

    def bitmap(self, conn: Connection, signatures: Iterable[int], *, after: int = 0) -> BitMap:
        """Docnos above `after` whose record carries one of the signatures.

        Replaced and removed records may be among them (search counts living ones only).
        """
        column = self._current(conn)
        first = int(np.searchsorted(column.docnos, np.uint32(after), side="right"))
        wanted = np.fromiter(signatures, dtype=np.int32)
        return bitmap(column.docnos[first:][np.isin(column.signatures[first:], wanted)])

    def _current(self, conn: Connection) -> _Column:
        numbers = read_numbers(conn)
        with self._lock:
            column = self._column
            if column and column.stamp >= numbers.stamp and column.position >= numbers.position:
                return column
            if column is None or column.stamp != numbers.stamp or len(column.docnos) > 2 * column.whole + 100_000:
                docnos, signatures = _read(conn, 0)
                column = _Column(numbers.stamp, numbers.position, docnos, signatures, len(docnos))
            else:
                docnos, signatures = _read(conn, column.position)
                docnos, signatures = np.concatenate([column.docnos, docnos]), np.concatenate([column.signatures, signatures])
                column = _Column(numbers.stamp, numbers.position, docnos, signatures, column.whole)
            self._column = column
            return column


def _read(conn: Connection, after: int) -> tuple[U32, NDArray[np.int32]]:
    rows = conn.execute(_SIGNATURES.where(record.c.docno > after)).all()
    # Unzipped first: numpy reads lists of integers fast and SQLAlchemy's rows very slowly.
    docnos, signatures = zip(*rows, strict=True) if rows else ((), ())
    return np.array(docnos, dtype=np.uint32), np.array(signatures, dtype=np.int32)
