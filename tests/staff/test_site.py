"""The admin as a whole."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import BadRequest

from larder.core.clock import now as clock
from larder.identity.models import Key
from larder.orders.decision import RequestedLine
from larder.orders.models import Order
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Placement, Terms
from larder.staff.base import ServiceAdmin, _OwnTransactions
from larder.staff.site import answering
from tests.conftest import Person
from tests.database import ROOT
from tests.staff.desk import Desk, allow


@pytest.fixture
def desk(person: Callable[..., Person]) -> Desk:
    return Desk(person(is_staff=True, is_superuser=True))


def test_every_screen_writes_through_services() -> None:
    for screen in admin.site._registry.values():
        assert isinstance(screen, ServiceAdmin)
        order = type(screen).__mro__
        assert order.index(_OwnTransactions) < order.index(admin.ModelAdmin)


def test_the_admin_has_users_products_and_orders(desk: Desk) -> None:
    text = desk.get("").text
    for place in ("identity/customer", "catalog/product", "orders/order"):
        assert f"/admin/{place}/" in text


def test_the_sidebar_shows_only_permitted_pages(person: Callable[..., Person]) -> None:
    who = allow(person(is_staff=True), "catalog.view_product")
    text = Desk(who).get("").text
    assert "/admin/catalog/product/" in text
    assert "/admin/orders/order/" not in text
    assert "/admin/auth/group/" not in text


def test_staff_without_permissions_see_an_empty_admin(person: Callable[..., Person]) -> None:
    desk = Desk(person(is_staff=True, role=None))
    assert desk.get("").status == 200
    for screen in admin.site._registry.values():
        place = f"{screen.opts.app_label}/{screen.opts.model_name}/"
        # Each user sees their own keys.
        assert desk.get(place).status == (200 if screen.model is Key else 403)
        assert desk.get(f"{place}add/").status == 403


def test_an_address_without_a_page_is_answered_with_the_menu(desk: Desk) -> None:
    for path in ("orders/nothing/", f"orders/order/{uuid4()}/pick-list/"):
        page = desk.get(path)
        assert page.status == 404
        assert "/admin/catalog/product/" in page.text


TABS = re.compile(r'<nav id="tabs-items".*?</nav>', re.DOTALL)
TAB = re.compile(r'<a href="([^"]*)" class="(active)?"[^>]*>\s*(.*?)\s*</a>', re.DOTALL)
STOCK = {
    "On hand": "catalog/product/?stock=all",
    "Ledger": "inventory/ledgerentry/",
    "Adjustments": "inventory/adjustment/",
    "Counts": "inventory/adjustment/count/",
}


def test_each_page_of_the_stock_has_all_its_tabs_and_marks_its_own(desk: Desk) -> None:
    for own, path in (*STOCK.items(), ("On hand", "catalog/product/?stock=low")):
        (shown,) = TABS.findall(desk.get(path).text)
        tabs = TAB.findall(shown)
        assert [(title, link) for link, _, title in tabs] == [
            (title, f"/admin/{address}") for title, address in STOCK.items()
        ]
        assert [title for _, active, title in tabs if active] == [own]
    assert not TABS.findall(desk.get("inventory/adjustment/add/").text)


def test_the_list_of_staff_is_headed_so_and_counts_as_no_filter(desk: Desk) -> None:
    for title, chosen in (("Staff", "1"), ("Customers", "0")):
        page = desk.get(f"identity/customer/?is_staff__exact={chosen}")
        assert page.response.context["opts"].verbose_name_plural == title
        assert not page.response.context["cl"].has_active_filters
    narrowed = desk.get("identity/customer/?is_staff__exact=1&is_active__exact=1")
    assert narrowed.response.context["cl"].has_active_filters


def test_customers_are_redirected_to_the_log_in(person: Callable[..., Person]) -> None:
    page = Desk(person()).get("catalog/product/")
    assert page.response.redirect_chain[0][0].startswith("/admin/login/")


def test_no_page_loads_files_of_another_host(desk: Desk, product: Callable[..., int]) -> None:
    jam = product()
    for path in ("", "catalog/product/", f"catalog/product/{jam}/change/", "orders/order/"):
        sources = re.findall(r'(?:src|href|action)="([^"]*)"', desk.get(path).text)
        assert sources
        assert not [address for address in sources if re.match(r"(?:[a-z]+:)?//", address)]


def test_text_of_customers_and_staff_is_escaped(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    evil = "<script>alert(1)</script>"
    who, jam = person(evil), product(sku=evil, name=evil, description=evil, stock=9)
    lines = [RequestedLine(jam, 1)]
    order = Placement(customer=who.id, actor=who.customer.public_id, lines=lines, note=evil)
    place_order(order, terms=Terms(currency="GBP"), now=clock())
    id = desk.get("orders/order/").rows[0].pk
    paths = (
        *("", "catalog/product/", f"catalog/product/{jam}/change/"),
        *(f"catalog/product/{jam}/archive/", "inventory/ledgerentry/"),
        *("orders/order/", f"orders/order/{id}/change/", "identity/customer/"),
        *(f"orders/order/{id}/{kind}/" for kind in ("pick-list", "packing-slip")),
        *(f"identity/customer/{who.id}/change/",),
    )
    for path in paths:
        text = desk.get(path).text
        assert evil not in text
        assert "&lt;script&gt;alert(1)" in text, path
    assert evil not in desk.get("catalog/product/", q=evil).text


@pytest.mark.system
def test_a_server_starts_while_the_database_is_away() -> None:
    """The admin's system checks, which the entry point runs, may not ask the database."""
    away = "postgresql://u@127.0.0.1:1/x"
    started = subprocess.run(
        [sys.executable, "-c", "import larder.config.asgi"],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": away, "OWNER_DATABASE_URL": away},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert started.returncode == 0, started.stderr


@pytest.mark.parametrize(
    "path",
    [
        f"inventory/ledgerentry/?at__year={'9' * 40}",
        f"inventory/adjustment/?at__year={'9' * 40}",
        "inventory/ledgerentry/?at__year=0",
        "autocomplete/?app_label=catalog&model_name=product&field_name=category&term=%00",
        "autocomplete/?app_label=orders&model_name=order&field_name=customer&term=%00",
        "search/?s=x&page=abc",
        "search/?s=x&page=99",
    ],
)
def test_a_filter_with_an_impossible_value_is_a_bad_request(desk: Desk, path: str) -> None:
    assert desk.get(path).status == 400


@pytest.mark.parametrize("row", ["x", "\0", "9" * 40 + "x"])
def test_a_selection_of_no_row_is_a_bad_request(
    desk: Desk, product: Callable[..., int], row: str
) -> None:
    product()
    sent = {"action": "archive_selected", "_selected_action": row}
    assert desk.post("catalog/product/", sent).status == 400


@pytest.mark.parametrize("key", ["x", "8"])
def test_the_page_of_an_object_of_any_kind_refuses_ids_that_cannot_be_read(
    desk: Desk, key: str
) -> None:
    kind = ContentType.objects.get_for_model(Order)
    assert desk.get(f"r/{kind.pk}/{key}/").status == 400


def test_other_errors_stay_server_errors() -> None:
    def faulty(request: object) -> None:
        raise ValueError

    view, user = answering(faulty), SimpleNamespace(public_id=uuid4())
    with pytest.raises(ValueError, match=r"^$"):
        view(SimpleNamespace(GET={}, POST={}, user=user))
    with pytest.raises(BadRequest):
        view(SimpleNamespace(GET={"page": "x"}, POST={}, user=user))
