"""A local server that counts connections, and answers as it is told."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

LOOPBACK = [ip_network("127.0.0.1/32")]


@dataclass
class Receiver:
    """What reached a local server, and how it answers."""

    answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n"
    port: int = 0
    connections: int = 0
    heads: list[str] = field(default_factory=list)
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
                await reader.readexactly(2)
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


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(work())
