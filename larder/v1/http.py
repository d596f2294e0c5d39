"""Reads requests and writes answers, for all views of v1."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers
from msgspec import Meta

from larder.core.clock import now
from larder.core.ids import SYSTEM_ACTOR
from larder.core.limits import MAX_PAGE_ROWS, PAGE_ROWS
from larder.core.parts import Part
from larder.db.idempotency import RETENTION, Claim, Scope, fingerprint
from larder.http.api_headers import idempotency_key, operation_of
from larder.http.bodies import Body, encoded
from larder.http.compression import SMALLEST_COMPRESSED, packed, takes_gzip
from larder.http.pagination import Cursor
from larder.http.preconditions import tag_wanted
from larder.identity.caller import Caller
from larder.v1.shapes import Id

Shape = TypeVar("Shape", bound=msgspec.Struct)

Limit = Annotated[int, Meta(ge=1, description=f"Rows of a page, at most {MAX_PAGE_ROWS}.")]
CursorText = Annotated[str, Meta(description="From the `next` link of the previous page.")]


class PageParameters(msgspec.Struct, kw_only=True):
    """The parameters of all lists. The decoded cursor is a separate argument."""

    limit: Limit = PAGE_ROWS
    cursor: CursorText = ""

    @property
    def rows(self) -> int:
        """The maximum number of rows of the page."""
        return min(self.limit, MAX_PAGE_ROWS)


class IdCursor(Cursor, array_like=True):
    """The last row of a page of rows by their number."""

    id: Id


class UuidCursor(Cursor, array_like=True):
    """The last row of a page of rows by their UUID."""

    id: UUID


class Listed(NamedTuple):
    """A part of a list, the function that shows a row of it, and other members of the page."""

    part: Part[Any]
    shape: Callable[[Any], object]
    others: Mapping[str, Any] = {}


class Answer(NamedTuple):
    """An object to answer with. `status` 0 stands for the first that the operation declares.
    `version` is that of the ETag, None for the object's own; `of` as in `reply_tagged`; `location`
    the path of a new object, by default its id below that of the request."""

    payload: Any
    replayed: bool = False
    status: int = 0
    version: int | None = None
    of: str = ""
    location: str = ""


def shaped(row: object, kind: type[Shape], **others: Any) -> Shape:
    """Returns the struct of an answer: `others`, and the row's attributes of the same names."""
    names = kind.__struct_fields__
    return kind(**{name: others[name] if name in others else getattr(row, name) for name in names})


def no_content(status: int = 204) -> HttpResponse:
    """Returns an answer without a body."""
    response = HttpResponse(status=status)
    del response.headers["Content-Type"]
    return response


def reply_tagged(request: HttpRequest, payload: Any, *, version: int, of: str) -> HttpResponse:
    """Returns a JSON answer with an ETag (`"<version>-<digest>"`), or 304 if the client has it. A
    read is compressed for a client that accepts it.

    `of`, in hexadecimal digits, is put before the digest. It names the object of the version, for
    paths that lead to different objects at different times.
    """
    raw, is_read = encoded(payload), request.method in {"GET", "HEAD"}
    may_be_packed = is_read and len(raw) >= SMALLEST_COMPRESSED
    is_packed = may_be_packed and takes_gzip(request)
    body = Body(raw, version, of, coding="gzip" if is_packed else "")
    seen = request.META.get("HTTP_IF_NONE_MATCH")
    if seen and is_read and is_named(seen, body.tag):
        response = no_content(304)
    else:
        response = HttpResponse(packed(raw) if is_packed else raw, content_type="application/json")
        if is_packed:
            response.headers["Content-Encoding"] = "gzip"
    response.headers["ETag"] = body.tag
    response.headers["Cache-Control"] = "private, no-cache"
    if may_be_packed:
        patch_vary_headers(response, ["Accept-Encoding"])
    return response


def is_named(header: str, tag: str) -> bool:
    """Returns whether `If-None-Match` names the tag."""
    tags = [tag.strip().removeprefix("W/") for tag in header.split(",")]
    return "*" in tags or tag in tags


def version_wanted(request: HttpRequest) -> int | None:
    """Returns the version in `If-Match`; None without the header or for `*`.

    Returns -1, which matches no version, for another value.
    """
    named = tag_wanted(request)
    return None if named is None else named.version


def claim(
    request: HttpRequest,
    who: Caller | None,
    *content: object,
    digest: bytes = b"",
    result: str = "",
) -> Claim | None:
    """Returns the claim of the request's idempotency key for its content, or the `digest` of a
    file; None without a key. It is stored for RETENTION; with a `result`, the id of an order, for
    ever."""
    key = idempotency_key(request.META)
    if key is None:
        return None
    actor = who.public_id if who else SYSTEM_ACTOR
    expires_at = None if result else now() + RETENTION
    scope = Scope(actor, operation_of(request), key)
    return Claim(scope, digest or fingerprint(*content), result, expires_at)
