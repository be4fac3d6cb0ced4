"""Probes of OGC API Features: endpoint → probes."""

from tests.leaks.probes import Table, beside, probe

_C = "/ogc/collections"
_L = f"{_C}/{{licences}}/items"
ROUTES: Table = {
    "ogc.landing": [beside("/ogc/"), beside("/ogc/?f=html")],
    "ogc.unknown": [beside("/ogc/nothing")],
    "ogc.conformance": [beside("/ogc/conformance")],
    "ogc.openapi": [beside("/ogc/openapi"), beside("/ogc/openapi?f=html")],
    "ogc.collections": [probe("RCrg", _C), probe("RC", f"{_C}?f=html"), probe("RCrg", f"{_C}?after=0")],
    "ogc.collection": [
        probe("R", f"{_C}/{{needle}}"), probe("R", f"{_C}/{{needle}}?f=html"), probe("R", f"{_C}/{{needle}}?bad=1"),
        probe("R", f"{_C}/{{needle}}?f=nothing"), probe("C", f"{_C}/{{listed}}"), beside(f"{_C}/{{wetland}}"),
        probe("r", f"{_C}/{{licences}}"), probe("r", f"{_C}/{{licences}}?f=html"), probe("g", f"{_C}/{{wells}}"), probe("g", f"{_C}/{{shapes}}"),
    ],
    "ogc.queryables": [
        probe("R", f"{_C}/{{needle}}/queryables"), probe("R", f"{_C}/{{needle}}/queryables?f=html"),
        beside(f"{_C}/{{licences}}/queryables"), beside(f"{_C}/{{shapes}}/queryables"),
    ],
    "ogc.schema": [
        probe("R", f"{_C}/{{needle}}/schema"), probe("R", f"{_C}/{{needle}}/schema?f=html"),
        beside(f"{_C}/{{licences}}/schema"), beside(f"{_C}/{{shapes}}/schema"),
    ],
    "ogc.items": [
        probe("R", f"{_C}/{{needle}}/items"), probe("R", f"{_C}/{{needle}}/items?f=html"), probe("R", f"{_C}/{{needle}}/items?limit=bad"),
        probe("R", f"{_C}/{{needle}}/items?filter=a='x'"), probe("R", f"{_C}/{{needle}}/items?nothing=1"), probe("R", f"{_C}/{{needle}}/items?bbox=1,2"),
        probe("R", f"{_C}/{{needle}}/items?f=bad"), probe("R", f"{_C}/{{needle}}/items?resulttype=hits"), probe("C", f"{_C}/{{listed}}/items"),
        probe("C", f"{_C}/{{listed}}/items?filter=b='{{hidden}}'"), probe("rcm", _L), probe("rcm", f"{_L}?f=html"),
        probe("c", f"{_L}?reserves={{hidden}}"), probe("m", f"{_L}?holder={{masked}}"), probe("r", f"{_L}?mineral={{needle_word}}"), probe("r", f"{_L}?status=secret"),
        probe("rcm", f"{_L}?sortby=-reserves"), probe("rcm", f"{_L}?sortby=holder"), probe("rcm", f"{_L}?sortby=-licence_number"), probe("rc", f"{_L}?properties=reserves"),
        probe("rm", f"{_L}?properties=holder,mineral"), probe("c", f"{_L}?filter=reserves>3000"),
        probe("m", f"{_L}?filter=holder LIKE '{{masked}}%25'"), probe("cm", f"{_L}?filter=holder='王甲'"), probe("r", f"{_L}?filter=mineral='{{needle_word}}'"),
        probe("rcm", f"{_L}?filter=mineral IS NOT NULL OR status='secret'"), probe("r", f"{_L}?filter=NOT (status='active')"),
        probe("r", f"{_L}?filter=S_INTERSECTS(shape,POLYGON((109 19,112 19,112 22,109 22,109 19)))"), probe("r", f"{_L}?bbox=109,19,112,22"),
        probe("cm", f"{_L}?bbox=103,30,104,31"), probe("rcm", f"{_L}?limit=1"), probe("rcm", f"{_L}?limit=2"), probe("r", f"{_L}?offset=2"), probe("r", f"{_L}?resulttype=hits"),
        probe("r", f"{_L}?resulttype=hits&bbox=109,19,112,22"), probe("rcm", f"{_L}?skipGeometry=true"), probe("rcm", f"{_L}?datetime=2020-01-01"),
        probe("rcm", f"{_L}?crs=http://www.opengis.net/def/crs/EPSG/0/3857"), probe("r", f"{_L}?after=WyJbXCJDLTFcIl0iXQ&limit=1"),
        probe("c", f"{_L}?filter-lang=cql2-json", '{{"op": ">", "args": [{{"property": "reserves"}}, 3000]}}'),
        probe("r", _L, '{{"op": "=", "args": [{{"property": "mineral"}}, "{needle_word}"]}}'), probe("rcm", _L, accept="text/html"),
        probe("g", f"{_C}/{{wells}}/items"), probe("g", f"{_C}/{{wells}}/items?bbox=109,19,112,22"), probe("g", f"{_C}/{{wells}}/items?bbox=103.1,30.5,103.2,30.6"),
        probe("g", f"{_C}/{{wells}}/items?depth={{hidden}}"), probe("g", f"{_C}/{{wells}}/items?filter=depth>100"), probe("g", f"{_C}/{{wells}}/items?f=html"),
        probe("g", f"{_C}/{{shapes}}/items"), probe("g", f"{_C}/{{shapes}}/items?bbox=109,19,112,22"),
        probe("g", f"{_C}/{{shapes}}/items?filter=S_INTERSECTS(shape,POLYGON((109 19,112 19,112 22,109 22,109 19)))"),
        beside(f"{_C}/{{plain-last}}/items"),
    ],
    "": [
        *(
            beside(f"{_C}/{{{name}}}{more}", method=method)
            for name in ("needle", "licences") for more in ("", "/items", "/items/C-15") for method in ("OPTIONS", "DELETE", "PUT", "PATCH")
        ),
        beside(f"{_C}/{{needle}}/"), beside(f"{_C}/{{needle}}/nothing"), beside(f"{_C}/{{needle}}//items"),
    ],
    "ogc.item": [
        probe("R", f"{_C}/{{needle}}/items/{{needle_word}}"), probe("R", f"{_C}/{{needle}}/items/none"), probe("C", f"{_C}/{{listed}}/items/1"),
        probe("r", f"{_C}/{{licences}}/items/C-15"), probe("r", f"{_C}/{{licences}}/items/C-15?f=html"), probe("cm", f"{_C}/{{licences}}/items/C-1"),
        probe("cm", f"{_C}/{{licences}}/items/C-1?f=html"), probe("g", f"{_C}/{{wells}}/items/1"),
        probe("g", f"{_C}/{{shapes}}/items/1"),
    ],
}  # fmt: skip
