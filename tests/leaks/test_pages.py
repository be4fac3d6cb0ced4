"""Pages beyond what the sites of the matrix fill: the links from one to the next count nothing that is hidden."""

import re

import pytest

import ogc.features.layers
from tests.leaks.conftest import Twins
from tests.leaks.probes import probe


def test_links_between_pages_of_collections_count_no_hidden_change(twins: Twins, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ogc.features.layers, "PAGE", 2)
    address, seen = "/ogc/collections", 0
    while address:
        without, having = (twins.bench(thing).web("public", probe("R", address)) for thing in ("", "R"))
        assert without == having
        seen += 1
        found = re.search(rb'"rel":"next"[^}]*"href":"http://localhost([^"]*)"', without)
        address = found[1].decode() if found else ""
    assert seen >= 3
    pages = [twins.bench(thing).web("officer", probe("R", "/ogc/collections?after=licences")) for thing in ("", "R")]
    assert b"needle" not in pages[0] and b"needle" in pages[1]
