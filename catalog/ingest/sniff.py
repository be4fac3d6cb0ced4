"""Which kind of file this is, by its content; the suffix only helps where the content leaves it open."""

import hashlib
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lxml import etree

from catalog.errors import IngestError
from catalog.ingest.csv_file import csv_in_zip, read_csv
from catalog.ingest.decoding import encoding_of
from catalog.ingest.fgdc import is_fgdc, read_fgdc
from catalog.ingest.iso import is_iso, read_iso
from catalog.ingest.json_file import read_json
from catalog.ingest.model import Found, Item, Refused, Sidecar
from catalog.ingest.raster import is_tiff, read_geotiff
from catalog.ingest.xml import parse_xml
from catalog.profiles import Profile
from catalog.quarantine import Bad

__all__ = ["read_items"]

_XML_NAMES = {
    "metadata": ("元数据，但不是 FGDC CSDGM", "metadata, but not FGDC CSDGM"),
    "kml": ("KML", "KML"),
    "FeatureCollection": ("GML", "GML"),
    "Record": ("都柏林核心记录", "a Dublin Core record"),
}
_MAGIC = (
    (b"SQLite format 3\x00", ("GeoPackage 或 SQLite", "GeoPackage or SQLite")),
    (b"%PDF-", ("PDF", "PDF")),
    (b"\x89PNG", ("PNG 图像", "a PNG image")),
    (b"\xff\xd8\xff", ("JPEG 图像", "a JPEG image")),
    (b"fgb", ("FlatGeobuf", "FlatGeobuf")),
    (b"\x1f\x8b", ("gzip", "gzip")),
    (b"\xd0\xcf\x11\xe0", ("Office 97 文档", "an Office 97 document")),
    (b"CDF", ("NetCDF", "NetCDF")),
    (b"\x89HDF", ("HDF5 或 NetCDF", "HDF5 or NetCDF")),
    (b"\x00\x00'\x0a", ("Shapefile（请压缩成 zip）", "a Shapefile (zip its parts)")),
)

#: Turtle begins with a prefix, a base, a comment before one, or a subject in angle brackets with a predicate.
_TURTLE = re.compile(r"(?:#[^\n]*\n\s*)*(?:@prefix|@base|prefix\s|base\s*<)|<[a-z][a-z0-9+.-]*:[^<>\s]*>\s", re.IGNORECASE)


def read_items(path: Path, profile: Profile, sidecar: Sidecar) -> Iterator[Found]:
    """The records of a file.

    Raises:
        IngestError: it cannot be read, or its kind is not taken in; says which kind it is. A file with a sidecar is taken in whatever it is.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise IngestError(zh=f"无法读取 {path}：{error}", en=f"cannot read {path}: {error}") from error
    if not head.strip():
        raise IngestError(zh=f"{path.name} 是空文件", en=f"{path.name} is empty")
    if is_tiff(head):
        yield read_geotiff(path)
    elif zipfile.is_zipfile(path) or head.startswith(b"PK\x03\x04"):
        if csv_in_zip(path) is None:
            yield _other(path, sidecar, ("zip（内有多个文件或不是 CSV）", "a zip with several files, or not of CSV"), "zip")
        else:
            yield read_csv(path, profile, sidecar)
    elif (named := next((name for magic, name in _MAGIC if head.startswith(magic)), None)) is not None:
        yield _other(path, sidecar, named, path.suffix.lower().lstrip(".") or "bin")
    else:
        yield from _read_text(path, head, profile, sidecar)


def _read_text(path: Path, head: bytes, profile: Profile, sidecar: Sidecar) -> Iterator[Found]:
    encoding = sidecar.encoding or encoding_of(path)
    try:
        start = head.decode(encoding, "ignore").lstrip("\ufeff \t\r\n\x1e")
    except LookupError as error:
        raise IngestError(zh=f"附属文件的编码不明：{encoding}", en=f"the sidecar names an unknown encoding: {encoding}") from error
    if _TURTLE.match(start):
        from catalog.ingest.dcat import read_graph

        yield from read_graph(path, "turtle", encoding)
    elif start.startswith("<"):
        yield from _read_xml(path, sidecar)
    elif start.startswith(("{", "[")):
        try:
            yield from read_json(path, start, encoding, profile, sidecar)
        except UnicodeDecodeError as error:
            raise IngestError(zh=f"{path.name} 无法以 {encoding} 解码", en=f"{path.name} cannot be decoded as {encoding}") from error
    else:
        yield read_csv(path, profile, sidecar)


def _read_xml(path: Path, sidecar: Sidecar) -> Iterator[Found]:
    root = parse_xml(path)
    name = etree.QName(root).localname
    if is_iso(root):
        yield read_iso(root, path)
    elif is_fgdc(root):
        yield read_fgdc(root, path)
    elif name == "RDF":
        from catalog.ingest.dcat import read_graph

        yield from read_graph(path, "xml")
    elif inner := [each for each in root.iter() if isinstance(each.tag, str) and is_iso(each)]:
        yield from _inside(inner, path)
    else:
        yield _other(path, sidecar, _XML_NAMES.get(name, (f"XML（根元素 {name}）", f"XML with the root {name}")), "xml")


def _inside(records: list[etree._Element], path: Path) -> Iterator[Found]:
    """Records inside an answer of a catalogue service; the only one keeps the file as its original."""
    if len(records) == 1:
        yield read_iso(records[0], path)
        return
    for number, record in enumerate(records, 1):
        try:
            item = read_iso(record, path)
        except IngestError as error:
            yield Refused(f"record-{number}", Bad({"path": f"record[{number}]"}, error.kind, error.zh, error.en))
            continue
        part = str(item.fields.get("x.iso_identifier") or f"record-{number}")
        digest = hashlib.sha256(etree.tostring(record, method="c14n2")).hexdigest()
        yield replace(item, part=part[:300], digest=digest, original=False)


def _other(path: Path, sidecar: Sidecar, named: tuple[str, str], format_code: str) -> Item:
    """Any file with a sidecar is a record with that file; without one, its kind is refused by name."""
    if sidecar.fields:
        return Item(fields={}, guessed={"kind": "document"}, format=format_code)
    zh = f"{path.name} 是{named[0]}，不能直接收录；可收的格式见 catalog/ingest/README.md；或在旁附 {path.name}.terrace.yaml 写明 fields"
    en = f"{path.name} is {named[1]}, which cannot be taken in by itself (README.md of intake lists what can); or describe it in {path.name}.terrace.yaml"
    raise IngestError(zh=zh, en=en)
