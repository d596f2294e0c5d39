"""Staff move orders, place orders and import files in a real browser, with a real server.

Only there are the services' transactions the outermost ones.
"""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from playwright.sync_api import FilePayload, Page, expect

from larder.catalog.models import Product
from larder.inventory.models import Adjustment, Stock
from larder.orders.models import Order, OrderEvent
from tests.conftest import Person
from tests.staff.browser import CHROMIUM, OVERFLOWING, in_browser, log_in, press
from tests.staff.moving import place

PACK = re.compile(r"\bPack$")
"""The name of the link. Without scripts, the theme's icon is a word of it."""


pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


def pack_ship_and_take_back(page: Page, site: str, order: UUID) -> None:
    page.goto(f"{site}/admin/orders/order/{order}/change/")
    page.get_by_role("link", name=PACK).click()
    page.get_by_label("Picked, line 1").fill("5")
    press(page, "Pack", "Expected at most 4, the ordered quantity.")
    page.get_by_label("Picked, line 1").fill("3")
    page.get_by_label("If fewer, the others, line 1").select_option("back")
    press(page, "Pack", "is packed.")
    page.get_by_text("JAM-1 Red jam: 3 of 4 picked, 1 back on the shelf.").wait_for()
    page.get_by_role("link", name="Ship").click()
    press(page, "Ship", "is shipped.")
    page.get_by_role("link", name="Return").click()
    page.get_by_label("Came back, line 1").fill("2")
    page.get_by_label("Can be sold again, line 1").uncheck()
    press(page, "Return", "This field is required.")
    page.get_by_label("Reason").fill("mouldy")
    press(page, "Return", "is booked.")
    page.get_by_text("JAM-1 Red jam: 2 came back, not to be sold again.").wait_for()


@pytest.mark.parametrize("scripts", [True, False])
def test_an_order_is_packed_shipped_and_taken_back(
    site: str, boss: Person, order: UUID, scripts: bool
) -> None:
    def journey(page: Page) -> None:
        log_in(page, site, boss)
        pack_ship_and_take_back(page, site, order)

    seen = in_browser(journey, scripts=scripts)
    assert Order.objects.get().status == "shipped"
    stock = Stock.objects.get()
    assert (stock.available, stock.committed) == (7, 0)
    assert Order.objects.get().lines.get().returned == 2
    assert seen.faults == []


def test_a_double_click_has_one_effect(site: str, boss: Person, jam: int, order: UUID) -> None:
    def journey(page: Page) -> None:
        log_in(page, site, boss)
        for move in ("Pack", "Ship"):
            page.goto(f"{site}/admin/orders/order/{order}/{move.lower()}/")
            page.get_by_role("button", name=move, exact=True).dblclick()
            page.get_by_text(re.compile(r"Order \d+ is")).first.wait_for()
        page.goto(f"{site}/admin/orders/order/{order}/return/")
        page.get_by_label("Came back, line 1").fill("1")
        page.get_by_label("Reason").fill("x")
        page.get_by_role("button", name="Return", exact=True).dblclick()
        page.get_by_text("is booked.").first.wait_for()
        page.goto(f"{site}/admin/inventory/adjustment/add/?sku=JAM-1")
        page.get_by_label("Change, line 1", exact=True).fill("5")
        page.get_by_label("Reason").select_option("received")
        page.get_by_role("button", name="Book", exact=True).dblclick()
        page.get_by_text("Booked: +5 Red jam (JAM-1)").first.wait_for()

    in_browser(journey)
    types = list(OrderEvent.objects.order_by("position").values_list("type", flat=True))
    assert types == ["placed", "packed", "shipped", "returned"]
    assert (Adjustment.objects.count(), Stock.objects.get().available) == (1, 12)


def test_many_orders_are_packed_from_the_list(
    site: str, boss: Person, jam: int, order: UUID
) -> None:
    other = place(boss, jam, 4)

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/orders/order/")
        for box in page.locator("input[name=_selected_action]").all():
            box.check()
        page.locator("select[name=action]").select_option("mark_packed")
        page.get_by_role("button", name="Run").click()
        page.get_by_text("Were these orders packed").wait_for()
        press(page, "Pack", "packed.")

    seen = in_browser(journey)
    assert {one.status for one in Order.objects.filter(id__in=[order, other])} == {"packed"}
    assert seen.faults == []


def test_products_are_imported_from_a_file(site: str, boss: Person) -> None:
    def send(page: Page, text: str) -> None:
        file = FilePayload(name="products.csv", mimeType="text/csv", buffer=text.encode())
        page.set_input_files("input[type=file]", file)

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/catalog/product/")
        page.get_by_role("link", name="Import").click()
        send(page, "sku,name,price\nTEA,Tea,dear\n")
        press(page, "Show changes", "Nothing was stored.")
        assert page.locator("table td").all_inner_texts()[:2] == ["2", "price"]
        send(page, "sku,name,price,quantity\nTEA,Tea,2.00,5\n")
        press(page, "Show changes", "Nothing is stored yet. 1 product would be added")
        assert page.locator("table td").all_inner_texts()[1:4] == ["TEA", "Tea", "new"]
        press(page, "Import", "1 added, 0 changed, 0 the same.")

    seen = in_browser(journey)
    assert Product.objects.get().sku == "TEA"
    assert Stock.objects.get().available == 5
    assert seen.faults == []


PAGES = (
    "orders/order/{order}/change/",
    "orders/order/{order}/pack/",
    "orders/order/{order}/cancel/",
    "orders/order/{order}/edit/",
    "orders/order/{order}/pick-list/",
    "orders/order/{order}/packing-slip/",
    "orders/order/telephone/",
    "catalog/product/import-file/",
    "inventory/adjustment/add/",
    "inventory/ledgerentry/",
    "orders/refunddue/",
)


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_scrolls_sideways(
    site: str, boss: Person, order: UUID, product: Callable[..., int], width: int
) -> None:
    product(sku="W" * 30, name="A name of a product that is as long as names of products go")

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        for path in PAGES:
            page.goto(f"{site}/admin/{path.format(order=order)}")
            assert page.evaluate(OVERFLOWING) == 0, path

    assert in_browser(journey, width=width).faults == []


def test_the_next_step_is_on_the_first_screen_of_a_phone(
    site: str, boss: Person, order: UUID
) -> None:
    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/orders/order/{order}/change/")
        box = page.get_by_role("link", name=PACK).bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < 400
        page.get_by_role("link", name=PACK).click()
        press(page, "Pack", "is packed.")

    assert in_browser(journey, width=390).faults == []


def test_each_address_label_is_one_page(site: str, boss: Person, jam: int, order: UUID) -> None:
    lines = ("name", "line1", "line2", "city", "region", "postal_code", "country", "phone")
    place(boss, jam, 4)
    Order.objects.update(ship_to=dict.fromkeys(lines, "A part of an address"))
    pages: list[bytes] = []

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/orders/order/")
        for box in page.locator("input[name=_selected_action]").all():
            box.check()
        page.locator("select[name=action]").select_option("print_address_labels")
        page.get_by_role("button", name="Run").click()
        page.locator("address").first.wait_for()
        page.wait_for_load_state()
        pages.extend(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True)))

    assert in_browser(journey).faults == []
    assert len(pages) == 2


@pytest.mark.parametrize("width", [390, 1280])
def test_a_line_of_an_adjustment_shows_figures_as_soon_as_it_has_a_sku(
    site: str, boss: Person, order: UUID, width: int
) -> None:
    figures = "Red jam: 6 available, 4 reserved for orders, 10 on the shelf"

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/inventory/adjustment/add/")
        line = page.get_by_label("SKU, line 2", exact=True)
        line.focus()
        page.keyboard.type("red")
        offered = page.locator("datalist option[label='JAM-1 Red jam · 1.50 GBP · 6 available']")
        offered.first.wait_for(state="attached")
        page.keyboard.press("Control+A")
        page.keyboard.type("JAM-1")
        page.get_by_role("status").get_by_text(figures, exact=True).wait_for()
        page.keyboard.press("Tab")
        page.keyboard.type("-7")
        page.get_by_label("Reason").select_option("lost")
        press(page, "Book", "Only 6 are available: 7 cannot be removed.")
        page.get_by_text(figures, exact=True).wait_for()
        line.fill("JAM-2")
        page.get_by_text(figures, exact=True).wait_for(state="detached")

    assert in_browser(journey, width=width).faults == []


def test_a_scan_into_an_adjustment_looks_up_its_product_and_sends_nothing(
    site: str, boss: Person, product: Callable[..., int]
) -> None:
    product(sku="TEA", name="Tea", barcode="4006381333931", stock=3)

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/inventory/adjustment/add/")
        page.get_by_label("Reason").select_option("received")
        line = page.get_by_label("SKU, line 1", exact=True)
        line.focus()
        page.keyboard.type("400")
        page.keyboard.press("Enter")
        page.get_by_text("No product matches this.").wait_for()
        page.keyboard.type("4006381333931")
        page.keyboard.press("Enter")
        page.get_by_text("Tea: 3 available, 0 reserved for orders, 3 on the shelf").wait_for()
        expect(page.get_by_label("Change, line 1", exact=True)).to_be_focused()
        expect(line).to_have_value("TEA")
        page.keyboard.type("2")
        press(page, "Book", "Booked: +2 Tea (TEA)")

    assert in_browser(journey).faults == []
    assert Stock.objects.get().available == 5


@pytest.mark.parametrize(
    ("path", "field", "units"),
    [
        ("inventory/adjustment/add/", "SKU", "Change"),
        ("orders/order/telephone/", "Product", "Quantity"),
    ],
)
def test_enter_takes_the_only_product_that_is_offered(
    site: str, boss: Person, product: Callable[..., int], path: str, field: str, units: str
) -> None:
    for sku, name in (("JAM-1", "Red jam"), ("JAM-2", "Blue jam"), ("TEA", "Tea")):
        product(sku=sku, name=name)

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/{path}")
        line = page.get_by_label(f"{field}, line 1", exact=True)
        line.focus()
        page.keyboard.type("jam")
        page.keyboard.press("Enter")
        page.get_by_text("Several products match this. Choose one.").wait_for()
        expect(page.locator("datalist option")).to_have_count(2)
        page.keyboard.type("red")
        page.keyboard.press("Enter")
        expect(line).to_have_value("JAM-1")
        expect(page.get_by_label(f"{units}, line 1", exact=True)).to_be_focused()
        page.get_by_text("Red jam:").wait_for()

    assert in_browser(journey).faults == []


@pytest.mark.parametrize(
    ("path", "field", "others"),
    [
        ("inventory/adjustment/add/", "SKU", ("Change", "Or counted")),
        ("orders/order/telephone/", "Product", ("Quantity",)),
    ],
)
def test_enter_in_a_line_moves_on_to_the_next_product_and_sends_nothing(
    site: str, boss: Person, path: str, field: str, others: tuple[str, ...]
) -> None:
    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/{path}")
        for name in (field, *others):
            page.get_by_label(f"{name}, line 1", exact=True).press("Enter")
            expect(page.get_by_label(f"{field}, line 2", exact=True)).to_be_focused()
        page.get_by_label(f"{others[0]}, line 10", exact=True).fill("7")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        expect(page.get_by_label(f"{field}, line 11", exact=True)).to_be_focused()
        expect(page.get_by_label(f"{others[0]}, line 10", exact=True)).to_have_value("7")
        expect(page.locator(".errors, .errorlist")).to_have_count(0)

    assert in_browser(journey).faults == []


SLOWLY = """const fetched = fetch;
window.fetch = async (...given) => {
    await new Promise(done => setTimeout(done, 1000));
    return fetched(...given);
};"""
UNANSWERED = "() => { window.fetch = () => Promise.reject(new TypeError('no network')); }"


def test_units_that_are_typed_while_a_product_is_looked_up_are_units(
    site: str, boss: Person, product: Callable[..., int]
) -> None:
    product(sku="TEA", name="Tea", stock=3)

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.add_init_script(SLOWLY)
        page.goto(f"{site}/admin/inventory/adjustment/add/")
        line = page.get_by_label("SKU, line 1", exact=True)
        line.focus()
        page.keyboard.type("tea")
        page.keyboard.press("Enter")
        page.keyboard.type("24")
        page.get_by_text("Tea: 3 available").wait_for()
        expect(line).to_have_value("TEA")
        expect(page.get_by_label("Change, line 1", exact=True)).to_have_value("24")

    assert in_browser(journey).faults == []


def test_a_product_that_could_not_be_looked_up_is_not_called_unknown(
    site: str, boss: Person, product: Callable[..., int]
) -> None:
    product(sku="TEA", name="Tea", stock=3)

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/inventory/adjustment/add/")
        page.evaluate(UNANSWERED)
        line = page.get_by_label("SKU, line 1", exact=True)
        line.fill("TEA")
        line.press("Enter")
        page.get_by_text("The shop did not answer. Press Enter again.").wait_for()
        expect(line).to_be_focused()

    assert in_browser(journey).faults == []


def test_the_error_of_a_line_leaves_with_the_product_that_had_it(
    site: str, boss: Person, jam: int
) -> None:
    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/inventory/adjustment/add/")
        page.get_by_label("Reason").select_option("received")
        page.get_by_label("SKU, line 1", exact=True).fill("JAM-9")
        page.get_by_label("Change, line 1", exact=True).fill("1")
        press(page, "Book", "No product has this SKU.")
        page.get_by_label("SKU, line 1", exact=True).fill("JAM-1")
        page.get_by_text("No product has this SKU.").wait_for(state="detached")

    assert in_browser(journey).faults == []


def test_enter_in_a_line_of_an_order_goes_to_the_button_and_sends_nothing(
    site: str, boss: Person, order: UUID
) -> None:
    def journey(page: Page) -> None:
        log_in(page, site, boss)
        for move, label in (("Pack", "Picked, line 1"), ("Return", "Came back, line 1")):
            page.goto(f"{site}/admin/orders/order/{order}/{move.lower()}/")
            page.get_by_label(label).press("Enter")
            expect(page.get_by_role("button", name=move, exact=True)).to_be_focused()
            if move == "Pack":
                press(page, "Pack", "is packed.")
                page.goto(f"{site}/admin/orders/order/{order}/ship/")
                press(page, "Ship", "is shipped.")

    assert in_browser(journey).faults == []
    types = OrderEvent.objects.order_by("position").values_list("type", flat=True)
    assert list(types) == ["placed", "packed", "shipped"]
