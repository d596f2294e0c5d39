"""What only the OpenAPI document has: the headers and codes of all operations, the events that
webhooks are sent, and all problems with an example of each."""

from collections.abc import Callable
from typing import Any

import msgspec

from larder.core.errors import DomainError
from larder.http.problems import OTHERS, PAGES, Kind, kind_of
from larder.relay.event_types import EVENT_TYPES, EventType
from larder.v1.operations import Trait, answered, refused
from larder.v1.told import KINDS, TooLong

WRITTEN = Trait(
    (
        answered(
            "Larder-Position",
            "The position of this write, for later reads. Opaque.",
            on=[200, 201, 204, *refused("internal_error", "overloaded")],
            always=False,
            pattern="^[A-Za-z0-9_-]{27}$",
        ),
    ),
    ("outcome_unknown",),
)
EVERYWHERE = Trait(
    (
        answered(
            "Correlation-ID",
            "The id of this request in the logs; the client's own id if it sent one.",
            on=True,
            pattern="^[0-9a-f]{32}$",
        ),
        answered("WWW-Authenticate", "How to authenticate.", on=refused("not_authenticated")),
        answered("Allow", "The methods of this path.", on=refused("method_not_allowed")),
        answered(
            "Retry-After",
            "Seconds to wait.",
            on=refused("throttled", "overloaded"),
            pattern="^[0-9]+$",
        ),
    ),
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
