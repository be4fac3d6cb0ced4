"""What a column of texts holds, decided over all of its values: the narrowest type that loses nothing.

A value that would come back different is text: leading zeros (`007`), more than 15 digits (18-digit identity numbers), a plus sign, thousands separators. The
words for *no value* (`NA`, `NULL`, …) are no value where all others are numbers, dates or times, and text elsewhere. Columns whose heading says code, number
(编号), telephone and the like are text whatever they hold (`catalog.ingest.names`).
"""

import datetime
import re
from array import array

import numpy as np

__all__ = ["NO_VALUE", "Guess", "Unique", "parse_moment"]

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


class Unique:
    """Whether all values of a column are there and different: eight bytes for each, so that a million rows cost eight megabytes.

    Hashes of 64 bits are compared: that two different values of a million have the same one happens once in ten million files, and then the column is only
    not taken as the key.
    """

    __slots__ = ("_due", "_marks")

    def __init__(self) -> None:
        self._marks: array[int] | None = array("q")
        self._due = 1_000  # how many there are when they are looked through next

    def watch(self, value: str) -> None:
        """Takes note of one value; the empty text is none."""
        if self._marks is None:
            return
        if value == "":
            self._marks = None
            return
        self._marks.append(hash(value))
        if len(self._marks) >= self._due:
            self._due *= 10
            self._look()

    def miss(self) -> None:
        """A value is not there."""
        self._marks = None

    def __bool__(self) -> bool:
        """True when so far all are there and different."""
        self._look()
        return self._marks is not None

    def _look(self) -> None:
        if self._marks is not None and len(np.unique(np.frombuffer(self._marks, dtype=np.int64))) < len(self._marks):
            self._marks = None


class Guess:
    """Watches the values of one column.

    Attributes:
        filled: how many values were not empty.
        longest: characters of the longest.
        unique: whether all were there and different; None while nobody asked.
    """

    __slots__ = ("_left", "_sure", "filled", "longest", "unique")

    def __init__(self, *, text: bool = False, watch_unique: bool = False) -> None:
        self._left = [] if text else list(_ALL)
        self._sure = False  # some value was no word for a missing one
        self.filled = 0
        self.longest = 0
        self.unique = Unique() if watch_unique else None

    def watch(self, value: str | None) -> None:
        """Takes note of one value; None and the empty text are absent."""
        if value is None or value == "":
            if self.unique is not None:
                self.unique.miss()
            return
        self.filled += 1
        if len(value) > self.longest:
            self.longest = len(value)
        if self.unique is not None:
            self.unique.watch(value)
        if value in NO_VALUE:
            return
        self._sure = True
        if self._left and not _FITS[self._left[0]](value):
            self._left = [kind for kind in self._left if _FITS[kind](value)]

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
