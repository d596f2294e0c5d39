"""The streams of a process, on its event loop: for each what is still to be sent, and one reader
for all, which runs while there are any. Reads run in threads.

The feed of events of orders is read after a mark, so none is missed. Carts have no feed, and of
products the present stock is told: their state is read once a second.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from random import randint
from time import monotonic
from typing import Annotated, Any, TypeVar

import msgspec
from django.db import Error
from msgspec import Meta

from larder.core.clock import now
from larder.core.errors import Limited, Overloaded, Telling
from larder.core.limits import MAX_ID
from larder.db import database, feed
from larder.db.feed import Mark, SinceExpired
from larder.http import pagination
from larder.identity.caller import Caller
from larder.identity.errors import SessionEnded
from larder.identity.queries import submit_renewed
from larder.identity.queries.credentials import still_valid
from larder.inventory.changes import CHANGES
from larder.inventory.queries import available
from larder.orders.queries import carts
from larder.orders.queries.carts import CartVersion
from larder.orders.queries.changes import events, events_of, last_event

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

STREAMS_OF_AN_ACCOUNT = 5
STREAMS_AT_ONCE = 4_096
"""Streams of a process: half of its connections (larder/ops/serve.py)."""

ROWS_AT_ONCE = 1_000
"""Events, or changed products, of one read."""

PAUSE = 0.25
"""Seconds between two reads of events. After a long read it is longer."""

PAUSE_FOR_EACH = 0.0075
"""Seconds for each stream that was told events, up to STATES_EVERY. Sending takes 0.15 ms for each,
so at most a fiftieth of a processor."""

STATES_EVERY = 1.0
"""Seconds between two reads of carts and products, and after an error."""

RIGHTS_EVERY = 20.0
"""Seconds between two checks of the rights of all streams."""

HEARTBEAT = 15.0
"""Seconds without an event until a comment is sent."""

MOST_PENDING = 1024 * 1024
"""Bytes that wait for a client. With more its stream ends, and the client resumes it."""

RETRY = (1_000, 10_000)
"""Milliseconds until a client connects again: a random number, so that not all come at once."""

SEES_ALL = "orders.view_order"
"""The permission for the events of all orders."""

NO_CART = CartVersion(None, 0)


@dataclass
class TooManyStreams(Telling, Limited):
    """The account has as many streams as it can have at once. `limit`: how many."""

    limit: int
    code = "too_many_streams"
    retry_after = round(HEARTBEAT)


class EventMark(pagination.Cursor, array_like=True, tag="events"):
    """The position of a stream in the feed of events."""

    epoch: str
    transaction_id: Annotated[int, Meta(ge=0, le=MAX_ID)]
    number: Annotated[int, Meta(ge=0, le=MAX_ID)]


def _message(name: str, data: object, mark: Mark) -> bytes:
    id = pagination.encode(EventMark(*mark)).encode()
    return b"event: %b\nid: %b\ndata: %b\n\n" % (name.encode(), id, msgspec.json.encode(data))


async def _read(threads: Executor, read: Callable[..., Result], *arguments: Any) -> Result:
    """Returns what the function returns in a thread, whose connection is given back."""

    def run() -> Result:
        try:
            return read(*arguments)
        finally:
            database.release()

    return await asyncio.get_running_loop().run_in_executor(threads, run)


class Stream:
    """The stream of a client: of the caller's events, or with `sees_all` of those of all, and of
    the stock of `watched` products. `after` is the mark at which an earlier stream broke off;
    `ends_at` the Unix time at which the token expires."""

    def __init__(
        self,
        caller: Caller,
        watched: frozenset[int],
        after: Mark | None,
        ends_at: float,
        *,
        sees_all: bool,
    ) -> None:
        self.caller, self.watched, self.sees_all = caller, watched, sees_all
        self.has_cart = caller.key_permissions is None or caller.may("orders.add_order")
        self.cart: CartVersion | None = None
        """What the client was told of its cart."""
        self.since: asyncio.Future[Mark] = asyncio.get_running_loop().create_future()
        """The mark from which on it is told all events."""
        self._after, self._ends_at = after, ends_at
        self._woken = asyncio.Event()
        self._pending: list[bytes] = []
        self._bytes = 0
        self._is_over = False

    async def parts(self, resumer: Executor) -> AsyncIterator[bytes]:
        """Yields what is sent to the client."""
        yield b"retry: %d\n\n" % randint(*RETRY)  # noqa: S311 - it is no secret
        since = await self.since
        if self._after is not None:
            async for part in self._missed(resumer, self._after, since):
                yield part
        yield _message("ready", {}, since)
        while await self._goes_on():
            pending, self._pending, self._bytes = self._pending, [], 0
            yield b"".join(pending) or b":\n\n"

    async def _missed(self, resumer: Executor, after: Mark, until: Mark) -> AsyncIterator[bytes]:
        """Yields the events between two marks."""
        while after < until and not self._is_over:
            if self.sees_all:
                page = await _read(resumer, events, after, None, ROWS_AT_ONCE)
            else:
                page = await _read(resumer, events_of, self.caller.id, after, ROWS_AT_ONCE)
            told = [(mark, event) for mark, event in page.events if mark <= until]
            if told:
                yield b"".join(_message("order", event.told, mark) for mark, event in told)
            after = page.mark if page.more else until

    async def _goes_on(self) -> bool:
        """Waits for something to send, or HEARTBEAT. Returns whether the stream goes on."""
        self._woken.clear()
        if not self._pending and not self._is_over:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(HEARTBEAT, self._ends_at - now().timestamp())):
                    await self._woken.wait()
        return not self._is_over and now().timestamp() < self._ends_at

    def tell(self, part: bytes) -> None:
        """Sends a message, or ends the stream if its client reads too slowly."""
        self._pending.append(part)
        self._bytes += len(part)
        if self._bytes > MOST_PENDING:
            self.end()
        self._woken.set()

    def end(self) -> None:
        """Ends the stream. What waits is dropped: the client resumes."""
        self._is_over = True
        self._pending.clear()
        self._woken.set()


class Streams:
    """All streams of a process. Only `require_place` is called in other threads than its loop's."""

    def __init__(self) -> None:
        self._of: defaultdict[int, set[Stream]] = defaultdict(set)
        """The streams by account."""
        self._count = 0
        self._joining: list[Stream] = []
        self._running: asyncio.Task[None] | None = None
        self._mark: Mark | None = None
        self._products: Mark | None = None
        self._reader = ThreadPoolExecutor(1, "live-reader")
        self._resumer = ThreadPoolExecutor(2, "live-resumer")

    def require_place(self, account: int) -> None:
        """Raises Overloaded, TooManyStreams."""
        if self._count >= STREAMS_AT_ONCE:
            raise Overloaded
        if len(self._of.get(account, ())) >= STREAMS_OF_AN_ACCOUNT:
            raise TooManyStreams(STREAMS_OF_AN_ACCOUNT)

    async def parts(self, *arguments: Any, **options: Any) -> AsyncGenerator[bytes, None]:
        """Yields the parts of a new stream (Stream). There are none if the last place was taken
        since `require_place`."""
        stream = Stream(*arguments, **options)
        account = stream.caller.id
        with suppress(Overloaded, TooManyStreams):
            self.require_place(account)
            self._of[account].add(stream)
            self._count += 1
            self._joining.append(stream)
            if self._running is None:
                self._running = asyncio.create_task(self._run())
            try:
                async for part in stream.parts(self._resumer):
                    yield part
            finally:
                self._of[account].discard(stream)
                self._count -= 1
                if not self._of[account]:
                    del self._of[account]

    def _all(self) -> list[Stream]:
        """Returns the streams that get events."""
        return [stream for own in self._of.values() for stream in own if stream.since.done()]

    async def _run(self) -> None:
        """Reads while there are streams."""
        states_at = rights_at = 0.0
        while self._count:
            began = monotonic()
            try:
                mark, joined, told, more = await self._tell_events()
                if began >= rights_at:
                    await self._check_rights(self._all())
                    rights_at = began + RIGHTS_EVERY
                if joined or began >= states_at:
                    await self._tell_states(mark, self._all(), await self._changed_products())
                    states_at = began + STATES_EVERY
            except SinceExpired:
                for stream in self._all():
                    stream.end()
                self._mark = self._products = None
            except Exception as error:
                reason, is_known = str(error).strip().partition("\n")[0], isinstance(error, Error)
                logger.warning("Streams cannot read: %s.", reason, exc_info=not is_known)
                await asyncio.sleep(STATES_EVERY)
            else:
                # With much to read, reading takes at most a third of the time.
                took = monotonic() - began
                pause = max(PAUSE, min(STATES_EVERY, told * PAUSE_FOR_EACH))
                await asyncio.sleep(2 * took if more else max(pause, 2 * took))
        self._mark = self._products = self._running = None

    async def _tell_events(self) -> tuple[Mark, list[Stream], int, bool]:
        """Tells the events since the last read. Returns the mark that was reached, the streams that
        have joined, how many were told events, and whether there are more events."""
        joining = len(self._joining)
        watching = {stream for own in self._of.values() for stream in own if stream.sees_all}
        customers = None if watching else [*self._of]
        since = self._mark
        if since is None:
            since = await _read(self._reader, last_event)
        found = await _read(self._reader, events, since, customers, ROWS_AT_ONCE)
        self._mark = found.mark
        joined = self._joining[:joining]
        del self._joining[:joining]
        for stream in joined:
            if not stream.since.done():
                stream.since.set_result(since)
        told: set[Stream] = set()
        for mark, event in found.events:
            part = _message("order", event.told, mark)
            for stream in watching.union(self._of.get(event.customer, ())):
                if stream.since.done():
                    stream.tell(part)
                    told.add(stream)
        return found.mark, joined, len(told), found.more

    async def _changed_products(self) -> Collection[int]:
        end = await _read(self._reader, feed.begin, CHANGES)
        after, self._products = self._products or end, end
        if after == end:
            return ()
        page = await _read(self._reader, partial(feed.read, CHANGES, after, limit=ROWS_AT_ONCE))
        self._products = page.mark
        return frozenset(page.subjects)

    async def _tell_states(
        self, mark: Mark, streams: Collection[Stream], changed: Collection[int]
    ) -> None:
        """Tells each stream its cart, unless it knows it, and the stock of changed products; at
        first that of all that it watches."""
        present = await _read(self._reader, carts.versions, {each.caller.id for each in streams})
        new = [stream.watched for stream in streams if stream.cart is None]
        wanted = frozenset(changed).union(*new)
        stock = await _read(self._reader, available, wanted) if wanted else {}
        for stream in streams:
            for product in stream.watched & (wanted if stream.cart is None else frozenset(changed)):
                told = {"id": product, "quantity": stock.get(product)}
                stream.tell(_message("product", told, mark))
            cart = present.get(stream.caller.id, NO_CART)
            if stream.cart != cart and stream.has_cart:
                stream.tell(_message("cart", {"id": cart.id, "version": cart.version}, mark))
            stream.cart = cart

    async def _check_rights(self, streams: Collection[Stream]) -> None:
        staff = {stream.caller for stream in streams if stream.sees_all}
        others = {stream.caller for stream in streams} - staff
        valid = await _read(self._reader, _valid, [*others], staff)
        for stream in streams:
            if stream.caller not in valid:
                stream.end()


def _valid(callers: list[Caller], staff: Collection[Caller]) -> set[Caller]:
    """Returns the callers whose credentials are live; those of staff who may still see all."""
    valid = set(still_valid(callers))
    for caller in staff:
        with suppress(SessionEnded):
            valid |= {caller} if submit_renewed(caller)().may(SEES_ALL) else set()
    return valid


STREAMS = Streams()
