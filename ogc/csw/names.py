"""What the property names of CSW clients stand for, and how their filters become conditions of the reader.

A name counts by its local part, without case: `dc:title`, `apiso:Title` and `Title` are one. What is not here is an unknown property, whether the record has
such a field or not.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import shapely

from catalog.codes import code_list
from catalog.errors import FilterError, UnknownColumnError
from catalog.filters import And, AnyText, Between, Compare, Constant, Expr, In, IsNull, Like, Moment, Not, Or, Spatial, Temporal
from ogc.errors import FilterSyntaxError
from ogc.filters.fes import Target
from ogc.filters.geometries import box_leaf
from ogc.filters.moments import read_moment


def _text(value: str) -> str:
    return value


def _id(value: str) -> str:
    """A record is named by its URN; a bare uuid is taken for one."""
    value = value.strip()
    return f"urn:terrace:{value}" if re.fullmatch(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", value) else value


_TARGETS: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "anytext": ("anytext", _text),
    "title": ("title", _text), "alternative": ("title", _text), "alternatetitle": ("title", _text),
    "abstract": ("summary", _text), "description": ("summary", _text),
    "identifier": ("id", _id), "resourceidentifier": ("id", _id),
    "type": ("kind", _text),
    "subject": ("subject", _text), "keyword": ("keyword", _text), "topiccategory": ("topic", _text),
    "format": ("format", _text),
    "creator": ("org", _text), "publisher": ("org", _text), "contributor": ("org", _text), "organisationname": ("org", _text),
    "modified": ("modified", read_moment), "revisiondate": ("modified", read_moment),
    "date": ("issued", read_moment), "publicationdate": ("issued", read_moment),
    "boundingbox": ("bbox", _text), "envelope": ("bbox", _text), "spatial": ("bbox", _text),
}  # fmt: skip

#: Names as capabilities announce them → the name of the condition; also what ElementName may ask for.
QUERYABLES = {
    "csw:AnyText": "anytext", "dc:title": "title", "dct:alternative": "title", "dct:abstract": "summary", "dc:identifier": "id", "dc:type": "kind",
    "dc:subject": "subject", "dc:format": "format", "dc:creator": "org", "dc:publisher": "org", "dct:modified": "modified", "dc:date": "issued",
    "ows:BoundingBox": "bbox",
}  # fmt: skip
#: Elements that may be asked for by name though no filter takes them.
ELEMENTS = (*QUERYABLES, "dc:source", "dc:language", "dc:relation", "dc:rights", "dct:spatial", "dct:references")
SORTABLE = {"title": "title", "modified": "modified", "issued": "issued"}
#: Condition name → facet, for GetDomain.
DOMAINS = {"kind": "kind", "subject": "theme", "org": "org", "format": "format", "keyword": "keyword"}
IDS = Target("id", _id)


def resolve(name: str) -> Target:
    """The target of a property name.

    Raises:
        UnknownColumnError: there is no such property.
    """
    local = re.split(r"[:/]", name)[-1].lower()
    if local not in _TARGETS:
        raise UnknownColumnError(name[:80])
    return Target(*_TARGETS[local])


def condition(expr: Expr) -> Expr:
    """A tree with clients' names (CQL) or resolved ones (FES) as the reader takes it: full text as `AnyText`, subjects as keywords or themes.

    Raises:
        UnknownColumnError, FilterError: a property does not exist, or an operator does not fit it.
    """
    if isinstance(expr, And | Or):
        return type(expr)(tuple(condition(part) for part in expr.parts))
    if isinstance(expr, Not):
        return Not(condition(expr.part))
    if isinstance(expr, Constant | AnyText):
        return expr
    target = Target(expr.column, _text) if expr.column in _RESOLVED else resolve(expr.column)
    return _leaf(_typed(expr, target), target.name)


#: Properties that are searched by words: → fields of the search; () is all of them.
_WORDS = {"anytext": (), "title": ("title",), "summary": ("summary",)}
_RESOLVED = frozenset(name for name, _ in _TARGETS.values())


def _typed(expr: Any, target: Target) -> Any:
    """Literals of CQL as values of the property (FES has done it already)."""

    def value(each: Any) -> Any:
        return target.value(each) if isinstance(each, str) else each

    if isinstance(expr, Compare):
        return replace(expr, column=target.name, value=value(expr.value))
    if isinstance(expr, Between):
        return replace(expr, column=target.name, low=value(expr.low), high=value(expr.high))
    if isinstance(expr, In):
        return replace(expr, column=target.name, values=tuple(value(each) for each in expr.values))
    return replace(expr, column=target.name)


def _leaf(expr: Compare | Like | Between | In | IsNull | Spatial | Temporal, name: str) -> Expr:
    if (name == "bbox") != isinstance(expr, Spatial):
        raise FilterError(zh="范围只能用空间条件", en="a bounding box takes spatial conditions, and only they do")
    if isinstance(expr, Spatial):
        return _box(expr)
    if name in _WORDS:
        return _words(expr, _WORDS[name])
    if name == "topic":
        return _by_norm(expr)
    if name == "subject":
        return _subject(expr)
    if name in ("modified", "issued"):
        for each in (getattr(expr, part, None) for part in ("value", "low", "high")):
            if each is not None and not isinstance(each, Moment):
                raise FilterSyntaxError(zh="应为日期或时刻", en="a date or date-time is expected")
        return _range(expr) if isinstance(expr, Temporal) else expr
    if isinstance(expr, Like):
        if re.search(r"(?<!\\)[%_]", expr.pattern):
            raise FilterError(zh=f"{name} 是代码，不能用通配符", en=f"{name} is a code: wild cards do not apply")
        return Compare(name, "=", re.sub(r"\\(.)", r"\1", expr.pattern))
    return replace(expr, fold=False) if isinstance(expr, Compare | In) else expr


def _words(expr: Expr, fields: tuple[str, ...]) -> Expr:
    """Texts are found by their words: wild cards are what a search does anyway."""
    if isinstance(expr, Like):
        words = re.sub(r"\\(.)|[%_]", lambda found: found.group(1) or " ", expr.pattern)
    elif isinstance(expr, Compare) and expr.op in ("=", "<>"):
        words = str(expr.value)
    else:
        raise FilterError(zh="文本只能用 LIKE 或等于", en="texts take LIKE or equals")
    found: Expr = AnyText(" ".join(words.split()), fields) if words.strip() else Constant(True)
    return Not(found) if isinstance(expr, Compare) and expr.op == "<>" else found


def _subject(expr: Compare | Like | Between | In | IsNull | Temporal) -> Expr:
    """A subject is a keyword, or a theme by its code or one of its names."""
    if isinstance(expr, Like):
        return _words(expr, ("keywords",))
    values = expr.values if isinstance(expr, In) else (expr.value,) if isinstance(expr, Compare) and expr.op in ("=", "<>") else None
    if values is None:
        raise FilterError(zh="主题词只能判断相等", en="a subject takes equals")
    themes = tuple(code.code for code in code_list("themes") if {code.code, code.zh, code.en} & set(values))
    found = Or((In("keyword", values), In("theme", themes)))
    return Not(found) if isinstance(expr, Compare) and expr.op == "<>" else found


def _box(expr: Spatial) -> Expr:
    """Records are found by their boxes; a box over the antimeridian is two."""
    parts = shapely.get_parts(shapely.from_wkb(expr.geometry))
    boxes = [box_leaf("intersects", "bbox", part.bounds) for part in parts if part.equals(shapely.box(*part.bounds))]
    if expr.op != "intersects" or len(boxes) != len(parts):
        raise FilterError(zh="目录只按矩形范围的相交查询", en="the catalogue is searched by boxes that meet, not by other geometries or relations")
    return boxes[0] if len(boxes) == 1 else Or(tuple(boxes))


def _range(expr: Temporal) -> Expr:
    """Instants of a record against an instant or a period."""
    start, end, name = expr.start, expr.end, expr.column
    if expr.op == "before" and start is not None:
        return Compare(name, "<", start)
    if expr.op == "after" and end is not None:
        return Compare(name, ">", end)
    parts = ([] if start is None else [Compare(name, ">=", start)]) + ([] if end is None else [Compare(name, "<=", end)])
    inside: Expr = And(tuple(parts)) if len(parts) > 1 else parts[0] if parts else Constant(True)
    return Not(inside) if expr.op == "disjoint" else inside


def _by_norm(expr: Expr) -> Expr:
    """ISO topic categories are how that norm calls our themes."""
    if not isinstance(expr, Compare) or expr.op != "=":
        raise FilterError(zh="主题类别只能判断相等", en="a topic category takes equals")
    return In("theme", tuple(code.code for code in code_list("themes") if expr.value in code.other.get("iso", "").split()))
