"""What the event loop answers itself, without a thread.

Only Django and its middleware compute the headers of an answer. They depend on the request headers
in KEY_HEADERS, so they are stored for all requests with the same values, when Django gives the
first answer. Requests with one of BYPASS_HEADERS always go to Django. So do those that are refused.
"""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Protocol, TypeVar

from larder.front.wsgi import Answer, Headers

Key = tuple[object, ...]
Stored = TypeVar("Stored")

KEY_HEADERS = (
    *("QUERY_STRING", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT"),
    *("wsgi.url_scheme", "HTTP_X_FORWARDED_PROTO", "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING"),
    "CONTENT_TYPE",
)
"""The parts of a request on which the headers of its answer depend, besides the operation and the
caller. Each operation has its own table."""

BYPASS_HEADERS = ("HTTP_ORIGIN", "HTTP_COOKIE")
"""Headers that Django reads and that a mobile app does not send."""

MAX_ENTRIES = 256
"""Entries of a table in one process. A full table is cleared."""

MAX_KEY_CHARACTERS = 4096
"""Characters of a key. Answers with longer keys are not stored."""


_ORDER = re.compile(r"(?<=/orders/)[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?=/)")


def pattern_of(path: str) -> str:
    """Returns the pattern of a path, as the resolver of v1 has it: without the id of an order."""
    return _ORDER.sub("<id:order>", path)


class AtOnce(Protocol):
    """An operation that is answered on the event loop."""

    async def answer(self, environ: dict[str, Any], raw: bytes) -> Answer | None:
        """Returns the answer; None where Django must answer. Raises Overloaded."""

    def learn(self, environ: Mapping[str, Any], answer: Answer) -> None:
        """Stores what later requests need of Django's answer."""


def key_of(environ: Mapping[str, Any]) -> Key | None:
    """Returns the key of the request; None if it has one of BYPASS_HEADERS."""
    if any(map(environ.get, BYPASS_HEADERS)):
        return None
    return tuple([environ.get(name) for name in KEY_HEADERS])


def store(table: MutableMapping[Key, Stored], key: Key | None, entry: Stored) -> None:
    """Stores the entry, unless its key is missing or too long. Clears a full table first."""
    if key is None or sum(len(str(part)) for part in key) > MAX_KEY_CHARACTERS:
        return
    if len(table) >= MAX_ENTRIES and key not in table:
        table.clear()
    table[key] = entry


def names(*headers: str) -> frozenset[bytes]:
    """Returns names as ASGI has them."""
    return frozenset(name.lower().encode() for name in headers)


def without(headers: Headers, own: frozenset[bytes]) -> Headers:
    """Returns the headers that are the same for all answers."""
    return [header for header in headers if header[0] not in own]
