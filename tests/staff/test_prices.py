"""Prices and tax rates on the page of a product."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from larder.catalog.models import Product
from larder.catalog.services.products import (
    archive_product,
)
from tests.conftest import NOW, ROLES, Person
from tests.staff.desk import Desk, allow, change

PRODUCTS = "catalog/product/"
MakeProduct = Callable[..., int]


@pytest.fixture
def desk(person: Callable[..., Person]) -> Desk:
    seen = ("catalog.view_product", "catalog.change_product")
    return Desk(allow(person(is_staff=True), *seen))


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
