"""Which requests are addressed to this site, come by its own proxy, and were sent from its own pages.

Rules:

1. **Host.** A request names this site by the host of `base_url`, one of `listen.names`, the address in `listen.host`, or a loopback name; any other is
   refused (400). Without it a link in an answer could be made to lead elsewhere, and a foreign name that is pointed at this machine (DNS rebinding) could
   read what this network may. `/healthz` says nothing that depends on it and answers to any name.
2. **Proxy.** `X-Forwarded-For`, `-Proto` and `-Host` count only under `listen.behind_proxy` and from an address in `listen.proxies`; exactly one hop. There,
   who comes neither from a proxy nor from this machine is refused (403): HTTPS ends at the proxy, and what goes around it is plain.
3. **Page.** A changing request to the portal comes from a page of this site: signing in, too, since a foreign page could otherwise sign its visitor in as
   somebody else. `Sec-Fetch-Site` says so, else `Origin`, else `Referer`; none of them, or another site, is refused (403). A request with a token in a
   header is no form, and is let through.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Request
from werkzeug.middleware.proxy_fix import ProxyFix

from node.errors import CrossSiteError, ForeignHostError, NotByProxyError
from node.faces import face_of
from node.settings_model import Settings
from sync.loopback import is_loopback

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?", re.IGNORECASE)
#: Paths that answer under any name and to anyone: they say the same to all.
_ANYWHERE = frozenset({"/healthz"})
_DEFAULT_PORTS = {"http": 80, "https": 443}


class OwnAddresses:
    """See the module. Made once for each application."""

    def __init__(self, settings: Settings) -> None:
        base = urlsplit(settings.base_url) if settings.base_url else None
        self._names = {name.lower() for name in (settings.listen.host, *settings.listen.names)}
        if base is not None and base.hostname:
            self._names.add(base.hostname)
        self._origin = _origin(settings.base_url)
        self._networks = [ipaddress.ip_network(each, strict=False) for each in settings.listen.proxies]
        self._behind_proxy = settings.listen.behind_proxy

    def require_own(self, request: Request) -> None:
        """Refuses a request that is not addressed to this site (rule 1).

        Raises:
            ForeignHostError: it names another host.
        """
        if not self.is_own(request.host) and request.path not in _ANYWHERE:
            raise ForeignHostError

    def is_own(self, host: str) -> bool:
        """Whether a Host header (name and maybe port) names this site."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found.group(1).strip("[]").rstrip(".").lower()
        return name in self._names or is_loopback(name)

    def require_proxy(self, request: Request) -> None:
        """Refuses a request that goes around the proxy (rule 2).

        Raises:
            NotByProxyError: it comes from neither a proxy nor this machine.
        """
        came_from = request.environ.get("terrace.came_from")
        if came_from is not None and request.path not in _ANYWHERE and not is_loopback(came_from):
            raise NotByProxyError

    def wrap(self, application: "WSGIApplication") -> "WSGIApplication":
        """The application with forwarded headers counted where rule 2 says so."""
        if not self._behind_proxy:
            return application
        fixed = ProxyFix(application, x_for=1, x_proto=1, x_host=1)

        def choose(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
            address = str(environ.get("REMOTE_ADDR") or "")
            if self._is_proxy(address):
                return fixed(environ, start_response)
            environ["terrace.came_from"] = address
            return application(environ, start_response)

        return choose

    def _is_proxy(self, address: str) -> bool:
        try:
            asked = ipaddress.ip_address(address)
        except ValueError:
            return False
        asked = getattr(asked, "ipv4_mapped", None) or asked
        return any(asked in network for network in self._networks)

    def require_own_page(self, request: Request, *, by_header: bool) -> None:
        """Refuses a changing request to the portal that no page of this site has sent (rule 3).

        Args:
            request: addressed to this site (`require_own`).
            by_header: who sends it is told by a token in a header, which no foreign page can add.

        Raises:
            CrossSiteError: it comes from elsewhere, or does not say from where.
        """
        if request.method in SAFE_METHODS or by_header or face_of(request.path) != "portal":
            return
        told = request.headers.get("Sec-Fetch-Site")
        if told is not None:
            own = told in ("same-origin", "none")
        else:
            source = _origin(request.headers.get("Origin") or request.headers.get("Referer"))
            own = source is not None and source in (self._origin, _origin(request.host_url))
        if not own:
            raise CrossSiteError


def _origin(url: str | None) -> tuple[str, str, int] | None:
    """Scheme, host and port of an address; None where it has none (`Origin: null`)."""
    try:
        parts = urlsplit(url or "")
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname and port else None
