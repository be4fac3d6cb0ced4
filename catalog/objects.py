"""Files behind records, named by their sha256: a local folder, an S3-compatible store, or any cloud that apache-libcloud knows, behind one interface.

Rules:

1. The name of an object is the hash of its bytes; what is there under a name never changes, so that putting twice is the same as once.
2. An object is there whole or not at all: locally it is written to a temporary file, synced, checked and renamed; remotely the hash is known before the upload.
3. Names come from outside: only 64 hexadecimal digits are a name, so that none leads out of the store.
4. Reading is streamed and may begin and end anywhere (`start` inclusive, `end` exclusive), for Range requests.
5. The table `object` notes what is here (`note`), in the transaction of the record that names it.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import insert, select, update

from catalog import faults
from catalog.errors import NotFoundError, ObjectError
from catalog.tables import object_
from catalog.transaction import WriteTransaction

__all__ = ["CHUNK", "OBJECT_NAME", "LocalObjects", "Noting", "Objects", "Stored", "check_bounds", "check_name", "copy_hashed", "open_objects"]

CHUNK = 1 << 20
OBJECT_NAME = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that is in the store."""

    sha256: str
    size: int


class Objects(Protocol):
    """A store of objects."""

    def has(self, sha256: str) -> bool:
        """Whether the whole object is there."""
        ...

    def size(self, sha256: str) -> int:
        """Bytes of an object. Raises NotFoundError."""
        ...

    def put(self, file: IO[bytes], *, media_type: str | None = None, expect: str | None = None, limit: int | None = None) -> Stored:
        """Stores what `file` gives from its present place to its end.

        Args:
            media_type: told to stores that keep it.
            expect: sha256 that it must have.
            limit: bytes that it may have.

        Raises:
            ObjectError: another hash, too large, or the store cannot be written to; nothing is kept.
        """
        ...

    def open(self, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Streams an object or a part of it.

        Args:
            start: first byte. end: byte behind the last, or None.

        Raises:
            NotFoundError: no such object.
            ObjectError: `start` and `end` lie outside of it, or the store cannot be read.
        """
        ...

    def delete(self, sha256: str) -> None:
        """Removes an object; nothing happens when it is not there."""
        ...

    def names(self) -> Iterator[str]:
        """All objects that are there."""
        ...

    def note(self, tx: WriteTransaction, sha256: str, *, media_type: str | None = None) -> None:
        """Notes in the table `object` that an object is here."""
        ...


class Noting:
    """What all stores do alike."""

    def size(self, sha256: str) -> int:
        raise NotImplementedError

    def note(self, tx: WriteTransaction, sha256: str, *, media_type: str | None = None) -> None:
        """See `Objects.note`."""
        state = tx.conn.scalar(select(object_.c.state).where(object_.c.sha256 == sha256))
        if state == "held":
            return
        size = self.size(sha256)  # raises where the file was cleared away after it was put (catalog.withdrawn)
        if state is None:
            tx.conn.execute(insert(object_).values(sha256=sha256, size=size, media_type=media_type, state="held", added=tx.now))
        else:
            tx.conn.execute(update(object_).where(object_.c.sha256 == sha256).values(state="held", added=tx.now))


def check_name(sha256: str) -> str:
    if not isinstance(sha256, str) or OBJECT_NAME.match(sha256) is None:
        raise NotFoundError
    return sha256


def check_bounds(size: int, start: int, end: int | None) -> tuple[int, int]:
    last = size if end is None else min(end, size)
    if not 0 <= start <= size or last < start:
        raise ObjectError(zh=f"范围 {start}–{end} 超出文件（{size} 字节）", en=f"range {start}–{end} lies outside of the file ({size} bytes)")
    return start, last


def copy_hashed(file: IO[bytes], out: IO[bytes], expect: str | None, limit: int | None) -> Stored:
    """Copies and hashes. Raises ObjectError for another hash or too many bytes."""
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(CHUNK):
        size += len(chunk)
        if limit is not None and size > limit:
            raise ObjectError(zh=f"文件超过 {limit} 字节", en=f"the file is larger than {limit} bytes")
        digest.update(chunk)
        faults.before("write")
        out.write(chunk)
    found = digest.hexdigest()
    if expect is not None and found != expect:
        raise ObjectError(zh=f"文件内容与哈希值 {expect} 不符：{found}", en=f"the file does not have the hash {expect}: {found}")
    return Stored(found, size)


class LocalObjects(Noting):
    """A folder: `<first 2 digits>/<next 2>/<sha256>`, temporary files in `incoming/`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, sha256: str) -> Path:
        return self.folder / check_name(sha256)[:2] / sha256[2:4] / sha256

    def has(self, sha256: str) -> bool:
        """See `Objects.has`."""
        try:
            return self._path(sha256).is_file()
        except NotFoundError:
            return False

    def size(self, sha256: str) -> int:
        """See `Objects.size`."""
        try:
            return self._path(sha256).stat().st_size
        except FileNotFoundError:
            raise NotFoundError from None

    def put(self, file: IO[bytes], *, media_type: str | None = None, expect: str | None = None, limit: int | None = None) -> Stored:
        """See `Objects.put`. The temporary file is on the same file system, so that the rename is one step."""
        incoming = self.folder / "incoming"
        name: str | None = None
        try:
            make_folder(incoming)
            handle, name = tempfile.mkstemp(dir=incoming)
            with os.fdopen(handle, "wb") as out:
                stored = copy_hashed(file, out, expect, limit)
                out.flush()
                os.fsync(out.fileno())
            target = self._path(stored.sha256)
            make_folder(target.parent)
            faults.before("rename")
            Path(name).replace(target)
            faults.after("rename")
            name = None
            _sync_folder(target.parent)
        except OSError as error:
            raise ObjectError(zh=f"无法写入文件库 {self.folder}：{error}", en=f"cannot write to the object store {self.folder}: {error}") from error
        finally:
            if name is not None:
                with suppress(OSError):
                    Path(name).unlink()
        return stored

    def open(self, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """See `Objects.open`. The file is open when this returns, so that errors come before the first byte is sent."""
        try:
            file = self._path(sha256).open("rb")
        except FileNotFoundError:
            raise NotFoundError from None
        except OSError as error:
            raise ObjectError(zh=f"无法读取文件：{error}", en=f"cannot read the object: {error}") from error
        try:
            first, last = check_bounds(os.fstat(file.fileno()).st_size, start, end)
        except ObjectError:
            file.close()
            raise
        return _read(file, first, last)

    def delete(self, sha256: str) -> None:
        """See `Objects.delete`."""
        self._path(sha256).unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        """See `Objects.names`."""
        for path in sorted(self.folder.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*")):
            if OBJECT_NAME.match(path.name):
                yield path.name

    def path(self, sha256: str) -> Path:
        """Where an object lies, for readers of files (rasters). Raises NotFoundError."""
        if not self.has(sha256):
            raise NotFoundError
        return self._path(sha256)


def _read(file: IO[bytes], first: int, last: int) -> Iterator[bytes]:
    with file:
        file.seek(first)
        left = last - first
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk


def make_folder(folder: Path) -> None:
    """Makes a folder for its owner alone, and those above it likewise."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _sync_folder(folder: Path) -> None:
    """Makes the rename last through a power failure."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_objects(where: Path | str, *, key: str | None = None, secret: str | None = None) -> Objects:
    """Opens a store of objects.

    Args:
        where: a folder; `s3+https://host[:port]/bucket[/prefix][?region=…]` (or `s3+http`); or `cloud+<provider>://host/container[/prefix]` with a provider of
            apache-libcloud (`aliyun_oss`, `azure_blobs`, `google_storage`, `s3`, …).
        key, secret: credentials; else from TERRACE_OBJECTS_KEY and TERRACE_OBJECTS_SECRET. Never in the address, which is shown in logs.

    Raises:
        ObjectError: an address that names no store.
    """
    text = str(where)
    if "://" not in text:
        return LocalObjects(Path(where))
    key = key or os.environ.get("TERRACE_OBJECTS_KEY", "")
    secret = secret or os.environ.get("TERRACE_OBJECTS_SECRET", "")
    parts = urlsplit(text)
    kind, _, how = parts.scheme.partition("+")
    container, _, prefix = parts.path.strip("/").partition("/")
    prefix = f"{prefix}/" if prefix else ""
    if kind == "s3" and how in ("http", "https") and parts.netloc and container:
        from minio import Minio

        from catalog.cloud_objects import S3Objects

        region = parse_qs(parts.query).get("region", [None])[0]
        return S3Objects(Minio(parts.netloc, access_key=key, secret_key=secret, secure=how == "https", region=region), container, prefix)
    if kind == "cloud" and how and container:
        from catalog.cloud_objects import CloudObjects, cloud_driver

        return CloudObjects(cloud_driver(how, key, secret, parts.hostname, parts.port), container, prefix)
    zh, en = f"看不懂的文件库地址：{text}", f"not the address of an object store: {text}; a folder, s3+https://host/bucket or cloud+provider://host/container"
    raise ObjectError(zh=zh, en=en)
