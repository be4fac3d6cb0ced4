"""A received value of a wrong shape is as good as withheld: it breaks no list, and its proof stays whole."""

import dataclasses
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from catalog.canonical import JSON
from catalog.store import Store
from catalog.tables import record
from catalog.writer import Writer
from tests.catalog.conftest import complete_fields
from tests.catalog.test_writer import _received, writer  # noqa: F401 (a fixture)

pytestmark = pytest.mark.soak_on("postgresql")

BAD: dict[str, tuple[str, Any]] = {
    "theme int": ("theme", 5),
    "theme of objects": ("theme", [{"a": 1}]),
    "theme text": ("theme", "land"),
    "keywords mixed": ("keywords", {"zh": ["a", 1]}),
    "keywords objects": ("keywords", {"zh": [{}]}),
    "keywords list": ("keywords", ["a"]),
    "bbox words": ("bbox", ["a", "b", "c", "d"]),
    "bbox numbers": ("bbox", [1, 2, 3, 4]),
    "geometry junk": ("geometry", "AAAA"),
    "geometry not ASCII": ("geometry", "é"),
    "title list": ("title", ["x"]),
    "title object": ("title", {"zh": {"a": 1}}),
    "title with an escape": ("title", {"zh": "甲\x1b[2J"}),
    "title of two lines": ("title", {"zh": "甲\n乙"}),
    "provider": ("provider", {"name": ["x"], "code": 5}),
    "resource": ("resources.data", {"title": 5, "format": {"x": 1}, "sha256": 5, "size": "x"}),
    "license": ("license", ["x"]),
    "issued": ("issued", 5),
    "time": ("time", [{}, []]),
    "summary": ("summary", 5),
    "territory": ("territory", 5),
    "kind": ("kind", ["x"]),
    "update_cycle": ("update_cycle", {}),
    "sharing": ("sharing", [1]),
    "opening": ("opening", {"open": "maybe"}),
    "operation": ("operation", "yes"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_value_of_a_wrong_shape_is_as_good_as_withheld(store: Store, writer: Writer, name: str) -> None:  # noqa: F811
    field, value = BAD[name]
    received = _received(complete_fields())
    received = dataclasses.replace(received, fields={**received.fields, field: value})
    with store.write() as tx:
        assert writer.show_received(tx, [received])
    with store.read() as conn:
        row = conn.execute(select(record)).one()
    fields = orjson.loads(row.fields)
    assert field not in fields and field in orjson.loads(row.withheld)
    assert row.manifest == received.manifest
    assert {key for key, each in received.fields.items() if each is not None} - {field} == set(fields)


def test_what_honest_sites_send_is_shown_as_it_is(store: Store, writer: Writer) -> None:  # noqa: F811
    received = _received(complete_fields())
    disclosed: dict[str, JSON] = {name: value for name, value in received.fields.items() if value is not None}
    assert {name: value for name, value in received.fitting.items() if value is not None} == disclosed
