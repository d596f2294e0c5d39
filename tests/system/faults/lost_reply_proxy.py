"""A proxy that closes the connection to the client and keeps the reply."""

import http.client
import socket
import threading

HOST = "127.0.0.1"


class LostReplyProxy:
    """Passes one request on, waits for the whole reply and closes the connection to the client.

    `with LostReplyProxy(server.port) as proxy:` and connect to `proxy.port`; the lost reply is in
    `status` and `body`.
    """

    def __init__(self, server: int) -> None:
        self._server = server
        self._listening = socket.create_server((HOST, 0))
        self._thread = threading.Thread(target=self._pass_on)
        self.port = int(self._listening.getsockname()[1])
        self.status = 0
        self.body = b""

    def __enter__(self) -> "LostReplyProxy":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.join(30)
        self._listening.close()

    def _pass_on(self) -> None:
        self._listening.settimeout(30)
        client, _ = self._listening.accept()
        with client, socket.create_connection((HOST, self._server), timeout=30) as server:
            server.sendall(_whole_request(client))
            reply = http.client.HTTPResponse(server)
            reply.begin()
            self.status, self.body = reply.status, reply.read()


def _whole_request(client: socket.socket) -> bytes:
    """The bytes of one request, whose body has a Content-Length or is not there."""
    with client.makefile("rb") as sent:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += sent.readline()
        names = [line.lower().partition(b":") for line in head.split(b"\r\n")]
        length = next((int(value) for name, _, value in names if name == b"content-length"), 0)
        return head + sent.read(length)
