"""Compares what the provider captured with the shop's orders, refunds due and stock."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg

GONE = frozenset({"cancelled", "expired"})


@dataclass(frozen=True)
class Order:
    """An order of the shop. `cost` is in pence."""

    status: str
    cost: int
    is_hold: bool


@dataclass(frozen=True)
class Books:
    """By id of an order: what the provider captured and what it still holds, the shop's orders, and
    its refunds due. By product: the units on the shelf, and those in orders that keep them."""

    captured: Counter[str]
    held: Mapping[str, int]
    orders: Mapping[str, Order]
    due: Mapping[str, int]
    shelves: Mapping[int, tuple[int, int]]
    kept: Mapping[int, int]


def money(file: Path) -> tuple[Counter[str], Counter[str]]:
    """Return what the provider captured, and what of it it did not pay back, by order."""
    captured: Counter[str] = Counter()
    held: Counter[str] = Counter()
    with sqlite3.connect(file) as database:
        for (body,) in database.execute("SELECT body FROM object WHERE id LIKE 'pi%'"):
            one = json.loads(body)
            order, received = one["metadata"]["larder_order"], one["amount_received"]
            captured[order] += received
            held[order] += received - one["amount_refunded"]
    return captured, held


def read(file: Path, url: str) -> Books:
    """Read both records, as the owner of the shop's tables."""
    captured, held = money(file)
    with psycopg.connect(url) as owner:
        orders = owner.execute(
            'SELECT id::text, status, (total * 100)::bigint, expires_at IS NOT NULL FROM "order"'
            " WHERE placed_at IS NOT NULL"
        )
        due = owner.execute("SELECT \"order\"::text, amount FROM refund_due WHERE currency = 'GBP'")
        kept = owner.execute(
            'SELECT product_id, sum(quantity) FROM order_line JOIN "order" ON "order".id = order_id'
            " WHERE status = 'placed' GROUP BY product_id"
        )
        stock = owner.execute("SELECT product_id, available, committed FROM stock")
        return Books(
            captured=captured,
            held=held,
            orders={id: Order(*rest) for id, *rest in orders},
            due=dict(due.fetchall()),
            shelves={id: (available, committed) for id, available, committed in stock},
            kept={id: int(units) for id, units in kept},
        )


def money_faults(books: Books) -> Iterator[tuple[str, str]]:
    """Yield the kind and the sentence of everything that is wrong with money."""
    for id in {*books.held, *books.orders, *books.due}:
        order, held, due = books.orders.get(id), books.held.get(id, 0), books.due.get(id, 0)
        cost = 0 if order is None or order.status in GONE else order.cost
        status = "missing" if order is None else order.status
        said = f"order {id} ({status}) costs {cost}, {held} is held and {due} due"
        if due < held - cost:
            yield "paid without an order or a refund due", said
        if due > max(0, held - cost):
            yield "refund due without a payment", said
        if order is not None and order.is_hold and status == "placed" and books.captured[id] < cost:
            yield "placed without a payment", said
        if status == "pending":
            yield "pending after its hold", said


def stock_faults(books: Books, opening: Mapping[int, int]) -> Iterator[tuple[str, str]]:
    """Yield likewise what is wrong with stock. `opening`: all units that there ever were."""
    for product, units in opening.items():
        available, committed = books.shelves[product]
        sold = books.kept.get(product, 0)
        if sold > units or available < 0:
            yield "oversold", f"product {product}: {sold} of {units} sold, {available} left"
        elif (available, committed) != (units - sold, sold):
            yield (
                "units lost",
                f"product {product}: {units} there, {sold} sold, books {available} + {committed}",
            )
