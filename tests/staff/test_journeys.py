"""Journeys through the admin in a real browser, with axe-core on every page that they open: a day
of the shop, the rights of an owner, and every page on a phone, at a desk and by keyboard."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection
from playwright.sync_api import Dialog, FilePayload, Page, Route, expect

from larder.catalog.models import Product
from larder.http.admin_session import CONFIRMED
from larder.identity.models import Customer
from larder.identity.services.addresses import add_address
from larder.inventory.models import Adjustment, CountedProduct, Stock
from larder.orders.models import Order, OrderEvent
from tests.conftest import NOW, Person
from tests.staff.access import Shop, pages, shop
from tests.staff.browser import (
    CHROMIUM,
    DESK,
    OVERFLOWING,
    PHONE,
    SMUGGLE,
    axe,
    faults,
    faults_in_schemes,
    in_browser,
    in_sidebar,
    log_in,
    press,
    tab_to,
)
from tests.staff.moving import place

__all__ = ["axe", "shop"]

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.timeout(1200),
]


@dataclass
class Look:
    """Looks at pages with axe-core, and keeps what is wrong with them."""

    axe: str
    faults: dict[str, list[str]] = field(default_factory=dict)

    def __call__(self, page: Page, name: str) -> None:
        page.wait_for_load_state()
        if seen := [*faults(page, self.axe)]:
            self.faults[name] = seen


@pytest.fixture
def look(axe: str) -> Look:
    return Look(axe)


def choose_customer(page: Page, name: str) -> None:
    page.locator("#id_customer + .select2 .select2-selection").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".select2-search__field")).to_be_focused()
    page.keyboard.type(name)
    page.locator(".select2-results__option--highlighted", has_text=name).wait_for()
    page.keyboard.press("Enter")


def take_a_telephone_order(page: Page, look: Look, mary: int) -> None:
    """The only address of a customer is chosen, never that of another one, whose own come late;
    units that are not there are named before the order is sent and after it."""
    address, street = page.locator("[data-address]"), page.get_by_label("Street", exact=True)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    choose_customer(page, "tom")
    expect(address).to_have_text("x, 7 Hill")
    page.route(f"**/addresses/?customer={mary}", hold)
    with page.expect_request("**/addresses/**"):
        choose_customer(page, "mary")
    expect(address).to_have_text("No address. Collected in the shop?")
    expect(street).to_have_value("")
    held.pop().continue_()
    expect(address).to_have_text("x, 1 Quay")
    total = page.locator(".page-total")
    line = page.get_by_label("Product, line 1", exact=True)
    line.focus()
    page.keyboard.type("jam")
    page.locator(".page-choices li").wait_for()
    look(page, "telephone order, choices")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(line).to_have_value("JAM-1")
    page.get_by_text("Red jam · £1.50 · 10 available, 10 on the shelf", exact=True).wait_for()
    page.keyboard.type("11")
    page.keyboard.press("Enter")
    page.keyboard.type("JAM-7")
    expect(page.get_by_label("Product, line 2", exact=True)).to_have_value("JAM-7")
    expect(total).to_have_text("Total: £16.50, without 1 incomplete line")
    expect(page.get_by_text("Only 10 are available.", exact=True)).to_have_count(1)
    page.get_by_role("button", name="Remove line 2").press("Enter")
    expect(total).to_have_text("Total: £16.50")
    page.get_by_role("button", name="Place order").click()
    page.locator(".errors").first.wait_for()
    look(page, "telephone order, mistake")
    page.get_by_label("Quantity, line 1", exact=True).fill("4")
    expect(total).to_have_text("Total: £6.00")
    page.get_by_role("button", name="Place order").dblclick()
    page.get_by_text(re.compile(r"Order \d+ is placed")).first.wait_for()


def receive_tea(page: Page, look: Look) -> None:
    """A scan looks its product up and sends nothing; an error leaves with its product."""
    page.get_by_label("Reason").select_option("received")
    line = page.get_by_label("Product, line 1", exact=True)
    line.focus()
    page.keyboard.type("400")
    page.keyboard.press("Enter")
    page.get_by_text("No product matches this.").wait_for()
    page.keyboard.type("4006381333931")
    page.keyboard.press("Enter")
    page.get_by_text("Tea · £2.00 · 3 available, 3 on the shelf").wait_for()
    expect(line).to_have_value("TEA-1")
    expect(page.get_by_label("Change, line 1", exact=True)).to_be_focused()
    page.keyboard.type("-9")
    press(page, "Book", "Only 3 are available: 9 cannot be removed.")
    look(page, "adjustment, mistake")
    page.get_by_label("Change, line 1", exact=True).fill("2")
    page.get_by_role("button", name="Book", exact=True).dblclick()
    page.get_by_text("TEA-1 Tea: +2, then 5").first.wait_for()


def count_with_a_scanner(page: Page, look: Look) -> None:
    """No scan is lost while an answer is on its way; one whose answer is lost counts once."""
    asked: list[str] = []

    def lose(route: Route) -> None:
        if route.request.method == "POST" and not asked:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept()

    expect(page.get_by_label("SKU or barcode")).to_be_focused()
    for sku in ("JAM-1", "TEA-1", "JAM-1", "JAM-1"):
        page.keyboard.type(sku)
        page.keyboard.press("Enter")
    expect(page.get_by_text("3 × JAM-1 Red jam")).to_be_visible()
    page.keyboard.type("NONE")
    page.keyboard.press("Enter")
    expect(page.get_by_text("NOT COUNTED: no product has")).to_be_visible()
    page.on("dialog", answer)
    page.route("**/count/**", lose)
    page.keyboard.type("TEA-1")
    page.keyboard.press("Enter")
    expect(page.get_by_text("2 × TEA-1 Tea")).to_be_visible()
    assert asked == ["Not known whether TEA-1 was counted. Send it again? It is counted once."]
    page.unroute("**/count/**")
    look(page, "count")


def pack_ship_and_take_back(page: Page, look: Look) -> None:
    page.get_by_role("link", name="Pack", exact=True).click()
    page.get_by_label("Picked, line 1").fill("5")
    press(page, "Pack", "Expected at most 4, the ordered quantity.")
    look(page, "pack, mistake")
    page.get_by_label("Picked, line 1").fill("3")
    page.get_by_label("If fewer, the others, line 1").select_option("back")
    press(page, "Pack", "is packed.")
    page.get_by_text("JAM-1 Red jam: 3 of 4 picked, 1 back on the shelf.").wait_for()
    page.get_by_role("link", name="Ship").click()
    page.get_by_role("button", name="Ship", exact=True).dblclick()
    page.get_by_text("is shipped.").first.wait_for()
    page.get_by_role("link", name="Mark as paid").click()
    look(page, "mark as paid")
    page.get_by_role("button", name="Mark as paid").dblclick()
    page.get_by_text("is recorded.").first.wait_for()
    page.get_by_role("link", name="Return").click()
    page.get_by_label("Came back, line 1").fill("2")
    expect(page.locator(".page-total")).to_have_text("£3.00 to refund.")
    page.get_by_label("Can be sold again, line 1").uncheck()
    press(page, "Return", "This field is required.")
    look(page, "return, mistake")
    page.get_by_label("Reason").fill("mouldy")
    press(page, "Return", "is booked. £3.00 to refund.")
    page.get_by_text("JAM-1 Red jam: 2 came back, not to be sold again.").wait_for()


def run_action(page: Page, name: str) -> None:
    """Runs an action of the list for all its rows."""
    for box in page.locator("input[name=_selected_action]").all():
        box.check()
    page.locator("select[name=action]").select_option(name)
    page.get_by_role("button", name="Run").click()
    page.locator("select[name=action]").wait_for(state="detached")


def import_products(page: Page, look: Look) -> None:
    for price, answer in (("dear", "Nothing was stored."), ("2.00", "Nothing is stored yet.")):
        text = f"sku,name,price,quantity\nCAKE,Cake,{price},5\n".encode()
        file = FilePayload(name="products.csv", mimeType="text/csv", buffer=text)
        page.set_input_files("input[type=file]", file)
        press(page, "Show changes", answer)
        look(page, f"import, {answer}")
    press(page, "Import", "1 added, 0 changed, 0 the same.")


def test_a_day_of_the_shop(
    site: str, boss: Person, person: Callable[..., Person], product: Callable[..., int], look: Look
) -> None:
    mary, tom = person("mary"), person("tom")
    for who, street in ((mary, "1 Quay"), (tom, "7 Hill")):
        add_address(who.caller, {"label": "Home", "name": "x", "line1": street}, now=NOW)
    product(sku="JAM-1", name="Red jam", price="1.50", stock=10)
    tea = product(sku="TEA-1", name="Tea", price="2.00", barcode="4006381333931", stock=3)
    sheets: list[bytes] = []

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/orders/order/telephone/")
        take_a_telephone_order(page, look, mary.id)
        look(page, "order")
        pack_ship_and_take_back(page, look)
        page.goto(f"{site}/admin/inventory/adjustment/add/")
        receive_tea(page, look)
        page.goto(f"{site}/admin/inventory/adjustment/count/")
        count_with_a_scanner(page, look)
        page.goto(f"{site}/admin/catalog/product/import-file/")
        import_products(page, look)
        with ThreadPoolExecutor(1) as thread:
            thread.submit(_place_two, tom, tea).result()
        page.goto(f"{site}/admin/orders/order/?status__exact=placed")
        run_action(page, "mark_packed")
        look(page, "pack orders")
        press(page, "Pack", "packed.")
        page.goto(f"{site}/admin/orders/order/?status__exact=packed")
        run_action(page, "print_address_labels")
        sheets.extend(re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True)))

    seen = in_browser(journey)
    order = Order.objects.get(customer_id=mary.id)
    assert (order.ship_to or {})["line1"] == "1 Quay"
    types = OrderEvent.objects.filter(order=order).order_by("position")
    happened = ["placed", "packed", "shipped", "payment", "returned"]
    assert [event.type for event in types] == happened
    assert order.lines.get().returned == 2
    assert Order.objects.filter(status="packed").count() == len(sheets) == 2
    assert Stock.objects.get(product__sku="JAM-1").available == 7
    assert Adjustment.objects.count() == 1
    counted = CountedProduct.objects.order_by("id").values_list("product__product__sku", "counted")
    assert list(counted) == [("JAM-1", 3), ("TEA-1", 2)]
    assert Product.objects.filter(sku="CAKE").exists()
    assert look.faults == {}
    assert seen.hosts == {site.removeprefix("http://")}
    assert [fault for fault in seen.faults if "ERR_FAILED" not in fault] == []


def _place_two(who: Person, product: int) -> None:
    lines = ("name", "line1", "line2", "city", "region", "postal_code", "country", "phone")
    address = dict.fromkeys(lines, "A part of an address")
    orders = [place(who, product, 1) for _ in range(2)]
    Order.objects.filter(pk__in=orders).update(ship_to=address)
    connection.close()


def age(name: str) -> None:
    """Moves a time of the session into the past, in a thread that may use the database."""

    def move() -> None:
        store = SessionStore(Session.objects.get().session_key)
        store[name] -= 2 * 3600
        store.save()
        connection.close()

    with ThreadPoolExecutor(1) as thread:
        thread.submit(move).result()


def add_a_role(page: Page, boss: Person, look: Look) -> None:
    """Asks for the password first."""
    page.get_by_label("Your password").fill(boss.password)
    look(page, "password")
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Name").fill("Kitchen")
    look(page, "role")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was added successfully").wait_for()


def test_the_rights_of_an_owner(
    site: str, boss: Person, person: Callable[..., Person], look: Look
) -> None:
    tom, packer = person("tom", email=""), person("packer", is_staff=True, role="warehouse")
    password = "a longer passphrase"

    def journey(page: Page) -> None:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        log_in(page, site, boss)
        age(CONFIRMED)
        page.goto(f"{site}/admin/auth/group/add/")
        add_a_role(page, boss, look)
        page.goto(f"{site}/admin/identity/customer/{tom.id}/password-link/")
        page.get_by_role("button", name="Make a link").click()
        link = page.locator("code").inner_text()
        page.get_by_role("button", name="Copy").press("Enter")
        expect(page.get_by_role("status").filter(has_text="Copied.")).to_have_count(1)
        assert page.evaluate("navigator.clipboard.readText()") == link
        look(page, "link")
        page.context.clear_cookies()
        page.goto(link)
        assert "#" not in page.url
        look(page, "new password")
        page.get_by_label("New password", exact=False).first.fill(password)
        page.get_by_label("New password again").fill(password)
        page.get_by_role("button", name="Set password").click()
        page.get_by_text("The password is set.").wait_for()
        log_in(page, site, packer)
        answer = page.goto(f"{site}/admin/identity/customer/")
        assert answer is not None
        assert answer.status == 403
        expect(in_sidebar(page, "Orders")).to_be_visible()
        look(page, "not allowed")
        page.evaluate(SMUGGLE)
        page.wait_for_timeout(200)
        assert page.evaluate("window.smuggled") is None

    seen = in_browser(journey)
    # Roles are not among the tables that are emptied after a test.
    assert Group.objects.filter(name="Kitchen").delete()[0]
    assert Customer.objects.get(pk=tom.id).check_password(password)
    assert look.faults == {}
    expected = re.compile("403|Content Security Policy")
    assert [fault for fault in seen.faults if not expected.search(fault)] == []


def test_every_page_on_a_phone_and_at_a_desk(site: str, boss: Person, shop: Shop, axe: str) -> None:
    faults: dict[str, list[str]] = {}
    placed, addresses = shop.orders["placed"], list(pages(shop))

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        for width in (DESK, PHONE):
            page.set_viewport_size({"width": width, "height": 900})
            for address in addresses:
                answer = page.goto(f"{site}{address}")
                assert (getattr(answer, "status", 0), page.url) == (200, f"{site}{address}")
                filters = page.get_by_role("button", name="Filters")
                if filters.count():
                    filters.click()
                    page.locator("#changelist-filter").wait_for()
                seen = faults_in_schemes(page, axe)
                if seen or page.evaluate(OVERFLOWING):
                    faults[f"{address} {width}"] = seen
        button = page.get_by_role("button", name="Menu").locator("visible=true")
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
        page.goto(f"{site}/admin/catalog/product/add/")
        expect(page.get_by_role("button", name="Save", exact=True)).to_be_in_viewport()
        page.goto(f"{site}/admin/orders/order/{placed}/change/")
        expect(page.get_by_role("link", name="Pack", exact=True)).to_be_in_viewport()
        tab_to(page, "Pack")
        page.keyboard.press("Enter")
        page.wait_for_url("**/pack/")
        tab_to(page, "Pack")
        page.keyboard.press("Enter")
        page.wait_for_url("**/change/")

    in_browser(journey)
    assert Order.objects.get(pk=placed).status == "packed"
    assert faults == {}
