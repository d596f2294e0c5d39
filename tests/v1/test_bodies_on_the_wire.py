"""Bodies at a real server: with a length, in chunks, too large, incomplete, and with duplicate
headers.
"""

import http.client
import json
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.conftest import Person
from tests.server import Server

LIMIT = 2 * 1024 * 1024
Read = tuple[int, dict[str, Any]]


def talk(server: Server, head: str, body: bytes = b"") -> Read:
    """Sends the bytes as they are and reads one answer: status and parsed body.

    A server that refuses a request by its head can close the connection while the body is sent.
    """
    request = head.replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as wire:
        with suppress(BrokenPipeError, ConnectionResetError):
            wire.sendall(request)
        answer = http.client.HTTPResponse(wire)
        answer.begin()
        raw = answer.read()
    return answer.status, json.loads(raw) if raw else {}


def chunks(body: bytes, size: int) -> bytes:
    pieces = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_bodies_without_a_length_and_large_bodies_are_refused_with_a_problem(
    server: Server, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    who, jam = person(), product(stock=9)
    token = server.token(who.customer.username, who.password)
    head = (
        "POST /api/v1/orders HTTP/1.1\nHost: localhost\n"
        f"Authorization: Bearer {token}\nContent-Type: application/json\n"
    )
    order = json.dumps({"lines": [{"product": jam, "quantity": 2}]}).encode()

    for coding in ("Transfer-Encoding: chunked", "Content-Length: 5\nTransfer-Encoding: chunked"):
        status, refused = talk(server, head + coding, chunks(order, 7))
        assert (status, refused["code"]) == (411, "length_required")
    status, _ = talk(server, head + f"Content-Length: {len(order)}", order)
    assert status == 201

    for size in (LIMIT + 1, 3 * LIMIT):
        large = order + b" " * (size - len(order))
        status, refused = talk(server, head + f"Content-Length: {size}", large)
        assert (status, refused["code"]) == (413, "body_too_large")

    largest = order + b" " * (LIMIT - len(order))
    status, _ = talk(server, head + f"Content-Length: {LIMIT}", largest)
    assert status == 201
    waiting = f"Content-Length: {64 * LIMIT}\nExpect: 100-continue"
    status, refused = talk(server, head + waiting)
    assert (status, refused["code"]) == (413, "body_too_large")

    _cut_off(server, head)
    # What came is a whole order, and the client has said that there is more.
    for _ in range(4):
        status, refused = _half_closed(server, f"{head}Content-Length: {len(order) + 50}", order)
        assert (status, refused["code"]) == (400, "bad_request")
    assert server.call("GET", "me", token=token).status == 200


CUT = [b"", b"20\r\n", b'{"reason":"x"}', b'10\r\n{"reason":', b'e\r\n{"reason":"x"}\r\n']
"""Bodies in chunks that end with their connection: none, a size, no chunk at all, half a one, all
but the last."""


@pytest.mark.parametrize("body", CUT)
def test_an_incomplete_chunked_body_has_no_effect(
    body: bytes, server: Server, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    who, jam = person(), product(stock=9)
    token = server.token(who.customer.username, who.password)
    order = server.call(
        "POST", "orders", {"lines": [{"product": jam, "quantity": 2}]}, token=token
    ).body["id"]
    head = (
        f"POST /api/v1/orders/{order}/cancel HTTP/1.1\nHost: localhost\n"
        f"Authorization: Bearer {token}\nContent-Type: application/json\n"
    )
    status, _ = _half_closed(server, head + "Transfer-Encoding: chunked", body)
    assert status == 411
    assert server.call("GET", f"orders/{order}", token=token).body["status"] == "placed"


def test_an_order_in_chunks_without_the_last_one_is_not_placed(
    server: Server, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    who, jam = person(), product(stock=9)
    token = server.token(who.customer.username, who.password)
    order = json.dumps({"lines": [{"product": jam, "quantity": 2}]}).encode()
    whole_but_open = chunks(order, 7).removesuffix(b"0\r\n\r\n")
    for path in ("orders", "products/import", "stock/adjustments"):
        head = (
            f"POST /api/v1/{path} HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n"
            f"Authorization: Bearer {token}\nContent-Type: application/json"
        )
        assert _half_closed(server, head, whole_but_open)[0] in {403, 411}
    assert server.call("GET", "orders", token=token).body["results"] == []
    assert server.call("GET", f"products/{jam}", token=token).body["quantity"] == 9


TWICE = [
    ("Idempotency-Key: one\nIdempotency-Key: two", 400, "validation_error"),
    ("Idempotency-Key: one\nIdempotency-Key: one", 400, "validation_error"),
    ("Idempotency-Key: one,two", 400, "validation_error"),
    ("Idempotency-Key:\nIdempotency-Key: one", 400, "validation_error"),
    ("Authorization: Bearer x", 401, "token_invalid"),
    ("Content-Length: 5", 400, None),
    ("Host: localhost", 400, "bad_host"),
]
"""Headers on top of those that an order has, and how it is refused."""


def test_an_order_with_a_duplicate_header_is_refused(
    server: Server, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    who, jam = person(), product(stock=9)
    token = server.token(who.customer.username, who.password)
    order = json.dumps({"lines": [{"product": jam, "quantity": 2}]}).encode()
    for again, status, code in TWICE:
        head = (
            "POST /api/v1/orders HTTP/1.1\nHost: localhost\nContent-Type: application/json\n"
            f"Authorization: Bearer {token}\nContent-Length: {len(order)}\n{again}"
        )
        for _ in range(2):
            answer, refused = talk(server, head, order)
            assert (answer, refused.get("code")) == (status, code), again
    assert server.call("GET", "orders", token=token).body["results"] == []


def _half_closed(server: Server, head: str, body: bytes) -> Read:
    """A client that sends no more and reads the answer."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as wire:
        wire.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
        wire.shutdown(socket.SHUT_WR)
        answer = http.client.HTTPResponse(wire)
        answer.begin()
        return answer.status, json.loads(answer.read())


def _cut_off(server: Server, head: str) -> None:
    """A client that disconnects in the middle of its body."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as wire:
        wire.sendall(f"{head}Content-Length: 500\n\n".replace("\n", "\r\n").encode() + b'{"li')


BROKEN = [
    "GET /api/v1/me HTTP/1.1\nHost: localhost\nX: a\x00b",
    "GET /api/v1/me\x00 HTTP/1.1\nHost: localhost",
    "GET /\xff HTTP/1.1\nHost: localhost",
    "POST /api/v1/orders HTTP/1.1\nHost: localhost\nContent-Length: abc",
    "POST /api/v1/orders HTTP/1.1\nHost: localhost\nContent-Length: -1",
    "POST /api/v1/orders HTTP/1.1\nHost: localhost\nContent-Length: 1\nContent-Length: 2",
    f"GET /{'a' * 70_000} HTTP/1.1\nHost: localhost",
    "GET /api/v1/me HTTP/9.9\nHost: localhost",
]
ODD = [
    ("GET /api/v1/me HTTP/1.1\nHost: localhost\nAuthorization: Bearer \xff\xfe", 401),
    ("GET /api/v1/me HTTP/1.1\nHost: evil.example", 400),
    ("GET /api/v1/me HTTP/1.1\nHost: localhost\nHost: evil.example", 400),
    ("GET /api/v1/products%00 HTTP/1.1\nHost: localhost", 404),
    ("GET /api/v1/products/%ff%00 HTTP/1.1\nHost: localhost", 404),
    ("GET /api/v1/me HTTP/1.0\nHost: localhost", 401),
    ("GET http://evil.example/api/v1/me HTTP/1.1\nHost: localhost", 401),
    ("OPTIONS * HTTP/1.1\nHost: localhost", 404),
    (f"GET /api/v1/me HTTP/1.1\nHost: localhost\nX: {'a' * 60_000}", 401),
    ("BREW /api/v1/me HTTP/1.1\nHost: localhost", 405),
]


def test_malformed_http_gets_a_4xx_and_the_server_continues(server: Server) -> None:
    for head in BROKEN:
        assert 400 <= talk(server, head)[0] < 500, head
    for head, expected in ODD:
        status, refused = talk(server, head)
        assert (status, refused["status"]) == (expected, expected), head
    assert _after_the_head(server, "HEAD /api/v1/openapi.json HTTP/1.1\nHost: localhost") == b""
    assert server.call("GET", "/livez").status == 200


def _after_the_head(server: Server, head: str) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as wire:
        wire.sendall(f"{head}\nConnection: close\n\n".replace("\n", "\r\n").encode())
        raw = b"".join(iter(lambda: wire.recv(65_536), b""))
    return raw.partition(b"\r\n\r\n")[2]
