"""The admin as a whole."""

import re
from collections.abc import Callable

import pytest
from django.contrib import admin

from larder.common.admin import ServiceAdmin, _OwnTransactions
from larder.orders.decision import Wanted
from larder.orders.services.place_order import place_order
from larder.orders.services.placement import Placement, Terms
from tests.admin.desk import Desk, allow
from tests.conftest import NOW, Person


@pytest.fixture
def desk(person: Callable[..., Person]) -> Desk:
    return Desk(person(is_staff=True, is_superuser=True))


def test_every_screen_is_one_whose_writes_are_services() -> None:
    for screen in admin.site._registry.values():
        assert isinstance(screen, ServiceAdmin)
        order = type(screen).__mro__
        assert order.index(_OwnTransactions) < order.index(admin.ModelAdmin)


def test_users_products_and_orders_are_there_and_the_workers_jobs_are_not(desk: Desk) -> None:
    text = desk.get("").text
    for place in ("identity/customer", "catalog/product", "inventory/stock", "orders/order"):
        assert f"/admin/{place}/" in text
    assert "procrastinate" not in text
    assert desk.get("procrastinate/procrastinatejob/").status == 404


def test_the_sidebar_shows_what_somebody_may_see(person: Callable[..., Person]) -> None:
    who = allow(person(is_staff=True), "catalog.view_product")
    text = Desk(who).get("").text
    assert "/admin/catalog/product/" in text
    assert "/admin/orders/order/" not in text
    assert "/admin/auth/group/" not in text


def test_staff_without_permissions_get_in_and_see_nothing(person: Callable[..., Person]) -> None:
    desk = Desk(person(is_staff=True))
    assert desk.get("").status == 200
    for screen in admin.site._registry.values():
        place = f"{screen.opts.app_label}/{screen.opts.model_name}/"
        assert desk.get(place).status == 403
        assert desk.get(f"{place}add/").status == 403


def test_customers_are_sent_to_the_log_in(person: Callable[..., Person]) -> None:
    page = Desk(person()).get("catalog/product/")
    assert page.response.redirect_chain[0][0].startswith("/admin/login/")


def test_no_page_asks_another_host_for_anything(desk: Desk, product: Callable[..., int]) -> None:
    jam = product()
    for path in ("", "catalog/product/", f"catalog/product/{jam}/change/", "orders/order/"):
        sources = re.findall(r'(?:src|href|action)="([^"]*)"', desk.get(path).text)
        assert sources
        assert not [one for one in sources if re.match(r"(?:[a-z]+:)?//", one)]


def test_every_field_of_a_form_has_a_label(desk: Desk, product: Callable[..., int]) -> None:
    paths = (
        "catalog/product/add/",
        f"catalog/product/{product()}/change/",
        "inventory/adjustment/add/",
        "identity/customer/add/",
    )
    for path in paths:
        text = desk.get(path).text
        for field in desk.get(path).response.context["adminform"].form.visible_fields():
            assert f'for="{field.id_for_label}"' in text


def test_what_customers_and_staff_typed_is_text_and_never_markup(
    desk: Desk, person: Callable[..., Person], product: Callable[..., int]
) -> None:
    evil = "<script>alert(1)</script>"
    who, jam = person(evil), product(sku=evil, name=evil, description=evil, stock=9)
    place_order(
        Placement(customer=who.id, actor=who.customer.public_id, lines=[Wanted(jam, 1)], note=evil),
        terms=Terms(currency="GBP"),
        now=NOW,
    )
    order = desk.get("orders/order/").rows[0].pk
    paths = (
        *("", "catalog/product/", f"catalog/product/{jam}/change/"),
        *(f"catalog/product/{jam}/archive/", "inventory/stock/", "inventory/ledgerentry/"),
        *("orders/order/", f"orders/order/{order}/change/", "identity/customer/"),
        *(f"identity/customer/{who.id}/change/", f"inventory/stock/{jam}/change/"),
    )
    for path in paths:
        text = desk.get(path).text
        assert evil not in text
        assert "&lt;script&gt;alert(1)" in text, path
    assert evil not in desk.get("catalog/product/", q=evil).text
