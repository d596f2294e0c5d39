"""Orders of customers, placed without a thread that waits for them."""

import asyncio
from collections.abc import Mapping
from typing import Any

from larder.core.best_effort import best_effort
from larder.core.errors import Overloaded
from larder.core.stopwatch import BEGAN
from larder.db.replicas import replicas
from larder.front.at_once import Key, key_of, names, store, without
from larder.front.threads import Results, Threads
from larder.front.wsgi import Answer, Headers, encoded
from larder.http import answered_requests, positions
from larder.http.authentication import remembered_caller
from larder.http.correlation import HEADER, ID, identify
from larder.http.idempotency import idempotency_key, replay_headers
from larder.http.positions import COMMITTED, encode, position_header
from larder.http.quotas import HEADERS as QUOTA
from larder.http.quotas import is_near, quota_headers
from larder.identity.caller import Caller
from larder.orders.services.placing.place_order import LIMITS
from larder.orders.services.placing.placement import Placed
from larder.v1 import http
from larder.v1.bodies import decode_if_valid
from larder.v1.order_shapes import shown
from larder.v1.orders import NewOrder, start_order
from larder.v1.resources import EARLIER_ERROR

METHOD, PATH = "POST", "/api/v1/orders"

MAX_BODY_BYTES = 64 * 1024
"""Django reads longer bodies. An order of a hundred lines has 4,000 bytes."""

WAITS = (LIMITS.queue_timeout, LIMITS.queue_timeout + LIMITS.batch_timeout)
"""Seconds after which an order is refused that waits for its batch, and for its end."""

REPLAYED = b"idempotency-replayed"
OWN_HEADERS = names("ETag", "Location", "Content-Length", HEADER, positions.HEADER, *QUOTA)
"""Headers whose values differ for each order."""


class Orders:
    """Places orders. The answer has the headers of an earlier one that Django gave."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._results = Results()
        self._headers: dict[Key, Headers] = {}
        self._log = answered_requests.access_log_hook(METHOD, PATH)

    async def answer(self, environ: dict[str, Any], raw: bytes) -> Answer | None:
        """Places the order. Returns None where Django must answer: it finds the error of a failed
        attempt in the environ. Raises Overloaded."""
        key = key_of(environ)
        headers = None if key is None else self._headers.get(key)
        who = remembered_caller(environ.get("HTTP_AUTHORIZATION"))
        # The rights of staff are read before an order.
        if headers is None or who is None or who.is_staff or len(raw) > MAX_BODY_BYTES:
            return None
        body = decode_if_valid(raw, NewOrder)
        if body is None:
            return None
        identify(environ)
        try:
            placed = await self._place(body, who, environ)
            environ[COMMITTED] = True
            answer = await self._shown(placed, headers, environ)
        except Overloaded:
            raise
        except Exception as error:
            environ[EARLIER_ERROR] = error
            return None
        best_effort(self._log, 201, environ[BEGAN], environ[ID], who, PATH)
        return answer

    async def _place(self, body: NewOrder, who: Caller, environ: Mapping[str, Any]) -> Placed:
        """Returns the placed order; raises what refuses it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Placed] = loop.create_future()
        give_up = start_order(
            body,
            who,
            key=idempotency_key(environ),
            operation=f"{METHOD} {PATH}",
            done=self._results.to(future),
        )
        timers = [loop.call_later(seconds, give_up) for seconds in WAITS]
        try:
            return await future
        finally:
            for timer in timers:
                timer.cancel()

    async def _shown(self, placed: Placed, shared: Headers, environ: Mapping[str, Any]) -> Answer:
        order = placed.order
        body = http.Body(http.encoded(shown(order)), order.version)
        echoed = await self._threads.run(position_header) if replicas() else encode(None)
        own = {
            "ETag": body.tag,
            "Content-Length": str(len(body.raw)),
            "Location": f"{PATH}/{order.id}",
            HEADER: environ[ID],
            positions.HEADER: echoed,
            **replay_headers(replayed=placed.replayed),
        }
        if placed.remaining is not None and is_near(placed.remaining):
            own |= quota_headers(placed.remaining)
        return Answer(201, [*shared, *encoded(own.items())], body.raw)

    def learn(self, environ: Mapping[str, Any], answer: Answer) -> None:
        """Stores the headers of an order that Django placed."""
        if answer.status == 201 and REPLAYED not in {name for name, _ in answer.headers}:
            store(self._headers, key_of(environ), without(answer.headers, OWN_HEADERS))
