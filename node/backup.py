"""A backup of a site in one file: settings, keys, policies, objects, and a snapshot of the database that was checked.

The snapshot is `VACUUM INTO`: one moment of the database, taken while writers go on. The archive is written beside its name and renamed when it is whole.
Whoever has it is this node: mode 0600. On PostgreSQL the database has its own tools (pg_dump, pgBackRest); the rest of the folder is two `cp`.

Files in a store elsewhere (`objects` is a URL) stay there: they never change, and that store has its own copies.

`node.restore` unpacks it. What was published after the backup is not in it, and the log would contradict what peers hold; so it rests until the superior has
closed the epoch (PROTOCOL 6.2).
"""

import os
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import faults
from node.errors import BackupError
from node.identity import database_address

if TYPE_CHECKING:
    from node.site import Site

_PLAIN = ("terrace.yaml", "keys", "policies")


@dataclass(frozen=True)
class Backup:
    """What was written."""

    file: Path
    size: int
    position: int


def write_backup(site: "Site", target: Path) -> Backup:
    """Writes a backup of an open site.

    Args:
        site: may be served meanwhile.
        target: a file that does not exist yet; `.tar`.

    Raises:
        BackupError: it exists, the database is PostgreSQL, or the snapshot is not sound.
    """
    if site.store.engine_name != "sqlite":
        raise BackupError(
            zh="本站数据库是 PostgreSQL：请用 pg_dump 或 pgBackRest 备份数据库，并另存 terrace.yaml、keys、policies 与 objects。",
            en="This site's database is PostgreSQL: back it up with pg_dump or pgBackRest, and copy terrace.yaml, keys, policies and objects.",
        )
    if target.exists():
        raise BackupError(zh=f"{target} 已存在；请换一个文件名。", en=f"{target} exists; name another file.")
    with tempfile.TemporaryDirectory(prefix=".backup.", dir=target.absolute().parent) as made:
        work = Path(made)
        position = _snapshot(Path(database_address(site.folder, site.settings)), work / "terrace.db")
        packed = work / "backup.tar"
        handle = os.open(packed, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            with tarfile.open(fileobj=stream, mode="w") as archive:
                for name in _PLAIN:
                    archive.add(site.folder / name, name)
                objects = site.folder / site.settings.objects
                if "://" not in site.settings.objects and objects.is_dir():
                    archive.add(objects, "objects")
                archive.add(work / "terrace.db", "terrace.db")
            stream.flush()
            os.fsync(stream.fileno())
        faults.before("rename")
        packed.rename(target)
        faults.after("rename")
    return Backup(target, target.stat().st_size, position)


def _snapshot(database: Path, copy: Path) -> int:
    """Copies one moment of the database and checks the copy; returns its position."""
    with closing(sqlite3.connect(database)) as source:
        source.execute("VACUUM INTO ?", (str(copy),))
    copy.chmod(0o600)
    with closing(sqlite3.connect(copy)) as made:
        said = made.execute("PRAGMA integrity_check").fetchone()[0]
        if said != "ok":
            raise BackupError(zh=f"数据库快照不完好：{said}", en=f"the snapshot of the database is not sound: {said}")
        position: int = made.execute("SELECT n FROM counter WHERE name = 'position'").fetchone()[0]
    return position
