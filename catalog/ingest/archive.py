"""Zips from strangers: what is in them is unpacked into a folder of its own, and taken in file by file.

Refused as a whole: links, names that lead out, passwords, names twice, more than is accepted after unpacking (declared and counted). Names that are not marked
as UTF-8 are read as GB18030 where they are that: Chinese programs write them so.
"""

import contextlib
import shutil
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from catalog.errors import CatalogError, IngestError
from catalog.ingest.files import digest_of, gather
from catalog.ingest.joining import joined, joined_of_several
from catalog.ingest.library_words import said
from catalog.ingest.model import Found, Item, Refused, Sidecar
from catalog.ingest.sidecar import is_sidecar, read_sidecar, sidecar_of
from catalog.quarantine import Bad

__all__ = ["Budget", "broken_zip", "member_names", "read_archive"]

MAX_MEMBERS = 10_000
MAX_UNZIPPED = 8 << 30
MAX_RATIO = 250
MAX_DEPTH = 3
#: What lies beside data and is no data: left out with a note.
_BESIDE = (".txt", ".md", ".pdf", ".html", ".htm", ".doc", ".docx", ".lyr", ".qml", ".sld", ".rtf")


@dataclass
class Budget:
    """What a file may still unpack to, with all archives inside it.

    Attributes:
        left: bytes.
        depth: archives around.
    """

    left: int = MAX_UNZIPPED
    depth: int = 0


#: Reads one file that was unpacked.
type Reader = Callable[[Path, Sidecar, Budget], Iterator[Found]]


def member_names(path: Path) -> list[str]:
    """Names of the members, without folders and what macOS adds. Raises IngestError when it is no sound zip."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, OSError, NotImplementedError, ValueError) as error:
        raise broken_zip(path, error) from error
    return [name for name in names if not name.startswith("__MACOSX/") and not PurePosixPath(name).name.startswith(".")]


def broken_zip(path: Path, error: Exception) -> IngestError:
    """What to say of a zip that cannot be read."""
    zh, en = said(error)
    return IngestError(zh=f"{path.name} 不是完好的 zip：{zh}", en=f"{path.name} is not a sound zip: {en}")


def read_archive(path: Path, budget: Budget, reader: Reader, sidecar: Sidecar) -> Iterator[Found]:
    """Reads all files of an archive. The only one keeps the archive as its original, each of several itself.

    Args:
        sidecar: of the archive; holds of everything in it (`joining`).

    Raises:
        IngestError: it may not be unpacked, or nothing of it can be taken in.
    """
    if budget.depth >= MAX_DEPTH:
        raise IngestError(zh=f"{path.name} 中压缩包套压缩包超过 {MAX_DEPTH} 层", en=f"{path.name} nests archives deeper than {MAX_DEPTH}")
    with tempfile.TemporaryDirectory(prefix="terrace-") as folder:
        root = Path(folder)
        _unpack(path, root, budget)
        files = gather([root])
        if not files:
            raise IngestError(zh=f"{path.name} 中没有文件", en=f"{path.name} holds no file")
        inner = Budget(budget.left, budget.depth + 1)
        data = [file for file in files if file.suffix.lower() not in _BESIDE and not file.name.lower().startswith(("readme", "license"))] or files
        if len(data) == 1:
            yield from _only(data[0], root, sidecar, inner, reader)
        else:
            yield from _each(data, root, sidecar, inner, reader, [file for file in files if file not in data])
        budget.left = inner.left


def _only(file: Path, root: Path, sidecar: Sidecar, budget: Budget, reader: Reader) -> Iterator[Found]:
    member = file.relative_to(root).as_posix()
    beside = sidecar_of(file)
    own = joined(sidecar, read_sidecar(beside))
    for found in reader(file, own, budget):
        if isinstance(found, Refused):
            yield Refused(found.part, replace(found.bad, member=found.bad.member or member))
        else:
            shape = found.format == "shp"  # whose own original is a zip as well
            kept = replace(found, sidecar=own if found.sidecar is None else joined(own, found.sidecar), member=found.member or member)
            yield replace(kept, file=None, name=None, format="shp" if shape else "zip") if not found.part else kept


def _each(files: list[Path], root: Path, outer: Sidecar, budget: Budget, reader: Reader, left_out: list[Path]) -> Iterator[Found]:
    said = ", ".join(file.relative_to(root).as_posix() for file in left_out)[:300]
    notes = ((f"压缩包中未收录：{said}", f"left out of the archive: {said}"),) if said else ()
    for file in files:
        member = file.relative_to(root).as_posix()
        try:
            for found in _member(file, member, outer, budget, reader):
                if isinstance(found, Item) and notes:
                    found, notes = replace(found, notes=(*found.notes, *notes)), ()
                yield found
        except CatalogError as error:
            yield Refused(member, Bad({}, error.kind, error.zh, error.en, member=member))


def _member(file: Path, member: str, outer: Sidecar, budget: Budget, reader: Reader) -> Iterator[Found]:
    """What one file of several becomes."""
    if is_sidecar(file):
        yield Item({}, "yaml", part=member, original=False, member=member, sidecar=joined_of_several(outer, read_sidecar(file)))
        return
    own = read_sidecar(sidecar_of(file))
    sidecar = joined_of_several(outer, own)
    digest = digest_of(file)
    for found in reader(file, replace(sidecar, fields=own.fields), budget):  # words on the archive do not make a record of whatever lies in it
        part = f"{member}#{found.part}" if found.part else member
        if isinstance(found, Refused):
            yield Refused(part, replace(found.bad, member=found.bad.member or member))
            continue
        content = found.digest or (f"{digest}/{found.part}" if found.part else digest)
        said = sidecar if found.sidecar is None else joined_of_several(sidecar, found.sidecar)
        kept = replace(found, part=part, digest=content, member=found.member or member, sidecar=said)
        yield replace(kept, file=found.file or file, name=found.name or file.name) if found.original else kept


# --- unpacking ---------------------------------------------------------------------------------------------------------------------------


def _unpack(path: Path, root: Path, budget: Budget) -> None:
    """Unpacks all members into a folder. Raises IngestError; what is in the folder then goes with it."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
            names = _names(path, members)
            declared = sum(info.file_size for info in members)
            if declared > budget.left or declared > shutil.disk_usage(root).free:
                raise _too_much(path, declared)
            for info in members:
                if info.file_size > MAX_RATIO * max(info.compress_size, 4_096):
                    raise _too_much(path, info.file_size)
            for info, name in zip(members, names, strict=True):
                _write(archive, info, root / name, budget, path)
    except OSError as error:
        zh, en = said(error.strerror or str(error))
        raise IngestError(zh=f"{path.name} 无法解压：{zh}", en=f"{path.name} cannot be unpacked: {en}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise broken_zip(path, error) from error


def _names(path: Path, members: list[zipfile.ZipInfo]) -> list[PurePosixPath]:
    """Safe names of the members. Raises IngestError."""
    if len(members) > MAX_MEMBERS:
        raise IngestError(zh=f"{path.name} 有 {len(members)} 个文件，上限 {MAX_MEMBERS}", en=f"{path.name} has {len(members)} members, at most {MAX_MEMBERS}")
    names = []
    for info, written in zip(members, _decoded(members), strict=True):
        name = PurePosixPath(written.replace("\\", "/"))
        if info.flag_bits & 1:
            raise IngestError(zh=f"{path.name} 有密码", en=f"{path.name} is protected by a password")
        if (info.external_attr >> 16) & 0o170000 in (0o120000, 0o060000, 0o020000, 0o010000):
            raise IngestError(zh=f"{path.name} 中的 {name} 是链接或设备，不予解压", en=f"{path.name}: {name} is a link or a device, which is not unpacked")
        if name.is_absolute() or ".." in name.parts or ":" in (name.parts or ("",))[0] or not name.parts or "\x00" in str(name):
            raise IngestError(zh=f"{path.name} 中的 {str(name)[:100]} 指向外部", en=f"{path.name}: the name {str(name)[:100]} leads out of the archive")
        if any(unicodedata.category(each) in ("Cc", "Cs") for each in written):
            shown = ascii(str(name)[:100])
            raise IngestError(zh=f"{path.name} 中的文件名含控制字符：{shown}", en=f"{path.name}: control characters in the name of a member: {shown}")
        names.append(name)
    if len(set(names)) < len(names):
        raise IngestError(zh=f"{path.name} 中有重名文件", en=f"{path.name} holds two members of the same name")
    return names


def _decoded(members: list[zipfile.ZipInfo]) -> list[str]:
    """Names; those that are not marked as UTF-8 are all of one encoding."""
    old: dict[int, bytes] = {}
    for at, info in enumerate(members):
        if not info.flag_bits & 0x800 and not info.filename.isascii():
            with contextlib.suppress(UnicodeEncodeError):
                old[at] = info.filename.encode("cp437")
    names = [info.filename for info in members]
    for encoding in ("utf-8", "gb18030"):
        try:
            found = {at: raw.decode(encoding) for at, raw in old.items()}
        except UnicodeDecodeError:
            continue
        return [found.get(at, name) for at, name in enumerate(names)]
    return names


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, budget: Budget, path: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(info) as packed, target.open("xb") as out:
        while chunk := packed.read(1 << 20):
            budget.left -= len(chunk)
            if budget.left < 0:
                raise _too_much(path, MAX_UNZIPPED)
            out.write(chunk)


def _too_much(path: Path, size: int) -> IngestError:
    return IngestError(zh=f"{path.name} 解压后 {size} 字节，超出上限", en=f"{path.name} would unpack to {size} bytes, more than is accepted")
