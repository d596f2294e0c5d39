"""The fast path of POST /api/v1/orders: answers common requests, passes all others to Django.

An app sends thousands of orders with the same headers. Of the time that an order spends in HTTP,
Django needs three quarters: it makes a request object, runs the middleware, finds the path and
makes the same response headers each time. So the headers of a response by Django are stored by the
cache key of the request (larder/fastpath/cache_key.py). The next order with this key is read,
placed and answered here, by the functions that Django's view calls.

Only Django refuses requests. A request whose caller or body cannot be checked here goes to Django
unchanged. If placing fails here, the request goes to Django with the error, which Django answers.
"""

from collections.abc import Iterable
from io import BytesIO
from time import monotonic, perf_counter_ns
from typing import Any, NamedTuple

from django_guid import clear_guid

from larder.core import commits
from larder.core.best_effort import best_effort
from larder.core.stopwatch import BEGAN
from larder.db import database
from larder.fastpath.cache_key import CacheKey, Header, cache_key, store
from larder.fastpath.response_cache import AccessLogHook
from larder.http.authentication import remembered_caller
from larder.http.content_type import Application
from larder.http.correlation import HEADER, ID, identify
from larder.http.idempotency import idempotency_key, replay_headers
from larder.http.positions import HEADER as POSITION
from larder.http.positions import position_header
from larder.http.quotas import HEADERS as QUOTA
from larder.http.quotas import quota_headers
from larder.http.raw_body import is_late
from larder.http.read_your_writes import COMMITS, note_write_of
from larder.identity.caller import Caller
from larder.v1.bodies import decode_if_valid
from larder.v1.http import Body, encoded
from larder.v1.order_shapes import shown
from larder.v1.orders import NewOrder, place
from larder.v1.resources import EARLIER_ERROR

PATH = "/api/v1/orders"
OPERATION = f"POST {PATH}"

MAX_BODY_BYTES = 64 * 1024
"""Longer bodies go to Django. An order of a hundred lines has 4,000 bytes."""

CREATED = "201 Created"
REPLAYED = "Idempotency-Replayed"
OWN_HEADERS = frozenset({"ETag", "Location", "Content-Length", HEADER, POSITION, *QUOTA})
"""Headers whose values differ for each order."""


class Answer(NamedTuple):
    """The caller, the headers and the body of one order's response; other headers are stored."""

    who: Caller
    headers: list[Header]
    content: bytes


class OrderFastPath:
    """A WSGI application that places orders, and passes all other requests to `application`.

    It calls `log_access` for each response that Django does not see.
    """

    def __init__(self, application: Application, log_access: AccessLogHook) -> None:
        self._application = application
        self._log_access = log_access
        self._headers: dict[CacheKey, list[Header]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "POST":
            return self._application(environ, start_response)
        key = cache_key(environ)
        if key is None or environ["SCRIPT_NAME"] or not _is_short(environ):
            return self._application(environ, start_response)
        headers = self._headers.get(key)
        if headers is None:
            return self._store_headers(key, environ, start_response)
        answer = _answer(environ)
        if answer is None:
            return self._application(environ, start_response)
        start_response(CREATED, [*headers, *answer.headers])
        best_effort(self._log_access, 201, environ[BEGAN], environ[ID], answer.who)
        clear_guid()
        return [answer.content]

    def _store_headers(
        self, key: CacheKey, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        """Returns Django's response. If Django placed an order, stores the response headers."""

        def begin(status: str, headers: list[Header], *error: Any) -> Any:
            names = {name for name, _ in headers}
            if status == CREATED and REPLAYED not in names:
                shared = [one for one in headers if one[0] not in OWN_HEADERS]
                store(self._headers, key, shared)
            return start_response(status, headers, *error)

        return self._application(environ, begin)


def _is_short(environ: dict[str, Any]) -> bool:
    length = environ.get("CONTENT_LENGTH") or ""
    return (
        length.isascii() and length.isdigit() and len(length) < 6 and int(length) <= MAX_BODY_BYTES
    )


def _answer(environ: dict[str, Any]) -> Answer | None:
    """Places the order and returns the response. Returns None where Django must answer: it can read
    the body again, and finds the error of a failed attempt in the environ."""
    who = remembered_caller(environ.get("HTTP_AUTHORIZATION"))
    if who is None:
        return None
    environ[BEGAN] = perf_counter_ns()
    length, began = int(environ["CONTENT_LENGTH"]), monotonic()
    raw = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = BytesIO(raw)
    # After a slow body, Django authenticates the caller again.
    body = decode_if_valid(raw, NewOrder) if len(raw) == length and not is_late(began) else None
    if body is None:
        return None
    identify(environ)
    commits.restart()
    try:
        return _placed(body, who, environ)
    except Exception as error:
        environ[EARLIER_ERROR], environ[COMMITS] = error, commits.count()
        return None


def _placed(body: NewOrder, who: Caller, environ: dict[str, Any]) -> Answer:
    """Places the order. Raises what `place` raises."""
    placed = place(body, who, key=idempotency_key(environ), operation=OPERATION)
    order = placed.order
    answer = Body(encoded(shown(order)), order.version)
    best_effort(note_write_of, who.id)
    headers = {
        "ETag": answer.tag,
        "Location": f"{PATH}/{order.id}",
        "Content-Length": str(len(answer.raw)),
        HEADER: environ[ID],
    } | replay_headers(replayed=placed.replayed)
    if placed.left is not None:
        headers |= quota_headers(placed.left)
    if position := position_header():
        headers[POSITION] = position
    best_effort(database.release)
    return Answer(who, list(headers.items()), answer.raw)
