"""Pages of the admin whose user loses the permission during the request."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from larder.catalog.models import Product
from larder.inventory.models import Adjustment
from larder.orders.models import Order
from tests.conftest import Person
from tests.staff.desk import Desk, allow
from tests.staff.former import take_away
from tests.staff.importing import upload

PAGES = {
    "inventory/adjustment/add/": "inventory.add_adjustment",
    "catalog/product/import-file/": "catalog.add_product",
    "orders/order/telephone/": "orders.add_order",
}
ALLOWED = (*PAGES.values(), "catalog.change_product", "catalog.view_product", "orders.view_order")


@contextmanager
def before_the_locks(who: Person, **columns: object) -> Iterator[None]:
    """Changes the account before the first statement that locks or writes a row."""
    left = [columns]
    firsts = ("FOR UPDATE", "FOR NO KEY UPDATE", "INSERT INTO")

    def watch(execute: Any, sql: str, *arguments: Any) -> Any:
        if left and any(first in sql for first in firsts):
            take_away(who, left.pop())
        return execute(sql, *arguments)

    with connection.execute_wrapper(watch):
        yield
    assert not left


def sent(desk: Desk, path: str, product: int, buyer: Person) -> dict[str, Any]:
    """What the page sends of a change that the service would make."""
    if path == "catalog/product/import-file/":
        preview = upload(desk, "sku,name,price\nNEW,Jam,1.50\n")
        return dict(preview.response.context["page"].sends)
    values: dict[str, dict[str, Any]] = {
        "inventory/adjustment/add/": {
            "reason": "received",
            "line-0-sku": Product.objects.get(pk=product).sku,
            "line-0-delta": "5",
        },
        "orders/order/telephone/": {
            "customer": str(buyer.id),
            "collected": "on",
            "line-0-sku": Product.objects.get(pk=product).sku,
            "line-0-quantity": "1",
        },
    }
    return values[path]


@pytest.mark.parametrize("taken", [{"is_staff": False}, {"session": None}])
@pytest.mark.parametrize("path", PAGES)
def test_services_refuse_former_staff(
    person: Callable[..., Person],
    product: Callable[..., int],
    path: str,
    taken: dict[str, object],
) -> None:
    who, jam = allow(person(is_staff=True), *ALLOWED), product(stock=9)
    desk = Desk(who)
    values = desk.open(path) | sent(desk, path, jam, person())
    counts = [model.objects.count() for model in (Adjustment, Order, Product)]
    with before_the_locks(who, **taken):
        page = desk.post(path, values)
    assert page.status == 403
    assert [model.objects.count() for model in (Adjustment, Order, Product)] == counts
