"""The one search of the admin (Ctrl+K): orders, products, customers, pages and actions, each as far
as the member of staff may see it. Each part reads a range of an index, however many rows there are.
"""

from collections.abc import Iterator
from typing import Any

from django.db.models import Case, Q, When
from django.urls import reverse
from unfold.dataclasses import SearchResult

from larder.catalog.models import Product
from larder.identity.models import Customer
from larder.notifications.formatting import amount
from larder.staff import menu
from larder.staff.formatting import name_of
from larder.staff.identity import customers
from larder.staff.lists import containing
from larder.staff.orders import search as orders
from larder.staff.orders.contents import state
from larder.staff.words import gettext_lazy as _

SHOWN = 5
"""Rows of each kind."""

ACTIONS = (
    (_("Telephone order"), "call", "orders_order_telephone", "orders.add_order"),
    (_("Count stock"), "barcode_scanner", "inventory_adjustment_count", "inventory.add_adjustment"),
    (_("Adjust stock"), "add_notes", "inventory_adjustment_add", "inventory.add_adjustment"),
    (_("Add product"), "sell", "catalog_product_add", "catalog.add_product"),
    (_("Import products"), "upload_file", "catalog_product_import_file", "catalog.add_product"),
    (_("Add customer"), "person", "identity_customer_add", "identity.add_customer"),
    (_("Accounting export"), "download", "orders_order_accounting", "orders.export_order"),
)


def results(request: Any, term: str) -> list[SearchResult]:
    """Returns what the search finds."""
    parts = (_orders, _places, _products, _customers)
    return [result for part in parts for result in part(request, term.removeprefix("#"))]


def _orders(request: Any, term: str) -> Iterator[SearchResult]:
    if request.user.has_perm("orders.view_order"):
        people = request.user.has_perm("identity.view_customer")
        for order in orders.latest(term, people=people, limit=SHOWN):
            parts = (name_of(order), state(order.status), amount(order.total, order.currency))
            yield _row(f"#{order.number}", parts, "orders_order", order.pk, "shopping_basket")


def _places(request: Any, term: str) -> Iterator[SearchResult]:
    """Yields the pages and actions whose title begins its words so."""
    places = [
        (title, icon, reverse(f"admin:{name}"))
        for title, icon, name, permission in ACTIONS
        if request.user.has_perm(permission)
    ]
    (group,) = menu.navigation(request)
    places += [(item["title"], item["icon"], item["link"]) for item in group["items"]]
    for part in menu.PARTS:
        places += [(tab.name, part.icon, tab.link) for tab in menu.visible(request, part)]
    typed = term.casefold().split()
    first = {link: (title, icon) for title, icon, link in reversed(places)}
    for link, (title, icon) in reversed(first.items()):
        named = str(title).casefold().split()
        if all(any(name.startswith(part) for name in named) for part in typed):
            yield SearchResult(title=title, description=_("Page"), link=link, icon=icon)


def _products(request: Any, term: str) -> Iterator[SearchResult]:
    if request.user.has_perm("catalog.view_product"):
        begins = (
            Q(name__istartswith=term) | Q(name__icontains=f" {term}") | Q(sku__istartswith=term)
        )
        known = Product.objects.order_by(
            "archived_at", Case(When(begins, then=0), default=1), "name"
        )
        for product in containing(known, term)[:SHOWN]:
            yield _row(product.name, (product.sku,), "catalog_product", product.pk, "sell")


def _customers(request: Any, term: str) -> Iterator[SearchResult]:
    if request.user.has_perm("identity.view_customer"):
        known = Customer.objects.filter(deleted_at=None)
        for customer in customers.search(known, term, ("-id",))[:SHOWN]:
            parts = (customer.username, customer.email)
            yield _row(str(customer), parts, "identity_customer", customer.pk, "person")


def _row(title: str, parts: tuple[str, ...], page: str, key: Any, icon: str) -> SearchResult:
    link = reverse(f"admin:{page}_change", args=[key])
    return SearchResult(title, " · ".join(filter(None, parts)), link, icon)
