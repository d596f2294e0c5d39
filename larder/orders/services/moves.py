"""The moves of placed orders.

Each function raises what `moving`, `LockedOrder.begins` and `LockedOrder.write` raise. A move that
was made before changes nothing, or raises ConflictingRepeat if it was made with other values.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext
from msgspec.structs import replace

from larder.core.errors import DomainError, Fault, InvalidInput
from larder.core.texts import has_invisible
from larder.inventory.services.movements import held_by
from larder.orders.errors import ConflictingRepeat, InvalidTransition, ReturnExceedsShipped
from larder.orders.lifecycle import (
    CANCELLED,
    DELIVERED,
    HELD,
    PACKED,
    PLACED,
    RETURNED,
    SHIPPED,
    Move,
)
from larder.orders.queries import LineView
from larder.orders.services.transitions import LockedOrder, Moved, TransitionRequest, moving

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
    def known(self) -> dict[str, str]:
        """The values that are not empty."""
        return {name: value for name, value in asdict(self).items() if value}


UNTRACKED = Tracking()


@dataclass(frozen=True, slots=True)
class ReturnedLine:
    """Returned units of a product. Without `restock` they cannot be sold again."""

    product: int
    quantity: int
    restock: bool = True


def cancel_order(request: TransitionRequest, *, reason: str = "") -> Moved:
    """Cancels an order and releases its units, without those whose hold has expired. Customers can
    cancel until the order is packed."""
    with moving(request, Move.CANCEL, products=()) as order:
        before = order.events.get("cancelled", {}).get("reason", "")
        conflict = None
        if reason not in {"", before}:
            conflict = ConflictingRepeat(order.status, Move.CANCEL, {"reason": before})
        begun = order.begins(conflict=conflict)
        if begun is None:
            return order.unmoved
        units, cause = order.units, "cancel"
        if order.status in HELD:
            units, cause = held_by([order.row.id])[order.row.id], "release"
        back = [begun.movement(product, n, -n, cause) for product, n in units.items()]
        data = {"reason": reason} if reason else {}
        return begun.write(CANCELLED, movements=back, data=data)


def ship_order(request: TransitionRequest, *, tracking: Tracking = UNTRACKED) -> Moved:
    """Ships a packed order: its units leave the stock. Raises InvalidInput for invisible
    characters."""
    _refuse_invisible(tracking)
    with moving(request, Move.SHIP, products=()) as order:
        shipped = order.events.get("shipped", {})
        before = {name: shipped.get(name, "") for name in tracking.known}
        conflict = None
        if before != tracking.known:
            conflict = ConflictingRepeat(order.status, Move.SHIP, before)
        begun = order.begins(conflict=conflict)
        if begun is None:
            return order.unmoved
        return begun.write(
            SHIPPED,
            movements=[
                begun.movement(line.product, 0, -line.quantity, "ship") for line in order.lines
            ],
            details=asdict(tracking),
            data=tracking.known,
        )


def track_order(request: TransitionRequest, tracking: Tracking) -> Moved:
    """Replaces carrier and tracking number of an order that was shipped. Changes nothing if it has
    these values. Raises InvalidInput for invisible characters."""
    _refuse_invisible(tracking)
    with moving(request, Move.TRACK) as order:
        new = asdict(tracking)
        after = {name: new[name] for name in new if new[name] != getattr(order.row, name)}
        begun = order.begins(is_satisfied=not after)
        if begun is None:
            return order.unmoved
        before = {name: getattr(order.row, name) for name in after}
        data = {"before": before, "after": after}
        return begun.write(order.status, details=after, data=data)


def _refuse_invisible(tracking: Tracking) -> None:
    detail = gettext("Control and invisible characters are not allowed.")
    faults = [
        Fault(f"/{name}", "invalid_format", detail)
        for name, value in tracking.known.items()
        if has_invisible(value)
    ]
    if faults:
        raise InvalidInput(faults)


def unship_order(request: TransitionRequest) -> Moved:
    """Undoes shipping before the parcel has left: its units are committed again, and it has no
    tracking number any more. Raises InvalidTransition if units were returned."""
    with moving(request, Move.UNSHIP, products=()) as order:
        begun = order.begins(conflict=order.never_undone())
        if begun is None:
            return order.unmoved
        if any(line.returned for line in order.lines):
            raise InvalidTransition(order.status, Move.UNSHIP)
        return begun.write(
            PACKED,
            movements=[
                begun.movement(line.product, 0, line.quantity, "unship") for line in order.lines
            ],
            details=asdict(UNTRACKED),
        )


def deliver_order(request: TransitionRequest) -> Moved:
    """Marks a shipped order as delivered."""
    with moving(request, Move.DELIVER) as order:
        was_delivered = order.status == DELIVERED or "delivered" in order.events
        conflict = None if was_delivered else InvalidTransition(order.status, Move.DELIVER)
        begun = order.begins(conflict=conflict)
        return order.unmoved if begun is None else begun.write(DELIVERED)


def return_order(
    request: TransitionRequest, *, lines: Sequence[ReturnedLine], reason: str
) -> Moved:
    """Books returned units, and adds up lines of the same product. With the last unit the order's
    status becomes "returned". Raises ReturnExceedsShipped, which names every faulty line."""
    with moving(request, Move.RETURN, products=()) as order:
        begun = order.begins()
        return order.unmoved if begun is None else _take_back(begun, lines, reason)


def _take_back(order: LockedOrder, lines: Sequence[ReturnedLine], reason: str) -> Moved:
    units: Counter[tuple[int, bool]] = Counter()
    coming: Counter[int] = Counter()
    for line in lines:
        units[line.product, line.restock] += line.quantity
        coming[line.product] += line.quantity
    _refuse_too_many({line.product: line for line in order.lines}, coming)
    after = [replace(line, returned=line.returned + coming[line.product]) for line in order.lines]
    is_last = all(line.returned == line.quantity for line in after)
    returned = [
        {"product": product, "quantity": quantity, "restock": restock}
        for (product, restock), quantity in units.items()
    ]
    return order.write(
        RETURNED if is_last else order.status,
        lines=after,
        movements=[
            order.movement(product, n, 0, "return")
            for (product, restock), n in units.items()
            if restock
        ],
        data={"reason": reason, "lines": returned},
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


def pack_order(request: TransitionRequest, *, picked: Sequence[Picked] = ()) -> Moved:
    """Packs an order. Lines that `picked` does not name were picked in full.

    Reduces the lines to the picked quantities. If nothing was picked, cancels the order and keeps
    its lines. Raises InvalidInput for a product that is not in the order, is named twice, or was
    picked more often than ordered.
    """
    with moving(request, Move.PACK, products=() if picked else None) as order:
        begun = order.begins(conflict=_conflict(order, picked))
        return order.unmoved if begun is None else _pack(begun, picked)


def _pack(order: LockedOrder, picked: Sequence[Picked]) -> Moved:
    ordered = order.units
    if faults := [*_faults(ordered, picked)]:
        raise InvalidInput(faults)
    short = _short(ordered, picked)
    lines, left_out, movements = [], [], []
    for line in order.lines:
        units = short.get(line.product)
        if units is None:
            lines.append(line)
            continue
        lines.append(replace(line, quantity=units.quantity, ordered=line.quantity))
        left_out.append({**asdict(units), "ordered": line.quantity})
        rest = line.quantity - units.quantity
        # Missing units leave the stock; others become available again.
        back, cause = (0, "missing") if units.missing else (rest, "pack")
        movements.append(order.movement(line.product, back, -rest, cause))
    data: dict[str, Any] = {"picked": left_out} if short else {}
    if not any(line.quantity for line in lines):
        data = {"reason": NOTHING_PICKED, **data}
        return order.write(CANCELLED, movements=movements, data=data)
    return order.write(
        PACKED, movements=movements, lines=[line for line in lines if line.quantity], data=data
    )


def unpack_order(request: TransitionRequest) -> Moved:
    """Undoes packing: the order is placed again, with the units that were picked. Missing units
    stay off the stock."""
    with moving(request, Move.UNPACK) as order:
        begun = order.begins(conflict=order.never_undone())
        if begun is None:
            return order.unmoved
        lines = [replace(line, ordered=None) for line in order.lines]
        return begun.write(PLACED, lines=lines)


def _conflict(order: LockedOrder, picked: Sequence[Picked]) -> DomainError | None:
    """Returns the refusal if the order was packed with other quantities, or was not packed.

    The event has the quantities of the first request: lines of which nothing was picked are no
    longer in the order. A cancelled order counts as packed only if packing cancelled it.
    """
    is_cancelled = order.status == CANCELLED
    data = order.events.get("cancelled" if is_cancelled else "packed", {})
    if is_cancelled and not (picked and "picked" in data):
        return InvalidTransition(order.status, Move.PACK)
    earlier = data.get("picked", ())
    ordered = order.units | {line["product"]: line["ordered"] for line in earlier}
    if faults := [*_faults(ordered, picked)]:
        return InvalidInput(faults)
    packed = {
        line["product"]: Picked(line["product"], line["quantity"], line["missing"])
        for line in earlier
    }
    requested = _short(ordered, picked) if picked else packed
    differing = [
        _difference(Picked(product, units), requested.get(product), packed.get(product))
        for product, units in ordered.items()
        if requested.get(product) != packed.get(product)
    ]
    return ConflictingRepeat(order.status, Move.PACK, {"lines": differing}) if differing else None


def _difference(full: Picked, requested: Picked | None, packed: Picked | None) -> dict[str, Any]:
    """Returns a line of the refusal: `picked` are the units that were packed."""
    units = {"requested": (requested or full).quantity, "picked": (packed or full).quantity}
    missing = {} if packed is None else {"missing": packed.missing}
    return {"code": ConflictingRepeat.code, "product": full.product, **units, **missing}


def _short(ordered: Mapping[int, int], picked: Sequence[Picked]) -> dict[int, Picked]:
    """Returns the lines that were not picked in full, by product."""
    return {line.product: line for line in picked if line.quantity < ordered.get(line.product, 0)}


def _faults(ordered: Mapping[int, int], picked: Sequence[Picked]) -> Iterator[Fault]:
    seen: set[int] = set()
    for position, line in enumerate(picked):
        where, units = f"/lines/{position}", ordered.get(line.product)
        if units is None:
            detail = gettext("The order has no such line.")
            yield Fault(f"{where}/product", "unknown_value", detail)
        elif line.product in seen:
            detail = gettext("This product is already in another line.")
            yield Fault(f"{where}/product", "duplicate", detail)
        elif line.quantity > units:
            detail = gettext("Expected at most {}, the ordered quantity.").format(units)
            yield Fault(f"{where}/quantity", "out_of_range", detail)
        seen.add(line.product)
