"""Local push services: they keep the requests that come, by HTTP/1.1 or HTTP/2, and answer them."""

import asyncio
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

LONGEST = 10.0
"""Seconds for the end of the connections."""

Request = tuple[str, dict[str, str], bytes]
"""Its path, headers and body."""


@dataclass
class Service:
    """What came. `answers` are statuses and bodies in turn; then 200."""

    answers: list[tuple[int, bytes]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    port: int = 0

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        self.requests.append((path, headers, body))
        return self.answers.pop(0) if self.answers else (200, b"{}")

    async def by_http1(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answers the requests of a connection."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                pairs = (line.partition(": ") for line in head[1:] if line)
                headers = {name.lower(): value for name, _, value in pairs}
                body = await reader.readexactly(int(headers["content-length"]))
                status, text = self.take(head[0].split(" ")[1], headers, body)
                answer = f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n\r\n"
                writer.write(answer.encode() + text)
        writer.close()

    async def by_http2(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answers the requests of a connection."""
        connection = H2Connection(H2Configuration(client_side=False))
        connection.initiate_connection()
        heads: dict[int, dict[str, str]] = {}
        bodies: dict[int, bytes] = {}
        writer.write(connection.data_to_send())
        while received := await reader.read(65_536):
            for event in connection.receive_data(received):
                if isinstance(event, RequestReceived):
                    pairs = ((bytes(name), bytes(value)) for name, value in event.headers)
                    head = {name.decode(): value.decode() for name, value in pairs}
                    heads[event.stream_id], bodies[event.stream_id] = head, b""
                elif isinstance(event, DataReceived):
                    bodies[event.stream_id] += event.data
                elif isinstance(event, StreamEnded):
                    stream, head = event.stream_id, heads[event.stream_id]
                    status, text = self.take(head[":path"], head, bodies[stream])
                    connection.send_headers(stream, [(":status", str(status))])
                    connection.send_data(stream, text, end_stream=True)
            writer.write(connection.data_to_send())
        writer.close()


@asynccontextmanager
async def serving(service: Service, context: ssl.SSLContext | None = None) -> AsyncIterator[None]:
    """Listens on 127.0.0.1: with a TLS context by HTTP/2 alone, as APNs does."""
    handle = service.by_http1 if context is None else service.by_http2
    open_connections: set[asyncio.Task[None]] = set()

    async def connected(reader: StreamReader, writer: StreamWriter) -> None:
        # Python waits for them from 3.12 on.
        open_connections.add(asyncio.current_task())  # type: ignore[arg-type]
        await handle(reader, writer)
        await writer.wait_closed()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=context)
    service.port = server.sockets[0].getsockname()[1]
    async with server:
        yield
    await asyncio.wait(open_connections, timeout=LONGEST)
