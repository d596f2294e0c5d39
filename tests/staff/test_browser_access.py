"""Every page of the admin works for the keyboard, the screen reader and the phone."""

import re
from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

import pytest
from django.contrib import admin
from django.test import RequestFactory
from django.urls import reverse
from playwright.sync_api import Page

from larder.core.clock import now as clock
from larder.db.idempotency import Claim, Scope
from larder.identity.models import SavedView
from larder.ops import tasks
from larder.orders.decision import Wanted
from larder.orders.models import Order
from larder.orders.services import moves
from larder.orders.services.notes import add_note
from larder.orders.services.placing.place_order import place_order
from larder.orders.services.placing.placement import Placement, Terms
from larder.orders.services.transitions import TransitionRequest
from tests.conftest import Person
from tests.staff.browser import CHROMIUM, DESK, PHONE, axe, faults, in_browser, log_in

__all__ = ["axe"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

MOST_STEPS = 60
"""Presses of the Tab key from the beginning of a page to what is to be done next."""


@pytest.fixture
def orders(boss: Person, product: Callable[..., int]) -> list[UUID]:
    """Orders of one product: placed, packed, and shipped."""
    jam, made = product(sku="JAM-1", name="Red jam", stock=50), []
    for steps in ((), (moves.pack_order,), (moves.pack_order, moves.ship_order)):
        lines = [Wanted(jam, 2)]
        asked = Placement(customer=boss.id, actor=boss.customer.public_id, lines=lines)
        made.append(place_order(asked, terms=Terms(currency="GBP"), now=clock()).order.id)
        for step in steps:
            request = TransitionRequest(order=made[-1], caller=boss.caller, now=clock())
            step(request, picked=[]) if step is moves.pack_order else step(request)
    text = "Ring before delivery.\nSecond floor."
    scope = Scope(boss.customer.public_id, "note", "one")
    add_note(made[0], text, caller=boss.caller, claim=Claim(scope, b""), now=clock())
    tasks.count_sales(0)
    tasks.look_at_stock(0)
    return made


def lists(boss: Person) -> Iterator[str]:
    """The list of every model, and its form of a new object where there is one."""
    request = RequestFactory().get("/")
    request.user = boss.customer
    for screen in admin.site._registry.values():
        name = f"admin:{screen.opts.app_label}_{screen.opts.model_name}"
        yield reverse(f"{name}_changelist")
        if screen.has_add_permission(request):
            yield reverse(f"{name}_add")


def pages(boss: Person, colleague: Person, orders: Sequence[UUID]) -> list[str]:
    placed, packed, shipped = orders
    jam = Order.objects.get(pk=placed).lines.get().product_id
    product, order = "/admin/catalog/product/", "/admin/orders/order/"
    accounts = "/admin/identity/customer/"
    account = f"{accounts}{boss.id}/"
    return [
        *("/admin/", "/admin/catalog/", "/admin/password_change/", *lists(boss)),
        *(reverse("second_factor"), reverse("own_keys"), reverse("new_password")),
        *(f"{product}{jam}/{page}/" for page in ("change", "history", "archive")),
        *(f"{product}import-file/", f"{product}export/", f"/admin/inventory/stock/{jam}/change/"),
        *("/admin/inventory/stock/count/", "/admin/inventory/stock/differences/"),
        *(f"{product}view/", "/admin/orders/order/view/"),
        *(f"{order}{placed}/{page}/" for page in ("change", "history", "pack", "cancel")),
        *(f"{order}{packed}/ship/", f"{order}{shipped}/deliver/", f"{order}{shipped}/return/"),
        *(f"{order}{shipped}/track/", f"{order}{placed}/note/"),
        *(f"{order}telephone/", f"{account}change/", f"{account}set-password/"),
        *(f"{account}password-link/", f"{accounts}invite/", f"{order}accounting/"),
        *(f"{accounts}{colleague.id}/{page}/" for page in ("reset-factor", "enrol-code")),
        *(f"{order}{placed}/{page}/" for page in ("edit", "pick-list", "packing-slip")),
    ]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_closed_to_screen_readers_or_scrolls_sideways(
    site: str,
    boss: Person,
    person: Callable[..., Person],
    orders: list[UUID],
    axe: str,
    scheme: str,
) -> None:
    found: dict[str, list[str]] = {}
    addresses = pages(boss, person(is_staff=True), orders)

    def look(page: Page, name: str) -> None:
        if seen := list(faults(page, axe)):
            found[name] = seen

    def journey(page: Page) -> None:
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        page.goto(f"{site}/admin/login/")
        look(page, "log-in")
        log_in(page, site, boss)
        for width in (DESK, PHONE):
            page.set_viewport_size({"width": width, "height": 900})
            for address in addresses:
                answer = page.goto(f"{site}{address}")
                assert getattr(answer, "ok", False), address
                look(page, f"{address} {width}")
                filters = page.get_by_role("button", name="Filters")
                if filters.count():
                    filters.click()
                    page.locator("#changelist-filter").wait_for()
                    look(page, f"{address} {width}, filters")

    in_browser(journey)
    assert found == {}


def tab_to(page: Page, name: str) -> None:
    """Presses Tab until the element of this name has the focus."""
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "(document.activeElement.ariaLabel || document.activeElement.innerText || '')"
        )
        if name in str(focused).split("\n"):
            return
    raise AssertionError(f"{name} is not reached")


def test_the_keyboard_alone_packs_an_order_and_opens_the_filters(
    site: str, boss: Person, orders: list[UUID]
) -> None:
    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/orders/order/{orders[0]}/change/")
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
    assert Order.objects.get(pk=orders[0]).status == "packed"


def test_the_keyboard_alone_deletes_a_view_on_a_phone_after_a_question(
    site: str, boss: Person, axe: str
) -> None:
    view = {"owner": boss.customer, "page": "orders_order", "name": "To pack", "is_shared": True}
    SavedView.objects.create(**view)

    def press(page: Page, name: str, address: str) -> None:
        tab_to(page, name)
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(f"{address}$"))
        assert list(faults(page, axe)) == []

    def journey(page: Page) -> None:
        log_in(page, site, boss)
        page.goto(f"{site}/admin/orders/order/")
        press(page, "Change the view To pack", "/view/[?]view=[0-9]+")
        press(page, "Delete this view", "&delete=yes")
        press(page, "No, take me back", "/view/[?]view=[0-9]+")
        press(page, "Delete this view", "&delete=yes")
        press(page, "Delete this view", "/order/")
        page.get_by_text("The view is deleted.").wait_for()

    in_browser(journey, width=PHONE)
    assert not SavedView.objects.exists()


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
