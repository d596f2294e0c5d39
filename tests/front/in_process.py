"""A client of the operations of the event loop, in the process of the tests."""

import asyncio
import json
import re
import sys
from collections.abc import Callable, Coroutine, Iterable
from http import HTTPStatus
from time import perf_counter_ns
from typing import Any, TypeVar, cast

from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory

from larder.front.application import Answer, call
from larder.front.orders import Writes
from larder.front.requests import pattern_of
from larder.front.threads import Threads
from larder.http.answered_requests import BEGAN
from larder.http.bodies import declared_length

Result = TypeVar("Result")
Headers = dict[str, str]
Answered = tuple[str, Headers, bytes]

USUAL: list[Headers] = [
    {},
    {"Accept": "application/json"},
    {"Accept_Encoding": "gzip"},
    {"Host": "localhost"},
    {"X_Forwarded_Proto": "https"},
    {"User_Agent": "an app", "Accept_Language": "de"},
]
"""Headers that apps send."""

JSON = {"Content_Type": "application/json"}


NO_LOOP = asyncio.new_event_loop()
"""Of futures that are done."""


class Inline(Threads):
    """Runs functions in the thread of the test, which has its connection."""

    def run(self, function: Callable[[], Result]) -> asyncio.Future[Result]:
        future: asyncio.Future[Result] = asyncio.Future(loop=NO_LOOP)
        try:
            future.set_result(function())
        except Exception as error:
            future.set_exception(error)
        return future


class OnLoop:
    """Sends requests to an operation of the event loop, and counts those that reach Django.

    `kind` is Products, orders or confirmations.
    """

    def __init__(self, kind: Callable[[Threads], Any]) -> None:
        self.reached = 0
        self.django = WSGIHandler()
        self._kind = kind
        self.forget()

    def forget(self) -> None:
        """Forgets the answers of Django."""
        self.operation = self._kind(Inline(1))

    def __call__(
        self, token: str, path: str = "products", method: str = "GET", **headers: str
    ) -> Answered:
        """Status, headers and body; `Accept_Encoding="gzip"` is a header."""
        return self.send(b"", token, path, method, **headers)

    def send(
        self, body: bytes, token: str, path: str, method: str = "POST", **headers: str
    ) -> Answered:
        """Sends a request with a body; otherwise as a call."""
        if token:
            headers.setdefault("Authorization", f"Bearer {token}")
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        environ = RequestFactory().generic(method, f"/api/v1/{path}", body, headers=names).environ
        environ["CONTENT_TYPE"] = headers.get("Content_Type", "")
        environ["CONTENT_LENGTH"] = headers.get("Content_Length", str(len(body) or ""))
        environ[BEGAN] = perf_counter_ns()
        answer = self._at_once(environ, body)
        if answer is None:
            answer = call(self._counted, environ, body, Inline(1))
            assert answer.parts is None
            self.operation.learn(environ, answer)
        sent = [(name.decode(), value.decode()) for name, value in answer.headers]
        shown = {spelled(name): value for name, value in sent}
        assert len(shown) == len(sent), "a header twice"
        return f"{answer.status} {HTTPStatus(answer.status).phrase}", shown, answer.body

    def _at_once(self, environ: dict[str, Any], body: bytes) -> Answer | None:
        module = sys.modules[self._kind.__module__]
        pattern = getattr(self.operation, "path", module.PATH)
        asked = (
            environ["REQUEST_METHOD"],
            pattern_of(environ["PATH_INFO"]),
            declared_length(environ),
        )
        if asked != (module.METHOD, pattern, len(body)):
            return None
        answering: Coroutine[Any, Any, Answer | None] = self.operation.answer(environ, body)
        # On an event loop, Django would use another connection.
        return (
            asyncio.run(answering)
            if isinstance(self.operation, Writes)
            else without_loop(answering)
        )

    def _counted(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.reached += 1
        return self.django(environ, start_response)


def without_loop(answering: Coroutine[Any, Any, Result]) -> Result:
    """Returns the result of a coroutine that waits for nothing."""
    try:
        answering.send(None)
    except StopIteration as end:
        return cast(Result, end.value)
    raise AssertionError


def spelled(name: str) -> str:
    """The usual spelling of a header's name."""
    usual = {
        "etag": "ETag",
        "correlation-id": "Correlation-ID",
        "www-authenticate": "WWW-Authenticate",
    }
    usual |= {"ratelimit": "RateLimit", "ratelimit-policy": "RateLimit-Policy"}
    return usual.get(name, name.title())


def without_id(answer: Answered) -> Answered:
    """Returns the answer without its correlation id."""
    status, headers, body = answer
    return (
        status,
        {name: value for name, value in headers.items() if name != "Correlation-ID"},
        body,
    )


def without_correlation(answer: Answered) -> Any:
    """Returns the answer as JSON, without its correlation id."""
    status, headers, body = without_id(answer)
    return status, headers, json.loads(body) | {"correlation_id": ""}


OF_ONE = re.compile(rb'"(id|number|placed_at|updated_at)":("[^"]+"|\d+)')


def alike(answer: Answered) -> Answered:
    """Returns the answer without what differs between orders. Checks its ETag and Location."""
    status, headers, body = without_id(answer)
    if status.startswith("201"):
        # It is the time, without replicas.
        assert headers.pop("Larder-Position")
        order = json.loads(body)
        assert headers.pop("Location") == f"/api/v1/orders/{order['id']}"
        assert re.fullmatch(r'"1-[0-9a-f]{24}"', headers.pop("ETag"))
        assert headers.pop("Content-Length") == str(len(body))
        left = headers.pop("RateLimit", '"orders";r=0;t=0')
        assert re.fullmatch(r'"orders";r=[0-9]+;t=[0-9]+', left)
    return status, headers, OF_ONE.sub(rb'"\1":""', body)


class Ordering:
    """Orders of one customer: `ordering(lines=[...])`, with headers by name."""

    def __init__(self, on_loop: OnLoop, token: str, jam: int) -> None:
        self.on_loop, self.token, self._lines = (
            on_loop,
            token,
            [{"product": jam, "quantity": 2}],
        )

    def __call__(self, *, headers: Headers | None = None, **body: Any) -> Answered:
        return self.raw(json.dumps({"lines": self._lines} | body).encode(), headers or {})

    def raw(self, body: bytes, headers: Headers) -> Answered:
        """Sends these bytes."""
        return self.on_loop.send(body, self.token, "orders", **(JSON | headers))


STOCK = 1000
"""Units of the product that is ordered, two at a time."""

UNKNOWN = {"product": 9**9, "quantity": 1}
"""A line with a product that does not exist."""


def body_of(body: dict[str, Any], jam: int) -> bytes:
    """The request for an order of two jars, with these members."""
    return json.dumps({"lines": [{"product": jam, "quantity": 2}]} | body).encode()
