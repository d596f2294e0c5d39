"""The lock of a stock count."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from larder.core.clock import now
from larder.inventory.models import CountedProduct, Stock
from larder.inventory.queries import fingerprint_of, running_count
from larder.inventory.services import counts
from tests.conftest import Person
from tests.system.race.interleaving import (
    Race,
    assert_held,
)
from tests.system.race.shops import OK

LIMIT_READ = 'SELECT COUNT(*) AS "__count" FROM "counted_product"'
ROW_READ = '("counted_product"."actor" = %s AND "counted_product"."product_id" = %s) ORDER BY'
COUNT_READ = 'FROM "counted_product" INNER JOIN "stock"'


@dataclass(frozen=True)
class Counting:
    """A member of staff who counts two products, each with five units in stock."""

    who: Person
    jam: int
    tea: int

    def scan(self, product: int, units: int) -> None:
        """Adds units of a product."""
        counts.add_units(product, units, caller=self.who.caller, now=now())

    def confirmation(self) -> Callable[[], object]:
        """What books the count as it is now."""
        caller = self.who.caller
        shown = fingerprint_of(running_count(caller.public_id))
        return lambda: counts.book_count(shown, "", checked=[self.jam], caller=caller, now=now())

    def counted(self) -> dict[int, int]:
        """The units of each product in the count."""
        return dict(CountedProduct.objects.values_list("product", "counted"))

    def in_stock(self) -> int:
        """The units of the first product in stock."""
        return Stock.objects.get(pk=self.jam).available


@pytest.fixture
def counting(
    transactional_db: None,
    person: Callable[..., Person],
    product: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> Counting:
    """The count may have one product."""
    monkeypatch.setattr(counts, "MAX_LINES", 1)
    owner = person("owner", is_staff=True, is_superuser=True)
    return Counting(owner, product(stock=5), product(stock=5))


def last_place_for_a_product(counting: Counting) -> Race:
    """A count has as many products as its limit says."""
    return Race(
        lambda: counting.scan(counting.jam, 1),
        lambda: counting.scan(counting.tea, 1),
        LIMIT_READ,
        lambda outcome: (
            outcome.codes == (OK, "validation_error") and counting.counted() == {counting.jam: 1}
        ),
    )


def two_scans(counting: Counting) -> Race:
    """Two scans of a product add up."""
    counting.scan(counting.jam, 1)
    return Race(
        lambda: counting.scan(counting.jam, 1),
        lambda: counting.scan(counting.jam, 2),
        ROW_READ,
        lambda outcome: outcome.codes == (OK, OK) and counting.counted() == {counting.jam: 4},
    )


def scan_while_the_count_is_booked(counting: Counting) -> Race:
    """A scan that comes while a count is booked begins the next count."""
    counting.scan(counting.jam, 3)
    return Race(
        counting.confirmation(),
        lambda: counting.scan(counting.jam, 1),
        COUNT_READ,
        lambda outcome: (
            outcome.codes == (OK, OK)
            and (counting.in_stock(), counting.counted()) == (3, {counting.jam: 1})
        ),
    )


def confirmation_while_a_product_is_scanned(counting: Counting) -> Race:
    """A count that a scan changes is not booked as it was before."""
    counting.scan(counting.jam, 3)
    return Race(
        lambda: counting.scan(counting.jam, 1),
        counting.confirmation(),
        ROW_READ,
        lambda outcome: (
            outcome.codes == (OK, "count_changed")
            and (counting.in_stock(), counting.counted()) == (5, {counting.jam: 4})
        ),
    )


RACES = [
    last_place_for_a_product,
    two_scans,
    scan_while_the_count_is_booked,
    confirmation_while_a_product_is_scanned,
]


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_changes_of_a_count_follow_one_another(
    race: Callable[[Counting], Race], counting: Counting
) -> None:
    assert_held(race(counting))
