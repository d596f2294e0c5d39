"""Staff move orders, place orders and import files in a real browser, with a real server.

Only there are the services' transactions the outermost ones.
"""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from larder.catalog.models import Product
from larder.identity.services.addresses import add_address
from larder.inventory.models import Adjustment, Stock
from larder.orders.decision import Wanted
from larder.orders.models import Order, OrderEvent
from larder.orders.services.place_order import place_order
from larder.orders.services.placement import Placement, Terms
from tests.conftest import NOW, Person
from tests.staff.browser import CHROMIUM, in_browser, log_in

PACK = re.compile(r"\bPack$")
"""The name of the link. Without scripts, the theme's icon is a word of it."""

OVERFLOWING = (
    "[...document.querySelectorAll('html, #main .simplebar-content-wrapper')]"
    ".filter(one => one.scrollWidth > one.clientWidth).length"
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture
def boss(transactional_db: None, person: Callable[..., Person]) -> Person:
    return person("boss", is_staff=True, is_superuser=True)


@pytest.fixture
def jam(transactional_db: None, product: Callable[..., int]) -> int:
    return product(sku="JAM-1", name="Red jam", price="1.50", stock=10)


@pytest.fixture
def order(transactional_db: None, person: Callable[..., Person], jam: int) -> UUID:
    return place(person("mary"), jam)


def place(who: Person, product: int) -> UUID:
    asked = Placement(customer=who.id, actor=who.customer.public_id, lines=[Wanted(product, 4)])
    return place_order(asked, terms=Terms(currency="GBP"), now=NOW).order.id


def press(page: Page, name: str, message: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    page.get_by_text(message).first.wait_for()


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
        page.get_by_text("The adjustment is booked.").first.wait_for()

    in_browser(journey)
    types = list(OrderEvent.objects.order_by("position").values_list("type", flat=True))
    assert types == ["placed", "packed", "shipped", "returned"]
    assert (Adjustment.objects.count(), Stock.objects.get().available) == (1, 12)


def test_many_orders_are_packed_from_the_list(
    site: str, boss: Person, jam: int, order: UUID
) -> None:
    other = place(boss, jam)

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


def at_home(who: Person, street: str) -> Person:
    """Saves an address of a customer."""
    fields = {"label": "Home", "name": who.customer.username, "line1": street}
    add_address(who.caller, fields, now=NOW)
    return who


def choose_customer(page: Page, name: str) -> None:
    page.locator("#id_customer + .select2 .select2-selection").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type(name)
    page.locator(".select2-results__option--highlighted", has_text=name).wait_for()
    page.keyboard.press("Enter")


def choose_address(page: Page, street: str) -> None:
    saved = page.get_by_label("Saved address")
    saved.locator("option", has_text=street).wait_for(state="attached")
    saved.press("ArrowDown")
    expect(page.get_by_label("Street", exact=True)).to_have_value(street)


def fill_line(page: Page, line: int, sku: str, quantity: str) -> None:
    page.get_by_label(f"Product, line {line}", exact=True).fill(sku)
    page.get_by_label(f"Quantity, line {line}", exact=True).fill(quantity)


@pytest.mark.parametrize("width", [390, 1280])
def test_staff_place_a_telephone_order_with_the_keyboard(
    site: str, boss: Person, person: Callable[..., Person], jam: int, width: int
) -> None:
    mary = at_home(person("mary"), "1 Quay")
    at_home(person("tom"), "7 Hill")

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/orders/order/telephone/")
        street, saved = page.get_by_label("Street", exact=True), page.get_by_label("Saved address")
        total = page.locator(".page-total")
        for name, line in (("tom", "7 Hill"), ("mary", "1 Quay")):
            choose_customer(page, name)
            saved.locator("option", has_text=line).wait_for(state="attached")
            assert street.input_value() == ""
            saved.press("ArrowDown")
            assert street.input_value() == line
        street.press("End")
        page.keyboard.type("a")
        page.get_by_label("Product, line 1", exact=True).focus()
        page.keyboard.type("red")
        offered = page.locator("datalist option[label='JAM-1 Red jam · 1.50 GBP · 10 available']")
        offered.first.wait_for(state="attached")
        page.keyboard.press("Control+A")
        page.keyboard.type("JAM-1")
        page.get_by_text("Red jam: 1.50 GBP, 10 available", exact=True).wait_for()
        page.keyboard.press("Tab")
        page.keyboard.type("10")
        expect(total).to_have_text("Total: 15.00 GBP")
        page.get_by_label("Product, line 2", exact=True).fill("JAM-1")
        page.get_by_label("Quantity, line 2", exact=True).fill("1")
        expect(total).to_have_text("Total: 16.50 GBP")
        expect(page.get_by_text("Only 10 are available.", exact=True)).to_have_count(2)
        assert page.evaluate(OVERFLOWING) == 0
        page.keyboard.press("Enter")
        page.get_by_text("Only 10 are available.").first.wait_for()
        expect(total).to_have_text("Total: 16.50 GBP")
        page.get_by_label("Product, line 2", exact=True).fill("")
        page.get_by_label("Quantity, line 2", exact=True).fill("")
        expect(total).to_have_text("Total: 15.00 GBP")
        page.get_by_role("button", name="Place order").dblclick()
        page.get_by_text(re.compile(r"Order \d+ is placed")).first.wait_for()

    seen = in_browser(journey, width=width)
    placed = Order.objects.get()
    assert (placed.customer_id, placed.lines.get().quantity) == (mary.id, 10)
    assert placed.ship_to is not None
    assert (placed.ship_to["name"], placed.ship_to["line1"]) == ("mary", "1 Quaya")
    assert seen.faults == []


def test_addresses_of_one_customer_are_never_offered_to_another(
    site: str, boss: Person, person: Callable[..., Person]
) -> None:
    mary = at_home(person("mary"), "1 Quay")
    at_home(person("tom"), "7 Hill")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/orders/order/telephone/")
        saved = page.get_by_label("Saved address")
        choose_customer(page, "tom")
        choose_address(page, "7 Hill")
        page.route(f"**/addresses/?customer={mary.id}", hold)
        with page.expect_request("**/addresses/**"):
            choose_customer(page, "mary")
        # The answer is not there yet.
        expect(saved.locator("option")).to_have_text(["Choose"])
        saved.press("ArrowDown")
        expect(page.get_by_label("Street", exact=True)).to_have_value("")
        choose_customer(page, "tom")
        saved.locator("option", has_text="7 Hill").wait_for(state="attached")
        # It comes when another customer is chosen.
        with page.expect_event("requestfinished", lambda one: str(mary.id) in one.url):
            held.pop().continue_()
        choose_address(page, "7 Hill")

    assert in_browser(journey).faults == []


@pytest.mark.parametrize("answered", [False, True])
def test_a_filled_address_leaves_with_its_customer_after_a_mistake(
    site: str, boss: Person, person: Callable[..., Person], answered: bool
) -> None:
    """Whether the addresses are loaded again late, or this one is deleted by then."""
    mary = at_home(person("mary"), "1 Quay")
    at_home(person("tom"), "7 Hill")
    asked: list[Route] = []

    def answer(route: Route) -> None:
        asked.append(route)
        if answered:
            route.fulfill(json={"results": []})

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/orders/order/telephone/")
        saved, street = page.get_by_label("Saved address"), page.get_by_label("Street", exact=True)
        choose_customer(page, "mary")
        choose_address(page, "1 Quay")
        page.route(f"**/addresses/?customer={mary.id}", answer)
        press(page, "Place order", "An order has at least one line.")
        expect(street).to_have_value("1 Quay")
        expect(saved.locator("option")).to_have_count(1 if answered else 2)
        choose_customer(page, "tom")
        expect(street).to_have_value("")
        choose_address(page, "7 Hill")

    assert in_browser(journey).faults == []
    assert len(asked) == 1


def test_an_order_whose_address_is_emptied_has_no_address(
    site: str, boss: Person, person: Callable[..., Person], jam: int
) -> None:
    at_home(person("mary"), "1 Quay")

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/orders/order/telephone/")
        choose_customer(page, "mary")
        choose_address(page, "1 Quay")
        saved = page.get_by_label("Saved address")
        page.get_by_label("Street", exact=True).fill("")
        expect(saved).not_to_have_value("")
        page.get_by_label("Name", exact=True).fill("")
        expect(saved).to_have_value("")
        fill_line(page, 1, "JAM-1", "1")
        page.get_by_role("button", name="Place order").click()
        page.get_by_text(re.compile(r"Order \d+ is placed")).first.wait_for()

    assert in_browser(journey).faults == []
    assert Order.objects.get().ship_to is None


def test_the_total_names_the_lines_that_it_leaves_out(site: str, boss: Person, jam: int) -> None:
    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/orders/order/telephone/")
        total = page.locator(".page-total")
        fill_line(page, 1, "JAM-1", "2")
        expect(total).to_have_text("Total: 3.00 GBP")
        fill_line(page, 2, "JAM-7", "2")
        expect(total).to_have_text("Total: 3.00 GBP, without 1 incomplete line")
        fill_line(page, 3, "", "1")
        expect(total).to_have_text("Total: 3.00 GBP, without 2 incomplete lines")
        fill_line(page, 2, "", "")
        fill_line(page, 3, "JAM-1", "")
        expect(total).to_have_text("Total: 3.00 GBP, without 1 incomplete line")
        fill_line(page, 3, "", "")
        expect(total).to_have_text("Total: 3.00 GBP")

    assert in_browser(journey).faults == []


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
        assert page.locator("table td").all_inner_texts()[1:3] == ["TEA", "new"]
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
    place(boss, jam)
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
