"""The limit on bodies with a password or a token, held before anything of them is read."""

from collections.abc import Mapping
from typing import Any

from larder.core.errors import DomainError
from larder.core.limits import MAX_OPEN_BODY_BYTES

LEFT_UNREAD = "larder.left_unread"
"""The key of a request's META under which it is noted that its body must not be read."""


class BodyTooLarge(DomainError):
    """More bytes than the operation takes."""

    code = "body_too_large"


def require_short(meta: dict[str, Any]) -> None:
    """Raises BodyTooLarge for a request whose Content-Length is over MAX_OPEN_BODY_BYTES;
    reads nothing, and notes LEFT_UNREAD."""
    if declared_length(meta) > MAX_OPEN_BODY_BYTES:
        meta[LEFT_UNREAD] = True
        raise BodyTooLarge


def declared_length(meta: Mapping[str, Any]) -> int:
    """Returns the Content-Length; 0 where there is none, or one that is no length."""
    try:
        return max(0, int(meta.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0
