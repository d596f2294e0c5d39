"""Orders that the event loop leaves to Django."""

from collections.abc import Callable

import pytest

from larder.front.orders import orders
from larder.orders.models import Order
from tests.conftest import Person
from tests.front.in_process import (
    JSON,
    Headers,
    OnLoop,
    Ordering,
    body_of,
    without_correlation,
)
from tests.http.conftest import token_for


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[]", b"1e999", b"[" * 5000])
def test_django_answers_invalid_orders(ordering: Ordering, raw: bytes) -> None:
    alone = OnLoop(orders).send(raw, ordering.token, "orders", **JSON)
    refused = ordering.raw(raw, {})
    without = [without_correlation(reply) for reply in (refused, alone)]
    assert without[0] == without[1]
    assert refused[0].startswith("400")


@pytest.mark.parametrize("key", ["k", "a b"])
def test_django_answers_a_long_hold_with_all_other_faults(
    ordering: Ordering, jam: int, key: str
) -> None:
    raw = body_of({"payment": {"required": True, "hold_seconds": 3_601}}, jam)
    headers = {"Idempotency_Key": key}
    alone = OnLoop(orders).send(raw, ordering.token, "orders", **JSON, **headers)
    refused = ordering.raw(raw, headers)
    assert without_correlation(refused) == without_correlation(alone)
    assert refused[0].startswith("400")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_other_methods_go_to_django(ordering: Ordering, jam: int, method: str) -> None:
    body = body_of({}, jam)
    status, _, _ = ordering.on_loop.send(body, ordering.token, "orders", method, **JSON)
    assert (status[:3], ordering.on_loop.reached) == ("405", 2)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Cookie": "sessionid=x"},
    ],
)
def test_unusual_requests_go_to_django(ordering: Ordering, headers: Headers) -> None:
    for turn in (2, 3):
        assert ordering(headers=headers)[0] == "201 Created"
        assert ordering.on_loop.reached == turn


def test_another_media_type_is_refused_although_headers_are_cached(
    ordering: Ordering, jam: int
) -> None:
    refused = ordering.raw(body_of({}, jam), {"Content_Type": "text/plain"})
    assert (refused[0][:3], ordering.on_loop.reached) == ("415", 2)
    assert Order.objects.count() == 1


def test_staff_and_new_tokens_go_to_django(
    ordering: Ordering, person: Callable[..., Person], orders_on_loop: OnLoop, jam: int
) -> None:
    other, boss = token_for(person()), token_for(person(is_staff=True))
    for token, reached in ((other, 2), (other, 2), (boss, 3), (boss, 4)):
        assert Ordering(orders_on_loop, token, jam)()[0] == "201 Created"
        assert orders_on_loop.reached == reached
