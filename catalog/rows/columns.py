"""Columns of a table of rows: what they are called, what they hold, and how a value of each type is written and stored.

| type | canonical row (PROTOCOL 5.3) | typed column, for filters and sorting | GeoJSON property |
|---|---|---|---|
| text | text, NFC | text, compared by bytes | string |
| integer | integer within ±(2^53−1) | integer | number |
| decimal | shortest decimal text | the same text; compared as a double | number, every digit |
| boolean | true, false | boolean | boolean |
| date | `CCYY-MM-DD` | the same text | string |
| datetime | ISO 8601 UTC with `Z` | integer UTC seconds | string |
| geometry | base64url of WKB in CRS84 | kept apart (`catalog.rows.geometry`) | – |
"""

import datetime
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from catalog.canonical import JSON, is_decimal_text
from catalog.errors import RowsError
from catalog.field_values import ValueProblem, boolean, date_text, decimal_text
from catalog.tables import BIG

__all__ = ["MAX_COLUMNS", "Column", "DateSeconds", "canonical_value", "check_columns", "columns_from_items", "day_text", "seconds_of", "typed_value"]

#: With the columns of our own, below what SQLite (2,000) and PostgreSQL (1,600) take in one table.
MAX_COLUMNS = 1_500
NAME = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
KEY_TYPES = frozenset(("text", "integer", "date", "datetime"))

_INTEGER = re.compile(r"[+-]?\d{1,16}\Z")
_EPOCH = datetime.date(1970, 1, 1)
_UTC8 = 8 * 3600


@dataclass(frozen=True, slots=True)
class Column:
    """One column (信息项)."""

    name: str
    type: str
    title: Mapping[str, str] = field(default_factory=dict, hash=False)
    length: int | None = None
    nullable: bool = True
    sensitivity: str | None = None
    unit: str | None = None

    def as_item(self) -> dict[str, JSON]:
        """As a member of the record's `items`."""
        item: dict[str, JSON] = {"name": self.name, "type": self.type}
        if self.title:
            item["title"] = dict(self.title)
        if self.length is not None:
            item["length"] = self.length
        if not self.nullable:
            item["nullable"] = False
        if self.sensitivity is not None:
            item["sensitivity"] = self.sensitivity
        if self.unit is not None:
            item["unit"] = self.unit
        return item


def columns_from_items(items: Iterable[Mapping[str, Any]]) -> tuple[Column, ...]:
    """Columns from a record's `items`.

    Raises:
        RowsError: a name or type that is not allowed, a name twice, two geometries, or too many columns.
    """
    columns = tuple(
        Column(
            name=str(item.get("name")),
            type=str(item.get("type") or "text"),
            title=item.get("title") or {},
            length=item.get("length"),
            nullable=item.get("nullable", True),
            sensitivity=item.get("sensitivity"),
            unit=item.get("unit"),
        )
        for item in items
    )
    return check_columns(columns)


def check_columns(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Checks a table's columns as a whole. Raises RowsError."""
    if not columns:
        raise RowsError(zh="数据表没有信息项", en="a table of rows needs columns")
    if len(columns) > MAX_COLUMNS:
        raise RowsError(zh=f"信息项 {len(columns)} 个，上限 {MAX_COLUMNS}；请拆成多个表", en=f"{len(columns)} columns, at most {MAX_COLUMNS}: split the table")
    seen: set[str] = set()
    for column in columns:
        if NAME.match(column.name) is None:
            zh, en = f"信息项名称不合规则：{column.name!r:.80}", f"not a column name (small letters, digits, underscores, at most 60): {column.name!r:.80}"
            raise RowsError(zh=zh, en=en)
        if column.type not in _CANONICAL and column.type != "geometry":
            raise RowsError(zh=f"信息项 {column.name} 的类型不合规定：{column.type!r:.40}", en=f"column {column.name}: no type {column.type!r:.40}")
        if column.name in seen:
            raise RowsError(zh=f"信息项 {column.name} 重复", en=f"column {column.name} stands twice")
        seen.add(column.name)
    if sum(column.type == "geometry" for column in columns) > 1:
        raise RowsError(zh="一个数据表至多一个几何信息项", en="a table of rows has at most one geometry column")
    return tuple(columns)


# --- canonical values ------------------------------------------------------------------------------------------------------------------


def _text(value: Any) -> JSON:
    if not isinstance(value, str):
        value = decimal_text(value) if isinstance(value, float) else str(value)
    if "\x00" in value:
        raise ValueProblem("含有空字符（NUL）", "holds a NUL character")
    return value if value.isascii() else unicodedata.normalize("NFC", value)


def _integer(value: Any) -> JSON:
    if (isinstance(value, str) and _INTEGER.match(value.strip())) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**53 - 1:
        raise ValueProblem(f"不是整数：{value!r:.60}", f"not an integer: {value!r:.60}")
    return value


def _decimal(value: Any) -> JSON:
    if isinstance(value, float):
        written = repr(value)
        if "e" not in written and "n" not in written:  # no exponent, not nan or inf: repr is the shortest text but for a final .0
            written = written.removesuffix(".0")
            return "0" if written == "-0" else written
    if isinstance(value, str) and is_decimal_text(value):
        return value
    return decimal_text(value)


def _datetime(value: Any) -> JSON:
    """ISO 8601 UTC; a fraction of a second is kept, a missing zone is UTC."""
    if isinstance(value, str):
        cleaned = value.strip().replace("/", "-")
        try:
            value = datetime.datetime.fromisoformat(cleaned)
        except ValueError as error:
            raise ValueProblem(f"不是时间：{cleaned:.60}", f"not a time: {cleaned:.60}") from error
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime.datetime):
        raise ValueProblem(f"不是时间：{value!r:.60}", f"not a time: {value!r:.60}")
    try:
        value = value.astimezone(datetime.UTC) if value.tzinfo else value
    except OverflowError as error:
        raise ValueProblem(f"时间超出范围：{value}", f"time out of range: {value}") from error
    written = f"{value.year:04d}-{value.month:02d}-{value.day:02d}T{value.hour:02d}:{value.minute:02d}:{value.second:02d}"
    fraction = f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
    return f"{written}{fraction}Z"


_CANONICAL: Mapping[str, Callable[[Any], JSON]] = {
    "text": _text,
    "integer": _integer,
    "decimal": _decimal,
    "boolean": boolean,
    "date": date_text,
    "datetime": _datetime,
}


def canonical_value(column: Column, value: Any) -> JSON:
    """A value as it stands in the canonical row.

    Raises:
        RowsError: it does not fit the column's type; says which.
    """
    try:
        return _CANONICAL[column.type](value)
    except ValueProblem as problem:
        raise RowsError(zh=f"信息项 {column.name}：{problem.zh}", en=f"column {column.name}: {problem.en}") from problem


# --- typed values ----------------------------------------------------------------------------------------------------------------------


def seconds_of(type_: str, value: str) -> int:
    """UTC seconds of a canonical date (its beginning at UTC+8) or datetime."""
    if type_ == "date":
        return (datetime.date.fromisoformat(value) - _EPOCH).days * 86_400 - _UTC8
    days = (datetime.date.fromisoformat(value[:10]) - _EPOCH).days
    return days * 86_400 + int(value[11:13]) * 3600 + int(value[14:16]) * 60 + int(value[17:19])


_TYPES: Mapping[str, type] = {"text": str, "integer": int, "decimal": str, "boolean": bool, "date": str, "datetime": str}


def typed_value(column: Column, value: JSON) -> Any:
    """What the typed column holds for a canonical value.

    Raises:
        RowsError: the canonical row holds another type than the column says.
    """
    if value is None:
        return None
    kind = column.type
    if type(value) is not _TYPES[kind] or (kind == "decimal" and not is_decimal_text(value)):
        raise RowsError(zh=f"信息项 {column.name} 不是 {kind}：{value!r:.60}", en=f"column {column.name} is not {kind}: {value!r:.60}")
    if kind in ("date", "datetime"):
        try:
            seconds = seconds_of(kind, str(value))
        except (ValueError, OverflowError) as error:
            raise RowsError(zh=f"信息项 {column.name} 不是 {kind}：{value!r:.60}", en=f"column {column.name} is not {kind}: {value!r:.60}") from error
        return seconds if kind == "datetime" else value
    return value


def day_text(seconds: int) -> str:
    """The UTC day of a time, as dates are stored; out of range: the first or last day that a date can name."""
    days = min(max(seconds // 86_400, (datetime.date.min - _EPOCH).days), (datetime.date.max - _EPOCH).days)
    return (_EPOCH + datetime.timedelta(days=days)).isoformat()


class DateSeconds(FunctionElement[int]):
    """UTC seconds of the beginning, at UTC+8, of a date stored as `CCYY-MM-DD`: what a policy's `row.observed` compares."""

    type = BIG
    inherit_cache = True


@compiles(DateSeconds, "sqlite")
def _sqlite_seconds(element: DateSeconds, compiler: Any, **options: Any) -> str:
    return f"(CAST(strftime('%s', {compiler.process(element.clauses, **options)}) AS INTEGER) - {_UTC8})"


@compiles(DateSeconds, "postgresql")
def _postgresql_seconds(element: DateSeconds, compiler: Any, **options: Any) -> str:
    return f"(CAST(extract(epoch FROM CAST({compiler.process(element.clauses, **options)} AS date)) AS bigint) - {_UTC8})"
