"""Pages work under their Content Security Policy, and injected scripts do not."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.conftest import Person
from tests.staff.browser import CHROMIUM, Seen, in_browser, log_in

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

SMUGGLE = """
const script = document.createElement('script');
script.textContent = 'window.smuggled = true';
document.body.appendChild(script);
const image = '<img src="data:," onerror="window.smuggled = true">';
document.body.insertAdjacentHTML('beforeend', image);
"""


def assert_works(seen: Seen, site: str) -> None:
    """The browser sent no request to other servers, met no error, and reported no violation."""
    assert seen.hosts == {site.removeprefix("http://")}
    assert seen.faults == []


def assert_smuggled_scripts_stay_still(page: Page) -> None:
    page.evaluate(SMUGGLE)
    page.wait_for_timeout(200)
    assert page.evaluate("window.smuggled") is None


def test_the_documentation_page_works_under_its_policy(site: str) -> None:
    def journey(page: Page) -> None:
        page.set_default_timeout(90_000)  # a document of a megabyte is drawn
        page.goto(f"{site}/api/v1/docs")
        log_in = page.locator("#operations-auth-log_in")
        log_in.locator(".opblock-summary-control").click()
        log_in.get_by_role("button", name="Try it out").click()
        log_in.get_by_role("button", name="Execute").click()
        log_in.get_by_text("Response body").first.wait_for()

    seen = in_browser(journey)
    # The example's user does not exist: that the request was sent is what counts.
    seen.faults = [one for one in seen.faults if "401" not in one]
    assert_works(seen, site)


def test_the_first_page_and_the_explanations_work(site: str) -> None:
    def journey(page: Page) -> None:
        page.goto(site)
        page.get_by_role("link").first.wait_for()
        page.goto(f"{site}/api/v1/problems/insufficient_stock")
        page.get_by_role("link").first.wait_for()

    assert_works(in_browser(journey), site)


@pytest.mark.parametrize("path", ["/admin/login/", "/api/v1/docs", "/"])
def test_injected_scripts_do_not_run(path: str, site: str) -> None:
    def journey(page: Page) -> None:
        page.goto(f"{site}{path}")
        assert_smuggled_scripts_stay_still(page)

    seen = in_browser(journey)
    assert any("Content Security Policy" in fault for fault in seen.faults)


def test_every_page_of_the_admin_opens_without_a_violation(
    site: str, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    boss, jam = person("boss", is_staff=True, is_superuser=True), product(sku="JAM-1")
    paths = (
        *("", f"catalog/product/{jam}/change/", "catalog/product/add/", "catalog/product/"),
        *("catalog/product/import/", "catalog/category/", "inventory/stock/"),
        *("inventory/ledgerentry/", "inventory/adjustment/add/", "orders/order/"),
        *("identity/customer/", f"identity/customer/{boss.id}/change/", "auth/group/add/"),
        *(f"identity/customer/{boss.id}/set-password/", "password_change/"),
    )

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        for path in paths:
            page.goto(f"{site}/admin/{path}")
            page.wait_for_load_state("networkidle")
        page.goto(f"{site}/admin/catalog/product/{jam}/change/")
        # Alpine.js opened what it must open.
        page.get_by_text("boss").first.click()
        page.get_by_role("button", name="Log out").wait_for()

    assert_works(in_browser(journey), site)
