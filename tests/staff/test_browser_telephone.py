"""Staff place telephone orders in a real browser, with a real server."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from larder.identity.services.addresses import add_address
from larder.orders.models import Order
from tests.conftest import NOW, Person
from tests.staff.browser import CHROMIUM, OVERFLOWING, in_browser, log_in, press

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


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
        page.keyboard.type("jam red")
        page.locator("datalist option[label$=' · jam red']").wait_for(state="attached")
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
        page.get_by_role("button", name="Place order").click()
        page.locator(".errors").first.wait_for()
        page.wait_for_load_state()
        expect(page.get_by_text("Only 10 are available.", exact=True)).to_have_count(2)
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
