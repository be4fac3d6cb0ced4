"""HTTP for OGC API Features: the blueprint that `node` mounts at /ogc.

Each request gets a view of pygeoapi's API of its own: a shallow copy that holds the one collection asked for (or the page of collections), as the request's
actor may see it. So nothing of one actor's view can reach another's, and nothing is shared between threads but constants.

A collection that is hidden, denied or missing is answered byte for byte alike: the same status, headers and body, whatever else the request holds; nothing of
the request is echoed.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import orjson
from babel import Locale
from flask import Blueprint, Response, g, request
from pygeoapi import api as pygeoapi
from pygeoapi.api import API, APIRequest, itemtypes
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from catalog.layers import OpenLayer
from catalog.reader import Reader
from ogc import crs, errors
from ogc.features import engine, openapi, pages
from ogc.features.formatter import tidy
from ogc.features.layers import Layer, Layers
from ogc.features.provider import Binding
from ogc.features.texts import translate
from policies.actor import require_actor
from policies.errors import TerraceError

_COMMON = frozenset({"f", "lang"})
_ITEMS = _COMMON | {
    "bbox",
    "bbox-crs", "crs", "limit", "offset", "after", "resulttype", "datetime", "sortby", "properties", "skipGeometry", "filter", "filter-lang", "filter-crs",
}  # fmt: skip
#: What JSON answers are called, by route.
_MEDIA = {"item": "application/geo+json", "schema": "application/schema+json", "queryables": "application/schema+json"}
MAX_BODY = 250_000
_SLUG = re.compile(r"[a-z0-9-]{1,100}")


@dataclass(frozen=True)
class FeaturesSettings:
    """How the face presents itself.

    Attributes:
        title, description: language maps (zh, en).
        base_url: address of the face without a slash at the end; None: as the request was addressed.
        count: whether filtered pages tell numberMatched, too (without a filter it is known; `resulttype=hits` always counts).
        portal_url: address of the portal, for the link `about`; None: the root of the host.
    """

    title: Mapping[str, str] = field(default_factory=lambda: {"zh": "梯田节点", "en": "Terrace node"})
    description: Mapping[str, str] = field(default_factory=lambda: {"zh": "自然资源数据共享节点的要素服务", "en": "Features of a data-sharing node"})
    base_url: str | None = None
    count: bool = False
    portal_url: str | None = None


@cache
def _locale(language: str) -> Locale:
    """Making one looks at the disc."""
    return Locale(language)


class Request(APIRequest):  # type: ignore[misc]
    """pygeoapi's request with JSON as the default, two formats, and languages that cost nothing to tell."""

    def __init__(self) -> None:
        super().__init__(request, None)
        if request.method == "POST":
            self._data = _body() or b""

    @staticmethod
    def _get_params(_: Any) -> dict[str, str]:
        # A plain dictionary: the original's raises and catches an exception for each parameter that is not there. None comes twice (`_check_parameters`).
        return dict(request.args.items())

    def _get_locale(self, headers: Any, supported_locales: Any) -> tuple[str, Locale]:
        asked = self._args.get("lang") or request.accept_languages.best_match(("zh", "zh-CN", "zh-TW", "zh-HK", "zh-Hans", "zh-Hant", "en"), "zh")
        # The original raises for zh-CN and keeps every tag that it ever met.
        language = "en" if str(asked).lower().startswith("en") else "zh"
        return language, _locale(language)

    def _get_format(self, headers: Any, extra_formats: Any = None) -> str:
        asked = (self._args.get("f") or "").strip()
        if asked:
            return str(asked)
        best = request.accept_mimetypes.best_match(["application/json", "application/geo+json", "application/schema+json", "text/html"], "application/json")
        return "html" if best == "text/html" else "json"

    def is_valid(self, additional_formats: Any = None) -> bool:
        return self._format in ("json", "html")


class View(API):  # type: ignore[misc]
    """pygeoapi's API for one request (its own constructor starts loggers, process managers and deep copies)."""

    def __init__(self, config: dict[str, Any], document: Any, language: str) -> None:
        self.config = self.tpl_config = config
        self.openapi = document
        self.asyncapi: dict[str, Any] = {}
        self.base_url = config["server"]["url"]
        self.api_headers: dict[str, str] = {}
        self.pubsub_client = self.prefetcher = None
        self.manager = SimpleNamespace(is_async=False)
        self.locales = [_locale("zh"), _locale("en")]
        self.default_locale = language
        self.pretty_print = False
        self.language = language

    def get_exception(self, status: int, headers: dict[str, str], format_: str | None, code: str, description: str) -> tuple[dict[str, str], int, Any]:
        """An OGC exception in the request's language; pygeoapi's log line for each 404 is left out."""
        if status == 400:
            code = "InvalidParameterValue"
        body = {"code": code, "type": code, "description": translate(description, self.language)}
        if format_ == "html":
            return {"Content-Type": "text/html"}, status, pages.render(self.config, None, "exception.html", body, self.language)
        return {"Content-Type": "application/json"}, status, body


class Features:
    """The face: one object for each process, safe for threads."""

    def __init__(self, reader: Reader, settings: FeaturesSettings) -> None:
        self.layers = Layers(reader)
        self.settings = settings

    def blueprint(self, name: str = "ogc") -> Blueprint:
        engine.prepare()
        found = Blueprint(name, __name__, static_folder=str(Path(__file__).parent / "static"), static_url_path="/static")
        one = "/collections/<collection>"
        rules: list[tuple[str, str, Callable[..., Response], list[str]]] = [
            ("/", "landing", self.landing, ["GET"]),
            ("/conformance", "conformance", self.conformance, ["GET"]),
            ("/openapi", "openapi", self.openapi, ["GET"]),
            ("/collections", "collections", self.collections, ["GET"]),
            (one, "collection", self.collection, ["GET"]),
            (f"{one}/schema", "schema", self.schema, ["GET"]),
            (f"{one}/queryables", "queryables", self.queryables, ["GET"]),
            (f"{one}/items", "items", self.items, ["GET", "POST"]),
            (f"{one}/items/<path:item>", "item", self.item, ["GET"]),
            ("/<path:unknown>", "unknown", self.unknown, ["GET"]),
        ]
        for rule, endpoint, view, methods in rules:
            found.add_url_rule(rule, endpoint, view, methods=methods, strict_slashes=False)
        found.register_error_handler(TerraceError, self.failed)
        found.register_error_handler(HTTPException, self.refused)
        return found

    # --- routes ---

    def landing(self) -> Response:
        return self.answer("landing", pygeoapi.landing_page)

    def conformance(self) -> Response:
        return self.answer("conformance", pygeoapi.conformance)

    def openapi(self) -> Response:
        return self.answer("openapi", pygeoapi.openapi_)

    def collections(self) -> Response:
        asked = request.args.get("after", "")
        if asked and _SLUG.fullmatch(asked) is None:
            raise errors.ParameterError("after", zh="应为 next 链接中的名称", en="the name of a next link is expected")
        layers, after = self.layers.page(require_actor(), asked)
        return self.answer("collections", pygeoapi.describe_collections, layers=layers, known=_COMMON | {"after"}, next_after=after)

    def collection(self, collection: str) -> Response:
        return self.of_layer("collection", collection, pygeoapi.describe_collections)

    def schema(self, collection: str) -> Response:
        return self.of_layer("schema", collection, pygeoapi.get_collection_schema)

    def queryables(self, collection: str) -> Response:
        return self.of_layer("queryables", collection, itemtypes.get_collection_queryables)

    def items(self, collection: str) -> Response:
        return self.of_layer("items", collection, itemtypes.get_collection_items, known=_ITEMS)

    def item(self, collection: str, item: str) -> Response:
        return self.of_layer("item", collection, itemtypes.get_collection_item, item, known=_COMMON | {"crs"})

    def unknown(self, unknown: str) -> Response:
        return self.missing("There is nothing at this address")

    # --- the way through pygeoapi ---

    def of_layer(self, route: str, slug: str, function: Callable[..., Any], *arguments: str, known: frozenset[str] = _COMMON) -> Response:
        with self.layers.open(require_actor(), slug) as found:
            if found is None:
                return self.missing()
            layer, opened = found
            if route == "items":
                known = known | layer.filterable
            return self.answer(route, function, slug, *arguments, layers=[layer], opened=opened, known=known)

    def missing(self, text: str = "Collection not found") -> Response:
        view, asked = self.view([])
        return self.respond("missing", view, asked, *view.get_exception(404, {}, asked.format, "NotFound", text))

    def answer(
        self, route: str, function: Callable[..., Any], *arguments: str, layers: list[Layer] | None = None, opened: OpenLayer | None = None,
        known: frozenset[str] = _COMMON, next_after: str | None = None,
    ) -> Response:  # fmt: skip
        """Calls one of pygeoapi's functions with a view that holds `layers`."""
        view, asked = self.view(layers or [], opened)
        _check_parameters(known)
        if not asked.is_valid():
            return self.respond(route, view, asked, *view.get_exception(400, {}, "json", "InvalidParameterValue", "Invalid format requested"))
        headers, status, content = function(view, asked, *arguments)
        if route == "collections" and next_after is not None and isinstance(content, dict):
            href = f"{view.get_collections_url()}?{urlencode({**request.args.to_dict(), 'after': next_after})}"
            content["links"].append({"rel": "next", "type": "application/json", "title": translate("Items (next)", view.language), "href": href})
        return self.respond(route, view, asked, headers, status, content, layers)

    def view(self, layers: list[Layer], opened: OpenLayer | None = None) -> tuple[View, Request]:
        asked = Request()
        language = str(asked.locale)
        base = self.base()
        config = self.config(base)
        config["resources"] = {layer.slug: self.resource(layer, opened, asked, base, language) for layer in layers}
        texts = self.settings
        if request.endpoint and request.endpoint.endswith(".openapi"):
            config["document"] = openapi.document(texts.title[language], texts.description[language], base)
        return View(config, config.get("document"), language), asked

    def base(self) -> str:
        """Address of the face, from the settings or as the request was addressed."""
        if self.settings.base_url:
            return self.settings.base_url
        prefix = request.url_rule.rule if request.url_rule else ""
        for tail in ("/conformance", "/openapi", "/collections"):
            prefix = prefix.partition(tail)[0]
        return f"{request.scheme}://{request.host}{request.script_root.rstrip('/')}{prefix.rstrip('/')}"

    def config(self, base: str) -> dict[str, Any]:
        """What pygeoapi reads of a configuration."""
        texts = self.settings
        site = texts.portal_url or f"{request.scheme}://{request.host}/"
        identification = {"title": texts.title, "description": texts.description, "keywords": ["OGC API"], "url": site}
        return {
            "server": {"url": base, "static": f"{base}/static", "templates": {}, "limits": {}, "languages": ["zh", "en"], "pretty_print": False},
            "metadata": {"identification": identification},
        }

    def resource(self, layer: Layer, opened: OpenLayer | None, asked: Request, base: str, language: str) -> dict[str, Any]:
        """A layer as pygeoapi's configuration would describe it."""
        address = f"{base}/collections/{layer.slug}/items"
        kept = [(name, value) for name, value in request.args.items(multi=True) if name not in ("after", "offset")]
        if body := _body():
            kept += [("filter", body.decode(errors="replace")), ("filter-lang", "cql2-json")]

        def next_url(cursor: str) -> str:
            return f"{address}?{urlencode([*kept, ('after', cursor)])}"

        binding = Binding(layer, opened, asked.format == "json", request.args.get("after"), next_url, language, self.settings.count)
        provider = {
            "type": "feature", "name": "ogc.features.provider.RowsProvider", "data": binding, "id_field": "id", "crs": list(crs.SUPPORTED),
            "storage_crs": crs.CRS84,
        }  # fmt: skip
        extents: dict[str, Any] = {"spatial": {"bbox": layer.bbox, "crs": crs.CRS84}}
        return {
            "type": "collection", "title": layer.title, "description": layer.description[language], "keywords": layer.keywords.get(language) or [],
            "extents": extents, "links": [], "providers": [provider], "formatters": [{"name": "ogc.features.formatter.GeoJSONFormatter"}],
        }  # fmt: skip

    # --- answers ---

    def respond(
        self, route: str, view: View, asked: Request, headers: Mapping[str, str], status: int, content: Any, layers: list[Layer] | None = None
    ) -> Response:
        media = headers.get("Content-Type", "application/json")
        if isinstance(content, dict):
            if status == 200:
                _finish(route, content, layers or [], view.language)
                media = _MEDIA.get(route, media)
            content = orjson.dumps(content)
        response = Response(content, int(status), content_type=media)
        response.headers["Content-Language"] = view.language
        response.headers["X-Content-Type-Options"] = "nosniff"
        if "Content-Crs" in headers and status == 200:
            response.headers["Content-Crs"] = headers["Content-Crs"]
        if status == 200 and route != "items" and request.method in ("GET", "HEAD"):
            # Items carry the time of the answer; the rest is the same bytes until something changes for this actor.
            response.set_etag(hashlib.blake2b(response.get_data(), digest_size=12).hexdigest(), weak=True)
            response.make_conditional(request)
        return response

    def failed(self, error: TerraceError) -> Response:
        """An error of ours, in OGC's form."""
        view, asked = self.view([])
        status, code, _ = errors.answer(error)
        text = error.zh if view.language == "zh" else error.en
        if status >= 500:
            raise error
        return self.respond("error", view, asked, *view.get_exception(status, {}, asked.format, code, text))

    def refused(self, error: HTTPException) -> Response:
        """404 and 405 of the router, and aborts, in OGC's form."""
        view, asked = self.view([])
        code = {404: "NotFound", 405: "NotAllowed", 413: "InvalidParameterValue"}.get(error.code or 500, "NoApplicableCode")
        response = self.respond("error", view, asked, *view.get_exception(error.code or 500, {}, asked.format, code, error.description or code))
        for name, value in error.get_headers():
            if name.lower() in ("allow", "retry-after", "www-authenticate"):
                response.headers[name] = value
        return response


def _check_parameters(known: frozenset[str]) -> None:
    """Features 7.6: a parameter that is not in the definition is an error; so is one that comes twice."""
    for name, values in request.args.lists():
        if name not in known:
            raise errors.ParameterError(name[:60], zh="没有这个参数或字段", en="there is no such parameter or column")
        if len(values) > 1:
            raise errors.ParameterError(name, zh="只能出现一次", en="it may come only once")
    if (body := _body()) is None:
        raise errors.ParameterError("body", zh=f"请求体大于 {MAX_BODY} 字节", en=f"the body is larger than {MAX_BODY} bytes")
    try:
        body.decode()
    except UnicodeDecodeError:
        raise errors.ParameterError("body", zh="请求体不是 UTF-8 文本", en="the body is no text in UTF-8") from None


def _body() -> bytes | None:
    """The body of a POST; None when it is too large, by what it says or by what came."""
    if request.method != "POST" or "body_too_large" in g:
        return None if "body_too_large" in g else b""
    request.max_content_length = MAX_BODY + 1
    try:
        body = request.get_data()
    except RequestEntityTooLarge:
        body = None
    if body is None or len(body) > MAX_BODY:  # what comes without a length is cut off at the limit, not refused
        g.body_too_large = True
        return None
    return body


def _finish(route: str, content: dict[str, Any], layers: list[Layer], language: str) -> None:
    """What pygeoapi leaves wrong in a document."""
    if "links" in content:
        content["links"] = tidy(content["links"])
    if route == "collections":
        by_slug = {layer.slug: layer for layer in layers}
        for each in content["collections"]:
            _finish("collection", each, [by_slug[each["id"]]], language)
    elif route == "collection" and layers[0].period is not None:
        content["extent"]["temporal"] = {"interval": [list(layers[0].period)]}
    elif route in ("schema", "queryables"):
        content["properties"] = _properties(content["properties"], layers[0], route, language)


def _properties(found: dict[str, Any], layer: Layer, route: str, language: str) -> dict[str, Any]:
    """pygeoapi always names a geometry, gives no titles to queryables, and cannot tell what shows from what may be filtered by."""
    geometry = found.pop("geometry", None)
    shown: dict[str, Any] = {"geometry": geometry} if layer.geometry is not None and geometry is not None else {}
    for each in layer.fields:
        if each.name in found and (route == "schema" or each.filterable):
            shown[each.name] = {**found[each.name], "title": each.title.get(language) or each.name}
    return shown
