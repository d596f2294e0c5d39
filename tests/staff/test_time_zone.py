"""The admin shows the time zone of the shop."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from larder.identity.models import AuditEntry
from larder.identity.services import audit
from larder.orders.models import Order
from tests.conftest import Person
from tests.staff.desk import Desk

ORDERS = "orders/order/"


@pytest.fixture
def order(person: Callable[..., Person]) -> Order:
    """An order that was placed before midnight of UTC, and after that of Berlin."""
    at = datetime(2026, 7, 1, 22, 30, 15, tzinfo=UTC)
    times = {"created_at": at, "updated_at": at, "placed_at": at}
    return Order.objects.create(
        customer=person().customer, status="placed", currency="GBP", total=0, **times
    )


@pytest.mark.parametrize(
    ("zone", "shown", "day"),
    [
        ("UTC", "01 Jul 2026, 22:30", "2026-07-01"),
        ("Europe/Berlin", "02 Jul 2026, 00:30", "2026-07-02"),
    ],
)
def test_times_have_the_time_zone_of_the_shop_and_no_seconds(
    person: Callable[..., Person], settings: Any, order: Order, zone: str, shown: str, day: str
) -> None:
    settings.SHOP_TIME_ZONE = zone
    desk = Desk(person(is_staff=True, is_superuser=True))
    for path in ("", ORDERS, f"{ORDERS}{order.pk}/change/"):
        text = desk.get(path).text
        assert f"{shown}<" in text or f'"{shown}"' in text
        assert "UTC" not in text
    assert desk.get(ORDERS, placed_at_from=day, placed_at_to=day).rows == [order]
    other = {"2026-07-01": "2026-07-02", "2026-07-02": "2026-07-01"}[day]
    assert desk.get(ORDERS, placed_at_from=other, placed_at_to=other).rows == []


@pytest.mark.parametrize(
    ("zone", "shown"), [("UTC", "01 Jul 2026, 22:30"), ("Europe/Berlin", "02 Jul 2026, 00:30")]
)
def test_recorded_times_have_the_time_zone_of_the_shop_and_no_seconds(
    person: Callable[..., Person], product: Callable[..., int], settings: Any, zone: str, shown: str
) -> None:
    settings.SHOP_TIME_ZONE = zone
    boss, jam = person(is_staff=True, is_superuser=True), product()
    desk = Desk(boss)
    at = datetime(2026, 7, 1, 22, 30, 15, 337962, tzinfo=UTC)
    with audit.acting(boss.customer.public_id, "admin"):
        for name in ("archived_at", "expires_at"):
            audit.record(f"product:{jam}", "change", before={name: None}, after={name: at})
    entry = AuditEntry.objects.order_by("-id")[0].pk
    trail = "identity/auditentry/"
    for path in (f"catalog/product/{jam}/history/", trail, f"{trail}{entry}/change/"):
        text = desk.get(path).text
        assert f"– → {shown}<" in text
        assert "2026-07-01T" not in text
