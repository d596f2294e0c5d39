"""Errors from nginx: pages for browsers, problems for programs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.deploy.nginx import (
    answer_to,
    head,
    needs_nginx,
    nginx_before,
    unfinished,
)
from tools.nginx import SITES
from tools.processes import free_port

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
FAILURES = {
    413: {r"client_max_body_size \w+": "client_max_body_size 1"},
    502: {},
    503: {r"limit_conn all \d+": "limit_conn all 1"},
    504: {r"proxy_read_timeout \w+": "proxy_read_timeout 200ms"},
}
"""What is changed in nginx's files, by the status that it answers then."""
READERS = [
    ("/orders/", BROWSER, True),
    ("/admin/orders/", "*/*", True),
    ("/admin/", "", True),
    ("/orders/", "*/*", False),
    ("/orders/1.html", "", False),
    ("/orders/", "application/json", False),
    ("/api/v1/orders", BROWSER, False),
    ("/admin/", "application/json", False),
]

pytestmark = needs_nginx


@contextmanager
def failing(status: int, silent: int, folder: Path, site: str) -> Iterator[int]:
    """An nginx that answers everything with that status; gives its port."""
    server = free_port() if status == 502 else silent
    waiting = ["198.51.100.1"] if status == 503 else []
    with (
        nginx_before(server, folder, FAILURES[status], site=site) as port,
        unfinished(port, *waiting),
    ):
        yield port


@pytest.mark.parametrize("status", FAILURES)
@pytest.mark.parametrize("site", SITES)
def test_a_browser_gets_a_page_and_a_program_a_problem(
    silent: int, tmp_path: Path, site: str, status: int
) -> None:
    with failing(status, silent, tmp_path, site) as port:
        for path, accept, is_browser in READERS:
            request = head("198.51.101.1", 2, path).replace(b"application/json", accept.encode(), 1)
            start, _, body = answer_to(port, request + b"{}").partition(b"\r\n\r\n")
            lines = dict(line.split(": ", 1) for line in start.decode().split("\r\n")[1:])
            assert start.startswith(f"HTTP/1.1 {status} ".encode())
            assert lines["Cache-Control"] == "no-store"
            if is_browser:
                assert lines["Content-Type"] == "text/html; charset=utf-8"
                assert f"Error {status}" in body.decode()
                assert 'href="/admin/"' in body.decode()
                assert lines["Correlation-ID"] in body.decode()
            else:
                assert lines["Content-Type"] == "application/problem+json"
                assert json.loads(body)["status"] == status
                assert json.loads(body)["correlation_id"] == lines["Correlation-ID"]
