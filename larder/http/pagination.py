"""Pagination by cursor. A cursor names the last row of a page, so all pages cost the same."""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Self, TypeVar
from urllib.parse import quote, unquote_plus

import msgspec
from django.http import HttpRequest

from larder.core.errors import Fault, InvalidInput
from larder.core.parts import Part
from larder.http.addresses import base_url

Item = TypeVar("Item")
Kind = TypeVar("Kind", bound="Cursor")


class Cursor(msgspec.Struct, array_like=True):
    """The last row of a page. Its fields have bounds."""

    @classmethod
    def of(cls, row: object) -> Self:
        """Returns the cursor of a row, from its attributes of the same names."""
        return cls(*(getattr(row, name) for name in cls.__struct_fields__))

    def fits(self, customer: int, parameters: Mapping[str, str]) -> bool:
        """Returns whether the customer may use it in a request with these query parameters."""
        return True


def encode(cursor: Cursor) -> str:
    """Returns a cursor as text: JSON in base64, which clients do not parse."""
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def read(name: str, kind: type[Kind], customer: int, parameters: Mapping[str, str]) -> Kind | None:
    """Returns the cursor in the parameter `name` (of UNUSABLE); None without one, and for a text
    with U+0000, which the parameters refuse. Raises InvalidInput."""
    text = parameters.get(name, "")
    cursor = None if "\0" in text else decode(text, kind, name)
    if cursor is None or cursor.fits(customer, parameters):
        return cursor
    raise InvalidInput([UNUSABLE[name]])


def decode(text: str, kind: type[Kind], name: str = "cursor") -> Kind | None:
    """Returns the cursor that `encode` was called with; None for an empty text. Raises InvalidInput
    for any other text."""
    if not text:
        return None
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return msgspec.json.decode(raw, type=kind)
    except (ValueError, RecursionError) as error:
        raise InvalidInput([UNUSABLE[name]]) from error


UNUSABLE = {
    "cursor": Fault("cursor", "invalid_cursor", "Use the next link unchanged."),
    "since": Fault(
        "since",
        "invalid_since",
        "Use the since of the previous response unchanged, for the same customer.",
    ),
    "Last-Event-ID": Fault(
        "Last-Event-ID", "invalid_event_id", "Use the id of an event unchanged."
    ),
}
"""The parameters and the header that take a cursor, and the fault of one that is not of here."""


Links = Callable[[Cursor], str]
"""Returns the absolute URL of the page after this cursor."""


def links(request: HttpRequest) -> Links:
    """Returns a function that makes links with the filters of this page. It does not use the
    request."""
    path, query = f"{base_url(request)}{request.path}", request.META.get("QUERY_STRING", "")

    def link(cursor: Cursor) -> str:
        filters = query if query.isascii() else quote(query, safe="%&=+", encoding="latin-1")
        texts = ((text, unquote_plus(text.partition("=")[0])) for text in filters.split("&"))
        others = [text for text, name in texts if text and name != "cursor"]
        return f"{path}?{'&'.join([f'cursor={encode(cursor)}', *others])}"

    return link


def part(
    link: Links, page: Part[Item], cursor_of: Callable[[Item], Cursor]
) -> tuple[Sequence[Item], str | None]:
    """Returns the rows of a part, and the link to the next part if there is one."""
    return page.rows, link(cursor_of(page.rows[-1])) if page.more else None
