"""CKAN's `q` and `fq`: the classic Lucene syntax, read into our own filter tree.

`field:value`, "phrases", ( groups ), AND OR NOT && || ! + -, [a TO b], {a TO b}, prefixes* and *:*. The default operator is AND, as CKAN asks of Solr;
AND binds before OR. Boosts (^2) and slops (~2) are read and passed over: our ranking has no place for them. What a field means is `terms`'.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from catalog.ckan.errors import CkanSearchError
from catalog.filters import And, Constant, Expr, Not, Or, check_size

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<open>\() | (?P<close>\)) | (?P<and>&&|AND(?=[\s(]|$)) | (?P<or>\|\||OR(?=[\s(]|$)) | (?P<not>!|NOT(?=[\s(]|$)) | (?P<plus>\+) | (?P<minus>-)
    | (?P<phrase>"(?:[^"\\]|\\.)*") | (?P<range>[\[{]\s*(?:"[^"]*"|[^\s\]}]+)\s+TO\s+(?:"[^"]*"|[^\s\]}]+)\s*[\]}])
    | (?P<field>(?:[A-Za-z_][\w.-]*|\*)\s*:(?=\S)) | (?P<suffix>[~^][\d.]*) | (?P<term>(?:[^\s()"\\:^~\[\]{}]|\\.|:(?=//))(?:[^\s()"\\^~\[\]{}]|\\.)*)
    )""",
    re.VERBOSE,
)
_RANGE = re.compile(r'([\[{])\s*("[^"]*"|\S+)\s+TO\s+("[^"]*"|[^\s\]}]+)\s*([\]}])')
_MOST_DEPTH = 30
#: Characters of a query; a longer one is refused before it is cut into tokens.
MOST_TEXT = 4_000
#: A query without any of these is plain words.
_SYNTAX = re.compile(r"[():*~^\[\]{}\\]|&&|\|\||(?:^|\s)[+!-]|(?:^|\s)(?:AND|OR|NOT)(?:\s|$)")


@dataclass(frozen=True)
class Term:
    """One value asked for.

    Attributes:
        field: name of the field, or None for the default one.
        text: the value, unescaped.
        phrase: it was quoted.
        prefix: it ended in *.
        low, high: of a range; None for "*".
        is_range: whether low and high count; closed: whether each end belongs to it.
    """

    field: str | None
    text: str = ""
    phrase: bool = False
    prefix: bool = False
    is_range: bool = False
    low: str | None = None
    high: str | None = None
    closed: tuple[bool, bool] = (True, True)


def is_plain(text: str) -> bool:
    """Whether a query has no syntax: its words can go to search as they are, which ranks them."""
    return _SYNTAX.search(text) is None


def parse(text: str, meaning: Callable[[Term], Expr]) -> Expr:
    """Reads a query.

    Args:
        meaning: what a term stands for.

    Raises:
        CkanSearchError: it breaks the syntax.
        FilterError: it is too large.
    """
    if len(text) > MOST_TEXT:
        raise CkanSearchError(f"the query is longer than {MOST_TEXT} characters")
    return check_size(_Parser(text, meaning).whole())


class _Parser:
    def __init__(self, text: str, meaning: Callable[[Term], Expr]) -> None:
        self._text = text
        self._meaning = meaning
        self._tokens = self._cut(text)
        self._at = 0

    def _cut(self, text: str) -> list[tuple[str, str]]:
        tokens, at = [], 0
        end = len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise CkanSearchError(f"Cannot parse {text!r} at column {at}")
            if match.lastgroup != "suffix":
                tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        return tokens

    def _peek(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def _next(self) -> tuple[str, str]:
        if self._at == len(self._tokens):
            raise CkanSearchError(f"Cannot parse {self._text!r}: it ends too early")
        self._at += 1
        return self._tokens[self._at - 1]

    def whole(self) -> Expr:
        if not self._tokens:
            return Constant(True)
        found = self._or(None, 0)
        if self._at < len(self._tokens):
            raise CkanSearchError(f"Cannot parse {self._text!r}: unexpected {self._tokens[self._at][1]!r}")
        return found

    def _or(self, field: str | None, depth: int) -> Expr:
        if depth > _MOST_DEPTH:
            raise CkanSearchError("the query is nested too deeply")
        parts = [self._and(field, depth)]
        while self._peek() == "or":
            self._next()
            parts.append(self._and(field, depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _and(self, field: str | None, depth: int) -> Expr:
        parts = [self._clause(field, depth)]
        while self._peek() not in ("", "or", "close"):
            if self._peek() == "and":
                self._next()
            parts.append(self._clause(field, depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _clause(self, field: str | None, depth: int) -> Expr:
        negative = False
        while self._peek() in ("plus", "minus", "not"):
            negative ^= self._next()[0] in ("minus", "not")
        found = self._value(field, depth)
        return Not(found) if negative else found

    def _value(self, field: str | None, depth: int) -> Expr:
        kind, text = self._next()
        if depth > _MOST_DEPTH:
            raise CkanSearchError("the query is nested too deeply")
        if kind == "field":
            return self._value(text.rstrip().removesuffix(":").rstrip(), depth + 1)
        if kind == "open":
            found = self._or(field, depth + 1)
            if self._next()[0] != "close":
                raise CkanSearchError(f"Cannot parse {self._text!r}: a bracket is not closed")
            return found
        if kind == "phrase":
            return self._meaning(Term(field, _unescaped(text[1:-1]), phrase=True))
        if kind == "range":
            return self._meaning(_range_term(field, text))
        if kind in ("term", "minus", "plus"):
            prefix = text.endswith("*") and not text.endswith("\\*") and text != "*"
            return self._meaning(Term(field, _unescaped(text[:-1] if prefix else text), prefix=prefix))
        raise CkanSearchError(f"Cannot parse {self._text!r}: unexpected {text!r}")


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _range_term(field: str | None, text: str) -> Term:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise CkanSearchError(f"Cannot parse the range {text!r}")
    low, high = (None if each == "*" else each.strip('"') for each in (match[2], match[3]))
    return Term(field, is_range=True, low=low, high=high, closed=(match[1] == "[", match[4] == "]"))
