"""The HTTP client of tests and attacks."""

import socket
from concurrent.futures import ThreadPoolExecutor

from tools.http_client import Client

ANSWER = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"


def refuse_unread(listening: socket.socket) -> None:
    """Answers as soon as the head is there, and closes the connection with the body unread."""
    connection, _ = listening.accept()
    with connection:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(1)
        connection.sendall(ANSWER)


def test_the_client_reads_an_answer_sent_before_its_body_is_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as server:
        refusing = server.submit(refuse_unread, listening)
        client = Client(listening.getsockname()[1])
        assert client.call("POST", "auth/token", b"9" * 30_000_000).status == 413
        refusing.result()
