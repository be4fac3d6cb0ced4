"""What all tests share: both engines, free ports, the real data's folder, and the rule that in CI nothing is skipped.

* `TERRACE_TEST_POSTGRESQL` names a PostgreSQL server by SQLAlchemy URL (a superuser's); then each test that takes `store` or `database_url` runs on both
  engines, each time on a fresh database. Without it they run on SQLite only.
* `TERRACE_TEST_STRICT=1` (CI) turns every skip into a failure and demands PostgreSQL.
* `TERRACE_REAL_DATA` names the folder of real records and layers (default `../shared/data` beside the repository); tests of them skip where it is absent.
"""

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.databases import POSTGRESQL, postgresql_database

STRICT = os.environ.get("TERRACE_TEST_STRICT") == "1"
ENGINES = ["sqlite", "postgresql"] if POSTGRESQL else ["sqlite"]
#: Folders whose tests share what is costly to make, once for each engine.
SHARING = ("scenarios", "leaks")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a strict run that would silently test one engine only."""
    if STRICT and not POSTGRESQL:
        raise pytest.UsageError("TERRACE_TEST_STRICT=1 needs TERRACE_TEST_POSTGRESQL: both engines must be tested")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """In a strict run a skip for want of a tool is a failure, and so is what was expected to fail: nothing is."""
    report: Any = yield
    if STRICT and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped in a strict run: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many cells the leak matrix had (tests/leaks)."""
    calls = [report for reports in terminalreporter.stats.values() for report in reports if getattr(report, "when", "") == "call"]
    told = [pair for report in calls for pair in report.user_properties]
    cells, compared = (sum(value for name, value in told if name == wanted) for wanted in ("cells", "compared"))
    if cells:
        terminalreporter.write_line(f"leak matrix: {cells} cells with a positive control, {compared} answers compared")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that touches a database on every engine that is there, or on the one that its mark names; on some only in `make soak`."""
    marked, later = (metafunc.definition.get_closest_marker(name) for name in ("engine", "soak_on"))
    wanted: list[Any] = [engine for engine in ENGINES if marked is None or engine in marked.args]
    wanted = [pytest.param(engine, marks=pytest.mark.soak) if later is not None and engine in later.args else engine for engine in wanted]
    for name in ("engine_name", "demo"):
        if name in metafunc.fixturenames:
            if STRICT and not wanted:
                raise pytest.UsageError(f"{metafunc.definition.nodeid} has no engine to run on")
            metafunc.parametrize(name, wanted, indirect=name == "demo", scope="package" if name == "demo" else None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker (`-n`) is left with it at the end."""
    items.sort(key=lambda item: item.path.parent.name not in SHARING)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep each file on one worker (`-n`), and what shares a running federation or twin sites together, engine by engine."""
    from xdist.scheduler.loadscope import LoadScopeScheduling  # type: ignore[import-untyped]

    class Together(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            folder = Path(file).parent.name
            return f"{folder}-{'postgresql' if 'postgresql' in nodeid else 'sqlite'}" if folder in SHARING else file

    return Together(config, log)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name parameters that have no name of their own by their argument, so that a test is called the same in every process."""
    return argname if isinstance(val, bytes) or callable(val) else None


@pytest.fixture
def database_url(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a database of its own: a file under `tmp_path`, or one on the test server; empty, unless the test takes `store` too."""
    if engine_name == "sqlite":
        yield f"sqlite:///{tmp_path / 'terrace.db'}"
        return
    with postgresql_database(["catalog"] if "store" in request.fixturenames else []) as url:
        yield url


@pytest.fixture(scope="session")
def new_database() -> Iterator[Callable[[str], str | None]]:
    """Makes databases that last as long as the tests: None for SQLite, whose file is the site's own affair."""
    with ExitStack() as stack:
        yield lambda engine_name: stack.enter_context(postgresql_database()) if engine_name == "postgresql" else None


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Any]:
    """An open store on a fresh, migrated database."""
    from catalog.store import open_store

    opened = open_store(database_url, data_dir=tmp_path)
    opened.upgrade()
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Gives ports of the loopback that nobody listens on."""

    def port() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return port


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real records and layers, or a skip that says where it was looked for."""
    folder = Path(os.environ.get("TERRACE_REAL_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    if not (folder / "README.md").is_file():
        pytest.skip(f"no real data in {folder} (TERRACE_REAL_DATA names another folder)")
    return folder
