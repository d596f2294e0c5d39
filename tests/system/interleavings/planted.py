"""Planted bugs: each removes exactly one guard, and names the scenario whose schedules show it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from django.db.models import QuerySet

from larder.db import database
from larder.inventory import sql as stock_sql
from larder.inventory.services import adjustments, movements
from larder.inventory.services.movements import Balance, DueLine
from larder.orders.models import Order
from larder.orders.services import (
    confirm_order,
    expire_holds,
    payments,
    transitions,
)
from larder.orders.sql import payments as payments_sql
from larder.orders.sql import writes
from tests.system.interleavings import scenarios
from tests.system.interleavings.exploring import Play
from tests.system.interleavings.shop import Shop


@dataclass(frozen=True, slots=True)
class Bug:
    """What replaces the guard `name` of `where`."""

    what: str
    scenario: Callable[[Shop], Play]
    where: Any
    name: str
    instead: object


def _submit_find(id: UUID) -> Callable[[], Order | None]:
    return lambda: Order.objects.filter(id=id).first()


def _find_one(id: UUID) -> Order | None:
    return _submit_find(id)()


_due = expire_holds._due


class _NotLocking(QuerySet[Order]):
    def select_for_update(self, *_: Any, **__: Any) -> Self:
        """Locks nothing."""
        return self.all()


def _find_due() -> QuerySet[Order]:
    return _NotLocking(Order, query=_due().query)


def _read(products: Iterable[int]) -> dict[int, Balance]:
    """Reads stock without a lock."""
    rows = database.rows(stock_sql.LOCK.replace("FOR NO KEY UPDATE", ""), [list(products)])
    return {row[0]: Balance(row[1], row[2]) for row in rows}


def _lock_alone(missing: Mapping[int, int]) -> Mapping[int, Balance]:
    return movements.lock(missing) if missing else {}


def _note_nothing(due: Sequence[DueLine]) -> None:
    """Notes no release."""


BUGS = (
    Bug(
        "a move does not lock the order",
        scenarios.confirmation_and_cancellation,
        *(transitions, "submit_lock", _submit_find),
    ),
    Bug(
        "the job does not lock the orders",
        scenarios.expiry_and_confirmation,
        *(expire_holds, "_due", _find_due),
    ),
    Bug(
        "a payment does not lock the order",
        scenarios.capture_and_cancellation,
        *(payments, "lock_order", _find_one),
    ),
    Bug(
        "stock is not locked",
        scenarios.expiry_and_count,
        *(stock_sql, "LOCK", stock_sql.LOCK.replace("FOR NO KEY UPDATE", "")),
    ),
    Bug(
        "a count reads stock without a lock",
        scenarios.expiry_and_count,
        *(adjustments, "lock", _read),
    ),
    Bug(
        "released lines are released again",
        scenarios.expiry_and_order_beside_a_hold,
        *(stock_sql, "DUE", stock_sql.DUE.replace("AND released_at IS NULL", "")),
    ),
    Bug(
        "a release is not noted",
        scenarios.expiry_and_order_beside_a_hold,
        *(movements, "mark_released", _note_nothing),
    ),
    Bug(
        "a confirmation counts released units as held",
        scenarios.confirmation_and_order_of_one_product,
        *(writes, "HELD_ORDERS", writes.HELD_ORDERS.replace("released_at IS NULL", "true")),
    ),
    Bug(
        "a confirmation does not lock its held lines",
        scenarios.confirmation_and_order,
        *(writes, "HELD_ORDERS", writes.HELD_ORDERS.replace("= page.id FOR UPDATE", "= page.id")),
    ),
    Bug(
        "a release does not see that an order is confirmed",
        scenarios.confirmation_and_order,
        *(stock_sql, "DUE", stock_sql.DUE.replace("FOR UPDATE SKIP LOCKED", "")),
    ),
    Bug(
        "a confirmation takes units that others have",
        scenarios.confirmation_and_order,
        *(confirm_order, "_lock", _lock_alone),
    ),
    Bug(
        "unpaid units are summed without the lock of the customer",
        scenarios.two_orders_of_a_customer,
        *(writes, "LOCK_CUSTOMERS", "SELECT %s::bigint[]"),
    ),
    Bug(
        "a payment does not lock its intent",
        scenarios.capture_and_early_refund,
        *(payments_sql, "LOCK_PAYMENT", "SELECT length(%s::text)"),
    ),
)
