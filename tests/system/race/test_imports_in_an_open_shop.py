"""Imports concurrent with orders and with changes by staff of the same products.

The guards are the single transaction of a file, the locks of known products, and the order in
which the stock of restored products is locked.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from threading import Event
from time import sleep
from typing import Any

import pytest
from django.db import connection

from larder.catalog.services import product_import
from larder.core.clock import now
from larder.db import database
from larder.inventory.services.authors import Author
from larder.inventory.services.products import change_stocked_product
from tests.conftest import Person
from tests.system.race.books import assert_agree
from tests.system.race.files import (
    PART,
    PAUSE,
    STOCK,
    codes,
    imported,
    nothing_is_violated,
    numbers,
    stocked,
)
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once

pytestmark = pytest.mark.django_db(transaction=True)
MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product_import, "PART", PART)


# --- A file against orders -----------------------------------------------------------------
@dataclass
class Sale:
    """The answers that buyers and importers of the same products got."""

    products: list[int]
    orders: list[Answer]
    files: list[Answer]

    @property
    def prices(self) -> set[int]:
        """How many different prices the lines of one order have."""
        return {len({line.unit_price for line in order.content.lines}) for order in self.placed}

    @property
    def placed(self) -> list[Answer]:
        return [order for order in self.orders if order.code == OK]


def sell(
    who: Person, products: list[int], work: Sequence[Callable[[], Iterator[Answer]]], *, buyers: int
) -> Sale:
    """Buyers order all of the products, upwards and downwards, as long as staff is at work."""
    shop, done = ServiceShop(), [False] * len(work)

    def buy(number: int) -> list[Answer]:
        lines = [(one, 1) for one in products[:: -1 if number % 2 else 1]]
        own = [shop.place(who, lines)]
        while not all(done):
            own.append(shop.place(who, lines))
        return own

    def at_work(number: int) -> list[Answer]:
        try:
            return list(work[number]())
        finally:
            done[number] = True

    reported = at_once(
        shop,
        [
            *[partial(at_work, number) for number in range(len(work))],
            *[partial(buy, number) for number in range(buyers)],
        ],
    )
    flat = [
        [one for own in part for one in own]
        for part in (reported[: len(work)], reported[len(work) :])
    ]
    return Sale(products, flat[1], flat[0])


def reprice(skus: list[str], times: int) -> Iterator[Answer]:
    """File after file with another price for all, some new products among them."""
    for price in range(2, times + 2):
        rows = [f"{sku},N,{price},9" for sku in skus]
        new = [f"{next(numbers)}-new,N,{price},9" for _ in range(20)]
        yield imported("sku,name,price,quantity", [*rows[:3], *new, *rows[3:]])


def repriced(who: Person, product: MakeProduct) -> Sale:
    products, skus = stocked(product, 12)
    return sell(who, products, [partial(reprice, skus, 8)] * 2, buyers=4)


def check_repriced(outcome: Sale) -> None:
    """No client is rejected, each order has the prices of one file, and the books agree."""
    assert codes([*outcome.orders, *outcome.files]) == {
        OK: len(outcome.orders) + len(outcome.files)
    }
    assert outcome.prices == {1}
    assert_agree(outcome.products)
    left = database.rows(
        "SELECT DISTINCT available FROM stock WHERE product_id = ANY(%s)", [outcome.products]
    )
    assert left == [(STOCK - len(outcome.placed),)]
    nothing_is_violated()


def test_orders_are_placed_while_files_change_their_products(
    person: MakePerson, product: MakeProduct
) -> None:
    check_repriced(repriced(person(), product))


def revive(skus: list[str], times: int) -> Iterator[Answer]:
    """File after file that puts all back on sale."""
    for number in range(times):
        yield imported("sku,name,price", [f"{sku},Back {number},1" for sku in skus])


def archive(who: Person, products: list[int], times: int) -> Iterator[Answer]:
    """Takes one after the other off sale, again and again; it may be off already."""
    for one in products[::-1] * times:
        reported = ServiceShop().archive(who, one)
        yield Answer(OK) if reported.code == "not_found" else reported


def revived(who: Person, product: MakeProduct, times: int = 8) -> Sale:
    products, skus = stocked(product, 4)
    for one in products[1:]:
        ServiceShop().archive(who, one)
    work = [partial(revive, skus, times), partial(archive, who, products, times)]
    return sell(who, products, work, buyers=4)


def check_revived(outcome: Sale) -> None:
    """Orders find all of the products or name those that are gone; there is no deadlock."""
    assert codes(outcome.files) == {OK: len(outcome.files)}
    assert codes(outcome.orders).keys() <= {OK, "unknown_product"}
    assert_agree(outcome.products)
    nothing_is_violated()


def test_products_are_archived_and_restored_by_files_during_orders(
    person: MakePerson, product: MakeProduct
) -> None:
    check_revived(revived(person(), product))


# --- A file against staff ------------------------------------------------------------------
@dataclass
class Desk:
    """The answers to a file and a member of staff whose values of one product do not belong
    together."""

    product: int
    answers: list[Answer]

    @property
    def rules(self) -> tuple[int, int | None]:
        found = database.rows(
            "SELECT min_quantity, max_per_order FROM product WHERE id = %s", [self.product]
        )
        return found[0][0], found[0][1]


def changed(product: int, fields: dict[str, Any]) -> Answer:
    """Staff changes a product."""

    def call() -> Answer:
        change_stocked_product(product, fields, quantity=None, author=Author(None, now()))
        return Answer(OK)

    return answered(call)


def contradict(product: MakeProduct) -> Desk:
    """A file asks for six units at least, staff allows five at most."""
    one = product(sku=f"{next(numbers)}-rule", unit="jar")
    skus = database.rows("SELECT sku FROM product WHERE id = %s", [one])
    file = partial(imported, "sku,name,price,min_quantity", [f"{skus[0][0]},N,1,6"])
    staff = partial(changed, one, {"max_per_order": 5})
    return Desk(one, at_once(ServiceShop(), [file, staff]))


def check_rules(outcome: Desk) -> None:
    """One has its way, and the other gets the reason."""
    assert codes(outcome.answers) == {OK: 1, "validation_error": 1}
    assert outcome.rules in {(6, None), (1, 5)}


def test_one_of_a_contradicting_file_and_change_is_refused(
    product: MakeProduct,
) -> None:
    for _ in range(4):
        check_rules(contradict(product))


def test_a_file_keeps_changes_of_columns_that_it_does_not_have(product: MakeProduct) -> None:
    products, skus = stocked(product, 10)
    rows = [f"{sku},From the file,{at + 1}" for at, sku in enumerate(skus)]

    def patch(number: int) -> Answer:
        reported = [changed(one, {"unit": f"box {number}"}) for one in products[::-1]]
        return next((one for one in reported if one.code != OK), Answer(OK))

    tasks: list[Callable[[], Answer]] = [partial(patch, number) for number in range(3)]
    tasks += [partial(imported, "sku,name,price", rows)] * 2
    assert codes(at_once(ServiceShop(), tasks)) == {OK: len(tasks)}
    found = database.rows(
        "SELECT name, price, left(unit, 3), version FROM product WHERE id = ANY(%s) ORDER BY id",
        [products],
    )
    # As made, three changes by staff, and one by the file that came first.
    assert found == [("From the file", Decimal(at + 1), "box", 5) for at in range(10)]
    assert_agree(products)


def test_a_file_waits_for_archiving_and_restores_the_product(
    product: MakeProduct,
) -> None:
    (one,), (sku,) = stocked(product, 1)
    archived = Event()

    def archiving() -> Answer:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("UPDATE product SET archived_at = now() WHERE id = %s", [one])
            archived.set()
            sleep(4 * PAUSE)
            cursor.execute("COMMIT")
        return Answer(OK)

    def file() -> Answer:
        archived.wait(10)
        return imported("sku,name,price", [f"{sku},Back,1"])

    _, answer = at_once(ServiceShop(), [archiving, file])
    assert answer.content.changed == 1
    assert database.rows("SELECT archived_at, name FROM product") == [(None, "Back")]
    assert_agree([one])
