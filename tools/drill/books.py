"""What the database holds of a drill, read table by table. Nothing of the server's code is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg

from tools.drill.shop import Stage


@dataclass(frozen=True, slots=True)
class Order:
    """An order that was placed; `units` by product."""

    id: str
    reference: str
    customer: str
    status: str
    total: Decimal
    units: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Units of a product: as its stock row has them, and as the sums of its ledger have."""

    available: int
    committed: int
    available_summed: int
    committed_summed: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """Units that the ledger says were received, and the adjustment that says so."""

    id: str
    product: int
    units: int


@dataclass(frozen=True)
class Books:
    """Everything of a drill's products and customers."""

    orders: Sequence[Order]
    shelves: Mapping[int, Shelf]
    receipts: Sequence[Receipt]


_ORDERS = """
SELECT o.id::text, o.reference, c.username, o.status, o.total, jsonb_object_agg(l.product_id, l.quantity)
FROM orders."order" o
JOIN identity.customer c ON c.id = o.customer_id
JOIN orders.order_line l ON l.order_id = o.id
WHERE o.placed_at IS NOT NULL
  AND (c.username = ANY(%(people)s) OR o.id IN
       (SELECT order_id FROM orders.order_line WHERE product_id = ANY(%(products)s)))
GROUP BY o.id, c.username
"""  # noqa: E501
_SHELVES = """
SELECT s.product_id, s.available, s.committed,
       sum(e.available_change)::bigint, sum(e.committed_change)::bigint
FROM inventory.stock s JOIN inventory.ledger_entry e ON e.product_id = s.product_id
WHERE s.product_id = ANY(%(products)s) GROUP BY s.product_id
"""
_RECEIPTS = """
SELECT reference, product_id, available_change FROM inventory.ledger_entry
WHERE cause = 'received' AND product_id = ANY(%(products)s)
"""


def read(connection: psycopg.Connection, stage: Stage) -> Books:
    """Read them all, when everything is over; the role must be one that may."""
    asked = {
        "people": [one.username for one in stage.customers],
        "products": [one.id for one in stage.products],
    }
    orders = connection.execute(_ORDERS, asked).fetchall()
    shelves = connection.execute(_SHELVES, asked).fetchall()
    receipts = connection.execute(_RECEIPTS, asked).fetchall()
    return Books(
        [order(row) for row in orders],
        {product: Shelf(*row) for product, *row in shelves},
        [Receipt(*row) for row in receipts],
    )


def order(row: Sequence[Any]) -> Order:
    """Make an order of a row; JSON has only text for keys."""
    id, reference, customer, status, total, units = row
    counted = {int(product): number for product, number in units.items()}
    return Order(id, reference, customer, status, total, counted)
