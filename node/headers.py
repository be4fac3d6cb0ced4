"""Security headers of every answer, in one hook (portal.md has the content security policy).

* An answer to anyone but the public is `private, no-store`: no cache in between may show it to somebody else.
* `Vary` names what the answer depends on besides the URL.
* `Strict-Transport-Security` only where the site is reached by HTTPS.
"""

from flask import Response, request

from node.faces import face_of

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; worker-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
#: Answers that are data, not pages: nothing in them may run.
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"


def secure(response: Response, *, public: bool) -> Response:
    """Puts the headers on an answer; what a view set itself stays.

    Args:
        response: the answer.
        public: whether it was made for the anonymous public.
    """
    headers = response.headers
    html = (response.mimetype or "") == "text/html"
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY if html else DATA_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "geolocation=(), camera=(), microphone=()")
    if request.is_secure:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if not public:
        headers["Cache-Control"] = "private, no-store"
    elif "Cache-Control" not in headers:
        headers["Cache-Control"] = "no-cache"
    if face_of(request.path) not in ("other", "peer"):
        for name in ("Authorization", "Cookie", "Accept", "Accept-Language"):
            response.vary.add(name)
    return response
