"""Streams in the process of the tests, and orders that others commit meanwhile."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, NamedTuple

import psycopg

from larder.core.ids import new_id
from larder.db.feed import Mark
from larder.http import pagination
from larder.identity.caller import Caller
from larder.live.streams import EventMark, Streams

LONGEST = 60.0
"""Seconds that a test waits for an event."""

PLACE = """
WITH placed AS (
    INSERT INTO "order" (id, customer_id, status, currency, total, note, reference, created_at,
                         placed_at, updated_at, version)
    VALUES (%(order)s, %(customer)s, 'placed', 'GBP', 0, '', '', now(), now(), now(), 1)
)
INSERT INTO order_event (id, order_id, type, from_status, to_status, actor, at, data)
VALUES (%(event)s, %(order)s, 'placed', '', 'placed', %(order)s, now(), '{}')
"""


class Told(NamedTuple):
    """A message of a stream."""

    name: str
    data: Any
    mark: Mark


def messages(raw: bytes) -> list[Told]:
    """Returns the messages in parts of a stream."""
    told = []
    for block in raw.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            cursor = pagination.decode(fields["id"], EventMark)
            assert cursor is not None
            mark = Mark(cursor.epoch, cursor.transaction_id, cursor.number)
            told.append(Told(fields["event"], json.loads(fields["data"]), mark))
    return told


def place(connection: "psycopg.Connection[Any]", customer: int) -> str:
    """Writes an order with its event, as the services do. Returns the id of the event."""
    event = new_id()
    connection.execute(PLACE, {"order": new_id(), "customer": customer, "event": event})
    return str(event)


Listening = AsyncGenerator[Told, None]


@asynccontextmanager
async def listening(
    streams: Streams,
    caller: Caller,
    watched: frozenset[int] = frozenset(),
    after: Mark | None = None,
    *,
    ends_at: float = float("inf"),
    sees_all: bool = False,
) -> AsyncIterator[Listening]:
    """The messages of a new stream; it breaks off at the end of the block."""
    parts = streams.parts(caller, watched, after, ends_at, sees_all=sees_all)

    async def each() -> Listening:
        async for part in parts:
            for message in messages(part):
                yield message

    async with aclosing(parts), aclosing(each()) as told:
        yield told


async def until(told: Listening, is_last: Callable[[Told], bool]) -> list[Told]:
    """The messages up to one of them."""
    seen = []
    async with asyncio.timeout(LONGEST):
        async for message in told:
            seen.append(message)
            if is_last(message):
                return seen
    raise AssertionError(f"the stream has ended after {seen}")


def named(name: str) -> Callable[[Told], bool]:
    """Whether a message has this name."""
    return lambda message: message.name == name


def ready(message: Told) -> bool:
    """Whether it is the message that all before has been told."""
    return message.name == "ready"


def events(seen: list[Told]) -> list[str]:
    """The ids of the events of orders."""
    return [message.data["event"] for message in seen if message.name == "order"]
