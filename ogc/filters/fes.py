"""FES 1.1 (ogc:Filter) and 2.0 (fes:Filter) into the tree of `catalog.filters`.

Read are: And, Or, Not; the comparisons, PropertyIsLike, PropertyIsNull, PropertyIsBetween; BBOX and the spatial operators with GML 3.1 or 3.2; After,
Before, During, TEquals of FES 2.0; FeatureId, GmlObjectId and ResourceId. Tags are matched by local name, so that both versions and the mixtures that clients
send are read alike. Values are text in FES; `resolve` knows what the property holds and turns them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lxml import etree

from catalog.filters import And, Between, Compare, Expr, In, IsNull, Like, Not, Operator, Or, Temporal, check_size
from ogc import crs
from ogc.errors import FilterSyntaxError
from ogc.filters.build import MIRRORED
from ogc.filters.geometries import SpatialOp, box_leaf, from_gml, read_box
from ogc.filters.moments import read_interval

MAX_DEPTH = 30
_COMPARISONS: dict[str, Operator] = {
    "PropertyIsEqualTo": "=", "PropertyIsNotEqualTo": "<>", "PropertyIsLessThan": "<", "PropertyIsGreaterThan": ">",
    "PropertyIsLessThanOrEqualTo": "<=", "PropertyIsGreaterThanOrEqualTo": ">=",
    "PropertyIsLessThanEqualTo": "<=", "PropertyIsGreaterThanEqualTo": ">=",
}  # fmt: skip
_SPATIAL: dict[str, SpatialOp] = {
    "Intersects": "intersects", "Within": "within", "Contains": "contains", "Disjoint": "disjoint", "Equals": "equals", "Touches": "touches",
    "Crosses": "crosses", "Overlaps": "overlaps",
}  # fmt: skip
_TEMPORAL = {"After": "after", "Before": "before", "During": "during", "TEquals": "equals"}
_NAMES = ("PropertyName", "ValueReference")


@dataclass(frozen=True)
class Target:
    """What a property name of a client stands for.

    Attributes:
        name: the column's name in the tree.
        value: turns the text of a literal into a value for this column; may raise FilterSyntaxError.
    """

    name: str
    value: Callable[[str], Any]


type Resolve = Callable[[str], Target]


def parse(element: "etree._Element", resolve: Resolve, ids: Target) -> Expr:
    """Reads a Filter element.

    Args:
        element: `ogc:Filter` or `fes:Filter`.
        resolve: knows the properties; raises UnknownColumnError for others.
        ids: what FeatureId and ResourceId compare with.
    Raises:
        FilterSyntaxError, FilterError: it cannot be read or applied.
    """
    return check_size(_Reader(resolve, ids).all_of(_children(element), 1))


def parse_text(text: str, resolve: Resolve, ids: Target) -> Expr:
    """Reads a filter that came as text (KVP): no DTD, no entities, no network."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return parse(etree.fromstring(text.encode(), parser), resolve, ids)
    except etree.XMLSyntaxError as error:
        raise _fail(f"过滤条件不是 XML：{error}", f"the filter is not XML: {error}") from None


def _fail(zh: str, en: str) -> FilterSyntaxError:
    return FilterSyntaxError(zh=zh, en=en)


def _children(element: "etree._Element") -> list["etree._Element"]:
    return [child for child in element if isinstance(child.tag, str)]


def _local(element: "etree._Element") -> str:
    return etree.QName(element).localname


class _Reader:
    def __init__(self, resolve: Resolve, ids: Target) -> None:
        self.resolve = resolve
        self.ids = ids

    def all_of(self, elements: list["etree._Element"], depth: int) -> Expr:
        """Several conditions side by side: identifiers are alternatives, anything else must hold together."""
        identifiers = [e for e in elements if _local(e) in ("FeatureId", "GmlObjectId", "ResourceId")]
        parts = [self.one(e, depth) for e in elements if e not in identifiers]
        if identifiers:
            parts.append(In(self.ids.name, tuple(self.ids.value(_identifier(e)) for e in identifiers)))
        if not parts:
            raise _fail("过滤条件为空", "the filter is empty")
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def one(self, element: "etree._Element", depth: int) -> Expr:
        if depth > MAX_DEPTH:
            raise _fail("嵌套过深", "the filter is nested too deeply")
        name = _local(element)
        if name in ("And", "Or"):
            parts = tuple(self.one(child, depth + 1) for child in _children(element))
            if len(parts) < 2:
                raise _fail(f"{name} 至少要两个条件", f"{name} takes at least two conditions")
            return And(parts) if name == "And" else Or(parts)
        if name == "Not":
            return Not(self.all_of(_children(element), depth + 1))
        if name in _COMPARISONS:
            return self.comparison(element, _COMPARISONS[name])
        handlers = {"PropertyIsLike": self.like, "PropertyIsNull": self.null, "PropertyIsNil": self.null, "PropertyIsBetween": self.between, "BBOX": self.bbox}
        if name in handlers:
            return handlers[name](element)
        if name in _SPATIAL:
            return self.spatial(element, _SPATIAL[name])
        if name in _TEMPORAL:
            return self.temporal(element, _TEMPORAL[name])
        raise _fail(f"不支持 {name}", f"{name} is not supported")

    # --- operands ---

    def target(self, element: "etree._Element") -> Target:
        for child in _children(element):
            if _local(child) in _NAMES:
                return self.resolve((child.text or "").strip())
        raise _fail(f"{_local(element)} 缺少 PropertyName", f"{_local(element)} lacks a PropertyName")

    def comparison(self, element: "etree._Element", op: Operator) -> Expr:
        operands = _children(element)
        if len(operands) != 2:
            raise _fail("比较应有两个操作数", "a comparison takes two operands")
        target = self.target(element)
        value = target.value(_literal(element))
        fold = element.get("matchCase") == "false"
        return Compare(target.name, MIRRORED[op] if _local(operands[1]) in _NAMES else op, value, fold and isinstance(value, str))

    def like(self, element: "etree._Element") -> Expr:
        """Wild cards are attributes; the norm's examples use `%`, `*`, `#` and more. Without them, `%`, `_` and a backslash."""
        marks = {element.get("wildCard", "%"): "%", element.get("singleChar", "_"): "_"}
        escape = element.get("escapeChar") or element.get("escape") or "\\"
        if any(len(mark) != 1 for mark in (*marks, escape)):
            raise _fail("通配符应为一个字符", "wildCard, singleChar and escapeChar are one character each")
        pattern, text, at = "", _literal(element), 0
        while at < len(text):
            character = text[at]
            if character == escape and at + 1 < len(text):
                at += 1
                pattern += _quoted(text[at])
            else:
                pattern += marks.get(character) or _quoted(character)
            at += 1
        # CSW catalogues match titles without case unless the client says otherwise (FES 1.1: matchCase is true by default, but no client expects it here).
        return Like(self.target(element).name, pattern, fold=element.get("matchCase") != "true")

    def null(self, element: "etree._Element") -> Expr:
        return IsNull(self.target(element).name)

    def between(self, element: "etree._Element") -> Expr:
        target = self.target(element)
        bounds = {_local(child): child for child in _children(element)}
        if "LowerBoundary" not in bounds or "UpperBoundary" not in bounds:
            raise _fail("PropertyIsBetween 缺少上下界", "PropertyIsBetween lacks a boundary")
        low, high = (_literal(bounds[name]) for name in ("LowerBoundary", "UpperBoundary"))
        return Between(target.name, target.value(low), target.value(high))

    def bbox(self, element: "etree._Element") -> Expr:
        names = [child for child in _children(element) if _local(child) in _NAMES]
        column = self.resolve((names[0].text or "").strip()).name if names else self.resolve("ows:BoundingBox").name
        shapes = [child for child in _children(element) if _local(child) not in _NAMES]
        if len(shapes) != 1:
            raise _fail("BBOX 应有一个 Envelope", "BBOX takes one Envelope")
        return from_gml(shapes[0], "intersects", column)

    def spatial(self, element: "etree._Element", op: SpatialOp) -> Expr:
        target = self.target(element)
        shapes = [child for child in _children(element) if _local(child) not in _NAMES]
        if len(shapes) != 1:
            raise _fail(f"{_local(element)} 应有一个几何", f"{_local(element)} takes one geometry")
        return from_gml(shapes[0], op, target.name)

    def temporal(self, element: "etree._Element", op: Any) -> Expr:
        target = self.target(element)
        times = [
            (child.text or "").strip()
            for child in element.iter()
            if isinstance(child.tag, str) and _local(child) in ("timePosition", "beginPosition", "endPosition", "Literal") and (child.text or "").strip()
        ]
        if len(times) not in (1, 2):
            raise _fail("时间条件应有一个时刻或一个时段", "a temporal condition takes an instant or a period")
        start, end = read_interval(times[0], times[-1])
        return Temporal(op, target.name, start, end)


def _identifier(element: "etree._Element") -> str:
    for name, value in element.attrib.items():
        if etree.QName(name).localname in ("fid", "id", "rid"):
            return str(value)
    raise _fail("标识条件缺少 id", "an identifier condition lacks its id")


def _literal(element: "etree._Element") -> str:
    for child in element.iter():
        if isinstance(child.tag, str) and _local(child) == "Literal":
            if len(child):
                raise _fail("Literal 应为文本", "a Literal is text")
            return child.text or ""
    raise _fail(f"{_local(element)} 缺少 Literal", f"{_local(element)} lacks a Literal")


def _quoted(character: str) -> str:
    return f"\\{character}" if character in "%_\\" else character


_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def number(text: str) -> int | float:
    """A literal for a number column."""
    if not _NUMBER.fullmatch(text.strip()):
        raise _fail(f"{text[:40]!r} 不是数", f"{text[:40]!r} is not a number")
    return float(text) if any(c in text for c in ".eE") else int(text)


def kvp_box(text: str, column: str) -> Expr:
    """The `bbox` parameter of CSW 3.0 and OpenSearch: west, south, east, north[, crs]."""
    words = text.split(",")
    reference = crs.Reference()
    if len(words) in (5, 7):
        reference = crs.read_reference(words.pop())
    try:
        return box_leaf("intersects", column, read_box([float(word) for word in words], reference))
    except ValueError:
        raise _fail("bbox 应为数", "bbox takes numbers") from None
