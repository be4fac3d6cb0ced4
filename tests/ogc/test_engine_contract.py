"""The names of pygeoapi and pycsw that the faces bind anew are there and are called as the faces expect: a new release that changes them fails here."""

import ast
import inspect
from importlib.metadata import version
from types import ModuleType
from typing import Any

import orjson
import pytest
from pygeoapi import api, l10n
from pygeoapi.api import collection, itemtypes

from ogc.csw import engine as csw_engine
from ogc.csw.imports import csw2, csw3, fes1, fes2, opensearch, server
from ogc.features import engine, pages
from ogc.features.conformance import CLASSES
from ogc.features.formatter import GeoJSONFormatter, tidy


def calls(module: ModuleType, function: str, name: str) -> list[ast.Call]:
    """The calls of a name inside one function of a module, from its source."""
    tree = ast.parse(inspect.getsource(module))
    found = next(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function)
    return [node for node in ast.walk(found) if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name]


def test_the_versions_are_those_that_were_read() -> None:
    assert version("pygeoapi").startswith("0.24.") and version("pycsw") == "2.6.2"


@pytest.mark.parametrize(
    ("function", "name", "count"),
    [
        ("get_collection_items", "validate_bbox", 1), ("get_collection_items", "transform_bbox", 1), ("get_collection_items", "validate_datetime", 1),
        ("get_collection_items", "evaluate_limit", 1), ("get_collection_items", "parse_cql2_text", 1), ("get_collection_items", "parse_cql2_json", 1),
        ("get_collection_items", "modify_pygeofilter", 2), ("get_collection_items", "create_crs_transform_spec", 1),
        ("get_collection_items", "set_content_crs_header", 1), ("get_collection_items", "render_j2_template", 1), ("get_collection_items", "to_json", 1),
        ("get_collection_items", "write", 1), ("get_collection_item", "to_json", 1), ("get_collection_item", "create_crs_transform_spec", 1),
        ("get_collection_queryables", "to_json", 1), ("get_collection_items", "load_plugin", 2), ("get_collection_items", "get_dataset_formatters", 1),
    ],
)  # fmt: skip
def test_pygeoapi_still_calls_what_is_bound_anew(function: str, name: str, count: int) -> None:
    assert len(calls(itemtypes, function, name)) == count


def test_every_binding_is_in_place() -> None:
    engine.prepare()
    engine.prepare()
    for module in (api, itemtypes):
        assert module.to_json is engine.as_object and module.render_j2_template is pages.render
        assert module.validate_bbox is engine.read_bbox and module.evaluate_limit is engine.read_limit
    assert itemtypes.modify_pygeofilter is engine.read_filter and itemtypes.create_crs_transform_spec is engine.read_crs
    assert itemtypes.transform_bbox is engine.bbox_to_storage and collection.get_supported_crs_list is itemtypes.get_supported_crs_list
    assert sorted(api.CONFORMANCE_CLASSES) == sorted(CLASSES) and itemtypes.CONFORMANCE_CLASSES_FEATURES == []
    assert "X-Powered-By" not in api.HEADERS
    from pygeoapi.plugin import PLUGINS

    assert PLUGINS["formatter"] == {}


def test_formatters_are_asked_before_the_built_in_json() -> None:
    source = inspect.getsource(itemtypes.get_collection_items)
    assert source.index("formatter.write(") < source.rindex("to_json(content")


def test_translations_keep_nothing() -> None:
    engine.prepare()
    for i in range(100):
        l10n.translate(f"some title {i}", l10n.str2locale("zh"))
    assert not any("some title" in text for cache in l10n._gettext_cache.values() for text in cache)
    assert l10n.translate("Items (next)", l10n.str2locale("zh")) == "下一页"


def test_the_formatter_writes_features_as_they_are_and_drops_double_links() -> None:
    links = [
        {"rel": "self", "type": "application/geo+json", "href": "a"},
        {"rel": "alternate", "type": "application/geo+json", "href": "a"},
        {"rel": "alternate", "type": "application/ld+json", "href": "b"},
        {"rel": "next", "type": "application/geo+json", "href": ""},
    ]
    written = GeoJSONFormatter({}).write(data={"type": "FeatureCollection", "features": [b'{"a":"<1.50>"}', b"{}"], "links": links})
    assert b'[{"a":"<1.50>"},{}]' in written and orjson.loads(written)["links"] == links[:1]
    assert tidy(links) == links[:1]


@pytest.mark.parametrize("module", [csw2, csw3])
def test_pycsw_still_has_what_is_bound_anew(module: Any) -> None:
    for name in ("etree", "cql2fes", "xml2dict", "fes1", "opensearch"):
        assert hasattr(module, name)
    cls = module.Csw2 if module is csw2 else module.Csw3
    for name in ("getrecords", "parse_postdata", "_write_record", "exceptionreport"):
        assert callable(getattr(cls, name))
    assert list(inspect.signature(cls._write_record).parameters) == ["self", "recobj", "queryables"]


def test_pycsw_bindings_are_in_place_and_no_stand_in_stays_behind() -> None:
    import sys

    csw_engine.prepare()
    assert fes1.parse is fes2.parse and fes1.parse.__module__ == "ogc.csw.engine"
    assert server.csw2.Csw2 is csw_engine.Csw2 and server.csw3.Csw3 is csw_engine.Csw3
    assert opensearch.kvp2filterxml.__module__ == "ogc.csw.engine" and csw2.etree.XMLSchema(file="x") is None
    assert getattr(sys.modules.get("pkg_resources"), "__file__", "real") is not None


def test_pycsw_asks_the_repository_only_for_what_ours_has() -> None:
    from ogc.csw.repository import Repository

    used: set[str] = set()
    for module in (csw2, csw3):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value).endswith("parent.repository"):
                used.add(node.attr)
    ours = {name for name in dir(Repository) if not name.startswith("_")} | {"queryables", "local_ingest"}  # the last in harvest alone, which is off
    assert used <= ours, used - ours
