"""Rows and files under policy: filters, hidden and masked columns, cells, opaque files; on both engines."""

import io
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
import shapely

from catalog.errors import DeniedError, NotFoundError, QueryError, UnknownColumnError
from catalog.filters import Compare, IsNull, Or
from catalog.objects import open_objects
from catalog.queries import RowQuery
from catalog.rows import Column, RowChanges
from catalog.store import Store
from catalog.writer import Published
from policies.actor import PUBLIC, Actor
from tests.catalog.conftest import OFFICER
from tests.catalog.worlds import OPEN, STAFF, World

COLUMNS = (
    Column("unit_no", "text"),
    Column("owner_name", "text"),
    Column("id_number", "text"),
    Column("area", "decimal"),
    Column("division", "text"),
    Column("registered", "date"),
    Column("shape", "geometry"),
)
ROWS = [
    {
        "unit_no": "A1",
        "owner_name": "张三",
        "id_number": "510107199001011234",
        "area": "88.5",
        "division": "510107",
        "registered": "2020-05-01",
        "shape": "POINT(104 30.6)",
    },
    {
        "unit_no": "A2",
        "owner_name": "李四",
        "id_number": "510107198502022345",
        "area": "120",
        "division": "510107001",
        "registered": "2021-05-01",
        "shape": "POINT(104.02 30.62)",
    },
    {
        "unit_no": "B1",
        "owner_name": "王五",
        "id_number": "510104197003033456",
        "area": "64.25",
        "division": "510104",
        "registered": "2022-05-01",
        "shape": "POINT(104.08 30.66)",
    },
]
PERSONAL = """\
- rule: personal
  constrain: data
  unless: actor.roles has any of clerk, officer
  then: {hide: [id_number], mask: {owner_name: surname}}
  because: {zh: 个人信息, en: personal}
"""
OWN_TERRITORY = """\
- rule: own-territory
  constrain: data
  who: actor.kind is agency
  then: {only rows: row.division lies within actor.division}
  because: {zh: 本地区, en: its own territory}
"""
WUHOU_AGENCY = Actor(kind="agency", node="tax-510107", division="510107", clearance="internal")


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    made = World(store, tmp_path / "policies")
    made.rule(OPEN)
    return made


def _register(world: World, **changes: Any) -> Published:
    items = [column.as_item() for column in COLUMNS]
    resources = {"resources.data": {"title": {"zh": "登记"}, "kind": "database", "format": "GeoJSON", "rows": True, "key": ["unit_no"], "geometry": "point"}}
    done = world.publish(items=items, **resources, **changes)
    rows = [{**row, "shape": shapely.from_wkt(row["shape"])} for row in ROWS]
    with world.store.write() as tx:
        world.writer.put_rows(tx, done.id, "", RowChanges(columns=COLUMNS, key=("unit_no",), geometry="point", puts=rows), OFFICER)
    return done


def _names(world: World, actor: Actor, id: str, **query: Any) -> list[str]:
    return [row["unit_no"] for row in world.reader.rows(actor, id, RowQuery(**query)).rows]


def test_rows_filter_sort_page_and_count(world: World) -> None:
    done = _register(world)
    assert [column.name for column in world.reader.columns(PUBLIC, done.id)] == [column.name for column in COLUMNS]
    assert _names(world, PUBLIC, done.slug) == ["A1", "A2", "B1"]
    assert _names(world, PUBLIC, done.id, sort=("-area",)) == ["A2", "A1", "B1"]
    assert _names(world, PUBLIC, done.id, where=Compare("area", ">", 80)) == ["A1", "A2"]
    assert _names(world, PUBLIC, done.id, bbox=(104.01, 30.61, 104.1, 30.7)) == ["A2", "B1"]
    assert _names(world, PUBLIC, done.id, text="李") == ["A2"]
    first = world.reader.rows(PUBLIC, done.id, RowQuery(limit=2, count=True))
    assert (first.total, [row["unit_no"] for row in first.rows]) == (3, ["A1", "A2"])
    assert _names(world, PUBLIC, done.id, after=first.next) == ["B1"]
    assert world.reader.count(PUBLIC, done.id, RowQuery(where=Compare("division", "=", "510104"))) == 1
    assert world.reader.extent(PUBLIC, done.id) == (104, 30.6, 104.08, 30.66)


def test_selected_columns_are_put_out_and_the_others_still_filter(world: World) -> None:
    done = _register(world)
    query = RowQuery(select=("unit_no", "area"), where=Compare("owner_name", "=", "李四"), with_geometry=False)
    assert world.reader.rows(PUBLIC, done.id, query).rows == [{"_key": '["A2"]', "_id": "A2", "unit_no": "A2", "area": "120"}]
    feature = orjson.loads(world.reader.rows(PUBLIC, done.id, RowQuery(select=("area",), raw="geojson", limit=1)).features[0])
    assert feature["properties"] == {"area": 88.5} and feature["id"] == "A1"
    world.rule(OPEN + PERSONAL)
    for name in ("id_number", "no_such_column"):
        with pytest.raises(UnknownColumnError):
            world.reader.rows(PUBLIC, done.id, RowQuery(select=(name,)))


def test_features_are_bytes_with_ids_and_one_row_is_found_by_its_id(world: World) -> None:
    done = _register(world)
    page = world.reader.rows(PUBLIC, done.id, RowQuery(raw="geojson"))
    feature = orjson.loads(page.features[0])
    assert (feature["id"], feature["geometry"]["type"], feature["properties"]["area"]) == ("A1", "Point", 88.5)
    one = world.reader.row(PUBLIC, done.id, "A1")
    assert (one["unit_no"], one["area"], one["_id"]) == ("A1", "88.5", "A1")
    assert orjson.loads(world.reader.row(PUBLIC, done.id, "A1", raw=True)) == feature
    with pytest.raises(NotFoundError):
        world.reader.row(PUBLIC, done.id, "Z9")


def test_a_hidden_column_is_absent_everywhere(world: World) -> None:
    done = _register(world)
    assert "id_number" in {column.name for column in world.reader.columns(PUBLIC, done.id)}  # the control
    world.rule(OPEN + PERSONAL)
    assert "id_number" not in {column.name for column in world.reader.columns(PUBLIC, done.id)}
    assert "id_number" not in json.dumps(world.reader.record(PUBLIC, done.id).fields)
    page = world.reader.rows(PUBLIC, done.id, RowQuery(with_geometry=False))
    assert "id_number" not in json.dumps(page.rows)
    assert b"id_number" not in b"".join(world.reader.rows(PUBLIC, done.id, RowQuery(raw="geojson")).features)
    assert b"510107199001011234" not in b"".join(world.reader.rows(PUBLIC, done.id, RowQuery(raw="geojson")).features)
    messages = []
    for name in ("id_number", "no_such_column"):
        for query in (RowQuery(where=Compare(name, "=", "x")), RowQuery(sort=(name,)), RowQuery(where=IsNull(name))):
            with pytest.raises(UnknownColumnError) as refused:
                world.reader.rows(PUBLIC, done.id, query)
            messages.append(str(refused.value).replace(name, "?"))
    assert messages[:3] == messages[3:]
    assert world.reader.rows(PUBLIC, done.id, RowQuery(text="510107199001011234")).rows == []
    assert "id_number" in world.reader.rows(STAFF, done.id, RowQuery()).rows[0]


def test_a_masked_column_cannot_be_filtered_sorted_or_searched(world: World) -> None:
    world.rule(OPEN + PERSONAL)
    done = _register(world)
    assert [row["owner_name"] for row in world.reader.rows(PUBLIC, done.id, RowQuery()).rows] == ["张**", "李**", "王**"]
    assert orjson.loads(world.reader.row(PUBLIC, done.id, "A2", raw=True))["properties"]["owner_name"] == "李**"
    for query in (
        RowQuery(where=Compare("owner_name", "=", "张三")),
        RowQuery(sort=("owner_name",)),
        RowQuery(where=Or((IsNull("owner_name"), IsNull("area")))),
    ):
        with pytest.raises(UnknownColumnError):
            world.reader.rows(PUBLIC, done.id, query)
    assert world.reader.rows(PUBLIC, done.id, RowQuery(text="张三")).rows == []
    assert _names(world, STAFF, done.id, where=Compare("owner_name", "=", "张三")) == ["A1"]


def test_a_row_filter_hides_rows_from_pages_counts_extents_and_by_key(world: World) -> None:
    done = _register(world)
    assert _names(world, WUHOU_AGENCY, done.id) == ["A1", "A2", "B1"]  # the control
    world.rule(OPEN + OWN_TERRITORY)
    assert _names(world, WUHOU_AGENCY, done.id) == ["A1", "A2"]
    assert world.reader.count(WUHOU_AGENCY, done.id) == 2
    assert world.reader.extent(WUHOU_AGENCY, done.id) == (104, 30.6, 104.02, 30.62)
    assert _names(world, WUHOU_AGENCY, done.id, where=Or((Compare("division", "=", "510104"), Compare("area", ">", 100)))) == ["A2"]
    assert _names(world, WUHOU_AGENCY, done.id, bbox=(104.05, 30.6, 104.2, 30.8)) == []
    answers = []
    for key in ("B1", "Z9"):
        with pytest.raises(NotFoundError) as refused:
            world.reader.row(WUHOU_AGENCY, done.id, key)
        answers.append(str(refused.value))
    assert answers[0] == answers[1]
    assert "files" not in world.reader.record(WUHOU_AGENCY, done.id).may


def test_a_hidden_key_column_withholds_the_rows(world: World) -> None:
    world.rule(OPEN + PERSONAL.replace("[id_number]", "[unit_no]"))
    done = _register(world)
    with pytest.raises(DeniedError):
        world.reader.rows(PUBLIC, done.id, RowQuery())
    assert len(world.reader.rows(STAFF, done.id, RowQuery()).rows) == 3


def test_counts_below_the_smallest_cell_are_not_told(world: World) -> None:
    world.rule(
        OPEN
        + """\
- rule: cells
  constrain: data
  unless: actor.roles has any of clerk, officer
  then: {smallest cell: 3}
  because: {zh: 小单元, en: small cells}
"""
    )
    done = _register(world)
    assert world.reader.count(PUBLIC, done.id) == 3
    assert world.reader.count(PUBLIC, done.id, RowQuery(where=Compare("area", ">", 80))) is None
    assert world.reader.rows(PUBLIC, done.id, RowQuery(where=Compare("area", ">", 80), count=True)).total is None
    assert world.reader.count(STAFF, done.id, RowQuery(where=Compare("area", ">", 80))) == 2


def test_a_variant_takes_the_place_of_the_rows_or_they_are_withheld(world: World) -> None:
    world.rule(
        OPEN
        + """\
- rule: thinned
  constrain: data
  unless: actor.roles has any of clerk, officer
  then: {use variant: grid-1km}
  because: {zh: 公里格网, en: kilometre grid}
"""
    )
    bare = _register(world)
    with pytest.raises(DeniedError) as refused:
        world.reader.rows(PUBLIC, bare.id, RowQuery())
    assert refused.value.reasons[0]["rule"] == "open/thinned"
    grid = (Column("cell", "text"), Column("mean", "decimal"))
    variant = {"variants.grid-1km": {"title": {"zh": "格网"}, "items": [column.as_item() for column in grid], "key": ["cell"]}}
    done = _register(world, **variant)
    with world.store.write() as tx:
        world.writer.put_rows(tx, done.id, "grid-1km", RowChanges(columns=grid, key=("cell",), puts=[{"cell": "x1", "mean": "91"}]), OFFICER)
    assert world.reader.rows(PUBLIC, done.id, RowQuery()).rows == [{"_key": '["x1"]', "_id": "x1", "cell": "x1", "mean": "91"}]
    assert [column.name for column in world.reader.columns(PUBLIC, done.id)] == ["cell", "mean"]
    assert len(world.reader.rows(STAFF, done.id, RowQuery()).rows) == 3
    assert len(world.reader.rows(STAFF, done.id, RowQuery(variant="grid-1km")).rows) == 1


def test_questions_that_cannot_be_answered_say_so(world: World) -> None:
    done = _register(world)
    for query in (RowQuery(limit=-1), RowQuery(limit=1_000_000), RowQuery(offset=-5)):
        with pytest.raises(QueryError):
            world.reader.rows(PUBLIC, done.id, query)
    bare = world.publish()
    assert world.reader.columns(PUBLIC, bare.id) == []
    with pytest.raises(NotFoundError):
        world.reader.rows(PUBLIC, bare.id, RowQuery())


def test_original_files_go_out_only_whole(world: World, tmp_path: Path) -> None:
    world.objects = open_objects(tmp_path / "objects")
    world.reader = world.new_reader()
    digest = world.objects.put(io.BytesIO(b"whole file"), media_type="text/csv").sha256
    done = world.publish(
        **{"resources.file": {"title": {"zh": "档案"}, "kind": "file", "format": "CSV", "media_type": "text/csv", "sha256": digest, "size": 10}}
    )
    stream = world.reader.object(PUBLIC, done.id, "file")
    assert (stream.sha256, stream.size, stream.media_type, b"".join(stream.open(6))) == (digest, 10, "text/csv", b"file")
    with pytest.raises(NotFoundError):
        world.reader.object(PUBLIC, done.id, "other")
    world.rule(OPEN + PERSONAL)
    assert "files" not in world.reader.record(PUBLIC, done.id).may
    with pytest.raises(DeniedError):
        world.reader.object(PUBLIC, done.id, "file")
    assert world.reader.object(STAFF, done.id, "file").size == 10


def test_a_hidden_resource_is_neither_named_nor_served(world: World, tmp_path: Path) -> None:
    world.objects = open_objects(tmp_path / "objects")
    world.reader = world.new_reader()
    digest = world.objects.put(io.BytesIO(b"raw")).sha256
    files = {f"resources.{name}": {"title": {"zh": "档案"}, "kind": "file", "format": "CSV", "sha256": digest, "size": 3} for name in ("raw", "report")}
    done = world.publish(**files)
    hide = """\
- rule: raw
  constrain: read
  unless: actor.roles has any of clerk, officer
  then: {hide: [resources.raw]}
  because: {zh: 原始档不公开, en: raw files are not public}
"""
    assert "resources.raw" in world.reader.record(PUBLIC, done.id).fields  # the control
    world.rule(OPEN + hide)
    view = world.reader.record(PUBLIC, done.id)
    assert "resources.raw" not in view.fields and "resources.raw" not in view.withheld and "resources.report" in view.fields
    with pytest.raises(NotFoundError):
        world.reader.object(PUBLIC, done.id, "raw")
    assert "resources.raw" in world.reader.record(STAFF, done.id).fields
