"""What a person writes beside a data file: `NAME.terrace.yaml` or `NAME.terrace.json` (NAME with or without the file's own suffix).

One that stands alone, with no data file of its name, is a record without data, written by hand.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from catalog.errors import IngestError, ProfileError
from catalog.ingest.model import Sidecar
from catalog.profiles import profile
from policies.plain_yaml import NotPlainError, check_plain, yaml_words

__all__ = ["is_sidecar", "read_sidecar", "sidecar_of", "stands_alone"]

_SUFFIXES = (".terrace.yaml", ".terrace.yml", ".terrace.json")
_MEMBERS = ("profile", "secrecy", "terms", "slug", "fields", "columns", "key", "crs", "encoding")
MAX_BYTES = 1 << 20
MAX_DEPTH = 32


def is_sidecar(path: Path) -> bool:
    """Whether a file is a sidecar, which is no data of its own."""
    return path.name.lower().endswith(_SUFFIXES)


def stands_alone(path: Path) -> bool:
    """Whether a sidecar has no data file beside it."""
    name = path.name[: path.name.lower().rindex(".terrace.")]
    return not any(other.name == name or (other.name.startswith(name + ".") and not is_sidecar(other)) for other in path.parent.iterdir())


def sidecar_of(path: Path) -> Path | None:
    """The sidecar of a data file, or None."""
    stem = path.name
    names = [stem]
    while "." in stem:
        stem = stem.rpartition(".")[0]
        if stem:
            names.append(stem)
    return next((found for name in names for suffix in _SUFFIXES if (found := path.with_name(name + suffix)).is_file()), None)


def read_sidecar(path: Path | None) -> Sidecar:
    """Reads a sidecar; None gives an empty one.

    Raises:
        IngestError: not YAML, or members that are not understood; says which there are.
    """
    if path is None:
        return Sidecar()
    raw = path.read_bytes()
    if len(raw) > MAX_BYTES:
        raise IngestError(zh=f"{path.name} 过大", en=f"{path.name} is too large")
    try:
        text = raw.decode("utf-8-sig")
        check_plain(text, depth=MAX_DEPTH)
        data = yaml.safe_load(text)
    except NotPlainError as error:
        at = (f"（第 {error.line} 行）", f" (line {error.line})") if error.line else ("", "")
        raise IngestError(zh=f"{path.name} 不是可用的 YAML{at[0]}：{error.zh}", en=f"{path.name} is not usable YAML{at[1]}: {error.en}") from error
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:  # also dates that no calendar has
        zh, en = yaml_words(error)
        raise IngestError(zh=f"{path.name} 不是可用的 YAML：{zh}", en=f"{path.name} is not usable YAML: {en}") from error
    if data is None:
        data = {}
    if not isinstance(data, Mapping):
        raise _wrong(path, "*", "a map")
    unknown = [str(name) for name in data if name not in _MEMBERS]
    if unknown:
        zh, en = (
            f"{path.name} 不认得：{', '.join(unknown)}；可用：{', '.join(_MEMBERS)}",
            f"{path.name}: unknown {', '.join(unknown)}; there are {', '.join(_MEMBERS)}",
        )
        raise IngestError(zh=zh, en=en)
    for name in ("fields", "columns", "terms"):
        if not isinstance(data.get(name) or {}, Mapping):
            raise _wrong(path, name, "a map")
    named = _text(data.get("profile"))
    if named is not None:
        _require_profile(named, path)
    columns = {str(heading): said if isinstance(said, Mapping) else {"name": said} for heading, said in (data.get("columns") or {}).items()}
    key = data.get("key") or ()
    crs = data.get("crs")
    return Sidecar(
        path=path,
        profile=named,
        secrecy=_text(data.get("secrecy")),
        terms=data.get("terms"),
        slug=_text(data.get("slug")),
        fields=data.get("fields") or {},
        columns=columns,
        key=(key,) if isinstance(key, str) else tuple(str(name) for name in key),
        crs=f"EPSG:{crs}" if isinstance(crs, int) else _text(crs),
        encoding=_text(data.get("encoding")),
        digest=hashlib.sha256(raw).hexdigest(),
    )


def _require_profile(name: str, path: Path) -> None:
    try:
        profile(name)
    except ProfileError as error:
        raise IngestError(zh=f"{path.name}：{error.zh}", en=f"{path.name}: {error.en}") from error


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _wrong(path: Path, name: str, wanted: str) -> IngestError:
    return IngestError(zh=f"{path.name} 的 {name} 须为映射", en=f"{path.name}: {name} must be {wanted}")
