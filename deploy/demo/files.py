"""Lays generated records down as files that `terrace add` takes in: a data file with its sidecar, or a sidecar alone for metadata."""

from collections.abc import Iterable
from pathlib import Path

import yaml

from deploy.demo.item import Item


def write_items(folder: Path, made: Iterable[Item]) -> None:
    """Writes each item; a file that is there already with the same bytes is left alone.

    Args:
        folder: made when it is missing.
        made: the items.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for item in made:
        sidecar = {"profile": item.profile, "secrecy": item.secrecy, "fields": item.fields}
        if item.key:
            sidecar["key"] = item.key
        _write(folder / f"{item.name}.terrace.yaml", yaml.safe_dump(sidecar, allow_unicode=True, sort_keys=False, width=200).encode())
        if item.data is not None:
            _write(folder / f"{item.name}{item.suffix}", item.data)


def _write(path: Path, data: bytes) -> None:
    if not path.exists() or path.read_bytes() != data:
        path.write_bytes(data)
