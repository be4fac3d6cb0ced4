"""Files between peers: giving them by Range to those who may hold them, fetching what is wanted, shown only after the hash holds (PROTOCOL 7, Objects)."""

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import and_, delete, or_, select, update

from catalog import faults
from catalog.errors import NotFoundError
from catalog.objects import OBJECT_NAME
from policies.errors import TerraceError
from sync import tables as t
from sync.context import Context
from sync.errors import AwayError, PeerError, SyncError
from sync.judgement import Judge
from sync.objects import users_of
from sync.refusals import Refusals
from sync.transport import Peers

__all__ = ["ObjectDesk", "OpenObject"]

#: Seconds until a fetch that failed is tried again: doubled each time.
_FIRST, _LONGEST = 1, 3600
_ATTEMPTS = 20
#: Seconds after which to ask again for a file whose fetching begins.
_SOON = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OpenObject:
    """A file on its way to a peer: total size, and the bytes from where it asked."""

    size: int
    chunks: Iterator[bytes]


class ObjectDesk:
    """Gives and fetches files."""

    def __init__(self, context: Context, peers: Peers) -> None:
        self._x = context
        self._peers = peers
        self._refusals = Refusals(context)

    # --- giving ------------------------------------------------------------------------------------------------------------------------

    def open_for(self, peer: str, sha256: str, start: int | None) -> OpenObject:
        """Opens a file for a peer.

        Raises:
            NotFoundError: there is no such file, or no record that names it gives this peer its files: the same words.
        """
        store = self._x.objects
        if store is None or OBJECT_NAME.match(sha256) is None:
            raise NotFoundError
        with self._x.store.read() as conn:
            named = users_of(conn, sha256)
            judged = Judge(self._x, conn, peer, self._x.clock()).judge(named.keys()) if named else {}
        if not any(item.files and named[id] & item.names for id, item in judged.items()):
            raise NotFoundError
        if not store.has(sha256):
            self.request(sha256)  # it may hold it: so we fetch it, and the peer asks again
            raise NotFoundError
        size = store.size(sha256)
        if start is not None and not 0 <= start < max(size, 1):
            raise SyncError(zh="范围超出文件", en="the range lies outside of the file", clause="7", kind="request")
        return OpenObject(size, store.open(sha256, start or 0))

    # --- fetching ----------------------------------------------------------------------------------------------------------------------

    def fetch_next(self) -> bool:
        """Fetches one wanted file that is due; False when there is none."""
        if self._x.objects is None:
            return False
        now = self._x.clock()
        w = t.object_want.c
        with self._x.store.read() as conn:
            due = or_(w.due <= now, w.due > now + _LONGEST)  # the latter was written before the clock was set back
            row = conn.execute(select(t.object_want).where(w.state == "wanted", due).order_by(w.due).limit(1)).one_or_none()
        if row is None:
            return False
        try:
            self._fetch(row)
        except (TerraceError, OSError) as error:
            self._postpone(row, error)
        return True

    def request(self, sha256: str) -> int | None:
        """Asks for a file on demand.

        Returns:
            Seconds after which it may be here; None where no peer has it. Where settings say *never*, nothing is fetched.
        """
        w = t.object_want.c
        if self._x.settings.objects == "never":
            return None
        fits = or_(w.size.is_(None), w.size <= self._x.settings.object_bytes)
        with self._x.store.read() as conn:
            known = conn.execute(select(w.state, w.due).where(w.sha256 == sha256, fits)).all()
        if {row.state for row in known} & {"skipped", "failed"}:
            with self._x.store.write() as tx:
                asked = and_(w.sha256 == sha256, fits, w.state.in_(["skipped", "failed"]))
                tx.conn.execute(update(t.object_want).where(asked).values(state="wanted", due=0, attempts=0))
            self._x.wake.ring("objects")
            return _SOON
        later = [row.due - self._x.clock() for row in known]
        return min(max(min(later), 0) + _SOON, _LONGEST) if later else None

    def _fetch(self, row: Any) -> None:
        store = self._x.objects
        assert store is not None
        if not store.has(row.sha256):
            part = self._part(row.sha256)
            total, chunks = self._peers.object(row.source, row.sha256, part.stat().st_size if part.exists() else 0)
            limit = row.size if row.size is not None else self._x.settings.object_bytes
            self._write(part, chunks, limit, total)
            try:
                with part.open("rb") as file:
                    store.put(file, media_type=row.media_type, expect=row.sha256)  # kept only when the hash holds
            finally:
                part.unlink(missing_ok=True)
        with self._x.store.write() as tx:
            store.note(tx, row.sha256, media_type=row.media_type)
            tx.conn.execute(update(t.object_want).where(t.object_want.c.sha256 == row.sha256).values(state="held", error=None))
            tx.audit("object.fetched", actor=f"peer:{row.source}", record=row.id, detail={"sha256": row.sha256})

    def _part(self, sha256: str) -> Path:
        folder = self._x.store.data_dir / "fetching"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder / f"{sha256}.part"

    def _write(self, part: Path, chunks: Iterator[bytes], limit: int, total: int | None) -> None:
        """Appends to the part file; a cut connection leaves it for the next try."""
        size = part.stat().st_size if part.exists() else 0
        if total is not None and total > limit:
            raise _too_long(limit)
        with part.open("ab") as file:
            for chunk in chunks:
                size += len(chunk)
                if size > limit:
                    with contextlib.suppress(OSError):
                        part.unlink()
                    raise _too_long(limit)
                faults.before("write")
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if total is not None and size < total:
            raise AwayError(zh="文件传输中断", en="the file broke off")

    def _postpone(self, row: Any, error: Exception) -> None:
        if isinstance(error, TerraceError) and not isinstance(error, PeerError) and error.kind != "away":
            self._refusals.note(error, at="GET objects", caller=row.source)
        attempts = row.attempts + 1
        text = error.en if isinstance(error, TerraceError) else str(error)
        w = t.object_want.c
        values = {
            "attempts": attempts,
            "error": text[:300],
            "due": self._x.clock() + min(_FIRST * 2**attempts, _LONGEST),
            "state": "wanted" if attempts < _ATTEMPTS else "failed",
        }
        with self._x.store.write() as tx:
            tx.conn.execute(update(t.object_want).where(w.sha256 == row.sha256, w.source == row.source).values(**values))

    def forget(self, source: str, id: str) -> None:
        """Drops wishes for files of a record that a source no longer gives."""
        w = t.object_want.c
        with self._x.store.write() as tx:
            tx.conn.execute(delete(t.object_want).where(and_(w.source == source, w.id == id, w.state != "held")))


def _too_long(limit: int) -> SyncError:
    # PROTOCOL 7.1
    return SyncError(zh=f"文件超过 {limit} 字节", en=f"a file of more than {limit} bytes", clause="7.1", kind="object")
