"""`terrace add`: each file becomes a draft record with its rows, and the file itself an object. One bad file is one refusal; the others go on.

1. *Known?* The digest over file, sidecar and part is looked up: the same content a second time adds nothing.
2. *Read.* The kind is found by content; the reader gives fields and, for data, a layer.
3. *Fill.* What a person wrote (sidecar) goes before what the file says, that before what is guessed, the profile's and the caller's defaults.
4. *Write*: a new draft, or a change of the record that came from the same path before; its rows; the object's note; where it came from. One transaction, or for
   many rows several, after all of them have been checked; a run that is killed in between goes on with the same record.
5. *Publish*, when asked, in a transaction of its own: what is refused stays a draft, and everything that it lacks is named.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from pyroaring import BitMap
from sqlalchemy import Connection, delete, insert, or_, select

from catalog.canonical import JSON
from catalog.codes import code_list
from catalog.drafts import Draft, find_source, load_draft
from catalog.errors import CatalogError, IngestError, PublishError
from catalog.ingest.model import AddResult, IngestContext, Item, Sidecar
from catalog.ingest.sidecar import is_sidecar, read_sidecar, sidecar_of, stands_alone
from catalog.ingest.sniff import read_items
from catalog.objects import Stored
from catalog.profiles import Profile, clean_fields, profile
from catalog.record import Problem
from catalog.rows import RowChanges, RowsDone, check_rows, find_table
from catalog.tables import draft as drafts
from catalog.tables import record, source
from catalog.transaction import WriteTransaction
from policies.errors import TerraceError

__all__ = ["add"]

#: Rows written in one transaction: other writers wait no longer than that takes.
CHUNK = 5_000
#: Names of the resources that intake makes: the rows, and the file as it came.
ROWS, ORIGINAL = "resources.rows", "resources.original"


def add(paths: Iterable[Path], ctx: IngestContext) -> Iterator[AddResult]:
    """Takes files in, one after the other.

    Args:
        paths: files, and folders, of which every file is taken that is not hidden and no link. Sidecars are read with their data file, and are records
            of their own only where there is none.
        ctx: where to and by whom.

    Yields:
        What became of each record of each file. Nothing is raised for a bad file: see `AddResult.error`.
    """
    files = [path for path in _opened_up(paths) if not is_sidecar(path) or stands_alone(path)]
    for done, path in enumerate(files, 1):
        try:
            yield from _add_file(path, ctx)
        except TerraceError as error:
            yield AddResult(path, "refused", error=error)
        if ctx.progress is not None:
            ctx.progress(done, len(files), path)


def _opened_up(paths: Iterable[Path]) -> list[Path]:
    """The files, each once, those of a folder in the order of their names."""
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        if path.is_dir():
            inside = (each for each in sorted(path.rglob("*")) if each.is_file() and not each.is_symlink())
            found |= dict.fromkeys(each for each in inside if not any(part.startswith(".") for part in each.relative_to(path).parts))
        else:
            found[path] = None
    return list(found)


def _add_file(path: Path, ctx: IngestContext) -> Iterator[AddResult]:
    alone = is_sidecar(path)
    sidecar = read_sidecar(path if alone else sidecar_of(path))
    digest = _digest(path)
    whole = hashlib.sha256(f"{digest}\n{sidecar.digest}".encode()).hexdigest()
    wanted = sidecar.profile or ctx.profile
    known = _known(ctx, whole)
    if known is not None:  # 1; the parts of a file enter together or not at all
        yield _unchanged(path, ctx, known)
        return
    items = [Item({}, "yaml", original=False)] if alone else read_items(path, profile(wanted or "core"), sidecar)
    for item in items:  # 2
        chosen = profile(wanted or item.profile or "core")
        try:
            fields, guessed, notes = _fill(path, item, chosen, sidecar, ctx)
            yield _write(_Filled(path, item, chosen, sidecar, fields, guessed, notes, f"{whole}{item.part and '/' + item.part}"), ctx)
        except CatalogError as error:
            yield AddResult(path, "refused", error=error)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise IngestError(zh=f"無法讀取 {path}：{error}", en=f"cannot read {path}: {error}") from error


def _known(ctx: IngestContext, digest: str) -> str | None:
    """The record that was made from this content, unless it was withdrawn or given up since."""
    with ctx.store.read() as conn:
        id = find_source(conn, digest)
        return id if id is not None and _is_there(conn, id) else None


def _is_there(conn: Connection, id: str) -> bool:
    return conn.scalar(select(drafts.c.id).where(drafts.c.id == id)) is not None or conn.scalar(select(record.c.id).where(record.c.id == id)) is not None


def _unchanged(path: Path, ctx: IngestContext, id: str) -> AddResult:
    title, kind, rows, drafted = _about(ctx, id)
    if ctx.publish and drafted:  # added before without publishing
        return _publish(AddResult(path, "unchanged", id, title, kind, rows), ctx)
    return AddResult(path, "unchanged", id, title, kind, rows)


def _about(ctx: IngestContext, id: str) -> tuple[Mapping[str, str] | None, str | None, int | None, bool]:
    """Title, kind and number of rows of a record, and whether it has a draft."""
    with ctx.store.read() as conn:
        draft = load_draft(conn, ctx.writer.site, id)
        table = find_table(conn, id)
        if draft is not None:
            fields: Mapping[str, Any] = draft.fields
        else:
            text = conn.scalar(select(record.c.fields).where(record.c.id == id))
            fields = {} if text is None else orjson.loads(text)
    return fields.get("title"), fields.get("kind"), None if table is None else table.count, draft is not None


# --- 3: fill -----------------------------------------------------------------------------------------------------------------------------


type _Notes = tuple[tuple[str, str], ...]


def _fill(path: Path, item: Item, chosen: Profile, sidecar: Sidecar, ctx: IngestContext) -> tuple[dict[str, JSON], dict[str, JSON], _Notes]:
    """Fields that the source states, fields that only a new record gets, and notes. Raises IngestError for what the sidecar has wrong."""
    written, problems = clean_fields(chosen.id, sidecar.fields)
    if problems:
        raise _wrong_sidecar(sidecar, problems)
    stated, problems = clean_fields(chosen.id, item.fields)
    notes = tuple(item.notes) + tuple((f"{problem.field}：{problem.zh}", f"{problem.field}: {problem.en}") for problem in problems)
    fields = {**stated, **written}
    if item.layer is not None:
        fields["items"] = _items(item)
        fields[ROWS] = _rows_resource(item)
    guessed: dict[str, JSON] = {}
    for loose in (ctx.defaults, _site_defaults(ctx), {"title": _title(path)}, chosen.defaults, item.guessed):
        cleaned, problems = clean_fields(chosen.id, loose)
        if problems and loose is ctx.defaults:
            raise IngestError(zh=f"預設欄位有誤：{problems[0].field}：{problems[0].zh}", en=f"a default is wrong: {problems[0].field}: {problems[0].en}")
        guessed = {**cleaned, **guessed}
    if "title" in item.guessed:
        guessed["title"] = clean_fields(chosen.id, {"title": item.guessed["title"]})[0].get("title", guessed["title"])
    return fields, {name: value for name, value in guessed.items() if name not in fields}, notes


def _wrong_sidecar(sidecar: Sidecar, problems: list[Problem]) -> IngestError:
    name = sidecar.path.name if sidecar.path is not None else "sidecar"
    zh = "；".join(f"{problem.field}：{problem.zh}" for problem in problems)
    en = "; ".join(f"{problem.field}: {problem.en}" for problem in problems)
    return IngestError(zh=f"{name}：{zh}", en=f"{name}: {en}")


def _title(path: Path) -> str:
    """A title from the file's name, without its suffixes."""
    stem = path.name
    while (cut := re.sub(r"\.[A-Za-z0-9]{1,8}$", "", stem)) not in (stem, ""):
        stem = cut
    return re.sub(r"[_\s]+", " ", stem).strip() or path.name


def _site_defaults(ctx: IngestContext) -> dict[str, Any]:
    """What the site knows of its own data: who provides them."""
    return {"provider": {"name": dict(ctx.writer.site.name)}}


def _items(item: Item) -> JSON:
    assert item.layer is not None
    return [column.as_item() for column in item.layer.columns]


def _rows_resource(item: Item) -> JSON:
    assert item.layer is not None
    resource: dict[str, JSON] = {"title": {"zh": "數據表", "en": "Table"}, "kind": "database", "rows": True, "key": list(item.layer.key)}
    if item.layer.geometry is not None:
        resource["geometry"] = item.layer.geometry
        resource["title"] = {"zh": "要素圖層", "en": "Features"}
    resource["format"] = "geojson" if item.layer.geometry else "csv"
    return resource


def _original_resource(path: Path, item: Item, stored: Stored) -> tuple[JSON, str]:
    """The file as it came, and its media type."""
    code = code_list("formats").codes.get(item.format)
    other: Mapping[str, str] = code.other if code is not None else {}
    media = other.get("media_type", "application/octet-stream")
    titles: dict[str, JSON] = {"zh": "元數據原件", "en": "Metadata as received"} if item.format == "iso19139" else {"zh": "原始文件", "en": "Original file"}
    resource: dict[str, JSON] = {
        "title": titles,
        "kind": other.get("kind", "file"),
        "format": item.format,
        "media_type": media,
        "sha256": stored.sha256,
        "size": stored.size,
        "name": path.name[-255:],
    }
    crs = item.fields.get("crs")
    if isinstance(crs, str):
        resource["crs"] = crs
    return resource, media


# --- 4 and 5: write and publish ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Filled:
    """One record on its way in."""

    path: Path
    item: Item
    profile: Profile
    sidecar: Sidecar
    fields: dict[str, JSON]
    guessed: dict[str, JSON]
    notes: _Notes
    digest: str

    @property
    def place(self) -> str:
        """Where it came from: the next content of the same file changes the same record."""
        return f"{self.path.resolve()}{self.item.part and '#' + self.item.part}"


def _write(new: _Filled, ctx: IngestContext) -> AddResult:
    layer = new.item.layer
    rows: Iterator[Mapping[str, Any]] = iter(()) if layer is None else iter(layer.rows())
    first = list(islice(rows, CHUNK))
    whole = len(first) < CHUNK
    if layer is not None and not whole:  # nothing of a large file is written before all of it is known to be good
        check_rows(layer.columns, layer.key, layer.geometry, layer.rows())
    stored = _store(new.path, ctx) if new.item.original else None
    media = None
    if stored is not None:
        new.fields[ORIGINAL], media = _original_resource(new.path, new.item, stored)
    seen, count = BitMap(), 0
    with ctx.store.write() as tx:
        id, status = _draft(tx, ctx, new, whole)
        if layer is not None:
            changes = RowChanges(puts=first, replace=whole, seen=seen, columns=layer.columns, key=layer.key, geometry=layer.geometry)
            count = _total(ctx.writer.put_rows(tx, id, "", changes, ctx.actor))
        if stored is not None:
            ctx.objects.note(tx, stored.sha256, media_type=media)
    while not whole:
        chunk = list(islice(rows, CHUNK))
        whole = not chunk
        with ctx.store.write() as tx:
            count += _total(ctx.writer.put_rows(tx, id, "", RowChanges(puts=chunk, replace=whole, seen=seen), ctx.actor))
            if whole:
                _note_source(tx, new, id, new.digest)
    title, kind, _, _ = _about(ctx, id)
    result = AddResult(new.path, status, id, title, kind, count if layer is not None else None, notes=new.notes)
    return _publish(result, ctx) if ctx.publish else result


def _total(done: RowsDone) -> int:
    return done.added + done.changed + done.same


def _store(path: Path, ctx: IngestContext) -> Stored:
    try:
        with path.open("rb") as file:
            return ctx.objects.put(file)
    except OSError as error:
        raise IngestError(zh=f"無法讀取 {path}：{error}", en=f"cannot read {path}: {error}") from error


def _draft(tx: WriteTransaction, ctx: IngestContext, new: _Filled, whole: bool) -> tuple[str, str]:
    """Makes or changes the draft, and notes where it came from; a load that goes on in further transactions is noted as unfinished until its end."""
    known = _from_same_place(tx, new.place)
    secrecy = new.sidecar.secrecy or new.item.secrecy or ctx.secrecy
    terms = new.sidecar.terms if new.sidecar.terms is not None else ctx.terms
    if known is None:
        draft = Draft(
            fields={**new.guessed, **new.fields}, profile=new.profile.id, secrecy=secrecy, terms=terms and dict(terms), slug=new.sidecar.slug, source=new.place
        )
        id, status = ctx.writer.add_draft(tx, draft, ctx.actor), "draft"
    else:
        id, status = known, "changed"
        _change(tx, ctx, id, new, secrecy)
    _note_source(tx, new, id, new.digest if whole else f"unfinished:{new.digest}")
    return id, status


def _note_source(tx: WriteTransaction, new: _Filled, id: str, digest: str) -> None:
    """Only the newest content of a place is known: a file that goes back to an earlier content is a change."""
    tx.conn.execute(delete(source).where(or_(source.c.source == new.place, source.c.digest == digest)))
    tx.conn.execute(insert(source).values(digest=digest, id=id, source=new.place, time=tx.now))


def _from_same_place(tx: WriteTransaction, place: str) -> str | None:
    """The record that an earlier content of the same file became, unless it was withdrawn or given up since."""
    id = tx.conn.scalar(select(source.c.id).where(source.c.source == place).order_by(source.c.time.desc()).limit(1))
    return str(id) if id is not None and _is_there(tx.conn, id) else None


def _change(tx: WriteTransaction, ctx: IngestContext, id: str, new: _Filled, secrecy: str | None) -> None:
    """A changed file changes what the file says, and leaves what people wrote elsewhere."""
    changes: dict[str, JSON] = {**new.fields}
    if ROWS not in changes:
        changes |= {ROWS: None}
    if new.sidecar.profile is not None:
        changes["profile"] = new.profile.id
    if new.sidecar.secrecy is not None:
        changes["secrecy"] = secrecy
    if new.sidecar.terms is not None:
        changes["terms"] = dict(new.sidecar.terms)
    ctx.writer.edit(tx, id, changes, ctx.actor)


def _publish(result: AddResult, ctx: IngestContext) -> AddResult:
    assert result.id is not None
    try:
        with ctx.store.write() as tx:
            done = ctx.writer.publish(tx, result.id, ctx.actor)
    except PublishError as error:
        return AddResult(result.path, "refused", result.id, result.title, result.kind, result.rows, error, result.notes)
    status = "published" if done.changed else result.status
    return AddResult(result.path, status, result.id, result.title, result.kind, result.rows, notes=result.notes)
