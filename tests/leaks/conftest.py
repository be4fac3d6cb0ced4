"""A site with ordinary records, and the steps that put restricted things into it. The site *before* a step is the one where the thing does not exist."""

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from catalog.accounts import Account
from catalog.ingest import add
from catalog.ingest.model import IngestContext
from node.actors import local_actor
from node.app import create_app
from node.cli.main import cli
from node.founding import Founding, found
from node.site import Site, open_site
from tests.leaks.probes import NEEDLE, Names, Probe

POLICY = """\
policy: site
include: [{included}]
rules:
- rule: needle
  deny: discover
  what: record.theme has administration
  unless: actor.roles has officer
  because: {{zh: 试验, en: a test}}
- rule: wetlands
  constrain: read
  what: record.theme has wetland
  unless: actor.roles has officer
  then: {{hide: [summary, lineage]}}
  because: {{zh: 试验, en: a test}}
- rule: licences
  constrain: data
  what: record.profile is mining
  unless: actor.roles has officer
  then: {{hide: [reserves], mask: {{holder: surname}}, only rows: row.status is active}}
  because: {{zh: 试验, en: a test}}
"""
ACTORS = ("public", "agency", "clerk")
FIELDS = {
    "summary": {"zh": "试验", "en": "a test"}, "category": "3/07/011", "sharing": {"type": "unconditional", "method": "platform"}, "opening": {"open": True},
    "grade": "general", "territory": ["510107"], "issued": "2026-01-05", "update_cycle": "daily", "responsible_person": "王", "responsible_office": "科",
    "approval": "ok", "impact_assessment": "ok", "contact_name": "李", "bbox": ["103", "30", "104", "31"], "time": ["2020-01-01", "2020-12-31"],
}  # fmt: skip


@dataclass
class Bench:
    """The site under test and what is asked of it."""

    site: Site
    folder: Path
    files: Path
    names: Names = field(default_factory=Names)
    tokens: dict[str, str] = field(default_factory=dict)

    def put(self, name: str, title: str, text: str, **more: Any) -> str:
        """Adds and publishes one file with its sidecar; returns the record's id."""
        sidecar = {"secrecy": "public", "fields": {**FIELDS, "title": {"zh": title, "en": title}, **more.pop("fields", {})}, **more}
        (self.files / f"{name}.terrace.json").write_text(json.dumps(sidecar))
        path = self.files / f"{name}.csv"
        path.write_text(text)
        context = IngestContext(self.site.store, self.site.writer, self.site.objects, local_actor(self.site.identity), publish=True, terms={"onward": True})
        (done,) = add([path], context)
        assert done.id and done.error is None, done
        return done.id

    def layer(self, reserves: str, holder: str, extra: str = "") -> str:
        """The layer: its hidden column, the tail of its masked column, and a hidden row are the arguments."""
        rows = f"C-1,煤,{holder},{reserves},active\nC-2,铁,李某,20,active\n{extra}"
        text = "licence_number,mineral,holder,reserves,status\n" + rows
        return self.put("licences", "Licences", text, profile="mining", key=["licence_number"], fields={"theme": ["minerals"]})

    def answer(self, actor: str, probe: Probe) -> bytes:
        """Status, headers that matter, and body, with times made alike."""
        headers = {"Accept": probe.accept or "*/*", "Accept-Language": "en"}
        if actor != "public":
            headers["Authorization"] = f"Bearer {self.tokens[actor]}"
        client = create_app_once(self.site).test_client()
        url = self.names.into(probe.url)
        if probe.body is None:
            got = client.open(url, method=probe.method or "GET", headers=headers)
        else:
            kind = "application/xml" if probe.body.startswith("<") else "application/json"
            got = client.post(url, data=self.names.into(probe.body).encode(), headers=headers, content_type=kind)
        kept = {name: value for name, value in got.headers if name not in ("Date", "Content-Length")}
        return steady(f"{got.status_code} {sorted(kept.items())}\n".encode() + got.get_data())

    def command(self, actor: str, probe: Probe) -> bytes:
        """What a command says to a user, with times made alike."""
        out = io.StringIO()
        words = ["-C", str(self.folder), "--as", actor, *self.names.into(probe.url).split()]
        with redirect_stdout(out), redirect_stderr(out):
            try:
                code: object = cli.main(words, prog_name="terrace", standalone_mode=False)
            except SystemExit as end:
                code = end.code
            except Exception as error:
                code = f"{type(error).__name__}: {error}"
        return steady(f"{code}\n{out.getvalue()}".encode())


#: What differs between two answers of the same site for reasons that tell nothing: the time of the answer, and the number of a request.
_UNSTEADY = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)?|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")


def steady(answer: bytes) -> bytes:
    return _UNSTEADY.sub(b"<time>", answer)


_apps: dict[int, Any] = {}


def create_app_once(site: Site) -> Any:
    if id(site) not in _apps:
        _apps.clear()
        _apps[id(site)] = create_app(site)
    return _apps[id(site)]


@pytest.fixture
def bench(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("TERRACE_LANG", "en")
    database = None if database_url.startswith("sqlite") else database_url
    founding = Founding({"zh": "武侯", "en": "Wuhou"}, "510107", None, None, "business", port=0, peer_port=0, database=database)
    folder = found(tmp_path / "site", founding).folder
    policy = folder / "policies" / "site.yaml"
    included = ", ".join(re.findall(r"defaults/[a-z]+\.yaml", policy.read_text()))
    policy.write_text(POLICY.format(included=included), encoding="utf-8")
    site = open_site(folder)
    site.policies.activate("test")
    files = tmp_path / "files"
    files.mkdir()
    made = Bench(site, folder, files)
    with site.store.write() as tx:
        for account in (
            Account("officer", "officer", frozenset({"officer"})),
            Account("clerk", "clerk", frozenset({"clerk"})),
            Account("agency", "agency", frozenset(), kind="agency", sector="environment"),
        ):
            site.accounts.create(tx, account, by="test")
            made.tokens[account.login] = site.accounts.create_token(tx, account.login, "test", by="test")
    for number in range(4):
        made.put(f"plain-{number}", f"Plain {number}", "a,b\n1,x\n2,y\n", key="a", fields={"theme": ["land"]})
    layer = made.layer("1000", "王甲")
    with_field = made.put("wetland", "Wetland", "a\n1\n", fields={"theme": ["wetland"], "summary": {"zh": "旧", "en": "nothing yet"}})
    made.names.values = {
        "lid": f"{layer.rpartition(':')[2]}-rows", "layer": made_slug(site, layer), "field": made_slug(site, with_field), "field_urn": with_field, "field_word": "Quellwort",
        "hidden": "4242", "masked": "王乙", "org": site.identity.node, "org_start": "wuhou",
    }  # fmt: skip
    try:
        yield made
    finally:
        _apps.clear()
        site.close()


def made_slug(site: Site, id: str) -> str:
    return site.reader.record(local_actor(site.identity), id).slug


def needle_names(id: str) -> dict[str, str]:
    uuid = id.rpartition(":")[2]
    return {"urn": id, "uuid": uuid, "slug": f"{NEEDLE.lower()}-{uuid[:6]}"}


type Step = Callable[[Bench], None]
