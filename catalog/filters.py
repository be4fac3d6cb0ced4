"""User filters as a plain tree.

CQL2 (text and JSON), FES 1.1 and the property parameters of OGC API Features are all parsed (`ogc/filters/`) into this tree; `catalog.reader` takes it as
`where` (rows) and `condition` (records). It says what a *user* looks for and has nothing to do with policy. Rules:

* Project, then filter: a filter is applied to what is disclosed (`catalog.filter_sql` for rows, `fold` for sets of records). A column that is hidden
  and one that does not exist fail with the same words.
* Three values: a comparison with an absent value is neither true nor false.
* Text compares by bytes (NFC), LIKE keeps case, `fold=True` ignores the case of A–Z only: the same on both engines.
* A tree is bounded in depth and size when it is built by a parser (`check_size`), so that no filter can exhaust the stack or the engine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, Self

from catalog.errors import FilterError

MAX_DEPTH = 40
MAX_NODES = 600


@dataclass(frozen=True)
class Moment:
    """A point in time (UTC seconds), or, when `day`, the whole UTC day that starts there."""

    seconds: int
    day: bool = False

    @property
    def end(self) -> int:
        """Last second that belongs to it."""
        return self.seconds + 86_399 if self.day else self.seconds


type Value = str | int | float | bool | Moment
type Operator = Literal["=", "<>", "<", "<=", ">", ">="]


@dataclass(frozen=True)
class And:
    parts: tuple["Expr", ...]


@dataclass(frozen=True)
class Or:
    parts: tuple["Expr", ...]


@dataclass(frozen=True)
class Not:
    part: "Expr"


@dataclass(frozen=True)
class Constant:
    value: bool


@dataclass(frozen=True)
class Compare:
    """`fold` compares without case (ASCII); only `=` and `<>` take it."""

    column: str
    op: Operator
    value: Value
    fold: bool = False


@dataclass(frozen=True)
class Like:
    """`pattern`: `%` any text, `_` one character, `\\` takes the next one literally."""

    column: str
    pattern: str
    fold: bool = False


@dataclass(frozen=True)
class Between:
    column: str
    low: Value
    high: Value


@dataclass(frozen=True)
class In:
    column: str
    values: tuple[Value, ...]
    fold: bool = False


@dataclass(frozen=True)
class IsNull:
    column: str


@dataclass(frozen=True)
class Spatial:
    """How the geometry in `column` lies to a given one.

    `geometry` is WKB in CRS84 (longitude, latitude), `box` its west, south, east, north in degrees; `is_box`: the geometry *is* its box.
    """

    op: Literal["intersects", "within", "contains", "disjoint", "equals", "touches", "crosses", "overlaps"]
    column: str
    geometry: bytes
    box: tuple[float, float, float, float]
    is_box: bool = False


@dataclass(frozen=True)
class Temporal:
    """How an instant column lies to the closed interval [start, end]; an end that is None is open. `during` excludes both ends."""

    op: Literal["after", "before", "during", "intersects", "disjoint", "equals"]
    column: str
    start: Moment | None
    end: Moment | None


@dataclass(frozen=True)
class AnyText:
    """Full-text search: the words of `text` anywhere in what the actor may read, or in one of `fields` (title, keywords, summary; or
    `beginnings` alone: words of title and slug that begin so). Records only."""

    text: str
    fields: tuple[str, ...] = ()


type Leaf = Constant | Compare | Like | Between | In | IsNull | Spatial | Temporal | AnyText
type Expr = And | Or | Not | Leaf


def check_size(expr: Expr) -> Expr:
    """Returns `expr` if it is no deeper than MAX_DEPTH and no larger than MAX_NODES.

    Raises:
        FilterError: it is larger; nothing of it was evaluated.
    """
    nodes, stack = 0, [(expr, 1)]
    while stack:
        node, depth = stack.pop()
        nodes += len(node.values) if isinstance(node, In) else 1
        if depth > MAX_DEPTH or nodes > MAX_NODES:
            raise FilterError(zh="过滤条件过于复杂，请拆分", en=f"the filter is too complex (at most {MAX_NODES} terms, {MAX_DEPTH} levels): split it")
        if isinstance(node, And | Or):
            stack.extend((part, depth + 1) for part in node.parts)
        elif isinstance(node, Not):
            stack.append((node.part, depth + 1))
    return expr


def leaves(expr: Expr) -> list[Leaf]:
    """Every leaf of the tree, left to right."""
    if isinstance(expr, And | Or):
        return [leaf for part in expr.parts for leaf in leaves(part)]
    return leaves(expr.part) if isinstance(expr, Not) else [expr]


def conjuncts(expr: Expr | None) -> list[Expr]:
    """The parts that must all hold: what a reader may push down one by one."""
    if expr is None:
        return []
    return [each for part in expr.parts for each in conjuncts(part)] if isinstance(expr, And) else [expr]


class SetLike(Protocol):
    def __and__(self, other: Self, /) -> Self: ...
    def __or__(self, other: Self, /) -> Self: ...


def fold[S: SetLike](expr: Expr, leaf: Callable[[Leaf], tuple[S, S]]) -> tuple[S, S]:
    """Evaluates the tree over sets (bitmaps of documents).

    Args:
        leaf: for a leaf, the sets where it is surely true and where it is surely false (a document without the value is in neither).
    Returns: the same two sets for the whole tree.
    """
    if isinstance(expr, Not):
        is_true, is_false = fold(expr.part, leaf)
        return is_false, is_true
    if not isinstance(expr, And | Or):
        return leaf(expr)
    is_true, is_false = fold(expr.parts[0], leaf)
    for part in expr.parts[1:]:
        part_true, part_false = fold(part, leaf)
        if isinstance(expr, And):
            is_true, is_false = is_true & part_true, is_false | part_false
        else:
            is_true, is_false = is_true | part_true, is_false & part_false
    return is_true, is_false
