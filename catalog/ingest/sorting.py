"""Good rows and bad ones: what of a table can be written, and what is set aside with its place.

More than `MAX_BAD` bad rows, or more bad than good ones: it is not what it says it is, and is refused.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from shapely import get_num_coordinates
from shapely.geometry.base import BaseGeometry

from catalog.errors import IngestError, RowsError
from catalog.ingest.fill import Filled
from catalog.ingest.model import IngestContext, Layer
from catalog.quarantine import Bad
from catalog.rows import check_rows

__all__ = ["MAX_BAD", "Row", "Sorter", "check_all", "chunked", "good_rows"]

#: Bad rows of one table that are set aside.
MAX_BAD = 1_000
#: Rows that are looked at together.
AT_ONCE = 5_000
AT_ONCE_BYTES = 64 << 20

type Row = tuple[int, Mapping[str, Any]]


def chunked(rows: Iterable[Row], most: int) -> Iterator[tuple[list[Row], bool]]:
    """Rows in chunks that fit into memory: at most so many, and no more than `AT_ONCE_BYTES` of text and geometry.

    Yields:
        A chunk, and whether it is the last one; an empty one when there are no rows. The same rows make the same chunks.
    """
    chunk: list[Row] = []
    left = AT_ONCE_BYTES
    for row in rows:
        if len(chunk) >= most or left <= 0:
            yield chunk, False
            chunk, left = [], AT_ONCE_BYTES
        chunk.append(row)
        for value in row[1].values():
            if type(value) is str:
                left -= len(value)
            elif isinstance(value, BaseGeometry):
                left -= 16 * int(get_num_coordinates(value))
    yield chunk, True


class Sorter:
    """The rows of a layer without the bad ones, which are collected with their places."""

    def __init__(self, layer: Layer | None, new: Filled, known: Mapping[int, Bad] | None = None) -> None:
        self._layer, self._new = layer, new
        self._known = known or {}  # rows that cannot be written, by number
        self.dropped: dict[int, Bad] = {}
        self.bads: list[Bad] = []
        self.good = 0

    def __iter__(self) -> Iterator[Row]:
        for each in () if self._layer is None else self._layer.rows():
            if isinstance(each, Bad):
                self.refuse(each)
            elif each[0] in self._known:
                self.refuse(self._known[each[0]])
            else:
                self.good += 1
                yield each
        self.check_share()

    @property
    def path(self) -> Path:
        """The file."""
        return self._new.path

    def refuse(self, bad: Bad) -> None:
        """Sets one aside. Raises IngestError when there are too many."""
        self.bads.append(bad)
        if len(self.bads) > MAX_BAD:
            raise self._too_many()

    def drop(self, row: Row, error: RowsError) -> None:
        """Sets a row aside that was good until it was to be written."""
        assert self._layer is not None
        self.good -= 1
        excerpt = ", ".join(f"{name}={str(value)[:80]}" for name, value in row[1].items() if not hasattr(value, "geom_type"))
        self.dropped[row[0]] = Bad({self._layer.unit: row[0]}, error.kind, error.zh, error.en, excerpt, self._new.item.member)
        self.refuse(self.dropped[row[0]])

    def check_share(self) -> None:
        """More bad rows than good ones: it is not a table with some bad rows. Raises IngestError."""
        if len(self.bads) > self.good:
            raise self._too_many()

    def _too_many(self) -> IngestError:
        first, name = self.bads[0], self._new.item.name or self._new.path.name
        if len(self.bads) == 1:
            return IngestError(zh=first.zh if name in first.zh else f"{name}：{first.zh}", en=first.en if name in first.en else f"{name}: {first.en}")
        zh = f"{name} 有 {len(self.bads)} 行有误，好的只有 {self.good} 行；第一处：{first.zh}"
        return IngestError(zh=zh, en=f"{name}: {len(self.bads)} bad rows and only {self.good} good ones; the first: {first.en}")


def check_all(sorter: Sorter, layer: Layer, ctx: IngestContext) -> dict[int, Bad]:
    """Encodes all rows without writing them; returns those that cannot be written. Raises IngestError or RowsError when the table cannot be taken."""
    check_rows(layer.columns, layer.key, layer.geometry, ())  # what is wrong with the table itself is no matter of its rows
    for chunk, _ in chunked(sorter, AT_ONCE):
        good_rows(chunk, layer, sorter)
        if ctx.checks is not None:
            ctx.checks(sorter.good, layer.count, sorter.path)
    sorter.check_share()
    return sorter.dropped


def good_rows(chunk: list[Row], layer: Layer, sorter: Sorter) -> list[Row]:
    """The rows of a chunk that can be written; the others are set aside."""
    try:
        check_rows(layer.columns, layer.key, layer.geometry, (row for _, row in chunk))
    except RowsError:
        return [row for row in chunk if _writable(row, layer, sorter)]
    return chunk


def _writable(row: Row, layer: Layer, sorter: Sorter) -> bool:
    try:
        check_rows(layer.columns, layer.key, layer.geometry, (row[1],))
    except RowsError as error:
        sorter.drop(row, error)
        return False
    return True
