"""Batches as bytes: what a batch holds, written and read strictly (PROTOCOL 4.2, 4.5, 5.4). What it proves is `sync.batch`'s. Pure.

    {"v":1,"gen":"<16 B>","from":41,"to":97,"more":false,"head":"<stream note>"|null,"statements":["<JWS>"],
     "logs":[{"origin":"terrace/1/n-…/government/2","view":"a1","old":812,"note":"…","cover":"<hashes>","live":[index,"{…}"]|null}],
     "items":[{"op":"put","pos":95,"log":0,"index":830,"manifest":"{…}","disclose":["[…]"]},
              {"op":"tomb","pos":96,"log":0,"index":831,"manifest":"{…}"},
              {"op":"remove","pos":97,"id":"urn:terrace:…"},
              {"op":"rows","pos":98,"log":0,"index":832,"head":"{…}","put":[[salt,key,row]],"remove":[[salt|null,key]],"holes":[[place,leaf]]},
              {"op":"reset","pos":99,"id":"urn:terrace:…","variant":"","seq":12}]}

Members that are not known are ignored, and kept in `Batch.data`; an op or a version that is not known halts the stream (7.4).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from catalog.canonical import JSON, b64, dumps, loads, unb64
from catalog.errors import CanonicalError
from catalog.ids import is_record_id
from sync.errors import BatchError, HaltError
from sync.merkle import MAX_SIZE
from sync.rows import is_variant

__all__ = [
    "MAX_BYTES",
    "MAX_ITEMS",
    "MAX_LOGS",
    "MAX_STATEMENTS",
    "Batch",
    "Item",
    "LogPart",
    "PutItem",
    "RemoveItem",
    "ResetItem",
    "RowsItem",
    "encode",
    "parse",
    "parse_gen",
    "record_id_of",
]

MAX_BYTES = 8 << 20
MAX_ITEMS = 1000
MAX_LOGS = 1000
MAX_STATEMENTS = 5000

_VIEW = re.compile(r"[A-Za-z0-9_-]{1,32}\Z")


@dataclass(frozen=True)
class LogPart:
    """One log of a batch.

    Attributes:
        origin: name of the log.
        view: name of the run of covers that this reader follows.
        old: the reader's size in that view; 0 at its beginning.
        note: checkpoint, with its cosignature when there is one.
        cover: hashes, one after the other.
        live: (index, body) of the newest `live` entry, opened by the cover like a record; or None.
    """

    origin: str
    view: str
    old: int
    note: str
    cover: bytes
    live: tuple[int, str] | None = None


@dataclass(frozen=True)
class PutItem:
    """`put`: a record with what this peer may see of it; `tomb`: a tombstone, with nothing.

    Attributes:
        pos: position in the stream.
        log: place in `logs`.
        index: leaf in that log.
        manifest: canonical text as the authority published it.
        disclose: disclosure texts.
    """

    pos: int
    log: int
    index: int
    manifest: str
    disclose: tuple[str, ...] = ()
    tomb: bool = False

    @cached_property
    def value(self) -> JSON:
        """What the manifest's text says, read once. Raises CanonicalError."""
        value: JSON = loads(self.manifest)
        return value


@dataclass(frozen=True)
class RemoveItem:
    """`remove`: the sender no longer gives us this record, nor its rows."""

    pos: int
    id: str


@dataclass(frozen=True)
class RowsItem:
    """`rows`: this reader's share of one row batch; members as in `sync.rows.verify_rows`. A table's next batches may share its position."""

    pos: int
    log: int
    index: int
    head: str
    put: Sequence[Sequence[str]] = ()
    remove: Sequence[Sequence[str | None]] = ()
    holes: Sequence[Sequence[int | str]] = ()


@dataclass(frozen=True)
class ResetItem:
    """`reset`: forget the rows of this table. seq 0: batches follow from 1, or none; else fetch the base taken after batch `seq` (`GET rows`), batches
    follow from seq + 1."""

    pos: int
    id: str
    variant: str
    seq: int


type Item = PutItem | RemoveItem | RowsItem | ResetItem


@dataclass(frozen=True)
class Batch:
    """A batch. `data` is the object as received."""

    gen: str
    from_: int
    to: int
    more: bool
    logs: tuple[LogPart, ...] = ()
    items: tuple[Item, ...] = ()
    statements: tuple[str, ...] = ()
    head: str | None = None
    data: Mapping[str, JSON] = field(default_factory=dict, repr=False)

    @property
    def ids(self) -> frozenset[str]:
        """Record ids that the items touch, as far as they can be read: for looking up `State`."""
        return frozenset(found for item in self.items if (found := record_id_of(item)) is not None)


def record_id_of(item: Item) -> str | None:
    """The record that an item is about; None when its text cannot be read (verification will refuse it)."""
    if isinstance(item, RemoveItem | ResetItem):
        return item.id
    try:
        value = item.value if isinstance(item, PutItem) else loads(item.head)
    except CanonicalError:
        return None
    found = value.get("id") if isinstance(value, dict) else None
    return found if isinstance(found, str) else None


def encode(batch: Batch) -> bytes:
    """Canonical bytes of a batch.

    Raises:
        BatchError: it would be larger than 8 MiB: fewer items, please.
    """
    logs: list[JSON] = [
        {
            "cover": b64(part.cover),
            "live": None if part.live is None else list(part.live),
            "note": part.note,
            "old": part.old,
            "origin": part.origin,
            "view": part.view,
        }
        for part in batch.logs
    ]
    data = dumps(
        {
            "from": batch.from_,
            "gen": batch.gen,
            "head": batch.head,
            "items": [_encode_item(item) for item in batch.items],
            "logs": logs,
            "more": batch.more,
            "statements": list(batch.statements),
            "to": batch.to,
            "v": 1,
        }
    )
    if len(data) > MAX_BYTES:
        raise BatchError(zh=f"批次 {len(data)} 字节，超过 8 MiB", en=f"the batch is {len(data)} bytes; at most 8 MiB", clause="7.1", kind="too-large")
    return data


def _encode_item(item: Item) -> dict[str, JSON]:
    if isinstance(item, PutItem):
        common: dict[str, JSON] = {"index": item.index, "log": item.log, "manifest": item.manifest, "op": "tomb" if item.tomb else "put", "pos": item.pos}
        return common if item.tomb else {**common, "disclose": list(item.disclose)}
    if isinstance(item, RemoveItem):
        return {"id": item.id, "op": "remove", "pos": item.pos}
    if isinstance(item, ResetItem):
        return {"id": item.id, "op": "reset", "pos": item.pos, "seq": item.seq, "variant": item.variant}
    return {
        "head": item.head,
        "holes": [list(hole) for hole in item.holes],
        "index": item.index,
        "log": item.log,
        "op": "rows",
        "pos": item.pos,
        "put": [list(put) for put in item.put],
        "remove": [list(remove) for remove in item.remove],
    }


def parse(data: bytes) -> Batch:
    """Reads a batch: form and limits, nothing else.

    Args:
        data: bytes as received, decompressed.

    Raises:
        BatchError: not a batch.
        HaltError: a version or an op that this program does not know.
    """
    # PROTOCOL 4.2, 7.1
    if len(data) > MAX_BYTES:
        raise BatchError(zh="批次超过 8 MiB", en="a batch is at most 8 MiB", clause="7.1", kind="too-large")
    try:
        value = loads(data)
    except CanonicalError as error:
        raise BatchError(zh=f"批次：{error.zh}", en=f"batch: {error.en}", clause="1.1", kind="canonical") from error
    if not isinstance(value, dict):
        raise _bad("batch", "an object")
    version = value.get("v")
    if type(version) is not int or version < 1:
        raise _bad("v", "1")
    if version != 1:
        # PROTOCOL 7.4
        raise HaltError(zh=f"批次为第 {version} 版，本程序只识第 1 版；请更新程序", en=f"batch of version {version}; this program reads version 1: update it")
    gen, head, more = value.get("gen"), value.get("head"), value.get("more")
    from_, to = _integer(value, "from"), _integer(value, "to")
    gen = parse_gen(gen)
    if to < from_ or type(more) is not bool or not (head is None or isinstance(head, str)):
        raise _bad("to, more or head", "to ≥ from, true or false, a note or null")
    statements = _list(value, "statements", MAX_STATEMENTS)
    if not all(isinstance(token, str) for token in statements):
        raise _bad("statements", "texts")
    return Batch(
        gen=gen,
        from_=from_,
        to=to,
        more=more,
        logs=tuple(_log(part) for part in _list(value, "logs", MAX_LOGS)),
        items=tuple(_item(number, item) for number, item in enumerate(_list(value, "items", MAX_ITEMS))),
        statements=tuple(str(token) for token in statements),
        head=head,
        data=value,
    )


def parse_gen(value: JSON) -> str:
    """Reads the name of a stream's generation.

    Raises:
        BatchError: it is none.
    """
    # PROTOCOL 4.2
    if not isinstance(value, str) or not _is_gen(value):
        raise _bad("gen", "16 bytes")
    return value


def _is_gen(text: str) -> bool:
    try:
        return len(unb64(text, 16)) == 16
    except CanonicalError:
        return False


def _log(value: JSON) -> LogPart:
    if not isinstance(value, dict):
        raise _bad("logs", "objects")
    origin, view, note, cover, live = (value.get(name) for name in ("origin", "view", "note", "cover", "live"))
    if not isinstance(origin, str) or not isinstance(note, str) or not isinstance(cover, str) or not isinstance(view, str) or _VIEW.match(view) is None:
        raise _bad("logs", "origin, view, note and cover as texts")
    try:
        hashes = unb64(cover)
    except CanonicalError as error:
        raise BatchError(zh=f"cover：{error.zh}", en=f"cover: {error.en}", clause="3.4", kind="cover") from error
    entry: tuple[int, str] | None = None
    if live is not None:
        if not isinstance(live, list) or len(live) != 2 or type(live[0]) is not int or not 0 <= live[0] <= MAX_SIZE or not isinstance(live[1], str):
            raise _bad("live", "[index, entry] or null")
        entry = live[0], live[1]
    return LogPart(origin, view, _integer(value, "old"), note, hashes, entry)


def _item(number: int, value: JSON) -> Item:
    if not isinstance(value, dict):
        raise _bad("items", "objects", number)
    op = value.get("op")
    if op not in ("put", "tomb", "remove", "rows", "reset"):
        # PROTOCOL 7.4
        raise HaltError(zh=f"未知的操作 {op!r:.40}；请更新程序", en=f"unknown op {op!r:.40}: update the program", item=number)
    pos = _integer(value, "pos", number)
    if op in ("remove", "reset"):
        record_id, variant = value.get("id"), value.get("variant")
        if not isinstance(record_id, str) or not is_record_id(record_id):
            raise _bad("id", "a record id", number)
        if op == "remove":
            return RemoveItem(pos, record_id)
        if not isinstance(variant, str) or not is_variant(variant):
            raise _bad("variant", "the name of a variant", number)
        return ResetItem(pos, record_id, variant, _integer(value, "seq", number))
    log, index = _integer(value, "log", number), _integer(value, "index", number)
    if op == "rows":
        return RowsItem(
            pos,
            log,
            index,
            _text(value, "head", number),
            put=_tuples(value, "put", (str, str, str), number),
            remove=_tuples(value, "remove", (str | None, str), number),
            holes=_tuples(value, "holes", (int, str), number),
        )
    if op == "tomb":
        return PutItem(pos, log, index, _text(value, "manifest", number), tomb=True)
    disclose = value.get("disclose")
    if not isinstance(disclose, list):
        raise _bad("disclose", "texts", number)
    texts = [text for text in disclose if isinstance(text, str)]
    if len(texts) != len(disclose):
        raise _bad("disclose", "texts", number)
    return PutItem(pos, log, index, _text(value, "manifest", number), tuple(texts))


def _integer(value: Mapping[str, JSON], name: str, item: int | None = None) -> int:
    found = value.get(name)
    if type(found) is not int or not 0 <= found <= MAX_SIZE:
        raise _bad(name, "an integer from 0 on", item)
    return found


def _text(value: Mapping[str, JSON], name: str, item: int) -> str:
    found = value.get(name)
    if not isinstance(found, str):
        raise _bad(name, "a text", item)
    return found


def _list(value: Mapping[str, JSON], name: str, limit: int) -> list[JSON]:
    found = value.get(name)
    if not isinstance(found, list):
        raise _bad(name, "a list")
    if len(found) > limit:
        raise BatchError(zh=f"{name} 超过 {limit} 个", en=f"more than {limit} {name}", clause="7.1", kind="too-large")
    return found


def _tuples(value: Mapping[str, JSON], name: str, kinds: tuple[Any, ...], item: int) -> tuple[tuple[Any, ...], ...]:
    """Reads a list of lists whose members are of these types (a bool is no integer)."""
    found = value.get(name)
    if not isinstance(found, list):
        raise _bad(name, "a list", item)
    for member in found:
        fits = isinstance(member, list) and len(member) == len(kinds)
        if not fits or not all(isinstance(part, kind) and not isinstance(part, bool) for part, kind in zip(member, kinds, strict=True)):
            raise BatchError(zh=f"{name} 的成员不合规定", en=f"a member of {name} has not its form", clause="5.4", kind="rows", item=item)
    return tuple(tuple(member) for member in found)


def _bad(name: str, wanted: str, item: int | None = None) -> BatchError:
    return BatchError(zh=f"批次的 {name} 不合规定（应为 {wanted}）", en=f"the batch's {name} has not its form: {wanted} expected", item=item)
