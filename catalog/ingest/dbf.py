"""The encoding of a Shapefile's texts. What the file says (`.cpg`, the header's code page) is often missing and sometimes wrong: the texts themselves decide
where they can.
"""

import codecs
import re
from pathlib import Path

from catalog.errors import IngestError
from catalog.ingest.files import parts_of

__all__ = ["check_dbf", "dbf_encoding"]

_SAMPLE = 4 << 20
_VERSIONS = frozenset((0x02, 0x03, 0x04, 0x05, 0x30, 0x31, 0x32, 0x43, 0x63, 0x83, 0x8B, 0x8C, 0xCB, 0xF5))
_CHINESE_PAGES = frozenset((0x4D, 0x7A))


def check_dbf(shp: Path) -> None:
    """Refuses a table that is none, or has been cut: GDAL would give what is left without a word.

    Raises:
        IngestError: says which.
    """
    dbf = next(part for part in parts_of(shp) if part.suffix.lower() == ".dbf")
    with dbf.open("rb") as file:
        head = file.read(32)
    count, first, width = int.from_bytes(head[4:8], "little"), int.from_bytes(head[8:10], "little"), int.from_bytes(head[10:12], "little")
    if len(head) < 32 or head[0] not in _VERSIONS or first < 33 or width < 1:
        raise IngestError(zh=f"{dbf.name} 已损坏，不是 dBASE 表", en=f"{dbf.name} is damaged: it is no dBASE table")
    if dbf.stat().st_size < first + count * width:
        zh, en = f"{dbf.name} 短于其声明的 {count} 行，已被截断", f"{dbf.name} is shorter than the {count} rows that it declares: it was cut"
        raise IngestError(zh=zh, en=en)


def dbf_encoding(shp: Path) -> str | None:
    """The encoding of a Shapefile.

    UTF-8 when the texts are that; else what `.cpg` says; else GB18030 when the header says Chinese, or nothing, and they are that; None to leave it to GDAL.
    """
    parts = {part.suffix.lower(): part for part in parts_of(shp)}
    if ".dbf" not in parts:
        return None
    texts, page = _texts(parts[".dbf"])
    said = _said(parts[".cpg"]) if ".cpg" in parts else None
    if _fits(texts, "utf-8"):
        return "utf-8" if any(not text.isascii() for text in texts) else said
    if said is not None and said != "utf-8":
        return said
    return "gb18030" if (page in _CHINESE_PAGES or said == "utf-8" or page in (0, 0x57)) and _fits(texts, "gb18030") else None


def _said(cpg: Path) -> str | None:
    """What the `.cpg` says, as Python names it."""
    word = cpg.read_bytes()[:100].decode("ascii", "ignore").strip().lower()
    digits = re.search(r"\d+", word)
    named = {"65001": "utf-8", "936": "gb18030", "54936": "gb18030", "88591": "iso-8859-1", "1252": "cp1252", "950": "big5"}
    for each in (word, named.get(digits[0], f"cp{digits[0]}") if digits else ""):
        try:
            found = codecs.lookup(each).name if each else ""
        except LookupError:
            continue
        if found:
            return "gb18030" if found in ("gbk", "gb2312", "cp936") else found
    return None


def _texts(dbf: Path) -> tuple[list[bytes], int]:
    """Text values and names of the first records, and the header's code page."""
    with dbf.open("rb") as file:
        data = file.read(_SAMPLE)
    if len(data) < 32:
        return [], 0
    first, width = int.from_bytes(data[8:10], "little"), int.from_bytes(data[10:12], "little")
    places, at, offset = [], 32, 1
    texts: list[bytes] = []
    while at + 32 <= min(first, len(data)) and data[at] != 0x0D:
        texts.append(data[at : at + 11].partition(b"\x00")[0])
        if data[at + 11 : at + 12] == b"C":
            places.append((offset, data[at + 16]))
        offset += data[at + 16]
        at += 32
    if width <= 0:
        return texts, data[29]
    for start in range(first, len(data) - width + 1, width):
        texts.extend(data[start + place : start + place + size].rstrip(b" \x00") for place, size in places)
    return texts, data[29]


def _fits(texts: list[bytes], encoding: str) -> bool:
    """Whether all can be decoded, but for a last character that the field's width has cut."""
    for text in texts:
        if text.isascii():
            continue
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        try:
            decoder.decode(text)
        except UnicodeDecodeError:
            return False
    return True
