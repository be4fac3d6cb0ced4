"""Which files to take: folders opened up, the parts of a Shapefile together, what belongs to another file not by itself; and the digest of each.

A file that is hidden or a link inside a folder is left out; one that is named by itself is taken.
"""

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from catalog.errors import IngestError
from catalog.ingest.library_words import said
from catalog.ingest.sidecar import is_sidecar, stands_alone

__all__ = ["digest_of", "gather", "of_a_site", "parts_of", "zipped_parts"]

#: Suffix of a main file → suffixes of files that belong to it: with the stem, or behind the whole name.
_SHAPE = (".dbf", ".shx", ".prj", ".cpg", ".cst", ".sbn", ".sbx", ".qix", ".qpj", ".qmd", ".fbn", ".fbx", ".ain", ".aih", ".ixs", ".mxs", ".atx", ".idm")
_COMPANIONS = {
    ".shp": (_SHAPE, (".xml",)),
    ".tif": ((".tfw", ".ovr", ".rrd"), (".aux.xml", ".ovr", ".xml", ".msk")),
    ".tiff": ((".tfw", ".ovr", ".rrd"), (".aux.xml", ".ovr", ".xml", ".msk")),
    ".gml": ((".gfs", ".xsd"), ()),
    ".gpkg": ((), ("-wal", "-shm", "-journal")),
}
#: What makes up a site's folder.
_OWN = frozenset({"terrace.yaml", "keys", "policies", "objects", "logs", "run", "fetching", "log.mark"})
#: Parts of a Shapefile that are read, and so count as its content.
_READ = (".shp", ".dbf", ".shx", ".prj", ".cpg", ".cst")


def gather(paths: Iterable[Path]) -> list[Path]:
    """The files to take in, each once, those of a folder in the order of their names.

    Args:
        paths: files, and folders, of which every file is taken that is not hidden, no link and no part of a site (`of_a_site`). Sidecars are read with their
            data file, and are records of their own only where there is none; companions are read with their main file.
    """
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        found |= dict.fromkeys(_inside(path) if path.is_dir() else [path])
    taken = [path for path in found if not is_sidecar(path) or stands_alone(path)]
    belonging = {_folded(each) for path in taken for each in _companions(path)}
    return [path for path in taken if _folded(path) not in belonging]


def _inside(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.relative_to(folder).parts)
        if not hidden and not path.is_symlink() and path.is_file() and not of_a_site(path):
            yield path


def of_a_site(path: Path) -> bool:
    """Whether a file is a part of a site itself (its keys, policies, database), which is no data: not of what people put into its folder besides."""
    path = path.absolute()
    for folder in path.parents:
        if _is_site(folder):
            first = path.relative_to(folder).parts[0]
            return first in _OWN or first.startswith("terrace.db")
    return False


@lru_cache(maxsize=1_000)
def _is_site(folder: Path) -> bool:
    return (folder / "terrace.yaml").is_file() and (folder / "keys").is_dir()


def _folded(path: Path) -> Path:
    return path.parent / path.name.lower()


def _companions(path: Path) -> list[Path]:
    by_stem, behind = _COMPANIONS.get(path.suffix.lower(), ((), ()))
    return [path.with_name(path.stem + suffix) for suffix in by_stem] + [path.with_name(path.name + suffix) for suffix in behind]


def parts_of(path: Path) -> list[Path]:
    """The files that make up what is read under one name: of a Shapefile its parts, of anything else the file."""
    if path.suffix.lower() != ".shp":
        return [path]
    try:
        beside = {_folded(each): each for each in path.parent.iterdir()}
    except OSError:
        return [path]
    wanted = (_folded(path.with_name(path.stem + suffix)) for suffix in _READ)
    return [path, *(beside[each] for each in wanted if each in beside and beside[each] != path)]


def digest_of(path: Path) -> str:
    """SHA-256 of what is read, in hexadecimal digits.

    Raises:
        IngestError: it cannot be read.
    """
    try:
        digests = []
        for part in parts_of(path):
            with part.open("rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    except OSError as error:
        zh, en = said(error.strerror or str(error))
        raise IngestError(zh=f"无法读取 {path}：{zh}", en=f"cannot read {path}: {en}") from error
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def zipped_parts(path: Path, target: Path) -> None:
    """Writes the parts of a Shapefile into one zip, which is the same for the same parts."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts_of(path):
            info = zipfile.ZipInfo(part.name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            with part.open("rb") as file, archive.open(info, "w", force_zip64=True) as packed:
                while chunk := file.read(1 << 20):
                    packed.write(chunk)
