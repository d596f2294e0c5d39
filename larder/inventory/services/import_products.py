"""Imports a product file, with the opening stock of new products.

Each import and preview also raises what `require_permitted` raises.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec
from django.db import transaction

from larder.catalog import tables
from larder.catalog.product_rows import ProductFile
from larder.catalog.services import product_import
from larder.catalog.services.product_import import Changes, WrittenProduct
from larder.catalog.services.products import ARCHIVE
from larder.catalog.tables import Table
from larder.core.errors import NotFound
from larder.db import database, idempotency, kept_files
from larder.db.idempotency import RETENTION, Claim, Scope
from larder.db.kept_files import Kept
from larder.identity.services import audit
from larder.identity.services.credentials import require_permitted
from larder.inventory.services.authors import Author
from larder.inventory.services.movements import lock, open_stock

PERMISSIONS = ("catalog.add_product", "catalog.change_product")


class ImportProgress(Protocol):
    """Gets the progress of an import: the number of further rows that were read or stored."""

    def read(self, rows: int) -> None: ...
    def stored(self, rows: int) -> None: ...


class NoProgress:
    """Ignores the progress."""

    def read(self, rows: int) -> None:
        """Rows were read."""

    def stored(self, rows: int) -> None:
        """Rows were stored."""


class PreviewOutdated(Exception):
    """The products of a file have changed since its preview."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would change. `kept` is its id for `import_previewed`, None if it would change
    nothing; `ignored` are columns that are not imported."""

    kept: UUID | None
    changes: Changes
    ignored: Sequence[str]


@dataclass(frozen=True, slots=True)
class Imported:
    """The numbers of products that were added, were changed, and needed no change."""

    created: int
    changed: int
    unchanged: int


def import_products(
    table: Table,
    *,
    author: Author,
    claim: Claim | None = None,
    currency: str,
    progress: ImportProgress | None = None,
) -> tuple[Imported, bool]:
    """Stores all rows of a file, by SKU, or none. Returns the numbers, and whether the request
    repeats an earlier import.

    Columns that the file does not have stay unchanged; new products get the defaults. A file
    without their required columns adds none. The stock of existing products stays unchanged;
    `quantity` is the opening stock of new ones. Archived products of the file are put on sale
    again, which needs ARCHIVE, unless their row has an `archived_at`. An import that reports its
    progress has no time limit.
    Raises FaultyFile, KeyReused.
    """

    def make() -> str:
        file = ProductFile(table, currency)
        return _as_text(_import(file, author, progress or NoProgress()))

    with transaction.atomic(durable=True):
        if progress is not None:
            database.lift_time_limit()
        made = idempotency.once(claim, make, now=author.now)
    return _from_text(made.result), made.replayed


def _as_text(imported: Imported) -> str:
    return msgspec.json.encode(asdict(imported)).decode()


def _from_text(result: str) -> Imported:
    return Imported(**msgspec.json.decode(result))


def preview_products(raw: bytes, author: Author, *, currency: str) -> Preview:
    """Returns what an import of a file would change. Keeps a file that changes something for
    `import_previewed`. Raises FaultyFile and Overloaded."""
    table = tables.read(raw)
    with transaction.atomic(durable=True):
        file = ProductFile(table, currency)
        with product_import.staged(file, on_rows=NoProgress().read, locks=False):
            changes = product_import.preview(file.columns)
        require_permitted(author.caller, *_permissions(changes.restored))
        found = Kept(raw, changes.fingerprint)
        kept = kept_files.keep(author.actor, found, now=author.now) if changes.rows else None
    return Preview(kept, changes, file.ignored)


def import_previewed(kept: UUID, author: Author, *, currency: str) -> Imported:
    """Stores a file that `preview_products` has kept, if it changes what the preview showed. A
    repeat returns the same numbers. Raises PreviewOutdated, NotFound (the file is not kept any
    more), FaultyFile and Overloaded."""
    file = kept_files.kept(author.actor, kept)
    # Before the transaction, which must not wait.
    table = tables.read(file.content) if file else None

    def make() -> str:
        if file is None or table is None:
            raise NotFound
        products = ProductFile(table, currency)
        imported = _import(products, author, NoProgress(), file.fingerprint)
        kept_files.forget(author.actor)
        return _as_text(imported)

    scope = Scope(author.actor, "POST admin/import", str(kept))
    claim = Claim(scope, kept.bytes, expires_at=author.now + RETENTION)
    with transaction.atomic(durable=True):
        return _from_text(idempotency.once(claim, make, now=author.now).result)


def _import(
    file: ProductFile, author: Author, progress: ImportProgress, shown: str | None = None
) -> Imported:
    with audit.through(audit.IMPORT), product_import.staged(file, on_rows=progress.read) as rows:
        if shown is not None and product_import.preview(file.columns).fingerprint != shown:
            raise PreviewOutdated
        archived = product_import.archived_products()
        created, changed = _store(file, archived, author, progress)
        # Last, because the locks of the products may have been waited for.
        require_permitted(author.caller, *_permissions(len(archived)))
    return Imported(created, changed, rows - created - changed)


def _permissions(restored: int) -> Sequence[str]:
    """Returns what the author of a file needs that puts so many products on sale again."""
    return (*PERMISSIONS, ARCHIVE) if restored else PERMISSIONS


def _store(
    file: ProductFile, archived: Mapping[int, datetime], author: Author, progress: ImportProgress
) -> tuple[int, int]:
    """Stores the staged rows, and puts archived products of the file on sale again. Returns the
    numbers of added and of changed products."""
    # Locks the products before their stock, and stock rows in the usual order, as archiving does.
    lock(archived)
    product_import.revive(archived, now=author.now)
    created = changed = 0
    only_revived = set(archived)
    for part in product_import.store(file.columns, now=author.now, on_rows=progress.stored):
        new = {one.id: one.quantity for one in _new(part)}
        open_stock(new, actor=author.actor, now=author.now)
        created += len(new)
        changed += len(part) - len(new)
        only_revived -= {one.id for one in part}
    return created, changed + len(only_revived)


def _new(part: Iterable[WrittenProduct]) -> Iterator[WrittenProduct]:
    return (one for one in part if one.is_new)
