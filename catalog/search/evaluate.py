"""Evaluating a search on one state: words, filters and conditions as bitmaps of docnos.

Rules:

1. Everything is intersected with what the actor may see before anything is counted: a word matches (title | keywords) & card, or summary & full.
2. Conditions have two rails: documents where a leaf is surely true and where it is surely false. A document that the actor may not read is in neither for what
   stands behind `full`, so that NOT cannot feel for it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pyroaring import BitMap
from sqlalchemy import Connection, bindparam, select

from catalog.errors import FilterError
from catalog.filters import AnyText, Between, Compare, Constant, Expr, In, IsNull, Leaf, Moment, Spatial, Temporal, Value, fold, leaves
from catalog.search.columns import Chunk, Dictionaries, bitmap, rows_of
from catalog.search.documents import CODED, FULL_TIER, MULTI, NO_TIME, SINGLE, TIMES
from catalog.search.spatial import Bools, has_box, has_time, meets_box, meets_time
from catalog.search.state import State
from catalog.search.tokens import KEYWORDS, SUMMARY, TITLE, U32, Index, key
from catalog.search.visible import Visible
from catalog.search.words import Word, beginnings, words_of
from catalog.tables import record

FIELDS = {"title": TITLE, "keywords": KEYWORDS, "summary": SUMMARY}
#: In place of fields: what is searched are the beginnings of words.
BEGINNINGS = ("beginnings",)
_EVERYWHERE = (TITLE, KEYWORDS, SUMMARY)
_IDS = {name: select(record.c.docno).where(record.c[name].in_(bindparam("values", expanding=True))) for name in ("id", "slug")}
_AT_ONCE = 500
#: Filters' bitmaps that a base keeps (125 kB each at most for a million records).
MOST_KEPT = 192
#: A column of so few values is counted by the documents of each (which are kept), where the hits are many: a container of 65,536 documents costs as much as
#: `CONTAINER` of them.
FEW_VALUES, CONTAINER = 40, 40

type Sets = tuple[BitMap, BitMap]
type RowTest = Callable[[Chunk], Bools]


@dataclass(frozen=True)
class Found:
    """Documents of a word in each field."""

    title: BitMap
    keywords: BitMap
    summary: BitMap


class Evaluator:
    """One search on one state for one actor."""

    def __init__(self, conn: Connection, state: State, visible: Visible, dictionaries: Dictionaries) -> None:
        self.conn = conn
        self.state = state
        self.dictionaries = dictionaries
        self.card = visible.card & state.alive
        self.full = visible.full & self.card
        self._postings: dict[int, BitMap] = {}

    # --- words -------------------------------------------------------------------------------------------------------------------------

    def prepare(self, words: Iterable[Word]) -> None:
        """Fetches the postings of words, all at once."""
        wanted = dict.fromkeys(key(field, token) for word in words for token in word.tokens for field in _EVERYWHERE)
        missing = [each for each in wanted if each not in self._postings]
        if missing:
            self._postings |= self.state.postings(self.conn, missing)

    def found(self, word: Word) -> Found:
        """Where a word stands (visible documents only)."""
        title, keywords = (self._in_field(word, field) & self.card for field in (TITLE, KEYWORDS))
        return Found(title, keywords, self._in_field(word, SUMMARY) & self.full)

    def _in_field(self, word: Word, field: int) -> BitMap:
        sets = [self._postings[key(field, token)] for token in word.tokens]
        return sets[0] if len(sets) == 1 else BitMap.intersection(*sorted(sets, key=len)) if sets else BitMap()

    def _any_text(self, leaf: AnyText) -> Sets:
        """All words of the leaf, in the fields it names; in `BEGINNINGS`, words of title and slug that begin so."""
        if leaf.fields == BEGINNINGS:
            keys = beginnings(leaf.text)
            begun = BitMap.intersection(self.card, *self.state.postings(self.conn, keys).values()) if keys else BitMap()
            return begun, self.card - begun
        words = words_of(leaf.text)
        self.prepare(words)
        domain = self.full if not leaf.fields or "summary" in leaf.fields else self.card
        is_true, is_false = (self.card, BitMap()) if words or not leaf.text.strip() else (BitMap(), domain)
        for word in words:
            found = self.found(word)
            anywhere = BitMap()
            for name in leaf.fields or FIELDS:
                anywhere = anywhere | getattr(found, name)
            is_true, is_false = is_true & anywhere, is_false | (domain - anywhere)
        return is_true, is_false

    # --- columns -----------------------------------------------------------------------------------------------------------------------

    def tier(self, column: str) -> BitMap:
        """The documents of which the actor may know the column."""
        return self.full if column in FULL_TIER else self.card

    def having(self, column: str, values: Sequence[str]) -> BitMap:
        """Documents with one of the values in a coded column."""
        codes = {code for value in values if (code := self.dictionaries[column].code(value))}
        return BitMap.union(BitMap(), *(self._with_code(column, code) for code in codes)) & self.tier(column)

    def stated(self, column: str) -> BitMap:
        """Documents with any value in a coded column."""
        return self._with_code(column, 0) & self.tier(column)

    def _with_code(self, column: str, code: int) -> BitMap:
        """Documents with a code, or with any when it is 0."""
        kept, tail = self._in_base(column, code), self.state.tail
        return kept | bitmap(tail.chunk.docnos[_marked(tail.chunk, column, code)]) if len(tail.chunk) else kept

    def _in_base(self, column: str, code: int) -> BitMap:
        """Those of the segments: they are kept, for the same few filters and facets are asked for again and again."""
        base = self.state.base
        kept = base.by_code.get((column, code))
        if kept is None:
            kept = bitmap(base.chunk.docnos[_marked(base.chunk, column, code)])
            if len(base.by_code) >= MOST_KEPT:
                base.by_code.clear()
            base.by_code[column, code] = kept
        return kept

    def where(self, test: RowTest, domain: BitMap) -> BitMap:
        """Documents of the domain whose row passes a test of a whole chunk."""
        return bitmap(np.concatenate([chunk.docnos[test(chunk)] for chunk in self.state.chunks])) & domain

    def named(self, column: str, values: Sequence[str]) -> BitMap:
        """Documents by record id or slug."""
        docnos: list[int] = []
        for at in range(0, len(values), _AT_ONCE):
            docnos += self.conn.execute(_IDS[column], {"values": list(values[at : at + _AT_ONCE])}).scalars()
        return BitMap(docnos) & self.card

    # --- conditions --------------------------------------------------------------------------------------------------------------------

    def condition(self, expr: Expr) -> BitMap:
        """Documents where a condition is surely true.

        Raises:
            FilterError: search cannot tell one of its leaves.
        """
        for leaf in leaves(expr):
            if isinstance(leaf, AnyText):
                self.prepare(words_of(leaf.text))

        def told(leaf: Leaf) -> Sets:
            sets = self.sets(leaf)
            if sets is None:
                raise FilterError(zh=f"检索不支持此条件：{leaf}", en=f"search cannot evaluate {leaf}")
            return sets

        return fold(expr, told)[0]

    def sets(self, leaf: Leaf) -> Sets | None:
        """The two rails of a leaf, or None for a leaf that search cannot tell."""
        match leaf:
            case Constant(value):
                return (self.card, BitMap()) if value else (BitMap(), self.card)
            case AnyText():
                return self._any_text(leaf)
            case Compare(column, ("=" | "<>") as op, str(value), False) if column in CODED or column in _IDS:
                is_true, is_false = self._values(column, [value])
                return (is_true, is_false) if op == "=" else (is_false, is_true)
            case In(column, values, False) if (column in CODED or column in _IDS) and all(isinstance(value, str) for value in values):
                return self._values(column, [value for value in values if isinstance(value, str)])
            case IsNull(column) if column in CODED:
                stated = self.stated(column)
                return self.tier(column) - stated, stated
            case Compare(column, op, value, False) if column in TIMES and (range_ := _range(op, value)):
                return self._in_range(column, *range_, negate=op == "<>")
            case Between(column, low, high) if column in TIMES and isinstance(low, Moment | int) and isinstance(high, Moment | int):
                return self._in_range(column, _seconds(low), _end(high), negate=False)
            case Spatial("intersects", "bbox", _, box, True):
                return self._rails(lambda chunk: meets_box(chunk, box), has_box)
            case Temporal("intersects", "time", start, end):
                return self._rails(lambda chunk: meets_time(chunk, start.seconds if start else None, end.end if end else None), has_time)
        return None

    def _values(self, column: str, values: Sequence[str]) -> Sets:
        if column in _IDS:
            is_true = self.named(column, values)
            return is_true, self.card - is_true
        is_true = self.having(column, values)
        return is_true, self.stated(column) - is_true

    def _in_range(self, column: str, low: int | None, high: int | None, *, negate: bool) -> Sets:
        domain = self.card if column in ("modified", "issued") else self.full

        def inside(chunk: Chunk) -> Bools:
            numbers = chunk.numbers[column]
            passes: Bools = (numbers != NO_TIME) & (numbers >= (NO_TIME if low is None else low)) & (numbers <= ((1 << 63) - 1 if high is None else high))
            return passes

        is_true = self.where(inside, domain)
        is_false = self.where(lambda chunk: chunk.numbers[column] != NO_TIME, domain) - is_true
        return (is_false, is_true) if negate else (is_true, is_false)

    def _rails(self, test: RowTest, has: RowTest) -> Sets:
        is_true = self.where(test, self.full)
        return is_true, self.where(has, self.full) - is_true

    # --- counting ----------------------------------------------------------------------------------------------------------------------

    def facet(self, column: str, hits: "Hits", limit: int | None = None) -> list[tuple[str, int]]:
        """How many hits have each value of a coded column, most frequent first, then by value; the first `limit` of them."""
        size = len(self.dictionaries[column])
        base_rows, tail_rows = hits.full_rows if column in FULL_TIER else hits.rows
        base = self.state.base
        counts = self._counts(self.state.tail.chunk, column, tail_rows, size)
        if column in MULTI and size <= FEW_VALUES and len(base_rows) > size * (1 + len(base.chunk) // 65_536) * CONTAINER:
            documents = hits.documents & self.full if column in FULL_TIER else hits.documents
            counts += [0, *(documents.intersection_cardinality(self._in_base(column, code)) for code in range(1, size))]
        elif len(base_rows) * 2 > len(base.chunk):
            # Most of all: what is left out is counted instead, and taken from the whole.
            total = base.totals.get(column)
            if total is None:
                total = base.totals[column] = self._counts(base.chunk, column, np.arange(len(base.chunk)), size)
            counts[: len(total)] += total
            counts -= self._counts(base.chunk, column, hits.left_out(base_rows), size)
        else:
            counts += self._counts(base.chunk, column, base_rows, size)
        found = np.flatnonzero(counts[1:]) + 1
        numbers = counts[found]
        if limit is not None and len(found) > limit > 0:
            enough = numbers >= np.partition(numbers, len(numbers) - limit)[len(numbers) - limit]
            found, numbers = found[enough], numbers[enough]
        ordered = sorted(zip((-numbers).tolist(), self.dictionaries[column].values(found.tolist()), strict=True))
        return [(value, -less) for less, value in ordered[:limit]]

    def _counts(self, chunk: Chunk, column: str, rows: Index, size: int) -> Index:
        if not len(rows):
            return np.zeros(size, dtype=np.int64)
        codes = chunk.single[column][rows] if column in SINGLE else self._codes(chunk, column, rows)
        return np.bincount(codes, minlength=size)

    def _codes(self, chunk: Chunk, column: str, rows: Index) -> U32:
        """The codes of rows in a column of several values: each row's looked up, or, when there are many rows, all of them passed through."""
        of_row, codes = chunk.multi[column]
        base = self.state.base
        if len(rows) * 4 > len(chunk) or chunk is not base.chunk:
            mark = np.zeros(len(chunk), dtype=np.bool_)
            mark[rows] = True
            return codes[mark[of_row]]
        starts = base.starts.get(column)
        if starts is None:
            starts = base.starts[column] = np.searchsorted(of_row, np.arange(len(chunk) + 1, dtype=np.uint32)).astype(np.uint32)
        first = starts[rows].astype(np.int64)
        lengths = starts[rows + 1].astype(np.int64) - first
        ends = np.cumsum(lengths)
        return codes[np.repeat(first - ends + lengths, lengths) + np.arange(int(ends[-1]))]


class Hits:
    """Documents found, and their rows where needed."""

    def __init__(self, evaluator: Evaluator, documents: BitMap) -> None:
        self.documents = documents
        self._evaluator = evaluator
        self._left_out: tuple[Index, Index] | None = None

    @cached_property
    def rows(self) -> list[Index]:
        """Rows in each chunk."""
        return [rows_of(chunk, self.documents) for chunk in self._evaluator.state.chunks]

    def left_out(self, rows: Index) -> Index:
        """Rows of the segments that are not among `rows`, kept for the facets that follow."""
        if self._left_out is None or self._left_out[0] is not rows:
            mark = np.ones(len(self._evaluator.state.base.chunk), dtype=np.bool_)
            mark[rows] = False
            self._left_out = rows, np.flatnonzero(mark)
        return self._left_out[1]

    @cached_property
    def full_rows(self) -> list[Index]:
        """Rows in each chunk of those that the actor may read."""
        if self.documents.issubset(self._evaluator.full):
            return self.rows
        documents = self.documents & self._evaluator.full
        return [rows_of(chunk, documents) for chunk in self._evaluator.state.chunks]


def _marked(chunk: Chunk, column: str, code: int) -> Bools:
    """Rows with a code of a coded column, or with any when it is 0."""
    if column in SINGLE:
        codes = chunk.single[column]
        return codes == code if code else codes > 0
    rows, found = chunk.multi[column]
    marks = np.zeros(len(chunk), dtype=np.bool_)
    marks[rows[found == code] if code else rows] = True
    return marks


def _seconds(value: Moment | int) -> int:
    return value.seconds if isinstance(value, Moment) else value


def _end(value: Moment | int) -> int:
    return value.end if isinstance(value, Moment) else value


def _range(op: str, value: Value) -> tuple[int | None, int | None] | None:
    """The closed range of seconds for which a comparison holds (for "<>" the one for which it does not)."""
    if isinstance(value, bool) or not isinstance(value, Moment | int):
        return None
    low, high = _seconds(value), _end(value)
    ranges: dict[str, tuple[int | None, int | None]] = {
        "=": (low, high), "<>": (low, high), "<": (None, low - 1), "<=": (None, high), ">": (high + 1, None), ">=": (low, None),
    }  # fmt: skip
    return ranges[op]
