"""CSV → a layer, plain or alone in a zip, in two passes over the file: the first decides encoding, delimiter and types, the second gives the rows.

Memory holds no rows: only what tells whether a candidate for the key is different in each row. Longitude and latitude columns become points.
"""

import csv
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import shapely

from catalog.errors import IngestError
from catalog.field_values import decimal_text
from catalog.ingest.crs import Way, way_to_crs84
from catalog.ingest.decoding import encoding_of
from catalog.ingest.infer import NO_VALUE, Guess, parse_moment
from catalog.ingest.model import Item, Layer, Sidecar
from catalog.ingest.names import column_names, fold, is_code_like
from catalog.ingest.shape import ROW_NUMBER, key_candidates, profile_key
from catalog.profiles import Profile
from catalog.rows.columns import KEY_TYPES, MAX_COLUMNS, Column

__all__ = ["csv_in_zip", "read_csv"]

MAX_FIELD = 1 << 20
MAX_UNZIPPED = 8 << 30
MAX_RATIO = 250

_LON = frozenset(map(fold, ("lon", "lng", "long", "longitude", "經度", "经度", "lon_dd", "dec_long_va", "x_lon", "decimallongitude")))
_LAT = frozenset(map(fold, ("lat", "latitude", "緯度", "纬度", "lat_dd", "dec_lat_va", "y_lat", "decimallatitude")))


@dataclass(frozen=True)
class _Table:
    """A CSV as it was understood in the first pass.

    Attributes:
        open: opens it as text.
        columns, sources: columns without those that we add, and the place of each in the file.
        number: name of the row number that is the key, or None.
        point: places of longitude and latitude and the name of the geometry, or None.
    """

    name: str
    open: Callable[[], Any]
    dialect: Any
    columns: tuple[Column, ...]
    number: str | None
    point: tuple[int, int, str] | None
    way: Way

    def rows(self) -> Iterator[dict[str, Any]]:
        """The second pass. Raises IngestError with the line."""
        with self.open() as text:
            reader = csv.reader(text, self.dialect)
            next(reader, None)
            for number, cells in enumerate(_lines(reader, self.name), 1):
                if not any(cells):
                    continue
                row: dict[str, Any] = {} if self.number is None else {self.number: number}
                for column, cell in zip(self.columns, cells, strict=False):
                    value = _value(column, cell)
                    if value is not None:
                        row[column.name] = value
                if self.point is not None:
                    shape = _point(cells, self.point, self.way, self.name, number)
                    if shape is not None:
                        row[self.point[2]] = shape
                yield row


def read_csv(path: Path, profile: Profile, sidecar: Sidecar) -> Item:
    """Reads a CSV file, or the only CSV inside a zip.

    Raises:
        IngestError: no heading, uneven lines, a key that is not unique; says the line.
    """
    open_text, encoding = _source(path, sidecar)
    with open_text() as text:
        dialect = _dialect(text.read(65_536))
    with open_text() as text:
        reader = csv.reader(text, dialect)
        headings = [cell.strip().lstrip("\ufeff") for cell in next(reader, [])]
        _check_headings(headings, path)
        if len(headings) == 1 and path.suffix.lower() not in (".csv", ".tsv", ".zip"):
            raise IngestError(zh=f"{path.name} 是文字檔，但不是表格", en=f"{path.name} is text, but no table")
        found = _first_pass(reader, headings, path, profile, sidecar)
    columns, key, number, point, box, count = found
    way = way_to_crs84(sidecar.crs or "OGC:CRS84")
    table = _Table(path.name, open_text, dialect, tuple(columns), number, point, way)
    shown = [*([Column(number, "integer", ROW_NUMBER.title, nullable=False)] if number else []), *columns]
    if point is not None:
        shown.append(Column(point[2], "geometry", {"zh": "幾何", "en": "Geometry"}))
    fields: dict[str, Any] = {}
    if point is not None and box is not None and way.move is None:
        fields = {"bbox": [decimal_text(round(value, 6)) for value in box], "crs": way.code}
    layer = Layer(tuple(shown), key, "point" if point else None, table.rows)
    notes = () if encoding in ("utf-8", "utf-8-sig") else ((f"文字編碼：{encoding}", f"text encoding: {encoding}"),)
    return (
        Item(
            fields=fields,
            guessed={"kind": "dataset", "update_cycle": "irregular"},
            layer=layer,
            format="zip" if path.suffix.lower() == ".zip" else "csv",
            notes=notes,
        )
        if count
        else _empty(path)
    )


def _empty(path: Path) -> Item:
    raise IngestError(zh=f"{path.name} 只有標題，沒有數據", en=f"{path.name} has a heading but no rows")


# --- opening -----------------------------------------------------------------------------------------------------------------------------


def csv_in_zip(path: Path) -> str | None:
    """The name of the only CSV in a zip that holds nothing else of substance, or None."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [
                info
                for info in archive.infolist()
                if not info.is_dir() and not info.filename.startswith("__MACOSX/") and not Path(info.filename).name.startswith(".")
            ]
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise IngestError(zh=f"{path.name} 不是完好的 zip：{error}", en=f"{path.name} is not a sound zip: {error}") from error
    if len(members) != 1 or not members[0].filename.lower().endswith((".csv", ".tsv", ".txt")):
        return None
    _check_bomb(members[0], path)
    return members[0].filename


def _check_bomb(info: zipfile.ZipInfo, path: Path) -> None:
    if info.file_size > MAX_UNZIPPED or info.file_size > MAX_RATIO * max(info.compress_size, 1_024):
        zh, en = f"{path.name} 解壓後 {info.file_size} 位元組，超出上限", f"{path.name} would unpack to {info.file_size} bytes, more than is accepted"
        raise IngestError(zh=zh, en=en)
    if info.flag_bits & 1:
        raise IngestError(zh=f"{path.name} 有密碼", en=f"{path.name} is protected by a password")


def _source(path: Path, sidecar: Sidecar) -> tuple[Callable[[], Any], str]:
    """A way to open the text, again and again, and its encoding."""
    if path.suffix.lower() == ".zip" or zipfile.is_zipfile(path):
        member = csv_in_zip(path)
        assert member is not None
        encoding = sidecar.encoding or _zip_encoding(path, member)
        return (lambda: _open_zip(path, member, encoding)), encoding
    encoding = sidecar.encoding or encoding_of(path)
    return (lambda: path.open(encoding=encoding, newline="", errors="strict")), encoding


def _zip_encoding(path: Path, member: str) -> str:
    import tempfile

    with zipfile.ZipFile(path) as archive, archive.open(member) as packed, tempfile.NamedTemporaryFile() as spool:
        left = MAX_UNZIPPED
        while chunk := packed.read(1 << 20):
            left -= len(chunk)
            if left < 0:
                raise IngestError(zh=f"{path.name} 解壓後過大", en=f"{path.name} unpacks to too much")
            spool.write(chunk)
        spool.flush()
        return encoding_of(Path(spool.name))


@contextmanager
def _open_zip(path: Path, member: str, encoding: str) -> Iterator[TextIO]:
    with zipfile.ZipFile(path) as archive, archive.open(member) as packed, io.TextIOWrapper(packed, encoding=encoding, newline="") as text:
        yield text


def _dialect(sample: str) -> Any:
    """Which delimiter: the one that the first lines have most, and evenly."""
    lines = [line for line in sample.splitlines()[:20] if line.strip()]
    counts = {mark: lines[0].count(mark) if lines else 0 for mark in ",\t;|"}
    best = max(counts, key=lambda mark: counts[mark]) if any(counts.values()) else ","

    class Dialect(csv.excel):
        delimiter = best

    return Dialect


def _lines(reader: Any, name: str) -> Iterator[list[str]]:
    """Lines of the reader; what it cannot read is said with its place."""
    while True:
        try:
            cells: list[str] = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeDecodeError, zipfile.BadZipFile, EOFError) as error:
            raise IngestError(zh=f"{name} 第 {reader.line_num + 1} 行無法讀取：{error}", en=f"{name}, line {reader.line_num + 1}: {error}") from error
        yield cells


# --- understanding -----------------------------------------------------------------------------------------------------------------------


def _check_headings(headings: Sequence[str], path: Path) -> None:
    if not headings or not any(headings):
        raise IngestError(zh=f"{path.name} 沒有標題行", en=f"{path.name} has no heading")
    if len(headings) > MAX_COLUMNS:
        raise IngestError(zh=f"{path.name} 有 {len(headings)} 欄，上限 {MAX_COLUMNS}", en=f"{path.name} has {len(headings)} columns, at most {MAX_COLUMNS}")
    if any("\x00" in heading for heading in headings):
        raise IngestError(zh=f"{path.name} 不是文字表格", en=f"{path.name} is not a table of text")


type _Found = tuple[list[Column], tuple[str, ...], str | None, tuple[int, int, str] | None, list[float] | None, int]


def _first_pass(reader: Any, headings: list[str], path: Path, profile: Profile, sidecar: Sidecar) -> _Found:
    """Decides names, types, key and points over all lines."""
    csv.field_size_limit(MAX_FIELD)
    names = column_names([str(sidecar.columns.get(heading, {}).get("name") or heading) for heading in headings], profile.columns)
    wanted = profile_key(names, profile, sidecar)
    candidates = frozenset(wanted if len(wanted) == 1 else () if wanted else key_candidates(names))
    guesses = [Guess(text=is_code_like(name, heading), watch_unique=name in candidates) for name, heading in zip(names, headings, strict=True)]
    keys = [names.index(name) for name in wanted] if len(wanted) > 1 else []
    seen: set[int] = set()
    lon = next((place for place, heading in enumerate(headings) if fold(heading) in _LON), None)
    lat = next((place for place, heading in enumerate(headings) if fold(heading) in _LAT), None)
    box: list[float] | None = None
    count = 0
    for cells in _lines(reader, path.name):
        if not any(cells):
            continue
        count += 1
        if len(cells) > len(headings):
            zh, en = (
                f"{path.name} 第 {reader.line_num} 行有 {len(cells)} 欄，標題只有 {len(headings)} 欄",
                f"{path.name}, line {reader.line_num}: {len(cells)} cells, but {len(headings)} headings",
            )
            raise IngestError(zh=zh, en=en)
        for place, guess in enumerate(guesses):
            guess.watch(cells[place].strip() if place < len(cells) else None)
        if keys:
            seen.add(hash(tuple(cells[place].strip() if place < len(cells) else "" for place in keys)))
        if lon is not None and lat is not None:
            box = _grow(box, cells, lon, lat)
    columns = [_column(name, heading, guess, profile, sidecar) for name, heading, guess in zip(names, headings, guesses, strict=True)]
    key = _key(columns, guesses, wanted, sidecar, len(seen) == count if keys else None)
    number = None
    if not key:
        number = ROW_NUMBER.name
        while number in names:
            number += "_"
        key = (number,)
    numeric = lon is not None and lat is not None and all(columns[place].type in ("decimal", "integer") for place in (lon, lat))
    in_degrees = box is not None and (sidecar.crs is not None or (-180 <= box[0] <= box[2] <= 180 and -90 <= box[1] <= box[3] <= 90))
    point = (lon, lat, "geometry" if "geometry" not in names else "the_geometry") if numeric and in_degrees and lon is not None and lat is not None else None
    return columns, key, number, point, box, count


def _grow(box: list[float] | None, cells: Sequence[str], lon: int, lat: int) -> list[float] | None:
    try:
        x, y = float(cells[lon]), float(cells[lat])
    except (ValueError, IndexError):
        return box
    if box is None:
        return [x, y, x, y]
    return [min(box[0], x), min(box[1], y), max(box[2], x), max(box[3], y)]


def _column(name: str, heading: str, guess: Guess, profile: Profile, sidecar: Sidecar) -> Column:
    said: Mapping[str, Any] = sidecar.columns.get(heading, {})
    known = profile.columns.get(name)
    kind = str(said.get("type") or (known.type if known else guess.type))
    titles = said.get("title") or (
        {"zh": known.zh, "en": known.en} if known else {} if heading == name else {"en" if heading.isascii() else "zh": heading} if heading else {}
    )
    sensitivity = said.get("sensitivity") or (known.sensitivity if known and known.sensitivity != "none" else None)
    length = guess.longest if kind == "text" and guess.longest else None
    return Column(
        name, kind, dict(titles) if isinstance(titles, Mapping) else {"zh": str(titles)}, length=length, sensitivity=sensitivity, unit=said.get("unit")
    )


def _key(columns: Sequence[Column], guesses: Sequence[Guess], wanted: tuple[str, ...], sidecar: Sidecar, together: bool | None) -> tuple[str, ...]:
    """The key asked for when it is unique, else the first unique candidate, else none."""
    unique = {column.name for column, guess in zip(columns, guesses, strict=True) if guess.unique and guess.filled and column.type in KEY_TYPES}
    if wanted and (together if together is not None else wanted[0] in unique):
        return wanted
    if wanted and sidecar.key:
        raise IngestError(zh=f"主鍵 {', '.join(wanted)} 有空值或重複", en=f"the key {', '.join(wanted)} is empty in some rows, or not different in each")
    return next(((name,) for name in key_candidates([column.name for column in columns]) if name in unique), ())


def _value(column: Column, cell: str) -> Any:
    if column.type == "text":
        return cell if cell != "" else None
    cell = cell.strip()
    if not cell or cell in NO_VALUE:
        return None
    if column.type in ("date", "datetime"):
        return parse_moment(cell) or cell
    return cell


def _point(cells: Sequence[str], point: tuple[int, int, str], way: Way, name: str, number: int) -> Any:
    lon, lat, _ = point
    try:
        x, y = float(cells[lon]), float(cells[lat])
    except (ValueError, IndexError):
        return None
    shape = shapely.Point(x, y)
    if way.move is not None:
        shape = way.move(shape)
    if not (-180 <= shape.x <= 180 and -90 <= shape.y <= 90):
        raise IngestError(zh=f"{name} 第 {number} 列的坐標不在地球上：{x}, {y}", en=f"{name}, row {number}: the coordinates do not lie on the earth: {x}, {y}")
    return shape
