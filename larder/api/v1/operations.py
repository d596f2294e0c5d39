"""What an operation takes and answers, said once where it is: the source of the OpenAPI document.

tests/api hold the document and the real answers together.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import msgspec
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
)

from larder.api.problems import KINDS
from larder.api.v1.examples import EXAMPLES
from larder.api.v1.schema import query_parameters
from larder.api.wording import first_sentence, phrase
from larder.common.limits import MAX_IDEMPOTENCY_KEY_LENGTH, MAX_POSITION_LENGTH

View = TypeVar("View", bound=Callable[..., Any])


class ProblemFault(msgspec.Struct):
    """One fault; `pointer` is a JSON pointer into the body, or the name of a parameter or header.

    `detail` is for developers; apps translate by `code`.
    """

    pointer: str
    code: str
    detail: str


class ProblemLine(msgspec.Struct):
    """A faulty line. `code` says how; the other members are there where they help.

    A product is named once for each way in which it is faulty, with its units added up.
    """

    code: str
    product: int | msgspec.UnsetType = msgspec.UNSET
    sku: str | msgspec.UnsetType = msgspec.UNSET
    requested: int | msgspec.UnsetType = msgspec.UNSET
    available: int | msgspec.UnsetType = msgspec.UNSET
    expected: str | msgspec.UnsetType = msgspec.UNSET
    price: str | msgspec.UnsetType = msgspec.UNSET
    min_quantity: int | msgspec.UnsetType = msgspec.UNSET
    max_per_order: int | msgspec.UnsetType | None = msgspec.UNSET
    step: int | msgspec.UnsetType = msgspec.UNSET
    counted: int | msgspec.UnsetType = msgspec.UNSET
    committed: int | msgspec.UnsetType = msgspec.UNSET
    limit: int | msgspec.UnsetType = msgspec.UNSET
    shipped: int | msgspec.UnsetType = msgspec.UNSET
    returned: int | msgspec.UnsetType = msgspec.UNSET
    picked: int | msgspec.UnsetType = msgspec.UNSET
    missing: bool | msgspec.UnsetType = msgspec.UNSET


class Problem(msgspec.Struct):
    """A refusal (RFC 9457). `code` is stable; `type` is the address of its explanation."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    correlation_id: str
    errors: list[ProblemFault] | msgspec.UnsetType = msgspec.UNSET
    lines: list[ProblemLine] | msgspec.UnsetType = msgspec.UNSET
    version: int | msgspec.UnsetType = msgspec.UNSET
    total: str | msgspec.UnsetType = msgspec.UNSET
    expected: str | msgspec.UnsetType = msgspec.UNSET
    minimum: str | msgspec.UnsetType = msgspec.UNSET
    currency: str | msgspec.UnsetType = msgspec.UNSET
    offered: str | msgspec.UnsetType = msgspec.UNSET
    limit: int | msgspec.UnsetType = msgspec.UNSET
    from_: str | msgspec.UnsetType = msgspec.field(name="from", default=msgspec.UNSET)
    move: str | msgspec.UnsetType = msgspec.UNSET
    reason: str | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class Trait:
    """What several operations have in common: headers, and the codes that come with them.

    `repeats_with` names the header without which a repeat can have a second effect, or undo the
    change that another client made in between. Where only a change by the same customer can be
    undone, `caution` is the advice to repeat without the header.
    """

    headers: tuple[OpenApiParameter, ...] = ()
    codes: tuple[str, ...] = ()
    repeats_with: frozenset[str] = frozenset()
    caution: str = ""


def _sent(name: str, description: str, **schema: Any) -> OpenApiParameter:
    given = {"type": "string"} | schema
    return OpenApiParameter(name, given, OpenApiParameter.HEADER, description=description)


def _answered(
    name: str, description: str, *, on: list[int] | bool, always: bool = True, **schema: Any
) -> OpenApiParameter:
    return OpenApiParameter(
        name,
        {"type": "string"} | schema,
        OpenApiParameter.HEADER,
        description=description,
        response=on,
        required=always,
    )


CSV = "text/csv; charset=utf-8"
TAG = r'^"[0-9]+-[0-9a-f]+"$'
TAGGED = Trait((_answered("ETag", "Version and digest.", on=[200, 201, 304], pattern=TAG),))
CACHED = Trait((*TAGGED.headers, _sent("If-None-Match", "An ETag: 304 where it still holds.")))
ECHOED = Trait(
    (
        _sent(
            "Larder-Position",
            "From the answer to the last write: the reading shows that write, and may come from a "
            "replica.",
            minLength=1,
            maxLength=MAX_POSITION_LENGTH,
        ),
    )
)
_WRITTEN = Trait(
    (
        _answered(
            "Larder-Position",
            "Where this write is, for readings to come; only where there are replicas. Opaque.",
            on=[200, 201, 204, 500, 503],
            always=False,
            pattern="^[A-Za-z0-9_-]{27}$",
        ),
    ),
    ("outcome_unknown",),
)
LOCATED = Trait((_answered("Location", "Where it is.", on=[201], format="uri-reference"),))
VERSIONED = Trait(
    (_sent("If-Match", "The ETag that was read: 412 after a change; * always holds."),),
    ("precondition_failed",),
    frozenset({"HTTP_IF_MATCH"}),
)
OWN_VERSIONED = replace(
    VERSIONED,
    caution="A repeat makes nothing twice, but may overwrite what another device of the same "
    "customer changed meanwhile; If-Match prevents that.",
)
"""Of what belongs to the caller's account alone."""
ENDING_LOG_INS = Trait(caution="A repeat also ends log-ins that began meanwhile.")
CREATING = Trait(
    (_sent("If-None-Match", "`*`: 412 if it is there already, archived or not.", enum=["*"]),),
    ("precondition_failed", "validation_error"),
    frozenset({"HTTP_IF_NONE_MATCH"}),
)
KEYED = Trait(
    (
        _sent(
            "Idempotency-Key",
            "Makes the request safe to repeat: the same key gives the same answer. "
            "One key, without a comma.",
            minLength=1,
            maxLength=MAX_IDEMPOTENCY_KEY_LENGTH,
            pattern="^[!-~]+$",
        ),
        _answered(
            "Idempotency-Replayed",
            "This repeats an earlier answer.",
            on=[200, 201],
            always=False,
            enum=["true"],
        ),
    ),
    ("idempotency_key_reused", "validation_error"),
    frozenset({"HTTP_IDEMPOTENCY_KEY"}),
)
_EVERYWHERE = Trait(
    (
        _answered(
            "Correlation-ID",
            "Names this request in the logs; one that was sent comes back.",
            on=True,
            pattern="^[0-9a-f]{32}$",
        ),
        _answered("WWW-Authenticate", "How to authenticate.", on=[401]),
        _answered("Allow", "The methods of this path.", on=[405]),
        _answered("Retry-After", "Seconds to wait.", on=[429, 503], pattern="^[0-9]+$"),
    ),
    (
        *("bad_request", "bad_host", "method_not_allowed", "not_acceptable", "throttled"),
        *("internal_error", "overloaded", "database_unavailable"),
    ),
)
_TOKEN = Trait(codes=("not_authenticated", "token_invalid", "token_expired", "session_ended"))
_BODY = Trait(
    codes=(
        *("malformed_json", "unknown_field", "validation_error"),
        *("body_too_large", "length_required", "unsupported_media_type"),
    )
)
_FILE = Trait(
    codes=(
        *("unknown_field", "validation_error"),
        *("body_too_large", "length_required", "unsupported_media_type"),
    )
)
_PARAMETERS = Trait(codes=("validation_error",))


def operation(
    name: str,
    *,
    tag: str,
    answers: Mapping[int, Any],
    body: type[msgspec.Struct] | str | None = None,
    parameters: type[msgspec.Struct] | None = None,
    problems: Iterable[str] = (),
    traits: Iterable[Trait] = (),
    token: bool = True,
) -> Callable[[View], View]:
    """Documents a view's method: its id, bodies, headers, and every status it can answer.

    A media type in the place of the body's struct: a body of that type, which is no JSON.
    """
    takes = _FILE if isinstance(body, str) else _BODY
    had = [(_TOKEN, token), (takes, body), (_PARAMETERS, parameters)]
    held = [_EVERYWHERE, *traits, *(trait for trait, given in had if given)]

    def documented(view: View) -> View:
        traits = held if view.__name__ == "get" else [*held, _WRITTEN]
        codes = [*problems, *(code for trait in traits for code in trait.codes)]
        headers = [header for trait in traits for header in trait.headers]
        document = extend_schema(
            operation_id=name,
            tags=[tag],
            summary=first_sentence(view),
            request=_taken(body) if body else None,
            examples=[_example(name, body)] if body else None,
            parameters=[*headers, *(_query_parameters(parameters) if parameters else ())],
            responses=_successes(answers) | _refusals(codes),
            auth=None if token else [],
        )
        # For larder/api/problems.py, which says whether a request can be repeated.
        vars(view)["repeats_with"] = frozenset().union(*(trait.repeats_with for trait in traits))
        vars(view)["caution"] = " ".join(trait.caution for trait in traits if trait.caution)
        return document(view)

    return documented


def _taken(body: type[msgspec.Struct] | str) -> dict[str, Any]:
    if isinstance(body, str):
        return {body: OpenApiTypes.STR}
    return {"application/json": body}


def _example(operation_id: str, body: type[msgspec.Struct] | str) -> OpenApiExample:
    """The body that is shown where none was typed yet."""
    media_type = body if isinstance(body, str) else "application/json"
    value = EXAMPLES[operation_id]
    return OpenApiExample("Example", value, media_type=media_type, request_only=True)


def _successes(answers: Mapping[int, Any]) -> dict[Any, Any]:
    return dict(_success(status, kind) for status, kind in answers.items())


def _success(status: int, kind: Any) -> tuple[Any, OpenApiResponse]:
    """A media type in the place of a struct: an answer of that type, which is no JSON."""
    if isinstance(kind, str):
        return (status, kind), OpenApiResponse(OpenApiTypes.STR, description=phrase(status))
    return status, OpenApiResponse(kind, description=phrase(status))


def _refusals(codes: Iterable[str]) -> dict[Any, Any]:
    by_status: dict[int, set[str]] = {}
    for code in codes:
        for status in KINDS[code].statuses:
            by_status.setdefault(status, set()).add(code)
    return {
        (status, "application/problem+json"): OpenApiResponse(
            Problem, description=", ".join(sorted(found))
        )
        for status, found in sorted(by_status.items())
    }


def _query_parameters(kind: type[msgspec.Struct]) -> list[OpenApiParameter]:
    return [
        OpenApiParameter(
            name,
            schema,
            OpenApiParameter.QUERY,
            required=required,
            description=schema.pop("description", ""),
        )
        for name, required, schema in query_parameters(kind)
    ]
