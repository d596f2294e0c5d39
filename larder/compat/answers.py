"""How the earlier contracts refuse: Django REST framework's shapes, in its sentences.

Every other refusal, the database's absence among them, is v1's: it has a `detail` too.
"""

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpResponseBase
from rest_framework.exceptions import APIException, PermissionDenied, Throttled, ValidationError
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
from larder.identity.services.attempts import RateLimited

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
        # What the client can do; None for the framework's sentence.
        is_factor = isinstance(error, SecondFactorRequired)
        error = PermissionDenied(problems.kind_of(error.code).title if is_factor else None)
    if isinstance(error, APIException | Http404):
        return exception_handler(error, dict(context))
    if isinstance(error, DomainError):
        kind, headers = problems.kind_of(error.code), problems.headers_of(error)
        detail = kind.title
        if isinstance(error, RateLimited):
            detail = str(Throttled(error.retry_after).detail)
        return Response({"detail": detail}, status=kind.status, headers=headers)
    refused = problems.handle(context["request"]._request, error)
    if refused is not None:
        # A problem of v1 has more members. These clients expect plain JSON.
        refused.headers["Content-Type"] = "application/json"
    return refused


def field_errors(error: InvalidInput | AlreadyTaken) -> dict[str, list[str]]:
    """Returns the error as field → sentences."""
    if isinstance(error, AlreadyTaken):
        return {error.name: [TAKEN.get(error.name, UNIQUE)]}
    sentences: dict[str, list[str]] = {}
    for fault in error.faults:
        sentences.setdefault(fault.where.lstrip("/"), []).append(fault.detail)
    return sentences
