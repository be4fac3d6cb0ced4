"""Probes made by rule: bisections towards what is hidden, every operator × column × value, every sort, facet and filter. What each finds, its controls show."""

from collections.abc import Iterator
from itertools import product

from tests.leaks.probes import Probe, maybe

type Box = tuple[float, float, float, float]

#: Where the hidden things are (`world`).
RECORD, CARD, ROW, WELL, SHAPE = (120.5, 40.5), (110.5, 20.5), (110.5, 20.5), (110.1234, 20.5678), (110.1, 20.1)


def bisection(at: tuple[float, float], depths: int) -> Iterator[tuple[Box, Box]]:
    """Halves of the world, then of the half that holds a place, and so on, by turns of longitude and latitude: the half with the place, and the other."""
    west, south, east, north = -180.0, -90.0, 180.0, 90.0
    for depth in range(depths):
        if depth % 2 == 0:
            middle = (west + east) / 2
            halves = (west, south, middle, north), (middle, south, east, north)
            here = at[0] >= middle
        else:
            middle = (south + north) / 2
            halves = (west, south, east, middle), (west, middle, east, north)
            here = at[1] >= middle
        yield halves[here], halves[not here]
        west, south, east, north = halves[here]


def boxes(at: tuple[float, float], depths: int) -> Iterator[str]:
    for here, _ in bisection(at, depths):
        yield ",".join(f"{each:g}" for each in here)


def polygon(box: Box) -> str:
    west, south, east, north = (f"{each:.9g}" for each in box)
    return f"POLYGON(({west} {south},{east} {south},{east} {north},{west} {north},{west} {south}))"


# --- OGC API Features ------------------------------------------------------------------------------------------------------------------

_C = "/ogc/collections"
_TEXT_OPS = (
    "{c}='{v}'", "{c}<>'{v}'", "{c} IN ('{v}','-')", "{c} NOT IN ('{v}')", "{c} LIKE '{p}%25'", "{c} LIKE '%25{s}'", "NOT ({c} LIKE '{p}%25')", "{c} ILIKE '{p}_%25'",
    "CASEI({c})=CASEI('{v}')", "{c}>='{v}'", "{c}<'{v}'", "{c} BETWEEN '{v}' AND '{v}'", "{c} IS NULL", "{c}='{v}' OR licence_number='C-2'",
    "{c}='{v}' AND status='active'", "NOT ({c}='{v}' AND status='active')",
)  # fmt: skip
_NUMBER_OPS = (
    "{c}=4242", "{c}<>1000", "{c}>3000", "{c}>=4242", "{c}<2000", "{c}<=1000", "{c} BETWEEN 4000 AND 5000", "{c} NOT BETWEEN 4000 AND 5000", "{c} IN (4242,5)",
    "NOT ({c}=1000)", "{c} IS NOT NULL", "{c}=4242 OR licence_number='C-2'", "{c}>3000 AND status='active'", "{c}<10",
)  # fmt: skip
#: Column → value that only the hidden thing has, how it begins and ends.
_VALUES = {
    "holder": ("王乙", "王", "乙"),
    "mineral": ("{needle_word}", "Zaub", "nadel"),
    "licence_number": ("C-15", "C-1", "15"),
    "status": ("secret", "sec", "ret"),
}
_COLUMNS = (*_VALUES, "reserves", "shape")


def licence_filters() -> Iterator[str]:
    for op, (column, (value, start, end)) in product(_TEXT_OPS, _VALUES.items()):
        yield op.replace("{c}", column).replace("{v}", value).replace("{p}", start).replace("{s}", end)
    for op in _NUMBER_OPS:
        yield op.replace("{c}", "reserves")


def _json_filters() -> Iterator[str]:
    for op, (column, (value, start, _)) in product(("=", "<>", ">", "<=", "like", "in"), _VALUES.items()):
        given = f'"{start}%25"' if op == "like" else f'["{value}"]' if op == "in" else f'"{value}"'
        yield f'{{{{"op":"{op}","args":[{{{{"property":"{column}"}}}},{given}]}}}}'
    for op in ("=", "<>", ">", "<"):
        yield f'{{{{"op":"{op}","args":[{{{{"property":"reserves"}}}},2000]}}}}'


def features() -> Iterator[Probe]:
    licences = f"{_C}/{{licences}}/items"
    for text in licence_filters():
        yield maybe("rcm", f"{licences}?filter={text}")
        yield maybe("rcm", f"{licences}?filter={text}&resulttype=hits")
    for text in _json_filters():
        yield maybe("rcm", f"{licences}?filter-lang=cql2-json&filter={text}")
    for column, sign, limit in product(_COLUMNS, ("", "-"), (1, 2, 10)):
        yield maybe("rcm", f"{licences}?sortby={sign}{column}&limit={limit}")
    for column in _COLUMNS:
        yield maybe("rcm", f"{licences}?properties={column}")
        yield maybe("rcm", f"{licences}?properties={column}&skipGeometry=true&sortby=-licence_number")
    for limit, offset in product((1, 2, 3), (0, 1, 2, 3)):
        yield maybe("rcm", f"{licences}?limit={limit}&offset={offset}")
    for column, (value, _, _) in _VALUES.items():
        yield maybe("rcm", f"{licences}?{column}={value}")
        yield maybe("rcm", f"{licences}?{column}={value}&f=html")
    for layer, finds, at in (("licences", "r", ROW), ("wells", "g", WELL), ("shapes", "g", SHAPE), ("needle", "R", RECORD)):
        items = f"{_C}/{{{layer}}}/items"
        for box in boxes(at, 16):
            yield maybe(finds, f"{items}?bbox={box}")
            yield maybe(finds, f"{items}?bbox={box}&resulttype=hits")
        for here, there in list(bisection(at, 12))[1::3]:
            for shape, op in product((here, there), ("S_INTERSECTS", "S_WITHIN", "S_DISJOINT")):
                yield maybe(finds, f"{items}?filter={op}(shape,{polygon(shape)})")
        for crs in ("EPSG/0/4326", "EPSG/0/3857", "EPSG/0/4490"):
            yield maybe(finds, f"{items}?crs=http://www.opengis.net/def/crs/{crs}")
    for layer, finds in (("needle", "R"), ("listed", "C"), ("wells", "g"), ("shapes", "g")):
        for sort, limit in product(("a", "-a", "shape"), (1, 5)):
            yield maybe(finds, f"{_C}/{{{layer}}}/items?sortby={sort}&limit={limit}")
        for more in (
            "?f=html",
            "/queryables",
            "/schema",
            "/items/1?f=html",
            "/items?properties=a",
            "/items?filter=a IS NOT NULL",
            "/items?f=jsonld",
            "/items?limit=0",
        ):
            yield maybe(finds, f"{_C}/{{{layer}}}{more}")
    for op in ("=4242", ">100", "<100", "<>10", " BETWEEN 20 AND 9000"):
        yield maybe("g", f"{_C}/{{wells}}/items?filter=depth{op}")


# --- CKAN ------------------------------------------------------------------------------------------------------------------------------

_A = "/api/3/action/"
_S = _A + "package_search?rows=50&"
_FACETS = (
    "organization", "owner_org", "tags", "groups", "res_format", "license_id", "kind", "level", "year", "territory", "authority", "sharing_type", "opening", "division",
)  # fmt: skip
#: Filters of datasets that hidden content answers.
_FQ = (
    "groups:administration", "tags:{needle_word}", "kind:map", "year:1999", "territory:510104", "owner_org:11510107MB1234567Q", "res_format:GPKG", "res_format:PDF",
    "license_id:odc-odbl", "notes:{word}", "title:{needle_word}", "name:needle", "metadata_created:[* TO 2000-01-01T00:00:00Z]", "division:510107", "level:county",
    "kind:dataset", "groups:imagery", "groups:wetland", "tags:common",
)  # fmt: skip
WORDS = ("{needle_word}", "Zaubernad", "zauber*", "needle", "{word}", "Quellw*", "made from", "{masked}", "028-4242", "4242", "an edit of the needle")


def ckan() -> Iterator[Probe]:
    for name, limit in product(_FACETS, ("1", "50")):
        yield maybe("RCF", f'{_A}package_search?rows=0&facet.field=["{name}"]&facet.limit={limit}')
        yield maybe("RCF", f'{_A}package_search?rows=0&facet.field=["{name}"]&facet.limit={limit}&fq=-groups:land')
    for text in _FQ:
        for form in (text, f"-{text}", f"{text} OR name:plain-0", f"NOT {text}"):
            yield maybe("RCF", f"{_S}fq={form}")
        yield maybe("RCF", f"{_S}q={text}&rows=0")
    for word in WORDS:
        yield maybe("RCF", f"{_S}q={word}")
        yield maybe("RCF", f"{_A}package_autocomplete?q={word}")
        yield maybe("RF", f"{_A}resource_search?query=name:{word}")
    for name, order, start in product(("name", "title", "metadata_modified", "metadata_created", "score"), ("asc", "desc"), (0, 5)):
        yield maybe("RCF", f"{_S}sort={name} {order}&start={start}")
    for at, finds in ((RECORD, "R"), (CARD, "C")):
        for box in boxes(at, 14):
            yield maybe(finds, f"{_S}ext_bbox={box}")
    for end in range(1, len("zaubernadel") + 1):
        start = "zaubernadel"[:end]
        for action in ("package_autocomplete?q", "tag_autocomplete?query", "tag_list?query", "organization_autocomplete?q", "tag_search?query"):
            yield maybe("R", f"{_A}{action}={start}")
    yield from _datastore()


def _datastore() -> Iterator[Probe]:
    search = _A + "datastore_search?resource_id="
    licences = search + "{licences_uuid}-rows"
    for column, (value, start, _) in _VALUES.items():
        yield maybe("rcm", f'{licences}&filters={{{{"{column}":"{value}"}}}}')
        yield maybe("rcm", f'{licences}&filters={{{{"{column}":["{value}","煤"]}}}}')
        yield maybe("rcm", f'{licences}&filters={{{{"{column}":"{value}"}}}}&limit=0')
        yield maybe("rcm", f"{licences}&q={value}")
        yield maybe("rcm", f"{licences}&q={start}:*&plain=false")
        yield maybe("rcm", f'{licences}&q={{{{"{column}":"{start}"}}}}')
    for column in _COLUMNS:
        for order, limit in product(("asc", "desc"), (1, 10)):
            yield maybe("rcm", f"{licences}&sort={column} {order}&limit={limit}")
        yield maybe("rcm", f"{licences}&fields={column}")
        yield maybe("rcm", f"{licences}&fields={column}&distinct=true")
        yield maybe("rcm", f"{licences}&fields=licence_number&sort={column} desc")
    for limit, offset in product((1, 2), (0, 1, 2, 3)):
        yield maybe("rcm", f"{licences}&limit={limit}&offset={offset}&include_total=true")
    for form, limit in product(("csv", "tsv", "json", "xml"), ("1", "10")):
        for layer, finds in (("licences", "rcm"), ("wells", "g"), ("shapes", "g"), ("listed", "C"), ("needle", "R")):
            yield maybe(finds, f"/datastore/dump/{{{layer}_uuid}}-rows?format={form}&limit={limit}")
    for layer, finds in (("wells", "g"), ("shapes", "g"), ("listed", "C"), ("needle", "R")):
        rows = f"{search}{{{layer}_uuid}}-rows"
        for more in (
            "&sort=a desc",
            "&fields=a",
            "&limit=0",
            "&limit=1&offset=1",
            "&distinct=true&fields=a",
            "&records_format=csv",
            "&q=4242",
            '&filters={{"a":"2"}}',
        ):
            yield maybe(finds, rows + more)


# --- CSW -------------------------------------------------------------------------------------------------------------------------------

_CSW = "/csw/?service=CSW&version=2.0.2&request=GetRecords&typeNames=csw:Record&resultType=results&maxRecords=50&elementSetName="
_NAMES = (
    "csw:AnyText", "dc:title", "dct:alternative", "dct:abstract", "dc:identifier", "dc:type", "dc:subject", "dc:format", "dc:creator", "dc:publisher", "keyword",
    "topicCategory", "organisationName",
)  # fmt: skip
_GMD = "&outputSchema=http://www.isotc211.org/2005/gmd"


def csw() -> Iterator[Probe]:
    values = ("{needle_word}", "{word}", "map", "gpkg", "pdf", "administration", "{masked}")
    for name, value in product(_NAMES, values):
        for op in (f"{name} LIKE '%25{value}%25'", f"{name}='{value}'", f"NOT ({name}='{value}')"):
            yield maybe("RCF", f"{_CSW}full&constraintLanguage=CQL_TEXT&constraint={op}")
    for at, finds in ((RECORD, "R"), (CARD, "C")):
        for west, south, east, north in (here for here, _ in bisection(at, 14)):
            box = f"BBOX(ows:BoundingBox,{west:g},{south:g},{east:g},{north:g})"
            yield maybe(finds, f"{_CSW}brief&constraintLanguage=CQL_TEXT&constraint={box}")
            yield maybe(finds, f"{_CSW}full{_GMD}&constraintLanguage=CQL_TEXT&constraint=NOT {box}")
    for sort, order, size in product(("dc:title", "dct:modified", "dc:date"), "AD", ("brief", "summary", "full")):
        yield maybe("RCF", f"{_CSW}{size}&sortBy={sort}:{order}")
        yield maybe("RCF", f"{_CSW}{size}&sortBy={sort}:{order}&startPosition=5{_GMD}")
    for name in _NAMES:
        yield maybe("RCF", f"/csw/?service=CSW&version=2.0.2&request=GetDomain&PropertyName={name}")
    for time in ("1999-01-01", "2026-01-05"):
        for op in ("=", ">", "<="):
            yield maybe("RC", f"{_CSW}brief&constraintLanguage=CQL_TEXT&constraint=dc:date {op} DATE('{time}')")


# --- portal ----------------------------------------------------------------------------------------------------------------------------

_FILTERS = (
    "theme=administration", "theme=imagery", "theme=wetland", "kind=map", "kind=dataset", "format=gpkg", "format=pdf", "territory=510104", "year=1999", "year=2026",
    "org=11510107MB1234567Q", "level=county", "sharing=unconditional", "opening=open", "license=odbl-1.0", "division=510107", "keyword={needle_word}",
)  # fmt: skip


def portal() -> Iterator[Probe]:
    for language in ("en", "zh"):
        for each in _FILTERS:
            yield maybe("RCF", f"/?{each}", language=language)
            yield maybe("RCF", f"/?{each}&sort=title", language=language)
        for word in WORDS:
            yield maybe("RCF", f"/?q={word}", language=language)
        for sort, page in product(("relevance", "modified", "-modified", "title", "-issued"), (1, 2)):
            yield maybe("RCF", f"/?sort={sort}&page={page}", language=language)
    for at, finds in ((RECORD, "R"), (CARD, "C")):
        for west, south, east, north in (here for here, _ in bisection(at, 14)):
            yield maybe(finds, f"/?west={west:g}&south={south:g}&east={east:g}&north={north:g}")
    for column, (value, _, _) in _VALUES.items():
        yield maybe("rcm", f"/dataset/{{licences}}?view=table&column={column}&value={value}")
    for value in ("4242", "1000", "5"):
        yield maybe("rcm", f"/dataset/{{licences}}?view=table&column=reserves&value={value}")
    for layer, finds, more in product(("listed", "wetland", "needle"), ("RCF",), ("", "?view=table", "?view=map", "?view=about", "/receipt", "/", "?lang=zh")):
        yield maybe(finds, f"/dataset/{{{layer}}}{more}")
        yield maybe(finds, f"/dataset/{{{layer}_uuid}}{more}")


def web() -> Iterator[Probe]:
    """All of them that go to the public listener."""
    for made in (features, ckan, csw, portal):
        yield from made()


# --- commands --------------------------------------------------------------------------------------------------------------------------


def commands() -> Iterator[Probe]:
    for word in WORDS:
        yield maybe("RCF", f"search {word} --json")
    for each in _FILTERS:
        yield maybe("RCF", f"search --filter {each} --json --limit 50")
    for at, finds in ((RECORD, "R"), (CARD, "C")):
        for box in boxes(at, 10):
            yield maybe(finds, f"search --bbox={box} --json")
    for sort, offset in product(("relevance", "modified", "-modified", "issued", "-issued", "title"), (0, 5)):
        yield maybe("RCF", f"search --sort={sort} --offset {offset} --json")
    for name in ("needle", "listed", "wetland"):
        for words in ("show {} --json", "show {}", "receipt {}", "receipt {} --public"):
            for form in (f"{{{name}}}", f"{{{name}_urn}}", f"{{{name}_uuid}}"):
                yield maybe("RCF", words.replace("{}", form))
