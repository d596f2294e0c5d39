"""Corrections of stock without an order: goods received, damaged, counted, dispatched."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.utils.translation import gettext

from larder.catalog import queries as catalog
from larder.core.errors import (
    DomainError,
    Fault,
    InvalidInput,
    NotFound,
    UnknownProducts,
    refusal,
    together,
)
from larder.core.ids import new_id
from larder.db import idempotency
from larder.db.idempotency import Claim
from larder.identity.caller import Caller
from larder.identity.services import audit
from larder.identity.services.credentials import require_permitted
from larder.inventory.errors import PRECEDENCE, CountBelowCommitted, InsufficientStock
from larder.inventory.models import Adjustment
from larder.inventory.services.locks import moving_stock
from larder.inventory.services.movements import (
    Balance,
    Movement,
    lock,
    move,
    unit_entries,
    without_room,
)

CORRECTION = "correction"
"""The reason of an adjustment that sets the available units."""

PERMISSION = "inventory.add_adjustment"

DISPATCHED = "dispatched"
"""The reason of an adjustment that removes units from the shop without an order."""


@dataclass(frozen=True, slots=True)
class AdjustmentLine:
    """A change of the available units (`delta`), or the units found on the shelf (`counted`).
    `product` is an id or a SKU."""

    product: int | str
    delta: int | None = None
    counted: int | None = None


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The id of an adjustment, and whether the request repeats an earlier one."""

    id: UUID
    replayed: bool


@dataclass(frozen=True, slots=True)
class Cause:
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
) -> Adjusted:
    """Corrects stock, all lines or none. Several deltas of one product are added.

    A count is of all units on the shelf: the change is counted − available − committed.
    Raises UnknownProducts, InsufficientStock, CountBelowCommitted or StockLimitExceeded, the first
    one in PRECEDENCE, with all faulty lines. Raises InvalidInput if a counted product occurs in
    another line, with the refusal of the other lines in it. Raises KeyReused, Overloaded, and what
    `_lock_permitted` raises.
    """
    named = _with_ids(lines)
    book = partial(book_lines, named, cause, caller=caller, now=now)
    with moving_stock(by_staff=True):
        made = idempotency.once(claim, book, now=now)
    return Adjusted(UUID(made.result), made.replayed)


def book_lines(
    lines: Sequence[AdjustmentLine], cause: Cause, *, caller: Caller, now: datetime
) -> UUID:
    """Corrects stock as `adjust_stock` does, in the caller's transaction. Returns the adjustment's
    id."""
    ids = {line.product for line in lines if isinstance(line.product, int)}
    balances = _lock_permitted(caller, ids)
    return _adjust(lines, balances, cause, actor=caller.public_id, now=now)


def _lock_permitted(caller: Caller, products: Iterable[int]) -> dict[int, Balance]:
    """Locks the products of a caller who still may adjust stock.

    The caller is read after the locks, because the request may have waited for them. Raises
    SessionEnded, NotStaff, PermissionMissing, SecondFactorRequired.
    """
    balances = lock(products)
    require_permitted(caller, PERMISSION)
    return balances


def _with_ids(lines: Sequence[AdjustmentLine]) -> list[AdjustmentLine]:
    """Replaces SKUs by ids. A line with an unknown SKU stays unchanged, to be reported."""
    ids = catalog.ids_by_sku({line.product for line in lines if isinstance(line.product, str)})
    return [
        replace(line, product=ids.get(line.product, line.product))
        if isinstance(line.product, str)
        else line
        for line in lines
    ]


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
    _refuse_faulty(lines, changes, balances)
    # A count that equals the expected number changes nothing and needs no entry.
    moved = {product: change for product, change in sorted(changes.items()) if change}
    reason = cause.reason
    adjustment = Adjustment.objects.create(
        id=new_id(), actor=actor, reason=reason, at=now, products=list(moved), note=cause.note
    )
    reference = str(adjustment.id)
    movements = [
        Movement(product, change, 0, reason, reference, actor) for product, change in moved.items()
    ]
    move(movements, balances, now=now)
    # An adjustment that changes nothing is stored too, so it has an entry.
    made = audit.Entry(
        f"adjustment:{adjustment.id}", "create", after={"reason": reason, "lines": len(lines)}
    )
    audit.record_all([made, *unit_entries(moved, balances, reason)])
    return adjustment.id


def dispatch(product: int, quantity: int, *, caller: Caller, now: datetime) -> None:
    """Removes `quantity` units (at least 1) of a product on sale from the shop, without an order.

    Raises NotFound (also for an archived product), InsufficientStock, Overloaded, and what
    `_lock_permitted` raises.
    """
    if quantity < 1:
        raise ValueError(f"dispatch of {quantity} units")
    with moving_stock(by_staff=True):
        balances = _lock_permitted(caller, [product])
        # Checked under the lock, because archiving takes the same lock.
        if not catalog.offers(balances):
            raise NotFound
        line = AdjustmentLine(product, delta=-quantity)
        _adjust([line], balances, Cause(DISPATCHED), actor=caller.public_id, now=now)


def set_available(
    product: int, quantity: int, balances: Mapping[int, Balance], *, actor: UUID, now: datetime
) -> None:
    """Corrects a locked product's stock so that `quantity` units are available.

    `balances` is the result of `lock` in this transaction. Writes nothing if nothing changes.
    Raises StockLimitExceeded.
    """
    delta = quantity - balances[product].available
    if delta:
        line = AdjustmentLine(product, delta=delta)
        _adjust([line], balances, Cause(CORRECTION), actor=actor, now=now)


def _refuse_faulty(
    lines: Sequence[AdjustmentLine],
    changes: Mapping[int, int],
    balances: Mapping[int, Balance],
) -> None:
    """Raises the refusals of all faulty lines. A product that is counted twice has no change."""
    doubled = _double_counts(lines)
    twice = {lines[position].product for position in doubled}
    decided = {product: change for product, change in changes.items() if product not in twice}
    faulty = [*_unknown(lines, balances), *_impossible(lines, decided, balances)]
    refusals: list[DomainError] = [refusal(faulty, PRECEDENCE)] if faulty else []
    if doubled:
        detail = gettext("A counted product may occur in one line only.")
        where = [f"/lines/{position}/product" for position in doubled]
        refusals.insert(0, InvalidInput([Fault(one, "duplicate", detail) for one in where]))
    if refusals:
        raise together(refusals)


def _double_counts(lines: Sequence[AdjustmentLine]) -> list[int]:
    """Returns the positions of lines whose product is counted, and in an earlier line too."""
    counted = {line.product for line in lines if line.counted is not None}
    seen: set[int | str] = set()
    found = []
    for position, line in enumerate(lines):
        if line.product in seen & counted:
            found.append(position)
        seen.add(line.product)
    return found


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
