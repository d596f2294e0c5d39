"""Refusals as HTTP: RFC 9457 problem details. The only place that knows statuses.

docs/reference/problems.md explains each code; tests/http/test_problems.py compares both.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError

from larder.core import commits, money
from larder.core.errors import (
    IDEMPOTENCY_KEY,
    AlreadyTaken,
    DomainError,
    Fault,
    FieldRefused,
    InvalidInput,
    KeyReused,
    Overloaded,
    StaleVersion,
)
from larder.core.ids import CORRELATION_ID
from larder.db.database import sqlstate
from larder.db.postgresql.errors import CommitUnknown
from larder.http import preconditions
from larder.http.addresses import base_url
from larder.http.idempotency import HEADER
from larder.http.positions import SAFE
from larder.http.quotas import quota_headers
from larder.http.refusals import HttpRefusal
from larder.identity.services.quotas import QuotaExceeded
from larder.identity.services.rates import RateLimited

logger = logging.getLogger(__name__)

PAGES = "/api/v1/problems/"
"""The page of this installation that explains each code. A problem's `type` is its absolute URL: it
can be opened where the problem occurred, needs no web site of the project, and explains the version
that answered. Clients compare `code`, not `type`."""
RETRY_AFTER = 1
"""Retry-After of a 503, in seconds."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The status and the title of a code.

    `repeatable` is the status if a repeat of the request has no second effect; None if it is the
    same.
    """

    status: int
    title: str
    repeatable: int | None = None

    @property
    def statuses(self) -> list[int]:
        """All statuses of answers with this code."""
        return [self.status] if self.repeatable is None else [self.status, self.repeatable]


KINDS = {
    "bad_request": Kind(400, "The request could not be understood."),
    "bad_host": Kind(400, "The Host header does not name a host of this shop."),
    "malformed_json": Kind(400, "The body is not valid JSON."),
    "unknown_field": Kind(400, "The body has unknown fields."),
    "validation_error": Kind(400, "The request is invalid; errors lists every fault."),
    "signature_invalid": Kind(400, "The signature of the event is missing, wrong or too old."),
    "not_authenticated": Kind(
        401, "This operation requires a token: send Authorization: Bearer ACCESS_TOKEN."
    ),
    "invalid_credentials": Kind(401, "The username or the password is wrong."),
    "token_invalid": Kind(401, "The token or key is not valid for this operation; log in again."),
    "token_expired": Kind(401, "The token has expired; refresh it, or log in again."),
    "session_ended": Kind(401, "The session of the token has ended; log in again."),
    "wrong_password": Kind(403, "The current password is wrong."),
    "reset_token_invalid": Kind(403, "The token of the password reset is not valid."),
    "mail_off": Kind(403, "This shop does not send mail."),
    "not_staff": Kind(403, "This operation is for staff."),
    "own_rights": Kind(403, "You cannot change the rights of your own account."),
    "last_owner": Kind(409, "No account that may manage rights would be left."),
    "permission_missing": Kind(403, "Your account or key does not have the permission."),
    "second_factor_required": Kind(
        403,
        "A password alone does not give the rights of staff: use the admin, or an API key that "
        "names its permissions.",
    ),
    "csrf_failed": Kind(403, "The form has no valid CSRF token, or comes from another site."),
    "registration_closed": Kind(403, "Registration is closed."),
    "ordering_not_allowed": Kind(403, "This account may not place orders."),
    "not_found": Kind(404, "The object does not exist, or you have no access to it."),
    "provider_off": Kind(404, "This shop accepts no events of this payment provider."),
    "not_in_cart": Kind(404, "The product is not in the cart."),
    "method_not_allowed": Kind(405, "This path does not support this method."),
    "not_acceptable": Kind(406, "The response is JSON, which the Accept header excludes."),
    "body_timeout": Kind(408, "The body of the request did not arrive in time."),
    "insufficient_stock": Kind(409, "Not enough units are available."),
    "price_changed": Kind(409, "A price or the total is not the expected one."),
    "currency_changed": Kind(409, "The shop no longer sells in the order's currency."),
    "order_rule": Kind(409, "The order breaks a rule of the shop."),
    "count_below_committed": Kind(409, "The count is below the units committed to orders."),
    "stock_limit_exceeded": Kind(409, "The stock of a product would exceed its limit."),
    "username_taken": Kind(409, "The username is taken."),
    "email_taken": Kind(409, "The email address is in use."),
    "too_many_keys": Kind(409, "The account has the maximum number of keys."),
    "too_many_addresses": Kind(409, "The account has the maximum number of addresses."),
    "sku_taken": Kind(409, "The SKU is in use."),
    "name_taken": Kind(409, "Another product has this name."),
    "cart_empty": Kind(409, "The cart is empty."),
    "already_submitted": Kind(409, "The cart was already submitted."),
    "order_abandoned": Kind(409, "The order was abandoned and cannot be placed."),
    "cart_full": Kind(409, "The cart has reached the maximum size of an order."),
    "too_many_categories": Kind(409, "The shop has the maximum number of categories."),
    "category_in_use": Kind(409, "The category is not empty."),
    "since_expired": Kind(410, "since is from before the database was replaced; start without it."),
    "hold_expired": Kind(409, "The hold has expired and the units are no longer available."),
    "unpaid_limit": Kind(409, "The account has ordered too many units without paying."),
    "payment_required": Kind(409, "The order would cost more than is paid for it."),
    "invalid_transition": Kind(409, "The order's status does not allow this."),
    "conflicting_repeat": Kind(409, "This was already done, with different values."),
    "payment_conflict": Kind(409, "This movement is recorded already, with other values."),
    "too_many_payments": Kind(409, "The order has the maximum number of payment records."),
    "payment_unmatched": Kind(409, "The order is not placed yet; send the event again."),
    "return_exceeds_shipped": Kind(409, "The return has more units than were shipped."),
    "length_required": Kind(411, "The body requires a Content-Length header."),
    "precondition_failed": Kind(412, "The object has changed since it was read."),
    "precondition_required": Kind(
        428, "This was undone before: send If-Match or an Idempotency-Key."
    ),
    "body_too_large": Kind(413, "The body is too large."),
    "unsupported_media_type": Kind(415, "The media type of the body is not supported."),
    "unknown_product": Kind(422, "Some products do not exist or are no longer sold."),
    "unknown_category": Kind(422, "The category does not exist, or cannot be the parent."),
    "idempotency_key_reused": Kind(
        422, "The key or id was used for a different request; send a new one."
    ),
    "throttled": Kind(429, "Too many requests."),
    "quota_exceeded": Kind(429, "The account has used up a quota."),
    "internal_error": Kind(500, "The server failed; no partial change was made."),
    "outcome_unknown": Kind(500, "It is not known whether the change was made.", repeatable=503),
    "overloaded": Kind(503, "The server is busy; try again shortly."),
    "database_unavailable": Kind(503, "The database cannot be reached; try again shortly."),
}


def example(code: str) -> dict[str, Any]:
    """Returns the members that all problems of this code have, for the OpenAPI document."""
    kind = KINDS[code]
    return {
        "type": f"https://shop.example{PAGES}{code}",
        "title": kind.title,
        "status": kind.status,
        "code": code,
        "detail": kind.title,
        "correlation_id": "4c0f8a3e5f0d4d8f9b1f6d8a6f3a2b10",
    }


def problem(
    request: HttpRequest,
    code: str,
    *,
    detail: str = "",
    headers: dict[str, str] | None = None,
    **extensions: Any,
) -> HttpResponse:
    """Returns the answer for a code. `extensions` become members of the problem object; a `status`
    among them replaces that of the code."""
    kind = KINDS[code]
    body: dict[str, Any] = {
        "type": f"{base_url(request)}{PAGES}{code}",
        "title": kind.title,
        "status": kind.status,
        "code": code,
        "detail": detail or kind.title,
        "correlation_id": CORRELATION_ID.get(),
        **extensions,
    }
    return HttpResponse(
        msgspec.json.encode(body),
        status=body["status"],
        content_type="application/problem+json",
        headers=STANDING_HEADERS.get(body["status"], {}) | (headers or {}),
    )


STANDING_HEADERS = {
    401: {"WWW-Authenticate": 'Bearer realm="larder"'},
    503: {"Retry-After": str(RETRY_AFTER)},
}
"""Headers that RFC 9110 requires with a status, for all its codes."""


def from_domain(request: HttpRequest, error: DomainError) -> HttpResponse:
    """Returns the answer for a refusal of a use case."""
    if isinstance(error, InvalidInput):
        return _from_faults(request, error)
    if isinstance(error, RateLimited) and not isinstance(error, QuotaExceeded):
        return _throttled(request, error.retry_after)
    detail, headers = _detail(request, error), headers_of(error)
    return problem(request, error.code, detail=detail, headers=headers, **_members(error))


def _members(error: DomainError) -> dict[str, Any]:
    """Returns the members of a refusal and of its others. Their lines and faults are added up."""
    members: dict[str, Any] = {}
    for one in error.all:
        listed = {"errors": _errors(_faults(one))} if _faults(one) else {}
        for name, value in (_shown(one.extensions) | listed).items():
            present = members.setdefault(name, value)
            if isinstance(value, list) and present is not value:
                members[name] = [*present, *value]
    return members


def _faults(error: DomainError) -> list[Fault]:
    if isinstance(error, InvalidInput):
        return error.faults
    if isinstance(error, FieldRefused):
        where, detail = f"/{error.name}", KINDS[error.code].title
        is_taken = isinstance(error, AlreadyTaken)
        return [Fault(where, "taken", detail) if is_taken else Fault(where, error.code, detail)]
    return [_reused(what) for what in error.what] if isinstance(error, KeyReused) else []


def _reused(what: str) -> Fault:
    where = HEADER if what == IDEMPOTENCY_KEY else f"/{what}"
    return Fault(where, "reused", f"The {what} was used for a different request; send a new one.")


def _detail(request: HttpRequest, error: DomainError) -> str:
    """Returns what is known besides the title of the code; empty if nothing is."""
    if isinstance(error, StaleVersion):
        return preconditions.unmet(request)
    if isinstance(error, QuotaExceeded):
        times, seconds = error.remaining.rate
        wait = f"Try again in {error.retry_after} s."
        return f"The quota {error.remaining.name} allows {times} in {seconds} s. {wait}"
    return error.detail if isinstance(error, HttpRefusal) else ""


def headers_of(error: DomainError) -> dict[str, str]:
    """Returns the headers of a refusal: Retry-After, RateLimit, WWW-Authenticate."""
    standing = STANDING_HEADERS.get(KINDS[error.code].status, {})
    if isinstance(error, Overloaded | RateLimited):
        standing = standing | {"Retry-After": str(error.retry_after)}
    return standing | (quota_headers(error.remaining) if isinstance(error, QuotaExceeded) else {})


def mark(page: HttpResponse, error: DomainError) -> HttpResponse:
    """Gives a page that explains a refusal its status and headers. Returns the page."""
    page.status_code = KINDS[error.code].status
    for name, value in headers_of(error).items():
        page.headers[name] = value
    return page


def _throttled(request: HttpRequest, seconds: int) -> HttpResponse:
    detail = f"Too many attempts. Try again in {seconds} s."
    return problem(request, "throttled", detail=detail, headers={"Retry-After": str(seconds)})


def _shown(value: Any) -> Any:
    """Returns amounts of money as the API writes them, other values unchanged."""
    if isinstance(value, Decimal):
        return money.text(value)
    if isinstance(value, dict):
        return {name: _shown(one) for name, one in value.items()}
    return [_shown(one) for one in value] if isinstance(value, list) else value


def _from_faults(request: HttpRequest, error: InvalidInput) -> HttpResponse:
    members = _members(error)
    errors = members["errors"]
    codes = {one["code"] for one in errors}
    code = "unknown_field" if codes == {"unknown_field"} else error.code
    detail = "".join(f"{one['pointer'] or 'The body'}: {one['detail']}" for one in errors[:1])
    detail += f" errors has {len(errors) - 1} more." if errors[1:] else ""
    return problem(request, code, detail=detail, **members)


def _errors(faults: Sequence[Fault]) -> list[dict[str, str]]:
    return [{"pointer": one.where, "code": one.code, "detail": one.detail} for one in faults]


def handle(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Returns the answer for an error of a view; None for an unknown error, which the caller
    raises again."""
    if isinstance(error, DomainError):
        return from_domain(request, error)
    if isinstance(error, Http404):
        return problem(request, "not_found")
    return from_database(request, error) or from_django(request, error)


def from_database(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Returns 503 if the database is away or busy, `outcome_unknown` if a transaction of this
    request was or may have been committed, None for any other error."""
    busy = sqlstate(error) in _BUSY
    if not (busy or isinstance(error, OperationalError | InterfaceError)):
        return None
    if request.method not in SAFE and (isinstance(error, CommitUnknown) or commits.count()):
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
    code, known = "outcome_unknown", getattr(error, "is_repeatable", None)
    happened = _LOST if isinstance(error, CommitUnknown) else _COMMITTED
    advice = _advice(request) if known is None else known and _REPEAT
    if advice:
        return problem(request, code, detail=f"{happened} {advice}", status=KINDS[code].repeatable)
    return problem(request, code, detail=f"{happened} {_LOOK}")


_LOST = "The connection to the database was lost during the commit: the change may have been made."
_COMMITTED = "The server failed after a commit: the change was made, completely or in part."
_REPEAT = "Repeat the same request: it has no second effect."
_LOOK = "Check first: a repeat may make the change twice, or undo a change by another client."


def _advice(request: HttpRequest) -> str | None:
    """Returns the advice to repeat; None if a repeat may make something twice, or undo a later
    change by another client.

    v1's operations declare which headers prevent that (`repeats_with`, one is enough), that none
    is needed, or what a repeat without them does (`caution`). The earlier contracts and the admin
    declare nothing.
    """
    view = getattr(request.resolver_match, "func", None)
    operation = getattr(view, "operations", {}).get(request.method)
    if operation is None:
        return None
    headers: frozenset[str] = operation.repeats_with
    if any(_is_conditional(request, header) for header in headers):
        return _REPEAT
    return operation.caution or (None if headers else _REPEAT)


def _is_conditional(request: HttpRequest, header: str) -> bool:
    """Returns whether the header is sent; `If-Match: *` names no version, so it does not count."""
    value = request.META.get(header, "").strip()
    return bool(value) and (header, value) != ("HTTP_IF_MATCH", preconditions.ANY)


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
