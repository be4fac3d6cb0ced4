"""Tables of rows: put, change, remove, replace; batches with heads; what is stored is what was hashed (PROTOCOL 5)."""

import hashlib
from itertools import pairwise

import orjson
import pytest
import shapely
from sqlalchemy import inspect, select

from catalog import rows
from catalog.canonical import b64, loads
from catalog.errors import NotFoundError, RowsError
from catalog.rows import Ask, Column, RowChanges, View
from catalog.tables import change, row_batch, row_change
from catalog.tree import tree_root
from sync.merkle import tree_root as sync_tree_root

ID = "urn:terrace:01234567-89ab-8def-8123-456789abcdef"
COLUMNS = (
    Column("well", "text", {"zh": "井号", "en": "Well"}),
    Column("depth", "decimal"),
    Column("readings", "integer"),
    Column("open", "boolean"),
    Column("drilled", "date"),
    Column("measured_at", "datetime"),
    Column("geometry", "geometry"),
)


def _well(n, **more):
    return {
        "well": f"W{n:03d}",
        "depth": n * 1.5,
        "readings": n,
        "open": n % 2 == 0,
        "drilled": "2020-01-05",
        "measured_at": "2024-05-01T08:00:00+08:00",
        "geometry": shapely.Point(104 + n / 1000, 30.5),
        **more,
    }


def _put(store, puts=(), **more):
    with store.write() as tx:
        return rows.put(tx, ID, "", RowChanges(puts=puts, columns=COLUMNS, key=["well"], geometry="point", **more))


def _all(store, ask=None):
    with store.read() as conn:
        table = rows.load_table(conn, ID)
        return [orjson.loads(each) for each in rows.select_features(conn, table, View.whole(table), ask or Ask()).rows]


def test_rows_go_in_and_come_out_as_features(store):
    done = _put(store, [_well(1), _well(2)])
    assert (done.added, done.changed, done.removed, done.same) == (2, 0, 0, 0)
    first = _all(store)[0]
    assert first == {
        "type": "Feature",
        "id": "W001",
        "geometry": {"type": "Point", "coordinates": [104.001, 30.5]},
        "properties": {"well": "W001", "depth": 1.5, "readings": 1, "open": False, "drilled": "2020-01-05", "measured_at": "2024-05-01T00:00:00Z"},
    }
    with store.read() as conn:
        table = rows.load_table(conn, ID)
        assert (table.count, table.seq, table.key, table.geometry, table.box) == (2, 1, ("well",), "point", (104.001, 30.5, 104.002, 30.5))
        row = rows.get_row(conn, table, View.whole(table), '["W002"]')
        assert row.values["depth"] == "3" and loads(orjson.dumps(row.values, option=orjson.OPT_SORT_KEYS)) == row.values


def test_a_batch_head_commits_to_every_row(store):
    done = _put(store, [_well(2), _well(1)])
    head = loads(done.heads[0].text)
    with store.read() as conn:
        changes = conn.execute(select(row_change).order_by(row_change.c.key)).all()
        batch = conn.execute(select(row_batch)).one()
        position = conn.execute(select(change.c.position).where(change.c.what == "rows")).scalar_one()
    assert [each.key for each in changes] == ['["W001"]', '["W002"]']
    leaves = [hashlib.sha256(b"\x00" + bytes(each.salt) + each.row.encode()).digest() for each in changes]
    assert [bytes(each.leaf) for each in changes] == leaves
    assert head == {"base": False, "count": 2, "id": ID, "prev": None, "root": b64(sync_tree_root(leaves)), "seq": 1, "variant": ""}
    assert batch.head == done.heads[0].text and batch.position == position
    row = loads(changes[0].row)
    assert row["depth"] == "1.5" and row["geometry"] == b64(bytes(shapely.to_wkb(shapely.Point(104.001, 30.5), byte_order=1)))


@pytest.mark.parametrize("size", [*range(0, 20), 31, 32, 33, 100])
def test_the_root_is_that_of_the_exchange(size):
    leaves = [hashlib.sha256(bytes([n])).digest() for n in range(size)]
    assert tree_root(leaves) == sync_tree_root(leaves)


def test_heads_are_chained(store):
    first = _put(store, [_well(1)]).heads[0]
    second = _put(store, [_well(1, depth=9)]).heads[0]
    assert loads(second.text)["prev"] == b64(hashlib.sha256(first.text.encode()).digest()) and second.seq == 2


def test_a_change_keeps_the_row_before_it(store):
    _put(store, [_well(1)])
    done = _put(store, [_well(1, depth="7.25"), _well(2)])
    assert (done.added, done.changed) == (1, 1)
    with store.read() as conn:
        changed = conn.execute(select(row_change).where(row_change.c.seq == 2).order_by(row_change.c.key)).all()
    assert loads(changed[0].before_row)["depth"] == "1.5" and loads(changed[0].row)["depth"] == "7.25" and changed[0].before_salt != changed[0].salt
    assert "geometry" in loads(changed[0].before_row)
    assert changed[1].before_row is None


def test_putting_the_same_again_is_no_change(store):
    _put(store, [_well(n) for n in range(5)])
    done = _put(store, [_well(n) for n in range(5)])
    assert (done.heads, done.same) == ([], 5)


def test_removing_leaves_a_salted_leaf_and_the_row_before(store):
    _put(store, [_well(1), _well(2)])
    with store.write() as tx:
        done = rows.apply_changes(tx, ID, "", removes=[["W001"], ["W999"]])
    assert done.removed == 1 and loads(done.heads[0].text)["count"] == 1
    with store.read() as conn:
        gone = conn.execute(select(row_change).where(row_change.c.seq == 2)).one()
        table = rows.load_table(conn, ID)
        assert (table.count, table.box) == (1, (104.002, 30.5, 104.002, 30.5))
    assert gone.row is None and loads(gone.before_row)["well"] == "W001"
    assert bytes(gone.leaf) == hashlib.sha256(b"\x00" + bytes(gone.salt) + b'["W001"]').digest()


def test_replacing_removes_what_is_not_there_any_more(store):
    _put(store, [_well(n) for n in range(10)])
    done = _put(store, [_well(n, depth=1 if n == 3 else n * 1.5) for n in range(2, 12)], replace=True)
    assert (done.added, done.changed, done.removed, done.same) == (2, 1, 2, 7)
    assert [each["id"] for each in _all(store)] == [f"W{n:03d}" for n in range(2, 12)]


def test_batches_are_cut_at_a_thousand_rows(store):
    done = _put(store, (_well(n) for n in range(2500)))
    assert [loads(head.text)["count"] for head in done.heads] == [1000, 1000, 500]


def test_batches_are_cut_at_a_mebibyte(store):
    columns = (Column("id", "integer"), Column("note", "text"))
    with store.write() as tx:
        done = rows.put(tx, ID, "", RowChanges(puts=({"id": n, "note": "地" * 100_000} for n in range(10)), columns=columns, key=["id"]))
    assert [loads(head.text)["count"] for head in done.heads] == [3, 3, 3, 1]


def test_a_row_larger_than_a_batch_is_refused_in_words(store):
    with pytest.raises(RowsError, match="1 MiB"), store.write() as tx:
        rows.put(tx, ID, "", RowChanges(puts=[{"id": 1, "note": "x" * (1 << 20)}], columns=(Column("id", "integer"), Column("note", "text")), key=["id"]))
    with store.read() as conn, pytest.raises(NotFoundError):
        rows.load_table(conn, ID)


@pytest.mark.parametrize(
    "bad",
    [
        {"well": None},
        {"depth": "deep"},
        {"readings": 1.5},
        {"readings": 2**53},
        {"drilled": "2020-02-30"},
        {"measured_at": "noon"},
        {"open": "perhaps"},
        {"colour": "red"},
        {"well": "a\x00b"},
        {"well": "\ud800"},
        {"geometry": {"type": "Point"}},
        {"geometry": shapely.Point(200, 0)},
        {"geometry": shapely.Point(float("nan"), 0)},
        {"geometry": b"no wkb"},
        {"depth": float("inf")},
    ],
)
def test_a_row_that_does_not_fit_is_refused_and_nothing_is_kept(store, bad):
    _put(store, [_well(1)])
    with pytest.raises(RowsError) as caught:
        _put(store, [_well(2), _well(3, **bad)])
    assert caught.value.zh and caught.value.en
    assert [each["id"] for each in _all(store)] == ["W001"]


@pytest.mark.parametrize(
    ("columns", "key"),
    [
        ((), ["a"]),
        ((Column("A", "text"),), ["A"]),
        ((Column("a", "text"), Column("a", "text")), ["a"]),
        ((Column("a", "colour"),), ["a"]),
        ((Column("a", "text"),), []),
        ((Column("a", "text"),), ["b"]),
        ((Column("a", "decimal"),), ["a"]),
        ((Column("a", "geometry"), Column("b", "geometry"), Column("c", "text")), ["c"]),
        ((Column("a", "geometry"),), ["a"]),
        ((Column("a", "text"),), ["a", "a"]),
        (tuple(Column(f"c{n}", "text") for n in range(1501)), ["c1"]),
        ((Column("_rid", "text"),), ["_rid"]),
        ((Column('a" OR 1', "text"),), ['a" OR 1']),
    ],
)
def test_columns_and_keys_that_are_not_allowed(store, columns, key):
    with pytest.raises(RowsError) as caught, store.write() as tx:
        rows.create_table(tx.conn, ID, "", columns, key)
    assert caught.value.zh and caught.value.en


def test_as_many_columns_as_allowed_fit_on_both_engines(store):
    columns = tuple(Column(f"c{n}", "integer") for n in range(1500))
    with store.write() as tx:
        rows.put(tx, ID, "", RowChanges(puts=[{f"c{n}": n for n in range(1500)}], columns=columns, key=["c0"]))
        assert rows.load_table(tx.conn, ID).count == 1


def test_column_names_may_be_words_of_sql(store):
    columns = tuple(Column(name, "text") for name in ("select", "order", "group", "rid", "key", "row", "table"))
    with store.write() as tx:
        rows.put(tx, ID, "", RowChanges(puts=[{"select": "1", "order": "2", "key": "3"}], columns=columns, key=["select", "key"]))
    assert _all(store)[0]["id"] == "1~3"


def test_empty_geometries_and_no_geometry_are_the_same(store):
    _put(store, [_well(1, geometry=None), _well(2, geometry=shapely.Point())])
    assert [each["geometry"] for each in _all(store)] == [None, None]
    assert len(_all(store, Ask(bbox=(-180, -90, 180, 90)))) == 0


def test_new_columns_come_and_old_ones_go_while_rows_keep_their_hashes(store):
    _put(store, [_well(1), _well(2)])
    columns = (*COLUMNS[:2], Column("readings", "decimal"), COLUMNS[6], Column("owner", "text"))
    fresh = [{"well": "W001", "depth": 1.5, "readings": 1, "owner": "张", "geometry": shapely.Point(104.001, 30.5)}]
    with store.write() as tx:
        done = rows.put(tx, ID, "", RowChanges(puts=fresh, columns=columns, key=["well"], geometry="point"))
        assert rows.load_table(tx.conn, ID).columns == columns
    assert (done.changed, done.added, done.heads[0].seq) == (1, 0, 2)
    assert [each["properties"] for each in _all(store)] == [
        {"well": "W001", "depth": 1.5, "readings": 1, "owner": "张"},
        {"well": "W002", "depth": 3, "readings": None, "owner": None},
    ]
    assert len(_all(store, Ask(bbox=(104, 30, 105, 31)))) == 2


def test_a_new_key_removes_all_rows_and_puts_them_anew(store):
    _put(store, [_well(1), _well(2)])
    with store.write() as tx:
        done = rows.put(tx, ID, "", RowChanges(puts=[_well(1)], columns=COLUMNS, key=["readings"], geometry="point"))
    assert done.added == 1
    assert [each["id"] for each in _all(store)] == [1]
    with store.read() as conn:
        assert [loads(head)["count"] for head in conn.execute(select(row_batch.c.head).order_by(row_batch.c.seq)).scalars()] == [2, 2, 1]


def test_dropping_leaves_nothing(store):
    _put(store, [_well(1)])
    with store.write() as tx:
        rows.drop_table(tx.conn, ID, "")
        rows.drop_table(tx.conn, ID, "")
        assert not [name for name in inspect(tx.conn).get_table_names() if name.startswith("rows_")]
        assert tx.conn.execute(select(row_change)).first() is None
    _put(store, [_well(1)])


def test_variants_have_tables_of_their_own(store):
    _put(store, [_well(1)])
    with store.write() as tx:
        rows.put(tx, ID, "grid-1km", RowChanges(puts=[{"cell": "a"}], columns=(Column("cell", "text"),), key=["cell"]))
        assert [table.variant for table in rows.tables_of(tx.conn, ID)] == ["", "grid-1km"]
        assert rows.load_table(tx.conn, ID).count == 1


def test_forgetting_drops_contents_and_keeps_heads(store):
    _put(store, [_well(1)])
    _put(store, [_well(2)])
    with store.write() as tx:
        assert rows.forget(tx, ID, "", 1) == 1
        assert rows.batch_rows(tx.conn, ID, "", 1) is None
        head, members = rows.batch_rows(tx.conn, ID, "", 2)
        assert loads(head)["seq"] == 2 and [member.key for member in members] == ['["W002"]']


def test_text_is_compared_and_kept_in_nfc(store):
    _put(store, [_well(1, well="cafe\u0301")])
    done = _put(store, [_well(1, well="caf\u00e9")])
    assert done.same == 1


def test_decimals_keep_every_digit(store):
    _put(store, [_well(1, depth="12345678901234567890.123456789")])
    with store.read() as conn:
        table = rows.load_table(conn, ID)
        raw = rows.select_features(conn, table, View.whole(table), Ask()).rows[0]
        narrow = rows.select_features(conn, table, View(("well", "depth"), geometry=False), Ask()).rows[0]
    assert b'"depth":12345678901234567890.123456789' in raw
    assert narrow == b'{"type":"Feature","geometry":null,"id":"W001","properties":{"well":"W001","depth":12345678901234567890.123456789}}'


def test_two_writers_of_one_table_lose_nothing(store):
    import threading

    _put(store, [_well(0)])
    errors = []

    def work(start):
        try:
            for n in range(start, start + 10):
                _put(store, [_well(n)])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(start,)) for start in (100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(_all(store)) == 31
    with store.read() as conn:
        heads = [loads(head) for head in conn.execute(select(row_batch.c.head).order_by(row_batch.c.seq)).scalars()]
        for before, after in pairwise(heads):
            assert after["prev"] is not None and after["seq"] == before["seq"] + 1


def test_text_that_looks_like_sql_is_text(store):
    _put(store, [_well(1, well="'; DROP TABLE rows_1; --")])
    assert _all(store)[0]["id"] == "'; DROP TABLE rows_1; --"


def test_a_key_too_long_for_an_index_is_refused(store):
    _put(store, [_well(1, well="x" * 996)])
    with pytest.raises(RowsError, match="1000 bytes"):
        _put(store, [_well(1, well="x" * 997)])


def test_heights_are_kept(store):
    _put(store, [_well(1, geometry=shapely.Point(104, 30, 512.25))])
    assert _all(store)[0]["geometry"] == {"type": "Point", "coordinates": [104.0, 30.0, 512.25]}


def test_many_threads_ask_for_one_box(store):
    import threading

    _put(store, [_well(n, geometry=shapely.Point(104 + n / 100, 30).buffer(0.02)) for n in range(100)])
    counts = []

    def ask():
        with store.read() as conn:
            table = rows.load_table(conn, ID)
            counts.extend(len(rows.select_features(conn, table, View.whole(table), Ask(bbox=(104.005, 29.9, 104.5, 30.005))).rows) for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(counts) == 120 and len(set(counts)) == 1
