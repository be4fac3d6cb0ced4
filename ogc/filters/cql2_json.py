"""CQL2 JSON (OGC 21-065) into the tree of `catalog.filters`: the same subset as `cql2_text`."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson

from catalog.filters import And, Constant, Expr, IsNull, Not, Operator, Or, check_size
from ogc import crs
from ogc.filters import build
from ogc.filters.build import Box, Literal, Operand, Period, Property, fail
from ogc.filters.geometries import from_geojson
from ogc.filters.moments import read_interval, read_moment

MAX_BYTES = 200_000
MAX_DEPTH = 30
_COMPARISONS: dict[str, Operator] = {"=": "=", "<>": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


@lru_cache(maxsize=64)
def parse(data: str, reference: crs.Reference | None = None) -> Expr:
    """Parses a filter; see `cql2_text.parse`.

    Raises:
        FilterSyntaxError, FilterError: it cannot be read or is too large.
    """
    if len(data) > MAX_BYTES:
        raise fail("过滤条件过大", f"the filter is longer than {MAX_BYTES} bytes")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise fail(f"不是 JSON：{error}", f"not JSON: {error}") from None
    return check_size(_Reader(reference or crs.Reference()).expression(value, 1))


class _Reader:
    def __init__(self, reference: crs.Reference) -> None:
        self.reference = reference

    def expression(self, value: Any, depth: int) -> Expr:
        if depth > MAX_DEPTH:
            raise fail("嵌套过深", "the filter is nested too deeply")
        if isinstance(value, bool):
            return Constant(value)
        op, args = _call(value)
        if op in ("and", "or"):
            if len(args) < 2:
                raise fail(f"{op} 至少要两个条件", f"{op} takes at least two conditions")
            parts = tuple(self.expression(arg, depth + 1) for arg in args)
            return And(parts) if op == "and" else Or(parts)
        if op == "not":
            return Not(self.expression(_exactly(op, args, 1)[0], depth + 1))
        return self.predicate(op, args)

    def predicate(self, op: str, args: list[Any]) -> Expr:
        handlers: dict[str, Callable[[], Expr]] = {
            "isNull": lambda: IsNull(self.column(_exactly(op, args, 1)[0]).name),
            "like": lambda: build.like(*self.operands(op, args, 2)),
            "between": lambda: build.between(*self.operands(op, args, 3)),
            "in": lambda: self.membership(args),
        }
        if op in _COMPARISONS:
            left, right = self.operands(op, args, 2)
            return build.comparison(left, _COMPARISONS[op], right)
        if op in handlers:
            return handlers[op]()
        prefix, _, name = op.partition("_")
        if prefix == "s" and name in build.SPATIAL:
            left, right = self.operands(op, args, 2)
            return build.spatial(name, left, right, self.reference)
        if prefix == "t" and name:
            left, right = self.operands(op, args, 2)
            return build.temporal(name.lower(), left, right)
        raise fail(f"不支持运算 {op[:40]!r}", f"the operation {op[:40]!r} is not supported")

    def membership(self, args: list[Any]) -> Expr:
        column, values = _exactly("in", args, 2)
        if not isinstance(values, list):
            raise fail("in 的第二个参数应为列表", "in takes a list of values")
        return build.membership(self.operand(column), [self.operand(value) for value in values])

    def operands(self, op: str, args: list[Any], count: int) -> Any:
        return [self.operand(arg) for arg in _exactly(op, args, count)]

    def column(self, value: Any) -> Property:
        operand = self.operand(value)
        if not isinstance(operand, Property):
            raise fail("此处应为字段", "a property is expected here")
        return operand

    def operand(self, value: Any) -> Operand:
        if isinstance(value, str | bool | int | float):
            return Literal(value)
        if not isinstance(value, dict):
            raise fail("此处应为字段或值", "a property or a value is expected here")
        if "property" in value and isinstance(value["property"], str):
            return Property(value["property"])
        if "op" in value:
            return self.casei(value)
        for key in ("date", "timestamp"):
            if isinstance(value.get(key), str):
                moment = read_moment(value[key])
                if moment.day != (key == "date"):
                    raise fail("date 应为日期，timestamp 应为时刻", "date takes a date, timestamp a date-time")
                return Literal(moment)
        if isinstance(value.get("interval"), list):
            ends = _exactly("interval", value["interval"], 2)
            return Period(*read_interval(*(_end(end) for end in ends)))
        if isinstance(value.get("bbox"), list):
            return Box(tuple(float(n) for n in value["bbox"] if isinstance(n, int | float) and not isinstance(n, bool)))
        if "type" in value:
            return from_geojson(value)
        raise fail("无法读取的值", "a value that cannot be read: " + str(sorted(map(str, value)))[:80])

    def casei(self, value: dict[str, Any]) -> Operand:
        op, args = _call(value)
        if op != "casei":
            raise fail(f"不支持函数 {op[:40]!r}", f"the function {op[:40]!r} is not supported")
        inner = self.operand(_exactly(op, args, 1)[0])
        if isinstance(inner, Property):
            return Property(inner.name, True)
        if isinstance(inner, Literal) and isinstance(inner.value, str):
            return Literal(inner.value, True)
        raise fail("casei 只用于文本", "casei takes text")


def _call(value: Any) -> tuple[str, list[Any]]:
    if not isinstance(value, dict) or not isinstance(value.get("op"), str) or not isinstance(value.get("args"), list):
        raise fail("条件应为 {op, args}", 'a condition is {"op": …, "args": […]}')
    return value["op"], value["args"]


def _exactly(op: str, args: list[Any], count: int) -> list[Any]:
    if len(args) != count:
        raise fail(f"{op} 应有 {count} 个参数", f"{op} takes {count} arguments")
    return args


def _end(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("date", value.get("timestamp"))
    if not isinstance(value, str):
        raise fail("区间的端点应为时间", "the ends of an interval are times")
    return value
