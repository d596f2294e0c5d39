"""Orders that staff place for customers, and corrections of stock with several lines."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from larder.catalog.models import Product
from larder.catalog.services.products import archive_product
from larder.identity.models import Customer
from larder.identity.services.addresses import add_address
from larder.inventory.models import Adjustment, LedgerEntry, Stock
from larder.orders.models import Order, OrderEvent
from larder.staff.orders.forms import SENTENCES
from tests.conftest import NOW, Person
from tests.staff.desk import Desk, allow

CALL = "orders/order/telephone/"


def lines(*ordered: tuple[int, int]) -> dict[str, str]:
    """The lines of an order that is collected, product and quantity, an empty line before each."""
    sent = {"collected": "on"}
    for n, (product, quantity) in enumerate(ordered):
        sent[f"line-{2 * n + 1}-sku"] = Product.objects.get(pk=product).sku
        sent[f"line-{2 * n + 1}-quantity"] = str(quantity)
    return sent


PRODUCTS = "offered-products/"
ADDRESSES = "orders/order/addresses/"
ADJUST = "inventory/adjustment/add/"


def test_an_order_for_a_customer_is_recorded_with_the_member_of_staff(
    desk: Desk, boss: Person, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    mary, jam, tea = person("mary"), product(stock=10), product(stock=10)
    details = {"requested_for": "2026-02-03", "reference": "PO 7", "note": "Ring twice"}
    page = desk.save(CALL, customer=str(mary.id), **details, **lines((jam, 2), (tea, 3)))
    order = Order.objects.get()
    assert page.messages == [f"Order {order.number} is placed."]
    assert (order.customer_id, order.requested_for) == (mary.id, date(2026, 2, 3))
    assert (order.reference, order.note) == ("PO 7", "Ring twice")
    assert OrderEvent.objects.get().actor == boss.customer.public_id
    assert list(Stock.objects.order_by("pk").values_list("committed", flat=True)) == [2, 3]


def test_a_page_sent_twice_places_one_order(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    jam = product(stock=10)
    sent = desk.open(CALL) | {"customer": str(person().id)} | lines((jam, 2))
    first, second = (desk.post(CALL, sent) for _ in range(2))
    assert first.messages == second.messages
    page = desk.post(CALL, sent | lines((jam, 3)))
    assert "sent before with other values" in page.errors["__all__"][0]
    assert Order.objects.count() == 1
    assert Stock.objects.get().available == 8


def test_every_refused_line_has_a_reason_and_no_order_is_placed(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    jam, gone = product(stock=3), product(stock=9)
    dozen = product(stock=99, min_quantity=6, step=6)
    archive_product(gone, caller=None, now=NOW)
    sent = desk.open(CALL) | {"customer": str(person().id)}
    page = desk.post(CALL, sent | lines((jam, 4), (gone, 1), (dozen, 7)))
    assert page.errors == {
        "line-1-quantity": ["Only 3 are available."],
        "line-3-sku": ["This product is not on sale any more."],
        "line-5-quantity": ["At least 6, at most any number, in steps of 6."],
    }
    assert Order.objects.count() == 0
    assert desk.post(CALL, sent | lines((jam, 3))).messages


@pytest.mark.parametrize("unreadable", ["\0", "\0" * 200, "9" * 30])
@pytest.mark.parametrize("path", [CALL, ADJUST])
def test_values_that_the_database_cannot_compare_are_refused(
    desk: Desk, path: str, unreadable: str
) -> None:
    sent = {"customer": unreadable, "line-0-sku": unreadable, "line-0-quantity": "1"}
    sent = desk.open(path) | sent | {"line-0-change": "1"}
    assert desk.post(path, sent).errors
    assert not Order.objects.exists()


def test_an_order_below_the_minimum_total_is_refused_in_the_admin(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int], settings: Any
) -> None:
    settings.MIN_ORDER_TOTAL = Decimal(10)
    page = desk.save(CALL, customer=str(person().id), **lines((product(price="1.50"), 2)))
    message = "The total is £3.00; the minimum is £10.00."
    assert page.errors == {"__all__": [message]}


def test_a_customer_who_may_not_order_and_an_empty_order_are_refused(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    barred = person(may_order=False)
    page = desk.save(CALL, customer=str(barred.id), **lines((product(), 1)))
    assert page.errors == {"customer": ["This account is not allowed to order."]}
    page = desk.save(CALL, customer=str(barred.id), collected="on")
    assert page.errors == {"__all__": ["An order has at least one line."]}
    page = desk.save(CALL, collected="on", **{"line-0-quantity": "x", "line-1-sku": "0"})
    assert set(page.errors) == {
        *("customer", "line-0-sku", "line-0-quantity", "line-1-sku", "line-1-quantity")
    }
    assert page.errors["line-1-sku"] == ["No product has this SKU."]


def test_a_page_has_at_most_a_hundred_lines(desk: Desk) -> None:
    page = desk.post(CALL, desk.open(CALL) | {"rows": "9" * 5})
    assert len(page.response.context["page"].lines) == 100


def test_archived_products_are_not_offered(desk: Desk, product: Callable[..., int]) -> None:
    archive_product(product(name="Old jam", sku="OLD"), caller=None, now=NOW)
    product(name="New jam")
    assert "New jam" in desk.get(f"{PRODUCTS}?q=jam").text
    assert "Old jam" not in desk.get(f"{PRODUCTS}?q=jam").text
    (old,) = desk.get(f"{PRODUCTS}?q=OLD").response.json()["results"]
    assert ("Old jam · not on sale any more" in old["name"], old["available"]) == (True, "0")


def test_a_product_is_offered_with_its_price_and_stock_in_a_bounded_number_of_statements(
    desk: Desk, product: Callable[..., int]
) -> None:
    product(sku="JAM", name="Red jam", price="2.5", stock=1_200)
    (offered,) = desk.get(f"{PRODUCTS}?q=jam").response.json()["results"]
    assert offered == {
        "sku": "JAM",
        "is_typed": True,
        "name": "Red jam · £2.50 · 1,200 available, 1,200 on the shelf",
        "picture": "",
        "price": "2.50",
        "available": "1200",
    }
    queries = desk.queries(f"{PRODUCTS}?q=jam")
    for _ in range(5):
        product(name="jam")
    assert desk.queries(f"{PRODUCTS}?q=jam") == queries


def saved_address(who: Person, label: str, line1: str = "1 Quay") -> str:
    """The id of a saved address of this person."""
    fields = {"label": label, "name": "Mary", "line1": line1, "country": "GB", "phone": "07"}
    return str(add_address(who.caller, fields, now=NOW).result)


def test_only_addresses_of_the_chosen_customer_are_offered(
    desk: Desk, person: Callable[..., Person]
) -> None:
    mary, tom = person("mary"), person("tom")
    home = saved_address(mary, "Home")
    offered = desk.get(f"{ADDRESSES}?customer={mary.id}").response.json()
    texts = [(item["id"], item["label"], item["line1"]) for item in offered["results"]]
    assert (texts, offered["chosen"]) == ([(home, "Home", "1 Quay")], home)
    for unknown in (tom.id, "", "9" * 40):
        none = {"results": [], "chosen": ""}
        assert desk.get(f"{ADDRESSES}?customer={unknown}").response.json() == none


def test_the_address_of_the_last_order_is_chosen(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    mary, jam = person("mary"), product(stock=9)
    saved_address(mary, "Home")
    work = saved_address(mary, "Work", line1="7 Hill")
    order = {"customer": str(mary.id), **lines((jam, 1))}

    def chosen() -> tuple[str, int]:
        offered = desk.get(f"{ADDRESSES}?customer={mary.id}").response.json()
        return offered["chosen"], len(offered["results"])

    assert chosen() == ("", 2)
    address = {"name": "Mary", "country": "GB", "phone": "07"}
    del order["collected"]
    desk.save(CALL, **order, **address, line1="7 Hill")
    assert chosen() == (work, 2)
    desk.save(CALL, **order, **address, line1="9 Mill")
    assert chosen() == ("last", 3)
    desk.save(CALL, **order, collected="on")
    assert chosen() == ("last", 3)


def test_an_order_without_an_address_is_placed_only_if_it_is_collected(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    order = {"customer": str(person().id), **lines((product(stock=9), 1))}
    page = desk.save(CALL, **order | {"collected": ""})
    assert page.errors == {"collected": ["Collected in the shop? Else enter an address."]}
    assert desk.save(CALL, **order, line1="1 Quay").messages
    assert Order.objects.get().ship_to is None


def test_addresses_and_products_are_offered_only_to_staff_who_may_use_the_page(
    person: Callable[..., Person], product: Callable[..., int]
) -> None:
    mary = person("mary")
    saved_address(mary, "Home")
    address = f"{ADDRESSES}?customer={mary.id}"
    clerk = Desk(allow(person(is_staff=True), "orders.view_order", "orders.add_order"))
    assert (clerk.get(address).status, clerk.get(f"{PRODUCTS}?q=jam").status) == (403, 200)
    assert "1 Quay" not in clerk.get(f"{CALL}?customer={mary.id}").text
    viewer = Desk(allow(person(is_staff=True), "orders.add_order"))
    assert (viewer.get(address).status, viewer.get(f"{PRODUCTS}?q=jam").status) == (403, 403)
    keeper = Desk(allow(person(is_staff=True), "inventory.add_adjustment"))
    assert keeper.get(f"{PRODUCTS}?q=jam").status == 200


CALLER = {"new_name": "Mary Ann Smith", "new_phone": "0117 496-0000"}


def test_a_new_customer_is_added_once_with_the_order(
    desk: Desk, product: Callable[..., int]
) -> None:
    jam = product(stock=3)
    sent = desk.open(CALL) | CALLER
    page = desk.post(CALL, sent | lines((jam, 4)))
    assert page.errors == {"line-1-quantity": ["Only 3 are available."]}
    form = page.response.context["page"].form
    assert {name: form[name].value() for name in CALLER} == CALLER
    assert not Customer.objects.filter(last_name="Smith").exists()
    for _ in range(2):
        assert desk.post(CALL, sent | lines((jam, 2))).messages
    mary = Customer.objects.get(username="01174960000")
    assert Order.objects.get().customer_id == mary.pk
    assert (mary.first_name, mary.last_name) == ("Mary Ann", "Smith")
    page = desk.save(CALL, **CALLER, **lines((jam, 1)))
    assert page.errors == {"new_phone": [str(SENTENCES["username_taken"].text)]}
    assert mary in desk.get("identity/customer/", q="(0117) 496-00").rows


def test_a_new_customer_needs_a_name_a_phone_and_the_right_to_add_one(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    order = lines((product(stock=3), 1))
    for sent, field in (
        ({"new_name": "Mary"}, "customer"),
        ({"new_phone": "call me"}, "new_phone"),
    ):
        assert list(desk.save(CALL, **order, **sent).errors) == [field]
    chosen = {"customer": str(person("tom").id)}
    assert list(desk.save(CALL, **order, **CALLER, **chosen).errors) == ["customer"]
    clerk = Desk(allow(person(is_staff=True), "orders.view_order", "orders.add_order"))
    assert list(clerk.save(CALL, **order, **CALLER).errors) == ["customer"]
    assert not Customer.objects.filter(last_name="Smith").exists()


def adjustment(**values: tuple[str, str]) -> dict[str, str]:
    sent = {"reason": "correction"}
    for line, cells in values.items():
        names = ("sku", "delta")
        sent |= {f"line-{line[1:]}-{name}": cell for name, cell in zip(names, cells, strict=True)}
    return sent


def test_an_adjustment_of_several_products_is_one_adjustment(
    desk: Desk, product: Callable[..., int]
) -> None:
    for sku in ("JAM", "TEA", "MUD"):
        product(sku=sku, name=sku.title(), stock=10)
    form = adjustment(_0=("JAM", "5"), _3=("TEA", "-6"), _9=("MUD", "-1"))
    assert desk.save(ADJUST, **form).messages == ["Booked."]
    booked = Adjustment.objects.get()
    entries = LedgerEntry.objects.filter(reference=str(booked.id))
    assert sorted(entries.values_list("available_change", flat=True)) == [-6, -1, 5]
    shown = desk.get(f"inventory/adjustment/{booked.id}/change/").text
    assert "TEA Tea: -6, then 4" in shown


def test_an_adjustment_stores_all_lines_or_none_with_reasons(
    desk: Desk, product: Callable[..., int]
) -> None:
    for sku in ("JAM", "TEA"):
        product(sku=sku, name=sku.title(), stock=10)
    form = adjustment(_0=("JAM", "5"), _1=("TEA", "-11"), _2=("MUD", "1"))
    assert desk.save(ADJUST, **form).errors == {"line-2-sku": ["No product has this SKU."]}
    form = adjustment(_0=("JAM", "-12"), _4=("TEA", "-11"))
    assert desk.save(ADJUST, **form).errors == {
        "line-0-delta": ["Only 10 are available: 12 cannot be removed."],
        "line-4-delta": ["Only 10 are available: 11 cannot be removed."],
    }
    assert desk.save(ADJUST, reason="lost").errors == {
        "__all__": ["An adjustment has at least one line."]
    }
    assert Adjustment.objects.count() == 0
