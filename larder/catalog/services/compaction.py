"""Compacts the product feed: of a product that changes a thousand times, one row stays.

A row of the feed contains only a product id, and readers then read the current product. So a row
is redundant if a later row of the same product exists. It is deleted as soon as readers can read
the later one. No reader misses a change:
- A reader before the deleted row will read the later row. It is readable, because it is before the
  oldest open transaction (larder/db/feed.py), and that position only moves forwards. A reader in
  the middle of a full copy is in this case, and so is one that returns after a year.
- A reader between the two rows, or after both, has already read the deleted row.

The last row of each product stays for ever, also that of an archived product: readers learn from it
that the product is gone. A row that is not readable yet does not make an earlier one redundant:
until it is readable, the feed would contain no readable row of its product.

Only this feed is compacted. The events of orders are their history, which is append-only.
"""

from collections.abc import Iterator

from larder.catalog import sql
from larder.db import database


def compact(*, part: int) -> Iterator[int]:
    """Scans the feed from its beginning in parts of `part` rows. Yields the number of rows deleted
    in each. Each part is a separate transaction; the caller may stop after any part."""
    transaction_id, position = "0", 0
    while found := database.rows(sql.COMPACT, [transaction_id, position, part]):
        ((transaction_id, position, deleted),) = found
        yield deleted
