"""Twin sites, made once for each engine: a founded site with accounts and a subordinate peer, copied and filled for each thing (`world`)."""

import re
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text
from werkzeug.serving import make_server

from catalog.accounts import Account
from node.app import create_app, create_peer_app
from node.founding import Founding, found
from node.site import Site, open_site
from tests.databases import POSTGRESQL
from tests.leaks.asking import Bench
from tests.leaks.fate import fated
from tests.leaks.world import THINGS, Filling, policy

#: Who may know nothing of the things; the officer may.
LOGINS = (
    Account("officer", "officer", frozenset({"officer"})),
    Account("clerk", "clerk", frozenset({"clerk"})),
    Account("supervisor", "supervisor", frozenset({"supervisor"})),
    Account("auditor", "auditor", frozenset({"auditor"})),
    Account("agency", "agency", frozenset(), kind="agency", sector="environment"),
)


class Databases:
    """Makes and copies databases of one engine: files within the site's folder, or databases of the test server."""

    def __init__(self, engine: str, stack: ExitStack) -> None:
        self._postgresql = engine == "postgresql"
        self._stack = stack

    def new(self, template: str | None = None) -> str | None:
        """URL of an empty database (with PostGIS), or of a copy; None where the site's folder holds it."""
        if not self._postgresql:
            return None
        name = f"terrace_{uuid.uuid4().hex[:16]}"
        self._run(f'CREATE DATABASE "{name}"' + ("" if template is None else f' TEMPLATE "{make_url(template).database}"'))
        self._stack.callback(self._run, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        assert POSTGRESQL
        if template is None:
            self._run("CREATE EXTENSION IF NOT EXISTS postgis", name)
        return make_url(POSTGRESQL).set(database=name).render_as_string(hide_password=False)

    def _run(self, statement: str, database: str | None = None) -> None:
        assert POSTGRESQL
        url = make_url(POSTGRESQL)
        server = create_engine(url if database is None else url.set(database=database), isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.execute(text(statement))
        server.dispose()


class Twins:
    """The sites of one engine. `bench("")` is the site where no thing exists, `bench(letter)` its twin that has one."""

    def __init__(self, engine: str, folder: Path) -> None:
        self._stack = ExitStack()
        self._databases = Databases(engine, self._stack)
        self._folder = folder
        self._benches: dict[str, Bench] = {}
        self._tokens: dict[str, str] = {}
        with fated("base"):
            self._base_url = self._databases.new()
            self._base = self._found(folder / "base")

    def bench(self, thing: str) -> Bench:
        """The site that has a thing, filled and open."""
        assert thing == "" or thing in THINGS
        if thing not in self._benches:
            self._benches[thing] = self._copy(thing)
        return self._benches[thing]

    def fresh(self, thing: str) -> Bench:
        """The same, never asked before: what a peer was sent shows in what it is sent next."""
        if thing in self._benches:
            self.close(thing)
        return self.bench(thing)

    def close(self, thing: str) -> None:
        """Ends a site that is not needed any more."""
        self._benches.pop(thing).site.close()

    @contextmanager
    def unrestricted(self, thing: str) -> Iterator[Bench]:
        """The site that has a thing, without the rules that hide it."""
        bench = self.bench(thing)
        bench.unrestrict()
        try:
            yield bench
        finally:
            self.close(thing)

    def end(self) -> None:
        """Ends all."""
        for thing in list(self._benches):
            self.close(thing)
        self._stack.close()

    # --- steps -------------------------------------------------------------------------------------------------------------------------

    def _found(self, folder: Path) -> Path:
        founding = Founding({"zh": "武侯", "en": "Wuhou"}, "510107", None, None, "business", port=0, peer_port=0, database=self._base_url)
        found(folder, founding)
        rules = folder / "policies" / "site.yaml"
        self._included = re.findall(r"defaults/[a-z]+\.yaml", rules.read_text())
        rules.write_text(policy(self._included), encoding="utf-8")
        site = open_site(folder)
        site.policies.activate("test")
        with site.store.write() as tx:
            for account in LOGINS:
                site.accounts.create(tx, account, by="test")
                self._tokens[account.login] = site.accounts.create_token(tx, account.login, "test", by="test")
        site.close()
        self._join(folder)
        return folder

    def _join(self, folder: Path) -> None:
        """A township below the site joins it, as a peer does that asks later."""
        below = found(self._folder / "below", Founding({"zh": "街道", "en": "Township"}, "510107001", None, None, "business", port=0, peer_port=0)).folder
        with listening(folder) as above:
            self.peer = open_site(below, peer_url="http://127.0.0.1:9")
            self._stack.callback(self.peer.close)
            line = above.exchange.pairing.invite("test")
            assert self.peer.exchange.pairing.ask(line, above.identity.node, "test") == "waiting"
            above.exchange.pairing.confirm(self.peer.identity.node, "test")
            assert self.peer.exchange.pairing.ask(line, above.identity.node, "test") == "certified"

    def _copy(self, thing: str) -> Bench:
        folder = self._folder / f"site-{thing}-{uuid.uuid4().hex[:8]}"
        shutil.copytree(self._base, folder)
        url = self._databases.new(self._base_url)
        if url is not None:
            settings = folder / "terrace.yaml"
            settings.write_text(re.sub(r"(?m)^database: .*$", f"database: {url}", settings.read_text()))
        site = open_site(folder)
        filled = Filling(site, thing).all()
        with fated("log"):
            site.exchange.worker.publish_once()
        return Bench(site, folder, create_app(site), create_peer_app(site), filled, dict(self._tokens), self.peer, self._included)


@contextmanager
def listening(folder: Path) -> Iterator[Site]:
    """A site whose peer listener answers on loopback."""
    apps: list[Any] = []
    server = make_server("127.0.0.1", 0, lambda environ, start: apps[0](environ, start), threaded=True)
    site = open_site(folder, peer_url=f"http://127.0.0.1:{server.server_port}")
    apps.append(create_peer_app(site))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        site.close()


@pytest.fixture(scope="package")
def all_twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Twins]]:
    made: dict[str, Twins] = {}

    def get(engine: str) -> Twins:
        if engine not in made:
            made[engine] = Twins(engine, tmp_path_factory.mktemp(f"leaks-{engine}"))
        return made[engine]

    yield get
    for each in made.values():
        each.end()


@pytest.fixture
def twins(engine_name: str, all_twins: Callable[[str], Twins], monkeypatch: pytest.MonkeyPatch) -> Twins:
    """The sites of the test's engine."""
    monkeypatch.setenv("TERRACE_LANG", "en")
    return all_twins(engine_name)
