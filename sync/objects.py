"""Files behind records: which this site wants, and which a peer may fetch (PROTOCOL 7, Objects).

Rules:

1. A file is wanted when a shown record from a peer names it by sha256, it is not here yet, and this site's settings say so (all, on demand, never; by size).
2. A peer may fetch a file only while a record names it whose files it may hold, judged at the moment of the request.
"""

from collections.abc import Collection, Iterable, Mapping
from itertools import batched
from typing import Any, cast

import orjson
from sqlalchemy import Connection, delete, insert, select

from catalog import tables as c
from catalog.canonical import JSON
from catalog.transaction import WriteTransaction
from sync import tables as t
from sync.context import ExchangeSettings
from sync.runs import insert_new

__all__ = ["files_of", "forget_fetched", "note_uses", "users_of", "want_objects"]

_CHUNK = 400


def files_of(fields: Mapping[str, JSON]) -> Iterable[tuple[str, int | None, str | None]]:
    """The files that a record names: (sha256, size, media type)."""
    for name, value in fields.items():
        if name.startswith("resources.") and isinstance(value, dict) and isinstance(value.get("sha256"), str):
            size, kind = value.get("size"), value.get("media_type")
            yield str(value["sha256"]), size if type(size) is int else None, kind if isinstance(kind, str) else None


def want_objects(tx: WriteTransaction, shown: Iterable[tuple[str, Mapping[str, JSON], Collection[str]]], settings: ExchangeSettings) -> None:
    """Notes the files of records that were just shown.

    Args:
        shown: of each record its id, its fields, and the peers that may have its files.
    """
    named = [(sha256, size, kind, id, sources) for id, fields, sources in shown for sha256, size, kind in files_of(fields)]
    o = c.object_.c
    held: set[str] = set()
    for some in batched({each[0] for each in named}, _CHUNK):
        held.update(tx.conn.scalars(select(o.sha256).where(o.sha256.in_(some), o.state == "held")))
    rows: list[dict[str, Any]] = []
    for sha256, size, kind, id, sources in named:
        if sha256 not in held:
            state = "wanted" if settings.objects == "all" and (size or 0) <= settings.object_bytes else "skipped"
            common = {"sha256": sha256, "id": id, "size": size, "media_type": kind, "state": state, "due": 0, "attempts": 0}
            rows += [{**common, "source": source} for source in sources]
    insert_new(tx, t.object_want, rows)


def note_uses(conn: Connection, ids: Collection[str]) -> None:
    """Brings the index of files named by records up to date for records that changed."""
    wanted = list(ids)
    for start in range(0, len(wanted), _CHUNK):
        some = wanted[start : start + _CHUNK]
        conn.execute(delete(t.object_use).where(t.object_use.c.id.in_(some)))
        rows: list[dict[str, Any]] = []
        for id, text in conn.execute(select(c.record.c.id, c.record.c.fields).where(c.record.c.id.in_(some))):
            if '"sha256"' in text:
                named = {sha256 for sha256, _, _ in files_of(cast(dict[str, JSON], orjson.loads(text)))}
                rows += [{"sha256": sha256, "id": id} for sha256 in sorted(named)]
        if rows:
            conn.execute(insert(t.object_use), rows)


def users_of(conn: Connection, sha256: str) -> dict[str, frozenset[str]]:
    """The records that name a file: id → names of the fields that do."""
    use = t.object_use.c
    found: dict[str, frozenset[str]] = {}
    query = select(c.record.c.id, c.record.c.fields).join(t.object_use, use.id == c.record.c.id).where(use.sha256 == sha256).limit(_CHUNK)
    for id, text in conn.execute(query):
        fields = orjson.loads(text)
        found[id] = frozenset(name for name in fields if any(named == sha256 for named, _, _ in files_of({name: fields[name]})))
    return found


def forget_fetched(conn: Connection, sha256: str) -> None:
    """A deleted file counts as not fetched: a record that names it again has it fetched again."""
    conn.execute(delete(t.object_want).where(t.object_want.c.sha256 == sha256))
