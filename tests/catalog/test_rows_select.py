"""Reading rows: what a view hides cannot be asked about; filters, boxes, sorting and paging give what a plain scan in Python gives, on both engines."""

import functools

import orjson
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from catalog import rows
from catalog.errors import FilterError, NotFoundError, QueryError, UnknownColumnError
from catalog.filters import And, Compare, In, IsNull, Like, Moment, Not, Or, Spatial
from catalog.rows import Ask, Column, RowChanges, View

ID = "urn:terrace:01234567-89ab-8def-8123-456789abcdef"
COLUMNS = (
    Column("parcel", "text"),
    Column("area", "decimal"),
    Column("floor", "integer"),
    Column("surveyed", "date"),
    Column("at", "datetime"),
    Column("owner_id", "text"),
    Column("division", "text"),
    Column("geometry", "geometry"),
)


def _row(n):
    return {
        "parcel": f"P{n:03d}",
        "area": None if n % 7 == 0 else n * 0.5,
        "floor": n % 5,
        "surveyed": f"2024-{n % 12 + 1:02d}-15",
        "at": f"2024-01-01T00:{n % 60:02d}:00Z",
        "owner_id": f"o{n % 3}",
        "division": "510107" if n % 2 else "510104",
        "geometry": None if n % 11 == 0 else shapely.Point(100 + n % 20, 30 + n // 20).buffer(0.3, quad_segs=2),
    }


DATA = [_row(n) for n in range(200)]


@pytest.fixture
def table(store):
    with store.write() as tx:
        rows.put(tx, ID, "", RowChanges(puts=DATA, columns=COLUMNS, key=["parcel"], geometry="polygon"))
    with store.read() as conn:
        yield conn, rows.load_table(conn, ID)


@pytest.fixture
def postgis(store):
    """PostGIS in the database, where it is PostgreSQL: exact tests as on SQLite."""
    with store.write() as tx:
        if tx.conn.dialect.name != "sqlite":
            if tx.conn.execute(text("SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'")).first() is None:
                pytest.skip("this PostgreSQL server has no PostGIS")
            tx.conn.execute(text("CREATE EXTENSION postgis"))


def _ids(page):
    return [orjson.loads(each)["id"] for each in page.rows]


def _features(table, ask, view=None):
    conn, found = table
    return rows.select_features(conn, found, view or View.whole(found), ask)


def test_pages_go_through_all_rows_once_in_the_order_of_the_key(table):
    seen, after = [], None
    while True:
        page = _features(table, Ask(limit=17, after=after))
        seen += _ids(page)
        if page.next is None:
            break
        after = page.next
    assert seen == [row["parcel"] for row in DATA]


@pytest.mark.parametrize(
    "sort",
    [
        (("area", False),),
        (("area", True),),
        (("floor", True), ("area", False)),
        (("surveyed", False),),
        (("at", True),),
        (("owner_id", False), ("parcel", True)),
    ],
)
def test_sorted_pages_go_through_all_rows_once_with_nulls_last(table, sort):
    seen, after = [], None
    while True:
        page = _features(table, Ask(limit=23, after=after, sort=sort))
        seen += _ids(page)
        if page.next is None:
            break
        after = page.next

    def before(a, b):
        for name, down in (*sort, ("parcel", False)):
            x, y = a[name], b[name]
            if x == y:
                continue
            if x is None or y is None:
                return 1 if x is None else -1
            return (1 if x > y else -1) * (-1 if down else 1)
        return 0

    assert seen == [row["parcel"] for row in sorted(DATA, key=functools.cmp_to_key(before))]


def test_a_cursor_goes_on_after_its_row_was_removed(store, table):
    page = _features(table, Ask(limit=10))
    with store.write() as tx:
        rows.apply_changes(tx, ID, "", removes=[["P009"]])
    with store.read() as conn:
        found = rows.load_table(conn, ID)
        assert _ids(rows.select_features(conn, found, View.whole(found), Ask(limit=2, after=page.next))) == ["P010", "P011"]


def test_a_cursor_tells_only_what_was_shown(table):
    _conn, found = table
    hidden = View.whole(found)
    some = View(hidden.columns, policy=found.sql.c.owner_id == "o1")
    other = View(hidden.columns, policy=found.sql.c.parcel.in_([row["parcel"] for row in DATA if row["owner_id"] == "o1"][:40]))
    assert _features(table, Ask(limit=10), some).next == _features(table, Ask(limit=10), other).next


@pytest.mark.parametrize("cursor", ["", "!", "AAAA", "W10", "WyJhIl0", "WyJbXCJhXCIsMV0iXQ", "WzFd", "W1siYSJdXQ"])
def test_a_cursor_that_we_did_not_write_is_refused(table, cursor):
    for sort in ((), (("area", False),)):
        with pytest.raises(QueryError):
            _features(table, Ask(after=cursor, sort=sort))


BOXES = [
    (99.5, 29.5, 103.2, 31.2),
    (-180, -90, 180, 90),
    (104.1, 30, 104.2, 30.1),
    (170, 30, 101, 31),
    (0, 0, 1, 1),
    (104.25, 30.25, 104.29, 30.29),
    (119, 39, 119, 39),
]


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("selective", [2000, 3])
def test_a_box_finds_what_meets_it(postgis, table, box, selective, monkeypatch):
    _check_box(table, box, selective, monkeypatch, exact=True)


@pytest.mark.parametrize("box", BOXES)
def test_without_postgis_a_box_is_compared_with_boxes(table, box, monkeypatch):
    _check_box(table, box, 2000, monkeypatch, exact=table[0].dialect.name == "sqlite")


def _check_box(table, box, selective, monkeypatch, *, exact):
    from catalog.rows import pages

    monkeypatch.setattr(pages, "SELECTIVE", selective)
    conn, found = table
    west, south, east, north = box
    parts = [shapely.box(*box)] if west <= east else [shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)]

    def meets(shape):
        if shape is None:
            return False
        return any(part.intersects(shape) if exact else shapely.box(*shape.bounds).intersects(part) for part in parts)

    expected = [row["parcel"] for row in DATA if meets(row["geometry"])]
    pages_cache = pages._near_numbers
    pages_cache.cache_clear()
    try:
        assert _ids(_features(table, Ask(bbox=box, limit=500))) == expected
        assert _ids(_features(table, Ask(bbox=box, limit=500, sort=(("floor", False),)))) == [
            row["parcel"] for row in sorted((row for row in DATA if row["parcel"] in set(expected)), key=lambda row: (row["floor"], row["parcel"]))
        ]
        assert rows.count_rows(conn, found, View.whole(found), Ask(bbox=box)) == len(expected)
    finally:
        pages_cache.cache_clear()


def test_a_hidden_geometry_cannot_be_asked_about(table):
    conn, found = table
    view = View(View.whole(found).columns, geometry=False)
    with pytest.raises(UnknownColumnError):
        _features(table, Ask(bbox=(0, 0, 1, 1)), view)
    with pytest.raises(UnknownColumnError):
        _features(table, Ask(where=Spatial("intersects", "geometry", bytes(shapely.to_wkb(shapely.box(0, 0, 1, 1))), (0, 0, 1, 1), True)), view)
    assert all(orjson.loads(each)["geometry"] is None for each in _features(table, Ask(), view).rows)
    assert rows.extent(conn, found, view) is None
    assert rows.get_row(conn, found, view, '["P001"]').geometry is None


def test_a_hidden_column_is_as_if_it_did_not_exist(table):
    view = View(("parcel", "area"))
    for ask in (
        Ask(where=Compare("owner_id", "=", "o1")),
        Ask(sort=(("owner_id", False),)),
        Ask(during=("at", 0, None)),
        Ask(where=Compare("nonsense", "=", "o1")),
        Ask(sort=(("nonsense", True),)),
    ):
        with pytest.raises(UnknownColumnError) as caught:
            _features(table, ask, view)
        assert type(caught.value) is UnknownColumnError
    assert orjson.loads(_features(table, Ask(limit=1), view).rows[0])["properties"] == {"parcel": "P000", "area": None}


def test_a_masked_column_shows_its_mask_and_cannot_be_filtered(table):
    conn, found = table
    whole = View.whole(found)
    view = View(whole.columns, filterable=frozenset(whole.columns) - {"owner_id"}, change=lambda values: {**values, "owner_id": "*"})
    assert {orjson.loads(each)["properties"]["owner_id"] for each in _features(table, Ask(), view).rows} == {"*"}
    assert rows.get_row(conn, found, view, '["P001"]').values["owner_id"] == "*"
    assert {row.values["owner_id"] for row in rows.select_rows(conn, found, view, Ask()).rows} == {"*"}
    with pytest.raises(UnknownColumnError):
        _features(table, Ask(where=Compare("owner_id", "=", "o1")), view)


def test_rows_that_the_policy_hides_are_not_there(table):
    conn, found = table
    view = View(View.whole(found).columns, policy=found.sql.c.division == "510107")
    shown = [row["parcel"] for row in DATA if row["division"] == "510107"]
    assert _ids(_features(table, Ask(limit=500), view)) == shown
    assert rows.count_rows(conn, found, view, Ask()) == len(shown)
    for key in ('["P000"]', '["P999"]', "nonsense"):
        with pytest.raises(NotFoundError):
            rows.get_row(conn, found, view, key)
    assert rows.get_row(conn, found, view, '["P001"]').values["parcel"] == "P001"
    assert rows.extent(conn, found, view) != rows.extent(conn, found, View.whole(found))


def test_values_and_geometry_of_single_rows(table):
    conn, found = table
    row = rows.get_row(conn, found, View.whole(found), '["P003"]')
    assert row.values == {
        "parcel": "P003",
        "area": "1.5",
        "floor": 3,
        "surveyed": "2024-04-15",
        "at": "2024-01-01T00:03:00Z",
        "owner_id": "o0",
        "division": "510107",
    }
    assert shapely.from_geojson(row.geometry).equals(DATA[3]["geometry"])
    assert rows.get_row(conn, found, View.whole(found), '["P003"]', with_geometry=False).geometry is None
    assert rows.get_row(conn, found, View.whole(found), '["P000"]').geometry is None


def test_time(table):
    conn, found = table

    def during(name, first, last):
        return {row.values["parcel"] for row in rows.select_rows(conn, found, View.whole(found), Ask(during=(name, first, last), limit=500)).rows}

    start = 1704067200  # 2024-01-01T00:00:00Z
    assert during("at", start + 120, start + 180) == {row["parcel"] for row in DATA if row["at"][14:16] in ("02", "03")}
    assert during("at", None, start) == {row["parcel"] for row in DATA if row["at"][14:16] == "00"}
    assert during("surveyed", start, start + 40 * 86400) == {row["parcel"] for row in DATA if row["surveyed"] in ("2024-01-15",)}
    assert during("surveyed", None, None) == {row["parcel"] for row in DATA}
    with pytest.raises(QueryError):
        during("floor", 0, None)


def test_ids_of_features_lead_back_to_their_keys(store):
    columns = (Column("code", "text"), Column("year", "integer"), Column("day", "date"))
    with store.write() as tx:
        rows.put(
            tx,
            ID,
            "",
            RowChanges(
                puts=[{"code": "a~%b", "year": 2024, "day": "2024-01-02"}, {"code": "王", "year": -1, "day": "2024-01-02"}],
                columns=columns,
                key=["code", "year", "day"],
            ),
        )
        rows.put(tx, ID, "n", RowChanges(puts=[{"year": n, "code": "x"} for n in (10, 9, 100)], columns=columns[:2], key=["year"]))
    with store.read() as conn:
        for table in rows.tables_of(conn, ID):
            for feature in rows.select_features(conn, table, View.whole(table), Ask()).rows:
                name = str(orjson.loads(feature)["id"])
                key = rows.key_of_feature(table, name)
                assert str(rows.feature_id(key)) == name
                rows.get_row(conn, table, View.whole(table), key)
            for nonsense in ("", "a", "a~b", "x~y~z", "1.5", "é" * 300):
                with pytest.raises(NotFoundError):
                    rows.get_row(conn, table, View.whole(table), rows.key_of_feature(table, nonsense))
        numbers = rows.load_table(conn, ID, "n")
        page = rows.select_features(conn, numbers, View.whole(numbers), Ask(limit=2))
        assert _ids(page) == [9, 10]  # in the order of numbers, not of their text
        assert _ids(rows.select_features(conn, numbers, View.whole(numbers), Ask(limit=2, after=page.next))) == [100]


def test_limits_are_kept(table):
    for ask in (Ask(limit=-1), Ask(limit=10_001), Ask(offset=-1)):
        with pytest.raises(QueryError):
            _features(table, ask)
    assert _features(table, Ask(limit=0)).rows == []
    assert _ids(_features(table, Ask(limit=2, offset=3))) == ["P003", "P004"]


def test_what_a_policy_compares(table):
    _conn, found = table
    roles = {"owner": "owner_id", "division": "division", "observed": "surveyed"}
    clauses = rows.row_columns(found, roles)
    for seconds in (1704067200, 1705248000 - 8 * 3600, 1705248000 - 8 * 3600 - 1):
        view = View(("parcel",), policy=clauses["observed"] <= seconds)
        shown = set(_ids(_features(table, Ask(limit=500), view)))
        assert shown == {row["parcel"] for row in DATA if rows.role_values(found, roles, row)["observed"] <= seconds}
    assert rows.role_values(found, {**roles, "observed": "at"}, DATA[1]) == {"owner": "o1", "division": "510107", "observed": 1704067260}
    assert rows.role_values(found, roles, {}) == {"owner": None, "division": None, "observed": None}


def test_a_role_without_a_typed_column_lets_no_row_pass(store):
    columns = tuple(Column(f"c{n}", "text") for n in range(400))
    with store.write() as tx:
        rows.put(tx, ID, "", RowChanges(puts=[{f"c{n}": "x" for n in range(400)}], columns=columns, key=["c399"]))
        table = rows.load_table(tx.conn, ID)
        assert len(_ids(rows.select_features(tx.conn, table, View.whole(table), Ask(where=Compare("c399", "=", "x"))))) == 1
        with pytest.raises(UnknownColumnError):
            rows.select_features(tx.conn, table, View.whole(table), Ask(where=Compare("c398", "=", "x")))
        view = View(("c0",), policy=rows.row_columns(table, {"owner": "c398"})["owner"] == "x")
        assert rows.select_features(tx.conn, table, view, Ask()).rows == []


def test_without_postgis_other_spatial_filters_are_refused_in_words(table):
    conn, _ = table
    leaf = Spatial("crosses", "geometry", bytes(shapely.to_wkb(shapely.box(0, 0, 1, 1))), (0, 0, 1, 1))
    if conn.dialect.name == "sqlite":
        assert _ids(_features(table, Ask(where=leaf))) == []
        return
    with pytest.raises(FilterError, match="PostGIS"):
        _features(table, Ask(where=leaf))


@pytest.mark.parametrize("op", ["intersects", "within", "contains", "disjoint", "equals", "touches", "crosses", "overlaps"])
def test_spatial_filters_say_what_shapely_says(postgis, table, op):
    for shape in (
        shapely.box(99.9, 29.9, 103.3, 31),
        DATA[45]["geometry"],
        shapely.Point(104, 30),
        shapely.LineString([(99, 29), (110, 35)]),
        shapely.Point(103, 32).buffer(0.1),
    ):
        leaf = Spatial(op, "geometry", bytes(shapely.to_wkb(shape, byte_order=1)), shape.bounds)
        truth = {row["parcel"]: getattr(row["geometry"], op)(shape) for row in DATA if row["geometry"] is not None}
        assert set(_ids(_features(table, Ask(where=leaf, limit=500)))) == {name for name, value in truth.items() if value}
        assert set(_ids(_features(table, Ask(where=Not(leaf), limit=500)))) == {name for name, value in truth.items() if not value}


def _truth(expr, row):
    """Three-valued, the definition."""
    if isinstance(expr, Not):
        value = _truth(expr.part, row)
        return None if value is None else not value
    if isinstance(expr, And | Or):
        values = [_truth(part, row) for part in expr.parts]
        wins = isinstance(expr, Or)
        return wins if wins in values else (None if None in values else not wins)
    if isinstance(expr, IsNull):
        return row[expr.column] is None
    value = row[expr.column]
    if value is None:
        return None
    if isinstance(expr, In):
        return value in expr.values
    if isinstance(expr, Like):
        import fnmatch

        return fnmatch.fnmatchcase(value, expr.pattern.replace("%", "*").replace("_", "?"))
    other = expr.value
    if isinstance(other, Moment):
        other = "2024-06-15"
    return {"=": value == other, "<>": value != other, "<": value < other, "<=": value <= other, ">": value > other, ">=": value >= other}[expr.op]


OPS = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
LEAVES = st.one_of(
    st.builds(Compare, st.just("area"), OPS, st.sampled_from([0.0, 3.5, 50.0, 99.5])),
    st.builds(Compare, st.just("floor"), OPS, st.integers(-1, 5)),
    st.builds(Compare, st.just("owner_id"), OPS, st.sampled_from(["o0", "o1", "p"])),
    st.builds(Compare, st.just("surveyed"), OPS, st.just(Moment(1718409600, True))),
    st.builds(In, st.just("division"), st.sampled_from([("510107",), ("510107", "510104"), ()])),
    st.builds(Like, st.just("parcel"), st.sampled_from(["P00%", "%9", "P_5_"])),
    st.builds(IsNull, st.sampled_from(["area", "floor"])),
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
@given(EXPRESSIONS)
def test_filters_equal_their_definition(table, expr):
    assert _ids(_features(table, Ask(where=expr, limit=500))) == [row["parcel"] for row in DATA if _truth(expr, row) is True]
