"""Turns errors into answers where no face did: each face's own form, the status from `node.error_table`.

A fault of ours (500) says nothing of its cause; the log has it under the request's number. A face that maps its own errors (CKAN, OGC, CSW, peers) does so
before they come here; what comes here happened before the face ran (sign-in, limits) or in none.
"""

import json
import logging
from xml.sax.saxutils import escape

from flask import Flask, Response, g, render_template_string, request
from werkzeug.exceptions import HTTPException

from catalog.errors import ObjectComingError
from node.error_table import form
from node.errors import TooManyAttemptsError
from node.faces import face_of
from node.i18n import language, local_text
from policies.errors import TerraceError

log = logging.getLogger(__name__)

#: Seconds after which to ask a server again that cannot serve at the moment.
RETRY_AFTER = 5

_PAGE = """<!doctype html><html lang="{{ lang }}"><head><meta charset="utf-8"><title>{{ status }} · Terrace</title></head>
<body><main><h1>{{ title }}</h1><p>{{ message }}</p><p><a href="/">Terrace 梯田</a></p></main></body></html>"""

_TITLES = {
    400: ("请求有误", "Bad request"),
    401: ("请先登录", "Sign in first"),
    403: ("没有权限", "Not allowed"),
    404: ("没有找到", "Not found"),
    405: ("不支持这个方法", "Method not allowed"),
    413: ("请求过大", "Too large"),
    429: ("请求过于频繁", "Too many requests"),
    503: ("请稍后再试", "Try again later"),
}
_CKAN_TYPES = {400: "Validation Error", 401: "Authorization Error", 403: "Authorization Error", 404: "Not Found Error"}
_OGC_CODES = {400: "InvalidParameterValue", 401: "NotAuthorized", 403: "NotAuthorized", 404: "NotFound"}


def install(app: Flask) -> None:
    """Registers the handlers."""
    app.register_error_handler(TerraceError, refuse)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _fault)


def refuse(error: TerraceError) -> Response:
    """An error of ours in the form of the face that was asked."""
    code = form(error).status
    again = error.seconds if isinstance(error, TooManyAttemptsError | ObjectComingError) else None
    if code >= 500 and again is None:
        return _away(error) if code == 503 else _fault(error)
    response = answer(code, error.kind, local_text(error.zh, error.en))
    if again is not None:
        response.headers["Retry-After"] = str(again)
    return response


def _http(error: HTTPException) -> Response:
    if error.response is not None or error.code is None or error.code < 400:
        return error.get_response()  # type: ignore[return-value]
    title = _TITLES.get(error.code)
    response = answer(error.code, "http", local_text(*title) if title else error.name)
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after"):
            response.headers[name] = value
    return response


def _fault(error: Exception) -> Response:
    number = g.get("request_number", "-")
    log.error("request %s %s %s failed", number, request.method, request.path, exc_info=error)
    message = local_text(f"服务器出错，已记录，编号 {number}。", f"The server failed; it is noted under number {number}.")
    return answer(500, "error", message)


def _away(error: Exception) -> Response:
    """A database that is away or held, a full disc: what passes, or somebody mends. Its words name folders and servers, so only the log has them."""
    number = g.get("request_number", "-")
    log.error("request %s %s %s: %s", number, request.method, request.path, error)
    zh = f"服务器暂时无法服务，请稍后再试；已记录，编号 {number}。"
    message = local_text(zh, f"The server cannot serve at the moment; try again later. It is noted under number {number}.")
    response = answer(503, getattr(error, "kind", "error"), message)
    response.headers["Retry-After"] = str(RETRY_AFTER)
    return response


def answer(code: int, kind: str, message: str) -> Response:
    """An error in the form of the face that was asked."""
    match face_of(request.path):
        case "ckan":
            error = {"__type": _CKAN_TYPES.get(code, "Internal Server Error"), "message": message}
            body = {"help": g.get("own_address", "") + request.path, "success": False, "error": error}
            response = _json(403 if code == 401 else code, body)
        case "ogc":
            response = _json(code, {"code": _OGC_CODES.get(code, "NoApplicableCode"), "type": _OGC_CODES.get(code, "NoApplicableCode"), "description": message})
        case "csw":
            response = _ows(code, message)
        case "portal" if request.accept_mimetypes.accept_html:
            title = local_text(*_TITLES.get(code, ("服务器出错", "Server error")))
            page = render_template_string(_PAGE, lang=language(), status=code, title=title, message=message)
            response = Response(page, code, mimetype="text/html")
        case _:
            response = _json(code, {"type": f"urn:terrace:error:{kind}", "status": code, "title": kind, "detail": message}, "application/problem+json")
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="Terrace"'
    return response


def _json(code: int, body: dict[str, object], mimetype: str = "application/json") -> Response:
    return Response(json.dumps(body, ensure_ascii=False), code, mimetype=mimetype)


def _ows(code: int, message: str) -> Response:
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows" version="1.2.0">'
        f'<ows:Exception exceptionCode="NoApplicableCode"><ows:ExceptionText>{escape(message)}</ows:ExceptionText></ows:Exception></ows:ExceptionReport>'
    )
    return Response(body, code, mimetype="application/xml")
