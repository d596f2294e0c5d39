"""Moves stock: locks its rows, and contains the only writer of stock and ledger. Orders write what
they hold with themselves (larder/orders/sql/writes.py).

The lock of a stock row guards the held lines of its product: units that pending orders hold until
an exact time. Expired ones are released by the next service that locks the row, so no worker is
needed for that. The database's clock decides, read in a statement after the lock. A confirmation
locks the lines of its order instead: it need not wait for stock that it does not change.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db import transaction
from msgspec import Struct
from msgspec.structs import asdict

from larder.core.ids import SYSTEM_ACTOR
from larder.core.limits import MAX_STOCK
from larder.core.waits import Turns
from larder.db import database
from larder.inventory import sql
from larder.inventory.errors import StockLimitExceeded

OPENING = "opening"
CAUSES = frozenset(
    {
        *(OPENING, "order", "hold", "release", "change", "cancel", "pack", "missing"),
        *("ship", "unship", "return"),
    }
)
"""The causes of movements other than adjustments. The reason of an adjustment cannot be one."""


class Balance(NamedTuple):
    """The units of one product, read under the lock."""

    available: int
    committed: int


class Movement(Struct, frozen=True):
    """A ledger entry to be written: units of a product, and the cause."""

    product: int
    available: int
    committed: int
    cause: str
    reference: str
    actor: UUID


class DueLine(Struct, frozen=True):
    """A held line that has expired, and the time of the database's clock."""

    id: int
    product: int
    event: UUID
    quantity: int
    now: datetime


MOVING_WAIT = 1.0
"""Seconds that a transaction that moves stock outside of a batch waits for a lock."""


_of_customers, _of_staff = Turns(2, 8), Turns(2, 16)
"""Transactions of a process that move stock outside of a batch: two of customers, and two of staff.
Those that wait leave threads to other requests. Orders of stock that stays locked wait with three
more of the process's eight connections. The last one is for all other requests."""


@contextmanager
def moving_stock(*, by_staff: bool) -> Iterator[None]:
    """Runs the block in a transaction that may lock stock, and in a pipeline. Few run at once in a
    process: other requests find free connections while a row stays locked.

    Raises Overloaded; OperationalError (SQLSTATE 55P03) after MOVING_WAIT for a lock.
    """
    turns = _of_staff if by_staff else _of_customers
    with turns.turn(), transaction.atomic(durable=True), database.pipeline():
        database.limit_lock_wait(MOVING_WAIT)
        yield


def lock(products: Iterable[int]) -> dict[int, Balance]:
    """Locks the stock rows in the order of product ids until the transaction ends. Returns the
    balances of known products. Writes the release of units whose hold has expired."""
    return submit_lock(products)()


def submit_lock(
    products: Iterable[int], *, skip_locked: bool = False
) -> Callable[[], dict[int, Balance]]:
    """Submits the statement of `lock`, and returns a function that reads its result; with
    `skip_locked`, without rows that another transaction has locked."""
    reading = database.submit(sql.LOCK_FREE if skip_locked else sql.LOCK, [list(products)])
    return lambda: _released(reading())


def lock_free(products: Iterable[int]) -> dict[int, Balance]:
    """Does what `lock` does, without rows that another transaction has locked."""
    return submit_lock(products, skip_locked=True)()


def _released(rows: Sequence[Sequence[Any]]) -> dict[int, Balance]:
    """Returns the balances of locked rows after the release of what has expired."""
    balances = {row[0]: Balance(row[1], row[2]) for row in rows}
    expired = [row[0] for row in rows if row[3]]
    if expired:
        _release_due(expired, balances)
    return balances


def _release_due(products: Sequence[int], balances: dict[int, Balance]) -> None:
    """Releases the expired lines of locked products, and adds their units to `balances`."""
    due = find_due(products)
    movements = [
        Movement(
            line.product, line.quantity, -line.quantity, "release", str(line.event), SYSTEM_ACTOR
        )
        for line in due
    ]
    if due:
        move(movements, balances, now=due[0].now)
    mark_released(due, products)
    for line in due:
        available, committed = balances[line.product]
        balances[line.product] = Balance(available + line.quantity, committed - line.quantity)


def find_due(products: Collection[int]) -> list[DueLine]:
    """Returns the lines of locked products that have expired and are not released, by expiry."""
    return [DueLine(*row) for row in database.rows(sql.DUE, [list(products)])]


def mark_released(due: Sequence[DueLine], products: Collection[int]) -> None:
    """Marks lines of locked products as released, and finds the next expiry of these products."""
    now, lines = due[0].now if due else None, [line.id for line in due]
    parameters = {"now": now, "lines": lines, "products": list(products)}
    database.execute(sql.RELEASE, parameters)


def move(
    movements: Sequence[Movement],
    balances: Mapping[int, Balance],
    *,
    now: datetime,
    expiries: Mapping[int, datetime] = {},
) -> None:
    """Writes movements of locked products in their order, with their ledger entries. `balances` is
    the result of `lock`. `expiries` are the earliest ones of the moved units that orders hold."""
    if not movements:
        return
    after = dict(balances)
    entries = []
    for movement in movements:
        available, committed = after[movement.product]
        balance = Balance(available + movement.available, committed + movement.committed)
        after[movement.product] = balance
        units = {"available_after": balance.available, "committed_after": balance.committed}
        entries.append(asdict(movement) | units)
    expiring = {product: {"expires_at": expiry} for product, expiry in expiries.items()}
    stock = [
        {"product_id": product, **after[product]._asdict(), **expiring.get(product, {})}
        for product in dict.fromkeys(movement.product for movement in movements)
    ]
    statement = sql.MOVE_AND_HOLD if expiries else sql.MOVE
    database.execute(statement, [_json(stock), now, _json(entries)])


def _json(rows: Sequence[Any]) -> str:
    return msgspec.json.encode(rows).decode()


def submit_clock() -> Callable[[], datetime]:
    """Submits a statement that reads the database's clock, and returns a function that returns the
    time: after `submit_lock` one under the locks."""
    reading = database.submit(sql.CLOCK)
    return lambda: reading()[0][0]


HeldByOrder = dict[UUID, dict[int, int]]
"""The units that each order holds, by product."""


def held_by(orders: Collection[UUID]) -> HeldByOrder:
    """Returns the units that each order holds, by product, without released lines. Assumes that
    their stock is locked."""
    held: HeldByOrder = {order: {} for order in orders}
    for order, product, quantity, is_held in database.rows(sql.HELD, [list(orders)]):
        if is_held:
            held[order][product] = quantity
    return held


def refuse_too_many(movements: Sequence[Movement], balances: Mapping[int, Balance]) -> None:
    """Raises StockLimitExceeded if returned units exceed the limit. Assumes one movement for each
    product."""
    changes = {move.product: Balance(move.available, move.committed) for move in movements}
    if lines := without_room(changes, balances):
        raise StockLimitExceeded(lines)


def without_room(
    changes: Mapping[int, Balance], balances: Mapping[int, Balance]
) -> list[dict[str, Any]]:
    """Returns the products that would have more than MAX_STOCK units, as lines of the error.
    Committed units count: a cancellation always has room."""
    return [
        {
            "code": StockLimitExceeded.code,
            "product": product,
            "available": balances[product].available,
            "limit": MAX_STOCK,
        }
        for product, change in changes.items()
        if sum(change) > 0 and sum(balances[product]) + sum(change) > MAX_STOCK
    ]


def open_stock(quantities: Mapping[int, int], *, actor: UUID, now: datetime) -> None:
    """Writes the opening stock of new products, by product id."""
    stocked = {product: units for product, units in quantities.items() if units}
    movements = [
        Movement(product, units, 0, OPENING, str(product), actor)
        for product, units in stocked.items()
    ]
    move(movements, lock(stocked), now=now)
