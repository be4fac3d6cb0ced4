"""pygeoapi 0.24 as a library: what is bound anew in it, and why.

pygeoapi's `api` functions serve the whole surface of OGC API Features; they are module functions that call other module functions, so its faults can only be
mended by binding names anew. `prepare()` does that once for the process; each binding below says what it mends. Contract tests
(tests/ogc/test_engine_contract.py) fail when a new release no longer has a name or calls it differently; the version is pinned to 0.24.*.

| name | fault of the original |
|---|---|
| `to_json` | rewrites `<` and `>` to entities inside JSON data; here it returns the object itself and `routes` serialises it |
| `render_j2_template` | 40 ms a page, falls back to templates that load scripts from outside hosts |
| `translate_gettext` | keeps every text that it ever met; no Chinese |
| `parse_cql2_text`, `parse_cql2_json`, `modify_pygeofilter` | refuse valid filters, do not check columns; here the parser of `ogc.filters` |
| `create_crs_transform_spec`, `set_content_crs_header` | 6 ms and more for each request; here a dictionary lookup |
| `validate_bbox`, `transform_bbox` | let nan through, swap no axes, 15 ms for each request |
| `validate_datetime` | edits the configuration while it reads; the provider reads the parameter |
| `evaluate_limit` | takes `true` for a number |
| `load_plugin` | 20 µs each time for a debug line that nobody reads |
| conformance lists | claim classes that are not served |
| `PLUGINS['formatter']` | offers CSV for every collection |
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from math import isfinite
from typing import Any

from catalog.errors import FilterError
from catalog.filters import Expr
from ogc import crs
from ogc.errors import FilterSyntaxError, ParameterError
from ogc.features.conformance import CLASSES
from ogc.features.texts import translate
from ogc.filters import cql2_json, cql2_text
from ogc.filters.geometries import read_box
from policies.errors import TerraceError

MAX_LIMIT = 10_000
DEFAULT_LIMIT = 100

_lock = threading.Lock()


@dataclass(frozen=True)
class Refused:
    """A parameter that could not be read, on its way through pygeoapi (which would throw the reason away) to the provider, which says it."""

    error: TerraceError


def prepare() -> None:
    """Binds pygeoapi's faulty names anew. Safe to call again and from several threads."""
    with _lock:
        _prepare()


def _prepare() -> None:
    # Imported here: importing a module of ours must not pull in pygeoapi's provider tree before somebody asks for the face.
    from pygeoapi import api, l10n, util
    from pygeoapi.api import collection, itemtypes
    from pygeoapi.plugin import PLUGINS

    from ogc.features import pages

    for module in (api, itemtypes, collection, util):
        module.load_plugin = load_plugin
    for module in (api, itemtypes):
        module.to_json = as_object
        module.render_j2_template = pages.render
        module.validate_bbox = read_bbox
        module.validate_datetime = keep_datetime
        module.evaluate_limit = read_limit
    l10n.translate_gettext = _translated
    itemtypes.parse_cql2_text = itemtypes.parse_cql2_json = _unread
    itemtypes.modify_pygeofilter = read_filter
    itemtypes.create_crs_transform_spec = read_crs
    itemtypes.set_content_crs_header = _content_crs
    itemtypes.transform_bbox = bbox_to_storage
    itemtypes.get_supported_crs_list = collection.get_supported_crs_list = _supported
    api.CONFORMANCE_CLASSES[:] = CLASSES
    itemtypes.CONFORMANCE_CLASSES_FEATURES[:] = []
    itemtypes.CONFORMANCE_CLASSES_RECORDS[:] = []
    api.HEADERS.pop("X-Powered-By", None)
    PLUGINS["formatter"].clear()
    # A warning with a stack for each request without `offset`, and debug lines that format whole dictionaries even when nobody listens.
    logging.getLogger("pygeoapi").setLevel(logging.ERROR)


def load_plugin(kind: str, definition: dict[str, Any]) -> Any:
    """In place of the original, which formats the list of all plugins into a debug line each time it is called."""
    package, _, name = definition["name"].rpartition(".")
    return getattr(import_module(package), name)(definition)


def as_object(value: Any, pretty: bool = False) -> Any:
    """In place of `to_json`: serialising is for `routes`."""
    return value


def _translated(text: str, language: Any) -> str:
    return translate(text, str(language))


def _unread(text: str) -> str:
    """In place of pygeofilter's parsers: the text goes on to `read_filter`, which also knows `filter-crs`."""
    return text


def read_filter(text: str, *, filter_crs_uri: str, storage_crs_uri: str | None = None, geometry_column_name: str | None = None) -> Expr | Refused:
    """In place of `modify_pygeofilter`: parses a filter whose geometries are in `filter_crs_uri`."""
    try:
        reference = crs.read_reference(filter_crs_uri)
        parse: Callable[[str, crs.Reference], Expr] = cql2_json.parse if text.lstrip()[:1] in ("{", "[") else cql2_text.parse
        return parse(text, reference)
    except (FilterSyntaxError, FilterError) as error:
        return Refused(error)


def read_crs(provider: dict[str, Any], uri: str | None = None) -> crs.Reference | None:
    """In place of `create_crs_transform_spec`: None when rows go out as they are stored.

    Raises:
        ValueError: not one of the identifiers that the collection announces.
    """
    if not uri or uri == crs.CRS84:
        return None
    if uri not in crs.SUPPORTED:
        raise ValueError(f"the CRS {uri[:100]!r} is not supported; see the member crs of the collection")
    return crs.read_reference(uri)


def _content_crs(headers: dict[str, str], provider: dict[str, Any], uri: str | None = None) -> None:
    headers["Content-Crs"] = f"<{uri or crs.CRS84}>"


def _supported(provider: dict[str, Any], default: Any = None) -> list[str]:
    return list(crs.SUPPORTED)


def read_bbox(text: str | None = None) -> list[Any]:
    """In place of `validate_bbox`: four or six finite numbers, or one `Refused`; which may be greater depends on the CRS (`bbox_to_storage`)."""
    try:
        numbers = [float(word) for word in (text or "").split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in (4, 6) or not all(isfinite(n) for n in numbers):
        return [Refused(ParameterError("bbox", zh="应为 4 或 6 个数：西,南,东,北", en="4 or 6 finite numbers are expected: west,south,east,north"))]
    return numbers


def bbox_to_storage(bbox: list[Any], from_crs: str, to_crs: str, always_xy: bool = False) -> list[Any]:
    """In place of `transform_bbox`: west, south, east, north in degrees, whatever the CRS and its axis order, or one `Refused`."""
    if len(bbox) == 1:
        return bbox
    try:
        return list(read_box(bbox, crs.read_reference(from_crs)))
    except (FilterError, FilterSyntaxError) as error:
        return [Refused(ParameterError("bbox", zh=error.zh, en=error.en))]


def keep_datetime(extents: dict[str, Any], text: str | None = None) -> str | None:
    """In place of `validate_datetime`: a time outside the extent is no error, and the provider reads the text."""
    return text


def read_limit(requested: str | int | None, server: dict[str, Any], collection: dict[str, Any]) -> int:
    """In place of `evaluate_limit`: at least 1, at most MAX_LIMIT (a greater one is lowered, as Features 7.15.2 says)."""
    if requested is None:
        return DEFAULT_LIMIT
    try:
        limit = int(str(requested)[:20])
    except ValueError:
        raise ValueError("limit value should be an integer") from None
    if limit < 1:
        raise ValueError("limit value should be strictly positive")
    return min(limit, MAX_LIMIT)
