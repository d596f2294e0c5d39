"""python -m benchmarks.peers.larder.fill CATALOGUE: fills a prepared database from a JSON file."""

from __future__ import annotations

import os
import sys
from decimal import Decimal
from pathlib import Path

from benchmarks.peers.catalogue import Product, read
from benchmarks.shop import make_customers


def main() -> None:
    """Products with their stock, and customers."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from larder.core.clock import now

    catalogue = read(Path(sys.argv[1]))
    make_products(catalogue.products)
    make_customers(catalogue.buyers, now())


def make_products(products: list[Product]) -> None:
    """In one transaction, through Larder's services."""
    from django.db import transaction

    from larder.catalog.services.products import NewProduct, create_products
    from larder.core.clock import now
    from larder.core.ids import SYSTEM_ACTOR
    from larder.inventory.services.movements import open_stock

    new = [NewProduct(one.sku, one.name, Decimal(one.price)) for one in products]
    with transaction.atomic(durable=True):
        ids = create_products(new, now=now())
        stock = {ids[one.sku]: one.stock for one in products}
        open_stock(stock, actor=SYSTEM_ACTOR, now=now())


if __name__ == "__main__":
    main()
