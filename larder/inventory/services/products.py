"""Products together with their stock, in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from larder.catalog import services as catalog
from larder.core.errors import AlreadyTaken, StaleVersion
from larder.db import idempotency
from larder.db.idempotency import Claim, Made
from larder.inventory.services.adjustments import set_available
from larder.inventory.services.locks import moving_stock
from larder.inventory.services.movements import lock, open_stock


def create_stocked_product(
    fields: Mapping[str, Any],
    *,
    quantity: int,
    actor: UUID,
    now: datetime,
    claim: Claim | None = None,
    unique_name: bool = False,
) -> Made:
    """Adds a product with an opening stock of `quantity` units, as `catalog.create_product` does.

    Raises AlreadyTaken (SKU, name), UnknownCategory, InvalidInput, KeyReused.
    """

    def make() -> int:
        product = catalog.create_product(fields, now=now, unique_name=unique_name)
        open_stock({product: quantity}, actor=actor, now=now)
        return product

    with transaction.atomic(durable=True):
        made = idempotency.once(claim, make, now=now)
    return Made(int(made.result), made.replayed)


def change_stocked_product(
    product: int,
    fields: Mapping[str, Any],
    *,
    quantity: int | None,
    actor: UUID,
    now: datetime,
    version: int | None = None,
    unique_name: bool = False,
) -> None:
    """Changes fields of a product on sale (none is allowed) and sets how many are available.

    All or nothing. `quantity` None leaves the stock alone; else the difference, counted under
    the lock, is booked as a correction. The product's version moves with its fields only.
    Raises NotFound (archived too), StaleVersion, AlreadyTaken (SKU, name), UnknownCategory,
    InvalidInput, StockLimitExceeded.
    """
    with moving_stock(by_staff=True):
        # The product before its stock, as archiving does.
        catalog.lock_product(product, version=version)
        if unique_name and "name" in fields:
            catalog.claim_name(fields["name"], product=product)
        balances = {} if quantity is None else lock([product])
        if fields:
            catalog.change_product(product, fields, now=now)
        if quantity is not None:
            set_available(product, quantity, balances, actor=actor, now=now)


ABSENT = 0
"""The version of a product that is not there."""

NEVER = -2
"""A version that matches neither a product nor its absence."""


@dataclass(frozen=True, slots=True)
class _Author:
    """Who does something, and when."""

    actor: UUID
    now: datetime


@dataclass(frozen=True, slots=True)
class Put:
    """A product that is as it was put, and whether it was not there before."""

    id: int
    created: bool


def put_product(
    sku: str,
    fields: Mapping[str, Any],
    *,
    quantity: int,
    actor: UUID,
    now: datetime,
    version: int | None = None,
) -> Put:
    """Makes the product with this SKU what `fields` say; the rest of it is the default.

    `quantity` is the opening stock of a new product, and says nothing about one that is there.
    An archived one is on sale again. With `version` it is changed only if that is the present
    one; with ABSENT it is only made, if there is none, archived or not; with NEVER neither.
    Raises StaleVersion (present 0: there is none), UnknownCategory, InvalidInput, AlreadyTaken
    (twice another transaction made it after the look for it, and gave it another SKU before the
    next look).
    """

    def put() -> Put:
        with transaction.atomic(durable=True):
            return _put(sku, fields, quantity, _Author(actor, now), version)

    try:
        return put()
    except AlreadyTaken:
        # Somebody else made it after we had looked, and has committed: now it is found.
        return put()


def _put(
    sku: str,
    fields: Mapping[str, Any],
    quantity: int,
    by: _Author,
    version: int | None,
) -> Put:
    product = catalog.find_and_lock(sku)
    if product is not None:
        catalog.replace_product(
            product,
            fields,
            now=by.now,
            version=version,
            compare_always=version in {ABSENT, NEVER},
        )
        return Put(product, created=False)
    if version not in {None, ABSENT}:
        raise StaleVersion(ABSENT)
    product = catalog.create_product({**fields, "sku": sku}, now=by.now)
    open_stock({product: quantity}, actor=by.actor, now=by.now)
    return Put(product, created=True)
