"""Whole sites for tests of the exchange: real database, keys, policy and HTTP server on loopback, composed as `node` composes them."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from catalog.audit import ReadAudit
from catalog.drafts import Draft
from catalog.policy_store import PolicyHolder
from catalog.reader import Reader
from catalog.site import SiteIdentity
from catalog.stamps import Stamps
from catalog.store import open_store
from catalog.writer import Writer
from policies.actor import Actor
from policies.divisions import level_of
from sync import keys as key_files
from sync.claims import NodeStatement
from sync.clock import SiteClock
from sync.endpoints import peer_blueprint
from sync.exchange import Exchange, ExchangeSettings
from sync.say import certify_claims, node_claims
from sync.statements import parse_all, sign
from sync.trusted import keep_statements

OPEN_POLICY = """
policy: site
title: {zh: 测试, en: test}
rules:
- rule: peers-hold
  allow: hold
  who: actor.kind is peer
  because: {zh: 对等节点可持有, en: peers may hold}
- rule: staff
  allow: data
  who: actor.kind is person
  because: {zh: 本单位人员, en: own staff}
"""


class _Quiet(WSGIRequestHandler):
    """No access log."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Says nothing."""


class TestSite:
    """One running site."""

    __test__ = False

    def __init__(
        self,
        folder: Path,
        database: str,
        port: int,
        *,
        division: str,
        name: str,
        zone: str = "business",
        clock: Callable[[], int] | None = None,
        policy: str = OPEN_POLICY,
        **settings: Any,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.database = folder, database
        self.division = division
        self.clock = clock or (lambda: int(time.time()))
        (folder / "policies").mkdir(exist_ok=True)
        self.set_policy(policy, activate=False)
        self.store = open_store(database, data_dir=folder)
        self.store.clock = self.clock
        self.store.upgrade(also=["sync"])
        fresh = not (folder / "keys").exists()
        self.keys = key_files.create(folder / "keys") if fresh else key_files.load(folder / "keys")
        assert self.keys.root is not None
        if fresh:
            (folder / "node.jws").write_text(sign(node_claims([self.keys.root.public], now=self.clock()), self.keys.root))
        root = (folder / "node.jws").read_text()
        body = parse_all([root])[0].body
        assert isinstance(body, NodeStatement)
        level = level_of(division)
        self.site = SiteIdentity(node=body.node, zone=zone, division=division, level=level, name={"zh": name}, sector="land")
        if fresh:
            own = sign(
                certify_claims(
                    iss=body.node,
                    sub=body.node,
                    zone=zone,
                    serial=1,
                    site_keys=[self.keys.site.public],
                    witness_key=self.keys.witness.public,
                    name={"zh": name},
                    sector="land",
                    level=str(level),
                    division=division,
                    unit=None,
                    divisions=[division],
                    depth=8,
                    now=self.clock(),
                ),
                self.keys.root,
            )
            with self.store.write() as tx:
                keep_statements(tx.conn, parse_all([root, own]), source=body.node, now=self.clock())
        self.policies = PolicyHolder(self.store, self.site, [folder / "policies"])
        self.policies.activate("test")
        stamps = Stamps(self.store, self.site, self.policies)
        self.writer = Writer(self.site, stamps)
        self.audit = ReadAudit(self.store, start=False)
        self.reader = Reader(self.store, self.site, self.policies, stamps, self.audit, clock=SiteClock(self.store))
        self.objects = _objects(folder)
        self.url = f"http://127.0.0.1:{port}"
        self.exchange = Exchange(
            store=self.store,
            site=self.site,
            keys=self.keys,
            reader=self.reader,
            writer=self.writer,
            objects=self.objects,
            settings=ExchangeSettings(**{"url": self.url, **settings}),
            clock=self.clock,
        )
        self.port = port
        self._server: BaseWSGIServer | None = None

    # --- running -----------------------------------------------------------------------------------------------------------------------

    def listen(self) -> "TestSite":
        """Opens the peers' listener."""
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        app = Flask("peers")
        app.register_blueprint(peer_blueprint(self.exchange))
        self._server = make_server("127.0.0.1", self.port, app, threaded=True, request_handler=_Quiet)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def unlisten(self) -> None:
        """Closes the peers' listener."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def start(self) -> "TestSite":
        """Starts the loops."""
        self.exchange.worker.start()
        return self

    def stop(self) -> None:
        """Stops everything."""
        self.exchange.worker.stop()
        self.unlisten()
        self.exchange.close()
        self.store.close()

    # --- doing -------------------------------------------------------------------------------------------------------------------------

    @property
    def node(self) -> str:
        """Its node id."""
        return self.site.node

    @property
    def staff(self) -> Actor:
        """An officer of this site."""
        return Actor(kind="person", person="li", node=self.node, clearance="top_secret", roles=frozenset({"officer", "clerk", "supervisor"}))

    def set_policy(self, text: str, *, activate: bool = True) -> None:
        """Puts another policy in force."""
        (self.folder / "policies" / "site.yaml").write_text(text, encoding="utf-8")
        if activate:
            self.policies.activate("test")

    def publish(self, title: str = "三条国土调查", *, terms: Mapping[str, Any] | None = None, rows: Any = None, **fields: Any) -> str:
        """Publishes a record (with rows) and returns its id."""
        with self.store.write() as tx:
            id = self.writer.add_draft(
                tx,
                Draft(fields=record_fields(title, self.division, **fields), secrecy="public", terms={"onward": True} if terms is None else dict(terms)),
                self.staff,
            )
            if rows is not None:
                self.writer.put_rows(tx, id, "", rows, self.staff)
            self.writer.publish(tx, id, self.staff)
        return id

    def edit(self, id: str, **changes: Any) -> None:
        """Changes a published record and publishes it again."""
        with self.store.write() as tx:
            self.writer.edit(tx, id, changes, self.staff)
            self.writer.publish(tx, id, self.staff)

    def withdraw(self, id: str) -> None:
        """Takes a record back."""
        with self.store.write() as tx:
            self.writer.withdraw(tx, id, "test", self.staff)

    def record(self, id: str) -> Any:
        """The record as staff sees it, or None."""
        from catalog.errors import NotFoundError

        try:
            return self.reader.record(self.staff, id)
        except NotFoundError:
            return None

    def join(self, superior: "TestSite") -> None:
        """The real flow: invite, look, ask, confirm, ask."""
        line = superior.exchange.pairing.invite("admin")
        seen = self.exchange.pairing.look(line)
        assert seen.node == superior.node and seen.my_fingerprint.replace(" ", "") == self.node[2:]
        assert self.exchange.pairing.ask(line, seen.node, "admin") == "waiting"
        waiting = superior.exchange.pairing.waiting()
        assert [item.node for item in waiting] == [self.node] and waiting[0].fingerprint == seen.my_fingerprint
        superior.exchange.pairing.confirm(self.node, "admin")
        assert self.exchange.pairing.ask(line, seen.node, "admin") == "certified"


def _objects(folder: Path) -> Any:
    try:
        from catalog.objects import open_objects
    except ImportError:
        return None
    return open_objects(folder / "objects")


def record_fields(title: str, division: str, **more: Any) -> dict[str, Any]:
    """Fields of a record that may be published."""
    fields: dict[str, Any] = {
        "title": {"zh": title, "en": "test"},
        "summary": {"zh": "摘要"},
        "keywords": {"zh": ["土地"]},
        "category": "3070115",
        "provider": {"name": {"zh": "自然资源局"}, "code": "11510107MB1234567Q"},
        "items": [{"name": "code", "type": "text"}],
        "sharing": {"type": "unconditional", "method": "platform"},
        "opening": {"open": True},
        "update_cycle": "yearly",
        "kind": "dataset",
        "theme": ["land"],
        "territory": [division],
        "bbox": ["103.9", "30.5", "104.1", "30.7"],
        "grade": "general",
        "impact_assessment": {"zh": "无风险"},
        "approval": {"zh": "局长批准"},
        "responsible_person": "张三",
        "contact_name": "李四",
        "contact_phone": "028-12345678",
        "resources.data": {"title": {"zh": "地块"}, "kind": "database", "format": "GeoJSON", "rows": True, "key": ["code"]},
    }
    return {**fields, **more}


def eventually(check: Callable[[], Any], timeout: float = 15.0, what: str = "") -> Any:
    """Waits until `check` gives something true; returns it."""
    deadline = time.monotonic() + timeout
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {timeout} s: {what or check}")
        time.sleep(0.02)
