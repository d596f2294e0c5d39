"""A day of the demo shop, for the screenshots: its orders, and what staff do on the pages."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from io import BytesIO
from itertools import cycle
from typing import Any
from uuid import uuid4

import psycopg
from PIL import Image, ImageDraw
from playwright.sync_api import FilePayload, Page

from tools.errors import LauncherError
from tools.http_client import Client

STAFF, PASSWORD = ("admin", "12345"), "correct horse battery staple"
PEOPLE = ("Grace Brewster", "Tom Ashby", "Mary Okafor")
ADDRESS = {
    "line1": "12 Orchard Lane",
    "city": "Leeds",
    "postal_code": "LS1 4AP",
    "country": "GB",
}
COUNTED_SECONDS = 240.0
"""Seconds within which the job worker and the server have counted the day."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer: the name, the id of the account, and an access token."""

    name: str
    account: str
    token: str


def fill(client: Client, database: str) -> dict[str, Any]:
    """Place and move orders; return the ids that the paths of the pages contain."""
    people = [_customer(client, name) for name in PEOPLE]
    staff, grace = _token(client, *STAFF), people[0]
    _done(client, "me/addresses", ADDRESS | {"name": grace.name, "label": "Home"}, grace.token)
    product = _product(client, grace.token, "85123A")
    _sell_earlier(client, people, staff, database)
    placed = [_order(client, who, lines) for who, lines in zip(cycle(people), ORDERS, strict=False)]
    for order, moves in zip(placed, MOVES, strict=True):
        _pay(client, staff, order)
        for move in moves:
            _done(client, f"orders/{order}/{move}", {}, staff)
    _refuse(client, grace.token, product)
    _wait_until_counted(database)
    ids = {moves[-1]: order for order, moves in zip(placed, MOVES, strict=True) if moves}
    said = {"placed": placed[-1], "packed": ids["pack"], "delivered": ids["deliver"]}
    return said | {"product": product, "account": grace.account}


NOTE = "Please ring twice."
EARLIER = (3, 2, 4, 1, 3, 2)
"""Orders of the six days before, the first one first."""
EARLIER_ORDER = """
UPDATE "order" SET placed_at = placed_at - %s * interval '1 day' WHERE id = %s
"""
EARLIER_LINES = """
UPDATE order_line SET placed_at = placed_at - %s * interval '1 day' WHERE order_id = %s
"""
COUNTED = """
SELECT EXISTS (SELECT FROM sales_mark WHERE at IS NOT NULL)
   AND EXISTS (SELECT FROM refused_orders)
   AND EXISTS (SELECT FROM observation WHERE subject = 'stock')
"""
ORDERS: Sequence[Mapping[str, int]] = (
    {"22423": 4, "85123A": 12, "84879": 24},
    {"85099B": 20, "20725": 10},
    {"47566": 6},
    {"22720": 3, "21212": 24},
    {"85123A": 24, "84879": 16, "22423": 2},
    {"85099B": 10, "23166": 12},
)
"""Orders of the demo's products: units by SKU."""
MOVES: Sequence[Sequence[str]] = (
    ("pack", "ship", "deliver"),
    ("pack", "ship"),
    ("cancel",),
    (),
    ("pack",),
    (),
)


def _customer(client: Client, name: str) -> Customer:
    first, last = name.split()
    username = first.lower()
    login = {"username": username, "password": PASSWORD, "email": f"{username}@example.com"}
    account = _done(client, "auth/register", login | {"first_name": first, "last_name": last}, None)
    return Customer(name, account["id"], _token(client, username, PASSWORD))


def _order(client: Client, who: Customer, lines: Mapping[str, int]) -> str:
    products = [(_product(client, who.token, sku), units) for sku, units in lines.items()]
    wanted = [{"product": product, "quantity": units} for product, units in products]
    body = {"lines": wanted, "ship_to": ADDRESS | {"name": who.name}, "note": NOTE}
    return str(_done(client, "orders", body, who.token)["id"])


def _sell_earlier(client: Client, people: Sequence[Customer], staff: str, database: str) -> None:
    """Place and deliver orders, as if on the days before."""
    for ago, orders in zip(range(len(EARLIER), 0, -1), EARLIER, strict=True):
        for units, who in zip(range(orders), cycle(people), strict=False):
            order = _order(client, who, {"85123A": 6 * (units + 1), "22423": ago})
            for move in ("pack", "ship", "deliver"):
                _done(client, f"orders/{order}/{move}", {}, staff)
            with psycopg.connect(database) as connection:
                connection.execute(EARLIER_ORDER, [ago, order])
                connection.execute(EARLIER_LINES, [ago, order])


def _refuse(client: Client, token: str, product: int) -> None:
    """Have orders refused: three for want of stock, one for a product that is not on sale."""
    for wanted, units in (*[(product, 1_000_000)] * 3, (product + 1_000_000, 1)):
        lines = [{"product": wanted, "quantity": units}]
        client.call("POST", "orders", {"lines": lines}, token=token)


def _wait_until_counted(database: str) -> None:
    """Let the job worker count every day, and wait until it did. Raises LauncherError."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DELETE FROM sales_mark")
        deadline = time.monotonic() + COUNTED_SECONDS
        while connection.execute(COUNTED).fetchone() != (True,):
            if time.monotonic() > deadline:
                raise LauncherError("The sales of the day were not counted.")
            time.sleep(1)


def _pay(client: Client, token: str, order: str) -> None:
    """Record a capture of the order's total."""
    total = client.call("GET", f"orders/{order}", token=token).body["total"]
    paid = {"amount": int(Decimal(total) * 100), "currency": "GBP", "transaction_id": f"ch_{total}"}
    payment = {"provider": "stripe", "kind": "captured", **paid}
    _done(client, f"orders/{order}/payments", payment, token)


def _product(client: Client, token: str, sku: str) -> int:
    found = client.call("GET", f"products?q={sku}", token=token).body["results"]
    return int(next(one["id"] for one in found if one["sku"] == sku))


def _token(client: Client, username: str, password: str) -> str:
    given = {"username": username, "password": password}
    return str(client.call("POST", "auth/token", given).body["access"])


def _done(client: Client, path: str, body: Any, token: str | None) -> Any:
    """Return the answer to a POST. Raises LauncherError if it is a refusal."""
    reply = client.call("POST", path, body, token=token, headers={"Idempotency-Key": str(uuid4())})
    if reply.status >= 300:
        raise LauncherError(f"POST {path}: {reply.status} {reply.body}")
    return reply.body


def fill_in(page: Page, typed: Mapping[str, str]) -> None:
    """Fill in fields by their labels."""
    for label, text in typed.items():
        box = page.get_by_label(label).first
        if box.evaluate("box => box.tagName") == "SELECT":
            box.select_option(text)
        else:
            box.fill(text)


def order_by_telephone(page: Page) -> None:
    """Fill in two lines, and choose the saved address."""
    page.get_by_label("Saved address").select_option(index=1)
    for line, (sku, units) in enumerate((("85123A", "6"), ("22423", "2")), 1):
        page.get_by_label(f"Product, line {line}", exact=True).fill(sku)
        page.get_by_label(f"Quantity, line {line}", exact=True).fill(units)
    page.get_by_text("GBP, ").nth(1).wait_for()


def count_stock(page: Page) -> None:
    """Count two products with a scanner, and show the differences."""
    for sku, units in (("85123A", 36_590), ("22423", 12_343)):
        fill_in(page, {"SKU or barcode": sku, "Units": str(units)})
        page.keyboard.press("Enter")
        page.get_by_text(f"{units:,} × {sku}").wait_for()
    page.get_by_role("link", name="Differences of the count").click()
    page.get_by_text("Discard the count").wait_for()


def invite(page: Page) -> None:
    """Fill in the invitation of a packer."""
    name = {"First name": "Ida", "Last name": "Moss", "Username": "ida"}
    fill_in(page, name | {"Email": "ida@example.com"})
    page.get_by_label("warehouse").check()


def upload_picture(page: Page) -> None:
    """Upload a picture of the product, a heart, and show it."""
    heart = Image.new("RGB", (900, 900), "#5f8f83")
    draw = ImageDraw.Draw(heart)
    draw.line((450, 0, 450, 300), fill="#e8dcc8", width=8)
    for left in (180, 440):
        draw.ellipse((left, 260, left + 280, 540), fill="#fbfaf6")
    draw.polygon(((205, 480), (450, 400), (695, 480), (450, 790)), fill="#fbfaf6")
    file = BytesIO()
    heart.save(file, "PNG")
    upload = FilePayload(name="heart.png", mimeType="image/png", buffer=file.getvalue())
    page.get_by_label("Upload a picture").set_input_files(upload)
    page.get_by_role("button", name="Save and continue editing").click()
    page.locator("img.product-picture").wait_for()


def raise_prices(page: Page) -> None:
    """Preview higher prices of all products of the list."""
    page.locator("#action-toggle").check()
    page.locator("#changelist-actions select").select_option("change_prices")
    page.get_by_role("button", name="Run").click()
    fill_in(page, {"By": "5", "Round to a multiple of": "0.05"})
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("→").first.wait_for()


def import_file(page: Page) -> None:
    """Preview a price list with a new and a changed product."""
    rows = "sku;name;price;quantity\n85123A;White hanging heart;3,25;\nTEA-1;Assam tea;4,80;40\n"
    upload = FilePayload(name="prices.csv", mimeType="text/csv", buffer=rows.encode())
    page.locator("input[type=file]").set_input_files(upload)
    page.get_by_role("button", name="Show changes").click()
    page.get_by_text("check the changes").first.wait_for()


def show_sums(page: Page) -> None:
    """Show the sums by tax rate of the last days."""
    today, first = (
        time.strftime("%Y-%m-%d", time.gmtime(time.time() - n)) for n in (0, 6 * 86_400)
    )
    fill_in(page, {"From": first, "To": today})
    page.locator("#id_content").select_option("shown")
    page.get_by_role("button", name="Export").click()
    page.get_by_text("Sold, gross").first.wait_for()
