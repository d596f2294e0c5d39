"""Cancels, packs, ships and delivers orders, undoes packing and shipping, and corrects tracking.

Each function raises what `transitions.apply_transition` raises, and returns whether it repeats an
earlier request with its key. A move that was made before changes nothing. If the request gives
other values than the earlier one (picked quantities, the reason of a cancellation, or a tracking
number), the function raises ConflictingRepeat.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from larder.core.errors import DomainError, Fault, InvalidInput, together
from larder.core.invisible import has_invisible
from larder.inventory.services import holds
from larder.inventory.services import movements as inventory
from larder.orders.errors import ConflictingRepeat, InvalidTransition
from larder.orders.lifecycle import CANCELLED, DELIVERED, HELD, PACKED, PLACED, SHIPPED, Move
from larder.orders.queries import LineView
from larder.orders.queries.event_log import last_event_data
from larder.orders.services.transitions import (
    Conflict,
    LockedOrder,
    StockMove,
    Transition,
    TransitionRequest,
    apply_transition,
    is_undone,
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

    def cancel(order: LockedOrder) -> Transition:
        event_data = {"reason": reason} if reason else {}
        transition = Transition(type="cancelled", status=CANCELLED, event_data=event_data)
        if order.status in HELD:
            return _with_release(transition, order)
        stock_moves = [
            StockMove(one.product, one.quantity, -one.quantity, "cancel") for one in order.lines
        ]
        return replace(transition, stock_moves=stock_moves)

    def conflict(order: LockedOrder) -> DomainError | None:
        if not reason:
            return None
        given = (last_event_data(order.id, "cancelled") or {}).get("reason", "")
        same = given == reason
        return None if same else ConflictingRepeat(order.status, Move.CANCEL, {"reason": given})

    return apply_transition(request, Move.CANCEL, cancel, conflict=conflict)


def _with_release(transition: Transition, order: LockedOrder) -> Transition:
    """Returns the cancellation of an order that was not confirmed: it releases the units that have
    not expired."""
    balances = inventory.lock({one.product for one in order.lines})
    held = holds.submit_held([order.id])()[order.id]
    holds.end([order.id])
    stock_moves = [StockMove(product, units, -units, "release") for product, units in held.items()]
    return replace(transition, stock_moves=stock_moves, balances=balances)


def pack_order(request: TransitionRequest, *, picked: Sequence[Picked] = ()) -> bool:
    """Packs an order. Lines that `picked` does not name were picked in full.

    Reduces the lines to the picked quantities. If nothing was picked, cancels the order and keeps
    its lines. Raises InvalidInput for a product that is not in the order, is named twice, or was
    picked more often than ordered. Raises ConflictingRepeat if the order was packed before with
    other quantities than a given `picked`.
    """
    return apply_transition(
        request,
        Move.PACK,
        lambda order: _packed(order, picked),
        conflict=lambda order: _conflict_in_packing(order, picked),
    )


def ship_order(request: TransitionRequest, *, tracking: Tracking = UNTRACKED) -> bool:
    """Ships a packed order: its units leave the stock.

    Raises InvalidInput for invisible characters. Raises ConflictingRepeat if it was shipped before
    with another carrier or tracking number than a given one.
    """
    _refuse_invisible(tracking)

    def ship(order: LockedOrder) -> Transition:
        stock_moves = [StockMove(one.product, 0, -one.quantity, "ship") for one in order.lines]
        transition = Transition(type="shipped", status=SHIPPED, stock_moves=stock_moves)
        return replace(transition, details=_differing(order, tracking), event_data=tracking.given)

    def conflict(order: LockedOrder) -> DomainError | None:
        shipped = last_event_data(order.id, "shipped") or {}
        made = {name: shipped.get(name, "") for name in tracking.given}
        same = made == tracking.given
        return None if same else ConflictingRepeat(order.status, Move.SHIP, made)

    return apply_transition(request, Move.SHIP, ship, conflict=conflict)


def track_order(request: TransitionRequest, tracking: Tracking) -> bool:
    """Replaces carrier and tracking number of an order that was shipped. Changes nothing if it has
    these values. Raises InvalidInput for invisible characters."""
    _refuse_invisible(tracking)

    def track(order: LockedOrder) -> Transition:
        after = _differing(order, tracking)
        before = {name: getattr(order, name) for name in after}
        event_data = {"before": before, "after": after}
        return Transition(type="tracked", status=order.status, details=after, event_data=event_data)

    return apply_transition(
        request, Move.TRACK, track, is_satisfied=lambda order: not _differing(order, tracking)
    )


def _differing(order: LockedOrder, tracking: Tracking) -> dict[str, str]:
    """Returns the values that the order does not have. An order that is not shipped has some if
    it was unshipped by a server of an earlier version."""
    return {name: new for name, new in asdict(tracking).items() if new != getattr(order, name)}


def _refuse_invisible(tracking: Tracking) -> None:
    detail = "Control and invisible characters are not allowed."
    found = [
        Fault(f"/{name}", "invalid_format", detail)
        for name, value in tracking.given.items()
        if has_invisible(value)
    ]
    if found:
        raise InvalidInput(found)


def unpack_order(request: TransitionRequest) -> bool:
    """Undoes packing: the order is placed again, with the units that were picked. Missing units
    stay off the stock."""

    def unpack(order: LockedOrder) -> Transition:
        picked = (last_event_data(order.id, "packed") or {}).get("picked", ())
        short = {one["product"] for one in picked}
        lines = [one for one in order.lines if one.product in short]
        return Transition(
            type="unpacked",
            status=PLACED,
            quantities={one.id: one.quantity for one in lines},
            ordered={one.id: 0 for one in lines},
        )

    return apply_transition(request, Move.UNPACK, unpack, conflict=_unless_undone(Move.UNPACK))


def unship_order(request: TransitionRequest) -> bool:
    """Undoes shipping before the parcel has left: its units are committed again, and it has no
    tracking number any more.

    Raises InvalidTransition if units were returned: then they had left.
    """

    def unship(order: LockedOrder) -> Transition:
        if any(one.returned for one in order.lines):
            raise InvalidTransition(order.status, Move.UNSHIP)
        stock_moves = [StockMove(one.product, 0, one.quantity, "unship") for one in order.lines]
        return Transition(
            type="unshipped",
            status=PACKED,
            stock_moves=stock_moves,
            details={name: "" for name in asdict(UNTRACKED) if getattr(order, name)},
        )

    return apply_transition(request, Move.UNSHIP, unship, conflict=_unless_undone(Move.UNSHIP))


def _unless_undone(move: Move) -> Conflict:
    """Returns a check that refuses the repeat if the order was never undone."""
    return lambda order: (
        None if is_undone(order.id, move) else InvalidTransition(order.status, move)
    )


def deliver_order(request: TransitionRequest) -> bool:
    """Marks a shipped order as delivered."""

    def conflict(order: LockedOrder) -> DomainError | None:
        delivered = order.status == DELIVERED or last_event_data(order.id, "delivered") is not None
        return None if delivered else InvalidTransition(order.status, Move.DELIVER)

    def deliver(order: LockedOrder) -> Transition:
        return Transition(type="delivered", status=DELIVERED)

    return apply_transition(request, Move.DELIVER, deliver, conflict=conflict)


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
    event_data = last_event_data(order.id, "cancelled" if cancelled else "packed") or {}
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
            detail = "The order has no such line."
            yield one.product, Fault(f"{where}/product", "unknown_value", detail)
        elif one.product in seen:
            detail = "This product is already in another line."
            yield one.product, Fault(f"{where}/product", "duplicate", detail)
        elif one.quantity > units:
            detail = f"Expected at most {units}, the ordered quantity."
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
