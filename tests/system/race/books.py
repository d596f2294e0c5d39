"""The state of the tables after a race, counted independently of Larder's sums."""

from collections.abc import Collection
from dataclasses import dataclass

from larder.db import database
from larder.ops.books import invariants

_BOOKS = """
SELECT s.available, s.committed, ledger.*, last.available_after, last.committed_after, sold.units
FROM stock s
CROSS JOIN LATERAL (
    SELECT coalesce(sum(available_change), 0), coalesce(sum(committed_change), 0)
    FROM ledger_entry WHERE product_id = s.product_id
) AS ledger (available, committed)
CROSS JOIN LATERAL (
    SELECT available_after, committed_after
    FROM ledger_entry WHERE product_id = s.product_id ORDER BY id DESC LIMIT 1
) AS last
CROSS JOIN LATERAL (
    SELECT coalesce(sum(quantity), 0) FROM order_line JOIN "order" o ON o.id = order_id
    WHERE product_id = s.product_id AND o.status IN ('placed', 'packed')
) AS sold (units)
WHERE s.product_id = %s
"""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Units of a product as its stock row, its ledger's sums and last balances, and the orders
    that are still to be shipped have them."""

    available: int
    committed: int
    available_summed: int
    committed_summed: int
    available_last: int
    committed_last: int
    sold: int

    @property
    def agrees(self) -> bool:
        """Whether every book says the same."""
        return (
            self.available == self.available_summed == self.available_last
            and self.committed == self.committed_summed == self.committed_last == self.sold
        )


def shelf(product: int) -> Shelf:
    """The books of one product; it had an opening stock."""
    return Shelf(*database.rows(_BOOKS, [product])[0])


def assert_agree(products: Collection[int]) -> None:
    """Checks that stock, ledger and orders agree, and all invariants."""
    for product in products:
        assert shelf(product).agrees, shelf(product)
    assert not invariants.check().violated
