"""Counts stock product by product, and books the differences at the end.

Each member of staff has one running count. Units of a product add up, scan by scan. Each scan notes
the units on the shelf at its time: a sale before the count is booked changes nothing of the
difference. If the shelf changes between two scans of a product, it has to be counted again.

Each change locks the account first. It raises KeyReused, and what `require_permitted` raises.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext

from larder.catalog import queries as catalog
from larder.core.errors import Fault, InvalidInput, NotFound
from larder.core.limits import MAX_LINES, MAX_STOCK
from larder.db import idempotency
from larder.db.idempotency import Claim
from larder.identity.caller import Caller
from larder.identity.services.credentials import lock_account, require_permitted
from larder.inventory.errors import CountChanged, CountUnclear
from larder.inventory.models import CountedProduct, Stock
from larder.inventory.queries import fingerprint_of, running_count
from larder.inventory.services.adjustments import PERMISSION, AdjustmentLine, Cause, book_lines
from larder.inventory.services.movements import moving_stock

COUNTED = "counted"
"""The reason of the adjustment."""


def find_product(code: str) -> int:
    """Returns the product with this SKU, or on sale with this barcode. Raises NotFound, and
    InvalidInput if several have the barcode."""
    ids = catalog.ids_by_code(code)
    if not ids:
        raise NotFound
    if len(ids) > 1:
        detail = gettext("Several products have this barcode. Enter the SKU.")
        raise InvalidInput([Fault("/code", "ambiguous", detail)])
    return ids[0]


def add_units(
    product: int, units: int, *, caller: Caller, now: datetime, claim: Claim | None = None
) -> None:
    """Adds counted units of a product to the caller's count. Raises NotFound, InvalidInput."""

    def add() -> int:
        row, on_shelf = _row(product, caller, now)
        row.is_moved = row.is_moved or row.on_shelf != on_shelf
        return _store(row, row.counted + units, on_shelf, now)

    _change(add, caller, claim, now)


def set_units(
    product: int, units: int, *, caller: Caller, now: datetime, claim: Claim | None = None
) -> None:
    """Sets the counted units of a product, counted now. Raises NotFound, InvalidInput."""

    def put() -> int:
        row, on_shelf = _row(product, caller, now)
        row.is_moved = False
        return _store(row, units, on_shelf, now)

    _change(put, caller, claim, now)


def discard(
    product: int | None = None, *, caller: Caller, now: datetime, claim: Claim | None = None
) -> None:
    """Removes a product from the caller's count; without one, ends the count without booking it."""

    def delete() -> int:
        counted = CountedProduct.objects.filter(actor=caller.public_id)
        return (counted if product is None else counted.filter(product=product)).delete()[0]

    _change(delete, caller, claim, now)


def book_count(
    shown: str, note: str, *, checked: Collection[int], caller: Caller, now: datetime
) -> UUID:
    """Books the differences of the caller's count as one adjustment, and ends the count. Returns
    the adjustment's id. `shown` is the `fingerprint_of` the count that was confirmed, and `checked`
    are the products whose large differences were. Raises NotFound (no count), CountUnclear,
    CountChanged, and what `adjust_stock` raises."""
    with moving_stock(by_staff=True):
        lock_account(caller)
        lines = running_count(caller.public_id)
        if not lines:
            raise NotFound
        if fingerprint_of(lines) != shown:
            raise CountChanged
        unclear = {line.product_id: "count_again" for line in lines if line.is_moved}
        large = [line.product_id for line in lines if line.is_large]
        unclear |= {id: "large_difference" for id in large if id not in checked}
        if unclear:
            raise CountUnclear([{"product": id, "code": code} for id, code in unclear.items()])
        changes = [AdjustmentLine(line.product_id, delta=line.difference) for line in lines]
        adjustment = book_lines(changes, Cause(COUNTED, note), caller=caller, now=now)
        CountedProduct.objects.filter(actor=caller.public_id).delete()
    return adjustment


def _change(
    change: Callable[[], object], caller: Caller, claim: Claim | None, now: datetime
) -> None:
    """Calls `change` in a transaction that alone changes the caller's count, unless an earlier
    request with this claim did."""

    def permitted() -> object:
        lock_account(caller)
        require_permitted(caller, PERMISSION)
        return change()

    with transaction.atomic(durable=True):
        idempotency.once(claim, permitted, now=now)


def _row(product: int, caller: Caller, now: datetime) -> tuple[CountedProduct, int]:
    """Returns the row of a product in the caller's count, perhaps a new one that is not stored, and
    the units on the shelf now. Raises NotFound."""
    stock = Stock.objects.filter(product=product).values_list("available", "committed").first()
    if stock is None:
        raise NotFound
    on_shelf = sum(stock)
    new = CountedProduct(
        actor=caller.public_id, product_id=product, counted=0, on_shelf=on_shelf, at=now
    )
    count = CountedProduct.objects.filter(actor=caller.public_id)
    return count.filter(product=product).first() or new, on_shelf


def _store(row: CountedProduct, counted: int, on_shelf: int, now: datetime) -> int:
    """Returns the row's id. Raises InvalidInput with all faults."""
    if faults := [*_faults(row, counted)]:
        raise InvalidInput(faults)
    row.counted, row.on_shelf, row.at = counted, on_shelf, now
    row.save()
    return row.pk


def _faults(row: CountedProduct, counted: int) -> Iterator[Fault]:
    if row._state.adding and CountedProduct.objects.filter(actor=row.actor).count() >= MAX_LINES:
        text = gettext("A count has at most {} products. Book it, then begin another one.")
        yield Fault("/code", "too_many", text.format(MAX_LINES))
    if not 0 <= counted <= MAX_STOCK:
        text = gettext("Expected from 0 to {} counted units of a product.")
        yield Fault("/units", "out_of_range", text.format(MAX_STOCK))
