"""OpenAPI 3.1 from the code: shows msgspec structs to drf-spectacular (docs/adr/0001)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec
from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
)
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from larder.api.problems import KINDS

View = TypeVar("View", bound=Callable[..., Any])


class Problem(msgspec.Struct):
    """A refusal (RFC 9457). `code` is stable; some codes add members of their own."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    correlation_id: str | None
    errors: list["ProblemFault"] | msgspec.UnsetType = msgspec.UNSET


class ProblemFault(msgspec.Struct):
    """One fault; `pointer` is a JSON pointer into the body, or a parameter's name."""

    pointer: str
    code: str
    detail: str


class StructSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A msgspec struct is a component; the structs it refers to are components too."""

    target_class = "msgspec.Struct"
    match_subclasses = True

    def get_name(self, auto_schema: Any, direction: Any) -> str:
        return str(self.target.__name__)

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        reference = "#/components/schemas/{name}"
        (own,), components = msgspec.json.schema_components([self.target], ref_template=reference)
        for kind in _structs_in(self.target, components):
            if kind is not self.target:
                auto_schema.resolve_serializer(kind, direction)
        return dict(components[own["$ref"].rpartition("/")[2]])


def _structs_in(kind: Any, names: Iterable[str]) -> list[Any]:
    """The struct classes below `kind` that became components."""
    found: dict[str, Any] = {}
    waiting = [msgspec.inspect.type_info(kind)]
    while waiting:
        one = waiting.pop()
        if isinstance(one, msgspec.inspect.StructType) and one.cls.__name__ not in found:
            found[one.cls.__name__] = one.cls
            waiting += [field.type for field in one.fields]
        waiting += getattr(one, "types", ())
        waiting += [inner for inner in [getattr(one, "item_type", None)] if inner]
    return [found[name] for name in names if name in found]


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How clients authenticate."""

    target_class = "larder.api.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class OperationSchema(AutoSchema):
    """Takes everything from `operation`; guesses nothing."""

    def get_filter_backends(self) -> list[Any]:
        return []


_ALWAYS = (
    "bad_request",
    "bad_host",
    "method_not_allowed",
    "not_acceptable",
    "internal_error",
)
_ALWAYS_TOO = ("overloaded", "database_unavailable", "throttled")
_WITH_TOKEN = ("not_authenticated", "token_invalid", "token_expired", "session_ended")
_WITH_BODY = (
    "malformed_json",
    "unknown_field",
    "validation_error",
    "body_too_large",
    "unsupported_media_type",
)


def operation(
    name: str,
    *,
    tag: str,
    answers: Mapping[int, Any],
    body: type[msgspec.Struct] | None = None,
    parameters: type[msgspec.Struct] | None = None,
    problems: Iterable[str] = (),
    token: bool = True,
    keyed: bool = False,
    versioned: bool = False,
) -> Callable[[View], View]:
    """Documents a view's method: its id, bodies, and every status it can answer.

    `keyed`: takes an Idempotency-Key; `versioned`: takes If-Match.
    """
    codes = [*_ALWAYS, *_ALWAYS_TOO, *problems, *(_WITH_TOKEN if token else ())]
    codes += _WITH_BODY if body else ["validation_error"] if parameters else []
    codes += ["idempotency_key_reused", "validation_error"] if keyed else []
    codes += ["precondition_failed"] if versioned else []
    headers = [_IDEMPOTENCY_KEY] * keyed + [_IF_MATCH] * versioned
    return extend_schema(
        operation_id=name,
        tags=[tag],
        request={"application/json": body} if body else None,
        parameters=[*headers, *(_query_parameters(parameters) if parameters else ())],
        responses={**answers, **_problem_responses(codes)},
        auth=None if token else [],
    )


def _problem_responses(codes: Iterable[str]) -> dict[Any, OpenApiResponse]:
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(KINDS[code].status, []).append(code)
    return {
        (status, "application/problem+json"): OpenApiResponse(
            Problem, description=", ".join(sorted(found))
        )
        for status, found in by_status.items()
    }


_IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="Makes the request safe to repeat: the same key gives the same answer.",
)
_IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description="The ETag that was read; another version since then is a 412.",
)


def _query_parameters(kind: type[msgspec.Struct]) -> list[OpenApiParameter]:
    (_, components) = msgspec.json.schema_components([kind])
    properties = components[kind.__name__]["properties"]
    return [
        OpenApiParameter(name, _without_null(schema), OpenApiParameter.QUERY)
        for name, schema in properties.items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter that is not given is not there; it is never null."""
    options = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    return {k: v for k, v in (options[0] if options else schema).items() if k != "default"}
