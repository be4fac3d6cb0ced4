"""Bad input of intake, in one table: name → file name, content, words that must stand in the English refusal.

Each is made by the program: truncated and lying files, XML entities, bombs, links and `..` in archives, coordinates that are none, tables too wide, other
systems than the file says. `tests/catalog/test_bad_inputs.py` and `tests/node/test_quarantine.py` run all of them.
"""

import io
import json
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import shapely

type Content = bytes | str | Callable[[Path], bytes]

POINT = {"type": "Point", "coordinates": [104.06, 30.67]}


def _zip(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(packed, "w", method) as archive:
        warnings.simplefilter("ignore")
        for name, data in members:
            archive.writestr(name, data)
    return packed.getvalue()


def _link(name: str, target: str) -> bytes:
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return _zip((info, target.encode()), ("a.bin", b"\0"))


def _nested(depth: int) -> bytes:
    data = _zip(("a.csv", b"id,v\n1,2\n"), ("b.bin", b"\0\1"))
    for n in range(depth):
        data = _zip((f"{n}.zip", data), (f"{n}.bin", b"\0\1"))
    return data


def _patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def _lying_size(data: bytes) -> bytes:
    """A zip whose directory declares ten bytes for a member that has more."""
    at = data.rindex(b"PK\x01\x02")
    return _patched(_patched(data, at + 24, struct.pack("<I", 10)), 22, struct.pack("<I", 10))


def _encrypted(data: bytes) -> bytes:
    at = data.rindex(b"PK\x01\x02")
    return _patched(_patched(data, 6, b"\x01\x00"), at + 8, b"\x01\x00")


def _collection(*features: Any, **more: Any) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features), **more})


def _feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _point(x: float, y: float) -> str:
    return _collection(_feature({"type": "Point", "coordinates": [x, y]}))


def _crs(code: str, x: float, y: float) -> str:
    return _collection(_feature({"type": "Point", "coordinates": [x, y]}), crs={"type": "name", "properties": {"name": code}})


@cache
def _vector(driver: str, suffix: str, crs: str = "EPSG:4490", x: float = 104.0) -> dict[str, bytes]:
    """A small sound file of a vector format, by suffix of its parts."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / f"a.{suffix}"
        points = shapely.to_wkb(shapely.points([[x + n / 1000, 30.5] for n in range(50)]))
        names = np.array([f"井{n:04d}" * 10 for n in range(50)], dtype=object)
        pyogrio.raw.write(path, points, [names], ["name"], driver=driver, geometry_type="Point", crs=crs)
        return {part.suffix: part.read_bytes() for part in Path(folder).iterdir()}


def _shp(*suffixes: str, **changed: bytes) -> bytes:
    parts = _vector("ESRI Shapefile", "shp")
    return _zip(*((f"a{suffix}", changed.get(suffix[1:], parts[suffix])) for suffix in suffixes))


def _gpkg(*statements: str) -> Callable[[Path], bytes]:
    def made(folder: Path) -> bytes:
        import sqlite3

        path = folder / "made.gpkg"
        path.write_bytes(_vector("GPKG", "gpkg")[".gpkg"])
        with sqlite3.connect(path) as conn:
            for statement in statements:
                conn.execute(statement)
        conn.close()
        data = path.read_bytes()
        path.unlink()
        return data

    return made


def _sqlite(folder: Path) -> bytes:
    import sqlite3

    path = folder / "made.db"
    with sqlite3.connect(path) as conn:
        conn.execute("CREATE TABLE t (a)")
    conn.close()
    data = path.read_bytes()
    path.unlink()
    return data


@cache
def _workbook(*rows: tuple[Any, ...]) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _sheet(xml: str | None = None, **members: bytes) -> bytes:
    """A workbook with another sheet, or other members."""
    source = zipfile.ZipFile(io.BytesIO(_workbook(("id", "v"), (1, 2))))
    out = []
    for name in source.namelist():
        data = source.read(name)
        if xml is not None and name.endswith("sheet1.xml"):
            data = xml.encode()
        out.append((name, members.get(Path(name).stem, data)))
    return _zip(*out)


def _bands(folder: Path) -> bytes:
    """An eight by eight raster that declares 34,735 bands."""
    import rasterio

    path = folder / "made.tif"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", driver="GTiff", width=8, height=8, count=1, dtype="uint8") as out:
            out.write(np.zeros((1, 8, 8), dtype="uint8"))
    data = path.read_bytes()
    path.unlink()
    return data.replace(struct.pack("<HHIH", 277, 3, 1, 1), struct.pack("<HHIH", 277, 3, 1, 34_735))


def _tiff() -> bytes:
    """A sound header whose only directory lies far behind the end."""
    return b"II*\x00" + struct.pack("<I", 0x7FFFFFF0) + bytes(64)


SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
GMD = 'xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco"'
ISO = (
    f"<gmd:MD_Metadata {GMD}><gmd:identificationInfo><gmd:MD_DataIdentification><gmd:citation><gmd:CI_Citation><gmd:title>"
    "<gco:CharacterString>{}</gco:CharacterString></gmd:title></gmd:CI_Citation></gmd:citation></gmd:MD_DataIdentification></gmd:identificationInfo>"
    "</gmd:MD_Metadata>"
)
LAUGHS = '<!DOCTYPE x [<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10)) + "]>"
OUTSIDE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
ALIASES = ("a: &a0 [x]\n" + "".join(f"b{n}: &a{n} [{f'*a{n - 1},' * 9}]\n" for n in range(1, 12)) + "fields: {quality: *a11}\n").encode()
KML = '<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{}</Document></kml>'
MARK = "<Placemark><name>x</name><Point><coordinates>{}</coordinates></Point></Placemark>"
GML = '<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml/3.2">{}</gml:FeatureCollection>'
RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dcat="http://www.w3.org/ns/dcat#">{}</rdf:RDF>'
PREFIX = "@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .\n"
WIDE = ",".join(f"c{n}" for n in range(10_000)) + "\n" + ",".join("1" * 10_000) + "\n"
PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)

BAD: dict[str, tuple[str, Content, str]] = {
    # nothing and noise
    "empty": ("a.csv", b"", "empty"),
    "blank": ("a.csv", b" \n\t\n", "empty"),
    "bom only": ("a.csv", b"\xef\xbb\xbf", "heading|empty"),
    "zeros": ("a.csv", bytes(5_000), "not a text|empty"),
    "noise": ("a.bin", bytes(range(256)) * 20, "not a text"),
    "words": ("a.txt", b"only words\nand more of them\n", "no table"),
    "markdown": ("README.md", b"# Data\n\nSome words.\n", "no table"),
    "pdf": ("a.pdf", b"%PDF-1.7\n...", "PDF"),
    "png bomb": ("a.png", PNG + bytes(100), "PNG"),
    "jpeg": ("a.jpg", b"\xff\xd8\xff\xe0" + bytes(100), "JPEG"),
    "gzip bomb": ("a.csv.gz", zlib.compressobj(9, zlib.DEFLATED, 31).compress(b"0" * 10_000_000) + b"x", "gzip"),
    "gzip": ("a.gz", b"\x1f\x8b\x08" + bytes(50), "gzip"),
    "word 97": ("a.doc", b"\xd0\xcf\x11\xe0" + bytes(600), "Office 97"),
    "netcdf": ("a.nc", b"CDF\x01" + bytes(100), "NetCDF"),
    "hdf5": ("a.h5", b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
    "program": ("a.csv", b"\x7fELF" + bytes(200), "not a text"),
    # tables
    "csv heading only": ("a.csv", b"id,name\n", "no rows"),
    "csv blank heading": ("a.csv", b",,\n1,2,3\n", "heading"),
    "csv of 10,000 columns": ("a.csv", WIDE, "10000 columns"),
    "csv every line longer": ("a.csv", b"id,v\n1,2,3\n4,5,6\n", "3 cells"),
    "csv mostly longer": ("a.csv", b"id,v\n" + b"1,2,3\n" * 30 + b"1,2\n", "bad rows"),
    "csv open quote": ("a.csv", b'id,v\n1,"' + b"x" * 2_000_000, "line"),
    "csv huge field": ("a.csv", b"id,v\n1," + b"x" * 2_000_000 + b"\n", "line"),
    "csv long keys": ("a.csv", "id,v\n" + "".join(f"{'k' * 1_100}{n},1\n" for n in range(3)), "1000 bytes"),
    "csv rows over a megabyte": ("a.csv", "id," + ",".join(f"c{n}" for n in range(3)) + "\n1," + ",".join("x" * 600_000 for _ in range(3)) + "\n", "1 MiB"),
    "csv utf-16 cut": ("a.csv", "id,名称\n1,甲\n".encode("utf-16")[:-1], "line|decoded"),
    "csv bad utf-8 with bom": ("a.csv", b"\xef\xbb\xbfid,v\n1,\xff\xfe\n", "line|decoded"),
    "csv nul": ("a.csv", b"id,v\n1,\x00\n", "not a text"),
    "csv of too many longer lines": ("a.csv", "id,v\n" + "1,2\n" * 1_500 + "1,2,3\n" * 1_200, "bad rows"),
    "xlsx not a zip": ("a.xlsx", b"PK\x03\x04" + b"nonsense" * 20, "zip"),
    "xlsx cut": ("a.xlsx", _workbook(("id", "v"), (1, 2))[:-200], "zip"),
    "xlsx empty": ("a.xlsx", _workbook(), "no table"),
    "xlsx heading only": ("a.xlsx", _workbook(("id", "v")), "no rows"),
    "xlsx too wide": ("a.xlsx", _workbook(tuple(f"c{n}" for n in range(2_000)), tuple(range(2_000))), "2000 columns"),
    "xlsx broken sheet": ("a.xlsx", _sheet("<worksheet><sheetData><row><c"), "sound XLSX"),
    "xlsx entities": ("a.xlsx", _sheet(LAUGHS + SHEET.format('<row r="1"><c t="str"><v>&a9;</v></c></row>')), "entities"),
    "xlsx outside entity": ("a.xlsx", _sheet(OUTSIDE + SHEET.format("<row/>")), "entities"),
    "xlsx entity in strings": ("a.xlsx", _sheet(workbook=(LAUGHS + "<workbook/>").encode()), "entities"),
    "xlsx bomb": ("a.xlsx", _sheet(SHEET.format(" " * 40_000_000)), "unpack"),
    "xlsx cell far out": (
        "a.xlsx",
        _sheet(SHEET.format('<row r="1"><c r="XFD1" t="str"><v>x</v></c></row><row r="2"><c r="XFD2"><v>1</v></c></row>')),
        "columns|heading",
    ),
    "word document": ("a.docx", _zip(("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>")), "Office"),
    "ods": ("a.ods", _zip(("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", b"<x/>")), "Office"),
    # JSON and GeoJSON
    "json cut": ("a.json", b'{"type": "FeatureCollection", "features": [{"type": "Fea', "not JSON"),
    "json brace": ("a.json", b"{", "not JSON"),
    "json of nothing known": ("a.json", b'{"a": 1}', "not GeoJSON"),
    "json list": ("a.json", b"[1, 2]", "not GeoJSON"),
    "json number and more": ("a.geojson", _point(104, 30) + " 5", "more than one"),
    "json deep": ("a.json", '{"a":' * 3_000 + "1" + "}" * 3_000, "JSON"),
    "json deep list": ("a.json", "[" * 100_000, "JSON"),
    "geojson deep": ("a.geojson", '{"type":"FeatureCollection","features":[' + '{"a":' * 100_000, "deep|JSON"),
    "json bad utf-8": ("a.json", b'\xef\xbb\xbf{"a": "\xff"}', "decoded|JSON"),
    "json trailing comma": ("a.json", b'{"type":"FeatureCollection","features":[],}', "not JSON"),
    "topojson": ("a.json", b'{"type": "Topology", "objects": {}}', "not GeoJSON"),
    "no features": ("a.geojson", _collection(), "no features"),
    "features missing": ("a.geojson", b'{"type": "FeatureCollection"}', "features"),
    "features no list": ("a.geojson", b'{"type": "FeatureCollection", "features": {}}', "features"),
    "features of another type": ("a.geojson", b'{"type": "Feature Collection", "features": [1]}', "not GeoJSON"),
    "feature no object": ("a.geojson", _collection(5), "feature 1"),
    "properties no object": ("a.geojson", _collection({"type": "Feature", "properties": [1], "geometry": None}), "feature 1"),
    "geometry unknown": ("a.geojson", _collection(_feature({"type": "Blob", "coordinates": []})), "feature 1"),
    "geometry text": ("a.geojson", _collection(_feature({"type": "Point", "coordinates": ["a", 1]})), "feature 1"),
    "geometry short": ("a.geojson", _collection(_feature({"type": "Point", "coordinates": [1]})), "feature 1"),
    "geometry without coordinates": ("a.geojson", _collection(_feature({"type": "Point"})), "feature 1"),
    "line of one point": ("a.geojson", _collection(_feature({"type": "LineString", "coordinates": [[0, 0]]})), "feature 1"),
    "ring not closed": ("a.geojson", _collection(_feature({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1]]]})), "feature 1"),
    "coordinate nan": ("a.geojson", _point(104, 30).replace("104", "NaN"), "NaN"),
    "coordinate infinite": ("a.geojson", _point(104, 30).replace("104", "Infinity"), "Infinity"),
    "coordinate overflow": ("a.geojson", _point(104, 30).replace("104", "1e999"), "finite|feature 1"),
    "coordinate of thousands of digits": ("a.geojson", _point(104, 30).replace("104", "1" * 10_000), "JSON"),
    "property nan": ("a.geojson", '{"type":"FeatureCollection","features":[{"type":"Feature","geometry":null,"properties":{"a":NaN}}]}', "NaN"),
    "longitude 200": ("a.geojson", _point(200, 30), "sidecar"),
    "latitude 91": ("a.geojson", _point(104, 91), "sidecar"),
    "latitude first": ("a.geojson", _point(30.6, 104.1), "latitude before longitude"),
    "plane coordinates": ("a.geojson", _point(412_345, 3_390_000), "Gauss-Kruger coordinates without the zone"),
    "plane coordinates with zone": ("a.geojson", _point(35_412_345, 3_390_000), "EPSG:4523"),
    "six-degree zone": ("a.geojson", _point(18_412_345, 3_390_000), "EPSG:4496"),
    "wrong system": ("a.geojson", _crs("EPSG:4543", 35_412_345, 3_390_000), "does not lie on the earth"),
    "wrong system, degrees": ("a.geojson", _crs("EPSG:28350", 1e9, 1e9), "does not lie on the earth"),
    "system unknown": ("a.geojson", _crs("EPSG:999999", 104, 30), "999999"),
    "system nonsense": ("a.geojson", _crs("Middle Earth", 104, 30), "Middle Earth"),
    "mostly bad features": ("a.geojson", _collection(_feature(POINT), *([_feature({"type": "Point", "coordinates": [999, 0]})] * 3)), "bad rows"),
    "feature over a megabyte": ("a.geojson", _collection(_feature(POINT, id=1, a="x" * 2_000_000)), "1 MiB"),
    "2,000 properties": ("a.geojson", _collection(_feature(POINT, **{f"p{n}": n for n in range(2_000)})), "2000 properties"),
    "json lines, all bad": ("a.jsonl", b'{"a": 1}\n{"b": 2}\n', "none of its 2"),
    "feature lines, all bad": (
        "a.geojsonl",
        b'{"type":"Feature","geometry":{"type":"Point","coordinates":[999,0]},"properties":{}}\n{"type":"Feature","geometry":5}\n',
        "feature",
    ),
    "stac catalog": ("a.json", b'{"stac_version": "1.0.0", "type": "Catalog", "id": "x", "links": []}', "STAC Catalog"),
    "stac without id": ("a.json", b'{"stac_version": "1.0.0", "type": "Feature", "properties": {}, "geometry": null}', "no id"),
    "dcat-us without titles": ("data.json", b'{"dataset": [{"identifier": "a"}, {"title": ""}]}', "none of its 2"),
    "dcat-us empty": ("data.json", b'{"dataset": []}', "no record"),
    "dcat-us of numbers": ("data.json", b'{"dataset": [1]}', "title"),
    "ckan without a title": ("a.json", b'{"name": "", "resources": [], "notes": "x"}', "title"),
    "jsonld outside context": ("a.jsonld", b'{"@context": "https://example.org/c.jsonld", "@id": "x:1"}', "outside @context"),
    "jsonld import": ("a.jsonld", b'{"@context": {"@import": "https://example.org/c"}, "@id": "x:1"}', "outside @context"),
    "jsonld without a dataset": ("a.jsonld", b'{"@id": "http://x/1", "http://x/p": 1}', "dcat:Dataset"),
    # XML
    "xml cut": ("a.xml", ISO.format("x")[:-30], "well-formed"),
    "xml two roots": ("a.xml", b"<a/><b/>", "well-formed"),
    "xml of nothing known": ("a.xml", b"<unknown/>", "unknown"),
    "xml control character": ("a.xml", b"<a>\x01</a>", "well-formed"),
    "xml encoding unknown": ("a.xml", b'<?xml version="1.0" encoding="klingon"?><a/>', "well-formed"),
    "xml encoding lies": ("a.xml", b'<?xml version="1.0" encoding="ascii"?><a>\xe4\xb8\xad</a>', "well-formed"),
    "billion laughs": ("a.xml", LAUGHS + ISO.format("&a9;"), "entit"),
    "outside entity": ("a.xml", OUTSIDE + ISO.format("&e;"), "entit"),
    "parameter entity": ("a.xml", '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]>' + ISO.format("x"), "entit|well-formed"),
    "xml deep": ("a.xml", "<a>" * 300 + "</a>" * 300, "deep|depth"),
    "xml very deep": ("a.xml", "<a>" * 100_000, "deep|depth|well-formed"),
    "html": ("a.html", b"<html><body/></html>", "html"),
    "iso without a title": ("a.xml", ISO.format(""), "title"),
    "iso blank title": ("a.xml", ISO.format("  "), "title"),
    "fgdc without a title": ("a.xml", b"<metadata><idinfo/></metadata>", "FGDC"),
    "metadata of arcgis": ("a.xml", b"<metadata><Esri/></metadata>", "not FGDC"),
    "virtual format": (
        "a.vrt",
        b"<OGRVRTDataSource><OGRVRTLayer name='a'><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>",
        "OGRVRT",
    ),
    "rdf without a dataset": ("a.rdf", RDF.format(""), "dcat:Dataset"),
    "rdf without a title": ("a.rdf", RDF.format("<dcat:Dataset rdf:about='http://x/1'/>"), "title"),
    "rdf entities": ("a.rdf", LAUGHS + RDF.format("<dcat:Dataset>&a9;</dcat:Dataset>"), "entit"),
    "rdf bad name": ("a.rdf", RDF.format("<rdf:Description rdf:about='a' rdf:ID='b'/>"), "RDF"),
    "turtle cut": ("a.ttl", PREFIX + "<http://x/1> a dcat:Dataset ; dct:title ", "RDF"),
    "turtle without a title": ("a.ttl", PREFIX + "<http://x/1> a dcat:Dataset .", "title"),
    "kml empty": ("a.kml", KML.format(""), "KML|layer|features"),
    "kml cut": ("a.kml", KML.format(MARK.format("104,30"))[:-20], "well-formed"),
    "kml entities": ("a.kml", LAUGHS + KML.format(MARK.format("104,30")), "entit"),
    "kml document type": ("a.kml", "<!DOCTYPE kml>" + KML.format(MARK.format("104,30")), "document type"),
    "gml document type": ("a.gml", '<!DOCTYPE x SYSTEM "x.dtd">' + GML.format(""), "document type"),
    "fgb of another kind": ("a.fgb", b"fgb\x03<OGRVRTDataSource/>", "text, but no table"),
    "kml off the earth": ("a.kml", KML.format(MARK.format("412345,3390000")), "feature 1"),
    "kml latitude first": ("a.kml", KML.format(MARK.format("30.5,104.5")), "latitude before longitude"),
    "gml empty": ("a.gml", GML.format(""), "GML|layer|features"),
    "gml cut": ("a.gml", _vector("GML", "gml")[".gml"][:-200], "well-formed"),
    "gml entities": ("a.gml", LAUGHS + GML.format("&a9;"), "entit"),
    "gml wrong system": (
        "a.gml",
        _vector("GML", "gml")[".gml"].replace(b"30.5 104.0", b"104.0 30.5").replace(b"EPSG::4490", b"EPSG::28350").replace(b"104.0", b"1e9"),
        "earth|finite|damaged",
    ),
    # vector files
    "gpkg header only": ("a.gpkg", b"SQLite format 3\x00" + bytes(100), "GeoPackage"),
    "gpkg cut": ("a.gpkg", _vector("GPKG", "gpkg")[".gpkg"][:20_000], "GeoPackage|damaged"),
    "sqlite": ("a.gpkg", _sqlite, "no GeoPackage"),
    "gpkg without layers": ("a.gpkg", _gpkg("DELETE FROM gpkg_contents", "DELETE FROM gpkg_geometry_columns", "DROP TABLE a"), "layer|damaged"),
    "gpkg of a view": (
        "a.gpkg",
        _gpkg("UPDATE gpkg_contents SET table_name = 'v'", "UPDATE gpkg_geometry_columns SET table_name = 'v'", "CREATE VIEW v AS SELECT * FROM a"),
        "view|damaged|layer",
    ),
    "gpkg of a generated column": ("a.gpkg", _gpkg("ALTER TABLE a ADD COLUMN big TEXT AS (hex(zeroblob(20000000)))"), "generated column"),
    "gpkg of a large cell": (
        "a.gpkg",
        _gpkg("CREATE TABLE n AS SELECT fid, geom, hex(zeroblob(9000000)) AS name FROM a LIMIT 1", "DROP TABLE a", "ALTER TABLE n RENAME TO a"),
        "more than 16 MiB",
    ),
    "gpkg of a long default": ("a.gpkg", _gpkg(f"ALTER TABLE a ADD COLUMN big TEXT DEFAULT '{'x' * 100_000}'"), "long a default"),
    "gpkg with a view of its contents": (
        "a.gpkg",
        _gpkg("ALTER TABLE gpkg_extensions RENAME TO e", "CREATE VIEW gpkg_extensions AS SELECT * FROM e"),
        "is a view",
    ),
    "gpkg without rows": ("a.gpkg", _gpkg("CREATE TABLE keep AS SELECT * FROM a LIMIT 0", "DROP TABLE a", "ALTER TABLE keep RENAME TO a"), "features|damaged"),
    "gpkg off the earth": ("a.gpkg", lambda folder: _vector("GPKG", "gpkg", "EPSG:4490", 412_345.0)[".gpkg"], "earth|longitude"),
    "fgb header only": ("a.fgb", b"fgb\x03fgb\x00" + bytes(20), "layer|damaged"),
    "fgb cut": ("a.fgb", _vector("FlatGeobuf", "fgb")[".fgb"][:700], "layer|damaged"),
    "shp alone": ("a.shp", _vector("ESRI Shapefile", "shp")[".shp"], "without its"),
    "shp header only": ("a.shp", b"\x00\x00\x27\x0a" + bytes(96), "Shapefile"),
    "zipped shp without shx": ("a.zip", _shp(".shp", ".dbf"), "without its .shx"),
    "zipped shp without dbf": ("a.zip", _shp(".shp", ".shx"), "without its .dbf"),
    "zipped shp, dbf of noise": ("a.zip", _shp(".shp", ".shx", ".dbf", dbf=b"\xff" * 500), "damaged"),
    "zipped shp, dbf cut": ("a.zip", _shp(".shp", ".shx", ".dbf", dbf=_vector("ESRI Shapefile", "shp")[".dbf"][:800]), "shorter"),
    "zipped shp, shx cut": ("a.zip", _shp(".shp", ".shx", ".dbf", shx=_vector("ESRI Shapefile", "shp")[".shx"][:60]), "damaged|shorter|bad rows|features"),
    "zipped shp, shp cut": ("a.zip", _shp(".shp", ".shx", ".dbf", shp=_vector("ESRI Shapefile", "shp")[".shp"][:400]), "damaged|shorter|bad rows|features"),
    "zipped shp, shp of noise": ("a.zip", _shp(".shp", ".shx", ".dbf", shp=b"\x00\x00\x27\x0a" + b"\x07" * 300), "damaged|Shapefile"),
    "zipped shp, system unknown": ("a.zip", _shp(".shp", ".shx", ".dbf", ".prj", prj=b'PROJCS["nowhere",GEOGCS["x"'), "system|damaged|earth"),
    "tiff header only": ("a.tif", b"II*\x00", "TIFF"),
    "tiff noise": ("a.tif", b"MM\x00*" + bytes(range(100)), "TIFF"),
    "tiff directory outside": ("a.tif", _tiff(), "TIFF"),
    "tiff of 34,735 bands": ("a.tif", _bands, "bands"),
    "bigtiff noise": ("a.tif", b"II+\x00" + b"\xff" * 100, "TIFF"),
    # archives
    "zip noise": ("a.zip", b"PK\x03\x04 not really", "sound zip"),
    "zip cut": ("a.zip", _zip(("a.csv", b"id,n\n" + b"1,2\n" * 5_000))[:-60], "sound zip"),
    "zip without members": ("a.zip", b"PK\x05\x06" + bytes(18), "no file"),
    "sidecar of aliases": ("a.zip", _zip(("a.csv", b"id,n\n1,2\n"), ("a.terrace.yaml", ALIASES)), "anchor or alias"),
    "sidecar of aliases among several": (
        "a.zip",
        _zip(*((f"{n}.{end}", data) for n in "ab" for end, data in (("csv", b"id,n\n1,2\n"), ("terrace.yaml", ALIASES)))),
        "none of its 2",
    ),
    "sidecar very deep": ("a.zip", _zip(("a.csv", b"id,n\n1,2\n"), ("a.terrace.yaml", b"fields: " + b"[" * 100_000)), "deep|depth"),
    "zip bomb": ("a.zip", _zip(("a.csv", b"0" * 50_000_000)), "unpack"),
    "zip bomb of several": ("a.zip", _zip(("a.csv", b"0" * 20_000_000), ("b.csv", b"0" * 20_000_000)), "unpack"),
    "zip in zip in zip in zip": ("a.zip", _nested(4), "none of its"),
    "zip leads out": ("a.zip", _zip(("../../etc/x.csv", b"id,n\n1,2\n")), "leads out"),
    "zip absolute name": ("a.zip", _zip(("/etc/x.csv", b"id,n\n1,2\n")), "leads out"),
    "zip windows name": ("a.zip", _zip(("..\\..\\x.csv", b"id,n\n1,2\n"), ("b.bin", b"\0")), "leads out"),
    "zip drive name": ("a.zip", _zip(("C:\\x.csv", b"id,n\n1,2\n"), ("b.bin", b"\0")), "leads out"),
    "zip link": ("a.zip", _link("a.csv", "/etc/passwd"), "link"),
    "zip only a link": ("a.zip", _link("x/a.geojson", "../../secret"), "link"),
    "zip twice the same": ("a.zip", _zip(("a.csv", b"id\n1\n"), ("a.csv", b"id\n2\n")), "same name"),
    "zip with a password": ("a.zip", _encrypted(_zip(("a.csv", b"id,n\n1,2\n"))), "password"),
    "zip of several with a password": ("a.zip", _encrypted(_zip(("a.bin", b"\1\0"), ("b.csv", b"id,n\n1,2\n"))), "password|none of its"),
    "zip lies of its size": ("a.zip", _lying_size(_zip(("a.csv", b"id,n\n" + b"1,2\n" * 500), method=zipfile.ZIP_STORED)), "sound zip"),
    "zip damaged inside": ("a.zip", _patched(_zip(("a.csv", b"id,n\n" + b"1,2\n" * 5_000)), 60, b"\xff\xff\xff"), "sound zip|line"),
    "zip of nothing known": ("a.zip", _zip(("a.bin", b"\0\1"), ("b.bin", b"\0\2")), "none of its 2"),
    "zip of 10,001 members": ("a.zip", _zip(*((f"{n}.csv", b"") for n in range(10_001)), method=zipfile.ZIP_STORED), "members"),
    "zipped csv heading only": ("a.csv.zip", _zip(("a.csv", b"id,n\n")), "no rows"),
    "zipped words": ("a.zip", _zip(("a.txt", b"only words\n"), ("b.txt", b"more words\n")), "none of its 2"),
}
