"""The customer's draft (the cart): made when it is needed; adds or removes single units.

cart.py sets whole lines. Both lock the draft with the functions of this module.

All changes lock the draft first, so that changes of one draft run one after the other, and no draft
changes while it is placed. Nothing here moves stock: placing does.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F

from larder.catalog import queries as catalog
from larder.catalog.prices import prices_for
from larder.catalog.queries import Offer
from larder.core.errors import NotFound, Overloaded, StaleVersion, UnknownProducts
from larder.core.ids import new_id
from larder.core.limits import MAX_LINES, MAX_UNITS
from larder.db import database
from larder.identity.services import quotas
from larder.inventory import queries as inventory
from larder.inventory.errors import InsufficientStock
from larder.orders.errors import CartFull, NotInCart
from larder.orders.models import Order, OrderLine, OrderStatus
from larder.orders.queries import last_cart
from larder.orders.services.locks import MOST_TRIES, lock_draft
from larder.orders.sql import writes


@dataclass(frozen=True, slots=True)
class LockedDraft:
    """A draft whose row is locked. `is_new`: this transaction made it."""

    id: UUID
    number: int
    version: int
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class CartVersion:
    """The draft that a client has read, and its version.

    If there was none: the draft that ended last, or None, and version 0.
    """

    id: UUID | None
    version: int

    def differs(self, id: UUID | None, version: int) -> bool:
        """Returns whether the draft is not the one that the client has read."""
        return (self.id, self.version) != (id, version)


def renew_draft(id: UUID, *, now: datetime) -> None:
    """Gives a locked draft another id and number. It keeps its lines."""
    renewed = new_id()
    database.execute(writes.RENEW_DRAFT, [renewed, now, id, renewed, id])


def ensure_draft(customer: int, *, currency: str, now: datetime) -> UUID:
    """Returns the id of the customer's draft. Makes one if there is none. Raises QuotaExceeded,
    Overloaded."""
    with transaction.atomic(durable=True):
        return lock_or_make(customer, currency, now).id


def add_unit(customer: int, product: int, *, currency: str, now: datetime) -> int:
    """Adds a unit of a product to the customer's draft. Returns the draft's number.

    The draft may have more units than are available, but a product without an available unit is
    refused. Raises UnknownProducts (also for archived products), InsufficientStock, CartFull,
    QuotaExceeded (a new draft), Overloaded.
    """
    offer = _offer(product)
    price = prices_for(customer, [offer])[product]
    with transaction.atomic(durable=True):
        draft = lock_or_make(customer, currency, now)
        _raise_line(draft, offer, price)
        count_change(draft, now)
    return draft.number


def remove_unit(customer: int, product: int, *, now: datetime) -> int:
    """Removes a unit of a product from the customer's draft. Returns the draft's number.

    With its last unit, a line is deleted; the draft stays. Raises NotInCart, NotFound (the product
    is neither in the draft nor on sale).
    """
    with transaction.atomic(durable=True):
        draft = _lock(customer)
        if draft is None or not _lower_line(draft, product):
            raise NotInCart if catalog.offers([product]) else NotFound
        count_change(draft, now)
    return draft.number


def _offer(product: int) -> Offer:
    """Returns the product, if a unit of it can be added to a draft now. Raises the refusal."""
    offer = catalog.offers([product]).get(product)
    available = inventory.available([product]).get(product)
    line = {"product": product, "requested": 1, "available": 0}
    if offer is None or available is None:
        raise UnknownProducts([{"code": UnknownProducts.code, **line}])
    if available == 0:
        raise InsufficientStock([{"code": InsufficientStock.code, **line}])
    return offer


def lock_or_make(customer: int, currency: str, now: datetime) -> LockedDraft:
    """Locks and returns the customer's draft. Makes one if there is none. Must run in a
    transaction.

    Raises Overloaded after MOST_TRIES; QuotaExceeded if it makes one.
    """
    made = None
    for _ in range(MOST_TRIES):
        draft = _lock(customer)
        if draft is not None:
            if draft.id == made:
                quotas.take("carts", customer)
            return replace(draft, is_new=draft.id == made)
        # Waits, by the index order_one_draft, for another transaction that makes one.
        begun = Order(
            customer_id=customer,
            status=OrderStatus.DRAFT,
            currency=currency,
            total=Decimal(0),
            created_at=now,
            updated_at=now,
        )
        Order.objects.bulk_create([begun], ignore_conflicts=True)
        made = begun.id
    raise Overloaded


def lock_present(customer: int, expected: CartVersion | None = None) -> LockedDraft | None:
    """Locks and returns the customer's draft; None without one. Must run in a transaction.

    Raises StaleVersion if the draft is not the `expected` one.
    """
    draft = _lock(customer)
    compare(expected, customer, draft)
    return draft


def compare(expected: CartVersion | None, customer: int, draft: LockedDraft | None) -> None:
    """Raises StaleVersion if the draft is not the `expected` one.

    The draft that ended last is read after a new draft is made: while that exists, none can end.
    """
    if expected is None:
        return
    if draft is None or draft.is_new:
        id, version = last_cart(customer), 0
    else:
        id, version = draft.id, draft.version
    if expected.differs(id, version):
        raise StaleVersion(version)


def _lock(customer: int) -> LockedDraft | None:
    """Locks and returns the customer's draft. Raises Overloaded."""
    row = lock_draft(customer)
    return None if row is None else LockedDraft(row.id, row.number, row.version)


def _raise_line(draft: LockedDraft, offer: Offer, price: Decimal) -> None:
    lines = OrderLine.objects.filter(order_id=draft.id)
    line = lines.filter(product_id=offer.id)
    if line.filter(quantity__lt=MAX_UNITS).update(quantity=F("quantity") + 1):
        return
    if line.exists():
        raise CartFull(MAX_UNITS, {offer.id: MAX_UNITS + 1})
    if lines.count() >= MAX_LINES:
        raise CartFull(MAX_LINES)
    lines.create(
        order_id=draft.id,
        product_id=offer.id,
        sku=offer.sku,
        name=offer.name,
        unit_price=price,
        quantity=1,
    )


def _lower_line(draft: LockedDraft, product: int) -> bool:
    """Removes a unit of the product. Returns False if there was none."""
    line = OrderLine.objects.filter(order_id=draft.id, product_id=product)
    lowered = line.filter(quantity__gt=1).update(quantity=F("quantity") - 1)
    return bool(lowered or line.delete()[0])


def count_change(draft: LockedDraft, now: datetime) -> None:
    """Raises the version of a locked draft whose lines have changed."""
    Order.objects.filter(id=draft.id).update(version=F("version") + 1, updated_at=now)
