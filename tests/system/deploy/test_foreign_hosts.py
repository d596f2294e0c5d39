"""An unknown Host is answered 400, or redirected to a path: no redirect repeats it."""

import http.client
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server import Server
from tests.system.deploy.nginx import BEHIND_A_PROXY, needs_nginx, nginx_before
from tools.nginx import SITES

FOREIGN = "evil.example"
PATHS = ("/", "/admin", "/api/v1/products", "/api/orders", "/static", "//evil.example/")
"""Paths that are redirected by plain HTTP, without their slash, or to a log-in."""
ENVIRONMENT = BEHIND_A_PROXY | {"COMPAT": "0,1,2,3,4", "ALLOWED_HOSTS": "localhost"}

pytestmark = needs_nginx


def answer(
    connect: Callable[[], socket.socket], target: str, host: str, *headers: str
) -> tuple[int, str]:
    """Return the status and the Location of the answer to a POST."""
    lines = [f"POST {target} HTTP/1.1", f"Host: {host}", "Content-Length: 0", *headers, "", ""]
    with connect() as connection:
        connection.settimeout(10)
        connection.sendall("\r\n".join(lines).encode())
        response = http.client.HTTPResponse(connection, method="POST")
        response.begin()
        return response.status, response.headers.get("Location", "")


@pytest.mark.parametrize("site", SITES)
def test_no_redirect_repeats_the_host_of_a_request(
    transactional_db: None, tmp_path: Path, site: str
) -> None:
    with (
        Server(workers=1, environment=ENVIRONMENT) as server,
        nginx_before(server.port, tmp_path, site=site) as port,
    ):

        def encrypted() -> socket.socket:
            return socket.create_connection(("127.0.0.1", port))

        def plain() -> socket.socket:
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(f"{tmp_path}/plain")
            return connection

        for path in PATHS:
            for scheme in ("http", "https"):
                proxied = f"X-Forwarded-Proto: {scheme}"
                answered = answer(encrypted, path, FOREIGN, proxied)
                assert answered in {(400, ""), (301, f"{path}/")}, (path, scheme)
                for said in (f"X-Forwarded-Host: {FOREIGN}", f"Forwarded: host={FOREIGN}"):
                    _, location = answer(encrypted, path, "localhost", proxied, said)
                    assert FOREIGN not in location.removesuffix(path), (path, said)
            if site == "public":
                assert answer(plain, path, FOREIGN) == (400, "")
                # The host of the request line precedes that of the header.
                assert answer(plain, f"http://{FOREIGN}{path}", "localhost") == (400, "")
                there = (308, f"https://localhost{path}?limit=3")
                assert answer(plain, f"{path}?limit=3", "localhost") == there
