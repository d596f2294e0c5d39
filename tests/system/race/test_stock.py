"""Stock that staff count, correct and archive while it is ordered, changed and shipped.

The guards are the lock on the stock rows, and the trigger that makes archiving take it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.conftest import Person
from tests.system.race.books import assert_agree, shelf
from tests.system.race.interleaving import STOCK_READ, Race, assert_held
from tests.system.race.shops import OK, ServiceShop

STOCK, UNITS = 100, 6
ARCHIVED = 'UPDATE "product" SET'
SHOP = ServiceShop()

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tasks(person: Callable[..., Person], product: Callable[..., int]) -> dict[str, Any]:
    """A product, what is done with it, and an order of another product that gets units of it."""
    customer, clerk = person(), person(is_staff=True)
    jam, tea = product(stock=STOCK), product(stock=STOCK)
    packed, open_order = (SHOP.place(customer, [(each, UNITS)]).content.id for each in (jam, tea))
    SHOP.move(clerk, packed, "pack")
    return {
        "product": jam,
        "order": partial(SHOP.place, customer, [(jam, UNITS)]),
        "add": partial(SHOP.change, customer, open_order, [(tea, UNITS), (jam, UNITS)]),
        "ship": partial(SHOP.move, clerk, packed, "ship"),
        "receive": partial(SHOP.adjust, clerk, jam, delta=50),
        "count": partial(SHOP.adjust, clerk, jam, counted=80),
        "archive": partial(SHOP.archive, clerk, jam),
    }


CASES = [
    # The two calls, the code of the second, and the units that are left and committed. UNITS are
    # committed at first; a count says what is on the shelf, committed units included.
    ("order", "count", OK, 80 - 2 * UNITS, 2 * UNITS),
    ("count", "order", OK, 80 - 2 * UNITS, 2 * UNITS),
    ("order", "receive", OK, STOCK + 50 - 2 * UNITS, 2 * UNITS),
    ("receive", "order", OK, STOCK + 50 - 2 * UNITS, 2 * UNITS),
    ("receive", "count", OK, 80 - UNITS, UNITS),
    ("add", "count", OK, 80 - 2 * UNITS, 2 * UNITS),
    ("ship", "count", OK, 80, 0),
    ("count", "ship", OK, 80 - UNITS, 0),
    ("order", "archive", OK, STOCK - 2 * UNITS, 2 * UNITS),
    ("archive", "order", "unknown_product", STOCK - UNITS, UNITS),
    ("add", "archive", OK, STOCK - 2 * UNITS, 2 * UNITS),
    ("archive", "add", "unknown_product", STOCK - UNITS, UNITS),
]


@pytest.mark.parametrize(("first", "second", "code", "available", "committed"), CASES)
def test_stock_is_exact_after_two_concurrent_calls(
    first: str, second: str, code: str, available: int, committed: int, tasks: dict[str, Any]
) -> None:
    stop = ARCHIVED if first == "archive" else STOCK_READ
    assert_held(
        Race(
            tasks[first],
            tasks[second],
            stop,
            lambda outcome: outcome.codes == (OK, code),
        )
    )
    stock = shelf(tasks["product"])
    assert (stock.available, stock.committed) == (available, committed)
    assert_agree([tasks["product"]])
