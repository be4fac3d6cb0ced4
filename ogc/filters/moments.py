"""Times as OGC clients write them: RFC 3339 dates and date-times, and intervals with open ends."""

import re
from datetime import UTC, datetime, timedelta

from catalog.filters import Moment
from ogc.errors import FilterSyntaxError

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_moment(text: str) -> Moment:
    """Reads `2024-05-01` (the whole UTC day) or `2024-05-01T08:00:00Z` (an offset other than Z is turned to UTC; without one, UTC is meant).

    Raises:
        FilterSyntaxError: neither, or not on the calendar.
    """
    try:
        if _DATE.fullmatch(text):
            return Moment(int((datetime.fromisoformat(text).replace(tzinfo=UTC) - _EPOCH).total_seconds()), True)
        if found := _TIME.fullmatch(text):
            date, hour, minute, second, zone = found.groups()
            # RFC 3339 allows a leap second; no database counts it.
            moment = datetime.fromisoformat(f"{date}T{hour}:{minute}:{'59' if second == '60' else second or '00'}").replace(tzinfo=UTC)
            return Moment(int((moment - _offset(zone) - _EPOCH).total_seconds()))
    except (ValueError, OverflowError):
        pass
    raise FilterSyntaxError(zh=f"时间 {text[:40]!r} 不是 RFC 3339 日期或时刻", en=f"{text[:40]!r} is not an RFC 3339 date or date-time")


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in "Zz":
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError(zone)
    return timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)


def read_interval(start: str, end: str) -> tuple[Moment | None, Moment | None]:
    """Reads the two ends of an interval; `..` or nothing is an open end.

    Raises:
        FilterSyntaxError: an end cannot be read, both are open, or it ends before it starts.
    """
    first, last = (None if text in ("..", "") else read_moment(text) for text in (start, end))
    if first is not None and last is not None and last.end < first.seconds:
        raise FilterSyntaxError(zh="时间区间的终点早于起点", en="the interval ends before it starts")
    return first, last


def read_datetime_parameter(text: str) -> tuple[Moment | None, Moment | None]:
    """Reads the `datetime` parameter of OGC API Features: an instant or an interval `a/b`, `../b`, `a/..`."""
    if "/" not in text:
        moment = read_moment(text)
        return moment, moment
    start, _, end = text.partition("/")
    if start in ("..", "") and end in ("..", ""):
        raise FilterSyntaxError(zh="时间区间两端都没有写", en="an interval needs at least one end")
    return read_interval(start, end)
