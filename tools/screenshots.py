"""python -m tools.screenshots http://127.0.0.1:8123: takes the pictures of docs/admin.md.

The address is that of a demo shop that is used for nothing else, such as that of `make run
DATA=/tmp/pictures PORT=8123`: orders are placed there first. Needs Chromium.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

from PIL import Image
from playwright.sync_api import FilePayload, Page, sync_playwright

from tools.browser import CHROMIUM, FOR_PICTURES, LAUNCH_MS
from tools.http_client import Client
from tools.terminal import complain

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures" / "screenshots"
TIMEOUT_MS = 180_000.0
WIDTH, HEIGHT, QUALITY = 1440, 900, 70
COUNTED_SECONDS = 75
"""After which the job worker has counted the sales."""
PASSWORD = "correct horse battery staple"
ADDRESS = {"line1": "12 Orchard Lane", "city": "Leeds", "postal_code": "LS1 4AP", "country": "GB"}
ORDERS: tuple[tuple[dict[str, int], tuple[str, ...]], ...] = (
    ({"22423": 4, "85123A": 12, "84879": 24}, ("pack", "ship", "deliver")),
    ({"85099B": 20, "20725": 10}, ("pack", "ship")),
    ({"47566": 6}, ("cancel",)),
    ({"85123A": 24, "84879": 16, "22423": 2}, ("pack",)),
    ({"22720": 3, "21212": 24}, ()),
    ({"85099B": 10, "23166": 12}, ()),
)
"""Units by SKU, and the moves of each order."""
_FIXED_TIMES = """() => {
    const time = /\\d\\d [A-Z][a-z]{2} \\d{4}, \\d\\d:\\d\\d/g;
    const nodes = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) nodes.push(walker.currentNode);
    for (const node of nodes) node.data = node.data.replace(time, "01 Dec 2026, 09:00");
}"""
"""Gives the times of a page a fixed value, so that a picture changes only if the page does."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: its name, its page, what is typed by label, and what is done then."""

    name: str
    path: str
    typed: Mapping[str, str] = field(default_factory=dict)
    act: Callable[[Page], None] | None = None
    height: int = HEIGHT


class Shop:
    """The API of a demo shop."""

    def __init__(self, url: str) -> None:
        self._client = Client(0, url=url)
        self.staff = self.token("admin", "12345")

    def call(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """Returns the body of an answer."""
        headers = {"Idempotency-Key": str(uuid4())}
        return self._client.call(method, path, body, token=token, headers=headers).body

    def token(self, username: str, password: str) -> str:
        """Returns an access token."""
        login = {"username": username, "password": password}
        return str(self.call("POST", "auth/token", login)["access"])

    def product(self, sku: str) -> int:
        """Returns the id of a product."""
        return int(self.call("GET", f"products?sku={sku}", token=self.staff)["results"][0]["id"])

    def fill(self) -> dict[str, Any]:
        """Places and moves orders. Returns the ids that the paths of the shots contain."""
        names = {"first_name": "Grace", "last_name": "Brewster", "email": "grace@example.com"}
        person = {"username": "grace", "password": PASSWORD} | names
        account = self.call("POST", "auth/register", person)["id"]
        grace = self.token("grace", PASSWORD)
        address = ADDRESS | {"name": "Grace Brewster"}
        self.call("POST", "me/addresses", address | {"label": "Home"}, grace)
        ids = {"account": account, "product": self.product("85123A")}
        for units, moves in ORDERS:
            lines = [{"product": self.product(sku), "quantity": n} for sku, n in units.items()]
            body = {"lines": lines, "ship_to": address, "note": "Please ring twice."}
            order = self.call("POST", "orders", body, grace)["id"]
            for move in moves:
                self.call("POST", f"orders/{order}/{move}", {}, self.staff)
            ids[moves[-1] if moves else "placed"] = order
        for _ in range(3):
            lines = [{"product": ids["product"], "quantity": 1_000_000}]
            self.call("POST", "orders", {"lines": lines}, grace)
        return ids


def fill_in(page: Page, typed: Mapping[str, str]) -> None:
    """Fills in fields by their labels."""
    for label, text in typed.items():
        box = page.get_by_label(label).first
        is_choice = box.evaluate("box => box.tagName") == "SELECT"
        box.select_option(text) if is_choice else box.fill(text)


def order_by_telephone(page: Page) -> None:
    """Fills in two lines, and chooses the saved address."""
    page.get_by_label("Saved address").select_option(index=1)
    for line, (sku, units) in enumerate((("85123A", "6"), ("22423", "2")), 1):
        page.get_by_label(f"Product, line {line}", exact=True).fill(sku)
        page.get_by_label(f"Quantity, line {line}", exact=True).fill(units)
    page.get_by_text("GBP, ").nth(1).wait_for()


def count_stock(page: Page) -> None:
    """Counts a product with a scanner, and shows the difference."""
    fill_in(page, {"SKU or barcode": "85123A", "Units": "36590"})
    page.keyboard.press("Enter")
    page.get_by_text("36,590 × 85123A").wait_for()
    page.get_by_role("link", name="Differences of the count").click()
    page.get_by_text("On the shelf then").first.wait_for()


def raise_prices(page: Page) -> None:
    """Previews higher prices of all products of the list."""
    page.locator("#action-toggle").check()
    page.locator("#changelist-actions select").select_option("change_prices")
    page.get_by_role("button", name="Run").click()
    fill_in(page, {"By": "5", "Round to a multiple of": "0.05"})
    page.get_by_role("button", name="Preview").click()
    page.get_by_text("→").first.wait_for()


def import_file(page: Page) -> None:
    """Previews a price list with a new and a changed product."""
    rows = "sku;name;price;quantity\n85123A;White hanging heart;3,25;\nTEA-1;Assam tea;4,80;40\n"
    file = FilePayload(name="prices.csv", mimeType="text/csv", buffer=rows.encode())
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Show changes").click()
    page.get_by_text("check the changes").first.wait_for()


def show_sums(page: Page) -> None:
    """Shows the sums by tax rate of today."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    fill_in(page, {"From": today, "To": today})
    page.locator("#id_content").select_option("sums")
    page.get_by_role("button", name="Export").click()
    page.get_by_text("Sold, gross").first.wait_for()


PICKED = {"Picked, line 2": "11", "If fewer, the others, line 2": "missing"}
SHOTS = (
    Shot("overview", "", height=1400),
    Shot("orders", "orders/order/"),
    Shot("order", "orders/order/{pack}/change/"),
    Shot("pack", "orders/order/{placed}/pack/", PICKED),
    Shot("pick-list", "orders/order/{placed}/pick-list/"),
    Shot("telephone", "orders/order/telephone/?customer={account}", act=order_by_telephone),
    Shot("count", "inventory/adjustment/count/", act=count_stock),
    Shot("product", "catalog/product/{product}/change/"),
    Shot("prices", "catalog/product/?q=retrospot+mug", act=raise_prices),
    Shot("import", "catalog/product/import-file/", act=import_file),
    Shot("ledger", "inventory/ledgerentry/?q=85123A"),
    Shot("accounting", "orders/order/accounting/", act=show_sums),
)


def main(url: str) -> int:
    """Takes every picture."""
    if CHROMIUM is None:
        complain("Chromium is needed to take screenshots.")
        return 1
    ids = Shop(url).fill()
    time.sleep(COUNTED_SECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FOR_PICTURES, timeout=LAUNCH_MS
        )
        page = browser.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.goto(f"{url}/admin/login/")
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password").fill("12345")
        page.get_by_role("button", name="Log in").click()
        page.locator("#nav-sidebar-apps").wait_for(state="attached")
        for shot in SHOTS:
            take(page, shot, f"{url}/admin/{shot.path.format(**ids)}")
        browser.close()
    return 0


def take(page: Page, shot: Shot, url: str) -> None:
    """Takes one picture."""
    page.set_viewport_size({"width": WIDTH, "height": shot.height})
    page.goto(url, wait_until="networkidle")
    fill_in(page, shot.typed)
    if shot.act:
        shot.act(page)
    page.wait_for_load_state("networkidle")
    page.evaluate("document.activeElement.blur()")
    page.evaluate(_FIXED_TIMES)
    picture = Image.open(BytesIO(page.screenshot(animations="disabled", caret="hide")))
    picture.convert("RGB").save(PICTURES / f"{shot.name}.webp", quality=QUALITY, method=6)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
