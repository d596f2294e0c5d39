"""Keeps a client's copy of the catalogue up to date: first all products, then the changes."""

from collections.abc import Sequence
from dataclasses import dataclass

from larder.db import feed
from larder.db.feed import Feed, Mark
from larder.inventory.queries import Position, ProductFilter, StockedProduct, page, products

CHANGES = Feed(
    "product",
    "position",
    """(
    SELECT transaction_id, id AS position FROM product
    UNION ALL SELECT transaction_id, product_id FROM stock
) AS change WHERE {behind}""",
)
"""The ids of products that were added, changed or archived, or went in or out of stock: each at
most twice, where it was changed last and where its stock was. Plan: merges the ranges of
product_feed and stock_feed from the mark."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The current products, each once; the ids of those no longer on sale; the mark of the copy.
    `copied` is the last product id of the full copy, None once it is complete and only changes
    follow."""

    products: Sequence[StockedProduct]
    gone: Sequence[int]
    more: bool
    mark: Mark
    copied: int | None = None


def product_changes(
    customer: int, mark: Mark | None, copied: int | None = None, *, limit: int
) -> Changes:
    """Returns up to `limit` products with this customer's prices, after `mark` and `copied` of the
    Changes before. None begins a full copy.

    Products that change during the full copy follow again after it. Raises SinceExpired.
    """
    if mark is None:
        mark, copied = feed.begin(CHANGES), 0
    if copied is None:
        return _changed(customer, mark, limit)
    return _copied(customer, mark, copied, limit)


def _copied(customer: int, mark: Mark, copied: int, limit: int) -> Changes:
    """Returns a page of the full copy. Reads the feed too, which checks the mark and says whether
    changes follow."""
    follows = feed.read(CHANGES, mark, limit=1)
    part = page(customer, after=Position(copied, copied), limit=limit)
    if part.more:
        return Changes(part.rows, [], part.more, mark, part.rows[-1].id)
    return Changes(part.rows, [], bool(follows.subjects), mark)


def _changed(customer: int, mark: Mark, limit: int) -> Changes:
    """Returns a page of changes. The products are read after the feed: a change in between is in
    this page, and comes again in a later one."""
    part = feed.read(CHANGES, mark, limit=limit)
    ids = set(part.subjects)
    these = ProductFilter(ids=tuple(ids), described=True)
    shown = products(customer, these, limit=None) if ids else []
    gone = sorted(ids - {product.id for product in shown})
    return Changes(shown, gone, part.more, part.mark)
