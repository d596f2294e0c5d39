"""Stores a product file: copies it into a temporary table, and from there in parts.

Only a part of the file is in memory at a time, and no statement handles more than a part.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext

from larder.catalog import sql
from larder.catalog.fields import REQUIRED
from larder.catalog.product_rows import (
    A_CATEGORY,
    FaultyFile,
    ProductFile,
    Row,
    RowFault,
    faulty_file,
)
from larder.catalog.services.clashes import MOST_BELOW_LEAST, STEP_MISSES
from larder.catalog.services.products import product_name
from larder.core.ids import new_id
from larder.core.limits import MAX_FAULTS, MAX_SHOWN_CHANGES
from larder.db import database
from larder.identity.services import audit

PART = 5_000
"""Rows that one statement copies or stores."""

OnRows = Callable[[int], None]
"""Gets the number of rows that were handled since the last call."""


class WrittenProduct(NamedTuple):
    """A product that was added or changed. `quantity`: units of opening stock if it is new."""

    id: int
    is_new: bool
    quantity: int


def _entry(
    written: WrittenProduct, columns: Sequence[str], values: Sequence[Any]
) -> audit.Entry | None:
    """Returns the entry of the audit trail. `values` are the former ones, then those of now."""
    before, after = values[: len(columns)], values[len(columns) :]
    return audit.difference(
        audit.Entry(
            product_name(written.id),
            "create" if written.is_new else "change",
            {} if written.is_new else dict(zip(columns, before, strict=True)),
            dict(zip(columns, after, strict=True)),
        )
    )


@contextmanager
def staged(file: ProductFile, *, on_rows: OnRows, locks: bool = True) -> Iterator[int]:
    """Copies all rows into the temporary table and checks them. Yields their number to the block,
    which stores them.

    Locks the existing products of the file, unless `locks` is False: for a block that only reads.
    Raises FaultyFile, with all faults of all rows; also if the block violates a constraint because
    another transaction has meanwhile added a product with a SKU of the file. Assumes an open
    transaction.
    """
    if locks:
        database.execute(sql.ONE_FILE)
    database.execute(sql.STAGE)
    rows, faults = _copy(file, on_rows)
    database.rows(sql.SPELL)
    database.execute(sql.LOOK_AT_STAGE)
    try:
        # A savepoint: after a violation the temporary table still exists.
        with transaction.atomic():
            if locks:
                database.rows(sql.LOCK_CATEGORIES)
                database.rows(sql.LOCK_KNOWN)
            _refuse(faults + _faults_together(file.columns))
            yield rows
    except IntegrityError:
        meanwhile = [
            RowFault(
                line, "sku", "duplicate", gettext("A product {} was added meanwhile.").format(sku)
            )
            for line, sku in database.rows(sql.SPELL)
        ]
        _refuse(meanwhile + _faults_together(file.columns))
        raise
    database.execute(sql.UNSTAGE)


def _refuse(faults: Sequence[RowFault]) -> None:
    if faults:
        raise faulty_file(faults)


def _copy(file: ProductFile, on_rows: OnRows) -> tuple[int, list[RowFault]]:
    staged, faults, part = 0, list[RowFault](), list[Row]()
    for row in _until_unreadable(file, faults):
        part.append(row)
        if len(part) == PART:
            staged += _copy_part(part, on_rows)
            part = []
    return staged + _copy_part(part, on_rows), faults


def _until_unreadable(file: ProductFile, faults: list[RowFault]) -> Iterator[Row]:
    """Yields the rows that can be stored, and collects up to MAX_FAULTS faults of the others."""
    try:
        for row in file.rows():
            if isinstance(row, Row):
                yield row
            else:
                faults += row
            if len(faults) >= MAX_FAULTS:
                return
    except FaultyFile as error:
        faults += error.rows


def _copy_part(part: Sequence[Row], on_rows: OnRows) -> int:
    # Django does not translate errors that occur during a COPY.
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(sql.COPY) as copy,
    ):
        for row in part:
            copy.write_row((row.line, new_id(), *row.cells))
    on_rows(len(part))
    return len(part)


def _faults_together(columns: Sequence[str]) -> list[RowFault]:
    """Returns the faults of rows that conflict with other rows or with the database."""
    faults = []
    for line, sku in () if sql.adds(columns) else database.rows(sql.UNKNOWN, [MAX_FAULTS]):
        text = gettext("No product has the SKU {}, and new ones need {}.")
        detail = text.format(sku, ", ".join(REQUIRED))
        faults.append(RowFault(line, "sku", "unknown_product", detail))
    has_times = "archived_at" in columns
    for line, sku in database.rows(sql.NOT_ARCHIVED, [MAX_FAULTS]) if has_times else ():
        text = gettext(
            "No archived product has the SKU {}: empty this cell. Files archive nothing."
        )
        faults.append(RowFault(line, "archived_at", "unknown_product", text.format(sku)))
    for line, first in database.rows(sql.DUPLICATES, [MAX_FAULTS]):
        faults.append(
            RowFault(line, "sku", "duplicate", gettext("Line {} has this SKU too.").format(first))
        )
    for (line,) in database.rows(sql.NO_CATEGORY, [MAX_FAULTS]):
        faults.append(RowFault(line, "category", "unknown_category", f"{gettext(A_CATEGORY)}."))
    for line, is_least_above_most in database.rows(sql.broken_rules(columns), [MAX_FAULTS]):
        column, detail = ("step", STEP_MISSES)
        if is_least_above_most:
            column, detail = ("max_per_order", MOST_BELOW_LEAST)
        faults.append(RowFault(line, column, "out_of_range", gettext(detail)))
    return faults


class ChangedRow(NamedTuple):
    """A line that would change something. `values` are the former text and that of now for each
    column that differs, cut to SHOWN_CHARACTERS; the former is None for a new product."""

    line: int
    sku: str
    is_known: bool
    is_restored: bool
    values: Mapping[str, tuple[str | None, str | None]]


class Changes(NamedTuple):
    """What the staged file would change: numbers of products, and the first MAX_SHOWN_CHANGES
    lines. `fingerprint` differs if the products differ that it was compared with."""

    created: int
    changed: int
    restored: int
    lines: int
    fingerprint: str
    rows: Sequence[ChangedRow]


SHOWN_CHARACTERS = 200


def preview(columns: Sequence[str]) -> Changes:
    """Returns what the staged file would change. Assumes the block of `staged`."""
    # First: a change between the statements makes the fingerprint outdated, not the list.
    ((created, changed, restored, lines, fingerprint),) = database.rows(
        sql.preview_summary(columns)
    )
    names, listed = sql.previewed_fields(columns), [SHOWN_CHARACTERS, MAX_SHOWN_CHANGES]
    rows = [
        ChangedRow(line, sku, is_known, is_restored, _different(names, values))
        for line, sku, is_known, is_restored, *values in database.rows(
            sql.preview_changes(columns), listed
        )
    ]
    return Changes(created, changed, restored, lines, fingerprint or "", rows)


def _different(
    names: Sequence[str], values: Sequence[Any]
) -> dict[str, tuple[str | None, str | None]]:
    each = zip(names, values[::3], values[1::3], values[2::3], strict=True)
    return {name: (former, present) for name, differs, former, present in each if differs}


def archived_products() -> dict[int, datetime]:
    """Returns the archived products of the file that it puts on sale again, by id, with the time
    since when."""
    return dict(database.rows(sql.ARCHIVED))


def revive(archived: Mapping[int, datetime], *, now: datetime) -> None:
    """Puts archived products on sale again. Assumes that their stock rows are locked. Each
    statement handles one part: the server's role has ten seconds for a statement."""
    rest = iter(archived.items())
    while part := list(islice(rest, PART)):
        database.execute(sql.REVIVE, [now, [product for product, _ in part]])
        audit.record_all([_revived(*row) for row in part])


def _revived(product: int, since: datetime) -> audit.Entry:
    return audit.Entry(
        product_name(product), "restore", {"archived_at": since}, {"archived_at": None}
    )


def store(
    columns: Sequence[str], *, now: datetime, on_rows: OnRows
) -> Iterator[list[WrittenProduct]]:
    """Stores the staged rows in parts. Yields the products that each part added or changed."""
    statement, stored = sql.upsert(columns), sql.stored_columns(columns)
    for first, last, rows in database.rows(sql.PARTS, [PART]):
        found = [
            (WrittenProduct(*row[:3]), row[3:])
            for row in database.rows(statement, [now, first, last])
        ]
        if audit.current() is not None:
            entries = (_entry(one, stored, values) for one, values in found)
            audit.record_all([entry for entry in entries if entry is not None])
        yield [one for one, _ in found]
        on_rows(rows)
