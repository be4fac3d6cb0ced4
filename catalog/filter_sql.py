"""User filters as SQL.

`compile_where` sees only the columns that it is given, and these are the disclosed ones of the inner query (project, then filter). Negation is pushed
into the atoms (two rails: "surely true" and "surely false"), so that the clause is monotone and NULL equals false on both engines.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Literal
from unicodedata import normalize

from sqlalchemy import Boolean, ColumnElement, Text, and_, false, literal, or_, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from catalog.errors import FilterError, UnknownColumnError
from catalog.filters import And, AnyText, Between, Compare, Constant, Expr, In, IsNull, Like, Moment, Not, Operator, Or, Spatial, Temporal, Value, check_size

MAX_PATTERN = 400
MAX_WILDCARDS = 8
#: What a SQLite or PostgreSQL integer can hold.
_INT64 = 2**63 - 1


type Kind = Literal["text", "integer", "number", "boolean", "date", "datetime"]


@dataclass(frozen=True)
class FilterColumn:
    """One disclosed column that a filter may name.

    `element` is the column of the *projection*; a date is stored as `YYYY-MM-DD` text and a datetime as UTC seconds unless `bind` says otherwise
    (it gets the checked value: str, int, float, bool or Moment).
    """

    element: ColumnElement[Any]
    kind: Kind
    bind: Callable[[Value], Any] | None = None


@dataclass(frozen=True)
class FilterColumns:
    """What a filter may use.

    `spatial(leaf, truth)` and `text(leaf, truth)` return the clause that is true exactly where the leaf is surely `truth`; None: not available.
    """

    scalars: Mapping[str, FilterColumn]
    spatial: Callable[[Spatial, bool], ColumnElement[bool]] | None = None
    text: Callable[[AnyText, bool], ColumnElement[bool]] | None = None
    geometry_names: frozenset[str] = field(default=frozenset({"geometry"}))

    def column(self, name: str) -> FilterColumn:
        try:
            return self.scalars[name]
        except KeyError:
            raise UnknownColumnError(name) from None


def compile_where(expr: Expr, columns: FilterColumns) -> ColumnElement[bool]:
    """Returns the clause that is true where `expr` is surely true.

    Raises:
        UnknownColumnError: a column is not among `columns`.
        FilterError: a value does not fit its column, or the tree is too large.
    """
    return _rail(check_size(expr), columns, True)


def _rail(expr: Expr, columns: FilterColumns, truth: bool) -> ColumnElement[bool]:
    """The clause for "surely true" or, when not `truth`, "surely false"."""
    match expr:
        case Not(part):
            return _rail(part, columns, not truth)
        case And(parts) | Or(parts):
            clauses = [_rail(part, columns, truth) for part in parts]
            return and_(true(), *clauses) if isinstance(expr, And) == truth else or_(false(), *clauses)
        case Constant(value):
            return true() if value == truth else false()
        case Spatial():
            if columns.spatial is None or expr.column not in columns.geometry_names:
                raise UnknownColumnError(expr.column)
            return columns.spatial(expr, truth)
        case AnyText():
            if columns.text is None:
                raise FilterError(zh="此处不支持全文检索", en="full-text search is not available here")
            return columns.text(expr, truth)
        case IsNull(name):
            element = columns.column(name).element
            return element.is_(None) if truth else element.is_not(None)
        case Temporal():
            return _temporal(expr, columns.column(expr.column), truth)
    return _scalar(expr, columns.column(expr.column), truth)


_OPPOSITE: dict[Operator, Operator] = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def _scalar(expr: Compare | Like | Between | In, column: FilterColumn, truth: bool) -> ColumnElement[bool]:
    match expr:
        case Compare(name, op, value, fold_):
            if isinstance(value, Moment) and value.day and column.kind == "datetime":
                return _day_compare(column, op if truth else _OPPOSITE[op], value)
            element, bound = _pair(column, name, value, fold_)
            if isinstance(value, bool) and op not in ("=", "<>"):
                raise FilterError(zh=f"字段 {name!r} 只能判断是否相等", en=f"column {name!r} is boolean: only = and <> apply")
            return _operate(element, op if truth else _OPPOSITE[op], bound)
        case Between(name, low, high):
            if truth:
                return and_(_scalar(Compare(name, ">=", low), column, True), _scalar(Compare(name, "<=", high), column, True))
            return or_(_scalar(Compare(name, "<", low), column, True), _scalar(Compare(name, ">", high), column, True))
        case In(name, values, fold_):
            equal = [_scalar(Compare(name, "=", value, fold_), column, truth) for value in values] if any(isinstance(v, Moment) for v in values) else None
            if equal is not None:
                return or_(false(), *equal) if truth else and_(true(), *equal)
            if not values:
                return false() if truth else column.element.is_not(None)
            pairs = [_pair(column, name, value, fold_) for value in values]
            return pairs[0][0].in_([bound for _, bound in pairs]) if truth else pairs[0][0].not_in([bound for _, bound in pairs])
        case Like(name, pattern, fold_):
            if column.kind != "text":
                raise FilterError(zh=f"字段 {name!r} 不是文本，不能用 LIKE", en=f"column {name!r} is {column.kind}: LIKE applies to text")
            clause = _like(column.element, _text(name, pattern), fold_)
            return clause if truth else ~clause


def _operate(element: ColumnElement[Any], op: Operator, bound: Any) -> ColumnElement[bool]:
    compare = {"=": element.__eq__, "<>": element.__ne__, "<": element.__lt__, "<=": element.__le__, ">": element.__gt__, ">=": element.__ge__}[op]
    return compare(bound)


def _day_compare(column: FilterColumn, op: Operator, day: Moment) -> ColumnElement[bool]:
    """A date against an instant column: the whole day counts."""
    first, last = _bind(column, Moment(day.seconds)), _bind(column, Moment(day.end))
    if op == "=":
        return column.element.between(first, last)
    if op == "<>":
        return or_(column.element < first, column.element > last)
    return _operate(column.element, op, last if op in ("<=", ">") else first)


def _temporal(expr: Temporal, column: FilterColumn, truth: bool) -> ColumnElement[bool]:
    if column.kind not in ("date", "datetime"):
        raise FilterError(zh=f"字段 {expr.column!r} 不是时间", en=f"column {expr.column!r} is {column.kind}, not a time")
    element, whole = column.element, column.kind == "datetime"
    start = None if expr.start is None else _bind(column, Moment(expr.start.seconds, not whole))
    end = None if expr.end is None else _bind(column, Moment(expr.end.end if whole else expr.end.seconds, not whole))
    #: A column without a value is in none of these.
    present, absent = element.is_not(None), false()
    before = absent if start is None else element < start
    after = absent if end is None else element > end
    inside = and_(present, true() if start is None else element >= start, true() if end is None else element <= end)
    match expr.op:
        case "before":
            return before if truth else present if start is None else element >= start
        case "after":
            return after if truth else present if end is None else element <= end
        case "during":
            if truth:
                return and_(present, true() if start is None else element > start, true() if end is None else element < end)
            return or_(absent, absent if start is None else element <= start, absent if end is None else element >= end)
        case "equals" if expr.start is None or expr.start != expr.end:
            return absent if truth else present  # an instant never equals an interval that is longer
        case "disjoint":
            truth = not truth
    return inside if truth else or_(before, after)


def _pair(column: FilterColumn, name: str, value: Value, fold_: bool) -> tuple[ColumnElement[Any], Any]:
    """The column and the bound value, checked against each other."""
    kind = column.kind
    fits = {
        "text": isinstance(value, str),
        "integer": isinstance(value, int | float) and not isinstance(value, bool),
        "number": isinstance(value, int | float) and not isinstance(value, bool),
        "boolean": isinstance(value, bool),
        "date": isinstance(value, Moment),
        "datetime": isinstance(value, Moment),
    }[kind]
    if not fits:
        zh, en = f"字段 {name!r} 的类型是 {kind}，值 {value!r} 不符", f"column {name!r} is {kind}; the value {value!r} does not fit (quote text, not numbers)"
        raise FilterError(zh=zh, en=en)
    if isinstance(value, int | float) and not (isfinite(value) and abs(value) <= _INT64):
        raise FilterError(zh=f"数值 {value!r} 超出范围", en=f"the number {value!r} is out of range")
    if isinstance(value, str):
        value = _text(name, value)
    if fold_ and isinstance(value, str):
        return AsciiLower(column.element), _ascii_lower(value)
    return column.element, _bind(column, value)


def _bind(column: FilterColumn, value: Value) -> Any:
    if column.bind is not None:
        return column.bind(value)
    if not isinstance(value, Moment):
        return value
    return day_text(value.seconds) if column.kind == "date" else value.seconds


def day_text(seconds: int) -> str:
    """`YYYY-MM-DD` of a UTC time, also before 1970 and for the first years."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%d").rjust(10, "0")


def _text(name: str, value: str) -> str:
    """NFC, and nothing that an engine refuses to store."""
    if "\x00" in value or any(0xD800 <= ord(c) <= 0xDFFF for c in value):
        raise FilterError(zh=f"字段 {name!r} 的值含非法字符", en=f"the value for {name!r} contains characters that text cannot hold")
    return normalize("NFC", value)


def _ascii_lower(value: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in value)


# --- LIKE, the same on both engines ----------------------------------------------------------------------------------------------------
# SQLite's LIKE ignores ASCII case and PostgreSQL's keeps it, so SQLite gets GLOB, which keeps it.


class AsciiLower(FunctionElement[str]):
    """Lower case of A–Z alone: PostgreSQL's lower() would otherwise follow the database's locale."""

    type = Text()
    name = "ascii_lower"
    inherit_cache = True


class PatternMatch(FunctionElement[bool]):
    """(text, LIKE pattern with `\\` as escape, the same as a GLOB pattern)."""

    type = Boolean()
    name = "pattern_match"
    inherit_cache = True


@compiles(AsciiLower)
def _lower_postgresql(element: AsciiLower, compiler: Any, **kw: Any) -> str:
    return f'lower(({compiler.process(element.clauses, **kw)}) COLLATE "C")'


@compiles(AsciiLower, "sqlite")
def _lower_sqlite(element: AsciiLower, compiler: Any, **kw: Any) -> str:
    return f"lower({compiler.process(element.clauses, **kw)})"


@compiles(PatternMatch)
def _match_postgresql(element: PatternMatch, compiler: Any, **kw: Any) -> str:
    text, like, _ = list(element.clauses)
    return f"({compiler.process(text, **kw)} LIKE {compiler.process(like, **kw)} ESCAPE '\\')"


@compiles(PatternMatch, "sqlite")
def _match_sqlite(element: PatternMatch, compiler: Any, **kw: Any) -> str:
    text, _, glob = list(element.clauses)
    return f"({compiler.process(text, **kw)} GLOB {compiler.process(glob, **kw)})"


def _like(element: ColumnElement[Any], pattern: str, fold_: bool) -> ColumnElement[bool]:
    if fold_:
        element, pattern = AsciiLower(element), _ascii_lower(pattern)
    like, glob = [], []
    for piece in _pieces(pattern):
        if piece in ("%", "_"):
            like.append(piece)
            glob.append("*" if piece == "%" else "?")
        else:
            character = piece[-1]
            like.append(f"\\{character}" if character in "%_\\" else character)
            glob.append(f"[{character}]" if character in "*?[" else character)
    return PatternMatch(element, literal("".join(like), Text()), literal("".join(glob), Text()))


def _pieces(pattern: str) -> list[str]:
    """`%`, `_`, or one literal character (with its backslash); runs of `%` become one, since they only cost time."""
    if len(pattern) > MAX_PATTERN:
        raise FilterError(zh="LIKE 模式过长", en=f"the LIKE pattern is longer than {MAX_PATTERN} characters")
    pieces: list[str] = []
    i = 0
    while i < len(pattern):
        piece = pattern[i : i + 2] if pattern[i] == "\\" and i + 1 < len(pattern) else pattern[i]
        i += len(piece)
        if piece == "\\":
            piece = "\\\\"
        if not (piece == "%" and pieces and pieces[-1] == "%"):
            pieces.append(piece)
    if pieces.count("%") > MAX_WILDCARDS:
        raise FilterError(zh="LIKE 模式中的通配符过多", en=f"the LIKE pattern has more than {MAX_WILDCARDS} wildcards %")
    return pieces
