"""Reads the ledger of a product, and adjustments."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from larder.core.errors import NotFound
from larder.inventory.models import Adjustment, LedgerEntry, Stock


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """An entry of the ledger. `delta` and `balance` are those of the available units."""

    id: int
    delta: int
    committed_delta: int
    balance: int
    committed_balance: int
    cause: str
    reference: str
    actor: UUID
    at: datetime


_LEDGER = (
    "id",
    "available_change",
    "committed_change",
    "available_after",
    "committed_after",
    "cause",
    "reference",
    "actor",
    "at",
)


def ledger(product_id: int, *, before: int | None, limit: int) -> list[LedgerRow]:
    """Returns up to `limit` entries of a product, archived or not, the newest first.

    Raises NotFound.
    """
    entries = LedgerEntry.objects.filter(product_id=product_id).order_by("-id")
    if before is not None:
        entries = entries.filter(id__lt=before)
    found = [LedgerRow(*row) for row in entries.values_list(*_LEDGER)[:limit]]
    if not found and not Stock.objects.filter(product_id=product_id).exists():
        raise NotFound
    return found


@dataclass(frozen=True, slots=True)
class AdjustedLine:
    """The change of one product by an adjustment."""

    product: int
    delta: int
    balance: int


@dataclass(frozen=True, slots=True)
class AdjustmentRow:
    """An adjustment with its ledger entries, by product."""

    id: UUID
    reason: str
    actor: UUID
    at: datetime
    note: str
    lines: list[AdjustedLine] = field(default_factory=list)


def adjustment(adjustment_id: UUID) -> AdjustmentRow:
    """Returns an adjustment. Raises NotFound."""
    columns = ("id", "reason", "actor", "at", "note", "products")
    row = Adjustment.objects.filter(id=adjustment_id).values_list(*columns).first()
    if row is None:
        raise NotFound
    *fields, products = row
    entries = LedgerEntry.objects.filter(
        product_id__in=products, cause=fields[1], reference=str(adjustment_id)
    )
    lines = entries.order_by("product_id").values_list(
        "product_id", "available_change", "available_after"
    )
    found = AdjustmentRow(*fields)
    found.lines.extend(AdjustedLine(*line) for line in lines)
    return found
