"""The application that the server runs (ASGI): reads each request on the event loop, and answers it
there, or lets Django answer it in a thread.

No thread waits for a client: a body is read before, with a limit and a deadline, and an answer that
a client reads slowly is sent by the server. A thread makes each part of a long file when the client
has taken those before; the parts of an asynchronous answer take no thread at all.

Only Django and its middleware compute the headers of an answer. They depend on the key of the
request, so an operation of the event loop stores them for all requests with the same key, when
Django gives the first answer. Requests without a key always go to Django. So do those that are
refused.
"""

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    MutableMapping,
)
from contextlib import suppress
from functools import partial
from io import BytesIO
from math import inf
from threading import Lock
from time import perf_counter_ns
from typing import Any, NamedTuple, Protocol, TypeVar

from django.core.handlers.wsgi import WSGIRequest
from django.urls import Resolver404, resolve

from larder.core.errors import DomainError, Overloaded
from larder.db import database
from larder.front.requests import (
    Key,
    Receive,
    discard_body,
    environ_of,
    has_body,
    pattern_of,
    read_body,
)
from larder.front.threads import Threads
from larder.front.turns import PROBE, QueueOf, Turns
from larder.http import answered_requests, problems
from larder.http.answered_requests import BEGAN
from larder.http.api_headers import CORRELATION_HEADER, identify
from larder.http.bodies import declared_length
from larder.http.refusals import BodyTimeout

Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
Headers = list[tuple[bytes, bytes]]
Stored = TypeVar("Stored")

PART_SECONDS = 300.0
"""Seconds in which a client must take a part of an answer."""

END_SECONDS = 1.0
"""Seconds in which a client must take the end of such an answer."""

FILES_AT_ONCE = 4
"""Threads of a process that make the parts of long files, as many as exports can be open
(larder/http/long_files.py)."""

JOINED_BYTES = 1024 * 1024
"""A file with at most so many bytes is sent at once, not in parts."""

MAX_ENTRIES = 256
"""Entries of a table in one process. A full table is cleared."""

MAX_KEY_CHARACTERS = 4096
"""Characters of a key. Answers with longer keys are not stored."""


class Answer(NamedTuple):
    """An answer: status, headers, body; `parts` in place of a body that is sent in parts, and
    whether they do not end by themselves."""

    status: int
    headers: Headers
    body: bytes
    parts: AsyncIterator[bytes] | None = None
    is_endless: bool = False


class AtOnce(Protocol):
    """An operation that is answered on the event loop."""

    async def answer(self, environ: dict[str, Any], raw: bytes) -> Answer | None:
        """Returns the answer; None where Django must answer. Raises Overloaded."""

    def learn(self, environ: Mapping[str, Any], answer: Answer) -> None:
        """Stores what later requests need of Django's answer."""


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
        self._threads, self._spare = threads, Threads(1)
        self._at_once = at_once
        self._turns = Turns(queue_of)
        self._files = Threads(FILES_AT_ONCE)
        self._open: set[asyncio.Task[None]] = set()
        """Answers that do not end by themselves."""
        self._is_stopping = False

    def stop(self) -> None:
        """Ends answers that would not end by themselves, and begins no more: the server stops."""
        self._is_stopping = True
        for sending in self._open:
            sending.cancel()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        environ = environ_of(scope)
        try:
            raw = await read_body(environ, receive) if has_body(environ) else b""
            environ[BEGAN] = perf_counter_ns()
            answer = await self._answer(environ, raw)
        except (BodyTimeout, Overloaded) as error:
            answer = _refused(environ, error)
        else:
            if raw is None and "HTTP_EXPECT" not in environ:
                await discard_body(receive)
        if answer.is_endless and self._is_stopping:
            answer = _refused(environ, Overloaded())
        await send(_start(answer.status, answer.headers))
        if answer.parts is None:
            await send({"type": "http.response.body", "body": answer.body})
        else:
            # It lasts for minutes, and needs nothing of its request.
            del environ, raw, scope
            await self._send_parts(answer, answer.parts, receive, send)

    async def _send_parts(
        self, answer: Answer, parts: AsyncIterator[bytes], receive: Receive, send: Send
    ) -> None:
        """Sends the parts of an answer, until they end, the client is gone, or the server stops.
        Raises what making them does: then the server breaks the answer off."""
        gone = asyncio.create_task(_wait_until_gone(receive))
        sending = asyncio.create_task(_send_all(parts, send))
        if answer.is_endless:
            self._open.add(sending)
        await asyncio.wait([sending, gone], return_when=asyncio.FIRST_COMPLETED)
        self._open.discard(sending)
        failure = sending.exception() if sending.done() and not sending.cancelled() else None
        if failure is not None and not gone.done():
            raise failure
        sending.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await send({"type": "http.response.body", "body": b""})
        gone.cancel()

    async def _answer(self, environ: dict[str, Any], raw: bytes | None) -> Answer:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        at_once = self._at_once.get((method, path)) or self._at_once.get((method, pattern_of(path)))
        # Django refuses a body that is cut off, or whose length is not known.
        if at_once is None or raw is None or len(raw) != declared_length(environ):
            return await self._in_thread(environ, raw)
        answer = await at_once.answer(environ, raw)
        if answer is None:
            answer = await self._in_thread(environ, raw)
            at_once.learn(environ, answer)
        return answer

    async def _in_thread(self, environ: dict[str, Any], raw: bytes | None) -> Answer:
        """Returns Django's answer, when it is the request's turn."""
        run = partial(call, self._application, environ, raw or b"", self._files)
        threads = self._spare if environ["PATH_INFO"] == PROBE else self._threads
        async with self._turns.turn(environ):
            return await threads.run(run)


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


async def _send_all(parts: AsyncIterator[bytes], send: Send) -> None:
    async for part in parts:
        async with asyncio.timeout(PART_SECONDS):
            await send({"type": "http.response.body", "body": part, "more_body": True})


def _start(status: int, headers: Headers) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def _refused(environ: dict[str, Any], error: DomainError) -> Answer:
    """Returns the answer to a request that Django did not get, and notes it."""
    began = environ.setdefault(BEGAN, perf_counter_ns())
    correlation_id = identify(environ)
    request = WSGIRequest(environ | {"wsgi.input": BytesIO()})
    response = problems.from_domain(request, error)
    response.headers[CORRELATION_HEADER] = correlation_id
    route = None
    with suppress(Resolver404):
        route = resolve(request.path_info).route
    asked = request.method, route, request.path_info
    answered_requests.note(asked, response.status_code, began, correlation_id, None)
    return Answer(response.status_code, encode_headers(response.headers.items()), response.content)


def call(application: Application, environ: dict[str, Any], raw: bytes, files: Threads) -> Answer:
    """Returns the application's answer; in parts, if it is asynchronous or a long file. The parts
    of a file are made in `files`."""
    environ["wsgi.input"] = BytesIO(raw)
    # Django reads no body without its length, as one in chunks is sent.
    if raw and not environ.get("CONTENT_LENGTH"):
        environ["CONTENT_LENGTH"] = str(len(raw))
    began: list[Any] = []
    content: Any = application(environ, lambda *arguments: began.extend(arguments))
    status, headers = began[:2]
    answer = Answer(int(status[:3]), encode_headers(headers), b"")
    is_streamed = getattr(content, "streaming", False)
    has_parts = is_streamed and environ["REQUEST_METHOD"] != "HEAD"
    is_async = getattr(content, "is_async", False)
    length = float(dict(headers).get("Content-Length", inf))
    if has_parts and not is_async and length > JOINED_BYTES:
        database.release()
        return answer._replace(parts=_made_in(files, content))
    try:
        if has_parts and is_async:
            return answer._replace(parts=aiter(content.streaming_content), is_endless=True)
        if has_parts or not is_streamed:
            return answer._replace(body=b"".join(content))
        return answer
    finally:
        close = getattr(content, "close", None)
        if close is not None:
            close()


async def _made_in(files: Threads, content: Any) -> AsyncIterator[bytes]:
    """Yields the parts of a file. A thread makes each when the client has taken those before."""
    parts, busy = filter(None, content), Lock()

    def make() -> bytes | None:
        with busy:
            return next(parts, None)

    def close() -> None:
        with busy:
            content.close()

    try:
        while (part := await files.run(make)) is not None:
            yield part
    finally:
        files.run(close)


def encode_headers(headers: Iterable[tuple[str, str]]) -> Headers:
    """Returns headers as ASGI has them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def store(table: MutableMapping[Key, Stored], key: Key | None, entry: Stored) -> None:
    """Stores the entry, unless its key is missing or too long. Clears a full table first."""
    if key is None or sum(len(str(part)) for part in key) > MAX_KEY_CHARACTERS:
        return
    if len(table) >= MAX_ENTRIES and key not in table:
        table.clear()
    table[key] = entry


def names(*headers: str) -> frozenset[bytes]:
    """Returns names as ASGI has them."""
    return frozenset(name.lower().encode() for name in headers)


def without(headers: Headers, own: frozenset[bytes]) -> Headers:
    """Returns the headers that are the same for all answers."""
    return [header for header in headers if header[0] not in own]
