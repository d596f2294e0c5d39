"""Django's middleware for browsers, limited to the paths that browsers use.

Sessions, messages and CSRF protection take 40 µs for a request. They run on the paths of the admin,
and of the earlier contracts that staff may open with the admin's cookie; never on /api/v1/.
"""

import re
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.response import HttpResponseBase, HttpResponsePermanentRedirect
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.utils import translation
from django.utils.translation import get_language_from_request

from larder.core.limits import MAX_DISCARDED_BYTES, MAX_OPEN_BODY_BYTES, MAX_OPEN_FORM_FIELDS
from larder.http import admin_session
from larder.http.bodies import declared_length
from larder.http.negotiation import ADMIN

MAX_FORM_BYTES = 256 * 1024
"""Bytes of an admin form without files: MAX_FORM_FIELDS fields need 200 KB."""


def for_browsers(path: str) -> bool:
    """Returns whether this path is used with a browser and a cookie: the admin, and the contracts 1
    to 3 while the shop answers one of them.

    >>> for_browsers("/admin/login/"), for_browsers("/api/v1/me")
    (True, False)
    """
    if path.startswith(ADMIN):
        return True
    return _COOKIES_IN_API and path.startswith("/api/") and not path.startswith("/api/v1/")


_COOKIES_IN_API = not {"1", "2", "3"}.isdisjoint(settings.COMPAT)

LOG_IN = "/admin/login/"


def _refuse_long_form(request: HttpRequest) -> HttpResponseBase | None:
    """Refuses a body of the admin that is longer, or has more fields, than its sender may send:
    raises RequestDataTooBig, or returns a redirect to the log-in for what only staff may send. Runs
    before the CSRF protection, which parses the whole form."""
    length = declared_length(request.META)
    is_form = request.content_type == "application/x-www-form-urlencoded"
    if length <= MAX_OPEN_BODY_BYTES and not (
        is_form and request.body.count(b"&") >= MAX_OPEN_FORM_FIELDS
    ):
        return None
    is_file = request.content_type == "multipart/form-data"
    if request.path_info == LOG_IN or length > (MAX_DISCARDED_BYTES if is_file else MAX_FORM_BYTES):
        raise RequestDataTooBig
    if request.user.is_active and request.user.is_staff:
        return None
    admin_session.add_end_message(request)
    return redirect_to_login(request.get_full_path(), LOG_IN)


SESSION_KEY = re.compile("[a-z0-9]{32}")
"""The keys that Django makes (SessionBase)."""


def _drop_forged_session(request: HttpRequest) -> None:
    """Removes a session cookie whose key Django did not make. It could contain a NUL, for which the
    database raises an error."""
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if key is not None and not SESSION_KEY.fullmatch(key):
        del request.COOKIES[settings.SESSION_COOKIE_NAME]


class ForBrowsers:
    """Session, CSRF protection, `request.user` and messages, in this order, on the paths of
    browsers, and the language of the admin's pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._others = get_response
        self._csrf = CsrfViewMiddleware(MessageMiddleware(get_response))
        self._browsers = SessionMiddleware(self._csrf)

    def __call__(self, request: HttpRequest) -> Any:
        if not for_browsers(request.path_info):
            return self._others(request)
        _drop_forged_session(request)
        admin_session.attach_user(request)
        if not request.path_info.startswith(ADMIN):
            return self._browsers(request)
        with translation.override(get_language_from_request(request)):
            return self._browsers(request)

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponseBase | None:
        """Runs Django's CSRF protection, which refuses a form without its token."""
        if not for_browsers(request.path_info):
            return None
        refused = _refuse_long_form(request) if request.path_info.startswith(ADMIN) else None
        if refused is not None:
            return refused
        return self._csrf.process_view(request, *view)


PROBES = frozenset({"/livez", "/readyz", "/metrics"})
"""Paths that load balancers, orchestrators and Prometheus request by IP address instead of name."""


class Common(CommonMiddleware):
    """Django's middleware, which does not check the Host of probes: a load balancer sends the IP
    address of the process. Their answers do not contain it."""

    def process_request(self, request: HttpRequest) -> HttpResponsePermanentRedirect | None:
        """Runs Django's check, which refuses a Host that is not allowed."""
        return None if request.path_info in PROBES else super().process_request(request)
