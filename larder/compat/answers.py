"""How the earlier contracts refuse: Django REST framework's shapes, in its sentences.

A request about an account is refused with all its faults: invalid fields and taken names.

Every other refusal, the database's absence among them, is v1's: it has a `detail` too.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponseBase
from rest_framework import serializers
from rest_framework.exceptions import (
    APIException,
    PermissionDenied,
    Throttled,
    ValidationError,
)
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler

from larder.core.errors import (
    AlreadyTaken,
    DomainError,
    InvalidInput,
    NotStaff,
    PermissionMissing,
    SecondFactorRequired,
)
from larder.http import problems
from larder.http.quotas import quota_headers
from larder.identity import queries
from larder.identity.services.attempts import RateLimited
from larder.identity.services.quotas import QuotaExceeded

UNIQUE = "This field must be unique."
TAKEN = {
    "username": "A user with that username already exists.",
    "email": UNIQUE,
    "name": "product with this name already exists.",
}
"""The sentences for a value that must be unique and is taken."""


def handle(error: Exception, context: Mapping[str, Any]) -> HttpResponseBase | None:
    """The exception handler of these contracts' views. None lets an unknown error pass on."""
    if isinstance(error, InvalidInput | AlreadyTaken):
        error = ValidationError(field_errors(error))
    if isinstance(error, NotStaff | PermissionMissing):
        error = PermissionDenied(_detail(error))
    if isinstance(error, RateLimited):
        return _throttled(error, context)
    if isinstance(error, APIException | Http404):
        return exception_handler(error, dict(context))
    if isinstance(error, DomainError):
        return _refusal(error)
    refused = problems.handle(context["request"]._request, error)
    if refused is not None:
        # A problem of v1 has more members. These clients expect plain JSON.
        refused.headers["Content-Type"] = "application/json"
    return refused


def _throttled(error: RateLimited, context: Mapping[str, Any]) -> HttpResponseBase | None:
    response = exception_handler(Throttled(wait=error.retry_after), dict(context))
    if response is not None and isinstance(error, QuotaExceeded):
        for name, value in quota_headers(error.remaining).items():
            response.headers[name] = value
    return response


def _detail(error: NotStaff | PermissionMissing) -> str | None:
    """Returns what the client can do; None for the framework's sentence."""
    return problems.kind_of(error.code).title if isinstance(error, SecondFactorRequired) else None


def field_errors(error: InvalidInput | AlreadyTaken) -> dict[str, list[str]]:
    """Returns the error as field → sentences."""
    if isinstance(error, AlreadyTaken):
        return {error.name: [TAKEN.get(error.name, UNIQUE)]}
    sentences: dict[str, list[str]] = {}
    for fault in error.faults:
        sentences.setdefault(fault.where.lstrip("/"), []).append(fault.detail)
    return sentences


def _refusal(error: DomainError) -> Response:
    kind = problems.kind_of(error.code)
    answer = {"detail": kind.title}
    return Response(answer, status=kind.status, headers=problems.headers_of(error))


@dataclass
class _Faulty(DomainError):
    """The faults that a serializer found, as a refusal: limits of attempts count it."""

    detail: Any
    code = InvalidInput.code


@dataclass(frozen=True, slots=True)
class AccountBody:
    """A body about an account."""

    read: serializers.Serializer[Any]
    """What the serializer made of it."""
    username: str
    """The valid username, or an empty text."""
    email: str
    """The valid address, or an empty text."""

    def fields(self) -> Mapping[str, Any]:
        """Returns the whole body. Raises _Faulty, which `all_named` answers."""
        if self.read.errors:
            raise _Faulty(self.read.errors)
        valid: Mapping[str, Any] = self.read.validated_data
        return valid

    def names(self) -> Mapping[str, str]:
        """Returns the valid ones of username and email. Raises _Faulty if the body has faults and
        neither of them."""
        valid = {"username": self.username, "email": self.email}
        return {name: value for name, value in valid.items() if value} or self.fields()

    def account(self) -> str:
        """Returns what tries to register are counted for: the username, or else the address. Raises
        what `names` raises."""
        return next(iter(self.names().values()))


def account_body(
    request: Request, shape: type[serializers.Serializer[Any]], **options: Any
) -> AccountBody:
    """Returns the body as the serializer reads it. A `name` in it is the username."""
    read = shape(data=request.data, **options)
    read.is_valid()
    return AccountBody(
        read, _valid(read, "username") or _valid(read, "name"), _valid(read, "email")
    )


def _valid(read: serializers.Serializer[Any], name: str) -> str:
    """Returns the valid value of a field, even if others have faults; else an empty text."""
    body: Any = read.initial_data
    if name not in read.fields or name in read.errors or not isinstance(body, Mapping):
        return ""
    field = read.fields[name]
    try:
        return str(field.run_validation(field.get_value(body)))
    except serializers.SkipField:
        return ""


@contextmanager
def all_named(
    body: AccountBody,
    *,
    account: int = 0,
    called: str = "username",
    taken: Mapping[str, str] = TAKEN,
) -> Iterator[None]:
    """Names each of username and email that another account has, in the sentences of `taken`, with
    the other faults. `called` is the field of the username.

    The database names the first that is taken, and other faults are found before any statement.
    Raises ValidationError.
    """
    try:
        yield
    except (AlreadyTaken, InvalidInput, _Faulty) as error:
        faults: Any = error.detail if isinstance(error, _Faulty) else field_errors(error)
        names = queries.taken(username=body.username, email=body.email, but=account)
        faults = {**faults, **{name: [taken[name]] for name in sorted(names)}}
        shown = {called if name == "username" else name: faults[name] for name in faults}
        raise ValidationError(shown) from error
