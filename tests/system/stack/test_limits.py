"""Requests that nginx refuses, and slow clients that use no thread of a server."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic, sleep

import pytest

from larder.ops import serve
from tests.server import Reply
from tests.system.stack.front_door import FrontDoor
from tools.stack import Stack

LIMIT = 512 * 1024
FILE_LIMIT = 2 * 1024 * 1024
AUTH_LIMIT = 16 * 1024
THREADS_OF_ALL = 2 * 2 * serve.THREADS
"""Servers, their processes, the threads of each."""
TIMEOUT = 5.0
TAKEN_SECONDS = 2.0
"""After which whatever was sent has reached who takes it."""


def assert_answered_by_nginx(reply: Reply, status: int, code: str) -> None:
    assert (reply.status, reply.body["status"], reply.body["code"]) == (status, status, code)
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["correlation-id"] == reply.body["correlation_id"]
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_a_body_above_the_limit_of_the_servers_is_refused_by_nginx(
    stack: Stack, front: FrontDoor
) -> None:
    assert_answered_by_nginx(
        front.call("POST", "orders", b" " * (LIMIT + 1)), 413, "body_too_large"
    )
    assert_answered_by_nginx(
        front.call("POST", "auth/token", b" " * (AUTH_LIMIT + 1)), 413, "body_too_large"
    )
    longer = front.call("POST", "products/import", b" " * (FILE_LIMIT + 1))
    assert_answered_by_nginx(longer, 413, "body_too_large")
    front.hang_up()
    # What the servers take reaches them: they say what is wrong with it.
    largest = front.call("POST", "orders", b" " * LIMIT)
    assert (largest.status, largest.body["code"]) == (401, "not_authenticated")
    largest = front.call("POST", "products/import", b" " * FILE_LIMIT)
    assert (largest.status, largest.body["code"]) == (401, "not_authenticated")
    largest = front.call("POST", "auth/token", b" " * AUTH_LIMIT)
    assert (largest.status, largest.body["code"]) == (400, "malformed_json")


def test_a_larger_file_for_the_admin_reaches_the_form_that_refuses_it(front: FrontDoor) -> None:
    reply = front.call("POST", "/admin/", b" " * (FILE_LIMIT + 1))
    assert reply.status == 413
    # The server has refused it, which knows that this is no member of staff.
    assert "access-control-expose-headers" in reply.headers


OPEN = (
    *("/api/v1/auth/token", "/auth/", "/api/token/", "/api/token/refresh/", "/api/register/"),
    *("/api/identity/register/", "/api/identity/token/", "/admin/login/"),
)
"""Paths for callers without credentials, whose bodies are short."""
REFUSED = [
    *((401, "POST", path) for path in ("/api/v1/orders", "/api/orders/", "/orders/")),
    (401, "POST", "/api/v1/me/addresses"),
    (413, "POST", "/admin/catalog/product/add/"),
    (404, "POST", "/api/v1/nothing"),
    (404, "POST", "/api/nothing/"),
    (405, "PUT", "/api/v1/orders"),
    (308, "POST", "/api/orders"),
]


@pytest.mark.parametrize("path", OPEN)
def test_a_long_body_without_credentials_is_refused_by_nginx(front: FrontDoor, path: str) -> None:
    accept = {"Accept": "application/json"}
    reply = front.call("POST", path, b" " * (AUTH_LIMIT + 1), headers=accept)
    assert_answered_by_nginx(reply, 413, "body_too_large")


@pytest.mark.parametrize(("status", "method", "path"), REFUSED)
def test_the_sender_of_a_long_body_gets_the_refusal(
    front: FrontDoor, status: int, method: str, path: str
) -> None:
    """The server reads the body first: otherwise nginx, which still sends it, answers 502."""
    answers = [front.call(method, path, b" " * LIMIT).status for _ in range(8)]
    assert answers == [status] * 8


def test_a_too_long_url_or_header_is_a_problem(front: FrontDoor) -> None:
    assert_answered_by_nginx(front.call("GET", "products?q=" + "a" * 20_000), 414, "uri_too_long")
    assert_answered_by_nginx(
        front.call("GET", "products", headers={"X-Long": "a" * 20_000}), 431, "headers_too_large"
    )


def test_malformed_http_is_a_problem(front: FrontDoor) -> None:
    with front.socket() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")  # no Host
        answer = connection.recv(65_536)
    assert b" 400 " in answer.splitlines()[0]
    assert b'"code":"bad_request"' in answer


HALF = (
    b"POST /api/v1/auth/token HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\n"
    b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
)


@contextmanager
def half_sent(connect: Callable[[], socket.socket], count: int) -> Iterator[None]:
    """So many clients who have sent half of a body, and wait."""
    with ExitStack() as clients:
        for _ in range(count):
            clients.enter_context(connect()).sendall(HALF)
        sleep(TAKEN_SECONDS)
        yield


def answered(connect: Callable[[], socket.socket]) -> bool:
    """Whether another client is answered within TIMEOUT."""
    began = monotonic()
    with connect() as connection:
        connection.settimeout(TIMEOUT)
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        try:
            answer = connection.recv(64)
        except TimeoutError:
            return False
    return answer.startswith(b"HTTP/1.1 200") and monotonic() - began < TIMEOUT


def test_clients_with_incomplete_bodies_hold_no_thread(front: FrontDoor) -> None:
    def connect() -> ssl.SSLSocket:
        return front.socket()

    with half_sent(connect, THREADS_OF_ALL + 6):
        assert answered(connect)


def test_without_nginx_clients_with_incomplete_bodies_block_a_server(stack: Stack) -> None:
    address = (stack.addresses["app1"], 8000)

    def connect() -> socket.socket:
        return socket.create_connection(address)

    with half_sent(connect, THREADS_OF_ALL):
        assert not answered(connect)
    assert answered(connect)


def test_a_client_that_stops_within_a_body_is_disconnected(front: FrontDoor) -> None:
    """After client_body_timeout, ten seconds."""
    with front.socket(timeout=25) as connection:
        connection.sendall(HALF)
        try:
            rest = connection.recv(1024)
        except ConnectionResetError:
            rest = b""
    assert rest == b""
