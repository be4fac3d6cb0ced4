"""The two sides of a sentence in SQL: a value that is there, a column, or a list. What the compiler's comparisons are made of.

Clauses from here are true or false and never NULL, so that a comparison may negate them inside its own sentence.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, and_, case, false, func, not_, or_, true
from sqlalchemy.sql.elements import False_, True_

from policies.columns import Clause, ColumnMap, ListColumn
from policies.divisions import ancestors, is_code, significant, spellings
from policies.expressions import Given, Operand
from policies.values import Values
from policies.vocabulary import Attribute

type Expr = ColumnElement[Any]


def every(*parts: Clause) -> Clause:
    """AND, without constants that say nothing."""
    kept = [part for part in parts if not isinstance(part, True_)]
    if any(isinstance(part, False_) for part in kept):
        return false()
    return true() if not kept else kept[0] if len(kept) == 1 else and_(*kept)


def some(*parts: Clause) -> Clause:
    """OR, without constants that say nothing."""
    kept = [part for part in parts if not isinstance(part, False_)]
    if any(isinstance(part, True_) for part in kept):
        return true()
    return false() if not kept else kept[0] if len(kept) == 1 else or_(*kept)


def negated(clause: Clause) -> Clause:
    """NOT of a clause that is never NULL."""
    return false() if isinstance(clause, True_) else true() if isinstance(clause, False_) else not_(clause)


@dataclass(frozen=True)
class Value:
    """A side whose value is known when the SQL is made."""

    values: Values

    @property
    def texts(self) -> tuple[str, ...]:
        return tuple(str(v) for v in self.values.known)

    @property
    def number(self) -> int:
        return int(self.values.known[0])

    @property
    def complete(self) -> Clause:
        return true() if self.values.complete else false()

    @property
    def present(self) -> Clause:
        return true()

    @property
    def empty(self) -> Clause:
        return true() if self.values.complete and not self.values.known else false()

    def any(self, holds: Callable[[Expr | str], Clause]) -> Clause:
        return some(*(holds(text) for text in self.texts))


@dataclass(frozen=True)
class Scalar:
    """A column that holds one value."""

    attribute: Attribute
    column: Expr

    @property
    def complete(self) -> Clause:
        """Whether the value can be read."""
        stated = self.column.is_not(None)
        if self.attribute.codes is not None:
            return every(stated, self.column.in_(sorted(self.attribute.codes)))
        if self.attribute.kind == "division" and self.attribute.side == "row":  # rows hold what was delivered
            return every(stated, func.length(self.column).in_((6, 9, 12)), func.rtrim(self.column, "0123456789") == "")
        if self.attribute.kind in ("code", "text"):
            return every(stated, self.column != "")
        return stated

    @property
    def present(self) -> Clause:
        return self.complete

    @property
    def empty(self) -> Clause:
        return false()

    def any(self, holds: Callable[[Expr | str], Clause]) -> Clause:
        return every(self.complete, holds(self.column))


@dataclass(frozen=True)
class Many:
    """A list with its members in a table of their own."""

    attribute: Attribute
    column: ListColumn

    @property
    def complete(self) -> Clause:
        return self.column.count.is_not(None)

    @property
    def present(self) -> Clause:
        """Whether the list is there: wholly readable, or at least in part."""
        return some(self.complete, self.any(lambda _member: true()))

    @property
    def empty(self) -> Clause:
        return every(self.complete, self.column.count == 0)

    def any(self, holds: Callable[[Expr | str], Clause]) -> Clause:
        codes = self.attribute.codes
        if codes is not None:
            return self.column.any(lambda member: every(member.in_(sorted(codes)), holds(member)))
        if self.attribute.members == "division":  # what is no code is not stored
            return self.column.any(holds)
        return self.column.any(lambda member: every(member != "", holds(member)))


type Side = Value | Scalar | Many


def side_of(operand: Operand | None, columns: ColumnMap) -> Side | None:
    """Returns a side of a sentence; None when the table does not have the attribute, which is then absent everywhere."""
    if isinstance(operand, Given):
        return Value(operand.values)
    if operand is None:
        return Value(Values(()))
    if operand.many:
        found = columns.lists.get(operand.key)
        return None if found is None else Many(operand, found)
    column = columns.scalars.get(operand.key)
    return None if column is None else Scalar(operand, column)


def words_meet(left: Side, right: Side) -> Clause:
    """Returns whether some word (or division) of one side is one of the other."""
    if isinstance(right, Value):
        left, right = right, left
    if isinstance(left, Value) and not isinstance(right, Value):
        return _holds_one_of(right, left.texts)
    return left.any(lambda a: holds_word(right, a))


def holds_word(side: Side, word: Expr | str) -> Clause:
    """Returns whether a side holds a word or a division."""
    if isinstance(word, str) and not isinstance(side, Value):
        return _holds_one_of(side, (word,))
    return side.any(lambda own: _same(own, word, side))


def _holds_one_of(side: Scalar | Many, words: tuple[str, ...]) -> Clause:
    codes = side.attribute.codes
    readable = [word for word in words if codes is None or word in codes]
    if _of_divisions(side):
        readable = [text for word in readable for text in spellings(word)]
    if not readable:
        return false()
    if isinstance(side, Scalar):
        return every(side.column.is_not(None), side.column.in_(readable))
    return side.column.any(lambda member: member.in_(readable))


def _same(own: Expr | str, word: Expr | str, side: Side) -> Clause:
    """Two words are the same text; two divisions are the same when each covers the other, however they are spelled."""
    if isinstance(own, str) and isinstance(word, str):
        return true() if own == word else false()
    if isinstance(side, Value):
        return word.in_(spellings(str(own)) if is_code(own) else [own])  # type: ignore[union-attr]
    if _of_divisions(side):
        return every(covers(own, word), covers(word, own))
    return own == word  # type: ignore[return-value]


def _of_divisions(side: Scalar | Many) -> bool:
    return (side.attribute.members or side.attribute.kind) == "division"


def covers(whole: Expr | str, part: Expr | str) -> Clause:
    """Returns whether a division covers another, by whole segments (LANGUAGE 8); each is a code or a column of codes."""
    if isinstance(whole, str):
        return _begins_with(part, significant(whole))
    if isinstance(part, str):
        return whole.in_(_covering(part))
    length = _significant_length(whole)
    return func.substr(part, 1, length) == func.substr(whole, 1, length)


def touches(a: Expr | str, b: Expr | str) -> Clause:
    """Returns whether one division covers the other."""
    return some(covers(a, b), covers(b, a))


def _begins_with(part: Expr | str, digits: str) -> Clause:
    if isinstance(part, str):
        return true() if part.startswith(digits) else false()
    if not digits:
        return part.is_not(None)
    return every(part >= digits, part < digits[:-1] + chr(ord(digits[-1]) + 1))


@cache
def _covering(code: str) -> tuple[str, ...]:
    """Returns every spelling of every division that covers `code`."""
    return tuple(dict.fromkeys(text for whole in ancestors(code) for text in spellings(whole)))


def _significant_length(column: Expr) -> Expr:
    """Returns how many digits of a code are left when zero segments at its end are dropped."""
    length = func.length(column)
    return case(
        (and_(length == 12, func.substr(column, 10, 3) != "000"), 12),
        (and_(length >= 9, func.substr(column, 7, 3) != "000"), 9),
        (func.substr(column, 5, 2) != "00", 6),
        (func.substr(column, 3, 2) != "00", 4),
        (func.substr(column, 1, 2) != "00", 2),
        else_=0,
    )
