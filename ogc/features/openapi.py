"""The OpenAPI document: one for everybody.

It names paths with `{collectionId}` and no single collection, so that it is the same for every actor (it can leak nothing), costs nothing as collections come
and go, and a new collection needs no new document. It refers to no outside host: every schema is inside.
"""

from functools import lru_cache
from typing import Any

from ogc import crs
from ogc.features.engine import DEFAULT_LIMIT, MAX_LIMIT

_GEOMETRIES = ["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"]
_LINKS = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}


@lru_cache(maxsize=64)
def document(title: str, description: str, server: str) -> dict[str, Any]:
    """Returns the document (OpenAPI 3.0.3) for one base address and language; kept, and not to be changed."""
    return {
        "openapi": "3.0.3",
        "info": {"title": title, "description": description, "version": "1.0.0", "license": {"name": "See each collection", "url": f"{server}/collections"}},
        "servers": [{"url": server}],
        "tags": [{"name": "server"}, {"name": "data"}],
        "paths": _paths(),
        "components": {"parameters": _parameters(), "schemas": _schemas(), "responses": _responses()},
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/parameters/{name}"}


def _get(summary: str, schema: str, *parameters: str, media: str = "application/json", tag: str = "data", operation: str) -> dict[str, Any]:
    ok = {
        "description": summary,
        "content": {media: {"schema": {"$ref": f"#/components/schemas/{schema}"}}, "text/html": {"schema": {"type": "string"}}},
    }
    errors = {"400": {"$ref": "#/components/responses/bad"}, "404": {"$ref": "#/components/responses/missing"}}
    found = [_ref(name) for name in (*parameters, "f", "lang")]
    return {"summary": summary, "tags": [tag], "operationId": operation, "parameters": found, "responses": {"200": ok, **errors}}


def _paths() -> dict[str, Any]:
    items = ("collectionId", "limit", "offset", "after", "bbox", "bbox-crs", "datetime", "crs", "properties", "sortby", "skipGeometry", "resulttype")
    search = {
        "summary": "Items by a CQL2 filter in the body",
        "tags": ["data"],
        "operationId": "searchItems",
        "parameters": [_ref(name) for name in (*items, "filter-crs", "f", "lang")],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/cql2"}}}},
        "responses": {
            "200": {"description": "Items", "content": {"application/geo+json": {"schema": {"$ref": "#/components/schemas/featureCollection"}}}},
            "400": {"$ref": "#/components/responses/bad"},
            "404": {"$ref": "#/components/responses/missing"},
        },
    }
    filters = ("filter", "filter-lang", "filter-crs", "columns")
    one = "/collections/{collectionId}"
    return {
        "/": {"get": _get("Landing page", "landing", tag="server", operation="landing")},
        "/conformance": {"get": _get("Conformance classes", "conformance", tag="server", operation="conformance")},
        "/openapi": {"get": _get("This document", "any", tag="server", operation="openapi", media="application/vnd.oai.openapi+json;version=3.0")},
        "/collections": {"get": _get("Collections that you may see", "collections", "pageAfter", operation="collections")},
        one: {"get": _get("One collection", "collection", "collectionId", operation="collection")},
        f"{one}/schema": {"get": _get("Schema of the items", "any", "collectionId", media="application/schema+json", operation="schema")},
        f"{one}/queryables": {"get": _get("What filters may name", "any", "collectionId", media="application/schema+json", operation="queryables")},
        f"{one}/items": {"get": _get("Items", "featureCollection", *items, *filters, media="application/geo+json", operation="items"), "post": search},
        f"{one}/items/{{featureId}}": {"get": _get("One item", "feature", "collectionId", "featureId", "crs", media="application/geo+json", operation="item")},
    }


def _parameter(name: str, schema: dict[str, Any], description: str, where: str = "query", *, explode: bool | None = None) -> dict[str, Any]:
    found = {"name": name, "in": where, "required": where == "path", "description": description, "schema": schema}
    return found if explode is None else {**found, "style": "form", "explode": explode}


def _parameters() -> dict[str, Any]:
    text: dict[str, Any] = {"type": "string"}
    systems = {"type": "string", "format": "uri", "enum": list(crs.SUPPORTED), "default": crs.CRS84}
    numbers = {"type": "array", "minItems": 4, "maxItems": 6, "items": {"type": "number"}}
    found = [
        _parameter("f", {"type": "string", "enum": ["json", "html"]}, "Format; wins over Accept"),
        _parameter("lang", {"type": "string", "enum": ["zh", "en"]}, "Language; wins over Accept-Language"),
        _parameter("collectionId", text, "Name of a collection", "path"),
        _parameter("featureId", text, "Key of an item", "path"),
        _parameter("limit", {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}, "Items on a page"),
        _parameter("offset", {"type": "integer", "minimum": 0, "default": 0}, "Items to leave out; for long walks follow the next links, which use after"),
        _parameter("after", text, "Cursor from a next link"),
        _parameter("bbox", numbers, "Box: west, south, east, north, or as bbox-crs orders them", explode=False),
        _parameter("bbox-crs", systems, "CRS of bbox"),
        _parameter("crs", systems, "CRS of the answer, in the axis order of the registry"),
        _parameter("datetime", text, "RFC 3339 date or date-time, or an interval with .. for an open end"),
        _parameter("properties", {"type": "array", "items": text}, "Columns to give", explode=False),
        _parameter("sortby", {"type": "array", "items": text}, "Columns to sort by; - before a name turns it round", explode=False),
        _parameter("skipGeometry", {"type": "boolean", "default": False}, "Leave the geometry out"),
        _parameter("resulttype", {"type": "string", "enum": ["results", "hits"], "default": "results"}, "hits only counts"),
        _parameter("filter", text, "CQL2 filter"),
        _parameter("filter-lang", {"type": "string", "enum": ["cql2-text", "cql2-json"], "default": "cql2-text"}, "Language of filter"),
        _parameter("filter-crs", systems, "CRS of the geometries in filter"),
    ]
    columns = _parameter("columns", {"type": "object", "additionalProperties": text}, "column=value for any queryable", explode=True)
    page = _parameter("after", {"type": "string"}, "Place from a next link")
    return {each["name"]: each for each in found} | {"columns": columns, "pageAfter": page}


def _schemas() -> dict[str, Any]:
    geometry = {"type": "object", "nullable": True, "required": ["type"], "properties": {"type": {"type": "string", "enum": _GEOMETRIES}}}
    feature = {
        "type": "object",
        "required": ["type", "id", "geometry", "properties"],
        "properties": {
            "type": {"type": "string", "enum": ["Feature"]},
            "id": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
            "geometry": geometry,
            "properties": {"type": "object", "nullable": True},
        },
    }
    collection = {
        "type": "object",
        "required": ["id", "links", "extent", "crs", "storageCrs"],
        "properties": {
            "id": {"type": "string"}, "title": {"type": "string"}, "description": {"type": "string"}, "links": _LINKS, "extent": {"type": "object"},
            "itemType": {"type": "string"}, "crs": {"type": "array", "items": {"type": "string"}}, "storageCrs": {"type": "string"},
        },
    }  # fmt: skip
    link = {
        "type": "object",
        "required": ["href", "rel"],
        "properties": {name: {"type": "string"} for name in ("href", "rel", "type", "title", "hreflang")},
    }
    features = {
        "type": "object",
        "required": ["type", "features", "links", "numberReturned"],
        "properties": {
            "type": {"type": "string", "enum": ["FeatureCollection"]}, "features": {"type": "array", "items": {"$ref": "#/components/schemas/feature"}},
            "links": _LINKS, "numberMatched": {"type": "integer"}, "numberReturned": {"type": "integer"},
            "timeStamp": {"type": "string", "format": "date-time"},
        },
    }  # fmt: skip
    return {
        "any": {"type": "object"},
        "link": link,
        "landing": {"type": "object", "required": ["links"], "properties": {"title": {"type": "string"}, "description": {"type": "string"}, "links": _LINKS}},
        "conformance": {"type": "object", "required": ["conformsTo"], "properties": {"conformsTo": {"type": "array", "items": {"type": "string"}}}},
        "collection": collection,
        "collections": {
            "type": "object",
            "required": ["collections", "links"],
            "properties": {"links": _LINKS, "collections": {"type": "array", "items": {"$ref": "#/components/schemas/collection"}}},
        },
        "feature": feature,
        "featureCollection": features,
        "cql2": {"type": "object", "required": ["op", "args"], "properties": {"op": {"type": "string"}, "args": {"type": "array", "items": {}}}},
        "exception": {"type": "object", "required": ["code"], "properties": {name: {"type": "string"} for name in ("code", "type", "description")}},
    }


def _responses() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/exception"}}}
    return {
        "bad": {"description": "A parameter that cannot be read", "content": content},
        "missing": {"description": "Not there, or not for you: both look alike", "content": content},
    }
