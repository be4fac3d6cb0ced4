"""Asking a site: a probe and an actor in, the bytes of the answer out.

Two answers are compared byte for byte: status, headers, body. Left out, by this list alone:

1. `timeStamp` of OGC items and of CSW, `expires`, `elapsedTime`: the moment of the answer, and how long it took (every other clock is pinned).
2. Of a record whose hidden content differs: the hash of its manifest, and the sha256 of its withheld file (`Filled.veiled`): what proofs are made of.
3. A record's place in the log, where a page or command shows it.
4. Of receipts and streams: size, index and hashes of the log (checkpoint, proof, cover, head), the random name of a stream's making, and the manifest's salted
   digests. Everything else of them is compared.
"""

import io
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import orjson
from flask import Flask
from flask.testing import FlaskClient

from node.cli.base import MainGroup, Run
from node.cli.main import COMMANDS, cli
from node.site import Site
from sync import token
from tests.leaks.fate import NOON, fated
from tests.leaks.probes import Probe
from tests.leaks.world import Filled, policy

#: When all is asked.
ASKED = NOON + 10_000
_STAMP = re.compile(rb'("timeStamp":|timestamp=|expires=|elapsedTime=)"[^"]*"')
_PLACE = re.compile('(<dt>(?:Place in the log|日志位置)</dt><dd class="mono small">|"index": |/business/1 #)[0-9]+'.encode())
_HASH = re.compile(rb"[0-9a-f]{64}|(?<![0-9a-f])[0-9a-f]{12}(?=\xe2\x80\xa6)")  # whole, or its beginning before an ellipsis


@dataclass
class Bench:
    """One site, and how it is asked.

    Attributes:
        peer: the subordinate's site, for its keys.
        included: the shipped policies, for the control of what peers get.
    """

    site: Site
    folder: Path
    app: Flask
    peer_app: Flask
    filled: Filled
    tokens: dict[str, str]
    peer: Site
    included: list[str]
    _clients: dict[str, FlaskClient] = field(default_factory=dict)

    # --- faces ---------------------------------------------------------------------------------------------------------------------------

    def web(self, actor: str, probe: Probe) -> bytes:
        """Status, headers and body of a request to the public listener."""
        headers = {"Accept": probe.accept, "Accept-Language": probe.language}
        if actor != "public":
            headers["Authorization"] = f"Bearer {self.tokens[actor]}"
        body = None if probe.body is None else self._into(probe.body).encode()
        kind = None if body is None else "application/xml" if body.startswith(b"<") else "application/json"
        method = probe.method or ("GET" if body is None else "POST")
        client = self._clients.setdefault("web", self.app.test_client(use_cookies=False))
        with fated("asking", ASKED):
            got = client.open(self._into(probe.url), method=method, headers=headers, data=body, content_type=kind)
            assert got.status_code not in (401, 429), "nobody was asked"
            return self._plain(got.status_code, got.headers.items(), got.get_data())

    def command(self, actor: str, probe: Probe) -> bytes:
        """Exit code and output of a command."""
        out = io.StringIO()
        words = ["-C", str(self.folder), "--as", actor, *self._into(probe.url).split()]
        with redirect_stdout(out), redirect_stderr(out), fated("asking", ASKED):
            try:
                code: object = self._terrace().main(words, prog_name="terrace", standalone_mode=False)
            except SystemExit as end:
                code = end.code
            except Exception as error:
                code = f"{type(error).__name__}: {error}"
        said = out.getvalue()
        return self._plain(code, (), (_receipt(said) if said.startswith('{"disclose"') else said).encode())

    def as_peer(self, probe: Probe) -> bytes:
        """Status, headers and body of a request to the peers' listener; a stream is read to its end."""
        with fated("peer " + probe.url, ASKED):
            if probe.url == STREAM:
                return self._veiled(orjson.dumps(self._stream()))
            got = self._call(self._into(probe.url), probe.method or "GET", b"" if probe.body is None else self._into(probe.body).encode())
            return self._plain(got.status_code, got.headers.items(), got.get_data())

    def unrestrict(self) -> None:
        """Puts a policy in force that hides nothing of the things, for the controls."""
        (self.folder / "policies" / "site.yaml").write_text(policy(self.included, restricting=False), encoding="utf-8")
        with fated("unrestrict", ASKED):
            self.site.policies.activate("test")
            self.site.exchange.worker.publish_once()

    def _terrace(self) -> MainGroup:
        """The `terrace` command, whose runs take the site that is open anyway."""

        @click.pass_context
        def start(ctx: click.Context, folder: Path, as_login: str) -> None:
            ctx.obj = Run(folder, as_login)
            ctx.obj.site = self.site

        return MainGroup(name="terrace", callback=start, params=cli.params, lazy=COMMANDS, context_settings=cli.context_settings)

    # --- peers ---------------------------------------------------------------------------------------------------------------------------

    def _call(self, target: str, method: str = "GET", body: bytes = b"") -> Any:
        names = {"iss": self.peer.identity.node, "aud": self.site.identity.node, "zone": "business"}
        with fated(f"token {next(_calls)}", ASKED):
            made = token.make(self.peer.keys.site, **names, method=method, target=target, body=body, now=ASKED)
        client = self._clients.setdefault("peer", self.peer_app.test_client(use_cookies=False))
        return client.open(target, method=method, data=body or None, headers={"Authorization": f"Terrace {made}"})

    def _stream(self) -> list[Any]:
        """All that the peer gets, from the beginning, without what stands in the module's list."""
        gen = self._call("/peer/v1/changes?from=0").get_json()["gen"]
        cursor, found = 0, []
        while True:
            got = self._call(f"/peer/v1/changes?gen={gen}&from={cursor}")
            if got.status_code == 204:
                return found
            assert got.status_code == 200, got.get_data()
            batch = got.get_json()
            found.append({"items": [_item(item) for item in batch["items"]], "more": batch["more"], "statements": batch["statements"], "to": batch["to"]})
            cursor = batch["to"]

    # --- making answers alike ------------------------------------------------------------------------------------------------------------

    def _into(self, text: str) -> str:
        for name, value in self.filled.names.items():
            text = text.replace("{" + name + "}", value)
        return text.replace("{{", "{").replace("}}", "}")

    def _plain(self, status: object, headers: Any, body: bytes) -> bytes:
        kept = sorted((name, value) for name, value in headers if name != "Date")
        if b'"kind":"receipt"' in body:
            body = _receipt(body.decode()).encode()
            kept = [pair for pair in kept if pair[0] != "Content-Length"]
        if b"elapsedTime=" in body:  # of more digits or fewer
            kept = [pair for pair in kept if pair[0] != "Content-Length"]
        return self._veiled(f"{status} {kept}\n".encode() + _PLACE.sub(rb"\1<place>", _STAMP.sub(rb'\1""', body)))

    def _veiled(self, answer: bytes) -> bytes:
        return _HASH.sub(lambda found: b"<hash>" if self._is_veiled(found[0].decode()) else found[0], answer)

    def _is_veiled(self, digest: str) -> bool:
        return any(each.startswith(digest) for each in self.filled.veiled)


STREAM = "/peer/v1/changes"
_calls = iter(range(1 << 30))


def _receipt(text: str) -> str:
    """A receipt without the log's size, index and hashes, and without the manifest's salted digests."""
    value = orjson.loads(text)
    kept = {name: value[name] for name in ("disclose", "statements")}
    return orjson.dumps({**kept, "manifest": _manifest(value["manifest"])}).decode()


def _manifest(text: str) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(text)
    value.pop("digests")
    return value


def _item(item: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in item.items() if name not in ("index", "log")}
    if "manifest" in kept:
        kept["manifest"] = _manifest(kept["manifest"])
    return kept
