"""Webhooks in the admin, for staff who manage them."""

import re
from collections.abc import Callable

import pytest

from larder.relay import queries
from larder.relay.models import Endpoint
from larder.relay.services.endpoints import MANAGE
from tests.conftest import Person
from tests.staff.desk import Desk, allow

MakePerson = Callable[..., Person]
LIST = "relay/endpoint/"
SEE = "orders.view_order"
SENT = {"name": "ERP", "url": "https://shop.example/events", "events": ["order.placed"]}


def test_a_webhook_is_made_changed_tested_and_deleted(person: MakePerson) -> None:
    desk = Desk(allow(person(is_staff=True), MANAGE, SEE))
    made = desk.save(f"{LIST}add/", **SENT)
    assert re.search(r"whsec_[A-Za-z0-9+/]{43}=", made.text)
    endpoint = Endpoint.objects.get()
    page = f"{LIST}{endpoint.pk}/change/"
    assert "whsec_" not in desk.get(page).text + desk.get(LIST).text
    assert desk.save(page, url="ftp://shop.example/").errors
    assert desk.save(page, disabled="on", is_tested="on").errors == {}
    assert queries.endpoint(endpoint.pk).disabled_at is not None
    assert "webhook.test" in desk.get(page).text
    desk.post(f"{LIST}{endpoint.pk}/delete/", {"post": "yes"})
    assert not Endpoint.objects.exists()


def test_a_webhook_needs_the_permission_of_its_events(person: MakePerson) -> None:
    desk = Desk(allow(person(is_staff=True, role=None), MANAGE))
    refused = desk.save(f"{LIST}add/", **SENT)
    assert refused.status == 403
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize("path", [LIST, f"{LIST}add/"])
def test_others_see_no_webhooks(person: MakePerson, path: str) -> None:
    assert Desk(person(is_staff=True)).get(path).status == 403
