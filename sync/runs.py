"""Runs of covers: what this site keeps of each log so that it can prove again (PROTOCOL 3.4, 4.2 `view`, invariant I5).

A run is one growing line of signed sizes of one log: this site's own log, or a `view` of another's log that one peer gives us. Its perfect subtrees are kept by
(level, index). Runs of one log that came from two peers stay apart: nothing but the witness says that they agree. What we pass on to a reader is proved
from one run, under a view of its own, so that `old` is always a size at which the run itself was cut.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Connection, Insert, Row, Table, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from catalog.transaction import WriteTransaction
from sync import cover
from sync import tables as t
from sync.ids import parse_origin
from sync.merkle import Get

__all__ = ["Run", "build_cover", "conflict_with_others", "getter", "insert_new", "keep_nodes", "new_run", "newest_of", "run_by_number", "run_of_view"]

_CHUNK = 400
#: Runs of one log, the newest, that a cover is compared with.
_COMPARED = 8


@dataclass(frozen=True, slots=True)
class Run:
    """A row of `sync_run`; see `sync.tables`."""

    run: int
    origin: str
    node: str
    zone: str
    epoch: int
    source: str
    view: str
    size: int
    root: bytes | None
    note: str | None
    cosigned: int | None
    witnessed: int
    changed: int


def run_by_number(conn: Connection, run: int) -> Run:
    """The run with this number."""
    return _run(conn.execute(select(t.run).where(t.run.c.run == run)).one())


def run_of_view(conn: Connection, origin: str, source: str, view: str) -> Run | None:
    """The run that a peer names by `view`, or None when it is new."""
    row = conn.execute(select(t.run).where(t.run.c.origin == origin, t.run.c.source == source, t.run.c.view == view)).one_or_none()
    return None if row is None else _run(row)


def newest_of(conn: Connection, node: str, zone: str, *, source: str | None = None) -> Run | None:
    """The run of a site's log with the newest epoch and the greatest size, of one source or of all."""
    query = select(t.run).where(t.run.c.node == node, t.run.c.zone == zone)
    if source is not None:
        query = query.where(t.run.c.source == source)
    row = conn.execute(query.order_by(t.run.c.epoch.desc(), t.run.c.size.desc(), t.run.c.changed.desc()).limit(1)).one_or_none()
    return None if row is None else _run(row)


def new_run(conn: Connection, origin: str, source: str = "", view: str = "") -> Run:
    """Begins a run, empty."""
    where = parse_origin(origin)
    conn.execute(
        insert(t.run).values(origin=origin, node=where.node, zone=where.zone, epoch=where.epoch, source=source, view=view, size=0, witnessed=0, changed=0)
    )
    found = run_of_view(conn, origin, source, view)
    assert found is not None
    return found


def grow(conn: Connection, run: Run, *, size: int, root: bytes, note: str, cosigned: int | None, now: int) -> None:
    """Takes a newer note of a run: a greater size, or the same size with a newer cosignature."""
    values = {"size": size, "root": root, "note": note, "changed": now}
    if cosigned is not None:
        values |= {"cosigned": cosigned, "witnessed": size}
    conn.execute(update(t.run).where(t.run.c.run == run.run).values(**values))


def getter(conn: Connection, run: int, wanted: Iterable[tuple[int, int]] = ()) -> Get:
    """A lookup of a run's hashes; `wanted` are fetched ahead, in few queries."""
    known: dict[tuple[int, int], bytes] = {}
    by_level: dict[int, list[int]] = {}
    for level, at in wanted:
        by_level.setdefault(level, []).append(at)
    node = t.tree_node.c
    for level, ats in by_level.items():
        for start in range(0, len(ats), _CHUNK):
            query = select(node.at, node.hash).where(node.run == run, node.level == level, node.at.in_(ats[start : start + _CHUNK]))
            known.update(((level, at), bytes(hash_)) for at, hash_ in conn.execute(query))

    def get(level: int, at: int) -> bytes | None:
        found = known.get((level, at))
        if found is None:
            value = conn.scalar(select(node.hash).where(node.run == run, node.level == level, node.at == at))
            if value is None:
                return None
            found = known[level, at] = bytes(value)
        return found

    return get


def build_cover(conn: Connection, run: Run, old: int, opened: Iterable[int]) -> bytes:
    """The cover of a run at its present size for a reader that has `old`.

    Raises:
        MissingHashError: the run does not reach back so far: begin a new view.
    """
    leaves = sorted(opened)
    wanted = [(level, at) for level, at, is_open in cover.shape(run.size, old, leaves) if not is_open]
    return cover.build(getter(conn, run.run, wanted), run.size, old, leaves)


def keep_nodes(tx: WriteTransaction, run: int, nodes: Mapping[tuple[int, int], bytes]) -> None:
    """Keeps the hashes that a cover taught."""
    insert_new(tx, t.tree_node, [{"run": run, "level": level, "at": at, "hash": hash_} for (level, at), hash_ in nodes.items()])


def conflict_with_others(conn: Connection, run: Run, nodes: Mapping[tuple[int, int], bytes]) -> Run | None:
    """Another run of the same log that contradicts what a cover taught: evidence of a fork (PROTOCOL 3.3).

    Of other sources, and of the same source under an earlier view: else a new view would make a rewritten past unseen.
    """
    others = conn.execute(
        select(t.run).where(t.run.c.origin == run.origin, t.run.c.run != run.run, t.run.c.size > 0).order_by(t.run.c.changed.desc()).limit(_COMPARED)
    ).all()
    for row in others:
        other = _run(row)
        if cover.conflicts(getter(conn, other.run, nodes), nodes):
            return other
    return None


def insert_new(tx: WriteTransaction, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Inserts rows, leaving those whose key is there already, on both engines."""
    tx.many(_inserting(table, tx.conn.dialect.name), rows)


@cache
def _inserting(table: Table, engine: str) -> Insert:
    return postgresql.insert(table).on_conflict_do_nothing() if engine == "postgresql" else sqlite.insert(table).on_conflict_do_nothing()


def _run(row: Row[tuple[object, ...]]) -> Run:
    values = row._mapping
    root = values["root"]
    return Run(**{**values, "root": None if root is None else bytes(root)})
