"""Demo mode: a real shop's catalogue and users with known passwords."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.db import transaction

from larder.catalog import queries as catalog
from larder.catalog.services.products import NewProduct, create_products
from larder.core.errors import AlreadyTaken
from larder.core.ids import SYSTEM_ACTOR
from larder.identity.services import accounts
from larder.inventory.services.movements import open_stock

DEMO_CUSTOMER = "demo"

TAX_RATE = Decimal(20)
"""The standard rate of the United Kingdom, where the shop was, in the year of its prices."""


@dataclass(frozen=True, slots=True)
class DemoUser:
    """A log-in with which visitors try the shop."""

    password: str
    superuser: bool


USERS = {
    "admin": DemoUser("12345", superuser=True),
    "opply": DemoUser("123456", superuser=True),
    DEMO_CUSTOMER: DemoUser("demo", superuser=False),
}


def log_ins() -> list[dict[str, str]]:
    """Returns the log-ins for the start page; none outside of demo mode."""
    roles = {True: "superuser", False: "customer"}
    users = USERS if settings.DEMO else {}
    return [
        {"username": name, "password": user.password, "role": roles[user.superuser]}
        for name, user in users.items()
    ]


def products_file() -> Path:
    """Returns the products of the Online Retail data set: sku, name, price, quantity."""
    return Path(settings.BASE_DIR) / "demo" / "online_retail" / "products.csv"


def load_products(*, now: datetime) -> int:
    """Adds the missing demo products, with their stock. Returns how many."""
    with products_file().open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        return _add_missing(rows, now)
    except AlreadyTaken:
        # Another process has added some of them meanwhile, and has committed. Read again.
        return _add_missing(rows, now)


def _add_missing(rows: Sequence[dict[str, str]], now: datetime) -> int:
    with transaction.atomic(durable=True):
        known = catalog.ids_by_sku([row["sku"] for row in rows])
        return _add([row for row in rows if row["sku"] not in known], now)


def _add(rows: Sequence[dict[str, str]], now: datetime) -> int:
    new = [NewProduct(row["sku"], row["name"], Decimal(row["price"]), TAX_RATE) for row in rows]
    ids = create_products(new, now=now)
    quantities = {ids[row["sku"]]: int(row["quantity"]) for row in rows}
    open_stock(quantities, actor=SYSTEM_ACTOR, now=now)
    return len(new)


def load_users() -> None:
    """Adds the missing demo users."""
    for name, user in USERS.items():
        accounts.ensure_account(name, user.password, superuser=user.superuser)
