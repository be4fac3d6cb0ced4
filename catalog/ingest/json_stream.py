"""Reading large JSON piece by piece: the members of an object, and the items of one list in it, in bounded memory.

Parsing is the standard library's (in C); this only moves a window over the text. `NaN` and infinities, which JSON does not have, and numbers of absurd
length make the item that holds them bad, not the file.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TextIO

from catalog.errors import IngestError
from catalog.ingest.library_words import said

__all__ = ["JsonStream", "Piece"]

_WINDOW = 1 << 20
#: Characters of one item: larger ones are no features.
MAX_ITEM = 64 << 20
_BLANK = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Piece:
    """One item of a list, or one member.

    Attributes:
        value: as parsed; of a number that is none in JSON it holds None.
        odd: what in it is not JSON (`NaN`), or None.
    """

    value: Any
    odd: str | None = None


class JsonStream:
    """A text that is read as JSON from its beginning to its end.

    Args:
        text: opened for reading.
        name: of the file, for errors.
    """

    def __init__(self, text: TextIO, name: str) -> None:
        self._text, self._name = text, name
        self._buffer, self._at, self._lines, self._ended = "", 0, 0, False
        self._odd: str | None = None
        self._decoder = json.JSONDecoder(parse_constant=self._constant)

    def _constant(self, word: str) -> None:
        self._odd = word

    # --- the window ----------------------------------------------------------------------------------------------------------------------

    def _more(self) -> bool:
        """Reads on; False at the end."""
        if self._ended:
            return False
        self._lines += self._buffer.count("\n", 0, self._at)
        kept = self._buffer[self._at :]
        chunk = self._text.read(max(_WINDOW, len(kept)))
        self._ended = not chunk
        self._buffer, self._at = kept + chunk, 0
        return not self._ended

    def peek(self) -> str:
        """The next character that is not blank, "" at the end."""
        while True:
            found = _BLANK.match(self._buffer, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return ""

    def take(self, wanted: str) -> None:
        """Passes one character. Raises IngestError when it is another one."""
        if self.peek() != wanted:
            raise self.error(f"expected {wanted!r}")
        self._at += 1

    def value(self) -> Piece:
        """The next value, whole. Raises IngestError."""
        self.peek()
        while True:
            self._odd = None
            try:
                value, end = self._decoder.raw_decode(self._buffer, self._at)
            except json.JSONDecodeError as error:
                if not self._ended and len(self._buffer) - self._at < MAX_ITEM and self._more():
                    continue
                raise self.error(error.msg, error.pos) from error
            except RecursionError as error:
                raise self.error("nests too deep") from error
            except ValueError as error:  # a number of thousands of digits
                raise self.error(str(error).partition(";")[0]) from error
            if end == len(self._buffer) and self._more():  # a number may go on
                continue
            self._at = end
            return Piece(value, self._odd)

    def error(self, what: str, at: int | None = None) -> IngestError:
        """What is wrong, with line and column."""
        at = min(self._at if at is None else at, len(self._buffer))
        line = self._lines + self._buffer.count("\n", 0, at) + 1
        column = at - self._buffer.rfind("\n", 0, at)
        zh, en = said(what)
        return IngestError(
            zh=f"{self._name} 不是 JSON（第 {line} 行第 {column} 列）：{zh}",
            en=f"{self._name} is not JSON (line {line}, column {column}): {en}",
        )

    # --- structures ----------------------------------------------------------------------------------------------------------------------

    def members(self, lists: frozenset[str]) -> Iterator[tuple[str, Piece | None]]:
        """The members of the object that comes next.

        Args:
            lists: names of members that are not read: for each, None is given, and the caller takes its items (`items`) before it goes on.
        """
        self.take("{")
        if self.peek() == "}":
            self._at += 1
            return
        while True:
            if self.peek() != '"':
                raise self.error("expected the name of a member")
            name = str(self.value().value)
            self.take(":")
            if name in lists and self.peek() == "[":
                yield name, None
            else:
                yield name, self.value()
            if self.peek() == "}":
                self._at += 1
                return
            self.take(",")

    def items(self) -> Iterator[Piece]:
        """The items of the list that comes next."""
        self.take("[")
        if self.peek() == "]":
            self._at += 1
            return
        while True:
            yield self.value()
            if self.peek() == "]":
                self._at += 1
                return
            self.take(",")

    def end(self) -> None:
        """Nothing may follow. Raises IngestError."""
        if self.peek():
            raise self.error("more than one value")
