"""Headers for browsers and caches: a Content Security Policy (CSP) for each kind of page, and
Cache-Control.

JSON is safe without a CSP, because browsers may not read it as another type. Its CSP is for a
browser that shows it as a document, in a frame or by its address.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

NOTHING = "default-src 'none'; frame-ancestors 'none'"
"""For data, which loads nothing and may not be in a frame. It replaces X-Frame-Options there, so
that it adds no header: each takes 1 µs, a list page 118 µs."""

_OWN = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; script-src 'self'"
)
PAGE = _OWN
"""For pages of the API: only files of this server, and no inline scripts. Swagger UI and the pages
of REST framework have inline styles."""

ADMIN = f"{_OWN} 'unsafe-eval'"
"""For the admin. Its theme has code in attributes, which Alpine.js compiles; this needs
`unsafe-eval`. Inline scripts stay forbidden, so that a script in a name cannot run."""

UNSTORED = "private, no-store"
"""Cache-Control of an answer that sets none. Without it, a cache may store a 200 or a 404 for a
time that it chooses, and share an answer that needed a cookie (RFC 9111, sections 3 and 4.2.2).
Answers with an ETag, and files with a hash in their names, set their own Cache-Control."""

NO_DEVICES = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"

Answering = Callable[[HttpRequest], HttpResponseBase]


def protect(get_response: Answering) -> Answering:
    """Middleware that adds these headers to answers that do not set them.

    It replaces Django's middleware for X-Frame-Options, which it adds to pages too.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        headers = response.headers
        headers.setdefault("Cache-Control", UNSTORED)
        if not headers.get("Content-Type", "").startswith("text/html"):
            headers.setdefault("Content-Security-Policy", NOTHING)
            return response
        headers["X-Frame-Options"] = "DENY"
        policy = ADMIN if request.path_info.startswith("/admin/") else PAGE
        headers.setdefault("Content-Security-Policy", policy)
        headers.setdefault("Permissions-Policy", NO_DEVICES)
        return response

    return middleware
