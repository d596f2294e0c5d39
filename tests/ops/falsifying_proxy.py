"""A proxy that falsifies one kind of answer of a server."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

PASSED_ON = ("authorization", "content-type", "idempotency-key")
PASSED_BACK = ("content-type", "idempotency-replayed", "location", "retry-after")


@dataclass
class Message:
    """A request on its way, and then its answer."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    status: int = 0
    answer: Any = None
    answer_headers: dict[str, str] = field(default_factory=dict)

    @property
    def places(self) -> bool:
        """Whether this places an order."""
        return (self.method, self.path) == ("POST", "/api/v1/orders")

    @property
    def reads_history(self) -> bool:
        """Whether this reads a history."""
        return self.method == "GET" and self.path.startswith("/api/v1/orders")


Pass = Callable[[Message], None]
Lie = Callable[[Message, Pass], bool]
"""Handles a message, with the means to pass it on; True when it has lied and that is enough."""


class Threads(ThreadingHTTPServer):
    """A thread for each connection; clients that hang up are nothing to talk about."""

    def handle_error(self, *about: object) -> None:
        """Says nothing."""


@contextmanager
def lying(port: int, lie: Lie) -> Iterator[str]:
    """Gives the address of a proxy before the server on `port` that lies once."""
    lied, turn = threading.Event(), threading.Lock()

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *words: object) -> None:
            """Says nothing."""

        def handle_any(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            names = [name for name in PASSED_ON if name in self.headers]
            sent = {name: self.headers[name] for name in names}
            message = Message(self.command, self.path, sent, body)
            with turn:
                if lied.is_set():
                    pass_on(message, port)
                elif lie(message, lambda one: pass_on(one, port)):
                    lied.set()
            self.reply(message)

        do_GET = do_POST = do_DELETE = handle_any  # noqa: N815

        def reply(self, message: Message) -> None:
            raw = b"" if message.answer is None else json.dumps(message.answer).encode()
            self.send_response(message.status)
            for name, value in message.answer_headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    with Threads(("127.0.0.1", 0), Proxy) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
            assert lied.is_set(), "there was no occasion to lie"


def pass_on(message: Message, port: int) -> None:
    """Has the real server answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    raw = None if message.body is None else json.dumps(message.body)
    connection.request(message.method, message.path, raw, message.headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    message.status = response.status
    message.answer = json.loads(content) if content else None
    message.answer_headers = {
        name.lower(): value for name, value in response.getheaders() if name.lower() in PASSED_BACK
    }


def no_lie(message: Message, pass_on: Pass) -> bool:
    """Passes everything on; is content with the first order."""
    pass_on(message)
    return message.places


def places_twice(message: Message, pass_on: Pass) -> bool:
    """Places an order once more behind the customer's back."""
    pass_on(message)
    if not message.places or message.status != 201:
        return False
    content = {name: value for name, value in message.body.items() if name != "id"}
    headers = {name: value for name, value in message.headers.items() if name != "idempotency-key"}
    again = Message("POST", message.path, headers, content)
    pass_on(again)
    assert again.status == 201
    return True


def forgets_keys(message: Message, pass_on: Pass) -> bool:
    """Never looks at keys and chosen ids, so that every repeated order is a new one."""
    if message.places:
        message.headers.pop("idempotency-key")
        message.body.pop("id", None)
    pass_on(message)
    return message.reads_history


def calls_a_repeat_new(message: Message, pass_on: Pass) -> bool:
    """Does not mark answers that repeat an earlier one; not one only, whose answer may be lost."""
    pass_on(message)
    message.answer_headers.pop("idempotency-replayed", None)
    return message.reads_history


def loses_an_answer(message: Message, pass_on: Pass) -> bool:
    """Says 500 for an order that it placed."""
    pass_on(message)
    if message.places and message.status == 201:
        message.status = 500
        return True
    return False


def denies_an_order(message: Message, pass_on: Pass) -> bool:
    """Says that an order was refused which it placed."""
    pass_on(message)
    if message.places and message.status == 201:
        message.status, message.answer = 409, {"code": "insufficient_stock"}
        return True
    return False


def denies_orders(message: Message, pass_on: Pass) -> bool:
    """Answers that orders were refused which it placed; a repeat gets the truth.

    All of them: an answer whose connection was cut is a lie without an effect.
    """
    pass_on(message)
    repeats = "idempotency-replayed" in message.answer_headers
    if message.places and message.status == 201 and not repeats:
        message.status, message.answer = 409, {"code": "insufficient_stock"}
    return message.reads_history


def refuses_for_nothing(message: Message, pass_on: Pass) -> bool:
    """Says of an order that it did not even look at that there is too little."""
    if message.places:
        message.status, message.answer = 409, {"code": "insufficient_stock"}
        message.answer_headers = {"content-type": "application/problem+json"}
        return True
    pass_on(message)
    return False


def acknowledges_nothing(message: Message, pass_on: Pass) -> bool:
    """Acknowledges an order that it never placed."""
    if message.places:
        message.status, message.answer = 201, {"id": str(uuid4())}
        message.answer_headers = {"content-type": "application/json"}
        return True
    pass_on(message)
    return False


def finds_a_unit(message: Message, pass_on: Pass) -> bool:
    """Shows one unit more than there is."""
    pass_on(message)
    if message.path.startswith("/api/v1/stock"):
        message.answer["results"][0]["quantity"] += 1
        return True
    return False


def _in_history(change: Callable[[list[Any]], None]) -> Lie:
    def lie(message: Message, pass_on: Pass) -> bool:
        pass_on(message)
        if message.reads_history and message.answer["results"]:
            change(message.answer["results"])
            return True
        return False

    return lie


def _overcharge(results: list[Any]) -> None:
    results[0]["total"] = f"{float(results[0]['total']) + 0.01:.2f}"


def _swap_lines(results: list[Any]) -> None:
    results[0]["lines"][0]["quantity"] += 1


def _show_a_strangers(results: list[Any]) -> None:
    results.append(results[0] | {"id": str(uuid4()), "reference": "a stranger"})


def _rename(results: list[Any]) -> None:
    results[0]["id"] = str(uuid4())


forgets_an_order = _in_history(lambda results: results.clear())
overcharges = _in_history(_overcharge)
sends_other_units = _in_history(_swap_lines)
shows_a_strangers_order = _in_history(_show_a_strangers)
gives_another_id = _in_history(_rename)


def _stand_elsewhere(results: list[Any]) -> None:
    results[0]["status"] = "delivered"


def _count_another(results: list[Any]) -> None:
    results[0]["lines"][0]["returned"] += 1


lies_where_it_stands = _in_history(_stand_elsewhere)
finds_another_return = _in_history(_count_another)


def forgets_a_return(message: Message, pass_on: Pass) -> bool:
    """Acknowledges a return and books nothing."""
    if message.path.endswith("/return"):
        message.status, message.answer = 200, {"status": "shipped"}
        message.answer_headers = {"content-type": "application/json"}
        return True
    pass_on(message)
    return False


def refuses_to_ship(message: Message, pass_on: Pass) -> bool:
    """Does not let an order leave."""
    if message.path.endswith("/ship"):
        message.status, message.answer = 409, {"code": "invalid_transition"}
        message.answer_headers = {"content-type": "application/problem+json"}
        return True
    pass_on(message)
    return False


def returns_again(message: Message, pass_on: Pass) -> bool:
    """Does not mark repeats of returns; not one only, whose answer may be lost."""
    pass_on(message)
    if message.path.endswith("/return"):
        message.answer_headers.pop("idempotency-replayed", None)
    return message.reads_history
