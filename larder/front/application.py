"""The application that the server runs (ASGI): reads each request on the event loop, and lets
Django answer it in a thread.

No thread waits for a client: a body is read before, with a limit and a deadline, and an answer that
a client reads slowly is sent by the server; only the parts of a long file wait for their reader.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from io import BytesIO
from time import perf_counter_ns
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.urls import Resolver404, resolve

from larder.core.errors import DomainError, Overloaded
from larder.front import bodies
from larder.front.at_once import AtOnce, pattern_of
from larder.front.bodies import Receive, TooSlow
from larder.front.threads import Threads
from larder.front.turns import QueueOf, Turns
from larder.front.wsgi import Answer, Application, Headers, call, encoded, environ_of
from larder.http import answered_requests, problems
from larder.http.answered_requests import BEGAN
from larder.http.bodies import declared_length
from larder.http.correlation import HEADER, identify
from larder.http.negotiation import for_reader
from larder.http.refusals import BodyTimeout

Send = Callable[[Mapping[str, Any]], Awaitable[None]]

PART_SECONDS = 300.0
"""Seconds in which a client must take a part of a long file."""


class Front:
    """Lets a WSGI application answer in threads. `at_once` are the operations that are answered on
    the event loop, by method and pattern. `queue_of` says which requests wait for one another."""

    def __init__(
        self,
        application: Application,
        threads: Threads,
        at_once: Mapping[tuple[str, str], AtOnce],
        queue_of: QueueOf,
    ) -> None:
        self._application = application
        self._threads = threads
        self._at_once = at_once
        self._turns = Turns(queue_of)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        environ = environ_of(scope)
        stream = _Stream(receive, send)
        try:
            raw = await bodies.read(environ, receive) if bodies.is_sent(environ) else b""
            environ[BEGAN] = perf_counter_ns()
            answer = await self._answer(environ, raw, stream)
        except TooSlow:
            answer = _refused(environ, BodyTimeout())
        except Overloaded as error:
            if stream.has_begun:
                raise
            answer = _refused(environ, error)
        else:
            if raw is None and "HTTP_EXPECT" not in environ:
                await bodies.discard(receive)
        if answer is not None:
            await send(_start(answer.status, answer.headers))
            await send({"type": "http.response.body", "body": answer.body})

    async def _answer(
        self, environ: dict[str, Any], raw: bytes | None, stream: "_Stream"
    ) -> Answer | None:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        at_once = self._at_once.get((method, path)) or self._at_once.get((method, pattern_of(path)))
        # Django refuses a body that is cut off, or whose length is not known.
        if at_once is None or raw is None or len(raw) != declared_length(environ):
            return await self._in_thread(environ, raw, stream)
        answer = await at_once.answer(environ, raw)
        if answer is None:
            answer = await self._in_thread(environ, raw, stream)
            if answer is not None:
                at_once.learn(environ, answer)
        return answer

    async def _in_thread(
        self, environ: dict[str, Any], raw: bytes | None, stream: "_Stream"
    ) -> Answer | None:
        """Returns Django's answer, when it is the request's turn; None if it was sent in parts."""
        run = partial(call, self._application, environ, raw or b"", stream.begin, stream.push)
        async with self._turns.turn(environ):
            answer = await self._threads.run(run)
        await stream.end()
        return answer


class _Stream:
    """An answer that a thread sends in parts. The event loop is that of its creation."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._loop = asyncio.get_running_loop()
        self._gone: asyncio.Task[None] | None = None

    def begin(self, status: int, headers: Headers) -> None:
        """Sends the headers. Called in the thread."""
        self._await(self._begin(status, headers))

    def push(self, part: bytes) -> bool:
        """Sends a part, when the client has taken enough of those before. Returns whether the
        client still reads. Called in the thread."""
        return bool(self._await(self._push(part)))

    @property
    def has_begun(self) -> bool:
        """Whether the headers are sent."""
        return self._gone is not None

    async def end(self) -> None:
        """Ends the answer, if it has begun."""
        if self._gone is not None:
            await self._send({"type": "http.response.body", "body": b""})
            self._gone.cancel()

    def _await(self, sending: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(sending, self._loop).result(PART_SECONDS)

    async def _begin(self, status: int, headers: Headers) -> None:
        self._gone = asyncio.create_task(self._wait_until_gone())
        await self._send(_start(status, headers))

    async def _push(self, part: bytes) -> bool:
        if self._is_read():
            await self._send({"type": "http.response.body", "body": part, "more_body": True})
        return self._is_read()

    def _is_read(self) -> bool:
        return self._gone is not None and not self._gone.done()

    async def _wait_until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            continue


def _start(status: int, headers: Headers) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def _refused(environ: dict[str, Any], error: DomainError) -> Answer:
    """Returns the answer to a request that Django did not get, and notes it."""
    began = environ.setdefault(BEGAN, perf_counter_ns())
    correlation_id = identify(environ)
    request = WSGIRequest(environ | {"wsgi.input": BytesIO()})
    response = for_reader(request, problems.from_domain(request, error))
    response.headers[HEADER] = correlation_id
    note = answered_requests.access_log_hook(request.method or "", _route(request.path_info))
    note(response.status_code, began, correlation_id, None, request.path_info)
    return Answer(response.status_code, encoded(response.headers.items()), response.content)


def _route(path: str) -> str | None:
    with suppress(Resolver404):
        return resolve(path).route
    return None
