"""An order's way through the shop: cancelled, or packed, shipped and delivered.

Moves raise what `held_orders.carry_out` raises, and return whether they repeat an earlier request
with their key. A move that was made before changes nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from larder.common.errors import Fault, InvalidInput
from larder.orders.lifecycle import CANCELLED, DELIVERED, PACKED, SHIPPED, Move
from larder.orders.services.held_orders import (
    Asked,
    HeldLine,
    HeldOrder,
    Shift,
    Step,
    carry_out,
)

NOTHING_PICKED = "nothing picked"
"""The reason of a cancellation that came of packing."""


@dataclass(frozen=True, slots=True)
class Picked:
    """How many units of a line were picked. The rest is `missing` from the shelf, or goes back."""

    product: int
    quantity: int
    missing: bool = True


def cancel_order(asked: Asked, *, reason: str = "") -> bool:
    """Cancels: all units can be ordered again. Customers can until the order is packed."""

    def cancel(held: HeldOrder) -> Step:
        shifts = [Shift(one.product, one.quantity, -one.quantity, "cancel") for one in held.lines]
        told = {"reason": reason} if reason else {}
        return Step(type="cancelled", status=CANCELLED, shifts=shifts, data=told)

    return carry_out(asked, Move.CANCEL, cancel)


def pack_order(asked: Asked, *, picked: Sequence[Picked] = ()) -> bool:
    """Packs what was picked; lines that `picked` does not name were picked in full.

    The order shrinks to what was picked; where nothing was, it is cancelled with its lines as
    they were ordered. Raises InvalidInput: a product that is not in the order, is named twice,
    or was picked more often than ordered.
    """
    return carry_out(asked, Move.PACK, lambda held: _packed(held, picked))


def ship_order(asked: Asked) -> bool:
    """The order leaves the house: its units are no longer on the shelf."""

    def ship(held: HeldOrder) -> Step:
        shifts = [Shift(one.product, 0, -one.quantity, "ship") for one in held.lines]
        return Step(type="shipped", status=SHIPPED, shifts=shifts)

    return carry_out(asked, Move.SHIP, ship)


def deliver_order(asked: Asked) -> bool:
    """The order has arrived."""
    return carry_out(asked, Move.DELIVER, lambda _: Step(type="delivered", status=DELIVERED))


def _packed(held: HeldOrder, picked: Sequence[Picked]) -> Step:
    found = list(_faults(held, picked))
    if found:
        raise InvalidInput(found)
    named = {one.product: one for one in picked}
    short = [
        (line, named[line.product])
        for line in held.lines
        if line.product in named and named[line.product].quantity < line.quantity
    ]
    told: dict[str, Any] = {"picked": [_told(line, one) for line, one in short]} if short else {}
    shifts = [_left_out(line, one) for line, one in short]
    if sum(one.quantity for one in held.lines) == sum(-one.committed for one in shifts):
        told = {"reason": NOTHING_PICKED, **told}
        return Step(type="cancelled", status=CANCELLED, shifts=shifts, data=told)
    quantities = {line.id: one.quantity for line, one in short}
    return Step(type="packed", status=PACKED, shifts=shifts, quantities=quantities, data=told)


def _faults(held: HeldOrder, picked: Sequence[Picked]) -> Iterator[Fault]:
    ordered: Mapping[int, int] = {one.product: one.quantity for one in held.lines}
    seen: set[int] = set()
    for position, one in enumerate(picked):
        where = f"/lines/{position}"
        if one.product not in ordered:
            yield Fault(f"{where}/product", "unknown_value", "The order has no such line.")
        elif one.product in seen:
            yield Fault(f"{where}/product", "duplicate", "The line was named before.")
        elif one.quantity > ordered[one.product]:
            detail = f"Expected at most {ordered[one.product]}, as many as were ordered."
            yield Fault(f"{where}/quantity", "out_of_range", detail)
        seen.add(one.product)


def _told(line: HeldLine, one: Picked) -> dict[str, Any]:
    return {
        "product": line.product,
        "ordered": line.quantity,
        "quantity": one.quantity,
        "missing": one.missing,
    }


def _left_out(line: HeldLine, one: Picked) -> Shift:
    """What was not there is nowhere; what was left there can be ordered again."""
    rest = line.quantity - one.quantity
    if one.missing:
        return Shift(line.product, 0, -rest, "missing")
    return Shift(line.product, rest, -rest, "pack")
