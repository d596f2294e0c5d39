"""Errors from nginx: pages for browsers, problems for programs."""

import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.deploy.nginx import nginx_before
from tools.http_client import Client, Reply
from tools.nginx import SITES
from tools.ports import free_port

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FAILURES = {
    413: {r"client_max_body_size \w+": "client_max_body_size 1"},
    502: {},
    503: {r"limit_conn all \d+": "limit_conn all 1"},
    504: {r"proxy_read_timeout \w+": "proxy_read_timeout 200ms"},
}
"""What is changed in nginx's files, by the status that it answers then."""

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


@contextmanager
def failing(status: int, folder: Path, site: str) -> Iterator[int]:
    """An nginx that answers everything with that status; gives its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        server = free_port() if status == 502 else silent.getsockname()[1]
        with nginx_before(server, folder, FAILURES[status], site=site) as port:
            if status != 503:
                yield port
                return
            with socket.create_connection(("127.0.0.1", port)) as waiting:
                waiting.sendall(b"GET /orders/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
                taken, _ = silent.accept()
                with taken:
                    yield port


def send(port: int, path: str, accept: str) -> Reply:
    client = Client(port)
    reply = client.call("POST", path, b"12", headers={"Accept": accept} if accept else {})
    client.hang_up_all()
    return reply


@pytest.mark.parametrize("status", FAILURES)
@pytest.mark.parametrize("site", SITES)
def test_a_browser_gets_a_page_with_a_link_back(tmp_path: Path, site: str, status: int) -> None:
    with failing(status, tmp_path, site) as port:
        for path, accept in (("/orders/", BROWSER), ("/admin/orders/", "*/*"), ("/admin/", "")):
            reply = send(port, path, accept)
            page, headers = reply.body.decode(), reply.headers
            assert reply.status == status
            assert headers["content-type"] == "text/html; charset=utf-8"
            assert f"Error {status}" in page
            assert 'href="/"' in page
            assert 'href="/admin/"' in page
            assert headers["correlation-id"] in page
            assert headers["cache-control"] == "no-store"
            assert (headers.get("retry-after") == "1") == (status == 503)


@pytest.mark.parametrize("status", FAILURES)
def test_a_program_gets_a_problem(tmp_path: Path, status: int) -> None:
    with failing(status, tmp_path, "behind") as port:
        wanted = [("/orders/", "*/*"), ("/orders/1.html", ""), ("/orders/", "application/json")]
        for path, accept in (*wanted, ("/api/v1/orders", BROWSER), ("/admin/", "application/json")):
            reply = send(port, path, accept)
            assert (reply.status, reply.body["status"]) == (status, status)
            assert reply.headers["content-type"] == "application/problem+json"
            assert reply.body["correlation_id"] == reply.headers["correlation-id"]
