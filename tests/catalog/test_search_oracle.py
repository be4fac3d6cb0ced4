"""Search equals the tables: random writes, flushes, merges and deletions, compared with a brute-force oracle after each, on both engines."""

import random
from typing import Any

import pytest
from pyroaring import BitMap
from sqlalchemy import func, select

from catalog.search import Search, SearchQuery, Visible
from catalog.search.flush import flush
from catalog.search.merge import merge, sweep
from catalog.store import Store
from catalog.tables import gone, posting, record, segment
from tests.catalog.search_corpus import DOMAINS, FORMATS, PLACES, make_record
from tests.catalog.search_oracle import Oracle

FACETS = ("org", "theme", "kind", "sharing", "opening", "format", "level", "division", "territory", "authority", "year", "license", "keyword")
SORTS = ("relevance", "modified", "-modified", "issued", "-issued", "title", "-title", "name", "-name", "docno", "-docno")
WORDS = [word for zh, en in DOMAINS.values() for word in (*zh.split(), *en.split())] + [
    "四川", "成都市", "数据", "水", "质", "2010年", "rec", "parcel", "国土", "國土", "數據", "nothing", "市地下", "川省", "批", "！", "年",
]  # fmt: skip
FILTERS = [
    ("theme", ["cadastre"]), ("format", FORMATS[:2]), ("territory", [PLACES[1][0]]), ("territory", [PLACES[2][0], PLACES[4][0]]), ("year", ["2010", "2011"]),
    ("level", ["county", "nation"]), ("division", ["510000"]), ("license", ["cc-by"]), ("keyword", ["滑坡", "wells"]), ("kind", ["none"]),
]  # fmt: skip


class Site:
    """Random life on a store."""

    def __init__(self, store: Store, seed: int) -> None:
        self.store = store
        self.rng = random.Random(seed)
        self.made = 0
        self.living: list[int] = []

    def step(self) -> None:
        """One transaction of random writes, or some upkeep."""
        choice = self.rng.random()
        if choice < 0.15:
            flush(self.store, at_least=1, at_most=self.rng.choice([5, 40, 200]))
        elif choice < 0.25:
            merge(self.store, fan=self.rng.choice([2, 3]), smallest=16)
        elif choice < 0.3:
            sweep(self.store, at_once=50)
        else:
            self.write()

    def write(self) -> None:
        with self.store.write() as tx:
            for _ in range(self.rng.choice([1, 1, 3, 30])):
                if self.living and self.rng.random() < 0.25:
                    n = self.living.pop(self.rng.randrange(len(self.living)))
                    tx.remove(f"urn:terrace:{n:032x}", own=True)
                    continue
                if self.living and self.rng.random() < 0.4:
                    n = self.rng.choice(self.living)
                else:
                    self.made += 1
                    n = self.made
                    self.living.append(n)
                row, terms = make_record(self.rng, n)
                tx.show(row, terms, own=True)

    def query(self, docnos: list[int]) -> SearchQuery:
        rng = self.rng
        form: dict[str, Any] = {"text": " ".join(rng.choices(WORDS, k=rng.choice([0, 1, 1, 1, 2, 2, 3])))}
        if rng.random() < 0.3:
            form["filters"] = dict(rng.sample(FILTERS, 2))
        if rng.random() < 0.2:
            west, south = rng.uniform(96, 108), rng.uniform(26, 34)
            form["bbox"] = (west, south, west + rng.uniform(0, 4), south + rng.uniform(0, 4))
        if rng.random() < 0.2:
            start = rng.randint(0, 1_600_000_000)
            form["time"] = rng.choice([(start, None), (None, start), (start, start + 200_000_000)])
        if docnos and rng.random() < 0.1:
            form["within"] = BitMap(rng.sample(docnos, len(docnos) // 2))
        if docnos and rng.random() < 0.1:
            form["after"] = rng.choice(docnos)
        if rng.random() < 0.1:
            form["ids"] = [f"urn:terrace:{n:032x}" for n in range(1, self.made, 3)]
        page = {"sort": rng.choice(SORTS), "offset": rng.choice([0, 0, 3]), "limit": rng.choice([0, 5, 20, None])}
        return SearchQuery(**form, **page, facets=FACETS, facet_limit=rng.choice([None, 3]))


def check(search: Search, store: Store, site: Site, times: int) -> None:
    """Compares answers with the oracle's, for an actor who sees three quarters, half in full."""
    with store.read() as conn:
        oracle = Oracle(conn)
        docnos = [d.docno for d in oracle.documents]
        for _ in range(times):
            card = set(site.rng.sample(docnos, len(docnos) * 3 // 4))
            full = {docno for docno in docnos if site.rng.random() < 0.6}
            q = site.query(docnos)
            expected, facets = oracle.search(q, card, full & card)
            hits = search.query(conn, Visible(BitMap(card), BitMap(full)), q)
            assert hits.total == len(expected), q
            assert hits.docnos == expected[q.offset :][: q.limit], q
            assert hits.facets == facets, q


@pytest.mark.parametrize("seed", range(4))
def test_random_life_equals_the_oracle(store: Store, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if seed % 2:  # as at many records: facets of few values by what their documents have in common with the hits, the first page by a sample
        monkeypatch.setattr("catalog.search.evaluate.CONTAINER", 0)
        monkeypatch.setattr("catalog.search.order._MANY", 5)
        monkeypatch.setattr("catalog.search.order._SAMPLED", 3)
    site = Site(store, seed)
    search, other = Search(store), Search(store)
    for n in range(60):
        site.step()
        check(search, store, site, 3)
        if n % 9 == 0:  # one that looks seldom has more to catch up with
            check(other, store, site, 3)
    check(Search(store), store, site, 20)
    with store.read() as conn:
        alive = conn.execute(select(func.count()).select_from(record)).scalar_one()
        everything = BitMap(range(10_000))
        assert search.query(conn, Visible(everything, everything), SearchQuery()).total == alive == len(site.living)


def test_upkeep_leaves_no_orphans_and_forgets_the_gone(store: Store) -> None:
    site = Site(store, 7)
    for _ in range(12):
        site.write()
        flush(store, at_least=1)
    while merge(store, fan=2, smallest=16):
        pass
    while sweep(store):
        pass
    with store.read() as conn:
        segments = set(conn.execute(select(segment.c.seg)).scalars())
        assert {k >> 34 for k in conn.execute(select(posting.c.k)).scalars()} == segments
        assert conn.execute(select(func.count()).select_from(gone)).scalar_one() < 40
    check(Search(store), store, site, 10)


def test_a_record_is_found_at_commit_and_not_before(store: Store) -> None:
    search = Search(store)
    everything = Visible(BitMap(range(100)), BitMap(range(100)))
    row, terms = make_record(random.Random(1), 1)
    with store.read() as early:
        assert search.query(early, everything, SearchQuery()).total == 0
        with store.write() as tx:
            tx.show(row, terms, own=True)
            with store.read() as during:
                assert search.query(during, everything, SearchQuery()).total == 0
        with store.read() as late:
            assert search.query(late, everything, SearchQuery(text="rec")).total == 0, "the slug is no text"
            assert search.query(late, everything, SearchQuery(text="数据")).total == 1
        # The older snapshot still sees its own world, though the process knows better by now.
        assert search.query(early, everything, SearchQuery()).total == 0


def test_a_snapshot_survives_flush_and_merge(store: Store) -> None:
    site = Site(store, 3)
    for _ in range(4):
        site.write()
    search = Search(store)
    with store.read() as early:
        oracle = Oracle(early)
        docnos = {d.docno for d in oracle.documents}
        visible = Visible(BitMap(docnos), BitMap(docnos))
        assert search.query(early, visible, SearchQuery(limit=None)).total == len(docnos)
        for _ in range(6):
            site.write()
            flush(store, at_least=1)
            with store.read() as conn:
                search.refresh(conn)
        while merge(store, fan=2, smallest=16):
            with store.read() as conn:
                search.refresh(conn)
        while sweep(store):
            pass
        for word in ("数据", "水", "groundwater"):
            q = SearchQuery(text=word, limit=None)
            assert search.query(early, visible, q).docnos == oracle.search(q, docnos, docnos)[0]
    check(search, store, site, 10)
