"""An order's way through the shop: cancelled, or packed, shipped and delivered.

Moves raise what `held_orders.carry_out` raises, and return whether they repeat an earlier request
with their key. A move that was made before changes nothing; one that says more than the move
itself (what was picked, why it is cancelled) and says it otherwise than before is no repeat.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from larder.core.errors import DomainError, Fault, InvalidInput
from larder.orders.errors import ConflictingRepeat, InvalidTransition
from larder.orders.lifecycle import CANCELLED, DELIVERED, PACKED, SHIPPED, Move
from larder.orders.queries.event_log import told
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
    """Cancels: all units can be ordered again. Customers can until the order is packed.

    Raises ConflictingRepeat: it was cancelled before, for another reason than is given now.
    """

    def cancel(held: HeldOrder) -> Step:
        shifts = [Shift(one.product, one.quantity, -one.quantity, "cancel") for one in held.lines]
        data = {"reason": reason} if reason else {}
        return Step(type="cancelled", status=CANCELLED, shifts=shifts, data=data)

    def difference(held: HeldOrder) -> DomainError | None:
        if not reason:
            return None
        given = (told(held.id, "cancelled") or {}).get("reason", "")
        same = given == reason
        return None if same else ConflictingRepeat(held.status, Move.CANCEL, {"reason": given})

    return carry_out(asked, Move.CANCEL, cancel, difference=difference)


def pack_order(asked: Asked, *, picked: Sequence[Picked] = ()) -> bool:
    """Packs what was picked; lines that `picked` does not name were picked in full.

    The order shrinks to what was picked; where nothing was, it is cancelled with its lines as
    they were ordered. Raises InvalidInput: a product that is not in the order, is named twice,
    or was picked more often than ordered; ConflictingRepeat: it was packed before, and `picked` is
    given and says otherwise.
    """
    return carry_out(
        asked,
        Move.PACK,
        lambda held: _packed(held, picked),
        difference=lambda held: _conflict_in_packing(held, picked),
    )


def ship_order(asked: Asked) -> bool:
    """The order leaves the house: its units are no longer on the shelf."""

    def ship(held: HeldOrder) -> Step:
        shifts = [Shift(one.product, 0, -one.quantity, "ship") for one in held.lines]
        return Step(type="shipped", status=SHIPPED, shifts=shifts)

    return carry_out(asked, Move.SHIP, ship)


def deliver_order(asked: Asked) -> bool:
    """The order has arrived."""

    def difference(held: HeldOrder) -> DomainError | None:
        delivered = held.status == DELIVERED or told(held.id, "delivered") is not None
        return None if delivered else InvalidTransition(held.status, Move.DELIVER)

    def deliver(held: HeldOrder) -> Step:
        return Step(type="delivered", status=DELIVERED)

    return carry_out(asked, Move.DELIVER, deliver, difference=difference)


def _packed(held: HeldOrder, picked: Sequence[Picked]) -> Step:
    ordered = {one.product: one.quantity for one in held.lines}
    _refuse_faulty(ordered, picked)
    named = _short(ordered, picked)
    short = [(line, named[line.product]) for line in held.lines if line.product in named]
    data: dict[str, Any] = {"picked": [_told(line, one) for line, one in short]} if short else {}
    shifts = [_left_out(line, one) for line, one in short]
    if sum(ordered.values()) == sum(-one.committed for one in shifts):
        data = {"reason": NOTHING_PICKED, **data}
        return Step(type="cancelled", status=CANCELLED, shifts=shifts, data=data)
    return Step(
        type="packed",
        status=PACKED,
        shifts=shifts,
        quantities={line.id: one.quantity for line, one in short},
        ordered={line.id: line.quantity for line, _ in short},
        data=data,
    )


def _conflict_in_packing(held: HeldOrder, picked: Sequence[Picked]) -> DomainError | None:
    """Compares with the event: the lines are what was picked, without those that were not there
    at all. A cancelled order was packed only if it was cancelled by that."""
    cancelled = held.status == CANCELLED
    if not picked:
        return InvalidTransition(held.status, Move.PACK) if cancelled else None
    data = told(held.id, "cancelled" if cancelled else "packed") or {}
    if cancelled and "picked" not in data:
        return InvalidTransition(held.status, Move.PACK)
    short = data.get("picked", ())
    before = {one["product"]: one["ordered"] for one in short}
    ordered = {one.product: one.quantity for one in held.lines} | before
    _refuse_faulty(ordered, picked)
    made = {
        one["product"]: Picked(one["product"], one["quantity"], one["missing"]) for one in short
    }
    other = _differences(ordered, made, _short(ordered, picked))
    return ConflictingRepeat(held.status, Move.PACK, {"lines": other}) if other else None


def _differences(
    ordered: Mapping[int, int], made: Mapping[int, Picked], asked: Mapping[int, Picked]
) -> list[dict[str, Any]]:
    """Each line that was packed otherwise than is asked for: `requested` now, `picked` then."""
    return [
        {
            "code": ConflictingRepeat.code,
            "product": product,
            "requested": asked.get(product, Picked(product, units)).quantity,
            "picked": made.get(product, Picked(product, units)).quantity,
            **({"missing": made[product].missing} if product in made else {}),
        }
        for product, units in ordered.items()
        if asked.get(product) != made.get(product)
    ]


def _short(ordered: Mapping[int, int], picked: Sequence[Picked]) -> dict[int, Picked]:
    """What was not picked in full, by product."""
    return {one.product: one for one in picked if one.quantity < ordered[one.product]}


def _refuse_faulty(ordered: Mapping[int, int], picked: Sequence[Picked]) -> None:
    found = list(_faults(ordered, picked))
    if found:
        raise InvalidInput(found)


def _faults(ordered: Mapping[int, int], picked: Sequence[Picked]) -> Iterator[Fault]:
    seen: set[int] = set()
    for position, one in enumerate(picked):
        where = f"/lines/{position}"
        if one.product not in ordered:
            yield Fault(f"{where}/product", "unknown_value", "The order has no such line.")
        elif one.product in seen:
            yield Fault(f"{where}/product", "duplicate", "This product is already in another line.")
        elif one.quantity > ordered[one.product]:
            detail = f"Expected at most {ordered[one.product]}, the ordered quantity."
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
