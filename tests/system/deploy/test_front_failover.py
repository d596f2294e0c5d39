"""Which requests nginx sends to a second server, with the servers of compose.yaml."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.system.deploy.nginx import (
    NO_CONTENT,
    answer_to,
    head,
    needs_nginx,
    nginx_before,
    server,
    with_lua,
)
from tools.nginx import FOLDER
from tools.processes import free_port

SHORT = {
    "proxy_read_timeout 60s": "proxy_read_timeout 600ms",
    "proxy_next_upstream_timeout 3s": "proxy_next_upstream_timeout 300ms",
}
"""The times of http.conf in the same order, for servers that do not answer."""
UPSTREAM = r"(?s)upstream larder \{.*?\n\}"

pytestmark = needs_nginx


def upstream(servers: Sequence[int]) -> dict[str, str]:
    """Return the change that puts the upstream of compose.yaml before these two ports."""
    (block,) = re.findall(UPSTREAM, (FOLDER / "two.conf").read_text())
    for name, port in zip(("app1:8000", "app2:8000"), servers, strict=True):
        block = block.replace(name, f"127.0.0.1:{port}")
    return {UPSTREAM: block}


def status(port: int, method: str = "GET") -> int:
    """Return the status of the answer to one request."""
    request = head("198.51.100.1", 2).replace(b"POST", method.encode(), 1) + b"{}"
    return int(answer_to(port, request).split(b" ", 2)[1])


@contextmanager
def nginx_before_two(answer: bytes | None, folder: Path) -> Iterator[tuple[int, list[str]]]:
    """Run nginx before two servers that answer so; give its port and the methods they got."""
    seen: list[str] = []
    with ExitStack() as running:
        servers = [running.enter_context(server(answer, seen)) for _ in range(2)]
        changes = upstream(servers) | (SHORT if answer is None else {})
        yield running.enter_context(nginx_before(servers[0], folder, changes)), seen


def test_a_request_that_is_answered_too_late_is_not_repeated(tmp_path: Path) -> None:
    methods = ["GET", "PUT", "DELETE", "POST"]
    with nginx_before_two(None, tmp_path) as (port, seen):
        assert [status(port, method) for method in methods] == [504] * 4
        assert [line.split()[0] for line in seen] == methods


@with_lua
@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "PATCH"])
def test_a_write_whose_connection_was_lost_is_not_repeated(tmp_path: Path, method: str) -> None:
    with nginx_before_two(b"", tmp_path) as (port, seen):
        assert status(port, method) == 502
    assert [line.split()[0] for line in seen] == [method]


def test_a_read_whose_connection_was_lost_is_repeated_once(tmp_path: Path) -> None:
    with nginx_before_two(b"", tmp_path) as (port, seen):
        assert status(port) == 502
    assert len(seen) == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST", "PATCH"])
def test_each_request_is_answered_while_one_server_refuses_connections(
    tmp_path: Path, method: str
) -> None:
    with (
        server(NO_CONTENT) as running,
        nginx_before(running, tmp_path, upstream([free_port(), running])) as port,
    ):
        assert [status(port, method) for _ in range(4)] == [204] * 4


@pytest.mark.parametrize(
    ("method", "path", "headers", "is_repeatable"),
    [
        ("POST", "/api/v1/orders", {}, False),
        ("POST", "/api/v1/orders", {"Idempotency-Key": "a"}, True),
        ("PATCH", "/api/v1/products/1", {"Idempotency-Key": "a"}, False),
        ("PATCH", "/api/v1/products/1", {"If-Match": "*"}, False),
        ("PATCH", "/api/v1/products/1", {"If-Match": '"3-5ddf"'}, True),
        ("PUT", "/products/1/", {"If-Match": '"3-5ddf"'}, False),
        ("GET", "/products/1/", {}, True),
    ],
)
def test_a_write_whose_outcome_is_unknown_gets_retry_after_only_if_it_is_repeatable(
    tmp_path: Path, method: str, path: str, headers: dict[str, str], *, is_repeatable: bool
) -> None:
    request = head("198.51.100.1", 2, path, headers).replace(b"POST", method.encode(), 1) + b"{}"
    with server(b"") as behind, nginx_before(behind, tmp_path) as port:
        answer = answer_to(port, request)
    assert answer.startswith(b"HTTP/1.1 502 "), answer
    assert (b"\r\nRetry-After: 1\r\n" in answer) == is_repeatable
