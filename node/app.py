"""The public application of a site: who is it, in which language, by which face, and what every answer carries.

One request goes: `identify` (token, session or nobody → Actor) → `policies.actor.acting` → the face → `secure` headers, metrics → the actor is unset again.
No face runs without an actor: the context variable that is unset denies.
"""

import itertools
import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, Response, g, jsonify, request
from flask.globals import request_ctx

from node import web_errors
from node.faces import face_of
from node.headers import secure
from node.health import healthz
from node.i18n import speaking
from node.metrics import Stopwatch
from node.own_addresses import SAFE_METHODS, OwnAddresses
from node.signin import SignIn, is_form
from node.web_language import request_language
from policies.actor import acting
from policies.errors import TerraceError

if TYPE_CHECKING:
    from node.site import Site

_numbers = itertools.count(1)


def create_app(site: "Site") -> Flask:
    """The public application: portal, CKAN, OGC API, CSW."""
    app = _bare(site, "terrace")
    sign_in = SignIn(site)
    own = OwnAddresses(site.settings)
    app.extensions["terrace.sign_in"] = sign_in

    @app.before_request
    def begin() -> Response | None:
        own_request: Request = request_ctx.request  # not the proxy, each look through which costs one at the context
        stack = g.terrace_stack = ExitStack()
        stack.enter_context(speaking(request_language(own_request, site.settings.language)))
        try:
            own.require_own(own_request)
            stack.enter_context(site.store.sharing())  # who asks and what is shown are of one state
            g.own_address = site.settings.base_url or f"{own_request.scheme}://{own_request.host}"
            who = sign_in.identify(own_request)
            g.actor, g.session_info = who.actor, who.session
            stack.enter_context(acting(who.actor))
            if own_request.method not in SAFE_METHODS:
                own.require_own_page(own_request, by_header=not is_form(own_request))
                sign_in.require_csrf(own_request, who)
        except TerraceError as error:
            return web_errors.refuse(error)  # here, and not by a face's own handler: no face has been reached
        return None

    from node.mounts import mount_faces

    mount_faces(app, site)
    _count_alarms(app, site)
    return app


def _count_alarms(app: Flask, site: "Site") -> None:
    """Carries the second lock's alarms (`Reader.alarms`) into the counters."""
    told = 0

    @app.after_request
    def look(response: Response) -> Response:
        nonlocal told
        if site.reader.alarms > told:
            site.metrics.add("terrace_policy_alarms_total", site.reader.alarms - told)
            told = site.reader.alarms
        return response


def create_peer_app(site: "Site") -> Flask:
    """The peers' application; who asks is decided by the exchange's own tokens."""
    app = _bare(site, "terrace-peer")
    from node.mounts import mount_peers

    mount_peers(app, site)
    return app


def preload() -> None:
    """Imports what both applications use, before the fork, so that the processes share it in memory."""
    from node.mounts import import_all

    import_all()


class _Plain(Flask):
    """An application without coroutines: there is nothing to find out about a view before each call."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def _bare(site: "Site", name: str) -> Flask:
    app = _Plain(name, static_folder=None)  # without a secret key: sessions live in the database, and Flask need not look for one of its own
    app.config["MAX_CONTENT_LENGTH"] = site.settings.limits.request_bytes
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.extensions["terrace.site"] = site
    own = OwnAddresses(site.settings)
    app.wsgi_app = own.wrap(app.wsgi_app)  # type: ignore[method-assign, assignment]
    web_errors.install(app)

    @app.before_request
    def start() -> Response | None:
        g.watch = Stopwatch()
        g.request_number = f"{os.getpid()}-{next(_numbers)}"
        try:
            own.require_proxy(request)
        except TerraceError as error:
            return web_errors.refuse(error)
        return None

    @app.after_request
    def finish(response: Response) -> Response:
        watch: Stopwatch | None = g.get("watch")
        site.metrics.request(face_of(request.path), response.status_code, watch.seconds() if watch else 0.0)
        actor = g.get("actor")
        return secure(response, public=actor is not None and actor.kind == "public")

    @app.teardown_request
    def end(_error: BaseException | None) -> None:
        stack: ExitStack | None = g.pop("terrace_stack", None)
        if stack is not None:
            stack.close()

    @app.get("/healthz")
    def health() -> tuple[Response, int]:
        body, status = healthz(site)
        return jsonify(body), status

    return app
