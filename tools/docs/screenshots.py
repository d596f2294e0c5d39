"""python -m tools.docs.screenshots: takes the screenshots of the pages anew.

Starts Larder as `make run` does, with its own port and data folder, places and moves some orders,
and writes docs/pictures/screenshots. Times are replaced, so that a picture changes only if the
screen does. Needs Chromium.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from playwright.sync_api import BrowserContext, Page, sync_playwright

from tools.docs.browser import CHROMIUM, FOR_PICTURES
from tools.docs.pages import DOCS
from tools.drill import running
from tools.errors import LauncherError
from tools.http_client import Client
from tools.terminal import complain, step

PICTURES = DOCS / "pictures" / "screenshots"
STAFF, CUSTOMER = ("admin", "12345"), ("grace", "correct horse battery staple")
DESK, PHONE = 1280, 390

_REPLACE_TIMES = """() => {
    const time = /\\d\\d [A-Z][a-z]{2} \\d{4}, \\d\\d:\\d\\d/g;
    const nodes = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) nodes.push(walker.currentNode);
    for (const one of nodes) one.data = one.data.replace(time, "01 Dec 2026, 09:00");
}"""
"""Gives the times of a page a fixed value."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: its name, the page, the size of the window, what is typed by label, and what is
    there once the page is complete."""

    name: str
    path: str
    height: int
    width: int = DESK
    typed: Mapping[str, str] = field(default_factory=dict)
    complete: str = "body"


SHOTS = (
    Shot("log-in", "/admin/login/", 480, 640),
    Shot("overview", "/admin/", 720),
    Shot("orders", "/admin/orders/order/", 720),
    Shot("order", "/admin/orders/order/{packed}/change/", 1560),
    Shot(
        "pack",
        "/admin/orders/order/{placed}/pack/",
        560,
        typed={"Picked, line 2": "11", "If fewer, the others, line 2": "missing"},
    ),
    Shot(
        "return",
        "/admin/orders/order/{delivered}/return/",
        600,
        typed={"Reason": "Arrived broken", "Came back, line 1": "1"},
    ),
    Shot("refunds-due", "/admin/orders/refunddue/", 480),
    Shot("products", "/admin/catalog/product/?q=retrospot", 720),
    Shot("product", "/admin/catalog/product/{product}/change/", 780),
    Shot(
        "adjustment",
        "/admin/inventory/adjustment/add/?sku=85123A",
        560,
        typed={"Reason": "received", "Change, line 1": "48"},
    ),
    Shot("account", "/admin/identity/customer/{account}/change/", 1000),
    Shot("api-docs", "/api/v1/docs", 900, complete=".opblock-summary"),
    Shot("orders-phone", "/admin/orders/order/", 780, PHONE),
    Shot("pack-phone", "/admin/orders/order/{placed}/pack/", 780, PHONE),
)


def main() -> int:
    """Write the pictures, and remove those that no shot has."""
    if CHROMIUM is None:
        complain("Chromium is needed to take screenshots.")
        return 1
    PICTURES.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory() as logs, ExitStack() as stack:
            with step("Larder started"):
                larder = stack.enter_context(running.started(logs=Path(logs)))
            with step("Orders placed"):
                places = fill(Client(larder.port))
            with step("Screenshots taken"):
                take(larder.base_url, places)
    except LauncherError as error:
        complain(str(error))
        return 1
    for file in set(PICTURES.iterdir()) - {file_of(shot) for shot in SHOTS}:
        file.unlink()
    return 0


def file_of(shot: Shot) -> Path:
    """Return the file of a picture."""
    return PICTURES / f"{shot.name}.png"


def fill(client: Client) -> dict[str, Any]:
    """Place and move orders; return the ids that the paths of SHOTS contain."""
    name, password = CUSTOMER
    registered = {"username": name, "password": password, "email": "grace@example.com"}
    account = _done(client, "auth/register", registered | {"first_name": "Grace"}, None)
    customer, staff = _token(client, *CUSTOMER), _token(client, *STAFF)
    product = _product(client, customer, "85123A")
    placed = [_order(client, customer, lines) for lines in ORDERS]
    for order, moves in zip(placed, MOVES, strict=True):
        _pay(client, staff, order)
        for move in moves:
            _done(client, f"orders/{order}/{move}", {}, staff)
    ids = {moves[-1]: order for order, moves in zip(placed, MOVES, strict=True) if moves}
    said = {"placed": placed[-1], "packed": ids["pack"], "delivered": ids["deliver"]}
    return said | {"product": product, "account": account["id"]}


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


def _order(client: Client, token: str, lines: Mapping[str, int]) -> str:
    products = [(_product(client, token, sku), units) for sku, units in lines.items()]
    wanted = [{"product": product, "quantity": units} for product, units in products]
    return str(_done(client, "orders", {"lines": wanted}, token)["id"])


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


def take(site: str, places: Mapping[str, Any]) -> None:
    """Take every picture, the page of the log-in first. Log in there for the others."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FOR_PICTURES)
        context = browser.new_context()
        for shot in SHOTS:
            page = _open(context, site, shot, places)
            page.evaluate(_REPLACE_TIMES)
            page.screenshot(path=file_of(shot), animations="disabled", caret="hide")
            if shot == SHOTS[0]:
                _log_in(page)
            page.close()
        browser.close()


def _log_in(page: Page) -> None:
    page.get_by_label("Username").fill(STAFF[0])
    page.get_by_label("Password").fill(STAFF[1])
    page.get_by_role("button", name="Log in").click()
    page.locator("#nav-sidebar-apps").wait_for(state="attached")


def _open(context: BrowserContext, site: str, shot: Shot, places: Mapping[str, Any]) -> Page:
    page = context.new_page()
    page.set_viewport_size({"width": shot.width, "height": shot.height})
    page.goto(site + shot.path.format(**places), wait_until="networkidle")
    page.locator(shot.complete).first.wait_for()
    for label, text in shot.typed.items():
        box = page.get_by_label(label).first
        if box.evaluate("box => box.tagName") == "SELECT":
            box.select_option(text)
        else:
            box.fill(text)
    return page


if __name__ == "__main__":
    sys.exit(main())
