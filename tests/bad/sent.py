"""More bad files: what people send by mistake, and what they write into sidecars. The same form as `tests.bad.files`."""

import zipfile

from tests.bad.made import POINT, Content, collection, feature, sheet, shp, vector, zipped

TABLE = b"id,n\n1,2\n2,3\n"
HTML = b'<!DOCTYPE html>\n<html><head><meta charset="gbk"><title>x</title></head><body><table><tr><td>id</td></tr></table></body></html>\n'
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
DEEP_GEOMETRY = '{"type":"GeometryCollection","geometries":[' * 300 + "]}" * 300


def beside(text: str | bytes, data: bytes = TABLE, name: str = "a.csv") -> tuple[str, Content, str]:
    """A table with a sidecar, as people send both: zipped."""
    return "a.zip", zipped((name, data), ("a.terrace.yaml", text.encode() if isinstance(text, str) else text)), ""


def _said(words: str, text: str | bytes, data: bytes = TABLE, name: str = "a.csv") -> tuple[str, Content, str]:
    return (*beside(text, data, name)[:2], words)


def _named(name: str) -> bytes:
    """A zip with a member of a name that no file system should get."""
    return zipped((zipfile.ZipInfo(name), TABLE), ("b.bin", b"\0"))


SENT: dict[str, tuple[str, Content, str]] = {
    # other programs' files
    "page saved as a table": ("a.csv", HTML, "HTML"),
    "page saved as a workbook": ("a.xls", HTML, "HTML"),
    "page instead of geojson": ("a.geojson", HTML, "HTML"),
    "page instead of xml": ("a.xml", b'<html xmlns="http://www.w3.org/1999/xhtml"><body>404</body></html>', "HTML"),
    "page without a doctype": ("a.csv", b"\n  <html><body>Sign in</body></html>", "HTML"),
    "old workbook named xlsx": ("a.xlsx", OLE, "Office 97"),
    "workbook with a password": ("a.xlsx", OLE + "EncryptedPackage".encode("utf-16-le"), "password"),
    "binary workbook": ("a.xlsb", zipped(("[Content_Types].xml", b"<x/>"), ("xl/workbook.bin", b"\0\1")), "binary Excel"),
    "workbook without a sheet": ("a.xlsx", zipped(("[Content_Types].xml", b"<x/>"), ("xl/a.xml", b"<x/>")), "XLSX"),
    "workbook of noise": ("a.xlsx", sheet(workbook=b"\0\1\2\3"), "XLSX"),
    "rar": ("a.rar", b"Rar!\x1a\x07\x01\x00" + bytes(50), "RAR"),
    "7z": ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(50), "7z"),
    "bzip2": ("a.csv.bz2", b"BZh91AY&SY" + bytes(range(50)), "bzip2"),
    "xz": ("a.csv.xz", b"\xfd7zXZ\x00" + bytes(50), "xz"),
    "zstandard": ("a.csv.zst", b"\x28\xb5\x2f\xfd" + bytes(range(50)), "Zstandard"),
    "tar": ("a.tar", b"a.csv".ljust(257, b"\0") + b"ustar\x0000" + bytes(600), "tar"),
    "windows program": ("a.exe", b"MZ\x90\x00" + bytes(200), "Windows"),
    "drawing": ("a.dwg", b"AC1032" + bytes(200), "DWG"),
    "drawing as text": ("a.dxf", b"  0\nSECTION\n  2\nHEADER\n  9\n$ACADVER\n", "DXF|no table"),
    "access database": ("a.mdb", b"\x00\x01\x00\x00Standard Jet DB\x00" + bytes(200), "Access"),
    "parquet": ("a.parquet", b"PAR1" + bytes(100) + b"PAR1", "Parquet"),
    "point cloud": ("a.las", b"LASF" + bytes(200), "LAS"),
    "film": ("a.mp4", b"\x00\x00\x00\x20ftypisom" + bytes(100), "not a text"),
    "gif": ("a.gif", b"GIF89a" + bytes(50), "GIF"),
    "bmp": ("a.bmp", b"BM" + bytes(100), "not a text"),
    "svg": ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "svg"),
    "feed": ("a.xml", b'<rss version="2.0"><channel><title>x</title></channel></rss>', "rss"),
    "error of a catalogue": ("a.xml", b'<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows"/>', "ExceptionReport"),
    "capabilities": ("a.xml", b'<WMS_Capabilities version="1.3.0"/>', "WMS_Capabilities"),
    "rich text": ("a.rtf", rb"{\rtf1\ansi hello}", "RTF"),
    "lfs pointer": ("a.csv", b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 12\n", "no table|pointer"),
    "shortcut": ("a.url", b"[InternetShortcut]\r\nURL=http://example.org/\r\n", "not JSON"),
    "owner file of Word": ("~$a.docx", b"\x05admin" + bytes(156), "not a text"),
    "dbf alone": ("a.dbf", vector("ESRI Shapefile", "shp")[".dbf"], "Shapefile|not a text|dBASE"),
    "shx alone": ("a.zip", shp(".shx", ".dbf"), "none of its"),
    "prj alone": ("a.prj", b'GEOGCS["China Geodetic Coordinate System 2000"]', "no table"),
    "zipped file geodatabase": ("a.zip", zipped(("a.gdb/a00000001.gdbtable", b"\3\0\0\0" + bytes(60)), ("a.gdb/gdb", b"\5\0")), "none of its"),
    "project of QGIS": ("a.qgz", zipped(("a.qgs", b"<qgis/>"), ("a.qgd", b"\0")), "none of its"),
    "zip of folders alone": ("a.zip", zipped(("a/", b""), ("a/b/", b"")), "no file"),
    "part of a split zip": ("a.zip", b"PK\x07\x08PK\x03\x04" + bytes(100), "zip|not a text"),
    "zip of a name too long": ("a.zip", _named("x" * 300 + ".csv"), "name|too long"),
    "zip of a name with a bell": ("a.zip", _named("a\x07.csv"), "name|control"),
    # tables and layers
    "csv of one line of prose": ("a.csv", "本表仅供参考，不得外传。\n".encode(), "no rows|no table|heading"),
    "geojson nested collections": ("a.geojson", collection(feature("§")).replace('"§"', DEEP_GEOMETRY), "feature 1|deep|JSON"),
    "geojson polygon of no rings, all bad": ("a.geojson", collection(feature({"type": "Polygon", "coordinates": 5})), "feature 1"),
    "geojson duplicate keys": ("a.zip", zipped(("a.geojson", collection(feature(POINT, id=1), feature(POINT, id=1)).encode()), ("a.terrace.yaml", b"key: id\n")), "id|key"),
    # sidecars
    "sidecar in GBK": _said("UTF-8", "fields: {title: 武侯区}\n".encode("gbk")),
    "sidecar of tabs": _said("a tab", "fields:\n\ttitle: x\n"),
    "sidecar of a list": _said("map", "- a\n- b\n"),
    "sidecar of a text": _said("map", "just words\n"),
    "sidecar of an unknown member": _said("unknown colour", "colour: red\n"),
    "sidecar of two documents": _said("behind", "crs: EPSG:4490\n---\ncrs: EPSG:4326\n"),
    "sidecar of a tag": _said("tags", "fields: !!python/object/apply:os.system [ls]\n"),
    "sidecar of a control character": _said("control", "fields: {title: 'a\x07'}\n"),
    "sidecar of an open quote": _said("quotation mark", "fields: {title: 'a}\n"),
    "sidecar of a colon too many": _said("quotes", "fields:\n  title: a: b\n"),
    "sidecar of no calendar's day": _said("no such day", "fields:\n  issued: 2024-13-45\n"),
    "sidecar of two megabytes": _said("large", "fields: {summary: '" + "".join(map(str, range(300_000))) + "'}\n"),
    "sidecar of an unknown profile": _said("moonwater", "profile: moonwater\n"),
    "sidecar of an unknown secrecy": _said("secrecy|cosmic", "secrecy: cosmic\n"),
    "sidecar of an unknown field": _said("colour", "fields: {colour: red}\n"),
    "sidecar of fields that are a list": _said("map", "fields: [a, b]\n"),
    "sidecar of an unknown key": _said("nothing", "key: nothing\n"),
    "sidecar of a key that repeats": _said("n", "key: n\n", b"id,n\n1,2\n2,2\n"),
    "sidecar of an unknown type": _said("colour", "columns: {id: {name: id, type: colour}}\n"),
    "sidecar of a type that does not fit": _said("date|n", "columns: {n: {name: n, type: date}}\n"),
    "sidecar of an unknown system": _said("999999", "crs: EPSG:999999\n", collection(feature(POINT)).encode(), "a.geojson"),
    "sidecar of an unknown encoding": _said("klingon", "encoding: klingon\n"),
    "sidecar of terms that are a text": _said("map", "terms: none\n"),
}  # fmt: skip
