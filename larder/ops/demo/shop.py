"""Demo mode: users with known passwords, and the products of a real shop, from the Online Retail
data set. Its files are in larder/demo/online_retail."""

import csv
import os
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from urllib.parse import urljoin
from zipfile import ZipFile

from django.conf import settings
from django.db import Error, transaction

from larder.catalog import queries as catalog
from larder.catalog import tables
from larder.catalog.services import categories
from larder.catalog.services.stored_pictures import Picture, save
from larder.core.errors import InvalidInput
from larder.db import database
from larder.identity.services import accounts
from larder.inventory.services.products import Author, import_products

FOLDER = Path(settings.BASE_DIR) / "demo" / "online_retail"

ADMIN, DEMO_CUSTOMER = "admin", "demo"

COLUMNS = ["sku", "name", "price", "quantity", "tax_rate", "description", "category", "image_url"]

TAX_RATE = "20"
"""The standard rate of the United Kingdom, where the shop was, in the year of its prices."""

Row = Mapping[str, str]


USERS = {ADMIN: "12345", "opply": "123456", DEMO_CUSTOMER: "demo"}
"""The passwords of those with whom visitors try the shop: two superusers and a customer."""


def log_ins() -> list[dict[str, str]]:
    """Returns the log-ins for the start page; none outside of demo mode."""
    users = USERS if settings.DEMO else {}
    return [
        {
            "username": name,
            "password": password,
            "role": "customer" if name == DEMO_CUSTOMER else "superuser",
        }
        for name, password in users.items()
    ]


def load_users() -> None:
    """Adds the missing demo users."""
    for name, password in USERS.items():
        accounts.ensure_account(
            name, password, email=f"{name}@example.com", superuser=name != DEMO_CUSTOMER
        )


def load_products(*, now: datetime) -> int:
    """Adds the missing demo products, with their stock. Returns how many. Products that are there
    stay as they are.

    Raises TooManyCategories, UnknownCategory.
    """
    products = rows("products.csv")
    known = catalog.ids_by_sku([row["sku"] for row in products])
    missing = [row for row in products if row["sku"] not in known]
    if not missing:
        return 0
    # Files are written outside of the transaction.
    addresses = store_pictures({kind["picture"] for kind in _kinds_of(missing)})
    # Another process that adds the products waits for the file of this one, and changes nothing.
    with transaction.atomic(durable=True):
        database.execute("SET LOCAL lock_timeout = '1min'")
        names = sorted({kind["category"] for kind in _kinds_of(missing)})
        ids = {name: categories.find_or_create(name, caller=None) for name in names}
    records = [[*COLUMNS], *(_record(row, ids, addresses) for row in missing)]
    table = tables.Table(",", [tables.Row(line, record) for line, record in enumerate(records, 1)])
    imported, _ = import_products(
        table, author=Author(None, now), currency=settings.CURRENCY, has_time_limit=False
    )
    return imported.created


def rows(name: str) -> list[Row]:
    """Returns the rows of a file of the data set."""
    with (FOLDER / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@cache
def _kinds() -> dict[str, Row]:
    """Returns what is true of all products of a kind, by its name: category, description, and the
    name of a picture."""
    return {row["kind"]: row for row in rows("kinds.csv")}


def _kinds_of(rows: Sequence[Row]) -> list[Row]:
    return [_kinds()[kind] for kind in {row["kind"] for row in rows} if kind]


def _record(row: Row, category_ids: Mapping[str, int], addresses: Mapping[str, str]) -> list[str]:
    """Returns the cells of COLUMNS."""
    of_itself = [row["sku"], row["name"], row["price"], row["quantity"], TAX_RATE]
    if not (kind := _kinds().get(row["kind"])):
        return [*of_itself, "", "", ""]
    category = str(category_ids[kind["category"]])
    return [*of_itself, kind["description"], category, addresses.get(kind["picture"], "")]


def store_pictures(names: Collection[str]) -> dict[str, str]:
    """Stores these pictures as if staff had uploaded them. Returns their addresses; none if
    pictures cannot be stored here: the shop starts without."""
    if not (settings.PICTURES_DIR or settings.PICTURES_BUCKET):
        return {}
    site = settings.PUBLIC_URL or f"http://127.0.0.1:{os.environ.get('PORT') or 8000}"
    try:
        with ZipFile(FOLDER / "pictures.zip") as pictures:
            # They are as small as thumbnails.
            files = {name: pictures.read(f"{name}.webp") for name in sorted(names)}
            return {name: urljoin(site, save(Picture(file, file))) for name, file in files.items()}
    except (InvalidInput, Error):
        return {}
