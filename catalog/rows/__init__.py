"""Tables of rows: see README.md.

What others call: `put`, `apply_changes`, `apply_received`, `reset`, `ensure_table` inside a write transaction; `load_table`, `select_features`,
`select_rows`, `get_row`, `count_rows`, `extent` to read; `row_columns`, `role_values` for policies' row filters; `record_schema` for the table that a
record describes.
"""

from catalog.rows.batches import RowChanges, apply_changes, ensure_table, forget, put
from catalog.rows.columns import Column, columns_from_items
from catalog.rows.encode import MAX_BYTES, MAX_ROWS, check_rows
from catalog.rows.read import (
    Page,
    Row,
    count_rows,
    extent,
    feature_id,
    get_row,
    key_of_feature,
    role_values,
    row_columns,
    select_features,
    select_rows,
)
from catalog.rows.received import apply_received, hole_key, reset
from catalog.rows.schema import RowSchema, record_schema
from catalog.rows.share import SharedRow, base_head, base_rows, batch_rows
from catalog.rows.store import BatchHead, RowsDone, next_prev
from catalog.rows.tables import RowTable, create_table, drop_table, find_table, load_table, tables_of
from catalog.rows.view import Ask, View, filter_columns

__all__ = [
    "MAX_BYTES",
    "MAX_ROWS",
    "Ask",
    "BatchHead",
    "Column",
    "Page",
    "Row",
    "RowChanges",
    "RowSchema",
    "RowTable",
    "RowsDone",
    "SharedRow",
    "View",
    "apply_changes",
    "apply_received",
    "base_head",
    "base_rows",
    "batch_rows",
    "check_rows",
    "columns_from_items",
    "count_rows",
    "create_table",
    "drop_table",
    "ensure_table",
    "extent",
    "feature_id",
    "filter_columns",
    "find_table",
    "forget",
    "get_row",
    "hole_key",
    "key_of_feature",
    "load_table",
    "next_prev",
    "put",
    "record_schema",
    "reset",
    "role_values",
    "row_columns",
    "select_features",
    "select_rows",
    "tables_of",
]
