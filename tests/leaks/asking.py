"""Asking a site: a probe and an actor in, the bytes of the answer out.

Two answers are compared byte for byte: status, headers, body. What is left out of them is said in `EXCEPTED`, and nothing else is.
"""

import io
import re
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property
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

#: What a site that hides a thing may tell all the same, and why.
EXCEPTED: Mapping[str, str] = {
    "timeStamp, timestamp, expires, elapsedTime": "the moment of an answer of OGC and CSW, and how long it took; every other clock is pinned (`_STAMP`)",
    "hashes over what is hidden": "a proof is made of them: the manifest's, and the sha256 of a withheld file, a part of the resource's one disclosed field, as is"
    " its size (`Filled.veiled`); so a file whose content somebody guesses whole is confirmed by its hash",
    "size of the log, place in it": "every entry is counted for all, or no witness could tell one log from two (`_PLACE`; receipts: `_receipt`; streams: `_item`)",
    "salted digests of a manifest": "one for each field, hidden or not, behind a salt of 128 bits (`_manifest`)",
    "random name of a stream's making": "it is chance (`_stream`)",
    "number of rows under `count`": "an action of its own in the policy (LANGUAGE 19): a rule that hides the number denies `count`",
    "drafts": "they have no policy, and go by role: whoever may write sees all drafts, and begins one of a record that policy shows them at all",
    "names that are taken": "two records of a site cannot have one readable name: who publishes under a hidden record's gets a number behind it",
}
#: When all is asked.
ASKED = NOON + 10_000
_STAMP = re.compile(rb'("timeStamp":|timestamp=|expires=|elapsedTime=)"[^"]*"')
_PLACE = re.compile('(<dt>(?:Place in the log|日志位置)</dt><dd class="mono small">|"index": |/business/1 #)[0-9]+'.encode())
_PLACES = (b'"mono small"', b'"index": ', b"/business/1 #")


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
        headers |= {name: self._into(value) for name, value in probe.headers}
        with fated("asking", ASKED):
            got = client.open(self._into(probe.url), method=method, headers=headers, data=body, content_type=kind)
            if probe.again and "ETag" in got.headers:
                headers["If-None-Match"] = got.headers["ETag"]
                got = client.open(self._into(probe.url), method=method, headers=headers, data=body, content_type=kind)
            assert got.status_code not in (401, 429), "nobody was asked"
            told = [pair for pair in got.headers.items() if not (probe.method == "HEAD" and probe.timed and pair[0] == "Content-Length")]
            return self._plain(got.status_code, told, got.get_data())

    def command(self, actor: str, probe: Probe) -> bytes:
        """Exit code and output of a command."""
        out = io.StringIO()
        words = ["-C", str(self.folder), "--as", actor, *self._into(probe.url).split()]
        with redirect_stdout(out), redirect_stderr(out), fated("asking", ASKED):
            try:
                code: object = self._terrace().main(words, prog_name="terrace", standalone_mode=False)
            except SystemExit as end:
                code = end.code
            except click.ClickException as error:
                code = f"{type(error).__name__}: {error.format_message()}"
        said = out.getvalue()
        return self._plain(code, (), (_receipt(said) if said.startswith('{"disclose"') else said).encode())

    def as_peer(self, probe: Probe) -> bytes:
        """Status, headers and body of a request to the peers' listener; a stream is read to its end."""
        with fated("peer " + probe.url, ASKED):
            if probe.url == STREAM:
                return self._veiled(orjson.dumps(self._stream()))
            got = self._call(self._into(probe.url), probe.method or "GET", b"" if probe.body is None else self._into(probe.body).encode(), dict(probe.headers))
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

    def _call(self, target: str, method: str = "GET", body: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        names = {"iss": self.peer.identity.node, "aud": self.site.identity.node, "zone": "business"}
        with fated(f"token {next(_calls)}", ASKED):
            made = token.make(self.peer.keys.site, **names, method=method, target=target, body=body, now=ASKED)
        client = self._clients.setdefault("peer", self.peer_app.test_client(use_cookies=False))
        return client.open(target, method=method, data=body or None, headers={**(headers or {}), "Authorization": f"Terrace {made}"})

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
        clean = body
        if b'"kind":"receipt"' in body:
            clean = _receipt(body.decode()).encode()
        elif b"timeStamp" in body or b"timestamp" in body or b"elapsedTime" in body:
            clean = _STAMP.sub(rb'\1""', body)
        elif any(mark in body for mark in _PLACES):
            clean = _PLACE.sub(rb"\1<place>", body)
        kept = sorted((name, value) for name, value in headers if name != "Date")
        if body:
            kept = [(name, str(len(clean)) if name == "Content-Length" and value == str(len(body)) else value) for name, value in kept]
        return self._veiled(f"{status} {kept}\n".encode() + clean)

    def _veiled(self, answer: bytes) -> bytes:
        """Without the hashes over hidden content: whole, or their beginning before an ellipsis."""
        for digest in self._veils:
            answer = answer.replace(digest, b"<hash>").replace(digest[:12] + "…".encode(), b"<hash>")
        return answer

    @cached_property
    def _veils(self) -> list[bytes]:
        return [digest.encode() for digest in sorted(self.filled.veiled)]


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
