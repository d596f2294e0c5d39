"""How the earlier contracts refuse: Django REST framework's shapes, in its sentences.

A request about an account is refused with all its faults: invalid fields and taken names.

Every other refusal, the database's absence among them, is v1's: it has a `detail` too.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.http import Http404, HttpResponseBase
from rest_framework import serializers
from rest_framework.exceptions import APIException, PermissionDenied, Throttled, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from larder.core.errors import (
    AlreadyTaken,
    DomainError,
    Fault,
    InvalidInput,
    NotStaff,
    PermissionMissing,
    SecondFactorRequired,
)
from larder.http import problems
from larder.http.api_headers import quota_headers
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


class AccountBody(serializers.Serializer[Any]):
    """A body about an account. It is refused with all its faults: invalid fields and taken names.

    The database names the first that is taken, and other faults are found before any statement.
    """

    called = "username"
    """The field of the username."""
    taken: Mapping[str, str] = TAKEN

    def named(self) -> dict[str, str]:
        """Returns the valid ones of username and email, even if other fields have faults."""
        self.is_valid()
        body: Any = self.initial_data
        sent = {"username": self.called, "email": "email"}
        return {
            name: str(self.fields[field].run_validation(body[field]))
            for name, field in sent.items()
            if isinstance(body, Mapping) and field in body
            if field in self.fields and field not in self.errors
        }

    def valid(self) -> dict[str, Any]:
        """Returns the whole body. Raises InvalidInput, as limits of attempts count it."""
        if self.is_valid():
            return dict(self.validated_data)
        faults = [Fault(name, "", text) for name, texts in self.errors.items() for text in texts]
        raise InvalidInput(faults)

    def counted(self) -> Mapping[str, str]:
        """Returns the names that an attempt counts for. Raises InvalidInput if the body has faults
        and no valid name."""
        return {name: text for name, text in self.named().items() if text} or self.valid()

    @contextmanager
    def all_named(self, account: int = 0) -> Iterator[None]:
        """Names each of username and email that another account than `account` has, with the other
        faults. Raises ValidationError."""
        try:
            yield
        except (AlreadyTaken, InvalidInput) as error:
            names = queries.taken(**{"username": "", "email": ""} | self.named(), but=account)
            faults = field_errors(error) | {name: [self.taken[name]] for name in names}
            raise ValidationError(
                {self.called if name == "username" else name: faults[name] for name in faults}
            ) from error
