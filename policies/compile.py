"""Compiles conditions to SQL on two rails: "surely true" and "surely false", for SQLite and PostgreSQL alike.

The definition is policies.comparisons; what is here is the same in SQL and is held to it by the tests. Invariants:

* Negation is pushed into the sentences (`expressions.surely`); above them there is only AND and OR. So a NULL can only stand where false may stand, and both
  engines agree: WHERE never needs to tell NULL from false.
* Inside a sentence, what is negated is never NULL (policies.sqlsides).
* No literal is written into the SQL text; long chains are nested, so that SQLite's limit on depth is not met at a thousand rules.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import ColumnElement, and_, false, or_, true
from sqlalchemy.sql.elements import Grouping

from policies.actor import Actor
from policies.columns import Clause, ColumnMap, GrantedIds, ListColumn
from policies.comparisons import DAY
from policies.expressions import Condition, Sentence, surely
from policies.facts import NOTHING, Env, Facts
from policies.form import ActionPlan
from policies.specialise import ROWS, settle_known
from policies.sqlsides import Expr, Many, Scalar, Side, Value, covers, every, holds_word, negated, side_of, some, touches, words_meet
from policies.vocabulary import Attribute

__all__ = ["ColumnMap", "ListColumn", "permitted_clause", "row_where", "surely_clause"]

#: Operands of one flat AND or OR; more are nested.
_FLAT = 100


def permitted_clause(form: ActionPlan, columns: ColumnMap, now: int, granted_ids: GrantedIds) -> Clause:
    """Returns SQL for "some allow is true, and no deny is other than false" (LANGUAGE 1), grants that are required included (LANGUAGE 16)."""

    def clause(condition: Condition, want: bool) -> Clause | bool:
        return surely_clause(condition, want, columns, now, granted_ids)

    granted = _granted(columns, granted_ids, want=True)
    allowed = _some_or_constant([clause(c, True) for c in dict.fromkeys(s.condition for s in form.allows)])
    clear = [clause(c, False) for c in dict.fromkeys(s.condition for s in form.denies)]
    asking = dict.fromkeys(s.condition for s in form.constraints if s.rule.then and s.rule.then.require_grant)
    met = [_some_or_constant([granted, clause(c, False)]) for c in asking]
    return _clause(_every_or_constant([allowed, *clear, *met]))


def row_where(condition: Condition, columns: ColumnMap, actor: Actor, env: Env) -> Clause:
    """Returns SQL that is true for the rows that surely meet a row condition (LANGUAGE 11: a row passes only when True).

    Args:
        condition: Residual row condition of a decision (`Obligations.rows` or `.row_filter`).
        columns: Columns of the row table; keys `status`, `owner`, `division`, `observed`.
        actor: Who asks.
        env: Where and when; `now` moves "is older than".
    """
    residual = settle_known(condition, Facts(actor, env, NOTHING), ROWS)
    return _clause(surely_clause(residual, True, columns, env.now, None))


def surely_clause(condition: Condition, want: bool, columns: ColumnMap, now: int, granted_ids: GrantedIds) -> Clause | bool:
    """Returns SQL for "surely `want`" of a residual condition, or the answer when it is settled."""

    def atom(sentence: Sentence, wanted: bool) -> Clause | bool:
        positive = wanted is not sentence.comparison.negated
        if sentence.comparison.base == "is_granted":
            return _granted(columns, granted_ids, positive)
        if sentence.comparison.base == "is_stated":
            return _stated(sentence.left, columns, positive)
        left, right = side_of(sentence.left, columns), side_of(sentence.right, columns)
        if left is None or right is None:
            return False  # LANGUAGE 4
        return _SQL[sentence.comparison.base](left, right, positive, now)

    return surely(condition, want, atom=atom, every=lambda parts: _nested(and_, parts), some=lambda parts: _nested(or_, parts))


def _granted(columns: ColumnMap, granted_ids: GrantedIds, want: bool) -> Clause | bool:
    """LANGUAGE 10: whether the record is among those granted; unknown when no purpose was declared."""
    if granted_ids is None or "id" not in columns.scalars:
        return False
    column = columns.scalars["id"]
    if not isinstance(granted_ids, (tuple, list, set, frozenset)):
        return column.in_(granted_ids) if want else column.not_in(granted_ids)
    if not granted_ids:
        return not want
    return column.in_(sorted(granted_ids)) if want else column.not_in(sorted(granted_ids))


def _stated(operand: object, columns: ColumnMap, want: bool) -> Clause | bool:
    """LANGUAGE 4: never unknown, but for what is withheld."""
    if not isinstance(operand, Attribute):
        return want
    withheld = columns.withheld.get(operand.key)
    disclosed = true() if withheld is None else negated(withheld)
    side = side_of(operand, columns)
    present = false() if side is None else side.present
    return every(disclosed, present if want else negated(present))


def _is_one_of(left: Side, right: Side, want: bool, _now: int) -> Clause:
    if isinstance(left, Value):  # having a word in common is the same from either side
        left, right = right, left
    if isinstance(left, Scalar) and isinstance(right, Value) and left.attribute.kind != "division":  # divisions have several spellings
        return _word_is(left, right, want)
    return words_meet(left, right) if want else every(left.complete, right.complete, negated(words_meet(left, right)))


def _word_is(left: Scalar, right: Value, want: bool) -> Clause:
    """The plainest sentence as the plainest SQL: a column and some words. NULL may stand where false may."""
    codes = left.attribute.codes
    if want:
        words = [word for word in right.texts if codes is None or word in codes]
        return left.column.in_(words) if words else false()
    if not right.values.complete:
        return false()
    if codes is not None:
        return left.column.in_(sorted(codes.difference(right.texts)))
    return every(left.column.not_in(right.texts), left.column != "")


def _has_all(left: Side, right: Side, want: bool, _now: int) -> Clause:
    missing = right.any(lambda word: negated(holds_word(left, word)))
    if want:
        return every(right.complete, negated(right.empty), negated(missing), left.present)
    return some(every(left.complete, missing), every(right.empty, left.present))


def _is_empty(left: Side, _right: Side, want: bool, _now: int) -> Clause:
    return left.empty if want else every(left.present, negated(left.empty))


def _lies_within(left: Side, right: Side, want: bool, _now: int) -> Clause:
    outside = left.any(lambda part: negated(right.any(lambda whole: covers(whole, part))))
    if want:
        return every(left.complete, negated(left.empty), negated(outside), right.present)
    return some(every(left.empty, right.present), every(right.complete, outside))


def _pairs(relation: Callable[[Expr | str, Expr | str], Clause]) -> Callable[[Side, Side, bool, int], Clause]:
    def compiled(left: Side, right: Side, want: bool, _now: int) -> Clause:
        related = left.any(lambda a: right.any(lambda b: relation(a, b)))
        return related if want else every(left.complete, right.complete, negated(related))

    return compiled


def _number(side: Side) -> Expr | int:
    if isinstance(side, Value):
        return side.number
    if isinstance(side, Many):
        raise TypeError("a list has no rank")
    return side.column


def _order(
    positive: Callable[[Expr | int, Expr | int], object], negative: Callable[[Expr | int, Expr | int], object]
) -> Callable[[Side, Side, bool, int], Clause]:
    def compiled(left: Side, right: Side, want: bool, _now: int) -> Clause:
        return (positive if want else negative)(_number(left), _number(right))  # type: ignore[return-value]

    return compiled


def _has_passed(left: Side, _right: Side, want: bool, now: int) -> Clause:
    column = _number(left)
    return column <= now if want else column > now  # type: ignore[return-value]


def _is_older_than(left: Side, right: Side, want: bool, now: int) -> Clause:
    born = now - int(right.values.known[0]) * DAY if isinstance(right, Value) else now
    return _has_passed(left, right, want, born)


def _is_yes(left: Side, _right: Side, want: bool, _now: int) -> Clause:
    return _number(left) == int(want)  # type: ignore[return-value]


#: Base comparison → its two rails: (left, right, surely true?, now) → SQL. Mirrors comparisons.BASES.
_SQL: Mapping[str, Callable[[Side, Side, bool, int], Clause]] = MappingProxyType(
    {
        "is_one_of": _is_one_of,
        "has_any": _is_one_of,
        "has_all": _has_all,
        "is_empty": _is_empty,
        "lies_within": _lies_within,
        "touches": _pairs(touches),
        "covers": _pairs(covers),
        "at_least": _order(lambda a, b: a >= b, lambda a, b: a < b),
        "above": _order(lambda a, b: a > b, lambda a, b: a <= b),
        "is_from": _order(lambda a, b: a >= b, lambda a, b: a < b),
        "has_passed": _has_passed,
        "is_older_than": _is_older_than,
        "is_yes": _is_yes,
    }
)


class _Brackets(Grouping[bool]):
    """Brackets that an AND or OR round them does not dissolve: SQLAlchemy takes in what has its own operator."""

    inherit_cache = True
    operator = None


def _nested(join: Callable[..., ColumnElement[bool]], parts: Sequence[Clause]) -> Clause:
    """Joins many parts in groups, each in its own brackets."""
    while len(parts) > _FLAT:
        parts = [_Brackets(join(*parts[i : i + _FLAT])) for i in range(0, len(parts), _FLAT)]
    return join(*parts)


def _every_or_constant(parts: Sequence[Clause | bool]) -> Clause | bool:
    if any(part is False for part in parts):
        return False
    rest = [part for part in parts if not isinstance(part, bool)]
    return _nested(and_, rest) if rest else True


def _some_or_constant(parts: Sequence[Clause | bool]) -> Clause | bool:
    if any(part is True for part in parts):
        return True
    rest = [part for part in parts if not isinstance(part, bool)]
    return _nested(or_, rest) if rest else False


def _clause(clause: Clause | bool) -> Clause:
    return clause if not isinstance(clause, bool) else true() if clause else false()
