"""Rows between sites: what one site wrote, the exchange proves and another site applies, holes and all (PROTOCOL 5.1–5.4)."""

import orjson
import pytest
import shapely

from catalog import rows
from catalog.canonical import b64
from catalog.errors import RowsError
from catalog.rows import Ask, Column, RowChanges, View
from catalog.store import open_store
from sync.errors import BatchError
from sync.rows import parse_head, row_leaf, verify_rows

ID = "urn:terrace:01234567-89ab-8def-8123-456789abcdef"
COLUMNS = (Column("well", "text"), Column("depth", "decimal"), Column("division", "text"), Column("geometry", "geometry"))
SCHEMA = {"columns": COLUMNS, "key": ["well"], "geometry": "point"}


def _well(n, **more):
    return {"well": f"W{n:03d}", "depth": n, "division": "510107" if n % 2 else "510104", "geometry": shapely.Point(104, 30 + n / 100), **more}


@pytest.fixture
def other(tmp_path):
    store = open_store(tmp_path / "other" / "terrace.db", data_dir=tmp_path / "other")
    store.upgrade()
    with store.write() as tx:
        rows.ensure_table(tx, ID, "", COLUMNS, ["well"], "point")
    yield store
    store.close()


def _share(conn, seq, visible):
    """One reader's share of a batch, as the wire carries it: what it may see opened, the rest as holes."""
    head, members = rows.batch_rows(conn, ID, "", seq)
    put, remove, holes = [], [], []
    for place, member in enumerate(members):
        values = orjson.loads(member.row or member.before_row)
        if not visible(values):
            holes.append([place, b64(member.leaf)])
        elif member.row is not None:
            put.append([b64(member.salt), member.key, member.row])
        else:
            remove.append([b64(member.salt), member.key])
    return head, put, remove, holes


def _apply(store, head, put, remove, holes):
    proved = verify_rows(parse_head(head), put, remove, holes)
    with store.write() as tx:
        return rows.apply_received(tx, ID, "", head, proved.puts, proved.removes, proved.holes)


def _ids(store):
    with store.read() as conn:
        table = rows.load_table(conn, ID)
        return [orjson.loads(each)["id"] for each in rows.select_features(conn, table, View.whole(table), Ask(limit=5000)).rows]


def test_a_peer_applies_what_was_written_and_holds_the_same(store, other):
    with store.write() as tx:
        rows.put(tx, ID, "", RowChanges(puts=(_well(n) for n in range(1200)), **SCHEMA))
    with store.write() as tx:
        rows.apply_changes(tx, ID, "", [_well(3, depth="9.75"), _well(2000)], removes=[["W005"]])
    with store.read() as conn:
        for seq in (1, 2, 3):
            _apply(other, *_share(conn, seq, lambda values: True))
    assert _ids(other) == _ids(store) and len(_ids(other)) == 1200
    with store.read() as ours, other.read() as theirs:
        mine, yours = rows.load_table(ours, ID), rows.load_table(theirs, ID)
        assert list(rows.base_rows(ours, mine)) == list(rows.base_rows(theirs, yours))
        assert (yours.seq, yours.count, yours.box) == (mine.seq, mine.count, mine.box)


def test_a_share_with_holes_is_proved_kept_and_passed_on(store, other):
    with store.write() as tx:
        rows.put(tx, ID, "", RowChanges(puts=[_well(n) for n in range(10)], **SCHEMA))
    with store.read() as conn:
        share = _share(conn, 1, lambda values: values["division"] == "510107")
    _apply(other, *share)
    assert _ids(other) == [f"W{n:03d}" for n in range(1, 10, 2)]
    with other.read() as conn:
        head, members = rows.batch_rows(conn, ID, "", 1)
    holes = [[member.place, b64(member.leaf)] for member in members if member.place is not None]
    put = [[b64(member.salt), member.key, member.row] for member in members if member.place is None]
    assert len(holes) == 5
    verify_rows(parse_head(head), put, [], holes)  # the relay proves its share as it got it
    one = put[0]
    hidden = row_leaf(bytes(next(member.salt for member in members if member.key == one[1])), one[2])
    places = sorted(set(range(10)) - {place for place, _ in holes})
    narrower = sorted([*holes, [places[0], b64(hidden)]])
    verify_rows(parse_head(head), put[1:], [], narrower)  # and a narrower one


def test_a_row_that_leaves_the_share_goes_without_proof(store, other):
    with store.write() as tx:
        rows.put(tx, ID, "", RowChanges(puts=[_well(1), _well(3)], **SCHEMA))
    with store.write() as tx:
        rows.apply_changes(tx, ID, "", [_well(1, division="510104")])
    with store.read() as conn:
        _apply(other, *_share(conn, 1, lambda values: True))
        head, members = rows.batch_rows(conn, ID, "", 2)
    assert orjson.loads(members[0].before_row)["division"] == "510107"
    _apply(other, head, [], [[None, '["W001"]']], [[0, b64(members[0].leaf)]])
    assert _ids(other) == ["W003"]


def test_a_base_resets_and_the_next_batch_follows_it(store, other):
    with store.write() as tx:
        rows.put(tx, ID, "", RowChanges(puts=[_well(n) for n in range(30)], **SCHEMA))
    with store.write() as tx:
        rows.apply_changes(tx, ID, "", [_well(2, depth=99)], removes=[["W007"]])
    with other.write() as tx:
        rows.put(tx, ID, "", RowChanges(puts=[_well(900)]))
    with store.read() as conn:
        table = rows.load_table(conn, ID)
        head = rows.base_head(conn, table)
        base = [(key, salt, row) for key, salt, row, _ in rows.base_rows(conn, table)]
    verify_rows(parse_head(head), [[b64(salt), key, row] for key, salt, row in base], [], [])
    with other.write() as tx:
        rows.reset(tx, ID, "", head, base)
    assert _ids(other) == _ids(store)
    with store.write() as tx:
        rows.apply_changes(tx, ID, "", [_well(3, depth=0)])
    with store.read() as conn:
        third = _share(conn, 3, lambda values: True)
        _apply(other, *third)
    with store.read() as ours, other.read() as theirs:
        assert list(rows.base_rows(ours, rows.load_table(ours, ID))) == list(rows.base_rows(theirs, rows.load_table(theirs, ID)))
        assert orjson.loads(third[0])["prev"] == rows.next_prev(head)


def test_a_base_says_which_rows_a_policy_lets_through(store):
    with store.write() as tx:
        rows.put(tx, ID, "", RowChanges(puts=[_well(n) for n in range(4)], **SCHEMA))
    with store.read() as conn:
        table = rows.load_table(conn, ID)
        assert [visible for *_, visible in rows.base_rows(conn, table, table.sql.c.division == "510107")] == [False, True, False, True]


def test_batches_out_of_order_are_refused(store, other):
    for n in (1, 2, 3):
        with store.write() as tx:
            rows.put(tx, ID, "", RowChanges(puts=[_well(n)], **SCHEMA))
    with store.read() as conn:
        shares = [_share(conn, seq, lambda values: True) for seq in (1, 2, 3)]
    with pytest.raises(RowsError, match="does not follow"):
        _apply(other, *shares[1])
    _apply(other, *shares[0])
    for wrong in (shares[0], shares[2]):
        with pytest.raises(RowsError, match="does not follow"):
            _apply(other, *wrong)
    assert _ids(other) == ["W001"]


def test_a_forged_row_leads_to_another_root(store):
    with store.write() as tx:
        rows.put(tx, ID, "", RowChanges(puts=[_well(1), _well(2)], **SCHEMA))
    with store.read() as conn:
        head, put, remove, holes = _share(conn, 1, lambda values: True)
    put[0][2] = put[0][2].replace('"depth":"1"', '"depth":"2"')
    with pytest.raises(BatchError):
        verify_rows(parse_head(head), put, remove, holes)


@pytest.mark.parametrize(
    ("key", "row"),
    [
        ('["W001"]', '{"colour":"red","well":"W001"}'),
        ('["W001"]', '{"well":"W002"}'),
        ('["W001"]', '{"depth":1,"well":"W001"}'),
        ('["W001"]', '{"geometry":"AAAA","well":"W001"}'),
        ('["W001"]', "[]"),
        ('["W001"]', '{"depth":"1.50","well":"W001"}'),
    ],
)
def test_a_proved_row_that_does_not_fit_its_record_is_refused(other, key, row):
    with pytest.raises(RowsError) as caught, other.write() as tx:
        rows.apply_received(tx, ID, "", orjson.dumps({"seq": 1, "base": False}).decode(), [(key, bytes(16), row)], [], [])
    assert caught.value.zh and _ids(other) == []


def test_the_table_follows_from_the_record():
    fields = {
        "items": [column.as_item() for column in COLUMNS],
        "resources.a": {"rows": True, "key": ["well"], "geometry": "point"},
        "variants.grid": {"items": [{"name": "cell", "type": "text"}], "key": ["cell"]},
    }
    schema = rows.record_schema(fields)
    assert schema == rows.RowSchema(COLUMNS, ("well",), "point")
    assert rows.record_schema(fields, "grid") == rows.RowSchema((Column("cell", "text"),), ("cell",), None)
    assert rows.record_schema({"items": fields["items"]}) is None and rows.record_schema({}, "other") is None
