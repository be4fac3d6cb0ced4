"""How single values are cleaned into their one stored form: texts, language maps, codes, dates, decimals, divisions, extents, geometries.

Each function takes the loose forms that people and files write (a plain text for a language map, a number for a decimal, `51` for `510000`) and returns
restricted JSON (PROTOCOL 1.1), or raises `ValueProblem`, which says what is wrong in both languages. `catalog.field_types` gives them their names.
"""

import datetime
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import shapely

from catalog.canonical import JSON, b64, is_decimal_text, unb64
from catalog.codes import code_list
from catalog.errors import CanonicalError

__all__ = [
    "ValueProblem",
    "bbox",
    "boolean",
    "code",
    "codes",
    "crs",
    "date_text",
    "decimal_text",
    "division",
    "divisions",
    "geometry",
    "has_chinese",
    "integer",
    "keywords",
    "list_items",
    "moment_text",
    "period",
    "scale",
    "text",
    "texts",
    "title",
    "url",
]

MAX_TEXT = 20_000
MAX_LIST = 2_000
MAX_GEOMETRY = 262_144

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_LANG = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*\Z")
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?\Z")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?\Z")
_DIVISION = re.compile(r"\d{2}|\d{4}|\d{6}|\d{9}|\d{12}")
_CRS = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,30}:[A-Za-z0-9._-]{1,40}\Z")
_SCALE = re.compile(r"1:[1-9]\d{0,11}\Z")
_URL = re.compile(r"(?:https?|ftps?)://[^\s<>\"{}|\\^`]{1,2000}\Z", re.IGNORECASE)
_UTC8 = datetime.timezone(datetime.timedelta(hours=8))


class ValueProblem(ValueError):
    """What is wrong with a value, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en


def has_chinese(value: str) -> bool:
    """True when the text holds a Chinese character."""
    return _CHINESE.search(value) is not None


def text(value: Any, limit: int = MAX_TEXT) -> str:
    """Text in NFC, trimmed, without control characters (line ends and tabs stay)."""
    if not isinstance(value, str):
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise ValueProblem("须为文字", "must be text")
        value = str(value)
    if "\r" in value:
        value = value.replace("\r\n", "\n").replace("\r", "\n")
    cleaned = (value if value.isascii() else unicodedata.normalize("NFC", value)).strip()
    if not cleaned.isprintable() and _CONTROL.search(cleaned):
        raise ValueProblem("含有控制字符", "holds control characters")
    if not cleaned:
        raise ValueProblem("不可为空", "must not be empty")
    if len(cleaned) > limit:
        raise ValueProblem(f"超过 {limit} 字", f"longer than {limit} characters")
    return cleaned


def texts(value: Any, limit: int = MAX_TEXT) -> JSON:
    """A language map `{"zh": …, "en": …}`; a plain text is put under the language that it is written in."""
    if isinstance(value, str):
        cleaned = text(value, limit)
        return {"zh" if has_chinese(cleaned) else "en": cleaned}
    if not isinstance(value, Mapping):
        raise ValueProblem('须为文字或语言对照，如 {"zh": "…", "en": "…"}', 'must be text or a map of languages such as {"zh": "…", "en": "…"}')
    found = {_language(lang): text(each, limit) for lang, each in value.items() if each is not None and each != ""}
    if not found:
        raise ValueProblem("不可为空", "must not be empty")
    return found


def _language(lang: Any) -> str:
    if isinstance(lang, str) and (lang in ("zh", "en") or _LANG.match(lang)):
        return lang
    raise ValueProblem(f"不是语言代码：{lang!r:.40}", f"not a language code: {lang!r:.40}")


def title(value: Any) -> JSON:
    """A language map of short texts on one line each."""
    found = texts(value, 500)
    assert isinstance(found, Mapping)
    return {lang: " ".join(str(each).split()) for lang, each in found.items()}


def keywords(value: Any) -> JSON:
    """`{"zh": [...], "en": [...]}`; a plain list is sorted into languages. Repetitions go."""
    found: dict[str, list[str]] = {}
    if isinstance(value, str):
        value = re.split(r"[,，;；、\n]+", value)
    pairs = (
        ((lang, each) for lang, some in value.items() for each in list_items(some))
        if isinstance(value, Mapping)
        else ((None, each) for each in list_items(value))
    )
    for lang, each in pairs:
        if each is None or (isinstance(each, str) and not each.strip()):
            continue
        word = " ".join(text(each, 200).split())
        words = found.setdefault(_language(lang) if lang else ("zh" if has_chinese(word) else "en"), [])
        if word not in words:
            words.append(word)
    return {lang: found[lang] for lang in sorted(found, reverse=True)}


def list_items(value: Any) -> list[Any]:
    """The members of a list; None is the empty list."""
    if value is None:
        return []
    if not isinstance(value, (list, tuple)):
        raise ValueProblem("须为清单", "must be a list")
    if len(value) > MAX_LIST:
        raise ValueProblem(f"超过 {MAX_LIST} 项", f"more than {MAX_LIST} members")
    return list(value)


def code(value: Any, list_name: str) -> str:
    """A code of a list. Closed lists refuse others; open lists take any short text, folded to lower case."""
    codes = code_list(list_name)
    cleaned = text(value, 100)
    folded = cleaned if cleaned in codes else cleaned.casefold()
    if folded in codes:
        return folded
    named = next((each.code for each in codes if _same_name(cleaned, each.zh) or _same_name(cleaned, each.en)), None)
    if named is not None:
        return named
    if not codes.closed:
        return cleaned if list_name == "licenses" else folded
    zh, en = codes.known
    raise ValueProblem(f"不是{codes.zh}的代码：{cleaned:.60}；可用：{zh}", f"not a code of {codes.en}: {cleaned:.60}; known: {en}")


def _same_name(one: str, other: str) -> bool:
    """Names are compared without case, traditional characters as simplified ones."""
    if one.isascii():
        return one.casefold() == other.casefold()
    from catalog.search.fold import fold_text  # here, because it brings the whole engine with it

    return fold_text(one) == fold_text(other)


def codes(value: Any, list_name: str) -> JSON:
    """A list of codes, each once, in the order given."""
    members = [value] if isinstance(value, str) else list_items(value)
    return list(dict.fromkeys(code(each, list_name) for each in members))


def date_text(value: Any) -> str:
    """A date `CCYY-MM-DD`; a year or a month stands for its first day, a moment for its day at UTC+8."""
    if isinstance(value, datetime.datetime):
        value = value.isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    cleaned = text(str(value) if isinstance(value, int) and not isinstance(value, bool) else value, 40).replace("/", "-")
    match = _DATE.match(cleaned)
    try:
        if match:
            return datetime.date(int(match[1]), int(match[2] or 1), int(match[3] or 1)).isoformat()
        if _MOMENT.match(cleaned):
            return _moment(cleaned).astimezone(_UTC8).date().isoformat()
    except (ValueError, OverflowError):
        pass
    raise ValueProblem(f"不是日期（CCYY-MM-DD）：{cleaned}", f"not a date (CCYY-MM-DD): {cleaned}")


def _moment(cleaned: str) -> datetime.datetime:
    moment = datetime.datetime.fromisoformat(cleaned)
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def moment_text(value: Any) -> str:
    """A date as it is, or a moment in ISO 8601 UTC seconds with `Z`."""
    if isinstance(value, datetime.datetime):
        value = value.isoformat()
    cleaned = text(value, 40) if isinstance(value, str) else value
    if isinstance(cleaned, str) and _MOMENT.match(cleaned):
        try:
            return f"{_moment(cleaned).astimezone(datetime.UTC).isoformat(timespec='seconds')[:19]}Z"
        except (ValueError, OverflowError) as error:
            raise ValueProblem(f"不是时间：{cleaned}", f"not a time: {cleaned}") from error
    return date_text(value)


def decimal_text(value: Any) -> str:
    """A finite decimal number as its shortest text; floats through their shortest representation."""
    if isinstance(value, bool):
        raise ValueProblem("须为数", "must be a number")
    if isinstance(value, str) and is_decimal_text(value):
        return value
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value.strip() if isinstance(value, str) else value)
    except (InvalidOperation, TypeError, ValueError) as error:
        raise ValueProblem(f"不是数：{value!r:.40}", f"not a number: {value!r:.40}") from error
    if not number.is_finite() or abs(number.adjusted()) > 60:
        raise ValueProblem(f"不是有限的数：{value!r:.40}", f"not a finite number: {value!r:.40}")
    written = format(number, "f")
    written = written.rstrip("0").rstrip(".") if "." in written else written
    return "0" if written in ("-0", "") else written


def integer(value: Any) -> int:
    """An integer within ±(2^53−1)."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,16}", value.strip()):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**53 - 1:
        raise ValueProblem("须为整数", "must be an integer")
    return value


def boolean(value: Any) -> bool:
    """Yes or no."""
    words = {"true": True, "yes": True, "是": True, "1": True, "false": False, "no": False, "否": False, "0": False}
    found = value if isinstance(value, bool) else words.get(str(value).strip().casefold())
    if found is None:
        raise ValueProblem("须为是或否", "must be yes or no")
    return found


def division(value: Any) -> str:
    """A division code in full: 6, 9 or 12 digits (GB/T 2260)."""
    cleaned = text(f"{value:06d}" if isinstance(value, int) and not isinstance(value, bool) else value, 20)
    if _DIVISION.fullmatch(cleaned) is None:
        raise ValueProblem(f"不是行政区划代码（6、9 或 12 位数字）：{cleaned}", f"not a division code (6, 9 or 12 digits): {cleaned}")
    return cleaned.ljust(6, "0")


def divisions(value: Any) -> JSON:
    """A list of division codes, each once."""
    members = [value] if isinstance(value, (str, int)) else list_items(value)
    return list(dict.fromkeys(division(each) for each in members))


def bbox(value: Any) -> JSON:
    """West, south, east, north in degrees (CRS84), as decimal texts. West beyond east means across the antimeridian."""
    members = list_items(value)
    if len(members) != 4:
        raise ValueProblem("范围须为四个数：西、南、东、北", "an extent has four numbers: west, south, east, north")
    written = [decimal_text(each) for each in members]
    west, south, east, north = (Decimal(each) for each in written)
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueProblem(f"范围超出经纬度界限或南北颠倒：{written}", f"the extent lies outside the degrees of the earth, or south is above north: {written}")
    return list(written)


def geometry(value: Any) -> str:
    """A geometry as base64url of its WKB in CRS84; GeoJSON is accepted, and what was read from it."""
    shape: Any = value if isinstance(value, shapely.Geometry) else None
    try:
        if shape is None:
            shape = shapely.geometry.shape(dict(value)) if isinstance(value, Mapping) else shapely.from_wkb(unb64(value))
    except (CanonicalError, shapely.errors.ShapelyError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise ValueProblem("不是几何（base64url WKB 或 GeoJSON）", "not a geometry (base64url WKB or GeoJSON)") from error
    if shape is None or shape.is_empty:
        raise ValueProblem("几何为空", "the geometry is empty")
    west, south, east, north = shape.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ValueProblem("几何超出经纬度界限", "the geometry lies outside the degrees of the earth")
    data = shapely.to_wkb(shapely.force_2d(shape), byte_order=1, include_srid=False)
    if len(data) > MAX_GEOMETRY:
        raise ValueProblem("目录中的几何过大，请简化", "the geometry is too large for a catalogue; simplify it")
    return b64(data)


def period(value: Any) -> JSON:
    """`[start | null, end | null]`, dates or moments."""
    members = list_items(value)
    if len(members) != 2 or members == [None, None]:
        raise ValueProblem("时间范围须为 [起, 讫]", "a period is [start, end]")
    start, end = (None if each is None else moment_text(each) for each in members)
    if start is not None and end is not None and start[:10] > end[:10]:
        raise ValueProblem(f"时间范围起讫颠倒：{start} > {end}", f"the period ends before it begins: {start} > {end}")
    return [start, end]


def crs(value: Any) -> str:
    """A coordinate system by authority and code, for example `EPSG:4490`."""
    cleaned = text(value, 80)
    if _CRS.match(cleaned) is None:
        raise ValueProblem(f"坐标系须写成 EPSG:4490 的形式：{cleaned}", f"write the coordinate system as EPSG:4490: {cleaned}")
    return cleaned


def scale(value: Any) -> str:
    """A scale `1:50000`; a plain number is its denominator."""
    cleaned = f"1:{value}" if isinstance(value, int) else text(value, 20).replace(" ", "").replace("：", ":").replace(",", "")
    cleaned = cleaned if ":" in cleaned else f"1:{cleaned}"
    if _SCALE.match(cleaned) is None:
        raise ValueProblem(f"比例尺须写成 1:50000 的形式：{cleaned}", f"write the scale as 1:50000: {cleaned}")
    return cleaned


def url(value: Any) -> str:
    """A web or FTP address without blanks."""
    cleaned = text(value, 2000)
    if _URL.match(cleaned) is None:
        raise ValueProblem(f"不是网址：{cleaned:.80}", f"not a web address: {cleaned:.80}")
    return cleaned
