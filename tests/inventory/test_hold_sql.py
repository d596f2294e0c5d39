"""MOVE_AND_HOLD, DUE, RELEASE and HELD read and write the same rows as the ORM."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.db.models import F, Min
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from larder.db import database
from larder.inventory import sql
from larder.inventory.models import HeldLine, Stock
from larder.inventory.services import movements
from larder.inventory.services.movements import Balance, DueLine, Movement

ORDERS = [UUID(int=number) for number in range(1, 5)]
PAST, FUTURE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2126, 1, 1, tzinfo=UTC)
Line = tuple[int, int, int, int]
Units = Sequence[dict[str, Any]]

# An order has at most one line of a product.
lines = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(1, 9), st.integers(-3, 3)),
    unique_by=lambda line: line[:2],
    max_size=8,
)
within_a_test = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def products(product: Callable[..., int]) -> list[int]:
    return [product(stock=100) for _ in range(3)]


def _units(products: Sequence[int], asked: Sequence[Line]) -> Units:
    """Held lines. Negative days are in the past, so that these lines are due."""
    names = ("order", "product_id", "event", "quantity", "expires_at")
    return [
        dict(zip(names, (ORDERS[order], products[at], UUID(int=100 + order), n, day), strict=True))
        for order, at, n, days in asked
        for day in [(PAST if days < 0 else FUTURE) + timedelta(days=days)]
    ]


def _hold_through_the_orm(units: Units) -> None:
    HeldLine.objects.bulk_create([HeldLine(**line) for line in units])
    _set_next_expiry({held["product_id"] for held in units})


def _set_next_expiry(products: set[int]) -> None:
    for product in products:
        open_lines = HeldLine.objects.filter(product_id=product, released_at__isnull=True)
        soonest = open_lines.aggregate(at=Min("expires_at"))["at"]
        Stock.objects.filter(pk=product).update(next_expiry=soonest)


def _rows() -> tuple[list[Any], list[Any]]:
    """Returns held lines and stock without the ids of the lines, which differ between two runs."""
    columns = [field.attname for field in HeldLine._meta.concrete_fields if field.name != "id"]
    held = HeldLine.objects.order_by("order", "product_id").values(*columns)
    return list(held), list(Stock.objects.order_by("pk").values())


def _written(run: Callable[[], object], before: Units = ()) -> tuple[list[Any], ...]:
    """Returns the rows after `run`, which finds the lines of `before`; then it is rolled back."""
    with transaction.atomic():
        _hold_through_the_orm(before)
        run()
        rows = _rows()
        transaction.set_rollback(True)
    return rows


@within_a_test
@given(asked=lines, before=lines)
def test_a_move_of_held_units_writes_what_the_orm_would(
    products: list[int], asked: list[Line], before: list[Line]
) -> None:
    taken = {line[:2] for line in before}
    units = _units(products, [line for line in asked if line[:2] not in taken])
    earlier = _units(products, before)
    moves = [
        Movement(id, -quantity, quantity, "hold", str(order), event)
        for order, id, event, quantity, _ in (line.values() for line in units)
    ]

    def through_the_orm() -> None:
        _hold_through_the_orm(units)
        for move in moves:
            changes = {"available": F("available") + move.available}
            changes["committed"] = F("committed") + move.committed
            Stock.objects.filter(pk=move.product).update(**changes)

    def by_hand() -> None:
        rows = Stock.objects.values_list("pk", "available", "committed")
        balances = {product: Balance(*of) for product, *of in rows}
        latest = sorted(units, key=lambda line: line["expires_at"], reverse=True)
        expiries = {line["product_id"]: line["expires_at"] for line in latest}
        movements.move(moves, balances, now=PAST, expiries=expiries)
        HeldLine.objects.bulk_create([HeldLine(**line) for line in units])

    assert _written(by_hand, earlier) == _written(through_the_orm, earlier)


@within_a_test
@given(asked=lines, of=st.sets(st.integers(0, 2)))
def test_due_lines_are_those_of_the_orm(
    products: list[int], asked: list[Line], of: set[int]
) -> None:
    chosen = [products[at] for at in of]
    with transaction.atomic():
        _hold_through_the_orm(_units(products, asked))
        HeldLine.objects.filter(order=ORDERS[0]).update(released_at=PAST)
        plain = HeldLine.objects.filter(
            product_id__in=chosen, released_at__isnull=True, expires_at__lte=datetime.now(UTC)
        )
        columns = ("id", "product", "event", "quantity")
        expected = list(plain.order_by("expires_at", "id").values_list(*columns))
        due = movements.find_due(chosen)
        transaction.set_rollback(True)
    assert [(line.id, line.product, line.event, line.quantity) for line in due] == expected


@within_a_test
@given(asked=lines)
def test_release_writes_what_the_orm_would(products: list[int], asked: list[Line]) -> None:
    units, now = _units(products, asked), datetime.now(UTC)

    def due() -> list[DueLine]:
        return [
            DueLine(row.pk, row.product_id, row.event, row.quantity, now)
            for row in HeldLine.objects.filter(expires_at__lte=now)
        ]

    def through_the_orm() -> None:
        released = due()
        for line in released:
            HeldLine.objects.filter(pk=line.id).update(released_at=now)
        _set_next_expiry({line.product for line in released})

    def through_sql() -> None:
        if released := due():
            movements.mark_released(released, {line.product for line in released})

    expected = _written(through_the_orm, units)
    assert _written(through_sql, units) == expected


@within_a_test
@given(asked=lines, of=st.sets(st.integers(0, 3)))
def test_held_units_are_those_of_the_orm(
    products: list[int], asked: list[Line], of: set[int]
) -> None:
    orders = [ORDERS[at] for at in of]
    with transaction.atomic():
        _hold_through_the_orm(_units(products, asked))
        HeldLine.objects.filter(product_id=products[0]).update(released_at=PAST)
        expected: dict[UUID, dict[int, int]] = {order: {} for order in orders}
        for row in HeldLine.objects.filter(order__in=orders, released_at__isnull=True):
            expected[row.order][row.product_id] = row.quantity
        units = movements.held_by(orders)
        transaction.set_rollback(True)
    assert units == expected


def test_due_lines_are_looked_up_in_their_index(products: list[int]) -> None:
    with transaction.atomic():
        database.execute("SET LOCAL enable_seqscan = off")
        plan = database.rows(f"EXPLAIN {sql.DUE}", [products])
    assert any("held_line_expiry" in line for (line,) in plan)


def test_units_of_orders_are_found_without_those_of_all_orders(products: list[int]) -> None:
    _hold_through_the_orm(_units(products, [(0, 0, 1, 1)]))
    plan = "\n".join(row[0] for row in database.rows(f"EXPLAIN {sql.HELD}", [ORDERS]))
    assert "held_line_once" in plan, plan
