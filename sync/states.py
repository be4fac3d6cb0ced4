"""Small numbers of the loops, in `sync_state`."""

from sqlalchemy import Connection, insert, select, update

from sync import tables as t

__all__ = ["get_number", "set_number"]


def get_number(conn: Connection, name: str) -> int:
    """A number; 0 before it was first set."""
    value = conn.scalar(select(t.state.c.value).where(t.state.c.name == name))
    return 0 if value is None else int(value)


def set_number(conn: Connection, name: str, value: int) -> None:
    """Sets a number."""
    if conn.execute(update(t.state).where(t.state.c.name == name).values(value=str(value))).rowcount == 0:
        conn.execute(insert(t.state).values(name=name, value=str(value)))
