"""Concurrent files of the same new products are stored one after the other, each completely.

The guards are the single transaction of a file, the lock of imports, and the statement itself,
which returns the new products.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial

import pytest

from larder.catalog.services import product_import
from larder.core.clock import now
from larder.db import database
from larder.inventory.services.authors import Author
from larder.inventory.services.products import put_product
from tests.system.race.books import assert_agree
from tests.system.race.files import (
    PART,
    codes,
    imported,
    nothing_is_violated,
    numbers,
)
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
