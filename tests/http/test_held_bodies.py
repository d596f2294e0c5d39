"""A body whose end arrives after the end of the caller's session has no effect."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from larder.http import raw_body
from larder.identity.models import Customer
from larder.inventory.models import LedgerEntry
from larder.orders.models import OrderLine
from tests.conftest import Api, Person
from tests.staff.desk import Desk

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"


class HeldBody(BytesIO):
    """A body at whose first byte the account is deactivated."""

    def __init__(self, content: bytes, who: Person) -> None:
        super().__init__(content)
        self._who = who

    def read(self, size: int | None = -1) -> bytes:
        Customer.objects.filter(pk=self._who.id).update(is_active=False)
        return super().read(size)

    def readline(self, size: int | None = -1) -> bytes:
        return self.read(size)


@pytest.fixture
def boss(person: Callable[..., Person]) -> Person:
    return person(is_staff=True, is_superuser=True)


def send_held(client: Client, target: str, content: bytes, kind: str, who: Person) -> int:
    """Sends the content to a path, with POST if `target` names no method."""
    held: dict[str, Any] = {"wsgi.input": HeldBody(content, who), "CONTENT_LENGTH": len(content)}
    method, _, path = target.rpartition(" ")
    return int(client.generic(method or "POST", path, b"-", kind, **held).status_code)


def adjustments() -> int:
    return LedgerEntry.objects.exclude(cause="opening").count()


@pytest.mark.parametrize("seconds", [raw_body.TRUSTED_SECONDS, -1])
def test_v1_looks_a_caller_up_again_after_a_slow_body(
    seconds: float, boss: Person, product: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the control: the body of a client that sends at once is not waited for. Most services
    would be no control: they look the caller up again in any case, as submitting a cart does."""
    monkeypatch.setattr(raw_body, "TRUSTED_SECONDS", seconds)
    credentials = {"username": boss.customer.username, "password": boss.password}
    access = Api()("POST", "auth/token", credentials).body["access"]
    client = Client(headers={"authorization": f"Bearer {access}"})
    content = json.dumps({"lines": [{"product": product(), "quantity": 2}]}).encode()
    status = send_held(client, "PUT /api/v1/cart", content, "application/json", boss)
    changed = OrderLine.objects.filter(quantity=2).exists()
    assert (status, changed) == ((401, False) if seconds < 0 else (200, True))


def test_a_slow_form_of_the_admin_needs_a_session_that_is_still_valid(
    boss: Person, product: Callable[..., int]
) -> None:
    product(stock=5, sku="JAM")
    desk, token = Desk(boss), "a" * 32
    # The protection reads the form before the view asks who sends it.
    desk.client.handler.enforce_csrf_checks = True
    desk.client.cookies["csrftoken"] = token
    values = {"csrfmiddlewaretoken": token} | desk.open("inventory/adjustment/add/")
    values |= {"reason": "lost", "rows": "1", "line-0-sku": "JAM", "line-0-delta": "-1"}
    content = urlencode(values | {"padding": "a" * 100_000}, doseq=True).encode()
    status = send_held(desk.client, "/admin/inventory/adjustment/add/", content, FORM, boss)
    assert (status, adjustments()) == (302, 0)
