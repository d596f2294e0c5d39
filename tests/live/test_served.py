"""The stream of a real server."""

import base64
import http.client
import json
from collections.abc import Callable
from contextlib import closing
from datetime import datetime

from tests.conftest import Api, Person
from tests.http.conftest import token_for
from tests.live.listening import messages
from tests.server import Server
from tests.tiers import LONGEST


def receive(server: Server, token: str, name: str, **headers: str) -> tuple[dict[str, str], bytes]:
    """The headers of a stream, and its parts up to a message of this name."""
    sent = {"Authorization": f"Bearer {token}"} | headers
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=LONGEST)) as wire:
        wire.request("GET", "/api/v1/events/stream", headers=sent)
        answer = wire.getresponse()
        raw = b""
        while name not in {message.name for message in messages(raw[: raw.rfind(b"\n\n") + 2])}:
            raw += answer.read1(65_536)
        return dict(answer.getheaders()), raw


def test_an_order_is_told_to_its_customer(
    server: Server, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    who = person()
    token, order = token_for(who), {"lines": [{"product": product(), "quantity": 1}]}
    headers, raw = receive(server, token, "ready", **{"Accept-Encoding": "gzip"})
    assert raw.startswith(b"retry: ")
    assert headers["content-type"] == "text/event-stream"
    assert headers["cache-control"] == "private, no-store"
    assert headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in headers
    placed = server.call("POST", "orders", order, token=token).body
    last = raw.decode().split("id: ", 1)[1].split("\n", 1)[0]
    _, raw = receive(server, token, "order", **{"Last-Event-ID": last})
    (told,) = (message for message in messages(raw) if message.name == "order")
    assert told.data["id"] == placed["id"]
    assert told.data.keys() == {"id", "number", "status", "version", "event", "type", "at"}
    path = f"orders/{placed['id']}/events"
    (event,) = server.call("GET", path, token=token).body["results"]
    assert told.data["event"] == event["id"]
    assert datetime.fromisoformat(told.data["at"]) == datetime.fromisoformat(event["at"])


def test_what_cannot_be_streamed_is_refused(
    as_: Callable[[Person], Api], person: Callable[..., Person]
) -> None:
    customer = as_(person())
    assert customer("HEAD", "events/stream").status == 200
    huge = another(2**64, 1), another(1, 2**63)
    faults = dict.fromkeys(("x", *huge), "validation_error") | {another(): "since_expired"}
    for id, code in faults.items():
        answer = customer("GET", "events/stream", **{"Last-Event-ID": id})
        assert answer.body["code"] == code
    assert customer("GET", "events/stream?all=true").body["code"] == "not_staff"
    assert customer("GET", "events/stream?watch=1,x").body["code"] == "validation_error"
    no_right = as_(person(is_staff=True, role=None))
    assert no_right("GET", "events/stream?all=true").body["code"] == "permission_missing"


def another(transaction: int = 1, number: int = 1) -> str:
    """The mark of another database."""
    mark = json.dumps(["events", "1.2.3.4", transaction, number]).encode()
    return base64.urlsafe_b64encode(mark).decode().rstrip("=")
