"""XLSX → one layer for each sheet that has a table. Numbers keep the digits that they show (`000123` by its format), formulas their last values.

A workbook is a zip of XML: its size is checked before it is opened, and XML with a document type is refused.
"""

import datetime
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from catalog.errors import CatalogError, IngestError
from catalog.ingest.cells import Cells, Line, read_cells
from catalog.ingest.library_words import said
from catalog.ingest.model import Found, Item, Refused, Sidecar
from catalog.profiles import Profile
from catalog.quarantine import Bad

__all__ = ["is_workbook", "read_workbook"]

MAX_UNZIPPED = 2 << 30
#: Texts of a workbook stand in one list, which is held whole while it is read.
MAX_STRINGS = 256 << 20
_ZEROS = re.compile(r"0+\Z")
_CLOCK = re.compile(r"[hHsS]|AM/PM")
#: Rows at the top among which the heading is looked for: titles stand above many tables.
_HEAD = 10


def is_workbook(names: Sequence[str]) -> bool:
    """Whether the members of a zip are those of a workbook."""
    return "[Content_Types].xml" in names and any(name.startswith("xl/") for name in names)


def read_workbook(path: Path, profile: Profile, sidecar: Sidecar) -> Iterator[Found]:
    """Reads the sheets of a workbook; the only one keeps the file as its original.

    Raises:
        IngestError: damaged, too large, or without a table.
    """
    import openpyxl

    _check(path)
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except Exception as error:  # it has no error of its own for damaged files
        zh, en = said(error)
        raise IngestError(zh=f"{path.name} 不是完好的 XLSX：{zh}", en=f"{path.name} is not a sound XLSX: {en}") from error
    try:
        sheets = [_Sheet(sheet, path.name, several=len(book.worksheets) > 1) for sheet in book.worksheets if sheet.sheet_state == "visible"]
        filled = [sheet for sheet in sheets if sheet.find_heading()]
        if not filled:
            raise IngestError(zh=f"{path.name} 中没有表格", en=f"{path.name} holds no table")
        for sheet in filled:
            yield from _read_sheet(sheet, sheet.title if len(filled) > 1 else "", profile, sidecar)
    finally:
        book.close()


def _read_sheet(sheet: "_Sheet", part: str, profile: Profile, sidecar: Sidecar) -> Iterator[Found]:
    try:
        layer, fields = read_cells(Cells(sheet.name, sheet.lines, sheet.headings, unit="row"), profile, sidecar)
    except CatalogError as error:
        if not part:
            raise
        yield Refused(part, Bad({"path": part}, error.kind, error.zh, error.en))
        return
    guessed: dict[str, Any] = {"kind": "dataset", "update_cycle": "irregular"}
    notes: list[tuple[str, str]] = []
    if sheet.lossy:
        said = "Excel 中以数字保存的长编号超过 15 位，末位已由 Excel 变为零"
        notes.append((said, "numbers of more than 15 digits stand as numbers in the workbook: Excel has made their last digits zeros"))
    if sheet.above:
        notes.append((f"标题行之上未收录：{sheet.above}", f"left out above the heading: {sheet.above}"))
    if part:
        guessed["title"] = part
        notes.append(("文件含多个工作表，原文件不随各记录保存", "the file holds several sheets: the file itself is not kept with each record"))
    yield Item(fields=fields, guessed=guessed, layer=layer, format="xlsx", part=part, original=not part, notes=tuple(notes))


def _check(path: Path) -> None:
    """Refuses bombs and XML with a document type. Raises IngestError."""
    try:
        with zipfile.ZipFile(path) as book:
            total = sum(info.file_size for info in book.infolist())
            if total > MAX_UNZIPPED or total > 250 * max(path.stat().st_size, 4_096):
                raise IngestError(zh=f"{path.name} 解压后 {total} 字节，超出上限", en=f"{path.name} would unpack to {total} bytes, more than is accepted")
            for info in book.infolist():
                if info.filename.endswith("sharedStrings.xml") and info.file_size > MAX_STRINGS:
                    zh = f"{path.name} 的文字共 {info.file_size} 字节，上限 {MAX_STRINGS}；请另存为 CSV"
                    en = f"{path.name} holds {info.file_size} bytes of texts, at most {MAX_STRINGS}; save it as CSV"
                    raise IngestError(zh=zh, en=en)
                if info.flag_bits & 1:
                    raise IngestError(zh=f"{path.name} 有密码", en=f"{path.name} is protected by a password")
                if info.filename.endswith((".xml", ".rels")):
                    with book.open(info) as file:
                        head = file.read(4_096)
                    if b"<!DOCTYPE" in head.replace(b"\x00", b"") or b"<!ENTITY" in head.replace(b"\x00", b""):
                        raise IngestError(
                            zh=f"{path.name} 声明了实体或文档类型，不予接受", en=f"{path.name} declares entities or a document type: not accepted"
                        )
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        zh, en = said(error)
        raise IngestError(zh=f"{path.name} 不是完好的 XLSX：{zh}", en=f"{path.name} is not a sound XLSX: {en}") from error


class _Sheet:
    """One sheet: its heading, and the lines below."""

    def __init__(self, sheet: Any, file: str, *, several: bool) -> None:
        self._sheet = sheet
        self.title = str(sheet.title)
        self.name = f"{file} · {self.title}" if several else file
        self.headings: list[str] = []
        self._first = 0
        self.above = ""
        self.lossy = False

    def find_heading(self) -> bool:
        """Finds the heading: the first of the top rows that fills at least half as many cells as the fullest. False when there is no table."""
        self._sheet.reset_dimensions()  # what a file says of its size may be a lie
        top = [(number, _filled(row)) for number, row in self._rows(_HEAD * 2)]
        top = [(number, row) for number, row in top if row][:_HEAD]
        if not top:
            return False
        most = max(sum(map(bool, row)) for _, row in top)
        self._first, heading = next((number, row) for number, row in top if sum(map(bool, row)) * 2 >= most)
        self.headings = [" ".join(cell.split()) for cell in heading]
        self.above = " ".join(cell for number, row in top if number < self._first for cell in row if cell.strip())[:200]
        return True

    def _rows(self, limit: int | None = None) -> Iterator[Line]:
        try:
            for number, row in enumerate(self._sheet.iter_rows(max_row=limit), 1):
                yield number, [self._text(cell) for cell in row]
        except Exception as error:  # damaged sheets raise whatever they meet
            zh, en = said(error)
            raise IngestError(zh=f"{self.name} 不能读取：{zh}", en=f"{self.name} cannot be read: {en}") from error

    def lines(self) -> Iterator[Line]:
        """All rows below the heading."""
        for number, row in self._rows():
            if number > self._first:
                yield number, row

    def _text(self, cell: Any) -> str:
        """A cell as text that loses nothing."""
        value = cell.value
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            return self._number(value, str(getattr(cell, "number_format", "") or ""))
        if isinstance(value, datetime.datetime):
            plain = value.time() == datetime.time(0) and not _CLOCK.search(str(cell.number_format or ""))
            return value.date().isoformat() if plain else value.isoformat(sep=" ", timespec="seconds")
        return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else str(value)

    def _number(self, value: int | float, shown: str) -> str:
        whole = isinstance(value, int) or (value.is_integer() and abs(value) < 1e18)
        if not whole:
            return repr(value)
        if abs(value) >= 1e15:
            self.lossy = True
        text = str(int(value))
        return text.zfill(len(shown)) if _ZEROS.match(shown) and value >= 0 else text


def _filled(row: Sequence[str]) -> list[str]:
    """A row without the empty cells behind."""
    cells = list(row)
    while cells and not cells[-1].strip():
        cells.pop()
    return cells
