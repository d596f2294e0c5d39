"""Every page of the admin works for the keyboard, the screen reader and the phone."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import FilePayload, Page

from larder.orders.models import Order
from tests.conftest import Person
from tests.staff.access import Shop, pages, shop
from tests.staff.browser import (
    CHROMIUM,
    DESK,
    PHONE,
    axe,
    faults_anywhere,
    faults_in_schemes,
    in_browser,
    log_in,
    press,
)

__all__ = ["axe", "shop"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

MOST_STEPS = 60
"""Presses of the Tab key from the beginning of a page to what is to be done next."""

FOCUSED = """(({body, activeElement: one}) =>
    one === body ? '' : one.ariaLabel || one.innerText || '')(document)"""
"""The name of the element that has the focus, in lines. Without a focus, the body is active."""


@pytest.mark.timeout(1200)
def test_no_page_is_closed_to_screen_readers_or_scrolls_sideways(
    site: str, boss: Person, shop: Shop, axe: str
) -> None:
    found: dict[str, list[str]] = {}
    addresses = list(pages(shop))

    def look(page: Page, name: str) -> None:
        if seen := faults_in_schemes(page, axe):
            found[name] = seen

    def journey(page: Page) -> None:
        page.goto(f"{site}/admin/login/")
        look(page, "log-in")
        log_in(page, site, boss)
        for width in (DESK, PHONE):
            page.set_viewport_size({"width": width, "height": 900})
            for address in addresses:
                answer = page.goto(f"{site}{address}")
                assert answer is not None
                assert (answer.status, page.url) == (200, f"{site}{address}")
                look(page, f"{address} {width}")
                filters = page.get_by_role("button", name="Filters")
                if filters.count():
                    filters.click()
                    page.locator("#changelist-filter").wait_for()
                    look(page, f"{address} {width}, filters")

    in_browser(journey)
    assert found == {}


def run_actions(page: Page, address: str) -> Iterator[str]:
    """Opens the page behind each action of a list, with all its rows selected."""
    page.goto(address)
    options = page.locator("select[name=action] option:not([value=''])")
    for name in [str(one.get_attribute("value")) for one in options.all()]:
        page.goto(address)
        for box in page.locator("input[name=_selected_action]").all():
            box.check()
        page.locator("select[name=action]").select_option(name)
        page.get_by_role("button", name="Run").click()
        page.locator("select[name=action]").wait_for(state="detached")
        yield f"{address}, {name}"


def preview_prices(page: Page, site: str) -> Iterator[str]:
    """Opens what is behind the actions of products, and the preview of new prices."""
    for name in run_actions(page, f"{site}/admin/catalog/product/"):
        yield name
        if name.endswith("change_prices"):
            press(page, "Preview", "This field is required.")
            yield f"{name}, mistake"
            page.locator("[name=value]").fill("10")
            press(page, "Preview", "Orders that are placed keep their prices.")
            yield f"{name}, preview"


def import_files(page: Page, site: str) -> Iterator[str]:
    """Opens the faults of a file, and the preview of another one."""
    files = {"Nothing was stored.": "dear", "Nothing is stored yet.": "2.00"}
    for answer, price in files.items():
        page.goto(f"{site}/admin/catalog/product/import-file/")
        text = f"sku,name,price\nTEA,Tea,{price}\n".encode()
        file = FilePayload(name="products.csv", mimeType="text/csv", buffer=text)
        page.set_input_files("input[type=file]", file)
        press(page, "Show changes", answer)
        yield f"import, {answer}"


@pytest.mark.timeout(600)
def test_no_page_behind_a_button_is_closed_to_screen_readers_or_scrolls_sideways(
    site: str, boss: Person, shop: Shop, axe: str
) -> None:
    found: dict[str, list[str]] = {}
    lists = ("orders/order/", "identity/key/", "auth/group/", "catalog/product/?archived=yes")

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        actions = (run_actions(page, f"{site}/admin/{one}") for one in lists)
        for opened in (*actions, preview_prices(page, site), import_files(page, site)):
            for name in opened:
                found[name] = faults_anywhere(page, axe)

    in_browser(journey)
    assert len(found) > 12
    assert {name: seen for name, seen in found.items() if seen} == {}


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until the element of this name has the focus. Fails if none gets it."""
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        if name in str(page.evaluate(FOCUSED)).split("\n"):
            return
    raise AssertionError(f"{name} is not reached")


@pytest.mark.system
def test_a_text_without_the_focus_is_not_reached_by_the_keyboard() -> None:
    def journey(page: Page) -> None:
        page.set_content("<p>Pack</p><button>Ship</button>")
        tab_to(page, "Ship")
        with pytest.raises(AssertionError, match="Pack is not reached"):
            tab_to(page, "Pack")

    in_browser(journey)


def test_the_keyboard_alone_packs_an_order_and_opens_the_filters(
    site: str, boss: Person, shop: Shop
) -> None:
    placed = shop.orders["placed"]

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/orders/order/{placed}/change/")
        tab_to(page, "Pack")
        page.keyboard.press("Enter")
        page.wait_for_url("**/pack/")
        tab_to(page, "Pack")
        page.keyboard.press("Enter")
        page.wait_for_url("**/change/")
        page.goto(f"{site}/admin/orders/order/")
        tab_to(page, "Filters")
        page.keyboard.press("Enter")
        page.locator("#changelist-filter").wait_for()

    in_browser(journey)
    assert Order.objects.get(pk=placed).status == "packed"


FORMS = {
    "orders/order/{shipped}/return/": "Return",
    "catalog/product/add/": "Save",
    "catalog/product/import-file/": "Show changes",
    "identity/customer/invite/": "Invite",
}
"""Forms, and the name of the button that sends each."""


@pytest.mark.parametrize(("path", "button"), FORMS.items())
def test_the_keyboard_alone_reaches_the_button_that_sends_a_form(
    site: str, boss: Person, shop: Shop, path: str, button: str
) -> None:
    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/{path.format_map(shop.orders)}")
        tab_to(page, button)
        assert page.evaluate("document.activeElement.type") == "submit"

    in_browser(journey)


ADDING = """async () => {
    let scans = 0;
    const scan = Document.prototype.querySelectorAll;
    Document.prototype.querySelectorAll = function (...given) {
        if (given[0] === 'a[href], button') scans++;
        return scan.apply(this, given);
    };
    for (let number = 0; number < 50; number++) {
        const link = document.createElement('a');
        link.href = '#';
        link.innerHTML = '<span class="material-symbols-outlined">edit</span>';
        document.body.append(link);
        await null;
    }
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const named = [...document.body.children].filter((one) => one.ariaLabel === 'edit').length;
    return [named, scans];
}"""


def test_what_is_added_to_a_page_is_named_without_a_look_at_the_whole_page(
    site: str, boss: Person
) -> None:
    found: list[object] = []

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        found.append(page.evaluate(ADDING))

    in_browser(journey)
    assert found == [[50, 0]]


def test_a_shown_link_and_a_refused_page_are_open_to_screen_readers(
    site: str, boss: Person, person: Callable[..., Person], axe: str
) -> None:
    tom, packer = person("tom", email=""), person("packer", is_staff=True, role="warehouse")
    found: list[str] = []

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/identity/customer/{tom.id}/password-link/")
        page.get_by_role("button", name="Make a link").click()
        page.get_by_role("button", name="Copy").wait_for()
        page.wait_for_load_state()
        page.get_by_role("button", name="Copy").press("Enter")
        found.extend(faults_anywhere(page, axe))
        page.context.clear_cookies()
        log_in(page, site, packer)
        page.goto(f"{site}/admin/identity/customer/")
        page.get_by_text("The role of your account does not allow this page.").wait_for()
        found.extend(faults_anywhere(page, axe))

    in_browser(journey)
    assert found == []
