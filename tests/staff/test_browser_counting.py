"""Staff count stock in a real browser, with a scanner that types fast."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, Page, Route, expect

from larder.inventory.models import CountedProduct
from tests.conftest import Person
from tests.staff.browser import CHROMIUM, OVERFLOWING, in_browser, log_in

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.mark.parametrize("width", [390, 1280])
def test_no_scan_is_lost_while_an_answer_is_on_its_way(
    site: str, boss: Person, product: Callable[..., int], width: int
) -> None:
    product(sku="JAM-1", name="Red jam", stock=5, shelf_place="A-1")
    product(sku="TEA-1", name="Tea", stock=5)

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/inventory/stock/count/")
        code = page.get_by_label("SKU or barcode")
        expect(code).to_be_focused()
        for sku in ("JAM-1", "TEA-1", "JAM-1", "JAM-1"):
            page.keyboard.type(sku)
            page.keyboard.press("Enter")
        expect(page.get_by_text("3 × JAM-1 Red jam")).to_be_visible()
        expect(page.get_by_text("A-1", exact=True).first).to_be_visible()
        assert page.evaluate(OVERFLOWING) == 0
        page.keyboard.type("NONE")
        page.keyboard.press("Enter")
        expect(page.get_by_text("NOT COUNTED: no product has")).to_be_visible()
        page.keyboard.type("TEA-1")
        page.keyboard.press("Enter")
        expect(page.get_by_text("2 × TEA-1 Tea")).to_be_visible()
        page.goto(f"{site}/admin/inventory/stock/count/")
        expect(page.get_by_text("2 × TEA-1 Tea")).to_be_visible()

    in_browser(journey, width=width)
    rows = CountedProduct.objects.order_by("id").values_list("product__product__sku", "counted")
    assert list(rows) == [("JAM-1", 3), ("TEA-1", 2)]


def test_a_scan_follows_a_correction_and_is_counted_once_after_a_lost_answer(
    site: str, boss: Person, product: Callable[..., int]
) -> None:
    product(sku="JAM-1", name="Red jam", stock=5)
    product(sku="TEA-1", name="Tea", stock=5)
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

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.on("dialog", answer)
        page.goto(f"{site}/admin/inventory/stock/count/")
        page.route("**/count/**", lose)
        page.keyboard.type("JAM-1")
        page.keyboard.press("Enter")
        expect(page.get_by_text("1 × JAM-1 Red jam")).to_be_visible()
        page.get_by_label("Units").fill("4")
        page.get_by_label("SKU or barcode").fill("JAM-1")
        page.keyboard.press("Enter")
        expect(page.get_by_text("5 × JAM-1 Red jam")).to_be_visible()
        page.get_by_role("link", name="JAM-1").click()
        expect(page.get_by_label("What to do")).to_have_value("set")
        page.wait_for_load_state("load")
        expect(page.get_by_label("SKU or barcode")).to_be_focused()
        page.keyboard.type("TEA-1")
        page.keyboard.press("Enter")
        expect(page.get_by_text("1 × TEA-1 Tea")).to_be_visible()

    in_browser(journey)
    assert asked == ["Not known whether JAM-1 was counted. Send it again? It is counted once."]
    rows = CountedProduct.objects.order_by("id").values_list("product__product__sku", "counted")
    assert list(rows) == [("JAM-1", 5), ("TEA-1", 1)]
