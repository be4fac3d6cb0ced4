"""What readers of metadata have in common: texts in languages, dates as far as they are dates, links with their kind and format."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import orjson

from catalog.codes import Code, code_list
from catalog.field_values import ValueProblem, date_text, has_chinese, moment_text

__all__ = ["Notes", "as_text", "excerpt", "format_code", "format_of", "is_url", "json_digest", "language_map", "link", "links", "plain_dates"]

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*\Z")
_URL = re.compile(r"(?:https?|ftps?)://[^\s<>\"{}|\\^`]+\Z")
_MEDIA = re.compile(r"[\w.+-]+/[\w.+-]+\Z")
_PROTOCOLS = {"wms": "wms", "wfs": "wfs", "wcs": "wcs", "wmts": "wmts", "csw": "csw", "opendap": "opendap", "erddap": "rest"}
_NAMES = {
    "geotiff": "geotiff", "tiff": "geotiff", "shapefile": "shp", "esri shapefile": "shp", "shape": "shp", "comma separated value": "csv",
    "comma separated values": "csv", "excel": "xlsx", "api": "rest", "application/http": "rest", "web page": "html", "geopackage": "gpkg",
}  # fmt: skip
MAX_LINKS = 100


class Notes(list[tuple[str, str]]):
    """What was not understood or left out, in Chinese and English."""

    def say(self, zh: str, en: str) -> None:
        """Adds a note, once."""
        if (zh, en) not in self and len(self) < 50:
            self.append((zh, en))

    def clean(self, cleaner: Callable[[Any], Any], name: str, value: Any) -> Any:
        """The value in its stored form, None with a note when it has none."""
        if value in (None, "", [], {}):
            return None
        try:
            return cleaner(value)
        except ValueProblem as problem:
            self.say(f"{name}：{problem.zh}", f"{name}: {problem.en}")
            return None

    def coded(self, list_name: str, value: str | None, attribute: str = "iso") -> str | None:
        """The code of a list that a foreign word stands for, None with a note when it is not known."""
        if not value:
            return None
        codes = code_list(list_name)
        found = codes.find(attribute, value)
        if found is not None:
            return found.code
        if value.casefold() in codes:
            return value.casefold()
        self.say(f"{codes.zh}未辨认：{value[:60]}", f"{codes.en} not understood: {value[:60]}")
        return None

    def date(self, value: Any) -> str | None:
        """A date, as far as it is one."""
        return None if value in (None, "") else self.clean(date_text, "date", plain_dates(str(value)))

    def moment(self, value: Any) -> str | None:
        """A date or moment, as far as it is one."""
        return None if value in (None, "") else self.clean(moment_text, "time", plain_dates(str(value)))


def plain_dates(text: str) -> str:
    """Moments as programs write them, in the form that fields take: fractions of seconds and missing seconds are put right."""
    text = text.strip()
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:[.,]\d+)?\s*(Z|UTC|[+-]\d\d:?\d\d)?", text)
    if found:
        zone = found[3] or ""
        return f"{found[1]}T{found[2]}{'Z' if zone in ('Z', 'UTC') else zone}"
    if re.fullmatch(r"\d{8}", text):
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    if re.fullmatch(r"\d{6}", text):
        return f"{text[:4]}-{text[4:]}"
    found = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text)
    return f"{found[3]}-{int(found[1]):02d}-{int(found[2]):02d}" if found else text


def as_text(value: Any) -> str | None:
    """A text, blanks folded; None for anything else or nothing."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    return " ".join(value.split()) or None


def language_map(value: Any, lang: str | None = None) -> dict[str, str] | None:
    """A language map from a text or from a map of languages; a text goes under the language it is written in, else `lang`."""
    if isinstance(value, Mapping):
        found = {str(key).split("_")[0].lower()[:8]: str(text).strip() for key, text in value.items() if isinstance(text, str) and text.strip()}
        return {key: text for key, text in found.items() if _LANGUAGE.match(key)} or None
    if not isinstance(value, str) or not value.strip():
        return None
    return {"zh" if has_chinese(value) else lang or "en": value.strip()}


def is_url(value: Any) -> bool:
    """Whether a link may be kept."""
    return isinstance(value, str) and _URL.match(value) is not None and len(value) <= 2_000


def link(url: Any, *, title: Any = None, note: Any = None, formats: Sequence[str] = (), media: str | None = None, protocol: str = "") -> dict[str, Any] | None:
    """A resource that is a link, or None when it is no address."""
    if not is_url(url):
        return None
    known = {"url": url, "title": language_map(title), "note": language_map(note), "protocol": protocol[:80] or None}
    known |= format_of(protocol, url, list(formats) or ([media] if media else []))
    if media and _MEDIA.match(media):
        known["media_type"] = media.lower()
    return {name: value for name, value in known.items() if value}


def links(found: Iterable[dict[str, Any] | None]) -> dict[str, Any]:
    """Links as fields of a record, at most a hundred."""
    kept = [each for each in found if each is not None][:MAX_LINKS]
    return {f"resources.link{number}": each for number, each in enumerate(kept, 1)}


def format_of(protocol: str, url: str, formats: Sequence[str]) -> dict[str, str]:
    """Kind and format of a link: by its protocol or its address, else by what it calls itself."""
    lowered = f"{protocol} {url}".lower()
    service = next((code for word, code in _PROTOCOLS.items() if word in lowered and re.search(rf"(?<![a-z]){word}(?![a-z])", lowered)), None)
    if service is not None:
        return {"kind": "service", "format": service}
    if "/rest/services/" in url:
        return {"kind": "service", "format": "rest"}
    suffix = re.search(r"\.([a-z0-9]{2,7})(?:\?|$)", url.lower())
    code = _suffixes().get(suffix[1]) if suffix else None
    if code is not None:
        return {"kind": code.other.get("kind", "file"), "format": code.code}
    if formats:
        found = format_code(formats[0])
        known = code_list("formats").codes.get(found)
        return {"kind": known.other.get("kind", "file") if known is not None else "file", "format": found}
    return {"kind": "file", "format": "html"}


@cache
def _suffixes() -> dict[str, Code]:
    """Suffix of a file → format; of several the first of the list."""
    return {suffix: code for code in reversed(list(code_list("formats"))) for suffix in code.other.get("suffix", "").split()}


def format_code(name: str) -> str:
    """The code of a format by its name or media type."""
    wanted = " ".join(name.lower().split())[:100]
    known = code_list("formats")
    if wanted in known.codes:
        return wanted
    by_media = next((code.code for code in known if code.other.get("media_type") == wanted), None)
    return _NAMES.get(wanted) or by_media or wanted.rpartition("/")[2]


def json_digest(value: Any) -> str:
    """SHA-256 of a JSON value, whatever the order of its members, in hexadecimal digits."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def excerpt(value: Any) -> str:
    """A value as text for the quarantine."""
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()[:2_000]
    except (TypeError, RecursionError):
        return str(value)[:2_000]
