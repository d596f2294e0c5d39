"""What was shipped comes back, in parts or whole."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from larder.orders.errors import ReturnExceedsShipped
from larder.orders.lifecycle import RETURNED, Move
from larder.orders.services.held_orders import Asked, HeldLine, HeldOrder, Shift, Step, carry_out


@dataclass(frozen=True, slots=True)
class ReturnedLine:
    """Units of a product that came back; without `restock` they cannot be sold again."""

    product: int
    quantity: int
    restock: bool = True


def return_order(asked: Asked, *, lines: Sequence[ReturnedLine], reason: str) -> bool:
    """Books what came back; with the last unit the order is returned.

    Lines of one product are added up. Returns whether it repeats an earlier request with its key.
    Raises ReturnExceedsShipped, which names every line at fault, and what
    `held_orders.carry_out` raises.
    """
    return carry_out(asked, Move.RETURN, lambda held: _returned(held, lines, reason))


def _returned(held: HeldOrder, lines: Sequence[ReturnedLine], reason: str) -> Step:
    units: Counter[tuple[int, bool]] = Counter()
    coming: Counter[int] = Counter()
    for one in lines:
        units[one.product, one.restock] += one.quantity
        coming[one.product] += one.quantity
    _refuse_too_many({one.product: one for one in held.lines}, coming)
    back = {one.id: one.returned + coming[one.product] for one in held.lines}
    told = [
        {"product": product, "quantity": quantity, "restock": restock}
        for (product, restock), quantity in units.items()
    ]
    return Step(
        type="returned",
        status=RETURNED if all(back[one.id] == one.quantity for one in held.lines) else held.status,
        data={"reason": reason, "lines": told},
        shifts=[Shift(product, n, 0, "return") for (product, again), n in units.items() if again],
        returned={one.id: back[one.id] for one in held.lines if coming[one.product]},
    )


def _refuse_too_many(shipped: Mapping[int, HeldLine], coming: Mapping[int, int]) -> None:
    told: list[dict[str, Any]] = []
    for product, requested in coming.items():
        line = shipped.get(product)
        left, returned = (line.quantity, line.returned) if line else (0, 0)
        if requested > left - returned:
            there = {"requested": requested, "shipped": left, "returned": returned}
            told.append({"code": ReturnExceedsShipped.code, "product": product, **there})
    if told:
        raise ReturnExceedsShipped(told)
