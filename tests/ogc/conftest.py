"""The OGC faces on a real site: real tables, policies and reader, on both engines."""

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from catalog.store import Store
from policies.actor import PUBLIC, Actor
from tests.catalog.worlds import World
from tests.ogc.sites import OgcSite, build


@pytest.fixture
def site(store: Store, tmp_path: Path) -> OgcSite:
    return build(World(store, tmp_path / "policies"))


@pytest.fixture
def serve(site: OgcSite) -> Iterator[Callable[[Actor], str]]:
    """Starts a real server on loopback that speaks as one actor; returns its address."""
    servers: list[Any] = []

    def start(actor: Actor = PUBLIC) -> str:
        server = make_server("127.0.0.1", 0, site.wsgi(actor), threaded=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()


@pytest.fixture
def tool() -> Callable[[str], str]:
    """Finds a program, or skips (a failure in CI)."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            pytest.skip(f"{name} is not installed")
        return path

    return find
