"""Key files (PROTOCOL 6.7): `DIR/keys/root.pem`, `site.pem`, `witness.pem`.

Rules:

1. Unencrypted PKCS#8 PEM, mode 0600, in a folder of mode 0700, owned by who runs the site. A file that others can read is not loaded.
2. A file is written once, under a name of its own, synced, and never overwritten.
3. The root key signs only keys (`node`, and `certify` of the node itself): it belongs off the machine; a site runs without it.
4. Symbolic links are refused: what they point at can change behind the check.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from catalog import faults
from sync.errors import KeyFileError, SuiteError
from sync.suite import DEFAULT, SecretKey, Suite

__all__ = ["ROLES", "KeyProblem", "Keys", "check", "create", "load", "load_one"]

ROLES = ("root", "site", "witness")

_MAX_BYTES = 4096


@dataclass(frozen=True)
class Keys:
    """The keys of a site.

    Attributes:
        site: signs checkpoints, stream heads, request tokens and statements about subordinates.
        witness: cosigns other logs, and nothing else.
        root: signs keys; None when it is kept elsewhere, as it should be.
    """

    site: SecretKey
    witness: SecretKey
    root: SecretKey | None


@dataclass(frozen=True)
class KeyProblem:
    """Something that the doctor says about a key file.

    Attributes:
        path: the file or folder.
        serious: True when the site will not start with it.
        zh, en: what is wrong and how to mend it.
    """

    path: Path
    serious: bool
    zh: str
    en: str


def create(directory: Path, suite: Suite = DEFAULT) -> Keys:
    """Makes the folder (0700) and three new keys (0600).

    Args:
        directory: `DIR/keys`.
        suite: of the new keys.

    Returns:
        The keys.

    Raises:
        KeyFileError: a key file is there already, or the folder cannot be written.
    """
    # PROTOCOL 6.7
    keys = {role: suite.generate() for role in ROLES}
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        for role in ROLES:
            if (directory / f"{role}.pem").exists():
                raise FileExistsError(directory / f"{role}.pem")
        for role, key in keys.items():
            _write(directory / f"{role}.pem", key.pem())
    except FileExistsError as error:
        raise KeyFileError(zh=f"{error} 已存在；密钥文件从不覆盖", en=f"{error} exists; key files are never overwritten") from error
    except OSError as error:
        raise KeyFileError(zh=f"无法写入密钥文件：{error}", en=f"cannot write the key files: {error}") from error
    return Keys(site=keys["site"], witness=keys["witness"], root=keys["root"])


def _write(path: Path, data: bytes) -> None:
    """Writes a new file with mode 0600 that is whole or not there."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(handle, 0o600)
        os.write(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)
    faults.before("rename")
    os.link(temporary, path)  # fails when the name is taken, which a rename would not
    faults.after("rename")
    temporary.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def load(directory: Path, suite: Suite = DEFAULT) -> Keys:
    """Loads the site's keys.

    Args:
        directory: `DIR/keys`.
        suite: of the keys.

    Returns:
        Site and witness key, and the root key when it is there.

    Raises:
        KeyFileError: a file is missing, damaged, a link, or readable by others; or one key is used twice.
    """
    # PROTOCOL 6.7
    site, witness = load_one(directory / "site.pem", suite), load_one(directory / "witness.pem", suite)
    root_path = directory / "root.pem"
    root = load_one(root_path, suite) if root_path.exists() or root_path.is_symlink() else None
    if len({site.public, witness.public, *([root.public] if root else [])}) != 2 + (root is not None):
        raise KeyFileError(zh="根、站点、见证三把密钥须各不相同", en="root, site and witness key must differ", clause="3.3")
    return Keys(site=site, witness=witness, root=root)


def load_one(path: Path, suite: Suite = DEFAULT) -> SecretKey:
    """Loads one key file.

    Raises:
        KeyFileError: missing, damaged, a link, or readable by others.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise KeyFileError(zh=f"缺少密钥文件 {path}", en=f"key file {path} is missing; restore it, or close the epoch with new keys (PROTOCOL 6.2)") from error
    except OSError as error:
        raise KeyFileError(zh=f"无法读取密钥文件 {path}：{error.strerror}", en=f"cannot read key file {path}: {error.strerror} (links are refused)") from error
    try:
        problem = _mode_problem(path, os.fstat(handle))  # of the file opened, so that nothing can be put in its place in between
        if problem is not None:
            raise KeyFileError(zh=problem.zh, en=problem.en, kind="key-file-mode")
        data = os.read(handle, _MAX_BYTES)
    finally:
        os.close(handle)
    try:
        return suite.load_pem(data)
    except SuiteError as error:
        raise KeyFileError(zh=f"密钥文件 {path} 已损坏：{error.zh}", en=f"key file {path} is damaged: {error.en}") from error


def check(directory: Path) -> list[KeyProblem]:
    """Looks the key files over, for `terrace doctor`. Raises nothing.

    Returns:
        What is wrong; empty when all is well.
    """
    # PROTOCOL 6.7
    problems: list[KeyProblem] = []
    try:
        status = directory.lstat()
    except OSError:
        return [KeyProblem(directory, True, f"缺少密钥文件夹 {directory}", f"key folder {directory} is missing")]
    if stat.S_IMODE(status.st_mode) & 0o077:
        problems.append(KeyProblem(directory, False, f"{directory} 他人可进入：请执行 chmod 700", f"{directory} is open to others: chmod 700 {directory}"))
    for role in ROLES:
        path = directory / f"{role}.pem"
        try:
            problem = _mode_problem(path, path.lstat())
        except OSError:
            if role != "root":
                problems.append(KeyProblem(path, True, f"缺少密钥文件 {path}", f"key file {path} is missing"))
            continue
        if problem is not None:
            problems.append(problem)
        if role == "root":
            problems.append(KeyProblem(path, False, f"{path} 仍在本机：根密钥宜离线保存", f"{path} is still on this machine: the root key belongs offline"))
    return problems


def _mode_problem(path: Path, status: os.stat_result) -> KeyProblem | None:
    if not stat.S_ISREG(status.st_mode):
        return KeyProblem(path, True, f"{path} 不是一般文件", f"{path} is not a regular file (links are refused)")
    if stat.S_IMODE(status.st_mode) & 0o177:
        mode = stat.S_IMODE(status.st_mode)
        return KeyProblem(path, True, f"{path} 的权限是 {mode:04o}，应为 0600：请执行 chmod 600", f"{path} has mode {mode:04o}, must be 0600: chmod 600 {path}")
    if status.st_uid != os.geteuid():
        return KeyProblem(path, True, f"{path} 属于别的用户", f"{path} belongs to another user")
    return None
