"""A served site works alike on SQLite and PostgreSQL."""

import json
from pathlib import Path

import requests

from tests.node.served import Served
from tests.node.test_cli import COMPLETE, PARCELS
from tests.node.test_joining import terrace


def test_what_the_command_line_publishes_shows_at_every_face(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "parcels.geojson"
    file.write_text(json.dumps(PARCELS), encoding="utf-8")
    running = Served(folder)
    try:
        sets = [part for value in COMPLETE for part in ("--set", value)]
        id = terrace(folder, "add", str(file), "--publish", "--secrecy", "public", *sets)[0]["id"]
        terrace(folder, "user", "add", "li", "--role", "officer", "--no-password")
        headers = {"Authorization": terrace(folder, "token", "create", "li")[0]["token"]}
        slug = terrace(folder, "show", id)[0]["slug"]
        search = requests.get(f"{running.url}/api/3/action/package_search", headers=headers, timeout=20).json()
        assert search["result"]["count"] == 1
        items = requests.get(f"{running.url}/ogc/collections/{slug}/items", headers=headers, timeout=20).json()
        assert len(items["features"]) == 3
        csw = requests.get(f"{running.url}/csw?service=CSW&version=2.0.2&request=GetRecordById&id={id}", headers=headers, timeout=20)
        assert "测试地块" in csw.text
        page = requests.get(f"{running.url}/dataset/{slug}", headers=headers, timeout=20)
        assert page.status_code == 200
        for answer in (csw, page):
            assert answer.headers["Cache-Control"] == "private, no-store"
    finally:
        running.stop()
