"""User filters over records, as sets of documents: by search where it can tell, else by looking at the disclosed values.

Project, then filter: a leaf that search cannot tell is evaluated on what the *card* discloses (title, slug, id), and on the summary of those documents that
may be read. Anything else is refused, in the same words whether such a field exists or not.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import orjson
from pyroaring import BitMap
from sqlalchemy import Connection, select

from catalog.errors import FilterError, UnknownColumnError
from catalog.filter_sql import MAX_WILDCARDS
from catalog.filters import AnyText, Compare, Expr, In, IsNull, Leaf, Like, fold, leaves
from catalog.search import Search, Visible
from catalog.tables import record

__all__ = ["MOST_SCANNED", "MOST_WORDS", "told"]

_PAGE = 2_000
#: Leaves of full text in one filter (each asks for postings), and leaves that are compared with each visible record.
MOST_WORDS, MOST_SCANNED = 100, 20
#: What is evaluated here: name → whether it shows with the card.
_TEXTS = {"title": True, "slug": True, "id": True, "summary": False}


def told(search: Search, conn: Connection, visible: Visible, expr: Expr) -> BitMap:
    """Documents for which a filter is surely true.

    Raises:
        FilterError: a leaf that cannot be told, or too many that cost much.
    """
    parts = leaves(expr)
    words = sum(isinstance(each, AnyText) for each in parts)
    if words > MOST_WORDS:
        raise FilterError(
            zh=f"全文条件至多 {MOST_WORDS} 个，此处有 {words} 个；请合并为一个查询的多个词，或分次查询",
            en=f"at most {MOST_WORDS} full-text filters, not {words}: put the words into one query, or ask in several steps",
        )
    sets = search.sets(conn, visible, parts)
    found = {each: sets(each) for each in dict.fromkeys(parts)}
    found |= _scan(conn, visible, [each for each, known in found.items() if known is None])

    def leaf(each: Leaf) -> tuple[BitMap, BitMap]:
        known = found[each]
        assert known is not None  # told by search or scanned
        return known

    return fold(expr, leaf)[0]


def _scan(conn: Connection, visible: Visible, wanted: list[Leaf]) -> dict[Leaf, tuple[BitMap, BitMap]]:
    """Both sets of leaves over texts, by reading the visible records once for all of them."""
    tests: list[tuple[str, BitMap, Callable[[list[str]], bool | None], BitMap, BitMap]] = []
    for leaf in wanted:
        name = getattr(leaf, "column", None)
        if name not in _TEXTS or not isinstance(leaf, Compare | In | IsNull | Like):
            raise UnknownColumnError(str(name))
        tests.append((name, visible.card if _TEXTS[name] else visible.card & visible.full, _test(leaf), BitMap(), BitMap()))
    if len(tests) > MOST_SCANNED:
        raise FilterError(
            zh=f"逐条比较文字的条件至多 {MOST_SCANNED} 个，此处有 {len(tests)} 个；请改用全文检索",
            en=f"at most {MOST_SCANNED} filters that compare texts one by one, not {len(tests)}: use full-text search instead",
        )
    docnos = list(visible.card) if tests else []
    for start in range(0, len(docnos), _PAGE):
        page = docnos[start : start + _PAGE]
        rows = conn.execute(select(record.c.docno, record.c.id, record.c.slug, record.c.fields).where(record.c.docno.between(page[0], page[-1])))
        for row in rows:
            fields = orjson.loads(row.fields)
            for name, domain, test, yes, no in tests:
                if row.docno in domain:
                    found = test(_values(row, fields, name))
                    if found is not None:
                        (yes if found else no).add(row.docno)
    return {leaf: (yes, no) for leaf, (_, _, _, yes, no) in zip(wanted, tests, strict=True)}


def _values(row: Any, fields: Mapping[str, Any], name: str) -> list[str]:
    if name in ("id", "slug"):
        return [getattr(row, name)]
    texts = fields.get(name)
    return [text for text in texts.values() if isinstance(text, str)] if isinstance(texts, dict) else []


def _test(leaf: Compare | In | IsNull | Like) -> Callable[[list[str]], bool | None]:
    """True, false, or None (unknown) for the values of a field in all its languages: one that fits suffices."""
    if isinstance(leaf, IsNull):
        return lambda values: not values
    one = _one(leaf)
    return lambda values: any(one(value) for value in values) if values else None


def _one(leaf: Compare | In | Like) -> Callable[[str], bool]:
    fold_case = bool(getattr(leaf, "fold", False))
    ready: Callable[[str], str] = _fold if fold_case else str
    if isinstance(leaf, In):
        wanted = {ready(str(value)) for value in leaf.values}
        return lambda value: ready(value) in wanted
    if isinstance(leaf, Like):
        pattern = _like(ready(leaf.pattern))
        return lambda value: pattern.fullmatch(ready(value)) is not None
    right = ready(str(leaf.value))
    compare: dict[str, Callable[[str], bool]] = {
        "=": lambda value: ready(value) == right,
        "<>": lambda value: ready(value) != right,
        "<": lambda value: ready(value) < right,
        "<=": lambda value: ready(value) <= right,
        ">": lambda value: ready(value) > right,
        ">=": lambda value: ready(value) >= right,
    }
    return compare[leaf.op]


def _fold(text: str) -> str:
    return "".join(chr(ord(letter) + 32) if "A" <= letter <= "Z" else letter for letter in text)


@lru_cache(maxsize=64)
def _like(pattern: str) -> re.Pattern[str]:
    """LIKE with % and _, escaped by a backslash."""
    if pattern.count("%") + pattern.count("_") > MAX_WILDCARDS:
        raise FilterError(zh=f"通配符至多 {MAX_WILDCARDS} 个", en=f"at most {MAX_WILDCARDS} wildcards in one pattern")
    out, escaped = [], False
    for letter in pattern:
        if escaped:
            out.append(re.escape(letter))
            escaped = False
        elif letter == "\\":
            escaped = True
        else:
            out.append({"%": ".*", "_": "."}.get(letter, re.escape(letter)))
    return re.compile("".join(out), re.DOTALL)
