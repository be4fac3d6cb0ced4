"""CSV → a layer, plain or alone in a zip: its encoding, its delimiter, its lines (`cells` does the rest)."""

import csv
import io
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from catalog.errors import IngestError
from catalog.ingest.archive import MAX_RATIO, MAX_UNZIPPED, broken_zip, member_names
from catalog.ingest.cells import Cells, Line, check_headings, read_cells
from catalog.ingest.decoding import encoding_of
from catalog.ingest.library_words import said
from catalog.ingest.model import Item, Sidecar
from catalog.profiles import Profile

__all__ = ["csv_in_zip", "read_csv"]

MAX_FIELD = 1 << 20
#: Lines at the top among which the heading is looked for.
_TOP = 12
#: What Excel writes above a table to say its delimiter.
_SAYS_DELIMITER = re.compile(r"\ufeff?sep=(.)\r?\n", re.IGNORECASE)


def read_csv(path: Path, profile: Profile, sidecar: Sidecar) -> Item:
    """Reads a CSV file, or the only CSV inside a zip.

    Raises:
        IngestError: no heading, no rows, lines that cannot be read, a key that is not unique; says the line.
    """
    open_text, encoding = _source(path, sidecar)
    try:
        with open_text() as text:
            dialect, start = _dialect(text.read(65_536))
        with open_text() as text:
            top = list(islice(_lines(text, dialect, path.name), _TOP))
    except UnicodeError as error:
        zh, en = said(error)
        raise IngestError(zh=f"{path.name} 不能以 {encoding} 解码：{zh}", en=f"{path.name} cannot be decoded as {encoding}: {en}") from error
    skipped = start + _above([cells for _, cells in top[start:]])
    headings = [cell.strip().lstrip("\ufeff") for cell in (top[skipped][1] if skipped < len(top) else [])]
    check_headings(headings, path.name)
    if len(headings) == 1 and path.suffix.lower() not in (".csv", ".tsv", ".zip"):
        raise IngestError(zh=f"{path.name} 是文本文件，但不是表格", en=f"{path.name} is text, but no table")

    def lines() -> Iterator[Line]:
        with open_text() as text:
            yield from islice(_lines(text, dialect, path.name), skipped + 1, None)

    layer, fields = read_cells(Cells(path.name, lines, headings), profile, sidecar)
    notes = [] if encoding in ("utf-8", "utf-8-sig") else [(f"文字编码：{encoding}", f"text encoding: {encoding}")]
    if left_out := " ".join(cell for _, cells in top[start:skipped] for cell in cells if cell.strip())[:200]:
        notes.append((f"标题行之上未收录：{left_out}", f"left out above the heading: {left_out}"))
    guessed = {"kind": "dataset", "update_cycle": "irregular"}
    return Item(fields=fields, guessed=guessed, layer=layer, format="zip" if path.suffix.lower() == ".zip" else "csv", notes=tuple(notes))


def csv_in_zip(path: Path) -> str | None:
    """The name of the only CSV in a zip that holds nothing else of substance, or None: such a one is read without unpacking.

    Raises:
        IngestError: no sound zip, a password, or more inside than is accepted.
    """
    names = member_names(path)
    if len(names) != 1 or not names[0].lower().endswith((".csv", ".tsv", ".txt")) or ".." in names[0] or names[0].startswith(("/", "\\")):
        return None
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(names[0])
    if info.file_size > MAX_UNZIPPED or info.file_size > MAX_RATIO * max(info.compress_size, 1_024):
        zh, en = f"{path.name} 解压后 {info.file_size} 字节，超出上限", f"{path.name} would unpack to {info.file_size} bytes, more than is accepted"
        raise IngestError(zh=zh, en=en)
    if info.flag_bits & 1:
        raise IngestError(zh=f"{path.name} 有密码", en=f"{path.name} is protected by a password")
    return names[0] if (info.external_attr >> 16) & 0o170000 != 0o120000 else None


def _source(path: Path, sidecar: Sidecar) -> tuple[Callable[[], Any], str]:
    """A way to open the text, again and again, and its encoding."""
    with path.open("rb") as file:
        packed = file.read(4) == b"PK\x03\x04"
    if packed:
        member = csv_in_zip(path)
        assert member is not None
        encoding = sidecar.encoding or _zip_encoding(path, member)
        return (lambda: _open_zip(path, member, encoding)), encoding
    encoding = sidecar.encoding or encoding_of(path)
    return (lambda: path.open(encoding=encoding, newline="", errors="strict")), encoding


def _zip_encoding(path: Path, member: str) -> str:
    """Spools it once: what it says of its size may be a lie, and the whole of it tells the encoding."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as packed, tempfile.NamedTemporaryFile() as spool:
            left = MAX_UNZIPPED
            while chunk := packed.read(1 << 20):
                left -= len(chunk)
                if left < 0:
                    raise IngestError(zh=f"{path.name} 解压后过大", en=f"{path.name} unpacks to too much")
                spool.write(chunk)
            spool.flush()
            return encoding_of(Path(spool.name))
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, UnicodeDecodeError) as error:
        raise broken_zip(path, error) from error


@contextmanager
def _open_zip(path: Path, member: str, encoding: str) -> Iterator[TextIO]:
    with zipfile.ZipFile(path) as archive, archive.open(member) as packed, io.TextIOWrapper(packed, encoding=encoding, newline="") as text:
        yield text


def _dialect(sample: str) -> tuple[Any, int]:
    """Which delimiter: the one that a line above the table says, or that the first line with any has most; and the lines before the table begins."""
    said_so = _SAYS_DELIMITER.match(sample)
    lines = [line for line in sample.splitlines()[:_TOP] if any(mark in line for mark in ",\t;|")]
    best = said_so[1] if said_so else max(",\t;|", key=lines[0].count) if lines else ","

    class Dialect(csv.excel):
        delimiter = best

    return Dialect, 1 if said_so else 0


def _above(rows: Sequence[Sequence[str]]) -> int:
    """How many rows stand above the heading: titles, which fill less than half of the cells that a table fills, and are padded to its width."""
    filled = [sum(1 for cell in row if cell.strip()) for row in rows]
    most = max(filled, default=0)
    return next((at for at, row in enumerate(rows) if row and (filled[at] * 2 >= most or len(row) < most or not filled[at])), 0)


def _lines(text: TextIO, dialect: Any, name: str) -> Iterator[Line]:
    """Lines with the number of the last one that each takes; what cannot be read is said with its place."""
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(text, dialect)
    while True:
        try:
            cells: list[str] = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeError, zipfile.BadZipFile, EOFError, zlib.error) as error:
            line = reader.line_num + 1
            zh, en = said(error)
            raise IngestError(zh=f"{name} 第 {line} 行无法读取：{zh}", en=f"{name}, line {line}: {en}") from error
        yield reader.line_num, cells
