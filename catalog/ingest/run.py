"""`terrace add`: each file becomes a draft record with its rows, and the file itself an object; a file that holds several records becomes several.

1. *Known?* The digest over file and sidecar is looked up: the same content a second time adds nothing.
2. *Read.* The kind is found by content; the reader gives fields and, for data, a layer, or says which part cannot be read.
3. *Fill.* What a person wrote (sidecar) goes before what the file says, that before what is guessed (`fill`).
4. *Write* (`write`): a new draft, or a change of the record that came from the same place before; its rows; the object's note; where it came from.
5. *Publish*, when asked: what is refused stays a draft, and everything that it lacks is named.
6. *End.* What is bad in a file whose rest entered is set aside with its reason and place; a file that gives nothing is one refusal with an audit line.
"""

import hashlib
import logging
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path

from sqlalchemy import delete, insert, select

from catalog.audit import actor_name
from catalog.errors import CatalogError, IngestError
from catalog.ingest.files import digest_of, gather, of_a_site
from catalog.ingest.fill import Filled, Filler
from catalog.ingest.library_words import said
from catalog.ingest.model import AddResult, Found, IngestContext, Item, Refused, Sidecar
from catalog.ingest.places import there
from catalog.ingest.plain import write_plain
from catalog.ingest.sidecar import is_sidecar, read_sidecar, sidecar_of
from catalog.ingest.sniff import read_items
from catalog.ingest.write import about, publish_drafted, write_one
from catalog.profiles import profile
from catalog.quarantine import Bad, Outcome
from catalog.tables import source
from policies.errors import TerraceError

__all__ = ["add"]

#: Records that are fields alone, written in one transaction.
BATCH = 500

log = logging.getLogger(__name__)


def add(paths: Iterable[Path], ctx: IngestContext) -> Iterator[AddResult]:
    """Takes files in, one after the other.

    Args:
        paths: files, and folders, of which every file is taken that is not hidden and no link. Sidecars are read with their data file, and are records
            of their own only where there is none.
        ctx: where to and by whom.

    Yields:
        What became of each record of each file. Nothing is raised for a bad file: see `AddResult.error`.
    """
    files, filler = gather(paths), Filler(ctx)
    for done, path in enumerate(files, 1):
        try:
            yield from _add_file(path, ctx, filler)
        except TerraceError as error:
            _audit_refusal(path, error, ctx)
            yield AddResult(Path(_shown(path)), "refused", error=error)
        if ctx.progress is not None:
            ctx.progress(done, len(files), path)


def _audit_refusal(path: Path, error: TerraceError, ctx: IngestContext) -> None:
    with ctx.store.write() as tx:
        detail = {"file": _shown(path)[-500:], "kind": error.kind, "en": error.en[:500]}
        tx.audit("intake.refused", actor=actor_name(ctx.actor), outcome="refused", detail=detail)


@dataclass
class _File:
    """One file on its way in.

    Attributes:
        digest: over its content and the sidecar.
        place: its absolute path.
        refused: parts that cannot be taken in, set aside at the end.
        batch: records that are fields alone, not yet written.
        entered: id of the first record, None before there is one.
        many: whether the file holds several records.
    """

    path: Path
    place: str
    sidecar: Sidecar
    digest: str
    outcome: Outcome
    filler: Filler
    refused: list[tuple[str, Bad]] = field(default_factory=list)
    batch: list[Filled] = field(default_factory=list)
    entered: str | None = None
    many: bool = False
    done: int = 0

    def place_of(self, part: str) -> str:
        return f"{self.place}#{part}" if part else self.place


def _add_file(path: Path, ctx: IngestContext, filler: Filler) -> Iterator[AddResult]:
    _require_file(path)
    alone = is_sidecar(path)
    sidecar = read_sidecar(path if alone else sidecar_of(path))
    place = str(path.resolve())
    digest = hashlib.sha256(f"{digest_of(path)}\n{sidecar.digest}".encode()).hexdigest()
    with ctx.store.read() as conn:
        file = _File(path, place, sidecar, digest, Outcome(conn, place), filler)
    if not ctx.again and (known := list(_known(file, ctx))):  # 1
        yield from known
        return
    items = [Item({}, "yaml", original=False)] if alone else read_items(path, profile(sidecar.profile or ctx.profile or "core"), sidecar)
    for found in _guarded(items, path):  # 2
        if isinstance(found, Refused):
            file.many = True
            file.refused.append((found.part, found.bad))
        else:
            file.many = file.many or bool(found.part)
            yield from _take(file, found, ctx)
    yield from _flush(file, ctx)
    yield from _end(file, ctx)


def _require_file(path: Path) -> None:
    """Refuses what would be read without end, and names that no database takes. Raises IngestError."""
    if path.exists() and not path.is_file():
        raise IngestError(zh=f"{path.name} 不是普通文件", en=f"{path.name} is no regular file")
    if of_a_site(path):
        zh = f"{path.name} 是站点自身的文件（设置、密钥、策略或数据库），不是数据"
        en = f"{path.name} is a part of a site itself (settings, keys, policies, database), no data"
        raise IngestError(zh=zh, en=en)
    if _shown(path) != str(path):
        zh, en = f"文件名含控制字符或不是 UTF-8：{_shown(path)}；请改名", f"control characters in the file's name, or not UTF-8: {_shown(path)}; rename it"
        raise IngestError(zh=zh, en=en)


def _shown(path: Path) -> str:
    """A file's name as it may stand in a database and on a terminal."""
    return "".join(ascii(each)[1:-1] if unicodedata.category(each) in ("Cc", "Cs") else each for each in str(path))


def _guarded(found: Iterable[Found], path: Path) -> Iterator[Found]:
    """Turns whatever a library raises over a stranger's bytes into one clear error."""
    try:
        yield from found
    except (TerraceError, GeneratorExit):
        raise
    except Exception as error:
        log.debug("reading %s", path, exc_info=True)  # for those who mend it; people get one clear error
        zh, en = said(error)
        raise IngestError(zh=f"{path.name} 无法读取：{zh}", en=f"{path.name} cannot be read: {en}") from error


# --- 1: known ----------------------------------------------------------------------------------------------------------------------------


def _known(file: _File, ctx: IngestContext) -> Iterator[AddResult]:
    """What was made from this content, unless it was withdrawn or given up since; nothing when the file has to be read."""
    with ctx.store.read() as conn:
        row = conn.execute(select(source.c.id, source.c.source).where(source.c.digest == file.digest)).first()
        if row is None or not there(conn, row.id):
            return
        parts: list[tuple[str, str]] = [(row.id, "")]
        if row.source is not None and row.source.endswith("#"):  # a file of several records; `$` follows `#`
            inside = source.c.source.between(row.source, row.source[:-1] + "$")
            rows = conn.execute(select(source.c.id, source.c.source).where(inside, source.c.source != row.source).order_by(source.c.source)).all()
            parts = [(each.id, each.source.removeprefix(row.source)) for each in rows]
    for some in batched(parts, BATCH):
        yield from _unchanged(file, ctx, some)


def _unchanged(file: _File, ctx: IngestContext, parts: Sequence[tuple[str, str]]) -> Iterator[AddResult]:
    """What is there of parts (record, part) whose content is known; published now, when that is asked for and was not before."""
    with ctx.store.read() as conn:
        found = about(conn, [id for id, _ in parts])
    results = [AddResult(file.path, "unchanged", id, found[id].title, found[id].kind, found[id].rows, part=part) for id, part in parts]
    drafted = [result for result in results if found[str(result.id)].drafted] if ctx.publish else []
    published = {result.id: result for result in publish_drafted(drafted, ctx)} if drafted else {}
    yield from (published.get(result.id, result) for result in results)


# --- 3 to 5: each part -------------------------------------------------------------------------------------------------------------------


def _take(file: _File, item: Item, ctx: IngestContext) -> Iterator[AddResult]:
    """Fills and writes one part, or keeps it for the next transaction of those that are fields alone."""
    sidecar = item.sidecar or file.sidecar
    chosen = profile(sidecar.profile or ctx.profile or item.profile or "core")
    digest = f"{file.digest}/{item.part}" if item.part else file.digest
    if item.digest:
        digest = hashlib.sha256(f"{item.digest}\n{sidecar.digest}\n{chosen.id}".encode()).hexdigest()
    try:
        new = file.filler.fill(file.path, file.place_of(item.part), item, chosen, file.sidecar, digest)
    except CatalogError as error:
        _refuse(file, item, error)
        return
    if item.plain and item.part:
        file.batch.append(new)
        if len(file.batch) >= BATCH:
            yield from _flush(file, ctx)
        return
    yield from _flush(file, ctx)
    if item.part and (id := _same(new, file, ctx)) is not None:
        file.entered = file.entered or id
        yield from _unchanged(file, ctx, [(id, item.part)])
        return
    try:
        result = write_one(new, ctx, file.outcome, ends=not item.part)
    except CatalogError as error:
        _refuse(file, item, error)
        return
    file.entered = file.entered or result.id
    yield result


def _same(new: Filled, file: _File, ctx: IngestContext) -> str | None:
    """The record of a part whose content is known, when nothing of it waits in quarantine for another try."""
    with ctx.store.read() as conn:
        id = conn.scalar(select(source.c.id).where(source.c.digest == new.digest, source.c.source == new.place))
        if id is None or not there(conn, id) or (ctx.again and file.outcome.holds(new.place)):
            return None
    file.outcome.keep(new.place)
    return str(id)


def _refuse(file: _File, item: Item, error: CatalogError) -> None:
    """One part of several is set aside; the only one is the file's refusal."""
    if not item.part:
        raise error
    file.refused.append((item.part, Bad({"path": item.part} if not item.member else {}, error.kind, error.zh, error.en, member=item.member)))


def _flush(file: _File, ctx: IngestContext) -> Iterator[AddResult]:
    if not file.batch:
        return
    batch, file.batch = file.batch, []
    for result in write_plain(batch, ctx):
        if isinstance(result, AddResult):
            file.entered = file.entered or result.id
            yield result
        else:
            _refuse(file, result[0].item, result[1])
    file.done += len(batch)
    if ctx.steps is not None:
        ctx.steps(file.done, None, file.path)


# --- 6: the end --------------------------------------------------------------------------------------------------------------------------


def _end(file: _File, ctx: IngestContext) -> Iterator[AddResult]:
    """Sets the bad parts aside and notes that the file was read to its end."""
    if file.entered is None:
        raise _nothing(file)
    if not file.many:
        return
    actor = actor_name(ctx.actor)
    with ctx.store.write() as tx:
        file.outcome.hold(tx, actor, [(file.place_of(part), bad) for part, bad in file.refused])
        file.outcome.finish(tx, actor)
        tx.conn.execute(delete(source).where((source.c.source == f"{file.place}#") | (source.c.digest == file.digest)))
        tx.conn.execute(insert(source).values(digest=file.digest, id=file.entered, source=f"{file.place}#", time=tx.now))
    for part, bad in file.refused:
        yield AddResult(file.path, "quarantined", error=_error(bad), part=part)


def _error(bad: Bad) -> IngestError:
    error = IngestError(zh=bad.zh, en=bad.en)
    error.kind = bad.kind
    return error


def _nothing(file: _File) -> IngestError:
    """Nothing of the file could be taken in: its first error, and how many there are."""
    if not file.refused:
        return IngestError(zh=f"{file.path.name} 中没有记录", en=f"{file.path.name} holds no record")
    first = file.refused[0][1]
    if len(file.refused) == 1:
        return _error(first)
    count, name = len(file.refused), file.path.name
    zh = f"{name} 中 {count} 项都不能收录；第一处：{first.zh}"
    error = IngestError(zh=zh, en=f"{name}: none of its {count} parts can be taken in; the first: {first.en}")
    error.kind = first.kind if {bad.kind for _, bad in file.refused} == {first.kind} else error.kind
    return error
