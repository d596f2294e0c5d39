"""Importing a file of products with the opening stock of those that are new."""

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
from larder.inventory.services.movements import lock, open_stock


class Watcher(Protocol):
    """Is told how an import goes on: so many rows more were read, or stored."""

    def read(self, rows: int) -> None: ...
    def stored(self, rows: int) -> None: ...


class Nobody:
    """Watches nothing."""

    def read(self, rows: int) -> None:
        """Rows were read."""

    def stored(self, rows: int) -> None:
        """Rows were stored."""


@dataclass(frozen=True, slots=True)
class Imported:
    """How many products were added, changed, and found to be so already."""

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
    """Stores all rows of a file, by SKU, or none; and whether this repeats an earlier import.

    Columns that the file does not have are left as they are (of new products: the default), and
    so is the stock of products that are there; `quantity` is the opening stock of new ones. What
    is archived and in the file is on sale again. A file that is `untimed` may take longer than
    the server's transactions may. Raises FaultyFile, KeyReused.
    """

    def make() -> str:
        imported = _import(ProductFile(lines), actor, now, watcher or Nobody())
        return msgspec.json.encode(asdict(imported)).decode()

    with transaction.atomic(durable=True):
        if untimed:
            database.lift_time_limit()
        made = idempotency.once(claim, make, now=now)
    return Imported(**msgspec.json.decode(made.result)), made.replayed


def _import(file: ProductFile, actor: UUID, now: datetime, watcher: Watcher) -> Imported:
    with product_import.staged(file, told=watcher.read) as rows:
        created, changed = _store(file, actor, now, watcher)
    return Imported(created, changed, rows - created - changed)


def _store(file: ProductFile, actor: UUID, now: datetime, watcher: Watcher) -> tuple[int, int]:
    """Stores the staged rows. Returns how many products were added, and how many changed."""
    archived = product_import.archived_ones()
    # The product before its stock, and stock in the one order: as archiving does.
    lock(archived)
    product_import.revive(archived, now=now)
    created = changed = 0
    only_revived = set(archived)
    for part in product_import.store(file.columns, now=now, told=watcher.stored):
        new = {one.id: one.quantity for one in _new(part)}
        open_stock(new, actor=actor, now=now)
        created += len(new)
        changed += len(part) - len(new)
        only_revived -= {one.id for one in part}
    return created, changed + len(only_revived)


def _new(part: Iterable[Written]) -> Iterator[Written]:
    return (one for one in part if one.is_new)
