"""Products are changed while customers order them."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import Any

import psycopg
import pytest
from django.db import connection

from larder.core.clock import now
from larder.core.errors import NotFound
from larder.inventory.services import products
from larder.inventory.services.adjustments import dispatch
from larder.inventory.services.products import Author
from tests.conftest import Person
from tests.system.race.books import assert_agree, shelf
from tests.system.race.interleaving import STOCK_READ, Race, assert_held, waits
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once
from tests.tiers import LONGEST

OPENING, SET = 300, 200
BUYERS, ORDERS = 8, 8
pytestmark = pytest.mark.django_db(transaction=True)
MakeProduct = Callable[..., int]


def changed(product: int, fields: dict[str, Any], quantity: int | None = None) -> Answer:
    """Staff changes a product, its name to be unique."""

    def call() -> Answer:
        products.change_stocked_product(
            product, fields, quantity=quantity, author=Author(None, now()), unique_name=True
        )
        return Answer(OK)

    return answered(call)


def order_beside_a_quantity(who: Person, jam: int) -> Race:
    """A unit is ordered while staff sets the quantity."""
    return Race(
        partial(changed, jam, {}, SET),
        partial(ServiceShop().place, who, [(jam, 1)]),
        STOCK_READ,
        lambda _: shelf(jam).agrees,
    )


def test_a_quantity_waits_for_an_order_of_the_product(
    person: Callable[..., Person], product: MakeProduct
) -> None:
    assert_held(order_beside_a_quantity(person(), product(stock=OPENING)))


ALL_DONE = [OK] * (BUYERS * ORDERS + 12)


def relabel(who: Person, jam: int) -> list[str]:
    """Customers order one unit after the other; meanwhile staff change the SKU and the quantity
    again and again. Returns the codes of all answers."""
    shop, under_way = ServiceShop(), Event()

    def buy() -> list[Answer]:
        answers = []
        for _ in range(ORDERS):
            answers.append(shop.place(who, [(jam, 1)]))
            under_way.set()
        return answers

    def change() -> list[Answer]:
        under_way.wait(LONGEST)
        return [changed(jam, {"sku": f"{jam}-{number}"}, SET) for number in range(12)]

    answers = [answer for own in at_once(shop, [*[buy] * BUYERS, change]) for answer in own]
    assert_agree([jam])
    return [answer.code for answer in answers]


def test_a_new_sku_and_quantity_never_deadlock_with_orders(
    person: Callable[..., Person], product: MakeProduct
) -> None:
    assert relabel(person(), product(stock=OPENING)) == ALL_DONE


ARCHIVE = "UPDATE catalog.product SET archived_at = now() WHERE id = %s"
WAYS: dict[str, Callable[[int, Person], None]] = {
    "dispatch": lambda product, clerk: dispatch(product, 1, caller=clerk.caller, now=now()),
    "fields": lambda product, _: products.change_stocked_product(
        product, {"unit": "jar"}, quantity=None, author=Author(None, now())
    ),
    "quantity": lambda product, _: products.change_stocked_product(
        product, {}, quantity=1, author=Author(None, now())
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_change_waits_for_archiving_and_does_not_find_the_product(
    way: str, person: Callable[..., Person], product: MakeProduct
) -> None:
    jam, clerk = product(stock=5), person(is_staff=True)

    def call() -> str:
        try:
            WAYS[way](jam, clerk)
        except NotFound:
            return "not found"
        finally:
            connection.close()
        return "done"

    with (
        psycopg.connect(os.environ["DATABASE_URL"]) as archiving,
        ThreadPoolExecutor(1) as beside,
    ):
        archiving.execute(ARCHIVE, [jam])
        second = beside.submit(call)
        assert waits(second, archiving.info.backend_pid)
        archiving.commit()
        assert second.result(LONGEST) == "not found"
    assert shelf(jam).available == 5
