"""Pages by cursor: where the last page ended, not how far it was, so cost does not grow."""

import base64
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec
from django.conf import settings
from rest_framework.request import Request

from larder.common.errors import Fault, InvalidInput

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 100

Item = TypeVar("Item")
Cursor = TypeVar("Cursor")


def encode(position: Sequence[Any]) -> str:
    """A cursor: opaque for the client, JSON in base64 for us."""
    return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def decode(cursor: str | None, kind: type[Cursor]) -> Cursor | None:
    """What `encode` was given, as `kind`. Raises InvalidInput for any other text."""
    if not cursor:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return msgspec.json.decode(raw, type=kind)
    except (ValueError, msgspec.MsgspecError) as error:
        fault = Fault("cursor", "invalid", "Use the next link of a page as it is.")
        raise InvalidInput([fault]) from error


def next_link(request: Request, position: Sequence[Any]) -> str:
    """The absolute URL of the page behind `position`, with the filters of this one."""
    parameters = request.query_params.copy()
    parameters["cursor"] = encode(position)
    return f"{base_url(request)}{request.path}?{urlencode(sorted(parameters.items()))}"


def base_url(request: Request) -> str:
    """Scheme and host that clients use: PUBLIC_URL, or else what the request says."""
    return settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}"


def page(
    request: Request,
    found: Sequence[Item],
    limit: int,
    position: Callable[[Item], Sequence[Any]],
) -> tuple[Sequence[Item], str | None]:
    """Splits `limit + 1` rows into the page and the link to the next one, if there is one."""
    if len(found) <= limit:
        return found, None
    return found[:limit], next_link(request, position(found[limit - 1]))
