"""Files of products beside each other, beside orders, and beside changes by staff.

The guards are the single transaction of a file, the lock of imports, and the locks of known
products.
"""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from itertools import count
from threading import Event
from typing import Any

import pytest

from larder.catalog.services import product_import
from larder.db import database
from larder.inventory.services.products import change_stocked_product, put_product
from larder.ops.books import invariants
from tests.conftest import Person
from tests.system.race.books import assert_agree
from tests.system.race.files import AUTHOR, imported
from tests.system.race.interleaving import Race, assert_held
from tests.system.race.phones import codes
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once

MakePerson = Callable[..., Person]
MakeProduct = Callable[..., int]
FILES, ROWS, STOCK = 5, 40, 1000
ARCHIVED = 'UPDATE "product" SET'
SHOP = ServiceShop()
numbers = count(1)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part has seven rows, so that files have several."""
    monkeypatch.setattr(product_import, "PART", 7)


def changed(product: int, fields: dict[str, Any]) -> Answer:
    """Staff changes a product."""

    def call() -> Answer:
        change_stocked_product(product, fields, quantity=None, author=AUTHOR)
        return Answer(OK)

    return answered(call)


def stocked(product: MakeProduct, number: int) -> tuple[list[int], list[str]]:
    """Products of one price, and their SKUs."""
    skus = [f"{next(numbers)}-{place}" for place in range(number)]
    return [product(sku=sku, stock=STOCK, price="1") for sku in skus], skus


@pytest.mark.parametrize("is_turned", [False, True])
def test_files_of_the_same_new_products_are_stored_one_after_the_other(is_turned: bool) -> None:
    """Each has names and a stock of its own, every second one may be `turned` upside down. A reader
    sees no part of a file meanwhile."""
    skus, seen, done = [f"A/{number:02}" for number in range(ROWS)], set(), set[int]()

    def send(number: int) -> Answer:
        rows = [f"{sku},File {number},1,{number + 1}" for sku in skus]
        try:
            return imported(
                "sku,name,price,quantity", rows[:: -1 if is_turned and number % 2 else 1]
            )
        finally:
            done.add(number)

    def look() -> Answer:
        while len(done) < FILES:
            seen.update(database.rows("SELECT count(*), count(DISTINCT name) FROM product"))
        return Answer(OK)

    files: list[Callable[[], Answer]] = [partial(send, number) for number in range(FILES)]
    *answers, _ = at_once(SHOP, [*files, look])
    assert codes(answers) == {OK: FILES}
    results = Counter((answer.content.created, answer.content.changed) for answer in answers)
    assert results == {(ROWS, 0): 1, (0, ROWS): FILES - 1}
    assert seen <= {(0, 0), (ROWS, 1)}
    first = next(place for place, answer in enumerate(answers) if answer.content.created)
    assert database.rows("SELECT DISTINCT available FROM stock") == [(first + 1,)]
    openings = database.rows("SELECT product_id FROM ledger_entry WHERE cause = 'opening'")
    assert len(openings) == len(set(openings)) == ROWS
    assert_agree([product for (product,) in openings])


def test_a_product_put_during_imports_is_created_once() -> None:
    def put(sku: str) -> Answer:
        fields = {"name": "Put", "price": Decimal(1)}
        return answered(lambda: Answer(OK, put_product(sku, fields, quantity=5, author=AUTHOR)))

    for number in range(3):
        skus = [f"{number}-{sku}" for sku in range(ROWS)]
        rows = [f"{sku},From a file,1,3" for sku in skus]
        tasks = [partial(imported, "sku,name,price,quantity", rows)] * 2
        tasks += [partial(put, sku) for sku in skus[::8]]
        assert codes(at_once(SHOP, tasks)) == {OK: len(tasks)}
    assert not invariants.check().violated


def test_orders_are_placed_while_files_change_and_staff_archive_their_products(
    person: MakePerson, product: MakeProduct
) -> None:
    """Four buyers order all products, upwards and downwards, as long as staff archive them, and
    files have other prices. Orders name what is gone, and have the prices of one file; there is no
    deadlock."""
    (products, skus), who, is_over = stocked(product, 4), person(), Event()

    def buy(number: int) -> list[Answer]:
        lines, answers = (
            [(each, 1) for each in products[:: -1 if number % 2 else 1]],
            list[Answer](),
        )
        while not is_over.is_set():
            answers.append(SHOP.place(who, lines))
        return answers

    def reprice() -> list[Answer]:
        files = [[f"{sku},Back,{price}" for sku in skus] for price in range(2, 10)]
        return [imported("sku,name,price", file) for file in files]

    def archive() -> list[Answer]:
        try:
            return [SHOP.archive(who, each) for each in products[::-1] * 8]
        finally:
            is_over.set()

    tasks: list[Callable[[], list[Answer]]] = [reprice, archive]
    repriced, archived, *orders = at_once(SHOP, tasks + [partial(buy, n) for n in range(4)])
    assert codes(repriced).keys() == {OK}
    assert codes(archived).keys() <= {OK, "not_found"}
    answers = [answer for own in orders for answer in own]
    assert codes(answers).keys() <= {OK, "unknown_product"}
    placed = [answer.content.lines for answer in answers if answer.code == OK]
    assert {len({line.unit_price for line in lines}) for lines in placed} <= {1}
    assert_agree(products)


def test_one_of_a_contradicting_file_and_change_is_refused(product: MakeProduct) -> None:
    """A file asks for six units at least, staff allows five at most."""
    for _ in range(4):
        (each,), (sku,) = stocked(product, 1)
        file = partial(imported, "sku,name,price,min_quantity", [f"{sku},N,1,6"])
        answers = at_once(SHOP, [file, partial(changed, each, {"max_per_order": 5})])
        assert codes(answers) == {OK: 1, "validation_error": 1}
        rules = "SELECT min_quantity, max_per_order FROM product WHERE id = %s"
        assert database.rows(rules, [each])[0] in {(6, None), (1, 5)}


def test_a_file_waits_for_archiving_and_changes_the_archived_product(
    person: MakePerson, product: MakeProduct
) -> None:
    (each,), (sku,) = stocked(product, 1)
    archive = partial(SHOP.archive, person(), each)
    file = partial(imported, "sku,name,price", [f"{sku},Back,1"])
    assert_held(Race(archive, file, ARCHIVED, lambda outcome: outcome.codes == (OK, OK)))
    assert database.rows("SELECT archived_at IS NULL, name FROM product") == [(False, "Back")]
    assert_agree([each])
