"""Staff change the lines and the details of a placed order in the admin."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from larder.core.limits import MAX_STOCK, MAX_TEXT_LENGTH, MAX_UNITS
from larder.identity.models import AuditEntry
from larder.inventory.models import Stock
from larder.orders.decision import RequestedLine
from larder.orders.models import Order, OrderEvent
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Placement, Terms
from larder.staff.orders.moves import DONE_BEFORE
from tests.conftest import NOW, Person
from tests.staff.desk import Desk, allow

ADDRESS = {
    "name": "Mary",
    "company": "",
    "line1": "1 Quay",
    "line2": "",
    "city": "Bristol",
    "region": "",
    "postal_code": "BS1",
    "country": "GB",
    "phone": "",
}


@pytest.fixture
def desk(person: Callable[..., Person]) -> Desk:
    return Desk(allow(person(is_staff=True), "orders.view_order", "orders.change_order"))


@pytest.fixture
def jam(product: Callable[..., int]) -> int:
    return product(sku="JAM", name="Red jam", price="1.50", stock=10)


@pytest.fixture
def order(person: Callable[..., Person], jam: int) -> UUID:
    """Four jars of jam for Mary, with a note of two lines."""
    who = person("mary")
    placement = Placement(
        customer=who.id,
        actor=who.customer.public_id,
        lines=[RequestedLine(jam, 4)],
        note="Ring\ntwice ",
        ship_to=ADDRESS,
    )
    return place_order(placement, terms=Terms(currency="GBP"), now=NOW).order.id


def path(order: UUID) -> str:
    return f"orders/order/{order}/edit/"


def units() -> dict[str, int]:
    return dict(Order.objects.get().lines.values_list("sku", "quantity"))


def test_lines_and_details_are_changed_at_once_with_an_event_and_an_audit_entry(
    desk: Desk, order: UUID, jam: int, product: Callable[..., int]
) -> None:
    tea = product(sku="TEA", name="Tea", stock=5)
    page = desk.save(
        path(order),
        **{f"line-{jam}-quantity": "6", "sku": " TEA ", "units": "2"},
        city="Bath",
        country="ie",
        requested_for="2026-12-03",
        note="Knock",
    )
    changed = Order.objects.get()
    assert page.messages == [f"Order {changed.number} is changed."]
    assert units() == {"JAM": 6, "TEA": 2}
    assert (changed.ship_to, changed.note) == (
        {**ADDRESS, "city": "Bath", "country": "IE"},
        "Knock",
    )
    assert changed.requested_for == date(2026, 12, 3)
    assert Stock.objects.get(product_id=tea).committed == 2
    event = OrderEvent.objects.get(type="changed")
    assert set(event.data["after"]) == {"lines", "note", "ship_to", "requested_for"}
    assert AuditEntry.objects.get(action="change").object == f"order:{order}"


def test_a_page_that_changes_nothing_makes_no_event(desk: Desk, order: UUID) -> None:
    sent = desk.open(path(order))
    sent["note"] = sent["note"].replace("\n", "\r\n")
    page = desk.post(path(order), sent)
    assert page.messages[0].endswith(str(DONE_BEFORE))
    assert not OrderEvent.objects.filter(type="changed").exists()


def test_line_breaks_of_a_browser_count_as_one_character_of_a_note(desk: Desk, order: UUID) -> None:
    note = "\n" * (MAX_TEXT_LENGTH - 2) + "ab"
    assert desk.save(path(order), note=note.replace("\n", "\r\n")).errors == {}
    assert Order.objects.get().note == note


def test_a_line_of_more_units_than_one_product_of_an_order_may_have_is_kept(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    """Lines of one product were added up."""
    salt, who = product(sku="SALT", stock=MAX_STOCK), person("mary")
    lines = [RequestedLine(salt, MAX_UNITS), RequestedLine(salt, 1)]
    placement = Placement(customer=who.id, actor=who.customer.public_id, lines=lines)
    order = place_order(placement, terms=Terms(currency="GBP"), now=NOW).order.id
    assert desk.save(path(order), note="Knock").errors == {}
    assert (units(), Order.objects.get().note) == ({"SALT": MAX_UNITS + 1}, "Knock")


def test_all_lines_are_replaced_by_another_product(
    desk: Desk, order: UUID, jam: int, product: Callable[..., int]
) -> None:
    product(sku="TEA", stock=5)
    changes = {f"line-{jam}-quantity": "0", "sku": "TEA", "units": "2"}
    assert desk.save(path(order), **changes).errors == {}
    assert units() == {"TEA": 2}


def test_a_page_sent_twice_changes_once_and_answers_alike(
    desk: Desk, order: UUID, jam: int
) -> None:
    sent = desk.open(path(order)) | {f"line-{jam}-quantity": "5"}
    first, second = (desk.post(path(order), sent).messages for _ in range(2))
    assert first == second
    assert OrderEvent.objects.filter(type="changed").count() == 1


def test_a_page_of_an_order_that_has_changed_since_changes_nothing(
    desk: Desk, order: UUID, jam: int
) -> None:
    stale = desk.open(path(order)) | {"note": "Knock"}
    desk.save(path(order), **{f"line-{jam}-quantity": "5"})
    assert "changed by another user" in desk.post(path(order), stale).messages[0]
    assert (units(), Order.objects.get().note) == ({"JAM": 5}, "Ring\ntwice ")


WRONG: list[tuple[dict[str, str], dict[str, list[str]]]] = [
    (
        {"line-JAM-quantity": "0"},
        {"__all__": ["An order has at least one line: cancel it to remove all."]},
    ),
    ({"line-JAM-quantity": "15"}, {"line-JAM-quantity": ["Only 10 are available."]}),
    ({"sku": "TAE", "units": "1"}, {"sku": ["No product has this SKU."]}),
    ({"sku": "JAM"}, {"units": ["Enter how many."]}),
    ({"units": "2"}, {"sku": ["Choose the product."]}),
    ({"country": "g1"}, {"country": ["Two letters, such as GB."]}),
    ({"country": "Germany"}, {"country": ["Two letters, such as GB."]}),
]


@pytest.mark.parametrize(("values", "errors"), WRONG)
def test_what_cannot_be_is_refused_at_its_field_and_nothing_changes(
    desk: Desk, order: UUID, jam: int, values: dict[str, str], errors: dict[str, list[str]]
) -> None:
    def named(line: dict[str, Any]) -> dict[str, Any]:
        return {name.replace("JAM", str(jam)): value for name, value in line.items()}

    assert desk.save(path(order), **named(values)).errors == named(errors)
    assert units() == {"JAM": 4}


def test_a_total_below_the_minimum_is_refused_in_words(
    desk: Desk, order: UUID, jam: int, settings: Any
) -> None:
    settings.MIN_ORDER_TOTAL = Decimal("5.00")
    page = desk.save(path(order), **{f"line-{jam}-quantity": "1"})
    assert page.errors == {"__all__": ["The total is £1.50; the minimum is £5.00."]}
