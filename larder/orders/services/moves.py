"""Cancels, packs, ships and delivers orders, undoes packing and shipping, and corrects tracking.

Each function raises what `transitions.begin` and `transitions.write` raise, and returns whether it
repeats an earlier request with its key. A move that was made before changes nothing. If the request
gives other values than the earlier one (picked quantities, the reason of a cancellation, or a
tracking number), the function raises ConflictingRepeat.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.utils.translation import gettext

from larder.core.errors import DomainError, Fault, InvalidInput, together
from larder.core.invisible import has_invisible
from larder.inventory.services import holds
from larder.inventory.services import movements as inventory
from larder.orders.errors import ConflictingRepeat, InvalidTransition
from larder.orders.lifecycle import CANCELLED, DELIVERED, HELD, PACKED, PLACED, SHIPPED, Move
from larder.orders.queries import LineView
from larder.orders.services.transitions import (
    LockedOrder,
    StockMove,
    Transition,
    TransitionRequest,
    begin,
    is_undone,
    lock,
    moving,
    write,
)

NOTHING_PICKED = "nothing picked"
"""The reason of a cancellation by packing an order of which nothing was picked."""


@dataclass(frozen=True, slots=True)
class Picked:
    """The picked units of a line. The other units are `missing`, or can be ordered again."""

    product: int
    quantity: int
    missing: bool = True


@dataclass(frozen=True, slots=True)
class Tracking:
    """The carrier of a parcel and its number there; empty if unknown."""

    carrier: str = ""
    tracking_number: str = ""

    @property
    def given(self) -> dict[str, str]:
        """The values that are not empty."""
        return {name: value for name, value in asdict(self).items() if value}


UNTRACKED = Tracking()


def cancel_order(request: TransitionRequest, *, reason: str = "") -> bool:
    """Cancels an order and releases its units. Customers can cancel until the order is packed.

    Raises ConflictingRepeat if it was cancelled before for another reason.
    """
    with moving(request) as is_repeat:
        if is_repeat:
            return True
        order = lock(request)
        before = order.events.get("cancelled", {}).get("reason", "")
        differs = reason not in {"", before}
        conflict = ConflictingRepeat(order.status, Move.CANCEL, {"reason": before})
        if not begin(order, request, Move.CANCEL, conflict=conflict if differs else None):
            return False
        transition = Transition(
            type="cancelled", status=CANCELLED, event_data={"reason": reason} if reason else {}
        )
        if order.status in HELD:
            transition = _with_release(transition, order)
        else:
            units = [(line.product, line.quantity) for line in order.lines]
            back = [StockMove(product, n, -n, "cancel") for product, n in units]
            transition = replace(transition, stock_moves=back)
        write(order, request, Move.CANCEL, transition)
    return False


def _with_release(transition: Transition, order: LockedOrder) -> Transition:
    """Returns the cancellation of an order that was not confirmed: it releases the units that have
    not expired."""
    products = {line.product for line in order.lines}
    balances, held = inventory.submit_lock_of_held(products, [order.id])()
    holds.end([order.id])
    back = [StockMove(product, n, -n, "release") for product, n in held[order.id].items()]
    return replace(transition, stock_moves=back, balances=balances)


def pack_order(request: TransitionRequest, *, picked: Sequence[Picked] = ()) -> bool:
    """Packs an order. Lines that `picked` does not name were picked in full.

    Reduces the lines to the picked quantities. If nothing was picked, cancels the order and keeps
    its lines. Raises InvalidInput for a product that is not in the order, is named twice, or was
    picked more often than ordered. Raises ConflictingRepeat if the order was packed before with
    other quantities than a given `picked`.
    """
    with moving(request) as is_repeat:
        if is_repeat:
            return True
        order = lock(request)
        if begin(order, request, Move.PACK, conflict=_conflict_in_packing(order, picked)):
            write(order, request, Move.PACK, _packed(order, picked))
    return False


def ship_order(request: TransitionRequest, *, tracking: Tracking = UNTRACKED) -> bool:
    """Ships a packed order: its units leave the stock.

    Raises InvalidInput for invisible characters. Raises ConflictingRepeat if it was shipped before
    with another carrier or tracking number than a given one.
    """
    _refuse_invisible(tracking)
    with moving(request) as is_repeat:
        if is_repeat:
            return True
        order = lock(request)
        shipped = order.events.get("shipped", {})
        before = {name: shipped.get(name, "") for name in tracking.given}
        conflict = ConflictingRepeat(order.status, Move.SHIP, before)
        differs = before != tracking.given
        if begin(order, request, Move.SHIP, conflict=conflict if differs else None):
            transition = Transition(
                type="shipped",
                status=SHIPPED,
                stock_moves=[
                    StockMove(one.product, 0, -one.quantity, "ship") for one in order.lines
                ],
                details=_differing(order, tracking),
                event_data=tracking.given,
            )
            write(order, request, Move.SHIP, transition)
    return False


def track_order(request: TransitionRequest, tracking: Tracking) -> bool:
    """Replaces carrier and tracking number of an order that was shipped. Changes nothing if it has
    these values. Raises InvalidInput for invisible characters."""
    _refuse_invisible(tracking)
    with moving(request) as is_repeat:
        if is_repeat:
            return True
        order = lock(request)
        after = _differing(order, tracking)
        if begin(order, request, Move.TRACK, is_satisfied=not after):
            before = {name: getattr(order.row, name) for name in after}
            transition = Transition(
                type="tracked",
                status=order.status,
                details=after,
                event_data={"before": before, "after": after},
            )
            write(order, request, Move.TRACK, transition)
    return False


def _differing(order: LockedOrder, tracking: Tracking) -> dict[str, str]:
    """Returns the values that the order does not have. An order that is not shipped has some if
    it was unshipped by a server of an earlier version."""
    return {name: new for name, new in asdict(tracking).items() if new != getattr(order.row, name)}


def _refuse_invisible(tracking: Tracking) -> None:
    detail = gettext("Control and invisible characters are not allowed.")
    faults = [
        Fault(f"/{name}", "invalid_format", detail)
        for name, value in tracking.given.items()
        if has_invisible(value)
    ]
    if faults:
        raise InvalidInput(faults)


def unpack_order(request: TransitionRequest) -> bool:
    """Undoes packing: the order is placed again, with the units that were picked. Missing units
    stay off the stock."""
    with moving(request) as is_repeat:
        if is_repeat:
            return True
        order = lock(request)
        if begin(order, request, Move.UNPACK, conflict=_never_undone(order, Move.UNPACK)):
            picked = order.events.get("packed", {}).get("picked", ())
            short = {line["product"] for line in picked}
            lines = [line for line in order.lines if line.product in short]
            transition = Transition(
                type="unpacked",
                status=PLACED,
                quantities={line.id: line.quantity for line in lines},
                ordered={line.id: 0 for line in lines},
            )
            write(order, request, Move.UNPACK, transition)
    return False


def unship_order(request: TransitionRequest) -> bool:
    """Undoes shipping before the parcel has left: its units are committed again, and it has no
    tracking number any more.

    Raises InvalidTransition if units were returned: then they had left.
    """
    with moving(request) as is_repeat:
        if is_repeat:
            return True
        order = lock(request)
        if begin(order, request, Move.UNSHIP, conflict=_never_undone(order, Move.UNSHIP)):
            if any(line.returned for line in order.lines):
                raise InvalidTransition(order.status, Move.UNSHIP)
            transition = Transition(
                type="unshipped",
                status=PACKED,
                stock_moves=[
                    StockMove(line.product, 0, line.quantity, "unship") for line in order.lines
                ],
                details={name: "" for name in asdict(UNTRACKED) if getattr(order.row, name)},
            )
            write(order, request, Move.UNSHIP, transition)
    return False


def _never_undone(order: LockedOrder, move: Move) -> DomainError | None:
    """Returns the refusal of a repeat if the order was never undone."""
    return None if is_undone(order, move) else InvalidTransition(order.status, move)


def deliver_order(request: TransitionRequest) -> bool:
    """Marks a shipped order as delivered."""
    with moving(request) as is_repeat:
        if is_repeat:
            return True
        order = lock(request)
        was_delivered = order.status == DELIVERED or "delivered" in order.events
        conflict = None if was_delivered else InvalidTransition(order.status, Move.DELIVER)
        if begin(order, request, Move.DELIVER, conflict=conflict):
            transition = Transition(type="delivered", status=DELIVERED)
            write(order, request, Move.DELIVER, transition)
    return False


def _packed(order: LockedOrder, picked: Sequence[Picked]) -> Transition:
    ordered = {one.product: one.quantity for one in order.lines}
    if found := [fault for _, fault in _faults(ordered, picked)]:
        raise InvalidInput(found)
    named = _short(ordered, picked)
    short = [(line, named[line.product]) for line in order.lines if line.product in named]
    event_data: dict[str, Any] = (
        {"picked": [_event_data(line, one) for line, one in short]} if short else {}
    )
    stock_moves = [_left_out(line, one) for line, one in short]
    if sum(ordered.values()) == sum(-one.committed for one in stock_moves):
        event_data = {"reason": NOTHING_PICKED, **event_data}
        return Transition(
            type="cancelled", status=CANCELLED, stock_moves=stock_moves, event_data=event_data
        )
    return Transition(
        type="packed",
        status=PACKED,
        stock_moves=stock_moves,
        quantities={line.id: one.quantity for line, one in short},
        ordered={line.id: line.quantity for line, _ in short},
        event_data=event_data,
    )


def _conflict_in_packing(order: LockedOrder, picked: Sequence[Picked]) -> DomainError | None:
    """Returns the refusal if the order was packed with other quantities, or was not packed, with
    the faults of other lines.

    The event has the quantities of the first request: lines of which nothing was picked are no
    longer in the order. A cancelled order counts as packed only if packing cancelled it.
    """
    cancelled = order.status == CANCELLED
    if not picked:
        return InvalidTransition(order.status, Move.PACK) if cancelled else None
    event_data = order.events.get("cancelled" if cancelled else "packed", {})
    if cancelled and "picked" not in event_data:
        return InvalidTransition(order.status, Move.PACK)
    short = event_data.get("picked", ())
    before = {one["product"]: one["ordered"] for one in short}
    ordered = {one.product: one.quantity for one in order.lines} | before
    found = [*_faults(ordered, picked)]
    faulty = {product for product, _ in found}
    sound = {product: units for product, units in ordered.items() if product not in faulty}
    made = {
        one["product"]: Picked(one["product"], one["quantity"], one["missing"]) for one in short
    }
    other = _differences(sound, made, _short(sound, picked))
    refusals: list[DomainError] = []
    if other:
        refusals.append(ConflictingRepeat(order.status, Move.PACK, {"lines": other}))
    if found:
        refusals.append(InvalidInput([fault for _, fault in found]))
    return together(refusals) if refusals else None


def _differences(
    ordered: Mapping[int, int], made: Mapping[int, Picked], requested: Mapping[int, Picked]
) -> list[dict[str, Any]]:
    """Returns each line whose packed quantity (`picked`) differs from the `requested` one."""
    return [
        {
            "code": ConflictingRepeat.code,
            "product": product,
            "requested": requested.get(product, Picked(product, units)).quantity,
            "picked": made.get(product, Picked(product, units)).quantity,
            **({"missing": made[product].missing} if product in made else {}),
        }
        for product, units in ordered.items()
        if requested.get(product) != made.get(product)
    ]


def _short(ordered: Mapping[int, int], picked: Sequence[Picked]) -> dict[int, Picked]:
    """Returns the lines that were not picked in full, by product."""
    return {one.product: one for one in picked if one.quantity < ordered.get(one.product, 0)}


def _faults(ordered: Mapping[int, int], picked: Sequence[Picked]) -> Iterator[tuple[int, Fault]]:
    """Yields the product and the fault of each faulty line."""
    seen: set[int] = set()
    for position, one in enumerate(picked):
        where, units = f"/lines/{position}", ordered.get(one.product)
        if units is None:
            detail = gettext("The order has no such line.")
            yield one.product, Fault(f"{where}/product", "unknown_value", detail)
        elif one.product in seen:
            detail = gettext("This product is already in another line.")
            yield one.product, Fault(f"{where}/product", "duplicate", detail)
        elif one.quantity > units:
            detail = gettext("Expected at most {}, the ordered quantity.").format(units)
            yield one.product, Fault(f"{where}/quantity", "out_of_range", detail)
        seen.add(one.product)


def _event_data(line: LineView, one: Picked) -> dict[str, Any]:
    return {
        "product": line.product,
        "ordered": line.quantity,
        "quantity": one.quantity,
        "missing": one.missing,
    }


def _left_out(line: LineView, one: Picked) -> StockMove:
    """Returns the stock move of the units that were not picked. Missing units leave the stock;
    others become available again."""
    rest = line.quantity - one.quantity
    if one.missing:
        return StockMove(line.product, 0, -rest, "missing")
    return StockMove(line.product, rest, -rest, "pack")
