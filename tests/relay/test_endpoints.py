"""Endpoints are managed by staff who may see what they are told."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from larder.core.errors import NotFound, PermissionMissing, StaleVersion
from larder.identity.caller import Caller
from larder.identity.models import AuditEntry
from larder.identity.services import audit
from larder.relay import queries
from larder.relay.channels import Sent
from larder.relay.errors import TooManyWebhooks
from larder.relay.models import Delivery, Endpoint
from larder.relay.services import deliveries, endpoints
from tests.conftest import Person
from tests.relay.listening import due

pytestmark = pytest.mark.django_db(transaction=True)

MakePerson = Callable[..., Person]
KEYS = ["k" * 50]
FIELDS = {"url": "https://shop.example/hook?key=secret", "name": "ERP", "events": ["order.placed"]}


@pytest.fixture
def owner(person: MakePerson) -> Caller:
    return person(is_staff=True, role="owner").caller


@pytest.fixture
def endpoint(owner: Caller, now: datetime) -> UUID:
    return endpoints.create_endpoint(FIELDS, caller=owner, keys=KEYS, at=now).endpoint


def waiting(endpoint: UUID) -> list[str]:
    return [row.type for row in due(endpoint)]


def secrets(endpoint: UUID) -> list[bytes]:
    return endpoints.opened(Endpoint.objects.get().secrets, endpoint, KEYS)


def change(endpoint: UUID, caller: Caller, now: datetime, **fields: Any) -> None:
    endpoints.change_endpoint(endpoint, fields, caller=caller, at=now)


def test_a_secret_of_32_bytes_is_shown_once_and_stored_encrypted(
    owner: Caller, now: datetime
) -> None:
    made = endpoints.create_endpoint(FIELDS, caller=owner, keys=KEYS, at=now)
    assert made.text is not None
    assert made.text.startswith("whsec_")
    (stored,) = Endpoint.objects.values_list("secrets", flat=True)
    assert made.text.removeprefix("whsec_") not in stored[0]
    (secret,) = secrets(made.endpoint)
    assert len(secret) == 32
    assert endpoints.opened(stored, made.endpoint, ["another" * 9]) == []
    assert endpoints.opened(stored, uuid4(), KEYS) == []


def test_a_new_secret_signs_beside_the_former_one_until_the_next(
    owner: Caller, endpoint: UUID
) -> None:
    (first,) = secrets(endpoint)
    endpoints.rotate_secret(endpoint, caller=owner, keys=KEYS)
    second, former = secrets(endpoint)
    endpoints.rotate_secret(endpoint, caller=owner, keys=KEYS)
    assert (former, secrets(endpoint)[1]) == (first, second)


def test_nobody_directs_to_themselves_what_they_may_not_see(
    owner: Caller, endpoint: UUID, person: MakePerson, now: datetime
) -> None:
    clerk = person(is_staff=True, role="warehouse")
    manager = group_of("relay.manage_endpoint")
    clerk.customer.groups.add(manager)
    endpoints.change_endpoint(endpoint, {"events": ["refund.due"]}, caller=owner, at=now)
    mine = FIELDS | {"events": ["refund.due"]}
    for attempt in (
        lambda who: endpoints.create_endpoint(mine, caller=who, keys=KEYS, at=now),
        lambda who: change(endpoint, who, now, url="https://thief.example/"),
        lambda who: change(endpoint, who, now, events=["order.placed"]),
        lambda who: endpoints.rotate_secret(endpoint, caller=who, keys=KEYS),
        lambda who: endpoints.resend(endpoint, [("refund.due", "1")], caller=who, at=now),
    ):
        with pytest.raises(PermissionMissing, match="refunddue"):
            attempt(clerk.caller)
    endpoints.create_endpoint(FIELDS, caller=clerk.caller, keys=KEYS, at=now)
    with pytest.raises(PermissionMissing, match="manage_endpoint"):
        endpoints.send_test(endpoint, caller=person(is_staff=True).caller, at=now)


def test_what_an_endpoint_was_told_before_is_not_directed_elsewhere_by_who_may_not_see_it(
    owner: Caller, endpoint: UUID, person: MakePerson, now: datetime
) -> None:
    keeper = person(is_staff=True, role=None)
    keeper.customer.groups.add(group_of("relay.manage_endpoint"), group_of("catalog.view_product"))
    endpoints.resend(endpoint, [("order.changed", "1")], caller=owner, at=now)
    change(endpoint, owner, now, events=["stock.out"])
    (delivery,) = queries.deliveries("webhook", str(endpoint), limit=9)
    for attempt in (
        lambda: change(endpoint, keeper.caller, now, url="https://thief.example/"),
        lambda: endpoints.redeliver(endpoint, delivery.id, caller=keeper.caller),
        lambda: endpoints.recover(endpoint, caller=keeper.caller, since=now),
    ):
        with pytest.raises(PermissionMissing, match="view_order"):
            attempt()
    deliveries.record([(delivery, Sent("200"), None)])
    change(endpoint, keeper.caller, now, url="https://new.example/")
    with pytest.raises(PermissionMissing, match="view_order"):
        endpoints.redeliver(endpoint, delivery.id, caller=keeper.caller)


def group_of(permission: str) -> Any:
    from django.contrib.auth.models import Group, Permission

    group, _ = Group.objects.get_or_create(name=permission)
    group.permissions.add(Permission.objects.get(codename=permission.partition(".")[2]))
    return group


def test_the_audit_trail_names_the_change_and_neither_address_nor_secret(
    owner: Caller, now: datetime
) -> None:
    with audit.acting(owner.public_id, "v1"):
        endpoint = endpoints.create_endpoint(FIELDS, caller=owner, keys=KEYS, at=now).endpoint
        change(endpoint, owner, now, url="https://new.example/secret", name="Till")
        endpoints.rotate_secret(endpoint, caller=owner, keys=KEYS)
        endpoints.delete_endpoint(endpoint, caller=owner)
    entries = AuditEntry.objects.filter(object=f"webhook:{endpoint}").order_by("id")
    assert [entry.action for entry in entries] == ["create", "change", "rotate", "delete"]
    assert entries[1].after == {"name": "Till", "personal_data": ["url"]}
    assert "secret" not in str([(entry.before, entry.after) for entry in entries])


def test_what_waits_is_held_back_while_an_endpoint_is_disabled(
    owner: Caller, endpoint: UUID, now: datetime
) -> None:
    endpoints.send_test(endpoint, caller=owner, at=now)
    change(endpoint, owner, now, disabled=True)
    assert (waiting(endpoint), queries.endpoint(endpoint).disabled_at) == ([], now)
    change(endpoint, owner, now, disabled=False)
    assert waiting(endpoint) == ["webhook.test"]
    assert queries.endpoint(endpoint).disabled_at is None


def test_an_endpoint_is_disabled_once_it_is_gone_or_fails_for_five_days(
    owner: Caller, endpoint: UUID, now: datetime, settings: Any
) -> None:
    settings.EMAIL_URL = "smtp://localhost"

    def mails() -> int:
        return Delivery.objects.filter(channel="mail").count()

    def fail(after: timedelta, *, is_gone: bool = False) -> None:
        endpoints.note_failure(endpoint, is_gone=is_gone, mails=True, at=now + after)

    endpoints.resend(endpoint, [("order.placed", "1")], caller=owner, at=now)
    fail(timedelta(0))
    endpoints.note_success(endpoint)
    fail(timedelta(hours=1))
    fail(timedelta(days=5))
    assert (mails(), waiting(endpoint)) == (0, ["order.placed"])
    fail(timedelta(days=5, hours=1))
    fail(timedelta(days=9))
    assert (mails(), waiting(endpoint)) == (1, [])
    change(endpoint, owner, now, disabled=False)
    fail(timedelta(days=9))
    assert queries.endpoint(endpoint).failing_since == now + timedelta(days=9)
    fail(timedelta(days=9), is_gone=True)
    assert mails() == 2
    change(endpoint, owner, now, disabled=False)
    assert waiting(endpoint) == ["order.placed"]


def test_what_waits_for_a_deleted_endpoint_is_ended(
    owner: Caller, endpoint: UUID, now: datetime
) -> None:
    endpoints.send_test(endpoint, caller=owner, at=now)
    with pytest.raises(StaleVersion):
        endpoints.delete_endpoint(endpoint, caller=owner, version=7)
    endpoints.delete_endpoint(endpoint, caller=owner, version=1)
    assert waiting(endpoint) == []
    for attempt in (
        lambda: endpoints.send_test(endpoint, caller=owner, at=now),
        lambda: endpoints.redeliver(endpoint, 1, caller=owner),
        lambda: endpoints.recover(endpoint, caller=owner, since=now),
        lambda: endpoints.rotate_secret(endpoint, caller=owner, keys=KEYS),
        lambda: queries.endpoint(endpoint),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_a_delivery_of_another_endpoint_is_not_found(
    owner: Caller, endpoint: UUID, now: datetime
) -> None:
    other = endpoints.create_endpoint(FIELDS, caller=owner, keys=KEYS, at=now).endpoint
    endpoints.send_test(other, caller=owner, at=now)
    (delivery,) = queries.deliveries("webhook", str(other), limit=9)
    with pytest.raises(NotFound):
        endpoints.redeliver(endpoint, delivery.id, caller=owner)


def test_a_shop_has_a_maximum_of_endpoints(
    owner: Caller, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoints, "MAX_ENDPOINTS", 1)
    endpoints.create_endpoint(FIELDS, caller=owner, keys=KEYS, at=now)
    with pytest.raises(TooManyWebhooks):
        endpoints.create_endpoint(FIELDS, caller=owner, keys=KEYS, at=now)
