"""Changes of the cart: all lines at once, one line, or deleting it.

A line keeps its id and the price at which it was added, also if its quantity changes; notices about
prices compare with that price. Nothing here moves stock, and the cart may have more units than are
available: placing decides.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from larder.catalog import queries as catalog
from larder.catalog.prices import prices_for
from larder.catalog.queries import Offer
from larder.core.errors import DomainError, UnknownProducts, together
from larder.core.limits import MAX_LINES, MAX_UNITS
from larder.identity.services import quotas
from larder.orders.decision import Wanted, add_up
from larder.orders.errors import CartFull, NotInCart
from larder.orders.models import Order, OrderLine, OrderStatus
from larder.orders.services.drafts import (
    CartVersion,
    LockedDraft,
    compare,
    count_change,
    lock_or_make,
    lock_present,
)

Units = Mapping[int, int]
"""Units by product."""


def put_lines(
    customer: int,
    lines: Sequence[Wanted],
    *,
    currency: str,
    now: datetime,
    expected: CartVersion | None = None,
) -> None:
    """Replaces the lines of the customer's cart. Lines of the same product are added up.

    Makes a cart if there is none and lines are given. If something changes, raises UnknownProducts
    (all of them, also archived ones), CartFull (all lines with too many units; both together if
    there are both), StaleVersion (the cart is not the `expected` one), QuotaExceeded.
    """
    units = add_up(lines)
    offers, refusals = _offers(units)
    with transaction.atomic(durable=True):
        draft = _draft(customer, currency, now, begin=bool(units and not refusals))
        before = _units_of(draft)
        if before != units:
            _require_none([*refusals, *_too_many(units)])
            compare(expected, customer, draft)
            if draft is not None and not draft.is_new:
                quotas.take("carts", customer)
        if draft is not None:
            _fill(draft, before, units, _new_lines(customer, offers), now)


def put_line(
    customer: int,
    line: Wanted,
    *,
    currency: str,
    now: datetime,
    expected: CartVersion | None = None,
) -> None:
    """Sets the number of units of a product in the customer's cart. Makes a cart if there is none.

    If something changes, raises UnknownProducts, CartFull, StaleVersion, QuotaExceeded (a new
    cart), Overloaded.
    """
    units = {line.product: line.quantity}
    offers, refusals = _offers(units)
    with transaction.atomic(durable=True):
        draft = _draft(customer, currency, now, begin=not refusals)
        before = _units_of(draft)
        after = before | units
        if before != after:
            _require_none([*refusals, *_too_many(after)])
            compare(expected, customer, draft)
        if draft is not None:
            _fill(draft, before, after, _new_lines(customer, offers), now)


def remove_line(
    customer: int, product: int, *, now: datetime, expected: CartVersion | None = None
) -> None:
    """Removes a product from the customer's cart. Raises NotInCart, StaleVersion."""
    with transaction.atomic(durable=True):
        draft = lock_present(customer, expected)
        if draft is None or not _delete_lines(draft, [product]):
            raise NotInCart
        count_change(draft, now)


def delete_cart(customer: int, *, expected: CartVersion | None = None) -> None:
    """Deletes the customer's cart, if there is one. Raises StaleVersion."""
    with transaction.atomic(durable=True):
        draft = lock_present(customer, expected)
        if draft is not None:
            delete_drafts([draft.id])


def delete_drafts(ids: Collection[UUID]) -> int:
    """Deletes locked drafts with their lines. Returns the number of drafts."""
    OrderLine.objects.filter(order_id__in=ids).delete()
    deleted, _ = Order.objects.filter(id__in=ids, status=OrderStatus.DRAFT).delete()
    return deleted


def _draft(customer: int, currency: str, now: datetime, *, begin: bool) -> LockedDraft | None:
    """Locks and returns the customer's cart. If there is none, makes one if `begin` is true."""
    return lock_or_make(customer, currency, now) if begin else lock_present(customer)


def _offers(units: Units) -> tuple[dict[int, Offer], list[DomainError]]:
    """Returns the products that are on sale, and the refusals of the lines."""
    offers = catalog.offers(units) if units else {}
    unknown = [
        {"code": UnknownProducts.code, "product": id, "requested": quantity, "available": 0}
        for id, quantity in units.items()
        if id not in offers
    ]
    full = {id: quantity for id, quantity in units.items() if quantity > MAX_UNITS}
    refusals: list[DomainError] = [UnknownProducts(unknown)] if unknown else []
    return offers, [*refusals, CartFull(MAX_UNITS, full)] if full else refusals


def _too_many(units: Units) -> list[DomainError]:
    return [CartFull(MAX_LINES)] if len(units) > MAX_LINES else []


def _require_none(refusals: Sequence[DomainError]) -> None:
    if refusals:
        raise together(refusals)


def _new_lines(customer: int, offers: Mapping[int, Offer]) -> dict[int, OrderLine]:
    """Returns lines at current prices, by product."""
    prices = prices_for(customer, offers.values())
    return {
        id: OrderLine(product_id=id, sku=offer.sku, name=offer.name, unit_price=prices[id])
        for id, offer in offers.items()
    }


def _units_of(draft: LockedDraft | None) -> dict[int, int]:
    if draft is None:
        return {}
    lines = OrderLine.objects.filter(order_id=draft.id).order_by("id")
    return dict(lines.values_list("product_id", "quantity"))


def _fill(
    draft: LockedDraft,
    before: Units,
    after: Units,
    new: Mapping[int, OrderLine],
    now: datetime,
) -> None:
    """Writes the differences, as one change. Without a difference there is no change."""
    gone = before.keys() - after.keys()
    changed = [id for id, quantity in after.items() if before.get(id) != quantity]
    if gone:
        _delete_lines(draft, gone)
    if changed:
        _write(draft, {id: after[id] for id in changed}, new)
    if gone or changed:
        count_change(draft, now)


def _delete_lines(draft: LockedDraft, products: Collection[int]) -> int:
    return OrderLine.objects.filter(order_id=draft.id, product_id__in=products).delete()[0]


def _write(draft: LockedDraft, units: Units, new: Mapping[int, OrderLine]) -> None:
    """Writes lines. Of an existing line, only the quantity is written."""
    lines = []
    for product, quantity in units.items():
        line = new[product]
        line.order_id, line.quantity = draft.id, quantity
        lines.append(line)
    OrderLine.objects.bulk_create(
        lines,
        update_conflicts=True,
        unique_fields=["order", "product"],
        update_fields=["quantity"],
    )
