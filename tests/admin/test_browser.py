"""The admin in a real browser, against a real server: with scripts and without."""

import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal

import pytest
from playwright.sync_api import Locator, Page, sync_playwright

from larder.catalog.models import Product
from larder.inventory.models import LedgerEntry, Stock
from larder.orders.decision import Wanted
from larder.orders.services.place_order import place_order
from larder.orders.services.placement import Placement, Terms
from tests.conftest import NOW, Person
from tests.server import Server

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
QUIETLY = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@dataclass
class Seen:
    """What the browser asked for, and what went wrong."""

    hosts: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("request", lambda request: self._asked(request.url))
        page.on("response", lambda answer: self._answered(answer.status, answer.url))
        page.on("console", lambda line: self._said(line.type, line.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))

    def _asked(self, url: str) -> None:
        if url.startswith("http"):
            self.hosts.add(url.split("/")[2])

    def _answered(self, status: int, url: str) -> None:
        if status >= 400:
            self.faults.append(f"{status} {url}")

    def _said(self, kind: str, text: str) -> None:
        if kind == "error":
            self.faults.append(text)


@pytest.fixture
def site(transactional_db: None) -> Iterator[str]:
    """The address of a running server; in demo mode, where cookies need no TLS."""
    with Server(workers=1, environment={"DEMO": "1"}) as server:
        yield f"http://127.0.0.1:{server.port}"


def in_browser(journey: Callable[[Page], None], *, scripts: bool = True) -> Seen:
    """Runs a journey in a browser, in a thread of its own: Playwright runs an event loop, in
    whose thread Django refuses to use the database."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_run, journey, scripts).result()


def _run(journey: Callable[[Page], None], scripts: bool) -> Seen:
    seen = Seen()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIETLY)
        page = browser.new_page(
            java_script_enabled=scripts, viewport={"width": 1400, "height": 900}
        )
        page.set_default_timeout(15_000)
        seen.watch(page)
        journey(page)
        browser.close()
    return seen


def log_in(page: Page, site: str, who: Person) -> None:
    page.goto(f"{site}/admin/")
    page.get_by_label("Username").fill(who.customer.username)
    page.get_by_label("Password").fill(who.password)
    page.get_by_role("button", name="Log in").click()
    in_sidebar(page, "Products").wait_for()


def in_sidebar(page: Page, name: str) -> Locator:
    """A link of the sidebar. The theme's icons are words to whoever cannot see them."""
    return page.locator("#nav-sidebar-apps").get_by_role("link", name=name)


def change_price(page: Page, name: str) -> None:
    in_sidebar(page, "Products").click()
    page.get_by_placeholder("Words in name or SKU").fill(name)
    page.get_by_placeholder("Words in name or SKU").press("Enter")
    page.get_by_role("link", name=name).click()
    page.get_by_label("Price (GBP)").fill("2.25")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was changed successfully").wait_for()


def adjust_stock(page: Page, site: str, sku: str) -> None:
    page.goto(f"{site}/admin/inventory/stock/?q={sku}")
    page.get_by_role("link", name=sku).click()
    page.get_by_role("link", name="Adjust stock").click()
    page.get_by_label("Change").fill("-3")
    page.get_by_label("Reason").select_option("damaged")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("The adjustment is booked.").wait_for()


def look_at_the_order(page: Page, number: int) -> None:
    in_sidebar(page, "Orders").click()
    page.get_by_role("link", name=str(number), exact=True).click()
    page.get_by_text("Unit price").wait_for()
    assert page.get_by_text("Red jam").is_visible()
    assert page.get_by_text("– → placed").is_visible()


def log_out(page: Page, who: Person) -> None:
    page.get_by_text(who.customer.username).first.click()
    page.get_by_role("button", name="Log out").click()
    page.get_by_text(re.compile("logged out|Log in again", re.IGNORECASE)).first.wait_for()


def test_a_day_at_the_desk(
    site: str, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    boss, mary = person("boss", is_staff=True, is_superuser=True), person("mary")
    jam = product(sku="JAM-1", name="Red jam", price="1.50", stock=10)
    asked = Placement(customer=mary.id, actor=mary.customer.public_id, lines=[Wanted(jam, 2)])
    number = place_order(asked, terms=Terms(currency="GBP"), now=NOW).order.number

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        change_price(page, "Red jam")
        adjust_stock(page, site, "JAM-1")
        look_at_the_order(page, number)
        log_out(page, boss)

    seen = in_browser(journey)
    assert Product.objects.get().price == Decimal("2.25")
    assert Stock.objects.get().available == 5
    entry = LedgerEntry.objects.get(cause="damaged")
    assert (entry.available_change, entry.actor) == (-3, boss.customer.public_id)
    assert seen.hosts == {site.removeprefix("http://")}
    assert seen.faults == []


def test_prices_and_stock_are_changed_without_scripts_too(
    site: str, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    boss = person("boss", is_staff=True, is_superuser=True)
    product(sku="JAM-1", name="Red jam", price="1.50", stock=10)

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        change_price(page, "Red jam")
        adjust_stock(page, site, "JAM-1")

    seen = in_browser(journey, scripts=False)
    assert Product.objects.get().price == Decimal("2.25")
    assert Stock.objects.get().available == 7
    assert seen.hosts == {site.removeprefix("http://")}
