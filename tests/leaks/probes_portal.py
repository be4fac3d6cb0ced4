"""Probes of the portal: endpoint → probes."""

from tests.leaks.probes import Table, beside, maybe, probe

#: Addresses that might be led elsewhere with a slash too many.
REDIRECTED = (
    "/dataset/{needle}", "/dataset/{needle_uuid}", "/dataset/{licences}/receipt", "/ogc/collections/{needle}/items",
    "/api/3/action/package_show", "/datastore/dump/{needle_uuid}-rows",
)  # fmt: skip
OTHER_METHODS = ("OPTIONS", "DELETE", "PUT", "PATCH", "POST")
ROUTES: Table = {
    "portal.search": [
        probe("RCF", "/"), probe("R", "/?q={needle_word}"), probe("CF", "/?q={word}"), probe("CF", "/?q=made from the {word}"),
        probe("R", "/?theme=administration"), probe("R", "/?org=11510107MB1234567Q"), probe("CF", "/?org={org}"),
        probe("R", "/?kind=map"), probe("RC", "/?format=gpkg"), probe("F", "/?format=pdf"), probe("R", "/?territory=510104"), probe("R", "/?year=1999"),
        probe("RCF", "/?level=county&sharing=unconditional"), probe("RCF", "/?opening=open"), probe("RCF", "/?sort=title"),
        probe("RCF", "/?sort=modified"), probe("RCF", "/?sort=-modified&page=1"), probe("R", "/?west=119&south=39&east=122&north=42"),
        probe("C", "/?west=109&south=19&east=112&north=22"), probe("RCF", "/?west=-180&south=-90&east=180&north=90"),
    ],
    "portal.dataset": [
        probe("R", "/dataset/{needle}"), probe("R", "/dataset/{needle_uuid}"), probe("R", "/dataset/{needle_urn}"), probe("R", "/dataset/{needle}?view=table"),
        probe("R", "/dataset/{needle}?view=map"), probe("C", "/dataset/{listed}"), probe("C", "/dataset/{listed}?view=table"),
        probe("F", "/dataset/{wetland}"), probe("F", "/dataset/{wetland}?view=map"), beside("/dataset/{licences}"),
        probe("rcm", "/dataset/{licences}?view=table"), probe("c", "/dataset/{licences}?view=table&column=reserves&value={hidden}"),
        probe("m", "/dataset/{licences}?view=table&column=holder&value={masked}"), probe("r", "/dataset/{licences}?view=table&column=mineral&value={needle_word}"),
        probe("r", "/dataset/{licences}?view=table&column=status&value=secret"), probe("r", "/dataset/{licences}?view=table&after=WyJbXCJDLTFcIl0iXQ"),
        probe("g", "/dataset/{wells}?view=table"), probe("g", "/dataset/{wells}?view=table&column=depth&value={hidden}"),
        beside("/dataset/{plain-0}"), beside("/dataset/{plain-last}"),
    ],
    "portal.receipt": [
        probe("R", "/dataset/{needle}/receipt"), probe("R", "/dataset/{needle_uuid}/receipt"), probe("C", "/dataset/{listed}/receipt"),
        probe("F", "/dataset/{wetland}/receipt"), beside("/dataset/{licences}/receipt"), beside("/dataset/{plain-last}/receipt"),
    ],
    "portal.file": [
        probe("R", "/dataset/{needle}/file/original"), probe("C", "/dataset/{listed}/file/original"),
        probe("f", "/dataset/{licences}/file/original"), probe("f", "/dataset/{licences_urn}/file/original"),
        probe("f", "/dataset/{licences_uuid}/file/original"), beside("/dataset/{licences}/file/rows"), beside("/dataset/{wetland}/file/inner"),
        *(
            maybe("Rf", f"/dataset/{{{name}}}/file/original", headers=((header, value),))
            for name in ("needle", "licences")
            for header, value in (
                ("Range", "bytes=0-3"), ("Range", "bytes=-4"), ("Range", "bytes=900-"), ("Range", "bytes=0-1,3-4"), ("If-None-Match", '"{guess_file}"'),
                ("If-None-Match", '"{needle_file}"'), ("If-Match", '"{guess_file}"'), ("If-Range", '"{guess_file}"'), ("Accept-Encoding", "gzip"),
            )
        ),
    ],
    "": [
        *(beside(f"/dataset/{{{name}}}{more}", method=method) for name in ("needle", "licences") for more in ("", "/receipt", "/file/original") for method in OTHER_METHODS),
        *(beside(f"/dataset/{{gone{form}}}{more}") for form in ("", "_urn", "_uuid") for more in ("", "?view=table", "/receipt")),
        beside("/dataset/{needle}/nothing"), beside("/dataset/{needle}/file/"), beside("//dataset/{needle}"), beside("/dataset/{needle}.json"),
        *(beside(f"{path}/") for path in REDIRECTED),
    ],
    "portal.about": [probe("R", "/about")],
    "portal.interfaces": [beside("/interfaces")],
}  # fmt: skip
