"""The hash chain of the audit log: pure.

`chain(n) = SHA-256("terrace/1 audit\\n" ‖ chain(n−1) ‖ canonical JSON of line n)`; before line 1 stand 32 zero bytes. A line that is changed, removed or
put in between breaks every chain value after it; the newest value, kept elsewhere (it is printed by `terrace audit verify`), shows a cut end.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

START = b"\0" * 32
_LABEL = b"terrace/1 audit\n"


def link(previous: bytes, seq: int, line: Mapping[str, Any]) -> bytes:
    """The chain value of one line.

    Args:
        previous: chain value of the line before, 32 bytes.
        seq: the line's number.
        line: `time`, `event`, `actor`, `record`, `outcome` and `detail` (canonical JSON text).
    """
    body = [seq, line["time"], line["event"], line["actor"], line["record"], line["outcome"], line["detail"]]
    return hashlib.sha256(_LABEL + previous + orjson.dumps(body)).digest()


def chain_lines(lines: Sequence[Mapping[str, Any]], first: int, previous: bytes) -> list[dict[str, Any]]:
    """Turns buffered lines into rows of `audit`.

    Args:
        lines: as `WriteTransaction.audit` buffers them, `detail` a mapping.
        first: number of the first one.
        previous: chain value of the line before it.
    """
    rows = []
    for seq, line in enumerate(lines, first):
        row = {**line, "seq": seq, "detail": orjson.dumps(line["detail"], option=orjson.OPT_SORT_KEYS).decode()}
        previous = link(previous, seq, row)
        rows.append({**row, "chain": previous})
    return rows


def first_break(rows: Iterable[Mapping[str, Any]], first: int, previous: bytes) -> tuple[int | None, int, bytes]:
    """Looks for the first line whose chain value does not hold.

    Args:
        rows: rows of `audit` in order of `seq`.
        first: the number that the first one must have.
        previous: chain value before it.

    Returns:
        Number of the first bad line (None: all hold), number of lines seen, newest chain value.
    """
    expected = first
    for row in rows:
        value = link(previous, row["seq"], row)
        if row["seq"] != expected or value != bytes(row["chain"]):
            return expected, expected - first, previous
        previous = value
        expected += 1
    return None, expected - first, previous
