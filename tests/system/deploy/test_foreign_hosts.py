"""A request for an unknown Host is answered 400, or redirected by nginx to a path: no redirect
repeats the Host.
"""

import http.client
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.server import Server
from tests.system.deploy.nginx import BEHIND_A_PROXY, nginx_before
from tools.nginx import SITES

FOREIGN = "evil.example"
PATHS = (
    *("/", "/admin", "/admin/", "/api", "/api/orders", "/api/v1/products", "/api/v1/docs"),
    *("/static/staff/admin.css", "/static", "/nothing", "//evil.example/"),
)
"""Paths that are redirected by plain HTTP, without their slash, or to a log-in."""

Connect = Callable[[], socket.socket]
needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


@pytest.fixture
def running(transactional_db: None) -> Iterator[Server]:
    """A server as in production, which redirects plain HTTP."""
    environment = BEHIND_A_PROXY | {"COMPAT": "0,1,2,3,4", "ALLOWED_HOSTS": "localhost"}
    with Server(workers=1, environment=environment) as server:
        yield server


def answer(
    connect: Connect, target: str, host: str, *headers: str, method: str = "GET"
) -> tuple[int, str]:
    """Return the status and the Location of the answer to one request."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *headers, "", ""]
    with connect() as connection:
        connection.sendall("\r\n".join(lines).encode())
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        return response.status, response.headers.get("Location", "")


def assert_refuses_foreign_hosts(connect: Connect) -> None:
    for scheme in ("http", "https"):
        proxied = f"X-Forwarded-Proto: {scheme}"
        for path in PATHS:
            for method in ("GET", "POST"):
                found = answer(connect, path, FOREIGN, proxied, method=method)
                assert found in {(400, ""), (301, f"{path}/")}, (path, scheme, method)
            # Other places where a client can name a host.
            for header in ("X-Forwarded-Host", "X-Host", "Forwarded"):
                said = f"{header}: {'host=' if header == 'Forwarded' else ''}{FOREIGN}"
                _, location = answer(connect, path, "localhost", proxied, said)
                assert FOREIGN not in location.removesuffix(path), (path, header)


def test_a_server_refuses_foreign_hosts(running: Server) -> None:
    assert_refuses_foreign_hosts(running.socket)
    status, location = answer(running.socket, "/api/v1/products", "localhost")
    assert (status, location) == (301, "https://localhost/api/v1/products")


@needs_nginx
@pytest.mark.parametrize("site", SITES)
def test_foreign_hosts_are_refused_behind_nginx(running: Server, tmp_path: Path, site: str) -> None:
    with nginx_before(running.port, tmp_path, site=site) as port:
        assert_refuses_foreign_hosts(lambda: socket.create_connection(("127.0.0.1", port), 10))


@needs_nginx
def test_the_public_nginx_redirects_plain_http_only_to_the_shop(
    running: Server, tmp_path: Path
) -> None:
    """The redirect keeps the method (308) and the address; the servers do not see the path."""
    with nginx_before(running.port, tmp_path, site="public"):

        def connect() -> socket.socket:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(10)
            connection.connect(f"{tmp_path}/plain")
            return connection

        for path in PATHS:
            for method in ("GET", "POST"):
                assert answer(connect, path, FOREIGN, method=method) == (400, ""), path
                wanted = (308, f"https://localhost{path}?limit=3")
                assert answer(connect, f"{path}?limit=3", "localhost", method=method) == wanted
            # The host of the request line precedes that of the header.
            absolute = f"http://{FOREIGN}{path}"
            assert answer(connect, absolute, "localhost") == (400, ""), path
        assert answer(connect, "/metrics", "localhost:80") == (308, "https://localhost/metrics")
