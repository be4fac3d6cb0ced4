"""Which kind of file this is, by its content; the suffix only helps where the content leaves it open."""

import hashlib
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lxml import etree

from catalog.errors import IngestError
from catalog.ingest.archive import Budget, member_names, read_archive
from catalog.ingest.csv_file import csv_in_zip, read_csv
from catalog.ingest.decoding import encoding_of
from catalog.ingest.fgdc import is_fgdc, read_fgdc
from catalog.ingest.iso import is_iso, read_iso
from catalog.ingest.json_file import read_json
from catalog.ingest.library_words import said
from catalog.ingest.model import Found, Item, Refused, Sidecar
from catalog.ingest.raster import is_tiff, read_geotiff
from catalog.ingest.xlsx import is_workbook, read_workbook
from catalog.ingest.xml import check_xml, parse_xml, root_name
from catalog.profiles import Profile
from catalog.profiles import profile as profile_named
from catalog.quarantine import Bad

__all__ = ["read_items"]

_PAGE = ("网页（HTML）", "a web page (HTML)")
_XML_NAMES = {
    "metadata": ("元数据，但不是 FGDC CSDGM", "metadata, but not FGDC CSDGM"),
    "Record": ("都柏林核心记录", "a Dublin Core record"),
    "html": _PAGE,
}
#: Root element → kind of `vector`.
_VECTOR_ROOTS = {"kml": "kml", "FeatureCollection": "gml"}
_MAGIC = (
    (b"%PDF-", ("PDF", "PDF")),
    (b"\x89PNG", ("PNG 图像", "a PNG image")),
    (b"\xff\xd8\xff", ("JPEG 图像", "a JPEG image")),
    (b"GIF8", ("GIF 图像", "a GIF image")),
    (b"\x1f\x8b", ("gzip 压缩文件（请先解压）", "gzip (unpack it first)")),
    (b"Rar!\x1a\x07", ("RAR 压缩文件（请先解压）", "a RAR archive (unpack it first)")),
    (b"7z\xbc\xaf\x27\x1c", ("7z 压缩文件（请先解压）", "a 7z archive (unpack it first)")),
    (b"BZh", ("bzip2 压缩文件（请先解压）", "bzip2 (unpack it first)")),
    (b"\xfd7zXZ\x00", ("xz 压缩文件（请先解压）", "xz (unpack it first)")),
    (b"\x28\xb5\x2f\xfd", ("Zstandard 压缩文件（请先解压）", "Zstandard (unpack it first)")),
    (b"PK\x07\x08", ("分卷 zip 的一卷（请合并后再收录）", "one part of a split zip (put its parts together first)")),
    (b"CDF", ("NetCDF", "NetCDF")),
    (b"\x89HDF", ("HDF5 或 NetCDF", "HDF5 or NetCDF")),
    (b"PAR1", ("Parquet", "Parquet")),
    (b"LASF", ("LAS 点云", "a LAS point cloud")),
    (b"AC10", ("DWG 图形", "a DWG drawing")),
    (b"MZ", ("Windows 程序", "a Windows program")),
    (b"\x7fELF", ("程序", "a program")),
    (b"\x00\x01\x00\x00Standard ", ("Access 数据库", "an Access database")),
    (b"{\\rtf", ("RTF 文档", "an RTF document")),
)
_OLE = b"\xd0\xcf\x11\xe0"
#: A stream of that name holds a workbook or document under a password.
_UNDER_PASSWORD = "EncryptedPackage".encode("utf-16-le")
#: Beginning of a file → kind of `vector`.
_VECTOR = ((b"SQLite format 3\x00", "gpkg"), (b"fgb\x03fgb", "fgb"), (b"\x00\x00'\x0a", "shp"))

#: Suffixes that make an archive with a sidecar more than a document.
_DATA = (".shp", ".gpkg", ".fgb", ".geojson", ".json", ".csv", ".tsv", ".kml", ".gml", ".xlsx", ".xml", ".tif", ".tiff", ".ttl", ".rdf", ".zip")

#: Turtle begins with a prefix, a base, a comment before one, or a subject in angle brackets with a predicate.
_TURTLE = re.compile(r"(?:#[^\n]*\n\s*)*(?:@prefix|@base|prefix\s|base\s*<)|<[a-z][a-z0-9+.-]*:[^<>\s]*>\s", re.IGNORECASE)

_HTML = re.compile(r"(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)


def read_items(path: Path, profile: Profile, sidecar: Sidecar, budget: Budget | None = None) -> Iterator[Found]:
    """The records of a file.

    Args:
        budget: what it may unpack to, of a file inside an archive.

    Raises:
        IngestError: it cannot be read, or its kind is not taken in; says which kind it is. A file with a sidecar is taken in whatever it is.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        zh, en = said(error.strerror or str(error))
        raise IngestError(zh=f"无法读取 {path}：{zh}", en=f"cannot read {path}: {en}") from error
    if not head.strip():
        raise IngestError(zh=f"{path.name} 是空文件", en=f"{path.name} is empty")
    if is_tiff(head):
        yield read_geotiff(path)
    elif head.startswith(b"PK\x03\x04") or (head.startswith(b"PK\x05\x06") and zipfile.is_zipfile(path)):
        yield from _read_zip(path, profile, sidecar, budget or Budget())
    elif (kind := next((kind for magic, kind in _VECTOR if head.startswith(magic)), None)) is not None:
        from catalog.ingest.vector import read_vector

        yield from read_vector(path, kind, profile, sidecar)
    elif (named := _named(path, head)) is not None:
        yield _other(path, sidecar, named, path.suffix.lower().lstrip(".") or "bin")
    else:
        yield from _read_text(path, head, profile, sidecar)


def _named(path: Path, head: bytes) -> tuple[str, str] | None:
    """What a file is that is no text, by its first bytes; None of one that may be text."""
    if head.startswith(_OLE):
        with path.open("rb") as file:
            locked = _UNDER_PASSWORD in file.read(1 << 20)
        return (
            ("有密码的 Office 文档（请先去掉密码）", "an Office document with a password (take it away first)")
            if locked
            else ("Office 97 文档", "an Office 97 document")
        )
    if head[257:262] == b"ustar":
        return "tar 包（请先解开）", "a tar archive (unpack it first)"
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def _read_zip(path: Path, profile: Profile, sidecar: Sidecar, budget: Budget) -> Iterator[Found]:
    names = member_names(path)
    if csv_in_zip(path) is not None:
        yield read_csv(path, profile, sidecar)
    elif "xl/workbook.bin" in names:
        yield _other(path, sidecar, ("二进制 Excel 工作簿（请另存为 .xlsx）", "a binary Excel workbook (save it as .xlsx)"), "xlsb")
    elif is_workbook(names):
        yield from read_workbook(path, profile, sidecar)
    elif "[Content_Types].xml" in names or names[:1] == ["mimetype"]:
        word = any(name.startswith("word/") for name in names)
        yield _other(path, sidecar, ("Office 文档", "an Office document"), "docx" if word else path.suffix.lower().lstrip(".") or "zip")
    elif sidecar.fields and not any(_is_data(name) for name in names):  # an archive that a person has described
        yield _other(path, sidecar, ("zip", "a zip"), "zip")
    else:
        yield from read_archive(path, budget, lambda file, own, left: read_items(file, _profile(own, profile), own, left), sidecar)


def _profile(sidecar: Sidecar, otherwise: Profile) -> Profile:
    return profile_named(sidecar.profile) if sidecar.profile else otherwise


def _is_data(name: str) -> bool:
    return name.lower().endswith(_DATA)


def _read_text(path: Path, head: bytes, profile: Profile, sidecar: Sidecar) -> Iterator[Found]:
    encoding = sidecar.encoding or encoding_of(path)
    try:
        start = head.decode(encoding, "ignore").lstrip("\ufeff \t\r\n\x1e")
    except LookupError as error:
        raise IngestError(zh=f"附属文件的编码不明：{encoding}", en=f"the sidecar names an unknown encoding: {encoding}") from error
    if _TURTLE.match(start):
        from catalog.ingest.dcat import read_graph

        yield from read_graph(path, "turtle", encoding)
    elif _HTML.match(start):
        yield _other(path, sidecar, _PAGE, "html")
    elif start.startswith("version https://git-lfs."):
        yield _other(path, sidecar, ("Git LFS 的指针，不是文件本身", "a pointer of Git LFS, not the file itself"), "txt")
    elif start.startswith("<"):
        yield from _read_xml(path, profile, sidecar)
    elif start.startswith(("{", "[")):
        try:
            yield from read_json(path, start, encoding, profile, sidecar)
        except UnicodeDecodeError as error:
            raise IngestError(zh=f"{path.name} 无法以 {encoding} 解码", en=f"{path.name} cannot be decoded as {encoding}") from error
    else:
        yield read_csv(path, profile, sidecar)


def _read_xml(path: Path, profile: Profile, sidecar: Sidecar) -> Iterator[Found]:
    kind = _VECTOR_ROOTS.get(root_name(path))
    if kind is not None:
        from catalog.ingest.vector import read_vector

        check_xml(path)
        yield from read_vector(path, kind, profile, sidecar)
        return
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
    called = named[0] if named[0][0] >= "\u4e00" else f" {named[0]}"
    zh = f"{path.name} 是{called}，不能直接收录；可收的格式见 catalog/ingest/README.md；或在旁附 {path.name}.terrace.yaml 写明 fields"
    en = f"{path.name} is {named[1]}, which cannot be taken in by itself (README.md of intake lists what can); or describe it in {path.name}.terrace.yaml"
    raise IngestError(zh=zh, en=en)
