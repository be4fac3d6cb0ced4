"""Everything in `sync` that reads bytes from outside, as functions of bytes: for Hypothesis (test_parsers.py) and for atheris (`make soak`, tests/fuzz.py).

Each may give a value or raise an error of the package, for any bytes whatever. Samples are honest: what is tried is mostly one of them, bent.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from catalog.canonical import b64, dumps, loads
from policies.errors import TerraceError
from sync import batch as batches
from sync import cover, receipt, token
from sync.claims import read_body, read_time
from sync.ids import parse_fingerprint, parse_origin
from sync.join import Invite, make_answer, make_invite, make_join, parse_answer, parse_invite, parse_join, peek_secret
from sync.leases import parse_live
from sync.merkle import verify_consistency, verify_inclusion
from sync.messages import parse_message
from sync.notes import parse_checkpoint, parse_note, verify_cosignatures, verify_note
from sync.rows import make_head, parse_head, row_leaf, rows_root, verify_rows
from sync.statements import TYP, parse_all, split_jws, verify_jws
from sync.stream import verify_head
from sync.transport import Answer, check_url
from sync.trust import Trust
from sync.wire import parse_gen, record_id_of
from sync.witness import Known, decide, make_request, origin_of
from tests.sync.world import NOW, ZONE, Node, Receiver, Record, Sender, World, world

__all__ = ["EXEMPT", "Parser", "parsers"]

#: Functions that read what is not from outside, or are reached only through another of the table.
EXEMPT = {
    "sync.floors.check_source": "compares what was verified with the database",
    "sync.inlets.read_state": "reads the database",
    "sync.items.check_items": "step of sync.batch.verify",
    "sync.keys.check": "looks at files of this machine",
    "sync.log_mark.read_mark": "reads a file of this machine",
    "sync.exchange.verify_receipt": "is sync.receipt.verify",
    "sync.trusted.statement_tokens": "reads the database",
}


@dataclass(frozen=True)
class Parser:
    """One reader.

    Attributes:
        run: what is tried.
        samples: honest inputs.
        covers: functions that it reaches first.
    """

    name: str
    run: Callable[[bytes], object]
    samples: tuple[bytes, ...]
    covers: tuple[Callable[..., Any], ...]


class _Forgets:
    """A replay cache that has seen nothing."""

    def add(self, key: str, expires: int, now: int) -> bool:
        return True


@dataclass
class _Made:
    """What the samples are made of: a world at rest."""

    w: World
    receiver: Receiver
    gen: str
    batches: tuple[bytes, ...]
    record: Record
    closing: str
    takeover: str


@cache
def _made() -> _Made:
    w = world()
    first, second = w.county.publish("井"), w.county.publish("矿")
    relay = Sender(w.city, w.province, author=w.county)
    relay.statements = list(w.county.tokens)
    receiver = Receiver(w.province, w.city, w.trust())
    receiver.take(relay.batch(relay.put(first), relay.put(second), witness=w.city))
    third = w.county.publish("图")
    head = make_head(id=first.id, variant="", seq=1, prev=None, count=1, root=rows_root([row_leaf(b"s" * 16, '{"code":"A"}')]))
    index = w.county.log.append("rows", head)
    gone, removed = w.county.withdraw(second), copy.copy(relay)
    removed.live = dict(relay.live)
    items: list[batches.Item] = [relay.put(third)]
    relay.pos += 1
    items.append(batches.RowsItem(relay.pos, 0, index, head, put=((b64(b"s" * 16), '["A"]', '{"code":"A"}'),)))
    items.append(relay.put(gone, tomb=True))
    relay.pos += 1
    items.append(batches.ResetItem(relay.pos, third.id, "", 0))
    made = (batches.encode(relay.batch(*items, witness=w.city)), batches.encode(removed.batch(removed.remove(first.id))))
    closing, takeover = w.city.close(w.county, size=1), w.city.succeed(w.county, w.city, size=1)
    del w.city.tokens[-2:]  # said to the parsers alone
    return _Made(w, receiver, relay.gen, made, third, closing, takeover)


def _batch(data: bytes) -> object:
    made = _made()
    parsed = batches.parse(data)
    [record_id_of(item) for item in parsed.items]
    return batches.verify(parsed, made.receiver.state)


def _note(data: bytes) -> object:
    w = _made().w
    note = parse_note(data)
    parse_checkpoint(note)
    verify_cosignatures(note, w.trust().witnesses(w.county.id), now=NOW)
    return verify_note(note, [w.county.site.public])


def _head(data: bytes) -> object:
    w = _made().w
    return verify_head(data.decode("utf-8", "replace"), sender=w.city.id, receiver=w.province.id, gen=_made().gen, keys=[w.city.site.public])


def _statements(data: bytes) -> object:
    tokens = data.decode("utf-8", "surrogateescape").split(" ")
    for text in tokens:
        signature, _ = split_jws(text, TYP)
        verify_jws(signature, _made().w.county.site.public)
    return _trust(parse_all(tokens, limit=100))


def _trust(statements: Any) -> object:
    return Trust([*statements], anchors=[_made().w.nation.id], zone=ZONE, now=NOW).refusals


def _claims(data: bytes) -> object:
    """A statement's claims, as if they were truly signed."""
    value = loads(data)
    if isinstance(value, dict):
        read_time(str(value.get("until", "")) if "until" in value else "2026-01-01T00:00:00Z")
    return read_body(value, data)


def _token(data: bytes) -> object:
    w, made = _made().w, data.decode("utf-8", "surrogateescape")
    token.peek_issuer(made)
    return token.verify(made, keys=w.trust().site_keys, me=w.city.id, zone=ZONE, method="GET", target="/x", body=b"", now=NOW, replay=_Forgets())


def _witness(data: bytes) -> object:
    w = _made().w
    origin_of(data)
    known = Known(1, w.county.log.root(1), w.county.note(1, witness=w.city))
    return decide(data, trust=w.trust(), me=w.city.id, known=known, key=w.city.witness, now=NOW)


def _join(data: bytes) -> object:
    peek_secret(data)
    return parse_join(data, me=_made().w.city.id, zone=ZONE, now=NOW)


def _invite() -> Invite:
    w = _made().w
    return Invite("https://chengdu.example", w.city.id, w.nation.id, ZONE, b64(b"s" * 16), NOW + 1000)


def _answer(data: bytes) -> object:
    w = _made().w
    Answer(200, data, {}).json()
    return parse_answer(data, invite=_invite(), node=w.county.id, now=NOW)


def _rows(data: bytes) -> object:
    value = loads(data)
    if not isinstance(value, dict):
        return None
    head = parse_head(value["head"] if isinstance(value.get("head"), str) else "")
    item = {"index": 0, "log": 0, "op": "rows", "pos": 1, **value}
    batch = batches.parse(dumps({**loads(_made().batches[0]), "items": [item]}))
    (read,) = batch.items
    assert isinstance(read, batches.RowsItem)
    return verify_rows(head, read.put, read.remove, read.holes)


def _cover(data: bytes) -> object:
    log = _made().w.county.log
    return cover.verify(data, log.size, 2, {2: log.get(0, 2) or b""}, root=log.root(), old_root=log.root(2))


def _proofs(data: bytes) -> object:
    proof = [data[at : at + 32] for at in range(0, len(data), 32)]
    log = _made().w.county.log
    try:
        verify_inclusion(b"\0" * 32, len(data) % 7, log.size, proof, log.root())
    except TerraceError:
        return verify_consistency(1 + len(data) % 3, log.size, proof, log.root(1), log.root())
    return None


def _names(data: bytes) -> object:
    text = data.decode("utf-8", "surrogateescape")
    failures = 0
    for read in (parse_origin, parse_fingerprint, check_url, parse_gen):
        try:
            read(text)  # type: ignore[operator]
        except TerraceError:
            failures += 1
    return failures


def _receipt(data: bytes) -> object:
    return receipt.verify(data, _made().w.nation.id, now=NOW)


@cache
def parsers() -> tuple[Parser, ...]:
    """The table."""
    made = _made()
    w = made.w
    county: Node = w.county
    note = county.note(witness=w.city)
    message = dumps({"about": None, "body": {"text": "请"}, "id": b64(b"m" * 16), "kind": "request", "time": "2026-11-24T06:26:41Z", "v": 1})
    record = made.record
    chain = [jws for node in w.nodes for jws in node.tokens]
    proof = receipt.make(
        manifest=record.text, disclose=list(record.built.disclosures.values()), index=record.index, note=county.note(witness=w.city),
        proof=county.log.inclusion(record.index), statements=chain,
    )  # fmt: skip
    batch = loads(made.batches[0])
    row_item = dumps({name: value for name, value in batch["items"][1].items() if name in ("head", "put", "remove", "holes")})
    claims = tuple(split_jws(jws, TYP)[1] for jws in chain)
    closing, takeover = split_jws(made.closing, TYP)[1], split_jws(made.takeover, TYP)[1]
    request = token.make(county.site, iss=county.id, aud=w.city.id, zone=ZONE, method="GET", target="/x", body=b"", now=NOW)
    join = make_join(key=county.site, node=county.id, superior=w.city.id, zone=ZONE, secret=b64(b"s" * 16), url="", statements=county.tokens[:2], now=NOW)
    live = dumps({"bits": b64(b"b" * 32), "size": 9, "time": "2026-11-24T06:26:41Z"})
    checkpoint = make_request(1, county.log.consistency(1), county.note())
    return (
        Parser("batch", _batch, made.batches, (batches.parse, batches.verify, record_id_of)),
        Parser("note", _note, (note.encode(),), (parse_note, parse_checkpoint, verify_note, verify_cosignatures)),
        Parser("head", _head, (batch["head"].encode(),), (verify_head,)),
        Parser("statements", _statements, (" ".join(chain).encode(), chain[0].encode()), (parse_all, split_jws, verify_jws)),
        Parser("claims", _claims, (*claims, closing, takeover), (read_body, read_time)),
        Parser("token", _token, (request.encode(),), (token.verify, token.peek_issuer)),
        Parser("witness", _witness, (checkpoint,), (origin_of, decide)),
        Parser("join", _join, (join,), (parse_join, peek_secret)),
        Parser("invite", lambda data: parse_invite(data.decode("utf-8", "surrogateescape"), now=NOW), (make_invite(_invite()).encode(),), (parse_invite,)),
        Parser("answer", _answer, (make_answer("waiting"), make_answer("certified", chain)), (parse_answer,)),
        Parser("message", parse_message, (message,), (parse_message,)),
        Parser("rows", _rows, (row_item,), (parse_head, verify_rows)),
        Parser("cover", _cover, (cover.build(county.log.get, county.log.size, 2, [2]),), (cover.verify,)),
        Parser("live list", lambda data: parse_live(data.decode("utf-8", "surrogateescape"), 9), (live,), (parse_live,)),
        Parser("proofs", _proofs, (b"".join(county.log.consistency(1)), b"x"), (verify_inclusion, verify_consistency)),
        Parser(
            "names",
            _names,
            (str(county.log.origin).encode(), county.id.encode(), b"https://a.example/b"),
            (parse_origin, parse_fingerprint, check_url, parse_gen),
        ),
        Parser("receipt", _receipt, (proof,), (receipt.verify,)),
    )
