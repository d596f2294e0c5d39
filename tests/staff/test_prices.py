"""The prices of selected products change together, as the preview showed them, or not at all."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction

from larder.catalog.errors import PricesChanged
from larder.catalog.models import Product
from larder.catalog.services.products import (
    NewPrice,
    archive_product,
    change_prices,
    change_product,
)
from larder.identity import queries
from tests.conftest import NOW, ROLES, Person
from tests.staff.desk import Desk, Page, allow, change
from tests.v1.waiting import until_a_transaction_waits

PRODUCTS = "catalog/product/"
MakeProduct = Callable[..., int]


@pytest.fixture
def desk(person: Callable[..., Person]) -> Desk:
    seen = ("catalog.view_product", "catalog.change_product")
    return Desk(allow(person(is_staff=True), *seen))


def send(desk: Desk, products: list[int], **values: Any) -> Page:
    """Sends the form of the action, or its preview."""
    chosen = {"action": "change_prices", "index": "0", "_selected_action": products}
    return desk.post(PRODUCTS, chosen | values)


def confirm(desk: Desk, preview: Page) -> Page:
    """Presses the button of the preview."""
    sent: dict[str, Any] = {}
    for name, value in preview.response.context["page"].sends:
        sent.setdefault(name, []).append(value)
    return desk.post(PRODUCTS, sent)


def prices(*products: int) -> list[str]:
    return [str(Product.objects.get(pk=id).price) for id in products]


RAISE = {"kind": "percent", "value": "10", "step": "0.05"}


def test_selected_prices_change_as_the_preview_shows_them(desk: Desk, product: MakeProduct) -> None:
    jam, tea, other = product(sku="JAM", price="1.50"), product(price="2.20"), product(price="1")
    form = send(desk, [jam, tea])
    assert "2 products are selected" in form.text
    preview = send(desk, [jam, tea], **RAISE)
    assert "£1.50 → £1.65" in preview.text
    assert "£2.20 → £2.40" in preview.text
    assert prices(jam, tea) == ["1.500", "2.200"]
    assert confirm(desk, preview).messages == ["Prices changed: 2."]
    assert prices(jam, tea, other) == ["1.650", "2.400", "1.000"]
    assert Product.objects.get(pk=jam).version == 2
    entry = queries.audit_entries(object=f"product:{jam}", limit=1).rows[0]
    assert (entry.action, entry.before, entry.after) == (
        "change",
        {"price": "1.50"},
        {"price": "1.65"},
    )


@pytest.mark.parametrize(
    ("values", "price"),
    [
        (RAISE | {"value": "-10,0"}, "1.350"),
        (RAISE | {"step": "1.00"}, "2.000"),
        ({"kind": "amount", "value": "0.26", "step": "0.01"}, "1.760"),
        ({"kind": "amount", "value": "-1.5", "step": "0.01"}, "0.000"),
        ({"kind": "amount", "value": "0.025", "step": "0.05"}, "1.550"),
    ],
)
def test_prices_change_by_a_percentage_or_an_amount_and_are_rounded(
    desk: Desk, product: MakeProduct, values: dict[str, str], price: str
) -> None:
    jam = product(price="1.50")
    confirm(desk, send(desk, [jam], **values))
    assert prices(jam) == [price]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "amount", "value": "-1.51", "step": "0.01"}, "below zero"),
        ({"kind": "amount", "value": "999999999", "step": "1.00"}, "too high"),
        (RAISE | {"value": "0"}, "No price would change"),
        (RAISE | {"value": "NaN"}, "Enter a number"),
        (RAISE | {"step": "0.07"}, "Select a valid choice"),
        (RAISE | {"kind": "x"}, "Select a valid choice"),
    ],
)
def test_a_change_that_is_not_possible_is_an_error_of_the_form(
    desk: Desk, product: MakeProduct, values: dict[str, str], message: str
) -> None:
    jam = product(price="1.50")
    for sent in (values, values | {"confirmed": "yes"}):
        page = send(desk, [jam], **sent)
        assert message in str(page.errors)
    assert prices(jam) == ["1.500"]


@pytest.mark.parametrize("meanwhile", ["changed", "archived"])
def test_no_price_changes_if_one_of_them_changed_since_the_preview(
    desk: Desk, product: MakeProduct, now: datetime, meanwhile: str
) -> None:
    jam, tea = product(price="1.50"), product(sku="TEA", price="2.20")
    preview = send(desk, [jam, tea], **RAISE)
    if meanwhile == "changed":
        change_product(tea, {"price": Decimal("2.30")}, caller=None, now=now)
    else:
        archive_product(tea, caller=None, now=now)
    assert confirm(desk, preview).messages == [
        "Nothing was changed. These products have another price than shown, or are archived: TEA."
    ]
    assert prices(jam) == ["1.500"]


@pytest.mark.parametrize("meanwhile", ["changed", "archived"])
def test_the_service_compares_prices_under_the_lock_and_changes_all_or_none(
    product: MakeProduct, now: datetime, meanwhile: str
) -> None:
    jam, tea = product(price="1.50"), product(sku="TEA", price="2.20")
    changed = [
        NewPrice(product, Decimal(former), Decimal(9))
        for product, former in ((jam, "1.5"), (tea, "2.2"))
    ]
    if meanwhile == "changed":
        change_product(tea, {"price": Decimal("2.30")}, caller=None, now=now)
    else:
        archive_product(tea, caller=None, now=now)
    with pytest.raises(PricesChanged) as refused:
        change_prices(changed, caller=None, now=now)
    assert refused.value.skus == ["TEA"]
    assert prices(jam) == ["1.500"]


def test_a_preview_sent_twice_changes_prices_once(desk: Desk, product: MakeProduct) -> None:
    jam = product(sku="JAM", price="1.50")
    preview = send(desk, [jam], **RAISE)
    confirm(desk, preview)
    assert "Nothing was changed" in confirm(desk, preview).messages[0]
    assert prices(jam) == ["1.650"]


@pytest.mark.django_db(transaction=True)
def test_a_price_that_another_transaction_is_changing_is_compared_when_it_has_committed(
    product: MakeProduct,
) -> None:
    jam = product(sku="JAM", price="1.50")

    def change() -> None:
        try:
            change_prices([NewPrice(jam, Decimal("1.50"), Decimal(9))], caller=None, now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as beside:
        with transaction.atomic():
            change_product(jam, {"price": Decimal("2.30")}, caller=None, now=NOW)
            waiting = beside.submit(change)
            until_a_transaction_waits()
        with pytest.raises(PricesChanged):
            waiting.result()
    assert prices(jam) == ["2.300"]


def test_a_new_product_begins_with_the_tax_rate_of_the_one_added_last(
    boss: Person, product: Callable[..., int]
) -> None:
    desk = Desk(boss)
    add = "catalog/product/add/"
    assert "tax_rate" not in desk.open(add)
    product(tax_rate="20")
    product(tax_rate="7")
    assert "If it is empty, net price and tax are unknown" in desk.get(add).text
    assert desk.save(add, sku="NEW", name="New", price="1", quantity="0").errors == {}
    assert Product.objects.get(sku="NEW").tax_rate == Decimal(7)
    desk.save(add, sku="OLD", name="Old", price="1", quantity="0", tax_rate="")
    assert Product.objects.get(sku="OLD").tax_rate is None


def test_a_price_that_cannot_be_changed_is_shown_as_an_amount(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    jam = product(price="3.25")
    viewer = Desk(allow(person(is_staff=True), *ROLES["warehouse"]))
    archive_product(old := product(price="4.5"), caller=None, now=NOW)
    for text, shown in (
        (viewer.get(change(jam)).text, "3.25"),
        (desk.get(change(old)).text, "4.50"),
    ):
        assert f'<span class="one-line">£{shown}</span>' in text
        assert f"{shown}0" not in text
