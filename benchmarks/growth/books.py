"""The proof that the answers were right: what was acknowledged is what is in the tables."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg

from benchmarks.growth.shops import Shop

COUNT = """
SELECT (SELECT count(*) FROM orders."order"), (SELECT sum(available) FROM inventory.stock),
       (SELECT sum(quantity) FROM orders.order_line)
"""


@dataclass(frozen=True, slots=True)
class Books:
    """Orders, units on the shelves, units sold."""

    orders: int
    available: int
    sold: int


def look(shop: Shop) -> Books:
    """What the tables of a shop say now."""
    with psycopg.connect(shop.cluster.superuser_url(shop.extent.database)) as connection:
        row = connection.execute(COUNT).fetchone() or (0, 0, 0)
    return Books(*(int(value or 0) for value in row))


def faults(acknowledged: tuple[int, int], before: Books, after: Books) -> list[str]:
    """What is wrong, in sentences, when so many orders and units were acknowledged in between;
    nothing when the books balance."""
    orders, units = acknowledged
    pairs = [
        ("orders were acknowledged, written were", orders, after.orders - before.orders),
        ("units were acknowledged, sold were", units, after.sold - before.sold),
        ("units were acknowledged, taken were", units, before.available - after.available),
    ]
    return [f"{one} {what} {other}" for what, one, other in pairs if one != other]
