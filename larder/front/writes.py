"""What the operations have in common that write an order without a thread that waits for it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from larder.core.errors import Overloaded
from larder.db.replicas import replicas
from larder.front.at_once import Key, key_of, names, store, without
from larder.front.threads import Results, Threads
from larder.front.wsgi import Answer, Headers, encoded
from larder.http import answered_requests, positions
from larder.http.answered_requests import BEGAN
from larder.http.authentication import remembered_caller
from larder.http.correlation import HEADER, ID, identify
from larder.http.idempotency import replay_headers
from larder.http.positions import COMMITTED, encode, position_header
from larder.http.quotas import HEADERS as QUOTA
from larder.identity.caller import Caller
from larder.orders.queries import OrderView
from larder.orders.services.batches import LIMITS, start_request
from larder.orders.services.placing.placement import Request, Result
from larder.v1 import http
from larder.v1.order_shapes import shown
from larder.v1.resources import EARLIER_ERROR

METHOD = "POST"

MAX_BODY_BYTES = 64 * 1024
"""Django reads longer bodies. An order of a hundred lines has 4,000 bytes."""

REPLAYED = b"idempotency-replayed"
OWN_HEADERS = names("ETag", "Location", "Content-Length", HEADER, positions.HEADER, *QUOTA)
"""Headers whose values differ for each order."""


class Shown(NamedTuple):
    """The order of an answer, and its own headers."""

    order: OrderView
    replayed: bool
    headers: Mapping[str, str] = {}


class Writes(ABC):
    """Answers requests for one operation. The answer has the headers of an earlier one that Django
    gave."""

    path: ClassVar[str]
    status: ClassVar[int]

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._results = Results()
        self._headers: dict[Key, Headers] = {}
        self._log = answered_requests.access_log_hook(METHOD, self.path)

    @abstractmethod
    def read(self, environ: Mapping[str, Any], raw: bytes, who: Caller) -> Request | None:
        """Returns the request for the service; None where Django must answer. Raises what refuses
        it."""

    @abstractmethod
    def show(self, result: Any) -> Shown | None:
        """Returns what is shown of the result; None where Django must answer."""

    async def answer(self, environ: dict[str, Any], raw: bytes) -> Answer | None:
        """Answers the request. Returns None where Django must answer: it finds the error of a
        failed attempt in the environ. Raises Overloaded."""
        key = key_of(environ)
        headers = None if key is None else self._headers.get(key)
        who = remembered_caller(environ.get("HTTP_AUTHORIZATION"))
        if headers is None or who is None or len(raw) > MAX_BODY_BYTES:
            return None
        try:
            request = self.read(environ, raw, who)
            if request is None:
                return None
            identify(environ)
            shows = self.show(await self._result(request))
            environ[COMMITTED] = True
            answer = None if shows is None else await self._shown(shows, headers, environ)
        except Overloaded:
            raise
        except Exception as error:
            environ[EARLIER_ERROR] = error
            return None
        if answer is not None:
            self._log(self.status, environ[BEGAN], environ[ID], who, environ["PATH_INFO"])
        return answer

    async def _result(self, request: Request) -> Result:
        """Returns the result; raises what refuses the request."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        give_up = start_request(request, self._results.to(future))
        first = LIMITS.queue_timeout
        last = first + LIMITS.batch_timeout
        timers = [loop.call_later(seconds, give_up) for seconds in (first, last)]
        try:
            return await future  # type: ignore[no-any-return]
        finally:
            for timer in timers:
                timer.cancel()

    async def _shown(self, shows: Shown, shared: Headers, environ: Mapping[str, Any]) -> Answer:
        order = shows.order
        body = http.Body(http.encoded(shown(order)), order.version)
        echoed = await self._threads.run(position_header) if replicas() else encode(None)
        own = {
            "ETag": body.tag,
            "Content-Length": str(len(body.raw)),
            HEADER: environ[ID],
            positions.HEADER: echoed,
            **replay_headers(replayed=shows.replayed),
            **shows.headers,
        }
        return Answer(self.status, [*shared, *encoded(own.items())], body.raw)

    def learn(self, environ: Mapping[str, Any], answer: Answer) -> None:
        """Stores the headers of an answer of Django."""
        if answer.status == self.status and REPLAYED not in {name for name, _ in answer.headers}:
            store(self._headers, key_of(environ), without(answer.headers, OWN_HEADERS))
