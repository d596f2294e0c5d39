"""What only the OpenAPI document has: the headers and codes of all operations, the events that
webhooks are sent, and all problems with an example of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from larder.core.errors import DomainError
from larder.core.limits import MAX_IDEMPOTENCY_KEY_LENGTH
from larder.http.api_headers import KEY_HEADER
from larder.http.problems import OTHERS, PAGES, Kind, kind_of
from larder.relay.event_types import EVENT_TYPES, EventType
from larder.v1.operations import Trait
from larder.v1.told import KINDS, TooLong

MAX_POSITION_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Header:
    """A header of requests or of answers."""

    name: str
    description: str
    schema: Mapping[str, Any]
    on: Sequence[int] | bool = ()
    """The statuses of answers that can have it, True for all; empty for a header of requests."""
    always: bool = False
    """Whether all answers with these statuses have it."""


def _sent(name: str, description: str, **schema: Any) -> Header:
    return Header(name, description, {"type": "string"} | schema)


def _answered(
    name: str, description: str, *, on: list[int] | bool, always: bool = True, **schema: Any
) -> Header:
    return Header(name, description, {"type": "string"} | schema, on, always)


def _refused(*codes: str) -> list[int]:
    """Returns the statuses of these refusals."""
    return [kind_of(code).status for code in codes]


WRITTEN = Trait("written", ("outcome_unknown",))
EVERYWHERE = Trait(
    "everywhere",
    (
        "validation_error",
        *("bad_request", "bad_host", "method_not_allowed", "not_acceptable", "throttled"),
        *("internal_error", "overloaded", "database_unavailable"),
    ),
)
TOKEN = Trait(codes=("not_authenticated", "token_invalid", "token_expired", "session_ended"))
BODY = Trait(
    codes=(
        *("malformed_json", "unknown_field"),
        *("body_timeout", "body_too_large", "length_required", "unsupported_media_type"),
    )
)

_TAG = _answered("ETag", "Version and digest.", on=[200, 201, 304], pattern=r'^"[0-9]+-[0-9a-f]+"$')
HEADERS: Mapping[str, Sequence[Header]] = {
    "tagged": [_TAG],
    "cached": [_TAG, _sent("If-None-Match", "An ETag: 304 if it is still current.")],
    "echoed": [
        _sent(
            "Larder-Position",
            "From the answer to the last write. The read shows that write. A replica may answer.",
            minLength=1,
            maxLength=MAX_POSITION_LENGTH,
        ),
    ],
    "located": [_answered("Location", "The URL of the object.", on=[201], format="uri-reference")],
    "versioned": [
        _sent("If-Match", "The ETag that was read: 412 after a change; * always matches.")
    ],
    "creating": [
        _sent("If-None-Match", "`*`: 412 if the object exists, also if it is archived.", enum=["*"])
    ],
    "keyed": [
        _sent(
            KEY_HEADER,
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
    ],
    "quota": [
        _answered(
            "RateLimit-Policy",
            "The quota of this request: its units, and the seconds in which it refills. Only when "
            "a quarter of it, or ten units, are left, or less.",
            on=[200, 201, *_refused("quota_exceeded")],
            always=False,
            pattern='^"[a-z_]+";q=[0-9]+;w=[0-9]+$',
        ),
        _answered(
            "RateLimit",
            "The remaining units of the quota, and the seconds until there is one more. Not in "
            "answers to requests that do not count, such as repeats.",
            on=[200, 201, *_refused("quota_exceeded")],
            always=False,
            pattern='^"[a-z_]+";r=[0-9]+;t=[0-9]+$',
        ),
    ],
    "resumed": [_sent("Last-Event-ID", "The id of the last event. What came after it follows.")],
    "written": [
        _answered(
            "Larder-Position",
            "The position of this write, for later reads. Opaque.",
            on=[200, 201, 204, *_refused("internal_error", "overloaded")],
            always=False,
            pattern="^[A-Za-z0-9_-]{27}$",
        ),
    ],
    "everywhere": [
        _answered(
            "Correlation-ID",
            "The id of this request in the logs; the client's own id if it sent one.",
            on=True,
            pattern="^[0-9a-f]{32}$",
        ),
        _answered("WWW-Authenticate", "How to authenticate.", on=_refused("not_authenticated")),
        _answered("Allow", "The methods of this path.", on=_refused("method_not_allowed")),
        _answered(
            "Retry-After",
            "Seconds to wait.",
            on=_refused("throttled", "overloaded"),
            pattern="^[0-9]+$",
        ),
    ],
}
"""The headers of each trait, by its name."""

SHAPES: tuple[type[msgspec.Struct], ...] = (TooLong, *(kind for kind, _, _ in KINDS.values()))


def receivers(reference: Callable[[type[msgspec.Struct]], Any]) -> dict[str, Any]:
    """Returns the webhooks of the OpenAPI document, by their types; `reference` refers to one of
    SHAPES."""
    return {name: {"post": _receiver(type, reference)} for name, type in EVENT_TYPES.items()}


def _receiver(told: EventType, reference: Callable[[type[msgspec.Struct]], Any]) -> dict[str, Any]:
    properties = {
        "type": {"const": told.name},
        "timestamp": {"type": "string", "format": "date-time"},
        "data": {"anyOf": [reference(KINDS[told.kind][0]), reference(TooLong)]},
    }
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {
        "summary": told.label,
        "tags": ["webhooks"],
        "requestBody": {"content": {"application/json": {"schema": schema}}, "required": True},
        "responses": {"2XX": {"description": "It was taken."}},
        "x-permissions": [told.permission],
    }


IN_THE_ADMIN = frozenset(
    {
        *("second_factor_wrong", "last_second_factor", "too_many_passkeys"),
        *("count_changed", "count_unclear"),
    }
)
"""Codes with which no API answers: second factors and counts of stock are pages of the admin."""


def kinds() -> dict[str, Kind]:
    """Returns the kind of each code that an API answers with, sorted by code. Assumes that all
    modules are loaded."""
    codes = sorted({*OTHERS, *DomainError.declared} - IN_THE_ADMIN)
    return {code: kind_of(code) for code in codes}


def example(code: str) -> dict[str, Any]:
    """Returns the members that all problems of this code have, for the OpenAPI document."""
    kind = kind_of(code)
    return {
        "type": f"https://shop.example{PAGES}{code}",
        "title": kind.title,
        "status": kind.status,
        "code": code,
        "detail": kind.title,
        "correlation_id": "4c0f8a3e5f0d4d8f9b1f6d8a6f3a2b10",
    }
