"""Returns shipped units to the shop, some of them or all."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from larder.orders.errors import ReturnExceedsShipped
from larder.orders.lifecycle import RETURNED, Move
from larder.orders.queries import LineView
from larder.orders.services.transitions import (
    LockedOrder,
    StockMove,
    Transition,
    TransitionRequest,
    apply_transition,
)


@dataclass(frozen=True, slots=True)
class ReturnedLine:
    """Returned units of a product. Without `restock` they cannot be sold again."""

    product: int
    quantity: int
    restock: bool = True


def return_order(request: TransitionRequest, *, lines: Sequence[ReturnedLine], reason: str) -> bool:
    """Books returned units. With the last unit the order's status becomes "returned".

    Adds up lines of the same product. Returns whether it repeats an earlier request with its key.
    Raises ReturnExceedsShipped, which names every faulty line, and what
    `transitions.apply_transition` raises.
    """
    return apply_transition(request, Move.RETURN, lambda order: _returned(order, lines, reason))


def _returned(order: LockedOrder, lines: Sequence[ReturnedLine], reason: str) -> Transition:
    units: Counter[tuple[int, bool]] = Counter()
    coming: Counter[int] = Counter()
    for one in lines:
        units[one.product, one.restock] += one.quantity
        coming[one.product] += one.quantity
    _refuse_too_many({one.product: one for one in order.lines}, coming)
    back = {one.id: one.returned + coming[one.product] for one in order.lines}
    returned = [
        {"product": product, "quantity": quantity, "restock": restock}
        for (product, restock), quantity in units.items()
    ]
    return Transition(
        type="returned",
        status=RETURNED
        if all(back[one.id] == one.quantity for one in order.lines)
        else order.status,
        event_data={"reason": reason, "lines": returned},
        stock_moves=[
            StockMove(product, n, 0, "return") for (product, again), n in units.items() if again
        ],
        returned={one.id: back[one.id] for one in order.lines if coming[one.product]},
    )


def _refuse_too_many(shipped: Mapping[int, LineView], coming: Mapping[int, int]) -> None:
    faulty: list[dict[str, Any]] = []
    for product, requested in coming.items():
        line = shipped.get(product)
        left, returned = (line.quantity, line.returned) if line else (0, 0)
        if requested > left - returned:
            there = {"requested": requested, "shipped": left, "returned": returned}
            faulty.append({"code": ReturnExceedsShipped.code, "product": product, **there})
    if faulty:
        raise ReturnExceedsShipped(faulty)
