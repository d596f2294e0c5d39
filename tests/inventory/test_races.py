"""Products are changed while customers order them, and several products are given one name."""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from threading import Event
from typing import Any

import psycopg
import pytest
from django.db import connection

from larder.catalog.models import Product
from larder.catalog.services import products as catalog
from larder.core.clock import now
from larder.core.errors import NotFound
from larder.db import database
from larder.inventory.services import products
from larder.inventory.services.adjustments import dispatch
from larder.inventory.services.authors import Author
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


def created(name: str) -> Answer:
    """Staff adds a product of a unique name."""

    def call() -> Answer:
        fields = {"name": name, "price": Decimal(1)}
        products.create_stocked_product(
            fields, quantity=1, author=Author(None, now()), unique_name=True
        )
        return Answer(OK)

    return answered(call)


# --- One name, wanted by many --------------------------------------------------------------
@dataclass
class Wanted:
    """The result of concurrent requests for one name."""

    name: str
    answers: list[Answer]

    @property
    def bearers(self) -> int:
        return Product.objects.filter(name=self.name).count()


def all_want(name: str, tasks: Iterable[Callable[[], Answer]]) -> Wanted:
    return Wanted(name, at_once(ServiceShop(), list(tasks)))


def check_name(outcome: Wanted) -> None:
    """Checks that one product has the name and the other requests were refused."""
    codes = Counter(answer.code for answer in outcome.answers)
    assert codes == {OK: 1, "name_taken": len(outcome.answers) - 1}
    assert outcome.bearers == 1


def create_together() -> Wanted:
    name = f"Jam {Product.objects.count()}"
    return all_want(name, [lambda: created(name)] * 6)


def rename_together(product: MakeProduct) -> Wanted:
    name = f"Jam {Product.objects.count()}"
    ids = [product() for _ in range(5)]
    renames = [partial(changed, id, {"name": name}, 3) for id in ids]
    return all_want(name, [*renames, lambda: created(name)])


def test_one_of_several_concurrent_products_gets_a_name() -> None:
    for _ in range(3):
        check_name(create_together())


def test_one_of_several_concurrent_renames_gets_a_name(product: MakeProduct) -> None:
    for _ in range(3):
        check_name(rename_together(product))


# --- A quantity set in the middle of a rush ------------------------------------------------
@dataclass
class Rush:
    """The answers to customers and staff."""

    product: int
    answers: list[Answer]
    changed: list[Answer]


def rush(who: Person, jam: int, changes: list[tuple[dict[str, Any], int | None]]) -> Rush:
    """Customers order one unit after the other; meanwhile staff makes the changes."""
    shop, under_way = ServiceShop(), Event()

    def buyer() -> list[Answer]:
        own = []
        for _ in range(ORDERS):
            own.append(shop.place(who, [(jam, 1)]))
            under_way.set()
        return own

    def staff() -> list[Answer]:
        under_way.wait(LONGEST)
        return [changed(jam, fields, quantity) for fields, quantity in changes]

    *bought, reported = at_once(shop, [*[buyer] * BUYERS, staff])
    return Rush(jam, [one for own in bought for one in own], reported)


def check_rush(outcome: Rush) -> None:
    """Checks that all clients were served and that the ledger has the right quantities."""
    assert Counter(one.code for one in outcome.answers) == {OK: BUYERS * ORDERS}
    assert Counter(one.code for one in outcome.changed) == {OK: len(outcome.changed)}
    assert_agree([outcome.product])
    set_to = database.rows(
        "SELECT available_after FROM ledger_entry WHERE product_id = %s AND cause = 'correction'",
        [outcome.product],
    )
    assert set_to == [(SET,)]


def test_a_quantity_set_during_concurrent_orders_is_exact(
    person: Callable[..., Person], product: MakeProduct
) -> None:
    check_rush(rush(person(), product(stock=OPENING), [({"unit": "jar"}, SET)]))


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


def relabel(who: Person, jam: int, times: int = 12) -> Rush:
    """Staff change the SKU and the quantity again and again."""
    return rush(who, jam, [({"sku": f"{jam}-{number}"}, SET) for number in range(times)])


def check_relabelled(outcome: Rush) -> None:
    """No client is rejected."""
    codes = Counter(one.code for one in [*outcome.answers, *outcome.changed])
    assert codes == {OK: len(outcome.answers) + len(outcome.changed)}, codes
    assert_agree([outcome.product])


def test_a_new_sku_and_quantity_never_deadlock_with_orders(
    person: Callable[..., Person], product: MakeProduct
) -> None:
    check_relabelled(relabel(person(), product(stock=OPENING)))


def test_a_sku_written_before_the_stock_lock_does_not_deadlock_with_orders(
    person: Callable[..., Person], product: MakeProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No row that an order writes references the product itself."""
    numbers = iter(range(10**6))

    def write_first(product: int, *, version: int | None = None) -> None:
        Product.objects.filter(id=product).update(sku=f"first-{next(numbers)}")

    monkeypatch.setattr(catalog, "lock_product", write_first)
    who = person()
    for _ in range(3):
        check_relabelled(relabel(who, product(stock=OPENING)))


# --- Archived meanwhile --------------------------------------------------------------------
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
