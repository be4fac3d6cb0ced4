"""From what was found in a file to the fields of a record: who says what, and which resources it has.

What a person wrote (sidecar) goes before what the file says, that before the caller's defaults, those before the site's, the file's name, the profile's
defaults and the kind of file's guess.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.canonical import JSON
from catalog.codes import code_list
from catalog.errors import IngestError
from catalog.ingest.joining import Terms, stricter_fields, stricter_secrecy, stricter_terms
from catalog.ingest.model import IngestContext, Item, Sidecar
from catalog.objects import Stored
from catalog.profiles import Profile, clean_fields
from catalog.record import Cleaned, Problem

__all__ = ["ORIGINAL", "ROWS", "Filled", "Filler", "original_resource"]

#: Names of the resources that intake makes: the rows, and the file as it came.
ROWS, ORIGINAL = "resources.rows", "resources.original"

#: Formats whose original is a description, not data.
_METADATA = frozenset(("iso19139", "fgdc", "ckan", "dcat-us", "ttl", "rdf", "jsonld", "stac"))

type Notes = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Filled:
    """One record on its way in.

    Attributes:
        path: the file, as it was named.
        place: where it came from (absolute path, and the part): the next content of the same place changes the same record.
        outer: the sidecar beside the file itself; that of an archive for what came out of it, of which `sidecar` knows as well.
        fields: what the source states. guessed: what only a new record gets.
        digest: of its content: the same adds nothing.
        written: of fields alone, guessed ones included, what cleaning wrote of them.
    """

    path: Path
    place: str
    item: Item
    profile: Profile
    sidecar: Sidecar
    outer: Sidecar
    fields: dict[str, JSON]
    guessed: dict[str, JSON]
    notes: Notes
    digest: str
    written: dict[str, str]

    def protection(self, ctx: IngestContext) -> tuple[str | None, Terms | None]:
        """Secrecy and terms of a new record; what comes out of an archive may only tighten what its sidecar says, else the caller."""
        secrecy = self.sidecar.secrecy or self.item.secrecy or ctx.secrecy
        terms = self.sidecar.terms if self.sidecar.terms is not None else ctx.terms
        if self.item.member:
            secrecy = stricter_secrecy(secrecy, self.item.secrecy)
            secrecy = stricter_secrecy(secrecy, ctx.secrecy) if self.outer.secrecy is None else secrecy
            terms = stricter_terms(ctx.terms, terms) if self.outer.terms is None else terms
        return secrecy, terms


class Filler:
    """Brings together what all say of a record; what is the same for each record of a run is looked at once.

    Args:
        ctx: of the run.
    """

    def __init__(self, ctx: IngestContext) -> None:
        self._ctx = ctx
        self._known: dict[str, tuple[Cleaned, Cleaned]] = {}

    def fill(self, path: Path, place: str, item: Item, chosen: Profile, outer: Sidecar, digest: str) -> Filled:
        """A record on its way in.

        Args:
            outer: the sidecar beside the file.

        Raises:
            IngestError: the sidecar or the caller's defaults have something wrong.
        """
        sidecar = item.sidecar or outer
        said = clean_fields(chosen.id, sidecar.fields)
        if said.problems:
            raise _wrong_sidecar(sidecar, said.problems)
        stated = clean_fields(chosen.id, item.fields)
        notes = tuple(item.notes) + tuple((f"{problem.field}：{problem.zh}", f"{problem.field}: {problem.en}") for problem in stated.problems)
        fields, written = {**stated.fields, **said.fields}, {**stated.written, **said.written}
        if item.layer is not None:
            fields["items"] = [column.as_item() for column in item.layer.columns]
            fields[ROWS] = _rows_resource(item)
        given, defaults = self._defaults(chosen)
        if item.member:  # what comes out of an archive may only tighten what was said of it
            floor = {name: value for name, value in given.fields.items() if name not in outer.fields}
            fields |= stricter_fields({name: value for name, value in floor.items() if name in fields}, stricter_fields(fields, stated.fields))
            written = {}
        titled = {}
        if "title" not in fields and "title" not in given.fields:
            titled = {"title": item.guessed.get("title") or _title(item.name or path.name)}
        loose = {name: value for name, value in item.guessed.items() if name not in fields and name not in given.fields and name not in defaults.fields}
        guess = clean_fields(chosen.id, {**loose, **titled})
        guessed = {**defaults.fields, **guess.fields, **given.fields}
        new = {name: value for name, value in guessed.items() if name not in fields}
        if item.plain:
            texts = {**defaults.written, **guess.written, **given.written}
            written |= {name: texts[name] for name in new}
        return Filled(path, place, item, chosen, sidecar, outer, fields, new, notes, digest, written if item.plain else {})

    def _defaults(self, chosen: Profile) -> tuple[Cleaned, Cleaned]:
        """What the caller and the site give to records that lack it, and what the profile gives."""
        known = self._known.get(chosen.id)
        if known is None:
            given = clean_fields(chosen.id, self._ctx.defaults)
            if given.problems:
                first = given.problems[0]
                raise IngestError(zh=f"默认字段有误：{first.field}：{first.zh}", en=f"a default is wrong: {first.field}: {first.en}")
            site = clean_fields(chosen.id, {"provider": {"name": dict(self._ctx.writer.site.name)}})
            given = Cleaned({**site.fields, **given.fields}, {**site.written, **given.written}, [])
            known = self._known[chosen.id] = (given, clean_fields(chosen.id, chosen.defaults))
        return known


def _wrong_sidecar(sidecar: Sidecar, problems: list[Problem]) -> IngestError:
    name = sidecar.path.name if sidecar.path is not None else "sidecar"
    zh = "；".join(f"{problem.field}：{problem.zh}" for problem in problems)
    en = "; ".join(f"{problem.field}: {problem.en}" for problem in problems)
    return IngestError(zh=f"{name}：{zh}", en=f"{name}: {en}")


def _title(name: str) -> str:
    """A title from a file's name, without its suffixes."""
    stem = name
    while (cut := re.sub(r"\.[A-Za-z0-9]{1,8}$", "", stem)) not in (stem, ""):
        stem = cut
    return re.sub(r"[_\s]+", " ", stem).strip() or name


def _rows_resource(item: Item) -> JSON:
    assert item.layer is not None
    resource: dict[str, JSON] = {"title": {"zh": "数据表", "en": "Table"}, "kind": "database", "rows": True, "key": list(item.layer.key)}
    if item.layer.geometry is not None:
        resource["geometry"] = item.layer.geometry
        resource["title"] = {"zh": "要素图层", "en": "Features"}
    resource["format"] = "geojson" if item.layer.geometry else "csv"
    return resource


def original_resource(path: Path, item: Item, stored: Stored) -> tuple[JSON, str]:
    """The file as it came, and its media type."""
    code = code_list("formats").codes.get(item.format)
    other: Mapping[str, str] = code.other if code is not None else {}
    media = other.get("media_type", "application/octet-stream")
    titles: dict[str, JSON] = {"zh": "元数据原件", "en": "Metadata as received"} if item.format in _METADATA else {"zh": "原始文件", "en": "Original file"}
    resource: dict[str, JSON] = {
        "title": titles,
        "kind": other.get("kind", "file"),
        "format": item.format,
        "media_type": media,
        "sha256": stored.sha256,
        "size": stored.size,
        "name": (item.name or path.name)[-255:],
    }
    crs: Any = item.fields.get("crs")
    if isinstance(crs, str):
        resource["crs"] = crs
    return resource, media
