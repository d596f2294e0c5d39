"""Confirmations that the event loop answers: as Django does."""

import json
from collections.abc import Callable
from uuid import uuid4

import pytest

from larder.front.orders import confirmations as operation
from larder.http.shop import terms
from larder.identity.models import AuditEntry
from larder.orders.services import batches
from tests.conftest import Person
from tests.front.in_process import JSON, Answered, OnLoop
from tests.http.conftest import token_for
from tests.orders.holding import WITH_BOOKS, hold, status

pytestmark = WITH_BOOKS

VARYING = {"Larder-Position", "Correlation-ID", "ETag", "Content-Length"}


@pytest.fixture
def confirmations() -> OnLoop:
    """Operations of the event loop beside a queue, as a server has it."""
    batches.start(terms())
    return OnLoop(operation)


@pytest.fixture
def clerk(person: Callable[..., Person]) -> Person:
    return person(is_staff=True, is_superuser=True)


def same(answer: Answered) -> tuple[str, dict[str, str], set[str]]:
    """What does not differ between two orders."""
    code, headers, body = answer
    same_headers = {name: value for name, value in headers.items() if name not in VARYING}
    return code, same_headers, set(json.loads(body))


def test_an_order_is_confirmed_as_django_does(
    confirmations: OnLoop, clerk: Person, person: Callable[..., Person], jam: int
) -> None:
    token, customer = token_for(clerk), person()
    orders = [hold(customer, (jam, 2)).id for _ in range(2)]
    first, second = (
        confirmations.send(b"{}", token, f"orders/{order}/confirm", **JSON, Idempotency_Key="k")
        for order in orders
    )
    assert (confirmations.reached, first[0]) == (1, "200 OK")
    assert same(first) == same(second)
    assert [status(order) for order in orders] == ["placed", "placed"]
    assert AuditEntry.objects.filter(actor=clerk.customer.public_id, action="confirm").count() == 2
    again = confirmations.send(
        b"{}", token, f"orders/{orders[1]}/confirm", **JSON, Idempotency_Key="k"
    )
    assert again[1]["Idempotency-Replayed"] == "true"


def test_a_confirmation_is_refused_as_django_does(
    confirmations: OnLoop, clerk: Person, person: Callable[..., Person], jam: int
) -> None:
    token, customer = token_for(clerk), person()
    viewer = token_for(person(is_staff=True, role="viewer"))
    first, second = (hold(customer, (jam, 2)).id for _ in range(2))
    confirmations.send(b"{}", token, f"orders/{first}/confirm", **JSON)
    for who, order, code in [
        (viewer, second, "permission_missing"),
        (viewer, uuid4(), "permission_missing"),
        (token_for(customer), second, "not_staff"),
        (token, customer.customer.public_id, "not_found"),
    ]:
        refused = confirmations.send(b"{}", who, f"orders/{order}/confirm", **JSON)
        assert json.loads(refused[2])["code"] == code
    assert status(second) == "pending"
