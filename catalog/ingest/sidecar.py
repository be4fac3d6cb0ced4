"""What a person writes beside a data file: `NAME.terrace.yaml` or `NAME.terrace.json` (NAME with or without the file's own suffix).

One that stands alone, with no data file of its name, is a record without data, written by hand.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from catalog.errors import IngestError
from catalog.ingest.model import Sidecar

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
        data = _loaded(raw.decode("utf-8-sig"), path)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise IngestError(zh=f"{path.name} 不是 YAML：{error}", en=f"{path.name} is not YAML: {error}") from error
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
    columns = {str(heading): said if isinstance(said, Mapping) else {"name": said} for heading, said in (data.get("columns") or {}).items()}
    key = data.get("key") or ()
    crs = data.get("crs")
    return Sidecar(
        path=path,
        profile=_text(data.get("profile")),
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


def _loaded(text: str, path: Path) -> Any:
    """The YAML of a sidecar. A few anchors and aliases unfold to more than any memory: there are none, as in policies."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            zh, en = f"{path.name} 有锚点或别名（{anchor:.40}）：请写全", f"{path.name} has an anchor or alias ({anchor:.40}): write it out"
            raise IngestError(zh=zh, en=en)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise IngestError(zh=f"{path.name} 嵌套超过 {MAX_DEPTH} 层", en=f"{path.name} nests deeper than {MAX_DEPTH} levels")
    return yaml.safe_load(text)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _wrong(path: Path, name: str, wanted: str) -> IngestError:
    return IngestError(zh=f"{path.name} 的 {name} 须为映射", en=f"{path.name}: {name} must be {wanted}")
