"""What readers of files hand over, and what `add` gives back."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.canonical import JSON
from catalog.quarantine import Bad
from catalog.rows.columns import Column
from policies.actor import Actor
from policies.errors import TerraceError

if TYPE_CHECKING:
    from catalog.objects import Objects
    from catalog.store import Store
    from catalog.writer import Writer

__all__ = ["AddResult", "Found", "IngestContext", "Item", "Layer", "Refused", "Sidecar"]

#: A row with its place in the file (number of the line, of the feature), or what is wrong with what stands there.
type Numbered = tuple[int, Mapping[str, Any]] | Bad


@dataclass(frozen=True)
class Layer:
    """A table of rows that was found in a file.

    Attributes:
        columns: with the geometry among them, if any.
        key: names of the key columns.
        geometry: type of geometry, or None.
        rows: called to read the rows; may be called again, and gives the same rows in the same order.
        unit: what the numbers of the rows count: `line`, `feature`, `row`.
        count: how many rows there are, the bad ones among them; for the progress.
    """

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    geometry: str | None
    rows: Callable[[], Iterable[Numbered]]
    unit: str = "row"
    count: int | None = None


@dataclass(frozen=True)
class Item:
    """One record that was found in a file.

    Attributes:
        fields: what the file says of the record.
        format: code of catalog/codes/formats.yaml for the file itself.
        guessed: fields that only a new record gets (a title from the file's name): an edit by hand is not overwritten.
        layer: its rows, or None.
        profile: bare name, when the kind of file says it.
        secrecy: when the metadata say it.
        part: which of several records of one file; "" for the only one.
        digest: of this part's content, when that can be told more cheaply than by reading all of it again; "" for that of the file.
        original: whether a file is kept as an object; False for a record that was written by hand or is one of many in a file.
        file, name: the file to keep, and its name, when it is not the file itself (a member of an archive, a layer by itself).
        member: path inside an archive.
        sidecar: found inside an archive.
        notes: what was not understood or left out, each in Chinese and English.
    """

    fields: Mapping[str, Any]
    format: str
    guessed: Mapping[str, Any] = field(default_factory=dict)
    layer: Layer | None = None
    profile: str | None = None
    secrecy: str | None = None
    part: str = ""
    digest: str = ""
    original: bool = True
    file: Path | None = None
    name: str | None = None
    member: str = ""
    sidecar: "Sidecar | None" = None
    notes: Sequence[tuple[str, str]] = ()

    @property
    def plain(self) -> bool:
        """Whether it is fields alone: many of these enter in one transaction."""
        return self.layer is None and not self.original


@dataclass(frozen=True)
class Refused:
    """A part of a file that cannot be read, while the rest can."""

    part: str
    bad: Bad


type Found = Item | Refused


@dataclass(frozen=True)
class Sidecar:
    """What a person wrote beside a data file (README.md has the format)."""

    path: Path | None = None
    profile: str | None = None
    secrecy: str | None = None
    terms: Mapping[str, JSON] | None = None
    slug: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    crs: str | None = None
    encoding: str | None = None
    digest: str = ""


@dataclass
class IngestContext:
    """Where to, by whom, and with what defaults.

    Attributes:
        store, writer, objects: of the site.
        actor: who adds; `writer` checks the role.
        profile: bare name or `<name>/<version>` for files that do not say theirs.
        secrecy: for files that do not say theirs; None leaves it open, and publishing will ask.
        terms: of new records that state none; None for none: then peers do not pass them on (LANGUAGE 18).
        defaults: fields for records whose source does not have them.
        publish: publish each record at once.
        again: read files once more that are known, for what is in quarantine of them.
        progress: called with (files done, files in all, path) after each file.
        steps: called with (records or rows done, how many in all or None, path) while a file is taken in.
        checks: called likewise while the rows of a large table are looked through, before any is written.
    """

    store: "Store"
    writer: "Writer"
    objects: "Objects"
    actor: Actor
    profile: str | None = None
    secrecy: str | None = None
    terms: Mapping[str, JSON] | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    publish: bool = False
    again: bool = False
    progress: Callable[[int, int, Path], None] | None = None
    steps: Callable[[int, int | None, Path], None] | None = None
    checks: Callable[[int, int | None, Path], None] | None = None


@dataclass(frozen=True)
class AddResult:
    """What became of one file, or of one record in it.

    Attributes:
        status: `draft` (new), `changed` (a new draft of the same record), `unchanged` (nothing added), `published`, `refused` (see `error`),
            `quarantined` (a part of a file that is set aside with its reason while the rest enters).
        kind: of the record (dataset, imagery, …), or None when the file was refused before.
        rows: number of rows of the record, or None.
        error: why it was refused; a PublishError leaves a draft behind, named by `id`.
        notes: what was not understood, in Chinese and English.
        part: which of several records of one file.
        quarantined: how many rows of the record are set aside.
    """

    path: Path
    status: str
    id: str | None = None
    title: Mapping[str, str] | None = None
    kind: str | None = None
    rows: int | None = None
    error: TerraceError | None = None
    notes: Sequence[tuple[str, str]] = ()
    part: str = ""
    quarantined: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON lines."""
        found: dict[str, Any] = {"file": str(self.path), "id": self.id, "title": self.title, "kind": self.kind, "status": self.status, "rows": self.rows}
        if self.part:
            found["part"] = self.part
        if self.quarantined:
            found["quarantined"] = self.quarantined
        if self.error is not None:
            found["error"] = {"kind": self.error.kind, "zh": self.error.zh, "en": self.error.en}
            problems = getattr(self.error, "problems", None)
            if isinstance(problems, list):
                found["error"]["problems"] = problems
        if self.notes:
            found["notes"] = [{"zh": zh, "en": en} for zh, en in self.notes]
        return found
