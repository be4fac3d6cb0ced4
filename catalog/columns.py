"""The columns of `record` by which policies judge: as one select for single decisions, and as the column map of the compiled clause."""

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, case, select

from catalog.attributes import FIELD_OF, LISTS
from catalog.tables import record, record_term
from policies.columns import ColumnMap, term_list

__all__ = ["JUDGED", "column_map"]

#: Everything that `catalog.attributes.attributes_of_row` reads.
JUDGED = select(
    record.c.docno,
    record.c.id,
    record.c.origin,
    record.c.authority,
    record.c.kind,
    record.c.profile,
    record.c.sharing,
    record.c.opening,
    record.c.secrecy,
    record.c.grade,
    record.c.level,
    record.c.division,
    record.c.embargo,
    record.c.issued,
    record.c.terms,
    record.c.withheld,
    record.c.fields,
)


@cache
def column_map() -> ColumnMap:
    """The columns of `record` as the compiler takes them."""
    c = record.c
    same = ("id", "authority", "kind", "profile", "sharing", "opening", "secrecy", "grade", "level", "division", "embargo", "issued", "onward")
    scalars: dict[str, ColumnElement[Any]] = {name: c[name] for name in same}
    scalars["terms_expire"] = c.terms_until
    scalars["own"] = case((c.origin == "received", 0), else_=1)
    return ColumnMap(
        scalars=scalars,
        lists={name: term_list(record_term, c.docno, name, c[f"n_{name}"]) for name in LISTS},
        # Field names hold no quotes: the canonical list names a field exactly when it holds the quoted name.
        withheld={name: c.withheld.contains(f'"{field}"', autoescape=True) for name, field in FIELD_OF.items()},
    )
