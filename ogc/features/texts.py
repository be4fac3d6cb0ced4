"""Chinese for the texts that pygeoapi puts into links and errors; it ships no Chinese catalogue."""

import re

ZH = {
    "This document as JSON": "本文档（JSON）",
    "This document as GeoJSON": "本文档（GeoJSON）",
    "This document as HTML": "本文档（网页）",
    "The OpenAPI definition as JSON": "OpenAPI 定义（JSON）",
    "The OpenAPI definition as HTML": "OpenAPI 定义（网页）",
    "Conformance": "符合性声明",
    "Collections": "数据集合",
    "The landing page of this server as JSON": "服务首页（JSON）",
    "The landing page of this server as HTML": "服务首页（网页）",
    "Schema of collection in JSON": "集合的结构（JSON）",
    "Schema of collection in HTML": "集合的结构（网页）",
    "Queryables for this collection as JSON": "可查询字段（JSON）",
    "Queryables for this collection as HTML": "可查询字段（网页）",
    "Items as GeoJSON": "要素（GeoJSON）",
    "Items as HTML": "要素（网页）",
    "Items (next)": "下一页",
    "Items (prev)": "上一页",
    "There is nothing at this address": "此地址没有内容",
    "Collection not found": "没有这个集合",
    "identifier not found": "没有这个要素",
    "Invalid format requested": "不支持所要求的格式（可用 json、html）",
    "unknown properties specified": "没有所列的字段",
    "bad sortby property": "没有用于排序的字段",
    "offset value should be positive or zero": "offset 应为零或正整数",
    "offset value should be an integer": "offset 应为整数",
    "limit value should be an integer": "limit 应为整数",
    "limit value should be strictly positive": "limit 应为正整数",
    "Invalid filter language": "filter-lang 应为 cql2-text 或 cql2-json",
    "Bad CQL text": "CQL2 文本有误",
    "Bad CQL JSON": "CQL2 JSON 有误",
    "bbox-crs specified without bbox parameter": "有 bbox-crs 而没有 bbox",
}

#: Texts that quote the request.
_QUOTING = (
    (re.compile(r"bbox-crs (.{1,200}) not supported for this collection"), "不支持 bbox-crs {}，可用的见集合的 crs"),
    (re.compile(r"the CRS '(.{1,200})' is not supported; see the member crs of the collection"), "不支持坐标系“{}”，可用的见集合的 crs"),
)


def translate(text: str, language: str) -> str:
    """The text in a language; what is not in the list stays as it is."""
    if language != "zh":
        return text
    quoting = next((zh.format(found[1]) for pattern, zh in _QUOTING if (found := pattern.fullmatch(text))), text)
    return ZH.get(text, quoting)
