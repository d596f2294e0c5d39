"""The demo catalogue: products of the Online Retail data set, and what a product of their kind is.

Its files are in demo/online_retail.
"""

import csv
import os
from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from urllib.parse import urljoin
from zipfile import ZipFile

from django.conf import settings

from larder.catalog.services import categories
from larder.catalog.services.stored_pictures import store
from larder.core.errors import InvalidInput, Overloaded

FOLDER = Path(settings.BASE_DIR) / "demo" / "online_retail"

Row = Mapping[str, str]


def _rows(name: str) -> list[Row]:
    with (FOLDER / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def products() -> list[Row]:
    """Returns the products: sku, name, price, quantity, kind. The kind may be empty."""
    return _rows("products.csv")


@cache
def kinds() -> dict[str, Row]:
    """Returns what is true of all products of a kind, by its name: category, description, and the
    name of a picture."""
    return {row["kind"]: row for row in _rows("kinds.csv")}


def store_pictures(names: Collection[str], *, now: datetime) -> dict[str, str]:
    """Stores these pictures as if staff had uploaded them. Returns their addresses.

    Returns none if pictures cannot be stored here: the shop starts without.
    """
    if not (settings.PICTURES_DIR or settings.PICTURES_BUCKET):
        return {}
    try:
        return {name: _store(name, now) for name in sorted(names)}
    except (InvalidInput, Overloaded):
        return {}


def _store(name: str, now: datetime) -> str:
    with ZipFile(FOLDER / "pictures.zip") as pictures:
        return urljoin(_site(), store(pictures.read(f"{name}.webp"), now=now))


def _site() -> str:
    """Returns the address of the shop: PUBLIC_URL, or else this machine."""
    return settings.PUBLIC_URL or f"http://127.0.0.1:{os.environ.get('PORT') or 8000}"


def add_categories(names: Collection[str]) -> dict[str, int]:
    """Returns the ids of the categories with these names, and adds missing ones, in the caller's
    transaction. Raises TooManyCategories, UnknownCategory."""
    return {name: categories.find_or_create(name, caller=None) for name in sorted(names)}
