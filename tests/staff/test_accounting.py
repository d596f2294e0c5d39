"""The accounting export of the admin: the lines of the orders of a period."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client, override_settings

from larder.core.errors import NotStaff
from larder.http import long_files
from larder.identity.models import AuditEntry, Customer
from larder.identity.services.accounts import delete_account
from larder.orders.models import Order, OrderLine
from larder.staff.orders.accounting import COLUMNS
from tests.conftest import Api, Person
from tests.staff.desk import Desk, Page, allow
from tests.v1.placing import place

ACCOUNTING = "orders/order/accounting/"
MakePerson = Callable[..., Person]
As = Callable[[Person], Api]
HOME = {
    "name": "=Ann",
    "line1": "1 Mill Lane",
    "city": "Leeds",
    "postal_code": "LS1",
    "country": "GB",
}


def export(desk: Desk, first: str, last: str, **more: str) -> list[dict[str, str]]:
    asked = {"first": first, "last": last, **more}
    answer: Any = desk.client.post(f"/admin/{ACCOUNTING}", asked)
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def placed_at(number: int, at: datetime) -> None:
    orders = Order.objects.filter(number=number)
    OrderLine.objects.filter(order__in=orders).update(placed_at=at)
    orders.update(placed_at=at)


def test_each_line_is_a_row_with_customer_address_and_amounts_of_two_decimals(
    desk: Desk, person: MakePerson, as_: As, product: Callable[..., int]
) -> None:
    ann = as_(person("ann"))
    jam, tea = product(sku="-JAM", name="Jam", price="1.005"), product(sku="TEA", price="2.505")
    order = place(ann, (jam, 3), (tea, 1), ship_to=HOME, reference="@7").body
    first, second = export(desk, order["placed_at"][:10], order["placed_at"][:10])
    assert first == {
        "number": str(order["number"]),
        "placed_on": order["placed_at"][:10],
        "status": "placed",
        "payment": "unpaid",
        "username": "ann",
        "reference": "'@7",
        "sku": "'-JAM",
        "product_name": "Jam",
        "quantity": "3",
        "returned": "0",
        "unit_price": "1.005",
        "line_total": "3.02",
        "returned_total": "0.00",
        "currency": "GBP",
        "ship_to_name": "'=Ann",
        "ship_to_company": "",
        "ship_to_line1": "1 Mill Lane",
        "ship_to_line2": "",
        "ship_to_city": "Leeds",
        "ship_to_region": "",
        "ship_to_postal_code": "LS1",
        "ship_to_country": "GB",
        "order_total": "5.52",
        "tax_rate": "",
        "line_net": "",
        "line_tax": "",
        "returned_net": "",
        "returned_tax": "",
        "booked_on": order["placed_at"][:10],
        "booking": "placed",
    }
    # The lines add up to the rounded sum.
    assert (second["sku"], second["line_total"], second["order_total"]) == ("TEA", "2.50", "5.52")
    assert [*first] == [*COLUMNS]


@pytest.mark.parametrize(
    ("price", "rate", "units", "expected"),
    [
        ("1.005", 7, 3, ("7.00", "3.02", "2.82", "0.20")),
        # 0.18487: rounded to 0.185 first, it would be 0.19.
        ("0.22", 19, 1, ("19.00", "0.22", "0.18", "0.04")),
    ],
)
def test_net_amount_and_tax_of_a_line_add_up_to_its_rounded_total(
    desk: Desk,
    customer: Api,
    product: Callable[..., int],
    price: str,
    rate: int,
    units: int,
    expected: tuple[str, ...],
) -> None:
    order = place(customer, (product(price=price, tax_rate=Decimal(rate)), units)).body
    (row,) = export(desk, order["placed_at"][:10], order["placed_at"][:10])
    names = ("tax_rate", "line_total", "line_net", "line_tax", "returned_net", "returned_tax")
    assert tuple(row[name] for name in names) == (*expected, "0.00", "0.00")


@override_settings(SHOP_TIME_ZONE="Europe/Berlin")
def test_a_day_begins_and_ends_in_the_time_zone_of_the_shop(
    desk: Desk, customer: Api, product: Callable[..., int]
) -> None:
    numbers = [place(customer, (product(), 1)).body["number"] for _ in range(4)]
    # 1 July in Berlin lasts from 22:00 to 22:00 UTC.
    for number, at in zip(
        numbers,
        [
            datetime(2026, 6, 30, 21, 59, 59, 999_999, UTC),
            datetime(2026, 6, 30, 22, tzinfo=UTC),
            datetime(2026, 7, 1, 21, 59, 59, 999_999, UTC),
            datetime(2026, 7, 1, 22, tzinfo=UTC),
        ],
        strict=True,
    ):
        placed_at(number, at)
    rows = export(desk, "2026-07-01", "2026-07-01")
    assert [(row["number"], row["placed_on"]) for row in rows] == [
        (str(numbers[1]), "2026-07-01"),
        (str(numbers[2]), "2026-07-01"),
    ]


def test_a_deleted_customer_has_no_name(
    desk: Desk, person: MakePerson, as_: As, product: Callable[..., int]
) -> None:
    ann = person("ann")
    day = place(as_(ann), (product(), 1)).body["placed_at"][:10]
    delete_account(ann.id, now=datetime.now(UTC))
    (row,) = export(desk, day, day)
    assert row["username"] == "deleted account"


def test_an_export_is_recorded_with_its_period_and_needs_the_permission_and_a_period(
    desk: Desk, boss: Person, person: MakePerson
) -> None:
    export(desk, "2026-01-01", "2026-01-31")
    entry = AuditEntry.objects.get(object="export:order lines")
    assert (entry.actor, entry.action, entry.after) == (
        boss.customer.public_id,
        "export",
        {"placed_from": "2026-01-01", "placed_to": "2026-01-31"},
    )
    page: Page = desk.post(ACCOUNTING, {"first": "2026-02-01", "last": "2026-01-31"})
    assert page.errors == {"last": ["The last day is before the first."]}
    viewer = Desk(allow(person(is_staff=True), "orders.view_order"))
    assert viewer.get(ACCOUNTING).status == 403
    assert ACCOUNTING not in viewer.get("orders/order/").text


@pytest.mark.parametrize("day", ["0001-01-01", "1899-12-31", "9000-01-02", "9999-12-31"])
def test_a_day_at_an_end_of_the_calendar_is_refused_and_nothing_is_recorded(
    desk: Desk, day: str
) -> None:
    page: Page = desk.post(ACCOUNTING, {"first": day, "last": day})
    assert set(page.errors) == {"first", "last"}
    assert export(desk, "1900-01-01", "1900-01-01") == export(desk, "9000-01-01", "9000-01-01")
    assert AuditEntry.objects.filter(object="export:order lines").count() == 2


def test_an_export_that_finds_no_place_is_not_recorded(desk: Desk, boss: Person) -> None:
    with long_files._accounts.hold(boss.id):
        page: Page = desk.post(ACCOUNTING, {"first": "2026-01-01", "last": "2026-01-31"})
    assert page.messages == ["The server is busy. Try again in a moment."]
    assert not AuditEntry.objects.filter(object="export:order lines").exists()


@pytest.mark.django_db(transaction=True)
def test_a_file_ends_soon_after_its_reader_has_lost_the_permission(
    boss: Person, customer: Api, product: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("larder.http.long_files.CALLER_TRUSTED_SECONDS", -1)
    day = place(customer, (product(), 1)).body["placed_at"][:10]
    client = Client()
    client.force_login(boss.customer)
    answer: Any = client.post(f"/admin/{ACCOUNTING}", {"first": day, "last": day})
    Customer.objects.filter(pk=boss.id).update(is_staff=False, is_superuser=False)
    with pytest.raises(NotStaff):
        list(answer.streaming_content)
