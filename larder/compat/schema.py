"""Authentication schemes and a check, used only to generate the OpenAPI documents.

Not imported by a server that starts.
"""

from typing import Any

from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.extensions import OpenApiAuthenticationExtension

_HERE = "larder.compat.authentication"


class _Scheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    definition: dict[str, str]

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return self.definition


class BearerScheme(_Scheme):  # type: ignore[no-untyped-call]
    target_class = f"{_HERE}.BearerAuthentication"
    name = "bearer"
    definition = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class KeyScheme(_Scheme):  # type: ignore[no-untyped-call]
    target_class = f"{_HERE}.KeyAuthentication"
    name = "key"
    definition = {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "The word Token, a space, and a long-lived key.",
    }


class PasswordScheme(_Scheme):  # type: ignore[no-untyped-call]
    target_class = f"{_HERE}.PasswordAuthentication"
    name = "password"
    definition = {"type": "http", "scheme": "basic"}


class CookieScheme(_Scheme):  # type: ignore[no-untyped-call]
    target_class = f"{_HERE}.CookieAuthentication"
    name = "cookie"
    definition = {
        "type": "apiKey",
        "in": "cookie",
        "name": "sessionid",
        "description": "The admin's session. Writes also need the header X-CSRFToken.",
    }


def is_complete() -> bool:
    """Returns whether the generator knew everything; its warnings are printed otherwise.

    Whether a document is OpenAPI, tests/http/test_openapi.py says of the committed ones.
    """
    if GENERATOR_STATS:
        GENERATOR_STATS.emit_summary()
    return not GENERATOR_STATS
