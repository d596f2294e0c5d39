"""OFFERS returns the same rows as the ORM."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from larder.catalog import prices
from larder.catalog.models import Product
from larder.catalog.services.products import archive_product


def test_offers_are_what_the_orm_finds(product: Callable[..., int], now: datetime) -> None:
    ids = [
        product(price=f"{n}.125", step=n, max_per_order=n * 6, tax_rate=Decimal(n))
        for n in range(1, 5)
    ]
    archive_product(ids[0], caller=None, now=now)
    listed = Product.objects.filter(id__in=ids, archived_at=None)
    columns = ("id", "sku", "name", "price", "min_quantity", "max_per_order", "step", "tax_rate")
    expected = {row[0]: prices.Offer(*row) for row in listed.values_list(*columns)}
    assert prices.offers([*ids, ids[-1] + 1000]) == expected
    assert len(expected) == 3
