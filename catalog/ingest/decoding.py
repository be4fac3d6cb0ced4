"""Which encoding a text file has: by its mark, else UTF-8 when it is that, else GB18030 (which holds GBK and GB 2312), else what it looks like most."""

import codecs
from pathlib import Path

from charset_normalizer import from_bytes

from catalog.errors import IngestError

__all__ = ["encoding_of", "encoding_of_bytes"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CHUNK = 1 << 20


def encoding_of(path: Path) -> str:
    """The name of the encoding of a text file; reads the whole file once, in pieces.

    Raises:
        IngestError: it is not text.
    """
    with path.open("rb") as file:
        head = file.read(4096)
        for mark, name in _MARKS:
            if head.startswith(mark):
                return name
        if b"\x00" in head:
            raise IngestError(zh=f"{path.name} 不是文本文件", en=f"{path.name} is not a text file")
        for name in ("utf-8", "gb18030"):
            file.seek(0)
            decoder = codecs.getincrementaldecoder(name)("strict")
            try:
                while chunk := file.read(_CHUNK):
                    decoder.decode(chunk)
                decoder.decode(b"", final=True)
            except UnicodeDecodeError:
                continue
            return name
        file.seek(0)
        return encoding_of_bytes(file.read(4 * _CHUNK))


def encoding_of_bytes(data: bytes) -> str:
    """The same for bytes in memory."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    for name in ("utf-8", "gb18030"):
        try:
            data.decode(name)
        except UnicodeDecodeError:
            continue
        return name
    best = from_bytes(data[: 4 * _CHUNK]).best()
    return "latin-1" if best is None else best.encoding
