"""Places batches as `place_order` does, without its queue."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import cast

from larder.inventory.services.movements import lock
from larder.orders.queries.carts import stored_cart
from larder.orders.services.placing.place_batch import place_batch
from larder.orders.services.placing.placement import (
    CartChanged,
    Placed,
    Placement,
    Skipped,
    Terms,
    new_order,
)

LOCK_WAIT = 5.0


def place_orders(
    placements: Sequence[Placement],
    *,
    terms: Terms,
    now: datetime,
    first: frozenset[int] = frozenset(),
) -> list[Placed | Exception]:
    """Prepares and places a batch, as `place_batch` does, in one transaction that waits for its
    locks. A cart that changed is read again, and equal orders are placed one after the other."""
    carts = [stored_cart(each.customer) if each.cart else None for each in placements]
    orders = [new_order(each, now, cart) for each, cart in zip(placements, carts, strict=True)]
    names: set[object] = set()
    batch = []
    for order in orders:
        if names.isdisjoint(order.names):
            batch.append(order)
        names.update(order.names)
    wait = partial(lock, first) if first else None
    answers = place_batch(lambda: batch, terms=terms, lock_wait=LOCK_WAIT, wait=wait)
    skipped = [answer.products for answer in answers.values() if isinstance(answer, Skipped)]
    if skipped:
        return place_orders(placements, terms=terms, now=now, first=first.union(*skipped))
    return [
        place_orders([order.placement], terms=terms, now=now)[0]
        if order not in answers or isinstance(answers[order], CartChanged)
        else cast(Placed | Exception, answers[order])
        for order in orders
    ]
