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


_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
}
_VARY = ("Authorization", "Cookie", "Accept", "Accept-Language")
_VARIES = ", ".join(_VARY)


def secure(response: Response, *, public: bool) -> Response:
    """Puts the headers on an answer; what a view set itself stays.

    Args:
        response: the answer.
        public: whether it was made for the anonymous public.
    """
    headers = response.headers
    there = {name.lower() for name, _ in headers}
    html = (response.mimetype or "") == "text/html"
    wanted = _ALWAYS | {"Content-Security-Policy": CONTENT_SECURITY_POLICY if html else DATA_POLICY}
    if request.is_secure:
        wanted["Strict-Transport-Security"] = "max-age=31536000"
    if public:
        wanted["Cache-Control"] = "no-cache"
    else:
        headers["Cache-Control"] = "private, no-store"
    if face_of(request.path) not in ("other", "peer"):
        if "vary" in there:
            response.vary.update(_VARY)
        else:
            wanted["Vary"] = _VARIES
    for name, value in wanted.items():
        if name.lower() not in there:
            headers.add(name, value)
    return response
