"""CQL2 text (OGC 21-065) into the tree of `catalog.filters`.

Read are: comparisons, LIKE (and ILIKE), BETWEEN, IN, IS NULL, their NOT forms, AND, OR, NOT, brackets, CASEI, DATE, TIMESTAMP, INTERVAL, S_… and T_…
functions with a property and a literal, BBOX, and WKT geometries; and, for CSW's CQL_TEXT, property names with a prefix (`dc:title`) and the older
`BBOX(name, w, s, e, n)` and `INTERSECTS(name, …)`. Not read: arithmetic, comparisons of two properties, array functions, ACCENTI. Precedence is
NOT over AND over OR, as the norm says.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

import shapely

from catalog.filters import And, Constant, Expr, IsNull, Moment, Not, Operator, Or, check_size
from ogc import crs
from ogc.errors import FilterSyntaxError
from ogc.filters import build
from ogc.filters.build import Box, Literal, Operand, Period, Property, fail
from ogc.filters.geometries import from_wkt
from ogc.filters.moments import read_interval, read_moment

MAX_TEXT = 20_000
MAX_DEPTH = 30

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")+")
    | (?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<name>[^\W\d][\w.:]*(?<![.:]))
    | (?P<op><>|<=|>=|=|<|>)
    | (?P<mark>[(),])
    )""",
    re.VERBOSE,
)
_SHAPES = {"POINT", "LINESTRING", "POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"}
_WORDS = {"AND", "OR", "NOT", "LIKE", "ILIKE", "BETWEEN", "IN", "IS", "NULL", "TRUE", "FALSE"}
_OPERATORS: dict[str, Operator] = {"=": "=", "<>": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """Upper case for keywords; quoted names and texts are no words."""
        return self.text.upper() if self.kind == "name" else ""


@lru_cache(maxsize=256)
def parse(text: str, reference: crs.Reference | None = None) -> Expr:
    """Parses a filter.

    Args:
        reference: the CRS of its geometries (`filter-crs`); None: CRS84.
    Raises:
        FilterSyntaxError: says at which character.
        FilterError: it is too large, or a geometry lies outside the CRS.
    """
    if len(text) > MAX_TEXT:
        raise fail(f"过滤条件长于 {MAX_TEXT} 个字符", f"the filter is longer than {MAX_TEXT} characters")
    return check_size(_Parser(text, reference or crs.Reference()).parse())


class _Parser:
    """Recursive descent over the tokens; `depth` bounds brackets and NOTs."""

    def __init__(self, text: str, reference: crs.Reference) -> None:
        self.text = text
        self.reference = reference
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0

    def parse(self) -> Expr:
        expr = self.either()
        if self.now.kind != "end":
            raise self.unexpected("AND / OR / 结尾", "AND, OR or the end")
        return expr

    # --- tokens ---

    @property
    def now(self) -> _Token:
        return self.tokens[self.at]

    def next(self) -> _Token:
        token = self.tokens[self.at]
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def take(self, *words: str) -> bool:
        """Takes the next token if it is one of these words or marks."""
        if self.now.word in words or (self.now.kind == "mark" and self.now.text in words):
            self.next()
            return True
        return False

    def need(self, word: str) -> None:
        if not self.take(word):
            raise self.unexpected(word, word)

    def unexpected(self, zh: str, en: str) -> FilterSyntaxError:
        found = self.now.text or "the end"
        return fail(f"应为 {zh}，却是 {found[:40]!r}", f"expected {en}, found {found[:40]!r}", self.now.start + 1)

    # --- AND, OR, NOT ---

    def either(self) -> Expr:
        parts = [self.both()]
        while self.take("OR"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def both(self) -> Expr:
        parts = [self.negated()]
        while self.take("AND"):
            parts.append(self.negated())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def negated(self) -> Expr:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise fail("括号或 NOT 嵌套过深", "brackets and NOTs are nested too deeply", self.now.start + 1)
        try:
            if self.take("NOT"):
                return Not(self.negated())
            if self.take("("):
                inner = self.either()
                self.need(")")
                return inner
            return self.predicate()
        finally:
            self.depth -= 1

    # --- predicates ---

    def predicate(self) -> Expr:
        token = self.now
        if token.word in ("TRUE", "FALSE") and self.tokens[self.at + 1].kind != "op":
            self.next()
            return Constant(token.word == "TRUE")
        if token.kind == "name" and self.tokens[self.at + 1].text == "(":
            function = token.word
            if (function.startswith("S_") and function[2:].lower() in build.SPATIAL) or function.lower() in build.SPATIAL:
                return self.spatial(function.removeprefix("S_").lower())
            if function.startswith("T_"):
                return self.temporal(function[2:].lower())
            if function == "BBOX" and self.tokens[self.at + 2].kind in ("name", "quoted"):
                return self.old_bbox()
        return self.comparison(self.operand())

    def comparison(self, left: Operand) -> Expr:
        if self.now.kind == "op":
            op = _OPERATORS[self.next().text]
            return build.comparison(left, op, self.operand())
        if self.take("IS"):
            negated = self.take("NOT")
            self.need("NULL")
            if not isinstance(left, Property):
                raise fail("IS NULL 的左边应是字段", "IS NULL takes a property")
            return Not(IsNull(left.name)) if negated else IsNull(left.name)
        negated = self.take("NOT")
        found: Expr
        if self.take("LIKE"):
            found = build.like(left, self.operand())
        elif self.take("ILIKE"):
            if isinstance(left, Property):
                left = Property(left.name, True)
            found = build.like(left, self.operand())
        elif self.take("BETWEEN"):
            low = self.operand()
            self.need("AND")
            found = build.between(left, low, self.operand())
        elif self.take("IN"):
            self.need("(")
            values = [self.operand()]
            while self.take(","):
                values.append(self.operand())
            self.need(")")
            found = build.membership(left, values)
        else:
            raise self.unexpected("比较", "a comparison (=, <>, <, <=, >, >=, LIKE, BETWEEN, IN, IS NULL)")
        return Not(found) if negated else found

    def _two(self) -> tuple[Operand, Operand]:
        self.next()
        self.need("(")
        left = self.operand()
        self.need(",")
        right = self.operand()
        self.need(")")
        return left, right

    def spatial(self, name: str) -> Expr:
        left, right = self._two()
        return build.spatial(name, left, right, self.reference)

    def temporal(self, name: str) -> Expr:
        left, right = self._two()
        return build.temporal(name, left, right)

    def old_bbox(self) -> Expr:
        """`BBOX(name, west, south, east, north[, 'crs'])` of CQL 1."""
        self.next()
        self.need("(")
        column = self.operand()
        numbers: list[float] = []
        reference = self.reference
        while self.take(","):
            if self.now.kind == "text":
                reference = crs.read_reference(_unquote(self.next().text))
                break
            numbers.append(self.number())
        self.need(")")
        return build.spatial("intersects", column, Box(tuple(numbers)), reference)

    # --- operands ---

    def number(self) -> float:
        if self.now.kind != "number":
            raise self.unexpected("数", "a number")
        return float(self.next().text)

    def operand(self) -> Operand:
        token = self.now
        if token.kind == "text":
            self.next()
            return Literal(_unquote(token.text))
        if token.kind == "number":
            self.next()
            return Literal(_number(token.text))
        if token.kind == "quoted":
            self.next()
            return Property(_unquote(token.text))
        if token.kind != "name" or (token.word in _WORDS - {"TRUE", "FALSE"}):
            raise self.unexpected("字段或值", "a property or a value")
        if token.word in ("TRUE", "FALSE"):
            self.next()
            return Literal(token.word == "TRUE")
        if self.tokens[self.at + 1].text == "(" or token.word in _SHAPES:
            return self.call(token.word)
        self.next()
        return Property(token.text)

    def call(self, function: str) -> Operand:
        if function in _SHAPES:
            return self.wkt()
        if function not in ("DATE", "TIMESTAMP", "INTERVAL", "CASEI", "BBOX"):
            raise fail(f"不支持函数 {self.now.text[:40]}", f"the function {self.now.text[:40]} is not supported", self.now.start + 1)
        self.next()
        self.need("(")
        result: Operand
        if function in ("DATE", "TIMESTAMP"):
            result = Literal(self.moment(function == "DATE"))
        elif function == "INTERVAL":
            start = self.end_of_interval()
            self.need(",")
            result = Period(*read_interval(start, self.end_of_interval()))
        elif function == "BBOX":
            numbers = [self.number()]
            while self.take(","):
                numbers.append(self.number())
            result = Box(tuple(numbers))
        else:
            inner = self.operand()
            if isinstance(inner, Property):
                result = Property(inner.name, True)
            elif isinstance(inner, Literal) and isinstance(inner.value, str):
                result = Literal(inner.value, True)
            else:
                raise fail("CASEI 只用于文本", "CASEI takes text")
        self.need(")")
        return result

    def moment(self, day: bool) -> Moment:
        token = self.now
        if token.kind != "text":
            raise self.unexpected("'…' 时间", "a time in quotes")
        self.next()
        moment = read_moment(_unquote(token.text))
        if moment.day != day:
            raise fail("DATE 应为日期，TIMESTAMP 应为时刻", "DATE takes a date, TIMESTAMP a date-time", token.start + 1)
        return moment

    def end_of_interval(self) -> str:
        """A text, or DATE('…') or TIMESTAMP('…'); a property as an end is not supported."""
        if self.now.kind != "text":
            if not self.take("DATE", "TIMESTAMP"):
                raise self.unexpected("'…' 时间", "a time in quotes")
            self.need("(")
            text = _unquote(self.next().text)
            self.need(")")
            return text
        return _unquote(self.next().text)

    def wkt(self) -> shapely.Geometry:
        """From the name of the shape to its closing bracket."""
        start, depth = self.now.start, 0
        while self.now.kind != "end":
            token = self.next()
            depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "mark" else 0
            if (depth == 0 and token.text == ")") or token.word == "EMPTY":
                return from_wkt(self.text[start : token.end])
        raise self.unexpected(")", ")")


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while match := _TOKEN.match(text, at):
        kind = match.lastgroup or ""
        found.append(_Token(kind, match.group(kind), match.start(kind), match.end()))
        at = match.end()
    rest = text[at:].lstrip()
    if rest:
        where = len(text) - len(rest) + 1
        raise fail(f"无法读取 {rest[:20]!r}", f"cannot read {rest[:20]!r}" + (" (a text lacks its closing quote)" if rest[0] in "'\"" else ""), where)
    # Two ends, so that a look ahead by one never falls off.
    return [*found, _Token("end", "", len(text), len(text)), _Token("end", "", len(text), len(text)), _Token("end", "", len(text), len(text))]


def _unquote(text: str) -> str:
    quote = text[:1]
    return text[1:-1].replace(quote * 2, quote) if quote in ("'", '"') else text


def _number(text: str) -> int | float:
    return float(text) if any(c in text for c in ".eE") else int(text[:40])
