"""`/api/v1/docs` in a real browser with the size of a phone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.server import Server
from tests.staff.browser import CHROMIUM, in_browser

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]
OPERATION = "#operations-orders-place_order"
USABLE_SECONDS = 3.0
"""Of the page's own computing time, which other processes of the machine do not lengthen; it is
about one. Swagger UI's own way of resolving references takes four."""


@pytest.fixture
def site(transactional_db: None) -> Iterator[str]:
    """The address of a running server that serves static files as they are."""
    with Server(workers=1, environment={"DEMO": "1"}) as server:
        yield f"http://127.0.0.1:{server.port}"


def test_the_page_is_usable_soon_and_fits_a_phone(site: str) -> None:
    computing: list[float] = []

    def journey(page: Page) -> None:
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(f"{site}/api/v1/docs")
        page.locator(".opblock-summary").first.wait_for()
        metrics = session.send("Performance.getMetrics")["metrics"]
        computing.extend(one["value"] for one in metrics if one["name"] == "TaskDuration")
        fits(page)
        page.locator(f"{OPERATION} .opblock-summary-control").first.click()
        page.locator(f"{OPERATION} .responses-table").first.wait_for()
        shown = page.locator(OPERATION).inner_text()
        for word in ("Idempotency-Key", "insufficient_stock", "quantity", "placed_at"):
            assert word in shown
        fits(page)
        page.set_viewport_size({"width": 1280, "height": 900})
        assert lines(page, f"{OPERATION} .parameter__name") == 1

    seen = in_browser(journey, width=390)
    assert seen.faults == []
    assert max(computing) < USABLE_SECONDS


def fits(page: Page) -> None:
    """Asserts that nothing makes the page wider than the screen."""
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def lines(page: Page, selector: str) -> int:
    """Returns over how many lines the text of an element goes."""
    return int(
        page.locator(selector).first.evaluate(
            """one => {
                const range = document.createRange();
                range.selectNodeContents(one);
                return new Set([...range.getClientRects()].map(rect => rect.top)).size;
            }"""
        )
    )
