"""The routes: `/api/action/<name>`, `/api/3/action/<name>`, and the dump of rows. Forms of requests and answers are those of CKAN 2.12.

The actor comes from the context that `node` set; the reader denies when there is none.
"""

import logging
import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import orjson
from flask import Blueprint, Request, Response, request
from flask.globals import request_ctx
from werkzeug.exceptions import RequestEntityTooLarge

from catalog.ckan import datastore
from catalog.ckan.actions import find
from catalog.ckan.errors import CkanDeniedError, CkanError, CkanNotFoundError, CkanSearchError, CkanValidationError
from catalog.ckan.face import Call
from catalog.ckan.settings import Around, CkanSettings
from catalog.errors import DeniedError, FilterError, NotFoundError, QueryError
from catalog.reader import Reader
from policies.actor import PUBLIC, require_actor
from policies.errors import TerraceError

_JSON = "application/json;charset=utf-8"
_VERSIONS = (1, 2, 3)
#: Largest body of an action, in bytes.
MOST_BODY = 256_000
_FUNCTION = re.compile(r"[A-Za-z_$][\w$.]{0,80}")

log = logging.getLogger(__name__)


class _Bad(Exception):
    """A request that is answered with a bare "Bad request: …"."""


def blueprint(reader: Reader, settings: CkanSettings) -> Blueprint:
    """The CKAN Action API, to be mounted at `/api`.

    Args:
        reader: the site's.
        settings: see `CkanSettings`.
    """
    made = Blueprint("ckan", __name__)

    @made.get("/")
    @made.get("/<int:ver>")
    def version(ver: int = 1) -> Response:
        return _answer({"version": ver}, 200, _callback()) if ver in _VERSIONS else _answer("Not found", 404)

    @made.route("/action/<name>", methods=["GET", "POST"])
    @made.route("/<int:ver>/action/<name>", methods=["GET", "POST"])
    def action(name: str, ver: int = 3) -> Response:
        if ver not in _VERSIONS:
            return _answer("Not found", 404)
        return _act(reader, settings, name, ver)

    return made


def dump_blueprint(reader: Reader, settings: CkanSettings) -> Blueprint:
    """`/datastore/dump/<resource id>`, to be mounted at `/datastore`."""
    made = Blueprint("ckan_datastore", __name__)

    @made.get("/dump/<id>")
    def dump(id: str) -> Response:
        form = request.args.get("format", "csv").lower()
        if form not in ("csv", "tsv"):
            return _answer("Bad request: format must be csv or tsv", 400)
        call = _call(reader, settings, {})
        try:
            pieces = datastore.dump(call, id, form)
        except TerraceError as error:
            failed = as_ckan(error, call.around.language)
            return _answer(failed.body.get("message", failed.body), failed.status)
        media = "text/csv" if form == "csv" else "text/tab-separated-values"
        response = Response(pieces, content_type=f"{media}; charset=utf-8")
        response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(id)}.{form}"
        return response

    return made


def _call(reader: Reader, settings: CkanSettings, data: dict[str, Any]) -> Call:
    base = settings.base_url or f"{request.scheme}://{request.host}"
    return Call(reader, require_actor(), data, Around(base, settings.language()), settings.title)


def _act(reader: Reader, settings: CkanSettings, name: str, ver: int) -> Response:
    found = find(name)
    if found is None:
        return _answer(f"Bad request: Action name not known: {name}", 400)
    action, reads = found
    try:
        data = _request_data(reads)
    except _Bad as error:
        return _answer(f"Bad request: JSON Error: {error}", 400)
    except RequestEntityTooLarge:
        return _answer(f"Bad request: the body is larger than {MOST_BODY} bytes", 413)
    data.pop("callback", None)
    call = _call(reader, settings, data)
    callback = _callback()
    if callback:  # a script of any site may ask so, with the visitor's cookies: it gets what everyone gets
        call = replace(call, actor=PUBLIC)
    body: dict[str, Any] = {"help": f"{call.around.base}/api/{ver}/action/help_show?name={quote(name)}"}
    try:
        return _answer({**body, "success": True, "result": action(call)}, 200, callback)
    except CkanError as error:
        failed = error
    except TerraceError as error:
        failed = as_ckan(error, call.around.language)
    return _answer({**body, "error": failed.body, "success": False}, failed.status)


def as_ckan(error: TerraceError, language: str) -> CkanError:
    """An error of the catalog in CKAN's classes, in the answer's language. What is none of the caller's doing is logged and says nothing."""
    match error:
        case CkanError():
            return error
        case NotFoundError():
            return CkanNotFoundError()
        case DeniedError():
            return CkanDeniedError(error.text(language))
        case FilterError():
            return CkanSearchError(error.text(language))
        case QueryError():
            return CkanValidationError({"message": error.text(language)})
    log.error("the CKAN interface failed", exc_info=error)
    return CkanError()


def _request_data(reads: bool) -> dict[str, Any]:
    """The parameters: of the query string for what only reads, else of the body (JSON, or a form as CKAN's old clients send it).

    Raises:
        _Bad: they cannot be read.
        RequestEntityTooLarge: the body is too large, by what it says or by what came.
    """
    request: Request = request_ctx.request  # not the proxy, each look through which costs one at the context
    request.max_content_length = request.max_form_memory_size = MOST_BODY + 1
    if len(request.get_data()) > MOST_BODY:  # what comes without a length is cut off at the limit, not refused
        raise RequestEntityTooLarge
    if request.method == "GET" and not reads:
        raise _Bad("Invalid request. Please use POST method for your request")
    if request.method == "POST" and request.form:
        keys, values = list(request.form.keys()), list(request.form.values())
        data: Any = _json(keys[0]) if len(values) == 1 and values[0] in ("1", "") else _mixed(request.form)
    elif request.args and reads:
        data = _mixed(request.args)
    elif request.data:
        try:
            data = orjson.loads(request.get_data())
        except ValueError:
            raise _Bad("Error decoding JSON data.") from None
    else:
        data = {}
    if not isinstance(data, dict):
        raise _Bad(f"Request data JSON decoded to {data!r} but it needs to be a dictionary.")
    return data


def _json(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        raise _Bad("Error decoding JSON data.") from None


def _mixed(values: Any) -> dict[str, Any]:
    return {key: found[0] if len(found) == 1 else found for key, found in values.to_dict(flat=False).items()}


def _answer(body: Any, status: int, callback: str | None = None) -> Response:
    text = orjson.dumps(body)
    if callback:
        return Response(f"/**/{callback}(".encode() + text + b");", status, content_type="application/javascript;charset=utf-8")
    return Response(text, status, content_type=_JSON)


def _callback() -> str | None:
    """The function that a JSONP request wants its answer wrapped in."""
    name = request.args.get("callback") if request.method == "GET" else None
    return name if name and _FUNCTION.fullmatch(name) else None
