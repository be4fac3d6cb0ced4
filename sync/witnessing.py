"""This site as a witness: cosigns the checkpoints of those for whom it is one, never two histories of one log (PROTOCOL 3.3)."""

from sqlalchemy import Connection, insert, select, update

from catalog.canonical import dumps
from sync import tables as t
from sync.clock import refuse_behind
from sync.context import Context
from sync.errors import ForkError, WitnessError
from sync.witness import Known, decide, origin_of

__all__ = ["WitnessDesk"]


class WitnessDesk:
    """Answers `POST witness/add-checkpoint`. What is cosigned is stored before the answer leaves, in the transaction in which it was compared."""

    def __init__(self, context: Context) -> None:
        self._x = context

    def add_checkpoint(self, request: bytes) -> bytes:
        """Cosigns, or refuses.

        Args:
            request: C2SP `add-checkpoint` body.

        Returns:
            The cosignature line.

        Raises:
            WitnessError: with the status of the answer.
            SyncError: kind `clock`: this site's clock was set back.
        """
        origin = str(origin_of(request))
        now = self._x.clock()
        try:
            with self._x.store.write() as tx:
                refuse_behind(tx.conn, now)
                cosigned = decide(
                    request, trust=self._x.trust.in_(tx.conn, now), me=self._x.me, known=_known(tx.conn, origin), key=self._x.keys.witness, now=now
                )
                values = {"size": cosigned.size, "root": cosigned.root, "time": cosigned.time, "note": cosigned.note}
                if tx.conn.execute(update(t.witnessed).where(t.witnessed.c.origin == cosigned.origin).values(**values)).rowcount == 0:
                    tx.conn.execute(insert(t.witnessed).values(origin=cosigned.origin, **values))
        except ForkError as error:
            self._keep_evidence(origin, error)
            known = self._known(origin)
            size, note = (0, "") if known is None else (known.size, known.note)
            raise WitnessError(409, zh=error.zh, en=error.en, size=size, note=note) from error
        return cosigned.line.encode()

    def _known(self, origin: str) -> Known | None:
        with self._x.store.read() as conn:
            return _known(conn, origin)

    def _keep_evidence(self, origin: str, error: ForkError) -> None:
        detail = dumps({"evidence": dict(error.evidence), "zh": error.zh, "en": error.en}).decode()
        digest = self._x.site.digest(detail.encode()).hex()
        node = origin.split("/")[2] if origin.count("/") == 4 else ""
        with self._x.store.write() as tx:
            if tx.conn.scalar(select(t.quarantine.c.n).where(t.quarantine.c.peer == node, t.quarantine.c.digest == digest)) is None:
                tx.conn.execute(
                    insert(t.quarantine).values(peer=node, time=self._x.clock(), kind=error.kind, clause=error.clause, digest=digest, detail=detail)
                )
                tx.audit(
                    "sync.fork", actor=f"peer:{node}", outcome="alarm", detail={"origin": origin, "clause": error.clause, "en": error.en, "kind": error.kind}
                )


def _known(conn: Connection, origin: str) -> Known | None:
    row = conn.execute(select(t.witnessed).where(t.witnessed.c.origin == origin)).one_or_none()
    return None if row is None else Known(row.size, bytes(row.root), row.note)
