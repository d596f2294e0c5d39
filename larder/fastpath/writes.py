"""The fast path of frequent writes: answers common requests, passes all others to Django.

An app sends thousands of orders with the same headers. Of the time that an order spends in HTTP,
Django needs three quarters: it makes a request object, runs the middleware, finds the path and
makes the same response headers each time. So the headers of a response by Django are stored by the
cache key of the request (larder/fastpath/cache_key.py). The next request with this key is read,
executed and answered here, by the functions that Django's view calls.

Only Django refuses requests. A request whose caller or body cannot be checked here goes to Django
unchanged. If the write fails here, the request goes to Django with the error, which Django answers.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from io import BytesIO
from time import monotonic, perf_counter_ns
from typing import Any, ClassVar, NamedTuple

from larder.core import commits
from larder.core.best_effort import best_effort
from larder.core.ids import CORRELATION_ID
from larder.core.stopwatch import BEGAN
from larder.db import database
from larder.fastpath.cache_key import CacheKey, Header, cache_key, store
from larder.fastpath.response_cache import AccessLogHook
from larder.http.content_type import Application
from larder.http.correlation import HEADER, ID, identify
from larder.http.idempotency import replay_headers
from larder.http.positions import COMMITS, position_header
from larder.http.positions import HEADER as POSITION
from larder.http.quotas import HEADERS as QUOTA
from larder.http.raw_body import is_late
from larder.identity.caller import Caller
from larder.orders.queries import OrderView
from larder.v1.http import Body, encoded
from larder.v1.order_shapes import shown
from larder.v1.resources import EARLIER_ERROR

MAX_BODY_BYTES = 64 * 1024
"""Longer bodies go to Django. An order of a hundred lines has 4,000 bytes."""

REPLAYED = "Idempotency-Replayed"
OWN_HEADERS = frozenset({"ETag", "Location", "Content-Length", HEADER, POSITION, *QUOTA})
"""Headers whose values differ for each order."""


class WrittenOrder(NamedTuple):
    """The order after the write, whether the request repeats an earlier one, and the headers of
    this kind of response."""

    order: OrderView
    replayed: bool
    headers: Mapping[str, str]


class Answer(NamedTuple):
    """The caller, the headers and the body of one response; other headers are stored."""

    who: Caller
    headers: list[Header]
    content: bytes


class WriteFastPath(ABC):
    """A WSGI application that executes one kind of POST request, and passes all other requests to
    `application`. A subclass says which, and how.

    It calls `log_access` for each response that Django does not see.
    """

    status: ClassVar[str]
    """The status of a response to a request that was executed."""

    def __init__(self, application: Application, log_access: AccessLogHook) -> None:
        self._application = application
        self._log_access = log_access
        self._headers: dict[CacheKey, list[Header]] = {}

    @abstractmethod
    def takes(self, environ: Mapping[str, Any]) -> bool:
        """Returns whether it can execute a POST request with this path and these headers."""

    @abstractmethod
    def caller(self, header: str | None) -> Caller | None:
        """Returns the caller of an Authorization header; None where Django must authenticate it."""

    @abstractmethod
    def decode(self, raw: bytes) -> Any:
        """Returns the body; None if it has a fault."""

    @abstractmethod
    def write(self, body: Any, who: Caller, environ: Mapping[str, Any]) -> WrittenOrder:
        """Executes the request. Raises the refusals of its service."""

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "POST" or not self.takes(environ):
            return self._application(environ, start_response)
        key = cache_key(environ)
        if key is None or environ["SCRIPT_NAME"] or not _is_short(environ):
            return self._application(environ, start_response)
        headers = self._headers.get(key)
        if headers is None:
            return self._store_headers(key, environ, start_response)
        answer = self._answer(environ)
        if answer is None:
            return self._application(environ, start_response)
        start_response(self.status, [*headers, *answer.headers])
        note = (int(self.status[:3]), environ[BEGAN], environ[ID], answer.who, environ["PATH_INFO"])
        best_effort(self._log_access, *note)
        CORRELATION_ID.set(None)
        return [answer.content]

    def _store_headers(
        self, key: CacheKey, environ: dict[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        """Returns Django's response. If the request was executed, stores the response headers."""

        def begin(status: str, headers: list[Header], *error: Any) -> Any:
            names = {name for name, _ in headers}
            if status == self.status and REPLAYED not in names:
                shared = [one for one in headers if one[0] not in OWN_HEADERS]
                store(self._headers, key, shared)
            return start_response(status, headers, *error)

        return self._application(environ, begin)

    def _answer(self, environ: dict[str, Any]) -> Answer | None:
        """Executes the request and returns the response. Returns None where Django must answer: it
        can read the body again, and finds the error of a failed attempt in the environ."""
        who = self.caller(environ.get("HTTP_AUTHORIZATION"))
        if who is None:
            return None
        environ[BEGAN] = perf_counter_ns()
        length, began = int(environ["CONTENT_LENGTH"]), monotonic()
        raw = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = BytesIO(raw)
        # After a slow body, Django authenticates the caller again.
        body = self.decode(raw) if len(raw) == length and not is_late(began) else None
        if body is None:
            return None
        identify(environ)
        commits.restart()
        try:
            return _shown(self.write(body, who, environ), who, environ)
        except Exception as error:
            environ[EARLIER_ERROR], environ[COMMITS] = error, commits.count()
            return None


def _is_short(environ: Mapping[str, Any]) -> bool:
    length = environ.get("CONTENT_LENGTH") or ""
    return (
        length.isascii() and length.isdigit() and len(length) < 6 and int(length) <= MAX_BODY_BYTES
    )


def _shown(written: WrittenOrder, who: Caller, environ: Mapping[str, Any]) -> Answer:
    answer = Body(encoded(shown(written.order)), written.order.version)
    headers = {
        "ETag": answer.tag,
        "Content-Length": str(len(answer.raw)),
        HEADER: environ[ID],
        POSITION: position_header(),
        **written.headers,
        **replay_headers(replayed=written.replayed),
    }
    best_effort(database.release)
    return Answer(who, list(headers.items()), answer.raw)
