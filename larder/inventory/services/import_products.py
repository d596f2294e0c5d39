"""Imports a product file, with the opening stock of new products."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec
from django.db import transaction

from larder.catalog import product_import
from larder.catalog.product_import import Written
from larder.catalog.product_rows import ProductFile
from larder.db import database, idempotency
from larder.db.idempotency import Claim
from larder.identity import audit
from larder.identity.services.credentials import require_permitted
from larder.inventory.services.movements import lock, open_stock


class Watcher(Protocol):
    """Gets the progress of an import: the number of further rows that were read or stored."""

    def read(self, rows: int) -> None: ...
    def stored(self, rows: int) -> None: ...


class NoWatcher:
    """Ignores the progress."""

    def read(self, rows: int) -> None:
        """Rows were read."""

    def stored(self, rows: int) -> None:
        """Rows were stored."""


@dataclass(frozen=True, slots=True)
class Imported:
    """The numbers of products that were added, were changed, and needed no change."""

    created: int
    changed: int
    unchanged: int


def import_products(
    lines: Iterable[str],
    *,
    actor: UUID,
    now: datetime,
    claim: Claim | None = None,
    watcher: Watcher | None = None,
    untimed: bool = False,
) -> tuple[Imported, bool]:
    """Stores all rows of a file, by SKU, or none. Returns the numbers, and whether the request
    repeats an earlier import.

    Columns that the file does not have stay unchanged; new products get the defaults. The stock of
    existing products stays unchanged; `quantity` is the opening stock of new ones. Archived
    products of the file are put on sale again. `untimed` removes the time limit.
    Raises FaultyFile, KeyReused.
    """

    def make() -> str:
        imported = _import(ProductFile(lines), actor, now, watcher or NoWatcher())
        return msgspec.json.encode(asdict(imported)).decode()

    with transaction.atomic(durable=True):
        if untimed:
            database.lift_time_limit()
        made = idempotency.once(claim, make, now=now)
    return Imported(**msgspec.json.decode(made.result)), made.replayed


def _import(file: ProductFile, actor: UUID, now: datetime, watcher: Watcher) -> Imported:
    with audit.through(audit.IMPORT), product_import.staged(file, on_rows=watcher.read) as rows:
        created, changed = _store(file, actor, now, watcher)
        # Last, because the locks of the products may have been waited for.
        require_permitted("catalog.add_product", "catalog.change_product")
    return Imported(created, changed, rows - created - changed)


def _store(file: ProductFile, actor: UUID, now: datetime, watcher: Watcher) -> tuple[int, int]:
    """Stores the staged rows. Returns the numbers of added and of changed products."""
    archived = product_import.archived_products()
    # Locks the products before their stock, and stock rows in the usual order, as archiving does.
    lock(archived)
    product_import.revive(archived, now=now)
    created = changed = 0
    only_revived = set(archived)
    for part in product_import.store(file.columns, now=now, on_rows=watcher.stored):
        new = {one.id: one.quantity for one in _new(part)}
        open_stock(new, actor=actor, now=now)
        created += len(new)
        changed += len(part) - len(new)
        only_revived -= {one.id for one in part}
    return created, changed + len(only_revived)


def _new(part: Iterable[Written]) -> Iterator[Written]:
    return (one for one in part if one.is_new)
