"""The language of one request: `?lang=`, else the visitor's choice kept in a cookie, else what the browser asks for, else the site's."""

from flask import Request
from werkzeug.datastructures import LanguageAccept

from node.i18n import Language, language_of

COOKIE = "terrace_lang"


def request_language(request: Request, default: Language) -> Language:
    """Chooses zh or en; any Chinese tag (zh-CN, zh-Hant-TW, …) is zh."""
    for asked in (request.args.get("lang"), request.cookies.get(COOKIE)):
        found = language_of(asked) if asked else None
        if found:
            return found
    return best_of(request.accept_languages) or default


def best_of(accepted: LanguageAccept) -> Language | None:
    """The first of the browser's languages, in its order of preference, that we speak."""
    for tag, quality in sorted(accepted, key=lambda pair: -pair[1]):
        found = language_of(tag)
        if found and quality > 0:
            return found
    return None
