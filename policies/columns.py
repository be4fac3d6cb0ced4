"""What the compiler is told of a table: which column or list holds which attribute. It imports no tables of its own.

Rules for whoever fills a table that policies compare:

* NULL means absent, withheld or unreadable (LANGUAGE 4, 5). Scales are stored as ranks from 0, times as UTC seconds, flags as 1 or 0, codes as text in NFC
  that compares by bytes (`COLLATE "C"` on PostgreSQL), division codes as 6, 9 or 12 digits.
* A list has its members in a table of their own and a count beside the record. The count is NULL when the list is absent or withheld *or holds a member that
  cannot be read*; an empty list has the count 0. Members of a division list that are no division codes are not stored.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, exists, literal

type Clause = ColumnElement[bool]
type GrantedIds = Collection[str] | Select[Any] | None


@dataclass(frozen=True)
class ListColumn:
    """A list attribute in SQL.

    Attributes:
        count: Number of members; NULL when the list is absent, withheld or incomplete.
        any: Takes a function of a member's column and returns SQL that is true when it holds for some member. Must never be NULL, and must stand on its own
            each time (a fresh alias), since one sentence may look at two members at once.
    """

    count: ColumnElement[Any]
    any: Callable[[Callable[[ColumnElement[str]], Clause]], Clause]


@dataclass(frozen=True)
class ColumnMap:
    """Attributes of one table, keys without prefix. An attribute that is in neither mapping is absent from every row.

    Attributes:
        scalars: Attribute → expression; for `record.id` also what grants are looked up by.
        lists: Attribute → list.
        withheld: Attribute → expression, never NULL, that is true where the attribute is withheld; where there is none, NULL is absent.
    """

    scalars: Mapping[str, ColumnElement[Any]]
    lists: Mapping[str, ListColumn] = field(default_factory=dict)
    withheld: Mapping[str, Clause] = field(default_factory=dict)


def term_list(terms: FromClause, owner: ColumnElement[Any], attribute: str, count: ColumnElement[Any]) -> ListColumn:
    """Returns a list that is kept in a table with the columns `docno`, `attribute`, `value`.

    Args:
        terms: That table.
        owner: The record's `docno`.
        attribute: Which list.
        count: Column that counts it.
    """

    def any_member(holds: Callable[[ColumnElement[str]], Clause]) -> Clause:
        t = terms.alias()
        return exists(literal(1)).where(t.c.docno == owner, t.c.attribute == attribute, holds(t.c.value)).correlate_except(t)

    return ListColumn(count, any_member)
