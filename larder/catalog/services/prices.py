"""Changes the prices of many products at once."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db import transaction

from larder.catalog.errors import PricesChanged
from larder.catalog.models import Product
from larder.catalog.services.products import product_name
from larder.db import versions
from larder.identity.caller import Caller
from larder.identity.services import audit
from larder.identity.services.credentials import require_permitted


class NewPrice(NamedTuple):
    """A price to be set, with the price that it replaces: of one unit, tax included."""

    product: int
    former: Decimal
    price: Decimal


def change_prices(wanted: Sequence[NewPrice], *, caller: Caller | None, now: datetime) -> None:
    """Sets the prices of different products on sale: all of them or none, in one transaction.

    Raises PricesChanged if a product has another price than `former`, or is archived, and what
    `require_permitted` raises.
    """
    ids = [price.product for price in wanted]
    with transaction.atomic(durable=True):
        listed = Product.objects.filter(id__in=ids, archived_at=None).order_by("id")
        present = dict(listed.select_for_update(no_key=True).values_list("id", "price"))
        other = [price.product for price in wanted if present.get(price.product) != price.former]
        if other:
            named = Product.objects.filter(id__in=other).order_by("sku")
            raise PricesChanged(list(named.values_list("sku", flat=True)))
        for one in wanted:
            row = Product.objects.filter(id=one.product)
            versions.update(row, None, price=one.price, updated_at=now)
        require_permitted(caller, "catalog.change_product")
        audit.record_all([_repriced(price) for price in wanted])


def _repriced(one: NewPrice) -> audit.Entry:
    before, after = {"price": one.former}, {"price": one.price}
    return audit.Entry(product_name(one.product), "change", before, after)
