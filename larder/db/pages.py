"""Pages that end by bytes: before the row with which their texts exceed MAX_PAGE_BYTES.

What is beyond the limit is not sent to the server process, so a page of long texts takes no more
memory there than a page of short ones.
"""

from collections.abc import Sequence
from typing import Any

from larder.core.limits import MAX_PAGE_BYTES
from larder.core.parts import Part


def within_bytes(statement: str, size: str) -> str:
    """Returns the statement that reads the rows of `statement`, in its order, up to the first row
    with which the sum of `size` exceeds MAX_PAGE_BYTES. The sum up to each row is its last column.

    `size` is an SQL expression of the statement's columns, in bytes; a row counts as at most
    MAX_PAGE_BYTES, so the first one always fits. `octet_length` reads only the header of a
    compressed or separately stored text. The plan of `statement` does not change: its rows go
    through a WindowAgg, which takes 3 µs for each (20 products: 350 instead of 290 µs). Their order
    is that of the subquery: without an ORDER BY the planner does not sort again.
    """
    counted = f"least({size}, {MAX_PAGE_BYTES})"
    return f"""
SELECT * FROM (
    SELECT page.*, sum({counted}) OVER (ROWS UNBOUNDED PRECEDING) AS bytes
    FROM ({statement}) AS page
) AS measured WHERE bytes - {counted} <= {MAX_PAGE_BYTES}
"""


def first_rows(found: Sequence[tuple[Any, ...]], limit: int | None) -> Part[tuple[Any, ...]]:
    """Returns the page from the rows of a `within_bytes` statement that finds `limit + 1` rows
    (None: all), without their sums: at least one row if there is one."""
    kept = [row[:-1] for row in found[:limit] if row[-1] <= MAX_PAGE_BYTES]
    return Part(kept, more=len(kept) < len(found))
