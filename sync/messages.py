"""Messages between peers: requests and feedback, kept once for each caller and id (PROTOCOL 7).

{"about":"urn:terrace:…"|null,"body":{…},"id":"<16 B>","kind":"request","time":"…Z","v":1}
"""

from dataclasses import dataclass

from sqlalchemy import func, insert, select

from catalog.canonical import dumps, loads, unb64
from catalog.errors import CanonicalError
from catalog.ids import is_record_id
from sync import tables as t
from sync.claims import read_time
from sync.context import Context
from sync.errors import HaltError, StatementError, SyncError
from sync.refusals import Bound

__all__ = ["KINDS", "MessageDesk", "PeerMessage", "parse_message"]

KINDS = ("request", "feedback")
#: Messages that one caller may send in a minute, and that are kept of one caller.
A_MINUTE, KEPT = 60, 10_000


@dataclass(frozen=True)
class PeerMessage:
    """A message. `text`: its canonical text, unknown members included. `about`: a record, or None."""

    id: str
    kind: str
    about: str | None
    text: str


def parse_message(data: bytes) -> PeerMessage:
    """Reads a message.

    Args:
        data: body as received; its size was limited at the edge.

    Raises:
        SyncError: it has not its form (kind `message`).
        HaltError: a version or kind that only a newer program knows.
    """
    # PROTOCOL 7, 7.4
    try:
        value = loads(data)
        if not isinstance(value, dict) or type(value.get("v")) is not int:
            raise _bad("v")
        if value["v"] != 1 or (isinstance(value.get("kind"), str) and value["kind"] not in KINDS):
            raise HaltError(zh="本程序不识此版本或种类的消息；请更新程序", en="a message of a version or kind that this program does not know: update it")
        id, kind, about = value.get("id"), value.get("kind"), value.get("about")
        if not isinstance(id, str) or len(unb64(id, 16)) != 16:
            raise _bad("id")
        if not isinstance(kind, str) or not isinstance(value.get("body"), dict):
            raise _bad("kind, body")
        if not (about is None or (isinstance(about, str) and is_record_id(about))):
            raise _bad("about")
        time = value.get("time")
        read_time(time if isinstance(time, str) else "")
    except (CanonicalError, StatementError) as error:
        raise SyncError(zh=f"消息：{error.zh}", en=f"message: {error.en}", clause="7", kind="message") from error
    return PeerMessage(id, kind, about, dumps(value).decode())


def _bad(name: str) -> SyncError:
    return SyncError(zh=f"消息的 {name} 不合规定", en=f"the message's {name} has not its form", clause="7", kind="message")


class MessageDesk:
    """Takes messages in."""

    def __init__(self, context: Context) -> None:
        self._x = context
        self._bounds: dict[str, Bound] = {}  # by certified caller

    def take(self, caller: str, data: bytes) -> str:
        """Keeps a message, once for each (caller, id); returns its id.

        Raises:
            SyncError: see `parse_message`; kind `busy`: too many in a minute, or too many kept.
        """
        # PROTOCOL 7: idempotent by (caller, id)
        message = parse_message(data)
        m = t.message.c
        if not self._bounds.setdefault(caller, Bound(A_MINUTE)).take():
            raise _too_many()
        with self._x.store.write() as tx:
            if tx.conn.scalar(select(m.id).where(m.peer == caller, m.id == message.id)) is not None:
                return message.id
            if int(tx.conn.scalar(select(func.count()).select_from(t.message).where(m.peer == caller)) or 0) >= KEPT:
                raise _too_many()
            tx.conn.execute(insert(t.message).values(id=message.id, peer=caller, kind=message.kind, body=message.text, received=self._x.clock()))
            tx.audit("peer.message", actor=f"peer:{caller}", record=message.about, detail={"id": message.id, "kind": message.kind})
        return message.id


def _too_many() -> SyncError:
    return SyncError(zh="消息过多，请稍后再发", en="too many messages: send later", clause="7", kind="busy")
