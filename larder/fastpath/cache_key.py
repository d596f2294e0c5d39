"""The keys under which the fast path stores responses, and how many it stores.

Only Django and its middleware compute the headers of a response. They depend on the request
headers in CACHE_KEY_HEADERS, so the fast path stores them for all requests with the same values.
Requests with one of BYPASS_HEADERS always go to Django.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any, TypeVar

CacheKey = tuple[object, ...]
Header = tuple[str, str]
Stored = TypeVar("Stored")

CACHE_KEY_HEADERS = (
    *("SCRIPT_NAME", "QUERY_STRING", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT"),
    *("wsgi.url_scheme", "HTTP_X_FORWARDED_PROTO", "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING"),
    "CONTENT_TYPE",
)
"""The parts of a request on which the headers of its response depend, besides the operation and the
caller. Each operation has its cache."""

BYPASS_HEADERS = ("HTTP_ORIGIN", "HTTP_COOKIE")
"""Headers that Django reads and that a mobile app does not send."""

MAX_ENTRIES = 256
"""Entries of a cache in one process. A full cache is cleared."""

MAX_KEY_CHARACTERS = 4096
"""Characters of a key. Responses with longer keys are not stored."""


def cache_key(environ: Mapping[str, Any]) -> CacheKey | None:
    """Returns the key of the request; None if it has one of BYPASS_HEADERS."""
    if any(map(environ.get, BYPASS_HEADERS)):
        return None
    return tuple([environ.get(name) for name in CACHE_KEY_HEADERS])


def store(cache: MutableMapping[CacheKey, Stored], key: CacheKey, entry: Stored) -> None:
    """Stores the entry, unless its key is too long. Clears a full cache first."""
    if sum(len(str(part)) for part in key) > MAX_KEY_CHARACTERS:
        return
    if len(cache) >= MAX_ENTRIES and key not in cache:
        cache.clear()
    cache[key] = entry
