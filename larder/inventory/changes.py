"""A copy of the catalogue that stays up to date: first everything, then what changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from larder.catalog.queries import CHANGES
from larder.db import feed
from larder.db.feed import Mark
from larder.inventory.queries import Position, ProductFilter, StockedProduct, products


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a copy is. `copied` is the last product of the first round, by id; None once that
    is through and only changes follow."""

    mark: Mark
    copied: int | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """Products as they stand, each once; ids of those no longer on sale; how far the copy is."""

    products: Sequence[StockedProduct]
    gone: Sequence[int]
    progress: Progress
    more: bool


def product_changes(customer: int, after: Progress | None, *, limit: int) -> Changes:
    """Up to `limit` products at this customer's prices: None begins with all of them.

    What changes while they are copied comes again behind them. Raises SinceExpired.
    """
    if after is None:
        after = Progress(feed.begin(CHANGES), copied=0)
    if after.copied is None:
        return _changed(customer, after.mark, limit)
    return _copied(customer, after.mark, after.copied, limit)


def _copied(customer: int, mark: Mark, copied: int, limit: int) -> Changes:
    """A page of the first round. The feed is looked at too: it knows whether the mark still
    holds, and whether anything follows."""
    follows = feed.read(CHANGES, mark, limit=1)
    place = Position(copied, copied)
    found = products(customer, after=place, limit=limit + 1)
    page = found[:limit]
    if len(found) > limit:
        return Changes(page, [], Progress(mark, page[-1].id), more=True)
    return Changes(page, [], Progress(mark), more=bool(follows.subjects))


def _changed(customer: int, mark: Mark, limit: int) -> Changes:
    """The products are read after the feed: what changes in between is shown now and comes
    again."""
    page = feed.read(CHANGES, mark, limit=limit)
    ids = tuple(sorted(set(page.subjects)))
    found = products(customer, ProductFilter(ids=ids), limit=None) if ids else []
    gone = sorted(set(ids) - {product.id for product in found})
    return Changes(found, gone, Progress(page.mark), page.more)
