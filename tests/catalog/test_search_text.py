"""What finds what: folding, pairs, words, plurals, beginnings; and boxes over the antimeridian."""

import random
from typing import Any

import orjson
import pytest
from pyroaring import BitMap

from catalog.errors import FilterError
from catalog.filters import And, AnyText, Compare, IsNull, Moment, Not, Or
from catalog.search import Search, SearchQuery, Visible
from catalog.search.flush import flush
from catalog.search.fold import fold_text, units
from catalog.search.words import words_of
from catalog.store import Store
from tests.catalog.search_corpus import make_record

EVERYTHING = Visible(BitMap(range(1000)), BitMap(range(1000)))


def put(store: Store, *records: dict[str, Any]) -> None:
    """Shows records numbered from 1: texts by field name, other columns of the row as they are."""
    with store.write() as tx:
        for n, given in enumerate(records, 1):
            row, _ = make_record(random.Random(n), n)
            fields = {name: {"zh": text} for name, text in given.items() if name in ("title", "summary")}
            if "keywords" in given:
                fields["keywords"] = {"zh": given["keywords"]}
            columns = {name: value for name, value in given.items() if name not in ("title", "summary", "keywords")}
            tx.show(row | {"fields": orjson.dumps(fields).decode(), "sort_title": given.get("title")} | columns, own=True)


def found(store: Store, text: str = "", **form: Any) -> list[int]:
    with store.read() as conn:
        return Search(store).query(conn, EVERYTHING, SearchQuery(text=text, limit=None, **form)).docnos


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("国土资源调查", "國土"), ("國土資源調查", "国土"), ("Ｇ４２高速", "g42"), ("G42高速", "G42高速"), ("Québec forêts", "quebec foret"),
        ("宗地图", "宗地"),
        ("cadastral parcels", "parcel"), ("one parcel", "PARCELS"), ("surveyed boundaries", "boundary"), ("glasses", "glass"), ("水", "水"), ("地下水位", "水"),
        ("2023年报告", "2023年"), ("𠮷野川", "𠮷野"), ("乾燥", "干燥"), ("ئۇيغۇر يەر", "يەر"), ("བོད་ཡིག", "བོད"), ("テスト", "ﾃｽﾄ"), ("한국 지도", "지도"),
        ("鳳凰（成都）", "凤凰"),
    ],
)  # fmt: skip
def test_it_is_found(store: Store, text: str, word: str) -> None:
    put(store, {"title": text}, {"title": "another"}, {"title": "第三", "summary": text}, {"title": "第四", "keywords": ["x", text]})
    assert sorted(found(store, word)) == [1, 3, 4]


@pytest.mark.parametrize(("text", "word"), [("国土资源", "土国"), ("资源", "贷源"), ("status", "statu"), ("data", "dat"), ("农村土地", "村地"), ("ab", "a b")])
def test_it_is_not_found(store: Store, text: str, word: str) -> None:
    put(store, {"title": text})
    assert found(store, word) == []


def test_neighbouring_keywords_do_not_run_together(store: Store) -> None:
    put(store, {"title": "甲", "keywords": ["土地", "利用"]})
    assert found(store, "土地 利用") == [1]
    assert found(store, "地利") == []
    assert found(store, '"土地 利用"') == [1], "a quoted phrase asks for one field"


def test_a_phrase_wants_one_field(store: Store) -> None:
    put(store, {"title": "groundwater", "summary": "levels"}, {"title": "groundwater levels"})
    assert sorted(found(store, "groundwater levels")) == [1, 2]
    assert found(store, '"groundwater levels"') == [2]


def test_text_without_any_word_finds_nothing_and_no_text_everything(store: Store) -> None:
    put(store, {"title": "甲"})
    assert found(store, "！？ ---") == []
    assert found(store, "  ") == [1]


def test_relevance_title_before_keywords_before_summary_and_short_before_long(store: Store) -> None:
    put(
        store,
        {"title": "其他", "summary": "滑坡", "modified": 50},
        {"title": "滑坡详细调查成果", "modified": 10},
        {"title": "其他", "keywords": ["滑坡"], "modified": 1},
        {"title": "滑坡", "modified": 1},
        {"title": "其他", "summary": "滑坡", "modified": 60},
        {"title": "滑坡", "modified": 2},
    )
    assert found(store, "滑坡") == [6, 4, 2, 3, 5, 1]


def test_suggestions_complete_words_and_skip_what_is_hidden(store: Store) -> None:
    crowd = [{"title": f"Groundwater levels {n:03}"} for n in range(300)]
    put(store, *crowd, {"title": "Groundwater wells of Chengdu"}, {"title": "成都市地下水位", "slug": "di-xia-shui"})
    search = Search(store)
    with store.read() as conn:
        few = Visible(BitMap([301, 302]), BitMap())
        assert search.suggest(conn, few, "ground", 5) == [301]
        assert search.suggest(conn, few, "Groundwater w", 5) == [301]
        assert search.suggest(conn, few, "地下水", 5) == [302]
        assert search.suggest(conn, few, "di-xia", 5) == [302]
        assert search.suggest(conn, few, "wells ground", 5) == [301]
        assert len(search.suggest(conn, EVERYTHING, "g", 7)) == 7
        assert search.suggest(conn, EVERYTHING, "---", 7) == []


def test_boxes_over_the_antimeridian(store: Store) -> None:
    boxes = [(103.0, 30.0, 104.0, 31.0), (179.0, -20.0, -179.0, -15.0), (-180.0, -90.0, 180.0, 90.0), (-176.0, -20.0, -175.0, -15.0), (None, None, None, None)]
    put(store, *({"title": "甲", **dict(zip(("west", "south", "east", "north"), box, strict=True))} for box in boxes))
    for _ in ("in the tail", "in a segment"):
        assert sorted(found(store, bbox=(103.5, 30.5, 110, 40))) == [1, 3]
        assert sorted(found(store, bbox=(178, -18, -178, -16))) == [2, 3]
        assert sorted(found(store, bbox=(178, -18, 182, -16))) == [2, 3], "beyond 180"
        assert sorted(found(store, bbox=(170, -18, -175.5, -16))) == [2, 3, 4]
        assert sorted(found(store, bbox=(179.5, -18, 179.6, -16))) == [2, 3]
        assert sorted(found(store, bbox=(-179.6, -18, -179.5, -16))) == [2, 3]
        assert sorted(found(store, bbox=(-180, -90, 180, 90))) == [1, 2, 3, 4]
        assert sorted(found(store, bbox=(0, -90, 360, 90))) == [1, 2, 3, 4]
        assert found(store, bbox=(104.00001, 30, 105, 31)) == [3], "rounded outward by no more than a few metres"
        assert sorted(found(store, bbox=(104.0, 31.0, 105, 32))) == [1, 3], "touching counts"
        flush(store, at_least=1)


def test_times_with_open_ends(store: Store) -> None:
    times = [(10, 20), (None, 20), (10, None), (None, None)]
    put(store, *({"title": "甲", "time_from": start, "time_to": end} for start, end in times))
    assert sorted(found(store, time=(20, 30))) == [1, 2, 3]
    assert sorted(found(store, time=(21, None))) == [3]
    assert sorted(found(store, time=(None, 9))) == [2]


def test_conditions_have_two_rails(store: Store) -> None:
    put(
        store,
        {"title": "甲", "summary": "秘密", "formats": "csv", "kind": "map", "modified": 100},
        {"title": "乙", "summary": "其他", "formats": "pdf", "kind": "map", "modified": 200},
        {"title": "丙", "formats": None, "kind": None, "modified": None},
    )
    search = Search(store)
    with store.read() as conn:

        def ask(condition: Any, full: list[int]) -> list[int]:
            q = SearchQuery(condition=condition, sort="docno")
            return search.query(conn, Visible(BitMap([1, 2, 3]), BitMap(full)), q).docnos

        assert ask(Not(AnyText("秘密")), [1, 2, 3]) == [2, 3]
        assert ask(Not(AnyText("秘密")), [2]) == [2], "what cannot be read is not felt by NOT either"
        assert ask(Not(AnyText("甲", ("title",))), []) == [2, 3]
        assert ask(Compare("format", "=", "csv"), [2, 3]) == []
        assert ask(Compare("format", "<>", "csv"), [1, 2, 3]) == [2]
        assert ask(Compare("format", "<>", "csv"), [1]) == []
        assert ask(Not(Or((Compare("kind", "=", "map"), Compare("format", "=", "csv")))), [1, 2, 3]) == []
        assert ask(And((Compare("modified", ">", Moment(100)), Not(IsNull("kind")))), []) == [2]
        assert ask(IsNull("kind"), []) == [3]
        assert ask(Compare("slug", "=", "rec-000002"), []) == [2]
        with pytest.raises(FilterError):
            ask(Compare("contact_phone", "=", "1"), [1])


@pytest.mark.parametrize("form", [{"filters": {"secret": ["x"]}}, {"facets": ["signature"]}, {"sort": "docno; drop"}])
def test_unknown_columns_and_sorts_are_refused(store: Store, form: dict[str, Any]) -> None:
    with pytest.raises(FilterError):
        found(store, **form)


def test_folding_never_changes_a_length_and_is_idempotent() -> None:
    rng = random.Random(5)
    scripts = [(0x20, 0x250), (0x4E00, 0xA000), (0xFF01, 0xFF5F), (0x20000, 0x2A6DF)]
    for _ in range(300):
        text = "".join(chr(rng.randrange(*rng.choice(scripts))) for _ in range(20))
        folded = fold_text(text)
        assert fold_text(folded) == folded
    assert fold_text("國土資源部《土地利用現狀分類》ＧＢ／Ｔ") == "国土资源部《土地利用现状分类》gb/t"
    assert len(units("ß㎡ﬁ")) == 3


def test_a_query_is_bounded() -> None:
    assert len(words_of("w " * 10_000)) <= 64
