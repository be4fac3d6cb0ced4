"""Where records came from: place (path, and the part) and digest of the content → record, so that the same adds nothing and another content changes the same.

A load that goes on in further transactions is noted as unfinished, with how far it came.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select

from catalog.ingest.fill import Filled
from catalog.ingest.model import IngestContext
from catalog.tables import draft as drafts
from catalog.tables import record, source
from catalog.transaction import WriteTransaction

__all__ = ["from_same_place", "known", "note_source", "note_sources", "resumed", "there", "unfinished"]


def known(conn: Connection, column: ColumnElement[Any], values: Sequence[str]) -> dict[str, str]:
    """Digest or place → record, for what is known and still there; of several the newest."""
    rows = conn.execute(select(column.label("value"), source.c.id).where(column.in_(values)).order_by(source.c.time))
    found = {row.value: row.id for row in rows}
    if not found:
        return {}
    ids = list(found.values())
    alive = {*conn.scalars(select(drafts.c.id).where(drafts.c.id.in_(ids))), *conn.scalars(select(record.c.id).where(record.c.id.in_(ids)))}
    return {value: id for value, id in found.items() if id in alive}


def note_source(tx: WriteTransaction, new: Filled, id: str, digest: str) -> None:
    note_sources(tx, [(new.place, digest, id)])


def note_sources(tx: WriteTransaction, entered: Sequence[tuple[str, str, str]]) -> None:
    """Notes place, digest and record. Only the newest content of a place is known: a file that goes back to an earlier content is a change."""
    newest = {place: (digest, id) for place, digest, id in entered}
    if newest:
        digests = [digest for digest, _ in newest.values()]
        tx.conn.execute(delete(source).where(or_(source.c.source.in_(list(newest)), source.c.digest.in_(digests))))
        rows = {digest: {"digest": digest, "id": id, "source": place, "time": tx.now} for place, (digest, id) in newest.items()}
        tx.conn.execute(insert(source), list(rows.values()))


def unfinished(new: Filled, done: int) -> str:
    """How a load is noted that goes on in further transactions: how many of its rows are there, 0 when that cannot be told."""
    return f"unfinished:{new.digest}:{done}"


def resumed(ctx: IngestContext, new: Filled) -> int:
    """How many rows an earlier run wrote that was killed; 0 when there was none of this content, or its rows have to be compared."""
    with ctx.store.read() as conn:
        digest = conn.scalar(select(source.c.digest).where(source.c.source == new.place)) or ""
    head, _, done = digest.rpartition(":")
    return int(done) if head == f"unfinished:{new.digest}" else 0


def from_same_place(conn: Connection, place: str) -> str | None:
    """The record that an earlier content of the same file became, unless it was withdrawn or given up since."""
    id = conn.scalar(select(source.c.id).where(source.c.source == place).order_by(source.c.time.desc()).limit(1))
    return str(id) if id is not None and there(conn, id) else None


def there(conn: Connection, id: str) -> bool:
    """Whether a record is there, as a draft or published."""
    return conn.scalar(select(drafts.c.id).where(drafts.c.id == id)) is not None or conn.scalar(select(record.c.id).where(record.c.id == id)) is not None
