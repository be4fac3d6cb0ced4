"""When the clock alone moves rows into or out of a reader's share (PROTOCOL 5.2): `row.observed is older than 30 days` lets one row more through each day.

A batch once sent cannot be sent again with more of it opened, so a row that passes later, or no longer, makes the share begin anew: a reset, and the batches
again. Rules:

1. A share that the clock moves carries the moment up to which it was judged (`stamp`). It begins anew only when the moment of a row that was already sent lies
   between then and now; rows of batches still to be sent are judged when these are.
2. The next such moment wakes the stream (`sync_due`), like the end of an embargo of a whole record.
3. Of a large table moments are taken together, in steps of `step` seconds: else a sensor's row a minute would send a million rows a minute. A row may so come,
   or go, by that much later than its moment; what is sent anew meanwhile is judged by the moment itself (4.3).
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, func, literal, select

from catalog.profiles import profile
from catalog.rows.columns import day_text, seconds_of
from catalog.rows.tables import RowTable
from catalog.tables import row_change
from policies.errors import TerraceError
from policies.expressions import Condition, sentences
from policies.predicates import moves_at

__all__ = ["RowMoments", "moves", "row_moments", "same_filter", "stamp", "stamped", "step"]

_DAY, _UTC8 = 86_400, 8 * 3600
#: Rows of a table whose moments are taken one by one.
_FEW = 5_000
_TEXT = 24
_NEVER = 1 << 40


@dataclass(frozen=True, slots=True)
class RowMoments:
    """What the clock does to a share.

    Attributes:
        flipped: the moment of a row that was sent has come since the share was judged.
        next: UTC seconds of the next moment, or None.
        until: UTC seconds up to which this was looked at.
    """

    flipped: bool
    next: int | None
    until: int


def step(rows: int) -> int:
    """Seconds in which the moments of a table of so many rows are taken together: 1 up to 5,000 rows, 256 for a million."""
    return 1 << (rows // _FEW).bit_length()


def stamp(condition: Condition | None, until: int, epoch: int = 1) -> bytes:
    """What is kept beside the rows of a share: which filter, judged up to when (0: the clock does not move it), batches of which epoch. 32 bytes."""
    # PROTOCOL 6.2: in a new epoch the batches may be others under the same numbers
    said = repr(condition) if epoch == 1 else f"{condition!r}\n{epoch}"
    return hashlib.sha256(said.encode()).digest()[:_TEXT] + until.to_bytes(8, "big")


def stamped(kept: bytes | None, condition: Condition | None, epoch: int = 1) -> int | None:
    """Up to when a share was judged under this filter; None when it was under another one, or never."""
    if kept is None or kept[:_TEXT] != stamp(condition, 0, epoch)[:_TEXT]:
        return None
    until = int.from_bytes(kept[_TEXT:], "big")
    return until if until < _NEVER else None


def same_filter(kept: bytes | None, stamp: bytes) -> bool:
    """Tells whether two stamps are of one filter, whenever it was judged."""
    return kept is not None and kept[:_TEXT] == stamp[:_TEXT]


def moves(condition: Condition) -> bool:
    """Tells whether the clock alone may change which rows meet a condition."""
    return any(moves_at(sentence) is not None for sentence in sentences(condition))


def row_moments(conn: Connection, table: RowTable, condition: Condition | None, profile_name: str, *, since: int, sent: int, now: int) -> RowMoments | None:
    """Looks what the clock did and will do to a share of a table.

    Args:
        conn: any.
        table: the rows.
        condition: the filter, settled but for rows.
        profile_name: profile of the record: says which column is `row.observed`.
        since: up to when the share was judged.
        sent: number of the newest batch sent; rows changed later come with their batch.
        now: UTC seconds.

    Returns:
        None when the clock moves nothing.
    """
    # PROTOCOL 5.2
    offsets = sorted({move[1] for sentence in sentences(condition) if (move := moves_at(sentence)) is not None})
    name = _observed(table, profile_name) if offsets else None
    if name is None:
        return None
    until = now - now % step(table.count)
    column = table.sql.c[name] if any(each.name == name for each in table.typed_columns) else None
    kind = table.by_name[name].type
    if column is None or kind not in ("date", "datetime"):
        return _by_day(since, until)
    until = max(since, until)  # a clock that was set back tells nothing new
    found = [_of_offset(conn, table, column, kind, offset, since=since, until=until, sent=sent) for offset in offsets]
    ahead = [moment for _, moment in found if moment is not None]
    nearest = min(ahead, default=None)
    width = step(table.count)
    return RowMoments(any(flipped for flipped, _ in found), None if nearest is None else -(-nearest // width) * width, until)


def _observed(table: RowTable, profile_name: str) -> str | None:
    try:
        known = profile(profile_name)
    except TerraceError:
        known = profile("core/1")
    return known.row_column("observed", frozenset(table.by_name))


def _of_offset(conn: Connection, table: RowTable, column: Column[Any], kind: str, offset: int, *, since: int, until: int, sent: int) -> tuple[bool, int | None]:
    """Whether a moment `value + offset` of a row that was sent lies in (since, until], and the first one beyond."""
    low, high = _stored(kind, since - offset), _stored(kind, until - offset)
    flipped = False
    if since < until:
        c = row_change.c
        later = select(c.key).where(c.id == table.id, c.variant == table.variant, c.seq > sent)
        query = select(literal(1)).where(column > low, column <= high, table.sql.c._key.not_in(later)).limit(1)
        flipped = conn.scalar(query) is not None
    ahead = conn.scalar(select(func.min(column)).where(column > high))
    return flipped, None if ahead is None else (ahead if kind == "datetime" else seconds_of(kind, ahead)) + offset


def _stored(kind: str, seconds: int) -> int | str:
    """The greatest stored value whose moment is not after a time; a date begins at UTC+8."""
    return seconds if kind == "datetime" else day_text(seconds + _UTC8)


def _by_day(since: int, until: int) -> RowMoments:
    """A column whose values SQL cannot compare as times: looked at when a day begins at UTC+8."""
    day = (until + _UTC8) // _DAY
    return RowMoments((since + _UTC8) // _DAY < day, (day + 1) * _DAY - _UTC8, until)
