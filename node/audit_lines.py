"""Reads the audit log for the command line and the administration's pages (nobody writes here)."""

from typing import Any

from sqlalchemy import Connection, or_, select

from catalog.canonical import loads
from catalog.tables import audit


def audit_lines(
    conn: Connection, *, event: str | None = None, actor: str | None = None, record: str | None = None, limit: int = 50, before: int | None = None
) -> list[dict[str, Any]]:
    """Audit lines, newest first.

    Args:
        conn: any snapshot.
        event: this event, or a family of them (`record` takes `record.publish`).
        actor: as lines name it, for example `person:li@n-…`.
        record: id of a record.
        limit: at most so many.
        before: only lines with a smaller number (for pages).

    Returns:
        One dict for each line: seq, time (UTC seconds), event, actor, record, outcome, detail.
    """
    query = select(audit).order_by(audit.c.seq.desc()).limit(limit)
    if event:
        query = query.where(or_(audit.c.event == event, audit.c.event.startswith(event + ".", autoescape=True)))
    if actor:
        query = query.where(audit.c.actor == actor)
    if record:
        query = query.where(audit.c.record == record)
    if before is not None:
        query = query.where(audit.c.seq < before)
    names = ("seq", "time", "event", "actor", "record", "outcome")
    return [{**{name: row[name] for name in names}, "detail": loads(row["detail"])} for row in conn.execute(query).mappings()]
