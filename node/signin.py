"""Who sends a request: by token, by session cookie, or nobody.

Rules:

1. A token comes as `Authorization: Bearer T`, as CKAN's bare `Authorization: T`, as `X-CKAN-API-Key: T`, or as the password of HTTP Basic (GIS clients).
   A token that does not count is an error, never the anonymous public: a client would not notice that it sees less.
2. A session is a cookie (`HttpOnly`, `SameSite=Lax`, `Secure` under HTTPS). One that has ended is the anonymous public: pages go on.
3. Where both come, the token counts and the cookie is not looked at.
4. A changing request by cookie must carry the session's own token (`csrf_token` in a form, `X-CSRF-Token` in a header); one by token need not, since no
   browser adds that by itself. A changing request to the portal comes from a page of this site (`own_addresses`), signing in included.
5. Attempts to sign in are limited for each address, wrong tokens included.
"""

import base64
import binascii
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Request
from werkzeug.wrappers import Response

from catalog.accounts import Session
from catalog.errors import SignInError
from node.actors import public_actor
from node.errors import CsrfError
from node.own_addresses import SAFE_METHODS
from node.rate_limit import RateLimit
from policies.actor import Actor

if TYPE_CHECKING:
    from node.site import Site

COOKIE = "terrace_session"


@dataclass(frozen=True)
class Who:
    """Result of looking at a request: the actor, and the session behind a cookie."""

    actor: Actor
    session: Session | None = None


class SignIn:
    """See the module. One for each application."""

    def __init__(self, site: "Site") -> None:
        self._site = site
        self._public = public_actor(site.identity)
        self._limit = RateLimit(site.settings.limits.sign_in_per_minute)

    def identify(self, request: Request) -> Who:
        """Who sends this request.

        Raises:
            SignInError: a token that does not count.
            TooManyAttemptsError: too many of those from this address.
        """
        token = token_of(request)
        if token is not None:
            return Who(self._by_token(token, request))
        secret = request.cookies.get(COOKIE)
        session = self._site.accounts.session(secret) if secret else None
        if session is None:
            return Who(self._public)
        return Who(session.account.actor(self._site.identity), session)

    def _by_token(self, token: str, request: Request) -> Actor:
        with self._site.store.read() as conn:
            actor = self._site.accounts.actor_for_token(conn, token)
        if actor is None:
            self._site.metrics.add("terrace_sign_in_failures_total")
            self._limit.attempt(address_of(request))
            raise no_credential()
        return actor

    def require_csrf(self, request: Request, who: Who) -> None:
        """Refuses a changing request by cookie without the session's own token (rule 4)."""
        if who.session is None or request.method in SAFE_METHODS:
            return
        given = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token") or ""
        if not secrets.compare_digest(given.encode(), who.session.csrf.encode()):
            raise CsrfError

    def by_password(self, request: Request, login: str, password: str) -> tuple[str, Session]:
        """Signs a person in; the secret goes to `set_cookie`.

        Raises:
            SignInError: refused.
            TooManyAttemptsError: too many attempts from this address.
        """
        self._limit.attempt(address_of(request))
        try:
            return self._site.accounts.sign_in(login, password)
        except SignInError:
            self._site.metrics.add("terrace_sign_in_failures_total")
            raise

    def by_token(self, request: Request, token: str) -> tuple[str, Session]:
        """Opens a session for whoever shows a token; raises as `by_password`."""
        self._limit.attempt(address_of(request))
        opened = self._site.accounts.session_for_token(token.strip())
        if opened is None:
            self._site.metrics.add("terrace_sign_in_failures_total")
            raise no_credential()
        return opened

    def sign_out(self, request: Request) -> None:
        """Ends the session of a request's cookie."""
        secret = request.cookies.get(COOKIE)
        if secret:
            self._site.accounts.sign_out(secret)


def set_cookie(response: Response, request: Request, secret: str) -> None:
    """Puts the session's secret into a cookie; an empty one takes it away."""
    if secret:
        response.set_cookie(COOKIE, secret, httponly=True, samesite="Lax", secure=request.is_secure, path="/")
    else:
        response.delete_cookie(COOKIE, httponly=True, samesite="Lax", secure=request.is_secure, path="/")


def no_credential() -> SignInError:
    """The error for a credential that does not count; never says why."""
    return SignInError(
        zh="登录凭证无效或已过期。请重新登录，或向管理员索取新的令牌。",
        en="The credential is not valid or has expired. Sign in again, or ask an administrator for a new token.",
    )


def token_of(request: Request) -> str | None:
    """The token that a request carries, however it carries it; None when it carries none."""
    header = request.headers.get("Authorization", "").strip()
    if header:
        scheme, _, rest = header.partition(" ")
        if not rest:
            return scheme
        if scheme.lower() == "bearer":
            return rest.strip()
        if scheme.lower() == "basic":
            return _basic_password(rest)
        return header
    return request.headers.get("X-CKAN-API-Key", "").strip() or None


def is_form(request: Request) -> bool:
    """Whether a page could have sent this: it carries no token, or one that browsers keep and add by themselves (HTTP Basic)."""
    return token_of(request) is None or request.headers.get("Authorization", "").strip().lower().startswith("basic")


def _basic_password(encoded: str) -> str:
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return text.partition(":")[2]


def address_of(request: Request) -> str:
    """The client's address, as far as it is known."""
    return request.remote_addr or "-"
