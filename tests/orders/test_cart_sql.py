"""The statements of carts read and write what the ORM does."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.db import transaction
from django.db.models import F

from larder.core.ids import new_id
from larder.db import database
from larder.orders.models import Cart
from larder.orders.sql import carts
from tests.conftest import Person

LINES = [{"id": 7, "product": 1, "quantity": 2, "unit_price": "1.50"}]
COLUMNS = ("order", "number", "version", "lines", "created_at", "updated_at", "ended")


@pytest.fixture
def shop(person: Callable[..., Person], now: datetime) -> list[Cart]:
    """Two carts, and a row without one."""
    full = {"number": 5, "version": 3, "lines": LINES, "created_at": now, "updated_at": now}
    return [
        *(Cart.objects.create(customer=person().customer, order=new_id(), **full) for _ in "ab"),
        Cart.objects.create(customer=person().customer, ended=new_id()),
    ]


def rows(run: Callable[[], object], *without: str) -> list[dict[str, Any]]:
    """Returns all carts after `run`, which is rolled back, without what sequences gave."""
    with transaction.atomic():
        run()
        read = list(Cart.objects.order_by("customer").values("customer", *COLUMNS))
        transaction.set_rollback(True)
    return [{name: row[name] for name in row.keys() - {*without}} for row in read]


def test_carts_are_read_and_locked_as_the_orm_reads_them(shop: list[Cart]) -> None:
    for cart in shop:
        expected = Cart.objects.filter(pk=cart.pk).values_list(*COLUMNS)
        for statement in (carts.READ, carts.LOCK):
            with transaction.atomic():
                ((*before, lines, began, changed, ended),) = database.rows(statement, [cart.pk])
            assert [(*before, msgspec.json.decode(lines), began, changed, ended)] == [*expected]


def test_a_row_is_made_once(shop: list[Cart], person: Callable[..., Person]) -> None:
    known, new = shop[0].pk, person().id

    def by_the_orm() -> None:
        Cart.objects.bulk_create([Cart(customer_id=new)], ignore_conflicts=True)

    def by_statement() -> None:
        database.execute(carts.MAKE, [new])
        database.execute(carts.MAKE, [known])

    assert rows(by_statement) == rows(by_the_orm)


@pytest.mark.parametrize("place", [0, 2])
def test_a_cart_is_written_as_by_the_orm(shop: list[Cart], now: datetime, place: int) -> None:
    """A new line has no id yet. The number stays, or comes from the sequence of orders."""
    cart, at = shop[place], now + timedelta(hours=1)
    values = {"version": 4, "lines": LINES, "created_at": now, "updated_at": at, "ended": new_id()}
    id, added = UUID(int=9), LINES[0] | {"id": None, "product": 2}
    last: list[int] = []

    def by_statement() -> None:
        lines = msgspec.json.encode([*LINES, added]).decode()
        asked = values | {"id": id, "customer": cart.pk, "lines": lines}
        ((number,),) = database.rows(carts.WRITE, asked)
        ((line,),) = database.rows("SELECT currval('order_line_id_seq')")
        last.extend([number, line])

    def by_the_orm() -> None:
        number, line = last
        lines = [*LINES, added | {"id": line}]
        Cart.objects.filter(pk=cart.pk).update(
            **values | {"order": id, "lines": lines}, number=number
        )

    assert rows(by_statement) == rows(by_the_orm)
    assert (last[0] == 5) is (place == 0)


def test_a_cart_is_renewed_as_by_the_orm(shop: list[Cart], now: datetime) -> None:
    cart, id, later = shop[1], new_id(), now + timedelta(hours=1)

    def by_statement() -> None:
        asked = {"new": id, "now": later, "id": cart.order}
        assert database.rows(carts.RENEW, asked) == [(cart.pk,)]

    def by_the_orm() -> None:
        new = {"order": id, "version": F("version") + 1, "updated_at": later}
        assert Cart.objects.filter(order=cart.order).update(**new) == 1

    assert rows(by_statement, "number") == rows(by_the_orm, "number")


def test_unchanged_carts_are_locked_and_ended_as_by_the_orm(shop: list[Cart]) -> None:
    """LOCK_UNCHANGED and END."""
    read = [(cart.pk, cart.order, cart.version + (cart is shop[1])) for cart in shop]
    with transaction.atomic():
        unchanged = database.rows(carts.LOCK_UNCHANGED, database.columns(read))
    assert unchanged == [
        (customer,)
        for customer, order, version in read
        if order and Cart.objects.filter(pk=customer, order=order, version=version).exists()
    ]

    def by_the_orm() -> None:
        ended = dict.fromkeys(("order", "number", "created_at", "updated_at"))
        Cart.objects.exclude(order=None).update(**ended, version=0, lines=[], ended=F("order"))

    ids = [cart.pk for cart in shop]
    assert rows(lambda: database.execute(carts.END, [ids])) == rows(by_the_orm)
