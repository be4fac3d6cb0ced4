"""What search must answer, worked out from the tables alone, one document and one character at a time. Shares no code with catalog.search but the query."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Connection, select

from catalog.search import SearchQuery
from catalog.tables import record, record_term

_SIMPLIFIED = str.maketrans("調資礦國體據數", "调资矿国体据数")
_LEVELS = ("township", "county", "city", "province", "nation")


@dataclass(frozen=True)
class Document:
    docno: int
    row: Any
    fields: dict[str, Any]
    terms: dict[str, list[str]]


def tokens(text: str) -> set[str]:
    """Pairs of neighbouring Chinese characters, single ones, and words without their plural s."""
    folded = text.lower().translate(_SIMPLIFIED)
    found: set[str] = set()
    for run in re.findall(r"[\u4e00-\u9fff]+", folded):
        found |= set(run) | {run[i : i + 2] for i in range(len(run) - 1)}
    return found | {stem(word) for word in re.findall(r"[a-z0-9]+", folded)}


def stem(word: str) -> str:
    if len(word) < 4:
        return word
    if word.endswith("ies"):
        return word[:-2]
    if word.endswith("y"):
        return word[:-1] + "i"
    if re.search(r"(ss|x|z|sh|ch)es$", word):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not re.search(r"[sui]s$", word) else word


def asked(word: str) -> set[str]:
    """Tokens of a query word: a single character only where it has no Chinese neighbour."""
    folded = word.lower().translate(_SIMPLIFIED)
    found: set[str] = set()
    for run in re.findall(r"[\u4e00-\u9fff]+", folded):
        found |= {run} if len(run) == 1 else {run[i : i + 2] for i in range(len(run) - 1)}
    return found | {stem(each) for each in re.findall(r"[a-z0-9]+", folded)}


def containing(code: str) -> set[str]:
    chain = {code, code[:6], code[:4] + "00", code[:2] + "0000", "000000"}
    return chain | ({code[:9]} if len(code) > 9 else set())


class Oracle:
    """Every document of a snapshot, in full."""

    def __init__(self, conn: Connection) -> None:
        terms: dict[int, dict[str, list[str]]] = {}
        for docno, attribute, value in conn.execute(select(record_term.c.docno, record_term.c.attribute, record_term.c.value)):
            terms.setdefault(docno, {}).setdefault(attribute, []).append(value)
        self.documents = [Document(row.docno, row, orjson.loads(row.fields), terms.get(row.docno, {})) for row in conn.execute(select(record))]

    def search(self, q: SearchQuery, card: set[int], full: set[int]) -> tuple[list[int], dict[str, list[tuple[str, int]]]]:
        """All hits in order, and facets."""
        visible = [d for d in self.documents if d.docno in card]
        words = [tokens_ for word in q.text.split() if (tokens_ := asked(word))]
        hits = [d for d in visible if all(self._has(d, word, d.docno in full) for word in words) and self._passes(d, q, d.docno in full)]
        if q.text.strip() and not words:
            hits = []
        hits.sort(key=self._order(q.sort, words))
        facets = {}
        for name in q.facets:
            counts = Counter(value for d in hits if name not in ("format", "license") or d.docno in full for value in set(self.values(d, name)))
            facets[name] = sorted(counts.items(), key=lambda each: (-each[1], each[0]))[: q.facet_limit]
        return [d.docno for d in hits], facets

    @staticmethod
    def texts(d: Document, field: str) -> set[str]:
        value = d.fields.get(field, {})
        return set().union(*(tokens(text) for each in value.values() for text in ([each] if isinstance(each, str) else each)))

    def _has(self, d: Document, word: set[str], full: bool) -> bool:
        return any(word <= self.texts(d, field) for field in (("title", "keywords", "summary") if full else ("title", "keywords")))

    def values(self, d: Document, name: str) -> list[str]:
        if name in ("territory", "division"):
            codes = d.terms.get("territory", []) if name == "territory" else [d.row.division] if d.row.division else []
            return [each for code in codes for each in containing(code)]
        if name == "theme":
            return d.terms.get("theme", [])
        if name == "format":
            return (d.row.formats or "").split()
        if name == "keyword":
            return [word for words in d.fields.get("keywords", {}).values() for word in words]
        value = d.fields.get("license") if name == "license" else getattr(d.row, name)
        if name == "level":
            value = _LEVELS[value]
        return [] if value is None else [str(value)]

    def _passes(self, d: Document, q: SearchQuery, full: bool) -> bool:
        for name, wanted in q.filters.items():
            if (name in ("format", "license") and not full) or not set(wanted) & set(self.values(d, name)):
                return False
        if (q.after is not None and d.docno <= q.after) or (q.ids is not None and d.row.id not in q.ids):
            return False
        if q.within is not None and d.docno not in q.within:
            return False
        if q.bbox and not (full and d.row.west is not None and boxes_meet(rounded(d.row), q.bbox)):
            return False
        if q.time:
            begins, ends = d.row.time_from, d.row.time_to
            if not full or (begins is None and ends is None):
                return False
            if (q.time[1] is not None and begins is not None and begins > q.time[1]) or (q.time[0] is not None and ends is not None and ends < q.time[0]):
                return False
        return True

    def _order(self, sort: str, words: list[set[str]]) -> Callable[[Document], Any]:
        name, down = sort.lstrip("-"), sort.startswith("-")
        if name == "docno":
            return lambda d: -d.docno if down else d.docno
        if name in ("title", "name"):
            return lambda d: self._by_text(d.row.sort_title if name == "title" else d.row.slug, d.docno, down)
        if name == "relevance" and words:
            return lambda d: self._relevance(d, words)
        column, newest = ("modified", True) if name == "relevance" else (name, down)

        def by_time(d: Document) -> tuple[Any, ...]:
            value = getattr(d.row, column)
            return value is None, 0 if value is None else -value if newest else value, -d.docno

        return by_time

    @staticmethod
    def _by_text(text: str | None, docno: int, down: bool) -> tuple[Any, ...]:
        """Bytes, then the higher docno; downwards the same turned round. Without a text: last, the higher docno first."""
        if text is None:
            return (True, -docno)
        return (False, (*(-byte for byte in text.encode()), 1), docno) if down else (False, tuple(text.encode()), -docno)

    def _relevance(self, d: Document, words: list[set[str]]) -> tuple[Any, ...]:
        newer = (d.row.modified is None, -(d.row.modified or 0), -d.docno)
        if all(word <= self.texts(d, "title") for word in words):
            return (0, min(len(text) for text in d.fields["title"].values()), *newer)
        either = all(word <= self.texts(d, "title") or word <= self.texts(d, "keywords") for word in words)
        return (1 if either else 2, 0, *newer)


def rounded(row: Any) -> tuple[float, float, float, float]:
    """The box in float32, rounded outward."""

    def outward(value: float, down: bool) -> float:
        near = np.float32(value)
        if (down and near > value) or (not down and near < value):
            near = np.nextafter(near, np.float32(-np.inf if down else np.inf))
        return float(near)

    return outward(row.west, True), outward(row.south, True), outward(row.east, False), outward(row.north, False)


def boxes_meet(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    if a[1] > b[3] or a[3] < b[1]:
        return False

    def spans(box: tuple[float, float, float, float]) -> list[tuple[float, float]]:
        return [(box[0], box[2])] if box[0] <= box[2] else [(box[0], 180), (-180, box[2])]

    return any(x[0] <= y[1] and y[0] <= x[1] for x in spans(a) for y in spans(b))
