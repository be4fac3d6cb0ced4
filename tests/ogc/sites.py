"""A site with layers for tests of the OGC faces: polygons, a masked and a hidden column, what may only be discovered, and what is secret."""

from dataclasses import dataclass
from typing import Any

from flask import Flask
from werkzeug.test import Client

from catalog.rows import Column, RowChanges
from catalog.writer import Published
from ogc.csw.routes import Csw, CswSettings
from ogc.features.routes import Features, FeaturesSettings
from policies.actor import PUBLIC, Actor, acting
from tests.catalog.conftest import OFFICER
from tests.catalog.worlds import OPEN, World

#: On top of `worlds.OPEN`: wells hide a column, mask one and show active rows only.
WELLS = """\
policy: wells
rules:
- rule: wells-fields
  constrain: data
  what: record.theme has groundwater
  unless: actor.roles has officer
  then: {hide: [owner_id], mask: {owner: surname}}
  because: {zh: 個人信息, en: personal}
"""

PARCEL_COLUMNS = (
    Column("code", "text", {"zh": "地块编号", "en": "Parcel"}, nullable=False),
    Column("use", "text", {"zh": "用途", "en": "Use"}),
    Column("area", "decimal", {"zh": "面积", "en": "Area"}),
    Column("floors", "integer"),
    Column("built", "date"),
    Column("observed", "datetime"),
    Column("valid", "boolean"),
    Column("geom", "geometry"),
)
WELL_COLUMNS = (
    Column("no", "integer", nullable=False), Column("depth", "decimal"), Column("owner", "text"), Column("owner_id", "text"), Column("geom", "geometry"),
)  # fmt: skip
TABLE_COLUMNS = (Column("year", "integer", nullable=False), Column("value", "decimal"))

USES = ("耕地", "林地", "<建设用地>", None)
ROWS = 250


def square(i: int) -> dict[str, Any]:
    """A parcel of 0.001 degrees: 50 in a line from 104.0, 30.5 eastward, then the next line northward."""
    x, y = 104 + (i % 50) * 0.002, 30.5 + (i // 50) * 0.002
    return {"type": "Polygon", "coordinates": [[[x, y], [x + 0.001, y], [x + 0.001, y + 0.001], [x, y + 0.001], [x, y]]]}


def parcel(i: int) -> dict[str, Any]:
    return {
        "code": f"P{i:04d}",
        "use": USES[i % 4],
        "area": f"{i}.5",
        "floors": i % 7,
        "built": f"20{i % 20:02d}-01-15",
        "observed": f"2024-03-{i % 28 + 1:02d}T08:00:00Z",
        "valid": i % 2 == 0,
        "geom": square(i),
    }


@dataclass
class OgcSite:
    """The site and its records. `client(actor)` gives a WSGI client that speaks as that actor."""

    world: World
    app: Flask
    parcels: Published
    wells: Published
    table: Published
    listed: Published
    secret: Published

    def wsgi(self, actor: Actor | None) -> Any:
        def application(environ: Any, start: Any) -> Any:
            if actor is None:
                return self.app(environ, start)
            with acting(actor):
                return self.app(environ, start)

        return application

    def client(self, actor: Actor | None = PUBLIC) -> Client:
        return Client(self.wsgi(actor))


def add_layer(world: World, columns: tuple[Column, ...], key: tuple[str, ...], rows: list[dict[str, Any]], **changes: Any) -> Published:
    items = [column.as_item() for column in columns]
    geometry = "polygon" if any(column.type == "geometry" for column in columns) else None
    done = world.publish(items=items, **changes)
    with world.store.write() as tx:
        world.writer.put_rows(tx, done.id, "", RowChanges(columns=columns, key=key, geometry=geometry, puts=rows), OFFICER)
    return done


def build(world: World, *, count: bool = True) -> OgcSite:
    """Publishes the site's records and mounts both faces."""
    world.rule(OPEN)
    world.rule(WELLS, "wells.yaml")
    parcels = add_layer(
        world, PARCEL_COLUMNS, ("code",), [parcel(i) for i in range(ROWS)],
        title={"zh": "武侯区宗地", "en": "Parcels of Wuhou"}, summary={"zh": "宗地界线", "en": "Boundaries of parcels"}, time=["2020-01-01", None],
        bbox=["104.0", "30.5", "104.1", "30.52"],
    )  # fmt: skip
    wells = add_layer(
        world, WELL_COLUMNS, ("no",),
        [
            {"no": i, "depth": f"{i}.25", "owner": f"王{i}", "owner_id": f"id-{i}", "geom": {"type": "Point", "coordinates": [104.05, 30.55]}}
            for i in range(1, 4)
        ],
        title={"zh": "监测井", "en": "Monitoring wells"}, theme=["groundwater"],
    )  # fmt: skip
    years = [{"year": 2000 + i, "value": str(i)} for i in range(20)]
    table = add_layer(world, TABLE_COLUMNS, ("year",), years, title={"zh": "统计", "en": "Statistics table"}, theme=["statistics"])
    grant = {"zh": "凭授权", "en": "by grant"}
    only = {"opening": {"open": False, "conditions": grant}, "sharing": {"type": "conditional", "conditions": grant, "method": "platform"}}
    listed = add_layer(world, PARCEL_COLUMNS, ("code",), [parcel(0)], title={"zh": "有条件", "en": "Conditional layer"}, **only)
    secret = add_layer(world, PARCEL_COLUMNS, ("code",), [parcel(1)], title={"zh": "内部图层", "en": "Internal layer"}, secrecy="internal")
    app = Flask("terrace-test")
    app.register_blueprint(Features(world.reader, FeaturesSettings(count=count)).blueprint(), url_prefix="/ogc")
    app.register_blueprint(Csw(world.reader, CswSettings(provider={"zh": "武侯", "en": "Wuhou"})).blueprint(), url_prefix="/csw")
    return OgcSite(world, app, parcels, wells, table, listed, secret)
