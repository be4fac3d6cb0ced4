"""The types that a field of a record may have: each cleans a value into its one stored form, or says what is wrong with it.

A type is named in a profile's YAML: a plain name (`texts`, `date`, …), or `code:<list>` and `codes:<list>` for coded values. `clean_value(type, value)`
returns restricted JSON (PROTOCOL 1.1): texts in NFC, decimals as shortest text, dates `CCYY-MM-DD`, division codes in full. It accepts the loose forms
that people and files write (a plain text for a language map, a number for a decimal, `51` for `510000`).
"""

import marshal
import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from catalog.canonical import JSON
from catalog.codes import code_list
from catalog.field_values import (
    ValueProblem,
    bbox,
    boolean,
    code,
    codes,
    crs,
    date_text,
    decimal_text,
    division,
    divisions,
    geometry,
    integer,
    keywords,
    list_items,
    moment_text,
    period,
    scale,
    text,
    texts,
    title,
    url,
)

__all__ = ["TYPES", "ValueProblem", "clean_value", "credit_code_check", "is_type"]

_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
_CREDIT = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def credit_code_check(value: str) -> bool:
    """Tells whether an 18-character unified social credit code holds its check character (GB 32100-2015)."""
    if len(value) != 18 or any(each not in _CREDIT for each in value):
        return False
    weighed = sum(_CREDIT.index(each) * pow(3, place, 31) for place, each in enumerate(value[:17]))
    return _CREDIT[-weighed % 31] == value[17]


def provider(value: Any) -> JSON:
    """`{"name": {zh, en}, "code": credit code}`; a plain text is the name."""
    if isinstance(value, str):
        value = {"name": value}
    members = _members(value, _PROVIDER)
    if "name" not in members:
        raise ValueProblem("提供方缺少名称", "the provider has no name")
    return members


def _credit_code(value: Any) -> str:
    cleaned = text(value, 40).upper()
    if not credit_code_check(cleaned):
        raise ValueProblem(
            f"统一社会信用代码的校验码不符（GB 32100）：{cleaned}", f"the unified social credit code fails its check character (GB 32100): {cleaned}"
        )
    return cleaned


def sharing(value: Any) -> JSON:
    """`{"type", "conditions", "legal_basis", "method"}`; a plain text is the type."""
    if isinstance(value, str):
        value = {"type": value}
    cleaned = _members(value, _SHARING)
    if "type" not in cleaned:
        raise ValueProblem("共享属性缺少类型", "sharing has no type")
    return cleaned


def opening(value: Any) -> JSON:
    """`{"open": yes or no, "conditions": {zh, en}}`; a plain yes or no is `open`."""
    if isinstance(value, (bool, str)):
        value = {"open": {"open": True, "closed": False}.get(str(value), value)}
    cleaned = _members(value, _OPENING)
    if "open" not in cleaned:
        raise ValueProblem("开放属性缺少 open", "opening does not say open or not")
    return cleaned


def items(value: Any) -> JSON:
    """Columns (信息项): `[{"name", "title", "type", "length", "nullable", "sensitivity"}]`."""
    cleaned = [_members(each, _ITEM) for each in list_items(value)]
    names = [each.get("name") for each in cleaned]
    if None in names or len(set(names)) != len(names):
        raise ValueProblem("信息项须有名称，且不重复", "every item needs a name of its own")
    return cleaned


def _column_name(value: Any) -> str:
    cleaned = text(value, 60)
    if _COLUMN.match(cleaned) is None:
        raise ValueProblem(f"信息项名称须为小写英文字母、数字、底线：{cleaned}", f"item names are small letters, digits and underscores: {cleaned}")
    return cleaned


def resource(value: Any) -> JSON:
    """A file, table or service behind the record: title, kind, format, media_type, url, sha256, size, rows, protocol."""
    return _members(value, _RESOURCE)


def _sha256(value: Any) -> str:
    cleaned = text(value, 80).lower()
    if _SHA256.match(cleaned) is None:
        raise ValueProblem(f"不是 sha256：{cleaned:.70}", f"not a sha256: {cleaned:.70}")
    return cleaned


def json_value(value: Any) -> JSON:
    """Any restricted JSON; texts in NFC."""
    if isinstance(value, Mapping):
        return {str(json_value(str(key))): json_value(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(each) for each in value]
    if isinstance(value, (float, Decimal)):
        return decimal_text(value)
    if isinstance(value, str):
        if "\0" in value:
            raise ValueProblem("含有 U+0000", "holds U+0000")
        return unicodedata.normalize("NFC", value)
    if value is None or isinstance(value, (bool, int)):
        return value
    raise ValueProblem(f"不是 JSON：{type(value).__name__}", f"not JSON: {type(value).__name__}")


def _coded(list_name: str) -> Callable[[Any], JSON]:
    return lambda value: code(value, list_name)


def _members(value: Any, kinds: Mapping[str, Callable[[Any], JSON]]) -> dict[str, JSON]:
    """Cleans a mapping member by member; unknown members are refused by name, empty ones left out."""
    if not isinstance(value, Mapping):
        raise ValueProblem(f"须为含 {', '.join(kinds)} 的对照", f"must be a map with {', '.join(kinds)}")
    if not value.keys() <= kinds.keys():
        unknown = [str(name) for name in value if name not in kinds]
        raise ValueProblem(f"不认得 {', '.join(unknown)}；可用：{', '.join(kinds)}", f"unknown: {', '.join(unknown)}; allowed: {', '.join(kinds)}")
    cleaned: dict[str, JSON] = {}
    for name, each in value.items():
        if each is None or each == "":
            continue
        try:
            cleaned[name] = kinds[name](each)
        except ValueProblem as problem:
            raise ValueProblem(f"{name}：{problem.zh}", f"{name}: {problem.en}") from problem
    return cleaned


def _short(limit: int) -> Callable[[Any], JSON]:
    return lambda value: text(value, limit)


def _list_of(kind: Callable[[Any], JSON]) -> Callable[[Any], JSON]:
    return lambda value: list(dict.fromkeys(kind(each) for each in ([value] if isinstance(value, str) else list_items(value))))


type _Kinds = Mapping[str, Callable[[Any], JSON]]

_PROVIDER: _Kinds = {"name": title, "code": _credit_code}
_SHARING: _Kinds = {"type": _coded("sharing"), "conditions": texts, "legal_basis": texts, "method": _coded("sharing_methods")}
_OPENING: _Kinds = {"open": boolean, "conditions": texts}
_ITEM: _Kinds = {
    "name": _column_name,
    "title": title,
    "type": _coded("column_types"),
    "length": integer,
    "nullable": boolean,
    "sensitivity": _coded("sensitivity"),
    "unit": _short(40),
    "note": texts,
}
_RESOURCE: _Kinds = {
    "title": title,
    "kind": _coded("resource_kinds"),
    "format": _coded("formats"),
    "media_type": lambda each: text(each, 120).lower(),
    "url": url,
    "sha256": _sha256,
    "size": integer,
    "rows": boolean,
    "key": _list_of(_column_name),
    "geometry": _short(40),
    "protocol": _short(80),
    "name": _short(255),
    "note": texts,
    "variant": _short(60),
    "crs": crs,
    "layout": _short(40),
}

#: Every type's name and its cleaner, in the order of the documentation.
TYPES: Mapping[str, Callable[[Any], JSON]] = {
    "text": _short(2_000),
    "texts": texts,
    "title": title,
    "keywords": keywords,
    "date": date_text,
    "moment": moment_text,
    "decimal": decimal_text,
    "integer": integer,
    "boolean": boolean,
    "division": division,
    "divisions": divisions,
    "bbox": bbox,
    "geometry": geometry,
    "period": period,
    "crs": crs,
    "scale": scale,
    "url": url,
    "provider": provider,
    "sharing": sharing,
    "opening": opening,
    "items": items,
    "resource": resource,
    "identifiers": _list_of(_short(200)),
    "json": json_value,
}


def is_type(name: str) -> bool:
    """True for a type that `clean_value` knows."""
    kind, _, list_name = name.partition(":")
    if not list_name:
        return name in TYPES
    return kind in ("code", "codes") and bool(code_list(list_name).codes)


#: Types whose values come again from record to record, beside codes. Titles, texts, extents and links are each record's own.
_RECURRING = frozenset({"date", "division", "divisions", "provider", "sharing", "opening", "items", "identifiers"})
#: How many are remembered, and of what size.
_REMEMBERED, _SMALL = 4_096, 1_000
_known: dict[tuple[str, str | bytes], str | bytes] = {}


def clean_value(kind: str, value: Any) -> JSON:
    """Cleans a value by the name of its type. What comes again is cleaned once.

    Raises:
        ValueProblem: says what is wrong, in both languages.
    """
    if kind not in _RECURRING and ":" not in kind:
        return TYPES[kind](value)
    exact = value if type(value) is str else _frozen(value)
    if exact is None or len(exact) > _SMALL:
        return _clean(kind, value)
    found = _known.get((kind, exact))
    if found is None:
        cleaned = _clean(kind, value)
        found = cleaned if isinstance(cleaned, str) else _frozen(cleaned) or b""
        if len(_known) >= _REMEMBERED:
            _known.clear()
        _known[kind, exact] = found
        return cleaned
    return found if isinstance(found, str) else marshal.loads(found)  # noqa: S302 - written here


def _frozen(value: Any) -> bytes | None:
    """A value as bytes that tell it from every other one, whatever types it is made of; None when it is no plain value."""
    try:
        return marshal.dumps(value, 2)
    except ValueError:
        return None


def _clean(kind: str, value: Any) -> JSON:
    name, _, list_name = kind.partition(":")
    if list_name:
        return code(value, list_name) if name == "code" else codes(value, list_name)
    return TYPES[kind](value)
