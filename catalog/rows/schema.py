"""The table that a record describes: how a receiver knows what columns and key the rows will have.

A record that has rows says so in one resource `{"rows": true, "key": [column…], "geometry": type, "variant": name}` and lists the columns in `items`. A
variant with rows describes itself: `variants.<name>` is `{"items": […], "key": […], "geometry": type, …}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalog.record import resources
from catalog.rows.columns import Column, columns_from_items

__all__ = ["RowSchema", "record_schema"]


@dataclass(frozen=True, slots=True)
class RowSchema:
    """Columns, key and type of geometry of a table of rows."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    geometry: str | None


def record_schema(fields: Mapping[str, Any], variant: str = "") -> RowSchema | None:
    """The table of a record or of one of its variants.

    Args:
        fields: the disclosed fields.

    Returns:
        None when the record has no rows, or its columns are not disclosed.

    Raises:
        RowsError: columns that are not allowed.
    """
    if variant:
        described, items = fields.get(f"variants.{variant}"), None
        if isinstance(described, Mapping):
            items = described.get("items")
    else:
        described = next((each for _, each in resources(fields) if each.get("rows") and not each.get("variant")), None)
        items = fields.get("items")
    if not isinstance(described, Mapping) or not items or not described.get("key"):
        return None
    columns = columns_from_items(items)
    spatial = any(column.type == "geometry" for column in columns)
    return RowSchema(columns, tuple(described["key"]), str(described.get("geometry") or "geometry") if spatial else None)
