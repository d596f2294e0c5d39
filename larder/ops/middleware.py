"""Django's middleware for people with a browser, out of the way of apps.

Sessions, messages and CSRF protection cost 40 µs a request, a tenth of a product list, and mean
nothing to an app with a token. So they look at the paths of the admin only, and at those of the
earlier contracts that staff may open with the admin's cookie; never at /api/v1/.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.middleware.csrf import CsrfViewMiddleware


def for_browsers(path: str) -> bool:
    """Whether people come to this path with a browser and a cookie.

    >>> for_browsers("/admin/login/"), for_browsers("/api/products/"), for_browsers("/api/v1/me")
    (True, True, False)
    """
    if path.startswith("/admin/"):
        return True
    return _COOKIES_IN_API and path.startswith("/api/") and not path.startswith("/api/v1/")


_COOKIES_IN_API = not {"1", "2", "3"}.isdisjoint(settings.COMPAT)


class _ForBrowsers:
    """Passes every other path on untouched."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if for_browsers(request.path_info):
            return super().__call__(request)  # type: ignore[misc]
        return self.get_response(request)


class BrowserSession(_ForBrowsers, SessionMiddleware):
    """The session of the admin."""


class BrowserCsrf(_ForBrowsers, CsrfViewMiddleware):
    """CSRF protection where there is a session to protect."""

    def process_view(self, request: HttpRequest, *view: Any) -> Any:
        if for_browsers(request.path_info):
            return super().process_view(request, *view)
        return None


class BrowserAuthentication(_ForBrowsers, AuthenticationMiddleware):
    """`request.user` of the admin."""


class BrowserMessages(_ForBrowsers, MessageMiddleware):
    """The admin's messages."""
