"""The admin in a real browser, against a real server: with scripts and without."""

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from playwright.sync_api import Page, expect

from larder.catalog.models import Product
from larder.inventory.models import LedgerEntry, Stock
from larder.orders.decision import Wanted
from larder.orders.services.placing.place_order import place_order
from larder.orders.services.placing.placement import Placement, Terms
from tests.conftest import NOW, Person
from tests.staff.browser import CHROMIUM, in_browser, in_sidebar, log_in

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


def change_price(page: Page, name: str) -> None:
    in_sidebar(page, "Products").click()
    page.locator("#searchbar").fill(name)
    page.locator("#searchbar").press("Enter")
    page.get_by_role("link", name=name).click()
    page.get_by_label("Price (GBP)").fill("")
    page.get_by_label("Price (GBP)").press_sequentially("2,25")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was changed successfully").wait_for()


def test_a_phone_shows_what_saves_a_form_and_what_is_wrong_in_it(
    site: str, person: Callable[..., Person]
) -> None:
    boss = person("boss", is_staff=True, is_superuser=True)

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/catalog/product/add/")
        for field in ("SKU", "Name", "Price (GBP)"):
            page.get_by_label(field).fill("1")
        expect(page.get_by_role("button", name="Save", exact=True)).to_be_in_viewport()
        page.get_by_label("Low stock threshold").fill("-1")
        page.evaluate("scrollTo(0, 0)")
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("Please correct the error").wait_for()
        expect(page.get_by_label("Low stock threshold")).to_be_in_viewport()
        page.goto(f"{site}/admin/inventory/adjustment/add/")
        page.get_by_label("Reason").select_option("received")
        page.get_by_label("SKU, line 7", exact=True).fill("JAMS")
        page.get_by_label("Change, line 7", exact=True).fill("1")
        page.evaluate("scrollTo(0, 0)")
        expect(page.get_by_role("button", name="Book", exact=True)).to_be_in_viewport()
        page.get_by_role("button", name="Book", exact=True).click()
        expect(page.get_by_text("No product has this SKU.")).to_be_in_viewport()

    assert in_browser(journey, width=390).faults == []


def test_the_menu_of_a_phone_has_a_button_for_a_finger(
    site: str, person: Callable[..., Person]
) -> None:
    boss = person("boss", is_staff=True, is_superuser=True)

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        button = page.get_by_role("button", name="Menu").locator("visible=true")
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
        button.click()
        expect(in_sidebar(page, "Products")).to_be_in_viewport()

    assert in_browser(journey, width=390).faults == []


def adjust_stock(page: Page, site: str, sku: str) -> None:
    page.goto(f"{site}/admin/inventory/stock/?q={sku}")
    page.get_by_role("link", name=sku).click()
    page.get_by_role("link", name="Adjust stock").click()
    page.get_by_label("Change, line 1", exact=True).fill("-3")
    page.get_by_label("Reason").select_option("damaged")
    page.get_by_role("button", name="Book", exact=True).click()
    page.get_by_text("Booked: -3").wait_for()


def look_at_the_order(page: Page, number: int) -> None:
    in_sidebar(page, "Orders").click()
    page.get_by_role("link", name=str(number), exact=True).click()
    page.get_by_text("Unit price").wait_for()
    page.get_by_text("Red jam").wait_for()
    page.get_by_text("Placed by mary").wait_for()


def log_out(page: Page, who: Person) -> None:
    page.get_by_text(who.customer.username).first.click()
    page.get_by_role("button", name="Log out").click()
    page.get_by_text(re.compile("logged out|Log in again", re.IGNORECASE)).first.wait_for()


def test_staff_manage_orders_and_products_in_a_browser(
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


def test_prices_and_stock_are_changed_without_scripts(
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
