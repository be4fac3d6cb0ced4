"""What the CQL2 parsers share: operands, and the rules by which two operands and an operator become a leaf."""

from dataclasses import dataclass
from typing import Any

import shapely

from catalog.filters import Between, Compare, Expr, In, Like, Moment, Operator, Temporal, Value
from ogc import crs
from ogc.errors import FilterSyntaxError
from ogc.filters.geometries import SWAPPED, SpatialOp, box_leaf, geometry_leaf, read_box


@dataclass(frozen=True)
class Property:
    name: str
    fold: bool = False


@dataclass(frozen=True)
class Literal:
    value: Value
    fold: bool = False


@dataclass(frozen=True)
class Period:
    start: Moment | None
    end: Moment | None


@dataclass(frozen=True)
class Box:
    numbers: tuple[float, ...]


type Operand = Property | Literal | Period | Box | shapely.Geometry

MIRRORED: dict[Operator, Operator] = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

#: CQL2 spatial and temporal functions, without the prefix and in lower case.
SPATIAL: dict[str, SpatialOp] = {
    "intersects": "intersects",
    "within": "within",
    "contains": "contains",
    "disjoint": "disjoint",
    "equals": "equals",
    "touches": "touches",
    "crosses": "crosses",
    "overlaps": "overlaps",
}
#: For an instant column and an interval (or instant) literal. The relations between two intervals that an instant cannot have are left out.
TEMPORAL = {name: name for name in ("after", "before", "during", "intersects", "disjoint", "equals")}
#: What a relation becomes when the literal comes first: `T_AFTER(literal, column)` says that the column is before.
TEMPORAL_SWAPPED = {"after": "before", "before": "after", "contains": "during", "intersects": "intersects", "disjoint": "disjoint", "equals": "equals"}


def fail(zh: str, en: str, at: int | None = None) -> FilterSyntaxError:
    return FilterSyntaxError(zh=zh, en=en, at=at)


def _one_property(left: Operand, right: Operand) -> tuple[Property, Operand, bool]:
    """The property, the other operand, and whether they came the other way round."""
    if isinstance(left, Property) and not isinstance(right, Property):
        return left, right, False
    if isinstance(right, Property) and not isinstance(left, Property):
        return right, left, True
    raise fail("比较的一边应是字段，另一边应是值", "one side must be a property and the other a value (two properties are not compared)")


def comparison(left: Operand, op: Operator, right: Operand) -> Expr:
    column, other, swapped = _one_property(left, right)
    if not isinstance(other, Literal):
        raise fail("此处应为值", "a value is expected here")
    return Compare(column.name, MIRRORED[op] if swapped else op, other.value, column.fold or other.fold)


def like(left: Operand, pattern: Operand) -> Expr:
    if not isinstance(left, Property) or not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
        raise fail("LIKE 的左边应是字段，右边应是文本", "LIKE takes a property and a text pattern")
    return Like(left.name, pattern.value, left.fold or pattern.fold)


def between(left: Operand, low: Operand, high: Operand) -> Expr:
    if not isinstance(left, Property) or not isinstance(low, Literal) or not isinstance(high, Literal):
        raise fail("BETWEEN 应为：字段 BETWEEN 值 AND 值", "BETWEEN takes a property and two values")
    return Between(left.name, low.value, high.value)


def membership(left: Operand, values: list[Operand]) -> Expr:
    literals = [value for value in values if isinstance(value, Literal)]
    if not isinstance(left, Property) or len(literals) != len(values):
        raise fail("IN 应为：字段 IN (值, …)", "IN takes a property and values")
    return In(left.name, tuple(literal.value for literal in literals), left.fold or any(literal.fold for literal in literals))


def spatial(name: str, left: Operand, right: Operand, reference: crs.Reference) -> Expr:
    op = SPATIAL[name]
    column, other, swapped = _one_property(left, right)
    if swapped:
        op = SWAPPED.get(op, op)
    if isinstance(other, Box):
        return box_leaf(op, column.name, read_box(list(other.numbers), reference))
    if isinstance(other, shapely.Geometry):
        return geometry_leaf(op, column.name, other, reference)
    raise fail("此处应为几何", "a geometry is expected here")


def temporal(name: str, left: Operand, right: Operand) -> Expr:
    column, other, swapped = _one_property(left, right)
    op: Any = (TEMPORAL_SWAPPED if swapped else TEMPORAL).get(name)
    if not op:
        raise fail(f"T_{name.upper()} 不适用于时刻字段", f"T_{name.upper()} does not apply to an instant column")
    if isinstance(other, Period):
        return Temporal(op, column.name, other.start, other.end)
    if isinstance(other, Literal) and isinstance(other.value, Moment):
        return Temporal(op, column.name, other.value, other.value)
    raise fail("此处应为 DATE、TIMESTAMP 或 INTERVAL", "a DATE, TIMESTAMP or INTERVAL is expected here")
