"""The example app in a real browser: online, offline, and behind a hostile proxy."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime

import psycopg
import pytest
from django.db import connection
from playwright.sync_api import Locator, Page, Response, Route, expect

from larder.catalog.models import Product
from larder.core.limits import THUMBNAIL_SIDE
from larder.identity.models import Address
from larder.inventory.models import Stock
from larder.ops.demo.shop import store_pictures
from larder.orders.models import Order
from larder.relay.models import Device, Watch
from tests.conftest import Person
from tests.relay.browser import Browser
from tests.server import Server
from tests.staff.browser import CHROMIUM, in_browser
from tests.system.clients.hostile import SEED, hostile
from tests.system.clients.stock import left, sell

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

PHONE = 390
ADDRESS = {"Name": "Ada", "Street and number": "1 Mill Lane", "Town": "Ely", "Postcode": "CB7"}
PRODUCTS = 70
MORE = 20
"""How many products come each time that the list is scrolled."""

UNITS = 10
TIMEOUT = 15_000
"""Milliseconds in which the SDK's tries succeed."""

LOADED = "image => image.decode().then(() => image.naturalWidth, () => 0)"


@pytest.fixture
def shop(transactional_db: None) -> Iterator[Server]:
    with Server(workers=1, environment={"DEMO": "1"}) as server:
        yield server


@pytest.fixture
def jam(product: Callable[..., int]) -> int:
    """A product among others. Returns its id."""
    for number in range(PRODUCTS - 1):
        product(name=f"Tin {number:02}")
    return product(name="Plum jam", price="2.50", stock=UNITS)


@pytest.fixture
def ada(person: Callable[..., Person]) -> Person:
    return person("ada")


def open_app(page: Page, port: int, who: Person) -> None:
    """Logs in, and waits for the products."""
    page.goto(f"http://127.0.0.1:{port}/demo/")
    page.get_by_label("Username").fill(who.customer.username)
    page.get_by_label("Password").fill(who.password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text(f"{PRODUCTS} products")).to_be_visible(timeout=TIMEOUT)


def test_a_picture_of_the_shop_is_shown_under_any_name_of_the_shop(
    shop: Server, jam: int, ada: Person, now: datetime
) -> None:
    """The address has the name that the shop had when the picture was stored."""
    (address,) = store_pictures({"jar"}).values()
    Product.objects.filter(pk=jam).update(image_url=address)
    assert f":{shop.port}/" not in address
    widths: list[int] = []

    def look(page: Page) -> None:
        open_app(page, shop.port, ada)
        page.get_by_label("Search").fill("plum")
        shown = page.locator("li.card img")
        expect(shown).to_be_visible()
        widths.append(shown.evaluate(LOADED))
        page.evaluate("navigator.serviceWorker.ready")
        page.context.set_offline(True)
        page.reload()
        widths.append(shown.evaluate(LOADED))

    in_browser(look)
    assert widths == [THUMBNAIL_SIDE] * 2


SUBSCRIBED = """
PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
  if (applicationServerKey.length !== 87) throw new Error("no key");
  return { toJSON: () => ({ endpoint: "https://push.example.com/1", keys: KEYS }) };
};
""".replace("KEYS", json.dumps(Browser().keys))
"""A push service is not reached from here."""


def test_a_sold_out_product_is_watched_and_a_message_leads_to_it(
    shop: Server, jam: int, ada: Person
) -> None:
    Stock.objects.filter(product_id=jam).update(available=0)

    def journey(page: Page) -> None:
        page.add_init_script(SUBSCRIBED)
        page.context.grant_permissions(["notifications"])
        open_app(page, shop.port, ada)
        devtools = page.context.new_cdp_session(page)
        registered: list[str] = []
        devtools.on(
            "ServiceWorker.workerRegistrationUpdated",
            lambda event: registered.extend(
                registration["registrationId"] for registration in event["registrations"]
            ),
        )
        devtools.send("ServiceWorker.enable")
        page.evaluate(f"location.hash = '#/products/{jam}'")
        page.get_by_role("button", name="Tell me when it is back").click()
        expect(page.get_by_text("You will get a message")).to_be_visible()
        message = {"title": "Back in stock", "body": "Jam", "type": "stock.back", "object": "7"}
        sent = {"registrationId": registered[0], "data": json.dumps(message)}
        devtools.send(
            "ServiceWorker.deliverPushMessage", {"origin": f"http://127.0.0.1:{shop.port}", **sent}
        )
        shown = page.evaluate(
            """async () => {
              const registration = await navigator.serviceWorker.ready;
              for (let tries = 0; tries < 50; tries++) {
                const [shown] = await registration.getNotifications();
                if (shown) return [shown.title, shown.tag];
                await new Promise((resolve) => setTimeout(resolve, 100));
              }
            }"""
        )
        assert shown == ["Back in stock", f"http://127.0.0.1:{shop.port}/demo/#/products/7"]

    in_browser(journey, width=PHONE)
    assert Device.objects.get().address == "https://push.example.com/1"
    assert Watch.objects.get().product_id == jam


def order_jam(page: Page, units: int) -> None:
    """Puts units in the cart and orders them."""
    page.get_by_role("link", name="Products").click()
    page.get_by_label("Search").fill("plum")
    for _ in range(units):
        page.get_by_role("button", name="Add Plum jam").click()
    expect(page.get_by_label("Plum jam in the cart")).to_have_value(str(units))
    page.get_by_role("link", name="Cart").click()
    place(page)


def place(page: Page) -> None:
    """Orders what is in the cart, and goes to the orders."""
    page.get_by_label("Collect in the shop").check()
    page.get_by_role("button", name="Place order").click()
    expect(page.get_by_role("button", name="Place order")).not_to_be_visible()
    expect(page.locator("#units")).to_be_empty()
    page.get_by_role("link", name="Orders").click()


def is_order(response: Response) -> bool:
    return response.request.method == "POST" and response.url.endswith("/api/v1/orders")


def placed(page: Page) -> Locator:
    """The links to orders that the shop has."""
    return page.locator("a[href^='#/orders/']")


def fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE


def test_a_customer_finds_products_and_orders_them(shop: Server, jam: int, ada: Person) -> None:
    def journey(page: Page) -> None:
        open_app(page, shop.port, ada)
        cards = page.locator("li.card")
        expect(cards.first).to_be_visible()
        for shown in range(cards.count(), PRODUCTS, MORE):
            page.keyboard.press("End")
            expect(cards).not_to_have_count(shown)
        expect(cards).to_have_count(PRODUCTS)
        fits(page)
        cards.last.get_by_role("link").click()
        expect(page.get_by_role("heading", name="Tin 68")).to_be_visible()
        page.get_by_role("button", name="Back").click()
        expect(cards.last).to_be_in_viewport()
        page.get_by_label("Search").fill("plmu")
        expect(page.get_by_text("1 product for “plum”")).to_be_visible()
        page.get_by_role("button", name="Add Plum jam").click()
        page.get_by_label("Plum jam in the cart").fill("999")
        page.get_by_label("Plum jam in the cart").blur()
        expect(page.get_by_label("Plum jam in the cart")).to_have_value(str(UNITS))
        expect(page.get_by_role("button", name="Add Plum jam")).to_be_disabled()
        page.get_by_label("Plum jam in the cart").fill("3")
        page.get_by_role("link", name="Cart").click()
        fits(page)
        for label, text in ADDRESS.items():
            page.get_by_label(label).fill(text)
        # Until this transaction ends, the feeds have nothing that changed after its beginning.
        with psycopg.connect(**parameters) as other:
            other.execute("SELECT pg_current_xact_id()")
            order_and_cancel(page)
        page.get_by_role("link", name="Account").click()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("button", name="Log in")).to_be_visible()

    def order_and_cancel(page: Page) -> None:
        page.get_by_role("button", name="Place order").click()
        expect(page.get_by_text("Thank you, order")).to_be_visible()
        expect(page.get_by_text("To Ada, 1 Mill Lane, Ely, CB7")).to_be_visible()
        page.get_by_role("link", name="Orders").click()
        placed(page).click()
        expect(page.get_by_text("3 × ")).to_be_visible()
        expect(page.locator("p.total")).to_contain_text("7.50")
        fits(page)
        page.once("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Cancel order").click()
        expect(page.get_by_text("Cancelled")).to_be_visible()

    parameters = connection.get_connection_params()
    assert in_browser(journey, width=PHONE).faults == []
    assert (Order.objects.get().status, left(jam)) == ("cancelled", UNITS)
    assert Address.objects.get().line1 == "1 Mill Lane"


def test_an_order_without_a_network_is_placed_later(shop: Server, jam: int, ada: Person) -> None:
    def journey(page: Page) -> None:
        open_app(page, shop.port, ada)
        page.evaluate("navigator.serviceWorker.ready")
        sell(jam, 3)
        page.get_by_label("Search").fill("plum")
        expect(page.get_by_text("1 product", exact=True)).to_be_visible()
        expect(page.get_by_text(f"{UNITS - 3} in stock")).to_be_visible()
        page.context.set_offline(True)
        expect(page.get_by_text("Offline. Updated at ")).to_be_visible()
        page.reload()
        expect(page.get_by_text(f"{UNITS - 3} in stock")).to_be_visible()
        page.get_by_label("Search").fill("")
        expect(page.get_by_text(f"{PRODUCTS} products")).to_be_visible()
        # Said after the SDK's last try: its pauses have up to 7 s together.
        expect(page.get_by_text("Offline. Updated at ")).to_be_visible(timeout=20_000)
        order_jam(page, 2)
        expect(page.get_by_text("Waiting for the network")).to_be_visible()
        expect(page.get_by_text("About £5.00")).to_be_visible()
        page.reload()
        expect(page.get_by_text("Waiting for the network")).to_be_visible()
        page.context.set_offline(False)
        expect(placed(page)).to_be_visible()
        expect(page.get_by_text("Waiting for the network")).not_to_be_visible()

    in_browser(journey, width=PHONE)
    assert left(jam) == UNITS - 3 - 2
    assert Order.objects.get().status == "placed"


def test_an_order_whose_answers_are_lost_is_placed_once(
    shop: Server, jam: int, ada: Person
) -> None:
    lost: list[str] = []

    def lose(route: Route) -> None:
        """Lets the server answer twice, and the app see neither answer."""
        if route.request.method != "POST" or len(lost) == 2:
            route.fallback()
            return
        lost.append(route.request.url)
        route.fetch()
        route.abort()

    def journey(page: Page) -> None:
        open_app(page, shop.port, ada)
        page.route("**/api/v1/orders", lose)
        with page.expect_response(is_order):
            order_jam(page, 4)
            expect(placed(page)).to_have_count(1)
        # The stream tells of the order before the last try is answered.
        assert page.get_by_text("Waiting for the network").count() == 0

    in_browser(journey, width=PHONE)
    assert len(lost) == 2
    assert (Order.objects.count(), left(jam)) == (1, UNITS - 4)


def test_a_parcel_that_is_packed_is_seen_at_once(
    shop: Server, jam: int, ada: Person, person: Callable[..., Person]
) -> None:
    """The next poll of the feed would be a minute later."""
    staff = person(is_staff=True)

    def journey(page: Page) -> None:
        with page.expect_response("**/events/stream*"):
            open_app(page, shop.port, ada)
        order_jam(page, 2)
        expect(placed(page)).to_have_count(1, timeout=TIMEOUT)
        token = shop.token(staff.customer.username, staff.password)
        (order,) = shop.call("GET", "orders?status=placed", token=token).body["results"]
        assert shop.call("POST", f"orders/{order['id']}/pack", token=token).status == 200
        expect(page.get_by_text("Packed")).to_be_visible(timeout=TIMEOUT)

    in_browser(journey, width=PHONE)


def test_an_order_through_a_hostile_proxy_is_placed_and_shown_once(
    shop: Server, jam: int, ada: Person
) -> None:
    def journey(page: Page) -> None:
        open_app(page, network.port, ada)
        order_jam(page, 2)
        expect(placed(page)).to_have_count(1, timeout=TIMEOUT)
        placed(page).click()
        expect(page.get_by_text("2 × ")).to_be_visible()
        assert page.context.browser is not None
        other = page.context.browser.new_page()
        open_app(other, network.port, ada)
        other.get_by_role("link", name="Orders").click()
        expect(placed(other)).to_have_count(1, timeout=TIMEOUT)
        expect(other.get_by_text("£5.00")).to_be_visible()

    with hostile(shop, SEED) as network:
        in_browser(journey, width=PHONE)
    assert network.faults["POST /api/v1/orders"] == ["html", "late", "cut", "double"]
    assert (Order.objects.get().status, left(jam)) == ("placed", UNITS - 2)


def test_a_refused_order_says_why_and_goes_back_to_the_cart(
    shop: Server, jam: int, ada: Person
) -> None:
    def journey(page: Page) -> None:
        page.route("**/api/v1/stock*", lambda route: route.abort())
        open_app(page, shop.port, ada)
        sell(jam, 3)
        order_jam(page, UNITS)
        expect(
            page.get_by_text(f"Plum jam: {UNITS - 3} available, {UNITS} wanted.")
        ).to_be_visible()
        page.get_by_role("button", name="Back to the cart").click()
        expect(page.get_by_label("Plum jam in the cart")).to_have_value(str(UNITS - 3))
        expect(page.get_by_text(f"{UNITS - 3} available, {UNITS} wanted.")).to_be_visible()
        place(page)
        expect(placed(page)).to_have_count(1)

    in_browser(journey, width=PHONE)
    assert (Order.objects.get().status, left(jam)) == ("placed", 0)


def test_a_session_that_has_ended_says_so_and_a_log_out_forgets_the_search(
    shop: Server, jam: int, ada: Person
) -> None:
    def journey(page: Page) -> None:
        open_app(page, shop.port, ada)
        page.get_by_label("Search").fill("plum")
        page.get_by_role("link", name="Account").click()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("button", name="Log in")).to_be_visible()
        expect(page.get_by_text("Your session has ended.")).not_to_be_visible()
        open_app(page, shop.port, ada)
        expect(page.get_by_label("Search")).to_have_value("")
        page.route(
            "**/api/v1/auth/token/refresh",
            lambda route: route.fulfill(
                status=401,
                headers={"Correlation-ID": "1", "Content-Type": "application/problem+json"},
                body='{"code": "session_ended", "status": 401}',
            ),
        )
        page.route(
            "**/api/v1/stock*",
            lambda route: route.fulfill(
                status=401,
                headers={"Correlation-ID": "1", "Content-Type": "application/problem+json"},
                body='{"code": "token_expired", "status": 401}',
            ),
        )
        page.get_by_label("Search").fill("plum")
        expect(page.get_by_text("Your session has ended. Waiting orders stay.")).to_be_visible()

    in_browser(journey, width=PHONE)


def test_the_page_of_a_captive_portal_is_no_answer(shop: Server, jam: int, ada: Person) -> None:
    def journey(page: Page) -> None:
        open_app(page, shop.port, ada)
        page.route(
            "**/api/v1/**",
            lambda route: route.fulfill(status=200, content_type="text/html", body="Welcome"),
        )
        order_jam(page, 1)
        expect(page.get_by_text("Waiting for the network")).to_be_visible()
        page.unroute("**/api/v1/**")
        expect(placed(page)).to_be_visible()

    in_browser(journey, width=PHONE)
    assert left(jam) == UNITS - 1
