"""Which kind of file this is, by its content; the suffix only helps where the content leaves it open."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from catalog.errors import IngestError
from catalog.ingest.csv_file import csv_in_zip, read_csv
from catalog.ingest.decoding import encoding_of
from catalog.ingest.geojson import is_geojson, load_json, read_geojson
from catalog.ingest.iso import is_iso, read_iso
from catalog.ingest.model import Item, Sidecar
from catalog.ingest.raster import is_tiff, read_geotiff
from catalog.ingest.xml import parse_xml
from catalog.profiles import Profile

__all__ = ["read_items"]

_XML_NAMES = {
    "metadata": ("FGDC CSDGM 元數據", "FGDC CSDGM metadata"),
    "RDF": ("DCAT（RDF/XML）", "DCAT (RDF/XML)"),
    "kml": ("KML", "KML"),
    "FeatureCollection": ("GML", "GML"),
    "Record": ("都柏林核心記錄", "a Dublin Core record"),
}
_MAGIC = (
    (b"SQLite format 3\x00", ("GeoPackage 或 SQLite", "GeoPackage or SQLite")),
    (b"%PDF-", ("PDF", "PDF")),
    (b"\x89PNG", ("PNG 圖像", "a PNG image")),
    (b"\xff\xd8\xff", ("JPEG 圖像", "a JPEG image")),
    (b"fgb", ("FlatGeobuf", "FlatGeobuf")),
    (b"\x1f\x8b", ("gzip", "gzip")),
    (b"\xd0\xcf\x11\xe0", ("Office 97 文檔", "an Office 97 document")),
    (b"CDF", ("NetCDF", "NetCDF")),
    (b"\x89HDF", ("HDF5 或 NetCDF", "HDF5 or NetCDF")),
    (b"\x00\x00'\x0a", ("Shapefile（請壓縮成 zip）", "a Shapefile (zip its parts)")),
)


def read_items(path: Path, profile: Profile, sidecar: Sidecar) -> Iterator[Item]:
    """The records of a file.

    Raises:
        IngestError: it cannot be read, or its kind is not taken in; says which kind it is. A file with a sidecar is taken in whatever it is.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise IngestError(zh=f"無法讀取 {path}：{error}", en=f"cannot read {path}: {error}") from error
    if not head.strip():
        raise IngestError(zh=f"{path.name} 是空檔案", en=f"{path.name} is empty")
    if is_tiff(head):
        yield read_geotiff(path)
    elif zipfile.is_zipfile(path):
        if csv_in_zip(path) is None:
            yield _other(path, sidecar, ("zip（內有多個檔案或不是 CSV）", "a zip with several files, or not of CSV"), "zip")
        else:
            yield read_csv(path, profile, sidecar)
    elif (named := next((name for magic, name in _MAGIC if head.startswith(magic)), None)) is not None:
        yield _other(path, sidecar, named, path.suffix.lower().lstrip(".") or "bin")
    else:
        yield from _read_text(path, head, profile, sidecar)


def _read_text(path: Path, head: bytes, profile: Profile, sidecar: Sidecar) -> Iterator[Item]:
    encoding = sidecar.encoding or encoding_of(path)
    try:
        start = head.decode(encoding, "ignore").lstrip("\ufeff \t\r\n")
    except LookupError as error:
        raise IngestError(zh=f"附檔的編碼不明：{encoding}", en=f"the sidecar names an unknown encoding: {encoding}") from error
    if start.startswith(("@prefix", "@base", "PREFIX ")):
        yield _other(path, sidecar, ("RDF（Turtle）", "RDF (Turtle)"), "ttl")
    elif start.startswith("<"):
        yield _read_xml(path, sidecar)
    elif start.startswith(("{", "[")):
        data = load_json(path, sidecar.encoding)
        if isinstance(data, dict) and "stac_version" in data:
            yield _other(path, sidecar, ("STAC 條目", "a STAC item"), "json")
            return
        yield (
            read_geojson(data, path, profile, sidecar)
            if is_geojson(data)
            else _other(path, sidecar, ("JSON（不是 GeoJSON）", "JSON that is not GeoJSON"), "json")
        )
    else:
        yield read_csv(path, profile, sidecar)


def _read_xml(path: Path, sidecar: Sidecar) -> Item:
    root = parse_xml(path)
    if is_iso(root):
        return read_iso(root, path)
    inner = [each for each in root.iter() if isinstance(each.tag, str) and is_iso(each)]
    if len(inner) == 1:  # one record inside an answer of a catalogue service
        return read_iso(inner[0], path)
    name = etree.QName(root).localname
    return _other(path, sidecar, _XML_NAMES.get(name, (f"XML（根元素 {name}）", f"XML with the root {name}")), "xml")


def _other(path: Path, sidecar: Sidecar, named: tuple[str, str], format_code: str) -> Item:
    """Any file with a sidecar is a record with that file; without one, its kind is refused by name."""
    if sidecar.fields:
        return Item(fields={}, guessed={"kind": "document"}, format=format_code)
    zh = f"{path.name} 是{named[0]}，目前不能直接收錄；可收：ISO 19139、GeoJSON、CSV（或壓縮的 CSV）、GeoTIFF；或在旁附 {path.name}.terrace.yaml 寫明 fields"
    known = "ISO 19139, GeoJSON, CSV (also zipped) and GeoTIFF"
    en = f"{path.name} is {named[1]}, which cannot be taken in by itself; {known} can; or describe it in {path.name}.terrace.yaml"
    raise IngestError(zh=zh, en=en)
