"""python -m benchmarks.peers.oscar.shop.fill CATALOGUE: fills migrated tables from a JSON file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Everything in one transaction."""
    import django

    django.setup()
    from django.db import connection, transaction

    catalogue = json.loads(Path(sys.argv[1]).read_text())
    with transaction.atomic():
        make_products(catalogue["products"])
        make_customers(catalogue["buyers"], catalogue["password"])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def make_products(products: list[dict[str, Any]]) -> None:
    """Products of one kind, from one supplier who says how many there are."""
    from oscar.apps.catalogue.models import Product, ProductClass
    from oscar.apps.partner.models import Partner, StockRecord

    kind = ProductClass.objects.create(name="Article", requires_shipping=True, track_stock=True)
    supplier = Partner.objects.create(name="Supplier")
    for one in products:
        product = Product.objects.create(
            product_class=kind, title=one["name"], upc=one["sku"], structure=Product.STANDALONE
        )
        StockRecord.objects.create(
            product=product,
            partner=supplier,
            partner_sku=one["sku"],
            price=one["price"],
            num_in_stock=one["stock"],
        )


def make_customers(buyers: list[str], password: str) -> None:
    """Customers who share a password, and a hash of it: log-ins are no part of what is measured."""
    from django.contrib.auth.hashers import make_password
    from django.contrib.auth.models import User

    hashed = make_password(password)
    User.objects.bulk_create(User(username=name, email=name, password=hashed) for name in buyers)


if __name__ == "__main__":
    main()
