"""What a witness says of this site's log and does not prove: an alarm, never a reason to rest (PROTOCOL 3.3, 6.2).

A witness is another site. Were its bare word enough to hold a log back, any of them could stop its neighbour's whole exchange with one line, until somebody
fetches a root key. So only a checkpoint that this site itself has signed counts (`Logbook`). Everything else is written down here, for people: the audit log,
`sync status`, the doctor. The log stays `signed`, and the witness is asked again.
"""

from dataclasses import dataclass
from typing import cast

from sqlalchemy import Connection, delete, insert, select

from catalog.canonical import dumps, loads
from catalog.transaction import WriteTransaction
from policies.errors import TerraceError
from sync import tables as t
from sync.errors import PeerError

__all__ = ["Doubt", "clear_doubt", "doubt_of", "is_doubt", "note_doubt"]

_DOUBT = "witness-doubt"
_LONGEST = 500


@dataclass(frozen=True)
class Doubt:
    """What the witness said last.

    Attributes:
        witness: node id.
        since: UTC seconds.
        zh, en: what it said.
    """

    witness: str
    since: int
    zh: str
    en: str


def is_doubt(error: TerraceError) -> bool:
    """Whether a refusal of the witness says that something is wrong with this log; a site that is away, or does not know us yet, says nothing of it."""
    return error.kind in ("witness-claim", "witness-answer") or (isinstance(error, PeerError) and error.status in (409, 422))


def doubt_of(conn: Connection) -> Doubt | None:
    """The doubt that stands, or None."""
    value = conn.scalar(select(t.state.c.value).where(t.state.c.name == _DOUBT))
    if not value:
        return None
    said = cast(dict[str, str], loads(value))
    return Doubt(said["witness"], int(said["since"]), said["zh"], said["en"])


def note_doubt(tx: WriteTransaction, witness: str, error: TerraceError, now: int) -> bool:
    """Writes a doubt down; in the audit log once for each witness until it has cosigned again.

    Returns:
        Whether it is new.
    """
    old = doubt_of(tx.conn)
    if old is not None and old.witness == witness:
        return False
    zh, en = error.zh[:_LONGEST], error.en[:_LONGEST]
    clear_doubt(tx.conn)
    tx.conn.execute(insert(t.state).values(name=_DOUBT, value=dumps({"witness": witness, "since": now, "zh": zh, "en": en}).decode()))
    tx.audit("sync.doubt", actor=f"peer:{witness}", outcome="alarm", detail={"zh": zh, "en": en})
    return True


def clear_doubt(conn: Connection) -> None:
    """The witness has cosigned."""
    conn.execute(delete(t.state).where(t.state.c.name == _DOUBT))
