"""One reader's share of a batch of rows: what passes its filter opened, what left it removed, all else as holes (PROTOCOL 5.1–5.4).

For each leaf of the batch, with *passes* meaning that the row surely meets the reader's filter:

| leaf | row passes now | before-image passed | sent as |
|---|---|---|---|
| put | yes | – | put |
| put | no | yes | removal without salt, and the hole |
| put | no | no | hole |
| removal | – | yes, or no filter | removal |
| removal | – | no | hole |
| hole (a relay's own share) | – | – | hole |

The places of holes are those of the authority's batch: leaves stand in byte order of their keys, and a relay knows the place of each hole it was given.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson
from sqlalchemy import Connection, select

from catalog import tables as c
from catalog.attributes import seconds_of_date
from catalog.canonical import b64
from catalog.profiles import profile
from policies.decision import row_passes
from policies.errors import TerraceError
from sync import batch as batches
from sync import tables as t
from sync.judgement import Judge, RowPart

__all__ = ["MadeRows", "next_row_item", "row_attributes"]

type Passes = Callable[[str], bool]


@dataclass(frozen=True)
class MadeRows:
    """An item of rows. `run`: the run that proves its head. `seq`: batch number that the reader has then. `bytes`: its size in the batch, roughly."""

    item: batches.RowsItem
    run: int
    seq: int
    bytes: int


def next_row_item(conn: Connection, judge: Judge, part: RowPart, id: str, seq: int, profile_name: str) -> MadeRows | None:
    """One batch of rows, cut to the reader's share.

    Args:
        conn: of the transaction.
        judge: of the reader.
        part: what it may hold.
        id, seq: record and number of the batch.
        profile_name: profile of the record: says which column is `row.division` and so on.

    Returns:
        None when the batch is not kept here (any more).
    """
    where = _leaf(conn, id, part, seq)
    head = conn.scalar(select(c.row_batch.c.head).where(c.row_batch.c.id == id, c.row_batch.c.variant == part.variant, c.row_batch.c.seq == seq))
    if where is None or head is None:
        return None
    changes = conn.execute(select(c.row_change).where(c.row_change.c.id == id, c.row_change.c.variant == part.variant, c.row_change.c.seq == seq)).all()
    columns = conn.scalar(select(c.row_table.c.columns).where(c.row_table.c.id == id, c.row_table.c.variant == part.variant))
    present = frozenset(str(column["name"]) for column in orjson.loads(columns or "[]"))
    put, remove, holes = _share(changes, _passes(part.filter, profile_name, present, judge.now))
    if len(put) + len(holes) + sum(salt is not None for salt, _ in remove) != orjson.loads(head)["count"]:
        return None  # PROTOCOL 5.2: its contents were given up, and without them its head proves nothing
    size = sum(len(key) + len(text) + 32 for _, key, text in put) + sum(len(key or "") + 32 for _, key in remove) + 50 * len(holes) + len(head)
    return MadeRows(batches.RowsItem(0, 0, where[1], head, put, remove, holes), where[0], seq, size)


def _leaf(conn: Connection, id: str, part: RowPart, seq: int) -> tuple[int, int] | None:
    """Run and index of the batch's head."""
    if part.source:
        r = t.row_leaf.c
        row = conn.execute(select(r.run, r.at).where(r.source == part.source, r.id == id, r.variant == part.variant, r.seq == seq)).one_or_none()
    else:
        leaf = t.leaf.c
        query = select(leaf.run, leaf.at).where(leaf.id == id, leaf.variant == part.variant, leaf.seq == seq, leaf.kind == "rows")
        row = conn.execute(query.order_by(leaf.run.desc()).limit(1)).one_or_none()
    return None if row is None else (row.run, row.at)


type _Share = tuple[list[list[str]], list[list[str | None]], list[list[int | str]]]


def _share(changes: Any, passes: Passes | None) -> _Share:
    """The three lists of a reader's share; see the table in the module's docstring."""
    holes = {int(row.key[1:]): bytes(row.leaf) for row in changes if row.key.startswith("#")}
    leaves = sorted((row for row in changes if not row.key.startswith("#") and row.leaf), key=lambda row: row.key.encode())
    free = iter(place for place in range(len(leaves) + len(holes)) if place not in holes)
    put: list[list[str]] = []
    remove: list[list[str | None]] = []
    for row in leaves:
        place = next(free)
        before = row.before_row is not None and (passes is None or passes(row.before_row))
        if row.row is not None and (passes is None or passes(row.row)):
            put.append([b64(bytes(row.salt)), row.key, row.row])
        elif row.row is None and (passes is None or before):
            remove.append([b64(bytes(row.salt)), row.key])
        else:
            holes[place] = bytes(row.leaf)
            if before:
                remove.append([None, row.key])
    for row in changes:  # what only left this site's own share: no leaf of ours, but the reader may hold the row
        if not row.key.startswith("#") and not row.leaf and row.before_row is not None and (passes is None or passes(row.before_row)):
            remove.append([None, row.key])
    return put, remove, [[place, b64(leaf)] for place, leaf in sorted(holes.items())]


def _passes(condition: Any, profile_name: str, present: frozenset[str], now: int) -> Passes | None:
    """The filter as a function of a canonical row's text; None when every row passes."""
    if condition is None:
        return None
    return lambda text: row_passes(condition, row_attributes(cast(Mapping[str, Any], orjson.loads(text)), profile_name, present), now)


def row_attributes(row: Mapping[str, Any], profile_name: str, present: frozenset[str]) -> dict[str, object]:
    """What policies call `row.*` of one canonical row.

    Args:
        row: its non-null columns.
        profile_name: profile of the record, which says which column is which.
        present: columns of the table.
    """
    try:
        known = profile(profile_name)
    except TerraceError:
        known = profile("core/1")
    found: dict[str, object] = {}
    for role in known.rows:
        column = known.row_column(role, present)
        if column is not None and row.get(column) is not None:
            found[role] = seconds_of_date(row[column]) if role == "observed" else row[column]
    return found
