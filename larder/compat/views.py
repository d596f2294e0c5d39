"""Base classes of the earlier contracts' views, and the guard of their methods."""

import io
import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, TypeVar, cast

from rest_framework.exceptions import AuthenticationFailed, ParseError
from rest_framework.pagination import BasePagination
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from larder.compat.authentication import (
    BearerAuthentication,
    CookieAuthentication,
    KeyAuthentication,
    PasswordAuthentication,
)
from larder.compat.pages import Numbered, Rows
from larder.core import waits
from larder.core.errors import NotFound
from larder.core.limits import MAX_ID, MAX_OPEN_FORM_FIELDS, MAX_PAGE_ROWS
from larder.core.parts import Part
from larder.core.waits import SlotsPerKey, Turns
from larder.http import throttling
from larder.http.api_headers import SAFE
from larder.http.bodies import TOO_DEEP, has_many_brackets, raw_body, short_body
from larder.identity.caller import Caller
from larder.identity.errors import SessionEnded
from larder.identity.services import audit

Kinds = Sequence[type[Any]]

MOST_WAITING = 8
"""Requests of a process that wait at once, of as many accounts: each occupies a thread of the
server, of which there are 32 by default."""

_large = Turns(1, MOST_WAITING)
_accounts = SlotsPerKey(1)


@contextmanager
def one_at_a_time(account: Hashable) -> Iterator[None]:
    """Allows only one block of the process at a time to make a large answer, which takes memory and
    processor time that other clients need. Raises Overloaded: at once if a large answer of the
    account is made or waits, or if all waiting places are taken."""
    with _accounts.hold(account), _large.turn():
        yield


class StrictJson(JSONParser):
    """Parses JSON that can be stored: valid Unicode, and not too deep."""

    def parse(self, stream: Any, *args: Any, **options: Any) -> Any:
        raw = stream.read()
        if has_many_brackets(raw):
            raise ParseError(TOO_DEEP)
        try:
            parsed = super().parse(io.BytesIO(raw), *args, **options)
            json.dumps(parsed, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError(TOO_DEEP) from error
        except UnicodeEncodeError as error:
            raise ParseError from error
        return parsed


class StrictMultipart(MultiPartParser):
    """Parses multipart in encodings in which Python can read names; not in `idna`."""

    def parse(self, *args: Any, **options: Any) -> Any:
        try:
            return super().parse(*args, **options)
        except UnicodeError as error:
            raise ParseError from error


class ShortForm(FormParser):
    """Parses forms with a few fields."""

    def parse(self, stream: Any, *args: Any, **options: Any) -> Any:
        """Returns the fields of the body. Raises ParseError for one with more than
        MAX_OPEN_FORM_FIELDS."""
        raw = stream.read()
        if raw.count(b"&") >= MAX_OPEN_FORM_FIELDS:
            raise ParseError(f"A form has at most {MAX_OPEN_FORM_FIELDS} fields here.")
        return super().parse(io.BytesIO(raw), *args, **options)


class CompatView(APIView):
    """A path of an earlier contract; customers and staff, by key, token or the admin's cookie."""

    authentication_classes: Kinds = (
        BearerAuthentication,
        KeyAuthentication,
        CookieAuthentication,
    )
    parser_classes: Kinds = (StrictJson,)
    renderer_classes: Kinds = (JSONRenderer,)
    read_body = staticmethod(raw_body)
    serializer_class: type[Serializer[Any]]
    """The shape of what it reads and answers, where it has one."""
    pagination_class: type[BasePagination] = Numbered

    is_large = False
    """Whether this answer holds the lock for large answers."""

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Renders the answer while the limit of large answers holds."""
        with ExitStack() as self.until_rendered:
            response = super().dispatch(request, *args, **kwargs)
            if self.is_large:
                waits.release()
            if not getattr(response, "is_rendered", True):
                cast(Any, response).render()
            return response

    def whole(
        self, parts: Iterable[Part[Any]], shape: Callable[[Any], list[Any]] = list
    ) -> list[Any]:
        """Joins the parts of a list, shaped; those of a large one without a connection. One with
        more rows than a page of v1 is large. Raises Overloaded if other large answers are made."""
        rows: list[Any] = []
        for part in parts:
            if part.more or len(part.rows) > MAX_PAGE_ROWS:
                self.large()
            if self.is_large:
                waits.release()
            rows += shape(part.rows)
        return rows

    def shown(self, value: Any, *, many: bool = False) -> Any:
        return self.serializer_class(value, many=many, context={"request": self.request}).data

    def page(
        self, rows: Rows[Any], shape: Callable[[list[Any]], Any] | None = None
    ) -> dict[str, Any]:
        """Returns the envelope of the requested page. One with more rows than a page of v1 is a
        large answer. Raises the framework's NotFound, Overloaded."""
        paginator: Any = self.pagination_class()
        page_rows = list(paginator.paginate_queryset(rows, self.request))
        if len(page_rows) > MAX_PAGE_ROWS:
            self.large()
        results = self.shown(page_rows, many=True) if shape is None else shape(page_rows)
        envelope: dict[str, Any] = paginator.get_paginated_response(results).data
        return envelope

    def large(self) -> None:
        """Lets no other large answer be made until this one is rendered. Raises Overloaded."""
        if not self.is_large:
            self.until_rendered.enter_context(one_at_a_time(caller(self.request).id))
            self.is_large = True

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, SessionEnded):
            # The account was deactivated after authentication: 401 with the path's challenge.
            exc = AuthenticationFailed()
        return super().handle_exception(exc)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticates, then reads the body. Raises NotFound for an id that cannot exist, and what
        authentication and reading raise."""
        super().initial(request, *args, **kwargs)
        # An id above MAX_ID cannot exist.
        if any(isinstance(value, int) and value > MAX_ID for value in kwargs.values()):
            raise NotFound
        self.read_body(request._request)
        who = cast(Caller | None, request.user)
        if who is not None and who.is_staff:
            # The channel in the audit trail is the contract: larder.compat.contract2.shop.
            contract = type(self).__module__.split(".")[2]
            self.until_rendered.enter_context(audit.acting(who.public_id, contract))


class OpenView(CompatView):
    """A path without authentication; an Authorization header is ignored. Accepts forms."""

    authentication_classes: Kinds = ()
    permission_classes: Kinds = ()
    parser_classes: Kinds = (StrictJson, ShortForm, StrictMultipart)
    read_body = staticmethod(short_body)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Counts the request, and does what a CompatView does. Raises RateLimited."""
        if request.method not in SAFE:
            throttling.anonymous(request._request)
        super().initial(request, *args, **kwargs)


class Browsable(BrowsableAPIRenderer):
    """The framework's pages, with links to the admin."""

    template = "compat/browsable.html"


class BrowsableView(CompatView):
    """A path of contract 2, which staff can read in a browser with the cookie of the admin."""

    renderer_classes: Kinds = (JSONRenderer, Browsable)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Answers strangers in JSON: a page takes 20 to 50 ms."""
        if response.status_code == 401:
            request.accepted_renderer = JSONRenderer()
            request.accepted_media_type = JSONRenderer.media_type
        return super().finalize_response(request, response, *args, **kwargs)


class PasswordView(CompatView):
    """A path of contract 4: by password, or else by key or token."""

    authentication_classes: Kinds = (
        PasswordAuthentication,
        KeyAuthentication,
        BearerAuthentication,
    )


def caller(request: Request) -> Caller:
    """Returns the caller, on a path that needs credentials."""
    return cast(Caller, request.user)


def read(request: Request, shape: type[Serializer[Any]], **options: Any) -> Mapping[str, Any]:
    """Returns the body, as the serializer reads it.

    Raises ValidationError (field → sentences).
    """
    body = shape(data=request.data, **options)
    body.is_valid(raise_exception=True)
    validated: Mapping[str, Any] = body.validated_data
    return validated


View = TypeVar("View", bound=Callable[..., Any])


def needs(permission: str = "", *, key: str = "") -> Callable[[View], View]:
    """Refuses callers without `permission`, and keys that name permissions without `key`."""

    def decorated(view: View) -> View:
        @wraps(view)
        def guarded(self: Any, request: Any, **path: Any) -> Any:
            if permission:
                request.user.require(permission)
            request.user.require_named(key)
            return view(self, request, **path)

        method: Any = guarded
        method.permission, method.key_permission = permission, key
        return cast(View, method)

    return decorated
