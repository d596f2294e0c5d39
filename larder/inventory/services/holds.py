"""The held lines of pending orders: units that are released at an exact time.

The lock of the stock row guards the lines of a product. Units are released by the next service that
locks the row (movements.py: lock), so no worker is needed for that. The database's clock decides,
read in a statement after the lock.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from larder.db import database
from larder.inventory import sql


class HeldUnits(Struct, frozen=True):
    """Units of a product that an order holds until `expires_at`. `event` held them."""

    order: UUID
    product: int
    event: UUID
    quantity: int
    expires_at: datetime


class DueLine(Struct, frozen=True):
    """A held line that has expired, and the time of the database's clock."""

    id: int
    product: int
    event: UUID
    quantity: int
    now: datetime


def submit_clock() -> Callable[[], datetime]:
    """Submits a statement that reads the database's clock, and returns a function that returns the
    time. Submitted after `submit_lock`, it is a time under the locks."""
    reading = database.submit(sql.CLOCK)
    return lambda: reading()[0][0]


def find_due(products: Collection[int]) -> list[DueLine]:
    """Returns the lines of locked products that have expired and are not released, by expiry."""
    return [DueLine(*row) for row in database.rows(sql.DUE, [list(products)])]


def mark_released(due: Sequence[DueLine]) -> None:
    """Marks lines of locked products as released."""
    ids, products = [line.id for line in due], list({line.product for line in due})
    database.execute(sql.RELEASE, [due[0].now, ids, ids, products])


HeldByOrder = dict[UUID, dict[int, int]]
"""The units that each order holds, by product."""


def submit_held(orders: Collection[UUID]) -> Callable[[], HeldByOrder]:
    """Submits a statement, and returns a function that returns the units that each order holds, by
    product. Released lines are not among them. Assumes that their stock is locked."""
    reading = database.submit(sql.HELD, [list(orders)])

    def read() -> HeldByOrder:
        held: HeldByOrder = {order: {} for order in orders}
        for order, product, quantity, is_held in reading():
            if is_held:
                held[order][product] = quantity
        return held

    return read


def end(orders: Collection[UUID]) -> None:
    """Deletes the lines of orders that do not hold units any more. Assumes that the stock of lines
    that are not released is locked."""
    if orders:
        ids = list(orders)
        database.execute(sql.END_HOLDS, [ids, ids])
