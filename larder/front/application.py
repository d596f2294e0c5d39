"""The application that the server runs (ASGI): reads each request on the event loop, and answers it
there, or lets Django answer it in a thread.

No thread waits for a client: a body is read before, with a limit and a deadline, and an answer that
a client reads slowly is sent by the server; only the parts of a long file wait for their reader.
The parts of an asynchronous answer, which come whenever they do, take no thread at all.

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
from time import perf_counter_ns
from typing import Any, NamedTuple, Protocol, TypeVar

from django.core.handlers.wsgi import WSGIRequest
from django.urls import Resolver404, resolve

from larder.core.errors import DomainError, Overloaded
from larder.front.requests import (
    Key,
    Receive,
    TooSlow,
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
from larder.http.negotiation import for_reader
from larder.http.refusals import BodyTimeout

Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
Headers = list[tuple[bytes, bytes]]
Begin = Callable[[int, Headers], None]
Push = Callable[[bytes], bool]
"""Sends a part, when the client has taken those before. Returns whether the client still reads."""
Stored = TypeVar("Stored")

PART_SECONDS = 300.0
"""Seconds in which a client must take a part of an answer."""

END_SECONDS = 1.0
"""Seconds in which a client must take the end of such an answer."""

JOINED_BYTES = 1024 * 1024
"""A file with at most so many bytes is sent at once, not in parts."""

MAX_ENTRIES = 256
"""Entries of a table in one process. A full table is cleared."""

MAX_KEY_CHARACTERS = 4096
"""Characters of a key. Answers with longer keys are not stored."""


class Answer(NamedTuple):
    """An answer: status, headers, body; `parts` in place of a body that comes on the event loop."""

    status: int
    headers: Headers
    body: bytes
    parts: AsyncIterator[bytes] | None = None


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
        self._open: set[asyncio.Task[None]] = set()
        """Answers whose parts come on the event loop."""
        self._is_stopping = False

    def stop(self) -> None:
        """Ends answers that would not end by themselves, and begins no more: the server stops."""
        self._is_stopping = True
        for sending in self._open:
            sending.cancel()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        environ = environ_of(scope)
        stream = _Stream(receive, send)
        try:
            raw = await read_body(environ, receive) if has_body(environ) else b""
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
                await discard_body(receive)
        if answer is not None and answer.parts is not None and self._is_stopping:
            answer = _refused(environ, Overloaded())
        if answer is not None and answer.parts is not None:
            # It lasts for minutes, and needs nothing of its request.
            del environ, raw, scope
            await stream.send(answer, answer.parts, self._open)
        elif answer is not None:
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
        threads = self._spare if environ["PATH_INFO"] == PROBE else self._threads
        async with self._turns.turn(environ):
            answer = await threads.run(run)
        await stream.end()
        return answer


class _Stream:
    """An answer that is sent in parts. The event loop is that of its creation."""

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

    async def send(
        self, answer: Answer, parts: AsyncIterator[bytes], sent: set[asyncio.Task[None]]
    ) -> None:
        """Sends the answer and its parts, until they end, the client is gone, or the task in `sent`
        is cancelled."""
        gone = await self._begin(answer.status, answer.headers)
        sending = asyncio.create_task(self._push_all(parts))
        sent.add(sending)
        await asyncio.wait([sending, gone], return_when=asyncio.FIRST_COMPLETED)
        sent.discard(sending)
        sending.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await self.end()

    async def _push_all(self, parts: AsyncIterator[bytes]) -> None:
        with suppress(TimeoutError):
            async for part in parts:
                async with asyncio.timeout(PART_SECONDS):
                    await self._push(part)

    async def end(self) -> None:
        """Ends the answer, if it has begun."""
        if self._gone is not None:
            await self._send({"type": "http.response.body", "body": b""})
            self._gone.cancel()

    def _await(self, sending: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(sending, self._loop).result(PART_SECONDS)

    async def _begin(self, status: int, headers: Headers) -> asyncio.Task[None]:
        """Sends the headers. Returns the task that ends when the client is gone."""
        self._gone = asyncio.create_task(self._wait_until_gone())
        await self._send(_start(status, headers))
        return self._gone

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
    response.headers[CORRELATION_HEADER] = correlation_id
    note = answered_requests.access_log_hook(request.method or "", _route(request.path_info))
    note(response.status_code, began, correlation_id, None, request.path_info)
    return Answer(response.status_code, encode_headers(response.headers.items()), response.content)


def _route(path: str) -> str | None:
    with suppress(Resolver404):
        return resolve(path).route
    return None


def call(
    application: Application, environ: dict[str, Any], raw: bytes, begin: Begin, push: Push
) -> Answer | None:
    """Returns the application's answer, with the parts of an asynchronous one. Sends another long
    one in parts with `begin` and `push`, and returns None at its end."""
    environ["wsgi.input"] = BytesIO(raw)
    # Django reads no body without its length, as one in chunks is sent.
    if raw and not environ.get("CONTENT_LENGTH"):
        environ["CONTENT_LENGTH"] = str(len(raw))
    began: list[Any] = []
    content: Any = application(environ, lambda *arguments: began.extend(arguments))
    try:
        if not getattr(content, "streaming", False):
            body = b"".join(content)
            return _answer(began, body)
        if environ["REQUEST_METHOD"] == "HEAD":
            return _answer(began, b"")
        if getattr(content, "is_async", False):
            return _answer(began, b"")._replace(parts=aiter(content.streaming_content))
        if _length(began[1]) <= JOINED_BYTES:
            return _answer(began, b"".join(content))
        answer = _answer(began, b"")
        begin(answer.status, answer.headers)
        for part in content:
            if part and not push(part):
                break
        return None
    finally:
        close = getattr(content, "close", None)
        if close is not None:
            close()


def _answer(began: list[Any], body: bytes) -> Answer:
    status, headers = began[:2]
    return Answer(int(status[:3]), encode_headers(headers), body)


def encode_headers(headers: Iterable[tuple[str, str]]) -> Headers:
    """Returns headers as ASGI has them."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def _length(headers: Iterable[tuple[str, str]]) -> float:
    """Returns the Content-Length; infinity without one."""
    lengths = (int(value) for name, value in headers if name.lower() == "content-length")
    return next(lengths, inf)


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
