"""What a browser may do with an answer: a Content Security Policy (CSP) for each kind of page;
and what caches may keep of it.

Data needs none to be safe, for it is sent as JSON that no browser may take for anything else;
its policy is for the browser that is made to show it all the same, in a frame or by its address.
"""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

NOTHING = "default-src 'none'; frame-ancestors 'none'"
"""Data: there is nothing to load, and nobody's frame to be in. It stands in the place of
X-Frame-Options there, so that it costs nothing: a header is 1 µs, a list page 118."""

_OWN = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; script-src 'self'"
)
PAGE = _OWN
"""Pages of the API: files of this server alone, no script in the page itself. Swagger UI and
the framework's pages carry styles in their elements."""

ADMIN = f"{_OWN} 'unsafe-eval'"
"""The admin's theme writes its behaviour into attributes, which Alpine.js makes functions of:
that is what `unsafe-eval` is for. Scripts in the page itself stay forbidden, so that what
somebody smuggled into a name cannot run."""

UNSTORED = "private, no-store"
"""Cache-Control of an answer that has none of its own. A cache may otherwise keep a 200 or a 404
for a time that it chooses, and share one that a cookie opened (RFC 9111, sections 3 and 4.2.2).
An answer with an ETag, and a file with a hash in its name, say themselves what may be kept."""

NO_DEVICES = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"

Answering = Callable[[HttpRequest], HttpResponseBase]


def protect(get_response: Answering) -> Answering:
    """Middleware that says so in every answer that does not say otherwise itself.

    In the place of Django's own for X-Frame-Options, which pages have as well.
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
