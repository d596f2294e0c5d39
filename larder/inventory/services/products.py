"""Creates, changes and imports products together with their stock, in one transaction.

Each change also raises what `require_permitted` raises, and Overloaded.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from hashlib import blake2b
from typing import Any, Self
from uuid import UUID

import msgspec
from django.db import transaction

from larder.catalog import tables
from larder.catalog.product_rows import ProductFile, product_file
from larder.catalog.services import product_import
from larder.catalog.services import products as catalog
from larder.catalog.services.product_import import Change
from larder.catalog.tables import Table
from larder.core.errors import AlreadyTaken, Overloaded, StaleVersion
from larder.core.ids import SYSTEM_ACTOR
from larder.db import database, idempotency, kept_files
from larder.db.idempotency import Claim, Outcome
from larder.identity.caller import Caller
from larder.identity.services import audit
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
        return SYSTEM_ACTOR if self.caller is None else self.caller.public_id


def create_stocked_product(
    fields: Mapping[str, Any],
    *,
    quantity: int,
    author: Author,
    claim: Claim | None = None,
    unique_name: bool = False,
) -> Outcome:
    """Adds a product with an opening stock of `quantity` units. Raises KeyReused, and what
    `catalog.create_product` raises."""

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
    """Changes fields of a product on sale (`fields` may be empty), and corrects its stock to
    `quantity` available units, if not None; all or nothing. A correction leaves the version as it
    is. Raises StockLimitExceeded, and what `catalog.change_product` raises.
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
    An archived product is put on sale again. With an `expected` version, a product with another
    one, or none, is refused; with ABSENT, a product, archived or not; with NEVER, both. Raises
    StaleVersion (0 if there is none), and what the changes of the catalogue raise.
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


PERMISSIONS = ("catalog.add_product", "catalog.change_product")

LONG_WAIT = 60.0
"""Seconds that the demo waits for another file."""

TRIES = 3
"""Of a file whose new products others add at the same time."""


class PreviewOutdated(Exception):
    """The products of a file have changed since its preview."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would change. `file` is its id, None if it would change nothing; `rows` is their
    number; `ignored` are columns that are not imported."""

    file: UUID | None
    changes: Sequence[Change]
    rows: int
    ignored: Sequence[str]


class ProductsImported(msgspec.Struct, frozen=True):
    """The numbers of products that were added, changed, and unchanged."""

    created: int
    changed: int
    unchanged: int

    @classmethod
    def of(cls, file: ProductFile, changes: Sequence[Change]) -> Self:
        """Returns the numbers of a stored file."""
        created = sum(change.product is None for change in changes)
        return cls(created, len(changes) - created, len(file.rows) - len(changes))


def import_products(
    table: Table,
    *,
    author: Author,
    claim: Claim | None = None,
    currency: str,
    has_time_limit: bool = True,
) -> tuple[ProductsImported, bool]:
    """Stores all rows of a file, by SKU, or none. Returns the numbers, and whether the request
    repeats an earlier import.

    Columns that the file does not have stay unchanged, or get the defaults. `quantity` is the
    opening stock of new products. Archived ones stay archived. Raises FaultyFile, KeyReused,
    Overloaded.
    """
    with transaction.atomic(durable=True):
        if not has_time_limit:
            database.lift_time_limit()
            database.limit_lock_wait(LONG_WAIT)

        def store() -> str:
            file = product_file(table, currency)
            return msgspec.json.encode(ProductsImported.of(file, _store(file, author))).decode()

        stored = idempotency.once(claim, store, now=author.now)
    return msgspec.json.decode(stored.result, type=ProductsImported), stored.replayed


def preview_products(raw: bytes, author: Author, *, currency: str) -> Preview:
    """Returns what an import of a file would change. Keeps a file that changes something for
    `import_previewed`. Raises FaultyFile and Overloaded."""
    table = tables.read(raw)
    with transaction.atomic(durable=True):
        file = product_file(table, currency)
        changes = product_import.compare(file, lock=False)
        require_permitted(author.caller, *PERMISSIONS)
        shown = _fingerprint(changes)
        id = kept_files.keep(author.actor, raw, shown, now=author.now) if changes else None
    return Preview(id, changes, len(file.rows), file.ignored)


def import_previewed(
    id: UUID, author: Author, *, currency: str
) -> tuple[ProductsImported, Sequence[Change]]:
    """Stores a file that `preview_products` has kept, once, if it changes what the preview showed.
    Returns the numbers, and what changed.

    Raises PreviewOutdated, NotFound (the file is not kept any more), FaultyFile and Overloaded."""
    file = kept_files.file_of(author.actor, id)
    # Before the transaction, which must not wait.
    table = tables.read(bytes(file.content))
    with transaction.atomic(durable=True):
        kept_files.use(author.actor, id)
        rows = product_file(table, currency)
        changes = _store(rows, author, file.fingerprint)
    return ProductsImported.of(rows, changes), changes


def _fingerprint(changes: Sequence[Change]) -> str:
    return blake2b(repr(changes).encode(), digest_size=16).hexdigest()


def _store(file: ProductFile, author: Author, shown: str | None = None) -> Sequence[Change]:
    """Stores a file. Returns what changed. `shown` is the fingerprint of the preview, if there was
    one."""
    for _ in range(TRIES):
        try:
            is_audited = audit.current() is not None
            channel = audit.acting(author.actor, audit.IMPORT) if is_audited else nullcontext()
            with transaction.atomic(), channel:
                changes = product_import.compare(file, lock=True)
                if shown not in {None, _fingerprint(changes)}:
                    raise PreviewOutdated
                for opening in product_import.store(changes, now=author.now):
                    open_stock(opening, actor=author.actor, now=author.now)
                # Last, because the locks of the products may have been waited for.
                require_permitted(author.caller, *PERMISSIONS)
        except AlreadyTaken:
            # Another transaction added a product of the file after the comparison.
            continue
        return changes
    raise Overloaded
