"""A site that takes files in, for the tests of intake."""

from pathlib import Path
from typing import Any

import orjson

from catalog import rows
from catalog.drafts import StoredDraft, load_draft
from catalog.ingest import AddResult, IngestContext, add
from catalog.objects import open_objects
from catalog.quarantine import list_held, place_text
from catalog.rows import Ask, RowTable, View
from catalog.site import SiteIdentity
from catalog.store import Store
from catalog.writer import Writer
from policies.actor import Actor

NODE = "n-" + "c" * 32
SITE = SiteIdentity(node=NODE, zone="business", division="510107", level="county", name={"zh": "武侯區局", "en": "Wuhou Bureau"}, sector="land")
CLERK = Actor(kind="person", node=NODE, person="zhang", division="510107", level="county", clearance="internal", roles=frozenset({"clerk", "officer"}))
#: What the files of the tests do not say, so that they can be published.
DEFAULTS = {
    "summary": "摘要",
    "category": "3070115",
    "sharing": {"type": "unconditional", "method": "platform"},
    "opening": True,
    "theme": ["land"],
    "grade": "general",
    "impact_assessment": "無",
    "approval": "同意",
    "responsible_person": "王某",
}


class Intake:
    """A site with what intake needs, and what the tests look at."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.folder = folder
        self.files = folder / "in"
        self.files.mkdir()
        self.ctx = IngestContext(store, Writer(SITE), open_objects(folder / "objects"), CLERK, secrecy="public", defaults=DEFAULTS)

    def file(self, name: str, content: str | bytes) -> Path:
        """Writes a file to take in."""
        path = self.files / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def add(self, *paths: Path, **changes: Any) -> list[AddResult]:
        """Takes files in, with changes to the context."""
        before = {name: getattr(self.ctx, name) for name in changes}
        for name, value in changes.items():
            setattr(self.ctx, name, value)
        try:
            return list(add(paths, self.ctx))
        finally:
            for name, value in before.items():
                setattr(self.ctx, name, value)

    def one(self, *paths: Path, **changes: Any) -> AddResult:
        """Takes in what must be one good file."""
        (result,) = self.add(*paths, **changes)
        assert result.error is None, result.error
        return result

    def refused(self, path: Path, **changes: Any) -> str:
        """The English words of a refusal; both languages must be there, and nothing may be left behind."""
        (result,) = self.add(path, **changes)
        assert result.status == "refused" and result.error is not None and result.error.zh and result.error.en
        assert result.id is None
        return result.error.en

    def draft(self, id: str | None) -> StoredDraft:
        """A draft as stored."""
        with self.store.read() as conn:
            found = load_draft(conn, SITE, str(id))
        assert found is not None
        return found

    def fields(self, id: str | None) -> dict[str, Any]:
        """Its fields."""
        return self.draft(id).fields

    def table(self, id: str | None) -> RowTable:
        """Its table of rows."""
        with self.store.read() as conn:
            return rows.load_table(conn, str(id))

    def types(self, id: str | None) -> dict[str, str]:
        """Types of its columns."""
        return {column.name: column.type for column in self.table(id).columns}

    def rows(self, id: str | None) -> list[dict[str, Any]]:
        """Its rows as values."""
        with self.store.read() as conn:
            table = rows.load_table(conn, str(id))
            return [row.values for row in rows.select_rows(conn, table, View.whole(table), Ask(limit=10_000)).rows]

    def held(self) -> list[tuple[str, str, str]]:
        """What is in quarantine: file, place, the end of the reason."""
        with self.store.read() as conn:
            return [(Path(each.file).name, place_text(each), each.en.rpartition(": ")[2]) for each in list_held(conn, limit=1_000)]

    def features(self, id: str | None) -> list[dict[str, Any]]:
        """Its rows as GeoJSON features."""
        with self.store.read() as conn:
            table = rows.load_table(conn, str(id))
            return [orjson.loads(each) for each in rows.select_features(conn, table, View.whole(table), Ask(limit=10_000)).rows]
