"""Where policy files come from: paths, folders, or texts by name (as a site's database keeps them); and the files that ship with the program.

A file that ships is named `defaults/NAME.yaml` everywhere, in messages, in `include` and in what is stored, so that a set that was loaded from paths can be
loaded again from its texts. An `include` reaches files beside or below the one that includes, and shipped ones, and nothing else.
"""

import posixpath
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from policies.yamltree import MAX_BYTES

type Files = Iterable[str | Path] | Mapping[str, str | bytes]

DEFAULTS = Path(__file__).parent / "defaults"
SHIPPED = "defaults/"
#: The built-in terms of a record (LANGUAGE 18), in every set.
TERMS = "defaults/terms.yaml"
CASES = "cases.yaml"

_EVERYWHERE = ("common", "sharing", "onward")
#: Zone → the shipped files that a site of that zone begins with.
_BY_ZONE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "internet": ("internet", "groundwater", "mining", "geodata", "statistics"),
        "government": ("hazards", "register", "groundwater", "mining", "geodata", "statistics"),
        "business": ("business", "hazards", "supervision", "register", "groundwater", "mining", "geodata", "statistics", "releases"),
        "classified": ("business", "supervision", "register", "geodata", "statistics"),
    }
)


def defaults_for(zone: str) -> list[Path]:
    """Returns the shipped policy files that a site of a zone begins with; a zone that is not known gets those that all share."""
    return [DEFAULTS / f"{name}.yaml" for name in (*_EVERYWHERE, *_BY_ZONE.get(zone, ()))]


class Sources:
    """Reads files by name.

    Args:
        files: Paths of files, or of folders whose `*.yaml` are meant; or name → content.
    """

    def __init__(self, files: Files) -> None:
        self.texts: dict[str, str | bytes] | None = dict(files) if isinstance(files, Mapping) else None
        paths = list(self.texts) if self.texts is not None else [name for path in files for name in _names(Path(path))]
        self.roots = tuple(dict.fromkeys(name for name in paths if posixpath.basename(name) != CASES))

    def beside(self, name: str, other: str) -> str | None:
        """Returns the name of a file that `name` calls `other`; None when it reaches outside."""
        other = posixpath.normpath(other.replace("\\", "/"))
        if other.startswith(("../", "/")) or other == ".." or ":" in other:
            return None
        if other.startswith(SHIPPED) and not self._exists(posixpath.join(posixpath.dirname(name), other)):
            return other
        return posixpath.normpath(posixpath.join(posixpath.dirname(name), other))

    def read(self, name: str) -> bytes | str | None:
        """Returns the content of a file, at most one byte more than is allowed; None when there is none.

        Raises:
            OSError: It exists and cannot be read.
        """
        if self.texts is not None and name in self.texts and name != TERMS:
            return self.texts[name]
        path = self._path(name)
        if path is None or not path.is_file():
            return None
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)

    def _exists(self, name: str) -> bool:
        path = self._path(name)
        return (self.texts is not None and name in self.texts) or (path is not None and path.is_file())

    def _path(self, name: str) -> Path | None:
        if name.startswith(SHIPPED):
            return DEFAULTS / name.removeprefix(SHIPPED)
        return None if self.texts is not None else Path(name)


def is_shipped(name: str) -> bool:
    """Returns whether a file comes with the program."""
    return name.startswith(SHIPPED)


def _names(path: Path) -> list[str]:
    paths = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    return [SHIPPED + p.name if p.resolve().parent == DEFAULTS.resolve() else p.as_posix() for p in paths]
