"""A clock that was set back, noticed by what was verified before (PROTOCOL 6.5).

No time orders anything here; times only end things, and begin them. So a clock that stands behind the time it once had is dangerous in one way: what had ended
would begin again. The newest cosignature that this site has verified, made by *another* node's witness key, is a time that has certainly come (give or take the
five minutes that all clocks are allowed). While the clock is further behind it than that:

1. what has ended stays ended: certifications, terms and policies are judged at that newest time;
2. what may still change by the clock alone is closed: no peer is given a record, or rows, on which a decision would change at a later moment;
3. nothing with a time in it is signed: no cosignature, no certification, no invite;
4. it is said: a line in the audit log and in the program's, in `sync status` and by the doctor.

The faces judge by the same time (`SiteClock`). This site's own cosignatures, and the times that it wrote down itself, are not counted: if its clock was once
ahead, they say so too. When the clock is right again, everything is judged anew.
"""

import time

from sqlalchemy import Connection, exists, select

from catalog.store import Store
from sync import tables as t
from sync.errors import SyncError
from sync.notes import MAX_AHEAD

__all__ = ["SiteClock", "newest_verified", "refuse_behind", "seconds_behind"]


def newest_verified(conn: Connection) -> int:
    """UTC seconds of the newest cosignature that this site verified and did not make itself; 0 when there is none."""
    own = exists().where(t.witnessed.c.origin == t.run.c.origin)
    query = select(t.run.c.cosigned).where(t.run.c.cosigned.is_not(None), ~own).order_by(t.run.c.cosigned.desc()).limit(1)
    return int(conn.scalar(query) or 0)


def seconds_behind(conn: Connection, now: int) -> int:
    """How far the clock is behind the newest time that was verified; 0 while it is behind by no more than clocks may differ.

    Args:
        conn: any.
        now: UTC seconds, as the clock says.
    """
    # PROTOCOL 6.5
    behind = newest_verified(conn) - now
    return behind if behind > MAX_AHEAD else 0


class SiteClock:
    """The clock by which the faces judge: while the machine's was set back, the newest time that was verified, so that nothing that ended begins again (6.5).

    Looked up once a second; safe for threads.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._newest = 0
        self._looked: float | None = None

    def __call__(self) -> int:
        """UTC seconds."""
        # PROTOCOL 6.5
        at = time.monotonic()
        if self._looked is None or at - self._looked >= 1:
            with self._store.read() as conn:
                self._newest, self._looked = newest_verified(conn), at
        now = self._store.clock()
        return self._newest if self._newest - now > MAX_AHEAD else now


def refuse_behind(conn: Connection, now: int) -> None:
    """Lets nothing be signed by a clock that was set back.

    Raises:
        SyncError: kind `clock`.
    """
    # PROTOCOL 6.5
    behind = seconds_behind(conn, now)
    if behind:
        raise SyncError(
            zh=f"本机时钟比已验证的见证时间落后 {behind} 秒：请先校准时钟，在此之前不签署带时间的内容",
            en=f"this machine's clock is {behind} seconds behind a time that a witness has signed: set it right; until then nothing with a time is signed",
            clause="6.5",
            kind="clock",
        )
