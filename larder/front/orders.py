"""Orders of customers, and confirmations by staff, without a thread that waits for them."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from larder.core.clock import now
from larder.core.errors import Overloaded
from larder.db.idempotency import Claim, Scope, fingerprint
from larder.db.replicas import replicas
from larder.front.application import (
    Answer,
    Headers,
    encode_headers,
    names,
    store,
    without,
)
from larder.front.requests import Key, key_of
from larder.front.threads import Results, Threads
from larder.front.turns import ORDERS
from larder.http import answered_requests
from larder.http.answered_requests import BEGAN
from larder.http.api_headers import (
    COMMITTED,
    CORRELATION_HEADER,
    CORRELATION_SENT,
    POSITION_HEADER,
    QUOTA_HEADERS,
    encode_position,
    idempotency_key,
    identify,
    is_near,
    position_header,
    quota_headers,
    replay_headers,
)
from larder.http.authentication import remembered_caller
from larder.http.bodies import Body, decode_if_valid, encoded
from larder.identity.caller import Caller
from larder.identity.services.audit import Acting
from larder.orders.queries import OrderView
from larder.orders.services.batches import LIMITS, start_request
from larder.orders.services.placing.placement import Placed, Request, Result, new_order
from larder.orders.services.transitions import Moved, TransitionRequest
from larder.v1.moves import Moving
from larder.v1.order_shapes import NewOrder, placement, shown
from larder.v1.resources import EARLIER_ERROR

METHOD, PATH = ORDERS
CONFIRMED = f"{PATH}/<id:order>/confirm"

MAX_BODY_BYTES = 64 * 1024
"""Django reads longer bodies. An order of a hundred lines has 4,000 bytes."""

REPLAYED = b"idempotency-replayed"
OWN_HEADERS = names(
    "ETag", "Location", "Content-Length", CORRELATION_HEADER, POSITION_HEADER, *QUOTA_HEADERS
)
"""Headers whose values differ for each order."""


class Shown(NamedTuple):
    """The order of an answer, and its own headers."""

    order: OrderView
    replayed: bool
    headers: Mapping[str, str] = {}


Read = Callable[[Mapping[str, Any], bytes, Caller], Request | None]
"""Returns the request for the service; None where Django must answer. Raises what refuses it."""
Show = Callable[[Any], Shown | None]
"""Returns what is shown of a result; None where Django must answer."""


class Writes:
    """Answers requests for one operation. The answer has the headers of an earlier one that Django
    gave."""

    def __init__(self, threads: Threads, path: str, status: int, read: Read, show: Show) -> None:
        self.path = path
        self._status, self._read, self._show = status, read, show
        self._threads = threads
        self._results = Results()
        self._headers: dict[Key, Headers] = {}

    async def answer(self, environ: dict[str, Any], raw: bytes) -> Answer | None:
        """Answers the request. Returns None where Django must answer: it finds the error of a
        failed attempt in the environ. Raises Overloaded."""
        key = key_of(environ)
        headers = None if key is None else self._headers.get(key)
        who = remembered_caller(environ.get("HTTP_AUTHORIZATION"))
        if headers is None or who is None or len(raw) > MAX_BODY_BYTES:
            return None
        try:
            request = self._read(environ, raw, who)
            if request is None:
                return None
            identify(environ)
            shows = self._show(await self._result(request))
            environ[COMMITTED] = True
            answer = None if shows is None else await self._shown(shows, headers, environ)
        except Overloaded:
            raise
        except Exception as error:
            environ[EARLIER_ERROR] = error
            return None
        if answer is not None:
            asked = METHOD, self.path[1:], environ["PATH_INFO"]
            own = environ[BEGAN], environ[CORRELATION_SENT], who
            answered_requests.note(asked, self._status, *own)
        return answer

    async def _result(self, request: Request) -> Result:
        """Returns the result; raises what refuses the request."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        give_up = start_request(request, partial(self._results.put, future))
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
        body = Body(encoded(shown(order)), order.version)
        echoed = await self._threads.run(position_header) if replicas() else encode_position(None)
        own = {
            "ETag": body.tag,
            "Content-Length": str(len(body.raw)),
            CORRELATION_HEADER: environ[CORRELATION_SENT],
            POSITION_HEADER: echoed,
            **replay_headers(replayed=shows.replayed),
            **shows.headers,
        }
        return Answer(self._status, [*shared, *encode_headers(own.items())], body.raw)

    def learn(self, environ: Mapping[str, Any], answer: Answer) -> None:
        """Stores the headers of an answer of Django."""
        if answer.status == self._status and REPLAYED not in {name for name, _ in answer.headers}:
            store(self._headers, key_of(environ), without(answer.headers, OWN_HEADERS))


def orders(threads: Threads) -> Writes:
    """Returns what places orders of customers. The rights of staff are read before an order."""
    return Writes(threads, PATH, 201, _order, _placed)


def _order(environ: Mapping[str, Any], raw: bytes, who: Caller) -> Request | None:
    body = None if who.is_staff else decode_if_valid(raw, NewOrder)
    if body is None:
        return None
    return new_order(placement(body, who, idempotency_key(environ), f"{METHOD} {PATH}"), now())


def _placed(result: Placed) -> Shown:
    """Returns the order with its path, and the remaining quota if it is nearly used."""
    headers = {"Location": f"{PATH}/{result.order.id}"}
    if result.remaining is not None and is_near(result.remaining):
        headers |= quota_headers(result.remaining)
    return Shown(result.order, result.replayed, headers)


def confirmations(threads: Threads) -> Writes:
    """Returns what confirms orders for staff, whose rights are read in the transaction."""
    return Writes(threads, CONFIRMED, 200, _confirmation, _moved)


def _confirmation(environ: Mapping[str, Any], raw: bytes, who: Caller) -> Request | None:
    """Returns the confirmation of the order of the path, if no version is asked for."""
    body = decode_if_valid(raw, Moving) if who.is_staff else None
    if body is None or "HTTP_IF_MATCH" in environ:
        return None
    path: str = environ["PATH_INFO"]
    order, key = UUID(path.split("/")[-2]), idempotency_key(environ)
    claim = None
    if key is not None:
        content = fingerprint(msgspec.to_builtins(body))
        claim = Claim(Scope(who.public_id, f"{METHOD} {path}", key), content, result=str(order))
    by = Acting(who.public_id, "v1")
    return TransitionRequest(order=order, caller=who, now=now(), claim=claim, by=by)


def _moved(result: Moved) -> Shown | None:
    """Returns the order; None if it was confirmed before: then Django reads it."""
    return None if result.order is None else Shown(result.order, result.replayed)
