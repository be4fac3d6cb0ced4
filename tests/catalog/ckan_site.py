"""The CKAN face of a whole site on loopback, for tests: requests say who they are by name in `Authorization`."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.serving import make_server

from catalog.ckan import CkanSettings, blueprint, dump_blueprint
from catalog.rows import Column, RowChanges
from catalog.writer import Published
from policies.actor import PUBLIC, acting
from tests.catalog.conftest import OFFICER
from tests.catalog.worlds import AGENCY, STAFF, World

BASE = "http://terrace.test"
ACTORS = {"": PUBLIC, "staff": STAFF, "agency": AGENCY}
COLUMNS = (
    Column("well", "text", {"zh": "井号", "en": "well"}), Column("level", "decimal", {"zh": "水位", "en": "level"}, unit="m"), Column("depth", "integer"),
    Column("active", "boolean"), Column("read_on", "date"), Column("read_at", "datetime"), Column("owner", "text"),
)  # fmt: skip
ROWS: list[dict[str, Any]] = [
    {"well": "W1", "level": "12.50", "depth": 30, "active": True, "read_on": "2024-01-02", "read_at": "2024-01-02T03:04:05Z", "owner": "张三"},
    {"well": "W2", "level": "7.125", "depth": 30, "active": False, "read_on": "2024-01-03", "owner": "李四, 王五"},
    {"well": "W3", "depth": 45, "owner": "王五"},
]


def make_app(world: World, base_url: str | None = BASE, language: str = "en") -> Flask:
    """The face as `node` mounts it."""
    app = Flask("ckan-test")
    settings = CkanSettings(title={"zh": "武侯", "en": "Wuhou"}, base_url=base_url, language=lambda: language)
    app.register_blueprint(blueprint(world.reader, settings), url_prefix="/api")
    app.register_blueprint(dump_blueprint(world.reader, settings), url_prefix="/datastore")

    @app.before_request
    def begin() -> None:
        g.context = acting(ACTORS[request.headers.get("Authorization", "")])
        g.context.__enter__()

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        g.context.__exit__(None, None, None)

    return app


class Api:
    """Calls actions in-process."""

    def __init__(self, world: World, actor: str = "", **options: Any) -> None:
        self.world = world
        self.client = make_app(world, **options).test_client()
        self.headers = {"Authorization": actor} if actor else {}

    def get(self, action: str, **parameters: Any) -> Any:
        """The result of a GET; fails when it is none."""
        response = self.raw(action, **parameters)
        assert response.status_code == 200, response.get_data(as_text=True)
        return response.get_json()["result"]

    def post(self, action: str, data: Any) -> Any:
        """The result of a POST of JSON."""
        response = self.client.post(f"/api/3/action/{action}", json=data, headers=self.headers)
        assert response.status_code == 200, response.get_data(as_text=True)
        return response.get_json()["result"]

    def raw(self, action: str, **parameters: Any) -> Response:
        """The response to a GET."""
        return self.client.get(f"/api/3/action/{action}", query_string=parameters, headers=self.headers)

    def error(self, action: str, status: int, **parameters: Any) -> dict[str, Any]:
        """The error of a GET that must fail with a status."""
        response = self.raw(action, **parameters)
        assert response.status_code == status, response.get_data(as_text=True)
        body: dict[str, Any] = response.get_json()
        assert body["success"] is False and set(body) == {"help", "success", "error"}
        return dict(body["error"])

    def names(self, **parameters: Any) -> set[str]:
        """Titles (English) of what package_search finds."""
        return {one["title"] for one in self.get("package_search", rows=100, **parameters)["results"]}


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """A real server on loopback; gives its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()


def fill(world: World) -> dict[str, Published]:
    """Five records: wells with rows, parcels, a map, one that is listed only, one that is hidden."""
    provider = {"name": {"zh": "成都市水务局", "en": "Chengdu Water Bureau"}, "code": "12510100MB0000001U"}
    rows = {"title": {"zh": "水位", "en": "Levels"}, "kind": "database", "format": "CSV", "rows": True, "key": ["well"]}
    file = {"title": {"zh": "报告", "en": "Report"}, "kind": "file", "format": "PDF", "sha256": "a" * 64, "size": 1234, "media_type": "application/pdf"}
    sheet = {"title": {"en": "Sheet"}, "kind": "image", "format": "GeoTIFF"}
    made = {
        "wells": world.publish(
            title={"zh": "地下水水位监测", "en": "Groundwater levels"}, summary={"zh": "监测井的水位", "en": "Levels of monitoring wells"},
            keywords={"zh": ["地下水", "监测"], "en": ["groundwater", "wells"]}, theme=["water", "groundwater"], provider=provider, issued="2024-03-01",
            items=[column.as_item() for column in COLUMNS], license="cc-by-4.0", **{"resources.data": rows, "resources.report": file},
        ),
        "parcels": world.publish(
            title={"zh": "地籍宗地", "en": "Cadastral parcels"}, keywords={"zh": ["宗地"], "en": ["parcels"]}, theme=["land"], license="odbl-1.0",
            summary={"zh": "宗地", "en": "Boundaries"},
            bbox=["104.0", "30.0", "105.0", "31.0"], issued="2023-01-01", time=["2020-01-01", "2022-12-31"],
        ),
        "map": world.publish(
            title={"zh": "区域地质图", "en": "Regional geological map"}, keywords={"zh": ["地质"], "en": ["geology", "map sheet"]}, theme=["geology"],
            kind="map", summary={"zh": "地层", "en": "Strata"}, bbox=["170.0", "-10.0", "-170.0", "10.0"], issued="2022-06-01", **{"resources.data": sheet},
        ),
        "listed": world.publish(
            title={"zh": "涉密点位", "en": "Listed only"}, summary={"zh": "暗语", "en": "codeword"}, opening={"open": False}, theme=["land"],
        ),
        "hidden": world.publish(
            title={"zh": "内部资料", "en": "Hidden wells"}, secrecy="internal", keywords={"en": ["groundwater", "secret word"]}, theme=["sea"],
        ),
    }  # fmt: skip
    with world.store.write() as tx:
        world.writer.put_rows(tx, made["wells"].id, "", RowChanges(columns=COLUMNS, key=("well",), puts=ROWS), OFFICER)
    return made
