"""SKUs that a concurrent transaction takes are refused like other taken SKUs.

The guards are the unique constraint, the mapping of its name to a field, and the second check of a
file whose row changes a product that was added meanwhile.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from larder.catalog.models import Product
from larder.inventory.services.products import (
    change_stocked_product,
    create_stocked_product,
    put_product,
)
from tests.system.race.files import AUTHOR, imported
from tests.system.race.interleaving import Race, assert_held
from tests.system.race.shops import OK

pytestmark = pytest.mark.django_db(transaction=True)
FIELDS = {"name": "N", "price": 1}
HEADER = "sku,name,price,min_quantity"


def create(**fields: Any) -> None:
    create_stocked_product({"sku": "B"} | FIELDS | fields, quantity=1, author=AUTHOR)


def rename(other: int) -> None:
    change_stocked_product(other, {"sku": "B"}, quantity=None, author=AUTHOR)


def put(_: int) -> None:
    put_product("B", FIELDS | {"min_quantity": 6}, quantity=1, author=AUTHOR)


CASES = [
    (lambda _: create(), "sku_taken"),
    (rename, "sku_taken"),
    (put, OK),
    (lambda _: imported(HEADER, ["B,M,2,5"]), OK),
    (lambda _: imported(HEADER, ["C,N,1,1", "B,N,1,6"]), "validation_error"),
]


@pytest.mark.parametrize(("second", "code"), CASES)
def test_a_concurrently_added_product_is_found(
    second: Callable[[int], object], code: str, product: Callable[..., int]
) -> None:
    """Of the product at most five units are ordered, by the file at least six."""
    first, other = partial(create, max_per_order=5), product(sku="A")
    added = 'INSERT INTO "product"'
    assert_held(Race(first, partial(second, other), added, lambda it: it.codes == (OK, code)))
    assert {*Product.objects.values_list("sku", flat=True)} == {"A", "B"}
