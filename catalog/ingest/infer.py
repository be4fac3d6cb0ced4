"""What a column of texts holds, decided over all of its values: the narrowest type that loses nothing.

A value that would come back different is text: leading zeros (`007`), more than 15 digits (18-digit identity numbers), a plus sign, thousands separators. The
words for *no value* (`NA`, `NULL`, …) are no value where all others are numbers, dates or times, and text elsewhere. Columns whose heading says code, number
(編號), telephone and the like are text whatever they hold (`catalog.ingest.names`).
"""

import datetime
import re

__all__ = ["NO_VALUE", "Guess", "parse_moment"]

#: Words for a missing value that statistics programs and databases write.
NO_VALUE = frozenset(("NA", "N/A", "n/a", "#N/A", "NULL", "null", "NaN", "nan", "None"))

_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,14})\Z")
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?(?:[eE][-+]?\d{1,2})?\Z|-?\.\d{1,15}\Z")
_DATE = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})\Z|(\d{4})年(\d{1,2})月(\d{1,2})日\Z")
_MOMENT = re.compile(r"\d{4}[-/]\d{1,2}[-/]\d{1,2}[T ]\d{1,2}:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?\Z")
_UTC8 = datetime.timezone(datetime.timedelta(hours=8))
_TRUTH = frozenset(("true", "false", "是", "否"))

#: From narrow to wide; each is dropped when a value does not fit it.
_ALL = ("boolean", "integer", "decimal", "date", "datetime")


class Guess:
    """Watches the values of one column.

    Attributes:
        filled: how many values were not empty.
        longest: characters of the longest.
        unique: whether all were there and different (only while `watch_unique`).
    """

    __slots__ = ("_left", "_seen", "_sure", "filled", "longest", "unique")

    def __init__(self, *, text: bool = False, watch_unique: bool = False) -> None:
        self._left = [] if text else list(_ALL)
        self._seen: set[int] | None = set() if watch_unique else None
        self._sure = False  # some value was no word for a missing one
        self.filled = 0
        self.longest = 0
        self.unique = watch_unique

    def watch(self, value: str | None) -> None:
        """Takes note of one value; None and the empty text are absent."""
        if value is None or value == "":
            self._not_unique()
            return
        self.filled += 1
        if len(value) > self.longest:
            self.longest = len(value)
        if self._seen is not None:
            mark = hash(value)
            if mark in self._seen:
                self._not_unique()
            else:
                self._seen.add(mark)
        if value in NO_VALUE:
            return
        self._sure = True
        if self._left and not _FITS[self._left[0]](value):
            self._left = [kind for kind in self._left if _FITS[kind](value)]

    def _not_unique(self) -> None:
        self.unique, self._seen = False, None

    @property
    def type(self) -> str:
        """The type: what is left, text when nothing is, text when there was no value at all."""
        return self._left[0] if self._left and self._sure else "text"


def _is_date(value: str) -> bool:
    return _DATE.match(value) is not None and parse_moment(value) is not None


def _is_moment(value: str) -> bool:
    return (_MOMENT.match(value) is not None or _DATE.match(value) is not None) and parse_moment(value) is not None


_FITS = {
    "boolean": lambda value: value.casefold() in _TRUTH,
    "integer": lambda value: _INTEGER.match(value) is not None and value != "-0",
    "decimal": lambda value: _DECIMAL.match(value) is not None,
    "date": _is_date,
    "datetime": _is_moment,
}


def parse_moment(value: str) -> str | None:
    """A date or moment in ISO 8601, or None when there is no such day or time.

    A moment without a zone is China's: `2024/5/1 8:00` → `2024-05-01T08:00:00+08:00`.
    """
    found = _DATE.match(value)
    try:
        if found:
            year, month, day = (found[1], found[3], found[4]) if found[1] else (found[5], found[6], found[7])
            return datetime.date(int(year), int(month), int(day)).isoformat()
        day_part, time_part = re.split(r"[T ]", value.replace("/", "-"), maxsplit=1)
        year, month, day = day_part.split("-")
        clock = time_part if len(time_part) > 1 and time_part[1] != ":" else f"0{time_part}"
        moment = datetime.datetime.fromisoformat(f"{int(year):04d}-{int(month):02d}-{int(day):02d}T{clock}")
        return (moment if moment.tzinfo else moment.replace(tzinfo=_UTC8)).isoformat()
    except ValueError:
        return None
