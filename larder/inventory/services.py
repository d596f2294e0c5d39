"""Every write of inventory. Stock changes only through `move`, which writes the ledger too."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from larder.catalog.services import create_product
from larder.common import database, idempotency
from larder.common.errors import Fault, InvalidInput, UnknownProducts, refusal
from larder.common.idempotency import Claim, Made
from larder.common.ids import new_id
from larder.inventory import sql
from larder.inventory.errors import (
    PRECEDENCE,
    CountBelowCommitted,
    InsufficientStock,
    StockLimitExceeded,
)
from larder.inventory.models import MOST_STOCK, Adjustment

OPENING = "opening"
CAUSES = frozenset({OPENING, "order", "change", "cancel", "pack", "missing", "ship", "return"})
"""What moves stock beside adjustments; no adjustment's reason may be one of these."""


class Balance(NamedTuple):
    """Units of one product, as they stand under the lock."""

    available: int
    committed: int


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry of the ledger to be: units of a product, and why."""

    product: int
    available: int
    committed: int
    cause: str
    reference: str
    actor: UUID


def lock(products: Iterable[int]) -> dict[int, Balance]:
    """Locks the stock rows in product order and reads them. Unknown products are not in it.

    Must run in a transaction; the locks last until it ends.
    """
    rows = database.rows(sql.LOCK, [list(products)])
    return {row[0]: Balance(row[1], row[2]) for row in rows}


def move(movements: Sequence[Movement], balances: Mapping[int, Balance], *, now: datetime) -> None:
    """Writes movements of locked products, one after the other, with the ledger that explains
    them. `balances` is what `lock` returned in this transaction."""
    if not movements:
        return
    after = dict(balances)
    entries = []
    for one in movements:
        before = after[one.product]
        now_there = Balance(before.available + one.available, before.committed + one.committed)
        after[one.product] = now_there
        entries.append((one, now_there))
    database.execute(sql.MOVE, [*_stock_columns(entries, after), *_ledger_columns(entries, now)])


def _stock_columns(
    entries: Sequence[tuple[Movement, Balance]], after: Mapping[int, Balance]
) -> list[list[int]]:
    products = list({one.product for one, _ in entries})
    return [
        products,
        [after[product].available for product in products],
        [after[product].committed for product in products],
    ]


def _ledger_columns(
    entries: Sequence[tuple[Movement, Balance]], now: datetime
) -> list[list[object]]:
    return [
        [one.product for one, _ in entries],
        [one.available for one, _ in entries],
        [one.committed for one, _ in entries],
        [balance.available for _, balance in entries],
        [balance.committed for _, balance in entries],
        [one.cause for one, _ in entries],
        [one.reference for one, _ in entries],
        [one.actor for one, _ in entries],
        [now] * len(entries),
    ]


def create_stocked_product(
    fields: Mapping[str, Any],
    *,
    quantity: int,
    actor: UUID,
    now: datetime,
    claim: Claim | None = None,
) -> Made:
    """Adds a product with an opening stock of `quantity` units.

    Raises AlreadyTaken (SKU), UnknownCategory, KeyReused.
    """

    def make() -> int:
        product = create_product(fields, now=now)
        open_stock({product: quantity}, actor=actor, now=now)
        return product

    with transaction.atomic(durable=True):
        made = idempotency.once(claim, make, now=now)
    return Made(int(made.result), made.replayed)


def open_stock(quantities: Mapping[int, int], *, actor: UUID, now: datetime) -> None:
    """Books the opening stock of new products, by product id."""
    stocked = {product: units for product, units in quantities.items() if units}
    movements = [
        Movement(product, units, 0, OPENING, str(product), actor)
        for product, units in stocked.items()
    ]
    move(movements, lock(stocked), now=now)


@dataclass(frozen=True, slots=True)
class AdjustmentLine:
    """A change of what is available (`delta`), or what was found on the shelf (`counted`)."""

    product: int
    delta: int | None = None
    counted: int | None = None


@dataclass(frozen=True, slots=True)
class Adjusted:
    """An adjustment's id, and whether this repeats an earlier one."""

    id: UUID
    replayed: bool


def adjust_stock(
    lines: Sequence[AdjustmentLine],
    *,
    reason: str,
    actor: UUID,
    now: datetime,
    claim: Claim | None = None,
) -> Adjusted:
    """Corrects stock, all lines or none. Several deltas of one product are added up.

    A count is of everything on the shelf: the change is counted − available − committed.
    Every faulty line is named, under the code that goes first: raises UnknownProducts,
    InsufficientStock, CountBelowCommitted, StockLimitExceeded. Raises InvalidInput (a product
    both counted and given again) and KeyReused too.
    """
    _refuse_double_counts(lines)
    with transaction.atomic(durable=True):
        made = idempotency.once(claim, lambda: _adjust(lines, reason, actor, now), now=now)
    return Adjusted(UUID(made.result), made.replayed)


def _adjust(lines: Sequence[AdjustmentLine], reason: str, actor: UUID, now: datetime) -> UUID:
    balances = lock({line.product for line in lines})
    changes = _changes(lines, balances)
    faulty = [*_unknown(lines, balances), *_impossible(lines, changes, balances)]
    if faulty:
        raise refusal(faulty, PRECEDENCE)
    # A count that finds what was expected changes nothing and needs no entry.
    moved = {product: change for product, change in sorted(changes.items()) if change}
    adjustment = Adjustment.objects.create(
        id=new_id(), actor=actor, reason=reason, at=now, products=list(moved)
    )
    reference = str(adjustment.id)
    movements = [
        Movement(product, change, 0, reason, reference, actor) for product, change in moved.items()
    ]
    move(movements, balances, now=now)
    return adjustment.id


def _refuse_double_counts(lines: Sequence[AdjustmentLine]) -> None:
    seen: set[int] = set()
    counted = {line.product for line in lines if line.counted is not None}
    faults = []
    for position, line in enumerate(lines):
        if line.product in seen and line.product in counted:
            detail = "A product that is counted can stand in one line only."
            faults.append(Fault(f"/lines/{position}/product", "duplicate", detail))
        seen.add(line.product)
    if faults:
        raise InvalidInput(faults)


def _changes(lines: Sequence[AdjustmentLine], balances: Mapping[int, Balance]) -> dict[int, int]:
    """By how much what is available changes, for each known product."""
    changes: dict[int, int] = {}
    for line in lines:
        if line.product in balances:
            change = line.delta or 0
            if line.counted is not None:
                change = line.counted - sum(balances[line.product])
            changes[line.product] = changes.get(line.product, 0) + change
    return changes


def _unknown(
    lines: Sequence[AdjustmentLine], balances: Mapping[int, Balance]
) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.product not in balances:
            yield {"code": UnknownProducts.code, "product": line.product}


def _impossible(
    lines: Sequence[AdjustmentLine],
    changes: Mapping[int, int],
    balances: Mapping[int, Balance],
) -> Iterator[dict[str, Any]]:
    counted = {line.product: line.counted for line in lines if line.counted is not None}
    for product, change in changes.items():
        available, committed = balances[product]
        told: dict[str, Any] = {}
        if available + change > MOST_STOCK:
            told = {"code": StockLimitExceeded.code, "available": available, "limit": MOST_STOCK}
        elif available + change < 0 and product in counted:
            told = {"counted": counted[product], "committed": committed}
            told = {"code": CountBelowCommitted.code, **told}
        elif available + change < 0:
            told = {"code": InsufficientStock.code, "requested": -change, "available": available}
        if told:
            yield {"product": product, **told}
