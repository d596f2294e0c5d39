"""Corrections of stock without an order: goods received, damaged, counted, dispatched."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.utils.translation import gettext

from larder.catalog import queries as catalog
from larder.catalog.prices import offers
from larder.core.errors import Fault, InvalidInput, NotFound, UnknownProducts, refusal
from larder.core.ids import new_id
from larder.db import idempotency
from larder.db.idempotency import Claim
from larder.identity.caller import Caller
from larder.identity.services import audit
from larder.identity.services.credentials import require_permitted
from larder.inventory.errors import PRECEDENCE, CountBelowCommitted, InsufficientStock
from larder.inventory.models import Adjustment
from larder.inventory.services.movements import (
    Balance,
    Movement,
    lock,
    move,
    moving_stock,
    without_room,
)

CORRECTION = "correction"
"""The reason of an adjustment that sets the available units."""

PERMISSION = "inventory.add_adjustment"

DISPATCHED = "dispatched"
"""The reason of an adjustment that removes units from the shop without an order."""


class AdjustmentLine(NamedTuple):
    """A change of the available units (`delta`), or the units found on the shelf (`counted`).
    `product` is an id or a SKU."""

    product: int | str
    delta: int | None = None
    counted: int | None = None


class Cause(NamedTuple):
    """The reason and the note of an adjustment."""

    reason: str
    note: str = ""


def adjust_stock(
    lines: Sequence[AdjustmentLine],
    cause: Cause,
    *,
    caller: Caller,
    now: datetime,
    claim: Claim | None = None,
) -> tuple[UUID, bool]:
    """Corrects stock, all lines or none. Several deltas of one product are added. Returns the id of
    the adjustment, and whether the request repeats an earlier one.

    Raises UnknownProducts, InsufficientStock, CountBelowCommitted or StockLimitExceeded, the first
    one in PRECEDENCE, with all faulty lines; InvalidInput if a counted product occurs in another
    line; KeyReused, Overloaded, and what `require_permitted` raises.
    """
    ids = catalog.ids_by_sku({line.product for line in lines if isinstance(line.product, str)})
    # A line with an unknown SKU keeps it, to be reported.
    named = [line._replace(product=ids.get(str(line.product), line.product)) for line in lines]
    _refuse_double_counts(named)
    with moving_stock(by_staff=True):
        adjusted = idempotency.once(
            claim, lambda: book_lines(named, cause, caller=caller, now=now), now=now
        )
    return UUID(adjusted.result), adjusted.replayed


def book_lines(
    lines: Sequence[AdjustmentLine], cause: Cause, *, caller: Caller, now: datetime
) -> UUID:
    """Does what `adjust_stock` does, in the caller's transaction. Returns the adjustment's id."""
    ids = {line.product for line in lines if isinstance(line.product, int)}
    balances = _lock_permitted(caller, ids)
    return _adjust(lines, balances, cause, actor=caller.public_id, now=now)


def _lock_permitted(caller: Caller, products: Iterable[int]) -> dict[int, Balance]:
    balances = lock(products)
    # After the locks, because the request may have waited for them.
    require_permitted(caller, PERMISSION)
    return balances


def _adjust(
    lines: Sequence[AdjustmentLine],
    balances: Mapping[int, Balance],
    cause: Cause,
    *,
    actor: UUID,
    now: datetime,
) -> UUID:
    """Checks the lines of locked products and writes them to the ledger."""
    changes = _changes(lines, balances)
    if faulty := [*_unknown(lines, balances), *_impossible(lines, changes, balances)]:
        raise refusal(faulty, PRECEDENCE)
    # A count that equals the expected number changes nothing and needs no entry.
    moved = {product: change for product, change in sorted(changes.items()) if change}
    id, reason = new_id(), cause.reason
    Adjustment.objects.create(id=id, actor=actor, reason=reason, at=now, note=cause.note)
    movements = [
        Movement(product, change, 0, reason, str(id), actor) for product, change in moved.items()
    ]
    move(movements, balances, now=now)
    # The ledger has the units of each product, and who moved them.
    audit.record(f"adjustment:{id}", "create", after={"reason": reason, "lines": len(lines)})
    return id


def dispatch(product: int, quantity: int, *, caller: Caller, now: datetime) -> None:
    """Removes `quantity` units (at least 1) of a product on sale from the shop, without an order.
    Raises NotFound, InsufficientStock, Overloaded, and what `require_permitted` raises."""
    if quantity < 1:
        raise ValueError(f"dispatch of {quantity} units")
    with moving_stock(by_staff=True):
        balances = _lock_permitted(caller, [product])
        # Checked under the lock, because archiving takes the same lock.
        if not offers(balances):
            raise NotFound
        line = AdjustmentLine(product, delta=-quantity)
        _adjust([line], balances, Cause(DISPATCHED), actor=caller.public_id, now=now)


def set_available(
    product: int, quantity: int, balances: Mapping[int, Balance], *, actor: UUID, now: datetime
) -> None:
    """Corrects a locked product's stock so that `quantity` units are available. `balances` is the
    result of `lock`. Writes nothing if nothing changes. Raises StockLimitExceeded."""
    if delta := quantity - balances[product].available:
        line = AdjustmentLine(product, delta=delta)
        _adjust([line], balances, Cause(CORRECTION), actor=actor, now=now)


def _refuse_double_counts(lines: Sequence[AdjustmentLine]) -> None:
    """Refuses lines whose product is counted, and in an earlier line too."""
    counted = {line.product for line in lines if line.counted is not None}
    products = [line.product for line in lines]
    detail = gettext("A counted product may occur in one line only.")
    faults = [
        Fault(f"/lines/{place}/product", "duplicate", detail)
        for place, product in enumerate(products)
        if product in counted and product in products[:place]
    ]
    if faults:
        raise InvalidInput(faults)


def _changes(lines: Sequence[AdjustmentLine], balances: Mapping[int, Balance]) -> dict[int, int]:
    """Returns the change of the available units of each known product."""
    changes: dict[int, int] = {}
    for line in lines:
        if isinstance(line.product, int) and line.product in balances:
            change = line.delta or 0
            if line.counted is not None:
                change = line.counted - sum(balances[line.product])
            changes[line.product] = changes.get(line.product, 0) + change
    return changes


def _unknown(
    lines: Sequence[AdjustmentLine], balances: Mapping[int, Balance]
) -> Iterator[dict[str, Any]]:
    # Each product once, even if several lines contain it.
    for product in dict.fromkeys(line.product for line in lines):
        if product not in balances:
            named = "sku" if isinstance(product, str) else "product"
            yield {"code": UnknownProducts.code, named: product}


def _impossible(
    lines: Sequence[AdjustmentLine],
    changes: Mapping[int, int],
    balances: Mapping[int, Balance],
) -> Iterator[dict[str, Any]]:
    moved = {product: Balance(change, 0) for product, change in changes.items()}
    yield from without_room(moved, balances)
    counted = {line.product: line.counted for line in lines if line.counted is not None}
    for product, change in changes.items():
        available, committed = balances[product]
        if available + change >= 0:
            continue
        if product in counted:
            details = {"counted": counted[product], "committed": committed}
            yield {"code": CountBelowCommitted.code, "product": product, **details}
        else:
            details = {"requested": -change, "available": available}
            yield {"code": InsufficientStock.code, "product": product, **details}
