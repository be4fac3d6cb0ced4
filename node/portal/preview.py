"""The dataset page's previews: a page of rows, and a chart of what is a series. Both read through `catalog.reader.rows` like every face."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import url_for
from werkzeug.datastructures import MultiDict

from catalog.filters import Compare, Expr
from catalog.reader import Reader, RowQuery
from node.i18n import translate
from policies.actor import Actor

ROWS = 20
POINTS = 2000
SERIES = 8
NUMBERS = ("integer", "decimal")


def _(message: str) -> str:
    return translate(message, "portal")


@dataclass(frozen=True)
class Table:
    """A page of rows as text."""

    columns: list[str]
    rows: list[list[str]]
    column: str
    value: str
    status: str
    next_url: str


@dataclass(frozen=True)
class Chart:
    """A chart: its numbers for the drawing, and the same numbers as a table."""

    caption: str
    summary: str
    data: dict[str, Any]
    table_columns: list[str]
    table_rows: list[list[str]]


def table(reader: Reader, actor: Actor, slug: str, columns: list[Any], args: MultiDict[str, str]) -> Table:
    """One page of rows.

    Args:
        columns: those that this actor may see.
        args: of the address: `column` and `value` filter, `after` is the cursor.
    """
    names = [column.name for column in columns if column.type != "geometry"]
    column, value, after = args.get("column", ""), args.get("value", ""), args.get("after") or None
    where: Expr | None = Compare(column, "=", _typed(columns, column, value)) if column in names and value else None
    page = reader.rows(actor, slug, RowQuery(where=where, limit=ROWS, after=after, count=True, with_geometry=False))
    rows = [[_text(row.get(name)) for name in names] for row in page.rows]
    total = f"{page.total:,}" if page.total is not None else "?"
    status = _("Rows shown: %(count)s of %(total)s").replace("%(count)s", str(len(rows))).replace("%(total)s", total)
    following = url_for("portal.dataset", slug=slug, view="table", column=column or None, value=value or None, after=page.next) if page.next else ""
    return Table(names, rows, column, value, status, following)


def _typed(columns: list[Any], name: str, value: str) -> str | int | float | bool:
    kind = next(column.type for column in columns if column.name == name)
    try:
        if kind == "integer":
            return int(value)
        if kind == "decimal":
            return float(value)
    except ValueError:
        return value
    return value == "true" if kind == "boolean" else value


def _text(value: object) -> str:
    return "" if value is None else str(value)


def chartable(columns: list[Any]) -> bool:
    """Whether the rows are a series: a time column and a number."""
    return _time_column(columns) is not None and any(column.type in NUMBERS for column in columns)


def _time_column(columns: list[Any]) -> str | None:
    for column in columns:
        if column.type in ("datetime", "date") or column.name == "period":
            return str(column.name)
    return None


def chart(reader: Reader, actor: Actor, slug: str, columns: list[Any]) -> Chart:
    """The first number over time, a line for each value of the first text column (at most eight lines)."""
    time = _time_column(columns) or ""
    number = next(column for column in columns if column.type in NUMBERS)
    group = next((column.name for column in columns if column.type == "text" and column.name != time), None)
    page = reader.rows(actor, slug, RowQuery(limit=POINTS, with_geometry=False))
    lines: dict[str, dict[int, float]] = defaultdict(dict)
    for row in page.rows:
        moment, value = _seconds(row.get(time)), row.get(number.name)
        name = _text(row.get(group)) if group else number.name
        if moment is not None and value is not None and (name in lines or len(lines) < SERIES):
            lines[name][moment] = float(value)
    moments = sorted({moment for line in lines.values() for moment in line})
    series = [{"name": name, "values": [line.get(moment) for moment in moments]} for name, line in lines.items()]
    caption = _("%(number)s over time").replace("%(number)s", number.name)
    return Chart(
        caption, _summary(lines, moments), {"x": moments, "series": series, "label": time, "unit": number.name}, [str(time), *lines], _rows(lines, moments)
    )


def _summary(lines: Mapping[str, Mapping[int, float]], moments: list[int]) -> str:
    values = [value for line in lines.values() for value in line.values()]
    if not values:
        return _("There is nothing to draw.")
    text = _("%(lines)s lines, %(points)s readings from %(start)s to %(end)s; lowest %(low)s, highest %(high)s.")
    facts = {
        "lines": len(lines),
        "points": len(values),
        "start": _day(moments[0]),
        "end": _day(moments[-1]),
        "low": f"{min(values):g}",
        "high": f"{max(values):g}",
    }
    for name, value in facts.items():
        text = text.replace(f"%({name})s", str(value))
    return text


def _rows(lines: Mapping[str, Mapping[int, float]], moments: list[int]) -> list[list[str]]:
    return [[_day(moment), *(f"{line[moment]:g}" if moment in line else "" for line in lines.values())] for moment in moments]


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d")


def _seconds(value: object) -> int | None:
    """Seconds of a time, a date, or a quarter written `2016Q3`."""
    if isinstance(value, int):
        return value
    if not isinstance(value, str):
        return None
    text = value
    if len(text) == 6 and text[4] == "Q" and text[5] in "1234":
        text = f"{text[:4]}-{int(text[5]) * 3 - 2:02d}-01"
    try:
        moment = datetime.fromisoformat(text) if "T" in text else datetime.combine(date.fromisoformat(text), datetime.min.time())
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=None)).timestamp())
