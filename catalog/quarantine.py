"""What intake sets aside: a bad record of many, or a bad row of a table, with the reason and the place, while the rest of its file enters.

Rules:

1. An entry says *why* (kind, Chinese, English) and *where* (file, member of an archive, line, feature or path), and holds an excerpt of what was found there.
2. The entries of a file are what its newest run left: each run replaces them (`Outcome`), in the transaction that ends the file. `tries` counts the runs.
3. Bounded: at most `MAX_HELD` entries, each with at most `MAX_EXCERPT` characters of content. A file that would pass that is refused as a whole.
4. What enters, leaves by success and is dropped by a person stands in the audit log: `quarantine.hold`, `quarantine.release`, `quarantine.drop`.
5. A file that gives nothing at all is refused, not set aside: whoever adds it has it in hand.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, func, insert, select

from catalog.canonical import JSON, dumps
from catalog.errors import NotFoundError, QuarantineError
from catalog.tables import quarantine
from catalog.transaction import WriteTransaction

__all__ = ["MAX_EXCERPT", "MAX_HELD", "Bad", "Held", "Outcome", "count_held", "drop", "files_of", "held", "list_held", "place_text"]

MAX_HELD = 10_000
MAX_EXCERPT = 2_000
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Bad:
    """One part of a file that cannot be taken in.

    Attributes:
        place: where in the file or member: `{"line": 5}`, `{"feature": 3}`, `{"path": "dataset[7]"}`.
        kind, zh, en: of the error.
        excerpt: what was found there.
        member: path inside an archive, "" elsewhere.
    """

    place: Mapping[str, int | str]
    kind: str
    zh: str
    en: str
    excerpt: str = ""
    member: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """An entry of the quarantine: what `Bad` says, and its number, file, record (of a row), time and number of runs."""

    n: int
    file: str
    source: str
    member: str
    place: dict[str, Any]
    record: str | None
    kind: str
    zh: str
    en: str
    excerpt: str
    time: int
    tries: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON lines."""
        found: dict[str, Any] = {"n": self.n, "file": self.file}
        found |= {"member": self.member} if self.member else {}
        found |= {"place": self.place, "record": self.record, "error": {"kind": self.kind, "zh": self.zh, "en": self.en}}
        return found | {"excerpt": self.excerpt, "time": self.time, "tries": self.tries}


class Outcome:
    """The entries of one file while it is taken in: what earlier runs left, and what this one leaves.

    Args:
        conn: read once, before the file.
        file: its absolute path.
    """

    def __init__(self, conn: Connection, file: str) -> None:
        self.file = file
        rows = conn.execute(select(quarantine.c.n, quarantine.c.source, quarantine.c.place, quarantine.c.tries).where(quarantine.c.file == file)).all()
        self._before = {(row.source, row.place): (row.n, row.tries) for row in rows}
        self._stay: set[int] = set()
        self.held = 0

    def holds(self, source: str) -> bool:
        """Whether earlier runs left something of a part."""
        return any(of == source for of, _ in self._before)

    def keep(self, source: str) -> int:
        """The entries of a part that is unchanged stay; returns how many there are."""
        kept = {n for (of, _), (n, _) in self._before.items() if of == source}
        self._stay |= kept
        return len(kept)

    def hold(self, tx: WriteTransaction, actor: str, bads: Sequence[tuple[str, Bad]], *, record: str | None = None) -> None:
        """Sets parts aside, in the transaction that takes the rest in.

        Args:
            bads: file and part (as in `source`), and what is wrong there.
            record: whose rows they are; None for records.

        Raises:
            QuarantineError: it is full.
        """
        if not bads:
            return
        there = count_held(tx.conn)
        if there + len(bads) > MAX_HELD:
            raise QuarantineError(
                zh=f"隔离区已有 {there} 项，上限 {MAX_HELD}；请先处理：terrace quarantine list",
                en=f"the quarantine holds {there} entries, at most {MAX_HELD}: deal with them first (terrace quarantine list)",
            )
        rows = []
        for source, bad in bads:
            place = dumps(dict[str, JSON]({name: _plain(value) if isinstance(value, str) else value for name, value in bad.place.items()})).decode()
            _, tries = self._before.get((source, place), (0, 0))
            values = {"kind": bad.kind, "zh": _plain(bad.zh), "en": _plain(bad.en), "excerpt": _plain(bad.excerpt), "member": bad.member}
            rows.append({"file": self.file, "source": source, "place": place, "record": record, "time": tx.now, "tries": tries + 1, **values})
        for start in range(0, len(rows), _AT_ONCE):
            tx.conn.execute(insert(quarantine), rows[start : start + _AT_ONCE])
        self.held += len(rows)
        detail = {"file": self.file, "count": len(rows), "first": bads[0][1].en[:300]}
        tx.audit("quarantine.hold", actor=actor, record=record, outcome="refused", detail=detail)

    def finish(self, tx: WriteTransaction, actor: str) -> None:
        """Ends the file: what earlier runs left, and was not met again unchanged, goes."""
        gone = sorted(n for n, _ in self._before.values() if n not in self._stay)
        for start in range(0, len(gone), _AT_ONCE):
            tx.conn.execute(delete(quarantine).where(quarantine.c.n.in_(gone[start : start + _AT_ONCE])))
        if gone:
            tx.audit("quarantine.release", actor=actor, detail={"file": self.file, "count": len(gone), "held": self.held})


def _plain(text: str) -> str:
    """An excerpt that every database and terminal takes: cut, without control characters."""
    return "".join(each if each.isprintable() or each in "\n\t" else "\ufffd" for each in text[:MAX_EXCERPT])


def count_held(conn: Connection) -> int:
    """How many entries there are."""
    return int(conn.scalar(select(func.count()).select_from(quarantine)) or 0)


def list_held(conn: Connection, *, file: str | None = None, after: int = 0, limit: int = 100) -> list[Held]:
    """Entries in order of their numbers, a page at a time; of one file when it is named."""
    query = select(quarantine).where(quarantine.c.n > after).order_by(quarantine.c.n).limit(limit)
    return [_held(row) for row in conn.execute(query if file is None else query.where(quarantine.c.file == file))]


def held(conn: Connection, n: int) -> Held:
    """One entry. Raises NotFoundError."""
    row = conn.execute(select(quarantine).where(quarantine.c.n == n)).first()
    if row is None:
        raise NotFoundError
    return _held(row)


def files_of(conn: Connection, numbers: Iterable[int] | None = None) -> list[str]:
    """The files of entries, or of all entries with None; each once, in order. Raises NotFoundError."""
    if numbers is not None:
        return list(dict.fromkeys(held(conn, n).file for n in numbers))
    return list(conn.scalars(select(quarantine.c.file).distinct().order_by(quarantine.c.file)))


def drop(tx: WriteTransaction, numbers: Collection[int], actor: str) -> int:
    """Gives entries up.

    Raises:
        NotFoundError: one of them is not there; then none is dropped.
    """
    for n in numbers:
        entry = held(tx.conn, n)
        detail = {"source": entry.source, "place": entry.place, "en": entry.en[:300]}
        tx.audit("quarantine.drop", actor=actor, record=entry.record, detail=detail)
        tx.conn.execute(delete(quarantine).where(quarantine.c.n == n))
    return len(numbers)


def _held(row: Row[Any]) -> Held:
    return Held(
        row.n, row.file, row.source, row.member, orjson.loads(row.place), row.record, row.kind, row.zh, row.en, row.excerpt, row.time, row.tries
    )  # fmt: skip


#: Kinds of places in Chinese.
_PLACES = {"line": "第 {} 行", "feature": "第 {} 个要素"}


def place_text(entry: Held | Bad, language: str = "en") -> str:
    """Where it is, for people: `member: line 5`, `member：第 5 行`."""
    if language == "zh":
        inner = "，".join(_PLACES.get(name, "{}" if name == "path" else name + " {}").format(value) for name, value in entry.place.items())
        return f"{entry.member}：{inner}" if entry.member and inner else entry.member or inner
    inner = ", ".join(str(value) if name == "path" else f"{name} {value}" for name, value in entry.place.items())
    return f"{entry.member}: {inner}" if entry.member and inner else entry.member or inner
