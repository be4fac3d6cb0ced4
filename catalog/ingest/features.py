"""Features (GeoJSON, vector files) → a layer, in two passes over chunks: the first decides columns, types, key and extent, the second gives the rows.

Memory holds one chunk at a time. A feature whose geometry cannot be read, is not finite or does not lie on the earth is bad by itself.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import shapely

from catalog.errors import IngestError
from catalog.ingest.crs import Way, likely
from catalog.ingest.infer import NO_VALUE, Guess, Unique, parse_moment
from catalog.ingest.model import Layer, Numbered, Sidecar
from catalog.ingest.names import column_names, is_code_like
from catalog.ingest.shape import ROW_NUMBER, bbox_text, geometry_type, key_candidates, profile_key
from catalog.profiles import Profile
from catalog.quarantine import Bad
from catalog.rows.columns import KEY_TYPES, MAX_COLUMNS, Column

__all__ = ["Chunk", "Features", "read_features"]

#: Whole numbers beyond it are kept as text: other programs would lose digits.
_EXACT = 999_999_999_999_999


@dataclass
class Chunk:
    """Some features of a file.

    Attributes:
        numbers: of the features in the file, from one.
        shapes: geometries in the file's own system, None where there is none.
        properties: of each, heading → value.
        ids: of each, or None.
        bads: what stands among them and is no feature.
    """

    numbers: list[int] = field(default_factory=list)
    shapes: list[Any] = field(default_factory=list)
    properties: list[Mapping[str, Any]] = field(default_factory=list)
    ids: list[Any] = field(default_factory=list)
    bads: list[Bad] = field(default_factory=list)


@dataclass(frozen=True)
class Features:
    """A source of features.

    Attributes:
        name: of the file, and of the layer where there are several.
        chunks: called to read all; may be called again. Raises IngestError with the place.
        way: to CRS84.
        id_name, id_type: the column that the features' own ids become, when all are there and different; numbers (`integer`) that a program gave, only when
            nothing else is different in each feature.
        texts: the file has texts only, so that numbers are told by what all of them are.
        order: headings in the file's order, when it has one.
        member: path inside an archive.
        count: how many features there are, when the file says it.
    """

    name: str
    chunks: Callable[[], Iterable[Chunk]]
    way: Way
    id_name: str = "id"
    id_type: str = "text"
    texts: bool = False
    order: Sequence[str] = ()
    member: str = ""
    count: int | None = None


def read_features(source: Features, profile: Profile, sidecar: Sidecar) -> tuple[Layer, dict[str, Any]]:
    """Understands features.

    Returns:
        Their layer, and fields that follow from it.

    Raises:
        IngestError: there are none, all are bad, or the key asked for is not unique.
    """
    first = _FirstPass(source)
    first.run()
    if not first.good:
        if first.bads:
            raise IngestError(zh=first.bads[0].zh, en=first.bads[0].en)
        raise IngestError(zh=f"{source.name} 没有要素", en=f"{source.name} holds no features")
    table = first.understood(profile, sidecar)
    fields: dict[str, Any] = {}
    box = bbox_text(first.box)
    if box is not None:
        fields = {"bbox": box, "crs": source.way.code, "crs_note": source.way.note}
    return table.layer(first), {name: value for name, value in fields.items() if value is not None}


def _place(source: Features, number: int, zh: str, en: str, excerpt: str = "") -> Bad:
    return Bad({"feature": number}, "ingest", f"{source.name} 第 {number} 个要素{zh}", f"{source.name}: feature {number} {en}", excerpt, source.member)


def located(source: Features, chunk: Chunk) -> tuple[list[Any], list[Bad]]:
    """The geometries of a chunk in CRS84, and what is bad among its features (whose geometry is then False)."""
    shapes = np.empty(len(chunk.shapes), dtype=object)
    shapes[:] = chunk.shapes
    present = np.array([shape is not None for shape in chunk.shapes], dtype=bool)
    if not present.any():
        return list(shapes), []
    finite = np.isfinite(shapely.bounds(shapes)).all(axis=1) | ~present
    bads = [_place(source, chunk.numbers[at], "的坐标不是有限的数", "has coordinates that are not finite") for at in np.flatnonzero(~finite)]
    moving = present & finite
    if source.way.move is not None and moving.any():
        shapes[moving] = source.way.move(shapes[moving])
    bounds = shapely.bounds(shapes)
    low, high = np.array([-180, -90, -180, -90]), np.array([180, 90, 180, 90])
    outside = moving & ~((bounds >= low) & (bounds <= high)).all(axis=1)
    for at in np.flatnonzero(outside):
        bads.append(_outside(source, chunk.numbers[at], shapely.bounds(chunk.shapes[at]).round(3).tolist()))
    shapes[~finite | outside] = False
    return list(shapes), bads


def _outside(source: Features, number: int, box: list[float]) -> Bad:
    """A feature that is not on the earth, with what may be the matter."""
    hint_zh, hint_en = likely(box, source.way)
    if source.way.code == "OGC:CRS84" and source.way.move is None:
        zh = f"的范围为 {box}：未声明坐标系，而坐标不是经纬度；请在附属文件中以 crs: EPSG:… 指明{hint_zh}"
        en = f"has the extent {box}: the file names no coordinate system and these are not longitude and latitude: name it in the sidecar, crs: EPSG:…{hint_en}"
    else:
        zh = f"的范围为 {box}：由 {source.way.code} 转换后不在地球上{hint_zh}"
        en = f"has the extent {box}: transformed from {source.way.code} it does not lie on the earth{hint_en}"
    return _place(source, number, zh, en)


# --- first pass --------------------------------------------------------------------------------------------------------------------------


class _Watch:
    """What one property holds over all features."""

    def __init__(self, *, unique: bool) -> None:
        self.kinds: set[type] = set()
        self.largest = 0
        self.filled = 0
        self.guess = Guess()
        self.unique = Unique() if unique else None

    def watch(self, value: Any) -> None:
        """Takes note of one value that is there."""
        self.filled += 1
        kind = type(value)
        self.kinds.add(kind)
        if kind is int or kind is float:
            if abs(value) > self.largest:
                self.largest = abs(value)
        elif kind is str:
            self.guess.watch(value.strip())
        if self.unique is not None:
            self.unique.watch(value if kind is str else repr(value))

    def type(self, name: str, heading: str, *, texts: bool) -> str:
        """The type: numbers and booleans by their own, texts by what all of them are: dates, and with `texts` numbers as well."""
        if is_code_like(name, heading) or not self.filled:
            return "text"
        if self.kinds == {bool}:
            return "boolean"
        if self.kinds == {int} and self.largest <= _EXACT:
            return "integer"
        if self.kinds <= {int, float} and self.largest <= 2**53:
            return "decimal"
        if self.kinds == {str} and (texts or self.guess.type in ("date", "datetime")):
            return self.guess.type
        return "text"


class _FirstPass:
    """What is learned of features by reading all of them once."""

    def __init__(self, source: Features) -> None:
        self.source = source
        self.good = self.count = 0
        self.bads: list[Bad] = []
        self.box: tuple[float, float, float, float] | None = None
        self.geometries: set[str] = set()
        self.properties: dict[str, _Watch] = {name: _Watch(unique=True) for name in source.order}
        self.ids = Unique()

    def run(self) -> None:
        """Reads all features."""
        for chunk in self.source.chunks():
            shapes, bads = located(self.source, chunk)
            self.bads = self.bads or chunk.bads[:1] or bads[:1]
            self.count += len(shapes) + len(chunk.bads)
            good = [at for at, shape in enumerate(shapes) if shape is not False]
            self._extend([shapes[at] for at in good if shapes[at] is not None])
            for at in good:
                self._watch(chunk.properties[at], chunk.ids[at] if chunk.ids else None)
            if len(self.properties) > MAX_COLUMNS:
                name, count = self.source.name, len(self.properties)
                raise IngestError(zh=f"{name} 有 {count} 个属性，上限 {MAX_COLUMNS}", en=f"{name} has {count} properties, at most {MAX_COLUMNS}")

    def _extend(self, shapes: list[Any]) -> None:
        if not shapes:
            return
        self.geometries |= {shape.geom_type for shape in shapes}
        west, south, east, north = shapely.total_bounds(np.array(shapes, dtype=object)).tolist()
        box = self.box or (west, south, east, north)
        self.box = min(box[0], west), min(box[1], south), max(box[2], east), max(box[3], north)

    def _watch(self, properties: Mapping[str, Any], id: Any) -> None:
        watching = self.properties
        for heading, value in properties.items():
            watch = watching.get(heading)
            if watch is None:
                watch = watching[heading] = _Watch(unique=self.good == 0)  # one that the first feature lacks is not there in each
            if value is None:
                if watch.unique is not None:
                    watch.unique.miss()
            else:
                watch.watch(value)
        if isinstance(id, (str, int)) and not isinstance(id, bool):
            self.ids.watch(str(id))
        else:
            self.ids.miss()
        self.good += 1

    def understood(self, profile: Profile, sidecar: Sidecar) -> "_Table":
        """Names, columns and key. Raises IngestError."""
        if self.source.texts:  # such files declare much that nothing has
            self.properties = {name: watch for name, watch in self.properties.items() if watch.filled} or self.properties
        headings = list(self.properties)
        wanted = [str(sidecar.columns.get(heading, {}).get("name") or heading) for heading in headings]
        names = column_names(wanted, profile.columns)
        watches = list(self.properties.values())
        triples = zip(names, headings, watches, strict=True)
        columns = [_column(*each, profile, sidecar, texts=self.source.texts) for each in triples]
        unique = {name for name, watch in zip(names, watches, strict=True) if watch.filled == self.good and watch.unique}
        kinds = {column.name: column.type for column in columns}
        id_name = self.source.id_name if self.source.id_name and self.source.id_name not in kinds and self.ids and self.good else None
        shown = Column(id_name or "id", self.source.id_type, {"zh": "要素编号", "en": "Feature id"})
        given = id_name is not None and self.source.id_type == "text"
        if id_name is not None and given:
            columns.insert(0, shown)
            unique.add(id_name)
            kinds[id_name] = "text"
        key = self._key(profile_key(kinds, profile, sidecar), [column.name for column in columns if column.type in KEY_TYPES], unique, sidecar)
        if id_name is not None and not given:
            key, id_name = key or (id_name,), None if key else id_name
            columns[:0] = [shown] if id_name else []
            kinds |= {shown.name: shown.type} if id_name else {}
        number = None
        if not key:
            number = ROW_NUMBER.name
            while number in kinds:
                number = f"{number}_"[:60]
            columns.insert(0, Column(number, ROW_NUMBER.type, ROW_NUMBER.title, nullable=False))
            key = (number,)
        geometry = next((name for name in ("geometry", "geom", "shape_") if name not in kinds), "the_geometry")
        return _Table(self.source, headings, {column.name: column for column in columns}, names, id_name, number, geometry, key)

    def _key(self, wanted: tuple[str, ...], able: list[str], unique: set[str], sidecar: Sidecar) -> tuple[str, ...]:
        """The key asked for when it is unique, else the first candidate that is there and different in each feature, else none."""
        if len(wanted) == 1 and wanted[0] in unique:
            return wanted
        if wanted and (sidecar.key or len(wanted) > 1):
            if len(wanted) > 1 and self._together(wanted, sidecar):
                return wanted
            if sidecar.key:
                said = ", ".join(wanted)
                raise IngestError(zh=f"主键 {said} 有空值或重复", en=f"the key {said} is empty in some rows, or not different in each")
        return next(((name,) for name in key_candidates(able) if name in unique), ())

    def _together(self, wanted: Sequence[str], sidecar: Sidecar) -> bool:
        """Whether several columns together are there and different in each feature: reads all once more."""
        headings = list(self.properties)
        names = column_names([str(sidecar.columns.get(heading, {}).get("name") or heading) for heading in headings])
        places = [headings[names.index(name)] for name in wanted if name in names]
        seen = Unique()
        for chunk in self.source.chunks():
            for each in chunk.properties:
                values = [each.get(heading) for heading in places]
                seen.watch("" if len(places) < len(wanted) or any(value in (None, "") for value in values) else repr(values))
        return bool(seen)


def _column(name: str, heading: str, watch: _Watch, profile: Profile, sidecar: Sidecar, *, texts: bool) -> Column:
    said = sidecar.columns.get(heading, {})
    known = profile.columns.get(name)
    kind = said.get("type") or (known.type if known else None) or watch.type(name, heading, texts=texts)
    titles = said.get("title") or ({"zh": known.zh, "en": known.en} if known else {} if heading == name else {"zh" if not heading.isascii() else "en": heading})
    sensitivity = said.get("sensitivity") or (known.sensitivity if known and known.sensitivity != "none" else None)
    return Column(name, str(kind), dict(titles) if isinstance(titles, Mapping) else {"zh": str(titles)}, sensitivity=sensitivity, unit=said.get("unit"))


# --- second pass -------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Table:
    """Features as they were understood in the first pass: headings and the columns that they become, in the same order."""

    source: Features
    headings: list[str]
    columns: dict[str, Column]
    names: list[str]
    id_name: str | None
    number: str | None
    geometry: str
    key: tuple[str, ...]

    def layer(self, first: _FirstPass) -> Layer:
        """The layer."""
        shown, kind = list(self.columns.values()), geometry_type(first.geometries)
        if kind is not None:
            shown.append(Column(self.geometry, "geometry", {"zh": "几何", "en": "Geometry"}))
        return Layer(tuple(shown), self.key, kind, lambda: self.rows(spatial=kind is not None), "feature", first.count)

    def rows(self, *, spatial: bool) -> Iterator[Numbered]:
        """The second pass."""
        pairs = [(heading, self.columns[name]) for heading, name in zip(self.headings, self.names, strict=True)]
        for chunk in self.source.chunks():
            shapes, bads = located(self.source, chunk)
            yield from chunk.bads
            yield from bads
            for at, shape in enumerate(shapes):
                if shape is False:
                    continue
                properties = chunk.properties[at]
                row: dict[str, Any] = {column.name: _value(column, properties.get(heading)) for heading, column in pairs}
                if self.id_name is not None:
                    row[self.id_name] = chunk.ids[at] if self.source.id_type == "integer" else str(chunk.ids[at])
                if self.number is not None:
                    row[self.number] = chunk.numbers[at]
                if spatial:
                    row[self.geometry] = shape
                yield chunk.numbers[at], row


def _value(column: Column, value: Any) -> Any:
    if value is None:
        return None
    if column.type == "text":
        return value if isinstance(value, str) else str(value) if isinstance(value, int) and not isinstance(value, bool) else orjson.dumps(value).decode()
    if isinstance(value, str):
        value = value.strip()
        if value in NO_VALUE:
            return None
        if column.type in ("date", "datetime"):
            return parse_moment(value) or value or None
    return value if value != "" else None
