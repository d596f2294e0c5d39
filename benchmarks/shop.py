"""python -m benchmarks.shop PRODUCTS CUSTOMERS: fills a prepared database, prints what it made.

Runs with Larder's settings in a separate process, so that the load generator's stays small.
"""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal

PASSWORD = "long enough for a benchmark"
STOCK = 500_000_000
"""Units of each product: no benchmark comes near the end of it."""


@dataclass(frozen=True, slots=True)
class Shop:
    """What there is: ids of products and customers, names to log in with.

    `cashier` confirms orders. It is empty if a commit's shop has no such account.
    """

    products: list[int]
    customers: list[int]
    usernames: list[str]
    cashier: str = ""


def main() -> None:
    """Makes everything and prints it as JSON."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "larder.config.settings")
    django.setup()
    from larder.core.clock import now

    products = make_products(int(sys.argv[1]), now())
    usernames = [f"customer {number}" for number in range(int(sys.argv[2]))]
    customers = make_customers(usernames, now())
    shop = Shop(products, customers, usernames, make_cashier())
    json.dump(asdict(shop), sys.stdout, default=str)


def make_products(count: int, moment: datetime) -> list[int]:
    """Products with prices from 0.50 up and STOCK units each; returns their ids, ascending."""
    from django.db import transaction

    from larder.catalog.models import Product
    from larder.core.ids import SYSTEM_ACTOR
    from larder.inventory.services.movements import open_stock

    new = [
        Product(
            sku=f"BENCH-{number:04}",
            name=f"Ceramic storage jar no. {number:04}",
            price=Decimal(50 + number * 7 % 2000) / 100,
            created_at=moment,
            updated_at=moment,
        )
        for number in range(count)
    ]
    with transaction.atomic(durable=True):
        ids = [product.pk for product in Product.objects.bulk_create(new, batch_size=250)]
        open_stock(dict.fromkeys(ids, STOCK), actor=SYSTEM_ACTOR, now=moment)
    return ids


def make_customers(usernames: list[str], moment: datetime) -> list[int]:
    """Registers customers with PASSWORD; returns their ids, ascending."""
    from django.db import connection

    from larder.identity.services.accounts import NewCustomer, register

    def make(username: str) -> int:
        asked = NewCustomer(username=username, password=PASSWORD)
        try:
            return register(asked, policy="open", now=moment).id
        finally:
            connection.close()

    # The hashes take most of the time, and they let go of the interpreter.
    with ThreadPoolExecutor(2) as threads:
        return sorted(threads.map(make, usernames))


def make_cashier() -> str:
    """Create an account with all rights and PASSWORD; returns its user name."""
    from django.core.management import call_command

    os.environ["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
    call_command("createsuperuser", username="cashier", email="", interactive=False, verbosity=0)
    return "cashier"


if __name__ == "__main__":
    main()
