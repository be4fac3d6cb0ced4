"""GeoPackage, Shapefile, FlatGeobuf, KML and GML → layers, through GDAL, in chunks.

GDAL opens many kinds of files by itself, some of which lead elsewhere (virtual formats, services): so the kind is told by content before, GDAL must have opened
it with the driver of that kind and knows no others (`gdal`), XML has been checked (`xml`), nothing is fetched, and layers that are views are refused.
"""

import sqlite3
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from catalog.errors import CatalogError, IngestError
from catalog.ingest.crs import Way, way_to_crs84
from catalog.ingest.dbf import check_dbf, dbf_encoding
from catalog.ingest.features import Chunk, Features, read_features
from catalog.ingest.files import parts_of, zipped_parts
from catalog.ingest.gdal import vector_library
from catalog.ingest.library_words import said
from catalog.ingest.model import Found, Item, Refused, Sidecar
from catalog.profiles import Profile
from catalog.quarantine import Bad

__all__ = ["read_vector"]

#: Kind → GDAL's drivers for it, and how people call it.
KINDS = {
    "gpkg": (("GPKG",), "GeoPackage"),
    "shp": (("ESRI Shapefile",), "Shapefile"),
    "fgb": (("FlatGeobuf",), "FlatGeobuf"),
    "kml": (("KML", "LIBKML"), "KML"),
    "gml": (("GML",), "GML"),
}
_CHUNK = 5_000
#: Bytes that a chunk may have, as far as a file says before it is read; of a file that is smaller the chunks need no care.
_CHUNK_BYTES = 64 << 20
#: No cell of a GeoPackage may have more bytes.
_CELL = 16 << 20
_DEFAULT = 1_000
#: Formats that are read from their beginning for each chunk are read whole, and so may not be larger than this.
_WHOLE = 256 << 20
#: What these say of display and of boxes, not of the things.
_HIDDEN = {
    "kml": ("altitudeMode", "tessellate", "extrude", "visibility", "drawOrder", "icon", "snippet"),
    "gml": ("lowerCorner", "upperCorner"),
}


def read_vector(path: Path, kind: str, profile: Profile, sidecar: Sidecar) -> Iterator[Found]:
    """Reads all layers of a file; the only one keeps the file as its original, one of several a file of its own.

    Raises:
        IngestError: it is damaged, not what it says it is, or holds no layer.
    """
    with tempfile.TemporaryDirectory(prefix="terrace-") as folder:
        opened = path
        if kind in ("gml", "kml"):  # GDAL writes its notes beside the file, and wants the suffix
            opened = Path(folder) / f"{path.stem or 'file'}.{kind}"
            opened.symlink_to(path.resolve())
        layers = _layers(opened, path, kind)
        original = _original(path, kind, Path(folder))
        for name in layers:
            part = name if len(layers) > 1 else ""
            try:
                item = _read_layer(_Opened(opened, path.name, kind, name, sidecar.encoding), part, profile, sidecar)
            except CatalogError as error:
                if not part:
                    raise
                yield Refused(part, Bad({"path": part}, error.kind, error.zh, error.en))
                continue
            if not part:
                yield original(item)
            else:
                with _alone(opened, kind, name, Path(folder)) as cut:
                    yield _one_of_many(item, path, name, cut)


def _original(path: Path, kind: str, folder: Path) -> Any:
    """How the only layer of a file keeps it: a Shapefile's parts in one zip."""

    def kept(item: Item) -> Item:
        from dataclasses import replace

        if kind != "shp":
            return item
        target = folder / f"{path.stem}.zip"
        zipped_parts(path, target)
        return replace(item, file=target, name=target.name)

    return kept


@dataclass(frozen=True)
class _Opened:
    """One layer of a file.

    Attributes:
        path: as GDAL gets it. name: of the file, for people.
        layer: its name.
        encoding: of a Shapefile's texts, when a person says it.
    """

    path: Path
    name: str
    kind: str
    layer: str
    encoding: str | None

    def info(self) -> dict[str, Any]:
        """What GDAL says of the layer. Raises IngestError."""
        return dict(_gdal(self.name, "read_info", self.path, layer=self.layer, encoding=self._encoding()))

    def read(self, **how: Any) -> Any:
        """Reads features: `(meta, fids, geometries as WKB, arrays of values)`. Raises IngestError."""
        return _gdal(self.name, "raw.read", self.path, encoding=self._encoding(), **how)

    def most(self, count: int | None, *, fast: bool = True) -> int | None:
        """How many features to read at once: fewer of a large file whose features are large; None: all.

        Args:
            count: how many there are.
            fast: whether reading may begin anywhere; else each chunk is read from the beginning, so that there should be few.
        """
        size = sum(part.stat().st_size for part in (parts_of(self.path) if self.kind == "shp" else (self.path,)))
        if not fast:
            return None if size <= _WHOLE else max(_CHUNK, _WHOLE * (count or 1) // size)
        if size <= _CHUNK_BYTES:
            return _CHUNK
        heaviest = _heaviest(self.path, self.layer) if self.kind == "gpkg" else 4 * size // max(count or 1, 1)
        return max(1, min(_CHUNK, _CHUNK_BYTES // max(heaviest, 1)))

    def _encoding(self) -> str | None:
        return (self.encoding or dbf_encoding(self.path)) if self.kind == "shp" else None


def _gdal(name: str, function: str, *args: Any, **how: Any) -> Any:
    """Calls pyogrio; whatever it raises is one clear error."""
    pyogrio = vector_library()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return (pyogrio.raw.read if function == "raw.read" else getattr(pyogrio, function))(*args, **how)
    except (RuntimeError, ValueError, OSError, LookupError) as error:
        zh, en = said(error)
        raise IngestError(zh=f"{name} 不完好或不能读取：{zh}", en=f"{name} is damaged or cannot be read: {en}") from error


def _layers(opened: Path, path: Path, kind: str) -> list[str]:
    """Names of the layers. Raises IngestError when it is none of its kind."""
    drivers, called = KINDS[kind]
    if kind == "shp":
        missing = [suffix for suffix in (".shx", ".dbf") if not any(part.suffix.lower() == suffix for part in parts_of(path))]
        if missing:
            raise IngestError(zh=f"{path.name} 是 Shapefile，但缺少 {'、'.join(missing)}", en=f"{path.name} is a Shapefile without its {' and '.join(missing)}")
        check_dbf(path)
    if kind in ("gml", "kml") and path.stat().st_size > _WHOLE:
        raise IngestError(zh=f"{path.name} 过大，{called} 上限 {_WHOLE} 字节", en=f"{path.name} is too large: {called} may have {_WHOLE} bytes")
    tables = _tables(path) if kind == "gpkg" else set()
    names = [str(row[0]) for row in _gdal(path.name, "list_layers", opened)]
    if kind == "gpkg":
        names = [name for name in names if name != "layer_styles"]
        views = [name for name in names if name.lower() not in tables]
        if views:  # a view runs whatever statement the file holds
            raise IngestError(zh=f"{path.name} 的图层 {views[0]} 是视图，不予读取", en=f"{path.name}: the layer {views[0]} is a view, which is not read")
    if not names:
        raise IngestError(zh=f"{path.name} 是 {called}，但没有图层", en=f"{path.name} is a {called} without a layer")
    driver = _gdal(path.name, "read_info", opened, layer=names[0])["driver"]
    if driver not in drivers:
        raise IngestError(zh=f"{path.name} 不是 {called}（{driver}）", en=f"{path.name} is not a {called} but {driver}")
    return names


def _tables(path: Path) -> set[str]:
    """The tables of a GeoPackage that hold what they give. Raises IngestError when it is none, or holds what is worked out when it is read."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as conn:
            conn.execute("PRAGMA trusted_schema = OFF")
            kinds = {str(row[0]).lower(): str(row[1]) for row in conn.execute("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')")}
            tables = {name for name, kind in kinds.items() if kind == "table"}
            if "gpkg_contents" in tables:
                _require_stored(conn, path, kinds)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        zh, en = said(error)
        raise IngestError(zh=f"{path.name} 不是完好的 GeoPackage：{zh}", en=f"{path.name} is not a sound GeoPackage: {en}") from error
    if "gpkg_contents" not in tables:
        raise IngestError(zh=f"{path.name} 是 SQLite 数据库，但不是 GeoPackage", en=f"{path.name} is an SQLite database, but no GeoPackage")
    return tables


def _require_stored(conn: sqlite3.Connection, path: Path, kinds: Mapping[str, str]) -> None:
    """A view and a generated column run whatever the file says, and a few bytes make gigabytes; so does a cell of such a size. Raises IngestError."""
    for name, kind in kinds.items():
        if kind == "view" and name.startswith("gpkg_"):
            raise IngestError(zh=f"{path.name} 的 {name} 是视图，不予读取", en=f"{path.name}: {name} is a view, which is not read")
    layers = [str(row[0]) for row in conn.execute("SELECT table_name FROM gpkg_contents LIMIT 10000")]
    for table in (name for name in kinds if kinds[name] == "table" and (name.startswith("gpkg_") or name in {layer.lower() for layer in layers})):
        columns = conn.execute("SELECT name, hidden, length(dflt_value) FROM pragma_table_xinfo(?)", (table,)).fetchall()
        for column, hidden, default in columns:
            if (default or 0) > _DEFAULT:  # rows from before the column was added have it without holding it
                zh, en = f"{path.name} 的 {table}.{column} 默认值过长", f"{path.name}: {table}.{column} has too long a default"
                raise IngestError(zh=zh, en=en)
            if hidden in (2, 3):
                zh, en = f"{path.name} 的 {table}.{column} 是计算列，不予读取", f"{path.name}: {table}.{column} is a generated column, which is not read"
                raise IngestError(zh=zh, en=en)
        if path.stat().st_size > _CELL:
            sizes = " OR ".join(f"length(CAST({_quoted(column)} AS BLOB)) > {_CELL}" for column, _, _ in columns)
            if conn.execute(f"SELECT 1 FROM {_quoted(table)} WHERE {sizes} LIMIT 1").fetchone():  # noqa: S608 - names of the file itself, quoted; read only
                most = _CELL >> 20
                zh, en = f"{path.name} 的 {table} 有超过 {most} MiB 的单元格", f"{path.name}: {table} has a cell of more than {most} MiB"
                raise IngestError(zh=zh, en=en)


def _heaviest(path: Path, table: str) -> int:
    """Bytes of the largest row of a GeoPackage's table. Raises IngestError."""
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)) as conn:
            columns = [str(row[0]) for row in conn.execute("SELECT name FROM pragma_table_info(?)", (table,))]
            total = " + ".join(f"coalesce(length(CAST({_quoted(column)} AS BLOB)), 0)" for column in columns)
            return int(conn.execute(f"SELECT max({total}) FROM {_quoted(table)}").fetchone()[0] or 0)  # noqa: S608 - names of the file itself, quoted; read only
    except sqlite3.Error as error:
        zh, en = said(error)
        raise IngestError(zh=f"{path.name} 不是完好的 GeoPackage：{zh}", en=f"{path.name} is not a sound GeoPackage: {en}") from error


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


# --- one layer ---------------------------------------------------------------------------------------------------------------------------


def _read_layer(opened: _Opened, part: str, profile: Profile, sidecar: Sidecar) -> Item:
    info = opened.info()
    name = f"{opened.name} · {part}" if part else opened.name
    way, notes = _way(info, sidecar)
    table = _Table(opened, info, name)
    ids = {"id_name": "fid", "id_type": "integer"} if opened.kind == "gpkg" else {"id_name": ""}
    source = Features(name, table.chunks, way, **ids, texts=opened.kind in ("gml", "kml"), order=table.headings, count=table.count)
    layer, fields = read_features(source, profile, sidecar)
    if table.dropped:
        said = ", ".join(table.dropped)
        notes.append((f"二进制列未收录：{said}", f"binary columns are left out: {said}"))
    guessed: dict[str, Any] = {"kind": "dataset", "update_cycle": "irregular"}
    if part:
        guessed["title"] = part.replace("_", " ")
    return Item(fields=fields, guessed=guessed, layer=layer, format=opened.kind, notes=tuple(notes), part=part)


def _way(info: dict[str, Any], sidecar: Sidecar) -> tuple[Way, list[tuple[str, str]]]:
    """The way to CRS84, by the sidecar, else by the file; degrees where neither says it, which is noted."""
    named = sidecar.crs or info.get("crs")
    if named or not info.get("geometry_type"):
        return way_to_crs84(str(named or "OGC:CRS84")), []
    return way_to_crs84("OGC:CRS84"), [("文件未声明坐标系，按经纬度读取", "the file names no coordinate system: read as longitude and latitude")]


class _Table:
    """The features of a layer, in chunks."""

    def __init__(self, opened: _Opened, info: dict[str, Any], name: str) -> None:
        self._opened, self._name = opened, name
        types = [str(each) for each in info["ogr_types"]]
        self.dropped = [str(field) for field, kind in zip(info["fields"], types, strict=True) if kind == "OFTBinary"]
        hidden = {*self.dropped, *_HIDDEN.get(opened.kind, ())}
        self.headings = [str(field) for field in info["fields"] if field not in hidden]
        self._whole_numbers = {str(field) for field, kind in zip(info["fields"], types, strict=True) if kind in ("OFTInteger", "OFTInteger64")}
        self.count = int(info["features"]) if int(info["features"]) >= 0 else None
        self._most = opened.most(self.count, fast=bool(info["capabilities"]["fast_set_next_by_index"]))
        self._flat = opened.kind == "kml"

    def chunks(self) -> Iterator[Chunk]:
        """All features."""
        start = 0
        while True:
            most = self._most
            how = {"layer": self._opened.layer, "columns": self.headings, "force_2d": self._flat, "datetime_as_string": True, "return_fids": True}
            meta, fids, shapes, arrays = self._opened.read(skip_features=start, max_features=most, **how)
            size = len(fids)
            if size == 0:
                return
            yield self._chunk(start, meta, fids, shapes, arrays)
            start += size
            if most is None or size < most:
                return

    def _chunk(self, start: int, meta: dict[str, Any], fids: Any, shapes: Any, arrays: Sequence[Any]) -> Chunk:
        names = [str(field) for field in meta["fields"]]
        columns = [self._values(name, array, start) for name, array in zip(names, arrays, strict=True)]
        rows = zip(*columns, strict=True) if columns else iter([()] * len(fids))
        chunk = Chunk(list(range(start + 1, start + len(fids) + 1)), [], [dict(zip(names, row, strict=True)) for row in rows], [int(fid) for fid in fids])
        if shapes is None:
            chunk.shapes = [None] * len(fids)
            return chunk
        read = shapely.from_wkb(shapes, on_invalid="ignore")
        bad = [at for at, (text, shape) in enumerate(zip(shapes, read, strict=True)) if text is not None and shape is None]
        empty = shapely.is_empty(read)
        chunk.shapes = [None if empty[at] else shape for at, shape in enumerate(read)]
        for at in reversed(bad):
            number = chunk.numbers[at]
            zh, en = f"{self._name} 第 {number} 个要素的几何不能读取", f"{self._name}: feature {number} has a geometry that cannot be read"
            chunk.bads.insert(0, Bad({"feature": number}, "ingest", zh, en, str(chunk.properties[at])[:2_000]))
            for each in (chunk.numbers, chunk.shapes, chunk.properties, chunk.ids):
                del each[at]
        return chunk

    def _values(self, name: str, array: Any, start: int) -> list[Any]:
        """A column's values as Python has them; NaN and what GDAL makes of absent whole numbers is None."""
        if array.dtype.kind == "f":
            whole = name in self._whole_numbers
            if whole and np.nanmax(np.abs(array), initial=0) >= 2**53:  # with absent values GDAL gives floats, which have lost digits
                return self._exact(name, start, len(array))
            return [None if value != value else int(value) if whole else value for value in array.tolist()]
        if array.dtype.kind == "M":
            return [None if value is None else str(value) for value in array.tolist()]
        return [value.tolist() if isinstance(value, np.ndarray) else value for value in array.tolist()]

    def _exact(self, name: str, start: int, size: int) -> list[Any]:
        quoted, layer = name.replace('"', '""'), self._opened.layer.replace('"', '""')
        statement = f'SELECT CAST("{quoted}" AS character(20)) AS v FROM "{layer}"'  # noqa: S608 - names of the file itself, quoted; read only
        _, _, _, arrays = self._opened.read(sql=statement, sql_dialect="OGRSQL", skip_features=start, max_features=size, read_geometry=False)
        return [None if value in (None, "") else int(value) for value in arrays[0].tolist()]


# --- one of several ----------------------------------------------------------------------------------------------------------------------


class _alone:
    """A layer of several as a file of its own: whoever may see it must not get the others with it."""

    def __init__(self, opened: Path, kind: str, layer: str, folder: Path) -> None:
        self._opened, self._kind, self._layer = opened, kind, layer
        self._target = folder / "layer.gpkg"

    def __enter__(self) -> Path | None:
        pyogrio = vector_library()
        if self._kind != "gpkg":
            return None
        start = 0
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "1980-01-01T00:00:00Z"})  # the same layer makes the same file
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                info = pyogrio.read_info(self._opened, layer=self._layer)
                geometry, most = info["geometry_type"], _Opened(self._opened, "", self._kind, self._layer, None).most(int(info["features"])) or _CHUNK
                while True:
                    meta, _, shapes, arrays = pyogrio.raw.read(self._opened, layer=self._layer, skip_features=start, max_features=most)
                    size = len(arrays[0]) if arrays else len(shapes)
                    if start == 0 or size:
                        pyogrio.raw.write(
                            self._target, shapes, arrays, meta["fields"], layer=self._layer, driver="GPKG", geometry_type=geometry, crs=meta["crs"],
                            append=start > 0,
                        )  # fmt: skip
                    start += size
                    if size < most:
                        return self._target
        except (RuntimeError, ValueError, OSError):  # it can be read, but not be written again: the record has its rows all the same
            self.__exit__()
            return None
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})

    def __exit__(self, *_: object) -> None:
        self._target.unlink(missing_ok=True)


def _one_of_many(item: Item, path: Path, layer: str, cut: Path | None) -> Item:
    from dataclasses import replace

    if cut is not None:
        return replace(item, file=cut, name=f"{path.stem}-{layer}.gpkg"[-255:])
    note = ("文件含多个图层，原文件不随各记录保存", "the file holds several layers: the file itself is not kept with each record")
    return replace(item, original=False, notes=(*item.notes, note))
