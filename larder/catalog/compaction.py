"""Keeping the feed of products short: a product that changes a thousand times is told of once.

A row of the feed names a product and nothing else, and whoever reads it looks at the product as
it stands. So a row that a later one of the same product follows tells nothing of its own, and is
deleted as soon as the later one can be read too. No reader misses anything by that, wherever they
are:
- before the deleted row: the later one is still to come, and can be read now, for it is before
  the oldest open transaction (larder/db/feed.py), which only ever moves forwards. A reader
  who is in the middle of a full copy is in this place, as is one who was away for a year;
- between the two, or behind both: what was deleted had been read.
The last row of each product stays for ever, that of an archived one too: it is what a tombstone is
told by. A row that cannot be read yet supersedes nothing: until it can, its product would be told
of by no row at all, though an earlier change of it was settled long ago.

Only this feed is compacted. The events of orders are their history, which is append-only.
"""

from collections.abc import Iterator

from larder.catalog import sql
from larder.db import database


def compact(*, part: int) -> Iterator[int]:
    """Walks the feed from its beginning by parts of `part` rows; yields how many of each it
    deleted. Each is a transaction of its own, and what is not walked is left to the next time."""
    transaction_id, position = "0", 0
    while found := database.rows(sql.COMPACT, [transaction_id, position, part]):
        ((transaction_id, position, deleted),) = found
        yield deleted
