"""Actions of lists run one transaction for each row: the user may lose the permission or the
session in between.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from larder.catalog.models import Product
from larder.catalog.services.products import archive_product
from larder.core.clock import now
from larder.identity.models import Key
from larder.identity.services import keys
from larder.orders.models import Order
from tests.conftest import Person
from tests.staff.desk import Desk, Page, allow
from tests.staff.former import take_away
from tests.staff.moving import place

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]


@contextmanager
def after_the_first_row(who: Person, **columns: object) -> Iterator[None]:
    """Changes the account when the transaction of the first row has ended."""
    left = ["INSERT INTO audit_entry", "RELEASE SAVEPOINT"]

    def watch(execute: Any, sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        if left and left[0] in sql:
            left.pop(0)
            if left:
                return result
            take_away(who, columns)
        return result

    with connection.execute_wrapper(watch):
        yield
    assert not left


def send(who: Person, page: str, action: str, *rows: object) -> Page:
    """Sends an action as its question does: with the version of orders, which is 1."""
    seen = {f"seen-{row}": "1" for row in rows}
    chosen = {"action": action, "index": "0", "_selected_action": [str(row) for row in rows]}
    return Desk(who).post(page, {**chosen, **seen, "confirmed": "yes", "form_key": "k"})


@pytest.mark.parametrize(
    "taken",
    [{"is_staff": False}, {"is_active": False}, {"session": None}],
    ids=lambda values: next(iter(values)),
)
def test_orders_are_packed_while_the_user_may(
    taken: dict[str, object], person: MakePerson, product: MakeProduct
) -> None:
    who = allow(person(is_staff=True), "orders.view_order", "orders.pack_order")
    jam, buyer = product(stock=9), person()
    orders = [place(buyer, jam, 1) for _ in range(2)]
    with after_the_first_row(who, **taken):
        page = send(who, "orders/order/", "mark_packed", *orders)
    assert page.status == 403
    said = "The role of your account does not allow this page."
    assert (said if "is_staff" in taken else "Your session has ended.") in page.text
    assert Order.objects.filter(status="packed").count() == 1


def test_products_are_archived_while_the_user_may(person: MakePerson, product: MakeProduct) -> None:
    who = allow(person(is_staff=True), "catalog.view_product", "catalog.delete_product")
    with after_the_first_row(who, is_staff=False):
        page = send(who, "catalog/product/", "archive_selected", product(), product())
    assert page.status == 403
    assert Product.objects.filter(archived_at=None).count() == 1


def test_products_are_restored_while_the_user_may(person: MakePerson, product: MakeProduct) -> None:
    who = allow(person(is_staff=True), "catalog.view_product", "catalog.delete_product")
    rows = [product(), product()]
    for id in rows:
        archive_product(id, caller=None, now=now())
    with after_the_first_row(who, is_staff=False):
        page = send(who, "catalog/product/?archived=yes", "restore_selected", *rows)
    assert page.status == 403
    assert Product.objects.filter(archived_at=None).count() == 1


def test_keys_are_ended_while_the_user_may(person: MakePerson) -> None:
    who = allow(person(is_staff=True), "identity.view_key", "identity.delete_key")
    owner = person().caller
    ids = [keys.create_key(owner, "till", now=now()).id for _ in range(2)]
    with after_the_first_row(who, is_staff=False):
        page = send(who, "identity/key/", "end_selected", *ids)
    assert page.status == 403
    assert Key.objects.live().count() == 1
