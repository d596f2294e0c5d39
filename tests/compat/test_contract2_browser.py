"""Contract 2 in a real browser: a member of staff follows its links from /api/ and writes."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page

from larder.catalog.models import Product
from larder.orders.decision import Wanted
from larder.orders.services.placing.place_order import place_order
from larder.orders.services.placing.placement import Placement, Terms
from tests.conftest import NOW, Person
from tests.server import Server
from tests.staff.browser import CHROMIUM, in_browser

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
]


@pytest.fixture
def site(transactional_db: None) -> Iterator[str]:
    """The address of a running server, in demo mode: that serves static files as they lie."""
    with Server(workers=1, environment={"DEMO": "1"}) as server:
        yield f"http://127.0.0.1:{server.port}"


@pytest.fixture
def boss(transactional_db: None, person: Callable[..., Person]) -> Person:
    return person("boss", is_staff=True)


def enter(page: Page, site: str, who: Person) -> None:
    """From a page that needs a log-in, through the admin's log-in, back to the page."""
    page.goto(f"{site}/api/")
    shown(page, 401)
    page.get_by_role("link", name="Log in").click()
    page.get_by_label("Username").fill(who.customer.username)
    page.get_by_label("Password").fill(who.password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{site}/api/")
    shown(page, 200)


def shown(page: Page, status: int) -> None:
    """Waits for a page that shows an answer of this status."""
    page.get_by_text(f"HTTP {status} ").wait_for()


def follow(page: Page, address: str) -> None:
    """Clicks on an address in the answer that is shown."""
    page.locator(".response-info").get_by_role("link", name=address, exact=True).first.click()
    page.wait_for_url(address)
    shown(page, 200)


def write(page: Page, method: str, body: str, status: int) -> None:
    page.locator("textarea[name=_content]").fill(body)
    page.get_by_role("button", name=method, exact=True).click()
    # The page before showed a status too: what was requested tells the new one from it.
    page.locator(".request-info b", has_text=method).wait_for()
    shown(page, status)


def delete(page: Page) -> None:
    page.get_by_role("button", name="DELETE", exact=True).first.click()
    page.locator("#deleteModal").get_by_text("Delete", exact=True).click()
    shown(page, 204)


def test_every_page_can_be_reached_by_links(
    site: str, boss: Person, product: Callable[..., int]
) -> None:
    jam = product(name="Red jam", stock=5)
    asked = Placement(customer=boss.id, actor=boss.customer.public_id, lines=[Wanted(jam, 2)])
    number = place_order(asked, terms=Terms(currency="GBP"), now=NOW).order.number
    ways = [
        ("catalog/", "catalog/products/", f"catalog/products/{jam}/"),
        ("orders/", "orders/orders/", f"orders/orders/{number}/"),
        ("identity/", "identity/customers/", f"identity/customers/{boss.id}/"),
    ]

    def journey(page: Page) -> None:
        enter(page, site, boss)
        assert page.get_by_text("boss").is_visible()
        for way in ways:
            page.goto(f"{site}/api/")
            for step in way:
                follow(page, f"{site}/api/{step}")

    seen = in_browser(journey)
    assert seen.hosts == {site.removeprefix("http://")}
    # The first page said 401, because no user was logged in.
    assert {fault for fault in seen.faults if "401" not in fault} == set()


def test_products_are_written_from_the_form_of_the_page(
    site: str, boss: Person, product: Callable[..., int]
) -> None:
    name = "<script>document.title = 'taken over'</script>"

    def journey(page: Page) -> None:
        enter(page, site, boss)
        page.goto(f"{site}/api/catalog/products/")
        body = f'{{"name": "{name}", "description": "", "price": "2", "quantity": 3}}'
        write(page, "POST", body, 201)
        assert page.title() == "Products – Larder"
        page.get_by_text(name).wait_for()
        page.locator(".response-info").get_by_role("link").last.click()
        page.wait_for_url(re.compile("/products/[0-9]+/$"))
        shown(page, 200)
        write(page, "PATCH", '{"price": "2.25"}', 200)
        write(page, "PATCH", '{"price": "2.255"}', 400)
        delete(page)

    in_browser(journey)
    made = Product.objects.get()
    assert (made.name, str(made.price), made.archived_at is None) == (name, "2.250", False)


def test_a_log_out_ends_access(site: str, boss: Person) -> None:
    def journey(page: Page) -> None:
        enter(page, site, boss)
        page.goto(f"{site}/api/identity/customers/")
        page.get_by_role("button", name="Log out").click()
        shown(page, 401)
        assert page.url == f"{site}/api/identity/customers/"
        assert page.get_by_text("boss").count() == 0

    in_browser(journey)
