"""Sends files of products to the page of the admin that imports them."""

import re
from io import BytesIO
from typing import Any

from larder.staff.inventory import imports
from tests.staff.desk import Desk, Page

IMPORT, FILE_FIELD = "catalog/product/import-file/", imports.FILE


def upload(desk: Desk, text: str | bytes) -> Page:
    file = BytesIO(text if isinstance(text, bytes) else text.encode())
    file.name = "products.csv"
    return desk.post(IMPORT, {"file": file})


def send(desk: Desk, text: str | bytes) -> Page:
    """The file, and the button below its preview if there is something to import."""
    page = upload(desk, text)
    return confirm(desk, page) if asks(page) else page


def asks(page: Page) -> bool:
    return FILE_FIELD in page.text


def confirm(desk: Desk, preview: Page) -> Page:
    return desk.post(IMPORT, dict(preview.response.context["page"].sends))


def shown_faults(page: Page) -> list[Any]:
    return list(page.response.context["page"].table["rows"])


def shown(page: Page) -> list[tuple[str, str]]:
    """The rows of a preview: the SKU, and what would happen with which values."""
    rows = page.response.context["page"].table["rows"]
    return [(row[1], f"{row[3]} {re.sub('<[^>]+>', ' ', str(row[4]))}") for row in rows]
