"""User filters over records, as sets of documents: by search where it can tell, else by looking at the disclosed values.

Project, then filter: a leaf that search cannot tell is evaluated on what the *card* discloses (title, slug, id), and on the summary of those documents that
may be read. Anything else is refused, in the same words whether such a field exists or not.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson
from pyroaring import BitMap
from sqlalchemy import Connection, select

from catalog.errors import FilterError, UnknownColumnError
from catalog.filter_sql import MAX_WILDCARDS
from catalog.filters import Compare, Expr, In, IsNull, Leaf, Like, fold
from catalog.search import Search, Visible
from catalog.tables import record

__all__ = ["told"]

_PAGE = 2_000
#: What is evaluated here: name → whether it shows with the card.
_TEXTS = {"title": True, "slug": True, "id": True, "summary": False}


def told(search: Search, conn: Connection, visible: Visible, expr: Expr) -> BitMap:
    """Documents for which a filter is surely true.

    Raises:
        FilterError: a leaf that cannot be told.
    """

    def leaf(each: Leaf) -> tuple[BitMap, BitMap]:
        sets = search.sets(conn, visible, each)
        return sets if sets is not None else _scan(conn, visible, each)

    return fold(expr, leaf)[0]


def _scan(conn: Connection, visible: Visible, leaf: Leaf) -> tuple[BitMap, BitMap]:
    """Both sets of a leaf over texts, by reading the visible records."""
    name = getattr(leaf, "column", None)
    if name not in _TEXTS or not isinstance(leaf, Compare | In | IsNull | Like):
        raise UnknownColumnError(str(name))
    domain = visible.card if _TEXTS[name] else visible.card & visible.full
    test = _test(leaf)
    yes, no = BitMap(), BitMap()
    docnos = list(domain)
    for start in range(0, len(docnos), _PAGE):
        page = docnos[start : start + _PAGE]
        rows = conn.execute(select(record.c.docno, record.c.id, record.c.slug, record.c.fields).where(record.c.docno.between(page[0], page[-1])))
        for row in rows:
            if row.docno not in domain:
                continue
            found = test(_values(row, name))
            if found is not None:
                (yes if found else no).add(row.docno)
    return yes, no


def _values(row: Any, name: str) -> list[str]:
    if name in ("id", "slug"):
        return [getattr(row, name)]
    texts = orjson.loads(row.fields).get(name)
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
        raise FilterError(zh=f"万用字元至多 {MAX_WILDCARDS} 个", en=f"at most {MAX_WILDCARDS} wildcards in one pattern")
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
