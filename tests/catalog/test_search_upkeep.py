"""Upkeep of the index under kill −9, with several processes: no count is ever wrong, and what a killed one left behind is swept."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pyroaring import BitMap
from sqlalchemy import delete, func, select

from catalog.search import Search, SearchQuery, Visible, maintain
from catalog.search.flush import flush
from catalog.search.merge import merge, sweep
from catalog.search.postings import block_postings
from catalog.search.segments import INDEX, bump, read_directory
from catalog.store import Store, open_store
from catalog.tables import counter, gone, posting, record, segment, segment_col
from tests.catalog.search_corpus import make_record, make_records
from tests.catalog.search_oracle import Oracle

EVERYTHING = Visible(BitMap(range(100_000)), BitMap(range(100_000)))

#: What the processes that are killed do, for ever: keep up the index with tiny segments, so that a kill always hits something.
KEEPER = """
import sys
from pathlib import Path
from catalog.store import open_store
from catalog.search.flush import flush
from catalog.search.merge import merge, sweep
import catalog.search.merge as m
m._SLICE_ROWS = 20
store = open_store(sys.argv[1], data_dir=Path(sys.argv[2]))
print("ready", flush=True)
while True:
    flush(store, at_least=1, at_most=40)
    merge(store, fan=2, smallest=32)
    sweep(store, at_once=100)
"""
#: Writes, changes and removes records for ever.
WRITER = """
import random, sys, time
from pathlib import Path
from catalog.store import open_store
from tests.catalog.search_corpus import make_record
store = open_store(sys.argv[1], data_dir=Path(sys.argv[2]))
rng = random.Random(int(sys.argv[3]))
print("ready", flush=True)
while True:
    with store.write() as tx:
        for _ in range(rng.choice([1, 10, 30])):
            n = rng.randrange(1, 150)
            if rng.random() < 0.2:
                tx.remove(f"urn:terrace:{n:032x}", own=True)
            else:
                row, terms = make_record(rng, n)
                tx.show(row, terms, own=True)
    time.sleep(rng.random() * 0.06)
"""


def start(program: str, url: str, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", program, url, str(folder), *arguments], stdout=subprocess.PIPE, text=True, cwd=root, env=os.environ | {"PYTHONPATH": str(root)}
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def compare(search: Search, store: Store, words: tuple[str, ...] = ("水", "数据", "groundwater", "")) -> None:
    with store.read() as conn:
        oracle = Oracle(conn)
        docnos = {d.docno for d in oracle.documents}
        for word in words:
            q = SearchQuery(text=word, sort="title", limit=None, facets=("theme", "org"))
            hits = search.query(conn, EVERYTHING, q)
            assert (hits.docnos, hits.facets) == oracle.search(q, docnos, docnos), word


def test_kill_in_flush_and_merge_while_others_write_and_search(store: Store, database_url: str, tmp_path: Path) -> None:
    rng = random.Random(1)
    search = Search(store)
    writers = [start(WRITER, database_url, tmp_path, str(seed)) for seed in (1, 2)]
    try:
        for _ in range(6):
            keeper = start(KEEPER, database_url, tmp_path)
            moved = segments_made(store) + rng.choice([1, 3])
            ends = time.monotonic() + 20
            while segments_made(store) < moved and time.monotonic() < ends:
                compare(search, store, ("数据",))
            time.sleep(rng.random() * 0.1)
            kill(keeper)
            compare(search, store)
            compare(Search(store), store, ("groundwater",))
    finally:
        for writer in writers:
            kill(writer)
    maintain(store, at_least=1)
    compare(search, store)
    assert segments_made(store) > 6
    with store.read() as conn:
        listed = set(conn.execute(select(segment.c.seg)).scalars())
        assert {k >> 34 for k in conn.execute(select(posting.c.k)).scalars()} <= listed, "orphans are swept"


def segments_made(store: Store) -> int:
    with store.read() as conn:
        return conn.execute(select(counter.c.n).where(counter.c.name == "segment")).scalar() or 0


def test_two_processes_of_one_site_answer_alike(store: Store, database_url: str, tmp_path: Path) -> None:
    """Two stores and two searches, as two worker processes have them; one writes and flushes, the other only looks."""
    other = open_store(database_url, data_dir=tmp_path)
    here, there = Search(store), Search(other)
    for seed in range(6):
        with store.write() as tx:
            for row, terms in make_records(30, seed=seed, start=1 + seed * 20):
                tx.show(row, terms, own=True)
        compare(there, other)
        flush(store, at_least=1)
        compare(here, store)
        compare(there, other)
    while merge(other, fan=2, smallest=16):
        compare(here, store)
    other.close()


def test_threads_with_snapshots_of_different_age(store: Store) -> None:
    search = Search(store)
    failures: list[BaseException] = []
    stop = threading.Event()

    def look() -> None:
        try:
            while not stop.is_set():
                with store.read() as conn:
                    expected = conn.execute(select(func.count()).select_from(record)).scalar_one()
                    time.sleep(random.random() * 0.01)
                    assert search.query(conn, EVERYTHING, SearchQuery()).total == expected
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    rng = random.Random(3)
    for n in range(150):
        with store.write() as tx:
            row, terms = make_record(rng, rng.randrange(1, 60))
            tx.show(row, terms, own=True)
        if n % 20 == 19:
            flush(store, at_least=1)
        if n % 50 == 49:
            merge(store, fan=2, smallest=16)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_flush_that_another_overtook_gives_up(store: Store) -> None:
    with store.write() as tx:
        for row, terms in make_records(20):
            tx.show(row, terms, own=True)

    class Overtaken:
        """The same store, on which another process flushes between this one's reading and writing."""

        read = store.read

        def write(self):  # type: ignore[no-untyped-def]
            if not done:
                done.append(flush(store, at_least=1))
            return store.write()

    done: list[bool] = []
    assert flush(Overtaken(), at_least=1) is False
    assert done == [True]
    compare(Search(store), store)


def test_a_merge_whose_rows_were_swept_gives_up(store: Store) -> None:
    for seed in range(3):
        with store.write() as tx:
            for row, terms in make_records(20, seed=seed, start=1 + 20 * seed):
                tx.show(row, terms, own=True)
        flush(store, at_least=1)
    assert merge(store, fan=3, smallest=16, progress=lambda *_: sweep_all(store)) is False
    compare(Search(store), store)
    assert merge(store, fan=3, smallest=16) is True
    compare(Search(store), store)


def test_a_merge_in_slices_equals_one_flush_and_may_end_between_any_two(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that reach over the edge of a slice are cut there, and what an ended merge wrote is nobody's until it is swept."""
    for seed in range(3):
        with store.write() as tx:
            for row, terms in make_records(60, seed=seed, start=1 + 50 * seed):  # the last ten of each are replaced by the next
                tx.show(row, terms, own=True)
        flush(store, at_least=1)
    search = Search(store)
    monkeypatch.setattr("catalog.search.merge._SLICE_ROWS", 1)
    monkeypatch.setattr("catalog.search.merge._SLICE_POSTINGS", 1500)
    slices: list[int] = []
    before = contents(store)

    def end_after(most: int) -> Callable[[int, int], None]:
        def progress(n: int, of: int) -> None:
            slices.append(of)
            if n >= most:
                raise TimeoutError("lease lost")

        return progress

    for most in (1, 3, 6):
        with pytest.raises(TimeoutError):
            merge(store, fan=3, smallest=16, progress=end_after(most))
        compare(search, store, ("水",))
        sweep_all(store)
        assert contents(store) == before, "an ended merge leaves nothing behind"
    assert min(slices) > 6
    assert merge(store, fan=3, smallest=16, progress=end_after(1000)) is True
    compare(search, store)
    sweep_all(store)
    (sliced,) = contents(store).values()
    monkeypatch.undo()
    assert flushed_at_once(store) == sliced
    compare(Search(store), store)


def contents(store: Store) -> dict[int, dict[int, set[int]]]:
    """Documents of each key, for each segment: what its rows say, however they are cut into blocks."""
    found: dict[int, dict[int, set[int]]] = {}
    with store.read() as conn:
        own = {number: set(read_directory(conn, number).own.tolist()) for number in conn.execute(select(segment.c.seg)).scalars()}
        for k, data in conn.execute(select(posting.c.k, posting.c.data)):
            number, key = k >> 34, k & ((1 << 34) - 1)
            held = found.setdefault(number, {})
            if key in own[number]:
                held.setdefault(key, set()).update(BitMap.deserialize(bytes(data)))
            else:
                for each, docno in zip(*(part.tolist() for part in block_postings(key, bytes(data))), strict=True):
                    held.setdefault(each, set()).add(docno)
    return found


def flushed_at_once(store: Store) -> dict[int, set[int]]:
    """The postings of one segment of all documents, made from the records."""
    with store.write() as tx:
        for table in (posting, segment, segment_col):
            tx.conn.execute(delete(table))
        bump(tx.conn, INDEX)
    assert flush(store, at_least=1)
    (found,) = contents(store).values()
    return found


def sweep_all(store: Store) -> None:
    while sweep(store):
        pass


def test_a_lost_lease_ends_a_merge_and_leaves_the_old_segments(store: Store) -> None:
    for seed in range(3):
        with store.write() as tx:
            for row, terms in make_records(20, seed=seed, start=1 + 20 * seed):
                tx.show(row, terms, own=True)
        flush(store, at_least=1)

    def lost(*_: int) -> None:
        raise TimeoutError("lease lost")

    with pytest.raises(TimeoutError):
        merge(store, fan=3, smallest=16, progress=lost)
    compare(Search(store), store)
    sweep_all(store)
    compare(Search(store), store)


def test_one_record_changed_a_thousand_times_costs_no_memory(store: Store) -> None:
    """Dead documents above the watermark make a flush worth it, too, and are dropped from the tail and from `gone`."""
    search = Search(store)
    for _ in range(10):
        with store.write() as tx:
            row, terms = make_record(random.Random(1), 1)
            for _ in range(100):
                tx.show(row, terms, own=True)
        for _ in range(5):
            with store.write() as tx:
                tx.show(row, terms, own=True)
            compare(search, store, ("数据",))
    assert flush(store, at_least=10)
    with store.read() as conn:
        assert conn.execute(select(func.count()).select_from(gone)).scalar_one() == 0
        assert len(search.refresh(conn).tail.docs) == 0
    compare(search, store)
