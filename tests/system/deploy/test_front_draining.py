"""How nginx ends the connections of its clients before a reload."""

import http.client
import json
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.system.deploy.nginx import nginx_before

PATH = "/api/v1/products/by-sku/a%3Fb%20c%C3%A9?x=%20&y=1"

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


class Echo(BaseHTTPRequestHandler):
    """Answers with the method, the path and the body that it got."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        body = json.dumps([self.command, self.path, self.rfile.read(length).decode()]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def echo() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def client(folder: Path) -> Iterator[http.client.HTTPConnection]:
    """Give a connection to nginx, which runs in the folder before such a server."""
    with (
        echo() as server,
        nginx_before(server, folder, site="public") as port,
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection,
    ):
        yield connection


def sent(connection: http.client.HTTPConnection, method: str, path: str) -> tuple[list[str], bool]:
    """Return what reached the server, and whether the answer ends the connection."""
    connection.request(method, path, b"body" if method == "POST" else None)
    answer = connection.getresponse()
    return json.loads(answer.read()), answer.getheader("Connection") == "close"


def test_while_nginx_drains_each_connection_ends_with_an_answer(tmp_path: Path) -> None:
    with client(tmp_path) as connection:
        usual = [sent(connection, method, PATH) for method in ("GET", "POST")]
        assert not any(ends for _, ends in usual)
        (tmp_path / "nginx-draining").touch()
        for method, (reached, _) in zip(("GET", "POST"), usual, strict=True):
            assert sent(connection, method, PATH) == (reached, True)
        (tmp_path / "nginx-draining").unlink()
        assert not sent(connection, "GET", PATH)[1]


def test_clients_cannot_ask_for_the_end_of_their_connection_by_a_path(tmp_path: Path) -> None:
    with client(tmp_path) as connection:
        connection.request("GET", "/nginx-draining/api/v1/products")
        with connection.getresponse() as answer:
            assert answer.status == 404
