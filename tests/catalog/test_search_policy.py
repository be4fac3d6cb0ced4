"""What is hidden cannot be felt: not by a count, a facet, a rank, a suggestion, nor by asking for it."""

import random
from typing import Any

from pyroaring import BitMap

from catalog.search import Search, SearchHits, SearchQuery, Visible
from catalog.search.flush import flush
from catalog.store import Store
from tests.catalog.search_corpus import DOMAINS, make_record, make_records

FACETS = ("org", "theme", "format", "year", "license", "keyword", "territory")
QUESTIONS: list[dict[str, Any]] = [
    {"text": word, "sort": sort, "facets": FACETS, "limit": None}
    for word in (*(zh.split()[0] for zh, _ in DOMAINS.values()), "groundwater", "")
    for sort in ("relevance", "title", "-issued")
] + [
    {"filters": {"format": ["csv"]}, "facets": FACETS}, {"bbox": (100, 28, 105, 32), "facets": FACETS}, {"time": (0, 800_000_000), "facets": FACETS},
]  # fmt: skip


def answers(store: Store, search: Search, visible: Visible, ids: dict[int, str]) -> list[Any]:
    """Answers with record ids in place of docnos, which differ between the two sites."""
    with store.read() as conn:
        hits: list[SearchHits] = [search.query(conn, visible, SearchQuery(**form)) for form in QUESTIONS]
        suggested = [search.suggest(conn, visible, word, 5) for word in ("gro", "成都", "rec")]
    return [(hit.total, [ids[d] for d in hit.docnos], hit.facets) for hit in hits] + [[ids[d] for d in docnos] for docnos in suggested]


def test_hidden_records_change_nothing(store: Store) -> None:
    """The same questions before and after 300 records come in that the actor may not see, in segments and in the tail."""
    shown = list(make_records(120, seed=4))
    with store.write() as tx:
        for row, terms in shown:
            tx.show(row, terms, own=True)
    ids = {n: row["id"] for n, (row, _) in enumerate(shown, 1)}
    visible = Visible(BitMap(range(1, 121)), BitMap(range(1, 61)))
    search = Search(store)
    before = answers(store, search, visible, ids)
    for start in (1000, 2000, 3000):
        with store.write() as tx:
            for row, terms in make_records(100, seed=start, start=start):
                tx.show(row, terms, own=True)
        if start < 3000:
            flush(store, at_least=1)
    assert answers(store, search, visible, ids) == before
    assert answers(store, Search(store), visible, ids) == before


def test_summary_format_license_box_and_time_need_more_than_the_card(store: Store) -> None:
    row, terms = make_record(random.Random(1), 1)
    row |= {
        "fields": '{"license":"cc-by","summary":{"zh":"鈾礦"},"title":{"zh":"钻孔"}}', "formats": "csv",
        "west": 100.0, "east": 101.0, "south": 30.0, "north": 31.0, "time_from": 5, "time_to": 9,
    }  # fmt: skip
    with store.write() as tx:
        tx.show(row, terms, own=True)
    search = Search(store)
    hidden: list[dict[str, Any]] = [
        {"text": "铀矿"}, {"filters": {"format": ["csv"]}}, {"filters": {"license": ["cc-by"]}}, {"bbox": (100, 30, 101, 31)}, {"time": (6, 7)},
    ]  # fmt: skip
    with store.read() as conn:
        for full, expected in ((BitMap(), 0), (BitMap([1]), 1)):
            visible = Visible(BitMap([1]), full)
            assert [search.query(conn, visible, SearchQuery(**form)).total for form in hidden] == [expected] * len(hidden)
            facets = search.query(conn, visible, SearchQuery(text="钻孔", facets=("format", "license", "theme"))).facets
            assert [len(facets["format"]), len(facets["license"])] == [expected] * 2
            assert facets["theme"]


def test_full_without_card_shows_nothing(store: Store) -> None:
    with store.write() as tx:
        for row, terms in make_records(3):
            tx.show(row, terms, own=True)
    with store.read() as conn:
        hits = Search(store).query(conn, Visible(BitMap([2]), BitMap([1, 2, 3, 999])), SearchQuery(facets=("format",)))
        assert hits.docnos == [2]
