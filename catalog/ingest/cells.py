"""A table of cells (CSV, a sheet of a workbook) → a layer, in two passes: the first decides names, types, key and points, the second gives the rows.

Memory holds no rows: only what tells whether a candidate for the key is different in each row. Longitude and latitude columns become points. A line that
has more cells than the heading, or coordinates that are not on the earth where those of the others are, is bad by itself.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import shapely

from catalog.errors import IngestError
from catalog.field_values import decimal_text
from catalog.ingest.crs import Way, way_to_crs84
from catalog.ingest.infer import NO_VALUE, Guess, Unique, parse_moment
from catalog.ingest.model import Layer, Numbered, Sidecar
from catalog.ingest.names import column_names, fold, is_code_like
from catalog.ingest.shape import ROW_NUMBER, key_candidates, profile_key
from catalog.profiles import Profile
from catalog.quarantine import Bad
from catalog.rows.columns import KEY_TYPES, MAX_COLUMNS, Column

__all__ = ["Cells", "check_headings", "read_cells"]

_LON = frozenset(map(fold, ("lon", "lng", "long", "longitude", "經度", "经度", "lon_dd", "dec_long_va", "x_lon", "decimallongitude")))
_LAT = frozenset(map(fold, ("lat", "latitude", "緯度", "纬度", "lat_dd", "dec_lat_va", "y_lat", "decimallatitude")))
#: Of so many rows one may have coordinates outside of the earth, and is bad by itself; with more of them the columns are no coordinates.
_ODD_SHARE = 100

#: A line of a table: where it ends, and its cells as text.
type Line = tuple[int, Sequence[str]]


@dataclass(frozen=True)
class Cells:
    """A table of cells.

    Attributes:
        name: of the file, and of the sheet where there are several.
        lines: called to read all lines behind the heading; may be called again. Raises IngestError with the place.
        headings: of the columns.
        unit: what the number of a line counts: `line` or `row`.
        member: path inside an archive.
    """

    name: str
    lines: Callable[[], Iterable[Line]]
    headings: Sequence[str]
    unit: str = "line"
    member: str = ""


def check_headings(headings: Sequence[str], name: str) -> None:
    """Refuses what is no heading of a table. Raises IngestError."""
    if not headings or not any(headings):
        raise IngestError(zh=f"{name} 没有标题行", en=f"{name} has no heading")
    if len(headings) > MAX_COLUMNS:
        raise IngestError(zh=f"{name} 有 {len(headings)} 列，上限 {MAX_COLUMNS}", en=f"{name} has {len(headings)} columns, at most {MAX_COLUMNS}")
    if any("\x00" in heading for heading in headings):
        raise IngestError(zh=f"{name} 不是文字表格", en=f"{name} is not a table of text")


def read_cells(cells: Cells, profile: Profile, sidecar: Sidecar) -> tuple[Layer, dict[str, Any]]:
    """Understands a table.

    Returns:
        Its layer, and fields that follow from it.

    Raises:
        IngestError: no heading, no rows, a key that is not unique.
    """
    check_headings(cells.headings, cells.name)
    first = _FirstPass(cells, profile, sidecar)
    first.run()
    if not first.good:
        if first.bad is not None:
            raise IngestError(zh=first.bad.zh, en=first.bad.en)
        raise IngestError(zh=f"{cells.name} 只有标题，没有数据", en=f"{cells.name} has a heading but no rows")
    columns, number = first.columns(), None
    key: tuple[str, ...] = first.key(columns)
    if not key:
        number = ROW_NUMBER.name
        while number in first.names:
            number += "_"
        key = (number,)
    way = way_to_crs84(sidecar.crs or "OGC:CRS84")
    point = first.point(columns)
    table = _Table(cells, tuple(columns), number, point, way)
    shown = [*([Column(number, "integer", ROW_NUMBER.title, nullable=False)] if number else []), *columns]
    fields: dict[str, Any] = {}
    if point is not None:
        shown.append(Column(point[2], "geometry", {"zh": "几何", "en": "Geometry"}))
        if first.box is not None and way.move is None:
            fields = {"bbox": [decimal_text(round(value, 6)) for value in first.box], "crs": way.code}
        elif way.code is not None:
            fields = {"crs": way.code} | ({"crs_note": way.note} if way.note else {})
    return Layer(tuple(shown), key, "point" if point else None, table.rows, cells.unit, first.count), fields


def _bad(cells: Cells, line: int, row: Sequence[str], zh: str, en: str) -> Bad:
    where_zh = f"第 {line} 行"
    return Bad({cells.unit: line}, "ingest", f"{cells.name} {where_zh}{zh}", f"{cells.name}, {cells.unit} {line}: {en}", ",".join(row)[:2_000], cells.member)


def _uneven(cells: Cells, line: int, row: Sequence[str]) -> Bad | None:
    """What is wrong with a line that has more cells than the heading; blank ones behind do not count."""
    width = len(cells.headings)
    if len(row) <= width or not any(row[width:]):
        return None
    return _bad(cells, line, row, f"有 {len(row)} 格，标题只有 {width} 格", f"{len(row)} cells, but {width} headings")


# --- first pass --------------------------------------------------------------------------------------------------------------------------


@dataclass
class _FirstPass:
    """What is learned of a table by reading all of it once."""

    cells: Cells
    profile: Profile
    sidecar: Sidecar
    good: int = 0
    count: int = 0
    bad: Bad | None = None
    box: list[float] | None = None
    inside: int = 0
    outside: int = 0
    names: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Reads all lines."""
        headings, columns = self.cells.headings, self.sidecar.columns
        self.names = column_names([str(columns.get(heading, {}).get("name") or heading) for heading in headings], self.profile.columns)
        self.wanted = profile_key(self.names, self.profile, self.sidecar)
        candidates = frozenset(self.wanted if len(self.wanted) == 1 else () if self.wanted else key_candidates(self.names))
        self.guesses = [Guess(text=is_code_like(name, heading), watch_unique=name in candidates) for name, heading in zip(self.names, headings, strict=True)]
        keys = [self.names.index(name) for name in self.wanted] if len(self.wanted) > 1 else []
        self.together = Unique() if keys else None
        self.lon = next((place for place, heading in enumerate(headings) if fold(heading) in _LON), None)
        self.lat = next((place for place, heading in enumerate(headings) if fold(heading) in _LAT), None)
        for line, row in self.cells.lines():
            if not any(row):
                continue
            self.count += 1
            if len(row) > len(headings) and (bad := _uneven(self.cells, line, row)) is not None:
                self.bad = self.bad or bad
                continue
            self.good += 1
            for place, guess in enumerate(self.guesses):
                guess.watch(row[place].strip() if place < len(row) else None)
            if self.together is not None:
                self.together.watch("\x1f".join(row[place].strip() if place < len(row) else "" for place in keys))
            if self.lon is not None and self.lat is not None:
                self._grow(row, self.lon, self.lat)

    def _grow(self, row: Sequence[str], lon: int, lat: int) -> None:
        try:
            x, y = float(row[lon]), float(row[lat])
        except (ValueError, IndexError):
            return
        if not (-180 <= x <= 180 and -90 <= y <= 90):
            self.outside += 1
            return
        self.inside += 1
        self.box = [x, y, x, y] if self.box is None else [min(self.box[0], x), min(self.box[1], y), max(self.box[2], x), max(self.box[3], y)]

    def columns(self) -> list[Column]:
        """The columns, without those that we add."""
        rows = zip(self.names, self.cells.headings, self.guesses, strict=True)
        return [_column(name, heading, guess, self.profile, self.sidecar) for name, heading, guess in rows]

    def key(self, columns: Sequence[Column]) -> tuple[str, ...]:
        """The key asked for when it is unique, else the first unique candidate, else none. Raises IngestError."""
        pairs = zip(columns, self.guesses, strict=True)
        unique = {column.name for column, guess in pairs if guess.unique and guess.filled and column.type in KEY_TYPES}
        if self.wanted and (bool(self.together) if self.together is not None else self.wanted[0] in unique):
            return self.wanted
        if self.wanted and self.sidecar.key:
            wanted = ", ".join(self.wanted)
            raise IngestError(zh=f"主键 {wanted} 有空值或重复", en=f"the key {wanted} is empty in some rows, or not different in each")
        return next(((name,) for name in key_candidates([column.name for column in columns]) if name in unique), ())

    def point(self, columns: Sequence[Column]) -> tuple[int, int, str] | None:
        """Places of longitude and latitude and the name of the geometry, when the two hold coordinates."""
        if self.lon is None or self.lat is None or any(columns[place].type not in ("decimal", "integer") for place in (self.lon, self.lat)):
            return None
        degrees = self.inside > 0 and self.outside * _ODD_SHARE <= self.inside
        if not (degrees or (self.sidecar.crs is not None and self.inside + self.outside)):
            return None
        return self.lon, self.lat, "geometry" if "geometry" not in self.names else "the_geometry"


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


# --- second pass -------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Table:
    """A table as it was understood in the first pass.

    Attributes:
        columns: without those that we add, each in its place.
        number: name of the row number that is the key, or None.
        point: places of longitude and latitude and the name of the geometry, or None.
    """

    cells: Cells
    columns: tuple[Column, ...]
    number: str | None
    point: tuple[int, int, str] | None
    way: Way

    def rows(self) -> Iterator[Numbered]:
        """The second pass."""
        width = len(self.cells.headings)
        for number, (line, row) in enumerate(self.cells.lines(), 1):
            if not any(row):
                continue
            if len(row) > width and (bad := _uneven(self.cells, line, row)) is not None:
                yield bad
                continue
            values: dict[str, Any] = {} if self.number is None else {self.number: number}
            for column, cell in zip(self.columns, row, strict=False):
                value = _value(column, cell)
                if value is not None:
                    values[column.name] = value
            if self.point is not None:
                shape = self._shape(row, self.point)
                if isinstance(shape, str):
                    yield _bad(self.cells, line, row, f"的坐标不在地球上：{shape}", f"the coordinates do not lie on the earth: {shape}")
                    continue
                if shape is not None:
                    values[self.point[2]] = shape
            yield line, values

    def _shape(self, row: Sequence[str], point: tuple[int, int, str]) -> Any:
        """The point of a row, None when it has none, or the coordinates as text when they are not on the earth."""
        lon, lat, _ = point
        try:
            x, y = float(row[lon]), float(row[lat])
        except (ValueError, IndexError):
            return None
        shape = shapely.Point(x, y)
        if self.way.move is not None:
            shape = self.way.move(shape)
        return shape if -180 <= shape.x <= 180 and -90 <= shape.y <= 90 else f"{x}, {y}"


def _value(column: Column, cell: str) -> Any:
    if column.type == "text":
        return cell if cell != "" else None
    cell = cell.strip()
    if not cell or cell in NO_VALUE:
        return None
    if column.type in ("date", "datetime"):
        return parse_moment(cell) or cell
    return cell
