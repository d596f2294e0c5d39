"""Bodies with passwords and tokens: at most 16 KB, refused before they are read."""

import http.client
import socket
from collections.abc import Callable

import pytest

from larder.core.limits import MAX_OPEN_BODY_BYTES
from larder.http.body_limits import declared_length, require_short
from tests.conftest import Person
from tests.http.nested_bodies import Operation, operations
from tests.server import Server

OPEN = (
    *("/auth/", "/api/token/", "/api/register/", "/api/identity/register/"),
    *("/api/identity/token/", "/admin/login/", "/api/v1/auth/"),
)


def answer_to_head(server: Server, operation: Operation, headers: str) -> int:
    """Returns the status of the answer to a request whose body is not sent."""
    return answer_to(server, operation.method, operation.path, headers)


def answer_to(server: Server, method: str, path: str, headers: str) -> int:
    """The same for a method and a path."""
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as wire:
        wire.sendall(head.encode())
        answer = http.client.HTTPResponse(wire)
        answer.begin()
        return answer.status


@pytest.mark.system
def test_a_long_body_with_a_password_or_token_is_refused_before_it_is_read(
    transactional_db: None, person: Callable[..., Person]
) -> None:
    who = person()
    with Server(environment={"COMPAT": "0,1,2,3,4"}) as running:
        wanted = [
            one
            for one in operations(running, product=1, user=who.customer.public_id.hex)
            if one.path.startswith(OPEN)
        ]
        assert len(wanted) >= 17
        for one in wanted:
            json = "Content-Type: application/json\r\n"
            assert (
                answer_to_head(running, one, f"{json}Content-Length: {MAX_OPEN_BODY_BYTES + 1}")
                == 413
            ), one
        sent = running.call("POST", "auth/token", b" " * 200_000)
        assert (sent.status, sent.code) == (413, "body_too_large")


@pytest.mark.system
def test_a_public_operation_reads_a_chunked_body_of_at_most_16_kb(
    transactional_db: None, person: Callable[..., Person]
) -> None:
    person("chunk")
    with Server(environment={"COMPAT": "0"}) as running:
        for length, status in ((MAX_OPEN_BODY_BYTES, 200), (MAX_OPEN_BODY_BYTES + 1, 413)):
            body = b'{"username": "chunk", "password": "correct horse"}'
            parts = iter([body, b" " * (length - len(body))])
            connection = running.connect(10)
            connection.request(
                "POST",
                "/auth/",
                parts,
                {"Content-Type": "application/json"},
                encode_chunked=True,
            )
            assert connection.getresponse().status == status
            connection.close()


@pytest.mark.parametrize("length", ["abc", "", "-5"])
def test_an_invalid_content_length_counts_as_no_body(length: str) -> None:
    require_short({"CONTENT_LENGTH": length})
    assert declared_length({"CONTENT_LENGTH": length}) == 0
