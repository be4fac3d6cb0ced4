"""The portal's pages. Each view asks the reader as the request's actor and renders; what may be seen is decided there, never here."""

import mimetypes
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, current_app, g, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from catalog.codes import label
from catalog.counting import row_count
from catalog.errors import DeniedError, NotFoundError, SignInError
from catalog.queries import RecordQuery
from catalog.versions import past_version, past_versions
from catalog.views import RecordView
from node.headers import DATA_POLICY
from node.i18n import choose, counted, language, local_text, translate
from node.portal import preview
from node.portal.cards import Card, card
from node.portal.dataset import DatasetPage
from node.portal.names import NodeNames
from node.portal.search_state import PAGE_SIZE, SORTS, SearchState
from node.portal.searching import Words, chips, facets, question
from node.portal.versions import PastPage, VersionLine, version_lines
from node.signin import set_cookie
from node.web_language import COOKIE as LANGUAGE_COOKIE
from policies.actor import Actor, require_actor
from sync.ids import fingerprint

if TYPE_CHECKING:
    from catalog.rows import Column
    from node.signin import SignIn
    from node.site import Site

RELATED = 5
#: Versions that a page lists.
VERSIONS = 20
YEAR = 365 * 86_400


def _(message: str, **values: object) -> str:
    text = translate(message, "portal")
    return text % values if values else text


def _datasets(count: int) -> str:
    return counted("%(count)s dataset", "%(count)s datasets", count, "portal") % {"count": f"{count:,}"}


class Pages:
    """The views of one site."""

    def __init__(self, site: "Site") -> None:
        self._site = site
        self._names = NodeNames(site)

    def register(self, blueprint: Blueprint) -> None:
        """Adds the routes and what every template sees."""
        for rule, view, methods in (
            ("/", self.search, ["GET"]),
            ("/dataset/<slug>", self.dataset, ["GET"]),
            ("/dataset/<slug>/receipt", self.receipt, ["GET"]),
            ("/dataset/<slug>/file/<resource>", self.file, ["GET"]),
            ("/about", self.about, ["GET"]),
            ("/interfaces", self.interfaces, ["GET"]),
            ("/language/<tag>", self.language, ["GET"]),
            ("/sign-in", self.sign_in, ["GET", "POST"]),
            ("/sign-out", self.sign_out, ["POST"]),
        ):
            blueprint.add_url_rule(rule, view.__name__, view, methods=methods)
        blueprint.context_processor(self._everywhere)

    # --- what every page has ---------------------------------------------------------------------------------------------------------------

    def _everywhere(self) -> dict[str, object]:
        identity = self._site.identity
        info = g.get("session_info")
        here = request.full_path if request.query_string else request.path
        return {
            "_": _,
            "lang": language(),
            "site_name": choose(identity.name),
            "level_name": label("levels", identity.level, language()) if identity.level else "",
            "zone_name": _zone_name(identity.zone),
            "node_id": fingerprint(identity.node),
            "person": require_actor().name if info else "",
            "csrf_token": (lambda: info.csrf) if info else (lambda: ""),
            "here": here,
            "other_language_url": url_for("portal.language", tag="en" if language() == "zh" else "zh", next=here),
        }

    @property
    def _base_url(self) -> str:
        return str(g.own_address)

    # --- search ----------------------------------------------------------------------------------------------------------------------------

    def search(self) -> str:
        """The search page, which is the way in."""
        actor, state = require_actor(), SearchState.read(request.args)
        page = self._site.reader.records(actor, question(state))
        words = Words({one.key: one.title for one in self._site.reader.organisations(actor)})
        return render_template(
            "search.html",
            query=state,
            total_text=_datasets(page.total),
            cards=[card(view, self._names) for view in page.items],
            facets=facets(state, page, words),
            chips=chips(state, words),
            sorts=[(value, _(message)) for value, message in SORTS.items() if state.text or value != "relevance"],
            pages=-(-page.total // PAGE_SIZE),
        )

    # --- one dataset -----------------------------------------------------------------------------------------------------------------------

    def dataset(self, slug: str) -> str:
        """A dataset's page."""
        actor, reader = require_actor(), self._site.reader
        view = reader.record(actor, slug)
        columns = self._columns(actor, view)
        page = DatasetPage(
            view, self._names, site_name=choose(self._site.identity.name), node=self._site.identity.node, base_url=self._base_url, columns=columns,
            counted=row_count(reader, actor, view) if "data" not in view.may else None,
        )  # fmt: skip
        tabs = self._tabs(view, page, columns)
        shown = request.args.get("view", "")
        if shown not in tabs:
            shown = next(iter(tabs), "")
        parts: dict[str, object] = {}
        if shown == "table":
            parts["table"] = preview.table(reader, actor, view.slug, columns, request.args)
        elif shown == "chart":
            parts["chart"] = preview.chart(reader, actor, view.slug, columns)
        versions, past = self._versions(actor, view)
        return render_template(
            "dataset.html",
            data=page,
            versions=versions,
            past=past,
            view=shown,
            tabs=[{"label": text, "url": url_for("portal.dataset", slug=view.slug, view=name), "current": name == shown} for name, text in tabs.items()],
            related=self._related(actor, view),
            **parts,
        )

    def _versions(self, actor: Actor, view: RecordView) -> tuple[list[VersionLine], PastPage | None]:
        """What the record was before, and the version that the address asks for."""
        asked = request.args.get("version", "")
        if not asked:
            found = past_versions(self._site.reader, actor, view, most=VERSIONS) if view.version > 1 else []
            return (version_lines(view, found) if len(found) > 1 else []), None
        if not asked.isascii() or not asked.isdecimal() or len(asked) > 9:
            raise NotFoundError
        return [], PastPage(view, past_version(self._site.reader, actor, view, int(asked)))

    def _columns(self, actor: Actor, view: RecordView) -> "list[Column]":
        """The row columns that the actor may see; none when the rows are restricted or there are none."""
        if "data" not in view.may:
            return []
        try:
            return self._site.reader.columns(actor, view.id)
        except (DeniedError, NotFoundError):
            return []

    def _tabs(self, view: RecordView, page: DatasetPage, columns: "list[Column]") -> dict[str, str]:
        tabs = {}
        if page.bbox:
            tabs["map"] = _("Map")
        if columns:
            tabs["table"] = _("Table")
        if view.kind == "series" and preview.chartable(columns):
            tabs["chart"] = _("Chart")
        return tabs

    def _related(self, actor: Actor, view: RecordView) -> list[Card]:
        """Others of the same first theme and place."""
        themes, territory = view.fields.get("theme") or [], view.fields.get("territory") or []
        if not themes:
            return []
        filters = {"theme": themes[:1], **({"territory": territory[:1]} if territory else {})}
        found = self._site.reader.records(actor, RecordQuery(filters=filters, sort="-modified", limit=RELATED + 1))
        return [card(one, self._names) for one in found.items if one.id != view.id][:RELATED]

    def receipt(self, slug: str) -> Response:
        """The offline proof of a record, with just the fields that this actor may see."""
        view = self._site.reader.record(require_actor(), slug)
        body = self._site.exchange.receipt(view.id, view.fields)
        response = Response(body, mimetype="application/json")
        response.headers["Content-Disposition"] = f'attachment; filename="{view.slug}.receipt.json"'
        return response

    def file(self, slug: str, resource: str) -> Response:
        """A file of a record, streamed; one range of bytes when it is asked for."""
        found = self._site.reader.object(require_actor(), slug, resource)
        wanted = request.range.range_for_length(found.size) if request.range else None
        start, end = wanted or (0, found.size)
        response = Response(found.open(start, end), 206 if wanted else 200, mimetype=found.media_type or "application/octet-stream")
        response.headers["Content-Length"] = str(end - start)
        response.headers["Accept-Ranges"] = "bytes"
        response.headers["Content-Security-Policy"] = DATA_POLICY  # a page among the files is no page of the site
        response.headers["ETag"] = f'"{found.sha256}"'
        if wanted:
            response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.size}"
        ending = mimetypes.guess_extension(found.media_type or "") or ""
        response.headers.set("Content-Disposition", "attachment", filename=found.name if "." in found.name else found.name + ending)
        return response

    # --- the site itself -------------------------------------------------------------------------------------------------------------------

    def about(self) -> str:
        """Who runs this node, and what it holds for this actor."""
        identity, actor = self._site.identity, require_actor()
        organisations = self._site.reader.organisations(actor)
        total = self._site.reader.records(actor, RecordQuery(limit=0)).total
        facts = [
            (_("Name"), choose(identity.name)),
            (_("Level"), label("levels", identity.level, language()) if identity.level else ""),
            (_("Division"), identity.division or ""),
            (_("Network zone"), _zone_name(identity.zone)),
            (_("Node id"), identity.node),
            (_("Fingerprint"), fingerprint(identity.node)),
        ]
        return render_template(
            "about.html",
            identity=[(name, value) for name, value in facts if value],
            total_text=_datasets(total),
            providers=[(choose(one.title, default=one.key), f"{one.count:,}", url_for("portal.search", org=one.key)) for one in organisations],
        )

    def interfaces(self) -> str:
        """The machine interfaces, each with an address and a call to copy."""
        base = self._base_url
        apis = [
            (
                "CKAN Action API",
                _("Search and read metadata and tables; existing CKAN clients work unchanged."),
                f"{base}/api/3/action/package_search",
                f"curl '{base}/api/3/action/package_search?q=%E5%9C%9F%E5%9C%B0&rows=5'",
            ),
            ("OGC API Features", _("Features for QGIS, GDAL and browsers, as GeoJSON."), f"{base}/ogc/", f"ogrinfo OAPIF:{base}/ogc"),
            (
                "CSW 2.0.2",
                _("Catalogue search for GIS clients; ISO 19139 and Dublin Core."),
                f"{base}/csw?service=CSW&version=2.0.2&request=GetCapabilities",
                f"python -c \"from owslib.csw import CatalogueServiceWeb as C; c = C('{base}/csw'); c.getrecords2(maxrecords=5); print(list(c.records))\"",
            ),
        ]
        return render_template("interfaces.html", apis=[{"name": name, "what": what, "url": url, "snippet": snippet} for name, what, url, snippet in apis])

    # --- the visitor -----------------------------------------------------------------------------------------------------------------------

    def language(self, tag: str) -> BaseResponse:
        """Keeps the visitor's language in a cookie and goes back."""
        if tag not in ("zh", "en"):
            abort(404)
        response = redirect(_back(request.args.get("next")))
        response.set_cookie(LANGUAGE_COOKIE, tag, max_age=YEAR, samesite="Lax", secure=request.is_secure)
        return response

    def sign_in(self) -> BaseResponse | str:
        """Signs a person in by token or by name and password."""
        error, goal = "", _back(request.values.get("next"))
        if request.method == "POST":
            desk: SignIn = current_app.extensions["terrace.sign_in"]
            token = request.form.get("token", "").strip()
            try:
                secret, _session = (
                    desk.by_token(request, token) if token else desk.by_password(request, request.form.get("login", ""), request.form.get("password", ""))
                )
            except SignInError as refused:
                error = local_text(refused.zh, refused.en)
            else:
                response = redirect(goal, 303)
                set_cookie(response, request, secret)
                return response
        return make_response(render_template("signin.html", error=error, next=goal), 401 if error else 200)

    def sign_out(self) -> BaseResponse:
        """Ends the session."""
        desk: SignIn = current_app.extensions["terrace.sign_in"]
        desk.sign_out(request)
        response = redirect(url_for("portal.search"), 303)
        set_cookie(response, request, "")
        return response


def _zone_name(zone: str) -> str:
    names = {"internet": _("internet"), "government": _("government network"), "business": _("business network"), "classified": _("classified network")}
    return names.get(zone, zone)


def _back(wanted: str | None) -> str:
    """Where to go back to: a path of this site, never another host."""
    if not wanted or not wanted.startswith("/") or wanted.startswith(("//", "/\\")) or any(ord(one) < 0x20 for one in wanted):
        return url_for("portal.search")  # a control character: browsers drop some, and a header cannot hold them
    return wanted
