"""Probes of the command line (words after `terrace -C DIR --as LOGIN`) and of the peers' listener."""

from tests.leaks.asking import STREAM
from tests.leaks.probes import Table, beside, probe

COMMANDS: Table = {
    "search": [
        probe("R", "search --json --limit 50"), probe("R", "search {needle_word} --json"), probe("CF", "search {word} --json"), probe("R", "search --limit 50"),
        probe("RW", "search --drafts --json"), probe("RW", "search --drafts"),
        probe("R", "search --filter theme=administration --json"), probe("C", "search --bbox 109,19,112,22 --json"), probe("R", "search --sort title --offset 4 --json"),
    ],
    "show": [
        probe("W", "show {gone_urn} --draft --json"),
        probe("W", "show {gone_urn} --draft"),
        beside("show {gone}"),
        beside("show {gone_urn} --versions --json"),
        beside("show {gone_uuid} --version 1 --json"),
        probe("R", "show {needle_urn} --versions"), probe("R", "show {needle} --version 1 --json"), probe("F", "show {wetland} --version 1 --json"),
        beside("show {wetland} --versions --json"), beside("show {listed} --versions --json"), beside("show {listed} --version 1"),
        probe("R", "show {needle_urn} --draft --json"), probe("R", "show {needle_urn} --json"), probe("R", "show {needle} --json"), probe("R", "show {needle}"), probe("F", "show {wetland} --json"), probe("F", "show {wetland}"),
        probe("C", "show {listed_urn} --json"), beside("show {licences} --json"),
    ],
    "receipt": [probe("R", "receipt {needle_urn}"), probe("R", "receipt {needle}"), probe("F", "receipt {wetland}"), probe("C", "receipt {listed}")],
    "publish": [probe("W", "publish {gone_urn}"), beside("publish {gone}"), probe("R", "publish {needle_urn}"), beside("publish {needle}")],
    "withdraw": [beside("withdraw {gone_urn} --reason x"), probe("R", "withdraw {needle_urn} --reason x")],
    "edit": [
        probe("R", "edit {needle_urn} title.en=x"),
        probe("W", "edit {gone_urn} title.en=x"),
        probe("W", "edit {gone} title.en=x"),
        beside("edit {gone_uuid} title.en={needle_word}"),
    ],
    "policy": [beside("policy explain {gone_urn}"), probe("R", "policy explain {needle_urn}"), probe("R", "policy explain {needle}")],
}  # fmt: skip
_FILES = (("R", "needle_file"), ("f", "guess_file"), ("C", "guess_listed"))
PEER: Table = {
    "peer.changes": [probe("RCFrcmg", STREAM)],
    "peer.object": [
        probe("R", "/peer/v1/objects/{needle_file}"), probe("C", "/peer/v1/objects/{listed_file}"), probe("f", "/peer/v1/objects/{licences_file}"),
        *(probe(finds, f"/peer/v1/objects/{{{name}}}", headers=(("Range", span),)) for finds, name in _FILES for span in ("bytes=0-", "bytes=3-")),
        *(probe(finds, f"/peer/v1/objects/{{{name}}}") for finds, name in _FILES[1:]),
        *(probe("" if finds == "f" else finds, f"/peer/v1/objects/{{{name}}}", method="HEAD") for finds, name in _FILES),
        beside("/peer/v1/objects/" + "0" * 64),
    ],
    "peer.rows": [beside("/peer/v1/rows/{needle_urn}/-"), beside("/peer/v1/rows/{licences_urn}/-")],
    "peer.statements": [beside("/peer/v1/statements?since=0")],
}  # fmt: skip
