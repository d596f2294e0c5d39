"""A local server that counts connections, and answers as it is told."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from threading import Event, Thread
from typing import Any

from larder.worker.outgoing import Client
from tests.tiers import LONGEST

LOOPBACK = [ip_network("127.0.0.1/32")]


@dataclass
class Receiver:
    """What reached a local server, and how it answers."""

    answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n"
    port: int = 0
    connections: int = 0
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)


@asynccontextmanager
async def receiving(
    receiver: Receiver, context: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """Listens on 127.0.0.1; an answer that ends with an ellipsis has no end."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver.connections += 1
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode():
                receiver.heads.append(head)
                length = re.search(r"Content-Length: (\d+)", head, re.IGNORECASE)
                receiver.bodies.append(await reader.readexactly(int(length[1]) if length else 0))
                writer.write(receiver.answer.removesuffix(b"..."))
                await writer.drain()
                while receiver.answer.endswith(b"..."):
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.001)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver


@asynccontextmanager
async def closing(client: Client) -> AsyncIterator[Client]:
    """Closes the client's connections at the end."""
    try:
        yield client
    finally:
        for pool in client._pools.values():
            await pool.aclose()


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(work())


@contextmanager
def receiving_beside(receiver: Receiver) -> Iterator[None]:
    """Listens in another thread."""
    is_open, loop, end = Event(), asyncio.new_event_loop(), asyncio.Event()

    async def listen() -> None:
        async with receiving(receiver):
            is_open.set()
            await end.wait()

    thread = Thread(target=loop.run_until_complete, args=[listen()])
    thread.start()
    try:
        assert is_open.wait(LONGEST)
        yield
    finally:
        loop.call_soon_threadsafe(end.set)
        thread.join(LONGEST)
        loop.close()
