"""The SDK on phones behind a hostile network, killed at any moment: apps and books agree."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from larder.local.terminal import LauncherError, say
from tools.http_client import Client
from tools.proof.site import CHECKOUT, Kit

SESSIONS, FULL, PHONES = 60, 1_000, 40
SCARCE, PLENTY = 3, 5_000
MOST_SECONDS = 3600
ORDERS = """
SELECT id::text, customer_id, total, reference FROM orders."order"
WHERE id IN (SELECT order_id FROM orders.order_line WHERE product_id = ANY(%s))
"""
LEFT = """
SELECT product_id, available, coalesce(sum(quantity), 0)::bigint
FROM inventory.stock
LEFT JOIN (orders.order_line JOIN orders."order"
           ON "order".id = order_id) USING (product_id)
WHERE product_id = ANY(%s)
GROUP BY product_id, available
"""
"""Product, units available, units in orders."""


def play(kit: Kit) -> None:
    """Run the phones in node.js, and compare what their apps show with the books."""
    if not shutil.which("node"):
        raise LauncherError("node.js is needed to run the SDK, and is not installed.")
    client = Client(0, url=kit.site.urls[0])
    for number, units in enumerate((SCARCE,) * 6 + (PLENTY,) * 6):
        kit.fleet.add_product(client, f"{kit.fleet.name}-{number}", Decimal("1.50"), units)
    stock = {product: units for product, (_, units) in kit.fleet.products.items()}
    kit.fleet.products.clear()
    shown = run(kit, list(stock))
    received = {int(product): units for product, units in shown["received"].items()}
    kit.faults += order_faults(shown["phones"], kit.site.sql(ORDERS, [list(stock)]))
    for product, available, sold in kit.site.sql(LEFT, [list(stock)]):
        if available != stock[product] + received.get(product, 0) - sold:
            kit.faults.append(f"Product {product}: {sold} sold, {available} left.")
    counts = shown["counts"]
    say(f"{counts['sessions']} starts, {counts['kills']} kills, {counts['faults']} network faults")


def run(kit: Kit, products: list[int]) -> Any:
    """Run the phones; return what they show at the end. Raises LauncherError."""
    sessions = FULL if kit.full else SESSIONS
    numbers = [sessions, PHONES, kit.random.randrange(1_000_000), ",".join(map(str, products))]
    account = kit.fleet.staff
    command = subprocess.run(
        ["node", "tests/phones.js", *map(str, numbers)],
        cwd=CHECKOUT / "clients" / "typescript",
        env=os.environ
        | {
            "LARDER_URL": kit.site.urls[0],
            "LARDER_STAFF": f"{account.username}:{account.password}",
        },
        capture_output=True,
        text=True,
        timeout=MOST_SECONDS,
        check=False,
    )
    if command.returncode:
        raise LauncherError(f"The phones failed.\n{command.stderr[-3000:]}")
    return json.loads(command.stdout)


def order_faults(phones: list[Any], rows: list[tuple[Any, ...]]) -> Iterator[str]:
    """Yield each difference between what the apps show and the books."""
    books = {id: (customer, total) for id, customer, total, _ in rows}
    placed = set()
    for phone in phones:
        account = phone["account"]
        yield from phone["contradictions"]
        for order in phone["orders"]:
            id, state = order["id"], order["state"]
            if state in {"waiting", "giving_up"}:
                yield f"Order {id} is undecided."
            elif state == "placed":
                placed.add(id)
                if books.get(id) != (account, Decimal(str(order["total"]))):
                    yield f"Order {id} is shown as {order}; the books have {books.get(id)}."
            elif id in books:
                yield f"Order {id} is shown as {state} and is in the books."
        own = {id for id, (customer, _) in books.items() if customer == account}
        if own != {order["id"] for order in phone["history"]}:
            yield f"The history of account {account} has other orders than the books."
    yield from (f"Order {id} is shown by no app." for id in books.keys() - placed)
    references = Counter(reference for *_, reference in rows)
    yield from (f"{draft} was placed {n} times." for draft, n in references.items() if n > 1)
