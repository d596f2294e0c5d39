"""python -m tools.docs.screenshots: takes the screenshots of the pages anew.

Starts Larder as `make run` does, with its own port and data folder, fills it with orders (day.py),
and writes docs/pictures/screenshots. Those of a day in the admin are taken at a desk and on a
phone, in light and in dark. Times are replaced, so that a picture changes only if the screen does.
Needs Chromium.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import BrowserContext, Page, sync_playwright

from tools.docs import day
from tools.docs.browser import CHROMIUM, FOR_PICTURES, LAUNCH_MS
from tools.docs.pages import DOCS
from tools.drill import running
from tools.errors import LauncherError
from tools.http_client import Client
from tools.terminal import complain, step

PICTURES = DOCS / "pictures" / "screenshots"
TIMEOUT_MS = 180_000.0
"""For what a page takes on a machine that is busy."""
QUALITY = 70
"""Of a WebP file: text stays sharp, and a picture has 30 KB."""
DESK, PHONE = (1440, 900), (390, 844)
VARIANTS = {
    "": (DESK, "light"),
    "-dark": (DESK, "dark"),
    "-phone": (PHONE, "light"),
    "-phone-dark": (PHONE, "dark"),
}
"""The pictures of each page of a day, by the end of their names."""

_REPLACE_TIMES = """() => {
    const time = /\\d\\d [A-Z][a-z]{2} \\d{4}, \\d\\d:\\d\\d/g;
    const nodes = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) nodes.push(walker.currentNode);
    for (const one of nodes) one.data = one.data.replace(time, "01 Dec 2026, 09:00");
}"""
"""Gives the times of a page a fixed value."""


def _nothing(page: Page) -> None:
    pass


_CENTRE = "one => one.scrollIntoView({block: 'center'})"


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture: its name, the page, the size of the window, what is typed by label, what is done
    then, and what is there once the page is complete. Without a size it is a page of a day."""

    name: str
    path: str
    size: tuple[int, int] | None = None
    typed: Mapping[str, str] = field(default_factory=dict)
    act: Callable[[Page], None] = _nothing
    complete: str = "body"
    centre: str = ""
    """What is in the middle of the picture, if not the beginning of the page."""
    height: int = DESK[1]
    """The height of a page of a day at a desk."""

    @property
    def variants(self) -> Mapping[str, tuple[tuple[int, int], str]]:
        """The size and colours of each picture of the page, by the end of its name."""
        if self.size is not None:
            return {"": (self.size, "light")}
        sizes = {DESK: (DESK[0], self.height), PHONE: PHONE}
        return {name: (sizes[size], scheme) for name, (size, scheme) in VARIANTS.items()}


LOG_IN = Shot("log-in", "/admin/login/", (640, 480))
DAY = (
    Shot("overview", "/admin/", height=1400),
    Shot("orders", "/admin/orders/order/"),
    Shot("order", "/admin/orders/order/{packed}/change/"),
    Shot(
        "pack",
        "/admin/orders/order/{placed}/pack/",
        typed={"Picked, line 2": "11", "If fewer, the others, line 2": "missing"},
    ),
    Shot("pick-list", "/admin/orders/order/{placed}/pick-list/"),
    Shot(
        "telephone",
        "/admin/orders/order/telephone/?customer={account}",
        act=day.order_by_telephone,
        centre=".page-lines tr:nth-child(2)",
    ),
    Shot("count", "/admin/inventory/stock/count/", act=day.count_stock),
    Shot("invitation", "/admin/identity/customer/invite/", act=day.invite),
    Shot(
        "product",
        "/admin/catalog/product/{product}/change/",
        act=day.upload_picture,
        centre="img.product-picture",
    ),
    Shot("prices", "/admin/catalog/product/?q=retrospot+mug", act=day.raise_prices),
    Shot("import", "/admin/catalog/product/import-file/", act=day.import_file),
    Shot("ledger", "/admin/inventory/ledgerentry/?q=85123A"),
    Shot("accounting", "/admin/orders/order/accounting/", act=day.show_sums),
)
OTHERS = (
    Shot(
        "return",
        "/admin/orders/order/{delivered}/return/",
        (1280, 600),
        typed={"Reason": "Arrived broken", "Came back, line 1": "1"},
    ),
    Shot("refunds-due", "/admin/orders/refunddue/", (1280, 480)),
    Shot("products", "/admin/catalog/product/?q=retrospot", (1280, 720)),
    Shot(
        "adjustment",
        "/admin/inventory/adjustment/add/?sku=85123A",
        (1280, 560),
        typed={"Reason": "received", "Change, line 1": "48"},
    ),
    Shot("account", "/admin/identity/customer/{account}/change/", (1280, 1000)),
    Shot("api-docs", "/api/v1/docs", (1280, 900), complete=".opblock-summary"),
)
SHOTS = (LOG_IN, *OTHERS, *DAY)


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
            with step("Orders placed and counted"):
                places = day.fill(Client(larder.port), larder.cluster.owner_url())
            with step("Screenshots taken"):
                take(larder.base_url, places)
    except LauncherError as error:
        complain(str(error))
        return 1
    for file in set(PICTURES.iterdir()) - set(files()):
        file.unlink()
    return 0


def files() -> Iterator[Path]:
    """Yield the file of each picture."""
    for shot in SHOTS:
        yield from (file_of(shot, variant) for variant in shot.variants)


def file_of(shot: Shot, variant: str) -> Path:
    """Return the file of a picture."""
    return PICTURES / f"{shot.name}{variant}.webp"


def take(site: str, places: Mapping[str, Any]) -> None:
    """Take every picture, the page of the log-in first. Log in there for the others."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=FOR_PICTURES, timeout=LAUNCH_MS
        )
        context = browser.new_context()
        context.set_default_timeout(TIMEOUT_MS)
        for shot in SHOTS:
            page = _open(context, site, shot, places)
            for variant, (size, scheme) in shot.variants.items():
                _show(page, size, scheme)
                if shot.centre:
                    page.locator(shot.centre).first.evaluate(_CENTRE)
                _save(page.screenshot(animations="disabled", caret="hide"), file_of(shot, variant))
            if shot is LOG_IN:
                _log_in(page)
            page.close()
        browser.close()


def _show(page: Page, size: tuple[int, int], scheme: str) -> None:
    """Show the page at this size, in the colours of the scheme."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    # The theme reads the scheme only when a page is loaded.
    page.evaluate("is => document.documentElement.classList.toggle('dark', is)", scheme == "dark")
    page.evaluate("document.activeElement.blur()")
    page.evaluate(_REPLACE_TIMES)


def _save(picture: bytes, file: Path) -> None:
    Image.open(BytesIO(picture)).convert("RGB").save(file, quality=QUALITY, method=6)


def _log_in(page: Page) -> None:
    page.get_by_label("Username").fill(day.STAFF[0])
    page.get_by_label("Password").fill(day.STAFF[1])
    page.get_by_role("button", name="Log in").click()
    page.locator("#nav-sidebar-apps").wait_for(state="attached")


def _open(context: BrowserContext, site: str, shot: Shot, places: Mapping[str, Any]) -> Page:
    page = context.new_page()
    width, height = shot.size or DESK
    page.set_viewport_size({"width": width, "height": height})
    page.goto(site + shot.path.format(**places), wait_until="networkidle")
    page.locator(shot.complete).first.wait_for()
    day.fill_in(page, shot.typed)
    shot.act(page)
    page.wait_for_load_state("networkidle")
    return page


if __name__ == "__main__":
    sys.exit(main())
