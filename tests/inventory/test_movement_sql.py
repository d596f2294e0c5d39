"""The hand-written SQL of movements reads and writes the same rows as the ORM."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from larder.db import database
from larder.inventory import queries, sql
from larder.inventory.models import LedgerEntry, Stock
from larder.inventory.services import movements
from larder.inventory.services.movements import Balance, Movement

within_a_test = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


# --- LOCK ----------------------------------------------------------------------------------
@pytest.mark.parametrize("asked", [[], [2, 1, 0], [0, 0, 2], [1, 10**12], [-1]])
def test_lock_reads_the_rows_of_the_orm_in_order_of_products(
    product: Callable[..., int], asked: list[int]
) -> None:
    products = [product(stock=units) for units in (3, 0, 7)]
    past, future = datetime.now(UTC) - timedelta(seconds=1), datetime.now(UTC) + timedelta(hours=1)
    for id, expiry in zip(products, (None, past, future), strict=True):
        Stock.objects.filter(product_id=id).update(next_expiry=expiry)
    ids = [products[place] if 0 <= place < 3 else place for place in asked]
    plain = Stock.objects.select_for_update().filter(product_id__in=ids).order_by("product_id")
    rows = plain.values_list("product_id", "available", "committed", "next_expiry")
    expected = [(*row[:3], row[3] == past) for row in rows]
    assert database.rows(sql.LOCK, [ids]) == expected
    assert movements.lock(ids) == {id: Balance(*units) for id, *units, _ in expected}
    assert list(movements.lock(ids)) == sorted(set(ids) & set(products))


def test_lock_sorts_rows_before_it_locks_them(product: Callable[..., int]) -> None:
    lines = [row[0] for row in database.rows(f"EXPLAIN {sql.LOCK}", [[product(), product()]])]
    # The clock is read here, after LockRows has returned the row.
    assert lines[0].startswith("Subquery Scan")
    assert lines[1].startswith("  ->  LockRows")
    (below,) = [line for line in lines if line.startswith("        ->")]
    assert "Sort" in below or "Index Scan using stock_pkey" in below


# --- MOVE ----------------------------------------------------------------------------------
changes = st.tuples(st.integers(0, 2), st.integers(-5, 9), st.integers(-5, 9))


def by_hand(movements: Sequence[Movement], now: datetime) -> None:
    """Movements through the ORM, one row after the other."""
    for move in movements:
        stock = Stock.objects.select_for_update().get(pk=move.product)
        stock.available += move.available
        stock.committed += move.committed
        stock.save()
        LedgerEntry.objects.create(
            product=stock,
            available_change=move.available,
            committed_change=move.committed,
            available_after=stock.available,
            committed_after=stock.committed,
            cause=move.cause,
            reference=move.reference,
            actor=move.actor,
            at=now,
        )


def written(products: Sequence[int]) -> tuple[list[Any], list[Any]]:
    """Returns stock and ledger without the ids, which differ between two runs."""
    stock = Stock.objects.filter(pk__in=products).order_by("pk")
    entries = LedgerEntry.objects.filter(product_id__in=products).order_by("id")
    columns = [f.attname for f in LedgerEntry._meta.concrete_fields if f.name != "id"]
    return list(stock.values()), list(entries.values(*columns))


def forgotten(run: Callable[[], object], products: Sequence[int]) -> tuple[list[Any], list[Any]]:
    """What `run` writes; it is rolled back."""
    with transaction.atomic():
        run()
        rows = written(products)
        transaction.set_rollback(True)
    return rows


@within_a_test
@given(asked=st.lists(changes, max_size=8))
def test_move_writes_what_the_orm_would(
    stocked: list[int], now: datetime, asked: list[tuple[int, int, int]]
) -> None:
    actor = UUID(int=7)
    moved = [
        Movement(stocked[at], available, committed, "correction", f"r{number}", actor)
        for number, (at, available, committed) in enumerate(asked)
    ]
    expected = forgotten(lambda: by_hand(moved, now), stocked)
    rows = forgotten(lambda: movements.move(moved, movements.lock(stocked), now=now), stocked)
    assert rows == expected


@pytest.fixture
def stocked(product: Callable[..., int], now: datetime) -> list[int]:
    """Three products with 100 available and 100 committed each."""
    ids = [product(stock=0) for _ in range(3)]
    Stock.objects.filter(pk__in=ids).update(available=100, committed=100)
    return ids


# --- the ledger through the ORM queries ----------------------------------------------------
def test_a_ledger_is_read_backwards_from_the_end_of_the_last_page(
    product: Callable[..., int], now: datetime
) -> None:
    jam = product(stock=5)
    for number in range(5):
        movement = Movement(jam, 1, 0, "received", f"r{number}", uuid4())
        movements.move([movement], movements.lock([jam]), now=now + timedelta(seconds=number))
    whole = queries.ledger(jam, before=None, limit=100)
    assert [entry.balance for entry in whole] == [10, 9, 8, 7, 6, 5]
    assert queries.ledger(jam, before=whole[1].id, limit=2) == whole[2:4]
