"""Creates and changes products together with their stock, in one transaction.

Each change also raises what `require_permitted` raises, and Overloaded.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import transaction

from larder.catalog.services import products as catalog
from larder.core.errors import AlreadyTaken, StaleVersion
from larder.core.ids import SYSTEM_ACTOR
from larder.db import idempotency
from larder.db.idempotency import Claim, Outcome
from larder.identity.caller import Caller
from larder.identity.services.credentials import require_permitted
from larder.inventory.services.adjustments import set_available
from larder.inventory.services.movements import lock, moving_stock, open_stock


@dataclass(frozen=True, slots=True)
class Author:
    """The caller and the time of a change. A command has no caller, and needs no rights."""

    caller: Caller | None
    now: datetime

    @property
    def actor(self) -> UUID:
        """The public id of the caller, which ledger and idempotency keys have."""
        return SYSTEM_ACTOR if self.caller is None else self.caller.public_id


def create_stocked_product(
    fields: Mapping[str, Any],
    *,
    quantity: int,
    author: Author,
    claim: Claim | None = None,
    unique_name: bool = False,
) -> Outcome:
    """Adds a product with an opening stock of `quantity` units, as `catalog.create_product` does.

    Raises AlreadyTaken (SKU, name), UnknownCategory, InvalidInput, KeyReused.
    """

    def make() -> int:
        product = catalog.create_product(
            fields, caller=author.caller, now=author.now, unique_name=unique_name
        )
        open_stock({product: quantity}, actor=author.actor, now=author.now)
        return product

    with transaction.atomic(durable=True):
        return idempotency.once(claim, make, now=author.now)


def change_stocked_product(
    product: int,
    fields: Mapping[str, Any],
    *,
    quantity: int | None,
    author: Author,
    unique_name: bool = False,
) -> None:
    """Changes fields of a product on sale (`fields` may be empty) and sets its available units.

    All or nothing. With `quantity` None the stock stays unchanged. Otherwise the difference,
    computed under the lock, is written as a correction. Only changed fields increment the version.
    Raises NotFound (also for an archived product), AlreadyTaken (SKU, name), UnknownCategory,
    InvalidInput, StockLimitExceeded.
    """
    with moving_stock(by_staff=True):
        # Locks the product before its stock, as archiving does.
        catalog.lock_product(product)
        if unique_name and "name" in fields:
            catalog.claim_name(fields["name"], product=product)
        balances = {} if quantity is None else lock([product])
        if fields:
            catalog.change_product(product, fields, caller=author.caller, now=author.now)
        if quantity is not None:
            set_available(product, quantity, balances, actor=author.actor, now=author.now)
            require_permitted(author.caller, "inventory.add_adjustment")


class Expected(Enum):
    """What a product that is put must be, beside having a version."""

    ANY = "any"
    ABSENT = "absent"
    NEVER = "never"


def put_product(
    sku: str,
    fields: Mapping[str, Any],
    *,
    quantity: int,
    author: Author,
    expected: int | Expected = Expected.ANY,
) -> tuple[int, bool]:
    """Creates or replaces the product with this SKU. Other fields than `fields` get the default.
    Returns its id, and whether it was created.

    `quantity` is the opening stock of a new product; the stock of an existing one stays unchanged.
    An archived product is put on sale again. With an `expected` version the product is only
    changed, and only if that is the current one. With ABSENT it is only created, and only if none
    exists, archived or not. With NEVER nothing is done. Raises StaleVersion (0 if none exists),
    UnknownCategory, InvalidInput, AlreadyTaken (twice, another transaction created the product
    after the read, and changed its SKU before the next read).
    """

    def put() -> tuple[int, bool]:
        if locked := catalog.find_and_lock(sku):
            product, present = locked
            if expected in {Expected.ABSENT, Expected.NEVER}:
                raise StaleVersion(present)
            version = expected if isinstance(expected, int) else None
            catalog.replace_product(
                product, fields, caller=author.caller, now=author.now, version=version
            )
            return product, False
        if expected not in {Expected.ANY, Expected.ABSENT}:
            raise StaleVersion(0)
        new = catalog.create_product({**fields, "sku": sku}, caller=author.caller, now=author.now)
        open_stock({new: quantity}, actor=author.actor, now=author.now)
        return new, True

    # If another transaction creates it after the read, it is found by the second try.
    with suppress(AlreadyTaken), transaction.atomic(durable=True):
        return put()
    with transaction.atomic(durable=True):
        return put()
