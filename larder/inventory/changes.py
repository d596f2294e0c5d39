"""Keeps a client's copy of the catalogue up to date: first all products, then the changes."""

from collections.abc import Sequence
from dataclasses import dataclass

from larder.catalog.queries import CHANGES
from larder.db import feed
from larder.db.feed import Mark
from larder.inventory.queries import Position, ProductFilter, StockedProduct, products


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a copy. `copied` is the last product id of the full copy. None means that the
    full copy is complete and only changes follow."""

    mark: Mark
    copied: int | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """The current products, each once; the ids of those no longer on sale; the copy's progress."""

    products: Sequence[StockedProduct]
    gone: Sequence[int]
    progress: Progress
    more: bool


def product_changes(customer: int, after: Progress | None, *, limit: int) -> Changes:
    """Returns up to `limit` products with this customer's prices. None begins a full copy.

    Products that change during the full copy follow again after it. Raises SinceExpired.
    """
    if after is None:
        after = Progress(feed.begin(CHANGES), copied=0)
    if after.copied is None:
        return _changed(customer, after.mark, limit)
    return _copied(customer, after.mark, after.copied, limit)


def _copied(customer: int, mark: Mark, copied: int, limit: int) -> Changes:
    """Returns a page of the full copy. Reads the feed too, which checks the mark and says whether
    changes follow."""
    follows = feed.read(CHANGES, mark, limit=1)
    place = Position(copied, copied)
    found = products(customer, after=place, limit=limit + 1)
    page = found[:limit]
    if len(found) > limit:
        return Changes(page, [], Progress(mark, page[-1].id), more=True)
    return Changes(page, [], Progress(mark), more=bool(follows.subjects))


def _changed(customer: int, mark: Mark, limit: int) -> Changes:
    """Returns a page of changes. The products are read after the feed: a change in between is in
    this page, and comes again in a later one."""
    page = feed.read(CHANGES, mark, limit=limit)
    ids = tuple(sorted(set(page.subjects)))
    found = products(customer, ProductFilter(ids=ids), limit=None) if ids else []
    gone = sorted(set(ids) - {product.id for product in found})
    return Changes(found, gone, Progress(page.mark), page.more)
