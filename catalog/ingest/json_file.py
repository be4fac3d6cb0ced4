"""JSON: which kind it is, by its members, and one JSON value a line.

Large collections of features are streamed; everything else is a document of metadata and is read whole.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from catalog.errors import IngestError
from catalog.ingest.geojson import is_geojson, read_collection, read_feature_lines, read_geojson
from catalog.ingest.json_stream import Piece
from catalog.ingest.library_words import said
from catalog.ingest.model import Found, Refused, Sidecar
from catalog.profiles import Profile
from catalog.quarantine import Bad

__all__ = ["load_json", "read_json"]

#: Larger ones are no metadata.
MAX_JSON = 256 << 20
MAX_LINE = 16 << 20
_COLLECTION = re.compile(r'"type"\s*:\s*"FeatureCollection"|"features"\s*:\s*\[')
_STAC = re.compile(r'"stac_version"\s*:')


def read_json(path: Path, head: str, encoding: str, profile: Profile, sidecar: Sidecar) -> Iterator[Found]:
    """The records of a JSON file.

    Args:
        head: the beginning of its text.

    Raises:
        IngestError: not JSON, or JSON of no kind that is taken in; says which.
    """
    if _is_lines(path, encoding):
        yield from _read_lines(path, encoding, profile, sidecar)
    elif _COLLECTION.search(head) and not _STAC.search(head):
        yield read_collection(path, encoding, profile, sidecar)
    else:
        yield from _read_whole(load_json(path, encoding), path, encoding, profile, sidecar)


def load_json(path: Path, encoding: str) -> Any:
    """Reads a JSON file whole.

    Raises:
        IngestError: not JSON; says where.
    """
    if path.stat().st_size > MAX_JSON:
        raise IngestError(zh=f"{path.name} 过大，元数据上限 {MAX_JSON} 字节", en=f"{path.name} is too large for metadata: at most {MAX_JSON} bytes")
    try:
        text = path.read_bytes().decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise IngestError(zh=f"{path.name} 无法以 {encoding} 解码", en=f"{path.name} cannot be decoded as {encoding}") from error
    try:
        return orjson.loads(text.removeprefix("\ufeff"))
    except orjson.JSONDecodeError as error:
        zh, en = said(error.msg)
        zh = f"{path.name} 不是 JSON（第 {error.lineno} 行第 {error.colno} 列）：{zh}"
        raise IngestError(zh=zh, en=f"{path.name} is not JSON (line {error.lineno}, column {error.colno}): {en}") from error


def _read_whole(data: Any, path: Path, encoding: str, profile: Profile, sidecar: Sidecar) -> Iterator[Found]:
    from catalog.ingest import ckan_file, dcat_us, stac

    if isinstance(data, dict) and "stac_version" in data:
        yield stac.read_stac(data, path)
    elif isinstance(data, dict) and data.get("type") == "FeatureCollection" and stac.is_collection_of_items(data):
        yield from stac.read_items(data, path)
    elif isinstance(data, dict) and data.get("type") == "FeatureCollection":
        yield read_collection(path, encoding, profile, sidecar)
    elif is_geojson(data):
        yield read_geojson(data, path, profile, sidecar)
    elif dcat_us.is_catalog(data):
        yield from dcat_us.read_catalog(data, path)
    elif (packages := ckan_file.packages_in(data)) is not None:
        yield from ckan_file.read_packages(packages, path)
    elif isinstance(data, (dict, list)) and _is_linked(data):
        from catalog.ingest.dcat import read_jsonld

        yield from read_jsonld(data, path)
    else:
        known = "GeoJSON, STAC, CKAN, DCAT-US, JSON-LD"
        raise IngestError(
            zh=f"{path.name} 是 JSON，但不是 GeoJSON 或已知的目录格式（{known}）", en=f"{path.name} is JSON that is not GeoJSON or a known catalogue ({known})"
        )


def _is_linked(data: Any) -> bool:
    first = next((each for each in data if isinstance(each, dict)), {}) if isinstance(data, list) else data
    return any(name in first for name in ("@context", "@graph", "@id"))


# --- one value a line --------------------------------------------------------------------------------------------------------------------


def _is_lines(path: Path, encoding: str) -> bool:
    """Whether the first line is a JSON object by itself and more follows."""
    with path.open(encoding=encoding, newline="") as text:
        first = text.readline(MAX_LINE).strip(" \t\r\n\ufeff\x1e")
        if not first.startswith("{") or not first.endswith("}"):
            return False
        while (after := text.readline(MAX_LINE)) and not after.strip(" \t\r\n\x1e"):
            pass
    try:
        return isinstance(orjson.loads(first), dict) and after.lstrip(" \t\x1e").startswith("{")
    except orjson.JSONDecodeError:
        return False


def _lines(path: Path, encoding: str) -> Iterator[tuple[int, str]]:
    with path.open(encoding=encoding, newline="") as text:
        number = 0
        while line := text.readline(MAX_LINE):
            number += 1
            if len(line) >= MAX_LINE:
                raise IngestError(zh=f"{path.name} 第 {number} 行过长", en=f"{path.name}, line {number} is too long")
            cleaned = line.strip(" \t\r\n\ufeff\x1e")
            if cleaned:
                yield number, cleaned


def _parsed(number: int, line: str, name: str) -> tuple[Any, Bad | None]:
    """The value of a line, or what is wrong with it."""
    try:
        return orjson.loads(line), None
    except orjson.JSONDecodeError as error:
        zh, en = said(error.msg)
        bad = Bad({"line": number}, "ingest", f"{name} 第 {number} 行不是 JSON：{zh}", f"{name}, line {number} is not JSON: {en}", line[:2_000])
        return None, bad


def _read_lines(path: Path, encoding: str, profile: Profile, sidecar: Sidecar) -> Iterator[Found]:
    """Features make one layer; records are each by itself. The first line tells which."""
    from catalog.ingest import ckan_file, dcat_us, stac

    _, line = next(_lines(path, encoding))
    first = orjson.loads(line)
    if is_geojson(first) and "stac_version" not in first:
        yield read_feature_lines(path, lambda: (_piece(line) for _, line in _lines(path, encoding)), profile, sidecar)
        return
    for number, line in _lines(path, encoding):
        value, bad = _parsed(number, line, path.name)
        if bad is not None:
            yield Refused(f"line-{number}", bad)
        elif isinstance(value, Mapping) and "stac_version" in value:
            yield stac.read_line(value, path, number)
        elif ckan_file.is_package(value):
            yield ckan_file.read_package(value, path, {"line": number})
        elif dcat_us.is_dataset(value):
            yield dcat_us.read_dataset(value, path, {"line": number})
        else:
            zh, en = f"{path.name} 第 {number} 行不是 CKAN、DCAT-US 或 STAC 记录", f"{path.name}, line {number} is no CKAN, DCAT-US or STAC record"
            yield Refused(f"line-{number}", Bad({"line": number}, "ingest", zh, en, line[:2_000]))


def _piece(line: str) -> Piece:
    """A line of features; what is not JSON is no feature."""
    odd: list[str] = []
    try:
        return Piece(json.loads(line, parse_constant=odd.append), *odd[:1])
    except (ValueError, RecursionError):
        return Piece(line[:2_000])
