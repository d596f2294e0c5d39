"""Demo mode: a real shop's catalogue and users with known passwords."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import Error, transaction

from larder.catalog import queries as catalog
from larder.catalog.services.products import NewProduct, create_products
from larder.core.errors import AlreadyTaken
from larder.core.ids import SYSTEM_ACTOR
from larder.db import database
from larder.identity.services import accounts
from larder.inventory.services.movements import open_stock
from larder.ops.demo import catalogue
from larder.ops.demo.catalogue import Row

DEMO_CUSTOMER = "demo"

TAX_RATE = Decimal(20)
"""The standard rate of the United Kingdom, where the shop was, in the year of its prices."""

TRIES = 12
"""How often the products are tried while another process adds them: each waits `lock_timeout`."""


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


def load_products(*, now: datetime) -> int:
    """Adds the missing demo products, with their stock. Returns how many. Products that are there
    stay as they are.

    Raises TooManyCategories, UnknownCategory.
    """
    missing = _missing()
    if not missing:
        return 0
    # Files are written outside of the transaction.
    addresses = catalogue.store_pictures({one["picture"] for one in _kinds_of(missing)}, now=now)
    for _ in range(TRIES - 1):
        try:
            return _add_missing(addresses, now)
        except AlreadyTaken:
            # Another process has added some of them meanwhile, and has committed. Read again.
            pass
        except Error as error:
            # Another process adds them now.
            if not database.is_lock_timeout(error):
                raise
    return _add_missing(addresses, now)


def _missing() -> list[Row]:
    rows = catalogue.products()
    known = catalog.ids_by_sku([row["sku"] for row in rows])
    return [row for row in rows if row["sku"] not in known]


def _kinds_of(rows: Sequence[Row]) -> list[Row]:
    return [catalogue.kinds()[one] for one in {row["kind"] for row in rows} if one]


def _add_missing(addresses: Mapping[str, str], now: datetime) -> int:
    with transaction.atomic(durable=True):
        # On a busy machine this takes longer than a request may.
        database.lift_time_limit()
        rows = _missing()
        categories = catalogue.add_categories({one["category"] for one in _kinds_of(rows)})
        ids = create_products([_new(row, categories, addresses) for row in rows], now=now)
        quantities = {ids[row["sku"]]: int(row["quantity"]) for row in rows}
        open_stock(quantities, actor=SYSTEM_ACTOR, now=now)
        return len(rows)


def _new(row: Row, categories: Mapping[str, int], addresses: Mapping[str, str]) -> NewProduct:
    kind = catalogue.kinds().get(row["kind"])
    return NewProduct(
        row["sku"],
        row["name"],
        Decimal(row["price"]),
        TAX_RATE,
        description=kind["description"] if kind else "",
        category_id=categories[kind["category"]] if kind else None,
        image_url=addresses.get(kind["picture"], "") if kind else "",
    )


def load_users() -> None:
    """Adds the missing demo users."""
    for name, user in USERS.items():
        accounts.ensure_account(name, user.password, superuser=user.superuser)
