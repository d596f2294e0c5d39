"""Pages by cursor: where the last page ended, not how far it was, so cost does not grow."""

import base64
from collections.abc import Callable, Sequence
from typing import TypeVar
from urllib.parse import quote, unquote_plus

import msgspec
from django.http import HttpRequest

from larder.core.errors import Fault, InvalidInput
from larder.core.parts import Part
from larder.http.addresses import base_url
from larder.http.nesting import NestedTooDeeply, require_shallow

Item = TypeVar("Item")
Cursor = TypeVar("Cursor", bound="Place")


class Place(msgspec.Struct, array_like=True):
    """Where a page ended. Each list has its own kind, with its own tag: a cursor of one list
    is refused by another. Bounds keep what a client made up away from the database."""


def encode(place: Place) -> str:
    """A cursor: opaque for the client, JSON in base64 for us."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def decode(cursor: str, kind: type[Cursor]) -> Cursor | None:
    """What `encode` was given; None without a cursor. Raises InvalidInput for any other text."""
    if not cursor:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        require_shallow(raw)
        return msgspec.json.decode(raw, type=kind)
    except (ValueError, NestedTooDeeply) as error:
        raise unusable_cursor() from error


def unusable_cursor() -> InvalidInput:
    """The refusal of a cursor that did not come from a page of this list."""
    return InvalidInput([Fault("cursor", "invalid_cursor", "Use the next link unchanged.")])


Links = Callable[[Place], str]
"""What leads on from a page: the absolute URL of the page behind a place."""


def links(request: HttpRequest) -> Links:
    """Links with the filters of this page. They need the request no more."""
    path, asked = f"{base_url(request)}{request.path}", request.META.get("QUERY_STRING", "")

    def link(place: Place) -> str:
        filters = asked if asked.isascii() else quote(asked, safe="%&=+", encoding="latin-1")
        kept = [one for one in filters.split("&") if one and _name(one) != "cursor"]
        return f"{path}?{'&'.join([f'cursor={encode(place)}', *kept])}"

    return link


def _name(parameter: str) -> str:
    return unquote_plus(parameter.partition("=")[0])


def part(
    link: Links, found: Part[Item], place: Callable[[Item], Place]
) -> tuple[Sequence[Item], str | None]:
    """The rows of a part and the link to the next one, if there is one."""
    return found.rows, link(place(found.rows[-1])) if found.more else None


def page(
    link: Links,
    found: Sequence[Item],
    limit: int,
    place: Callable[[Item], Place],
) -> tuple[Sequence[Item], str | None]:
    """Splits `limit + 1` rows into the page and the link to the next one, if there is one."""
    if len(found) <= limit:
        return found, None
    return found[:limit], link(place(found[limit - 1]))
