"""Concurrent files of the same new products are stored one after the other, each completely.

The guards are the single transaction of a file, the lock of imports, and the statement itself,
which returns the new products.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from larder.catalog import sql as catalog_sql
from larder.catalog.fields import REQUIRED
from larder.catalog.services import product_import
from larder.catalog.services.product_import import WrittenProduct
from larder.core.clock import now
from larder.db import database
from larder.inventory.services.authors import Author
from larder.inventory.services.products import put_product
from tests.system.race.books import assert_agree
from tests.system.race.control import assert_breaks
from tests.system.race.files import (
    ANY_FILE,
    PART,
    codes,
    deadlocked,
    imported,
    in_pieces,
    nothing_is_violated,
    numbers,
)
from tests.system.race.gate import READ
from tests.system.race.interleaving import Race, interleave
from tests.system.race.shops import OK, Answer, ServiceShop, answered, at_once

pytestmark = pytest.mark.django_db(transaction=True)
FILES, ROWS = 5, 40


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product_import, "PART", PART)


SEEN = "SELECT count(*), count(DISTINCT name) FROM product WHERE sku LIKE %s"


@dataclass
class Files:
    """What came of files with the same new SKUs; `seen` is what a reader saw meanwhile: how many
    of the products there were, and how many files' names they had."""

    shop: str
    answers: list[Answer]
    seen: set[tuple[int, int]] = field(default_factory=set)

    @property
    def openings(self) -> Counter[int]:
        """How many opening entries there are for each product."""
        found = database.rows(
            "SELECT product_id, cause = 'opening' FROM ledger_entry"
            " JOIN product ON product.id = product_id WHERE sku LIKE %s",
            [self.shop + "%"],
        )
        return Counter(product for product, opening in found if opening)


def compete(*, turned: bool = False) -> Files:
    """FILES files of the same ROWS new SKUs at once, each with names and a separate stock; every
    second one `turned` upside down."""
    shop = f"{next(numbers)}/"
    outcome, done = Files(shop, []), set[int]()

    def send(number: int) -> Answer:
        rows = [f"{shop}{sku:02},File {number},1,{number + 1}" for sku in range(ROWS)]
        if turned and number % 2:
            rows.reverse()
        try:
            return imported("sku,name,price,quantity", rows)
        finally:
            done.add(number)

    def look() -> Answer:
        while len(done) < FILES:
            outcome.seen.update(database.rows(SEEN, [shop + "%"]))
        return Answer(OK)

    files: list[Callable[[], Answer]] = [partial(send, number) for number in range(FILES)]
    *outcome.answers, _ = at_once(ServiceShop(), [*files, look])
    return outcome


def check_files(outcome: Files) -> None:
    """One after the other, each as a whole; the first one's stock was booked, once."""
    assert codes(outcome.answers) == {OK: FILES}
    did = Counter((one.content.created, one.content.changed) for one in outcome.answers)
    assert did == {(ROWS, 0): 1, (0, ROWS): FILES - 1}
    assert outcome.seen <= {(0, 0), (ROWS, 1)}
    first = next(at for at, one in enumerate(outcome.answers) if one.content.created)
    stock = database.rows(
        "SELECT DISTINCT available FROM stock JOIN product ON product.id = product_id"
        " WHERE sku LIKE %s",
        [outcome.shop + "%"],
    )
    assert stock == [(first + 1,)]
    assert set(outcome.openings.values()) == {1}
    assert len(outcome.openings) == ROWS
    assert_agree(outcome.openings)
    nothing_is_violated()


@pytest.mark.parametrize("turned", [False, True])
def test_files_of_the_same_new_products_are_stored_one_after_the_other(turned: bool) -> None:
    for _ in range(2):
        check_files(compete(turned=turned))


def test_without_the_lock_two_files_deadlock_on_new_products(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the files of one direction the first writes its first part, and the others wait for it."""
    store = product_import.store

    def store_and_wait(*given: Any, **others: Any) -> Iterator[list[WrittenProduct]]:
        for part in store(*given, **others):
            READ.wait()
            yield part

    monkeypatch.setattr(product_import, "store", store_and_wait)
    monkeypatch.setattr(catalog_sql, "ONE_FILE", ANY_FILE)
    assert_breaks(
        lambda: compete(turned=True),
        check_files,
        fault=lambda outcome: deadlocked(outcome.answers),
        meet=2,
    )


def test_deciding_before_the_write_opens_the_stock_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The write itself tells; the books refuse the second opening even so."""
    upsert, own_word, lines = catalog_sql.upsert, "product.xmax = 0 AS is_new", "FROM product_file,"
    looked_up = "NOT EXISTS (SELECT FROM product AS old WHERE old.sku = product.sku) AS is_new"
    assert own_word in upsert(REQUIRED)
    assert lines in upsert(REQUIRED)

    def look_up(given: Collection[str]) -> str:
        gate = f"FROM product_file CROSS JOIN ({READ.statement}) AS gate,"
        return upsert(given).replace(own_word, looked_up).replace(lines, gate)

    monkeypatch.setattr(catalog_sql, "upsert", look_up)
    monkeypatch.setattr(catalog_sql, "ONE_FILE", ANY_FILE)
    assert_breaks(
        compete,
        check_files,
        fault=lambda outcome: "IntegrityError" in codes(outcome.answers),
        meet=2,
    )
    nothing_is_violated()


def test_without_the_transaction_half_of_a_file_is_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    assert seen_beside_a_file() == 0
    in_pieces(monkeypatch)
    assert 0 < seen_beside_a_file() < ROWS


def seen_beside_a_file() -> int:
    """How many products of a file a reader sees after the first part was written."""
    shop = f"{next(numbers)}/"
    rows = [f"{shop}{sku:02},A file,1,1" for sku in range(ROWS)]
    race = Race(
        partial(imported, "sku,name,price,quantity", rows),
        lambda: database.rows(SEEN, [shop + "%"]),
        "INSERT INTO product (",
        None,
        lambda _: True,
    )
    outcome = interleave(race)
    assert (outcome.first.code, outcome.waited) == (OK, False)
    return int(outcome.second.content[0][0])


def test_a_product_put_during_imports_is_created_once() -> None:
    for number in range(3):
        skus = [f"{number}-{sku}" for sku in range(ROWS)]
        rows = [f"{sku},From a file,1,3" for sku in skus]

        def put(sku: str) -> Answer:
            fields = {"name": "Put", "price": Decimal(1)}
            return answered(
                lambda: Answer(OK, put_product(sku, fields, quantity=5, author=Author(None, now())))
            )

        tasks = [partial(imported, "sku,name,price,quantity", rows)] * 2
        tasks += [partial(put, sku) for sku in skus[:: ROWS // 5]]
        assert codes(at_once(ServiceShop(), tasks)) == {OK: len(tasks)}
        nothing_is_violated()
