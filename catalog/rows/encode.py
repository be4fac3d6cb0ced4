"""From loose rows to what is hashed, sent and stored: the canonical row, its key, its typed columns and its GeoJSON (PROTOCOL 5.3)."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any

import orjson

from catalog.canonical import b64, is_decimal_text, loads, unb64
from catalog.errors import CanonicalError, RowsError
from catalog.rows.columns import Column, canonical_value, check_columns, typed_value
from catalog.rows.geometry import Box, as_wkb, shapes_of
from catalog.rows.tables import RowTable

__all__ = [
    "MAX_BYTES",
    "MAX_ROWS",
    "SALT_BYTES",
    "Encoded",
    "encode",
    "encode_received",
    "feature",
    "feature_id_json",
    "full_row",
    "key_text",
    "properties",
    "stored_values",
]

MAX_ROWS = 1_000
MAX_BYTES = 1 << 20
SALT_BYTES = 16
#: Bytes of a key: what every index takes, and what keeps a batch of removals below MAX_BYTES.
MAX_KEY = 1_000

_CANONICAL = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


@dataclass(slots=True)
class Encoded:
    """One row.

    Attributes:
        key: canonical array of its key columns.
        row: canonical row without the geometry, as stored.
        full: canonical row, as hashed and sent.
        salt: 16 bytes.
        values: canonical values by column, without nulls and without the geometry.
        wkb: the geometry, or None.
    """

    key: str
    row: str
    full: str
    salt: bytes
    values: dict[str, Any]
    wkb: bytes | None

    @property
    def size(self) -> int:
        """What it counts in a batch: bytes of key and row (PROTOCOL 5.4)."""
        return len(self.key.encode()) + len(self.full.encode())


def encode(table: RowTable, loose: Mapping[str, Any]) -> Encoded:
    """Encodes one row of the site's own, with a fresh salt.

    Args:
        table: whose columns it has.
        loose: column → value; None and absent are the same. A geometry is WKB, a shapely geometry or GeoJSON, in CRS84.

    Raises:
        RowsError: unknown columns, a value that does not fit, a missing key, a row too large for a batch.
    """
    by_name = table.by_name
    unknown = loose.keys() - by_name.keys()
    if unknown:
        raise RowsError(zh=f"没有信息项：{', '.join(sorted(unknown))}", en=f"no such columns: {', '.join(sorted(unknown))}")
    spatial = table.geometry_column
    values = {name: canonical_value(by_name[name], value) for name, value in loose.items() if value is not None and name != spatial}
    missing = [column.name for column in table.columns if not column.nullable and column.name not in values and column.name != spatial]
    if missing:
        raise RowsError(zh=f"信息项不可为空：{', '.join(missing)}", en=f"columns may not be null: {', '.join(missing)}")
    wkb = as_wkb(loose.get(spatial)) if spatial else None
    key = key_text(table, values)
    row = _dump(values)
    full = row if wkb is None or spatial is None else _dump({**values, spatial: b64(wkb)})
    encoded = Encoded(key, row, full, secrets.token_bytes(SALT_BYTES), values, wkb)
    if encoded.size > MAX_BYTES:
        zh, en = (
            f"列 {key:.60} 大于 1 MiB；请简化其几何或移出大型内容",
            f"row {key:.60} is larger than 1 MiB: simplify its geometry, or move large content into a file",
        )
        raise RowsError(zh=zh, en=en)
    return encoded


def encode_received(table: RowTable, key: str, salt: bytes, full: str) -> Encoded:
    """Takes in one row as its authority wrote it; `sync` has proved it already.

    Raises:
        RowsError: the row does not have this table's columns, or the key is not its key.
    """
    try:
        values = loads(full)
        spatial = table.geometry_column
        by_name = table.by_name
        if not isinstance(values, dict) or not values.keys() <= by_name.keys():
            raise RowsError(zh=f"列 {key:.80} 的信息项与目录不符", en=f"row {key:.80} does not have the columns of its record")
        wkb = unb64(values.pop(spatial)) if spatial in values else None
    except CanonicalError as error:
        raise RowsError(zh=f"列 {key:.80}：{error.zh}", en=f"row {key:.80}: {error.en}") from error
    if key_text(table, values) != key:
        raise RowsError(zh=f"键 {key:.80} 与其列不符", en=f"the key {key:.80} is not that of its row")
    return Encoded(key, full if wkb is None else _dump(values), full, salt, values, wkb)


def check_rows(columns: Sequence[Column], key: Sequence[str], geometry: str | None, rows: Iterable[Mapping[str, Any]]) -> int:
    """Encodes rows without writing them, so that a large load is refused before it begins.

    Returns:
        How many there are.

    Raises:
        RowsError: the first row that could not be written.
    """
    table = RowTable(0, "", "", check_columns(columns), tuple(key), geometry, 0, 0, None)
    count = 0
    for chunk in batched(rows, MAX_ROWS):
        encoded = [encode(table, row) for row in chunk]
        for row in encoded:
            for column in table.data_columns:
                typed_value(column, row.values.get(column.name))
        if table.geometry_column is not None:
            shapes_of([row.wkb for row in encoded])
        count += len(encoded)
    return count


def key_text(table: RowTable, values: Mapping[str, Any]) -> str:
    """The canonical array of the key columns. Raises RowsError when one is missing."""
    missing = [name for name in table.key if values.get(name) is None]
    if missing:
        raise RowsError(zh=f"列缺少主键 {', '.join(missing)}", en=f"the row has no value for its key {', '.join(missing)}")
    key = _dump([values[name] for name in table.key])
    if len(key.encode()) > MAX_KEY:
        raise RowsError(zh=f"主键过长：{key:.60}…，上限 {MAX_KEY} 字节", en=f"the key {key:.60}… is longer than {MAX_KEY} bytes")
    return key


def full_row(table: RowTable, row: str, wkb: bytes | None) -> str:
    """The canonical row as it was hashed, from what is stored."""
    if wkb is None:
        return row
    return _dump({**orjson.loads(row), table.geometry_column: b64(wkb)})


def _dump(value: Any) -> str:
    try:
        return orjson.dumps(value, option=_CANONICAL).decode()
    except TypeError as error:  # lone surrogates
        raise RowsError(zh=f"列无法写成规范 JSON：{error}", en=f"the row cannot be written as canonical JSON: {error}") from error


def stored_values(table: RowTable, rows: Sequence[Encoded]) -> Iterable[tuple[dict[str, Any], Box | None]]:
    """What goes into the typed table for each row (without `_rid`), and its box.

    Raises:
        RowsError: a value or a geometry that the table cannot hold.
    """
    columns, typed = table.data_columns, table.typed_columns
    further = columns if len(typed) < len(columns) else ()
    spatial = table.geometry_column is not None
    shapes = shapes_of([row.wkb for row in rows]) if spatial else None
    for place, row in enumerate(rows):
        values = row.values
        stored: dict[str, Any] = {column.name: typed_value(column, values.get(column.name)) for column in typed}
        for column in further:
            typed_value(column, values.get(column.name))  # checked all the same
        stored["_key"], stored["_salt"], stored["_row"] = row.key, row.salt, row.row
        box, geometry = None, None
        if shapes is not None:
            box, geometry = shapes.boxes[place], shapes.geojson[place]
            stored["_wkb"] = row.wkb
            stored["_west"], stored["_south"], stored["_east"], stored["_north"] = box or (None, None, None, None)
        stored["_feature"], stored["_split"] = feature(row.key, geometry, properties(columns, values))
        yield stored, box


FEATURE = b'{"type":"Feature","geometry":'


def feature(key: str, geometry: bytes | None, props: bytes) -> tuple[bytes, int]:
    """A GeoJSON feature, and where in it the geometry ends, so that either half can be cut out."""
    head = FEATURE + (b"null" if geometry is None else geometry)
    return b'%b,"id":%b,"properties":%b}' % (head, feature_id_json(key), props), len(head)


def feature_id_json(key: str) -> bytes:
    """The id of a feature as JSON: the key's value; of several key columns their texts joined by `~` (`~` and `%` inside are percent-encoded)."""
    parts = orjson.loads(key)
    if len(parts) == 1:
        return key[1:-1].encode()
    return orjson.dumps("~".join(str(part).replace("%", "%25").replace("~", "%7E") for part in parts))


def properties(columns: Sequence[Column], values: Mapping[str, Any]) -> bytes:
    """GeoJSON properties: every column in its order, null where absent, decimals as numbers with all their digits."""
    shown: dict[str, Any] = {}
    for column in columns:
        value = values.get(column.name)
        shown[column.name] = orjson.Fragment(str(value)) if column.type == "decimal" and is_decimal_text(value) else value
    return orjson.dumps(shown)
