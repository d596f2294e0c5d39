"""Django's handlers of errors outside of views: as pages for people, as problems for programs."""

import sys

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port

from larder.db import database
from larder.http.api_headers import SAFE
from larder.http.negotiation import ADMIN
from larder.http.problems import from_django, handle, outcome_unknown, problem


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400: a host that is not allowed, or a body or header that it cannot read."""
    if isinstance(exception, DisallowedHost):
        host, _ = split_domain_port(request.META.get("HTTP_HOST", "")[:255])
        missing = f"The setting ALLOWED_HOSTS does not have {host}."
        detail = missing if host else "The Host header is not a host name."
        return problem(request, "bad_host", detail=detail)
    return from_django(request, exception) or problem(request, "bad_request")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404: no such path, or no such object in the admin."""
    detail = "There is nothing at this path."
    if request.path.startswith("/api/v1/"):
        detail += " The paths of this API have no slash at the end; /api/v1/docs lists them."
    return problem(request, "not_found", detail=detail)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403, for programs: people see larder/staff/site.py. Only views of the
    admin have read the user."""
    user = getattr(request, "user", None) if request.path.startswith(ADMIN) else None
    is_staff = user is not None and user.is_staff
    detail = str(exception) or "Your account has no permission for this page."
    code = "permission_missing" if is_staff else "not_staff"
    return problem(request, code, detail=detail)


def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW: a form without the token of its page, or from another site."""
    return problem(request, "csrf_failed")


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: the database does not answer, or the server failed, perhaps after a
    commit. The log has the error with the correlation id.
    """
    error, answer = sys.exc_info()[1], None
    if isinstance(error, Exception):
        answer = handle(request, error)
        if answer is None and request.method not in SAFE and database.has_committed():
            answer = outcome_unknown(request, error)
    return answer or problem(request, "internal_error")
