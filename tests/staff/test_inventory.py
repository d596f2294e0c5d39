"""Stock in the admin: figures, the ledger, and adjustments booked by staff."""

import re
from collections.abc import Callable

import pytest

from larder.catalog.models import Product
from larder.core.limits import MAX_OFFERED_PRODUCTS, MAX_TEXT_LENGTH
from larder.inventory import queries
from larder.inventory.models import Adjustment, LedgerEntry, Stock
from larder.orders.decision import RequestedLine
from larder.orders.models import Order
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Placement, Terms
from tests.conftest import NOW, Person
from tests.staff.desk import Desk, Page, allow

ADD = "inventory/adjustment/add/"
OFFERED = "offered-products/"
LINE = {"line-0-sku": "JAM", "line-0-delta": "5"}
LEDGER = "inventory/ledgerentry/"
PRODUCTS = "catalog/product/"


@pytest.fixture
def promised(person: Callable[..., Person], product: Callable[..., int]) -> int:
    """JAM: ten on the shelf, four of them promised."""
    who, jam = person(), product(sku="JAM", stock=10)
    asked = Placement(customer=who.id, actor=who.customer.public_id, lines=[RequestedLine(jam, 4)])
    place_order(asked, terms=Terms(currency="GBP"), now=NOW)
    return jam


def adjust(desk: Desk, **values: str) -> Page:
    line = {"sku": "JAM", "delta": ""} | values
    reason = line.pop("reason", "correction")
    return desk.save(
        ADD, reason=reason, **{f"line-0-{name}": value for name, value in line.items()}
    )


def test_an_adjustment_is_stored_with_the_member_of_staff(
    desk: Desk, boss: Person, product: Callable[..., int]
) -> None:
    jam = product(sku="JAM", name="Red jam", stock=10)
    page = adjust(desk, delta="5", reason="received")
    assert page.messages == ["Booked."]
    assert "JAM Red jam: +5, then 15" in page.text
    entry = LedgerEntry.objects.get(cause="received")
    assert (entry.product_id, entry.available_change, entry.available_after) == (jam, 5, 15)
    assert entry.actor == boss.customer.public_id
    assert entry.reference == str(Adjustment.objects.get().id)


IMPOSSIBLE = [
    ({"delta": "-7"}, "line-0-delta", "Only 6 are available: 7 cannot be removed."),
    ({"delta": str(2**31 - 1)}, "line-0-delta", "No product can have more than 2147483647"),
    ({"delta": "1", "sku": "TEA"}, "line-0-sku", "No product has this SKU."),
    ({}, "line-0-delta", "This field is required."),
    ({"delta": "0"}, "line-0-delta", "A change of 0 needs no adjustment."),
    ({"delta": "1", "reason": "order"}, "reason", "Select a valid choice."),
    ({"delta": "9" * 40}, "line-0-delta", "less than or equal to"),
]


@pytest.mark.usefixtures("promised")
def test_an_impossible_adjustment_is_an_error_of_the_form_and_changes_nothing(desk: Desk) -> None:
    for values, field, message in IMPOSSIBLE:
        page = adjust(desk, **values)
        assert page.status == 200
        assert message in page.errors[field][0]
    stock = Stock.objects.get()
    assert (stock.available, stock.committed, Adjustment.objects.count()) == (6, 4, 0)


def test_a_form_sent_twice_is_stored_once(desk: Desk, product: Callable[..., int]) -> None:
    jam = product(sku="JAM", stock=10)
    opened = desk.open(ADD) | {"line-0-sku": "JAM", "line-0-delta": "5", "reason": "received"}
    assert [desk.post(ADD, opened).status for _ in range(2)] == [200, 200]
    assert queries.available([jam]) == {jam: 15}
    page = desk.post(ADD, opened | {"line-0-delta": "6"})
    assert "sent before with other values" in page.errors["__all__"][0]
    assert queries.available([jam]) == {jam: 15}


def test_the_adjustment_form_has_the_product_of_its_page(
    desk: Desk, product: Callable[..., int]
) -> None:
    jam = product(sku="A B&C")
    page = desk.get(f"catalog/product/{jam}/adjust/")
    assert page.response.context["page"].lines[0]["sku"].value() == "A B&C"


def test_an_adjustment_is_shown_with_its_changes_and_cannot_be_edited(
    desk: Desk, product: Callable[..., int]
) -> None:
    product(sku="JAM", stock=10)
    adjust(desk, delta="-3", reason="damaged")
    adjustment = Adjustment.objects.get()
    assert ": -3, then 7" in desk.get(f"inventory/adjustment/{adjustment.id}/change/").text
    assert (
        desk.post(f"inventory/adjustment/{adjustment.id}/change/", {"reason": "lost"}).status == 403
    )
    assert desk.post(f"inventory/adjustment/{adjustment.id}/delete/", {"post": "yes"}).status == 403


def test_the_ledger_is_searched_by_sku_and_barcode_and_shows_the_actor(
    desk: Desk, boss: Person, product: Callable[..., int]
) -> None:
    jam, tea = product(sku="JAM", stock=10), product(sku="TEA")
    adjust(desk, delta="5", reason="received")
    page = desk.get(f"catalog/product/{jam}/ledger/")
    assert [(row.cause, row.product_id) for row in page.rows] == [
        ("received", jam),
        ("opening", jam),
    ]
    assert (page.rows[0].actor_name, page.rows[1].actor_name) == (boss.customer.username, None)
    product(sku="UPC", barcode="012345678905")
    assert desk.get(LEDGER, q="jam ").rows == page.rows
    for path in (LEDGER, PRODUCTS):
        page = desk.get(path, q="0012345678905")
        assert (len(page.rows), "UPC" in page.text) == (1, True)
    assert len(desk.get(LEDGER).rows) == 4
    assert tea


def test_products_are_filtered_by_their_stock(desk: Desk, product: Callable[..., int]) -> None:
    there, low = product(stock=9), product(stock=2, low_stock_threshold=2)
    gone = product(stock=0)
    for choice, products in (("in", [low, there]), ("low", [low]), ("out", [gone])):
        rows = desk.get(PRODUCTS, stock=choice).rows
        assert sorted(row.pk for row in rows) == sorted(products)


def test_a_button_of_an_unknown_object_has_no_page(desk: Desk) -> None:
    for path in ("catalog/product/999999999999/adjust/", "catalog/product/0/ledger/"):
        assert desk.get(path).status == 404


def test_the_ledger_names_the_product_and_the_order(
    desk: Desk, promised: int, person: Callable[..., Person]
) -> None:
    order = Order.objects.get()
    adjust(desk, delta="1", reason="received")
    received, sold, _ = desk.get(LEDGER, q="JAM").rows
    assert (received.order, sold.order) == (None, order.pk)
    links = {
        f"/admin/catalog/product/{promised}/change/": "JAM",
        f"/admin/orders/order/{order.pk}/change/": f"#{order.number}",
    }
    text = desk.get(LEDGER).text
    for address, name in links.items():
        assert re.search(f'href="{address}"[^>]*>{name}', text), address
    keeper = Desk(allow(person(is_staff=True), "inventory.view_ledgerentry"))
    assert {row.order for row in keeper.get(LEDGER).rows} == {None}
    assert f"#{order.number}" not in keeper.get(LEDGER).text


def test_a_line_offers_the_products_of_what_was_typed(
    desk: Desk, promised: int, product: Callable[..., int]
) -> None:
    Product.objects.filter(pk=promised).update(name="Red jam")
    gone = product(sku="OLD JAM", name="Old jam")
    Product.objects.filter(pk=gone).update(archived_at=NOW)
    product(sku="TEA", name="Tea", stock=3)
    numbers = {"picture": "", "price": "1.50", "available": "6"}
    name = "Red jam · £1.50 · 6 available, 10 on the shelf"
    red = {"sku": "JAM", "is_typed": False, "name": name, **numbers}
    named = red | {"is_typed": True}
    for typed, expected in (("red ja", [red]), ("jam", [named]), ("", []), ("coffee", [])):
        assert desk.get(OFFERED, q=typed).response.json() == {"results": expected}
    offered = desk.get(OFFERED, q="OLD JAM").response.json()["results"]
    assert [item["sku"] for item in offered] == ["OLD JAM"]


def test_a_barcode_finds_its_products(desk: Desk, product: Callable[..., int]) -> None:
    for sku in ("A", "B", "C"):
        product(sku=sku, barcode="4006381333931" if sku == "C" else "96385074")
    for typed, expected in (("4006381333931", ["C"]), ("96385074", ["A", "B"]), ("4006", [])):
        offered = desk.get(OFFERED, q=typed).response.json()["results"]
        assert sorted(item["sku"] for item in offered) == expected
        assert all(item["is_typed"] for item in offered)


def test_the_product_with_the_typed_sku_is_offered_first_among_many(
    desk: Desk, product: Callable[..., int]
) -> None:
    product(sku="7", name="Tea")
    for number in range(MAX_OFFERED_PRODUCTS + 5):
        product(sku=f"7-{number}", name="Tea")
    offered = desk.get(OFFERED, q="7").response.json()["results"]
    assert (offered[0]["sku"], len(offered)) == ("7", MAX_OFFERED_PRODUCTS + 1)


def test_the_note_of_an_adjustment_is_stored_and_shown_in_the_ledger(
    desk: Desk, product: Callable[..., int]
) -> None:
    product(sku="JAM", stock=10)
    desk.save(ADD, reason="received", note="Delivery 81 <b>", **LINE)
    adjustment = Adjustment.objects.get()
    assert adjustment.note == "Delivery 81 <b>"
    for path in (
        "inventory/adjustment/",
        f"inventory/adjustment/{adjustment.id}/change/",
        LEDGER,
    ):
        assert "Delivery 81 &lt;b&gt;" in desk.get(path).text
    assert [entry.note for entry in desk.get(LEDGER).rows] == ["Delivery 81 <b>", None]


def test_a_form_sent_twice_with_another_note_is_refused(
    desk: Desk, product: Callable[..., int]
) -> None:
    product(sku="JAM", name="Jam", stock=10)
    opened = desk.open(ADD) | LINE | {"reason": "received", "note": "81"}
    assert desk.post(ADD, opened).messages == ["Booked."]
    page = desk.post(ADD, opened | {"note": "82"})
    assert "sent before with other values" in page.errors["__all__"][0]


def test_a_note_has_at_most_as_many_characters_as_a_text(
    desk: Desk, product: Callable[..., int]
) -> None:
    product(sku="JAM", name="Jam", stock=10)
    page = desk.save(ADD, reason="received", note="x" * (MAX_TEXT_LENGTH + 1), **LINE)
    assert "at most 2000 characters" in page.errors["note"][0]
    page = desk.save(ADD, reason="received", note="x" * MAX_TEXT_LENGTH, **LINE)
    assert page.messages == ["Booked."]
