"""A receiver of what servers send away: Sentry's envelopes, OpenTelemetry's spans."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Receiver:
    """What came, as it came (uncompressed), by path."""

    port: int = 0
    received: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Sentry's events: the second line of an envelope's item says what it is."""
        events = []
        for path, body in list(self.received):
            lines = body.split(b"\n") if "/envelope/" in path else []
            for header, item in pairwise(lines):
                if b'"type":"event"' in header[:60]:
                    events.append(json.loads(item))
        return events

    @property
    def spans(self) -> list[Any]:
        """OpenTelemetry's spans, in the order they ended."""
        return [
            span
            for path, body in list(self.received)
            if path == "/v1/traces"
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Listens on a free port of the loopback interface."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.received.append((self.path, body))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield receiver
        server.shutdown()
        thread.join()


def attributes(span: Any) -> dict[str, Any]:
    """A span's attributes, as plain values."""
    return {
        attribute.key: getattr(attribute.value, attribute.value.WhichOneof("value"))
        for attribute in span.attributes
    }
