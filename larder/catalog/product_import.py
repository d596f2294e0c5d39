"""Storing a file of products: into a temporary table, and from there in statements over sets.

Memory stays that of a part of the file, however long it is, and no statement takes longer than a
part does.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

from django.db import IntegrityError, connection, transaction

from larder.catalog import sql
from larder.catalog.product_rows import (
    FaultyFile,
    ProductFile,
    Row,
    RowFault,
    faulty_file,
)
from larder.catalog.services import MOST_BELOW_LEAST, STEP_MISSES
from larder.core.ids import new_id
from larder.core.limits import MAX_FAULTS
from larder.db import database

PART = 5_000
"""Rows that are copied, and stored, by one statement."""

Told = Callable[[int], None]
"""Is told how many rows were done since it was last told."""


class Written(NamedTuple):
    """A product that was added or changed. `quantity`: units of opening stock, if it is new."""

    id: int
    is_new: bool
    quantity: int


@contextmanager
def staged(file: ProductFile, *, told: Told) -> Iterator[int]:
    """Copies all rows into the temporary table, looks whether they can be stored, and runs the
    block, which stores them, with their number.

    Locks the products of the file that are there. Raises FaultyFile, with every fault of every
    row; also where the block violates a rule, because another transaction has added a product with
    a SKU of the file since. Must run in a transaction.
    """
    database.execute(sql.ONE_FILE)
    database.execute(sql.STAGE)
    rows, faults = _copy(file, told)
    database.execute(sql.LOOK_AT_STAGE)
    try:
        # A savepoint: the table is still there after a violation.
        with transaction.atomic():
            database.rows(sql.LOCK_CATEGORIES)
            database.rows(sql.LOCK_KNOWN)
            _refuse(faults + _faults_together(file.columns))
            yield rows
    except IntegrityError:
        _refuse(_faults_together(file.columns))
        raise


def _refuse(faults: Sequence[RowFault]) -> None:
    if faults:
        raise faulty_file(faults)


def _copy(file: ProductFile, told: Told) -> tuple[int, list[RowFault]]:
    staged, faults, part = 0, list[RowFault](), list[Row]()
    for row in _until_unreadable(file, faults):
        part.append(row)
        if len(part) == PART:
            staged += _copy_part(part, told)
            part = []
    return staged + _copy_part(part, told), faults


def _until_unreadable(file: ProductFile, faults: list[RowFault]) -> Iterator[Row]:
    """The rows that can be stored; faults are collected, up to those that are named."""
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


def _copy_part(part: Sequence[Row], told: Told) -> int:
    # What fails while a COPY is under way, Django would not turn into an error of its own.
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(sql.COPY) as copy,
    ):
        for row in part:
            copy.write_row((row.line, new_id(), *row.cells))
    told(len(part))
    return len(part)


def _faults_together(columns: Sequence[str]) -> list[RowFault]:
    """What is wrong with rows beside others, and beside what is there."""
    found = []
    for line, first in database.rows(sql.DUPLICATES, [MAX_FAULTS]):
        found.append(RowFault(line, "sku", "duplicate", f"Line {first} has this SKU too."))
    for (line,) in database.rows(sql.NO_CATEGORY, [MAX_FAULTS]):
        found.append(RowFault(line, "category", "unknown_category", "There is no such category."))
    for line, is_least_above_most in database.rows(sql.broken_rules(columns), [MAX_FAULTS]):
        column, detail = ("step", STEP_MISSES)
        if is_least_above_most:
            column, detail = ("max_per_order", MOST_BELOW_LEAST)
        found.append(RowFault(line, column, "out_of_range", detail))
    return found


def archived_ones() -> list[int]:
    """Products of the file that are archived, by id."""
    return [row[0] for row in database.rows(sql.ARCHIVED)]


def revive(products: Sequence[int], *, now: datetime) -> None:
    """Puts products on sale again, whose stock rows are locked. No statement takes longer than
    a part does: the server's role has ten seconds for one."""
    for begin in range(0, len(products), PART):
        database.execute(sql.REVIVE, [now, list(products[begin : begin + PART])])


def store(columns: Sequence[str], *, now: datetime, told: Told) -> Iterator[list[Written]]:
    """Stores the staged rows, part by part, and tells of each part what it changed."""
    statement = sql.upsert(columns)
    for first, last, rows in database.rows(sql.PARTS, [PART]):
        yield [Written(*row) for row in database.rows(statement, [now, now, first, last])]
        told(rows)
    database.execute(sql.UNSTAGE)
