"""What moves stock: the lock of its rows, and the one writer of stock and ledger."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from msgspec import Struct

from larder.core.limits import MAX_STOCK
from larder.db import database
from larder.inventory import sql
from larder.inventory.errors import StockLimitExceeded

OPENING = "opening"
CAUSES = frozenset({OPENING, "order", "change", "cancel", "pack", "missing", "ship", "return"})
"""What moves stock beside adjustments; no adjustment's reason may be one of these."""


class Balance(NamedTuple):
    """Units of one product, as they stand under the lock."""

    available: int
    committed: int


class Movement(Struct, frozen=True):
    """One entry of the ledger to be: units of a product, and why."""

    product: int
    available: int
    committed: int
    cause: str
    reference: str
    actor: UUID


def lock(products: Iterable[int]) -> dict[int, Balance]:
    """Locks the stock rows in product order and reads them. Unknown products are not in it.

    Must run in a transaction; the locks last until it ends.
    """
    return ask_lock(products)()


def ask_lock(products: Iterable[int]) -> Callable[[], dict[int, Balance]]:
    """As `lock`, to be read later in a pipeline: what is asked for after it is seen under it."""
    reading = database.ask(sql.LOCK, [list(products)])
    return lambda: {row[0]: Balance(row[1], row[2]) for row in reading()}


def move(movements: Sequence[Movement], balances: Mapping[int, Balance], *, now: datetime) -> None:
    """Writes movements of locked products, one after the other, with the ledger that explains
    them. `balances` is what `lock` returned in this transaction."""
    if not movements:
        return
    after = dict(balances)
    entries = []
    for one in movements:
        before = after[one.product]
        now_there = Balance(before.available + one.available, before.committed + one.committed)
        after[one.product] = now_there
        entries.append((one, now_there))
    parameters = [*_stock_columns(entries, after), now, *_ledger_columns(entries)]
    database.execute(sql.MOVE, parameters)


def refuse_too_many(movements: Sequence[Movement], balances: Mapping[int, Balance]) -> None:
    """Units that come back may find no room, because others came in meanwhile.

    Raises StockLimitExceeded, which names every such product. One movement a product.
    """
    told = without_room({one.product: one.available for one in movements}, balances)
    if told:
        raise StockLimitExceeded(told)


def without_room(
    changes: Mapping[int, int], balances: Mapping[int, Balance]
) -> list[dict[str, Any]]:
    """The products of which more would be available than can be, as a refusal names them."""
    return [
        {
            "code": StockLimitExceeded.code,
            "product": product,
            "available": balances[product].available,
            "limit": MAX_STOCK,
        }
        for product, change in changes.items()
        if balances[product].available + change > MAX_STOCK
    ]


def _stock_columns(
    entries: Sequence[tuple[Movement, Balance]], after: Mapping[int, Balance]
) -> list[list[int]]:
    products = list({one.product for one, _ in entries})
    return [
        products,
        [after[product].available for product in products],
        [after[product].committed for product in products],
    ]


def _ledger_columns(entries: Sequence[tuple[Movement, Balance]]) -> list[list[object]]:
    return [
        [one.product for one, _ in entries],
        [one.available for one, _ in entries],
        [one.committed for one, _ in entries],
        [balance.available for _, balance in entries],
        [balance.committed for _, balance in entries],
        [one.cause for one, _ in entries],
        [one.reference for one, _ in entries],
        [one.actor for one, _ in entries],
    ]


def open_stock(quantities: Mapping[int, int], *, actor: UUID, now: datetime) -> None:
    """Books the opening stock of new products, by product id."""
    stocked = {product: units for product, units in quantities.items() if units}
    movements = [
        Movement(product, units, 0, OPENING, str(product), actor)
        for product, units in stocked.items()
    ]
    move(movements, lock(stocked), now=now)
