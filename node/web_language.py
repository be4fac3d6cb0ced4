"""The language of one request: `?lang=`, else the visitor's choice kept in a cookie, else what the browser asks for, else the site's."""

from functools import lru_cache

from flask import Request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from node.i18n import Language, language_of

COOKIE = "terrace_lang"
#: Characters of a header whose meaning is kept: browsers send few different ones, and others shall not fill the memory.
_LONGEST_KEPT = 200


def request_language(request: Request, default: Language) -> Language:
    """Chooses zh or en; any Chinese tag (zh-CN, zh-Hant-TW, …) is zh."""
    for asked in (request.args.get("lang"), request.cookies.get(COOKIE) if "HTTP_COOKIE" in request.environ else None):
        found = language_of(asked) if asked else None
        if found:
            return found
    header = request.environ.get("HTTP_ACCEPT_LANGUAGE", "")
    return (_kept_best(header) if len(header) <= _LONGEST_KEPT else best_of(request.accept_languages)) or default


@lru_cache(maxsize=256)
def _kept_best(header: str) -> Language | None:
    return best_of(parse_accept_header(header, LanguageAccept))


def best_of(accepted: LanguageAccept) -> Language | None:
    """The first of the browser's languages, in its order of preference, that we speak."""
    for tag, quality in sorted(accepted, key=lambda pair: -pair[1]):
        found = language_of(tag)
        if found and quality > 0:
            return found
    return None
