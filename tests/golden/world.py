"""The site that the golden answers come from. Its clock is pinned; its key, and so its name and the ids of its records, cannot be, and are put as names."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask

from catalog.accounts import Account
from catalog.drafts import Draft
from catalog.rows import Column, RowChanges
from node.actors import local_actor
from node.app import create_app
from node.founding import Founding, found
from node.site import Site, open_site
from tests.leaks.fate import NOON, fated

_COMMON: dict[str, Any] = {
    "category": "3/07/011", "sharing": {"type": "unconditional", "method": "platform"}, "opening": {"open": True}, "grade": "general",
    "territory": ["510107"], "issued": "2026-01-05", "update_cycle": "yearly", "responsible_person": "王", "responsible_office": "科", "approval": "ok",
    "impact_assessment": "ok",
    "summary": {"zh": "试验数据", "en": "Made up for tests"}, "keywords": {"en": ["test"]}, "contact_name": "李明",
    "contact_phone": "028-00000000", "kind": "dataset",
    "provider": {"name": {"zh": "武侯区自然资源局", "en": "Wuhou Bureau of Natural Resources"}, "code": "11510107MB1234567Q"},
}  # fmt: skip
_TABLE = {"title": {"zh": "数据表", "en": "Table"}, "kind": "database", "rows": True, "format": "csv"}


def _square(west: float, south: float) -> dict[str, Any]:
    east, north = round(west + 0.01, 2), round(south + 0.01, 2)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


PARCELS = RowChanges(
    columns=(
        Column("code", "text", nullable=False), Column("use", "text"), Column("area", "decimal"), Column("floors", "integer"), Column("built", "date"),
        Column("shape", "geometry"),
    ),
    key=("code",), geometry="polygon",
    puts=[
        {"code": f"5101070000{n:02d}", "use": ("耕地", "forest", None)[n % 3], "area": f"{100 + n}.5", "floors": n, "built": f"20{10 + n}-02-03",
         "shape": _square(104 + n / 100, 30.6)}
        for n in range(12)
    ],
)  # fmt: skip
READINGS = RowChanges(
    columns=(Column("well", "text", nullable=False), Column("at", "datetime", nullable=False), Column("level", "decimal")),
    key=("well", "at"),
    puts=[{"well": f"W{n % 2}", "at": f"2026-01-0{1 + n}T00:00:00Z", "level": f"{n}.25"} for n in range(5)],
)

#: Slug → fields, rows, file.
RECORDS: dict[str, tuple[dict[str, Any], RowChanges | None, bytes | None]] = {
    "parcels": (
        {
            "title": {"zh": "武侯区宗地", "en": "Parcels of Wuhou"}, "summary": {"zh": "宗地边界与用途", "en": "Boundaries and uses of parcels"},
            "keywords": {"zh": ["宗地"], "en": ["parcels"]}, "theme": ["land"], "bbox": ["104", "30.6", "104.12", "30.61"], "crs": "EPSG:4490",
            "license": "open-government", "time": ["2020-01-01", "2020-12-31"], "resources.rows": {**_TABLE, "key": ["code"]},
        }, PARCELS, b"code,use\n510107000000,\xe8\x80\x95\xe5\x9c\xb0\n",
    ),
    "readings": (
        {
            "title": {"zh": "地下水水位监测", "en": "Groundwater levels"}, "summary": {"zh": "两口井", "en": "Two wells"}, "keywords": {"en": ["groundwater"]},
            "theme": ["groundwater"], "update_cycle": "daily", "bbox": ["104", "30", "105", "31"], "license": "cc-by-4.0",
            "resources.rows": {**_TABLE, "key": ["well", "at"]},
        }, READINGS, None,
    ),
    "service": (
        {
            "title": {"zh": "影像服务", "en": "Imagery service"}, "kind": "service", "theme": ["imagery"], "territory": ["510107", "510104"],
            "resources.wms": {"title": {"en": "WMS"}, "kind": "service", "format": "wms", "url": "https://example.org/wms?service=WMS"},
        }, None, None,
    ),
    "across": (
        {"title": {"zh": "跨日界线", "en": "Across the antimeridian"}, "theme": ["boundaries"], "bbox": ["170", "-10", "-170", "10"]}, None, None,
    ),
    "conditional": (
        {
            "title": {"zh": "矿业权", "en": "Mining rights"}, "theme": ["minerals"], "opening": {"open": False},
            "sharing": {"type": "conditional", "conditions": {"zh": "须申请", "en": "on application"}, "method": "platform"},
        }, None, None,
    ),
    "internal": ({"title": {"zh": "内部", "en": "Internal"}, "theme": ["administration"], "opening": {"open": False}}, None, None),
}  # fmt: skip


@dataclass
class Golden:
    """The site and how it is asked."""

    site: Site
    app: Flask
    officer: str
    names: dict[str, str]

    @property
    def random(self) -> dict[str, str]:
        """What differs from run to run, and what is written in its place."""
        return {uuid: f"{{{slug}}}" for slug, uuid in self.names.items()} | {self.site.identity.node: "{node}"}


def build(folder: Path, database: str | None) -> Golden:
    """Founds and fills the site."""
    with fated("golden"):
        founding = Founding({"zh": "武侯区", "en": "Wuhou"}, "510107", None, None, "business", port=0, peer_port=0, database=database)
        site = open_site(found(folder / "site", founding).folder)
        site.policies.activate("test")
        with site.store.write() as tx:
            site.accounts.create(tx, Account("officer", "officer", frozenset({"officer"})), by="test")
            officer = site.accounts.create_token(tx, "officer", "test", by="test")
    names = {}
    for number, (slug, (fields, rows, file)) in enumerate(RECORDS.items()):
        names[slug] = _publish(site, slug, fields, rows, file, NOON + 3600 * number)
    with fated("log"):
        site.exchange.worker.publish_once()
    return Golden(site, create_app(site), officer, names)


def _publish(site: Site, slug: str, fields: dict[str, Any], rows: RowChanges | None, file: bytes | None, now: int) -> str:
    """Publishes a record; returns its uuid."""
    actor = local_actor(site.identity)
    whole = {**_COMMON, "code": f"3/07/011/{slug}", **fields}
    if not any(name.startswith("resources.") for name in fields):
        whole["resources.page"] = {"title": {"en": "Page"}, "kind": "file", "format": "html", "url": f"https://example.org/{slug}"}
    if rows is not None:
        whole["items"] = [column.as_item() for column in rows.columns or ()]
    with fated(slug, now):
        if file is not None:
            stored = site.objects.put(BytesIO(file), media_type="text/csv")
            whole["resources.original"] = {
                "title": {"zh": "原始文件", "en": "Original"}, "kind": "file", "format": "csv", "media_type": "text/csv", "sha256": stored.sha256,
                "size": len(file),
            }  # fmt: skip
        with site.store.write() as tx:
            if file is not None:
                site.objects.note(tx, whole["resources.original"]["sha256"], media_type="text/csv")
            secrecy = "internal" if slug == "internal" else "public"
            id = site.writer.add_draft(tx, Draft(whole, secrecy=secrecy, slug=slug), actor)
            if rows is not None:
                site.writer.put_rows(tx, id, "", rows, actor)
            site.writer.publish(tx, id, actor)
    return id.rpartition(":")[2]
