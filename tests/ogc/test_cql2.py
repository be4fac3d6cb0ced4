"""CQL2 text and JSON: what clients write becomes the right tree, and what cannot be read is refused with the place."""

import pytest
import shapely

from catalog.errors import FilterError
from catalog.filters import And, Between, Compare, Constant, Expr, In, IsNull, Like, Moment, Not, Or, Spatial, Temporal
from ogc import crs
from ogc.errors import FilterSyntaxError
from ogc.filters import cql2_json, cql2_text

A, B, C = Compare("a", "=", 1), Compare("b", "=", 2), Compare("c", "=", 3)
DAY = Moment(1_704_067_200, True)

TEXT: list[tuple[str, Expr]] = [
    ("a=1", A),
    ("a = 1 AND b = 2 OR c = 3", Or((And((A, B)), C))),  # the toy parsers of other servers misread this
    ("a=1 or b=2 and c=3", Or((A, And((B, C))))),
    ("NOT (a=1 OR b=2)", Not(Or((A, B)))),
    ("NOT NOT a=1", Not(Not(A))),
    ("((a=1))", A),
    ("1 < a", Compare("a", ">", 1)),
    ("a >= -1.5e2", Compare("a", ">=", -150.0)),
    ("name = 'it''s'", Compare("name", "=", "it's")),
    ("\"quoted name\" <> '地質'", Compare("quoted name", "<>", "地質")),
    ("valid = true", Compare("valid", "=", True)),
    ("true AND a=1", And((Constant(True), A))),
    ("name LIKE '地%'", Like("name", "地%")),
    ("name NOT LIKE '_x'", Not(Like("name", "_x"))),
    ("name ILIKE 'Wu%'", Like("name", "Wu%", True)),
    ("CASEI(name) LIKE CASEI('Wu%')", Like("name", "Wu%", True)),
    ("CASEI(name) = 'wuhou'", Compare("name", "=", "wuhou", True)),
    ("a BETWEEN 1 AND 2 AND b=2", And((Between("a", 1, 2), B))),
    ("a NOT BETWEEN 1 AND 2", Not(Between("a", 1, 2))),
    ("a IN (1, 2)", In("a", (1, 2))),
    ("a NOT IN ('x')", Not(In("a", ("x",)))),
    ("a IS NULL", IsNull("a")),
    ("a IS NOT NULL", Not(IsNull("a"))),
    ("seen = DATE('2024-01-01')", Compare("seen", "=", DAY)),
    ("seen > TIMESTAMP('2024-01-01T08:00:00+08:00')", Compare("seen", ">", Moment(1_704_067_200))),
    ("T_AFTER(seen, DATE('2024-01-01'))", Temporal("after", "seen", DAY, DAY)),
    ("T_AFTER(DATE('2024-01-01'), seen)", Temporal("before", "seen", DAY, DAY)),
    ("T_DURING(seen, INTERVAL('2024-01-01', '..'))", Temporal("during", "seen", DAY, None)),
    ("dc:title = 'x'", Compare("dc:title", "=", "x")),
]


@pytest.mark.parametrize(("text", "tree"), TEXT, ids=[t for t, _ in TEXT])
def test_text_is_read_as_the_norm_says(text: str, tree: Expr) -> None:
    assert cql2_text.parse(text) == tree


BBOX = "S_INTERSECTS(geometry, BBOX(104, 30, 105, 31))"


def spatial(text: str, reference: crs.Reference | None = None) -> Spatial:
    leaf = cql2_text.parse(text, reference)
    assert isinstance(leaf, Spatial)
    return leaf


def test_spatial_functions_take_boxes_and_wkt() -> None:
    assert spatial(BBOX).box == (104, 30, 105, 31) and spatial(BBOX).is_box
    polygon = spatial("S_WITHIN(geometry, POLYGON((104 30, 105 30, 105 31, 104 30)))")
    assert polygon.op == "within" and shapely.from_wkb(polygon.geometry).equals(shapely.from_wkt("POLYGON((104 30, 105 30, 105 31, 104 30))"))
    assert spatial("S_WITHIN(POINT(104 30), geometry)").op == "contains"
    assert spatial("BBOX(ows:BoundingBox, 104, 30, 105, 31, 'EPSG:4326')").column == "ows:BoundingBox"
    assert spatial("S_INTERSECTS(geometry, POINT Z (104 30 500))").box == (104, 30, 104, 30)


def test_a_box_over_the_antimeridian_becomes_two() -> None:
    leaf = spatial("S_INTERSECTS(geometry, BBOX(170, -10, -170, 10))")
    assert not leaf.is_box and shapely.from_wkb(leaf.geometry).geom_type == "MultiPolygon" and leaf.box == (-180, -10, 180, 10)


def test_geometries_follow_filter_crs_with_the_axis_order_of_the_registry() -> None:
    cgcs = crs.read_reference("http://www.opengis.net/def/crs/EPSG/0/4490")
    assert spatial("S_INTERSECTS(geometry, POINT(30 104))", cgcs).box == (104, 30, 104, 30)
    assert spatial("S_INTERSECTS(geometry, BBOX(30, 104, 31, 105))", cgcs).box == (104, 30, 105, 31)
    zone = crs.read_reference("http://www.opengis.net/def/crs/EPSG/0/4544")  # CGCS2000 / 3-degree Gauss-Kruger CM 105E: northing, easting
    leaf = spatial("S_INTERSECTS(geometry, POINT(3320113 500000))", zone)
    assert leaf.box == pytest.approx((105, 30, 105, 30), abs=1e-3)


JSON: list[tuple[str, Expr]] = [
    ('{"op":"=","args":[{"property":"a"},1]}', A),
    (
        '{"op":"and","args":[{"op":"=","args":[{"property":"a"},1]},{"op":"not","args":[{"op":"isNull","args":[{"property":"b"}]}]}]}',
        And((A, Not(IsNull("b")))),
    ),
    ('{"op":"like","args":[{"op":"casei","args":[{"property":"n"}]},"X%"]}', Like("n", "X%", True)),
    ('{"op":"between","args":[{"property":"a"},1,2]}', Between("a", 1, 2)),
    ('{"op":"in","args":[{"property":"a"},["x","y"]]}', In("a", ("x", "y"))),
    ('{"op":"t_during","args":[{"property":"t"},{"interval":["2024-01-01",".."]}]}', Temporal("during", "t", DAY, None)),
    ('{"op":">","args":[{"property":"t"},{"date":"2024-01-01"}]}', Compare("t", ">", DAY)),
]


@pytest.mark.parametrize(("data", "tree"), JSON, ids=[str(i) for i in range(len(JSON))])
def test_json_gives_the_same_trees(data: str, tree: Expr) -> None:
    assert cql2_json.parse(data) == tree


def test_json_takes_geojson_and_bbox() -> None:
    point = cql2_json.parse('{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Point","coordinates":[104,30]}]}')
    box = cql2_json.parse('{"op":"s_intersects","args":[{"property":"geometry"},{"bbox":[104,30,105,31]}]}')
    assert isinstance(point, Spatial) and point.box == (104, 30, 104, 30)
    assert box == cql2_text.parse(BBOX)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a = ", "at character 5"),
        ("a == 1", "at character 4"),
        ("a = 'x", "at character 5"),
        ("(a = 1", "at character 7"),
        ("a = 1 b = 2", "at character 7"),
        ("a", "at character 2"),
        ("", "at character 1"),
        ("a = b", "two properties"),
        ("1 = 1", "one side must be a property"),
        ("a LIKE 5", "text pattern"),
        ("a + 1 = 2", "at character 3"),
        ("SQRT(a) = 2", "not supported"),
        ("a = DATE('yesterday')", "RFC 3339"),
        ("a = DATE('2024-02-30')", "RFC 3339"),
        ("T_DURING(t, INTERVAL('2024-02-01','2024-01-01'))", "ends before"),
        ("T_MEETS(t, DATE('2024-01-01'))", "does not apply"),
        ("S_INTERSECTS(geometry, POLYGON((0 0, 1 1)))", "cannot be read"),
        ("S_INTERSECTS(geometry, POLYGON((0 0, 1 1, 0 1, 1 0, 0 0)))", "not valid"),
        ("S_INTERSECTS(geometry, BBOX(1, 2, 3))", "4 or 6"),
        ("S_INTERSECTS(geometry, BBOX(30, 104, 31, 105))", "axis order"),
        ("S_INTERSECTS(geometry, 5)", "geometry is expected"),
        ("a = 1; DROP TABLE record", "cannot read ';"),
        ("a = \x00", "cannot read"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(text: str, place: str) -> None:
    with pytest.raises(FilterSyntaxError, match=place):
        cql2_text.parse(text)


BAD_JSON = [
    "",
    "[]",
    "{}",
    '{"op":"="}',
    '{"op":"xor","args":[]}',
    '{"op":"and","args":[true]}',
    '{"op":"in","args":[{"property":"a"},1]}',
    '{"op":"=","args":[{"property":"a"},{"x":1}]}',
    '{"op":"s_intersects","args":[{"property":"g"},{"type":"Point","coordinates":["a"]}]}',
]


@pytest.mark.parametrize("data", BAD_JSON)
def test_json_that_is_no_filter_is_refused(data: str) -> None:
    with pytest.raises(FilterSyntaxError):
        cql2_json.parse(data)


def test_attack_deep_and_huge_filters_cost_little_and_are_refused() -> None:
    for text in ("(" * 10_000, "NOT " * 4_000 + "a=1", "a=1" + " OR a=1" * 2_000, "x" * 30_000, "a IN (" + ",".join("1" * 2_000) + ")"):
        with pytest.raises((FilterError, FilterSyntaxError)) as caught:
            cql2_text.parse(text + " ")
        assert len(str(caught.value)) < 300
    deep = '{"op":"not","args":[' * 200 + "true" + "]}" * 200
    with pytest.raises(FilterSyntaxError, match="deeply"):
        cql2_json.parse(deep)
