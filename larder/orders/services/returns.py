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
    begin,
    lock,
    moving,
    write,
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
    Raises ReturnExceedsShipped, which names every faulty line, and what `transitions.begin` and
    `transitions.write` raise.
    """
    with moving(request) as is_repeat:
        if is_repeat:
            return True
        order = lock(request)
        if begin(order, request, Move.RETURN):
            write(order, request, Move.RETURN, _returned(order, lines, reason))
    return False


def _returned(order: LockedOrder, lines: Sequence[ReturnedLine], reason: str) -> Transition:
    units: Counter[tuple[int, bool]] = Counter()
    coming: Counter[int] = Counter()
    for line in lines:
        units[line.product, line.restock] += line.quantity
        coming[line.product] += line.quantity
    _refuse_too_many({line.product: line for line in order.lines}, coming)
    back = {line.id: line.returned + coming[line.product] for line in order.lines}
    is_last = all(back[line.id] == line.quantity for line in order.lines)
    returned = [
        {"product": product, "quantity": quantity, "restock": restock}
        for (product, restock), quantity in units.items()
    ]
    return Transition(
        type="returned",
        status=RETURNED if is_last else order.status,
        event_data={"reason": reason, "lines": returned},
        stock_moves=[
            StockMove(product, n, 0, "return") for (product, again), n in units.items() if again
        ],
        returned={line.id: back[line.id] for line in order.lines if coming[line.product]},
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
