"""A mail server for tests: SMTP over a real socket, with the errors of real mail servers."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast


@dataclass
class Receiver:
    """What it does, and what it got. A reply is sent as it is; "stall" says nothing until the
    end, "drop" hangs up. `replies` are by the client's verb; "" is the greeting, "." the end of
    a mail, which counts as received before it is answered."""

    replies: dict[str, str] = field(default_factory=dict)
    received: list[EmailMessage] = field(default_factory=list)
    port: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """As EMAIL_URL."""
        return f"smtp://127.0.0.1:{self.port}"


NORMAL = {"": "220 here", "DATA": "354 go on", "QUIT": "221 bye"}


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.receiver = cast(_Server, self.server).receiver
        goes_on = self._say("")
        while goes_on and (line := self.rfile.readline()):
            verb = line.split()[0].decode().upper() if line.split() else ""
            goes_on = self._say(verb) and verb != "QUIT"
            if goes_on and verb == "DATA" and self._replied("DATA").startswith("354"):
                goes_on = self._receive()

    def _receive(self) -> bool:
        lines = iter(self.rfile.readline, b".\r\n")
        raw = b"".join(line.removeprefix(b".").replace(b"\r\n", b"\n") for line in lines)
        parsed = message_from_bytes(raw, policy=policy.default)
        self.receiver.received.append(parsed)
        return self._say(".")

    def _replied(self, verb: str) -> str:
        return self.receiver.replies.get(verb, NORMAL.get(verb, "250 fine"))

    def _say(self, verb: str) -> bool:
        reply = self._replied(verb)
        if reply == "stall":
            self.receiver.ended.wait(60)
        if reply in {"stall", "drop"}:
            return False
        self.wfile.write(f"{reply}\r\n".encode())
        return not reply.startswith("421")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    receiver: Receiver


@contextmanager
def receiving(**replies: str) -> Iterator[Receiver]:
    """`with receiving(RCPT="550 no such user") as receiver:`; see `Receiver`."""
    with _Server(("127.0.0.1", 0), _Conversation) as server:
        server.receiver = Receiver(replies, port=server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server.receiver
        finally:
            server.receiver.ended.set()
            server.shutdown()
