"""Refusals as HTTP: RFC 9457 problem details. The only place that knows statuses.

docs/reference/problems.md explains each code; tests/http/test_problems.py compares both.
"""

import logging
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import msgspec
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers

from larder.core import money
from larder.core.errors import (
    IDEMPOTENCY_KEY,
    AlreadyTaken,
    Conflict,
    DomainError,
    Fault,
    FieldRefused,
    Forbidden,
    Invalid,
    InvalidInput,
    KeyReused,
    Limited,
    Missing,
    PreconditionRequired,
    StaleVersion,
    Unauthenticated,
    Unavailable,
    Unusable,
)
from larder.core.ids import CORRELATION_ID
from larder.db import database
from larder.db.database import sqlstate
from larder.db.errors import CommitUnknown
from larder.db.feed import SinceExpired
from larder.http import preconditions
from larder.http.addresses import base_url
from larder.http.api_headers import KEY_HEADER, SAFE, quota_headers
from larder.http.bodies import BodyTooLarge, LengthRequired
from larder.http.negotiation import API, PROBLEM, prefers_page
from larder.http.refusals import (
    BodyTimeout,
    HttpRefusal,
    MalformedJson,
    MethodNotAllowed,
    NotAcceptable,
    NotAuthenticated,
    UnsupportedMediaType,
)
from larder.identity.services.attempts import RateLimited
from larder.identity.services.quotas import QuotaExceeded

logger = logging.getLogger(__name__)

PAGES = "/api/v1/problems/"
"""The page of this installation that explains each code: a problem's `type` is its absolute URL.
Clients compare `code`, not `type`."""


class Kind(NamedTuple):
    """The status and the title of a code. `repeatable` is the status if a repeat of the request has
    no second effect; None if it is the same."""

    status: int
    title: str
    repeatable: int | None = None


STATUSES: dict[type[DomainError], int] = {
    MethodNotAllowed: 405,
    NotAcceptable: 406,
    BodyTimeout: 408,
    SinceExpired: 410,
    LengthRequired: 411,
    StaleVersion: 412,
    BodyTooLarge: 413,
    UnsupportedMediaType: 415,
    PreconditionRequired: 428,
    MalformedJson: 400,
    NotAuthenticated: 401,
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    Missing: 404,
    Conflict: 409,
    Unusable: 422,
    Limited: 429,
    Unavailable: 503,
}
"""The status of each kind of refusal, and of those that HTTP has a status of their own for."""

OTHERS = {
    "bad_request": Kind(400, "The request could not be understood."),
    "bad_host": Kind(400, "The Host header does not name a host of this shop."),
    "unknown_field": Kind(400, "The body has unknown fields."),
    "csrf_failed": Kind(403, "The form has no valid CSRF token, or comes from another site."),
    "username_taken": Kind(409, "The username is taken."),
    "email_taken": Kind(409, "The email address is in use."),
    "sku_taken": Kind(409, "The SKU is in use."),
    "name_taken": Kind(409, "Another product has this name."),
    "internal_error": Kind(500, "The server failed; no partial change was made."),
    "outcome_unknown": Kind(500, "It is not known whether the change was made.", repeatable=503),
    "database_unavailable": Kind(503, "The database cannot be reached; try again shortly."),
}
"""The codes that no class declares."""


@cache
def kind_of(code: str) -> Kind:
    """Returns the status and the title of a code, which its class declares."""
    if code in OTHERS:
        return OTHERS[code]
    declared = DomainError.declared[code]
    status = next(STATUSES[base] for base in declared.__mro__ if base in STATUSES)
    return Kind(status, f"{first_sentence(declared)}.")


def problem(
    request: HttpRequest,
    code: str,
    *,
    detail: str = "",
    headers: dict[str, str] | None = None,
    **extensions: Any,
) -> HttpResponse:
    """Returns the answer for a code, as a page for a client that prefers one. `extensions` become
    members of the problem object; a `status` among them replaces that of the code."""
    kind = kind_of(code)
    body: dict[str, Any] = {
        "type": f"{base_url(request)}{PAGES}{code}",
        "title": kind.title,
        "status": kind.status,
        "code": code,
        "detail": detail or kind.title,
        "correlation_id": CORRELATION_ID.get(),
        **extensions,
    }
    is_page = prefers_page(request)
    answer = HttpResponse(
        render_to_string("api/failed.html", body) if is_page else msgspec.json.encode(body),
        status=body["status"],
        content_type="text/html; charset=utf-8" if is_page else PROBLEM,
        headers=STANDING_HEADERS.get(body["status"], {}) | (headers or {}),
    )
    if not request.path.startswith(API):
        patch_vary_headers(answer, ["Accept"])
    return answer


STANDING_HEADERS = {
    401: {"WWW-Authenticate": 'Bearer realm="larder"'},
    503: {"Retry-After": "1"},
}
"""Headers that RFC 9110 requires with a status, for all its codes."""


def from_domain(request: HttpRequest, error: DomainError) -> HttpResponse:
    """Returns the answer for a refusal of a use case."""
    code, members = error.code, _members(error)
    detail = _detail(request, error)
    if isinstance(error, InvalidInput):
        first, *others = members["errors"]
        detail = f"{first['pointer'] or 'The body'}: {first['detail']}"
        detail += f" errors has {len(others)} more." if others else ""
        if {fault["code"] for fault in members["errors"]} == {"unknown_field"}:
            code = "unknown_field"
    return problem(request, code, detail=detail, headers=headers_of(error), **members)


def _members(error: DomainError) -> dict[str, Any]:
    """Returns the members of a refusal and of its others. Their lines and faults are added up."""
    members: dict[str, Any] = {}
    for refusal in error.all:
        errors = [
            {"pointer": fault.where, "code": fault.code, "detail": fault.detail}
            for fault in _faults(refusal)
        ]
        listed = {"errors": errors} if errors else {}
        for name, value in (_shown(refusal.extensions) | listed).items():
            present = members.setdefault(name, value)
            if isinstance(value, list) and present is not value:
                members[name] = [*present, *value]
    return members


def _faults(error: DomainError) -> list[Fault]:
    if isinstance(error, InvalidInput):
        return error.faults
    if isinstance(error, FieldRefused):
        where, detail = f"/{error.name}", kind_of(error.code).title
        is_taken = isinstance(error, AlreadyTaken)
        return [Fault(where, "taken", detail) if is_taken else Fault(where, error.code, detail)]
    return [_reused(what) for what in error.what] if isinstance(error, KeyReused) else []


def _reused(what: str) -> Fault:
    where = KEY_HEADER if what == IDEMPOTENCY_KEY else f"/{what}"
    return Fault(where, "reused", f"The {what} was used for a different request; send a new one.")


def _detail(request: HttpRequest, error: DomainError) -> str:
    """Returns what is known besides the title of the code; empty if nothing is."""
    if isinstance(error, StaleVersion):
        return preconditions.unmet(request)
    if isinstance(error, QuotaExceeded):
        rate = error.remaining.rate
        wait = f"Try again in {error.retry_after} s."
        return f"The quota {error.remaining.name} allows {rate.times} in {rate.seconds} s. {wait}"
    if isinstance(error, RateLimited):
        return f"Too many attempts. Try again in {error.retry_after} s."
    return error.detail if isinstance(error, HttpRefusal) else ""


def headers_of(error: DomainError) -> dict[str, str]:
    """Returns the headers of a refusal: Retry-After, RateLimit, WWW-Authenticate."""
    standing = STANDING_HEADERS.get(kind_of(error.code).status, {})
    wait = getattr(error, "retry_after", None)
    if wait is not None:
        standing = standing | {"Retry-After": str(wait)}
    return standing | (quota_headers(error.remaining) if isinstance(error, QuotaExceeded) else {})


def mark(page: HttpResponse, error: DomainError) -> HttpResponse:
    """Gives a page that explains a refusal its status and headers. Returns the page."""
    page.status_code = kind_of(error.code).status
    for name, value in headers_of(error).items():
        page.headers[name] = value
    return page


def _shown(value: Any) -> Any:
    """Returns amounts of money as the API writes them, other values unchanged."""
    if isinstance(value, Decimal):
        return money.text(value)
    if isinstance(value, dict):
        return {name: _shown(member) for name, member in value.items()}
    return [_shown(member) for member in value] if isinstance(value, list) else value


def handle(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Returns the answer for an error of a view; None for an unknown error, which the caller
    raises again."""
    if isinstance(error, DomainError):
        return from_domain(request, error)
    if isinstance(error, Http404):
        return problem(request, "not_found")
    return from_database(request, error) or from_django(request, error)


def from_database(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Returns 503 if the database is away or busy, `outcome_unknown` after a commit of this request
    that was or may have been made, None for any other error."""
    busy = sqlstate(error) in _BUSY
    if not (busy or isinstance(error, OperationalError | InterfaceError)):
        return None
    if request.method not in SAFE and (
        isinstance(error, CommitUnknown) or database.has_committed()
    ):
        return outcome_unknown(request, error)
    state, do = ("busy", _IF_BUSY) if busy else ("unavailable", _IF_AWAY)
    logger.warning("database %s: %s; %s", state, _first_line(error), do)
    return problem(request, "overloaded" if busy else "database_unavailable")


_IF_BUSY = "if this repeats, look for long transactions and locks in pg_stat_activity"
_IF_AWAY = "check that the database at DATABASE_URL answers and accepts writes"
_IF_UNKNOWN = "the change may have been made: look for it in the admin, by customer and time"
"""What operators do, in the log."""


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


def outcome_unknown(request: HttpRequest, error: Exception) -> HttpResponse:
    """Returns 503 with `Retry-After` if a repeat has no second effect; otherwise 500, because
    generic clients repeat after a 503."""
    logger.warning("outcome of a commit unknown: %s; %s", _first_line(error), _IF_UNKNOWN)
    code, is_safe = "outcome_unknown", getattr(error, "is_repeatable", None)
    happened = _LOST if isinstance(error, CommitUnknown) else _COMMITTED
    if is_safe or (is_safe is None and _is_repeatable(request)):
        detail = f"{happened} {_REPEAT}"
        return problem(request, code, detail=detail, status=kind_of(code).repeatable)
    return problem(request, code, detail=f"{happened} {_LOOK}")


_LOST = "The connection to the database was lost during the commit: the change may have been made."
_COMMITTED = "The server failed after a commit: the change was made, completely or in part."
_REPEAT = "Repeat the same request: it has no second effect."
_LOOK = "Check first: a repeat may make the change twice, or undo a change by another client."


def _is_repeatable(request: HttpRequest) -> bool:
    """Returns whether a repeat makes nothing twice, and undoes no later change by another client.
    v1's operations declare it (`repeats_with`, one of these headers is enough). `If-Match: *` names
    no version, so it does not count."""
    view = getattr(request.resolver_match, "func", None)
    operation = getattr(view, "operations", {}).get(request.method)
    if operation is None:
        return False
    sent = {header: request.META.get(header, "").strip() for header in operation.repeats_with}
    without = {"HTTP_IF_MATCH": preconditions.ANY}
    return not sent or any(value not in {"", without.get(header)} for header, value in sent.items())


_BUSY = frozenset({"55P03", "57014", "25P03", "25P04", "40P01", "40001", "53300"})
"""Lock not available; a statement, an idle transaction, a transaction timed out; deadlock;
serialization failure; too many clients."""


def from_django(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Returns the answer to an error that Django raises; None if it is not one."""
    if isinstance(error, RequestDataTooBig):
        return problem(request, "body_too_large")
    if isinstance(error, PermissionDenied):
        return problem(request, "not_staff")
    # A client that disconnects while it sends is not an error of the server.
    if isinstance(error, SuspiciousOperation | UnreadablePostError):
        return problem(request, "bad_request")
    return None


def first_sentence(documented: object) -> str:
    """Returns the first sentence of a docstring in one line, without its full stop; "" without one.

    Python 3.13 removes the indentation of docstrings when it compiles them, 3.11 and 3.12 do not.
    """
    return " ".join((documented.__doc__ or "").partition(".")[0].split())
