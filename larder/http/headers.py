"""Headers for browsers and caches: a Content Security Policy (CSP) for each kind of page, and
Cache-Control.

The CSP of JSON is for a browser that shows it as a document, in a frame or by its address.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

NOTHING = "default-src 'none'; frame-ancestors 'none'"
"""For data, which loads nothing and may not be in a frame."""

PAGE = (
    "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; script-src 'self'"
)
"""For pages of the API: only files of this server, and no inline scripts. The reader of the API's
document and the pages of REST framework have inline styles."""

_PICTURES = "img-src 'self' data:"


def admin_policy(pictures: str) -> str:
    """Returns the policy of the admin. Its theme has code in attributes, which Alpine.js compiles;
    this needs `unsafe-eval`. Inline scripts stay forbidden, so that a script in a name cannot run.
    It shows pictures of products from PICTURES_URL.

    >>> "img-src 'self' data: https://cdn.example.com; " in admin_policy("https://cdn.example.com/p")
    True
    """
    address = urlsplit(pictures)
    origin = f" {address.scheme}://{address.netloc}" if address.netloc else ""
    return f"{PAGE.replace(_PICTURES, _PICTURES + origin)} 'unsafe-eval'"


UNSTORED = "private, no-store"
"""Cache-Control of an answer that sets none. Without it, a cache may store and share the answer
(RFC 9111, sections 3 and 4.2.2)."""

NO_DEVICES = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"

Answering = Callable[[HttpRequest], HttpResponseBase]


def protect(get_response: Answering) -> Answering:
    """Middleware that adds these headers, and X-Frame-Options, to answers that do not set them."""
    of_admin = admin_policy(settings.PICTURES_URL)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        headers = response.headers
        headers.setdefault("Cache-Control", UNSTORED)
        if not headers.get("Content-Type", "").startswith("text/html"):
            headers.setdefault("Content-Security-Policy", NOTHING)
            return response
        headers["X-Frame-Options"] = "DENY"
        policy = of_admin if request.path_info.startswith("/admin/") else PAGE
        headers.setdefault("Content-Security-Policy", policy)
        headers.setdefault("Permissions-Policy", NO_DEVICES)
        return response

    return middleware
