"""A running demo federation, once for each engine: `python -m deploy.demo` as a person starts it, on free ports."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import create_engine, make_url, text

from tests.databases import POSTGRESQL

TERRACE = Path(sys.executable).with_name("terrace")
PATIENCE = 240


@dataclass
class Demo:
    """The running demo.

    Attributes:
        folder: of the demo.
        command: with which it was started.
        process: the demo itself.
    """

    folder: Path
    command: list[str]
    process: subprocess.Popen[bytes]

    def ready(self) -> dict[str, dict[str, Any]]:
        """The sites of ready.json by key; waits for the file."""

        def there() -> Any:
            if self.process.poll() is not None:
                pytest.fail(f"the demo ended with {self.process.returncode}:\n{(self.folder / 'demo.log').read_text()}")
            return (self.folder / "ready.json").exists()

        eventually(there, "the demo to be ready", patience=600)
        return {site["key"]: site for site in json.loads((self.folder / "ready.json").read_text())["sites"]}

    def start(self) -> None:
        """Starts it again."""
        with (self.folder / "demo.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)

    def stop(self) -> None:
        """Interrupts it as Ctrl-C does and waits for its end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)

    def terrace(self, site: str, *words: str | Path) -> list[Any]:
        """Runs `terrace -C <site> … --json`; returns the lines, parsed."""
        command = [str(TERRACE), "-C", str(self.folder / site), *(str(word) for word in words), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return [json.loads(line) for line in done.stdout.splitlines()]

    def ckan(self, site: str, action: str, role: str | None = "officer", **parameters: str) -> requests.Response:
        """Calls the CKAN API of a site as one of its roles, or as the public with None."""
        found = self.ready()[site]
        headers = {"Authorization": found["tokens"][role]} if role else {}
        return requests.get(f"{found['url']}/api/3/action/{action}", params=parameters, headers=headers, timeout=60)

    def shows(self, site: str, id: str) -> dict[str, Any] | None:
        """The dataset as a site shows it to its officer, or None."""
        answer = self.ckan(site, "package_show", id=id)
        return answer.json()["result"] if answer.status_code == 200 else None


def eventually(true: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Waits for an event; the limit is generous, times are the benchmarks' matter."""
    end = time.monotonic() + patience
    while True:
        found = true()
        if found:
            return found
        assert time.monotonic() < end, f"waited {patience} s for {what}"
        time.sleep(0.05)


@pytest.fixture(scope="package")
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The federation, filled and ready. Ended with the tests of this folder: four sites at work cost the tests after them a sixth of the machine."""
    folder = tmp_path_factory.mktemp(f"demo-{request.param}")
    command = [sys.executable, "-m", "deploy.demo", "--dir", str(folder), "--ports", "0"]
    databases = []
    if request.param == "postgresql":
        databases, url = _databases()
        command += ["--database", url]
    log = folder / "demo.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=Path(__file__).parents[2], env={**os.environ, "TERRACE_LANG": "en"})
    made = Demo(folder, command, process)
    try:
        made.ready()
        yield made
    finally:
        made.stop()
        _on_server(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)' for name in databases)


def _databases() -> tuple[list[str], str]:
    """A new database for each site on the test server, and the URL with `{site}` in it."""
    assert POSTGRESQL
    prefix = f"terrace_{uuid.uuid4().hex[:8]}"
    names = [f"{prefix}_{site}" for site in ("nation", "sichuan", "chengdu", "wuhou")]
    _on_server(f'CREATE DATABASE "{name}"' for name in names)
    return names, make_url(POSTGRESQL).set(database=f"{prefix}_SITE").render_as_string(hide_password=False).replace("SITE", "{site}")


def _on_server(statements: Iterable[str]) -> None:
    for statement in statements:
        engine = create_engine(POSTGRESQL or "", isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()
