"""Unpacking a backup into a new folder: whole or not at all, and never so that it could speak with two voices.

1. The archive is unpacked beside the target under another name: only what a backup holds, nothing that leads out of the folder.
2. The database is checked and brought to this program's schema.
3. Its log is held back (PROTOCOL 6.2): what was published since the backup stands in the log that the superior cosigned, and going on here would contradict it.
   A node without superior closes its own epoch, when its root key is there.
4. The folder gets its name.

A database on PostgreSQL is restored by its own tools; that its log went back is noticed by the mark in the folder, or by the witness.
"""

import sqlite3
import tarfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from node.errors import BackupError
from node.identity import PACKAGES, open_database
from node.making import is_free, made_beside
from node.settings import load_settings
from node.site import open_site
from sync.logbook import own_run
from sync.recovery import note_restored

__all__ = ["Restored", "restore_backup"]

#: What stands at the top of a backup.
_MEMBERS = ("terrace.yaml", "keys", "policies", "objects", "terrace.db")


@dataclass(frozen=True)
class Restored:
    """What was restored.

    Attributes:
        folder: the new site. node: its id. position: of the copy.
        waits: its log rests until a superior closes its epoch.
        epoch: the epoch that it opens itself, for want of a superior; None otherwise.
    """

    folder: Path
    node: str
    position: int
    waits: bool
    epoch: int | None = None


def restore_backup(file: Path, target: Path, *, actor: str = "local") -> Restored:
    """Unpacks a backup.

    Args:
        file: as `terrace backup` wrote it.
        target: a folder that does not exist yet, or is empty.
        actor: who does it, for the audit log.

    Raises:
        BackupError: the file is no backup, is damaged, or the folder holds something.
    """
    target = target.absolute()
    if not is_free(target):
        raise BackupError(
            zh=f"{target} 已存在且不是空文件夹；restore 不会覆盖任何东西。", en=f"{target} exists and is no empty folder; restore overwrites nothing."
        )
    with made_beside(target) as making:
        _unpack(file, making)
        _check(file, making / "terrace.db")
        restored = _hold_back(making, target, actor)
    return restored


def _unpack(file: Path, folder: Path) -> None:
    try:
        with tarfile.open(file, mode="r:") as archive:
            members = archive.getmembers()
            names = {member.name.split("/")[0] for member in members}
            if not names <= set(_MEMBERS) or "terrace.yaml" not in names or "terrace.db" not in names or not all(m.isfile() or m.isdir() for m in members):
                raise BackupError(zh=f"{file} 不是 terrace backup 写的备份。", en=f"{file} is no backup that terrace backup wrote.")
            archive.extractall(folder, members, filter="data")
    except (tarfile.TarError, EOFError) as error:
        raise BackupError(zh=f"{file} 无法读取或已损坏：{error}", en=f"{file} cannot be read, or is damaged: {error}") from error
    (folder / "keys").chmod(0o700)
    for key in (folder / "keys").iterdir():
        key.chmod(0o600)
    (folder / "terrace.yaml").chmod(0o640)
    folder.chmod(0o750)


def _check(file: Path, database: Path) -> None:
    try:
        with closing(sqlite3.connect(database)) as conn:
            said = conn.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        said = str(error)
    if said != "ok":
        raise BackupError(zh=f"{file} 中的数据库已损坏：{said}", en=f"the database in {file} is damaged: {said}")
    database.chmod(0o600)


def _hold_back(folder: Path, target: Path, actor: str) -> Restored:
    settings = load_settings(folder)
    store = open_database(folder, settings)
    try:
        store.upgrade(also=PACKAGES)
    finally:
        store.close()
    site = open_site(folder, settings)
    try:
        node, zone = site.identity.node, site.identity.zone
        with site.store.read() as conn:
            logged = own_run(conn, node, zone) is not None
            superior = bool(site.exchange.context.trust.in_(conn, site.exchange.context.clock()).superiors(node))
        epoch = None
        with site.store.write() as tx:
            if logged:
                note_restored(tx, "restore")
            tx.audit("site.restore", actor=actor)
        if logged and not superior and site.keys.root is not None:
            epoch = site.exchange.recovery.close(node, actor).opens
        return Restored(target, node, site.store.position(), logged and epoch is None, epoch)
    finally:
        site.close()
