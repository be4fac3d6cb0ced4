"""HTTP for CSW: the blueprint that `node` mounts at /csw.

The version is chosen for each request: 2.0.2 unless the client names 3.0 (in `version`, in `acceptversions` without 2.0.2, or by the namespace of its body),
because GDAL and many others break on 3.0. Parameters reach pycsw with lower-case names, each once.
"""

import io
import logging
import re
from collections.abc import Mapping
from configparser import ConfigParser
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from lxml import etree
from werkzeug.exceptions import RequestEntityTooLarge

from catalog.reader import Reader
from catalog.views import RecordView
from ogc import words
from ogc.csw import engine
from ogc.iso19139 import Link
from policies.actor import require_actor

_LOG = logging.getLogger(__name__)
MAX_BODY = 250_000
MAX_RECORDS = 500
_MOST_CONFIGS = 16
#: What no XML document can hold.
_CONTROL = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CONTACT = (
    "name", "position", "address", "city", "stateorprovince", "postalcode", "country", "phone", "fax", "email", "url", "hours", "instructions", "role",
)  # fmt: skip
_REPORT = """<?xml version="1.0" encoding="UTF-8"?>
<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows" version="1.2.0"><ows:Exception exceptionCode="{code}"><ows:ExceptionText>{text}</ows:ExceptionText>
</ows:Exception></ows:ExceptionReport>"""


@dataclass(frozen=True)
class CswSettings:
    """How the face presents itself.

    Attributes:
        title, abstract, provider: language maps (zh, en).
        contact: `email`, `phone`, `name` as far as they are public.
        base_url: address of the site without a slash at the end; None: as the request was addressed.
        features_path: path of the OGC API face below the site, for links; None: no such links.
        record_path: path of a record's page, with `{slug}`.
    """

    title: Mapping[str, str] = field(default_factory=lambda: {"zh": "梯田节点目录", "en": "Terrace node catalogue"})
    abstract: Mapping[str, str] = field(default_factory=lambda: {"zh": "自然资源数据共享节点的目录服务", "en": "Catalogue of a data-sharing node"})
    provider: Mapping[str, str] = field(default_factory=lambda: {"zh": "", "en": ""})
    contact: Mapping[str, str] = field(default_factory=dict)
    base_url: str | None = None
    features_path: str | None = "/ogc"
    record_path: str = "/dataset/{slug}"


class Csw:
    """The face: one object for each process, safe for threads."""

    def __init__(self, reader: Reader, settings: CswSettings) -> None:
        self.reader = reader
        self.settings = settings
        self._configs: dict[tuple[str, str, str], ConfigParser] = {}

    def blueprint(self, name: str = "csw") -> Blueprint:
        engine.prepare()
        found = Blueprint(name, __name__)
        found.add_url_rule("/", "csw", self.handle, methods=["GET", "POST"], strict_slashes=False)
        return found

    def handle(self) -> Response:
        require_actor()  # denies before anything is read
        request.max_content_length = MAX_BODY + 1
        try:
            body = request.get_data() if request.method == "POST" else b""
        except RequestEntityTooLarge:
            body = bytes(MAX_BODY + 1)
        if len(body) > MAX_BODY:  # by what it says, or by what came: that is cut off at the limit, not refused
            return _report(413, "InvalidParameterValue", "The request is too large")
        kvp: dict[str, Any] = {}
        for name, values in request.args.lists():
            if name.lower() in kvp or len(values) > 1:
                return _report(400, "InvalidParameterValue", "A parameter may come only once")
            if _CONTROL.search(name + values[0]):
                return _report(400, "InvalidParameterValue", "A parameter holds a character that XML cannot hold")
            if values[0]:  # pycsw stumbles over parameters that are there and empty
                kvp[name.lower()] = values[0]
        checked = engine.narrowed(kvp)
        if isinstance(checked, str):
            return _report(400, "InvalidParameterValue", checked)
        if "constraint" in checked and ("bbox" in checked or "q" in checked):
            return _report(400, "InvalidParameterValue", "constraint and bbox or q exclude each other")
        version = _version(checked, body)
        if "acceptversions" in checked:
            checked["acceptversions"] = version
        if not checked and not body:
            checked = {"service": "CSW", "request": "GetCapabilities"}
        try:
            return self._dispatch(checked, body, version)
        except Exception:
            # pycsw raises on many a malformed request; what it says may quote the request or the server.
            _LOG.exception("CSW request failed")
            return _report(500, "NoApplicableCode", "The request cannot be answered")

    def _dispatch(self, kvp: dict[str, Any], body: bytes, version: str) -> Response:
        language = "en" if request.accept_languages.best_match(("zh", "en"), "zh") == "en" else "zh"
        environ = {
            "REQUEST_METHOD": request.method, "QUERY_STRING": urlencode(kvp), "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body),
            "SCRIPT_NAME": "", "PATH_INFO": request.path, "SERVER_NAME": "localhost", "SERVER_PORT": "80", "wsgi.url_scheme": "http",
        }  # fmt: skip
        server = engine.Server(self._config(language), environ, version, self.reader, self.links, language, self.base())
        engine.refused.set(None)
        status, content = server.dispatch_wsgi()
        content = content.replace(b"<!-- pycsw 2.6.2 -->\n", b"", 1)
        response = Response(content, int(str(status).split(" ", 1)[0]), content_type="application/xml; charset=UTF-8")
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Language"] = language
        return response

    def base(self) -> str:
        return (self.settings.base_url or f"{request.scheme}://{request.host}{request.script_root}").rstrip("/")

    def links(self, view: RecordView) -> tuple[Link, ...]:
        """Where this actor finds the record: its page, and its features when it may have them."""
        base, title = self.base(), view.title()
        found = [Link(base + self.settings.record_path.format(slug=view.slug), "WWW:LINK-1.0-http--link", title)]
        if self.settings.features_path and _has_rows(view):
            found.append(Link(f"{base}{self.settings.features_path}/collections/{view.slug}", "OGC:API-Features", title))
        return tuple(found)

    def _config(self, language: str) -> ConfigParser:
        """pycsw's configuration, kept for each language and address. pycsw sets two options in it for each request, always to the same."""
        key = (language, self.base(), request.path.rstrip("/"))
        found = self._configs.get(key)
        if found is None:
            if len(self._configs) >= _MOST_CONFIGS:
                self._configs.clear()
            found = self._configs[key] = self._new_config(*key)
        return found

    def _new_config(self, language: str, base: str, path: str) -> ConfigParser:
        texts, contact = self.settings, self.settings.contact
        config = ConfigParser(interpolation=None)
        config["server"] = {"url": base + path, "maxrecords": str(MAX_RECORDS), "encoding": "UTF-8", "language": "en-US", "pretty_print": "false"}
        config["manager"] = {"transactions": "false"}
        config["metadata:main"] = {
            "identification_title": texts.title[language], "identification_abstract": texts.abstract[language], "identification_keywords": "catalogue,metadata",
            "identification_keywords_type": "theme", "identification_fees": "None", "identification_accessconstraints": "otherRestrictions",
            "provider_name": texts.provider[language], "provider_url": base,
            **{f"contact_{name}": contact.get(name, "") for name in _CONTACT},
        }  # fmt: skip
        config["repository"] = {"source": "ogc.csw.repository.Repository"}
        return config


def _has_rows(view: RecordView) -> bool:
    return "data" in view.may and any(resource.get("rows") is True for _, resource in words.resources(view.fields))


def _version(kvp: Mapping[str, Any], body: bytes) -> str:
    accepted = str(kvp.get("acceptversions", ""))
    if body:
        return "3.0.0" if b"cat/csw/3.0" in body and b"cat/csw/2.0.2" not in body else "2.0.2"
    return "3.0.0" if kvp.get("version") == "3.0.0" or ("3.0.0" in accepted and "2.0.2" not in accepted) else "2.0.2"


def _report(status: int, code: str, text: str) -> Response:
    """An OWS exception report of our own, for what does not reach pycsw."""
    element = etree.Element("x")
    element.text = text
    escaped = etree.tostring(element, encoding="unicode")[3:-4]
    return Response(_REPORT.format(code=code, text=escaped), status, content_type="application/xml; charset=UTF-8")
