"""A shop with an object of each kind, and the pages of its admin."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse

from larder.catalog.services.categories import create_category
from larder.catalog.services.products import archive_product
from larder.core.clock import now as clock
from larder.db.idempotency import Claim, Scope
from larder.identity.services import keys
from larder.identity.services.notes import About, add_note
from larder.orders.decision import RequestedLine
from larder.orders.lifecycle import _BEGINS_IN, Move
from larder.orders.models import RefundDue
from larder.orders.services import moves
from larder.orders.services.batches import place_order
from larder.orders.services.placing.placement import Hold, Placement
from larder.orders.services.transitions import TransitionRequest
from tests.conftest import Api, Person
from tests.ops.worker import run
from tests.orders.holding import GBP
from tests.staff.confirming import REFUSED_TO_ALL, admin_pages, make_webhook

ADDRESS = {"name": "Mary", "line1": "1 Quay", "city": "Leith", "country": "GB"}
TEXT = "Ring before delivery.\nSecond floor."


@dataclass(frozen=True, slots=True)
class Shop:
    """What is in a shop: a clerk who also orders, products, and orders by their status."""

    clerk: int
    jam: int
    archived: int
    orders: dict[str, UUID]


@pytest.fixture
def shop(
    boss: Person,
    person: Callable[..., Person],
    product: Callable[..., int],
    as_: Callable[[Person], Api],
) -> Shop:
    """Opens a shop that has an object of each kind of the admin."""
    clerk, by = person("maria", is_staff=True), boss.caller
    jam, old = product(sku="JAM-1", name="Red jam", stock=50), product(sku="OLD", name="Old jam")
    arranged = Shop(clerk.id, jam, old, _orders(clerk, boss, jam))
    archive_product(old, caller=by, now=clock())
    create_category(name="Jams", parent=None, caller=by, now=clock())
    keys.create_key(by, "till", now=clock())
    make_webhook(by)
    placed = arranged.orders["placed"]
    RefundDue.objects.create(order=placed, currency="GBP", amount=5, since=clock())
    claims = (Claim(Scope(boss.customer.public_id, "note", key), b"") for key in ("one", "two"))
    of_customer = About(
        f"customer:{clerk.customer.public_id}", "identity.change_customer", clerk.id
    )
    for about in (About(f"order:{placed}", "orders.change_order"), of_customer):
        add_note(about, TEXT, caller=by, claim=next(claims), now=clock())
    lines = {"lines": [{"product": jam, "counted": 40}], "reason": "stocktake"}
    assert as_(boss)("POST", "stock/adjustments", lines).status == 201
    run("stock")
    return arranged


STEPS = {
    "pending": (),
    "placed": (),
    "packed": (moves.pack_order,),
    "shipped": (moves.pack_order, moves.ship_order),
}


def _orders(who: Person, boss: Person, product: int) -> dict[str, UUID]:
    """Places an order of each status."""
    orders = {}
    for status, steps in STEPS.items():
        asked = Placement(
            customer=who.id,
            actor=who.customer.public_id,
            lines=[RequestedLine(product, 2)],
            ship_to=ADDRESS,
            hold=Hold(3600) if status == "pending" else None,
        )
        orders[status] = place_order(asked, terms=GBP, now=clock()).order.id
        for step in steps:
            request = TransitionRequest(order=orders[status], caller=boss.caller, now=clock())
            step(request, picked=[]) if step is moves.pack_order else step(request)
    return orders


NO_PAGES = REFUSED_TO_ALL | {
    *("login", "logout", "jsi18n", "search", "autocomplete", "view_on_site", "app_list"),
    *("orders_order_add", "orders_order_addresses", "offered_products"),
    *("catalog_product_adjust_stock", "catalog_product_export", "catalog_product_ledger"),
}
"""Names of what is looked at elsewhere or is no page: a redirect, data for scripts, a refusal."""
MOVES = {step.value: step for step in Move if step is not Move.CHANGE}
"""Moves, by the names of their pages."""


def pages(shop: Shop) -> Iterator[str]:
    """Yields the address of every page of the admin, and of lists that are filtered or empty."""
    for name, route in admin_pages(admin.site.urls[0]):
        if name not in NO_PAGES:
            key = str(_key(shop, name)) if "<" in route else ""
            yield "/admin/" + re.sub("<[^>]+>", key, route)
    yield from map(reverse, ("second_factor", "new_password"))
    orders, products = "/admin/orders/order/", "/admin/catalog/product/"
    yield from ("/admin/catalog/", f"{orders}?status__exact=placed", f"{orders}?q=nothing")
    yield from (f"{products}?archived=yes", f"{products}?stock=out&q=nothing")


def _key(shop: Shop, page: str) -> Any:
    """Returns the key of the object that a page shows."""
    app, model, name = page.split("_", 2)
    if model == "order":
        return shop.orders[_status(name)]
    if name == "restore":
        return shop.archived
    if model == "product":
        return shop.jam
    if model == "customer":
        return shop.clerk
    return apps.get_model(app, model)._default_manager.earliest("pk").pk


def _status(page: str) -> str:
    """Returns a status of an order in which its page can be opened: placed if it can."""
    begins_in = _BEGINS_IN[MOVES[page]] if page in MOVES else {"placed"}
    return next(name for name in ("placed", *STEPS) if name in begins_in)
