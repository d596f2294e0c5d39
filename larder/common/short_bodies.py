"""The limit on bodies with a password or a token, held before anything of them is read."""

from collections.abc import Mapping
from typing import Any

from larder.common.errors import DomainError
from larder.common.limits import MAX_OPEN_BODY_BYTES


class BodyTooLarge(DomainError):
    """More bytes than the operation takes."""

    code = "body_too_large"


def require_short(meta: Mapping[str, Any]) -> None:
    """Raises BodyTooLarge for a request whose Content-Length is over MAX_OPEN_BODY_BYTES;
    reads nothing."""
    if declared_length(meta) > MAX_OPEN_BODY_BYTES:
        raise BodyTooLarge


def declared_length(meta: Mapping[str, Any]) -> int:
    """Returns the Content-Length; 0 where there is none, or one that is no length."""
    try:
        return max(0, int(meta.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0
