"""Declares the bodies and answers of operations, for the contracts' OpenAPI documents."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar, cast

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from larder.core.limits import MAX_IDEMPOTENCY_KEY_LENGTH
from larder.http.wording import first_sentence, phrase

View = TypeVar("View", bound=Callable[..., Any])


class Refusal(serializers.Serializer[Any]):
    """A refusal, with a sentence for people. Some have further members."""

    detail = serializers.CharField()


SENTENCES = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1}
"""A refusal of contract 4, and of shipping in contract 2."""

FIELDS = {"type": "object", "additionalProperties": True, "minProperties": 1}
"""A refusal of fields: field → sentences; for lines the sentences stand deeper. Broken JSON and
what is wrong with the request as a whole is `detail` → sentence."""

NOTHING = {"type": "object", "maxProperties": 0}
"""An answer without members: the status says everything."""

FIELDS_OR_SENTENCES = {"oneOf": [FIELDS, SENTENCES]}

CORRELATION = OpenApiParameter(
    "Correlation-ID",
    {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    OpenApiParameter.HEADER,
    description="The id of this request in the logs. A sent id is returned.",
    response=True,
    required=True,
)
KEYED = (
    OpenApiParameter(
        "Idempotency-Key",
        {"type": "string", "maxLength": MAX_IDEMPOTENCY_KEY_LENGTH, "pattern": "^[!-+.-~-]+$"},
        OpenApiParameter.HEADER,
        description="Makes the request safe to repeat: the same key places no second order. The "
        "same key with another body is 422.",
    ),
    OpenApiParameter(
        "Idempotency-Replayed",
        {"type": "string", "enum": ["true"]},
        OpenApiParameter.HEADER,
        description="This answer repeats an earlier one.",
        response=[201],
    ),
)
EVERYWHERE = (405, 406, 429, 503)
"""Statuses of all operations. Any path can also answer 500 if the server fails."""

FORMS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True)
class Access:
    """Declares who may call an operation: callers with the `permission`, and keys that name the
    `key_permission`. One that `is_open` takes no credentials, and takes forms as well."""

    permission: str = ""
    key_permission: str = ""
    is_open: bool = False


OPEN = Access(is_open=True)


def operation(
    name: str,
    *,
    answers: Mapping[int, Any],
    body: Any = None,
    parameters: Iterable[OpenApiParameter] = (),
    access: Access = Access(),
) -> Callable[[View], View]:
    """Documents a view's method, and refuses callers and keys without the permissions of `access`.

    `answers` are serializers or schemas by status, of answers and refusals.

    What every operation can refuse is added: method, media type, and credentials unless it is open.
    With a body come 413 and 415, with credentials also 411. 400 is FIELDS unless given.
    """
    is_open = access.is_open
    refused: dict[int, Any] = dict.fromkeys((*EVERYWHERE, 401)[: -1 if is_open else None], Refusal)
    if body is not None:
        refused |= {400: FIELDS, 413: Refusal, 415: Refusal}
        refused |= {} if is_open else {411: Refusal}
    if access.permission or access.key_permission:
        refused[403] = Refusal
    responses = refused | dict(answers)
    kinds = FORMS if is_open else FORMS[:1]
    needs = {"x-permission": access.permission, "x-permission-of-keys": access.key_permission}

    def documented(view: View) -> View:
        document = extend_schema(
            operation_id=name,
            summary=first_sentence(view),
            request=dict.fromkeys(kinds, body) if body is not None else None,
            parameters=[CORRELATION, *parameters],
            responses={status: _response(status, kind) for status, kind in responses.items()},
            auth=[] if is_open else None,
            extensions={name: value for name, value in needs.items() if value} or None,
        )
        made: Any = document(_guarded(view, access.permission, access.key_permission))
        made.operation = name
        return cast(View, made)

    return documented


def _guarded(view: View, permission: str, key_permission: str) -> View:
    if not (permission or key_permission):
        return view

    @wraps(view)
    def checked(self: Any, request: Any, **path: Any) -> Any:
        if permission:
            request.user.require(permission)
        request.user.require_named(key_permission)
        return view(self, request, **path)

    checked.permission, checked.key_permission = permission, key_permission  # type: ignore[attr-defined]
    return checked  # type: ignore[return-value]


def _response(status: int, kind: Any) -> OpenApiResponse:
    return OpenApiResponse(kind, description=phrase(status))


def number_in_query(name: str, description: str) -> OpenApiParameter:
    """Returns a numeric parameter. Other values are ignored, or handled as described."""
    return OpenApiParameter(name, OpenApiTypes.INT, OpenApiParameter.QUERY, description=description)


PAGE = (number_in_query("page", "From 1; 404 for a page that does not exist."),)
_SKIPPED = number_in_query("offset", "Rows to skip.")
OFFSET = (number_in_query("limit", "Rows of a page, at most 1,000."), _SKIPPED)
OFFSET_OF_LONG = (
    number_in_query(
        "limit", "Rows of a page, at most 1,000. A page of long texts has fewer: follow `next`."
    ),
    _SKIPPED,
)


def envelope(
    row: type[serializers.Serializer[Any]], **more: serializers.Field[Any, Any, Any, Any]
) -> Any:
    """Returns the envelope of a page of rows. `more` are further members."""
    members = {
        "count": serializers.IntegerField(min_value=0),
        "next": serializers.URLField(allow_null=True),
        "previous": serializers.URLField(allow_null=True),
        "results": row(many=True),
        **more,
    }
    return type(f"{row.__name__}Page", (serializers.Serializer,), members)
