"""The admin in German in a real browser: nothing scrolls sideways, nothing is closed to screen
readers, and scripts speak German too."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from larder.orders.models import Order
from tests.conftest import Person
from tests.staff.browser import CHROMIUM, DESK, OVERFLOWING, PHONE, axe, faults, in_browser
from tests.staff.desk import Desk
from tests.staff.german import english, german_shop, pages

__all__ = ["axe"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

RENDERED = """() => {
    const names = [...document.querySelectorAll('[aria-label]')].map(one => one.ariaLabel);
    const texts = names.map(one => `<p>${one.replaceAll('<', '&lt;')}</p>`).join('');
    return `<html lang="${document.documentElement.lang}">${texts}</html>`;
}"""
"""Returns the names that scripts give to elements without a text."""


def in_german(page: Page, site: str, who: Person) -> None:
    """Chooses German, and logs in."""
    page.context.add_cookies([{"name": "admin_language", "value": "de", "url": f"{site}/admin/"}])
    page.goto(f"{site}/admin/")
    page.get_by_label("Benutzername").fill(who.customer.username)
    page.locator("[name=password]").fill(who.password)
    page.get_by_role("button", name="Anmelden").click()
    page.locator("#nav-sidebar-apps").wait_for(state="attached")
    page.wait_for_load_state()


@pytest.mark.timeout(1200)
def test_no_page_in_german_is_closed_to_screen_readers_or_scrolls_sideways(
    site: str,
    boss: Person,
    person: Callable[..., Person],
    product: Callable[..., int],
    axe: str,
) -> None:
    shop = german_shop(person, product, boss)
    found: dict[str, list[str]] = {}

    def journey(page: Page) -> None:
        in_german(page, site, boss)
        for width in (DESK, PHONE):
            page.set_viewport_size({"width": width, "height": 900})
            for path in pages(shop):
                answer = page.goto(f"{site}/admin/{path}")
                assert getattr(answer, "ok", False), path
                seen = [*faults(page, axe), *english(page.evaluate(RENDERED))]
                if seen:
                    found[f"{path} {width}"] = seen

    in_browser(journey)
    assert found == {}


CUT = """() => [...document.querySelectorAll('#header-inner h1, #header-inner h1 > a')]
    .filter(one => one.scrollWidth > Math.ceil(one.getBoundingClientRect().width))
    .map(one => one.textContent.trim())"""
"""Returns what is cut of the way to a page."""


def test_the_way_to_a_page_is_not_cut_beside_its_buttons(
    site: str, boss: Person, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    clerk = person("a-member-of-staff", is_staff=True)
    jam = product(name="A jam with a name that is longer than the line of a small phone")

    def journey(page: Page) -> None:
        in_german(page, site, boss)
        for width in (1280, PHONE):
            page.set_viewport_size({"width": width, "height": 900})
            for path in (f"identity/customer/{clerk.id}", f"catalog/product/{jam}"):
                page.goto(f"{site}/admin/{path}/change/")
                assert page.evaluate(CUT) == []
                assert page.evaluate(OVERFLOWING) == 0

    in_browser(journey)


CELLS = """() => [...document.querySelectorAll('.data-row [data-label]')].map(one => [
    one.scrollWidth > one.clientWidth ? one.textContent.trim() : '',
    getComputedStyle(one, '::before').textTransform, one.dataset.label])"""
"""Returns of each cell of a list: its text if it is cut, how its label is shown, and the label."""


def test_a_phone_shows_whole_changes_and_labels_with_the_capitals_of_german(
    site: str, boss: Person, product: Callable[..., int], desk: Desk
) -> None:
    jam = product(sku="JAM", stock=5_000)
    words = {"name": "Konfitüre " * 9, "shelf_place": "A-12-3", "unit": "Glas", "price": "7.25"}
    desk.save(f"catalog/product/{jam}/change/", **words)
    desk.save("inventory/stock/count/", code="JAM", units="3", what="add")
    labels: set[str] = set()

    def journey(page: Page) -> None:
        in_german(page, site, boss)
        histories = (f"catalog/product/{jam}/history", "identity/auditentry")
        others = ("inventory/stock", "identity/customer", "inventory/stock/differences")
        for path in (*histories, *others):
            page.goto(f"{site}/admin/{path}/")
            for cut, shown, label in page.evaluate(CELLS):
                assert (cut, shown) == ("", "none"), path
                labels.add(label)
        page.get_by_text("-4.997", exact=True).wait_for()

    in_browser(journey, width=PHONE)
    assert {"Im Team", "Verfügbar", "Für Bestellungen reserviert", "Damals im Regal"} <= labels
    assert [one for one in labels if one[:1].islower()] == []


def test_an_order_is_placed_by_telephone_in_german(
    site: str, boss: Person, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    shop = german_shop(person, product, boss)

    def journey(page: Page) -> None:
        in_german(page, site, boss)
        page.goto(f"{site}/admin/orders/order/telephone/?customer={shop.customer.id}")
        page.get_by_label("Produkt, Zeile 1", exact=True).fill("KON-1")
        page.get_by_text("Rote Konfitüre: 1.234,50 GBP, 4.995 verfügbar").wait_for()
        page.get_by_label("Menge, Zeile 1", exact=True).fill("2")
        page.get_by_text("Summe: 2.469,00 GBP").wait_for()
        page.get_by_label("Menge, Zeile 1", exact=True).fill("6000")
        page.get_by_text("Nur 4995 sind verfügbar.").wait_for()
        page.get_by_label("Menge, Zeile 2", exact=True).fill("1")
        page.get_by_text("Summe: 7.407.000,00 GBP, ohne 1 unvollständige Zeile").wait_for()
        page.get_by_label("Menge, Zeile 2", exact=True).fill("")
        page.get_by_label("Menge, Zeile 1", exact=True).fill("2")
        page.get_by_role("button", name="Bestellen", exact=True).click()
        page.get_by_text("ist aufgegeben.").wait_for()

    assert in_browser(journey).faults == []
    assert Order.objects.filter(customer=shop.customer.customer).count() == 3
