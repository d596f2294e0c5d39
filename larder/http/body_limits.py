"""The limits on the length of a body, checked before raw_body.py reads it. A body with a password
or a token is short."""

from collections.abc import Mapping
from typing import Any

from larder.core.errors import DomainError
from larder.core.limits import MAX_OPEN_BODY_BYTES

LEFT_UNREAD = "larder.left_unread"
"""The key of a request's META which says that its body must not be read."""


class BodyTooLarge(DomainError):
    """The body has more bytes than the operation accepts."""

    code = "body_too_large"


def require_at_most(limit: int, meta: Mapping[str, Any]) -> None:
    """Raises BodyTooLarge if the Content-Length is above the limit. Reads nothing."""
    if declared_length(meta) > limit:
        raise BodyTooLarge


def require_short(meta: dict[str, Any]) -> None:
    """Raises BodyTooLarge if the Content-Length is above MAX_OPEN_BODY_BYTES. Reads nothing, and
    sets LEFT_UNREAD."""
    if declared_length(meta) > MAX_OPEN_BODY_BYTES:
        meta[LEFT_UNREAD] = True
        raise BodyTooLarge


def declared_length(meta: Mapping[str, Any]) -> int:
    """Returns the Content-Length; 0 if it is missing or invalid."""
    try:
        return max(0, int(meta.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0
