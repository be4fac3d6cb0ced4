"""FES filters and CQL of CSW clients become the right conditions; what cannot be applied is refused in words."""

import pytest
from lxml import etree

from catalog.errors import FilterError, UnknownColumnError
from catalog.filters import And, AnyText, Between, Compare, Expr, In, IsNull, Moment, Not, Or, Spatial
from ogc.csw import names
from ogc.errors import FilterSyntaxError
from ogc.filters import cql2_text, fes

OGC = 'xmlns:ogc="http://www.opengis.net/ogc" xmlns:gml="http://www.opengis.net/gml"'
FES = 'xmlns:fes="http://www.opengis.net/fes/2.0" xmlns:gml="http://www.opengis.net/gml/3.2"'
DAY = Moment(1_704_067_200, True)


def read(body: str) -> Expr:
    return names.condition(fes.parse_text(f"<ogc:Filter {OGC}>{body}</ogc:Filter>", names.resolve, names.IDS))


def read2(body: str) -> Expr:
    return names.condition(fes.parse_text(f"<fes:Filter {FES}>{body}</fes:Filter>", names.resolve, names.IDS))


def compare(op: str, name: str, value: str, attributes: str = "") -> str:
    body = f"<ogc:PropertyName>{name}</ogc:PropertyName><ogc:Literal>{value}</ogc:Literal>"
    return f"<ogc:PropertyIs{op} {attributes}>{body}</ogc:PropertyIs{op}>"


LIKE = 'wildCard="%" singleChar="_" escapeChar="\\"'
TYPE = compare("EqualTo", "dc:type", "dataset")
BOX = "<ogc:BBOX><ogc:PropertyName>ows:BoundingBox</ogc:PropertyName>{}</ogc:BBOX>"
ENVELOPE = "<gml:Envelope{}><gml:lowerCorner>{}</gml:lowerCorner><gml:upperCorner>{}</gml:upperCorner></gml:Envelope>"
KIND = Compare("kind", "=", "dataset")


@pytest.mark.parametrize(
    ("body", "tree"),
    [
        (TYPE, KIND),
        (compare("Like", "csw:AnyText", "%land%", LIKE), AnyText("land")),
        (compare("Like", "csw:AnyText", "*宗地*", 'wildCard="*" singleChar="#" escapeChar="!"'), AnyText("宗地")),
        (compare("EqualTo", "AnyText", "a b"), AnyText("a b")),
        (compare("Like", "apiso:Title", "Parcel%", LIKE), AnyText("Parcel", ("title",))),
        (compare("NotEqualTo", "dc:title", "x"), Not(AnyText("x", ("title",)))),
        (compare("GreaterThanOrEqualTo", "dct:modified", "2024-01-01"), Compare("modified", ">=", DAY)),
        (compare("LessThan", "apiso:Modified", "2024-01-01T00:00:00Z"), Compare("modified", "<", Moment(1_704_067_200))),
        (compare("EqualTo", "dc:identifier", "urn:terrace:x"), Compare("id", "=", "urn:terrace:x")),
        (compare("EqualTo", "dc:subject", "土地"), Or((In("keyword", ("土地",)), In("theme", ("land",))))),
        (compare("Like", "dc:type", "dataset", LIKE), KIND),
        ("<ogc:PropertyIsNull><ogc:PropertyName>dc:format</ogc:PropertyName></ogc:PropertyIsNull>", IsNull("format")),
        (f"<ogc:Not>{TYPE}</ogc:Not>", Not(KIND)),
        (f"<ogc:Or><ogc:And>{TYPE}{TYPE}</ogc:And><ogc:And>{TYPE}{TYPE}</ogc:And></ogc:Or>", Or((And((KIND, KIND)), And((KIND, KIND))))),  # breaks stock pycsw
        (
            "<ogc:PropertyIsBetween><ogc:PropertyName>dct:modified</ogc:PropertyName><ogc:LowerBoundary><ogc:Literal>2024-01-01</ogc:Literal></ogc:LowerBoundary>"
            "<ogc:UpperBoundary><ogc:Literal>2024-01-01</ogc:Literal></ogc:UpperBoundary></ogc:PropertyIsBetween>",
            Between("modified", DAY, DAY),
        ),
        ('<ogc:FeatureId fid="urn:terrace:a"/><ogc:FeatureId fid="urn:terrace:b"/>', In("id", ("urn:terrace:a", "urn:terrace:b"))),
    ],
)
def test_fes_1_becomes_the_condition_that_it_says(body: str, tree: Expr) -> None:
    assert read(body) == tree


@pytest.mark.parametrize(
    ("srs", "low", "high"),
    [
        ("", "104 30", "105 31"), (' srsName="urn:ogc:def:crs:EPSG::4326"', "30 104", "31 105"), (' srsName="EPSG:4326"', "104 30", "105 31"),
        (' srsName="urn:x-ogc:def:crs:EPSG:6.11:4326"', "30 104", "31 105"), (' srsName="http://www.opengis.net/def/crs/EPSG/0/4490"', "30 104", "31 105"),
        (' srsName="http://www.opengis.net/gml/srs/epsg.xml#4326"', "104 30", "105 31"), (' srsName="urn:ogc:def:crs:OGC:1.3:CRS84"', "104 30", "105 31"),
    ],
)  # fmt: skip
def test_envelopes_are_read_in_the_axis_order_of_their_crs(srs: str, low: str, high: str) -> None:
    leaf = read(BOX.format(ENVELOPE.format(srs, low, high)))
    assert isinstance(leaf, Spatial) and leaf.box == (104, 30, 105, 31) and leaf.is_box and leaf.column == "bbox"


def test_fes_2_and_its_operators() -> None:
    value = "<fes:ValueReference>dct:modified</fes:ValueReference>"
    period = '<gml:TimePeriod gml:id="p"><gml:beginPosition>2024-01-01</gml:beginPosition><gml:endPosition>2024-01-01</gml:endPosition></gml:TimePeriod>'
    inside = And((Compare("modified", ">=", DAY), Compare("modified", "<=", DAY)))
    assert read2(f"<fes:During>{value}{period}</fes:During>") == inside
    instant = '<gml:TimeInstant gml:id="i"><gml:timePosition>2024-01-01</gml:timePosition></gml:TimeInstant>'
    assert read2(f"<fes:After>{value}{instant}</fes:After>") == Compare("modified", ">", DAY)
    assert read2('<fes:ResourceId rid="urn:terrace:a"/>') == In("id", ("urn:terrace:a",))
    box = "<gml:Envelope><gml:lowerCorner>104 30</gml:lowerCorner><gml:upperCorner>105 31</gml:upperCorner></gml:Envelope>"
    assert isinstance(read2(f"<fes:BBOX>{box}</fes:BBOX>"), Spatial)


def test_a_box_over_the_antimeridian_is_two_boxes() -> None:
    found = read(BOX.format(ENVELOPE.format("", "170 -10", "-170 10")))
    assert isinstance(found, Or) and [part.box for part in found.parts if isinstance(part, Spatial)] == [(170, -10, 180, 10), (-180, -10, -170, 10)]


def test_cql_text_goes_the_same_way() -> None:
    tree = names.condition(cql2_text.parse("csw:AnyText LIKE '%land%' AND dc:type = 'dataset' OR dct:modified > '2024-01-01'"))
    assert tree == Or((And((AnyText("land"), KIND)), Compare("modified", ">", DAY)))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", FilterSyntaxError), ("<ogc:And/>", FilterSyntaxError), (compare("EqualTo", "secret_field", "x"), UnknownColumnError),
        (compare("EqualTo", "dct:modified", "soon"), FilterSyntaxError), (compare("GreaterThan", "dc:title", "x"), FilterError),
        (compare("Like", "dc:type", "data%", LIKE), FilterError), (compare("EqualTo", "ows:BoundingBox", "x"), FilterError),
        ("<ogc:DWithin/>", FilterSyntaxError), (BOX.format(ENVELOPE.format("", "104", "105")), FilterSyntaxError),
        (BOX.format(ENVELOPE.format(' srsName="EPSG:2154"', "1 1", "2 2")), FilterError), (BOX.format("<gml:Ring/>"), FilterError),
        (BOX.format("<gml:Point><gml:pos>104 30</gml:pos></gml:Point>"), FilterError), (BOX.format(ENVELOPE.format("", "a b", "c d")), FilterSyntaxError),
        ("<ogc:Not>" * 60 + TYPE + "</ogc:Not>" * 60, FilterSyntaxError), ("<ogc:Or>" + TYPE * 2000 + "</ogc:Or>", FilterError),
    ],
)  # fmt: skip
def test_what_cannot_be_applied_is_refused(body: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        read(body)


def test_attack_entities_are_neither_read_nor_expanded() -> None:
    condition = "<Filter><PropertyIsEqualTo><PropertyName>dc:type</PropertyName><Literal>&x;</Literal></PropertyIsEqualTo></Filter>"
    outside = f'<!DOCTYPE f [<!ENTITY x SYSTEM "file:///etc/hostname">]>{condition}'
    bomb = f'<!DOCTYPE f [<!ENTITY a "aaaaaaaaaa"><!ENTITY x "&a;&a;&a;&a;&a;&a;&a;&a;">]>{condition}'
    for text in (outside, bomb, "not xml", "<open>"):
        try:
            found = fes.parse_text(text, names.resolve, names.IDS)
        except (FilterSyntaxError, etree.XMLSyntaxError):
            continue
        assert found == Compare("kind", "=", "")  # the entity is left out, never expanded
