"""The policy files of a site as they lie in its folders: what is missing or cannot be read is an error, never an empty policy.

A folder may go for a moment (an unmounted disc, a rename, a lost permission). Were that read as "no files", the shipped policies would come into force in place
of the site's own, and open what those close. So the shipped policies count only at a site that never had others; a site that wants them includes them by name.

A file that is half saved may say less than is meant, and a rule that is not there closes nothing. So the watcher leaves files alone while a program has one
open for writing, and until they have stood still.
"""

import errno
import fcntl
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from policies.errors import PolicyErrors, Problem
from policies.sources import CASES, defaults_for, is_shipped
from policies.yamltree import MAX_BYTES

__all__ = ["PolicyFiles", "UnreadableError"]

_TRIES = 5


class UnreadableError(PolicyErrors):
    """The files could not be read as they should: they are looked at again though nothing seems to change."""


class PolicyFiles:
    """See the module.

    Args:
        folders: where `*.yaml` are.
        zone: whose shipped policies a site begins with.
    """

    def __init__(self, folders: Sequence[Path], zone: str) -> None:
        self._folders = [Path(folder) for folder in folders]
        self._zone = zone

    def read(self, in_force: Mapping[str, str]) -> dict[str, str]:
        """The files as they are now, all of one moment: name → text.

        Args:
            in_force: the files of the policy in force; empty when there never was one.

        Raises:
            UnreadableError: a folder or file cannot be read, the files do not stand still, or there are none and the policy in force is the site's own.
        """
        for _ in range(_TRIES):
            before = self.fingerprint()
            found = self._read(in_force)
            if self.fingerprint() == before:
                return found
        raise UnreadableError(
            [_problem(self._folders[0], "策略文件正在被改写，稍后将重新读取", "the policy files are being written; they are read again in a moment")]
        )

    def fingerprint(self) -> tuple[tuple[str | int, ...], ...]:
        """What changes with every change of a file, a name or a permission."""
        found: list[tuple[str | int, ...]] = []
        for folder in self._folders:
            try:
                for path in _yaml(folder):
                    stat = path.stat()
                    found.append((str(path), stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino))
            except OSError as error:
                found.append((str(folder), "error", error.errno or 0))
        return tuple(found)

    def newest(self) -> float:
        """When a file was changed last, UTC seconds; 0 without files."""
        return max((stamp[1] / 1e9 for stamp in self.fingerprint() if isinstance(stamp[1], int)), default=0.0)

    def being_saved(self) -> bool:
        """Whether some program has one of the files open for writing, as far as the system tells (`_open_for_writing`)."""
        try:
            return any(_open_for_writing(path) for folder in self._folders for path in _yaml(folder))
        except OSError:  # `read` says what is wrong
            return False

    def _read(self, in_force: Mapping[str, str]) -> dict[str, str]:
        shipped = all(is_shipped(name) for name in in_force)
        found: dict[str, str] = {}
        problems: list[Problem] = []
        for folder in self._folders:
            try:
                for path in _yaml(folder):
                    found[path.name] = _text(path, problems)
            except OSError as error:
                if not (shipped and error.errno == errno.ENOENT):
                    problems.append(_unreadable(folder, error, "策略文件夹", "the policy folder"))
        if problems:
            raise UnreadableError(problems)
        if all(name == CASES for name in found):
            if not shipped:
                raise UnreadableError([self._empty()])
            found |= {f"defaults/{path.name}": path.read_text(encoding="utf-8") for path in defaults_for(self._zone)}
        return found

    def _empty(self) -> Problem:
        includes = ", ".join(f"defaults/{path.name}" for path in defaults_for(self._zone))
        return _problem(
            self._folders[0],
            f"文件夹中没有策略文件，原策略继续有效。请放回文件（或重新挂载）；如要改用随程序提供的策略，请写入 site.yaml：include: [{includes}]",
            "the folder holds no policy file, so the old policy stays in force. Put the files back (or mount the folder again); "
            f"to have the shipped policies instead, write site.yaml with include: [{includes}]",
        )


def _open_for_writing(path: Path) -> bool:
    """Whether a program has a file open for writing. Linux says it of local files that are ours: a lease for reading is given when nobody has.

    Whoever opens the file for writing during the lease waits until it is given back, which is at once; the signal that comes to us does nothing.
    Elsewhere nothing is known, and the answer is no.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return False
    try:
        with path.open("rb") as file:
            fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    return False


def _yaml(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix == ".yaml" and not path.name.startswith(".") and not path.is_dir())


def _text(path: Path, problems: list[Problem]) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) <= MAX_BYTES:
            return data.decode()
        limit = f"{MAX_BYTES >> 20} MiB"
        problems.append(Problem(path.name, 0, 0, en=f"the file is larger than {limit}: split it with 'include'", zh=f"文件超过 {limit}：请用 include 拆分"))
    except OSError as error:
        problems.append(_unreadable(path, error, "策略文件", "the policy file"))
    except UnicodeDecodeError:
        problems.append(Problem(path.name, 0, 0, en="the file is not UTF-8; save it as UTF-8", zh="文件不是 UTF-8 编码，请以 UTF-8 保存"))
    return ""


def _unreadable(path: Path, error: OSError, zh: str, en: str) -> Problem:
    why = error.strerror or str(error)
    return _problem(
        path,
        f"{zh}无法读取（{why}），原策略继续有效。请恢复 {path}，或检查挂载与权限",
        f"{en} cannot be read ({why}), so the old policy stays in force. Bring {path} back, or check its mount and permissions",
    )


def _problem(path: Path, zh: str, en: str) -> Problem:
    return Problem(str(path), 0, 0, en=en, zh=zh)
