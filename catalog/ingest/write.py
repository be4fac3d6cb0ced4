"""Writing what was found: one record with rows or a file in a transaction, large tables in several. Those that are fields alone: `plain`.

* A record, its rows, the note of its file, where it came from and what of it is set aside are one transaction, or for many rows several, after all of them
  have been checked. A run that is killed in between goes on with the same record where it was.
* A row that cannot be written is set aside with its place; the others enter (`sorting`).
* What is refused leaves nothing: neither rows nor draft nor object.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from pyroaring import BitMap
from sqlalchemy import Connection, select

from catalog.audit import actor_name
from catalog.canonical import JSON
from catalog.drafts import Draft, StoredDraft, content
from catalog.errors import CatalogError, ConflictError, IngestError, PublishError, RowsError
from catalog.ingest.fill import ORIGINAL, ROWS, Filled, original_resource
from catalog.ingest.joining import stricter_fields, stricter_secrecy, stricter_terms
from catalog.ingest.library_words import said
from catalog.ingest.model import AddResult, IngestContext, Layer, Sidecar
from catalog.ingest.places import from_same_place, note_source, resumed, unfinished
from catalog.ingest.sorting import Row, Sorter, check_all, chunked, good_rows
from catalog.objects import Stored
from catalog.quarantine import Outcome
from catalog.rows import RowChanges, RowsDone, check_rows, find_table
from catalog.tables import draft as drafts
from catalog.tables import object_, record, row_table
from catalog.transaction import WriteTransaction
from catalog.writer import Attempt

__all__ = ["About", "about", "change_known", "new_draft", "publish_drafted", "settled", "write_one"]

#: Rows written in one transaction: other writers wait no longer than that takes.
CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class About:
    """Title, kind and number of rows of a record, and whether it has a draft."""

    title: Mapping[str, str] | None
    kind: str | None
    rows: int | None
    drafted: bool


# --- one with rows or a file -------------------------------------------------------------------------------------------------------------


def write_one(new: Filled, ctx: IngestContext, outcome: Outcome, *, ends: bool) -> AddResult:
    """Writes one record with its rows and its file.

    Args:
        outcome: of its file, where bad rows are set aside.
        ends: whether the file ends with it.

    Raises:
        CatalogError: it cannot be written; then nothing of it is there.
    """
    layer = new.item.layer
    sorter = Sorter(layer, new)
    first, whole = next(chunked(sorter, CHUNK))
    if layer is not None and not whole:  # nothing of a large file is written before all of it is known to be good
        sorter = Sorter(layer, new, check_all(Sorter(layer, new), layer, ctx))
    stored, before = _store(new, ctx)
    try:
        if whole:
            return _write_whole(new, ctx, outcome, sorter, first, stored, ends)
        return _write_chunks(new, ctx, outcome, sorter, stored, ends)
    except CatalogError:
        _forget(ctx, stored, before)
        raise


def _write_whole(new: Filled, ctx: IngestContext, outcome: Outcome, sorter: Sorter, rows: list[Row], stored: Stored | None, ends: bool) -> AddResult:
    """Everything in one transaction; once more without the rows that cannot be written, when there are such."""
    layer = new.item.layer
    try:
        return _write_once(new, ctx, outcome, sorter, rows, stored, ends)
    except RowsError:
        if layer is None:
            raise
        check_rows(layer.columns, layer.key, layer.geometry, ())  # what is wrong with the table itself is no matter of rows
        good = good_rows(rows, layer, sorter)
        if len(good) == len(rows):
            raise
        sorter.check_share()
        return _write_once(new, ctx, outcome, sorter, good, stored, ends)


def _write_once(new: Filled, ctx: IngestContext, outcome: Outcome, sorter: Sorter, rows: list[Row], stored: Stored | None, ends: bool) -> AddResult:
    layer, count = new.item.layer, None
    with ctx.store.write() as tx:
        id, status = _draft(tx, ctx, new, new.digest, stored)
        if layer is not None:
            changes = _changes(rows, layer, replace=True, seen=BitMap())
            count = _total(ctx.writer.put_rows(tx, id, "", changes, ctx.actor))
        _end(tx, ctx, new, id, outcome, sorter, ends)
        return _published(tx, ctx, [_result(tx.conn, ctx, new, id, status, count, len(sorter.bads))])[0]


def _write_chunks(new: Filled, ctx: IngestContext, outcome: Outcome, sorter: Sorter, stored: Stored | None, ends: bool) -> AddResult:
    """Many rows: `CHUNK` at most in a transaction, each of which notes how far it came. Rows that were there before and are no more go in the last one."""
    layer = new.item.layer
    assert layer is not None
    seen, count, done = BitMap(), 0, 0
    earlier = resumed(ctx, new)
    with ctx.store.write() as tx:
        table = find_table(tx.conn, from_same_place(tx.conn, new.place) or "", "")
        skip = earlier if table is not None and table.count == earlier and table.columns == tuple(layer.columns) else 0
        fresh = table is None or table.count == skip  # nothing is there that this content does not have
        id, status = _draft(tx, ctx, new, unfinished(new, skip if fresh else 0), stored)
        ctx.writer.put_rows(tx, id, "", _changes([], layer, replace=False, seen=seen), ctx.actor)
    for chunk, ended in chunked(sorter, CHUNK):
        with ctx.store.write() as tx:
            if ended or done + len(chunk) > skip:
                changes = RowChanges(puts=(row for _, row in chunk), replace=ended and not fresh, seen=seen)
                count += _total(ctx.writer.put_rows(tx, id, "", changes, ctx.actor))
            else:
                count += len(chunk)
            done += len(chunk)
            if ended:
                note_source(tx, new, id, new.digest)
                _end(tx, ctx, new, id, outcome, sorter, ends)
            elif done > skip:
                note_source(tx, new, id, unfinished(new, done if fresh else 0))
        if ctx.steps is not None:
            ctx.steps(done, layer.count, new.path)
    with ctx.store.write() as tx:
        return _published(tx, ctx, [_result(tx.conn, ctx, new, id, status, count, len(sorter.bads))])[0]


def _changes(rows: list[Row], layer: Layer, *, replace: bool, seen: BitMap) -> RowChanges:
    return RowChanges(puts=(row for _, row in rows), replace=replace, seen=seen, columns=layer.columns, key=layer.key, geometry=layer.geometry)


def _total(done: RowsDone) -> int:
    return done.added + done.changed + done.same


def _end(tx: WriteTransaction, ctx: IngestContext, new: Filled, id: str, outcome: Outcome, sorter: Sorter, ends: bool) -> None:
    actor = actor_name(ctx.actor)
    outcome.hold(tx, actor, [(new.place, bad) for bad in sorter.bads], record=id)
    if ends:
        outcome.finish(tx, actor)


# --- objects -----------------------------------------------------------------------------------------------------------------------------


def _store(new: Filled, ctx: IngestContext) -> tuple[Stored | None, bool]:
    """Puts the file into the store of objects and names it in the record; whether the database knew of it before."""
    if not new.item.original:
        return None, True
    path = new.item.file or new.path
    try:
        with path.open("rb") as file:
            stored = ctx.objects.put(file)
    except OSError as error:
        zh, en = said(error.strerror or str(error))
        raise IngestError(zh=f"无法读取 {path}：{zh}", en=f"cannot read {path}: {en}") from error
    new.fields[ORIGINAL], _ = original_resource(new.path, new.item, stored)
    with ctx.store.read() as conn:
        return stored, conn.scalar(select(object_.c.sha256).where(object_.c.sha256 == stored.sha256)) is not None


def _forget(ctx: IngestContext, stored: Stored | None, before: bool) -> None:
    """What was refused leaves no object; nobody notes one while this transaction lasts."""
    if stored is None or before:
        return
    with ctx.store.write() as tx:
        if tx.conn.scalar(select(object_.c.sha256).where(object_.c.sha256 == stored.sha256)) is None:
            ctx.objects.delete(stored.sha256)


# --- drafts and where they came from -----------------------------------------------------------------------------------------------------


def _draft(tx: WriteTransaction, ctx: IngestContext, new: Filled, digest: str, stored: Stored | None = None) -> tuple[str, str]:
    """Makes or changes the draft, notes its file and where it came from."""
    id, status = _drafted(tx, ctx, new, from_same_place(tx.conn, new.place))
    if stored is not None:
        ctx.objects.note(tx, stored.sha256, media_type=original_resource(new.path, new.item, stored)[1])
    note_source(tx, new, id, digest)
    return id, status


def _drafted(tx: WriteTransaction, ctx: IngestContext, new: Filled, known: str | None) -> tuple[str, str]:
    """Makes the draft of a new record, or changes that of a known one; returns its id and what became of it."""
    if known is not None:
        change_known(tx, ctx, known, new)
        return known, "changed"
    return ctx.writer.add_draft(tx, new_draft(new, ctx), ctx.actor), "draft"


def new_draft(new: Filled, ctx: IngestContext) -> Draft:
    """A new record as it is to be written."""
    secrecy, terms = new.protection(ctx)
    fields = {**new.guessed, **new.fields}
    return Draft(fields, new.profile.id, secrecy, terms and dict(terms), slug=new.sidecar.slug, source=new.place, written=new.written)


def change_known(tx: WriteTransaction, ctx: IngestContext, id: str, new: Filled) -> None:
    """A changed file changes what the file says, and leaves what people wrote elsewhere."""
    changes: dict[str, JSON] = {**new.fields}
    if ROWS not in changes:
        changes |= {ROWS: None}
    if new.sidecar.profile is not None:
        changes["profile"] = new.profile.id
    if new.sidecar.secrecy is not None:
        changes["secrecy"] = new.sidecar.secrecy
    if new.sidecar.terms is not None:
        changes["terms"] = dict(new.sidecar.terms)
    if new.item.member:
        changes |= _not_loosened(content(tx, ctx.writer.site, id), changes, new.outer)
    ctx.writer.edit(tx, id, changes, ctx.actor)


def _not_loosened(before: StoredDraft, changes: Mapping[str, Any], outer: Sidecar) -> dict[str, JSON]:
    """What an archive says of a record that is there already tightens it, unless the archive's own sidecar speaks of that."""
    found: dict[str, Any] = {}
    if "secrecy" in changes and outer.secrecy is None:
        found["secrecy"] = stricter_secrecy(before.secrecy, changes["secrecy"])
    if "terms" in changes and outer.terms is None:
        found["terms"] = stricter_terms(before.terms, changes["terms"])
    fields = stricter_fields(before.fields, changes)
    return found | {name: value for name, value in fields.items() if name in changes and name not in outer.fields}


# --- what became of it -------------------------------------------------------------------------------------------------------------------


def about(conn: Connection, ids: Sequence[str]) -> dict[str, About]:
    """What records are, as drafts or published."""
    shown = {row.id: row.fields for row in conn.execute(select(record.c.id, record.c.fields).where(record.c.id.in_(ids)))}
    drafted = {row.id: row.fields for row in conn.execute(select(drafts.c.id, drafts.c.fields).where(drafts.c.id.in_(ids)))}
    tables = select(row_table.c.id, row_table.c["count"]).where(row_table.c.id.in_(ids), row_table.c.variant == "")
    counts: dict[str, int] = {str(id): int(count) for id, count in conn.execute(tables)}
    found = {}
    for id in ids:
        text = drafted.get(id) or shown.get(id)
        fields: dict[str, Any] = {} if text is None else orjson.loads(text)
        found[id] = About(fields.get("title"), fields.get("kind"), counts.get(id), id in drafted)
    return found


def _result(conn: Connection, ctx: IngestContext, new: Filled, id: str, status: str, rows: int | None, bad: int) -> AddResult:
    if status == "draft":
        fields: Mapping[str, Any] = {**new.guessed, **new.fields}
        title, kind = fields.get("title"), fields.get("kind")
    else:
        found = about(conn, [id])[id]
        title, kind = found.title, found.kind
    return AddResult(new.path, status, id, title, kind, rows, notes=new.notes, part=new.item.part, quarantined=bad)


def publish_drafted(results: Sequence[AddResult], ctx: IngestContext) -> list[AddResult]:
    """Publishes what was added before without publishing, when that is asked for."""
    with ctx.store.write() as tx:
        return _published(tx, ctx, results)


def _published(tx: WriteTransaction, ctx: IngestContext, results: Sequence[AddResult]) -> list[AddResult]:
    """Publishes when asked."""
    if not ctx.publish:
        return list(results)
    attempts = ctx.writer.publish_all(tx, [str(result.id) for result in results], ctx.actor)
    return [settled(result, attempt) for result, attempt in zip(results, attempts, strict=True)]


def settled(result: AddResult, attempt: Attempt) -> AddResult:
    """What became of a record that was to be published. What is refused stays a draft, and everything that it lacks is named."""
    if attempt.error is None:
        published = attempt.published is not None and attempt.published.changed
        return replace(result, id=attempt.id, status="published" if published else result.status)
    if isinstance(attempt.error, (PublishError, ConflictError)):
        return replace(result, id=attempt.id, status="refused", error=attempt.error)
    raise attempt.error
