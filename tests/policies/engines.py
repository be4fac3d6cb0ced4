"""A small record table and row table, on SQLite and PostgreSQL, filled by the rules of policies/columns.py, and the compiler's column maps over them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Select, SmallInteger, Table, Text, case, create_engine, insert, literal, select

from policies.columns import Clause, ColumnMap, term_list
from policies.divisions import is_code
from policies.values import UNKNOWN
from policies.vocabulary import ATTRIBUTES, SCALES, Attribute

CODE = Text(collation="C").with_variant(Text(), "sqlite")
BIG = BigInteger().with_variant(Integer(), "sqlite")

_RECORD = [a for a in ATTRIBUTES.values() if a.side == "record"]
_ROW = [a for a in ATTRIBUTES.values() if a.side == "row"]


def _column(attribute: Attribute) -> Column[Any]:
    if attribute.many:
        return Column(f"n_{attribute.key}", Integer)
    return Column(attribute.key, {"scale": SmallInteger, "flag": SmallInteger, "time": BIG}.get(attribute.kind, CODE))


_metadata = MetaData()
RECORDS = Table("r", _metadata, Column("docno", Integer, primary_key=True), Column("withheld", CODE, nullable=False), *map(_column, _RECORD))
TERMS = Table("t", _metadata, Column("docno", Integer, primary_key=True), Column("attribute", CODE, primary_key=True), Column("value", CODE, primary_key=True))
ROWS = Table("row_t", _metadata, Column("docno", Integer, primary_key=True), *map(_column, _ROW))

RECORD_MAP = ColumnMap(
    scalars={a.key: RECORDS.c[a.key] for a in _RECORD if not a.many},
    lists={a.key: term_list(TERMS, RECORDS.c.docno, a.key, RECORDS.c[f"n_{a.key}"]) for a in _RECORD if a.many},
    withheld={a.key: RECORDS.c.withheld.contains(f'"{a.key}"', autoescape=True) for a in _RECORD},
)
ROW_MAP = ColumnMap(scalars={a.key: ROWS.c[a.key] for a in _ROW})


def store_value(attribute: Attribute, raw: Any, codes: Mapping[str, frozenset[str]]) -> Any:
    """What a writer stores for a raw value: ranks for scales, NULL for what cannot be read, the length of a wholly readable list."""
    if raw is None or raw is UNKNOWN:
        return None
    if attribute.many:
        legal = codes.get(attribute.name, attribute.codes)
        readable = [is_code(m) if attribute.members == "division" else m != "" and (legal is None or m in legal) for m in raw]
        return len(set(raw)) if all(readable) else None
    if attribute.kind == "scale":
        scale = SCALES[attribute.scale or ""]
        return scale.index(raw) if raw in scale else None
    if attribute.kind == "flag":
        return int(raw)
    if attribute.kind == "division" and attribute.side == "record":
        return raw if is_code(raw) else None
    return raw


@dataclass
class Database:
    """A filled database.

    Attributes:
        name: Of the engine.
    """

    name: str
    connection: Connection

    def fill(self, records: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]] = (), codes: Mapping[str, frozenset[str]] | None = None) -> None:
        """Replaces everything by these records and rows, numbered from 0."""
        for table in (TERMS, RECORDS, ROWS):
            self.connection.execute(table.delete())
        known = codes or {}
        record_rows, terms = [], []
        for docno, record in enumerate(records):
            withheld = " ".join(f'"{name}"' for name, value in record.items() if value is UNKNOWN)
            values = {(f"n_{a.key}" if a.many else a.key): store_value(a, record.get(a.key), known) for a in _RECORD}
            record_rows.append({"docno": docno, "withheld": withheld, **values})
            for a in _RECORD:
                if a.many and isinstance(record.get(a.key), tuple):
                    stored = [m for m in dict.fromkeys(record[a.key]) if a.members != "division" or is_code(m)]
                    terms += [{"docno": docno, "attribute": a.key, "value": member} for member in stored]
        row_rows = [{"docno": docno, **{a.key: store_value(a, row.get(a.key), known) for a in _ROW}} for docno, row in enumerate(rows)]
        for table, values_ in ((RECORDS, record_rows), (TERMS, terms), (ROWS, row_rows)):
            for start in range(0, len(values_), 500):
                self.connection.execute(insert(table), values_[start : start + 500])

    def which(self, clause: Clause, table: Table = RECORDS) -> set[int]:
        """Numbers of the records or rows for which a clause is true."""
        return set(self.connection.execute(select(table.c.docno).where(clause)).scalars())

    def flags(self, clauses: Sequence[Clause | bool], table: Table, docnos: range) -> list[list[bool]]:
        """For each clause, whether it is true of each record of a range; many clauses to a query."""
        marks = [literal(int(c)) if isinstance(c, bool) else case((c, 1), else_=0) for c in clauses]
        query: Select[Any] = select(*(mark.label(f"c{i}") for i, mark in enumerate(marks)))
        query = query.select_from(table).where(table.c.docno.between(docnos.start, docnos.stop - 1)).order_by(table.c.docno)
        found = self.connection.execute(query).all()
        assert len(found) == len(docnos)
        return [[bool(row[i]) for row in found] for i in range(len(clauses))]


@contextmanager
def database(url: str) -> Iterator[Database]:
    """An empty database at a URL."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            _metadata.create_all(connection)
            yield Database(engine.name, connection)
    finally:
        engine.dispose()
