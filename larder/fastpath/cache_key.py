"""What is answered in front of Django: by what it is known again, and how much is kept.

Headers of an answer are made by Django and its middleware alone, once for everybody who asks in
the same way, and kept as they left. Whatever is unusual about a request goes to Django each time.
"""

from collections.abc import Mapping, MutableMapping
from typing import Any, TypeVar

Asked = tuple[object, ...]
Header = tuple[str, str]
Kept = TypeVar("Kept")

SAME = (
    *("PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT"),
    *("wsgi.url_scheme", "HTTP_X_FORWARDED_PROTO", "HTTP_ACCEPT", "HTTP_ACCEPT_ENCODING"),
    "CONTENT_TYPE",
)
"""What the headers of an answer depend on, beside who asks for it and what they have."""

UNUSUAL = ("HTTP_ORIGIN", "HTTP_LARDER_POSITION", "HTTP_COOKIE")
"""What Django looks at and a mobile app does not send."""

MOST_KEPT = 256
"""Of each kind in one process; then all are forgotten."""

LONGEST_QUESTION = 4096
"""Characters of what an answer depends on; of longer ones none is kept."""


def asked(environ: Mapping[str, Any]) -> Asked | None:
    """By what an answer to this request is known again; None where something is unusual."""
    if any(map(environ.get, UNUSUAL)):
        return None
    return tuple([environ.get(name) for name in SAME])


def keep(kept: MutableMapping[Asked, Kept], asked: Asked, one: Kept) -> None:
    """Keeps it among the others, unless it is known by too much."""
    if sum(len(str(part)) for part in asked) > LONGEST_QUESTION:
        return
    if len(kept) >= MOST_KEPT and asked not in kept:
        kept.clear()
    kept[asked] = one
