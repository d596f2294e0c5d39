"""The event loop places orders with the same answers and refusals as Django."""

import json
from datetime import UTC, datetime, timedelta
from time import time
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection

from larder.core.batch_queue import BatchQueue
from larder.db import database
from larder.front import orders as on_loop
from larder.front.orders import orders
from larder.http import authentication, bodies
from larder.http.api_headers import QUOTA_HEADERS
from larder.identity.models import Session
from larder.inventory.models import Stock
from larder.orders.models import Order
from larder.orders.services.placing import place_batch
from tests.conftest import Person
from tests.front.in_process import (
    JSON,
    STOCK,
    UNKNOWN,
    USUAL,
    Headers,
    OnLoop,
    Ordering,
    alike,
    body_of,
    without_id,
)


@pytest.mark.parametrize(
    "headers",
    [
        *USUAL,
        {"Content_Type": "application/json; charset=utf-8"},
        {"Content_Type": "application/vnd.shop+json"},
    ],
)
@pytest.mark.parametrize("body", [{}, {"note": "Ring twice.", "reference": "PO 7"}])
def test_the_on_loop_gives_the_same_answer_as_django(
    orders_on_loop: OnLoop, token: str, jam: int, headers: Headers, body: dict[str, str]
) -> None:
    ordering = Ordering(orders_on_loop, token, jam)
    through, in_front_of_it = ordering(headers=headers, **body), ordering(headers=headers, **body)
    assert orders_on_loop.reached == 1
    assert through[0] == "201 Created"
    assert alike(in_front_of_it) == alike(through)
    assert Order.objects.count() == 2
    assert Stock.objects.get(product_id=jam).available == STOCK - 4


def test_a_placed_order_is_read_with_the_same_body_and_etag(ordering: Ordering) -> None:
    _, headers, body = ordering()
    read = ordering.on_loop(ordering.token, headers["Location"].removeprefix("/api/v1/"))
    assert (read[1]["ETag"], read[2]) == (headers["ETag"], body)


@pytest.mark.parametrize("first", ["through Django", "event loop"])
def test_a_key_places_one_order_on_the_on_loop_and_through_django(
    ordering: Ordering, first: str
) -> None:
    key, strange = {"Idempotency_Key": uuid4().hex}, {"Origin": "https://elsewhere.example"}
    ways = [key | strange, key] if first == "through Django" else [key, key | strange]
    reply, again = [ordering(headers=way) for way in ways]
    assert (reply[2], reply[1]["ETag"]) == (again[2], again[1]["ETag"])
    assert ("Idempotency-Replayed" in reply[1], again[1]["Idempotency-Replayed"]) == (False, "true")
    assert Order.objects.count() == 2


def test_an_order_reports_its_quota_when_little_is_left(ordering: Ordering) -> None:
    key = {"Idempotency_Key": uuid4().hex}
    (_, first, _), (_, second, _) = ordering(headers=key), ordering()
    assert not QUOTA_HEADERS & {*first, *second}
    database.execute("UPDATE rate_limit SET until = statement_timestamp() + interval '59 minutes'")
    near = ordering()[1]
    assert near["RateLimit-Policy"] == '"orders";q=1000000;w=3600'
    assert near["RateLimit"].startswith('"orders";r=16')
    assert not QUOTA_HEADERS & ordering(headers=key)[1].keys()
    database.execute("UPDATE rate_limit SET until = statement_timestamp() + interval '2 hours'")
    status, refused, body = ordering()
    assert (status, json.loads(body)["quota"]) == ("429 Too Many Requests", "orders")
    assert refused["RateLimit"] == f'"orders";r=0;t={refused["Retry-After"]}'
    assert ordering(headers=key)[0] == "201 Created"


def test_the_headers_of_a_repeat_are_not_on_the_next_answer(
    orders_on_loop: OnLoop, token: str, jam: int
) -> None:
    ordering, key = Ordering(orders_on_loop, token, jam), {"Idempotency_Key": uuid4().hex}
    strange = {"Origin": "https://elsewhere.example"}
    ordering(headers=key | strange)
    assert ordering(headers=key)[1]["Idempotency-Replayed"] == "true"
    answers = [ordering(), ordering()]
    assert ["Idempotency-Replayed" in answer[1] for answer in answers] == [False, False]


def test_a_repeat_shows_the_tracking_number_as_django_does(
    orders_on_loop: OnLoop, token: str, jam: int
) -> None:
    ordering, key = Ordering(orders_on_loop, token, jam), {"Idempotency_Key": uuid4().hex}
    placed = json.loads(ordering(headers=key)[2])
    assert (placed["carrier"], placed["tracking_number"]) == (None, None)
    Order.objects.filter(id=placed["id"]).update(carrier="DHL", tracking_number="AB12")
    reached = orders_on_loop.reached
    fast = ordering(headers=key)
    assert orders_on_loop.reached == reached
    orders_on_loop.forget()
    assert without_id(ordering(headers=key)) == without_id(fast)
    shipped = json.loads(fast[2])
    assert (shipped["carrier"], shipped["tracking_number"]) == ("DHL", "AB12")


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ({"lines": [{"product": 0, "quantity": STOCK}]}, {}, "409", "insufficient_stock"),
        ({"lines": [UNKNOWN]}, {}, "422", "unknown_product"),
        (
            {"lines": [{"product": 0, "quantity": 2, "expected_price": "0.01"}]},
            {},
            "409",
            "price_changed",
        ),
        ({"customer": 1}, {}, "403", "not_staff"),
        ({}, {"Idempotency_Key": "a b"}, "400", "validation_error"),
        ({"note": "\0"}, {}, "400", "validation_error"),
        ({"note": "\u202e"}, {}, "400", "validation_error"),
        ({"lines": []}, {}, "400", "validation_error"),
        ({"lines": [{"product": 0, "quantity": 1.5}]}, {}, "400", "validation_error"),
        ({"surprise": 1}, {}, "400", "unknown_field"),
        ({"note": "x" * on_loop.MAX_BODY_BYTES}, {}, "400", "validation_error"),
        ({}, {"Accept": "text/html"}, "406", "not_acceptable"),
        ({}, {"Content_Type": "text/plain"}, "415", "unsupported_media_type"),
        ({}, {"Host": "elsewhere.example"}, "400", "bad_host"),
        ({}, {"Authorization": "Bearer a.b.c"}, "401", "token_invalid"),
        ({}, {"Authorization": ""}, "401", "not_authenticated"),
    ],
)
def test_the_on_loop_refuses_as_django_does(
    ordering: Ordering,
    jam: int,
    body: dict[str, Any],
    headers: Headers,
    status: str,
    code: str,
) -> None:
    for line in body.get("lines", []):
        line["product"] = line["product"] or jam  # a product there is
    sent = headers | {"Correlation_ID": uuid4().hex}
    refused = ordering(headers=sent, **body)
    alone = OnLoop(orders).send(body_of(body, jam), ordering.token, "orders", **(JSON | sent))
    assert (refused[0][:3], json.loads(refused[2])["code"]) == (status, code)
    assert refused == alone
    assert ordering.on_loop.reached == 2
    assert Order.objects.count() == 1
    assert Stock.objects.get(product_id=jam).available == STOCK - 2


@pytest.mark.parametrize(
    ("name", "later"),
    [("time", lambda: time() + 3_600), ("SESSIONS_TOO_OLD", -1.0)],
    ids=["token expired", "session ended"],
)
def test_an_unknown_outcome_is_answered_although_the_token_has_expired(
    ordering: Ordering, monkeypatch: pytest.MonkeyPatch, name: str, later: Any
) -> None:
    Session.objects.update(ended_at=datetime.now(UTC))

    commit = psycopg.Connection.commit

    def answered_twice(connection: Any) -> None:
        commit(connection)
        monkeypatch.setattr(authentication, name, later)
        raise psycopg.InternalError("received 2 results from command 'COMMIT'")

    monkeypatch.setattr(psycopg.Connection, "commit", answered_twice)
    monkeypatch.setattr(place_batch, "FIND_WITHIN", 0)
    status, _, body = ordering()
    assert (status[:3], json.loads(body)["code"]) == ("500", "outcome_unknown")


def test_a_refusal_has_the_correlation_id_in_header_and_body(
    ordering: Ordering, caplog: pytest.LogCaptureFixture
) -> None:
    _, headers, body = ordering(lines=[UNKNOWN])
    assert headers["Correlation-ID"] == json.loads(body)["correlation_id"]


def test_an_incomplete_body_places_no_order(ordering: Ordering, jam: int) -> None:
    """The bytes received are a valid order."""
    whole = body_of({}, jam)
    length = str(len(whole) + 50)
    for headers in ({}, {"Origin": "https://elsewhere.example"}):
        refused = ordering.raw(whole, {"Content_Length": length} | headers)
        assert (refused[0][:3], json.loads(refused[2])["code"]) == ("400", "bad_request")
    assert Order.objects.count() == 1


def test_an_expired_token_places_nothing(
    ordering: Ordering, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = (datetime.now(UTC) + timedelta(hours=1)).timestamp()
    monkeypatch.setattr(authentication, "time", lambda: later)
    status, _, body = ordering()
    assert (status[:3], json.loads(body)["code"]) == ("401", "token_expired")
    assert Order.objects.count() == 1


def test_an_account_that_was_deactivated_orders_nothing(ordering: Ordering, who: Person) -> None:
    type(who.customer).objects.update(is_active=False)
    status, _, body = ordering()
    assert (status[:3], json.loads(body)["code"]) == ("401", "session_ended")
    assert Order.objects.count() == 1


@pytest.mark.parametrize(
    ("fails", "code", "orders"),
    [("before the commit", "internal_error", 1), ("after the commit", "outcome_unknown", 2)],
)
def test_django_answers_a_failure_and_the_on_loop_does_not_retry(
    ordering: Ordering,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fails: str,
    code: str,
    orders: int,
) -> None:
    tries: list[object] = []

    def fail(*_: object, **__: object) -> None:
        tries.append(fails)
        raise RuntimeError("a fault of ours")

    if fails == "before the commit":
        monkeypatch.setattr(BatchQueue, "put", fail)
    else:
        monkeypatch.setattr(bodies, "_ENCODER", SimpleNamespace(encode=fail))
    status, headers, body = ordering()
    assert (status[:3], json.loads(body)["code"], len(tries)) == ("500", code, 1)
    assert headers["Correlation-ID"] == json.loads(body)["correlation_id"]
    assert "a fault of ours" in caplog.text
    assert Order.objects.count() == orders


def test_the_connection_returns_to_the_pool(ordering: Ordering) -> None:
    ordering()
    assert connection.connection is None


def test_a_hold_is_answered_as_by_django(orders_on_loop: OnLoop, token: str, jam: int) -> None:
    ordering = Ordering(orders_on_loop, token, jam)
    held = {"required": True, "hold_seconds": 60}
    through, in_front_of_it = ordering(payment=held), ordering(payment=held)
    assert orders_on_loop.reached == 1
    assert [json.loads(answer[2])["status"] for answer in (through, in_front_of_it)] == [
        "pending"
    ] * 2
    assert in_front_of_it[1].keys() == through[1].keys()
    assert Stock.objects.get(product_id=jam).available == STOCK - 4
    refused = ordering(payment={"required": True, "hold_seconds": 10**6})
    assert (refused[0], orders_on_loop.reached) == ("400 Bad Request", 2)
