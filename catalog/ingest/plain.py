"""Writing records that are fields alone, many in one transaction: what does not hang together is written by the same statements.

* The same content of the same place adds nothing; another content of the same place changes the record.
* Of two in one batch that are of one content or place the second is looked at when the first is written.
* Published at once, a new record has no draft before, unless it is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.drafts import Draft
from catalog.errors import CatalogError
from catalog.ingest.fill import Filled
from catalog.ingest.model import AddResult, IngestContext
from catalog.ingest.places import known, note_sources
from catalog.ingest.write import About, about, change_known, new_draft, settled
from catalog.tables import source
from catalog.transaction import WriteTransaction
from catalog.writer import Attempt

__all__ = ["write_plain"]

type _Outcome = AddResult | tuple[Filled, CatalogError]


def write_plain(batch: Sequence[Filled], ctx: IngestContext) -> list[_Outcome]:
    """Writes records that are fields alone in one transaction.

    Returns:
        For each, in order, what became of it, or why it could not be written.
    """
    with ctx.store.write() as tx:
        load = _Load(tx, ctx, batch)
        for n, new in enumerate(batch):
            load.take(n, new)
        load.write()
        note_sources(tx, load.entered)
    return [load.outcomes[n] for n in range(len(batch))]


@dataclass(frozen=True, slots=True)
class _Waiting:
    """One record that is to be written.

    Attributes:
        n: its place in the batch.
        what: the id of its draft, or a new one.
        status: what becomes of it, unless it is published.
    """

    n: int
    new: Filled
    what: str | Draft
    status: str


class _Load:
    """A batch on its way in.

    Attributes:
        outcomes: by the place in the batch.
        entered: place, digest and record of what was written.
    """

    def __init__(self, tx: WriteTransaction, ctx: IngestContext, batch: Sequence[Filled]) -> None:
        self._tx, self._ctx = tx, ctx
        self._digests = known(tx.conn, source.c.digest, [new.digest for new in batch])
        self._places = known(tx.conn, source.c.source, [new.place for new in batch])
        self._waiting: list[_Waiting] = []
        self._touched: set[str] = set()
        self.outcomes: dict[int, _Outcome] = {}
        self.entered: list[tuple[str, str, str]] = []

    def take(self, n: int, new: Filled) -> None:
        """Takes the next record of the batch."""
        if not self._touched.isdisjoint(self._keys(new)):
            self.write()
        self._touched |= self._keys(new)
        if (same := self._digests.get(new.digest)) is not None:
            self._waiting.append(_Waiting(n, new, same, "unchanged"))
        elif (id := self._places.get(new.place)) is None:
            self._waiting.append(_Waiting(n, new, new_draft(new, self._ctx), "draft"))
        else:
            try:
                change_known(self._tx, self._ctx, id, new)
            except CatalogError as error:
                self.outcomes[n] = new, error
            else:
                self._waiting.append(_Waiting(n, new, id, "changed"))

    def write(self) -> None:
        """Writes what was taken: new drafts, or all of it as published when that is asked for."""
        tx, ctx, waiting = self._tx, self._ctx, self._waiting
        self._waiting, self._touched = [], set()
        there = about(tx.conn, [each.what for each in waiting if isinstance(each.what, str)])
        asked = [each for each in waiting if isinstance(each.what, Draft) or (ctx.publish and there[each.what].drafted)]
        attempts = self._attempts([each.what for each in asked])
        tried = {each.n: attempt for each, attempt in zip(asked, attempts, strict=True)}
        for each in waiting:
            self.outcomes[each.n] = self._outcome(each, tried.get(each.n), there)

    def _attempts(self, what: Sequence[str | Draft]) -> list[Attempt]:
        tx, ctx = self._tx, self._ctx
        return (
            ctx.writer.publish_all(tx, what, ctx.actor)
            if ctx.publish
            else ctx.writer.add_all(tx, [each for each in what if isinstance(each, Draft)], ctx.actor)
        )

    def _outcome(self, each: _Waiting, attempt: Attempt | None, there: Mapping[str, About]) -> _Outcome:
        new, notes = each.new, each.new.notes
        if isinstance(each.what, str):
            found = there[each.what]
            rows, notes = (found.rows, ()) if each.status == "unchanged" else (None, notes)
            result = AddResult(new.path, each.status, each.what, found.title, found.kind, rows, notes=notes, part=new.item.part)
        else:
            fields: Mapping[str, Any] = each.what.fields
            result = AddResult(new.path, each.status, None, fields.get("title"), fields.get("kind"), notes=notes, part=new.item.part)
        if attempt is not None:
            if attempt.id is None and attempt.error is not None:
                return new, attempt.error
            result = settled(result, attempt)
        if each.status != "unchanged" and result.id is not None:
            self._digests[new.digest] = self._places[new.place] = result.id
            self.entered.append((new.place, new.digest, result.id))
        return result

    def _keys(self, new: Filled) -> set[str]:
        """What must be written before this is looked at, if it waits."""
        return {new.digest, new.place, self._digests.get(new.digest, ""), self._places.get(new.place, "")} - {""}
