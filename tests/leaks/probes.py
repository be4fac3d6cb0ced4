"""What a probe is, and which endpoints, actions and commands have none, each with the reason. The probes themselves: `probes_portal`, `probes_ogc`,
`probes_ckan`, `probes_csw`, `probes_other`, and those made by rule (bisections, every operator × every column, …): `made`.

`{…}` in an address stands for what `world.Filled.names` says: `{needle}`, `{needle_urn}`, `{needle_uuid}` of the record that must look absent, `{licences}` of
the layer with a hidden row and column and a masked one, `{word}` a word that stands only in what is hidden, and so on. A probe's letters (`world.THINGS`) are
the things that an officer finds by it: its positive controls.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Probe:
    """One question.

    Attributes:
        finds: letters of the things that whoever may see them finds by it.
        url: address, or words of a command line.
        body: JSON or XML to post.
        sure: each control must find; else a cell whose control finds nothing is compared, and not counted.
        headers: of the request.
        again: asked twice, the second time with the ETag of the first answer (If-None-Match); the second answer counts.
    """

    finds: str
    url: str
    body: str | None = None
    accept: str = "*/*"
    language: str = "en"
    method: str = ""
    sure: bool = True
    headers: tuple[tuple[str, str], ...] = ()
    again: bool = False

    @property
    def timed(self) -> bool:
        """Whether the length of the answer goes by what is left out of it (`asking`)."""
        return self.url.startswith("/csw") or "receipt" in self.url

    def __str__(self) -> str:
        extra = [f"{name}: {value}" for name, value in self.headers] + ["again"] * self.again
        return " ".join(filter(None, (self.method, self.url, self.body, self.accept, self.language, *extra)))


def probe(finds: str, url: str, body: str | None = None, **more: Any) -> Probe:
    return Probe(finds, url, body, **more)


def maybe(finds: str, url: str, body: str | None = None, **more: Any) -> Probe:
    """A probe that was made by rule: what it finds is seen by its controls."""
    return Probe(finds, url, body, sure=False, **more)


def beside(url: str, body: str | None = None, **more: Any) -> Probe:
    """A probe that finds no thing: an answer about something else, which must stay the same whatever the site hides."""
    return probe("", url, body, **more)


type Table = Mapping[str, list[Probe]]


def asked(table: Table, *, forms: int) -> Iterator[Probe]:
    """The probes of a table, pages in both languages, and the further forms (`_forms`) of the first so many of each endpoint."""
    for endpoint, probes in table.items():
        yield from probes
        portal = endpoint.startswith("portal.")
        if portal:
            yield from (replace(each, language="zh") for each in probes)
        for each in probes[:forms]:
            if each.body is None and each.language == "en":
                yield from _forms(each, both_languages=not portal)


def _forms(probe: Probe, *, both_languages: bool) -> Iterator[Probe]:
    """HEAD, conditional requests, ranges, other media types, the other language."""
    soft = replace(probe, sure=False)
    if both_languages:
        yield replace(soft, language="zh")
    yield replace(soft, method="HEAD")
    yield replace(soft, again=True)
    for name, value in CONDITIONS:
        yield replace(soft, headers=((name, value),))
    for accept in ("text/html", "application/json"):
        if probe.accept == "*/*":
            yield replace(soft, accept=accept)


#: Headers that ask for less than the whole answer.
CONDITIONS = (("If-None-Match", "*"), ("If-Match", "*"), ("If-Modified-Since", "Fri, 15 Jan 2027 09:00:00 GMT"), ("Range", "bytes=0-9"), ("Range", "bytes=7-"))


#: Endpoints that answer nothing about records.
BLIND: Mapping[str, str] = {
    "ckan.action": "each action by itself: probes_ckan",
    "ckan.version": "a constant",
    "health": "whether the site works",
    "ogc.static": "files of the program",
    "portal.static": "files of the program",
    "portal.language": "sets a cookie",
    "portal.sign_in": "a form; tests/node/test_app.py",
    "portal.sign_out": "ends a session",
}
#: The same of the peers' listener.
PEER_BLIND: Mapping[str, str] = {
    "health": "whether the site works",
    "peer.hello": "versions, name, zone",
    "peer.join": "needs an invite; tests/sync/test_exchange_pairing.py",
    "peer.live": "a bit for each leaf of the log, whose size is told to every peer",
    "peer.push": "takes a batch; tests/sync/test_exchange_endpoints.py",
    "peer.messages": "takes a message",
    "peer.add_checkpoint": "signs what a subordinate logged",
}
#: Actions of the CKAN face.
ACTIONS_BLIND: Mapping[str, str] = {
    "status_show": "the program and its extensions",
    "site_read": "a constant",
    "help_show": "texts of the program",
    "license_list": "a code list",
    "datastore_search_sql": "always refused",
}
#: Commands, or groups of them.
COMMANDS_BLIND: Mapping[str, str] = {
    "init": "makes a site",
    "serve": "serves",
    "verify": "reads a file, no site",
    "settings": "the folder's own",
    "db": "goes by the folder",
    "doctor": "goes by the folder: whoever runs it has the database",
    "add": "takes in files",
    "quarantine": "by role; what could not be taken in",
    "user": "by role; names no record",
    "token": "by role; names no record",
    "peer": "by role; names no record",
    "sync": "by role; the log's size",
    "jobs": "by role",
    "audit": "by role: an auditor reads every line",
    "backup": "by role; the whole site",
    "restore": "makes a site of a backup",
}
